"""Prompts that come from plans, in `session_prompts`: read and changed by slot.

A document of a plan holds its `slot` (see `bot.core.prompts.planned`) from its insert on, unless it is
replaced before it was sent; the index on it is unique.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from pymongo import DeleteOne, InsertOne, UpdateOne

from bot.core.prompts.planned import OutboxAction, OutboxChange
from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.mongodb.indexes import hold_keys
from bot.store.prompts.prompts import COLLECTION, unclaimed

_BATCH = 500

_Request = UpdateOne | InsertOne[Document] | DeleteOne


class PlannedPromptStore:
    """Raises `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._prompts = db[COLLECTION]

    async def held(self, since: str, run_ids: Collection[str]) -> list[Document]:
        """Prompts for a day (`YYYY-MM-DD`) from `since` on, and all of some runs."""
        wanted: list[Document] = [{"date": {"$gte": since}}, {"runId": {"$in": list(run_ids)}}]
        with storage_errors():
            return await self._prompts.find({"$or": wanted}, {"messages": False}).to_list()

    async def apply(self, writes: Iterable[OutboxChange], now: datetime) -> None:
        """Carry out what was decided, each write as long as its document is still as it was read.

        Who comes second, of two services, changes nothing. Killed on the way, the rest is decided anew.
        """
        writes = list(writes)
        if any(write.document is None for write in writes):
            # Without them two services could ask twice.
            await hold_keys(self._db, COLLECTION)
        first: list[_Request] = []
        then: list[_Request] = []
        for write in writes:
            # A slot must be free before somebody else can have it.
            (then if "slot" in write.fields else first).append(_request(write, now))
        for requests in (first, then):
            for start in range(0, len(requests), _BATCH):
                await self._send(requests[start : start + _BATCH])

    async def _send(self, requests: Sequence[_Request]) -> None:
        await write_all(self._prompts, requests)  # a duplicate: another service has just written it


def _request(write: OutboxChange, now: datetime) -> _Request:
    fields, removed = write.update(now)
    if write.document is None:
        return InsertOne(fields)
    if write.action is OutboxAction.DELETE:
        return DeleteOne({"_id": write.document["_id"]})
    as_read = {name: write.document.get(name) for name in ("_id", "state", "slot")}
    unsent: Document = {"sentAt": None, "unknowns": {"$in": [None, 0]}}
    update = {"$set": fields, "$unset": dict.fromkeys(removed, "")}
    return UpdateOne(as_read | unsent | unclaimed(now), update)
