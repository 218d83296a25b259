"""Chats and their topics, as people and programs write them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.core.shared.tolerant import read_int64, read_whole

_TEXT = re.compile(r"(-?[0-9]{1,19})(?::([^:]*))?", re.ASCII)
_MAX_THREAD = 2**31 - 1
_GENERAL = 1  # by which links call it; a message names no topic there


@dataclass(frozen=True, slots=True)
class ChatTopic:
    """A chat, or a topic of it, as in `-1001234567890:42`.

    Attributes:
        thread_id: the topic's `message_thread_id`; None: the chat itself, which in a forum is its General.
    """

    chat_id: int
    thread_id: int | None = None

    def __str__(self) -> str:
        return f"{self.chat_id}" if self.thread_id is None else f"{self.chat_id}:{self.thread_id}"


def read_chat_topic(text: str) -> ChatTopic:
    """A chat's id, with a topic behind a colon or without.

    Raises:
        ValueError: saying what is expected.
    """
    match = _TEXT.fullmatch(text.strip())
    chat_id = None if match is None else read_int64(int(match[1]))
    if match is None or not chat_id:
        raise ValueError(
            f"{text!r} is not a Telegram chat id; write a number such as 123456, or -100123456 for a group,"
            " and -100123456:42 for its topic 42"
        )
    return ChatTopic(chat_id, None if match[2] is None else read_topic(match[2], chat_id))


def read_topic(value: object, chat_id: int) -> int | None:
    """The topic of a chat that a number names; None: General, which is the chat itself.

    Raises:
        ValueError: it names none, or the chat is no group; says what is expected.
    """
    thread_id = read_thread_id(value)
    if chat_id > 0:
        raise ValueError(f"{chat_id} is a person's chat, and topics are in groups; leave the topic out")
    return thread_id


def read_thread_id(value: object) -> int | None:
    """As `read_topic`, whatever the chat.

    Raises:
        ValueError: saying what is expected.
    """
    number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value.strip()) else value
    number = read_whole(number)
    if number is None or not 1 <= number <= _MAX_THREAD:
        raise ValueError(f"{value!r} is not a topic; write the number in its link, such as 42")
    return None if number == _GENERAL else number
