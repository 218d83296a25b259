"""Callback data of the buttons below a question about a session.

    session_feedback|runId|sessionId|type[|note]
    feedback|runId|type[|note]                      (older form, still under buttons in chats)
    later|runId|sessionId                           (ask again later: when?)
    later|runId|sessionId|hkd3c                     (at that time, in minutes since 1970)
    rpe|runId|sessionId|7                           (a detail; the first part is that of `Detail`)
    reason|runId|sessionId|no_time                  (a space travels as `_`)

The value `-` of a detail leaves the question out, `?` asks it again. Ids that do not fit, or that the plain
form cannot carry unchanged, travel as a short reference that the prompt record resolves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from bot.core.facts.answer_types import FeedbackType, read_type
from bot.core.facts.questions import Detail
from bot.core.telegram.callback_data import MAX_CALLBACK_BYTES, join, split

REFERENCE_SESSION = "~"
"""Stands in place of the session's id where the run's is a reference."""

Ids: TypeAlias = tuple[str, str]
"""Run and session as they travel: as they are, or as a reference."""

_LEAVE_OUT, _ASK_AGAIN = "-", "?"
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTES = re.compile("[0-9a-z]{5,6}")
_BASE = 36
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_REFERENCE = re.compile(r"~[A-Za-z0-9_-]{20}")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# What a decoder leaves of bytes that are no UTF-8: an id with it names some other session.
_DAMAGED = re.compile(r"[\ud800-\udfff\ufffd]")


class _Form(StrEnum):
    ANSWER = "session_feedback"
    LEGACY = "feedback"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class _SessionPayload:
    """A payload that was understood.

    Attributes:
        run_id: as it came, never blank; a reference when `is_reference`.
        session_id: as it came, never blank; None means "the session of this message".
    """

    run_id: str
    session_id: str | None

    @property
    def is_reference(self) -> bool:
        """Whether the ids stand in a prompt record instead of in the payload."""
        return is_reference(self.run_id, self.session_id)


@dataclass(frozen=True, slots=True)
class Callback(_SessionPayload):
    """An answer. The older form names no session, and the newer one may leave it empty.

    Attributes:
        note: decoded and trimmed; None when empty.
    """

    type: FeedbackType
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Later(_SessionPayload):
    """The wish to be asked again later.

    Attributes:
        at: when, to the minute; None: that is to be asked.
    """

    session_id: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DetailTap(_SessionPayload):
    """A choice for a question after an answer.

    Attributes:
        value: one of the question's choices; None leaves it out.
        ask_again: whether to put the question once more; then there is no value.
    """

    session_id: str
    detail: Detail
    value: int | str | None
    ask_again: bool = False


def parse_payload(data: object) -> Callback | Later | DetailTap | None:
    """Read callback data. Total: None for whatever is none of the forms, and nothing is raised."""
    match split(data):
        case [_Form.ANSWER, run_id, session_id, type_, *note]:
            return _answer(run_id, session_id, type_, note)
        case [_Form.LEGACY, run_id, type_, *note]:
            return _answer(run_id, "", type_, note)
        case [_Form.LATER, run_id, session_id] if _are_ids(run_id, session_id):
            return Later(run_id, session_id)
        case [_Form.LATER, run_id, session_id, at] if _are_ids(run_id, session_id) and _MINUTES.fullmatch(at):
            return Later(run_id, session_id, _EPOCH + int(at, _BASE) * _MINUTE)
        case [form, run_id, session_id, said] if _are_ids(run_id, session_id):
            return _detail(form, run_id, session_id, said)
        case _:
            return None


def format_callback(run_id: str, session_id: str, type_: FeedbackType) -> str:
    """The callback data of one answer's button: 1 to 64 bytes, whatever the ids.

    All buttons of a session use the same form, so `needs_reference` tells it for the session.
    """
    ids = _ids(run_id, session_id, by_reference=needs_reference(run_id, session_id))
    return join(_Form.ANSWER, *ids, type_)


def format_later(run_id: str, session_id: str, at: datetime | None = None) -> str:
    """The callback data of the Later button, or of a time: 1 to 64 bytes, whatever the ids.

    Args:
        at: to the minute.
    """
    # Shorter than an answer's data, so where that fits, this does.
    ids = _ids(run_id, session_id, by_reference=needs_reference(run_id, session_id))
    return join(_Form.LATER, *ids, *([] if at is None else [_base36((at - _EPOCH) // _MINUTE)]))


def format_detail(ids: Ids, detail: Detail, value: int | str | None) -> str:
    """The callback data of one choice; None leaves the question out.

    Args:
        ids: as `detail_ids` gives them.
    """
    return join(detail, *ids, _LEAVE_OUT if value is None else _encode(value))


def format_again(ids: Ids, detail: Detail) -> str:
    """The callback data of the wish to say it differently."""
    return join(detail, *ids, _ASK_AGAIN)


def needs_reference(run_id: str, session_id: str) -> bool:
    """Whether the plain form is too long for these ids, or would not give them back unchanged."""
    ids = (run_id, session_id)
    longest = join(_Form.ANSWER, *ids, max(FeedbackType, key=len))
    return not _carries(longest, ids) or is_reference(*ids)


def detail_ids(run_id: str, session_id: str, *, by_reference: bool) -> Ids | None:
    """The ids of a session for the payloads of details; None if they fit into none.

    Args:
        by_reference: whether the session's answers travel by reference. Only then is there surely a prompt
            record that resolves one.
    """
    ids = _ids(run_id, session_id, by_reference=by_reference)
    fits = _carries(format_detail(ids, *_LONGEST), ids) and is_reference(*ids) == by_reference
    return ids if fits else None


def is_reference(run_id: str, session_id: str | None) -> bool:
    """Whether the ids of a payload are a reference."""
    return session_id == REFERENCE_SESSION and _REFERENCE.fullmatch(run_id) is not None


def make_reference(run_id: str, session_id: str) -> str:
    """The short reference of a session: always the same for the same ids, 21 characters, 120 bits."""
    ids = json.dumps([run_id, session_id]).encode()
    return "~" + base64.urlsafe_b64encode(hashlib.sha256(ids).digest()[:15]).decode()


def _ids(run_id: str, session_id: str, *, by_reference: bool) -> Ids:
    return (make_reference(run_id, session_id), REFERENCE_SESSION) if by_reference else (run_id, session_id)


def _carries(data: str, ids: Ids) -> bool:
    """Whether callback data fits, and gives back the ids that it was made of."""
    payload = parse_payload(data)
    return (
        payload is not None
        and (payload.run_id, payload.session_id) == ids
        and len(data.encode()) <= MAX_CALLBACK_BYTES
    )


def _are_ids(run_id: str, session_id: str) -> bool:
    return bool(run_id.strip() and session_id.strip()) and not _DAMAGED.search(run_id + session_id)


def _answer(run_id: str, session_id: str, said: str, note: list[str]) -> Callback | None:
    type_ = read_type(said)
    if type_ is None or not run_id.strip() or _DAMAGED.search(run_id + session_id):
        return None
    return Callback(run_id, session_id if session_id.strip() else None, type_, _decode(join(*note)))


def _decode(encoded: str) -> str | None:
    note = encoded
    if not _BROKEN_PERCENT.search(encoded):
        try:
            note = unquote_to_bytes(encoded).decode()
        except UnicodeError:
            note = encoded
    # A lone surrogate cannot be stored; the rest of the note can.
    return _SURROGATE.sub("\ufffd", note).strip() or None


def _detail(form: str, run_id: str, session_id: str, said: str) -> DetailTap | None:
    try:
        detail = Detail(form)
    except ValueError:
        return None
    if said in (_LEAVE_OUT, _ASK_AGAIN):
        return DetailTap(run_id, session_id, detail, None, ask_again=said == _ASK_AGAIN)
    value = next((value for value in detail.facts.choices if _encode(value) == said), None)
    return None if value is None else DetailTap(run_id, session_id, detail, value)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, _BASE)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _encode(value: int | str) -> str:
    return str(value).replace(" ", "_")


_LONGEST = max(
    ((detail, value) for detail in Detail for value in detail.facts.choices),
    key=lambda it: len(it[0] + _encode(it[1])),
)
