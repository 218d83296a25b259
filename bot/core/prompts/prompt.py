"""A prompt in the outbox: what may stand in its document, and what to do after a try to send it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from bot.core.shared.backoff import Backoff
from bot.core.shared.clock import parse_instant
from bot.core.shared.errors import (
    TelegramChatMigrated,
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnauthorized,
)
from bot.core.shared.tolerant import read_int64, read_whole
from bot.core.telegram.chats import read_thread_id
from bot.core.telegram.refusals import read_refusal

# A claimed prompt that is not settled by then may be claimed by somebody else.
LEASE = timedelta(seconds=90)

NOT_IN_TIME = "it could not be sent in time"
"""The reason of a prompt that expired before it was sent."""

_NOT_SENT = Backoff(2.0, 60.0)
_REFUSED_ALERT = Backoff(30.0, 600.0)
_UNAUTHORIZED_DELAY = timedelta(seconds=60)
# When a reply is lost the message may well have arrived: each further copy must be worth its nuisance.
_UNKNOWN_DELAYS = (timedelta(seconds=20), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
_INT64 = 2**63
_INT64_DIGITS = 20


class PromptState(StrEnum):
    """Where a prompt stands; `reason` says why where the state alone does not."""

    PENDING = "pending"
    """To be sent, for the first time or again."""
    SENT = "sent"
    """Asked, and not answered yet."""
    ANSWERED = "answered"
    LATE = "late"
    """The answer came when it could not count any more."""
    EXPIRED = "expired"
    """Too old to be answered, or even to be sent."""
    UNDELIVERABLE = "undeliverable"
    CANCELLED = "cancelled"
    """Never sent, and not to be sent."""


class PromptKind(StrEnum):
    """What a document in the outbox is."""

    SESSION = "session"
    """A question about a session; documents without a kind are such."""
    REMINDER = "reminder"
    """The sessions of a day, announced in its morning; nobody is asked anything."""
    ALERT = "alert"
    """The coach is told that something hurts."""
    NOTICE = "notice"
    """The athlete is told that the coach has seen it."""
    WEEKLY = "weekly"
    """The athlete's own week, on Sunday evening."""
    AVAILABILITY = "days"
    """The athlete is asked on which days of the coming week they can train."""
    PLAN = "plan"
    """An admin, or the coach, is told of a plan that cannot be used."""
    WORD = "word"
    """What a coach wrote, for the athlete, or the other way round (see `bot.store.coach.messages`)."""
    PAIN = "pain"
    """The athlete is asked in the morning how their pain is by now."""
    DIGEST = "digest"
    """The coach is told of a day: who answered what, and who did not."""


NOTIFICATIONS = frozenset({PromptKind.ALERT, PromptKind.NOTICE})
"""What is told because of a tap. It is written when it is sent, from what is stored then."""


def is_question(document: Mapping[str, Any]) -> bool:
    """Whether an outbox document asks about a session; the outbox carries reminders, too."""
    return document.get("kind") in (None, PromptKind.SESSION)


class AskAgainReason(StrEnum):
    """Why a question is asked once more."""

    ABSENCE = "absence"
    """The bot was away, and may have missed the answer."""
    LATER = "later"
    """The athlete asked for it."""
    NUDGE = "nudge"
    """Nobody answered."""
    PENDING = "pending"
    """The athlete asked what is still unanswered."""


class LaterResult(StrEnum):
    """What became of the wish to be asked again later."""

    POSTPONED = "postponed"
    ANSWERED_SINCE = "answered since"
    """It was granted before, and the question has been answered since."""
    ANSWERED = "answered"
    TOO_LATE = "too late"
    """By then no answer would count any more."""
    UNKNOWN = "unknown"
    """There is no such prompt."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A tap that settles the prompt of its session.

    Attributes:
        chat_id: None when Telegram did not say; then it is the user's private chat.
        at: when it was received.
        message_id: the message with the button, where the answer is the one that counts.
    """

    run_id: str
    session_id: str
    chat_id: int | None
    user_id: int | None
    at: datetime
    message_id: int | None = None


class InvalidPrompt(ValueError):
    """An outbox document that cannot be sent; the message names the field and the cure."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A claimed prompt.

    Attributes:
        id: `_id` of its document.
        claim: the token of this claim; only its holder may settle.
        attempts: tries so far, this one included.
        unknowns: tries whose outcome nobody knows.
        again: why it is asked once more; None for the first time.
        was_sent: whether it was in the chat before.
        athlete_id: whose training it is about; None if nobody said.
        user_id: the Telegram user who alone may answer; None for any athlete.
        day: the planned day.
        plan: the session as planned (see `bot.core.plans.plan.PlannedSession.to_document`).
        sessions: for a reminder, the sessions of its day.
        about: for an alert or notice, what it is about (see `bot.store.prompts.coach_alerts`).
        message_id: the message that was sent last.
        thread_id: the topic to ask in; None: the chat itself.
        version: of its contents, if an alert or notice: the update id of what changed it last.
    """

    id: object
    claim: str
    run_id: str
    session_id: str
    chat_id: int
    title: str | None
    note: str | None
    attempts: int
    unknowns: int
    again: AskAgainReason | None = None
    was_sent: bool = False
    kind: PromptKind = PromptKind.SESSION
    athlete_id: str | None = None
    user_id: int | None = None
    day: date | None = None
    plan: Mapping[str, Any] | None = None
    sessions: Sequence[Mapping[str, Any]] = ()
    about: Mapping[str, Any] | None = None
    message_id: int | None = None
    version: int = 0
    thread_id: int | None = None


def read_prompt(document: Mapping[str, Any]) -> Prompt:
    """Read a claimed outbox document, which anybody may have inserted.

    Raises:
        InvalidPrompt: it lacks what is needed to ask.
    """
    return Prompt(
        id=document["_id"],
        claim=str(document.get("claim")),
        run_id=_id(document, "runId"),
        session_id=_id(document, "sessionId"),
        chat_id=parse_chat_id(document.get("chatId")),
        title=_text(document, "title"),
        note=_text(document, "note"),
        attempts=_count(document, "attempts"),
        unknowns=_count(document, "unknowns"),
        again=_again(document),
        was_sent=document.get("sentAt") is not None,
        kind=_kind(document),
        athlete_id=_text(document, "athleteId"),
        user_id=None if document.get("userId") is None else _user_id(document["userId"]),
        day=_day(document.get("date")),
        plan=plan if isinstance(plan := document.get("plan"), Mapping) else None,
        sessions=tuple(item for item in sessions if isinstance(item, Mapping))
        if isinstance(sessions := document.get("sessions"), list)
        else (),
        about=about if isinstance(about := document.get("about"), Mapping) else None,
        message_id=read_int64(document.get("messageId")),
        version=read_int64(document.get("version")) or 0,
        thread_id=_thread_id(document.get("messageThreadId")),
    )


def parse_chat_id(value: object) -> int:
    """A chat id given as number or text; groups have negative ones.

    Raises:
        InvalidPrompt: it is none.
    """
    if isinstance(value, float) and value.is_integer():  # n8n and mongosh write numbers as doubles
        value = int(value)
    if isinstance(value, str):
        text = value.strip()  # of more than `int` strips
        digits = text.removeprefix("-")
        value = int(text) if digits.isascii() and digits.isdigit() and len(digits) < _INT64_DIGITS else None
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64 or value == 0:
        raise InvalidPrompt(
            "chatId: not a Telegram chat id; give a whole number such as 123456 or -100123456"
        )
    return value


def check_id(value: str, field: str) -> str:
    """An id that can name a run or a session.

    Raises:
        InvalidPrompt: it is blank, or holds half a character (a lone surrogate).
    """
    if not value.strip():
        raise InvalidPrompt(f"{field}: empty; give the id that the answers shall carry")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidPrompt(f"{field}: not valid text; write it in UTF-8") from None
    return value


def _id(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    if (number := read_whole(value)) is not None:
        value = str(number)
    if not isinstance(value, str):
        raise InvalidPrompt(f"{field}: missing or not text; give the id that the answers shall carry")
    return check_id(value, field)


def _again(document: Mapping[str, Any]) -> AskAgainReason | None:
    try:
        return AskAgainReason(str(document.get("again")))
    except ValueError:
        # Older documents know one reason only.
        return AskAgainReason.ABSENCE if "askedAgainAt" in document else None


def _kind(document: Mapping[str, Any]) -> PromptKind:
    try:
        return PromptKind(document.get("kind") or PromptKind.SESSION)
    except ValueError:
        raise InvalidPrompt("kind: unknown; leave it out, a prompt is a question about a session") from None


def _user_id(value: object) -> int:
    try:
        user_id = parse_chat_id(value)  # a user's id is that of the private chat
    except InvalidPrompt:
        user_id = 0
    if user_id <= 0:
        raise InvalidPrompt("userId: not a Telegram user id; give a whole number such as 123456")
    return user_id


def _thread_id(value: object) -> int | None:
    try:
        return None if value is None else read_thread_id(value)
    except ValueError as exc:
        raise InvalidPrompt(f"messageThreadId: {exc}, or leave it out") from None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _count(document: Mapping[str, Any], field: str) -> int:
    value = document.get(field)
    return int(value) if isinstance(value, int | float) and 0 <= value < _INT64 else 0


def _text(document: Mapping[str, Any], field: str) -> str | None:
    value = document.get(field)
    return None if value is None else str(value).strip() or None


def read_due_at(document: Mapping[str, Any], zone: tzinfo) -> datetime | None:
    """When the prompt is due: a date, or an ISO text as JSON workflows write it (without offset in `zone`).

    Raises:
        InvalidPrompt: it is neither.
    """
    return _instant(document, "dueAt", zone)


def read_not_after(document: Mapping[str, Any], zone: tzinfo) -> datetime | None:
    """From when on it is not worth sending any more; written like `dueAt`.

    Raises:
        InvalidPrompt: it is neither a date nor such a text.
    """
    return _instant(document, "notAfter", zone)


def _instant(document: Mapping[str, Any], field: str, zone: tzinfo) -> datetime | None:
    value = document.get(field)
    if value is None or isinstance(value, datetime):
        return value
    try:
        return parse_instant(str(value), zone)
    except (ValueError, OverflowError):
        raise InvalidPrompt(f"{field}: not a date; write one such as 2026-02-16T20:00:00Z") from None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `at`.

    Attributes:
        unknown: whether the message may have been delivered all the same.
        hold: until when the chat must be left alone (429).
    """

    at: datetime
    reason: str
    unknown: bool = False
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Telegram will never take it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The chat goes on under another id; try again there at once."""

    chat_id: int


def _waits_for_coach(prompt: Prompt, error: TelegramError) -> bool:
    """Whether an athlete's words have not reached the coach, and may yet."""
    is_to_coach = prompt.kind is PromptKind.WORD and prompt.user_id is None
    return is_to_coach and read_refusal(str(error)).may_end


def after_failure(prompt: Prompt, error: TelegramError, now: datetime) -> Retry | Undeliverable | Moved:
    """What to do about a prompt that was not, or perhaps not, sent."""
    tries = max(1, prompt.attempts)  # whatever others wrote there
    match error:
        case TelegramChatMigrated():
            return Moved(error.new_chat_id)
        case TelegramRejected() if prompt.kind is PromptKind.ALERT or _waits_for_coach(prompt, error):
            # It must not get lost because the coach's chat is not there yet.
            return Retry(now + timedelta(seconds=_REFUSED_ALERT.delay(tries)), str(error))
        case TelegramRejected():
            return Undeliverable(str(error))
        case TelegramRateLimited():
            return Retry(now + timedelta(seconds=error.retry_after), str(error), hold=True)
        case TelegramUnauthorized():
            return Retry(now + _UNAUTHORIZED_DELAY, str(error))
        case TelegramNotSent():
            return Retry(now + timedelta(seconds=_NOT_SENT.delay(tries)), str(error))
        case _:
            step = min(prompt.unknowns, len(_UNKNOWN_DELAYS) - 1)
            return Retry(now + _UNKNOWN_DELAYS[step], str(error), unknown=True)
