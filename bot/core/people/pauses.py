"""How long a pause lasts, as people write it. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.core.people.athlete import local_instant

MAX_DAYS = 366

_DAYS = re.compile(r"([0-9]{1,4})\s*(?:d|days?)?", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_pause_end(text: str, since: datetime, zone: ZoneInfo) -> datetime | None:
    """When a pause ends that begins at `since`: at the beginning of a day in `zone`.

    Args:
        text: `3`: the third day from then (a `1` is for the rest of the day); `2026-08-10`: that day;
            empty: None, somebody must end it.

    Raises:
        ValueError: it is none of these, or not within `MAX_DAYS` days; says what is expected.
    """
    text = text.strip()
    if not text:
        return None
    today = since.astimezone(zone).date()
    day = _day(text, today)
    if day is None or not 1 <= (day - today).days <= MAX_DAYS:
        raise ValueError(
            f"{text!r} is no end of a pause; write a number of days from 1 to {MAX_DAYS}, or the day on"
            f" which it ends, such as {today + timedelta(days=7)}"
        )
    return local_instant(day, time(0), zone)


def _day(text: str, today: date) -> date | None:
    try:
        if match := _DAYS.fullmatch(text):
            return today + timedelta(days=int(match[1]))
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None
