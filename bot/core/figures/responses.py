"""How athletes answer: how soon, with how many notes, and by the hour at which they are asked. Pure.

What it is to be held against stands in `docs/why.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.figures.histogram import share_within

SOON = 300.0
"""Seconds within which an answer comes at once."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class AskedAt:
    """The questions of one hour of the day, of which some are answered."""

    asked: int
    answered: int

    @property
    def response_rate(self) -> float:
        """Answered / asked."""
        return self.answered / self.asked


@dataclass(frozen=True, slots=True)
class Responses:
    """The answers of some days.

    Attributes:
        by_hour: by the hour in TIMEZONE (0 to 23) at which was asked; hours at which nothing was are left
            out.
        soon: of the answers that came within a day, the share that came within `SOON`; None: none did.
        notes: answers with a note.
    """

    by_hour: Mapping[int, AskedAt]
    soon: float | None
    notes: int

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "within5MinutesOfThoseWithinADay": None if self.soon is None else round(self.soon, 3),
            "notes": self.notes,
            "byHour": [
                {
                    "hour": hour,
                    "asked": found.asked,
                    "answered": found.answered,
                    "responseRate": round(found.response_rate, 3),
                }
                for hour, found in self.by_hour.items()
            ],
        }


def responses(
    *, answered: Mapping[int, int], unanswered: Mapping[int, int], delays: Sequence[int], notes: int
) -> Responses:
    """Put together what was counted.

    Args:
        answered, unanswered: questions by the hour at which they were asked.
        delays: see `bot.core.figures.histogram`.
    """
    asked = {hour: answered.get(hour, 0) + unanswered.get(hour, 0) for hour in range(24)}
    return Responses(
        by_hour={
            hour: AskedAt(number, answered.get(hour, 0)) for hour, number in asked.items() if number > 0
        },
        soon=share_within(delays, SOON, of=_DAY),
        notes=notes,
    )
