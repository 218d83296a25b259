"""`plan_snapshots` as the planner of prompts reads them: what can still matter, and when that changes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pymongo.errors import OperationFailure

from bot.core.records.collections import PLAN_SNAPSHOTS
from bot.store.mongodb.client import Database, Document, storage_errors

COLLECTION = PLAN_SNAPSHOTS.name

# What says nothing about prompts, and may be large.
_FIELDS = dict.fromkeys(("runId", "athleteId", "createdAt", "weekStart", "weekEnd", "activityPlan"), True)
# No days of this millennium. Each by itself, so that an index serves it.
_UNDATED: tuple[Any, ...] = (
    None,
    {"$lt": "2000"},
    *({"$type": type_} for type_ in ("number", "object", "bool", "date")),
)
_AWAIT = 2_000  # ms; the server answers after that when nothing changed
_NO_CHANGE_STREAMS = 40573


class PlanStore:
    """Raises `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._plans = db[COLLECTION]

    async def read(self, since: str, run_ids: Collection[str]) -> list[Document]:
        """Plans of weeks that begin on a day (`YYYY-MM-DD`) from `since` on, or nobody knows when; and some
        by their runs."""
        wanted: list[Document] = [
            {"weekStart": {"$gte": since}},
            *({"weekStart": odd} for odd in _UNDATED),
            {"runId": {"$in": list(run_ids)}},
        ]
        with storage_errors():
            return await self._plans.find({"$or": wanted}, _FIELDS).to_list()

    async def watch(self, changed: Callable[[], None]) -> bool:
        """Call `changed` whenever a plan is written, until that is not possible any more.

        It is called once when the watch begins, too: what was written before may have been missed.

        Returns:
            False, and soon, if this MongoDB has no change streams.
        """
        with storage_errors():
            try:
                async with await self._plans.watch(
                    [{"$project": {"operationType": True}}], max_await_time_ms=_AWAIT
                ) as stream:
                    changed()
                    while stream.alive:
                        if await stream.try_next() is not None:
                            changed()
            except OperationFailure as exc:
                if exc.code != _NO_CHANGE_STREAMS:
                    raise
                return False
        return True
