"""Details of an answer: effort, pain, reason. Reading them, and choosing the next question. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.answers.payloads import DetailTap
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.shared.tolerant import read_whole


@dataclass(frozen=True, slots=True)
class Details:
    """The details of an answer.

    Attributes:
        said: by question, the choice that was made; questions without one are left out.
    """

    said: Mapping[Detail, int | str] = field(default_factory=dict)

    def value(self, detail: Detail) -> int | str | None:
        """The choice that was made; None if there is none."""
        return self.said.get(detail)

    def to_document(self) -> dict[str, Any]:
        """The fields of a stored answer; those to which nothing was said are left out."""
        document: dict[str, Any] = {}
        for detail, value in self.said.items():
            facts = detail.facts
            if facts.part is None:
                document[facts.field.name] = value
            else:
                document.setdefault(facts.field.name, {})[facts.part] = value
        return document


def read_details(document: Mapping[str, Any]) -> Details:
    """The details in a feedback event, by whomever it was written; what cannot be read counts as not said."""
    found = {detail: _read(detail, document.get(detail.facts.field.name)) for detail in Detail}
    return Details({detail: value for detail, value in found.items() if value is not None})


def _read(detail: Detail, stored: object) -> int | str | None:
    facts = detail.facts
    if facts.part is not None:
        if isinstance(stored, Mapping):
            stored = stored.get(facts.part)
        elif facts.scale is None:
            return None
    if facts.scale is not None:
        stored = read_whole(stored)
    return next((choice for choice in facts.choices if choice == stored), None)


def next_question(type_: FeedbackType, details: Details, asked: frozenset[Detail]) -> Detail | None:
    """The question to put after an answer: the first one that has no value yet. None if there is none.

    Args:
        asked: the questions that are switched on.
    """
    if any(detail.facts.is_last and details.value(detail) is not None for detail in type_.facts.asks):
        return None
    open_ = (detail for detail in type_.facts.asks if details.value(detail) is None)
    return next((detail for detail in open_ if detail in asked and not detail.facts.is_aside), None)


def question_after(
    tap: DetailTap, type_: FeedbackType, asked: frozenset[Detail], details: Details
) -> Detail | None:
    """The question to put after a tap on one: the next one, or itself where it is asked again.

    Args:
        details: what is said by now.
    """
    if tap.ask_again:
        return tap.detail
    if tap.detail.facts.is_aside:
        return next_question(type_, details, asked)
    questions = type_.facts.asks
    later = questions[questions.index(tap.detail) + 1 :] if tap.detail in questions else ()
    return next((detail for detail in later if detail in asked and not detail.facts.is_aside), None)


def asides(type_: FeedbackType, asked: frozenset[Detail]) -> tuple[Detail, ...]:
    """The questions of an answer of which the choices stand beside those of others."""
    return tuple(detail for detail in type_.facts.asks if detail in asked and detail.facts.is_aside)
