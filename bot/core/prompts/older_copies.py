"""The messages in which one question was asked: one of them counts, the others say where that is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bot.core.i18n.language import Language
from bot.core.prompts.prompt import PromptState
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.message_links import message_link


class Whereabouts(Enum):
    """Where a question goes on, as seen from another message with it."""

    ASKED_BELOW = auto()
    ANSWERED_BELOW = auto()
    ANSWERED_ABOVE = auto()


@dataclass(frozen=True, slots=True)
class OlderCopy:
    """A message with a question that goes on in another one.

    Attributes:
        goes_on_in: the message that counts.
    """

    message_id: int
    goes_on_in: int
    where: Whereabouts


def older_copies(document: Mapping[str, Any], chat_id: int) -> list[OlderCopy]:
    """The messages of a question in the outbox that do not count any more.

    What counts is the message below which it was answered, else the newest. A question in a group that is for
    nobody in particular can be answered by others still, so that the newest counts in any case.
    """
    messages = document.get("messages")
    sent = [
        message_id
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, Mapping) and (message_id := read_int64(message.get("messageId"))) is not None
    ]
    if not sent:
        return []
    is_for_several = chat_id < 0 and document.get("userId") is None
    answered = read_int64(document.get("answeredIn"))
    if document.get("state") != PromptState.ANSWERED or is_for_several or answered is None:
        newest = max(sent)
        return [OlderCopy(it, newest, Whereabouts.ASKED_BELOW) for it in set(sent) - {newest}]
    return [
        OlderCopy(it, answered, Whereabouts.ANSWERED_BELOW if it < answered else Whereabouts.ANSWERED_ABOVE)
        for it in set(sent) - {answered}
    ]


def line(copy: OlderCopy, chat_id: int, thread_id: int | None, language: Language) -> str:
    """What stands below such a message (HTML); it is a link where the chat has links."""
    texts = language.texts.copies
    match copy.where:
        case Whereabouts.ASKED_BELOW:
            text = texts.asked_below
        case Whereabouts.ANSWERED_BELOW:
            text = texts.answered_below
        case Whereabouts.ANSWERED_ABOVE:
            text = texts.answered_above
    link = message_link(chat_id, copy.goes_on_in, thread_id)
    return text if link is None else f'<a href="{link}">{text}</a>'
