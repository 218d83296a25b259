"""The collection `waiting_notes`: notes of athletes who have not tapped an answer yet.

`{_id, runId, sessionId, userId, note, messageId, updateId, receivedAt}`; taken away when the answer comes,
and expired like answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pymongo import DeleteOne, UpdateOne
from pymongo.errors import DuplicateKeyError

from bot.core.answers.event import AnswerAddition, Identity
from bot.core.answers.rules import collision_key_of, session_key
from bot.core.records.collections import WAITING_NOTES
from bot.core.shared.tolerant import read_int64
from bot.store.mongodb.client import Database, Document, storage_errors

COLLECTION = WAITING_NOTES.name

_TRIES = 2


class PendingNotes:
    """Writes and reads of `waiting_notes`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._notes = db[COLLECTION]

    async def put(self, note: AnswerAddition) -> None:
        """Keep a note until its answer comes, unless a later one about its session is there."""
        run_id, session_id, user_id = note.session
        document: Document = {
            "runId": run_id,
            "sessionId": session_id,
            "userId": user_id,
            "note": note.value,
            "messageId": note.message_id,
            "updateId": note.update_id,
            "receivedAt": note.received_at,
        }
        query: Document = {"_id": _key(note.session), "receivedAt": {"$not": {"$gt": note.received_at}}}
        if note.is_edit:
            query["messageId"] = {"$not": {"$gt": note.message_id}}
        with storage_errors():
            for _ in range(_TRIES):
                try:
                    await self._notes.update_one(query, {"$set": document}, upsert=True)
                    return
                except DuplicateKeyError:
                    continue  # a later one is there, or the first two came at once

    async def of(self, sessions: Collection[Identity]) -> list[AnswerAddition]:
        """The notes that wait for these sessions' answers."""
        if not sessions:
            return []
        by_key = {_key(session): session for session in sessions}
        with storage_errors():
            found = self._notes.find({"_id": {"$in": list(by_key)}})
            notes = [_read(document, by_key[document["_id"]]) async for document in found]
        return [note for note in notes if note is not None]

    async def drop(self, notes: Iterable[AnswerAddition]) -> None:
        """These are with their answers now; one that has been edited since stays."""
        requests: list[DeleteOne | UpdateOne] = [
            DeleteOne({"_id": _key(note.session), "updateId": note.update_id}) for note in notes
        ]
        if requests:
            with storage_errors():
                await self._notes.bulk_write(requests, ordered=False)


def _read(document: Document, session: Identity) -> AnswerAddition | None:
    """A note; None if somebody else left what is none."""
    note, at = document.get("note"), document.get("receivedAt")
    update_id = read_int64(document.get("updateId"))
    if not isinstance(note, str) or not isinstance(at, datetime) or update_id is None:
        return None
    message_id = read_int64(document.get("messageId"))
    return AnswerAddition(session, None, note, update_id, at, message_id)


def _key(session: Identity) -> str:
    run_id, session_id, _ = session
    return collision_key_of(session_key(*session), run_id, session_id)
