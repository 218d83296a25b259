"""How time is cut into periods that can be kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.figures.periods import (
    CLOSED_AFTER,
    INVALIDATE_AFTER,
    Period,
    PeriodWindow,
    invalidated,
    invalidation_key,
    invalidation_keys,
    midnight,
    window,
)

MADRID = ZoneInfo("Europe/Madrid")
ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Europe/Madrid", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu")
]
MILLISECOND = timedelta(milliseconds=1)

instants = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31)).map(lambda it: it.replace(tzinfo=UTC))  # noqa: DTZ001


def periods(cut: PeriodWindow) -> list[Period]:
    """All of a window, in order."""
    return sorted([*cut.kept, *cut.live], key=lambda period: period.start)


@given(
    until=instants,
    days=st.integers(1, 40),
    zone=st.sampled_from(ZONES),
    backlog=st.none() | st.integers(0, 5_000),
)
def test_every_instant_lies_in_one_span_of_its_day(
    until: datetime, days: int, zone: ZoneInfo, backlog: int | None
) -> None:
    """Periods follow each other without gap from the first midnight to the next one to come."""
    today = until.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    unsettled = None if backlog is None else until - timedelta(minutes=backlog)
    cut = window(first, until, zone, unsettled=unsettled)
    found = periods(cut)
    assert found[0].start == midnight(first, zone)
    assert found[-1].end == midnight(today + timedelta(days=1), zone)
    assert all(a.end == b.start for a, b in pairwise(found))
    for period in found:
        last = period.end - MILLISECOND
        assert period.start.astimezone(zone).date() == period.day == last.astimezone(zone).date()
    closed = min(until - CLOSED_AFTER, unsettled or until)
    assert all(period.end <= closed for period in cut.kept)
    assert all(period.end > closed for period in cut.live)
    assert cut.live[-1].start <= until < cut.live[-1].end
    # What is counted each time is short, unless something waits.
    assert unsettled is not None or until - cut.live[0].start < CLOSED_AFTER + timedelta(minutes=10)
    assert len({period.name for period in found}) == len(found)


def test_a_day_is_kept_when_it_is_over_for_a_while() -> None:
    """At the minute, and not a millisecond before; until then as hours and slices."""
    over = datetime(2026, 2, 16, 23, 0, tzinfo=UTC) + CLOSED_AFTER
    day = date(2026, 2, 16)
    assert [period.name for period in window(day, over, MADRID).kept] == [
        "2026-02-15T23:00:00.000Z/2026-02-16T23:00:00.000Z"
    ]
    kept = window(day, over - MILLISECOND, MADRID).kept
    assert len(kept) == 23 + 5
    assert kept[-1].name == "2026-02-16T22:40:00.000Z/2026-02-16T22:50:00.000Z"


def test_days_on_which_the_clocks_change_are_whole() -> None:
    """A day may have 23 or 25 hours."""
    until = datetime(2026, 10, 27, 12, tzinfo=UTC)
    lengths = {
        period.day: period.end - period.start for period in window(date(2026, 10, 24), until, MADRID).kept[:3]
    }
    assert [length / timedelta(hours=1) for length in lengths.values()] == [24, 25, 24]


@pytest.mark.parametrize(
    ("age", "name"),
    [
        (INVALIDATE_AFTER, None),
        (-timedelta(days=1), None),
        (INVALIDATE_AFTER + MILLISECOND, "2026-02-16T18"),
        (timedelta(days=2) - MILLISECOND, "2026-02-14T18"),
        (timedelta(days=2), "2026-02-14"),
    ],
)
def test_who_changes_the_past_says_so(age: timedelta, name: str | None) -> None:
    """Not what is still counted each time; by the hour, later by the day."""
    now = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)
    assert invalidation_key(now - age, now) == name


@given(now=instants, age=st.timedeltas(INVALIDATE_AFTER, timedelta(days=60)))
def test_a_touch_covers_its_instant(now: datetime, age: timedelta) -> None:
    """The hour or day that a name stands for holds the instant."""
    for name in invalidation_keys([now - age], now):
        start, end = invalidated(name)
        assert start <= now - age < end


@given(until=instants, age=st.timedeltas(timedelta(0), timedelta(days=5)))
def test_what_is_kept_is_always_told_of(until: datetime, age: timedelta) -> None:
    """Whoever writes into a period that is kept touches it, also if the clocks are minutes apart."""
    instant = until - age
    cut = window(until.date() - timedelta(days=6), until, ZoneInfo("UTC"))
    if any(period.start <= instant < period.end for period in cut.kept):
        assert invalidation_key(instant, until - timedelta(minutes=5)) is not None
