"""The figures of `/stats` in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.core.answers.rules import Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.stats import Stats
from bot.core.i18n.language import DAYS, MONTHS, Language, Text
from bot.core.prompts.prompt import PromptState

MAX_CAPTION = 1_024
"""UTF-16 units that Telegram takes below a picture."""
_WEEKS_SHOWN = 5
_TWO_DIGITS = 10

TYPES: Mapping[FeedbackType, Text] = {
    FeedbackType.DONE: Text("done", "hecho"),
    FeedbackType.SKIPPED: Text("skipped", "saltado"),
    FeedbackType.HARD: Text("hard", "duro"),
    FeedbackType.PAIN: Text("pain", "dolor"),
}
_SIGNS = {
    FeedbackType.DONE: "✅",
    FeedbackType.SKIPPED: "⏭",
    FeedbackType.HARD: "🥵",
    FeedbackType.PAIN: "🤕",
}
_OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.LATE: Text("late", "tarde"),
    Outcome.INVALID: Text("invalid", "no válido"),
    Outcome.UNKNOWN: Text("unknown", "desconocido"),
    Outcome.REFUSED: Text("refused", "rechazado"),
    Outcome.POSTPONED: Text("postponed", "aplazado"),
    Outcome.REFUSED_COMMAND: Text("refused messages", "mensajes rechazados"),
}
_BESIDES = (Outcome.DETAIL, Outcome.REQUEST)
_STATES: Mapping[PromptState, Text] = {
    PromptState.PENDING: Text("pending", "pendientes"),
    PromptState.SENT: Text("sent", "enviadas"),
    PromptState.ANSWERED: Text("answered", "contestadas"),
    PromptState.LATE: Text("late", "tarde"),
    PromptState.EXPIRED: Text("expired", "caducadas"),
    PromptState.UNDELIVERABLE: Text("undeliverable", "no entregables"),
    PromptState.CANCELLED: Text("cancelled", "canceladas"),
}

CHART_BY_DAY = Text("Answers by day", "Respuestas por día")
CHART_BY_WEEK = Text("Answers by week", "Respuestas por semana")
CHART_WEEKS = Text("Sessions by week, %", "Sesiones por semana, %")
CHART_ADHERENCE = Text("adherence", "cumplimiento")
CHART_RESPONSE = Text("answered", "contestado")
CHART_NOTHING = Text("nothing yet", "nada todavía")

_TITLE = Text("Last {days}", "Últimos {days}")
_TITLE_ONE = Text("Today", "Hoy")
_RATE = Text(
    "{sign} Written: {rate} ({written} of {about}{received})",
    "{sign} Guardado: {rate} ({written} de {about}{received})",
)
_NO_TAPS = Text("No answers came in yet.", "Todavía no ha llegado ninguna respuesta.")
_WAITING = Text("⏳ Waiting: {number}, oldest {since}", "⏳ En espera: {number}, desde {since}")
_DEAD = Text("⚠️ Dead letters: {number}", "⚠️ Mensajes sin procesar: {number}")
_ANSWERS = Text("Answers: {number}", "Respuestas: {number}")
_CUT = Text(
    "Kept since {day}: earlier days are not counted.",
    "Guardado desde el {day}: los días anteriores no se cuentan.",
)
_SESSIONS = Text(
    "Adherence {adherence}, answered {response} of {asked}",
    "Cumplimiento {adherence}, contestado {response} de {asked}",
)
_NOT_ASKED = Text("No session was asked about.", "No se ha preguntado por ninguna sesión.")
_WEEKS = Text("By week: {weeks}", "Por semana: {weeks}")
_DELAY = Text(
    "Time to answer: half within {median}, 90 % within {p90}",
    "Tiempo de respuesta: la mitad en {median}, el 90 % en {p90}",
)
_NOT_WRITTEN = Text("Not written: {counts}", "Sin guardar: {counts}")
_MORE = Text("Other taps (RPE, pain, seen): {number}", "Otros toques (RPE, dolor): {number}")
_PROMPTS = Text("Questions: {counts}", "Preguntas: {counts}")
_LAST = Text("Last poll {poll}, last answer {write}", "Última consulta {poll}, última respuesta {write}")
_NONE = Text("none", "ninguna")
_NO_PICTURE = Text(
    "(No picture: drawing failed; see the log.)", "(Sin imagen: no se pudo dibujar; mira el registro.)"
)
_NO_EXTRA = Text(
    "(No picture: install the extra, pip install -e '.[charts]', and start the bot again.)",
    "(Sin imagen: instala el extra, pip install -e '.[charts]', y reinicia el bot.)",
)


def stats(figures: Stats, language: Language) -> str:
    """The reply to /stats, and the output of `stats`: at most `MAX_CAPTION` UTF-16 units, most important first."""
    zone = ZoneInfo(figures.zone)
    title = _TITLE(language, days=DAYS(language, figures.days)) if figures.days > 1 else _TITLE_ONE(language)
    lines = [
        f"📊 {title}, {_moment(figures.until, zone, figures.until, language)}",
        "",
        *_health(figures, zone, language),
    ]
    lines += ["", *_answers(figures, language), ""]
    others = {text(language): figures.taps.get(outcome, 0) for outcome, text in _OUTCOMES.items()}
    lines.append(_NOT_WRITTEN(language, counts=_listed(others, language)))
    if besides := sum(figures.taps.get(outcome, 0) for outcome in _BESIDES):
        lines.append(_MORE(language, number=compact(besides, language)))
    states = {text(language): figures.prompts.get(state, 0) for state, text in _STATES.items()}
    lines.append(_PROMPTS(language, counts=_listed(states, language)))
    lines.append(
        _LAST(
            language,
            poll=_moment(figures.last_poll, zone, figures.until, language),
            write=_moment(figures.last_write, zone, figures.until, language),
        )
    )
    return "\n".join(lines)


def without_picture(text: str, language: Language, *, is_missing_extra: bool) -> str:
    """The same text, with a line that says why there is no picture."""
    return f"{text}\n\n{(_NO_EXTRA if is_missing_extra else _NO_PICTURE)(language)}"


def short_date(day: date, language: Language) -> str:
    """`16 Feb`."""
    return f"{day.day} {MONTHS[day.month - 1](language)[:3]}"


def duration(seconds: float, language: Language) -> str:
    """`45 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for limit, length, unit in ((90, 1, "s"), (5_400, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{_number(seconds / length, language)} {unit}"
    return f"{_number(seconds / 86_400, language)} d"


def compact(number: int, language: Language) -> str:
    """`950`, `1.2k`, `27k`."""
    if number < 1_000:
        return str(number)
    length, unit = (1_000, "k") if number < 999_500 else (1_000_000, "M")
    return f"{_number(number / length, language)}{unit}"


def _grouped(number: int, language: Language) -> str:
    """`39,213`."""
    return f"{number:,}".replace(",", "." if language is Language.ES else ",")


def _number(value: float, language: Language) -> str:
    text = f"{value:.0f}" if value >= _TWO_DIGITS else f"{value:.1f}".removesuffix(".0")
    return text.replace(".", ",") if language is Language.ES else text


def _health(figures: Stats, zone: ZoneInfo, language: Language) -> list[str]:
    rate = figures.feedback_event_write_success_rate
    lines = []
    if rate is None:
        lines.append(_NO_TAPS(language))
    else:
        written = figures.taps[Outcome.WRITTEN]
        received = written + figures.waiting_feedback + figures.dead_taps
        sign = "✅" if rate == 1 else "⚠️"
        lines.append(
            _RATE(
                language,
                sign=sign,
                rate=exact(rate, language),
                written=_grouped(written, language),
                about="≈ " if figures.is_estimate else "",
                received=_grouped(received, language),
            )
        )
    if figures.waiting_taps:
        since = _moment(figures.oldest_pending, zone, figures.until, language)
        lines.append(_WAITING(language, number=_grouped(figures.waiting_taps, language), since=since))
    if figures.dead_letters:
        lines.append(_DEAD(language, number=figures.dead_letters))
    return lines


def _answers(figures: Stats, language: Language) -> list[str]:
    answers = figures.answers
    lines = [_ANSWERS(language, number=_grouped(sum(answers.values()), language))]
    lines.append(
        "  ".join(
            f"{_SIGNS[type_]} {TYPES[type_](language)} {_grouped(answers[type_], language)}"
            for type_ in FeedbackType
        )
    )
    if figures.is_cut:
        lines.append(_CUT(language, day=short_date(figures.known_from, language)))
    sessions = figures.sessions
    if sessions.asked:
        lines.append(
            _SESSIONS(
                language,
                adherence=percent(sessions.adherence),
                response=percent(sessions.response_rate),
                asked=_grouped(sessions.asked, language),
            )
        )
        weeks = [
            f"{short_date(monday, language)} {percent(week.adherence)}"
            for monday, week in list(figures.weeks.items())[-_WEEKS_SHOWN:]
            if week.asked
        ]
        if len(weeks) > 1:
            lines.append(_WEEKS(language, weeks=" · ".join(weeks)))
    else:
        lines.append(_NOT_ASKED(language))
    if figures.median_delay is not None and figures.p90_delay is not None:
        median, p90 = duration(figures.median_delay, language), duration(figures.p90_delay, language)
        lines.append(_DELAY(language, median=median, p90=p90))
    return lines


def percent(share: float | None) -> str:
    """`83 %`; a dash where it is not known."""
    return "–" if share is None else f"{share:.0%}".replace("%", " %")


def exact(rate: float, language: Language) -> str:
    """`99.98 %`; never 100 % for less."""
    if rate == 1:
        return "100 %"
    text = f"{min(rate * 100, 99.99):.2f} %"
    return text.replace(".", ",") if language is Language.ES else text


def _listed(counts: Mapping[str, int], language: Language) -> str:
    """`late 2, refused 1`: what there is none of is left out."""
    return ", ".join(
        f"{name} {_grouped(number, language)}" for name, number in counts.items() if number
    ) or _NONE(language)


def _moment(instant: datetime | None, zone: ZoneInfo, now: datetime, language: Language) -> str:
    """`18:42`, on another day `16 Feb 18:42`; in the zone of the days."""
    if instant is None:
        return _NONE(language)
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today and now - instant < timedelta(days=1) and instant != now:
        return f"{local:%H:%M}"
    return f"{short_date(local.date(), language)} {local:%H:%M}"
