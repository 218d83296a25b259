"""Instants: aware, in UTC, to the millisecond (the precision of BSON dates)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

Clock = Callable[[], datetime]
"""Tells the time; passed in wherever time matters."""


def system_clock() -> datetime:
    """The machine's time."""
    return from_ms(to_ms(datetime.now(UTC)))


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970."""
    return round(instant.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The instant of so many milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def iso_utc(instant: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as every JSON surface shows instants."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def days_from(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """Read an ISO 8601 date and time; one without offset is taken in `zone`.

    Raises:
        ValueError: the text is no such instant.
    """
    instant = datetime.fromisoformat(text.strip())
    return (instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)).astimezone(UTC)
