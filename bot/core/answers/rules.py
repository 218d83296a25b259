"""A tap -> what it means. Pure: every instant is an argument, nothing is read or written here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import Enum, StrEnum, auto
from typing import Literal, get_args

from bot.core.answers.event import FeedbackEvent, Identity, StoredAnswer
from bot.core.answers.payloads import Callback, DetailTap, Later, make_reference, parse_payload
from bot.core.facts.answering_window import age_in_days, is_late
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.updates import Tap

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
"""As it is stored and as programs read it, in whatever language the athlete is written to."""
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class Outcome(StrEnum):
    """The outcome of a tap; every tap has exactly one."""

    WRITTEN = "written"
    LATE = "late"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    """A reference to a prompt that nobody remembers."""
    REFUSED = "refused"
    POSTPONED = "postponed"
    """The athlete wants to be asked again later."""
    DETAIL = "detail"
    """No answer, but something about one: RPE, pain, a reason."""
    REQUEST = "request"
    """No answer, but something to be done: seen by the coach, data to be deleted, a language."""
    REFUSED_COMMAND = "refused-command"
    """A message, not a tap: of somebody who is no athlete, one for admins only, or an invitation that is not
    valid."""


class Cause(Enum):
    """Why a tap is not written, where the outcome alone does not tell."""

    FOREIGN = auto()
    """The question is another athlete's."""
    ANSWERED = auto()
    """To be asked again later about what is answered."""
    NO_TIME_LEFT = auto()
    """To be asked again later, when no answer would count any more."""
    PAUSED = auto()
    """To be asked again later, in a pause that has no end."""
    NO_ANSWER = auto()
    """Something about an answer that is not there."""
    OTHER_ANSWER = auto()
    """Something that belongs to another answer than the one that counts."""
    NO_ALERT = auto()
    """To have seen an alert that is not there, or not in this chat."""
    NO_NOTE = auto()
    """To move a note, or to take it back, that is not there."""
    NOT_ASKED = auto()
    """To have everything deleted, when that was not asked, or long ago."""
    WEEK_OVER = auto()
    """A day of a week that is over, or too far ahead."""
    FORGOTTEN = auto()
    """It came before its sender had everything deleted."""


@dataclass(frozen=True, slots=True)
class TappedSession:
    """The session of a tap, and the time of its question.

    Attributes:
        prompt_at: None when neither the message nor a prompt record tells.
    """

    run_id: str
    session_id: str
    prompt_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotWritten:
    """A tap that is answered and counted, but not stored.

    Attributes:
        age_days: for late taps the whole days since the prompt; None if unknown.
        stands: the answer because of which it is refused, which its message shows then.
    """

    outcome: Outcome
    age_days: int | None = None
    cause: Cause | None = None
    stands: StoredAnswer | None = field(default=None, compare=False)


def read_tap(tap: Tap) -> Callback | Later | DetailTap | NotWritten:
    """Read the payload of an athlete's tap; `INVALID` if it is none of ours."""
    return parse_payload(tap.data) or NotWritten(Outcome.INVALID)


def named_session(tap: Tap, wish: Callback | Later | DetailTap) -> TappedSession:
    """The session that a payload names by itself; a reference must be resolved by its prompt record."""
    session_id = wish.session_id if wish.session_id is not None else legacy_session(tap.message_id)
    return TappedSession(wish.run_id, session_id, tap.prompt_at)


def session_mark(tap: Tap) -> str:
    """A key that tells the session of an athlete's tap from their other ones, in any form of payload."""
    wish = read_tap(tap)
    if isinstance(wish, NotWritten):
        return tap.query_id
    if wish.is_reference:
        return wish.run_id
    session = named_session(tap, wish)
    return make_reference(session.run_id, session.session_id)


def legacy_session(message_id: int | None) -> str:
    """The id of the session that a message asked about whose buttons name none."""
    return f"legacy-{message_id}"


def derive_event(
    tap: Tap, callback: Callback, session: TappedSession, *, zone: tzinfo, late_after_days: int
) -> FeedbackEvent | NotWritten:
    """The event to store, or why there is none.

    A tap on a prompt whose time nobody knows is late; else see `bot.core.facts.answering_window`.
    """
    if session.prompt_at is None:
        return NotWritten(Outcome.LATE)
    if (late := lateness(session.prompt_at, tap.received_at, late_after_days)) is not None:
        return late
    local = session.prompt_at.astimezone(zone)
    session_date = local.date().isoformat()
    session_day = WEEKDAYS[local.weekday()]
    return FeedbackEvent(
        session_key=session_key(session.run_id, session.session_id, tap.user_id),
        session_ref=f"{session.run_id}-{session.session_id}",
        run_id=session.run_id,
        session_id=session.session_id,
        type=callback.type,
        response=callback.type,
        note=callback.note,
        session_date=session_date,
        date=session_date,
        session_day=session_day,
        day=session_day,
        chat_id=None if tap.chat_id is None else str(tap.chat_id),
        message_id=tap.message_id,
        user_id=tap.user_id,
        username=tap.username,
        timestamp=tap.received_at,
        received_at=tap.received_at,
        prompt_sent_at=session.prompt_at,
        prompt_age_days=age_in_days(session.prompt_at, tap.received_at),
        is_late_response=False,
        update_id=tap.update_id,
    )


def lateness(asked_at: datetime, received_at: datetime, late_after_days: int) -> NotWritten | None:
    """Why what is said about a question comes too late; None: it does not."""
    if not is_late(asked_at, received_at, late_after_days):
        return None
    return NotWritten(Outcome.LATE, age_in_days(asked_at, received_at))


def session_key(run_id: str, session_id: str, user_id: int | None) -> str:
    """`${runId}-${sessionId}-${userId|anon}`."""
    return f"{run_id}-{session_id}-{'anon' if user_id is None else user_id}"


def collision_key(event: FeedbackEvent) -> str:
    """The key under which an event is kept when another session already holds its `sessionKey`.

    `a-b` + `c` and `a` + `b-c` form one key. The second to come keeps its own document under the same
    key with a suffix that depends on its ids alone, so that later taps find it again.
    """
    return collision_key_of(event.session_key, event.run_id, event.session_id)


def collision_key_of(session_key: str, run_id: str, session_id: str) -> str:
    """`collision_key` from the names alone."""
    ids = json.dumps([run_id, session_id]).encode()
    return f"{session_key}~{hashlib.sha256(ids).hexdigest()[:12]}"


def supersedes(new: FeedbackEvent, old_update_id: int, old_received_at: datetime) -> bool:
    """Whether `new` was tapped after the stored answer; a redelivery of the same tap was not."""
    return UpdateStamp(new.update_id, new.received_at).is_after(UpdateStamp(old_update_id, old_received_at))


def newest(events: Collection[FeedbackEvent]) -> list[FeedbackEvent]:
    """One event for each session and athlete: the one that `supersedes` the others, in any order."""
    best: dict[Identity, FeedbackEvent] = {}
    for event in events:
        current = best.get(event.identity)
        if current is None or supersedes(event, current.update_id, current.received_at):
            best[event.identity] = event
    return list(best.values())
