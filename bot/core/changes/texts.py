"""What came of somebody's answers, as they read it (HTML)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot.core.answers import detail_texts
from bot.core.answers.details import Details
from bot.core.answers.texts import label
from bot.core.changes.because import MAX_WORDS, AnswerReference, PlanChange
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS
from bot.core.i18n.formats import day_and_month, listed, weekday
from bot.core.i18n.language import Language
from bot.core.pain.stored import PAIN
from bot.core.shared.formatting import escape_line

_WEEK = 7
_MAX_SAID = 120


@dataclass(frozen=True, slots=True)
class SaidAnswer:
    """An answer that a plan refers to, as it stands now.

    Attributes:
        day: on which it was given, in the athlete's zone.
    """

    type: FeedbackType
    details: Details
    day: date


def reason(
    change: PlanChange, answers: Mapping[AnswerReference, SaidAnswer], today: date, language: Language
) -> str | None:
    """That something is planned so because of what the athlete said: in the plan's words, with the answers.

    None where nothing is known: nothing is made up.

    Args:
        answers: the athlete's own; of a reference that is not there nothing is said.
    """
    texts = language.texts.changes
    known = [answer for it in change.because if (answer := answers.get(it)) is not None]
    words = None if change.words is None else escape_line(change.words, MAX_WORDS).rstrip(".… ")
    if not known:
        return None if not words else f"↪️ {words}."
    said = [texts.said.format(what=_what(it, language), day=_day(it.day, today, language)) for it in known]
    together = listed(said, "standard", language)
    if words:
        return texts.changed.format(words=words, said=together)
    if len(known) > 1:
        return texts.planned_with.format(said=together)
    [one] = known
    return texts.planned.format(what=_what(one, language), day=_day(one.day, today, language))


def _what(answer: SaidAnswer, language: Language) -> str:
    """An answer in a few words: of pain where and how much, of the others with their name."""
    name = label(answer.type, language).partition(" ")[2]
    if answer.type.facts.alerts_coach:
        parts = detail_texts.short(answer.details, (PAIN,), language) or [name]
    else:
        parts = [name, *detail_texts.short(answer.details, FIELDS, language)]
    return escape_line(", ".join(parts), _MAX_SAID)


def _day(day: date, today: date, language: Language) -> str:
    return weekday(day, language) if 0 <= (today - day).days < _WEEK else day_and_month(day, language)
