"""The declarations of follow-up questions."""

from __future__ import annotations

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS, SETTINGS, SIDED, Detail


def test_the_values_and_where_they_stand() -> None:
    """They stand in payloads and documents."""
    assert {detail.value: detail.facts.path for detail in Detail} == {
        "rpe": "rpe",
        "where": "pain.where",
        "side": "pain.side",
        "words": "pain.words",
        "pain": "pain.level",
        "completed": "completed",
        "reason": "reason",
        "change": "change",
        "moved": "change",
    }
    assert list(FIELDS) == ["rpe", "pain", "completed", "reason", "change"]
    assert SETTINGS == ("ask_rpe", "ask_pain", "ask_completed", "ask_reason", "ask_change")


def test_places_that_older_answers_have_are_still_places() -> None:
    """What is stored stays valid; and a runner finds what hurts runners."""
    old = {"foot", "ankle", "calf", "knee", "thigh", "hip", "back", "shoulder", "other"}
    runners = {"foot", "achilles", "calf", "shin", "knee", "hamstring", "hip", "back"}
    assert set(Detail.PLACE.facts.choices) == old | runners
    assert set(Detail.PLACE.facts.choices) - set(SIDED) == {"back", "other"}


@pytest.mark.parametrize("detail", Detail)
def test_a_declaration_holds_together(detail: Detail) -> None:
    """Something asks it, its choices differ and are of one kind, and shared fields are objects."""
    facts = detail.facts
    assert any(detail in type_.facts.asks for type_ in FeedbackType)
    assert len({str(choice) for choice in facts.choices}) == len(facts.choices)
    assert len({type(choice) for choice in facts.choices}) == (not facts.is_written)
    if facts.requires is not None:
        assert set(facts.requires.choices) <= set(Detail(facts.requires.question).facts.choices)
    if facts.scale is not None:
        assert list(facts.choices) == list(range(facts.scale[0], facts.scale[1] + 1))
        assert facts.field.meaning
    sharing = [other.facts for other in FIELDS[facts.field.name]]
    assert all(other.field is facts.field for other in sharing)
    parts = [other.part for other in sharing]
    if None in parts:  # of several only one is asked after an answer, and their words differ
        assert set(parts) == {None}
        assert all(
            sum(other in type_.facts.asks for other in FIELDS[facts.field.name]) <= 1
            for type_ in FeedbackType
        )
        words = [choice for other in sharing for choice in other.choices]
        assert len(set(words)) == len(words)
        return
    assert len(set(parts)) == len(parts)
    # A number in place of the object stands for one of them.
    assert sum(other.scale is not None for other in sharing) == 1


def test_a_question_needs_a_declaration() -> None:
    """A member without one cannot be made."""
    with pytest.raises(TypeError, match="nothing is declared for the question 'sleep'"):
        Detail.__new_member__(Detail, "sleep")  # type: ignore[attr-defined]
