"""The mornings' questions how pain is by now, in the outbox `session_prompts`: one an athlete and day."""

from __future__ import annotations

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from bot.core.pain.follow_up import DueCheck
from bot.core.prompts.prompt import PromptKind, PromptState
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.mongodb.indexes import hold_keys_if_possible
from bot.store.prompts.prompts import COLLECTION

RUN_ID = "pain-check"
"""The run under which they stand there."""


class PainCheckStore:
    """Writes of `session_prompts`. Raises `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._prompts = db[COLLECTION]

    async def put(self, athlete_id: str, user_id: int, due: DueCheck, now: datetime) -> bool:
        """Have an athlete asked, in their private chat; returns whether that is new."""
        # Without `date`, which is for what stands in plans. No question has such a name: theirs have no bar.
        key = {"runId": RUN_ID, "sessionId": f"{athlete_id}|{due.day}", "chatId": str(user_id)}
        document: Document = {
            "kind": PromptKind.PAIN.value,
            "athleteId": athlete_id,
            "userId": user_id,
            "state": PromptState.PENDING.value,
            "dueAt": due.due_at,
            "notAfter": due.not_after,
            "version": 0,
            "createdAt": now,
            "updatedAt": now,
        }
        await hold_keys_if_possible(self._db, COLLECTION)
        with storage_errors():
            try:
                result = await self._prompts.update_one(key, {"$setOnInsert": document}, upsert=True)
            except DuplicateKeyError:  # another service has just put it there
                return False
        return result.upserted_id is not None
