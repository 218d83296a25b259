"""Where a prompt stands and why, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.core.facts.answering_window import closes_at, is_late
from bot.core.people.athlete import Roster
from bot.core.prompts.prompt import AskAgainReason, PromptState
from bot.core.prompts.undelivered import OPENS, is_worth_sending, waits_for
from bot.core.shared.clock import iso_utc
from bot.core.shared.tolerant import read_user

_AGAIN = {
    AskAgainReason.ABSENCE.value: "because the bot was away and may have missed the answer",
    AskAgainReason.LATER.value: "because the athlete wished to be asked later",
    AskAgainReason.NUDGE.value: "because nobody has answered",
    AskAgainReason.PENDING.value: "because the athlete wished to see what is unanswered",
}


def state_of(document: Mapping[str, Any]) -> PromptState:
    """The state of an outbox document, as stored; pending if nobody has looked at it yet."""
    try:
        return PromptState(str(document.get("state")))
    except ValueError:
        return PromptState.PENDING


def state_at(document: Mapping[str, Any], now: datetime, late_after_days: int) -> PromptState:
    """The state of an outbox document at a time.

    What was asked, and cannot be answered any more, has expired, whether or not somebody has noted that.
    """
    state = state_of(document)
    sent_at = document.get("sentAt")
    is_standing = state in (PromptState.PENDING, PromptState.SENT, PromptState.UNDELIVERABLE)
    is_over = isinstance(sent_at, datetime) and is_late(sent_at, now, late_after_days)
    return PromptState.EXPIRED if is_standing and is_over else state


def is_answered_by(document: Mapping[str, Any], event: Mapping[str, Any], roster: Roster) -> bool:
    """Whether an answer is one to this question, in whichever chat it was given.

    The question is that of the user or athlete it names, or in whose private chat it stands; without any it
    is answered by whomever. An answer that names nobody is theirs.
    """
    if any(str(document.get(name)) != str(event.get(name)) for name in ("runId", "sessionId")):
        return False
    chat, user = read_user(document.get("chatId")), read_user(event.get("userId"))
    athlete = roster.by_id(str(document.get("athleteId")))
    owner = read_user(document.get("userId")) or (None if athlete is None else athlete.user_id)
    if owner is None and chat is not None and chat > 0:
        owner = chat
    return owner is None or user is None or owner == user


def explain(document: Mapping[str, Any], *, now: datetime, late_after_days: int) -> str:
    """What a state means here, and what comes next.

    Args:
        document: of `session_prompts`, written by anybody.
        late_after_days: LATE_AFTER_DAYS.
    """
    reason = document.get("reason")
    why = f": {reason}" if isinstance(reason, str) and reason.strip() else ""
    sent_at = document.get("sentAt")
    asked = f"Asked at {iso_utc(sent_at)}" if isinstance(sent_at, datetime) else "Asked"
    match state_at(document, now, late_after_days):
        case PromptState.PENDING:
            return _pending(document, why, asked, now)
        case PromptState.SENT:
            return f"{asked}, and not answered yet.{_closes(sent_at, late_after_days)}"
        case PromptState.ANSWERED:
            answered_at = document.get("answeredAt")
            when = f" at {iso_utc(answered_at)}" if isinstance(answered_at, datetime) else ""
            return f"Answered{when}; the answer stands in feedback_events."
        case PromptState.LATE:
            return f"{asked}. The answer came more than {late_after_days} days later and does not count."
        case PromptState.EXPIRED if sent_at is None:
            return f"Not asked, and it is too late to ask now{why}."
        case PromptState.EXPIRED:
            return f"{asked}, and not answered in time: an answer does not count any more."
        case PromptState.UNDELIVERABLE:
            return _undelivered(document, why, asked, now, late_after_days)
        case PromptState.CANCELLED:
            return f"Not asked, and not to be{why}."


def _undelivered(
    document: Mapping[str, Any], why: str, asked: str, now: datetime, late_after_days: int
) -> str:
    refusal = waits_for(document)
    failed = (
        "Could not be sent" if document.get("sentAt") is None else f"{asked}, and could not be sent again"
    )
    if refusal is None:
        return f"{failed}, and is not tried again{why}."
    if not is_worth_sending(document, now, late_after_days):
        return f"{failed}, and it is too late to ask now{why}."
    return f"{failed}{why}. It is asked as soon as {OPENS[refusal]}, or when it is queued once more."


def _closes(sent_at: object, late_after_days: int) -> str:
    if not isinstance(sent_at, datetime):
        return ""
    try:
        return f" An answer counts before {iso_utc(closes_at(sent_at, late_after_days))}."
    except OverflowError:
        return ""


def _pending(document: Mapping[str, Any], why: str, asked: str, now: datetime) -> str:
    due_at, next_try = document.get("dueAt"), document.get("attemptAt")
    is_waiting = isinstance(due_at, datetime) and due_at > now
    when = f"at {iso_utc(due_at)}" if is_waiting and due_at is not None else "as soon as it can be sent"
    if document.get("sentAt") is not None:
        cause = _AGAIN.get(str(document.get("again")), _AGAIN[AskAgainReason.ABSENCE.value])
        return f"{asked}, and asked again {when}, {cause}."
    if why and isinstance(next_try, datetime) and next_try > now:
        return f"Due, and tried in vain{why}. The next try is at {iso_utc(next_try)}."
    return f"Will be asked {when}."
