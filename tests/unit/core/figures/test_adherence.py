"""Adherence and response rate."""

from __future__ import annotations

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.adherence import Adherence

ANSWERS = dict.fromkeys((type_.value for type_ in FeedbackType), 0) | {
    "done": 1,
    "hard": 2,
    "skipped": 1,
    "pain": 1,
}


def test_rates() -> None:
    """What is known to be done, and what is answered, of what was asked about; rounded for machines."""
    week = Adherence(ANSWERS, 7)
    assert (week.known_done, week.answered) == (3, 5)
    assert (week.adherence, week.response_rate) == (3 / 7, 5 / 7)
    assert week.to_json() == {
        "asked": 7, "answered": 5, **ANSWERS, "completedAll": 0, "adherence": 0.429, "responseRate": 0.714,
    }  # fmt: skip
    told = Adherence(ANSWERS, 7, completed=1)
    assert (told.known_done, told.answered, told.to_json()["completedAll"]) == (4, 5, 1)


@pytest.mark.parametrize(
    "week", [Adherence(dict.fromkeys(FeedbackType, 0), 0), Adherence(ANSWERS, 7, is_known=False)]
)
def test_rates_that_are_not_known(week: Adherence) -> None:
    """Nothing was asked, or answers have expired."""
    assert (week.adherence, week.response_rate) == (None, None)
    assert week.rates_json() == {"adherence": None, "responseRate": None}
