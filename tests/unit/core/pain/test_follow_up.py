"""When it is asked how pain is by now, and what planners are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import pytest

from bot.core.pain.episodes import LAPSES_AFTER, Episode, Spot
from bot.core.pain.follow_up import (
    MORNINGS,
    OPEN_PAIN,
    WORTH_IT,
    days_of,
    due_check,
    is_followed_up,
    open_pain_json,
    to_ask,
    to_ask_in_the_morning,
)
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete, ContactHours, Pause

MADRID = ZoneInfo("Europe/Madrid")
ANA = Athlete("ana", 7, 7, ContactHours(MADRID))
EIGHT = datetime(2026, 2, 17, 7, tzinfo=UTC)
"""In Madrid it is eight."""
TICK, DAY = timedelta(milliseconds=1), timedelta(days=1)


def hurting(told_at: datetime, asked_at: datetime | None = None, **more: Any) -> OpenPain:
    """A knee of which something was said then."""
    fields: dict[str, Any] = {"spot": Spot("knee", "left"), "level": 4, "words": None} | more
    episode = Episode(since=told_at, opened_by=1, told_at=told_at, told_by=1, **fields)
    return OpenPain(7, "ana", episode, asked_at)


def test_the_hour() -> None:
    """From the hour on, for eight hours, where the athlete lives; a late hour goes on into the next day."""
    for now, day in (
        (EIGHT - TICK, None),
        (EIGHT, "2026-02-17"),
        (EIGHT + WORTH_IT - TICK, "2026-02-17"),
        (EIGHT + WORTH_IT, None),
    ):
        found = due_check(ANA, time(8), now)
        assert (None if found is None else found.day) == day
    found = due_check(ANA, time(20), datetime(2026, 2, 17, 1, tzinfo=UTC))
    assert found is not None
    assert (found.day, found.not_after - found.due_at) == ("2026-02-16", WORTH_IT)


def test_nobody_is_asked_in_a_pause() -> None:
    """Nor who has no chat, or is asked in a group."""
    paused = replace(ANA, pauses=(Pause(EIGHT, EIGHT + timedelta(hours=1)),))
    assert due_check(paused, time(8), EIGHT) is None
    assert due_check(paused, time(8), EIGHT + timedelta(hours=1)) is not None
    assert due_check(replace(ANA, user_id=None), time(8), EIGHT) is None
    assert due_check(replace(ANA, chat_id=-5), time(8), EIGHT) is None


@pytest.mark.parametrize(
    ("told", "asked", "is_asked"),
    [
        (datetime(2026, 2, 16, 22, 59, tzinfo=UTC), None, True),  # 23:59 yesterday
        (datetime(2026, 2, 16, 23, tzinfo=UTC), None, False),  # today
        (EIGHT - 2 * DAY, datetime(2026, 2, 16, 22, 59, tzinfo=UTC), True),
        (EIGHT - 2 * DAY, datetime(2026, 2, 16, 23, tzinfo=UTC), False),
    ],
)
def test_once_a_day(told: datetime, asked: datetime | None, *, is_asked: bool) -> None:
    """And not of what was said today; a day is one where the athlete lives."""
    assert bool(to_ask([hurting(told, asked)], EIGHT, MADRID)) is is_asked


def test_mornings_end_and_questions_go_on() -> None:
    """After three mornings without a word it is asked with sessions alone; and not at all once it is over."""
    told = EIGHT - timedelta(hours=12)
    for days in range(40):
        now = EIGHT + days * DAY
        pains = [hurting(told)]
        assert bool(to_ask_in_the_morning(pains, now, MADRID)) is (days < MORNINGS)
        assert bool(to_ask(pains, now, MADRID)) is (now - told < LAPSES_AFTER)
    assert to_ask([hurting(told, closed_at=told)], EIGHT, MADRID) == []


def test_what_planners_are_told() -> None:
    """All of it, by the schema; days are counted from the first, and it is said if nobody followed up."""
    told = datetime(2026, 2, 14, 18, 20, tzinfo=UTC)
    pain = hurting(told)
    assert open_pain_json(pain, EIGHT, MADRID) == {
        "place": "knee", "side": "left", "words": None, "level": 4, "days": 3,
        "since": "2026-02-14T18:20:00.000Z", "lastToldAt": "2026-02-14T18:20:00.000Z", "lastAskedAt": None,
        "followedUp": False,
    }  # fmt: skip
    schema = {"type": "object", "properties": dict(OPEN_PAIN), "additionalProperties": False}
    for each in (pain, hurting(told, EIGHT), hurting(told, spot=Spot(None), level=None, words="x")):
        jsonschema_rs.validate(schema, open_pain_json(each, EIGHT, MADRID))


def test_following_up() -> None:
    """Today nothing needs to be; later it must have been asked about since the last word."""
    told = EIGHT - 2 * DAY
    assert is_followed_up(hurting(EIGHT), EIGHT, MADRID)
    assert not is_followed_up(hurting(told), EIGHT, MADRID)
    assert not is_followed_up(hurting(told, told - TICK), EIGHT, MADRID)
    assert is_followed_up(hurting(told, told + TICK), EIGHT, MADRID)
    assert days_of(hurting(datetime.combine(date(2026, 2, 17), time(), MADRID)), EIGHT, MADRID) == 0
