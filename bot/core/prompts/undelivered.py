"""Prompts that did not arrive: what they wait for, and what becomes of them when their chat opens. Pure.

A prompt that Telegram refuses is `undeliverable`, with Telegram's words as its reason. As long as somebody
can do something about that, such as start the bot, it waits; a chat is known to be closed by what waits for
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.core.facts.answering_window import is_late, send_by
from bot.core.people.athlete import Roster
from bot.core.prompts.prompt import (
    NOTIFICATIONS,
    InvalidPrompt,
    PromptKind,
    PromptState,
    is_question,
    parse_chat_id,
)
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.refusals import Refusal, read_refusal

WORDS_WAIT = timedelta(days=14)
"""Words that did not arrive go on their way when the chat opens within this time."""

OPENS: Mapping[Refusal, str] = {
    Refusal.NOT_STARTED: "they open the bot in Telegram and press Start",
    Refusal.BLOCKED: "they unblock the bot",
    Refusal.REMOVED: "the bot is added to the group",
    Refusal.MUTED: "the bot may write in the group, and somebody writes there",
    Refusal.TOPIC: "the topic is open, and somebody writes in the group",
}
"""When a chat opens that gives one of these refusals: what somebody has to do there."""


@dataclass(frozen=True, slots=True)
class ClosedChat:
    """A chat that takes no messages, as far as is known.

    Attributes:
        reason: Telegram's, of its last refusal.
        athlete_id, user_id: whom its prompts name; None: nobody.
        waiting: how many questions come when it opens.
        is_told: whether admins know of it.
    """

    chat_id: int
    refusal: Refusal
    reason: str
    athlete_id: str | None
    user_id: int | None
    waiting: int
    is_told: bool


def read_chat_id(document: Mapping[str, Any]) -> int | None:
    """The chat of an outbox document, in whatever form; None if it names none."""
    try:
        return parse_chat_id(document.get("chatId"))
    except InvalidPrompt:
        return None


def name_of(chat: ClosedChat, roster: Roster) -> str:
    """Whose chat it is, for people: `Ana (ana)`; of one that is nobody's, its id."""
    athlete = roster.by_id(chat.athlete_id) or roster.by_user(chat.user_id) or roster.in_chat(chat.chat_id)
    if athlete is None:
        return f"chat {chat.chat_id}"
    return athlete.athlete_id if athlete.name is None else f"{athlete.name} ({athlete.athlete_id})"


def refuses(chat: ClosedChat) -> str:
    """That a chat takes nothing, why, and what ends that."""
    return (
        f"Telegram refuses messages to chat {chat.chat_id} ({chat.reason}); what can still be answered is"
        f" asked as soon as {OPENS[chat.refusal]}"
    )


def waits_for(document: Mapping[str, Any]) -> Refusal | None:
    """The refusal whose end an outbox document waits for; None if it does not wait for any."""
    if document.get("state") != PromptState.UNDELIVERABLE or document.get("kind") in NOTIFICATIONS:
        return None
    refusal = read_refusal(str(document.get("reason") or ""))
    if refusal is Refusal.NOT_STARTED and str(document.get("chatId")).startswith("-"):
        refusal = Refusal.REMOVED  # Telegram says the same of groups that it does not know
    return refusal if refusal.may_end else None


def is_worth_sending(document: Mapping[str, Any], now: datetime, late_after_days: int) -> bool:
    """Whether a prompt that did not arrive could still be answered in time: a question, or a coach's word.

    What was asked before, and is only not asked once more, can be answered as long as that counts.
    """
    if document.get("kind") == PromptKind.WORD:
        written_at = document.get("createdAt")
        return isinstance(written_at, datetime) and now - written_at <= WORDS_WAIT
    if not is_question(document):
        return False
    sent_at, not_after, due_at = (document.get(name) for name in ("sentAt", "notAfter", "dueAt"))
    try:
        if isinstance(sent_at, datetime):
            return not is_late(sent_at, now, late_after_days)
        if isinstance(not_after, datetime):
            return now < not_after
        return not isinstance(due_at, datetime) or now < send_by(due_at, late_after_days)
    except OverflowError:  # due at the end of the calendar
        return True


def once_open(document: Mapping[str, Any], heard_at: datetime, late_after_days: int) -> PromptState | None:
    """The state of a prompt once its chat takes messages again, as was heard at `heard_at`.

    None: it stays as it is; it does not wait, or was refused only after that.
    """
    refused_at = document.get("updatedAt")
    if waits_for(document) is None or (isinstance(refused_at, datetime) and refused_at > heard_at):
        return None
    is_due = is_worth_sending(document, heard_at, late_after_days)
    return PromptState.PENDING if is_due else PromptState.EXPIRED


def closed_chats(
    documents: Iterable[Mapping[str, Any]],
    sent: Mapping[int, datetime],
    now: datetime,
    late_after_days: int,
) -> list[ClosedChat]:
    """The chats for which prompts wait, by the last refusal of each.

    Args:
        documents: of the outbox, in the order in which they were refused.
        sent: when something was sent to a chat last; refusals before that are over.
    """
    found: dict[int, ClosedChat] = {}
    for document in documents:
        refusal, chat_id = waits_for(document), read_chat_id(document)
        if refusal is None or chat_id is None:
            continue
        refused_at, sent_at = document.get("updatedAt"), sent.get(chat_id)
        if sent_at is not None and not (isinstance(refused_at, datetime) and refused_at > sent_at):
            continue
        athlete_id = document.get("athleteId")
        is_waiting = is_question(document) and is_worth_sending(document, now, late_after_days)
        this = ClosedChat(
            chat_id=chat_id,
            refusal=refusal,
            reason=str(document["reason"]),
            athlete_id=None if athlete_id is None else str(athlete_id),
            user_id=read_int64(document.get("userId")),
            waiting=int(is_waiting),
            is_told="refusalToldAt" in document,
        )
        if (before := found.get(chat_id)) is not None:
            is_same = before.refusal is refusal
            this = replace(
                this,
                waiting=before.waiting + this.waiting,
                is_told=this.is_told or (is_same and before.is_told),
            )
        found[chat_id] = this
    return list(found.values())
