"""Whether a session was done: an answer and what was said besides decide it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail

FIELD = Detail.COMPLETED.facts.field.name
"""The field of a stored answer that says it, where the answer alone does not tell."""


class Completion(StrEnum):
    """How much of a session was done."""

    ALL = "all"
    PART = "part"
    NONE = "no"
    UNKNOWN = "not known"


def completion(type_: FeedbackType | None, completed: object) -> Completion:
    """How much of a session was done.

    Args:
        type_: the answer; None if there is none.
        completed: what stands in `FIELD`, by whomever; what is none of its choices says nothing.
    """
    if type_ is None:
        return Completion.UNKNOWN
    if type_.facts.is_done is not None:
        return Completion.ALL if type_.facts.is_done else Completion.NONE
    if completed in Detail.COMPLETED.facts.choices:
        return Completion(str(completed))
    return Completion.UNKNOWN


def completion_of(type_: FeedbackType | None, extras: Mapping[str, Any]) -> Completion:
    """The same from the fields of a stored answer."""
    return completion(type_, extras.get(FIELD))
