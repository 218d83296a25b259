"""What came of somebody's answers, as they read it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.core.answers.details import Details
from bot.core.changes.because import AnswerReference, PlanChange
from bot.core.changes.texts import SaidAnswer, reason
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language

MONDAY = date(2026, 2, 16)
FRIDAY = MONDAY - timedelta(days=3)
KNEE, HARD, GONE = (AnswerReference("w07", name) for name in ("knee", "hard", "gone"))
ANSWERS = {
    KNEE: SaidAnswer(FeedbackType.PAIN, Details({Detail.PLACE: "knee", Detail.PAIN: 6}), FRIDAY),
    HARD: SaidAnswer(FeedbackType.HARD, Details({Detail.RPE: 9}), MONDAY - timedelta(days=7)),
}


@pytest.mark.parametrize(
    ("references", "words", "expected"),
    [
        ((KNEE,), "Shortened to 30 min.", "↪️ Shortened to 30 min, since you said knee, 6/10 on Friday."),
        ((KNEE,), None, "↪️ Planned with your answer of Friday in mind: knee, 6/10."),
        ((HARD,), None, "↪️ Planned with your answer of 9 February in mind: Hard, RPE 9."),
        (
            (KNEE, HARD, GONE),
            "<b>Less",
            "↪️ &lt;b&gt;Less, since you said knee, 6/10 on Friday and Hard, RPE 9 on 9 February.",
        ),
        (
            (KNEE, HARD),
            None,
            "↪️ Planned with your answers in mind: knee, 6/10 on Friday and Hard, RPE 9 on 9 February.",
        ),
        ((GONE,), "Shortened to 30 min", "↪️ Shortened to 30 min."),
        ((GONE,), None, None),
    ],
)
def test_reason(references: tuple[AnswerReference, ...], words: str | None, expected: str | None) -> None:
    """In the plan's words, with the answers that are known; nothing is made up."""
    assert reason(PlanChange(references, words), ANSWERS, MONDAY, Language.EN) == expected


def test_languages() -> None:
    """As each says it."""
    change = PlanChange((KNEE,), "Acortado a 30 min")
    assert reason(change, ANSWERS, MONDAY, Language.ES) == (
        "↪️ Acortado a 30 min, porque dijiste rodilla, 6/10 el viernes."
    )
    assert reason(change, ANSWERS, MONDAY, Language.PT) == (
        "↪️ Acortado a 30 min, porque você disse joelho, 6/10 (sexta-feira)."
    )
