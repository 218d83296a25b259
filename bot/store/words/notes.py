"""With which sessions an athlete's messages are kept as notes, in answers and where they wait for one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.answers.event import Identity
from bot.core.facts.answering_window import closed_until
from bot.core.notes.lines import Notes, read_notes, taken_back_mark
from bot.store.answers import feedback_events as feedback
from bot.store.answers import pending_notes
from bot.store.mongodb.client import Database, Document, storage_errors

_FIELDS = dict.fromkeys(
    ("runId", "sessionId", "userId", "note", "notes", "noteMessageId", "messageId", "saidAt",
     "receivedAt", "updateId"),
    True,
)  # fmt: skip
_ZONES = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeptNotes:
    """The notes of one session."""

    session: Identity
    notes: Notes

    @property
    def place(self) -> tuple[str, str]:
        """Run and session."""
        return self.session[:2]


class NoteStore:
    """Reads. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._events = db[feedback.COLLECTION]
        self._waiting = db[pending_notes.COLLECTION]

    async def of_messages(self, user_id: int, chat_id: int, message_ids: Collection[int]) -> list[KeptNotes]:
        """The sessions with which somebody's messages are kept, or were until they were taken back."""
        ids = list(message_ids)
        marks = [{f"saidAt.{taken_back_mark(chat_id, id_)}": {"$exists": True}} for id_ in ids]
        lines = [{"notes.messageId": {"$in": ids}}, {"notes.attachments.messageId": {"$in": ids}}]
        with storage_errors():
            answered = await self._events.find(
                {"userId": user_id, "$or": [*lines, *marks, {"noteMessageId": {"$in": ids}}]}, _FIELDS
            ).to_list()
            waiting = await self._waiting.find(
                {"userId": user_id, "$or": [*lines, *marks, {"messageId": {"$in": ids}}]}, _FIELDS
            ).to_list()
        return [
            it
            for it in _read(user_id, answered, waiting)
            if it.notes.of_messages(chat_id, ids) is not None or it.notes.was_taken_back(chat_id, ids)
        ]

    async def recent(self, user_id: int, at: datetime, late_after_days: int) -> list[KeptNotes]:
        """The sessions of which somebody's answers are as new as those that still count, and those that wait
        for an answer."""
        since = closed_until(at, late_after_days)
        day = (closed_until(since, late_after_days) - _ZONES).date().isoformat()
        with storage_errors():
            answered = await self._events.find(
                {"userId": user_id, "sessionDate": {"$gte": day}}, _FIELDS
            ).to_list()
            waiting = await self._waiting.find({"userId": user_id}, _FIELDS).to_list()
        return _read(user_id, answered, waiting)


def _read(user_id: int, answered: Iterable[Document], waiting: Iterable[Document]) -> list[KeptNotes]:
    found = [(document, read_notes(document)) for document in answered]
    found += [(it, read_notes(it, id_field=pending_notes.ID_FIELD)) for it in waiting]
    return [
        KeptNotes((str(document.get("runId")), str(document.get("sessionId")), user_id), notes)
        for document, notes in found
    ]
