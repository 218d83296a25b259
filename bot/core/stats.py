"""The figures behind `/stats` and the `stats` command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.clock import iso_utc
from bot.core.feedback import Outcome


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures over `days` days, ending at `until`.

    Attributes:
        taps: callbacks by outcome, all outcomes present.
        answers: stored feedback events by type, all types present.
        prompts: prompts by state, over all times.
        waiting_taps: callbacks that are in the journal and not processed yet.
        dead_taps: callbacks that could not be processed (dead letters).
        dead_letters: all dead letters, callbacks included.
        oldest_pending: receipt of the oldest unprocessed update; None when no callback waits.
        last_poll: end of the last successful poll; None before the first.
    """

    days: int
    until: datetime
    taps: Mapping[str, int]
    answers: Mapping[str, int]
    prompts: Mapping[str, int]
    waiting_taps: int
    dead_taps: int
    dead_letters: int
    oldest_pending: datetime | None
    last_poll: datetime | None

    @property
    def feedback_event_write_success_rate(self) -> float | None:
        """Non-late callbacks written over non-late callbacks received; None when there were none.

        Late, invalid, unknown and refused taps are no feedback to be written and stand apart.
        """
        written = self.taps[Outcome.WRITTEN]
        received = written + self.waiting_taps + self.dead_taps
        return written / received if received else None

    def to_json(self) -> dict[str, Any]:
        """The figures for machines: instants as ISO 8601 in UTC."""
        return {
            "days": self.days,
            "until": _iso(self.until),
            "feedback_event_write_success_rate": self.feedback_event_write_success_rate,
            "taps": dict(self.taps),
            "waitingTaps": self.waiting_taps,
            "deadTaps": self.dead_taps,
            "deadLetters": self.dead_letters,
            "answers": dict(self.answers),
            "prompts": dict(self.prompts),
            "oldestPending": _iso(self.oldest_pending),
            "lastPoll": _iso(self.last_poll),
        }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else iso_utc(instant)
