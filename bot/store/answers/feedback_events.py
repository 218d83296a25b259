"""Upserts into `feedback_events`: last tap wins, in whatever order and however often taps arrive."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from bot.core.answers.details import Details, read_details
from bot.core.answers.event import AnswerAddition, FeedbackEvent, Identity, NoteChange, StoredAnswer
from bot.core.answers.rules import (
    collision_key,
    newest,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS
from bot.core.notes.lines import Notes, read_notes
from bot.core.records.collections import FEEDBACK_EVENTS
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.store.answers.answer_updates import addition_request, keys_of, note_request, tap_request
from bot.store.mongodb.client import (
    DUPLICATE_KEY,
    Collection,
    Database,
    Document,
    bulk_upsert,
    insert_new,
    storage_errors,
    write_all,
)

COLLECTION = FEEDBACK_EVENTS.name

MAX_TRIES = 8
"""How often a write is sent that MongoDB refuses for a duplicate key."""
HOPELESS = frozenset({2, 121, 10334, 17280, 17419, 17420})
"""Errors of a single document that will not go away: bad value, failed validation, too large."""


_READ = (
    "sessionKey", "runId", "sessionId", "userId", "type", "note", "updateId", "receivedAt",
    *FIELDS, "notes", "noteMessageId", "saidAt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's session is stored.

    Attributes:
        type: the answer that counts now: the event's own, or that of a newer tap.
        won: whether it is the event's own.
        session_key: under which it is stored.
        details: what else is known about the session.
        received_at: when that answer was given first; None if whoever wrote it left that out.
        notes: the lines of its note.
    """

    type: FeedbackType
    won: bool
    session_key: str
    details: Details
    received_at: datetime | None = None
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True, slots=True)
class Unrecordable:
    """MongoDB will never take this document."""

    reason: str


class FeedbackStore:
    """Writes and reads of `feedback_events`."""

    def __init__(self, db: Database) -> None:
        self._events = db[COLLECTION]

    async def record(
        self, events: Sequence[FeedbackEvent], known: Container[Identity] = ()
    ) -> list[Recorded | Unrecordable]:
        """Make a batch of events durable; results stand in the order of `events`.

        Two sessions whose ids form the same `sessionKey` are both kept: the second one under
        `collision_key`. Whichever came first keeps the plain key.

        Args:
            known: sessions about which something stands already, as far as the caller knows. Nearly all
                answers are the first ones about their sessions, and these cost less.

        Raises:
            StorageUnavailable: some may not be stored; recording all of them again is harmless.
            StorageRejected: MongoDB denies access.
        """
        if not events:
            return []
        refused: dict[str, str] = {}
        standing: dict[Identity, StoredAnswer] = {}
        open_events = newest(events)
        for event in await self._insert([event for event in open_events if event.identity not in known]):
            standing[event.identity] = StoredAnswer.of(event)
        open_events = [event for event in open_events if event.identity not in standing]
        for make_key in (_plain_key, collision_key):
            if not open_events:
                break
            refused.update(await self._upsert(open_events, make_key))
            stored = await self._read(make_key(event) for event in open_events)
            collided = []
            for event in open_events:
                document = stored.get(make_key(event))
                if document is not None and _is_about(document, event.identity):
                    standing[event.identity] = _standing(document)
                elif make_key(event) not in refused:
                    collided.append(event)
            open_events = collided
        return [_result(event, standing, refused) for event in events]

    async def log(self, event: FeedbackEvent) -> None:
        """Make a session durable that an athlete logs. Of several taps that log it the last one counts.

        Raises:
            StorageError: doing it again is harmless.
        """
        await self.record([event])
        logged = event.to_bson()["logged"]
        with storage_errors():
            # Where it is still the last one.
            await self._events.update_one(
                {"sessionKey": event.session_key, "runId": event.run_id, "updateId": event.update_id},
                [{"$set": {"logged": {"$literal": logged}}}],
            )

    async def answers(self, sessions: Iterable[Identity]) -> dict[Identity, StoredAnswer]:
        """What is stored about some sessions; those about which there is nothing are left out."""
        # Two sessions may share a key, of which only one has the document there.
        wanted = [(session, key) for session in set(sessions) for key in keys_of(session)]
        if not wanted:
            return {}
        stored = await self._read({key for _, key in wanted})
        return {
            session: _standing(document)
            for session, key in wanted
            if (document := stored.get(key)) is not None and _is_about(document, session)
        }

    async def add(self, additions: Sequence[AnswerAddition | NoteChange]) -> None:
        """Add to stored answers what was said besides; what they do not fit changes nothing.

        Raises:
            StorageError: adding all of them again is harmless.
        """
        requests = [
            note_request(it) if isinstance(it, NoteChange) else addition_request(it) for it in additions
        ]
        await write_all(self._events, requests)

    async def _insert(self, events: Sequence[FeedbackEvent]) -> list[FeedbackEvent]:
        """Those that are stored now because there was nothing under their keys."""
        requests = [
            UpdateOne({"sessionKey": event.session_key}, {"$setOnInsert": _body(event)}, upsert=True)
            for event in events
        ]
        return [events[place] for place in await insert_new(self._events, requests)]

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
            errors = await bulk_upsert(self._events, [tap_request(event, make_key(event)) for event in todo])
            again = []
            for error in errors:
                event = todo[error.index]
                if error.code == DUPLICATE_KEY:
                    # Two first taps at once: the loser's next try finds the winner's document.
                    again.append(event)
                elif error.code in HOPELESS:
                    refused[make_key(event)] = f"MongoDB refuses the document (code {error.code})"
                else:
                    raise StorageRejected(error.problem)
            if not again:
                return refused
            todo = again
        raise StorageUnavailable("MongoDB keeps reporting a duplicate sessionKey; run `bootstrap`")

    async def _read(self, keys: Iterable[str]) -> Mapping[str, Document]:
        with storage_errors():
            cursor = self._events.find(
                {"sessionKey": {"$in": list(keys)}}, {"_id": False} | dict.fromkeys(_READ, True)
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


def _body(event: FeedbackEvent) -> Document:
    """The document without the key that it is looked up by."""
    document = event.to_bson()
    del document["sessionKey"]
    return document


def _plain_key(event: FeedbackEvent) -> str:
    return event.session_key


def _is_about(document: Document, session: Identity) -> bool:
    """Whether the document under a session's key is about it (then the user is the same too)."""
    return (document.get("runId"), document.get("sessionId")) == session[:2]


def _standing(document: Document) -> StoredAnswer:
    try:
        type_ = FeedbackType(document.get("type", ""))
    except ValueError:
        type_ = None
    note, at = document.get("note"), document.get("receivedAt")
    return StoredAnswer(
        session_key=document["sessionKey"],
        type=type_,
        note=note if isinstance(note, str) else None,
        received_at=at if isinstance(at, datetime) else None,
        update_id=read_int64(document.get("updateId")),
        details=read_details(document),
        notes=read_notes(document),
        said=_said(document.get("saidAt")),
    )


def _said(value: object) -> dict[str, UpdateStamp]:
    found: dict[str, UpdateStamp] = {}
    for name, said in value.items() if isinstance(value, Mapping) else ():
        at, update_id = (
            (said.get("at"), read_int64(said.get("updateId"))) if isinstance(said, Mapping) else (None, None)
        )
        if isinstance(at, datetime) and update_id is not None:
            found[str(name)] = UpdateStamp(update_id, at)
    return found


def _result(
    event: FeedbackEvent, standing: Mapping[Identity, StoredAnswer], refused: Mapping[str, str]
) -> Recorded | Unrecordable:
    standing_now = standing.get(event.identity)
    if standing_now is None:
        reason = refused.get(event.session_key) or refused.get(collision_key(event))
        if reason is None:
            raise StorageUnavailable("a document was deleted while it was written")
        return Unrecordable(reason)
    return Recorded(
        type=standing_now.type or event.type,
        won=standing_now.update_id == event.update_id,
        session_key=standing_now.session_key,
        details=standing_now.details,
        received_at=standing_now.received_at,
        notes=standing_now.notes,
    )
