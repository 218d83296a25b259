"""What becomes of prompts that nobody answers: asked again, and expired in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from bot.core.prompts.prompt import NOT_IN_TIME, AskAgainReason, PromptState
from bot.store.answers import feedback_events as feedback
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.prompts.prompts import COLLECTION, IS_QUESTION, unclaimed

_BATCH = 500


class PromptExpiryStore:
    """Transitions of `session_prompts` that come with time.

    Each is one step in MongoDB, so that two services do it once. All methods raise `StorageUnavailable`,
    `StorageRejected`, and return how many prompts they changed.
    """

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]
        self._events = db[feedback.COLLECTION]

    async def nudge(self, *, sent_after: datetime, now: datetime) -> int:
        """Ask once more, from the time on at which that was due, what was sent after `sent_after`."""
        update: list[Document] = [
            {
                "$set": {
                    "state": PromptState.PENDING.value,
                    "again": AskAgainReason.NUDGE.value,
                    "dueAt": "$nudgeAt",
                    "nudgedAt": now,
                    "updatedAt": now,
                }
            },
            {"$unset": ["nudgeAt"]},
        ]
        with storage_errors():
            result = await self._prompts.update_many(
                {
                    "nudgeAt": {"$lte": now},
                    "state": PromptState.SENT.value,
                    "sentAt": {"$gt": sent_after},
                    **IS_QUESTION,
                },
                update,
            )
        return result.modified_count

    async def expire_unanswered(self, *, sent_until: datetime, now: datetime, reason: str) -> int:
        """Give up what was asked for the last time at `sent_until` or before."""
        states = [PromptState.SENT.value, PromptState.PENDING.value]
        return await self._expire(
            {"state": {"$in": states}, "sentAt": {"$lte": sent_until}, **IS_QUESTION}, now, reason
        )

    async def expire_unsent(self, now: datetime) -> int:
        """Give up what was never sent and is not worth it any more."""
        states = [None, PromptState.PENDING.value]
        return await self._expire(
            {"state": {"$in": states}, "notAfter": {"$lte": now}, "sentAt": None}, now, NOT_IN_TIME
        )

    async def _expire(self, query: Document, now: datetime, reason: str) -> int:
        update = {
            "$set": {"state": PromptState.EXPIRED.value, "reason": reason, "updatedAt": now},
            "$unset": dict.fromkeys(("claim", "attemptAt", "nudgeAt"), ""),
        }
        with storage_errors():
            return (await self._prompts.update_many(query | unclaimed(now), update)).modified_count

    async def ask_again(self, *, sent_since: datetime, sent_until: datetime, now: datetime) -> int:
        """Queue once more what was sent in that span, is unanswered, and was not asked again before."""
        number = 0
        async for batch in self._sent_once(sent_since, sent_until):
            answered = await self._answered({str(document.get("runId")) for document in batch})
            ids = [document["_id"] for document in batch if not _is_answered(document, answered)]
            with storage_errors():
                result = await self._prompts.update_many(
                    {
                        "_id": {"$in": ids},
                        "state": PromptState.SENT.value,
                        "askedAgainAt": {"$exists": False},
                    },
                    {
                        "$set": {
                            "state": PromptState.PENDING.value,
                            "again": AskAgainReason.ABSENCE.value,
                            "askedAgainAt": now,
                            "updatedAt": now,
                        },
                        "$unset": {"nudgeAt": ""},
                    },
                )
            number += result.modified_count
        return number

    async def _sent_once(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Document]]:
        batch: list[Document] = []
        with storage_errors():
            cursor = self._prompts.find(
                {
                    "state": PromptState.SENT.value,
                    "sentAt": {"$gte": since, "$lte": until},
                    "askedAgainAt": {"$exists": False},
                    **IS_QUESTION,
                },
                {"runId": True, "sessionId": True, "chatId": True},
            )
            async for document in cursor:
                batch.append(document)
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    async def _answered(self, run_ids: Collection[str]) -> set[tuple[str, str, str]]:
        """Run, session and chat of all answers about some runs."""
        with storage_errors():
            cursor = self._events.find(
                {"runId": {"$in": list(run_ids)}}, {"runId": True, "sessionId": True, "chatId": True}
            )
            return {_place(event) async for event in cursor}


def _is_answered(prompt: Document, answered: Collection[tuple[str, str, str]]) -> bool:
    run_id, session_id, chat_id = _place(prompt)
    # An answer that names no chat is one for any.
    return any((run_id, session_id, chat) in answered for chat in (chat_id, str(None)))


def _place(document: Document) -> tuple[str, str, str]:
    return str(document.get("runId")), str(document.get("sessionId")), str(document.get("chatId"))
