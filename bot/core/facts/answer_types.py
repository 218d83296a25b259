"""The answers to a question about a session: one declaration for each, from which all else is derived.

Its labels in the athletes' languages stand in `bot.core.i18n`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self, TypeAlias

from bot.core.facts.questions import Detail

Style: TypeAlias = Literal["success", "danger"]
"""How a button looks, by the Bot API's names: green, red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """The properties of an answer, wherever it is shown, counted or passed on.

    Attributes:
        sign: an emoji for it; `signs`: others that people write for it.
        meaning: what it tells whoever plans, in English.
        is_done: whether the session was done: it counts for adherence; None: the answer does not tell.
        asks: the questions that follow it, in this order.
        colour: in charts, `#rrggbb`.
        style: of its button; None: like the others.
        alerts_coach: whether the coach is told at once.
        is_warning: whether several in a row are a bad sign, so that the summary counts them.
    """

    sign: str
    meaning: str
    is_done: bool | None
    asks: tuple[Detail, ...]
    colour: str
    style: Style | None = None
    signs: tuple[str, ...] = ()
    alerts_coach: bool = False
    is_warning: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether all is as it was meant to be."""
        return self.is_done is True and not (self.is_warning or self.alerts_coach)


class FeedbackType(StrEnum):
    """An answer to a question about a session; in the order of the buttons."""

    _value_: str
    facts: AnswerFacts

    # The default is for the type checker, which takes a look-up by value for a call of this.
    def __new__(cls, value: str, facts: AnswerFacts | None = None) -> Self:
        """A member and what follows from it.

        Raises:
            TypeError: nothing is declared for it.
        """
        if facts is None:
            raise TypeError(f"nothing is declared for the answer {value!r}")
        member = str.__new__(cls, value)
        member._value_ = value
        member.facts = facts
        return member

    # The colours are after Okabe and Ito: told apart by people who see few, also by their lightness.
    DONE = (
        "done",
        AnswerFacts(
            sign="✅",
            signs=("👍", "👌", "☑", "✔"),
            meaning="the athlete did the session as planned",
            is_done=True,
            asks=(Detail.RPE, Detail.CHANGE),
            colour="#56b4e9",
            style="success",
        ),
    )
    SKIPPED = (
        "skipped",
        AnswerFacts(
            sign="⏭",
            meaning="the athlete did not do the session",
            is_done=False,
            asks=(Detail.REASON, Detail.MOVED),
            colour="#7d8b99",
        ),
    )
    HARD = (
        "hard",
        AnswerFacts(
            sign="🥵",
            meaning="the athlete did the session, and it was harder than it should have been",
            is_done=True,
            asks=(Detail.RPE, Detail.CHANGE),
            colour="#f0c419",
            is_warning=True,
        ),
    )
    PAIN = (
        "pain",
        AnswerFacts(
            sign="🤕",
            meaning="something hurt. `completed` says whether the session was done (all, part, no);"
            " without it that is not known",
            is_done=None,
            asks=(Detail.PLACE, Detail.SIDE, Detail.WORDS, Detail.PAIN, Detail.COMPLETED, Detail.RPE),
            colour="#ff6a4d",
            style="danger",
            alerts_coach=True,
            is_warning=True,
        ),
    )


LOGGED = FeedbackType.DONE
"""What a session is that an athlete logs, without being asked."""
KNOWN_DONE = tuple(type_ for type_ in FeedbackType if type_.facts.is_done)
"""The answers after which the session counts as done, whatever else was said."""
BY_COMPLETION = tuple(sorted(FeedbackType, key=lambda type_: (True, None, False).index(type_.facts.is_done)))
"""All answers: first those after which it was done, then those that do not tell, then the others."""


def read_type(value: object) -> FeedbackType | None:
    """The answer that text names, in whichever case and with space around; None for everything else."""
    try:
        return FeedbackType(value.strip().lower()) if isinstance(value, str) else None
    except ValueError:
        return None
