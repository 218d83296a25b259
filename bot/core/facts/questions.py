"""The questions that follow an answer: one declaration for each, from which all else is derived.

After which answers a question is put stands with the answers, see `bot.core.facts.answer_types`; its words in
the athletes' languages stand in `bot.core.i18n`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self, TypeAlias, get_args

Place: TypeAlias = Literal[
    "foot",
    "achilles",
    "ankle",
    "calf",
    "shin",
    "knee",
    "hamstring",
    "thigh",
    "hip",
    "back",
    "shoulder",
    "other",
]
Side: TypeAlias = Literal["left", "right", "both"]
Completed: TypeAlias = Literal["all", "part", "no"]
Reason: TypeAlias = Literal["ill", "tired", "no time", "weather", "other"]
Change: TypeAlias = Literal["shortened", "swapped", "moved"]
Word: TypeAlias = Literal[Place, Side, Completed, Reason, Change]
"""The choices that are words, as they are stored; in the order of the buttons."""

SIDED: tuple[Place, ...] = tuple(place for place in get_args(Place) if place not in ("back", "other"))
"""The places of which there are two."""
ELSEWHERE: Place = "other"
"""The place that has to be told in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerField:
    """A field of stored answers in which what was said to one question stands, or to several.

    Attributes:
        description: what it holds, in the schema of the API.
        meaning: what it tells whoever plans, in English; None: the words speak for themselves.
        better: which way is.
    """

    name: str
    description: str
    meaning: str | None = None
    better: Literal["higher", "lower", "neither"] = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What must have been said for a question to make sense.

    Attributes:
        question: the value of another one. Where an answer does not ask that, nothing is required.
        choices: of which one was made there.
    """

    question: str
    choices: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFacts:
    """The properties of a question, wherever it is put, stored or passed on.

    Attributes:
        field: where what is said stands.
        part: under which name in it, where the field is an object because questions share it. A number in
            place of the object stands for the part that is a scale.
        choices: what can be said, as it is stored and in the order of the buttons: words, or the numbers of a
            scale. None at all: it is answered in the athlete's own words, by a message.
        choices_per_row: how many buttons stand side by side.
        setting: the variable that switches it, in lower case; several questions may have one in common.
        is_aside: whether it is never put by itself: its choices stand beside those of another question, or
            behind a button.
        is_last: whether nothing more is asked once something is said to it.
        requires: None: it makes sense whatever was said.
        explains: whether it says more about what the question before it in its field has found.
    """

    field: AnswerField
    part: str | None = None
    choices: tuple[Word, ...] | tuple[int, ...]
    choices_per_row: int
    setting: str
    is_aside: bool = False
    is_last: bool = False
    requires: Requirement | None = None
    explains: bool = False

    @property
    def is_written(self) -> bool:
        """Whether it is answered by a message instead of a button."""
        return not self.choices

    @property
    def path(self) -> str:
        """The path of its value in a document: `rpe`, `pain.level`."""
        return self.field.name if self.part is None else f"{self.field.name}.{self.part}"

    @property
    def scale(self) -> tuple[int, int] | None:
        """The least and the greatest number that can be said; None: words are said."""
        numbers = [choice for choice in self.choices if isinstance(choice, int)]
        return (min(numbers), max(numbers)) if numbers else None


_ZERO_TO_TEN = tuple(range(11))
_RPE = AnswerField(
    name="rpe",
    description="How hard the whole session was, 0 (rest) to 10 (maximal) on Foster's CR-10 scale.",
    meaning="how hard the whole session was for the athlete, on Foster's CR-10 scale: 0 is rest, 10 is"
    " maximal. To be read against the planned intensity",
)
_PAIN = AnswerField(
    name="pain",
    description="After pain: `where` it hurts, on which `side`, its `level`, 0 (none) to 10 (the worst), and"
    " for `other` the athlete's `words` for where.",
    meaning="where it hurts (side, or words for other) and how much (level), as the athlete said: 0 is no"
    " pain, 10 is the worst",
    better="lower",
)
_COMPLETED = AnswerField(
    name="completed",
    description="After pain: whether the session was done: all, part or no; absent: not known.",
)
_REASON = AnswerField(
    name="reason", description=f"After skipped: {', '.join(get_args(Reason))}, or a coach's own words."
)
_CHANGE = AnswerField(
    name="change",
    description="What else happened: `shortened`, or `swapped` for another session, after done and hard;"
    " `moved` to another day, after skipped.",
    meaning="what was different from the plan, as the athlete said: done, but shortened, or swapped for"
    " another session; or skipped, because it is moved to another day",
)


class Detail(StrEnum):
    """A question after an answer; the value is the first part of its payload."""

    _value_: str
    facts: QuestionFacts

    # The default is for the type checker, which takes a look-up by value for a call of this.
    def __new__(cls, value: str, facts: QuestionFacts | None = None) -> Self:
        """A member and what follows from it.

        Raises:
            TypeError: nothing is declared for it.
        """
        if facts is None:
            raise TypeError(f"nothing is declared for the question {value!r}")
        member = str.__new__(cls, value)
        member._value_ = value
        member.facts = facts
        return member

    RPE = (
        "rpe",
        QuestionFacts(
            field=_RPE,
            choices=_ZERO_TO_TEN,
            choices_per_row=4,
            setting="ask_rpe",
            requires=Requirement(question="completed", choices=("all", "part")),
        ),
    )
    PLACE = (
        "where",
        QuestionFacts(
            field=_PAIN,
            part="where",
            choices=get_args(Place),
            choices_per_row=3,
            setting="ask_pain",
        ),
    )
    SIDE = (
        "side",
        QuestionFacts(
            field=_PAIN,
            part="side",
            choices=get_args(Side),
            choices_per_row=4,
            setting="ask_pain",
            requires=Requirement(question="where", choices=SIDED),
            explains=True,
        ),
    )
    WORDS = (
        "words",
        QuestionFacts(
            field=_PAIN,
            part="words",
            choices=(),
            choices_per_row=1,
            setting="ask_pain",
            requires=Requirement(question="where", choices=(ELSEWHERE,)),
            explains=True,
        ),
    )
    PAIN = (
        "pain",
        QuestionFacts(field=_PAIN, part="level", choices=_ZERO_TO_TEN, choices_per_row=4, setting="ask_pain"),
    )
    COMPLETED = (
        "completed",
        QuestionFacts(
            field=_COMPLETED,
            choices=get_args(Completed),
            choices_per_row=4,
            setting="ask_completed",
        ),
    )
    REASON = (
        "reason",
        QuestionFacts(field=_REASON, choices=get_args(Reason), choices_per_row=2, setting="ask_reason"),
    )
    CHANGE = (
        "change",
        QuestionFacts(
            field=_CHANGE,
            choices=("shortened", "swapped"),
            choices_per_row=2,
            setting="ask_change",
            is_aside=True,
        ),
    )
    MOVED = (
        "moved",
        QuestionFacts(
            field=_CHANGE,
            choices=("moved",),
            choices_per_row=1,
            setting="ask_change",
            is_aside=True,
            is_last=True,
        ),
    )


FIELDS: Mapping[str, tuple[Detail, ...]] = {
    name: tuple(detail for detail in Detail if detail.facts.field.name == name)
    for name in (detail.facts.field.name for detail in Detail)
}
"""The fields of stored answers that questions fill, by name, and these questions."""
EFFORT = Detail.RPE
"""The question that is put of a session that an athlete logs."""
SETTINGS = tuple(dict.fromkeys(detail.facts.setting for detail in Detail))
"""The variables that switch questions, in lower case."""
WORDS: Mapping[str, Word] = {word: word for word in get_args(Word)}
"""All words that can be said, by themselves."""
