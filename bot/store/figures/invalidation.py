"""Changes of what was received some time ago are recorded here, so that kept figures are not used any longer.

`figure_touches`: `{_id, n, at}`; `_id` is an hour or a day in UTC, see
`bot.core.figures.periods.invalidation_key`, and `n` grows with each change. Figures remember the `n` and the
`at` under which they were counted. What was received just now, which is nearly everything, needs no record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import UpdateOne

from bot.core.figures.periods import Period, invalidated, invalidation_keys
from bot.core.records.collections import FIGURE_TOUCHES
from bot.core.shared.clock import Clock
from bot.core.shared.tolerant import read_int64
from bot.store.mongodb.client import Database, Document, storage_errors, write_all

COLLECTION = FIGURE_TOUCHES.name

_UNSETTLED = timedelta(minutes=1)
"""After a record nothing is kept for so long: its write is done by then, or will never be. So a writer that
is killed between its write and the second record does no harm."""


@dataclass(frozen=True, slots=True)
class InvalidationMarks:
    """The records at one moment.

    Attributes:
        marks: begin, end, number of changes, when the last one was, and whether that was just now.
    """

    marks: tuple[tuple[datetime, datetime, int, datetime, bool], ...] = ()

    def mark(self, period: Period) -> tuple[int, datetime | None]:
        """How often something in a period was changed, and when the last time; another one after each change.

        The number alone would not do: it starts anew when a record has expired.
        """
        inside = [(n, at) for start, end, n, at, _ in self.marks if start < period.end and period.start < end]
        return sum(n for n, _ in inside), max((at for _, at in inside), default=None)

    def is_unsettled(self, period: Period) -> bool:
        """Whether something in a period may just be changing."""
        return any(
            young and start < period.end and period.start < end for start, end, _, _, young in self.marks
        )


class FigureInvalidation:
    """Writes and reads of `figure_touches`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._touches = db[COLLECTION]
        self._clock = clock

    @asynccontextmanager
    async def around(self, instants: Iterable[datetime]) -> AsyncIterator[None]:
        """Inside, documents may appear, change or vanish that were, or will be, received at `instants`."""
        keys = invalidation_keys(instants, self._clock())
        await self.invalidate(keys)
        try:
            yield
        finally:
            # Also after a failure, since some of it may be written.
            await self.invalidate(keys)

    async def invalidate(self, keys: Iterable[str]) -> None:
        """Record that something changes under these keys: to be called before the change, and after it."""
        # Not `$inc`: whatever somebody has left there, it must not hold up everybody's taps.
        n = {"$add": [{"$cond": [{"$in": [{"$type": "$n"}, ["int", "long"]]}, "$n", 0]}, 1]}
        update: list[Document] = [{"$set": {"n": n, "at": "$$NOW"}}]
        requests = [UpdateOne({"_id": key}, update, upsert=True) for key in sorted(keys)]
        while requests:
            # Two first changes at once: the second try finds the document.
            requests = [requests[place] for place in await write_all(self._touches, requests)]

    def keys(self, instants: Iterable[datetime]) -> set[str]:
        """For `invalidate`: those of what was received at these instants."""
        return invalidation_keys(instants, self._clock())

    async def read(self) -> InvalidationMarks:
        """All records, which are few: they expire, later than every figure that could depend on them."""
        age = {"$cond": [{"$eq": [{"$type": "$at"}, "date"]}, {"$subtract": ["$$NOW", "$at"]}, None]}
        is_young = {"$lt": [age, _UNSETTLED.total_seconds() * 1000]}
        with storage_errors():
            found = self._touches.find({}, {"n": True, "at": True, "young": is_young})
            marks = [mark async for document in found if (mark := _read(document)) is not None]
        return InvalidationMarks(tuple(marks))


def _read(document: Document) -> tuple[datetime, datetime, int, datetime, bool] | None:
    """A mark; None if it is none of ours."""
    n, at = read_int64(document.get("n")), document.get("at")
    if n is None or not isinstance(at, datetime):
        return None
    try:
        return (*invalidated(document["_id"]), n, at, bool(document["young"]))
    except (TypeError, ValueError, OverflowError):
        return None
