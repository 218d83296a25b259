"""When an athlete is told of their own week: on Sunday evening, once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot.core.people.athlete import Athlete, local_instant

RUN_ID = "weekly"
"""The run under which these stand in the outbox."""

_SUNDAY, _MONDAY = 6, 0
_UNTIL = time(12)


@dataclass(frozen=True, slots=True)
class DueWeek:
    """A week that is to be told of.

    Attributes:
        sunday: its last day, where the athlete lives.
        due_at, not_after: from when on, and until when it is worth it: Monday noon, where the athlete lives.
    """

    sunday: date
    due_at: datetime
    not_after: datetime

    @property
    def week_start(self) -> date:
        """Its Monday."""
        return self.sunday - timedelta(days=6)


def due(athlete: Athlete, at: time, now: datetime) -> DueWeek | None:
    """The week that an athlete is to be told of now; None in a pause, and at any other time.

    Args:
        at: WEEKLY_SUMMARY_TIME, in the athlete's zone.
    """
    if athlete.user_id is None or athlete.pause_at(now) is not None:
        return None
    zone = athlete.hours.zone
    today = now.astimezone(zone).date()
    if today.weekday() not in (_SUNDAY, _MONDAY):
        return None
    sunday = today if today.weekday() == _SUNDAY else today - timedelta(days=1)
    found = DueWeek(
        sunday,
        local_instant(sunday, at, zone),
        local_instant(sunday + timedelta(days=1), _UNTIL, zone),
    )
    return found if found.due_at <= now < found.not_after else None


def session_id(athlete_id: str, sunday: date) -> str:
    """Under which a week stands in the outbox. No question has such a name: theirs have no bar."""
    return f"{athlete_id}|{sunday.isoformat()}"


def read_sunday(session_id: str) -> date | None:
    """The Sunday of such a name; None if it is none."""
    try:
        return date.fromisoformat(session_id.rpartition("|")[2])
    except ValueError:
        return None
