"""Tells MongoDB how far the journal is, and learns from it what is missing.

The file beside the journal knows as much, but goes with `DATA_DIR`. Nothing waits for this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from bot.core.inbox.journal_loss import (
    LONG_SILENT_AFTER,
    LOST_AFTER,
    SEEN_EVERY,
    JournalNumbers,
    KnownJournal,
    left_alone,
    loss_of,
    lost_journals,
    missing,
)
from bot.core.shared.errors import JournalError, StorageError
from bot.core.shared.formatting import count
from bot.services.periodic import FaultLog, repeat
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_register import JournalRegisterStore

log = logging.getLogger(__name__)

_INTERVAL = 1.0
_AT_LEAST_EVERY = SEEN_EVERY.total_seconds()


class JournalRegister:
    """Keeps the entry of one journal.

    Args:
        bot: whose.
        host, path: the machine, and DATA_DIR there.
        takes_updates: whether this is the service to which Telegram's updates come now.
        sleep, monotonic: waiting and its measure, in seconds; passed in by tests.
    """

    def __init__(
        self,
        journal: Journal,
        journals: JournalRegisterStore,
        bot: str,
        host: str,
        path: str,
        takes_updates: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._journals = journals
        self._bot = bot
        self._me = KnownJournal(f"{journal.identity:x}", host, path, JournalNumbers())
        self._takes_updates = takes_updates
        self._sleep = sleep
        self._monotonic = monotonic
        self._is_compared = False
        self._noted: tuple[JournalNumbers, float] | None = None
        self._answers_since: float | None = None  # MongoDB
        self._looked_at: float | None = None
        self._left_alone: set[str] = set()
        self._faults = FaultLog(
            log,
            waits="MongoDB is not told how far the journal is",
            fails="the register of journals fails",
            again="MongoDB is told how far the journal is again",
            expected=(StorageError, JournalError),
        )

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(self.keep, _INTERVAL, self._faults, sleep=self._sleep)

    async def keep(self) -> None:
        """Compare, once; note the numbers if they have changed, or it is time; look at other journals."""
        try:
            await self._keep()
        except StorageError:
            self._answers_since = None
            raise

    async def _keep(self) -> None:
        if not self._is_compared:
            await self._compare()
            self._is_compared = True
        numbers, now = self._journal.numbers, self._monotonic()
        if self._journal.is_shared and not self._takes_updates():
            return  # the service that processes it knows best
        if self._noted is None or self._noted[0] != numbers or now - self._noted[1] >= _AT_LEAST_EVERY:
            await self._journals.note(self._bot, replace(self._me, numbers=numbers))
            self._noted = numbers, now
        if self._answers_since is None:
            self._answers_since = now
        if self._looked_at is None or now - self._looked_at >= _AT_LEAST_EVERY:
            known = await self._journals.of_bot(self._bot)
            if now - self._answers_since >= LOST_AFTER.total_seconds():
                await self._miss(lost_journals(self._me.identity, known))
            self._tell_left_alone(known)
            self._looked_at = now

    async def leave(self) -> None:
        """The service stops, and nothing more comes into its journal; to be called when `run` has ended."""
        if self._is_compared and (self._takes_updates() or not self._journal.is_shared):
            with contextlib.suppress(StorageError):
                numbers = self._journal.numbers
                await self._journals.note(self._bot, replace(self._me, numbers=numbers, is_closed=True))

    async def _compare(self) -> None:
        """Whether this journal is as far as it was."""
        opened_with = await self._journal.opened_with()
        for it in await self._journals.of_bot(self._bot):
            if it.identity == self._me.identity:
                loss = missing(it.numbers, opened_with.last)
                if loss is not None:
                    await self._journal.note_loss(loss)

    async def _miss(self, lost: Sequence[KnownJournal]) -> None:
        for loss in filter(None, map(loss_of, lost)):
            await self._journal.note_loss(loss)
        if lost:
            await self._journals.gone(journal.identity for journal in lost)

    def _tell_left_alone(self, known: Iterable[KnownJournal]) -> None:
        """Once for each silence. Nothing is declared lost: its service may come back."""
        silent = [it for it in left_alone(known, LONG_SILENT_AFTER) if it.identity != self._me.identity]
        if self._takes_updates():
            for it in silent:
                if it.identity not in self._left_alone:
                    log.warning(
                        "nothing was heard for an hour of the journal in %s on %s, which has up to %s that"
                        " are not processed: start `run` there again, it stores them",
                        *(it.path, it.host, count(it.numbers.last - it.numbers.done, "update")),
                    )
                    self._left_alone.add(it.identity)
        self._left_alone &= {it.identity for it in silent}
