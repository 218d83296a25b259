"""The alert to the coach about pain, and the notice to the athlete once it is seen (HTML)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from bot.core.answers.detail_texts import lines
from bot.core.answers.details import Details
from bot.core.answers.texts import label
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.formats import clock_time, weekday_and_date
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_NOTE, MAX_TITLE, escape, escape_line

_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class PainReport:
    """An answer that alerts the coach, as it stands now.

    Attributes:
        who: the athlete's name.
        title: of the session; None if nobody knows.
        day: of the session.
        type: the answer that counts now; None: it is not stored any more.
        seen_by, seen_at: who has seen it, and when; None: nobody yet.
    """

    who: str
    title: str | None
    day: date | None
    type: FeedbackType | None
    details: Details
    note: str | None
    seen_by: str | None = None
    seen_at: datetime | None = None


def alert(pain: PainReport, zone: tzinfo, language: Language) -> str:
    """The message to the coach."""
    texts = language.texts.coach_alerts
    found = [texts.pain.format(who=escape_line(pain.who, _MAX_NAME))]
    if (what := _what(pain, language)) is not None:
        found.append(texts.session.format(what=what))
    if pain.type is not None and pain.type.facts.alerts_coach:
        found += lines(pain.details, language)
    if pain.note:
        found.append(texts.note.format(note=escape_line(pain.note, MAX_NOTE)))
    if pain.type is None:
        found.append(texts.gone)
    elif not pain.type.facts.alerts_coach:
        found.append(texts.changed.format(label=label(pain.type, language)))
    if pain.seen_by is not None:
        when = "" if pain.seen_at is None else clock_time(pain.seen_at.astimezone(zone), language)
        found.append("\n" + texts.seen_by.format(who=escape_line(pain.seen_by, _MAX_NAME), when=when))
    return "\n".join(found)


def notice(pain: PainReport, language: Language) -> str:
    """The message to the athlete."""
    what = _what(pain, language) or ""
    who = escape_line(pain.seen_by or "?", _MAX_NAME)
    return language.texts.coach_alerts.notice.format(who=who, what=what)


def seen(language: Language) -> str:
    """The toast for the coach who has seen it."""
    return language.texts.coach_alerts.seen


def _what(pain: PainReport, language: Language) -> str | None:
    if pain.day is None:
        return None if pain.title is None else f"<b>{escape(pain.title, MAX_TITLE)}</b>"
    day = weekday_and_date(pain.day, language)
    if pain.title is None:
        return language.texts.coach_alerts.without_name.format(day=day)
    return f"<b>{escape(pain.title, MAX_TITLE)}</b> ({day})"
