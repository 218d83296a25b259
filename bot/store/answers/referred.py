"""Answers that plans refer to."""

from __future__ import annotations

from collections.abc import Collection

from bot.core.changes.because import AnswerReference
from bot.core.records.collections import FEEDBACK_EVENTS
from bot.store.mongodb.client import Database, Document, storage_errors


class ReferredAnswers:
    """Reads of `feedback_events`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._events = db[FEEDBACK_EVENTS.name]

    async def read(self, user_id: int, references: Collection[AnswerReference]) -> list[Document]:
        """Somebody's own answers about some sessions."""
        if not references:
            return []
        sessions = [{"runId": it.run_id, "sessionId": it.session_id} for it in references]
        query = {"userId": {"$in": [user_id, str(user_id)]}, "$or": sessions}
        with storage_errors():
            return await self._events.find(query).to_list()

    async def known(self, user_id: int, references: Collection[AnswerReference]) -> set[AnswerReference]:
        """Those about which somebody has given an answer."""
        found = await self.read(user_id, references)
        return {AnswerReference(str(it.get("runId")), str(it.get("sessionId"))) for it in found}
