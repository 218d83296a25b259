"""Answers to callback queries: at once, many in parallel, and never in the way of a write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bot.core.errors import TelegramError, TelegramRateLimited, TelegramRejected
from bot.flows.ports import BotApi
from bot.logs import describe_defect

log = logging.getLogger(__name__)

_PARALLEL = 64
_TRIES = 3
_FIRST_DELAY = 1.0
# A query that could not be answered within this time is not worth waiting for any more.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say to a tap.

    Attributes:
        alert: a box that has to be closed, for what must be read.
    """

    query_id: str
    text: str
    alert: bool = False


class Answerer:
    """Sends answers in the background.

    A failing answer is normal ("query is too old") and has no effect but a missing toast.
    """

    def __init__(self, api: BotApi) -> None:
        self._api = api
        self._queue: asyncio.Queue[tuple[Answer, Callable[[], None]]] = asyncio.Queue()

    def put(self, answer: Answer, done: Callable[[], None]) -> None:
        """Send an answer soon; `done` is called when it is sent or given up."""
        self._queue.put_nowait((answer, done))

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        return [self._work() for _ in range(_PARALLEL)]

    async def join(self) -> None:
        """Return when everything put so far is sent or given up."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            answer, done = await self._queue.get()
            try:
                await self._send(answer)
            except Exception as exc:  # noqa: BLE001  # one tap's defect must not end the others' answers
                log.error("an answer failed unexpectedly: %s", describe_defect(exc))
            # Not in a `finally`: an answer that is cancelled on its way is given after the restart.
            done()
            self._queue.task_done()

    async def _send(self, answer: Answer) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                for attempt in range(_TRIES):
                    try:
                        await self._api.answer(answer.query_id, answer.text, alert=answer.alert)
                        return
                    except TelegramRejected as exc:
                        log.debug("answer not taken: %s", exc)
                        return
                    except TelegramRateLimited as exc:
                        await asyncio.sleep(exc.retry_after)
                    except TelegramError as exc:
                        log.info("answer failed: %s", exc)
                        await asyncio.sleep(_FIRST_DELAY * 2**attempt)
        except TimeoutError:
            log.info("answer given up after %d s", _PATIENCE)
