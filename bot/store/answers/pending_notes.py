"""The collection `waiting_notes`: notes of athletes who have not tapped an answer yet.

`{_id, runId, sessionId, userId, note, notes, attachments, messageId, saidAt, revision, updateId,
receivedAt}`: the lines, and what follows from them, as in `feedback_events`; `updateId` and `receivedAt` are
of the last change, `revision` counts them all. Taken away when the answer comes, and expired like answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from pymongo import DeleteOne
from pymongo.errors import DuplicateKeyError

from bot.core.answers.event import Identity, NoteChange
from bot.core.answers.rules import collision_key_of, session_key
from bot.core.notes.lines import Notes, read_notes
from bot.core.records.collections import WAITING_NOTES
from bot.store.answers.note_updates import note_stages
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.mongodb.update_order import is_after

COLLECTION = WAITING_NOTES.name
ID_FIELD = "messageId"
"""Where the message of the last line stands."""

_TRIES = 3


@dataclass(frozen=True, slots=True)
class WaitingNotes:
    """The lines that wait for the answer of a session.

    Attributes:
        revision: of the document.
    """

    session: Identity
    notes: Notes
    revision: Any

    @property
    def changes(self) -> list[NoteChange]:
        """What brings them into the answer, also what was taken back: its message may be seen to again."""
        written = [NoteChange.written(self.session, line) for line in self.notes.lines]
        return written + [
            NoteChange.taken_back(self.session, *message, stamp)
            for message, stamp in self.notes.taken_back.items()
        ]


class PendingNotes:
    """Writes and reads of `waiting_notes`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._notes = db[COLLECTION]

    async def put(self, change: NoteChange) -> None:
        """Keep a change of a note until the answer comes."""
        with storage_errors():
            for tries in range(_TRIES):
                try:
                    await self._notes.update_one({"_id": _key(change.session)}, _changed(change), upsert=True)
                    return
                except DuplicateKeyError:  # the first two came at once
                    if tries == _TRIES - 1:
                        raise

    async def of(self, sessions: Collection[Identity]) -> list[WaitingNotes]:
        """The notes that wait for these sessions' answers."""
        if not sessions:
            return []
        by_key = {_key(session): session for session in sessions}
        with storage_errors():
            found = self._notes.find({"_id": {"$in": list(by_key)}})
            return [
                WaitingNotes(
                    by_key[document["_id"]], read_notes(document, id_field=ID_FIELD), document.get("revision")
                )
                async for document in found
            ]

    async def drop(self, notes: Iterable[WaitingNotes]) -> None:
        """These are with their answers now; what has been changed since stays."""
        requests = [DeleteOne({"_id": _key(it.session), "revision": it.revision}) for it in notes]
        if requests:
            with storage_errors():
                await self._notes.bulk_write(requests, ordered=False)


def _changed(change: NoteChange) -> list[Document]:
    run_id, session_id, user_id = change.session
    whose = {"runId": {"$literal": run_id}, "sessionId": {"$literal": session_id}, "userId": user_id}
    is_last = is_after(change.stamp.update_id, change.stamp.at, "$updateId", "$receivedAt")
    revision = {"$cond": [{"$isNumber": "$revision"}, {"$add": ["$revision", 1]}, 1]}
    return [
        *note_stages(change, id_field=ID_FIELD),
        {
            "$set": {
                **whose,
                "revision": revision,
                "updateId": {"$cond": [is_last, change.stamp.update_id, "$updateId"]},
                "receivedAt": {"$cond": [is_last, change.stamp.at, "$receivedAt"]},
            }
        },
    ]


def _key(session: Identity) -> str:
    run_id, session_id, _ = session
    return collision_key_of(session_key(*session), run_id, session_id)
