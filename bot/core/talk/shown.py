"""Words between an athlete and the coach as programs read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.shared.clock import iso_utc
from bot.core.talk.words import Direction
from bot.core.telegram.attachments import read_attachments

STATES: Mapping[str, str] = {
    "read": "it has arrived, and the coach has said that it is read",
    "delivered": "it has arrived",
    "not delivered": "Telegram does not take it, as `why` says; it goes when that ends",
    "waiting": "it is on its way, or kept because no coach's chat is set (COACH_CHAT_ID)",
}
"""What became of a message, by its name."""


@dataclass(frozen=True, slots=True)
class ShownWord:
    """A message.

    Attributes:
        athlete_id: None: nobody's on the roster.
        author: who wrote it, by the name in Telegram.
        text: empty if there are no words.
        attachments: the kinds of what came with it.
        state: one of `STATES`.
        why: Telegram's reason, if it is not delivered.
    """

    athlete_id: str | None
    at: datetime
    direction: Direction
    author: str
    text: str
    attachments: tuple[str, ...]
    state: str
    why: str | None

    def to_json(self) -> dict[str, Any]:
        """For programs; the instant is ISO 8601 in UTC."""
        return {
            "at": iso_utc(self.at),
            "direction": self.direction.value,
            "author": self.author,
            "text": self.text or None,
            "attachments": list(self.attachments),
            "state": self.state,
            "why": self.why,
        }


def read_shown(document: Mapping[str, Any]) -> ShownWord | None:
    """A document of `coach_messages`; None if it cannot be read."""
    at, author = document.get("receivedAt"), document.get("author")
    try:
        direction = Direction(str(document.get("direction")))
    except ValueError:
        return None
    if not isinstance(at, datetime):
        return None
    athlete_id, refusal = document.get("athleteId"), document.get("refusal")
    name = author.get("name") if isinstance(author, Mapping) else None
    return ShownWord(
        athlete_id if isinstance(athlete_id, str) else None,
        at,
        direction,
        str(name or ""),
        str(document.get("text") or ""),
        tuple(it.kind for it in read_attachments(document.get("attachments"))),
        _state(document),
        refusal if isinstance(refusal, str) else None,
    )


def _state(document: Mapping[str, Any]) -> str:
    if document.get("readAt") is not None:
        return "read"
    if document.get("deliveredAt") is not None:
        return "delivered"
    return "not delivered" if isinstance(document.get("refusal"), str) else "waiting"
