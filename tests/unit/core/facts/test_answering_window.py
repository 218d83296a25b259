"""The late rule at its boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.facts.answering_window import (
    age_in_days,
    closed_until,
    closes_at,
    is_late,
    repeated_within,
    send_by,
)

ASKED = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize("late_after_days", [0, 1, 14, 3650])
def test_an_answer_counts_until_the_window_closes(late_after_days: int) -> None:
    """The last instant in time is that before so many whole days and one more."""
    closes = closes_at(ASKED, late_after_days)
    assert closes == ASKED + (late_after_days + 1) * DAY
    assert not is_late(ASKED, closes - TICK, late_after_days)
    assert is_late(ASKED, closes, late_after_days)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (-3 * DAY, 0),
        (timedelta(), 0),
        (DAY - TICK, 0),
        (DAY, 1),
        (timedelta(days=14, hours=23, minutes=59), 14),
        (15 * DAY, 15),
    ],
)
def test_ages_are_whole_days(age: timedelta, expected: int) -> None:
    """Elapsed time, not dates on the wall; a question from the future is new."""
    assert age_in_days(ASKED, ASKED + age) == expected


@pytest.mark.parametrize("late_after_days", [0, 14])
def test_a_question_is_closed_when_its_answer_would_be_late(late_after_days: int) -> None:
    """Seen from now: the newest question that is closed, and the oldest that is open."""
    newest_closed = closed_until(ASKED, late_after_days)
    assert is_late(newest_closed, ASKED, late_after_days)
    assert not is_late(newest_closed + TICK, ASKED, late_after_days)


@pytest.mark.parametrize("late_after_days", [0, 1, 14])
def test_what_is_asked_again_can_be_answered_for_a_day(late_after_days: int) -> None:
    """The oldest question that is repeated closes a day later."""
    asked_again_at = ASKED + repeated_within(late_after_days)
    assert closes_at(ASKED, late_after_days) - asked_again_at == DAY


@pytest.mark.parametrize(("late_after_days", "days"), [(0, 1), (1, 1), (2, 2), (14, 14)])
def test_a_planned_question_has_a_day_at_least(late_after_days: int, days: int) -> None:
    """Answers late after no day must not keep the questions from being asked."""
    assert send_by(ASKED, late_after_days) == ASKED + days * DAY


def test_instants_at_the_ends_of_the_calendar() -> None:
    """Judging adds nothing to an instant, so that none is too late to be judged."""
    last = datetime.max.replace(tzinfo=UTC)
    assert not is_late(last, ASKED, 14)
    with pytest.raises(OverflowError):
        closes_at(last, 14)
