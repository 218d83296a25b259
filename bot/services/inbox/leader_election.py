"""Several services with one token: one of them polls and sends prompts, the others stand by."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from bot.core.health.vitals import TookOver
from bot.core.inbox.lease import (
    ASK_WITHIN,
    DEAF_AFTER,
    RENEW_EVERY,
    REST,
    TTL,
    LeaseKnowledge,
    LeaseVerdict,
    PollDecision,
)
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageError, StorageRejected, StorageUnavailable
from bot.logs import Recurring
from bot.services.periodic import FaultLog, repeat
from bot.store.inbox.leases import COLLECTION, Holder, Lease, LeaseStore
from bot.store.mongodb.client import within

log = logging.getLogger(__name__)

_GOODBYE = 1.0

_T = TypeVar("_T")


class SupersededError(Exception):
    """Another service polls from now on."""


class PollingRights(Protocol):
    """Whose turn it is to poll, as the poll loop sees it."""

    async def may_poll(self, patience: float) -> bool:
        """Whether it is our turn; waits up to `patience` seconds for it."""

    async def during(self, call: Coroutine[Any, Any, _T]) -> _T:
        """The result of a poll.

        Raises:
            SupersededError: another service has taken over meanwhile; the poll was given up.
        """

    def polled(self) -> None:
        """A poll has succeeded, and what it brought is kept."""

    def reached(self, *, succeeded: bool) -> None:
        """With a webhook: a call to Telegram has succeeded, or failed. Whoever sends must get through."""

    def conflict(self) -> bool:
        """Telegram says that somebody else polls. Returns whether that may be another service of this bot."""

    def last_poll(self) -> datetime | None:
        """The last poll of the service that polled before us, if it is known."""


class LeaderElection:
    """Implements `PollingRights` by a lease in MongoDB.

    Args:
        bot: whose lease.
        me: this run.
        monotonic: seconds; goes on while the process is stopped.
        has_journal: whether this one has what another one has received: they have one journal.
    """

    def __init__(
        self,
        leases: LeaseStore,
        bot: str,
        me: Holder,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        has_journal: bool = False,
    ) -> None:
        self._has_journal = has_journal
        self._leases = leases
        self._bot = bot
        self._me = me
        self._clock = clock
        self._monotonic = monotonic
        self._knowledge = LeaseKnowledge()
        self._lease: Lease | None = None
        self._asking = asyncio.Lock()
        self._changed = asyncio.Event()
        self._ask_soon = asyncio.Event()
        self._polled_at: float | None = None
        self._reached_at: float | None = None
        self._last_poll: datetime | None = None
        self._ours_since = 0.0
        self._rests_until = 0.0
        self._was_unreachable = False
        self._takes_over_from = 0.0
        self._takeovers: list[TookOver] = []
        self._trouble = Recurring(log)
        self._faults = FaultLog(
            log, waits="the lease waits", fails="the lease fails", expected=(), recurring=self._trouble
        )

    @property
    def stands_by(self) -> bool:
        """Whether another service polls, as far as is known."""
        return self._knowledge.verdict is LeaseVerdict.THEIRS

    @property
    def leads(self) -> bool:
        """Whether this is the service that polls and sends, until it is asked again: it holds the lease, or
        nobody can say who does."""
        return self._knowledge.turn(self._monotonic()) is PollDecision.POLL

    async def run(self) -> None:
        """Keep the lease, or try to get it, until cancelled."""
        await repeat(self._ask, RENEW_EVERY, self._faults, wake=self._ask_soon)

    def news(self) -> list[TookOver]:
        """What admins are to be told; each once."""
        takeovers, self._takeovers = self._takeovers, []
        return takeovers

    async def make_way(self) -> None:
        """Let another service poll at once; to be called when `run` has ended."""
        # Not worth waiting for: the lease ends by itself.
        with contextlib.suppress(StorageError), within(_GOODBYE):
            await self._leases.release(self._bot, self._me)

    async def may_poll(self, patience: float) -> bool:
        """See `PollingRights`."""
        until = self._monotonic() + patience
        while True:
            self._changed.clear()
            now = self._monotonic()
            match self._knowledge.turn(now):
                case PollDecision.POLL:
                    return True
                case PollDecision.ASK:
                    await self._ask()
                    continue
                case PollDecision.STAND_BY:
                    if now >= until:
                        return False
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), min(until - now, RENEW_EVERY))

    async def during(self, call: Coroutine[Any, Any, _T]) -> _T:
        """See `PollingRights`."""
        poll = asyncio.ensure_future(call)
        superseded = asyncio.ensure_future(self._superseded())
        try:
            await asyncio.wait({poll, superseded}, return_when=asyncio.FIRST_COMPLETED)
            if poll.done():
                return poll.result()
            raise SupersededError
        finally:
            for task in (poll, superseded):
                task.cancel()
            # What the poll has just brought was not confirmed, and so is not lost.
            await asyncio.gather(poll, superseded, return_exceptions=True)

    def polled(self) -> None:
        """See `PollingRights`."""
        self._polled_at = self._monotonic()

    def reached(self, *, succeeded: bool) -> None:
        """See `PollingRights`."""
        if succeeded or self._reached_at is None:
            self._reached_at = self._monotonic()

    def conflict(self) -> bool:
        """See `PollingRights`."""
        self._knowledge = self._knowledge.conflict(self._monotonic())
        self._ask_soon.set()
        peers = () if self._lease is None else self._lease.peers
        return self._knowledge.verdict is not LeaseVerdict.OURS or any(not peer.is_alive for peer in peers)

    def last_poll(self) -> datetime | None:
        """See `PollingRights`."""
        return self._last_poll

    async def _superseded(self) -> None:
        while not self.stands_by:
            self._changed.clear()
            await self._changed.wait()

    async def _ask(self) -> None:
        async with self._asking:
            now, before = self._monotonic(), self._knowledge
            if now < self._rests_until:
                self._knowledge = before.answered(now, is_ours=False)
            else:
                self._knowledge = await self._renew(now)
            if self._knowledge.verdict is not before.verdict:
                self._changed.set()

    async def _renew(self, now: float) -> LeaseKnowledge:
        polled_ago = None if self._polled_at is None else timedelta(seconds=now - self._polled_at)
        try:
            with within(ASK_WITHIN):
                lease = await self._leases.ask(
                    *(self._bot, self._me),
                    polled_ago=polled_ago,
                    may_resume=self._lease is None,
                    may_take_over=not self._was_unreachable and now >= self._takes_over_from,
                )
        except StorageUnavailable:
            self._was_unreachable = True
            # That nobody answers is known from now on, not from when it was asked: or polls would ask anew,
            # and wait, while MongoDB is away.
            return self._knowledge.unreachable(self._monotonic())
        except StorageRejected as exc:
            self._trouble.met(
                f"nobody knows whether another service polls with this token: {exc}; the user of MONGO_URL"
                f" needs to read and write the collection {COLLECTION}",
                logging.ERROR,
            )
            return self._knowledge.unreachable(now)
        self._trouble.over("the lease on polling is kept again")
        if self._was_unreachable:
            # Whoever polled meanwhile renews its lease first, and tells when it has polled.
            self._was_unreachable, self._takes_over_from = False, now + TTL.total_seconds()
        self._note(lease, now)
        if lease.is_ours and self._is_deaf(lease, now):
            log.warning(
                "nothing came from Telegram, or could be kept, for %.0f s: making way for another service",
                DEAF_AFTER,
            )
            await self.make_way()
            self._rests_until = now + REST
            return self._knowledge.answered(now, is_ours=False)
        return self._knowledge.answered(now, is_ours=lease.is_ours)

    def _note(self, lease: Lease, now: float) -> None:
        last, verdict = self._lease, self._knowledge.verdict
        if self._me.is_pushed:  # nobody waits for the lease to take updates; it tells who sends
            if lease.is_ours and verdict is not LeaseVerdict.OURS:
                self._ours_since = now
        elif not lease.is_ours:
            if verdict is not LeaseVerdict.THEIRS or last is None or lease.term != last.term:
                log.info("standing by: %s polls", lease.host)
                if lease.service == self._me.service:
                    log.error(
                        "%s polls under the name of this service, since its DATA_DIR is a copy of this one:"
                        " stop one of the two, and start it with a DATA_DIR of its own",
                        lease.host,
                    )
        elif verdict is not LeaseVerdict.OURS:
            self._ours_since = now
            if verdict is LeaseVerdict.THEIRS and last is not None:
                self._take_over_from(last, lease)
        if lease.polled_ago is not None:
            self._last_poll = self._clock() - lease.polled_ago
        self._lease = lease

    def _take_over_from(self, last: Lease, lease: Lease) -> None:
        # Whoever makes way is not listed any more.
        lost = any(peer.service == last.service and not peer.is_alive for peer in lease.peers)
        if lost:
            log.warning("taking over: nothing has been heard of %s, which polled", last.host)
            self._takeovers.append(TookOver(last.host, lease.host, self._has_journal))
        else:
            log.info("taking over: %s has made way", last.host)

    def _is_deaf(self, lease: Lease, now: float) -> bool:
        """Whether others may get through to Telegram, where we do not."""
        reached_at = self._reached_at if self._me.is_pushed else self._polled_at
        if self._me.is_pushed and reached_at is None:
            return False
        others = any(peer.is_alive and peer.service != self._me.service for peer in lease.peers)
        heard_at = max(self._ours_since, self._ours_since if reached_at is None else reached_at)
        return others and now - heard_at >= DEAF_AFTER
