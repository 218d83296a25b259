"""The reactions that the bot gives."""

from __future__ import annotations

from bot.core.telegram.reactions import Reaction
from bot.sandbox.world import REACTIONS


def test_telegram_takes_them_of_bots() -> None:
    """All are on its list; it refuses others."""
    assert {reaction.value for reaction in Reaction} <= REACTIONS
