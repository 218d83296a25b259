"""Which session plain words belong to, at exact times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.core.words.sessions import meant, spoken_sessions

NOW = datetime(2026, 2, 16, 20, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK = timedelta(milliseconds=1)


def asked(session_id: str, ago: timedelta, **fields: Any) -> dict[str, Any]:
    """A question that was asked so long ago."""
    return {"runId": "r", "sessionId": session_id, "state": "sent", "sentAt": NOW - ago, **fields}


def answer(session_id: str, ago: timedelta) -> dict[str, Any]:
    """An answer that was given so long ago."""
    return {"runId": "r", "sessionId": session_id, "sessionDate": "2026-02-16", "receivedAt": NOW - ago}


def chosen(*documents: dict[str, Any]) -> str | None:
    """The session that words at `NOW` belong to."""
    prompts = [it for it in documents if "sentAt" in it]
    events = [it for it in documents if "receivedAt" in it]
    found = meant(spoken_sessions(prompts, events, NOW, 14), NOW)
    return None if found is None else found.session_id


def test_the_newest_open_question() -> None:
    """Whichever is read first."""
    assert chosen(asked("a", 2 * HOUR), asked("b", HOUR), asked("c", 3 * HOUR)) == "b"
    assert chosen() is None


def test_the_newest_answer() -> None:
    """Where nothing is open: for a day, to the millisecond."""
    assert chosen(answer("a", 2 * HOUR), answer("b", HOUR)) == "b"
    assert chosen(answer("a", DAY)) == "a"
    assert chosen(answer("a", DAY + TICK)) is None
    assert chosen(asked("a", 2 * HOUR), answer("a", HOUR)) == "a"


def test_a_question_comes_before_an_answer() -> None:
    """As long as it was asked within a day; an old one comes behind what was just answered."""
    assert chosen(asked("a", DAY), answer("b", HOUR)) == "a"
    assert chosen(asked("a", DAY + TICK), answer("b", HOUR)) == "b"
    assert chosen(asked("a", 13 * DAY), answer("b", DAY + TICK)) == "a"


def test_a_question_that_can_no_longer_be_answered() -> None:
    """After 15 days, as for a tap."""
    assert chosen(asked("a", 15 * DAY - TICK)) == "a"
    assert chosen(asked("a", 15 * DAY)) is None


def test_what_came_later_does_not_count() -> None:
    """Words that are seen to again, after a crash, belong where they belonged the first time."""
    later = -HOUR
    assert chosen(asked("a", HOUR), asked("b", later)) == "a"
    assert chosen(asked("a", HOUR), answer("a", later), asked("b", 2 * HOUR)) == "a"
    messages = [{"messageId": 1, "sentAt": NOW - HOUR}, {"messageId": 2, "sentAt": NOW - later}]
    assert chosen(asked("a", later, messages=messages), asked("b", 2 * HOUR)) == "a"
    assert chosen(asked("a", HOUR, state="answered", answeredAt=NOW - later), asked("b", 2 * HOUR)) == "a"
    assert chosen(asked("a", HOUR, state="answered", answeredAt=NOW - HOUR)) == "a"


def test_names() -> None:
    """By the question; else by the day of the answer."""
    prompts = [
        asked("a", HOUR, title=" Tempo ", date="2026-02-15"),
        asked("b", 2 * HOUR, plan={"activity": "Run"}),
        asked("c", 3 * HOUR, plan="?", title=7, messages="?"),
    ]
    found = spoken_sessions(prompts, [answer("b", HOUR / 2), answer("d", 4 * HOUR)], NOW, 14)
    assert [(it.session_id, it.title, it.day, it.is_open) for it in found] == [
        ("b", "Run", date(2026, 2, 16), False),
        ("a", "Tempo", date(2026, 2, 15), True),
        ("c", "7", None, True),
        ("d", None, date(2026, 2, 16), False),
    ]
    assert found[0].place == ("r", "b")
    logged = {**answer("log-1", HOUR), "logged": {"what": "Yoga"}}
    assert [it.title for it in spoken_sessions([], [logged], NOW, 14)] == ["Yoga"]
