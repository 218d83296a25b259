"""Every word that a person reads in Telegram. Plain text unless a docstring says HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from bot.core.callbacks import FeedbackType
from bot.core.feedback import Cause, NotWritten, Outcome
from bot.core.plans import detail_lines
from bot.core.prompts import Again

LABELS: Mapping[FeedbackType, str] = {
    FeedbackType.DONE: "✅ Done",
    FeedbackType.SKIPPED: "⏭ Skipped",
    FeedbackType.HARD: "🥵 Hard",
    FeedbackType.PAIN: "🤕 Pain",
}
LATER = "⏰ Later"

MAX_TITLE = 200
MAX_NOTE = 1_000
_MAX_REMINDER = 2_500

NOT_SAVED = "Something is wrong with this answer and it could not be saved. Please tell your coach."
NOT_DONE = "Something is wrong, and I could not do what you asked for. Please tell your coach."
RECEIVED = "Got it! Your answer is kept safely and will be saved shortly."
RECEIVED_UNJUDGED = "Got it! Your tap is kept safely, and I will see to it shortly."
_ANSWER_LINE = "\n\n➜ "

_MARK = "• "


def saved(type_: FeedbackType) -> str:
    """The toast after a tap that is stored; callers know that it is durable."""
    return f"Saved: {LABELS[type_]}. Tap another button to change it."


def superseded(type_: FeedbackType) -> str:
    """The toast after a tap that arrived behind a newer one."""
    return f"You have answered again since. Saved: {LABELS[type_]}."


def postponed(again_at: datetime, zone: tzinfo, now: datetime) -> str:
    """The toast after a tap on Later: when the question comes again, in the athlete's zone."""
    local = again_at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    day = {0: "today", 1: "tomorrow"}.get(days, f"on {long_date(local)}")
    return f"All right, I will ask again {day} at {local:%H:%M}."


def not_written(result: NotWritten, late_after_days: int) -> str:
    """The notice after a tap that is not stored (at most 200 characters)."""
    match result.cause:
        case Cause.FOREIGN:
            return (
                "This question is for another athlete in this chat, so nothing was changed. I ask about your"
                " sessions separately."
            )
        case Cause.ANSWERED:
            return "You have answered this already, so I will not ask again. Tap another answer to change it."
        case Cause.NO_TIME_LEFT:
            return (
                f"Answers count for {count(late_after_days, 'day')}, so I cannot ask about this session again"
                " later. Please tap an answer now."
            )
        case Cause.PAUSED:
            return "You are on a pause, so I do not ask again. Please tap an answer now, or send me /resume first."
    match result.outcome:
        case Outcome.LATE if result.age_days is None:
            return "This message is too old for an answer to count, so it was not recorded. Thank you!"
        case Outcome.LATE:
            return (
                f"This session was asked about {count(result.age_days or 0, 'day')} ago. Answers count for"
                f" {count(late_after_days, 'day')}, so this one was not recorded. Thank you!"
            )
        case Outcome.UNKNOWN:
            return "I do not remember this session any more, so nothing was recorded. Please tell your coach."
        case Outcome.REFUSED:
            return "This button is for the athlete in training, so nothing was changed. Send me /start to learn more."
        case _:
            return (
                "This button is not one that I understand, so nothing was recorded. Please tell your coach."
            )


def shown_text(text: str, type_: FeedbackType) -> str:
    """A prompt's text with the chosen answer below, in place of an earlier one."""
    question, line, shown = text.rpartition(_ANSWER_LINE)
    was_marked = line and shown in LABELS.values()
    return (question if was_marked else text) + _ANSWER_LINE + LABELS[type_]


def marked(label: str, *, chosen: bool) -> str:
    """A button's label, marked when it is the answer that counts."""
    plain = label.removeprefix(_MARK)
    return _MARK + plain if chosen else plain


def prompt(
    title: str | None,
    note: str | None,
    *,
    again: Again | None = None,
    plan: Mapping[str, Any] | None = None,
    day: date | None = None,
    today: date | None = None,
) -> str:
    """The question about one session (HTML).

    Args:
        plan: the session as planned, see `bot.core.plans.PlannedSession.to_document`.
        day, today: the planned day, and the day on which the athlete reads this.
    """
    lines = [] if again is None else [_AGAIN[again] + "\n"]
    lines.append(_question(day, today))
    return "\n".join([*lines, *_session_lines(title, note, plan or {})])


_AGAIN: Mapping[Again, str] = {
    Again.ABSENCE: "I was away for a while and may have missed your answer, so I ask once more.",
    Again.LATER: "You asked me to come back later, so here I am again.",
    Again.NUDGE: "In case this one slipped by: one tap is enough, and your coach plans with it.",
}


def reminder(sessions: Sequence[Mapping[str, Any]]) -> str:
    """What is planned today (HTML)."""
    blocks = ["Today's session:" if len(sessions) == 1 else f"Today's {len(sessions)} sessions:"]
    room = _MAX_REMINDER
    for number, session in enumerate(sessions):
        block = "\n".join(_session_lines(None, None, session))
        room -= len(html.unescape(block))  # Telegram counts what is shown
        if room < 0:
            blocks.append(f"… and {len(sessions) - number} more")
            break
        blocks.append(block)
    return "\n\n".join(blocks)


def _question(day: date | None, today: date | None) -> str:
    if day is None or today is None or day >= today:
        return "How did your session go?"
    if (today - day).days < 7:
        return f"How did {day:%A}'s session go?"
    return f"How did the session of {day.day} {day:%B} go?"


def _session_lines(title: str | None, note: str | None, plan: Mapping[str, Any]) -> list[str]:
    """Title, details and note of a session, each in lines of its own (HTML)."""
    lines = []
    if name := title or plan.get("activity"):
        lines.append(f"<b>{_escape(str(name), MAX_TITLE)}</b>")
    lines += [_escape(line, MAX_TITLE) for line in detail_lines({**plan, "note": None})]
    if text := note or plan.get("note"):
        lines.append(_escape(str(text), MAX_NOTE))
    return lines


def _escape(text: str, limit: int) -> str:
    return html.escape(clip(text, limit), quote=False)


def clip(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; what was cut shows as an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


_WHAT_I_DO = (
    "After each planned session I ask you how it went. One tap on a button is the whole job;"
    " tap another one to change your answer.\n\n/help says more."
)


def welcome(user_id: int, *, athlete: bool, admin: bool) -> str:
    """The reply to /start."""
    if athlete:
        return f"Hello! {_WHAT_I_DO}\n\nYour Telegram id is {user_id}."
    if admin:
        return (
            "Hello! You are an admin of this bot: /stats shows how the feedback is doing. /help says more.\n\n"
            f"Your Telegram id is {user_id}."
        )
    return (
        "Hello! I collect training feedback for athletes whom a coach has registered, and I do not know you yet.\n\n"
        f"Your Telegram id is {user_id}. Send it to your coach, or to whoever runs this bot, and ask to be added."
    )


def enlisted(name: str | None) -> str:
    """The reply to an invitation that was accepted."""
    return f"Welcome{', ' + name if name else ''}! You are on the list now. {_WHAT_I_DO}"


def enlisted_before(name: str | None) -> str:
    """The reply to an invitation that does not fit somebody who is an athlete already."""
    return (
        f"You are on the list already{' as ' + name if name else ''}, so you need no invitation. If this one"
        " is meant for you all the same, please tell your coach."
    )


def invitation_invalid(user_id: int) -> str:
    """The reply to a code that is unknown, used or expired."""
    return (
        "This invitation does not work (any more). Each one is for a single person and a few days: please ask"
        f" your coach for a new one.\n\nYour Telegram id is {user_id}."
    )


def paused(until: datetime | None, zone: tzinfo) -> str:
    """The reply to /pause."""
    if until is None:
        end = "I will not ask you anything until you send /resume."
    else:
        end = (
            f"I will not ask you anything until {long_date(until.astimezone(zone))}; on that day I begin again."
            " /resume ends the pause earlier."
        )
    return (
        f"Paused. {end}\n\nYour coach sees that you pause, so no session counts as skipped. What I have asked"
        " before can still be answered."
    )


def long_date(local: datetime) -> str:
    """`Monday, 10 August 2026`."""
    return f"{local:%A}, {local.day} {local:%B %Y}"


def help_text(*, admin: bool) -> str:
    """The reply to /help."""
    text = (
        "I ask you about each planned session, with these buttons:\n\n"
        f"{LABELS[FeedbackType.DONE]}: you did it as planned\n"
        f"{LABELS[FeedbackType.SKIPPED]}: you did not do it\n"
        f"{LABELS[FeedbackType.HARD]}: you did it and it was harder than it should have been\n"
        f"{LABELS[FeedbackType.PAIN]}: something hurt\n"
        f"{LATER}: I ask again at the next usual hour\n\n"
        "One tap is enough. Tap another button to change your answer; the last one counts. Your coach reads"
        " the answers before planning the next week.\n\n"
        "Away or ill? /pause stops the questions until you send /resume, /pause 7 for seven days, /pause"
        " with a day (YYYY-MM-DD) until that day. Your coach sees it as a pause, not as skipped.\n\n"
        "/start shows your Telegram id, /help this page."
    )
    return text + "\n/stats [days] shows figures, for admins." if admin else text


RESUMED = "I ask about your sessions as planned. /pause takes a break."
PAUSE_USAGE = (
    "Please write /pause alone, or with a number of days from 1 to 366 (/pause 7), or with the coming day on which"
    " it ends (written YYYY-MM-DD)."
)
PAUSE_PRIVATE = "Please send me /pause and /resume in a private chat, so that I do not mix anybody up."
PAUSE_FOR_ATHLETES = "/pause and /resume are for athletes in training. /start says more."
INVITATION_PRIVATE = "An invitation works in a private chat with me only. Please open its link there."
TRY_HELP = "Your coach does not see this message. Please tap a button below my question; /help says what else I can do."
STATS_FOR_ADMINS = "/stats is for the admins of this bot. /help says what I can do for you."
STATS_PRIVATE = "I show figures in a private chat only. Please send me /stats there."
STATS_USAGE = "Please write /stats or /stats DAYS, with a number of days from 1 to 365."
STATS_LATER = "The database does not answer right now, so I have no figures. Taps are kept safely meanwhile."


def utc(instant: datetime | None) -> str:
    """`2026-02-16 18:42 UTC`, or `none`."""
    return "none" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def count(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
