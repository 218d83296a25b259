"""The collection `tombstones`: when people had everything about them deleted.

`{_id: pseudonym, updateId, deletedAt, hasLeft}`, kept for good: nobody knows when the last journal, or a
backup, is read that holds something older. As long as something is to be deleted also `{userId, athleteId}`,
by which another service can go on.

Writers look here before they store something of a person, so that it does not come back; and after it, since
the deletion may have come in between. Whoever finds a tombstone then takes away what they have written. So
either the writer sees the tombstone, or the deletion sees what was written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from bot.core.order import Stamp
from bot.core.records import FeedbackRecord, Record
from bot.core.tombstones import Person, Tombstone, pseudonym
from bot.core.values import read_int64
from bot.store.connection import Database, Document, storage_errors
from bot.store.order import is_after

COLLECTION = "tombstones"


class TombstoneStore:
    """Writes and reads of `tombstones`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._tombstones = db[COLLECTION]

    async def of(self, user_ids: Collection[int | None]) -> dict[int, Tombstone]:
        """Those of some people."""
        wanted = {pseudonym(user_id): user_id for user_id in user_ids if user_id is not None}
        if not wanted:
            return {}
        with storage_errors():
            found = await self._tombstones.find({"_id": {"$in": list(wanted)}}).to_list()
        return {wanted[document["_id"]]: _read(document) for document in found}

    async def put(self, person: Person, at: Stamp) -> None:
        """From now on what came before is refused, and something is to be deleted. A later one, or the same,
        stays as it is."""
        fields: Document = {
            "updateId": at.update_id,
            "deletedAt": at.at,
            "userId": person.user_id,
            "hasLeft": False,
            **({} if person.athlete_id is None else {"athleteId": {"$literal": person.athlete_id}}),
        }
        is_known = {"$not": [is_after(at.update_id, at.at, "$updateId", "$deletedAt")]}
        stays = {"$and": [{"$isNumber": "$updateId"}, is_known]}
        update = [
            {"$set": {name: {"$cond": [stays, f"${name}", value]} for name, value in fields.items()}},
        ]
        with storage_errors():
            for _ in range(2):
                try:
                    await self._tombstones.update_one({"_id": pseudonym(person.user_id)}, update, upsert=True)
                    return
                except DuplicateKeyError:  # another service has just put it there
                    continue

    async def left(self, user_id: int, at: Stamp) -> None:
        """They have left the roster."""
        known = {"_id": pseudonym(user_id), "updateId": at.update_id}
        with storage_errors():
            await self._tombstones.update_one(known, {"$set": {"hasLeft": True}})

    async def close(self, user_id: int, at: Stamp) -> None:
        """Everything is deleted that came before."""
        known = {"_id": pseudonym(user_id), "updateId": at.update_id}
        with storage_errors():
            await self._tombstones.update_one(known, {"$unset": {"userId": "", "athleteId": ""}})

    async def open(self, before: datetime) -> list[tuple[Person, Stamp]]:
        """Deletions that were asked for before then and are not done: whoever did them was ended."""
        with storage_errors():
            found = await self._tombstones.find(
                {"userId": {"$gt": 0}, "deletedAt": {"$lt": before}}
            ).to_list()
        return [
            (Person(int(document["userId"]), tombstone.athlete_id), tombstone.at)
            for document in found
            if (tombstone := _read(document)).has_left
        ]


async def forgotten(db: Database, records: Sequence[Record], now: datetime) -> set[int]:
    """The places of those answers that were given before their athletes had everything deleted.

    Args:
        now: when those were received that do not say it.
    """
    answers = {index: it for index, it in enumerate(records) if isinstance(it, FeedbackRecord)}
    stamps: dict[int, tuple[int, Stamp]] = {}
    for index, answer in answers.items():
        user_id, at = read_int64(answer.userId), answer.receivedAt or now
        if user_id is not None:
            known = answer.updateId is not None
            stamps[index] = user_id, Stamp(answer.updateId or 0, at) if known else Stamp.by_time(at)
    tombstones = await TombstoneStore(db).of({user_id for user_id, _ in stamps.values()})
    return {
        index
        for index, (user_id, stamp) in stamps.items()
        if user_id in tombstones and tombstones[user_id].covers(stamp)
    }


def _read(document: Document) -> Tombstone:
    at = Stamp(document["updateId"], document["deletedAt"])
    athlete_id = document.get("athleteId")
    return Tombstone(
        at,
        has_left=document.get("hasLeft") is True,
        is_open=document.get("userId") is not None,
        athlete_id=athlete_id if isinstance(athlete_id, str) else None,
    )
