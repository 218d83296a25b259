"""Chats and topics as people write them."""

from __future__ import annotations

import re

import pytest

from bot.core.telegram.chats import ChatTopic, read_chat_topic, read_thread_id, read_topic


@pytest.mark.parametrize(
    ("text", "chat_id", "thread_id"),
    [
        ("123456", 123456, None),
        (" -1001234567890 ", -1001234567890, None),
        ("-1001234567890:42", -1001234567890, 42),
        ("-77:2147483647", -77, 2147483647),
        ("-1001234567890:1", -1001234567890, None),  # General
    ],
)
def test_a_chat_with_its_topic(text: str, chat_id: int, thread_id: int | None) -> None:
    """A topic stands behind a colon; General is the chat itself."""
    found = read_chat_topic(text)
    assert found == ChatTopic(chat_id, thread_id)
    assert read_chat_topic(str(found)) == found


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("", "not a Telegram chat id; write a number such as 123456"),
        ("0", "not a Telegram chat id"),
        ("@club", "not a Telegram chat id"),
        ("-10²", "not a Telegram chat id"),
        ("9" * 19, "not a Telegram chat id"),
        ("-100:42:7", "not a Telegram chat id"),
        ("-100:", "'' is not a topic; write the number in its link, such as 42"),
        ("-100:General", "'General' is not a topic"),
        ("-100:-42", "not a topic"),
        ("-100:0", "not a topic"),
        ("-100:2147483648", "not a topic"),
        ("123456:42", "123456 is a person's chat, and topics are in groups; leave the topic out"),
    ],
)
def test_what_is_none(text: str, cure: str) -> None:
    """What was found is said, and the cure."""
    with pytest.raises(ValueError, match=re.escape(cure)):
        read_chat_topic(text)


@pytest.mark.parametrize("value", [42, 42.0, "42", " 42 "])
def test_a_topic_by_its_number(value: object) -> None:
    """As programs write it, too."""
    assert read_thread_id(value) == read_topic(value, -100) == 42


@pytest.mark.parametrize("value", [None, True, 1.5, "4²", "-1", [], {}, "42a", 2**31])
def test_no_topic(value: object) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="is not a topic; write the number"):
        read_thread_id(value)
