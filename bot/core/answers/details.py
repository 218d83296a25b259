"""What can be said besides an answer, one tap each: how hard it was, where it hurts, why not. Pure.

    rpe|runId|sessionId|7           session RPE on Foster's CR-10 scale, after done and hard
    where|runId|sessionId|knee      after pain
    pain|runId|sessionId|6          after pain, 0 to 10
    reason|runId|sessionId|ill      after skipped

The value `-` leaves a question out, `?` asks it again. Ids travel as in `bot.core.answers.payloads`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.answers.payloads import (
    DAMAGED,
    MAX_CALLBACK_BYTES,
    REFERENCE_SESSION,
    is_reference,
    make_reference,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.shared.tolerant import read_int64

LEAST, MOST = 0, 10
"""RPE and pain: 0 is rest and no pain, 10 is maximal and the worst pain."""

PLACES = ("foot", "ankle", "calf", "knee", "thigh", "hip", "back", "shoulder", "other")
REASONS = ("ill", "tired", "no time", "weather", "other")
"""As they are stored."""

_LEAVE_OUT, _ASK_AGAIN = "-", "?"


_CHOICES: Mapping[Detail, tuple[int | str, ...]] = {
    Detail.RPE: tuple(range(LEAST, MOST + 1)),
    Detail.PLACE: PLACES,
    Detail.PAIN: tuple(range(LEAST, MOST + 1)),
    Detail.REASON: REASONS,
}


@dataclass(frozen=True, slots=True)
class Details:
    """What is known besides an answer; None: nothing was said.

    Attributes:
        rpe, pain: 0 to 10.
        place: one of `PLACES`.
        reason: one of `REASONS`.
    """

    rpe: int | None = None
    place: str | None = None
    pain: int | None = None
    reason: str | None = None

    def value(self, detail: Detail) -> int | str | None:
        """What was said to one question."""
        match detail:
            case Detail.RPE:
                return self.rpe
            case Detail.PLACE:
                return self.place
            case Detail.PAIN:
                return self.pain
            case Detail.REASON:
                return self.reason


@dataclass(frozen=True, slots=True)
class DetailTap:
    """A payload that was understood.

    Attributes:
        run_id, session_id: never blank; references when `is_reference`.
        value: None leaves the question out.
        ask_again: whether to put the question once more; then there is no value.
    """

    run_id: str
    session_id: str
    detail: Detail
    value: int | str | None
    ask_again: bool = False

    @property
    def is_reference(self) -> bool:
        """Whether the ids stand in a prompt record instead of in the payload."""
        return is_reference(self.run_id, self.session_id)


def choices(detail: Detail) -> tuple[int | str, ...]:
    """What can be answered, as it is stored."""
    return _CHOICES[detail]


def parse_detail(data: object) -> DetailTap | None:
    """Read callback data. Total: None for everything else."""
    if not isinstance(data, str) or data.count("|") != 3:
        return None
    form, run_id, session_id, said = data.split("|")
    try:
        detail = Detail(form)
    except ValueError:
        return None
    if not run_id.strip() or not session_id.strip() or DAMAGED.search(run_id + session_id):
        return None
    if said in (_LEAVE_OUT, _ASK_AGAIN):
        return DetailTap(run_id, session_id, detail, None, ask_again=said == _ASK_AGAIN)
    values = {_encode(value): value for value in choices(detail)}
    return DetailTap(run_id, session_id, detail, values[said]) if said in values else None


Ids = tuple[str, str]
"""Run and session as they travel in payloads: as they are, or as a reference."""


def travelling(run_id: str, session_id: str, *, by_reference: bool) -> Ids | None:
    """The ids of a session for the payloads here; None if they fit into none.

    Args:
        by_reference: whether the session's answers travel by reference. Only then is there surely a prompt
            record that resolves one.
    """
    ids = (make_reference(run_id, session_id), REFERENCE_SESSION) if by_reference else (run_id, session_id)
    longest = format_detail(ids, *_LONGEST)
    tap = parse_detail(longest)
    fits = tap is not None and (tap.run_id, tap.session_id) == ids and tap.is_reference == by_reference
    return ids if fits and len(longest.encode()) <= MAX_CALLBACK_BYTES else None


def format_detail(ids: Ids, detail: Detail, value: int | str | None) -> str:
    """The callback data of one choice; None leaves the question out."""
    return "|".join((detail, *ids, _LEAVE_OUT if value is None else _encode(value)))


def format_again(ids: Ids, detail: Detail) -> str:
    """The callback data of the wish to say it differently."""
    return "|".join((detail, *ids, _ASK_AGAIN))


def _encode(value: int | str) -> str:
    return str(value).replace(" ", "_")


def read_details(document: Mapping[str, Any]) -> Details:
    """The details in a feedback event, by whomever it was written; what cannot be read counts as not said."""
    pain = document.get("pain")
    place, level = (pain.get("where"), pain.get("level")) if isinstance(pain, Mapping) else (None, pain)
    reason = document.get("reason")
    return Details(
        rpe=_level(document.get("rpe")),
        place=place if place in PLACES else None,
        pain=_level(level),
        reason=reason if reason in REASONS else None,
    )


def _level(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():  # n8n and mongosh write numbers as doubles
        value = int(value)
    number = read_int64(value)
    return number if number is not None and LEAST <= number <= MOST else None


def next_question(type_: FeedbackType, details: Details, asked: frozenset[Detail]) -> Detail | None:
    """What to ask after an answer: the first question that nothing was said to.

    Args:
        asked: the questions that are switched on.
    """
    return next((d for d in type_.facts.asks if d in asked and details.value(d) is None), None)


def question_after(tap: DetailTap, type_: FeedbackType, asked: frozenset[Detail]) -> Detail | None:
    """What to ask after a tap on a question: the one behind it, or itself where it is asked again."""
    if tap.ask_again:
        return tap.detail
    questions = type_.facts.asks
    later = questions[questions.index(tap.detail) + 1 :] if tap.detail in questions else ()
    return next((detail for detail in later if detail in asked), None)


_LONGEST = max(
    ((detail, value) for detail in Detail for value in choices(detail)),
    key=lambda it: len(it[0] + _encode(it[1])),
)
