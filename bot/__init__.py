"""Telegram feedback bot: asks athletes about planned sessions and keeps every answer."""

__version__ = "1.0.0"
