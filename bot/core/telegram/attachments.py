"""What comes with a message besides its words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.facts.attachment_kinds import ATTACHMENT_KINDS, AttachmentKind
from bot.core.shared.tolerant import read_int64

_LONGEST_ID = 512


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that was sent along.

    Attributes:
        file_id: by which Telegram gives the file to this bot, and to no other; None: it is no file.
        message_id: of the message that it came in.
    """

    kind: AttachmentKind
    file_id: str | None
    message_id: int

    def to_document(self) -> dict[str, Any]:
        """As it is stored."""
        return {"kind": self.kind, "fileId": self.file_id, "messageId": self.message_id}


def sent_along(message: Mapping[str, Any], message_id: int) -> tuple[Attachment, ...]:
    """What a message on the wire brings; a GIF comes as a document, too, and is named once."""
    found = [kind for name, kind in ATTACHMENT_KINDS.items() if name in message]
    if "animation" in found and "document" in found:
        found.remove("document")
    return tuple(Attachment(kind, _file_id(message[kind]), message_id) for kind in found)


def read_attachments(value: object) -> tuple[Attachment, ...]:
    """Stored attachments, by whomever they were written; what cannot be read is left out."""
    found = []
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Mapping):
            kind, message_id = ATTACHMENT_KINDS.get(str(each.get("kind"))), read_int64(each.get("messageId"))
            if kind is not None and message_id is not None:
                file_id = each.get("fileId")
                found.append(Attachment(kind, file_id if isinstance(file_id, str) else None, message_id))
    return tuple(found)


def _file_id(value: object) -> str | None:
    """Of a file; of a photo, which comes in several sizes, that of the largest one."""
    if isinstance(value, list):
        value = value[-1] if value else None
    file_id = value.get("file_id") if isinstance(value, Mapping) else None
    return file_id if isinstance(file_id, str) and len(file_id) <= _LONGEST_ID and file_id.isascii() else None
