"""An athlete's own week, for /week and for the summary on Sunday evening (HTML)."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from statistics import fmean

from bot.core.answers.detail_texts import lines as detail_lines
from bot.core.answers.details import read_details
from bot.core.answers.texts import LABELS
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.texts import percent
from bot.core.i18n.language import SESSIONS, Language, Text, day_and_month, weekday
from bot.core.shared.formatting import escape
from bot.core.summary.sessions import Session, SessionState
from bot.core.summary.summary import Week

MAX_MESSAGE = 4_096
"""UTF-16 units that Telegram takes in a message."""

_STATES: Mapping[FeedbackType | SessionState, Text] = {
    **dict(LABELS.items()),
    SessionState.OPEN: Text("❓ not answered yet", "❓ sin responder todavía"),
    SessionState.UNANSWERED: Text("❔ not answered", "❔ sin respuesta"),
    SessionState.LATE: Text("⌛ answered too late to count", "⌛ respondida demasiado tarde para contar"),
    SessionState.UNKNOWN: Text(
        "✔️ answered; the answer is not stored any more", "✔️ respondida; ya no se guarda la respuesta"
    ),
    SessionState.PAUSED: Text("⏸ paused", "⏸ en pausa"),
    SessionState.UNDELIVERED: Text("📭 my question did not reach you", "📭 mi pregunta no te llegó"),
    SessionState.NOT_ASKED: Text("▫️ not asked about", "▫️ sin preguntar"),
    SessionState.NOT_DUE: Text("🔜 to come", "🔜 por venir"),
}

_TITLE = Text("🗓 <b>Your week, {first} to {last}</b>", "🗓 <b>Tu semana, del {first} al {last}</b>")
_DAY = Text("{weekday} {day}", "{weekday} {day}")
_NO_SESSIONS = Text("No sessions are planned.", "No hay sesiones planificadas.")
_MORE = Text("… and {sessions} more", "… y {sessions} más")
_ANSWERED = Text("Answered: {answered} of {asked}", "Respondidas: {answered} de {asked}")
_PENDING = Text("/pending asks the open ones again.", "/pending vuelve a preguntar por lo que falta.")
USAGE = Text(
    "Send /week for this week, /week last for the one before, or /week next for the coming one.",
    "Envía /week para esta semana, /week pasada para la anterior, o /week próxima para la que viene.",
)
FOR_ATHLETES = Text(
    "/week is for athletes in training. /start says more.",
    "/week es para deportistas que entrenan. /start explica más.",
)
PRIVATE = Text(
    "Your week is yours: please send me /week in a private chat.",
    "Tu semana es tuya: envíame /week en un chat privado.",
)
LATER = Text(
    "The database does not answer right now. Please try again in a few minutes; your taps are kept safely meanwhile.",
    "La base de datos no contesta ahora mismo. Inténtalo de nuevo en unos minutos; tus toques están a salvo"
    " entretanto.",
)

_DONE_SHARE = Text(
    "Done: {share} of the sessions I asked about", "Hechas: el {share} de las sesiones por las que pregunté"
)
_RPE = Text("Mean effort (RPE): {mean}", "Esfuerzo medio (RPE): {mean}")
_LOAD = Text("Session load (RPE × minutes): {load}", "Carga de las sesiones (RPE × minutos): {load}")
_NEXT = Text("➡️ <b>Next week: {sessions}</b>", "➡️ <b>La semana que viene: {sessions}</b>")
_SAME = Text("as many as this week", "las mismas que esta semana")
_FEWER = Text("{number} fewer than this week", "{number} menos que esta semana")
_GREATER = Text("{number} more than this week", "{number} más que esta semana")
_REST = Text("no sessions", "sin sesiones")
_WHY = Text("Why: {why}", "Por qué: {why}")
_NO_PLAN = Text(
    "➡️ Your coach reads your answers before planning next week; the plan is not there yet.",
    "➡️ Tu entrenador lee tus respuestas antes de planificar la semana que viene; el plan aún no está.",
)


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much of each part is shown, in characters."""

    title: int
    details: int
    note: int
    sessions: int


# From all that is readable down to what always fits.
_SIZES = (_Limits(120, 120, 300, 60), _Limits(80, 60, 100, 40), _Limits(60, 0, 40, 25), _Limits(30, 0, 0, 12))
_MAX_WHY = 3
_WHY_LIMIT = 200


def week(shown: Week, language: Language) -> str:
    """The plan of a week with each answer, grouped by day; fits one message, whatever is in it."""

    def render(limits: _Limits) -> str:
        parts = [_title(shown, language), *_days(shown.sessions, language, limits)]
        if not shown.sessions:
            parts.append(_NO_SESSIONS(language))
        counts = shown.counts
        footer = []
        if counts["asked"]:
            footer.append(_ANSWERED(language, answered=shown.answered, asked=counts["asked"]))
        if counts["stillOpen"]:
            footer.append(_PENDING(language))
        return "\n\n".join([*parts, *(["\n".join(footer)] if footer else [])])

    return _fitting(render)


def weekly(said: Week, following: Week, why: Sequence[str], language: Language, *, is_planned: bool) -> str:
    """What an athlete said in a week, and what it led to; fits one message.

    Args:
        following: the next week.
        why: the first reasons that its plan gives.
        is_planned: whether there is a plan for it.
    """

    def render(limits: _Limits) -> str:
        blocks = [
            _title(said, language),
            "\n".join(_figures(said, language)),
            *_days(said.sessions, language, limits),
            "\n".join(
                _following(said, following, why, language, limits) if is_planned else [_NO_PLAN(language)]
            ),
        ]
        if said.counts["stillOpen"]:
            blocks.append(_PENDING(language))
        return "\n\n".join(block for block in blocks if block)

    return _fitting(render)


def _fitting(render: Callable[[_Limits], str]) -> str:
    texts = (render(limits) for limits in _SIZES)
    # Telegram counts what is shown: without entities, and without tags, which are left in here.
    return next((text for text in texts if _units(html.unescape(text)) <= MAX_MESSAGE), render(_SIZES[-1]))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _title(shown: Week, language: Language) -> str:
    first = day_and_month(shown.start, language)
    return _TITLE(language, first=first, last=day_and_month(shown.end, language))


def _days(sessions: Sequence[Session], language: Language, limits: _Limits) -> list[str]:
    """A block for each day that has sessions."""
    blocks = [
        "\n".join([f"<b>{_day(day, language)}</b>", *(_session(s, language, limits) for s in items)])
        for day, items in groupby(sessions[: limits.sessions], key=lambda session: session.date)
    ]
    if (rest := len(sessions) - limits.sessions) > 0:
        blocks.append(_MORE(language, sessions=SESSIONS(language, rest)))
    return blocks


def _day(day: date, language: Language) -> str:
    name = _DAY(language, weekday=weekday(day, language), day=day.day)
    return name[0].upper() + name[1:]


def _session(session: Session, language: Language, limits: _Limits) -> str:
    """A session: what it was, how it stands, and what was said about it."""
    lines = [_name(session.planned, session.session_id, limits), f"    {_STATES[session.state](language)}"]
    if session.answer is not None:
        if said := detail_lines(read_details(session.extras), language):
            lines[-1] += " · " + " · ".join(said)
        if session.note and limits.note:
            lines.append(f"    📝 {escape(' '.join(session.note.split()), limits.note)}")
    return "\n".join(lines)


def _name(planned: Mapping[str, str], session_id: str, limits: _Limits) -> str:
    title = planned.get("activity") or planned.get("title") or session_id
    details = " · ".join(
        text for name in ("distance_time", "intensity") if (text := planned.get(name)) is not None
    )
    name = f"• {escape(' '.join(title.split()), limits.title)}"
    if not details or not limits.details:
        return name
    return f"{name} · {escape(' '.join(details.split()), limits.details)}"


def _figures(said: Week, language: Language) -> list[str]:
    counts = said.counts
    if not counts["asked"]:
        return []
    lines = [_ANSWERED(language, answered=said.answered, asked=counts["asked"])]
    answers = [f"{LABELS[type_](language)} {counts[type_]}" for type_ in FeedbackType if counts[type_]]
    if answers:
        lines[0] += f" ({', '.join(answers)})"
    if said.adherence is not None:
        lines.append(_DONE_SHARE(language, share=percent(said.adherence)))
    efforts = _numbers(session.extras.get("rpe") for session in said.sessions)
    if efforts:
        lines.append(_RPE(language, mean=_decimal(fmean(efforts), language)))
    loads = _numbers(session.extras.get("sessionLoad") for session in said.sessions)
    if loads:
        lines.append(_LOAD(language, load=f"{sum(loads):.0f}"))
    return lines


def _following(
    said: Week, following: Week, why: Sequence[str], language: Language, limits: _Limits
) -> list[str]:
    number, before = len(following.sessions), len(said.sessions)
    sessions = SESSIONS(language, number) if number else _REST(language)
    compared = _SAME if number == before else _GREATER if number > before else _FEWER
    lines = [
        f"{_NEXT(language, sessions=sessions)} ({compared(language, number=abs(number - before))})",
        *(
            f"{_day(session.date, language)} {_name(session.planned, session.session_id, limits)}"
            for session in following.sessions[: limits.sessions]
        ),
    ]
    if (rest := number - limits.sessions) > 0:
        lines.append(_MORE(language, sessions=SESSIONS(language, rest)))
    if why:
        reasons = " ".join(escape(" ".join(reason.split()), _WHY_LIMIT) for reason in why[:_MAX_WHY])
        lines.append(_WHY(language, why=reasons))
    return lines


def _numbers(values: Iterable[object]) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def _decimal(value: float, language: Language) -> str:
    text = f"{value:.1f}"
    return text.replace(".", ",") if language is Language.ES else text
