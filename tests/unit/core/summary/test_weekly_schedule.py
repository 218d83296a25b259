"""When athletes are told of their week."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.core.people.athlete import Athlete, ContactHours, Pause
from bot.core.summary.weekly_schedule import due, read_sunday, session_id

MADRID = ZoneInfo("Europe/Madrid")
ANA = Athlete("ana", 71, 71, ContactHours(MADRID))
EVENING = time(19, 30)
SECOND = timedelta(seconds=1)
SUNDAY = date(2026, 2, 22)


def at(text: str, zone: ZoneInfo = MADRID) -> datetime:
    """An instant, as it is said in a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        (at("2026-02-22T19:30") - SECOND, False),
        (at("2026-02-22T19:30"), True),
        (at("2026-02-22T23:59:59"), True),
        (at("2026-02-23T00:00"), True),
        (at("2026-02-23T12:00") - SECOND, True),
        (at("2026-02-23T12:00"), False),
        (at("2026-02-21T19:30"), False),
        (at("2026-02-24T00:00"), False),
    ],
)
def test_due_from_sunday_evening_to_monday_noon(now: datetime, *, is_due: bool) -> None:
    """To the second, where the athlete lives."""
    found = due(ANA, EVENING, now)
    assert (found is not None) == is_due
    if found is not None:
        assert (found.sunday, found.week_start) == (SUNDAY, date(2026, 2, 16))
        assert (found.due_at, found.not_after) == (at("2026-02-22T19:30"), at("2026-02-23T12:00"))


@pytest.mark.parametrize(
    ("sunday", "due_at"),
    [
        ("2026-03-29", "2026-03-29T01:30:00+00:00"),  # 02:30 is skipped: as long after the skip's begin
        ("2026-10-25", "2026-10-25T00:30:00+00:00"),  # 02:30 comes twice: the first
        ("2026-03-22", "2026-03-22T01:30:00+00:00"),
    ],
)
def test_when_the_clocks_change(sunday: str, due_at: str) -> None:
    """Clocks change on Sundays; the hour is told once all the same."""
    expected = datetime.fromisoformat(due_at)
    found = due(ANA, time(2, 30), expected)
    assert found is not None
    assert (found.sunday.isoformat(), found.due_at) == (sunday, expected)
    assert due(ANA, time(2, 30), expected - SECOND) is None


def test_each_zone_has_its_own_sunday() -> None:
    """At one instant it is due in one place, not yet in another, and over in a third."""
    now = datetime(2026, 2, 22, 23, tzinfo=UTC)
    zones = ("Pacific/Kiritimati", "America/New_York", "Europe/Madrid")
    found = [due(Athlete("a", 1, 1, ContactHours(ZoneInfo(zone))), EVENING, now) for zone in zones]
    assert [None if it is None else it.sunday for it in found] == [None, None, SUNDAY]


def test_nobody_is_told_in_a_pause_or_without_a_chat() -> None:
    """The end of a pause does not belong to it."""
    now = at("2026-02-22T20:00")
    for until, is_due in ((None, False), (now + SECOND, False), (now, True)):
        paused = Athlete("ana", 71, 71, ContactHours(MADRID), pauses=(Pause(now - timedelta(days=3), until),))
        assert (due(paused, EVENING, now) is not None) == is_due
    assert due(Athlete("ana", None, None, ContactHours(MADRID)), EVENING, now) is None


def test_names_are_read_back() -> None:
    """Also where the athlete's name has whatever it may have; anything else is none."""
    assert session_id("a.b-c_1", SUNDAY) == "a.b-c_1|2026-02-22"
    assert read_sunday("a.b-c_1|2026-02-22") == SUNDAY
    assert [read_sunday(name) for name in ("", "ana", "ana|2026-02-30", "ana|x")] == [None] * 4
