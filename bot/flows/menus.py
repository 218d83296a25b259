"""Keeps Telegram's menus of commands as they should be. Best effort, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.core.errors import JournalError, TelegramError, TelegramRateLimited, TelegramRejected
from bot.core.language import Language
from bot.core.menus import Commands, Menu, menus
from bot.core.roster import Roster
from bot.flows.ports import MenuApi
from bot.journal import Journal
from bot.logs import Recurring, describe_defect

log = logging.getLogger(__name__)

# Seconds.
_INTERVAL = 5.0
_BETWEEN = 0.2
_FIRST_DELAY, _LONGEST_DELAY = 30.0, 3_600.0
_REFUSED_DELAY = 6 * 3_600.0
"""A chat that its user never opened, or has blocked, is tried again rarely."""

_FACT = "menu_"


class Menus:
    """Sets menus, one call at a time, and remembers what is set.

    That a chat has a menu of its own stands in the journal, too: somebody may be removed while the bot is
    not running.

    Args:
        roster: the athletes; None as long as nobody knows them.
        chosen: see `bot.core.menus.menus`.
        ready: returns when Telegram is known to answer, and has nothing more important to say.
        sleep, monotonic: waiting and its measure, in seconds; passed in by tests.
    """

    def __init__(
        self,
        api: MenuApi,
        journal: Journal,
        roster: Callable[[], Roster | None],
        admins: frozenset[int],
        chosen: Callable[[int], Language | None],
        ready: Callable[[], Awaitable[None]],
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._journal = journal
        self._roster = roster
        self._admins = admins
        self._chosen = chosen
        self._ready = ready
        self._sleep = sleep
        self._monotonic = monotonic
        self._set: dict[Menu, Commands] = {}
        self._not_before: dict[Menu, float] = {}
        self._chats: set[int] | None = None
        self._delay = _FIRST_DELAY
        self._trouble = Recurring(log)

    async def run(self) -> None:
        """Keep the menus until cancelled."""
        await self._ready()
        while True:
            try:
                await self.look()
                self._delay = _FIRST_DELAY
                self._trouble.over("menus are set again")
            except TelegramRateLimited as exc:
                self._trouble.met(f"menus wait: {exc}", logging.INFO)
                await self._sleep(exc.retry_after)
            except (TelegramError, JournalError) as exc:
                self._trouble.met(f"menus are set later: {exc}", logging.INFO)
                await self._sleep(self._delay)
                self._delay = min(_LONGEST_DELAY, self._delay * 2)
            except Exception as exc:  # noqa: BLE001  # menus are not worth the service
                self._trouble.met(f"setting menus fails unexpectedly: {describe_defect(exc)}", logging.ERROR)
                await self._sleep(self._delay)
                self._delay = min(_LONGEST_DELAY, self._delay * 2)
            await self._sleep(_INTERVAL)

    async def look(self) -> None:
        """Bring the menus into order.

        Raises:
            TelegramError, JournalError: some may be in order.
        """
        if (roster := self._roster()) is None:
            return
        if self._chats is None:
            self._chats = {_chat(name) for name in await self._journal.facts() if name.startswith(_FACT)}
        athletes = (athlete.user_id for athlete in roster.athletes if athlete.user_id is not None)
        wanted = menus(athletes, self._admins, self._chosen)
        await self._remove(wanted, self._chats)
        for menu, commands in wanted.items():
            if self._set.get(menu) != commands and self._may_try(menu):
                await self._put(menu, commands, self._chats)

    async def _put(self, menu: Menu, commands: Commands, chats: set[int]) -> None:
        if menu.chat_id is not None and menu.chat_id not in chats:
            await self._journal.remember({f"{_FACT}{menu.chat_id}": 1})
            chats.add(menu.chat_id)
        if await self._called(menu, self._api.set_commands(menu.scope, menu.language, commands)):
            self._set[menu] = commands

    async def _remove(self, wanted: Mapping[Menu, Commands], chats: set[int]) -> None:
        """Take the menus of those away who are neither athletes nor admins any more."""
        for chat_id in sorted(chats - {menu.chat_id for menu in wanted}):
            gone = [Menu(chat_id, None), Menu(chat_id, Language.ES)]
            if not all(self._may_try(menu) for menu in gone):
                continue
            for menu in gone:
                if not await self._called(menu, self._api.delete_commands(menu.scope, menu.language)):
                    break
                self._set.pop(menu, None)
            else:
                await self._journal.forget(f"{_FACT}{chat_id}", 1)
                chats.discard(chat_id)

    def _may_try(self, menu: Menu) -> bool:
        return self._not_before.get(menu, 0.0) <= self._monotonic()

    async def _called(self, menu: Menu, call: Awaitable[None]) -> bool:
        """Whether Telegram has taken it; a chat that it refuses does not hold up the others."""
        try:
            await call
        except TelegramRejected as exc:
            log.info("a menu is not set: %s", exc)
            self._not_before[menu] = self._monotonic() + _REFUSED_DELAY
            return False
        finally:
            await self._sleep(_BETWEEN)
        self._not_before.pop(menu, None)
        return True


def _chat(fact: str) -> int:
    return int(fact.removeprefix(_FACT))
