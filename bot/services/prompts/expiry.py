"""What comes with time: a nudge for a question that nobody answers, and the end of what nobody can answer."""

from __future__ import annotations

import asyncio
import logging

from bot.core.facts.answering_window import closed_until
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageError
from bot.core.shared.formatting import count
from bot.logs import Recurring, describe_defect
from bot.store.prompts.expiry import PromptExpiryStore

log = logging.getLogger(__name__)

_INTERVAL = 5.0


class PromptExpiry:
    """Nudges and expires prompts.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(self, followups: PromptExpiryStore, clock: Clock, late_after_days: int) -> None:
        self._followups = followups
        self._clock = clock
        self._late_after_days = late_after_days
        self._reason = f"not answered within {count(late_after_days, 'day')}"
        self._trouble = Recurring(log)

    async def run(self) -> None:
        """Follow up every few seconds until cancelled."""
        while True:
            try:
                await self.follow_up()
                self._trouble.over("unanswered prompts are seen to again")
            except StorageError as exc:
                self._trouble.met(f"unanswered prompts wait: {exc}")
            except Exception as exc:  # noqa: BLE001  # not worth the service
                self._trouble.met(f"following up fails unexpectedly: {describe_defect(exc)}", logging.ERROR)
            await asyncio.sleep(_INTERVAL)

    async def follow_up(self) -> None:
        """See to everything that is due now.

        Raises:
            StorageError: some of it may be done.
        """
        now = self._clock()
        closed = closed_until(now, self._late_after_days)
        # In this order: what can no longer be answered is not asked again.
        expired = await self._followups.expire_unanswered(sent_until=closed, now=now, reason=self._reason)
        expired += await self._followups.expire_unsent(now)
        nudged = await self._followups.nudge(sent_after=closed, now=now)
        if expired or nudged:
            log.info("prompts nobody answered: %d asked about once more, %d expired", nudged, expired)
