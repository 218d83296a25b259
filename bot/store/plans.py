"""`plan_snapshots` as the planner of prompts reads them: what can still matter, and when that changes. And
`plan_decisions`: whose each of them is, and which do not count (see `bot.core.plans.ownership`).

A decision is `{runId, digest, verdict, athleteId, decidedAt}`. Whoever decides first about what a plan says,
of several services, has decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import OperationFailure

from bot.core.changes.because import REASON_FIELDS
from bot.core.plans.ownership import CONTENT, Decision, Verdict
from bot.core.records.collections import PLAN_DECISIONS, PLAN_SNAPSHOTS
from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.mongodb.indexes import hold_keys

COLLECTION = PLAN_SNAPSHOTS.name

# Without what says nothing about prompts, and may be large: of the reasons those that are objects.
_FIELDS = dict.fromkeys(
    ("runId", "createdAt", *CONTENT, *(f"justification.{name}" for name in REASON_FIELDS)), True
)
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
        self.decisions = PlanDecisions(db)

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

    async def of_runs(self, run_ids: Collection[str]) -> list[Document]:
        """The plans of some runs."""
        with storage_errors():
            return await self._plans.find({"runId": {"$in": list(run_ids)}}, _FIELDS).to_list()

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


class PlanDecisions:
    """Raises `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._decisions = db[PLAN_DECISIONS.name]

    async def of(self, names: Iterable[str]) -> dict[str, Decision]:
        """Those about plans of these names."""
        with storage_errors():
            found = await self._decisions.find({"runId": {"$in": list(names)}}).to_list()
        decisions = map(_decision, found)
        return {decision.name: decision for decision in decisions if decision is not None}

    async def keep(self, decisions: Collection[Decision], now: datetime, *, anew: bool = False) -> None:
        """Keep decisions, unless the same plan is decided about already.

        Args:
            anew: take the place of what was decided before.
        """
        if decisions:
            await hold_keys(self._db, PLAN_DECISIONS.name)
            # A duplicate: another service has just decided.
            await write_all(self._decisions, [_kept(it, now, anew=anew) for it in decisions])


def _kept(decision: Decision, now: datetime, *, anew: bool) -> UpdateOne:
    fields = {
        "runId": decision.name,
        "digest": decision.digest,
        "verdict": decision.verdict.value,
        "athleteId": decision.athlete_id,
        "decidedAt": now,
    }
    stays = {"$and": [not anew, {"$eq": ["$digest", decision.digest]}]}
    decided = {"$mergeObjects": [{"_id": "$_id"}, {"$literal": fields}]}
    stage = {"$replaceWith": {"$cond": [stays, "$$ROOT", decided]}}
    return UpdateOne({"runId": decision.name}, [stage], upsert=True)


def _decision(document: Mapping[str, Any]) -> Decision | None:
    try:
        verdict = Verdict(str(document.get("verdict")))
    except ValueError:
        return None
    athlete_id = document.get("athleteId")
    whose = athlete_id if isinstance(athlete_id, str) else None
    return Decision(str(document.get("runId")), str(document.get("digest")), verdict, whose)
