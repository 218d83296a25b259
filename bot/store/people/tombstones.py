"""The collection `tombstones`: when people had everything about them deleted.

`{_id: pseudonym, updateId, deletedAt, messageId}`, kept for good: nobody knows when the last journal, or a
backup, is read that holds something older. As long as something is to be deleted also `{userId, athleteId}`,
by which another service can go on.

Writers look here before they store something of a person, so that it does not come back; and after it, since
the deletion may have come in between. Whoever finds a tombstone then takes away what they have written. So
either the writer sees the tombstone, or the deletion sees what was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from bot.core.people.tombstone import DataSubject, Tombstone, pseudonym
from bot.core.records.collections import TOMBSTONES
from bot.core.records.models import FeedbackRecord, Record
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.mongodb.update_order import is_after

COLLECTION = TOMBSTONES.name


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
        read = {wanted[document["_id"]]: _read(document) for document in found}
        return {user_id: tombstone for user_id, tombstone in read.items() if tombstone is not None}

    async def put(self, person: DataSubject, at: UpdateStamp, message_id: int | None = None) -> None:
        """From now on what came before is refused, and something is to be deleted. A later one, or the same,
        stays as it is."""
        fields: Document = {
            "updateId": at.update_id,
            "deletedAt": at.at,
            "messageId": message_id,
            "userId": person.user_id,
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

    async def close(self, user_id: int, at: UpdateStamp) -> None:
        """Everything is deleted that came before."""
        known = {"_id": pseudonym(user_id), "updateId": at.update_id}
        with storage_errors():
            await self._tombstones.update_one(known, {"$unset": {"userId": "", "athleteId": ""}})

    async def open(self, before: datetime) -> list[tuple[DataSubject, UpdateStamp]]:
        """Deletions that were asked for before then and are not done: whoever did them was ended."""
        with storage_errors():
            found = await self._tombstones.find(
                {"userId": {"$gt": 0}, "deletedAt": {"$lt": before}}
            ).to_list()
        return [
            (DataSubject(int(document["userId"]), tombstone.athlete_id), tombstone.at)
            for document in found
            if (tombstone := _read(document)) is not None
        ]

    async def by_pseudonym(self) -> dict[str, Tombstone]:
        """All there are."""
        with storage_errors():
            found = await self._tombstones.find({}).to_list()
        return read_tombstones(found)

    async def take_back(self, documents: Sequence[Document]) -> None:
        """Put those of a backup beside what is there; of two about one person the later one stays."""
        known = await self.by_pseudonym()
        kept = read_tombstones(documents)
        for document in documents:
            pseudonym_ = document["_id"]
            mine, theirs = known.get(pseudonym_), kept.get(pseudonym_)
            if theirs is not None and (mine is None or theirs.at.is_after(mine.at)):
                with storage_errors():
                    await self._tombstones.replace_one({"_id": pseudonym_}, document, upsert=True)


async def forgotten(
    db: Database, records: Sequence[Record], now: datetime
) -> dict[int, tuple[int, Tombstone]]:
    """Which answers, by their places, were given before their athletes had everything deleted; and by whom.

    Args:
        now: when those were received that do not say it.
    """
    answers = {index: it for index, it in enumerate(records) if isinstance(it, FeedbackRecord)}
    stamps: dict[int, tuple[int, UpdateStamp]] = {}
    for index, answer in answers.items():
        user_id, at = _whose(answer), answer.receivedAt or now
        if user_id is not None:
            known = answer.updateId is not None
            stamps[index] = (
                user_id,
                UpdateStamp(answer.updateId or 0, at) if known else UpdateStamp.by_time(at),
            )
    tombstones = await TombstoneStore(db).of({user_id for user_id, _ in stamps.values()})
    return {
        index: (user_id, tombstones[user_id])
        for index, (user_id, stamp) in stamps.items()
        if user_id in tombstones and tombstones[user_id].covers(stamp)
    }


def _whose(answer: FeedbackRecord) -> int | None:
    """Who gave an answer; where that is not said, whose private chat it was given in."""
    if answer.userId not in (None, "", "anon"):
        return read_int64(answer.userId)
    chat = answer.chatId or ""
    return int(chat) if chat.isascii() and chat.isdigit() else None


def read_tombstones(documents: Iterable[Document]) -> dict[str, Tombstone]:
    """By pseudonym; what cannot be read is none."""
    read = {str(document["_id"]): _read(document) for document in documents}
    return {name: tombstone for name, tombstone in read.items() if tombstone is not None}


def _read(document: Document) -> Tombstone | None:
    at = UpdateStamp.read(document.get("updateId"), document.get("deletedAt"))
    athlete_id = document.get("athleteId")
    if at is None:
        return None
    return Tombstone(
        at,
        message_id=read_int64(document.get("messageId")),
        is_open=document.get("userId") is not None,
        athlete_id=athlete_id if isinstance(athlete_id, str) else None,
    )
