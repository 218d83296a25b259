"""Stored questions and answers, read for the summary. Pure.

Anybody may have written these documents (an older bot, n8n, a script), so they are read tolerantly: a value
that cannot be read counts as not there, and only a document without usable ids is given up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from itertools import islice
from typing import Any

from bot.core.facts.answer_types import FeedbackType, read_type
from bot.core.facts.questions import FIELDS
from bot.core.notes.lines import Notes, read_notes
from bot.core.plans.plan import DETAILS
from bot.core.prompts.planned import is_paused
from bot.core.prompts.prompt import PromptState
from bot.core.records.models import is_day
from bot.core.shared.clock import parse_instant
from bot.core.shared.formatting import MAX_NOTE, clip
from bot.core.shared.tolerant import read_int64, read_user, read_whole

PLANNED = ("activity", *DETAILS)
"""The fields of a planned session, in the order in which they are shown."""
EXTRAS = (*FIELDS, "sessionLoad")
"""Fields of an answer that are passed on where they are stored."""

# Years in which days, weeks and zones can be reckoned with.
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_MAX_TEXT = 300
_SETTLED = (PromptState.ANSWERED, PromptState.LATE, PromptState.EXPIRED, PromptState.CANCELLED)
_SURROGATE = re.compile("[\ud800-\udfff]")
_DEEPEST = 3
_MOST = 20


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """An outbox document that asks about a session.

    Attributes:
        id: its `_id`.
        athlete_id, user_id: whose it is; both None: that of any listed athlete in the chat.
        chat_id: as text.
        state: as stored; pending where nobody has looked at it yet.
        reason: why it is in this state.
        is_paused: whether it was cancelled for a pause.
        sent: when it was sent, ascending; several times if it was repeated.
        is_sent: whether it was sent, also where nobody knows when.
        may_be_sent: whether a try ended without a reply.
        date: the planned day; None if no plan made it.
        number: which of the day's sessions it is, from 1.
        planned: what the plan says, by the names of `PLANNED`; or `title` and `note` of a single question.
        recorded_at: when the document was made.
    """

    id: object
    run_id: str
    session_id: str
    athlete_id: str | None
    user_id: int | None
    chat_id: str | None
    state: str
    reason: str | None
    is_paused: bool
    sent: tuple[datetime, ...]
    is_sent: bool
    may_be_sent: bool
    due_at: datetime | None
    date: date | None
    number: int | None
    planned: Mapping[str, str]
    recorded_at: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        """Run and session that it asks about."""
        return (self.run_id, self.session_id)

    @property
    def is_standing(self) -> bool:
        """Whether it was asked, and nothing has settled it."""
        return self.is_sent and self.state not in _SETTLED

    @property
    def is_asked(self) -> bool:
        """Whether the session was asked about: by this question, or else by another that was answered."""
        return self.is_sent or self.state == PromptState.ANSWERED


@dataclass(frozen=True, slots=True)
class StoredFeedback:
    """A feedback event.

    Attributes:
        user_id: who answered; None: nobody knows.
        is_anonymous: whether the event names nobody (`anon`).
        type: None if what is stored is none of the answers.
        date: the day of the question, as stored.
        extras: those of `EXTRAS` that are stored.
        notes: the lines of the note, with what came along.
        logged: of a session that the athlete logged, what it was, by the names of `PLANNED`; else None.
    """

    run_id: str
    session_id: str
    user_id: int | None
    is_anonymous: bool
    chat_id: str | None
    type: FeedbackType | None
    note: str | None
    asked_at: datetime | None
    answered_at: datetime | None
    update_id: int
    date: date | None
    extras: Mapping[str, Any]
    logged: Mapping[str, str] | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def key(self) -> tuple[str, str]:
        """Run and session that it is about."""
        return (self.run_id, self.session_id)


def read_question(document: Mapping[str, Any], zone: tzinfo) -> AskedQuestion | None:
    """Read an outbox document; None if it does not say which session it asks about.

    Args:
        zone: that of instants stored as text without offset.
    """
    run_id, session_id = read_id(document.get("runId")), read_id(document.get("sessionId"))
    if run_id is None or session_id is None:
        return None
    state = read_text(document.get("state")) or PromptState.PENDING.value
    messages = document.get("messages")
    sent = {
        read_when(item.get("sentAt"), zone)
        for item in (document, *(messages if isinstance(messages, list) else ()))
        if isinstance(item, Mapping)
    }
    instants = tuple(sorted(instant for instant in sent if instant is not None))
    unknowns = document.get("unknowns")
    slot = _read_slot(document.get("slot"))
    plan = document.get("plan")
    planned = read_planned(plan) if isinstance(plan, Mapping) else {}
    if not planned:
        planned = _texts({name: document.get(name) for name in ("title", "note")})
    return AskedQuestion(
        id=document.get("_id"),
        run_id=run_id,
        session_id=session_id,
        athlete_id=read_id(document.get("athleteId")),
        user_id=read_user(document.get("userId")),
        chat_id=read_id(document.get("chatId")),
        state=state,
        reason=read_text(document.get("reason")),
        is_paused=is_paused(document),
        sent=instants,
        is_sent=bool(instants) or state in (PromptState.SENT, PromptState.LATE),
        may_be_sent=isinstance(unknowns, int | float) and unknowns > 0,
        due_at=read_when(document.get("dueAt"), zone),
        date=read_day(document.get("date")) or slot[0],
        number=slot[1],
        planned=planned,
        recorded_at=read_when(document.get("createdAt"), zone) or read_when(document.get("updatedAt"), zone),
    )


def read_answer(document: Mapping[str, Any]) -> StoredFeedback | None:
    """Read a feedback event; None if it does not say which session it is about."""
    run_id, session_id = read_id(document.get("runId")), read_id(document.get("sessionId"))
    if run_id is None or session_id is None:
        return None
    user, logged = document.get("userId"), read_logged(document.get("logged"))
    return StoredFeedback(
        run_id=run_id,
        session_id=session_id,
        user_id=read_user(user),
        is_anonymous=user is None or user in ("", "anon"),
        chat_id=read_id(document.get("chatId")),
        type=read_type(document.get("type")) or read_type(document.get("response")),
        note=read_text(document.get("note"), MAX_NOTE),
        asked_at=None if logged is not None else read_when(document.get("promptSentAt"), UTC),
        answered_at=read_when(document.get("receivedAt"), UTC) or read_when(document.get("timestamp"), UTC),
        update_id=read_user(document.get("updateId")) or 0,
        date=read_day(document.get("sessionDate")) or read_day(document.get("date")),
        extras={name: value for name in EXTRAS if (value := plain(document.get(name))) is not None},
        logged=logged,
        notes=read_notes(document),
    )


def read_logged(value: object) -> dict[str, str] | None:
    """What a logged session was, and how long; None if it is none."""
    if not isinstance(value, Mapping):
        return None
    minutes = read_whole(value.get("minutes"))
    said = {
        "title": read_text(value.get("what")),
        "distance_time": None if minutes is None else f"{minutes} min",
    }
    return {name: text for name, text in said.items() if text is not None}


def read_id(value: object) -> str | None:
    """An id as text; tools also store whole numbers. None if it is blank or something else."""
    number = read_whole(value)
    if number is not None:
        return str(number)
    return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) and value.strip() else None


def read_when(value: object, zone: tzinfo) -> datetime | None:
    """An instant in UTC: a date, or ISO 8601 text (without offset in `zone`)."""
    try:
        if isinstance(value, str):
            value = parse_instant(value, zone)
        if not isinstance(value, datetime) or not _FIRST_YEAR < value.year < _LAST_YEAR:
            return None
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_day(value: object) -> date | None:
    """A day `YYYY-MM-DD`."""
    if not isinstance(value, str) or not is_day(value):
        return None
    day = date.fromisoformat(value)
    return day if _FIRST_YEAR < day.year < _LAST_YEAR else None


def read_text(value: object, limit: int = _MAX_TEXT) -> str | None:
    """A text without space around it, of at most `limit` characters; numbers become text."""
    number = read_whole(value)
    if number is not None or (isinstance(value, float) and math.isfinite(value)):
        value = str(value if number is None else number)
    if not isinstance(value, str):
        return None
    return clip(_SURROGATE.sub("\ufffd", value.strip()), limit) or None


def plain(value: object, depth: int = 0) -> Any:
    """A copy of a stored value that JSON can say, cut down to a modest size; None if nothing is left."""
    if isinstance(value, bool) or read_int64(value) is not None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping | list | tuple):
        return _plain_items(value, depth + 1) if depth < _DEEPEST else None
    return None if value is None else read_text(str(value))


def read_planned(values: Mapping[str, object]) -> dict[str, str]:
    """The texts of a planned session, by the names of `PLANNED`; absent ones are left out."""
    return _texts({name: values.get(name) for name in PLANNED})


def _plain_items(value: Mapping[Any, Any] | Sequence[Any], depth: int) -> Any:
    if isinstance(value, Mapping):
        pairs = [(read_text(str(name)), plain(item, depth)) for name, item in islice(value.items(), _MOST)]
        return {name: item for name, item in pairs if name and item is not None} or None
    items = [plain(item, depth) for item in value[:_MOST]]
    return [item for item in items if item is not None] or None


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    texts = {name: read_text(value) for name, value in values.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _read_slot(value: object) -> tuple[date | None, int | None]:
    """Day and number of a slot, `<athleteId>|<YYYY-MM-DD>|<n>`."""
    parts = value.rsplit("|", 2) if isinstance(value, str) else []
    return (read_day(parts[-2]), read_user(parts[-1])) if len(parts) > 1 else (None, None)
