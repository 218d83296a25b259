"""The times that are offered to who taps Later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.later import LaterKind
from bot.core.people.athlete import Athlete, ContactHours, Pause, QuietHours
from bot.core.taps.later import later_choices

HOUR, EVENING, TOMORROW, MOVED = LaterKind
MADRID = ZoneInfo("Europe/Madrid")
ANA = Athlete("ana", 7, 7, ContactHours(MADRID))
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    """An instant by the clocks of Madrid."""
    return datetime.fromisoformat(text).replace(tzinfo=MADRID).astimezone(UTC)


def offered(athlete: Athlete, now: str) -> list[tuple[LaterKind, str]]:
    """The choices at a time, as Madrid's clocks show them."""
    choices = later_choices(athlete, at(now))
    return [(it.kind, it.at.astimezone(MADRID).strftime("%d %H:%M:%S")) for it in choices]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-02-16T08:02", [(HOUR, "16 09:05:00"), (EVENING, "16 20:00:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T08:05", [(HOUR, "16 09:05:00"), (EVENING, "16 20:00:00"), (TOMORROW, "17 20:00:00")]),
        (
            "2026-02-16T08:05:00.001",
            [(HOUR, "16 09:10:00"), (EVENING, "16 20:00:00"), (TOMORROW, "17 20:00:00")],
        ),
        # The usual question has just come.
        ("2026-02-16T20:01", [(HOUR, "16 21:05:00"), (EVENING, "16 22:00:00"), (TOMORROW, "17 20:00:00")]),
        # An hour away at least, and half an hour from another choice.
        ("2026-02-16T18:30", [(HOUR, "16 19:30:00"), (EVENING, "16 20:00:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T18:31", [(HOUR, "16 19:35:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T19:00", [(HOUR, "16 20:00:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T19:01", [(HOUR, "16 20:05:00"), (EVENING, "16 22:00:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T20:30", [(HOUR, "16 21:30:00"), (EVENING, "16 22:00:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T20:31", [(HOUR, "16 21:35:00"), (TOMORROW, "17 20:00:00")]),
        ("2026-02-16T23:58", [(HOUR, "17 01:00:00"), (TOMORROW, "17 20:00:00")]),
    ],
)
def test_three_times(now: str, expected: list[tuple[LaterKind, str]]) -> None:
    """In an hour, this evening, tomorrow at the usual time; as far as they differ."""
    assert offered(ANA, now) == expected


def test_who_is_asked_in_the_morning() -> None:
    """Has an evening, too; tomorrow is the usual time."""
    early = replace(ANA, hours=replace(ANA.hours, prompt_time=time(7)))
    assert offered(early, "2026-02-16T07:01") == [
        (HOUR, "16 08:05:00"), (EVENING, "16 20:00:00"), (TOMORROW, "17 07:00:00"),
    ]  # fmt: skip


def test_quiet_hours() -> None:
    """What lies in them comes when they end; at their end it does not lie in them."""
    quiet = replace(ANA, hours=replace(ANA.hours, quiet=QuietHours(time(22), time(7))))
    assert offered(quiet, "2026-02-16T20:01") == [
        (HOUR, "16 21:05:00"), (MOVED, "17 07:00:00"), (TOMORROW, "17 20:00:00"),
    ]  # fmt: skip
    assert offered(quiet, "2026-02-17T06:00")[0] == (HOUR, "17 07:00:00")


def test_a_pause() -> None:
    """With an end it is the usual time after it, once; without one there is nothing to offer."""
    ends = at("2026-02-20T00:00")
    paused = replace(ANA, pauses=(Pause(at("2026-02-16T00:00"), ends),))
    assert offered(paused, "2026-02-16T12:00") == [(MOVED, "20 20:00:00")]
    assert later_choices(replace(ANA, pauses=(Pause(at("2026-02-16T00:00"), None),)), ends - DAY) == ()


@given(
    st.integers(0, 365 * 24 * 60 * 60),
    st.times(),
    st.sampled_from(["UTC", "Europe/Madrid", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"]),
)
def test_they_are_apart_and_ahead(seconds: int, usual: time, zone: str) -> None:
    """At most three, each at least an hour ahead and half an hour after the one before, on full minutes."""
    athlete = replace(ANA, hours=ContactHours(ZoneInfo(zone), usual.replace(second=0, microsecond=0)))
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    times = [choice.at for choice in later_choices(athlete, instant)]
    assert 1 <= len(times) <= 3
    gaps = [later - earlier for earlier, later in zip([instant, *times], times, strict=False)]
    assert gaps[0] >= timedelta(hours=1)
    assert all(gap >= timedelta(minutes=30) for gap in gaps[1:])
    assert all(at.second == at.microsecond == 0 for at in times)
