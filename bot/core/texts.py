"""Every word that a person reads in Telegram. Plain text unless a docstring says HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.core.callbacks import FeedbackType
from bot.core.feedback import NotWritten, Outcome
from bot.core.stats import Stats

LABELS: Mapping[FeedbackType, str] = {
    FeedbackType.DONE: "✅ Done",
    FeedbackType.SKIPPED: "⏭ Skipped",
    FeedbackType.HARD: "🥵 Hard",
    FeedbackType.PAIN: "🤕 Pain",
}

MAX_TITLE = 200
MAX_NOTE = 1_000

NOT_SAVED = "Something is wrong with this answer and it could not be saved. Please tell your coach."
RECEIVED = "Got it! Your answer is kept safely and will be saved shortly."
_ANSWER_LINE = "\n\n➜ "

_MARK = "• "


def saved(type_: FeedbackType) -> str:
    """The toast after a tap that is stored; callers know that it is durable."""
    return f"Saved: {LABELS[type_]}. Tap another button to change it."


def superseded(type_: FeedbackType) -> str:
    """The toast after a tap that arrived behind a newer one."""
    return f"You have answered again since. Saved: {LABELS[type_]}."


def not_written(result: NotWritten, late_after_days: int) -> str:
    """The notice after a tap that is not stored (at most 200 characters)."""
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


def prompt(title: str | None, note: str | None, *, again: bool) -> str:
    """The question about one session (HTML)."""
    lines = []
    if again:
        lines.append("I was away for a while and may have missed your answer, so I ask once more.\n")
    lines.append("How did your session go?")
    if title:
        lines.append(f"<b>{html.escape(clip(title, MAX_TITLE), quote=False)}</b>")
    if note:
        lines.append(html.escape(clip(note, MAX_NOTE), quote=False))
    return "\n".join(lines)


def clip(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; what was cut shows as an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def welcome(user_id: int, *, athlete: bool, admin: bool) -> str:
    """The reply to /start."""
    if athlete:
        return (
            "Hello! After each planned session I ask you how it went. One tap on a button is the whole job;"
            " tap another one to change your answer.\n\n/help says more."
        )
    if admin:
        return "Hello! You are an admin of this bot: /stats shows how the feedback is doing. /help says more."
    return (
        "Hello! I collect training feedback for athletes whom a coach has registered, and I do not know you yet.\n\n"
        f"Your Telegram id is {user_id}. Send it to your coach, or to whoever runs this bot, and ask to be added."
    )


def help_text(*, admin: bool) -> str:
    """The reply to /help."""
    text = (
        "I ask you about each planned session, with four buttons:\n\n"
        f"{LABELS[FeedbackType.DONE]}: you did it as planned\n"
        f"{LABELS[FeedbackType.SKIPPED]}: you did not do it\n"
        f"{LABELS[FeedbackType.HARD]}: you did it and it was harder than it should have been\n"
        f"{LABELS[FeedbackType.PAIN]}: something hurt\n\n"
        "One tap is enough. Tap another button to change your answer; the last one counts. Your coach reads"
        " the answers before planning the next week.\n\n"
        "/start shows your Telegram id, /help this page."
    )
    return text + "\n/stats [days] shows figures, for admins." if admin else text


TRY_HELP = "I understand taps on the buttons below my questions, and the command /help."
STATS_FOR_ADMINS = "/stats is for the admins of this bot. /help says what I can do for you."
STATS_PRIVATE = "I show figures in a private chat only. Please send me /stats there."
STATS_USAGE = "Please write /stats or /stats DAYS, with a number of days from 1 to 365."
STATS_LATER = "The database does not answer right now, so I have no figures. Taps are kept safely meanwhile."


def stats(figures: Stats) -> str:
    """The reply to /stats."""
    rate = figures.feedback_event_write_success_rate
    lines = [
        f"Last {count(figures.days, 'day')}, to {utc(figures.until)}",
        "",
        f"Write success rate: {'no taps yet' if rate is None else f'{rate:.2%}'}",
        f"  taps written {figures.taps[Outcome.WRITTEN]}, waiting {figures.waiting_taps}, dead letters {figures.dead_taps}",
        f"Not written: {_listed({name: figures.taps[name] for name in Outcome if name != Outcome.WRITTEN})}",
        "",
        f"Answers: {_listed({type_: figures.answers[type_] for type_ in FeedbackType})}",
        f"Prompts: {_listed(figures.prompts)}",
        "",
        f"Oldest unprocessed: {utc(figures.oldest_pending)}",
        f"Last poll: {utc(figures.last_poll)}",
    ]
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def utc(instant: datetime | None) -> str:
    """`2026-02-16 18:42 UTC`, or `none`."""
    return "none" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def count(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
