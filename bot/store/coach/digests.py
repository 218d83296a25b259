"""Digests for the coach in the outbox: one document for each day."""

from __future__ import annotations

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from bot.core.coach.digest import RUN_ID, DueDigest
from bot.core.prompts.prompt import PromptKind, PromptState
from bot.core.telegram.chats import ChatTopic
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.mongodb.indexes import hold_keys_if_possible
from bot.store.prompts.prompts import COLLECTION, chat_forms


class DigestStore:
    """All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]

    async def put(self, due: DueDigest, to: ChatTopic, now: datetime) -> bool:
        """Have the coach told of a day, once; returns whether that is new."""
        key = {"runId": RUN_ID, "sessionId": due.session_id, "chatId": str(to.chat_id)}
        document = {
            "kind": PromptKind.DIGEST.value,
            "messageThreadId": to.thread_id,
            "state": PromptState.PENDING.value,
            "dueAt": due.due_at,
            "notAfter": due.not_after,
            "createdAt": now,
            "updatedAt": now,
        }
        await hold_keys_if_possible(self._prompts.database, COLLECTION)
        with storage_errors():
            try:
                result = await self._prompts.update_one(key, {"$setOnInsert": document}, upsert=True)
            except DuplicateKeyError:  # another service has just put it there
                return False
        return result.upserted_id is not None

    async def cancel_elsewhere(self, to: ChatTopic | None, now: datetime) -> None:
        """What was for another chat is not told there: it is not the coach's any more."""
        query: Document = {"kind": PromptKind.DIGEST.value, "state": PromptState.PENDING.value}
        if to is not None:
            here = chat_forms(to.chat_id)
            query |= {"chatId": {"$nin": here}, "movedFrom": {"$nin": here}}
        cancelled = {
            "state": PromptState.CANCELLED.value,
            "reason": "another chat is the coach's now",
            "updatedAt": now,
        }
        with storage_errors():
            await self._prompts.update_many(
                query, {"$set": cancelled, "$unset": {"claim": "", "attemptAt": ""}}
            )
