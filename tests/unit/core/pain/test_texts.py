"""What athletes read about pain besides their answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core.answers.details import Details
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.pain import texts
from bot.core.pain.episodes import Episode, Spot, Verdict

EN, ES, PT = Language.EN, Language.ES, Language.PT
NOW = datetime(2026, 2, 16, 19, tzinfo=UTC)


def episode(**more: Any) -> Episode:
    """A knee."""
    fields: dict[str, Any] = {"spot": Spot("knee", "left"), "level": 6, "words": None} | more
    return Episode(since=NOW, opened_by=1, told_at=NOW, told_by=1, **fields)


@pytest.mark.parametrize(
    ("language", "question"),
    [
        (EN, "🤕 How is it by now: knee (left), 6/10?"),
        (ES, "🤕 ¿Cómo va ahora: rodilla (izq.), 6/10?"),
        (PT, "🤕 Como está agora: joelho (esq.), 6/10?"),
    ],
)
def test_how_it_is_by_now(language: Language, question: str) -> None:
    """With what was said last."""
    assert texts.how_now(episode(), language) == question


def test_what_is_not_known_is_not_said() -> None:
    """A place in words, none at all, no level."""
    other = episode(spot=Spot("other"), words="the sole", level=None)
    assert texts.how_now(other, EN) == "🤕 How is it by now: “the sole”?"
    assert texts.how_now(episode(spot=Spot(None), level=None), EN) == "🤕 How is it by now: what hurts?"


def test_a_report() -> None:
    """What was understood, what is asked next, and what becomes of it; of what is gone only thanks."""
    said: dict[Detail, int | str] = {Detail.PLACE: "back"}
    assert texts.report(Details(said), Detail.PAIN, EN, coach_is_told=True).startswith("🤕 back\n\nHow bad")
    told = texts.report(Details(said | {Detail.PAIN: 3}), None, EN, coach_is_told=False)
    assert told == "🤕 Noted: back, 3/10. I ask how it is until you say that it is gone. Your coach reads it."
    assert texts.report(Details(said | {Detail.PAIN: 0}), None, EN, coach_is_told=True) == (
        "Thank you, noted."
    )
    other = texts.report(Details({Detail.PLACE: "other"}), Detail.PAIN, EN, coach_is_told=True)
    assert other.endswith("✍️ Where exactly? Just write it here in a few words.")


def test_what_was_answered() -> None:
    """A line for each, and then what is left, or thanks."""
    gone = episode(spot=Spot("back"), level=0, closed_at=NOW)
    text = texts.check([gone, episode()], [], EN, asks_level=False)
    assert text == "back: 🙂 Gone\n🤕 knee (left), 6/10\n\nThank you, noted."
    assert texts.check([], [episode()], EN, asks_level=False) == "🤕 How is it by now: knee (left), 6/10?"
    assert texts.how(Verdict.WORSE, EN) == "🙁 Worse"
