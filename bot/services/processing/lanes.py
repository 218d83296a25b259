"""Two lanes for the journal's entries: what strangers send never stands in line before an athlete's tap."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from contextlib import suppress
from enum import Enum, auto


class Lane(Enum):
    """Who sent what is processed here, one after the other."""

    KNOWN = auto()
    STRANGERS = auto()


class Lanes:
    """Tells each lane when there is something to do, and everybody when there is nothing in either."""

    def __init__(self) -> None:
        self._work = {lane: asyncio.Event() for lane in Lane}
        self._resting: set[Lane] = set()
        self._strangers: deque[int] = deque()  # positions in the journal
        self._idle = asyncio.Event()

    def wake(self) -> None:
        """The journal has something new."""
        self._idle.clear()
        self._work[Lane.KNOWN].set()

    def is_idle(self) -> bool:
        """Whether nothing is left to do."""
        return self._idle.is_set()

    async def idle(self) -> None:
        """Return when nothing is left to do."""
        await self._idle.wait()

    def begin_look(self, lane: Lane) -> None:
        """The lane is about to look for work: what comes from now on wakes it again."""
        self._work[lane].clear()

    async def rest(self, lane: Lane) -> None:
        """The lane has found nothing; return when something has come since `begin_look`."""
        if self._work[lane].is_set():
            return
        self._resting.add(lane)
        if len(self._resting) == len(Lane) and not self._strangers and not self._has_work():
            self._idle.set()
        await self._work[lane].wait()
        self._resting.discard(lane)

    async def doze(self, lane: Lane, seconds: float) -> None:
        """The lane holds something back; return after a while, or when something has come."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._work[lane].wait(), seconds)

    def _has_work(self) -> bool:
        return any(event.is_set() for event in self._work.values())

    def put_aside(self, position: int) -> None:
        """A stranger's entry is for the other lane."""
        self._strangers.append(position)
        self._work[Lane.STRANGERS].set()

    def strangers(self, most: int) -> list[int]:
        """The positions of the next entries of strangers, which stay there until `taken`."""
        return list(itertools.islice(self._strangers, most))

    def taken(self, number: int) -> None:
        """So many of them are read."""
        for _ in range(number):
            self._strangers.popleft()
