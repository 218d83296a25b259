"""A prompt as it is sent; and kinds of prompts that a room of its own sees to: it says whether one may go,
writes it, and keeps what became of it. The dispatcher claims and sends them like all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol, TypeAlias

from bot.core.answers.keyboards import Keyboard
from bot.core.people.athlete import Athlete
from bot.core.prompts.prompt import Prompt, PromptKind


@dataclass(frozen=True, slots=True)
class CopiedMessage:
    """A message that is sent again as it is, without its caption.

    Attributes:
        chat_id, message_id: where it stands.
    """

    chat_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """A message (HTML).

    Attributes:
        edits: the message that takes this form; None: a new one.
        quotes: the message that it answers; None: none.
        copies: what is sent in place of the text; None: the text.
        then: what is made durable once it is sent, with the time of that; doing it again is harmless.
    """

    text: str
    keyboard: Keyboard | None = None
    edits: int | None = None
    quotes: int | None = None
    copies: CopiedMessage | None = None
    then: Callable[[datetime], Awaitable[None]] | None = None


class Composer(Protocol):
    """Writes prompts."""

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:
        """What to send; None if there is nothing to tell any more.

        Raises:
            StorageError: what it is about cannot be read now.
        """


class BelowQuestion(Protocol):
    """Asks something else in the message with a question about a session."""

    async def below(
        self, prompt: Prompt, athlete: Athlete
    ) -> tuple[str, Keyboard, Callable[[datetime], Awaitable[None]]] | None:
        """What is asked (HTML), its buttons, and what is made durable once it is sent; None: nothing.

        Raises:
            StorageError: it cannot be read.
        """


class OwnKind(Protocol):
    """What is done about prompts of one kind. All raise `StorageError`; doing it again is harmless."""

    async def may_go(self, prompt: Prompt, athlete: Athlete | None, now: datetime) -> bool:
        """Whether this is the time to send it; else it is settled, or postponed."""

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:
        """What to send; None if there is nothing to tell any more.

        Raises:
            InvalidPrompt: nothing can be said about it.
        """

    async def sent(self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime) -> None:
        """Telegram has it: settle it."""

    async def refused(self, prompt: Prompt, reason: str, now: datetime) -> None:
        """Telegram does not take it; it is settled as undeliverable after this."""


OwnKinds: TypeAlias = Mapping[PromptKind, OwnKind]

NO_KINDS: OwnKinds = MappingProxyType({})
"""All are seen to by the dispatcher itself."""
