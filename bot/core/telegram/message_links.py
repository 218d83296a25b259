"""Links to messages, for who is in their chat. Pure."""

from __future__ import annotations

_SUPERGROUP = 10**12
"""Ids of supergroups are below its negative; links have what is beyond."""


def message_link(chat_id: int, message_id: int, thread_id: int | None = None) -> str | None:
    """The address of a message in a supergroup, or in its topic; None in other chats, which have no links."""
    number = -chat_id - _SUPERGROUP
    if number <= 0:
        return None
    topic = "" if thread_id is None else f"{thread_id}/"
    return f"https://t.me/c/{number}/{topic}{message_id}"
