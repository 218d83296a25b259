"""When athletes are asked about the coming week."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.core.availability.asking import (
    WeeklyHour,
    due,
    read_week_start,
    read_weekly_hour,
    session_id,
)
from bot.core.people.athlete import Athlete, ContactHours, Pause

ANA = Athlete("ana", 7, 7, ContactHours(ZoneInfo("Europe/Madrid")))
SATURDAY = WeeklyHour(5, time(10))
HOUR = datetime(2026, 2, 21, 9, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["Saturday 10:00", "sat 10:00", " SAT  10:00 "])
def test_an_hour_of_the_week(text: str) -> None:
    """By its English name, or three letters of it."""
    assert read_weekly_hour(text) == SATURDAY


@pytest.mark.parametrize("text", ["", "10:00", "sa 10:00", "Saturday", "sábado 10:00", "Saturday 25:00"])
def test_what_is_no_hour_of_the_week(text: str) -> None:
    """It is said what to write."""
    with pytest.raises(ValueError, match="such as Saturday 10:00"):
        read_weekly_hour(text)


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        (HOUR - MILLISECOND, False),
        (HOUR, True),
        (datetime(2026, 2, 22, 23, tzinfo=UTC) - MILLISECOND, True),
        (datetime(2026, 2, 22, 23, tzinfo=UTC), False),  # that week has begun
    ],
)
def test_when_it_is_due(now: datetime, is_due: bool) -> None:
    """From that hour on, where the athlete lives, until the week begins."""
    found = due(ANA, SATURDAY, now)
    assert (found is not None) is is_due
    if found is not None:
        assert (found.week_start, found.due_at) == (date(2026, 2, 23), HOUR)
        assert read_week_start(session_id("ana", found.week_start)) == found.week_start


def test_who_is_not_asked() -> None:
    """Who is on a pause, or has no chat yet."""
    assert due(replace(ANA, pauses=(Pause(HOUR, None),)), SATURDAY, HOUR) is None
    assert due(replace(ANA, user_id=None), SATURDAY, HOUR) is None
    assert read_week_start("ana") is None
