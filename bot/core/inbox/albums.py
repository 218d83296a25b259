"""The messages of an album, which Telegram sends one by one, as one note. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.core.telegram.updates import NoteUpdate

MOST_PARTS = 10
"""Telegram lets an album have no more."""


def join(parts: Iterable[NoteUpdate]) -> NoteUpdate:
    """The album as one note: its captions in the order of the messages, below the first one that has words.

    It comes with the last of the updates, so that it is newer than what was known before. Whichever of its
    messages says what was replied to, says so for all.
    """
    ordered = sorted(parts, key=lambda part: part.message_id)
    worded = [part for part in ordered if (part.text or "").strip()]
    text = "\n".join((part.text or "").strip() for part in worded) or None
    update_id = max(part.update_id for part in ordered)
    first = (worded or ordered)[0]
    reply = next((part for part in (first, *ordered) if part.replied_to is not None), first)
    return replace(
        first,
        text=text,
        attachments=tuple(attached for part in ordered for attached in part.attachments),
        update_id=update_id,
        replied_to=reply.replied_to,
        replied_by=reply.replied_by,
        payloads=reply.payloads,
        asked_at=reply.asked_at,
    )
