"""Telegram -> journal, pushed: the webhook. The counterpart of `bot.services.inbox.poller`, which polls.

An update is acknowledged only when it is on disk. Those that come at once are committed together.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from bot.core.inbox.webhook import WebhookInfo, WebhookSettings, read_state
from bot.core.shared.backoff import Backoff
from bot.core.shared.clock import Clock, from_ms, to_ms
from bot.core.shared.errors import (
    JournalError,
    TelegramError,
    TelegramRateLimited,
    TelegramUnauthorized,
)
from bot.core.shared.formatting import count
from bot.logs import Recurring
from bot.services.inbox.keeping import kept
from bot.services.inbox.leader_election import PollingRights
from bot.services.inbox.outage import gap_before
from bot.services.inbox.token_check import TokenCheck
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.api import WebhookApi
from bot.store.inbox.journal import LAST_POLL_FACT, Journal

log = logging.getLogger(__name__)

_LOOK_EVERY = 10.0
_CATCH_UP_EVERY = 1.0
_BACKOFF = Backoff(5.0, 5.0, jitter=0.8)


@dataclass(slots=True, eq=False)
class _Pushed:
    update: object
    is_durable: bool = False
    failure: JournalError | None = None


class WebhookReceiver:
    """Takes what Telegram pushes, and keeps it pushing.

    Args:
        token: a number that stands for the bot's token, as for the poller.
        polling: how the bot's other services are.
        on_new: called after each commit.
        on_unkept: called with what the journal does not take; it is not acknowledged.
        on_turn: called at least every ten seconds as long as the loop turns.
    """

    def __init__(
        self,
        api: WebhookApi,
        hook: WebhookSettings,
        journal: Journal,
        token: int,
        clock: Clock,
        on_new: Callable[[], None],
        *,
        polling: PollingRights,
        on_unkept: Callable[[Sequence[object]], None] = lambda _: None,
        on_turn: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._hook = hook
        self._journal = journal
        self._token_check = TokenCheck(token)
        self._clock = clock
        self._on_new = on_new
        self._polling = polling
        self._on_unkept = on_unkept
        self._on_turn = on_turn
        self._sleep = sleep
        self._uncommitted: list[_Pushed] = []
        self._commit = asyncio.Lock()
        self._is_set = False
        self._begun = asyncio.Event()
        self._has_recalled = False
        self._last: WebhookInfo | None = None
        self._last_well: WebhookInfo | None = None
        self._reached_at: datetime | None = None
        self._arrived_at: datetime | None = None
        self._trouble = Recurring(log)
        self._faults = FaultLog(
            log,
            waits="the webhook cannot be looked after",
            fails="looking after the webhook fails",
            expected=(TelegramError, JournalError),
            defect_level=logging.WARNING,
            recurring=self._trouble,
        )

    async def take(self, update: object) -> None:
        """Keep an update; when this returns, it is on disk.

        Telegram sends again what was not acknowledged, so the same update may come twice: that changes
        nothing in what is stored.

        Raises:
            JournalError: it is not kept.
        """
        pushed = _Pushed(update)
        self._arrived_at = self._clock()
        self._uncommitted.append(pushed)
        async with self._commit:
            # Whoever comes in here first has kept what came meanwhile, too.
            if not pushed.is_durable and pushed.failure is None:
                batch, self._uncommitted = self._uncommitted, []
                await asyncio.shield(self._keep(batch))
        if pushed.failure is not None:
            raise pushed.failure

    async def _keep(self, batch: list[_Pushed]) -> None:
        updates = [pushed.update for pushed in batch]
        keeping = self._journal.receive(updates, received_at=self._clock())
        try:
            await kept(keeping, partial(self._on_unkept, updates))
        except JournalError as exc:
            for pushed in batch:
                pushed.failure = exc
            return
        for pushed in batch:
            pushed.is_durable = True
        self._on_new()

    async def begun(self) -> None:
        """Return when the webhook is set, and Telegram gets through as far as it knows."""
        await self._begun.wait()

    async def caught_up(self) -> None:
        """Return when Telegram has nothing more in store than what is in the journal."""

        async def look() -> float | None:
            return (
                _CATCH_UP_EVERY if (await self._api.webhook_info()).get("pending_update_count") else math.inf
            )

        faults = FaultLog(
            log,
            waits="nobody knows yet whether updates wait",
            fails="asking whether updates wait fails",
            expected=(TelegramError,),
            level=logging.DEBUG,
        )
        await repeat(look, _CATCH_UP_EVERY, faults, sleep=self._sleep)

    async def run(self) -> None:
        """Keep the webhook set until cancelled; it stays set then, since other services may use it.

        Raises:
            ConfigError: Telegram refuses a token that it never took from here.
        """
        await self._polling.may_poll(0.0)  # so that it is known when another service was last reached
        await repeat(self._turn, _LOOK_EVERY, self._faults, backoff=_BACKOFF, sleep=self._wait)

    async def _turn(self) -> None:
        self._on_turn()
        await self._recall()
        try:
            await self._look()
        except TelegramError as exc:
            self._polling.reached(succeeded=isinstance(exc, TelegramRateLimited))
            if isinstance(exc, TelegramUnauthorized):
                self._token_check.refused(exc)
            raise

    async def _recall(self) -> None:
        """What the journal knows of earlier runs."""
        if self._has_recalled:
            return
        facts = await self._journal.facts()
        self._token_check.recall(facts)
        if (last := facts.get(LAST_POLL_FACT)) is not None:
            self._reached_at = from_ms(last)
            # Whatever a poll has brought before, none will confirm it any more.
            await self._journal.append([], polled_at=self._reached_at)
        self._has_recalled = True

    async def _wait(self, seconds: float) -> None:
        """However long Telegram asks to wait, the loop turns."""
        await self._sleep(min(seconds, _LOOK_EVERY))

    async def _look(self) -> None:
        """Set the webhook if it is not set, and remember that Telegram gets through."""
        if not self._is_set:
            await self._set()
        now, last = self._clock(), self._last
        self._last = state = read_state(await self._api.webhook_info(), self._hook.url)
        self._polling.reached(succeeded=True)
        known = self._token_check.taken()
        if not state.is_set:
            self._is_set = False
            self._trouble.met(
                "somebody has changed the webhook of this token: it is set again", logging.ERROR
            )
            await self._set()
        elif state.is_in_trouble(last, self._last_well, has_arrived=self._has_arrived(state)):
            self._trouble.met(_explain(state))
            return
        self._last_well = state
        self._trouble.over("the webhook works again")
        gap = gap_before(now, self._reached_at, self._polling.last_poll(), what="not reached")
        await self._journal.remember({LAST_POLL_FACT: to_ms(now), **known, **gap})
        self._reached_at = now
        self._begun.set()
        self._polling.polled()

    def _has_arrived(self, state: WebhookInfo) -> bool:
        """Whether an update has come since the last failure, here or at another service."""
        if state.failed_at is None:
            return False
        failed_at = from_ms(state.failed_at * 1000)
        arrivals = (self._arrived_at, self._polling.last_poll())
        return any(at is not None and at >= failed_at for at in arrivals)

    async def _set(self) -> None:
        await self._api.set_webhook(self._hook.url, self._hook.secret)
        self._is_set = True
        log.info("Telegram sends updates to %s", self._hook.url)


def _explain(state: WebhookInfo) -> str:
    waiting = f"with {count(state.pending, 'update')} to send" if state.pending else "nothing has come since"
    return (
        f"Telegram does not get through to the webhook, {waiting}: {state.failure}"
        " (check the proxy in front of this service, its certificate, and that it passes the path on; to try"
        " it, send the bot /start)"
    )
