"""What the coach reads when something hurts, and the athlete when the coach has seen it (HTML)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from bot.core.answers.detail_texts import lines
from bot.core.answers.details import Details
from bot.core.answers.texts import LABELS
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language, Text, day_and_month, weekday
from bot.core.shared.formatting import MAX_NOTE, MAX_TITLE, escape, escape_line

SEEN_BUTTON = Text("👀 Seen", "👀 Visto")

_PAIN = Text("🤕 <b>{who}</b> reports pain.", "🤕 <b>{who}</b> avisa de que siente dolor.")
_SESSION = Text("Session: {what}", "Sesión: {what}")
_WITHOUT_NAME = Text("the one of {day}", "la del {day}")
_NOTE = Text("Note: {note}", "Nota: {note}")
_CHANGED = Text("The answer has been changed since, to {label}.", "Después cambió la respuesta a {label}.")
_GONE = Text("The answer has been deleted since.", "Después se borró la respuesta.")
_SEEN_BY = Text("👀 Seen by {who}, {when}", "👀 Visto por {who}, {when}")
_NOTICE = Text(
    "👀 Your coach ({who}) has seen that something hurts: {what}.",
    "👀 Tu entrenador ({who}) ha visto que te duele algo: {what}.",
)
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class PainReport:
    """What is known about pain that was told.

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
    found = [_PAIN(language, who=escape_line(pain.who, _MAX_NAME))]
    if (what := _what(pain, language)) is not None:
        found.append(_SESSION(language, what=what))
    if pain.type is not None and pain.type.facts.alerts_coach:
        found += lines(pain.details, language)
    if pain.note:
        found.append(_NOTE(language, note=escape_line(pain.note, MAX_NOTE)))
    if pain.type is None:
        found.append(_GONE(language))
    elif not pain.type.facts.alerts_coach:
        found.append(_CHANGED(language, label=LABELS[pain.type](language)))
    if pain.seen_by is not None:
        when = "" if pain.seen_at is None else f"{pain.seen_at.astimezone(zone):%H:%M}"
        found.append("\n" + _SEEN_BY(language, who=escape_line(pain.seen_by, _MAX_NAME), when=when))
    return "\n".join(found)


def notice(pain: PainReport, language: Language) -> str:
    """The message to the athlete."""
    what = _what(pain, language) or ""
    return _NOTICE(language, who=escape_line(pain.seen_by or "?", _MAX_NAME), what=what)


def _what(pain: PainReport, language: Language) -> str | None:
    if pain.day is None:
        return None if pain.title is None else f"<b>{escape(pain.title, MAX_TITLE)}</b>"
    day = f"{weekday(pain.day, language)} {day_and_month(pain.day, language)}"
    if pain.title is None:
        return _WITHOUT_NAME(language, day=day)
    return f"<b>{escape(pain.title, MAX_TITLE)}</b> ({day})"
