"""How athletes call themselves in Telegram, as far as their answers say."""

from __future__ import annotations

from collections.abc import Collection

from bot.core.records.collections import FEEDBACK_EVENTS
from bot.store.mongodb.client import Database, Document, storage_errors


class UsernameStore:
    """Reads of `feedback_events`."""

    def __init__(self, db: Database) -> None:
        self._events = db[FEEDBACK_EVENTS.name]

    async def of(self, user_ids: Collection[int]) -> dict[int, str]:
        """The user names that came with people's last answers; those without any are left out.

        Raises:
            StorageError: as `storage_errors`.
        """
        if not user_ids:
            return {}
        # Without a sort of all that everybody has ever answered.
        last = {"$top": {"sortBy": {"receivedAt": -1}, "output": "$username"}}
        pipeline: list[Document] = [
            {"$match": {"userId": {"$in": list(user_ids)}, "username": {"$type": "string"}}},
            {"$group": {"_id": "$userId", "last": last}},
        ]
        with storage_errors():
            found = await (await self._events.aggregate(pipeline)).to_list()
        return {int(it["_id"]): it["last"] for it in found if it["last"]}
