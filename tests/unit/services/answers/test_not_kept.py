"""Taps that the journal does not take are told so: athletes', once each, in their language."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.core.i18n.language import Language
from bot.services.answers import not_kept as module
from bot.services.answers.not_kept import NotKeptNotice
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.telegram.callback_answers import CallbackAnswer, CallbackAnswerer

NOW = datetime(2026, 2, 16, 18, 42, 58, tzinfo=UTC)
ANA, BEN, MALLORY = 42, 43, 666


class Heard:
    """Stands for the answerer: keeps what it is to send."""

    def __init__(self) -> None:
        self.answers: list[CallbackAnswer] = []

    def put(self, answer: CallbackAnswer, done: object) -> None:
        """Keep it."""
        assert callable(done)
        self.answers.append(answer)


def tap(number: int, user_id: int, language: str | None = None) -> dict[str, Any]:
    """A tap."""
    sender = {"id": user_id, "first_name": "?", "is_bot": False, "language_code": language}
    query = {"id": f"q{number}", "from": sender, "data": "session_feedback|r|s|done"}
    return {"update_id": number, "callback_query": query}


@pytest.fixture
def heard() -> Heard:
    """What is to be sent."""
    return Heard()


@pytest.fixture
def unkept(heard: Heard) -> NotKeptNotice:
    """Ana is in ATHLETE_IDS, Ben in the roster."""
    roster = SimpleNamespace(
        user_ids=frozenset({ANA}), athlete=lambda user_id: object() if user_id == BEN else None
    )
    languages = SimpleNamespace(of=lambda _, code: Language.ES if code == "es" else Language.EN)
    return NotKeptNotice(
        cast("CallbackAnswerer", heard),
        cast("RosterCache", roster),
        cast("LanguageCache", languages),
        lambda: NOW,
    )


def test_each_athlete_is_told_once(unkept: NotKeptNotice, heard: Heard) -> None:
    """Nobody else is, and what is no tap, or cannot be read, is passed over."""
    batch = [
        tap(1, ANA), tap(2, BEN, "es"), tap(3, MALLORY), {"update_id": 4, "message": {}}, None, {"x": 1},
        {"update_id": 5, "callback_query": {"id": "q5"}},
    ]  # fmt: skip
    for _ in range(3):
        unkept.tell(batch)
    assert heard.answers == [
        CallbackAnswer("q1", Language.EN.texts.answers.not_kept, alert=True),
        CallbackAnswer("q2", Language.ES.texts.answers.not_kept, alert=True),
    ]
    assert all(len(answer.text) <= 200 for answer in heard.answers)


def test_what_is_remembered_is_bounded(
    unkept: NotKeptNotice, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is forgotten first."""
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    unkept.tell([tap(number, ANA) for number in (1, 2, 3)])
    unkept.tell([tap(3, ANA), tap(2, ANA), tap(1, ANA)])
    assert [answer.query_id for answer in heard.answers] == ["q1", "q2", "q3", "q1"]
