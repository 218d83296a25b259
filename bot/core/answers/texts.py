"""Notices after taps, and the text of a question with its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo

from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.catalog import RefusalTexts
from bot.core.i18n.formats import clock_time, counted, long_date
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_MESSAGE, clip_units, units

_ANSWER_LINE = "\n\n➜ "
TRACE = "\n\n"
"""Before the line that says when a question comes again."""
_MARK = "• "
_SUGGESTED = "👉 "
_NOTE_SIGN = "📝 "
_NOTE_LINE = f"\n\n{_NOTE_SIGN}"


def label(type_: FeedbackType, language: Language) -> str:
    """The label of an answer's button."""
    return f"{type_.facts.sign} {language.texts.answers.type(type_).label}"


def saved(type_: FeedbackType, language: Language) -> str:
    """The toast after a tap that is stored; callers know that it is durable."""
    return language.texts.answers.saved.format(label=label(type_, language))


def saved_already(type_: FeedbackType, language: Language) -> str:
    """The toast after the same tap once more."""
    return language.texts.answers.saved_already.format(label=label(type_, language))


def superseded(type_: FeedbackType, language: Language) -> str:
    """The toast after a tap that arrived behind a newer one."""
    return language.texts.answers.superseded.format(label=label(type_, language))


def postponed(again_at: datetime, zone: tzinfo, now: datetime, language: Language) -> str:
    """The toast after a tap on Later: when the question comes again, in the athlete's zone."""
    texts = language.texts.answers
    local = again_at.astimezone(zone)
    match (local.date() - now.astimezone(zone).date()).days:
        case 0:
            day = texts.today
        case 1:
            day = texts.tomorrow
        case _:
            day = texts.on_date.format(date=long_date(local.date(), language))
    return texts.asked_again.format(day=day, time=clock_time(local, language))


def not_written(result: NotWritten, late_after_days: int, language: Language) -> str:
    """The notice after a tap that is not stored (at most 200 characters)."""
    texts = language.texts.refusals
    if result.cause is not None:
        text = _cause(result.cause, texts)
    else:
        match result.outcome:
            case Outcome.LATE if result.age_days is None:
                text = texts.too_old
            case Outcome.LATE:
                text = texts.late
            case Outcome.UNKNOWN:
                text = texts.unknown
            case Outcome.REFUSED:
                text = texts.refused
            case _:
                text = texts.invalid
    days = language.texts.counts.days
    return text.format(
        age=counted(days, result.age_days or 0, language), days=counted(days, late_after_days, language)
    )


def _cause(cause: Cause, texts: RefusalTexts) -> str:
    match cause:
        case Cause.FOREIGN:
            return texts.foreign
        case Cause.ANSWERED:
            return texts.answered
        case Cause.NO_TIME_LEFT:
            return texts.no_time_left
        case Cause.PAUSED:
            return texts.paused
        case Cause.NO_ANSWER:
            return texts.no_answer
        case Cause.OTHER_ANSWER:
            return texts.other_answer
        case Cause.NO_ALERT:
            return texts.no_alert
        case Cause.NO_NOTE:
            return texts.no_note
        case Cause.NOT_ASKED:
            return texts.not_asked
        case Cause.WEEK_OVER:
            return texts.week_over
        case Cause.FORGOTTEN:
            return texts.forgotten


def asked_text(text: str) -> str:
    """A question's text without what is shown below it: the answer, a note, or when it comes again."""
    asked, line, shown = text.rpartition(_ANSWER_LINE)
    if line and shown.partition("\n")[0] in _ALL_LABELS:
        return asked
    text = without_trace(text)
    asked, line, shown = text.rpartition(_NOTE_LINE)
    return asked if line and "\n" not in shown else text


def without_trace(text: str) -> str:
    """The text of a question that is not answered yet, without when it comes again."""
    asked, line, shown = text.rpartition(TRACE)
    return asked if line and _TRACES.fullmatch(shown) else text


def answer_block(text: str, note: str | None) -> str | None:
    """What stands below a question for its answer, with this note; None: it shows no answer."""
    asked = asked_text(text)
    if not text[len(asked) :].startswith(_ANSWER_LINE):
        return None
    said, line, question = text[len(asked) + len(_ANSWER_LINE) :].partition("\n\n")
    lines = [it for it in said.split("\n") if not it.startswith(_NOTE_SIGN)]
    return _ANSWER_LINE + "\n".join([*lines, *([] if note is None else [note])]) + line + question


def note_block(note: str) -> str:
    """What stands below a question that is not answered yet, for a note."""
    return f"\n\n{note}"


def unanswered_prefix(text: str) -> str:
    """What a question begins with that is asked once more, up to the question: not true any more once it is
    answered. Empty if it is asked for the first time."""
    first, line, _ = text.partition("\n\n")
    return first + line if line and first in _AGAIN else ""


def shown_text(
    text: str,
    type_: FeedbackType,
    language: Language,
    *,
    lines: Sequence[str] = (),
    question: str | None = None,
) -> str:
    """A question's text with the chosen answer below, in place of an earlier one.

    Where that is too long for one message, the question's text is cut.

    Args:
        lines: what was said besides the answer.
        question: what is asked now.
    """
    text = text.removeprefix(unanswered_prefix(text))
    below = _ANSWER_LINE + "\n".join([label(type_, language), *lines])
    if question is not None:
        below += f"\n\n{question}"
    return clip_units(_without_offer(asked_text(text)), MAX_MESSAGE - units(below)) + below


def _without_offer(text: str) -> str:
    """The text without the line that asks whether an answer is meant."""
    rest, _, last = text.rpartition("\n")
    return rest if _OFFERS.fullmatch(last) else text


def marked(text: str, *, chosen: bool) -> str:
    """A button's label, marked when it is the answer that counts."""
    plain = text.removeprefix(_MARK).removeprefix(_SUGGESTED)
    return _MARK + plain if chosen else plain


def suggested(text: str) -> str:
    """A button's label, marked as what may be meant."""
    return _SUGGESTED + text


_ALL_LABELS = frozenset(label(type_, language) for type_ in FeedbackType for language in Language)


def _matching(template: str) -> str:
    """A pattern of what can be made of a text with values."""
    return ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", template))


_TRACES = re.compile("|".join(_matching(language.texts.later.trace) for language in Language))
_OFFERS = re.compile("|".join(_matching(language.texts.words.offered) for language in Language))
_AGAIN = frozenset(
    text
    for texts in (language.texts.prompts for language in Language)
    for text in (
        texts.again_after_absence,
        texts.again_later,
        texts.again_as_nudge,
        texts.again_as_pending,
    )
)
