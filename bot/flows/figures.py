"""The one source of figures for `/stats` and the `stats` command."""

from __future__ import annotations

from datetime import timedelta

from bot.core.clock import Clock, from_ms
from bot.core.stats import Stats
from bot.journal import LAST_POLL_FACT, Journal
from bot.store.feedback import FeedbackStore
from bot.store.prompts import PromptStore
from bot.store.taps import TapLedger


class Figures:
    """Collects `Stats` from MongoDB and the journal."""

    def __init__(
        self, events: FeedbackStore, prompts: PromptStore, ledger: TapLedger, journal: Journal, clock: Clock
    ) -> None:
        self._events = events
        self._prompts = prompts
        self._ledger = ledger
        self._journal = journal
        self._clock = clock

    async def collect(self, days: int) -> Stats:
        """Figures over the last `days` days.

        Raises:
            StorageUnavailable, StorageRejected, JournalError: a source cannot be read.
        """
        until = self._clock()
        since = until - timedelta(days=days)
        journal = await self._journal.state()
        last_poll_ms = (await self._journal.facts()).get(LAST_POLL_FACT)
        # In the journal until answered, but counted as written from the moment that it is.
        waiting_taps = await self._ledger.missing(await self._journal.pending_query_ids())
        return Stats(
            days=days,
            until=until,
            taps=await self._ledger.count(since),
            answers=await self._events.count(since),
            prompts=await self._prompts.count(),
            waiting_taps=waiting_taps,
            dead_taps=journal.dead_taps,
            dead_letters=journal.dead,
            oldest_pending=journal.oldest_pending if waiting_taps else None,
            last_poll=None if last_poll_ms is None else from_ms(last_poll_ms),
        )
