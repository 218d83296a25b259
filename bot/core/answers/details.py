"""Details of an answer: effort, pain, reason. Reading them, and choosing the next question. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.answers.payloads import DetailTap
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.shared.tolerant import read_whole

MAX_WORDS = 200
"""Characters of an answer in the athlete's own words; whoever writes more writes a note."""


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
    if facts.is_written:
        return stored.strip()[:MAX_WORDS] or None if isinstance(stored, str) else None
    if facts.scale is not None:
        stored = read_whole(stored)
    return next((choice for choice in facts.choices if choice == stored), None)


def makes_sense(detail: Detail, type_: FeedbackType, details: Details) -> bool:
    """Whether a question may be put after an answer, by what was said to the others."""
    requires = detail.facts.requires
    if requires is None or (required := Detail(requires.question)) not in type_.facts.asks:
        return True
    return details.value(required) in requires.choices


def senseless_after(detail: Detail, value: int | str) -> tuple[Detail, ...]:
    """The questions whose answers this one takes away, since they would make no sense beside it."""
    return tuple(
        other
        for other in Detail
        if (requires := other.facts.requires) is not None
        and requires.question == detail.value
        and value not in requires.choices
    )


def next_question(type_: FeedbackType, details: Details, asked: frozenset[Detail]) -> Detail | None:
    """The question to put after an answer: the first one that has no value yet. None if there is none.

    Args:
        asked: the questions that are switched on.
    """
    if any(detail.facts.is_last and details.value(detail) is not None for detail in type_.facts.asks):
        return None
    return next((d for d in _with_buttons(type_, details, asked) if details.value(d) is None), None)


def question_after(
    tap: DetailTap, type_: FeedbackType, asked: frozenset[Detail], details: Details
) -> Detail | None:
    """The question to put after a tap on one: itself where it is asked again; else the next one.

    One that shares its field is put whether it has a value or not.

    Args:
        details: what is said by now.
    """
    if tap.ask_again:
        return tap.detail
    if tap.detail.facts.is_aside:
        return next_question(type_, details, asked)
    questions = type_.facts.asks
    later = questions[questions.index(tap.detail) + 1 :] if tap.detail in questions else ()
    return next(
        (
            detail
            for detail in _with_buttons(type_, details, asked)
            if detail in later
            and (details.value(detail) is None or detail.facts.field is tap.detail.facts.field)
        ),
        None,
    )


def open_words(type_: FeedbackType, details: Details) -> Detail | None:
    """The question that is waiting for the athlete's own words; None if none is."""
    return next(
        (
            detail
            for detail in type_.facts.asks
            if detail.facts.is_written
            and details.value(detail) is None
            and makes_sense(detail, type_, details)
        ),
        None,
    )


def asides(type_: FeedbackType, asked: frozenset[Detail]) -> tuple[Detail, ...]:
    """The questions of an answer of which the choices stand beside those of others."""
    return tuple(detail for detail in type_.facts.asks if detail in asked and detail.facts.is_aside)


def _with_buttons(type_: FeedbackType, details: Details, asked: frozenset[Detail]) -> Iterator[Detail]:
    return (
        detail
        for detail in type_.facts.asks
        if detail in asked
        and not (detail.facts.is_written or detail.facts.is_aside)
        and makes_sense(detail, type_, details)
    )
