"""Questions in `session_prompts` of which older messages are out of date, which `copiesAt` says.

It is set with what makes them so, in the same write: the question is asked again, or answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from pymongo import UpdateOne

from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.prompts.prompts import COLLECTION

StaleCopies: TypeAlias = tuple[object, object]
"""`_id` and `copiesAt` of a question."""

_BATCH = 200


class CopyStore:
    """All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]

    async def stale(self, but: Iterable[object] = ()) -> list[Document]:
        """Questions with older messages that are out of date, whole; those that are so for longest first.

        Args:
            but: the `_id`s of those that are left alone.
        """
        query: Document = {"copiesAt": {"$exists": True}}
        if left_alone := list(but):
            query["_id"] = {"$nin": left_alone}
        with storage_errors():
            return await self._prompts.find(query).sort("copiesAt", 1).limit(_BATCH).to_list()

    async def settle(self, shown: Iterable[StaleCopies]) -> None:
        """These messages say what is so; unless that has changed since."""
        await write_all(
            self._prompts,
            [
                UpdateOne({"_id": {"$eq": id_}, "copiesAt": {"$eq": since}}, {"$unset": {"copiesAt": ""}})
                for id_, since in shown
            ],
        )
