"""Questions that did not arrive come when their chat opens: somebody writes there, or lets the bot in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeAlias

from bot.core.shared.backoff import Backoff
from bot.core.shared.formatting import count
from bot.logs import describe_defect
from bot.services.periodic import FaultLog, retry
from bot.store.prompts.undelivered import UndeliveredStore

log = logging.getLogger(__name__)

_BACKOFF = Backoff(0.25, 2.0)
_REMEMBERED = 1_000

_Heard: TypeAlias = tuple[int, datetime, Callable[[], None]]


class ChatOpenings:
    """Lets what waits for chats go on its way, apart from replies, which need not wait for MongoDB.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(self, undelivered: UndeliveredStore, late_after_days: int) -> None:
        self._undelivered = undelivered
        self._late_after_days = late_after_days
        self._queue: asyncio.Queue[_Heard] = asyncio.Queue()
        self._last: dict[int, datetime] = {}
        self.refusals = 0
        """So many prompts were refused since the start."""
        self._faults = FaultLog(
            log,
            waits="questions that did not arrive wait",
            fails="queueing what did not arrive fails",
            again="questions that did not arrive are queued again",
        )

    def put(self, chat_id: int, at: datetime, done: Callable[[], None] = lambda: None) -> None:
        """A chat was heard of, or took a message; `done` is called once that is durable."""
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[chat_id] = at
        self._queue.put_nowait((chat_id, at, done))

    def refused(self, chat_id: int, began: datetime, refused_at: datetime) -> None:
        """A prompt was refused; if the chat has been heard of since that began, it may be open by now."""
        self.refusals += 1
        if (at := self._last.get(chat_id)) is not None and at >= began:
            self.put(chat_id, max(at, refused_at))

    async def drained(self) -> None:
        """Return when all of it is durable."""
        await self._queue.join()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            heard = [await self._queue.get()]
            while not self._queue.empty():
                heard.append(self._queue.get_nowait())
            chats: dict[int, datetime] = {}
            for chat_id, at, _ in heard:
                chats[chat_id] = max(at, chats.get(chat_id, at))
            try:
                open_ = partial(self._undelivered.open_chats, chats, self._late_after_days)
                if number := await retry(open_, _BACKOFF, self._faults):
                    log.info("%s that did not arrive before: due again", count(number, "question"))
            except Exception as exc:  # noqa: BLE001  # a defect must not keep the journal from forgetting
                log.error("queueing what did not arrive failed unexpectedly: %s", describe_defect(exc))
            for _, _, done in heard:
                done()
                self._queue.task_done()
