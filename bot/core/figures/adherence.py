"""Adherence and response rate, for the figures and the summary alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.facts.answer_types import KNOWN_DONE


@dataclass(frozen=True, slots=True)
class Adherence:
    """The answers about some sessions, and the rates that follow from them.

    Attributes:
        answers: by type, all types present.
        asked: sessions asked about.
        is_known: whether all answers are still stored.
        completed: of the answers that do not tell by themselves whether the session was done, those of which
            the athlete said that it was, as a whole.
    """

    answers: Mapping[str, int]
    asked: int
    is_known: bool = True
    completed: int = 0

    @property
    def answered(self) -> int:
        """Sessions with an answer."""
        return sum(self.answers.values())

    @property
    def known_done(self) -> int:
        """Sessions that are known to be done."""
        return sum(self.answers[type_] for type_ in KNOWN_DONE) + self.completed

    @property
    def adherence(self) -> float | None:
        """Known to be done / asked; None if nothing was asked, or some answer is not known any more."""
        return self._share(self.known_done)

    @property
    def response_rate(self) -> float | None:
        """Answered / asked; None as for `adherence`."""
        return self._share(self.answered)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        counts = {"asked": self.asked, "answered": self.answered, **self.answers}
        return {**counts, "completedAll": self.completed, **self.rates_json()}

    def rates_json(self) -> dict[str, float | None]:
        """The two rates, for machines: rounded."""
        rates = {"adherence": self.adherence, "responseRate": self.response_rate}
        return {name: None if rate is None else round(rate, 3) for name, rate in rates.items()}

    def _share(self, number: int) -> float | None:
        return number / self.asked if self.asked and self.is_known else None
