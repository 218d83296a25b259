"""Takes the service's vitals: the one place that looks how MongoDB, the journal and the polls are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bot.core.health.vitals import Vitals
from bot.core.shared.clock import Clock, from_ms
from bot.core.shared.errors import JournalError, StorageError
from bot.store.inbox.journal import LAST_POLL_FACT, Journal
from bot.store.mongodb.client import Database, ping, within

_PATIENCE = 2.0  # seconds, each
# Anybody may ask, as often as they like; MongoDB and the disk are asked once a second.
_REMEMBERED = 1.0
_RECENT = 15.0


class VitalsMonitor:
    """Looks how the service is.

    Args:
        stands_by: whether another service polls.
        monotonic: seconds.
    """

    def __init__(
        self,
        db: Database,
        journal: Journal,
        clock: Clock,
        stands_by: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._journal = journal
        self._clock = clock
        self._stands_by = stands_by
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._vitals: Vitals | None = None
        self._looked_at = 0.0

    async def recent(self) -> Vitals:
        """The vitals, some seconds old; nobody waits for them as long as somebody looks now and then."""
        if self._vitals is not None and self._monotonic() - self._looked_at < _RECENT:
            return self._vitals
        return await self.look()

    async def look(self) -> Vitals:
        """The vitals, at most a second old; takes a few seconds at worst."""
        async with self._turn:
            if self._vitals is None or self._monotonic() - self._looked_at >= _REMEMBERED:
                answers, journal = await asyncio.gather(self._mongodb_answers(), self._look_at_journal())
                self._vitals = Vitals(
                    at=self._clock(),
                    answers=answers,
                    stands_by=self._stands_by(),
                    has_journal=self._journal.is_shared,
                    **journal,
                )
                self._looked_at = self._monotonic()
            return self._vitals

    async def _mongodb_answers(self) -> bool:
        try:
            # The driver's own limit does not hold for everything that it waits for.
            async with asyncio.timeout(2 * _PATIENCE):
                with within(_PATIENCE):
                    await ping(self._db)
        except (StorageError, TimeoutError):
            return False
        return True

    async def _look_at_journal(self) -> dict[str, Any]:
        known: dict[str, Any] = {"is_writable": False}
        try:
            async with asyncio.timeout(_PATIENCE):
                polled_ms = (await self._journal.facts()).get(LAST_POLL_FACT)
                state = await self._journal.state()
                known |= {
                    "last_poll": None if polled_ms is None else from_ms(polled_ms),
                    "pending": state.pending,
                    "oldest_pending": state.oldest_pending,
                    "dead_letters": state.dead,
                }
                await self._journal.check_writable()
                known["is_writable"] = True
        except (JournalError, TimeoutError):
            pass
        return known
