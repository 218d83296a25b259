"""Faults against real processes: `python -m tests.faults`. What was tapped is compared with what is stored.

A case is `async def name(stage) -> Result` with `@case`; those of one family share a module.
"""
