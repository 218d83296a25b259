"""After a time without polls: ask again, once, for what is still unanswered.

Telegram forgets a tap after 150 s. When the bot was away longer, some athletes have tapped in vain and
believe that they have answered.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bot.core.shared.clock import Clock, from_ms, to_ms
from bot.core.shared.errors import JournalError, StorageError
from bot.core.telegram.updates import TAP_LIFETIME
from bot.services.periodic import FaultLog, repeat
from bot.store.inbox.journal import GAP_FACT, Journal
from bot.store.prompts.expiry import PromptExpiryStore

log = logging.getLogger(__name__)

_INTERVAL = 2.0


def gap_before(now: datetime, *reached: datetime | None, what: str) -> dict[str, int]:
    """The fact to remember if so much time has passed that taps may have been forgotten; empty if not.

    Args:
        reached: when this service, and the others, were reached last; None where nobody knows.
        what: what there was none of meanwhile, for the log.
    """
    last = max(filter(None, reached), default=None)
    if last is None or now - last <= TAP_LIFETIME:
        return {}
    log.warning("%s for %d s: taps made meanwhile may be lost", what, (now - last).total_seconds())
    return {GAP_FACT: to_ms(now)}


class OutageRecovery:
    """Watches for gaps that the poller noted in the journal.

    Args:
        caught_up: returns when all that Telegram still had is stored, so that its answers count.
        window: how old a prompt may be to be asked again (answers to older ones would be late).
        leads: whether it is this service that sees to gaps.
    """

    def __init__(
        self,
        journal: Journal,
        prompts: PromptExpiryStore,
        clock: Clock,
        caught_up: Callable[[], Awaitable[None]],
        window: timedelta,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._journal = journal
        self._prompts = prompts
        self._clock = clock
        self._caught_up = caught_up
        self._window = window
        self._leads = leads
        self._faults = FaultLog(
            log,
            waits="asking again waits",
            fails="asking again fails",
            expected=(StorageError, JournalError),
        )

    async def run(self) -> None:
        """Watch until cancelled."""
        await repeat(self.ask_again, _INTERVAL, self._faults)

    async def ask_again(self) -> None:
        """See to the noted gap, if there is one; a crash on the way leaves it noted."""
        if not self._leads():
            return
        until_ms = (await self._journal.facts()).get(GAP_FACT)
        if until_ms is None:
            return
        await self._caught_up()
        if not self._leads():  # any more
            return
        now = self._clock()
        # Taps on younger prompts were still waiting at Telegram when the polls began again.
        sent_until = from_ms(until_ms) - TAP_LIFETIME
        number = await self._prompts.ask_again(sent_since=now - self._window, sent_until=sent_until, now=now)
        # A further gap may have been noted meanwhile.
        await self._journal.forget(GAP_FACT, until_ms)
        log.info("asking again about %d unanswered sessions", number)
