"""The question about a session, and the reminder in the morning (HTML)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bot.core.i18n.language import SESSIONS, Language, Text, day_and_month, weekday
from bot.core.plans.plan import detail_lines
from bot.core.prompts.prompt import AskAgainReason
from bot.core.shared.formatting import MAX_NOTE, MAX_TITLE, escape

_MAX_REMINDER = 2_500
_WEEK = 7

_ABSENCE = Text(
    "I was away for a while and may have missed your answer, so I ask once more.",
    "Estuve fuera un rato y quizá me perdí tu respuesta, así que pregunto otra vez.",
)
_LATER = Text(
    "You asked me to come back later, so here I am again.",
    "Me pediste que volviera más tarde, así que aquí estoy otra vez.",
)
_NUDGE = Text(
    "In case this one slipped by: one tap is enough, and your coach plans with it.",
    "Por si se te pasó: basta un toque, y tu entrenador planifica con él.",
)
_PENDING = Text("Still unanswered:", "Sin respuesta todavía:")
_AGAIN: Mapping[AskAgainReason, Text] = {
    AskAgainReason.ABSENCE: _ABSENCE,
    AskAgainReason.LATER: _LATER,
    AskAgainReason.NUDGE: _NUDGE,
    AskAgainReason.PENDING: _PENDING,
}

_HOW = Text("How did your session go?", "¿Qué tal fue tu sesión?")
_HOW_ON_WEEKDAY = Text("How did {weekday}'s session go?", "¿Qué tal fue la sesión del {weekday}?")
_HOW_ON_DATE = Text("How did the session of {date} go?", "¿Qué tal fue la sesión del {date}?")
_TODAYS = Text("Today's session:", "La sesión de hoy:")
_TODAYS_SEVERAL = Text("Today's {sessions}:", "Hoy, {sessions}:")
_MORE = Text("… and {number} more", "… y {number} más")

_DETAILS: Mapping[str, Text] = {
    "intensity": Text("Intensity: ", "Intensidad: "),
    "goal": Text("Goal: ", "Objetivo: "),
}


def prompt(
    title: str | None,
    note: str | None,
    language: Language,
    *,
    again: AskAgainReason | None = None,
    plan: Mapping[str, Any] | None = None,
    day: date | None = None,
    today: date | None = None,
) -> str:
    """The question about one session (HTML).

    Args:
        plan: the session as planned, see `bot.core.plans.plan.PlannedSession.to_document`.
        day, today: the planned day, and the day on which the athlete reads this.
    """
    lines = [] if again is None else [_AGAIN[again](language) + "\n"]
    lines.append(_question(day, today, language))
    return "\n".join([*lines, *_session_lines(title, note, plan or {}, language)])


def reminder(sessions: Sequence[Mapping[str, Any]], language: Language) -> str:
    """What is planned today (HTML)."""
    number = len(sessions)
    heading = _TODAYS(language)
    if number != 1:
        heading = _TODAYS_SEVERAL(language, sessions=SESSIONS(language, number))
    blocks = [heading]
    room = _MAX_REMINDER
    for place, session in enumerate(sessions):
        block = "\n".join(_session_lines(None, None, session, language))
        room -= len(html.unescape(block))  # Telegram counts what is shown
        if room < 0:
            blocks.append(_MORE(language, number=number - place))
            break
        blocks.append(block)
    return "\n\n".join(blocks)


def _question(day: date | None, today: date | None, language: Language) -> str:
    if day is None or today is None or day >= today:
        return _HOW(language)
    if (today - day).days < _WEEK:
        return _HOW_ON_WEEKDAY(language, weekday=weekday(day, language))
    return _HOW_ON_DATE(language, date=day_and_month(day, language))


def _session_lines(
    title: str | None, note: str | None, plan: Mapping[str, Any], language: Language
) -> list[str]:
    """Title, details and note of a session, each in lines of its own (HTML)."""
    lines = []
    if name := title or plan.get("activity"):
        lines.append(f"<b>{escape(str(name), MAX_TITLE)}</b>")
    labels = {name: label(language) for name, label in _DETAILS.items()}
    lines += [escape(line, MAX_TITLE) for line in detail_lines({**plan, "note": None}, labels)]
    if text := note or plan.get("note"):
        lines.append(escape(str(text), MAX_NOTE))
    return lines
