"""The collection `feedback_history`: what stood in `feedback_events` before it was changed, for audit.

One document for each `sessionKey`, with the newest `KEPT` states that were replaced:
`{_id: sessionKey, runId, sessionId, userId, changes: [{type, note, rpe, pain, reason, receivedAt, updateId,
replacedAt, replacedBy}], updatedAt, updatedBy}`. It expires like the answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from bot.core.answers.event import Identity, StoredAnswer
from bot.core.records.collections import FEEDBACK_HISTORY
from bot.store.mongodb.client import Database, Document, write_all

COLLECTION = FEEDBACK_HISTORY.name

KEPT = 50
"""So many changes of one answer are remembered."""


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """A stored answer is about to be changed.

    Attributes:
        replaced_by: the update id of what changes it.
    """

    session: Identity
    before: StoredAnswer
    replaced_by: int
    at: datetime


class AnswerHistory:
    """Writes of `feedback_history`."""

    def __init__(self, db: Database) -> None:
        self._history = db[COLLECTION]

    async def record(self, changes: Iterable[AnswerChange]) -> None:
        """Remember what is about to be replaced; the same change again is remembered once.

        Raises:
            StorageError: recording all of them again is harmless.
        """
        # A duplicate is two workers' first change at once: the other's is there.
        await write_all(self._history, [_request(change) for change in changes])


def _request(change: AnswerChange) -> UpdateOne:
    run_id, session_id, user_id = change.session
    # Whatever stands there instead of a list, it must not hold up everybody's taps.
    known = {"$cond": [{"$isArray": "$changes"}, "$changes", []]}
    added = {"$concatArrays": [known, [{"$literal": _state(change)}]]}
    is_known = {"$in": [change.replaced_by, {"$map": {"input": known, "in": "$$this.replacedBy"}}]}
    return UpdateOne(
        {"_id": change.before.session_key},
        [
            {
                "$set": {
                    "runId": {"$literal": run_id},
                    "sessionId": {"$literal": session_id},
                    "userId": user_id,
                    "changes": {"$cond": [is_known, known, {"$slice": [added, -KEPT]}]},
                    "updatedAt": change.at,
                    "updatedBy": change.replaced_by,
                }
            }
        ],
        upsert=True,
    )


def _state(change: AnswerChange) -> Document:
    before = change.before
    state = {
        "type": None if before.type is None else before.type.value,
        "note": before.note,
        **before.details.to_document(),
        "receivedAt": before.received_at,
        "updateId": before.update_id,
        "replacedAt": change.at,
        "replacedBy": change.replaced_by,
    }
    return {name: value for name, value in state.items() if value is not None}
