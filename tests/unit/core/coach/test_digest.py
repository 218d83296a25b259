"""A day as the coach is told of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.coach.digest import (
    NO_SILENCE_YET,
    SHOWN,
    AthleteDay,
    Digest,
    Silence,
    due,
    shown_sessions,
    silence,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.people.athlete import Athlete, ContactHours
from bot.core.summary.sessions import Session, SessionState
from bot.core.telegram.refusals import Refusal

NOW = datetime(2026, 2, 16, 21, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
MILLISECOND = timedelta(milliseconds=1)
ANA = Athlete("ana", 7, 7, ContactHours(UTC_ZONE), "Ana")


def session(state: FeedbackType | SessionState, age: timedelta | None, **more: Any) -> Session:
    """A session that was asked about so long ago."""
    asked_at = None if age is None else NOW - age
    return Session(
        **{
            "date": (asked_at or NOW).date(), "number": 1, "run_id": "r", "session_id": f"s{age}",
            "planned": {}, "in_plan": True, "state": state, "why": None, "note": None, "asked_by": None,
            "asked_at": asked_at, "answered_at": None, "extras": {}, **more,
        }
    )  # fmt: skip


OPEN, DONE = SessionState.OPEN, FeedbackType.DONE
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([], None),
        ([(OPEN, 3 * DAY), (OPEN, 2 * DAY), (OPEN, DAY)], 3),
        ([(OPEN, 3 * DAY), (DONE, 2 * DAY), (OPEN, DAY)], 1),
        ([(OPEN, 3 * DAY), (DONE, timedelta(hours=1))], None),
        ([(OPEN, 3 * DAY), (SessionState.LATE, 2 * DAY)], None),
        ([(OPEN, 3 * DAY), (SessionState.UNDELIVERED, 2 * DAY), (SessionState.PAUSED, None)], 1),
        ([(OPEN, NO_SILENCE_YET)], 1),
        ([(OPEN, NO_SILENCE_YET - MILLISECOND)], None),
        ([(SessionState.UNANSWERED, 9 * DAY), (OPEN, timedelta(hours=1))], 1),
    ],
)
def test_silence(sessions: list[tuple[Any, timedelta | None]], expected: int | None) -> None:
    """Since the last answer; what is an hour old is no silence yet, and hides none."""
    found = silence([session(*it) for it in sessions], NOW)
    assert (None if found is None else found.number) == expected


def test_what_is_shown() -> None:
    """Of today, and of the last 24 hours: in the morning, of the evening before."""
    yesterday = session(OPEN, SHOWN - MILLISECOND)
    shown = [yesterday, session(SessionState.NOT_DUE, None), session(OPEN, 9 * DAY, answered_at=NOW)]
    hidden = [session(OPEN, SHOWN, date=date(2026, 2, 15)), session(DONE, 9 * DAY)]
    assert shown_sessions([*shown, *hidden], NOW, UTC_ZONE) == tuple(shown)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW - MILLISECOND, None),
        (NOW, date(2026, 2, 16)),
        (NOW + timedelta(hours=6) - MILLISECOND, date(2026, 2, 16)),
        (NOW + timedelta(hours=6), None),
    ],
)
def test_due(now: datetime, expected: date | None) -> None:
    """From its hour on, for six hours, past midnight too."""
    found = due(time(21), UTC_ZONE, now)
    assert (None if found is None else found.day) == expected


def test_what_needs_the_coach_comes_first() -> None:
    """Pain, then who cannot be reached or is silent, then who has not answered; then by name."""
    hurt = AthleteDay(ANA, "Zoe", (session(FeedbackType.PAIN, DAY),))
    closed = AthleteDay(ANA, "Yan", refusal=Refusal.BLOCKED)
    silent = AthleteDay(ANA, "Xia", silence=Silence(3, NOW.date()))
    open_ = AthleteDay(ANA, "Will", (session(OPEN, DAY),), Silence(2, NOW.date()))
    done = AthleteDay(ANA, "Bo", (session(DONE, DAY),))
    quiet = AthleteDay(ANA, "Al")
    digest = Digest(NOW.date(), [quiet, done, open_, silent, closed, hurt], 3)
    assert digest.in_order == [hurt, silent, closed, open_, done, quiet]
    assert (digest.answered, digest.asked) == (2, 3)
    assert quiet.is_uneventful
