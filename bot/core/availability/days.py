"""On which days of a week an athlete can train, before it is planned. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from bot.core.answers.rules import WEEKDAYS
from bot.core.records.models import is_day
from bot.core.shared.clock import days_from, iso_utc, monday_of

_WEEK = 7


@dataclass(frozen=True, slots=True)
class Availability:
    """What an athlete has said about a week.

    Attributes:
        week_start: its Monday.
        days: on which they can train, as places from Monday (0) on.
        at: when they said it last; None if that is not known.
    """

    week_start: date
    days: frozenset[int]
    at: datetime | None = None

    @property
    def day_names(self) -> list[str]:
        """English weekday names, in order."""
        return [WEEKDAYS[number] for number in sorted(self.days)]

    def to_json(self) -> dict[str, Any]:
        """For machines; the instant is ISO 8601 in UTC."""
        return {
            "weekStart": self.week_start.isoformat(),
            "days": self.day_names,
            "saidAt": None if self.at is None else iso_utc(self.at),
        }


@dataclass(frozen=True, slots=True)
class DayWish:
    """A tap on a day.

    Attributes:
        day: which.
        is_possible: whether they can train then, from now on.
    """

    day: date
    is_possible: bool

    @property
    def week_start(self) -> date:
        """The Monday of its week."""
        return monday_of(self.day)


def coming_week(now: datetime, zone: tzinfo) -> date:
    """The Monday of the week that is planned next: the first one after today."""
    return monday_of(now.astimezone(zone).date()) + timedelta(weeks=1)


def format_wish(wish: DayWish) -> str:
    """The argument of a day's button."""
    return f"{wish.day.isoformat()}|{int(wish.is_possible)}"


def read_wish(argument: str) -> DayWish | None:
    """The tap that an argument stands for; None if it is none."""
    day, _, possible = argument.partition("|")
    if not is_day(day) or possible not in ("0", "1"):
        return None
    return DayWish(date.fromisoformat(day), possible == "1")


def is_over(week_start: date, now: datetime, zone: tzinfo) -> bool:
    """Whether nothing of a week is left."""
    return now.astimezone(zone).date() >= week_start + timedelta(days=_WEEK)


def days_of(week_start: date) -> list[date]:
    """Its seven days."""
    return days_from(week_start, week_start + timedelta(days=_WEEK - 1))


def read_availability(document: Mapping[str, Any]) -> Availability | None:
    """A stored week, by whomever it was written; None if it says no week, or no days."""
    start, days, at = document.get("weekStart"), document.get("days"), document.get("updatedAt")
    if not isinstance(start, str) or not is_day(start) or not isinstance(days, list):
        return None
    known = frozenset(WEEKDAYS.index(day) for day in days if day in WEEKDAYS)
    return Availability(date.fromisoformat(start), known, at if isinstance(at, datetime) else None)
