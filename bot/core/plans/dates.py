"""The days that a plan is for: its week, and the date of each of its entries. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from typing import Any

from bot.core.plans.activities import is_nothing
from bot.core.plans.names import DATES, TITLES, WEEKDAYS, named, weekdays
from bot.core.plans.remarks import InvalidPlan, Remarks, shown
from bot.core.shared.clock import days_from
from bot.core.shared.tolerant import fold

MAX_DAYS = 31
"""The longest that a plan may be."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_ISO_DAY = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_ZONE_NAME = re.compile(r"\[[\w/+-]+\]$")
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_DATE = re.compile(r"(?<!\d)(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}(?!\d)")
_NUMBERED = re.compile(r"\W*(?:d|day|dia)?\W*\d+\W*")
_WEEKDAY_AND_NUMBER = re.compile(r"\W*[^\W\d_]+\W+(?P<day>0?[1-9]|[12][0-9]|3[01])\W*")
_NEAR = 0.8  # `summary` and `today` are farther from any weekday
_CURE = "write a date such as 2026-02-17"


@dataclass(frozen=True, slots=True)
class Week:
    """What a plan covers; both ends are None if it names neither."""

    start: date | None
    end: date | None

    def days(self) -> list[date]:
        """All of them."""
        return [] if self.start is None or self.end is None else days_from(self.start, self.end)

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


def read_week(document: Mapping[str, Any], plan: object, zone: tzinfo, remarks: Remarks) -> Week:
    """The week of a document, or else of its plan.

    Raises:
        InvalidPlan: it cannot be read, or is too long.
    """
    start = _edge(document, plan, ("weekStart", "start"), zone, remarks)
    end = _edge(document, plan, ("weekEnd", "end"), zone, remarks)
    if start is None and end is not None:
        start = end - timedelta(days=6)
    if end is None and start is not None:
        end = start + timedelta(days=6)
    week = Week(start, end)
    if start is not None and end is not None:
        if not 0 <= (end - start).days < MAX_DAYS:
            raise InvalidPlan(
                "weekEnd", f"not within {MAX_DAYS} days from weekStart on ({week}); is one of them mistyped?"
            )
        if start.weekday() != 0 or (end - start).days != 6:
            length = f"{(end - start).days + 1} days from a {start:%A} on, not seven from a Monday on"
            remarks.warn("weekStart", f"{week}: {length}; the plan decides about all of them")
    return week


def _edge(
    document: Mapping[str, Any], plan: object, names: tuple[str, str], zone: tzinfo, remarks: Remarks
) -> date | None:
    """First or last day: what the document says, else what its plan does."""
    inner = plan if isinstance(plan, Mapping) else {}
    within = inner.get("nextWeek")
    within = within if isinstance(within, Mapping) else {}
    given = [
        (names[0], document.get(names[0])),
        (f"activityPlan.nextWeek.{names[0]}", within.get(names[0], within.get(names[1]))),
        (f"activityPlan.{names[0]}", inner.get(names[0])),
    ]
    found = [(path, day) for path, value in given if (day := as_day(value, path, zone)) is not None]
    for path, day in found[1:]:
        if day != found[0][1]:
            remarks.warn(path, f"{day}, and {found[0][0]} is {found[0][1]}, which counts")
    return found[0][1] if found else None


@dataclass(slots=True)
class EntryDates:
    """What one entry of a plan says of its date, each with its path.

    Attributes:
        odd: texts where a weekday should stand, and none does.
    """

    zone: tzinfo
    dates: list[tuple[str, date]] = field(default_factory=list)
    weekdays: list[tuple[str, str, set[int]]] = field(default_factory=list)
    odd: list[tuple[str, str]] = field(default_factory=list)

    def add(self, entry: Mapping[Any, Any], path: str) -> None:
        """Take what an entry says, or one of the sessions in it.

        Raises:
            InvalidPlan: what should be a date is none.
        """
        for name, value in named(entry, DATES):
            if (day := as_day(value, f"{path}.{name}", self.zone)) is not None:
                self.dates.append((f"{path}.{name}", day))
        for name, value in named(entry, WEEKDAYS):
            self.add_day(value, f"{path}.{name}")
        for name, value in named(entry, TITLES):
            if is_day_name(value):
                self.add_day(value, f"{path}.{name}")

    def add_day(self, value: object, path: str) -> None:
        """Take what may be a weekday, or a date."""
        if _parse(value, self.zone) is not None:
            self.dates.append((path, _day(value, path, self.zone)))
        elif isinstance(value, str) and not is_nothing(value):
            for text in _ISO_DAY.findall(value):
                self.dates.append((path, _day(text, path, self.zone)))
            if found := _weekdays_in(value):
                self.weekdays.append((path, value, found))
            else:
                self.odd.append((path, value))

    def resolve(self, path: str, week: Week, remarks: Remarks) -> date:
        """The date of the entry at this path.

        Raises:
            InvalidPlan: it has none, has two, or one outside the plan's week.
        """
        if not self.dates:
            day = self._by_weekday(path, week)
            for where, said, _ in self.weekdays:
                if _is_other_number(said, day):
                    remarks.warn(where, f"{shown(said)}, but the plan's {day:%A} is {day}, which counts")
            return day
        where, day = self.dates[0]
        for other, second in self.dates[1:]:
            if second != day:
                raise InvalidPlan(
                    other, f"{second}, but {where} is {day}; correct one of them, or leave it out"
                )
        for other, said in [*self.odd, *((path, text) for path, text, _ in self.weekdays)]:
            written = _OTHER_DATE.search(said)
            if written is not None and {int(written[1]), int(written[2])} != {day.day, day.month}:
                raise InvalidPlan(other, f"{shown(said)}, but {where} is {day}; correct one of them")
        for where_said, said, numbers in self.weekdays:
            if day.weekday() not in numbers:
                remarks.warn(where_said, f"{shown(said)}, but {day} is a {day:%A}; the date counts")
            elif _is_other_number(said, day):
                remarks.warn(where_said, f"{shown(said)}, but {where} is {day}, which counts")
        if week.start is not None and day not in week.days():
            raise InvalidPlan(where, f"{day} lies outside the plan's week, {week}; correct one of them")
        return day

    def _by_weekday(self, path: str, week: Week) -> date:
        if not self.weekdays:
            if self.odd:
                where, said = self.odd[0]
                raise InvalidPlan(where, f"{shown(said)} is no weekday, and there is no date; {_CURE}")
            raise InvalidPlan(f"{path}.date", f"missing; {_CURE}")
        if week.start is None:
            raise InvalidPlan(
                "weekStart", f"missing, and {path} has no date; write a date such as 2026-02-16"
            )
        numbers = set.union(*(each for _, _, each in self.weekdays))
        if len(numbers) > 1:
            said = " and ".join(shown(text) for _, text, _ in self.weekdays)
            raise InvalidPlan(
                self.weekdays[0][0], f"{said} is more than one weekday; {_CURE}, an entry for each"
            )
        found = [day for day in week.days() if day.weekday() in numbers]
        if len(found) != 1:
            raise InvalidPlan(f"{path}.date", "missing, and the plan's week does not tell it; write it out")
        return found[0]


def is_day_name(value: object) -> bool:
    """Whether a text is the name of a weekday, or a date, and nothing else."""
    if not isinstance(value, str):
        return False
    words = _WORD.findall(fold(value))
    return _ISO_DAY.fullmatch(value.strip()) is not None or (
        len(words) == 1 and not re.search(r"\d", value) and bool(_weekdays_in(value))
    )


def is_near_day_name(name: str) -> bool:
    """Whether this is hardly anything but the name of a weekday, mistyped: `wendesday`, `lunes2`."""
    return bool(get_close_matches(fold(name), weekdays()[0], n=1, cutoff=_NEAR))


def is_day_text(text: str) -> bool:
    """Whether a text holds a weekday or a date, or numbers the day."""
    return bool(_weekdays_in(text) or _ISO_DAY.search(text) or _NUMBERED.fullmatch(fold(text)))


def as_day(value: object, path: str, zone: tzinfo) -> date | None:
    """A day, or the day that an instant (text with an offset, a BSON date) has in a zone; None if blank.

    Text without an offset is the day as written.

    Raises:
        InvalidPlan: it is neither.
    """
    if value is None or (isinstance(value, str) and is_nothing(value)):
        return None
    return _day(value, path, zone)


def _day(value: object, path: str, zone: tzinfo) -> date:
    day = _parse(value, zone)
    if day is None:
        raise InvalidPlan(path, f"{shown(value)} is not a date; write one such as 2026-02-17")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InvalidPlan(
            path, f"{day} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}; is it mistyped?"
        )
    return day


def _parse(value: object, zone: tzinfo) -> date | None:
    try:
        if isinstance(value, str) and _ISO_DAY.match(value := value.strip()):
            value = datetime.fromisoformat(_ZONE_NAME.sub("", value))
        if isinstance(value, datetime):
            return (value if value.tzinfo is None else value.astimezone(zone)).date()
    except (ValueError, OverflowError):
        pass
    return None


def _is_other_number(text: str, day: date) -> bool:
    """Whether a text is a weekday and the number of another day of the month."""
    written = _WEEKDAY_AND_NUMBER.fullmatch(text)
    return written is not None and int(written["day"]) != day.day


def _weekdays_in(text: str) -> set[int]:
    """0 for Monday, for each word that is a weekday's name, or its beginning (`Tue`, `mié`).

    Beside a number only a whole name is one: `1 mar` is a day of March.
    """
    whole, begun = weekdays()
    known = begun if re.search(r"\d", text) is None else whole
    return {known[word] for word in _WORD.findall(fold(text)) if word in known}
