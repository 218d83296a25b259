"""ASK_AVAILABILITY: when, each week, athletes are asked on which days of the next they can train. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot.core.answers.rules import WEEKDAYS
from bot.core.availability.days import coming_week
from bot.core.people.athlete import Athlete, local_instant, read_time
from bot.core.records.models import is_day
from bot.core.shared.clock import monday_of

RUN_ID = "available-days"
"""The run under which these questions stand in the outbox."""

_SHORTEST = 3
"""Letters by which a weekday is known."""


@dataclass(frozen=True, slots=True)
class WeeklyHour:
    """An hour of the week, in each athlete's zone; `weekday` from Monday (0) on."""

    weekday: int
    at: time


@dataclass(frozen=True, slots=True)
class DueQuestion:
    """A question that is due.

    Attributes:
        week_start: the Monday of the week that it is about.
        due_at, not_after: from when on, and until when it is worth it: until that week begins.
    """

    week_start: date
    due_at: datetime
    not_after: datetime


def read_weekly_hour(text: str) -> WeeklyHour:
    """An hour of the week, such as `Saturday 10:00` or `sat 10:00`.

    Raises:
        ValueError: saying what is expected.
    """
    day, _, at = " ".join(text.split()).partition(" ")
    named = [
        number
        for number, name in enumerate(WEEKDAYS)
        if len(day) >= _SHORTEST and name.casefold().startswith(day.casefold())
    ]
    try:
        return WeeklyHour(named[0], read_time(at))
    except (IndexError, ValueError):
        raise ValueError(f"{text!r} is not an hour of the week; write one such as Saturday 10:00") from None


def due(athlete: Athlete, hour: WeeklyHour, now: datetime) -> DueQuestion | None:
    """What an athlete is to be asked now; None in a pause, and before the hour."""
    if athlete.user_id is None or athlete.pause_at(now) is not None:
        return None
    zone = athlete.hours.zone
    monday = monday_of(now.astimezone(zone).date())
    due_at = local_instant(monday + timedelta(days=hour.weekday), hour.at, zone)
    week_start = coming_week(now, zone)
    found = DueQuestion(week_start, due_at, local_instant(week_start, time(0), zone))
    return found if found.due_at <= now < found.not_after else None


def session_id(athlete_id: str, week_start: date) -> str:
    """Under which a question stands in the outbox. Those about sessions have no bar in their names."""
    return f"{athlete_id}|{week_start.isoformat()}"


def read_week_start(session_id: str) -> date | None:
    """The Monday of such a name; None if it is none."""
    text = session_id.rpartition("|")[2]
    return date.fromisoformat(text) if is_day(text) else None
