"""The declarations of answers."""

from __future__ import annotations

import re

import pytest

from bot.core.facts.answer_types import BY_COMPLETION, KNOWN_DONE, AnswerFacts, FeedbackType, read_type


def test_the_values_and_their_order() -> None:
    """They stand in payloads and documents, and the buttons in this order."""
    assert [type_.value for type_ in FeedbackType] == ["done", "skipped", "hard", "pain"]


def test_what_follows_from_an_answer() -> None:
    """Adherence, alerts and the order of figures hang on it."""
    assert list(KNOWN_DONE) == ["done", "hard"]
    assert list(BY_COMPLETION) == ["done", "hard", "pain", "skipped"]
    assert [type_.value for type_ in FeedbackType if type_.facts.alerts_coach] == ["pain"]
    assert [type_.value for type_ in FeedbackType if type_.facts.is_warning] == ["hard", "pain"]


def test_answers_can_be_told_apart() -> None:
    """In charts and texts."""
    facts = [type_.facts for type_ in FeedbackType]
    assert all(re.fullmatch("#[0-9a-f]{6}", each.colour) for each in facts)
    assert len({each.colour for each in facts}) == len({each.sign for each in facts}) == len(facts)


def test_an_answer_needs_a_declaration() -> None:
    """A member without one cannot be made."""
    done: AnswerFacts = FeedbackType.DONE.facts
    assert done.asks
    with pytest.raises(TypeError, match="nothing is declared for the answer 'partial'"):
        FeedbackType.__new_member__(FeedbackType, "partial")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stored", "type_"), [("done", "done"), (" Hard ", "hard"), ("great", None), (None, None), (5, None)]
)
def test_types_are_read_as_anybody_may_have_written_them(stored: object, type_: str | None) -> None:
    """Payloads, the summary and the figures read them alike."""
    assert read_type(stored) == type_
