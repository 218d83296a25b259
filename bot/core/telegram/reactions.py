"""The reactions that the bot gives to what people write, in place of a message.

Telegram takes these emoji of bots: https://core.telegram.org/bots/api#reactiontypeemoji
"""

from __future__ import annotations

from enum import StrEnum


class Reaction(StrEnum):
    """What a reaction says."""

    NOTED = "✍"
    """It is kept as a note."""
    CHANGED = "👌"
    """The note that was edited is kept as it reads now."""
    PASSED_ON = "🕊"
    """It is on its way to whom it is for."""
    READ = "👀"
    """The coach has read it."""
