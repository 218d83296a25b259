"""Words between an athlete and the coach: what they are, and the messages in which they go. Pure.

A word is what somebody wrote or sent in one message. It goes on in parts, one after the other: its text, then
what came with the text, each a copy of the message in which it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.core.shared.formatting import units
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.attachments import Attachment

RUN_ID = "coach-words"
"""Under which words stand in the outbox."""
MAX_PART = 3_500
"""UTF-16 units of a text in one message; beside it stands who wrote it."""
TALKING = timedelta(minutes=30)
"""So long after an athlete wrote something, an answer may come in their quiet hours, too."""

_FAILED = "failed"


class Direction(StrEnum):
    """For whom a word is."""

    TO_ATHLETE = "to athlete"
    TO_COACH = "to coach"


@dataclass(frozen=True, slots=True)
class Quote:
    """A message that a word answers."""

    chat_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody wrote or sent.

    Attributes:
        user_id, athlete_id: the athlete's, whoever wrote it.
        chat_id, message_id, thread_id: where it was written.
        author, author_id: who wrote it; the name is Telegram's.
        text: empty if there are no words.
        answers: the message that it answers, in whichever chat; None: none.
        is_edit: whether it is another wording of a message that is known.
    """

    direction: Direction
    user_id: int
    athlete_id: str | None
    chat_id: int
    message_id: int
    thread_id: int | None
    author: str
    author_id: int
    text: str
    attachments: tuple[Attachment, ...]
    stamp: UpdateStamp
    answers: Quote | None = None
    is_edit: bool = False

    @property
    def key(self) -> dict[str, Any]:
        """Of its document."""
        return {"chatId": str(self.chat_id), "messageId": self.message_id}

    def to_document(self) -> dict[str, Any]:
        """As it is stored."""
        optional: dict[str, Any] = {
            "athleteId": self.athlete_id,
            "messageThreadId": self.thread_id,
            "answers": None
            if self.answers is None
            else {"chatId": str(self.answers.chat_id), "messageId": self.answers.message_id},
            "attachments": [it.to_document() for it in self.attachments] or None,
        }
        return {
            **self.key,
            "direction": self.direction.value,
            "userId": self.user_id,
            "author": {"userId": self.author_id, "name": self.author},
            "text": self.text,
            **{name: value for name, value in optional.items() if value is not None},
            "updateId": self.stamp.update_id,
            "receivedAt": self.stamp.at,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a word, as the outbox has it in `about`.

    Attributes:
        number: from 0; None for the news to who wrote it that it did not arrive.
        copies: the message that is copied; None: it is text.
    """

    chat_id: int
    message_id: int
    number: int | None
    copies: int | None = None

    @property
    def session_id(self) -> str:
        """Under which it stands in the outbox; no session's has bars."""
        number = _FAILED if self.number is None else self.number
        return f"{self.chat_id}|{self.message_id}|{number}"


def parts(word: Word) -> list[Part]:
    """The messages in which a word goes."""
    number_of_texts = len(chunks(word.text)) or 1
    texts = [Part(word.chat_id, word.message_id, number) for number in range(number_of_texts)]
    copies = [
        Part(word.chat_id, word.message_id, number_of_texts + place, it.message_id)
        for place, it in enumerate(word.attachments)
    ]
    return [*texts, *copies]


def order(stamp: UpdateStamp, number: int) -> str:
    """By which the words to somebody are sorted: as they came, and each in its parts."""
    return f"{stamp.at:%Y-%m-%dT%H:%M:%S.%f} {max(0, stamp.update_id):020d} {number:03d}"


def chunks(text: str) -> list[str]:
    """A text in pieces that fit a message each, cut where it reads well; none of an empty text."""
    return list(_cut(text.strip()))


def _cut(text: str) -> Iterator[str]:
    while text:
        if units(text) <= MAX_PART:
            yield text
            return
        head = text[:MAX_PART]
        while units(head) > MAX_PART:
            head = head[: len(head) - max(1, (units(head) - MAX_PART) // 2)]
        place = max(head.rfind("\n"), head.rfind(" "))
        head = head[:place] if place > MAX_PART // 2 else head
        yield head.rstrip()
        text = text[len(head) :].lstrip()


def read_part(about: Mapping[str, Any] | None) -> Part | None:
    """The part that an outbox document is; None if it does not say."""
    about = about or {}
    chat_id, message_id = read_int64(_number(about.get("chatId"))), read_int64(about.get("messageId"))
    if chat_id is None or message_id is None:
        return None
    return Part(chat_id, message_id, read_int64(about.get("part")), read_int64(about.get("copies")))


def read_quote(value: object) -> Quote | None:
    """As stored."""
    if not isinstance(value, Mapping):
        return None
    chat_id, message_id = read_int64(_number(value.get("chatId"))), read_int64(value.get("messageId"))
    return None if chat_id is None or message_id is None else Quote(chat_id, message_id)


def goes_at(received_at: datetime, quiet_until: datetime | None, last_heard: datetime | None) -> datetime:
    """When a coach's word goes: at once, or when the athlete's quiet hours end, unless they are talking.

    Args:
        last_heard: when the athlete wrote to the coach last; None: never.
    """
    is_talking = last_heard is not None and received_at - last_heard <= TALKING
    return received_at if quiet_until is None or is_talking else quiet_until


def _number(value: object) -> object:
    text = str(value)
    return int(text) if text.removeprefix("-").isdecimal() and text.isascii() else value
