"""What the coach reads about a day, and about an athlete (HTML). It fits one message, whatever is in it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from bot.core.answers.detail_texts import lines as detail_lines
from bot.core.answers.details import read_details
from bot.core.coach.digest import AthleteDay, Digest
from bot.core.coach.names import link
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.formats import counted, day_and_month, short_date, weekday, weekday_and_date
from bot.core.i18n.language import Language
from bot.core.notes.attachment_texts import sent_along
from bot.core.notes.lines import on_one_line
from bot.core.pain.alerting import HURTS
from bot.core.pain.episodes import Episode
from bot.core.pain.stored import details_of
from bot.core.shared.formatting import MAX_MESSAGE, escape, escape_line, units
from bot.core.summary.sessions import Session, SessionState
from bot.core.summary.week_message import standing
from bot.core.talk.words import Direction, Word
from bot.core.telegram.refusals import Refusal

_TAG = re.compile(r"<[^<>]*>")
_WEEK = 7
_MOST_BEFORE_NAMES = 40
_MAX_LINE = 200
_MOST_LINKS = 49
"""Telegram drops what is marked in a message beyond a hundred places, of which a link, being bold, takes two.
Whoever stands there without one cannot be replied to."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much is shown: characters of a title and a note; whether those of whom there is nothing to tell are
    named; how many athletes."""

    title: int
    note: int
    athletes: int
    details: bool = True


# From all that is readable down to what always fits.
_SIZES = (
    _Limits(80, 200, _MOST_LINKS),
    _Limits(50, 60, _MOST_LINKS),
    _Limits(30, 0, _MOST_LINKS),
    _Limits(24, 0, _MOST_LINKS, details=False),
    _Limits(16, 0, 30, details=False),
    _Limits(0, 0, 15, details=False),
)


def digest(shown: Digest, language: Language) -> str:
    """The day of all athletes."""
    texts = language.texts.coach_digest

    def render(limits: _Limits) -> str:
        title = f"📋 <b>{_capital(weekday_and_date(shown.day, language))}</b>"
        if shown.asked:
            title += " · " + texts.answered.format(answered=shown.answered, asked=shown.asked)
        told = [it for it in shown.in_order if not it.is_uneventful or it.is_silent(shown.silent_after)]
        quiet = [it for it in shown.in_order if it not in told]
        blocks = ["\n".join(_athlete(it, shown, language, limits)) for it in told[: limits.athletes]]
        if (rest := len(told) - limits.athletes) > 0:
            blocks.append(counted(texts.more, rest, language))
        if quiet and limits.details:
            names = [escape_line(it.name, 30) for it in quiet[:_MOST_BEFORE_NAMES]]
            names += ["…"] if len(quiet) > _MOST_BEFORE_NAMES else []
            blocks.append(texts.nothing_for.format(names=", ".join(names)))
        if not shown.athletes:
            blocks.append(texts.nobody)
        return "\n\n".join([title, *blocks])

    return _fitting(render)


def silent(shown: Digest, language: Language) -> str:
    """Who has left SILENT_AFTER questions in a row, or more, unanswered; the longest first."""
    texts = language.texts.coach_digest
    found = [it for it in shown.athletes if it.is_silent(shown.silent_after)]
    found.sort(key=lambda it: (-(it.silence.number if it.silence else 0), it.name.casefold()))
    if not found:
        return counted(texts.none_silent, shown.silent_after, language)

    def render(limits: _Limits) -> str:
        lines = [
            f"{link(it.name, it.athlete.user_id)}: {line}"
            for it in found[: limits.athletes]
            if (line := _silence(it, shown, language)) is not None
        ]
        if (rest := len(found) - limits.athletes) > 0:
            lines.append(counted(texts.more, rest, language))
        return "\n".join(lines)

    return _fitting(render)


def athlete(
    shown: AthleteDay,
    sessions: Sequence[Session],
    words: Sequence[Word],
    day: date,
    silent_after: int,
    language: Language,
) -> str:
    """Two weeks of one athlete: how it stands with them, their sessions, and what was written.

    Args:
        sessions: in order; what is ahead is left out.
        words: the last ones, in order.
    """
    texts = language.texts.coach_digest

    def render(limits: _Limits) -> str:
        head = [
            f"👤 {link(shown.name, shown.athlete.user_id)}",
            *_standing(shown, day, silent_after, language),
        ]
        listed = [_session(it, None, language, limits) for it in sessions[-limits.athletes :]]
        body = [f"{short_date(it.date, language)} {line}" for it, line in zip(
            sessions[-limits.athletes :], listed, strict=True
        )]  # fmt: skip
        blocks = ["\n".join(head), "\n".join(body) if body else texts.no_sessions]
        if words and limits.note:
            blocks.append("\n".join(_word(it, language, limits) for it in words))
        return "\n\n".join(blocks)

    return _fitting(render)


def _fitting(render: Callable[[_Limits], str]) -> str:
    texts = (render(limits) for limits in _SIZES)
    return next((text for text in texts if _length(text) <= MAX_MESSAGE), render(_SIZES[-1]))


def _length(text: str) -> int:
    """As Telegram counts it: what is shown."""
    return units(html.unescape(_TAG.sub("", text)))


def _athlete(it: AthleteDay, shown: Digest, language: Language, limits: _Limits) -> list[str]:
    """An athlete's lines in a digest; the first one begins with the name."""
    sessions = [_session(session, shown.day, language, limits) for session in it.sessions]
    standing = _standing(it, shown.day, shown.silent_after, language)
    if not limits.details:
        signs = " ".join(dict.fromkeys(line.split(" ", 1)[0] for line in (*standing, *sessions)))
        return [f"{link(_short(it.name, limits), it.athlete.user_id)} {signs}"]
    return [link(it.name, it.athlete.user_id), *standing, *sessions]


def _short(name: str, limits: _Limits) -> str:
    return name if len(name) <= max(12, limits.title) else f"{name[: max(11, limits.title - 1)]}…"


def _standing(it: AthleteDay, day: date, silent_after: int, language: Language) -> list[str]:
    """What is to be known of an athlete besides today's sessions."""
    texts = language.texts.coach_digest
    lines = [_pain(pain, day, it.athlete.hours.zone, language) for pain in it.pains]
    if it.is_silent(silent_after) and it.silence is not None:
        lines.append(f"🔕 {_silent(it.silence.number, it.silence.since, day, language)}")
    if it.refusal is not None:
        lines.append(f"⚠️ {_refusal(it.refusal, language)}")
    if it.pause is not None:
        paused, until = texts.paused, it.pause.until
        if until is not None:
            end = until.astimezone(it.athlete.hours.zone).date()
            paused = texts.paused_until.format(date=weekday_and_date(end, language))
        lines.append(f"⏸ {paused}")
    return lines


def _pain(pain: Episode, day: date, zone: tzinfo, language: Language) -> str:
    since = _when(pain.since.astimezone(zone).date(), day, language)
    said = detail_lines(details_of(pain), HURTS, language)
    what = ", ".join(said) or language.texts.coach_digest.hurts
    return f"🤕 {language.texts.coach_digest.pain.format(what=escape_line(what, _MAX_LINE), since=since)}"


def _silence(it: AthleteDay, shown: Digest, language: Language) -> str | None:
    return None if it.silence is None else _silent(it.silence.number, it.silence.since, shown.day, language)


def _silent(number: int, since: date, day: date, language: Language) -> str:
    return counted(language.texts.coach_digest.silent, number, language, since=_when(since, day, language))


def _when(since: date, day: date, language: Language) -> str:
    """A day in the past, as it is spoken of."""
    return weekday(since, language) if 0 <= (day - since).days < _WEEK else day_and_month(since, language)


def _refusal(refusal: Refusal, language: Language) -> str:
    texts = language.texts.coach_digest
    match refusal:
        case Refusal.NOT_STARTED:
            return texts.not_started
        case Refusal.BLOCKED:
            return texts.blocked
        case _:
            return texts.unreachable


def _session(session: Session, day: date | None, language: Language, limits: _Limits) -> str:
    """A session in a line: how it stands, what it was, what was said.

    Args:
        day: it is said which day it was if it was another one; None: that is said elsewhere.
    """
    title = session.planned.get("activity") or session.planned.get("title") or session.session_id
    sign, _, state = _state(session.state, language).partition(" ")
    parts = [f"{sign} {escape_line(title, limits.title)}" if limits.title else sign]
    if day is not None and session.date != day:
        parts[0] += f" ({_when(session.date, day, language)})"
    if session.answer is None or not session.answer.facts.is_usual:  # of the usual the sign says enough
        parts.append(state)
    if session.answer is not None:
        said = detail_lines(read_details(session.extras), session.answer, language)
        parts += [escape_line(line, _MAX_LINE) for line in said]
    text = " · ".join(parts)
    if session.note and limits.note:
        text += f"\n    📝 {escape(on_one_line(session.note), limits.note)}"
    sent = [(it, line.chat_id) for line in session.notes.lines for it in line.attachments]
    if limits.note and (came_along := sent_along(sent, language)) is not None:
        text += f"\n    {came_along}"
    return text


def _state(state: FeedbackType | SessionState, language: Language) -> str:
    """How it stands with a session of somebody else's; the sign comes first."""
    match state:
        case SessionState.OPEN:
            return language.texts.coach_digest.not_answered_yet
        case SessionState.UNDELIVERED:
            return language.texts.coach_digest.undelivered
        case _:
            return standing(state, language)


def _word(word: Word, language: Language, limits: _Limits) -> str:
    sign = "💬" if word.direction is Direction.TO_COACH else "📨"
    text = escape(" ".join(word.text.split()), limits.note) or "📎"
    return f"{sign} {short_date(word.stamp.at.date(), language)} {escape_line(word.author, 30)}: {text}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
