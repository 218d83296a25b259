"""Answers to callback queries: at once, many in parallel, and never in the way of a write."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import TelegramError, TelegramRateLimited, TelegramRejected
from bot.logs import describe_defect
from bot.services.telegram.api import BotApi

log = logging.getLogger(__name__)

_PARALLEL = 64
_BACKOFF = Backoff(1.0, 4.0)
_PATIENCE = 30.0
"""Seconds for which an answer is tried again: nobody looks at the button for longer. Each is tried once."""


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What to say to a tap.

    Attributes:
        alert: a box that has to be closed, for what must be read.
    """

    query_id: str
    text: str
    alert: bool = False


class CallbackAnswerer:
    """Sends answers in the background.

    A failing answer is normal ("query is too old") and has no effect but a missing toast.

    Args:
        sleep, monotonic: waiting and its measure, in seconds; passed in by tests.
    """

    def __init__(
        self,
        api: BotApi,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._sleep = sleep
        self._monotonic = monotonic
        self._queue: asyncio.Queue[tuple[CallbackAnswer, float, Callable[[], None]]] = asyncio.Queue()

    def put(self, answer: CallbackAnswer, done: Callable[[], None]) -> None:
        """Send an answer soon; `done` is called when it is sent or given up."""
        self._queue.put_nowait((answer, self._monotonic() + _PATIENCE, done))

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        return [self._work() for _ in range(_PARALLEL)]

    async def join(self) -> None:
        """Return when everything put so far is sent or given up."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            answer, until, done = await self._queue.get()
            try:
                await self._send(answer, until)
            except Exception as exc:  # noqa: BLE001  # one tap's defect must not end the others' answers
                log.error("an answer failed unexpectedly: %s", describe_defect(exc))
            # Not in a `finally`: an answer that is cancelled on its way is given after the restart.
            done()
            self._queue.task_done()

    async def _send(self, answer: CallbackAnswer, until: float) -> None:
        for failures in itertools.count(1):
            try:
                await self._api.answer(answer.query_id, answer.text, alert=answer.alert)
                return
            except TelegramRejected as exc:
                log.debug("answer not taken: %s", exc)
                return
            except TelegramError as exc:
                log.info("an answer failed: %s", exc)
                wait = exc.retry_after if isinstance(exc, TelegramRateLimited) else _BACKOFF.delay(failures)
            if self._monotonic() + wait > until:
                log.info("an answer is given up")
                return
            await self._sleep(wait)
