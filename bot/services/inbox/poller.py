"""Poll -> journal -> confirm. The only place where updates are fetched and confirmed.

An update is confirmed by polling with an offset above its id, and that happens only after the journal has
it on disk. An offset lives for one poll, that of confirming the batch before: no id is trusted for longer, a
restart begins without one, because Telegram begins anew at random after a week without updates.

Of several services with one token only one polls at a time: see `bot.services.inbox.leader_election`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bot.core.shared.backoff import Backoff
from bot.core.shared.clock import Clock, from_ms, to_ms
from bot.core.shared.errors import (
    JournalError,
    TelegramConflict,
    TelegramError,
    TelegramRateLimited,
    TelegramUnauthorized,
    TelegramUnreadable,
)
from bot.core.telegram.updates import unreadable
from bot.logs import Recurring
from bot.services.inbox.keeping import kept
from bot.services.inbox.leader_election import PollingRights, SupersededError
from bot.services.inbox.outage import gap_before
from bot.services.inbox.token_check import TokenCheck
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.api import MAX_UPDATES, BotApi
from bot.store.inbox.journal import LAST_POLL_FACT, Journal, update_id_of

log = logging.getLogger(__name__)

POLL_TIMEOUT = 30.0
# Two polls that bring nothing new are at least this far apart, whatever the server does.
MIN_POLL_SPACING = 0.5
LONGEST_TURN = 70.0
"""Seconds at most from one turn of the loop to the next: `POLL_TIMEOUT`, the 30 s that a reply may be late or
drip in, and the longest delay, with a disk that is not in a hurry."""

_STAND_BY_TURN = 5.0
_BACKOFF = Backoff(1.0, 5.0, jitter=0.2)
_CALM = POLL_TIMEOUT + 5.0
"""Seconds. Two programs that poll with one token end each other's polls, and begin again: that a poll
succeeds in between does not mean that it is over."""
_UNREADABLE_TRIES = 3
_A_RESULT = re.compile(r'\s*\{\s*"ok"\s*:\s*true\b')
_UPDATE_IDS = re.compile(r'"update_id"\s*:\s*(\d{1,18})\b')


class Poller:
    """The poll loop.

    Args:
        api: the Bot API.
        journal: open.
        token: a number that stands for the bot's token: one that Telegram took before may be refused for a
            while without ending the bot.
        clock: the time of receipt.
        on_new: called after each batch that brought something new.
        polling: whose turn it is to poll.
        on_unkept: called with a batch that the journal does not take; it is not confirmed.
        on_turn: called again and again as long as the loop turns, whether polls succeed or not: at least
            every `LONGEST_TURN` seconds.
        sleep, monotonic: waiting and its measure, in seconds; passed in by tests.
    """

    def __init__(
        self,
        api: BotApi,
        journal: Journal,
        token: int,
        clock: Clock,
        on_new: Callable[[], None],
        *,
        polling: PollingRights,
        on_unkept: Callable[[Sequence[object]], None] = lambda _: None,
        on_turn: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._journal = journal
        self._token_check = TokenCheck(token)
        self._clock = clock
        self._on_new = on_new
        self._polling = polling
        self._on_unkept = on_unkept
        self._on_turn = on_turn
        self._sleep = sleep
        self._monotonic = monotonic
        self._offset: int | None = None
        self._singly = 0  # how many updates are still to be fetched one by one
        self._unreadable: dict[str, Any] = {}
        self._unreadable_seen = 0
        self._begun = asyncio.Event()
        self._conflict_at = -math.inf
        self._connected = False
        self._last_poll_ms: int | None = None
        self._has_recalled = False
        self._caught_up = asyncio.Event()
        self._trouble = Recurring(log)
        self._faults = FaultLog(
            log,
            waits="polling fails, and is tried again",
            fails="polling fails",
            expected=(TelegramError, JournalError),
            severe=(JournalError,),
            defect_level=logging.WARNING,
            recurring=self._trouble,
        )

    async def begun(self) -> None:
        """Return when a poll has succeeded."""
        await self._begun.wait()

    async def caught_up(self) -> None:
        """Return when Telegram has nothing more in store than what is in the journal."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Poll until cancelled.

        Raises:
            ConfigError: Telegram refuses a token that it never took from here.
        """
        await repeat(self._turn, 0.0, self._faults, backoff=_BACKOFF, sleep=self._sleep)

    async def _turn(self) -> None:
        self._on_turn()
        with contextlib.suppress(JournalError):  # who taps is to be told all the same
            await self._recall()
        try:
            if await self._polling.may_poll(_STAND_BY_TURN):
                await self._poll()
            else:
                await self._stand_by()
        except SupersededError:
            self._offset = None
        except TelegramRateLimited as exc:
            self._trouble.met(f"polling waits: {exc}")
            await self._wait(exc.retry_after)
        except Exception as exc:
            self._connected = False
            match exc:
                case TelegramUnauthorized():
                    self._token_check.refused(exc)
                case TelegramUnreadable():
                    self._narrow_down(exc.body)
                case TelegramConflict():
                    raise TelegramConflict(f"{exc}{self._conflict_cure(str(exc))}") from None
            raise

    async def _recall(self) -> None:
        """What the journal knows of earlier runs."""
        if not self._has_recalled:
            facts = await self._journal.facts()
            self._token_check.recall(facts)
            self._last_poll_ms = facts.get(LAST_POLL_FACT)
            self._has_recalled = True

    async def _stand_by(self) -> None:
        self._offset = None  # what is confirmed by now is another service's business
        self._connected = False
        last_poll = self._last_poll()
        if self._journal.is_shared:
            return  # whoever polls puts that in
        if last_poll is not None and self._last_poll_ms != to_ms(last_poll):
            # How the bot is, and whether taps may have been forgotten, goes by the polls of whoever polls.
            # They have confirmed what we have fetched: what is finished of it need not be kept any longer.
            await self._journal.append([], polled_at=last_poll)
            self._last_poll_ms = to_ms(last_poll)

    async def _wait(self, seconds: float) -> None:
        """As long as Telegram asks for, which may be long."""
        while seconds > 0:
            await self._sleep(min(seconds, POLL_TIMEOUT))
            seconds -= POLL_TIMEOUT
            self._on_turn()

    async def _poll(self) -> None:
        started_at, started = self._clock(), self._monotonic()
        # The first poll, and the first after trouble, comes back at once: then it is known what works.
        timeout, limit = POLL_TIMEOUT if self._connected else 0.0, 1 if self._singly else MAX_UPDATES
        if self._unreadable_seen >= _UNREADABLE_TRIES:
            updates = [self._unreadable]
            self._singly = 0
        else:
            updates = await self._polling.during(self._api.get_updates(self._offset, timeout, limit))
            self._singly = max(0, self._singly - len(updates))
        polled_at = self._clock()

        async def keep() -> int:
            await self._recall()  # else nobody knows when the last poll was
            facts = {**self._token_check.taken(), **self._gap_before(started_at)}
            return await self._journal.append(updates, polled_at=polled_at, facts=facts)

        new = await kept(keep(), partial(self._on_unkept, updates))
        # Not before: what no poll could keep, Telegram may have forgotten.
        self._polling.polled()
        self._last_poll_ms = to_ms(polled_at)
        if not self._begun.is_set():
            log.info("polling Telegram")
        if self._monotonic() - self._conflict_at >= _CALM:
            self._trouble.over("polling works again")
        self._unreadable_seen = 0
        self._connected = True
        self._begun.set()
        ids = [number for update in updates if (number := update_id_of(update)) is not None]
        polled_with, self._offset = self._offset, max(ids) + 1 if ids else None
        if new:
            self._on_new()
        if len(updates) < limit:
            self._caught_up.set()
        if not new or self._offset == polled_with:
            await self._sleep(max(0.0, started + MIN_POLL_SPACING - self._monotonic()))

    def _narrow_down(self, body: str) -> None:
        """One update that no parser takes spoils its whole batch, and would come again for ever.

        So the next polls fetch one update at a time, until the good ones before it are through. If then the
        same update is unreadable several times, its text becomes a dead letter under its id.
        """
        ids = set(_UPDATE_IDS.findall(body)) if self._singly and _A_RESULT.match(body) else set()
        self._singly = MAX_UPDATES
        if len(ids) != 1:
            self._unreadable_seen = 0
            return
        stand_in = unreadable(int(ids.pop()), body)
        self._unreadable_seen = self._unreadable_seen + 1 if stand_in == self._unreadable else 1
        self._unreadable = stand_in

    def _gap_before(self, poll_started_at: datetime) -> dict[str, int]:
        """The fact to remember if so much time passed without a poll that taps may have been forgotten."""
        gap = gap_before(poll_started_at, self._last_poll(), what="no poll")
        if gap:
            self._caught_up.clear()
        return gap

    def _last_poll(self) -> datetime | None:
        """The last one of this service, or of the one that polled before it."""
        own = None if self._last_poll_ms is None else from_ms(self._last_poll_ms)
        return max(filter(None, (own, self._polling.last_poll())), default=None)

    def _conflict_cure(self, reason: str) -> str:
        if "webhook" in reason.lower():
            return " (a webhook is set for this token: whoever set it gets the taps; deleteWebhook ends that)"
        self._conflict_at = self._monotonic()
        if self._polling.conflict():
            return " (another service polls with this token; MongoDB decides whose turn it is)"
        return (
            " (another program polls with this token: stop it, a bot has one poller; two services of this bot"
            " take turns only if both use one MongoDB, so the same MONGO_URL)"
        )
