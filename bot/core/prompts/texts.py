"""The question about a session, and the reminder in the morning (HTML); and the reply to /pending."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bot.core.i18n.catalog import PromptTexts
from bot.core.i18n.formats import counted, day_and_month, weekday
from bot.core.i18n.language import Language
from bot.core.plans.plan import detail_lines
from bot.core.prompts.prompt import AskAgainReason
from bot.core.shared.formatting import MAX_NOTE, MAX_TITLE, escape

_MAX_REMINDER = 2_500
_WEEK = 7


def prompt(
    title: str | None,
    note: str | None,
    language: Language,
    *,
    again: AskAgainReason | None = None,
    plan: Mapping[str, Any] | None = None,
    day: date | None = None,
    today: date | None = None,
    reason: str | None = None,
) -> str:
    """The question about one session (HTML).

    Args:
        plan: the session as planned, see `bot.core.plans.plan.PlannedSession.to_document`.
        day, today: the planned day, and the day on which the athlete reads this.
        reason: what in it came of their answers (HTML).
    """
    lines = [] if again is None else [_again(again, language.texts.prompts) + "\n"]
    lines.append(_question(day, today, language))
    lines += _session_lines(title, note, plan or {}, language)
    return "\n".join([*lines, *([] if reason is None else [reason])])


def words_count(language: Language, *, is_private: bool) -> str:
    """What the first question says besides: that it may be answered in words, too."""
    texts = language.texts.prompts
    return texts.words_count if is_private else texts.words_count_in_reply


def reminder(
    sessions: Sequence[Mapping[str, Any]], language: Language, reasons: Sequence[str | None] = ()
) -> str:
    """The reminder of today's sessions (HTML).

    Args:
        reasons: what in each of them came of the athlete's answers (HTML).
    """
    texts, number = language.texts.prompts, len(sessions)
    blocks = [counted(texts.todays, number, language)]
    room = _MAX_REMINDER
    for place, session in enumerate(sessions):
        reason = reasons[place] if place < len(reasons) else None
        lines = [*_session_lines(None, None, session, language), *([] if reason is None else [reason])]
        block = "\n".join(lines)
        room -= len(html.unescape(block))  # Telegram counts what is shown
        if room < 0:
            blocks.append(texts.more.format(number=number - place))
            break
        blocks.append(block)
    return "\n\n".join(blocks)


def pending(number: int, asked: int, language: Language) -> str:
    """The reply to /pending: how many questions are unanswered, and how many of them come again."""
    texts = language.texts.pending
    if not number:
        return texts.none
    if asked < number:
        questions = counted(language.texts.counts.questions, number, language)
        return texts.some.format(number=questions, asked=asked)
    return counted(texts.all, number, language)


def _again(why: AskAgainReason, texts: PromptTexts) -> str:
    match why:
        case AskAgainReason.ABSENCE:
            return texts.again_after_absence
        case AskAgainReason.LATER:
            return texts.again_later
        case AskAgainReason.NUDGE:
            return texts.again_as_nudge
        case AskAgainReason.PENDING:
            return texts.again_as_pending


def _question(day: date | None, today: date | None, language: Language) -> str:
    texts = language.texts.prompts
    if day is None or today is None or day >= today:
        return texts.how
    if (today - day).days < _WEEK:
        return texts.how_on_weekday.format(weekday=weekday(day, language))
    return texts.how_on_date.format(date=day_and_month(day, language))


def _session_lines(
    title: str | None, note: str | None, plan: Mapping[str, Any], language: Language
) -> list[str]:
    """Title, details and note of a session, each in lines of its own (HTML)."""
    lines = []
    if name := title or plan.get("activity"):
        lines.append(f"<b>{escape(str(name), MAX_TITLE)}</b>")
    labels = {"intensity": language.texts.prompts.intensity, "goal": language.texts.prompts.goal}
    lines += [escape(line, MAX_TITLE) for line in detail_lines({**plan, "note": None}, labels)]
    if text := note or plan.get("note"):
        lines.append(escape(str(text), MAX_NOTE))
    return lines
