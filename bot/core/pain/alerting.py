"""Whether what an athlete says about pain must ring the coach's phone, or is put into what was told. Pure.

Pain is told at once. What is said within a minute belongs to the message that has just rung, and is put into
it; an edit rings nobody's phone, so what matters later, or is severe, comes as a message of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.core.answers.details import Details, read_details
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.pain.episodes import Spot
from bot.core.pain.stored import PAIN, level_of, spot_of

RUN_ID = "pain"
"""The run under which what is told of reports stands in the outbox."""
SEVERE = 7
"""From this level on it is told anew, whatever was told a moment ago."""
GATHERED_WITHIN = timedelta(minutes=1)
HURTS = next(type_ for type_ in FeedbackType if type_.facts.alerts_coach)
"""The answer that a report stands for where there is no session."""


@dataclass(frozen=True, slots=True)
class ToldPain:
    """What a message has told.

    Attributes:
        level: None: it was not said.
        note: the athlete's words; None: there were none.
    """

    spot: Spot
    level: int | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Showing:
    """What stands in the coach's chat.

    Attributes:
        text: of the message, without who has seen it (HTML).
    """

    text: str
    pain: ToldPain

    def to_document(self, *, is_new: bool) -> dict[str, Any]:
        """As it is kept with the alert.

        Args:
            is_new: whether it is a message that rings, rather than an edit.
        """
        spot = self.pain.spot
        said = {Detail.PLACE: spot.place, Detail.SIDE: spot.side, Detail.PAIN: self.pain.level}
        details = Details({detail: value for detail, value in said.items() if value is not None})
        return {"text": self.text, "note": self.pain.note, "isNew": is_new, **details.to_document()}


def read_told(value: object) -> Showing | None:
    """What was kept; None if it is nothing of the kind."""
    if not isinstance(value, Mapping) or not isinstance(text := value.get("text"), str):
        return None
    details = read_details({PAIN: value.get(PAIN)})
    note = value.get("note")
    pain = ToldPain(spot_of(details), level_of(details), note if isinstance(note, str) else None)
    return Showing(text, pain)


def rings(told: ToldPain, now: ToldPain, *, sent_at: datetime, at: datetime, is_seen: bool) -> bool:
    """Whether it takes a new message.

    Args:
        told: what was told until now.
        now: what is the case now.
        sent_at: when the last message rang.
        at: when it was said.
        is_seen: whether somebody has read that message, and is not going to look at it again.
    """
    level, before = now.level or 0, told.level or 0
    if level >= SEVERE > before:
        return True
    if not is_seen and at - sent_at < GATHERED_WITHIN:
        return False
    is_elsewhere = now.spot.place is not None and now.spot.place != told.spot.place
    is_wider = told.spot.side is not None and now.spot.side not in (None, told.spot.side)
    return is_elsewhere or is_wider or level > before or _says_more(told.note, now.note)


def _says_more(told: str | None, now: str | None) -> bool:
    """Whether there are words that were not there; those that were changed are no more."""
    return now is not None and (told is None or (now != told and now.startswith(told)))
