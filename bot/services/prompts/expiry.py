"""What comes with time: a nudge for a question that nobody answers, and the end of what nobody can answer."""

from __future__ import annotations

import logging

from bot.core.facts.answering_window import closed_until
from bot.core.shared.clock import Clock
from bot.core.shared.formatting import count
from bot.services.periodic import FaultLog, repeat
from bot.store.prompts.expiry import PromptExpiryStore

log = logging.getLogger(__name__)

_INTERVAL = 5.0


class PromptExpiry:
    """Nudges and expires prompts.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(self, prompts: PromptExpiryStore, clock: Clock, late_after_days: int) -> None:
        self._prompts = prompts
        self._clock = clock
        self._late_after_days = late_after_days
        self._reason = f"not answered within {count(late_after_days, 'day')}"
        self._faults = FaultLog(
            log,
            waits="unanswered prompts wait",
            fails="following up fails",
            again="unanswered prompts are seen to again",
        )

    async def run(self) -> None:
        """Follow up every few seconds until cancelled."""
        await repeat(self.follow_up, _INTERVAL, self._faults)

    async def follow_up(self) -> None:
        """See to everything that is due now.

        Raises:
            StorageError: some of it may be done.
        """
        now = self._clock()
        closed = closed_until(now, self._late_after_days)
        # In this order: what can no longer be answered is not asked again.
        expired = await self._prompts.expire_unanswered(sent_until=closed, now=now, reason=self._reason)
        expired += await self._prompts.expire_unsent(now)
        nudged = await self._prompts.nudge(sent_after=closed, now=now)
        if expired or nudged:
            log.info("prompts nobody answered: %d asked about once more, %d expired", nudged, expired)
