"""Notes: what an athlete has written about a session, a line for each message. Pure.

The last change of a line counts, see `bot.store.answers.note_updates`; here they are read, and put together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.shared.formatting import clip
from bot.core.shared.tolerant import read_int64, read_user
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.attachments import Attachment, read_attachments

MOST_LINES = 50
"""So many lines a session can have: a flood must not make a document too large."""

_BETWEEN = " · "
_NOTED, _ATTACHED = "📝", "📎"
_MAX_SHOWN = 200
_MARK = re.compile(r"note (-?[0-9]{1,19}) ([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One message of an athlete's about a session.

    Attributes:
        at: when it was written.
        text: None: it has no words.
        stamp: its last change.
        chat_id: where it was written; None: an older release did not note that.
    """

    at: datetime
    text: str | None
    message_id: int
    stamp: UpdateStamp
    chat_id: int | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def message_ids(self) -> list[int]:
        """Of all messages that it is made of, its own first: an album is one line."""
        return list(dict.fromkeys([self.message_id, *(it.message_id for it in self.attachments)]))

    def to_document(self) -> dict[str, Any]:
        """As it is stored."""
        document: dict[str, Any] = {
            "at": self.at,
            "text": self.text,
            "messageId": self.message_id,
            "updateId": self.stamp.update_id,
        }
        if self.chat_id is not None:
            document["chatId"] = str(self.chat_id)
        if self.stamp.at != self.at:
            document["changedAt"] = self.stamp.at
        if self.attachments:
            document["attachments"] = [it.to_document() for it in self.attachments]
        return document


@dataclass(frozen=True, slots=True)
class Notes:
    """The lines of a session, the oldest first.

    Attributes:
        taken_back: when lines were taken back, by chat and message.
    """

    lines: tuple[NoteLine, ...] = ()
    taken_back: Mapping[tuple[int, int], UpdateStamp] = field(default_factory=dict)

    @property
    def attachments(self) -> list[Attachment]:
        """All that was sent along."""
        return [attached for line in self.lines for attached in line.attachments]

    def of_messages(self, chat_id: int | None, message_ids: Collection[int]) -> NoteLine | None:
        """The line of a message, or of an album's; None if there is none."""
        for line in self.lines:
            if line.chat_id in (None, chat_id) and not set(line.message_ids).isdisjoint(message_ids):
                return line
        return None

    def was_taken_back(self, chat_id: int, message_ids: Iterable[int]) -> bool:
        """Whether the line of a message was here."""
        return any((chat_id, message_id) in self.taken_back for message_id in message_ids)


def taken_back_mark(chat_id: int, message_id: int) -> str:
    """Under which it is remembered that a line was taken back, see `bot.core.answers.event.NoteChange`."""
    return f"note {chat_id} {message_id}"


def on_one_line(note: str) -> str:
    """A whole note on one line, as lists show it: what stood on lines of its own stays apart."""
    return _BETWEEN.join(" ".join(line.split()) for line in note.split("\n") if line.strip())


def note_line(lines: Iterable[NoteLine]) -> str | None:
    """The lines in short, on one line, as the question's message shows them; None if there are none."""
    lines = list(lines)
    words = clip(_BETWEEN.join(" ".join(line.text.split()) for line in lines if line.text), _MAX_SHOWN)
    attached = [_ATTACHED] if any(line.attachments for line in lines) else []
    return " ".join([_NOTED, *([words] if words else []), *attached]) if words or attached else None


def read_notes(document: Mapping[str, Any], *, id_field: str = "noteMessageId") -> Notes:
    """The lines in a stored answer, or in what waits for one; an older release kept one note alone.

    Args:
        id_field: where that note's message stands.
    """
    stored = document.get("notes")
    if isinstance(stored, list):
        lines = [line for it in stored if isinstance(it, Mapping) and (line := _read(it)) is not None]
    else:
        lines = [line] if (line := _read_single(document, id_field)) is not None else []
    return Notes(tuple(lines), _read_taken_back(document.get("saidAt")))


def _read(line: Mapping[str, Any]) -> NoteLine | None:
    message_id, at, text = read_int64(line.get("messageId")), line.get("at"), line.get("text")
    if message_id is None or not isinstance(at, datetime):
        return None
    changed_at = line.get("changedAt")
    return NoteLine(
        at=at,
        text=text if isinstance(text, str) else None,
        message_id=message_id,
        stamp=UpdateStamp.read(line.get("updateId"), changed_at or at) or UpdateStamp.by_time(at),
        chat_id=read_user(line.get("chatId")),
        attachments=read_attachments(line.get("attachments")),
    )


def _read_taken_back(said: object) -> dict[tuple[int, int], UpdateStamp]:
    found = {}
    for name, it in said.items() if isinstance(said, Mapping) else ():
        mark = _MARK.fullmatch(str(name))
        stamp = UpdateStamp.read(it.get("updateId"), it.get("at")) if isinstance(it, Mapping) else None
        if mark is not None and stamp is not None:
            found[int(mark[1]), int(mark[2])] = stamp
    return found


def _read_single(document: Mapping[str, Any], id_field: str) -> NoteLine | None:
    message_id, text = read_int64(document.get(id_field)), document.get("note")
    said = document.get("saidAt")
    said = said.get("note") if isinstance(said, Mapping) else None
    said = (
        said
        if isinstance(said, Mapping)
        else {"at": document.get("receivedAt")} | {"updateId": document.get("updateId")}
    )
    at = said.get("at")
    if message_id is None or not isinstance(text, str) or not isinstance(at, datetime):
        return None
    stamp = UpdateStamp.read(said.get("updateId"), at) or UpdateStamp.by_time(at)
    return NoteLine(at, text, message_id, stamp)
