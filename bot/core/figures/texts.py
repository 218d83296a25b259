"""The figures of `/stats` in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.core.answers.rules import Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.stats import Stats
from bot.core.i18n.catalog import OutcomeTexts, PromptStateTexts
from bot.core.i18n.formats import clock_time, counted, decimal, exact_percent, grouped, percent, short_date
from bot.core.i18n.language import Language
from bot.core.prompts.prompt import PromptState
from bot.core.shared.formatting import units

MAX_CAPTION = 1_024
"""UTF-16 units that Telegram takes below a picture."""
_WEEKS_SHOWN = 5
_HOURS_SHOWN = 3
_ROOM = 120
"""For why there is no picture."""
_TWO_DIGITS = 10

_BESIDES = (Outcome.DETAIL, Outcome.REQUEST)


def stats(figures: Stats, language: Language) -> str:
    """The reply to /stats, and the output of `stats`; most important first.

    At most `MAX_CAPTION` UTF-16 units: where that is too little, hours and notes are left out.
    """
    text = _stats(figures, language, _responses(figures, language))
    return text if units(text) <= MAX_CAPTION - _ROOM else _stats(figures, language, [])


def _stats(figures: Stats, language: Language, responses: Sequence[str]) -> str:
    zone = ZoneInfo(figures.zone)
    texts = language.texts.figures
    title = texts.title_today
    if figures.days > 1:
        title = texts.title.format(days=counted(language.texts.counts.days, figures.days, language))
    lines = [
        f"📊 {title}, {_moment(figures.until, zone, figures.until, language)}",
        "",
        *_health(figures, zone, language),
    ]
    lines += ["", *_answers(figures, language), *responses, ""]
    others = [
        (name, figures.taps.get(outcome, 0))
        for outcome in Outcome
        if (name := _outcome(outcome, texts.outcomes)) is not None
    ]
    lines.append(texts.not_written.format(counts=_listed(others, language)))
    if besides := sum(figures.taps.get(outcome, 0) for outcome in _BESIDES):
        lines.append(texts.more.format(number=compact(besides, language)))
    states = [(_state(state, texts.prompts), figures.prompts.get(state, 0)) for state in PromptState]
    lines.append(texts.questions.format(counts=_listed(states, language)))
    lines.append(
        texts.last.format(
            poll=_moment(figures.last_poll, zone, figures.until, language),
            write=_moment(figures.last_write, zone, figures.until, language),
        )
    )
    return "\n".join(lines)


def without_picture(text: str, language: Language, *, is_missing_extra: bool) -> str:
    """The same text, with a line that says why there is no picture."""
    texts = language.texts.figures
    return f"{text}\n\n{texts.no_extra if is_missing_extra else texts.no_picture}"


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


def _number(value: float, language: Language) -> str:
    return decimal(value, 0 if value >= _TWO_DIGITS else 1, language, keep_zeros=False)


def _health(figures: Stats, zone: ZoneInfo, language: Language) -> list[str]:
    texts, rate = language.texts.figures, figures.feedback_event_write_success_rate
    lines = []
    if rate is None:
        lines.append(texts.no_taps)
    else:
        written = figures.taps[Outcome.WRITTEN]
        received = written + figures.waiting_feedback + figures.dead_taps
        sign = "✅" if rate == 1 else "⚠️"
        lines.append(
            texts.rate.format(
                sign=sign,
                rate=exact_percent(rate, language),
                written=grouped(written, language),
                about="≈ " if figures.is_estimate else "",
                received=grouped(received, language),
            )
        )
    if figures.waiting_taps:
        since = _moment(figures.oldest_pending, zone, figures.until, language)
        lines.append(texts.waiting.format(number=grouped(figures.waiting_taps, language), since=since))
    if figures.dead_letters:
        lines.append(texts.dead_letters.format(number=figures.dead_letters))
    return lines


def _answers(figures: Stats, language: Language) -> list[str]:
    texts, answers = language.texts.figures, figures.answers
    lines = [texts.answers.format(number=grouped(sum(answers.values()), language))]
    lines.append(
        "  ".join(
            f"{type_.facts.sign} {type_name(type_, language)} {grouped(answers[type_], language)}"
            for type_ in FeedbackType
        )
    )
    if figures.is_cut:
        lines.append(texts.cut.format(day=short_date(figures.known_from, language)))
    sessions = figures.sessions
    if sessions.asked:
        lines.append(
            texts.sessions.format(
                adherence=percent(sessions.adherence, language),
                response=percent(sessions.response_rate, language),
                asked=grouped(sessions.asked, language),
            )
        )
        weeks = [
            f"{short_date(monday, language)} {percent(week.adherence, language)}"
            for monday, week in list(figures.weeks.items())[-_WEEKS_SHOWN:]
            if week.asked
        ]
        if len(weeks) > 1:
            lines.append(texts.weeks.format(weeks=" · ".join(weeks)))
    else:
        lines.append(texts.not_asked)
    if figures.median_delay is not None and figures.p90_delay is not None:
        median, p90 = duration(figures.median_delay, language), duration(figures.p90_delay, language)
        lines.append(texts.delay.format(median=median, p90=p90))
    return lines


def _responses(figures: Stats, language: Language) -> list[str]:
    """How many answer, week by week and by the hour at which they are asked, and with how many notes."""
    texts, found = language.texts.figures, figures.responses
    lines = []
    asked = [week for week in list(figures.weeks.values())[-_WEEKS_SHOWN:] if week.asked]
    if len(asked) > 1:
        shares = " · ".join(percent(week.response_rate, language) for week in asked)
        lines.append(texts.weeks_answered.format(weeks=shares))
    usual = sorted(found.by_hour, key=lambda hour: -found.by_hour[hour].asked)[:_HOURS_SHOWN]
    if len(usual) > 1:
        hours = (f"{hour} h {percent(found.by_hour[hour].response_rate, language)}" for hour in sorted(usual))
        lines.append(texts.hours.format(hours=" · ".join(hours)))
    if found.notes:
        weeks = [grouped(number, language) for number in list(figures.notes.values())[-_WEEKS_SHOWN:]]
        lines.append(texts.notes.format(number=grouped(found.notes, language), weeks=" · ".join(weeks)))
    return lines


def type_name(type_: FeedbackType, language: Language) -> str:
    """The name of an answer in figures."""
    return language.texts.answers.type(type_).name


def _outcome(outcome: Outcome, texts: OutcomeTexts) -> str | None:
    """None: it is not listed as not written."""
    match outcome:
        case Outcome.LATE:
            return texts.late
        case Outcome.INVALID:
            return texts.invalid
        case Outcome.UNKNOWN:
            return texts.unknown
        case Outcome.REFUSED:
            return texts.refused
        case Outcome.POSTPONED:
            return texts.postponed
        case Outcome.REFUSED_COMMAND:
            return texts.refused_command
        case Outcome.WRITTEN | Outcome.DETAIL | Outcome.REQUEST:
            return None


def _state(state: PromptState, texts: PromptStateTexts) -> str:
    match state:
        case PromptState.PENDING:
            return texts.pending
        case PromptState.SENT:
            return texts.sent
        case PromptState.ANSWERED:
            return texts.answered
        case PromptState.LATE:
            return texts.late
        case PromptState.EXPIRED:
            return texts.expired
        case PromptState.UNDELIVERABLE:
            return texts.undeliverable
        case PromptState.CANCELLED:
            return texts.cancelled


def _listed(counts: Iterable[tuple[str, int]], language: Language) -> str:
    """`late 2, refused 1`: what there is none of is left out."""
    shown = [f"{name} {grouped(number, language)}" for name, number in counts if number]
    return ", ".join(shown) or language.texts.figures.none


def _moment(instant: datetime | None, zone: ZoneInfo, now: datetime, language: Language) -> str:
    """`18:42`, on another day `16 Feb 18:42`; in the zone of the days."""
    if instant is None:
        return language.texts.figures.none
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    time = clock_time(local, language)
    if local.date() == today and now - instant < timedelta(days=1) and instant != now:
        return time
    return f"{short_date(local.date(), language)} {time}"
