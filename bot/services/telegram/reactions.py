"""Reactions to what people write, in place of a message; a message where none can be given."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from bot.core.shared.errors import (
    TelegramError,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnsupported,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.reactions import Reaction
from bot.logs import describe_defect
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.api import BotApi
from bot.services.telegram.sending import rate_limited

log = logging.getLogger(__name__)

_MAX_WAITING = 1_000
_RECHECK = 0.25


class MessageReactions:
    """Gives reactions within Telegram's limits. A message has one of the bot's: the last.

    Args:
        limits: shared with everything that sends.
        monotonic: the clock of `limits`.
    """

    def __init__(
        self, api: BotApi, limits: SendLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._limits = limits
        self._monotonic = monotonic
        self._are_known = True
        self._waiting: dict[tuple[int, int], Reaction] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._faults = FaultLog(log, waits="", fails="giving reactions fails", expected=())

    async def give(self, chat_id: int, message_id: int, reaction: Reaction) -> bool:
        """Give a reaction now, in a chat that may be written to.

        Returns:
            False where none can be given: the server is older, the group allows none, the message is gone.

        Raises:
            TelegramError: Telegram may take it another time.
        """
        if not self._are_known:
            return False
        try:
            async with rate_limited(self._limits, chat_id, self._monotonic):
                await self._api.react(chat_id, message_id, reaction)
        except TelegramUnsupported:
            self._are_known = False
            log.info("the Bot API server knows no reactions: notes are acknowledged in messages")
            return False
        except TelegramRejected as exc:
            log.debug("a reaction is not taken: %s", exc)
            return False
        return True

    def put(self, chat_id: int, message_id: int, reaction: Reaction) -> None:
        """Give a reaction soon, if it can be given; of several to one message the last one."""
        self._waiting.pop((chat_id, message_id), None)
        if len(self._waiting) >= _MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting)))
        self._waiting[chat_id, message_id] = reaction
        self._empty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Give what is put, until cancelled."""
        await repeat(self._give_next, 0.0, self._faults)

    async def drain(self) -> None:
        """Return when nothing is waiting any more."""
        await self._empty.wait()

    async def _give_next(self) -> float | None:
        if not self._waiting:
            self._wake.clear()
            self._empty.set()
            await self._wake.wait()
        blocked = self._limits.waiting(self._monotonic())
        key = next((key for key in self._waiting if key[0] not in blocked), None)
        if key is None:
            return _RECHECK
        reaction = self._waiting.pop(key)
        try:
            await self.give(*key, reaction)
        except TelegramRateLimited as exc:
            self._limits.hold(key[0], self._monotonic() + exc.retry_after)
            self._waiting.setdefault(key, reaction)
        except TelegramError as exc:
            log.info("a reaction could not be given: %s", exc)
        except Exception as exc:  # noqa: BLE001  # one reaction's defect must not end the others
            log.error("giving a reaction failed unexpectedly: %s", describe_defect(exc))
        return None
