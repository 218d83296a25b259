"""What waits in the journal of before, when another one is kept: JOURNAL was changed."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable

from bot.core.shared.clock import from_ms
from bot.core.shared.errors import JournalError, StorageDenied, StorageError
from bot.core.shared.formatting import count
from bot.services.periodic import FaultLog, repeat
from bot.store.inbox.journal import LAST_POLL_FACT, Journal

log = logging.getLogger(__name__)

_PAGE = 100
_EVERY = 5.0


class HandOver:
    """Moves what was received and not stored from one journal to another; dead letters stay where they are.

    Args:
        what: the journal of before, for messages.
        leads: whether it is this service that takes updates; another one sees to it else.
        on_new: called when something has come.
        forget: called at the end: nobody needs to miss the journal of before.
    """

    def __init__(
        self,
        before: Journal,
        now: Journal,
        what: str,
        leads: Callable[[], bool],
        on_new: Callable[[], None],
        forget: Callable[[], Awaitable[None]],
    ) -> None:
        self._before = before
        self._now = now
        self._what = what
        self._leads = leads
        self._on_new = on_new
        self._forget = forget
        self._faults = FaultLog(
            log,
            waits=f"what may wait in {what}, from before JOURNAL was changed, waits",
            fails="taking up the journal of before fails",
            expected=(JournalError, StorageError),
        )

    async def run(self) -> None:
        """Until it is done, or cancelled."""
        await repeat(self.step, _EVERY, self._faults)

    async def step(self) -> float | None:
        """Move everything, if it is our turn; returns that nothing is left to do."""
        if not self._leads():
            return None
        try:
            remembered = await self._before.facts()
        except JournalError as exc:
            if isinstance(exc.__cause__, StorageDenied):  # then nothing was ever kept there
                return math.inf
            raise
        if not self._before.is_shared:
            # No poll confirms what is there any more.
            await self._before.append([], polled_at=from_ms(remembered.get(LAST_POLL_FACT, 0)))
        moved = after = 0
        while page := await self._before.pending(after=after, limit=_PAGE):
            await self._now.adopt(page)
            # Whoever is killed between the two takes it up twice, which changes nothing.
            await self._before.finish([entry.seq for entry in page])
            moved, after = moved + len(page), page[-1].seq
            self._on_new()
        if moved:
            log.warning("%s waited in %s, and are taken up here", count(moved, "update"), self._what)
        if letters := (await self._before.state()).dead:
            log.warning("%s keeps %s", self._what, count(letters, "dead letter"))
        if moved:
            await self._forget()
        return math.inf
