"""Replies to messages: `/start`, `/help`, `/stats`, what `requests` says, and a hint for everything else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core import texts
from bot.core.errors import (
    JournalError,
    StorageRejected,
    StorageUnavailable,
    TelegramError,
    TelegramRateLimited,
)
from bot.core.limits import SendLimits
from bot.core.stats import Stats
from bot.core.updates import CommandUpdate
from bot.flows.ports import BotApi
from bot.flows.roster import RosterKeeper
from bot.flows.turns import turn
from bot.logs import describe_defect

log = logging.getLogger(__name__)

DEFAULT_STATS_DAYS = 30
MAX_STATS_DAYS = 365

# More than this many unanswered messages from one chat are a flood, and are not replied to.
_PER_CHAT = 3
_RECHECK = 0.25


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message without a reply yet; `text` if it is known already what to say."""

    command: CommandUpdate
    done: Callable[[], None]
    text: str | None


class Commands:
    """Replies to messages, one after the other, within Telegram's limits. A reply is sent at most once.

    Args:
        stats: figures over so many days.
    """

    def __init__(
        self,
        api: BotApi,
        limits: SendLimits,
        stats: Callable[[int], Awaitable[Stats]],
        roster: RosterKeeper,
        *,
        admins: frozenset[int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._limits = limits
        self._stats = stats
        self._roster = roster
        self._admins = admins
        self._monotonic = monotonic
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    def put(self, command: CommandUpdate, done: Callable[[], None], text: str | None = None) -> None:
        """Reply soon, with `text` or as the command says; `done` is called when that is done or given up."""
        if sum(it.command.chat_id == command.chat_id for it in self._waiting) >= _PER_CHAT:
            done()
            return
        self._waiting.append(_Waiting(command, done, text))
        self._wake.set()

    async def run(self) -> None:
        """Reply until cancelled."""
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            # A chat that must wait does not hold up the others.
            blocked = self._limits.waiting(self._monotonic())
            ready = next((it for it in self._waiting if it.command.chat_id not in blocked), None)
            if ready is None:
                await asyncio.sleep(_RECHECK)
                continue
            try:
                await self._reply(ready)
            except TelegramRateLimited as exc:
                self._limits.hold(ready.command.chat_id, self._monotonic() + exc.retry_after)
                continue
            except TelegramError as exc:
                log.info("a reply could not be sent: %s", exc)
            except Exception as exc:  # noqa: BLE001  # one message's defect must not end the others' replies
                log.error("a reply failed unexpectedly: %s", describe_defect(exc))
            self._waiting.remove(ready)
            ready.done()

    async def _reply(self, waiting: _Waiting) -> None:
        text = waiting.text or await self._text(waiting.command)
        if text is None:
            return
        async with turn(self._limits, waiting.command.chat_id, self._monotonic):
            await self._api.send(waiting.command.chat_id, text)

    async def _text(self, command: CommandUpdate) -> str | None:
        is_admin = command.user_id in self._admins
        match command.name:
            case "start":
                is_athlete = self._roster.athlete(command.user_id) is not None
                return texts.welcome(command.user_id, athlete=is_athlete, admin=is_admin)
            case "help":
                return texts.help_text(admin=is_admin)
            case "stats" if not is_admin:
                return texts.STATS_FOR_ADMINS
            case "stats" if not command.is_private:
                return texts.STATS_PRIVATE
            case "stats":
                return await self._stats_text(command.argument)
            case _:
                return texts.TRY_HELP if command.is_private else None

    async def _stats_text(self, argument: str) -> str:
        days = int(argument) if argument.isascii() and argument.isdigit() else None
        if argument and (days is None or not 1 <= days <= MAX_STATS_DAYS):
            return texts.STATS_USAGE
        try:
            return texts.stats(await self._stats(days or DEFAULT_STATS_DAYS))
        except (StorageUnavailable, StorageRejected, JournalError) as exc:
            log.warning("%s", exc)
            return texts.STATS_LATER
