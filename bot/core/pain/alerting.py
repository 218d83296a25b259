"""Whether what an athlete says about pain must ring the coach's phone, or is put into what was told. Pure.

Pain is told at once. What is said within a minute belongs to the message that has just rung, and is put into
it; an edit rings nobody's phone, so what matters later, or is severe, comes as a message of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.pain.episodes import Spot

SEVERE = 7
"""From this level on it is told anew, whatever was told a moment ago."""
GATHERED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ToldPain:
    """What a message has told.

    Attributes:
        level: None: it was not said.
    """

    spot: Spot
    level: int | None


def rings(told: ToldPain, now: ToldPain, *, sent_at: datetime, at: datetime, is_seen: bool) -> bool:
    """Whether it takes a new message.

    Args:
        told: what the last message told when it rang.
        now: what is the case now.
        sent_at: when that message rang.
        at: when it was said.
        is_seen: whether somebody has read that message, and is not going to look at it again.
    """
    level, before = now.level or 0, told.level or 0
    if level >= SEVERE > before:
        return True
    if not is_seen and at - sent_at < GATHERED_WITHIN:
        return False
    is_elsewhere = now.spot.place is not None and now.spot.place != told.spot.place
    is_wider = told.spot.side is not None and now.spot.side not in (None, told.spot.side)
    return is_elsewhere or is_wider or level > before
