"""Who this bot is, where there may be others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from bot.core.inbox.addressee import meant_for
from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import TelegramError
from bot.core.telegram.updates import CommandUpdate, NoteUpdate
from bot.services.periodic import FaultLog, retry

log = logging.getLogger(__name__)

_BACKOFF = Backoff(1.0, 30.0)


class BotIdentity:
    """Tells what is meant for this bot.

    Args:
        bot_id: it stands in the token.
        ask: asks Telegram for the user name; that is done once, when it matters first.
    """

    def __init__(self, bot_id: int, ask: Callable[[], Awaitable[str]]) -> None:
        self._bot_id = bot_id
        self._ask = ask
        self._username: str | None = None
        self._faults = FaultLog(
            log,
            waits="a command that names a bot waits, and what came after it",
            fails="asking for the bot's name fails",
            again="the bot's name is known",
            expected=(TelegramError,),
        )

    async def understand(self, update: CommandUpdate | NoteUpdate) -> CommandUpdate | NoteUpdate | None:
        """What a message is to this bot, however long Telegram is away; None: it is another one's."""
        username = ""
        names_somebody = update.mentions if isinstance(update, NoteUpdate) else update.addressee
        if names_somebody:
            username = await self._name()
        return meant_for(update, bot_id=self._bot_id, username=username)

    async def _name(self) -> str:
        if self._username is None:
            self._username = (await retry(self._ask, _BACKOFF, self._faults)).lower()
        return self._username
