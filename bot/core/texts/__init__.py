"""Every word that a person reads in Telegram, in every language. Plain text unless a docstring says HTML.

A module for each subject. `common` has what logs and the command line say, too, in English.
"""
