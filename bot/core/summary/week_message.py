"""An athlete's own week, for /week and for the summary on Sunday evening (HTML)."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from statistics import fmean

from bot.core.answers.detail_texts import lines as detail_lines
from bot.core.answers.details import read_details
from bot.core.answers.texts import label
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.formats import counted, day_span, decimal, percent, weekday_and_day
from bot.core.i18n.language import Language
from bot.core.notes.lines import on_one_line
from bot.core.shared.formatting import MAX_MESSAGE, escape, units
from bot.core.shared.tolerant import fold
from bot.core.summary.sessions import Session, SessionState
from bot.core.summary.summary import Week


@dataclass(frozen=True, slots=True)
class _Limits:
    """The most that is shown of each part: characters, and a number of sessions."""

    title: int
    details: int
    note: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Reasons:
    """What came of the athlete's answers (HTML).

    Attributes:
        sessions: by run and session.
        rests: of days without any.
    """

    sessions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    rests: Mapping[date, str] = field(default_factory=dict)


NO_REASONS = Reasons()

# From all that is readable down to what always fits.
_SIZES = (_Limits(120, 120, 300, 60), _Limits(80, 60, 100, 40), _Limits(60, 0, 40, 25), _Limits(30, 0, 0, 12))
_MAX_WHY = 3
_MAX_LINE = 200
_WHY_LIMIT = 200


def read_week(argument: str) -> int | None:
    """The week that is named behind /week, in any language.

    Returns:
        -1 for the week before, 0 for this one, 1 for the next; None for what names none.
    """
    said = fold(argument)
    if not said:
        return 0
    for texts in (language.texts.week for language in Language):
        if said in map(fold, texts.past):
            return -1
        if said in map(fold, texts.coming):
            return 1
    return None


def usage(language: Language) -> str:
    """The reply to /week with something else behind it."""
    texts = language.texts.week
    return texts.usage.format(past=texts.past[0], coming=texts.coming[0])


def week(shown: Week, language: Language, reasons: Reasons = NO_REASONS) -> str:
    """The plan of a week with each answer, grouped by day; fits one message, whatever is in it."""

    def render(limits: _Limits) -> str:
        parts = [_title(shown, language), *_days(shown.sessions, language, limits, reasons)]
        parts += _rests(shown, language, limits, reasons)
        if not shown.sessions:
            parts.append(language.texts.week.no_sessions)
        counts = shown.counts
        footer = []
        if counts["asked"]:
            footer.append(
                language.texts.week.answered.format(answered=shown.rates.answered, asked=counts["asked"])
            )
        if counts["stillOpen"]:
            footer.append(language.texts.week.pending)
        return "\n\n".join([*parts, *(["\n".join(footer)] if footer else [])])

    return _fitting(render)


def weekly(
    said: Week,
    following: Week,
    why: Sequence[str],
    language: Language,
    reasons: Reasons = NO_REASONS,
    *,
    is_planned: bool,
) -> str:
    """The summary of a week and its plan for the next; fits one message.

    Args:
        following: the next week.
        why: the first reasons that its plan gives.
        reasons: what came of the athlete's answers.
        is_planned: whether there is a plan for it.
    """

    def render(limits: _Limits) -> str:
        blocks = [
            _title(said, language),
            "\n".join(_figures(said, language)),
            *_days(said.sessions, language, limits, reasons),
            "\n".join(
                _following(said, following, why, language, limits, reasons)
                if is_planned
                else [language.texts.week.no_plan]
            ),
        ]
        if said.counts["stillOpen"]:
            blocks.append(language.texts.week.pending)
        return "\n\n".join(block for block in blocks if block)

    return _fitting(render)


def _fitting(render: Callable[[_Limits], str]) -> str:
    texts = (render(limits) for limits in _SIZES)
    # Telegram counts what is shown: without entities, and without tags, which are left in here.
    return next((text for text in texts if units(html.unescape(text)) <= MAX_MESSAGE), render(_SIZES[-1]))


def _title(shown: Week, language: Language) -> str:
    return language.texts.week.title.format(days=day_span(shown.start, shown.end, language))


def _days(sessions: Sequence[Session], language: Language, limits: _Limits, reasons: Reasons) -> list[str]:
    """A block for each day that has sessions."""
    blocks = [
        "\n".join([f"<b>{_day(day, language)}</b>", *(_session(s, language, limits, reasons) for s in items)])
        for day, items in groupby(sessions[: limits.sessions], key=lambda session: session.date)
    ]
    if (rest := len(sessions) - limits.sessions) > 0:
        blocks.append(_more(rest, language))
    return blocks


def _more(number: int, language: Language) -> str:
    return language.texts.week.more.format(sessions=counted(language.texts.counts.sessions, number, language))


def _day(day: date, language: Language) -> str:
    name = weekday_and_day(day, language)
    return name[0].upper() + name[1:]


def _session(session: Session, language: Language, limits: _Limits, reasons: Reasons) -> str:
    """A session: what it was, how it stands, and what was said about it."""
    lines = [_name(session.planned, session.session_id, limits), f"    {standing(session.state, language)}"]
    if session.answer is not None:
        if said := detail_lines(read_details(session.extras), session.answer, language):
            lines[-1] += " · " + " · ".join(escape(line, _MAX_LINE) for line in said)
        if session.note and limits.note:
            lines.append(f"    📝 {escape(on_one_line(session.note), limits.note)}")
    lines[1:1] = [f"    {line}" for line in _reason(session, limits, reasons)]
    return "\n".join(lines)


def standing(state: FeedbackType | SessionState, language: Language) -> str:
    """How it stands with a session, in words behind a sign."""
    texts = language.texts.week
    match state:
        case FeedbackType():
            return label(state, language)
        case SessionState.OPEN:
            return texts.not_answered_yet
        case SessionState.UNANSWERED:
            return texts.not_answered
        case SessionState.LATE:
            return texts.answered_late
        case SessionState.UNKNOWN:
            return texts.answer_unknown
        case SessionState.PAUSED:
            return texts.paused
        case SessionState.UNDELIVERED:
            return texts.undelivered
        case SessionState.NOT_ASKED:
            return texts.not_asked
        case SessionState.NOT_DUE:
            return texts.not_due


def _rests(shown: Week, language: Language, limits: _Limits, reasons: Reasons) -> list[str]:
    """The days of a week that are free because of what the athlete said."""
    days = sorted(day for day in reasons.rests if shown.start <= day <= shown.end and limits.details)
    return [f"<b>{_day(day, language)}</b>\n    {reasons.rests[day]}" for day in days]


def _reason(session: Session, limits: _Limits, reasons: Reasons) -> list[str]:
    """What in it came of the athlete's answers; left out where room is scarce."""
    reason = reasons.sessions.get((session.run_id, session.session_id))
    return [] if reason is None or not limits.details else [reason]


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
    texts, counts = language.texts.week, said.counts
    if not counts["asked"]:
        return []
    lines = [texts.answered.format(answered=said.rates.answered, asked=counts["asked"])]
    answers = [f"{label(type_, language)} {counts[type_]}" for type_ in FeedbackType if counts[type_]]
    if answers:
        lines[0] += f" ({', '.join(answers)})"
    if said.rates.adherence is not None:
        lines.append(texts.done_share.format(share=percent(said.rates.adherence, language)))
    efforts = _numbers(session.extras.get("rpe") for session in said.sessions)
    if efforts:
        lines.append(texts.effort.format(mean=decimal(fmean(efforts), 1, language)))
    loads = _numbers(session.extras.get("sessionLoad") for session in said.sessions)
    if loads:
        lines.append(texts.load.format(load=f"{sum(loads):.0f}"))
    return lines


def _following(
    said: Week,
    following: Week,
    why: Sequence[str],
    language: Language,
    limits: _Limits,
    reasons: Reasons,
) -> list[str]:
    texts = language.texts.week
    number, before = len(following.sessions), len(said.sessions)
    sessions = counted(language.texts.counts.sessions, number, language) if number else texts.rest
    compared = texts.same if number == before else texts.greater if number > before else texts.fewer
    lines = [
        f"{texts.next.format(sessions=sessions)} ({compared.format(number=abs(number - before))})",
        *(
            f"{_day(session.date, language)} {_name(session.planned, session.session_id, limits)}"
            + "".join(f"\n    {line}" for line in _reason(session, limits, reasons))
            for session in following.sessions[: limits.sessions]
        ),
    ]
    if (rest := number - limits.sessions) > 0:
        lines.append(_more(rest, language))
    lines += _rests(following, language, limits, reasons)
    if why:
        given = " ".join(escape(" ".join(reason.split()), _WHY_LIMIT) for reason in why[:_MAX_WHY])
        lines.append(texts.why.format(why=given))
    return lines


def _numbers(values: Iterable[object]) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
