"""The alert to the coach about pain, and the notice to the athlete once it is seen (HTML)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from bot.core.answers.detail_texts import lines
from bot.core.answers.details import Details
from bot.core.answers.texts import label
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.formats import clock_time, weekday_and_date
from bot.core.i18n.language import Language
from bot.core.notes.attachment_texts import sent_along
from bot.core.notes.lines import Notes
from bot.core.pain.episodes import Verdict
from bot.core.pain.texts import how, where
from bot.core.shared.formatting import MAX_NOTE, MAX_TITLE, escape, escape_line

_MAX_NAME = 64
_MAX_LINE = 200


@dataclass(frozen=True, slots=True)
class PainReport:
    """An answer that alerts the coach, as it stands now.

    Attributes:
        who: the athlete's name.
        title: of the session; None if nobody knows.
        day: of the session.
        type: the answer that counts now; None: it is not stored any more.
        seen_by, seen_at: who has seen it, and when; None: nobody yet.
        is_report: whether it is about no session: it was told by itself, or in answer to how it is by now.
        verdict: that answer; None: it was told unasked.
        notes: the lines of the note, with what came along.
    """

    who: str
    title: str | None
    day: date | None
    type: FeedbackType | None
    details: Details
    note: str | None
    seen_by: str | None = None
    seen_at: datetime | None = None
    is_report: bool = False
    verdict: Verdict | None = None
    notes: Notes = field(default_factory=Notes)


def alert(pain: PainReport, zone: tzinfo, language: Language) -> str:
    """The message to the coach."""
    texts, of_pain = language.texts.coach_alerts, language.texts.pain
    header = of_pain.got_worse if pain.verdict is Verdict.WORSE else texts.pain
    found = [header.format(who=escape_line(pain.who, _MAX_NAME))]
    if (what := _what(pain, language)) is not None:
        found.append(texts.session.format(what=what))
    if pain.type is not None and pain.type.facts.alerts_coach:
        found += [escape_line(line, _MAX_LINE) for line in lines(pain.details, pain.type, language)]
    if pain.note:
        found.append(texts.note.format(note=escape_line(pain.note, MAX_NOTE)))
    sent = [(it, line.chat_id) for line in pain.notes.lines for it in line.attachments]
    if (came_along := sent_along(sent, language)) is not None:
        found.append(came_along)
    if pain.type is None:
        found.append(texts.gone)
    elif not pain.type.facts.alerts_coach:
        found.append(texts.changed.format(label=label(pain.type, language)))
    if pain.verdict in (Verdict.GONE, Verdict.SAME):
        found.append(of_pain.by_now.format(how=how(pain.verdict, language)))
    return "\n".join(found) + seen_line(pain, zone, language)


def seen_line(pain: PainReport, zone: tzinfo, language: Language) -> str:
    """Who has seen it, below the message; empty: nobody yet."""
    if pain.seen_by is None:
        return ""
    when = "" if pain.seen_at is None else clock_time(pain.seen_at.astimezone(zone), language)
    seen_by = language.texts.coach_alerts.seen_by
    return "\n\n" + seen_by.format(who=escape_line(pain.seen_by, _MAX_NAME), when=when)


def notice(pain: PainReport, language: Language) -> str:
    """The message to the athlete."""
    what = _what(pain, language) or escape_line(where(pain.details, language), _MAX_LINE)
    who = escape_line(pain.seen_by or "?", _MAX_NAME)
    return language.texts.coach_alerts.notice.format(who=who, what=what)


def seen(language: Language) -> str:
    """The toast for the coach who has seen it."""
    return language.texts.coach_alerts.seen


def _what(pain: PainReport, language: Language) -> str | None:
    if pain.is_report:
        return None
    if pain.day is None:
        return None if pain.title is None else f"<b>{escape(pain.title, MAX_TITLE)}</b>"
    day = weekday_and_date(pain.day, language)
    if pain.title is None:
        return language.texts.coach_alerts.without_name.format(day=day)
    return f"<b>{escape(pain.title, MAX_TITLE)}</b> ({day})"
