"""What the services need from Telegram. The implementation is `bot.telegram.client`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.core.answers.keyboards import Keyboard

MAX_UPDATES = 100
"""The most updates that one poll brings."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What Telegram says of a message it accepted.

    Attributes:
        sent_at: None if Telegram did not say.
    """

    message_id: int | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Within:
    """Where in a chat a message goes.

    Attributes:
        thread_id: the topic; where it is closed or deleted, the message goes to the chat itself.
        reply_to: the message that it quotes, if that is still there.
    """

    thread_id: int | None = None
    reply_to: int | None = None


ANYWHERE = Within()
"""The chat itself, without a quote."""


class MenuApi(Protocol):
    """The calls that set what Telegram offers in its menu of commands. They raise as those of `BotApi` do."""

    async def set_commands(
        self, commands: Sequence[tuple[str, str]], chat_id: int | None, language_code: str
    ) -> None:
        """Set a menu.

        Args:
            commands: each with its description.
            chat_id: whose private chat; None: wherever there is no other menu.
            language_code: of the app that shows it; empty: of those without a menu in their language.
        """

    async def delete_commands(self, chat_id: int | None, language_code: str) -> None:
        """Delete a menu, so that the one for everybody counts again; none at all is no error."""


class WebhookApi(Protocol):
    """The calls about the webhook. They raise as those of `BotApi` do."""

    async def set_webhook(self, url: str, secret: str) -> None:
        """Let Telegram send updates to `url`, with `secret` in a header."""

    async def webhook_info(self) -> dict[str, Any]:
        """Where Telegram sends updates, how many wait, and what went wrong last."""


class BotApi(Protocol):
    """The calls of the Bot API that the bot uses.

    All raise the `TelegramError` family of `bot.core.shared.errors`, and nothing else that can be foreseen.
    """

    async def get_updates(self, offset: int | None, timeout: float, limit: int) -> list[Any]:
        """Long-poll for up to `timeout` seconds; returns up to `limit` raw updates, as yet unread."""

    async def answer(self, query_id: str, text: str, *, alert: bool) -> None:
        """Answer a callback query: a toast, or with `alert` a box that has to be closed."""

    async def send(
        self,
        chat_id: int,
        text: str,
        *,
        html: bool = False,
        keyboard: Keyboard | None = None,
        within: Within = ANYWHERE,
    ) -> SentMessage:
        """Send a message."""

    async def send_photo(
        self, chat_id: int, png: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """Send a picture with a text below (at most 1,024 UTF-16 units)."""

    async def send_document(
        self, chat_id: int, name: str, content: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """Send a file with a text below (at most 1,024 UTF-16 units)."""

    async def copy(
        self, chat_id: int, from_chat_id: int, message_id: int, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """Send a message of another chat as it is, without its caption, and without saying whose it was."""

    async def edit_text(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        entities: list[dict[str, Any]],
        keyboard: Keyboard,
        *,
        html: bool = False,
    ) -> None:
        """Replace text and buttons; no change at all is no error.

        Args:
            html: whether the text is HTML; then there are no entities.
        """

    async def edit_keyboard(self, chat_id: int, message_id: int, keyboard: Keyboard) -> None:
        """Replace the buttons; no change at all is no error."""

    async def react(self, chat_id: int, message_id: int, emoji: str) -> None:
        """Give a message a reaction, in place of an earlier one of the bot's.

        Raises:
            TelegramUnsupported: the server knows no reactions.
        """
