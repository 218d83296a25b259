"""Telegram's reasons for not taking a message."""

from __future__ import annotations

import pytest

from bot.core.telegram.refusals import Refusal, read_refusal


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [
        ("Bad Request: chat not found", Refusal.NOT_STARTED),
        ("Chat not found", Refusal.NOT_STARTED),
        ("Forbidden: bot can't initiate conversation with a user", Refusal.NOT_STARTED),
        ("Bad Request: PEER_ID_INVALID", Refusal.NOT_STARTED),
        ("Forbidden: bot was blocked by the user", Refusal.BLOCKED),
        ("Bad Request: USER_IS_BLOCKED", Refusal.BLOCKED),
        ("Forbidden: user is deactivated", Refusal.GONE),
        ("Forbidden: the group chat was deleted", Refusal.GONE),
        ("Forbidden: bot was kicked from the group chat", Refusal.REMOVED),
        ("Forbidden: bot was kicked from the supergroup chat", Refusal.REMOVED),
        ("Forbidden: bot is not a member of the supergroup chat", Refusal.REMOVED),
        ("Forbidden: bot is not a member of the channel chat", Refusal.REMOVED),
        ("Bad Request: not enough rights to send text messages to the chat", Refusal.MUTED),
        ("Bad Request: have no rights to send a message", Refusal.MUTED),
        ("Bad Request: need administrator rights in the channel chat", Refusal.MUTED),
        ("Bad Request: CHAT_WRITE_FORBIDDEN", Refusal.MUTED),
        ("Bad Request: CHAT_RESTRICTED", Refusal.MUTED),
        ("Bad Request: message thread not found", Refusal.TOPIC),
        ("Bad Request: TOPIC_CLOSED", Refusal.TOPIC),
        ("Bad Request: TOPIC_DELETED", Refusal.TOPIC),
        ("Bad Request: message text is empty", Refusal.OTHER),
        ("Bad Request: message is too long", Refusal.OTHER),
        ("Bad Request: message to be replied not found", Refusal.OTHER),
        ("Forbidden: bot can't send messages to bots", Refusal.OTHER),
        ("chatId: not a Telegram chat id; give a whole number such as 123456", Refusal.OTHER),
        ("another document asks about this session in this chat already", Refusal.OTHER),
        ("defect: RuntimeError at dispatcher.py:1", Refusal.OTHER),
        ("", Refusal.OTHER),
    ],
)
def test_reasons_are_read(reason: str, refusal: Refusal) -> None:
    """Each of Telegram's texts, with and without its prefix, and what is none of them."""
    assert read_refusal(reason) is refusal
    assert read_refusal(reason.upper()) is refusal


@pytest.mark.parametrize("refusal", Refusal)
def test_what_may_end(refusal: Refusal) -> None:
    """A chat may open again; an account that is gone stays gone, and a bad message stays bad."""
    assert refusal.may_end == (refusal not in (Refusal.GONE, Refusal.OTHER))
