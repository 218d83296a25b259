"""Tells MongoDB how far the journal is, and learns from it what is missing.

The file beside the journal knows as much, but goes with `DATA_DIR`. Nothing waits for this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from bot.core.errors import JournalError, StorageError
from bot.core.losses import Known, Numbers, loss_of, lost_journals, missing
from bot.journal import Journal
from bot.logs import Recurring, describe_defect
from bot.store.journals import JournalStore

log = logging.getLogger(__name__)

_INTERVAL = 1.0
_AT_LEAST_EVERY = 60.0


class JournalRegister:
    """Keeps the entry of one journal.

    Args:
        bot: whose.
        host, path: the machine, and DATA_DIR there.
        sleep, monotonic: waiting and its measure, in seconds; passed in by tests.
    """

    def __init__(
        self,
        journal: Journal,
        journals: JournalStore,
        bot: str,
        host: str,
        path: str,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._journals = journals
        self._bot = bot
        self._me = Known(f"{journal.identity:x}", host, path, journal.opened_with)
        self._sleep = sleep
        self._monotonic = monotonic
        self._is_compared = False
        self._noted: tuple[Numbers, float] | None = None
        self._trouble = Recurring(log)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.keep()
            except (StorageError, JournalError) as exc:
                self._trouble.met(f"MongoDB is not told how far the journal is: {exc}")
            except Exception as exc:  # noqa: BLE001  # a second witness is not worth the service
                self._trouble.met(f"the register of journals fails: {describe_defect(exc)}", logging.ERROR)
            await self._sleep(_INTERVAL)

    async def keep(self) -> None:
        """Compare, once; then note the numbers if they have changed, or it is time."""
        if not self._is_compared:
            await self._compare()
            self._is_compared = True
        numbers, now = self._journal.numbers, self._monotonic()
        if self._noted is None or self._noted[0] != numbers or now - self._noted[1] >= _AT_LEAST_EVERY:
            await self._journals.note(self._bot, replace(self._me, numbers=numbers))
            self._noted = numbers, now
            self._trouble.over("MongoDB is told how far the journal is again")

    async def leave(self) -> None:
        """The service stops, and nothing more comes into its journal; to be called when `run` has ended."""
        if self._is_compared:
            with contextlib.suppress(StorageError):
                numbers = self._journal.numbers
                await self._journals.note(self._bot, replace(self._me, numbers=numbers, is_closed=True))

    async def _compare(self) -> None:
        known = await self._journals.of_bot(self._bot)
        mine = [it.numbers for it in known if it.identity == self._me.identity]
        lost = lost_journals(self._me, known)
        losses = [missing(numbers, self._me.numbers.last) for numbers in mine]
        losses += [loss_of(journal) for journal in lost]
        for loss in filter(None, losses):
            await self._journal.note_loss(loss)
        if lost:
            await self._journals.gone(journal.identity for journal in lost)
