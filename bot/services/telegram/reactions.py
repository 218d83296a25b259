"""Reactions to what people write, in place of a message; a message where none can be given."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.core.shared.errors import TelegramRejected, TelegramUnsupported
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.reactions import Reaction
from bot.services.telegram.api import BotApi
from bot.services.telegram.message_queue import MessageQueue
from bot.services.telegram.sending import rate_limited

log = logging.getLogger(__name__)

_MAX_WAITING = 1_000


class MessageReactions(MessageQueue[Reaction]):
    """Gives reactions. A message has one of the bot's: the last."""

    def __init__(
        self, api: BotApi, limits: SendLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(self._react, "giving a reaction", _MAX_WAITING, limits, monotonic)
        self._api = api
        self._are_known = True

    async def give(self, chat_id: int, message_id: int, reaction: Reaction) -> bool:
        """Give a reaction now, in a chat that may be written to.

        Returns:
            False where none can be given: the server is older, the group allows none, the message is gone.

        Raises:
            TelegramError: Telegram may take it another time.
        """
        if not self._are_known:
            return False
        async with rate_limited(self._limits, chat_id, self._monotonic):
            return await self._react(chat_id, message_id, reaction)

    def put(
        self, chat_id: int, message_id: int, change: Reaction, done: Callable[[bool], None] = lambda _: None
    ) -> None:
        """Give a reaction soon, if it can be given."""
        if self._are_known:
            super().put(chat_id, message_id, change, done)
        else:
            done(True)  # noqa: FBT003

    async def _react(self, chat_id: int, message_id: int, reaction: Reaction) -> bool:
        try:
            await self._api.react(chat_id, message_id, reaction)
        except TelegramUnsupported:
            self._are_known = False
            log.info("the Bot API server knows no reactions: notes are acknowledged in messages")
            return False
        except TelegramRejected as exc:
            log.debug("a reaction is not taken: %s", exc)
            return False
        return True
