"""Cuts the time that figures are about into periods which can be counted once and kept. Pure.

Days in a time zone, as far as they are over; then the hours of the day that is not; then slices of ten
minutes; and what is left is too young to be kept, and is counted each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.core.shared.clock import iso_utc

CLOSED_AFTER = timedelta(minutes=10)
"""A period can be kept when it has been over for so long."""
INVALIDATE_AFTER = timedelta(minutes=3)
"""A change of what was received longer ago is recorded, see `invalidation_key`. The difference to
`CLOSED_AFTER` is room for clocks that differ, and for a write that takes its time."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_SLICE = timedelta(minutes=10)
_BY_HOUR = timedelta(days=2)
_HOUR_NAME = len("2026-02-16T18")


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, and without, `end`; both in UTC. It lies within one `day` of the zone."""

    start: datetime
    end: datetime
    day: date

    @property
    def name(self) -> str:
        """Tells it from every other period."""
        return f"{iso_utc(self.start)}/{iso_utc(self.end)}"


@dataclass(frozen=True, slots=True)
class PeriodWindow:
    """The days from `first` up to that of `until`, cut into periods.

    Attributes:
        zone: where days are days.
        kept: those that can be kept, oldest first.
        live: the rest, up to the end of today: one period, or two around midnight.
    """

    first: date
    until: datetime
    zone: tzinfo
    kept: tuple[Period, ...]
    live: tuple[Period, ...]


def midnight(day: date, zone: tzinfo) -> datetime:
    """The instant, in UTC, at which a day begins in a zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def window(first: date, until: datetime, zone: tzinfo, *, unsettled: datetime | None = None) -> PeriodWindow:
    """Cut the days from `first` up to `until`.

    Args:
        first: not after the day of `until`.
        until: now.
        zone: where days are days.
        unsettled: from then on nothing counts as over, because taps wait that are to be counted there.
    """
    closed = until - CLOSED_AFTER
    if unsettled is not None:
        closed = min(closed, unsettled)
    last = until.astimezone(zone).date()
    kept: list[Period] = []
    live: list[Period] = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        start, end = midnight(day, zone), midnight(day + _DAY, zone)
        if end <= closed:
            kept.append(Period(start, end, day))
            continue
        for part_start, part_end in _parts(start, end, closed):
            kept.append(Period(part_start, part_end, day))
            start = part_end
        live.append(Period(start, end, day))
    return PeriodWindow(first, until, zone, tuple(kept), tuple(live))


def _parts(start: datetime, end: datetime, closed: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The hours of a day that are over, and the slices of the one that is not."""
    for length in (_HOUR, _SLICE):
        while start < end and (following := min(start + length, end)) <= closed:
            yield start, following
            start = following


def invalidation_key(instant: datetime, now: datetime) -> str | None:
    """The name under which a change of what was received at `instant` is recorded; None if it need not be.

    It is the hour in UTC, or for what is older than two days the day.
    """
    if now - instant <= INVALIDATE_AFTER:
        return None
    text = instant.astimezone(UTC).isoformat()
    return text[:_HOUR_NAME] if now - instant < _BY_HOUR else text[: len("2026-02-16")]


def invalidation_keys(instants: Iterable[datetime], now: datetime) -> set[str]:
    """The names for several instants."""
    return {key for instant in instants if (key := invalidation_key(instant, now)) is not None}


def invalidated(key: str) -> tuple[datetime, datetime]:
    """The interval that a name of `invalidation_key` stands for: its begin and its end, in UTC.

    Raises:
        ValueError: it is none.
    """
    is_hour = len(key) == _HOUR_NAME
    start = datetime.fromisoformat(f"{key}:00" if is_hour else key).replace(tzinfo=UTC)
    return start, start + (_HOUR if is_hour else _DAY)
