"""Callback payload <-> string.

    session_feedback|runId|sessionId|type[|note]
    feedback|runId|type[|note]                      (older form, still under buttons in chats)
    later|runId|sessionId                           (ask again later)

Telegram allows 1 to 64 bytes of callback data. Ids that do not fit, or that the plain form cannot carry
unchanged, travel as a short reference that the prompt record resolves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from bot.core.facts.answer_types import FeedbackType, read_type

PREFIX = "session_feedback"
LEGACY_PREFIX = "feedback"
LATER_PREFIX = "later"
MAX_CALLBACK_BYTES = 64

REFERENCE_SESSION = "~"
"""What stands in the place of the session's id where the run's is a reference."""
_REFERENCE = re.compile(r"~[A-Za-z0-9_-]{20}")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# What a decoder leaves of bytes that are no UTF-8: an id with it names some other session.
DAMAGED = re.compile(r"[\ud800-\udfff\ufffd]")
"""Finds what no id can hold."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A payload that was understood.

    Attributes:
        run_id: as it came, never blank; a reference when `is_reference`.
        session_id: as it came; None means "the session of this message" (older form, or left empty).
        type: the answer.
        note: decoded and trimmed; None when empty.
    """

    run_id: str
    session_id: str | None
    type: FeedbackType
    note: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether the ids stand in a prompt record instead of in the payload."""
        return is_reference(self.run_id, self.session_id)


@dataclass(frozen=True, slots=True)
class Later:
    """The wish to be asked again later.

    Attributes:
        run_id: never blank; a reference when `is_reference`.
        session_id: never blank.
    """

    run_id: str
    session_id: str

    @property
    def is_reference(self) -> bool:
        """Whether the ids stand in a prompt record instead of in the payload."""
        return is_reference(self.run_id, self.session_id)


def is_reference(run_id: str, session_id: str | None) -> bool:
    """Whether the ids of a payload are a reference."""
    return session_id == REFERENCE_SESSION and _REFERENCE.fullmatch(run_id) is not None


def parse_callback(data: object) -> Callback | None:
    """Read callback data. Total: whatever comes in, it returns a `Callback` or None and never raises."""
    if not isinstance(data, str):
        return None
    form, _, rest = data.partition("|")
    session_id: str | None = None
    if form == PREFIX and rest.count("|") >= 2:
        run_id, session_id, answer = rest.split("|", 2)
    elif form == LEGACY_PREFIX and "|" in rest:
        run_id, answer = rest.split("|", 1)
    else:
        return None
    kind, _, note = answer.partition("|")
    type_ = read_type(kind)
    if type_ is None or not run_id.strip() or DAMAGED.search(run_id + (session_id or "")):
        return None
    return Callback(run_id, session_id if session_id and session_id.strip() else None, type_, _note(note))


def _note(encoded: str) -> str | None:
    note = encoded
    if not _BROKEN_PERCENT.search(encoded):
        try:
            note = unquote_to_bytes(encoded).decode()
        except UnicodeError:
            note = encoded
    # A lone surrogate cannot be stored; the rest of the note can.
    return _SURROGATE.sub("\ufffd", note).strip() or None


def parse_later(data: object) -> Later | None:
    """Read callback data of the Later button. Total: None for everything else."""
    if not isinstance(data, str):
        return None
    form, _, rest = data.partition("|")
    run_id, _, session_id = rest.partition("|")
    if form != LATER_PREFIX or "|" in session_id or not run_id.strip() or not session_id.strip():
        return None
    return None if DAMAGED.search(run_id + session_id) else Later(run_id, session_id)


def format_later(run_id: str, session_id: str) -> str:
    """The callback data of the Later button: 1 to 64 bytes, whatever the ids."""
    # Shorter than an answer's data, so where that fits, this does.
    return "|".join((LATER_PREFIX, *_place(run_id, session_id)))


def format_callback(run_id: str, session_id: str, type_: FeedbackType) -> str:
    """The callback data of one button: 1 to 64 bytes, whatever the ids.

    All buttons of a session use the same form, so `needs_reference` tells it for the session.
    """
    return _plain(*_place(run_id, session_id), type_)


def _place(run_id: str, session_id: str) -> tuple[str, str]:
    """The ids as they travel in the session's payloads: as they are, or as a reference."""
    if needs_reference(run_id, session_id):
        return make_reference(run_id, session_id), REFERENCE_SESSION
    return run_id, session_id


def needs_reference(run_id: str, session_id: str) -> bool:
    """Whether the plain form is too long for these ids, or would not give them back unchanged."""
    longest = _plain(run_id, session_id, max(FeedbackType, key=len))
    callback = parse_callback(longest)
    return (
        callback is None
        or (callback.run_id, callback.session_id) != (run_id, session_id)
        or callback.is_reference
        or len(longest.encode()) > MAX_CALLBACK_BYTES
    )


def make_reference(run_id: str, session_id: str) -> str:
    """The short reference of a session: always the same for the same ids, 21 characters, 120 bits."""
    ids = json.dumps([run_id, session_id]).encode()
    return "~" + base64.urlsafe_b64encode(hashlib.sha256(ids).digest()[:15]).decode()


def _plain(run_id: str, session_id: str, type_: FeedbackType) -> str:
    return f"{PREFIX}|{run_id}|{session_id}|{type_}"
