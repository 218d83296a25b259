"""What an athlete may be writing about: questions and answers of the last days."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.facts.answering_window import closed_until
from bot.store.answers import feedback_events as feedback
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.prompts.prompts import COLLECTION, IS_QUESTION, in_chats

_QUESTION = (
    "runId", "sessionId", "chatId", "title", "plan.activity", "date", "state", "sentAt", "messages",
    "answeredAt",
)  # fmt: skip
_ANSWER = ("runId", "sessionId", "sessionDate", "receivedAt", "logged")
_MOST = 50
# The day of an answer is that of its question, in whichever zone.
_ZONES = timedelta(days=1)


class SpokenSessionStore:
    """Reads. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]
        self._events = db[feedback.COLLECTION]

    async def questions(self, run_id: str, session_id: str, user_id: int) -> list[Document]:
        """What somebody was asked about a session, whole: in private, or in a group for them alone."""
        query = {
            "runId": run_id,
            "sessionId": session_id,
            "$or": [{"chatId": in_chats(user_id), "userId": {"$in": [None, user_id]}}, {"userId": user_id}],
            **IS_QUESTION,
        }
        with storage_errors():
            return await self._prompts.find(query).to_list(_MOST)

    async def read(
        self, user_id: int, at: datetime, late_after_days: int
    ) -> tuple[list[Document], list[Document]]:
        """The questions that somebody can answer at a time, wherever they were asked, and the answers
        since, the newest first; see `bot.core.words.sessions.spoken_sessions`."""
        since = closed_until(at, late_after_days)
        asked = {"sentAt": {"$gt": since}, **IS_QUESTION}
        whose = [
            {"chatId": in_chats(user_id), "userId": {"$in": [None, user_id]}, **asked},
            {"userId": user_id, **asked},
        ]
        # A question may be as old as that when it is answered.
        day = (closed_until(since, late_after_days) - _ZONES).date().isoformat()
        answered = {"userId": user_id, "sessionDate": {"$gte": day}, "receivedAt": {"$gt": since}}
        with storage_errors():
            prompts = self._prompts.find(
                {"$or": whose}, dict.fromkeys(_QUESTION, True), sort=[("sentAt", -1)]
            )
            events = self._events.find(answered, dict.fromkeys(_ANSWER, True), sort=[("receivedAt", -1)])
            return await prompts.to_list(_MOST), await events.to_list(_MOST)
