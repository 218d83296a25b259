"""Upserts into `feedback_events`: last tap wins, in whatever order and however often taps arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from bot.core.callbacks import FeedbackType
from bot.core.documents import FeedbackEvent
from bot.core.errors import StorageRejected, StorageUnavailable
from bot.core.feedback import IDS_COMPARABLE_WITHIN, collision_key, newest
from bot.store.connection import (
    DUPLICATE_KEY,
    Collection,
    Database,
    Document,
    bulk_upsert,
    storage_errors,
)

COLLECTION = "feedback_events"

MAX_TRIES = 8
"""How often a write is sent that MongoDB refuses for a duplicate key."""
HOPELESS = frozenset({2, 121, 10334, 17280, 17419, 17420})
"""Errors of a single document that will not go away: bad value, failed validation, too large."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's session is stored.

    Attributes:
        type: the answer that counts now: the event's own, or that of a newer tap.
        won: whether it is the event's own.
    """

    type: FeedbackType
    won: bool


@dataclass(frozen=True, slots=True)
class Unrecordable:
    """MongoDB will never take this document."""

    reason: str


class FeedbackStore:
    """Writes and reads of `feedback_events`."""

    def __init__(self, db: Database) -> None:
        self._events = db[COLLECTION]

    async def record(self, events: Sequence[FeedbackEvent]) -> list[Recorded | Unrecordable]:
        """Make a batch of events durable; results stand in the order of `events`.

        Two sessions whose ids form the same `sessionKey` are both kept: the second one under
        `collision_key`. Whichever came first keeps the plain key.

        Raises:
            StorageUnavailable: some may not be stored; recording all of them again is harmless.
            StorageRejected: MongoDB denies access.
        """
        if not events:
            return []
        refused: dict[str, str] = {}
        standing: dict[tuple[str, str, int | None], Document] = {}
        open_events = newest(events)
        for make_key in (_plain_key, collision_key):
            refused.update(await self._upsert(open_events, make_key))
            stored = await self._read(make_key(event) for event in open_events)
            collided = []
            for event in open_events:
                document = stored.get(make_key(event))
                if document is not None and _names(document, event):
                    standing[event.identity] = document
                elif make_key(event) not in refused:
                    collided.append(event)
            open_events = collided
            if not open_events:
                break
        return [_result(event, standing, refused) for event in events]

    async def standing(self, events: Iterable[FeedbackEvent]) -> list[datetime]:
        """When the answers were received that these may replace."""
        keys = {key for event in events for key in (event.session_key, collision_key(event))}
        return await received(self._events, keys)

    async def _upsert(
        self, events: Sequence[FeedbackEvent], make_key: Callable[[FeedbackEvent], str]
    ) -> dict[str, str]:
        """Upsert each event under its key unless a newer or a foreign one is there.

        Returns:
            The keys that MongoDB refuses for good, with the reasons.
        """
        refused: dict[str, str] = {}
        todo = list(events)
        for _ in range(MAX_TRIES):
            errors = await bulk_upsert(
                self._events, [_upsert_request(event, make_key(event)) for event in todo]
            )
            again = []
            for error in errors:
                event = todo[error.index]
                if error.code == DUPLICATE_KEY:
                    # Two first taps at once: the loser's next try finds the winner's document.
                    again.append(event)
                elif error.code in HOPELESS:
                    refused[make_key(event)] = f"MongoDB refuses the document (code {error.code})"
                else:
                    raise StorageRejected(f"MongoDB refuses the write (code {error.code})")
            if not again:
                return refused
            todo = again
        raise StorageUnavailable("MongoDB keeps reporting a duplicate sessionKey; run `bootstrap`")

    async def _read(self, keys: Iterable[str]) -> Mapping[str, Document]:
        fields = {"_id": False, "sessionKey": True, "runId": True, "sessionId": True}
        with storage_errors():
            cursor = self._events.find(
                {"sessionKey": {"$in": list(keys)}}, {**fields, "type": True, "updateId": True}
            )
            return {document["sessionKey"]: document async for document in cursor}


async def received(
    collection: Collection, session_keys: Set[str], session: AsyncClientSession | None = None
) -> list[datetime]:
    """When the answers under these keys were received; those that carry no date are in no figures."""
    if not session_keys:
        return []
    with storage_errors():
        fields = {"_id": False, "receivedAt": True}
        found = collection.find({"sessionKey": {"$in": list(session_keys)}}, fields, session=session)
        instants = [document.get("receivedAt") async for document in found]
    return [instant for instant in instants if isinstance(instant, datetime)]


def _plain_key(event: FeedbackEvent) -> str:
    return event.session_key


def _names(document: Document, event: FeedbackEvent) -> bool:
    """Whether the document under an event's key is about the same session (then the user is the same too)."""
    return (document.get("runId"), document.get("sessionId")) == (event.run_id, event.session_id)


def _result(
    event: FeedbackEvent, standing: Mapping[tuple[str, str, int | None], Document], refused: Mapping[str, str]
) -> Recorded | Unrecordable:
    document = standing.get(event.identity)
    if document is None:
        reason = refused.get(event.session_key) or refused.get(collision_key(event))
        if reason is None:
            raise StorageUnavailable("a document was deleted while it was written")
        return Unrecordable(reason)
    try:
        type_ = FeedbackType(document.get("type", ""))
    except ValueError:
        type_ = event.type
    return Recorded(type_, won=document.get("updateId") == event.update_id)


def decide(
    run_id: str, session_id: str, update_id: int | None, received_at: datetime
) -> tuple[Document, Document]:
    """Whether the document under an answer's key is its session's, and whether it holds no later answer.

    Both are conditions of an update pipeline, to be asked in this order. A document without `runId` is new,
    or belongs to whoever answers first. The second condition is `bot.core.feedback.supersedes`, said in
    MongoDB's words: other writers may have left `updateId` out, then the time of receipt decides. `$literal`
    keeps text that begins with `$` from being read as an expression.

    Args:
        update_id: None if the answer has none.
    """
    # Older writers stored the time as text.
    received = {"$convert": {"input": "$receivedAt", "to": "date", "onError": None, "onNull": None}}
    apart = {"$abs": {"$subtract": [received_at, "$$received"]}}
    close = {"$lt": [apart, IDS_COMPARABLE_WITHIN.total_seconds() * 1000]}
    by_time = {"$gt": [received_at, "$$received"]}
    newer = {
        "$let": {
            "vars": {"received": received},
            "in": {
                "$cond": [
                    {"$and": [{"$isNumber": "$updateId"}, {"$ne": ["$$received", None]}, close]},
                    {"$gt": [update_id, "$updateId"]},
                    by_time,
                ]
            }
            if update_id is not None
            else by_time,
        }
    }
    is_new = {"$eq": [{"$type": "$runId"}, "missing"]}
    same = {"$eq": [["$runId", "$sessionId"], {"$literal": [run_id, session_id]}]}
    return {"$or": [is_new, same]}, {"$or": [is_new, newer]}


def _upsert_request(event: FeedbackEvent, key: str) -> UpdateOne:
    """Filter on the key alone (a predicate beside it makes upserts fail with E11000), decide in it."""
    document = {**event.to_bson(), "sessionKey": key}
    wins = {"$and": [*decide(event.run_id, event.session_id, event.update_id, event.received_at)]}
    merged = {"$mergeObjects": ["$$ROOT", {"$literal": document}]}
    return UpdateOne(
        {"sessionKey": key}, [{"$replaceWith": {"$cond": [wins, merged, "$$ROOT"]}}], upsert=True
    )
