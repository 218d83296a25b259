"""Changes to messages, one after the other within Telegram's limits. Best effort: nothing is kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.core.shared.errors import TelegramError, TelegramRateLimited, TelegramRejected
from bot.core.telegram.rate_limits import SendLimits
from bot.logs import describe_defect
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.sending import rate_limited

log = logging.getLogger(__name__)

_RECHECK = 0.25

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_T]):
    change: _T
    done: Callable[[bool], None]


class MessageQueue(Generic[_T]):
    """Changes to messages; of several to one message only the last is made.

    Args:
        perform: makes a change to the message of this chat and id. It may raise `TelegramError`.
        what: for the log, such as "showing an answer".
        at_most: so many may wait; the oldest goes beyond.
        limits: shared with everything that sends.
        monotonic: the clock of `limits`.
    """

    def __init__(
        self,
        perform: Callable[[int, int, _T], Awaitable[object]],
        what: str,
        at_most: int,
        limits: SendLimits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._perform = perform
        self._what = what
        self._at_most = at_most
        self._limits = limits
        self._monotonic = monotonic
        self._waiting: dict[tuple[int, int], _Waiting[_T]] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._faults = FaultLog(log, waits="", fails=f"{what} fails", expected=())

    def put(
        self, chat_id: int, message_id: int, change: _T, done: Callable[[bool], None] = lambda _: None
    ) -> None:
        """Make a change soon.

        Args:
            done: called once with whether nothing is left to do: it is made, Telegram refuses it, or a later
                change comes in its place.
        """
        key = (chat_id, message_id)
        # Behind the others, so that one busy message cannot starve them.
        if (replaced := self._waiting.pop(key, None)) is not None:
            replaced.done(True)  # noqa: FBT003
        if len(self._waiting) >= self._at_most:
            self._waiting.pop(next(iter(self._waiting))).done(False)  # noqa: FBT003
        self._waiting[key] = _Waiting(change, done)
        self._empty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Make the changes, until cancelled."""
        await repeat(self._make_next, 0.0, self._faults)

    async def drain(self) -> None:
        """Return when nothing is waiting any more."""
        await self._empty.wait()

    async def _make_next(self) -> float | None:
        """Make the first change whose chat may be written to now; without one, returns how long to wait."""
        if not self._waiting:
            self._wake.clear()
            self._empty.set()
            await self._wake.wait()
        blocked = self._limits.waiting(self._monotonic())
        key = next((key for key in self._waiting if key[0] not in blocked), None)
        if key is None:
            return _RECHECK
        waiting, is_done = self._waiting[key], True
        try:
            async with rate_limited(self._limits, key[0], self._monotonic):
                waiting = self._waiting.pop(key)
                await self._perform(*key, waiting.change)
        except TelegramRateLimited as exc:
            self._limits.hold(key[0], self._monotonic() + exc.retry_after)
            if self._waiting.setdefault(key, waiting) is waiting:
                return None
        except TelegramError as exc:
            is_done = isinstance(exc, TelegramRejected)
            log.info("%s did not succeed: %s", self._what, exc)
        except Exception as exc:  # noqa: BLE001  # one message's defect must not end the others' changes
            log.error("%s failed unexpectedly: %s", self._what, describe_defect(exc))
        waiting.done(is_done)
        return None
