"""Upserts into `feedback_events`: last tap wins, in whatever order and however often taps arrive."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from bot.core.answers.details import Details, read_details
from bot.core.answers.event import FeedbackEvent
from bot.core.answers.rules import (
    collision_key,
    collision_key_of,
    newest,
    session_key,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS, Detail
from bot.core.records.collections import FEEDBACK_EVENTS
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
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
from bot.store.mongodb.update_order import date, is_after, is_close

COLLECTION = FEEDBACK_EVENTS.name

MAX_TRIES = 8
"""How often a write is sent that MongoDB refuses for a duplicate key."""
HOPELESS = frozenset({2, 121, 10334, 17280, 17419, 17420})
"""Errors of a single document that will not go away: bad value, failed validation, too large."""


Identity = tuple[str, str, int | None]
"""Run, session and user, see `FeedbackEvent.identity`."""

_READ = (
    "sessionKey", "runId", "sessionId", "userId", "type", "note", "updateId", "receivedAt",
    *FIELDS, "noteMessageId", "saidAt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What is stored about a session.

    Attributes:
        type: None if it is none of the answers.
        note, received_at, update_id: None if there is none, or none that can be read.
        note_message_id: of the reply that the note was written in; None if it came with a button.
        said: the updates that said the note and the details, by their names.
    """

    session_key: str
    type: FeedbackType | None
    note: str | None
    received_at: datetime | None
    update_id: int | None
    details: Details
    note_message_id: int | None = None
    said: Mapping[str, UpdateStamp] = field(default_factory=dict)

    def is_changed_by(self, addition: AnswerAddition) -> bool:
        """Whether something else was said before; what comes behind its time changes nothing."""
        said = self.said.get(addition.name)
        is_behind = said is not None and not addition.stamp.is_after(said)
        value = self.note if addition.what is None else self.details.value(addition.what)
        return not is_behind and value not in (None, addition.value)

    @classmethod
    def of(cls, event: FeedbackEvent) -> Self:
        """An answer that has just been stored as the first one."""
        return cls(event.session_key, event.type, event.note, event.received_at, event.update_id, Details())


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's session is stored.

    Attributes:
        type: the answer that counts now: the event's own, or that of a newer tap.
        won: whether it is the event's own.
        session_key: under which it is stored.
        details: what else is known about the session.
        received_at: when that answer was given first; None if whoever wrote it left that out.
    """

    type: FeedbackType
    won: bool
    session_key: str
    details: Details
    received_at: datetime | None = None


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

    async def standing(self, sessions: Iterable[Identity]) -> dict[Identity, StoredAnswer]:
        """What is stored about some sessions; those about which there is nothing are left out."""
        # Two sessions may share a key, of which only one has the document there.
        wanted = [(session, key) for session in set(sessions) for key in _keys(session)]
        if not wanted:
            return {}
        stored = await self._read({key for _, key in wanted})
        return {
            session: _standing(document)
            for session, key in wanted
            if (document := stored.get(key)) is not None and _is_about(document, session)
        }

    async def add(self, additions: Sequence[AnswerAddition]) -> None:
        """Add to stored answers what was said besides; what they do not fit changes nothing.

        Raises:
            StorageError: adding all of them again is harmless.
        """
        await write_all(self._events, [addition.request() for addition in additions])

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


def _keys(session: Identity) -> tuple[str, str]:
    """Under which a session's answer may be stored."""
    run_id, session_id, _ = session
    plain = session_key(*session)
    return plain, collision_key_of(plain, run_id, session_id)


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
        note_message_id=read_int64(document.get("noteMessageId")),
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
    )


def decide(
    run_id: str, session_id: str, update_id: int | None, received_at: datetime
) -> tuple[Document, Document]:
    """Whether the document under an answer's key is its session's, and whether it holds no later answer.

    Both are conditions of an update pipeline, to be asked in this order. A document without `runId` is new,
    or belongs to whoever answers first. The second condition is `bot.core.answers.rules.supersedes`, said in
    MongoDB's words: other writers may have left `updateId` out, then the time of receipt decides. `$literal`
    keeps text that begins with `$` from being read as an expression.

    Args:
        update_id: None if the answer has none.
    """
    newer = is_after(update_id, received_at, "$updateId", "$receivedAt")
    is_new = {"$eq": [{"$type": "$runId"}, "missing"]}
    same = {"$eq": [["$runId", "$sessionId"], {"$literal": [run_id, session_id]}]}
    return {"$or": [is_new, same]}, {"$or": [is_new, newer]}


def _upsert_request(event: FeedbackEvent, key: str) -> UpdateOne:
    """Filter on the key alone (a predicate beside it makes upserts fail with E11000), decide in it.

    The same button again moves the update id alone, by which later taps are told from earlier ones. The same
    answer below another message is of that message, and was first given when it was. With another answer goes
    what was said about the one before; a note that the athlete wrote as a reply stays, whatever the button
    carries.
    """
    document = {**event.to_bson(), "sessionKey": key}
    wins = {"$and": [*decide(event.run_id, event.session_id, event.update_id, event.received_at)]}
    kept_note = {"$cond": [{"$isNumber": "$noteMessageId"}, {"note": _or_null("$note")}, {}]}
    since = _since(event)
    changed: Document = {"$mergeObjects": ["$$ROOT", {"$literal": document}, kept_note, since]}
    moved = {"$mergeObjects": [changed, {name: f"${name}" for name in ("receivedAt", "timestamp")}]}
    again = {"$mergeObjects": ["$$ROOT", {"updateId": event.update_id}, since]}
    replaced = {
        "$cond": [_same_answer(event), {"$cond": [_same_message(event), again, moved]}, changed],
    }
    return UpdateOne(
        {"sessionKey": key},
        [
            {"$replaceWith": {"$cond": [wins, replaced, "$$ROOT"]}},
            {"$set": _without_foreign_details(event)},
        ],
        upsert=True,
    )


def _since(event: FeedbackEvent) -> Document:
    """From when on what is said besides belongs to the answer that stands, where another one was before it.

    That is the first of the answers after which the same is asked. Where nothing is noted, it is the answer
    that stands.
    """
    asked_alike = [type_.value for type_ in FeedbackType if type_.facts.asks == event.type.facts.asks]
    before: Document = {
        "at": {"$ifNull": ["$saidAt.answer.at", "$receivedAt"]},
        "updateId": {"$ifNull": ["$saidAt.answer.updateId", "$updateId"]},
    }
    is_noted = {"$eq": [{"$type": "$saidAt"}, "object"]}
    noted = {"saidAt": {"$mergeObjects": [{"$cond": [is_noted, "$saidAt", {}]}, {"answer": before}]}}
    unnoted = {"$cond": [is_noted, {"saidAt": {"$unsetField": {"field": "answer", "input": "$saidAt"}}}, {}]}
    return {"$cond": [{"$in": ["$type", asked_alike]}, noted, unnoted]}


def _same_answer(event: FeedbackEvent) -> Document:
    """Whether what stands says the same."""
    same_note: Document = {"$eq": [_or_null("$note"), {"$literal": event.note}]}
    return {
        "$and": [
            {"$eq": ["$type", event.type.value]},
            {"$eq": [{"$type": "$receivedAt"}, "date"]},
            {"$let": {"vars": {"received": date("$receivedAt")}, "in": is_close(event.received_at)}},
            {"$or": [{"$isNumber": "$noteMessageId"}, same_note]},
        ]
    }


def _same_message(event: FeedbackEvent) -> Document:
    """Whether what stands was said with a button of the same message."""
    place = [_or_null("$chatId"), _or_null("$messageId")]
    return {"$eq": [place, {"$literal": [event.chat_id, event.message_id]}]}


def _or_null(field: str) -> Document:
    return {"$ifNull": [field, None]}


def _without_foreign_details(event: FeedbackEvent) -> Document:
    """Takes away what belongs to another answer than this one, if this one stands now."""
    gone = [name for name in FIELDS if name not in _fields_after(event.type)]
    stands = {"$and": [{"$eq": ["$updateId", event.update_id]}, {"$eq": ["$type", event.type.value]}]}
    return {name: {"$cond": [stands, "$$REMOVE", f"${name}"]} for name in gone}


def _fields_after(type_: FeedbackType) -> frozenset[str]:
    """The fields that are asked for after an answer."""
    return frozenset(detail.facts.field.name for detail in type_.facts.asks)


@dataclass(frozen=True, slots=True)
class AnswerAddition:
    """What was said about a session besides the answer: a detail, or a note.

    Attributes:
        what: None: a note.
        value: of the detail; the note.
        message_id: of the note.
        is_edit: whether the message was changed; then a note that was written below it stays.
    """

    session: Identity
    what: Detail | None
    value: int | str
    update_id: int
    received_at: datetime
    message_id: int | None = None
    is_edit: bool = False

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update_id, self.received_at)

    @property
    def name(self) -> str:
        """Of what is said."""
        return "note" if self.what is None else self.what.value

    def request(self) -> UpdateOne:
        """Its write: no upsert, so a condition may stand beside the key."""
        run_id, session_id, _ = self.session
        # When it was said, to tell what is later.
        said = f"saidAt.{self.name}"
        is_newer = {
            "$or": [
                {"$eq": [{"$type": f"${said}.at"}, "missing"]},
                is_after(self.update_id, self.received_at, f"${said}.updateId", f"${said}.at"),
            ]
        }
        # A note stays whatever answer is given; a detail belongs to the answers before it.
        is_in_order = {"$and": [is_newer, *([] if self.what is None else [self._is_of_the_answer()])]}
        query: Document = {
            "sessionKey": {"$in": list(_keys(self.session))},
            "runId": run_id,
            "sessionId": session_id,
            "$expr": is_in_order,
        }
        fields: Document = {said: {"at": self.received_at, "updateId": self.update_id}}
        if self.what is None:
            fields |= {"note": {"$literal": self.value}, "noteMessageId": self.message_id}
            if self.is_edit:
                query["noteMessageId"] = {"$not": {"$gt": self.message_id}}
        else:
            facts = self.what.facts
            fields[facts.path] = {"$literal": self.value}
            belongs = [type_.value for type_ in FeedbackType if facts.field.name in _fields_after(type_)]
            query["type"] = {"$in": belongs}
        return UpdateOne(query, [{"$set": fields}])

    def _is_of_the_answer(self) -> Document:
        """Whether it was said after the answer that stands, or one after which the same is asked."""
        update_id = {"$ifNull": ["$saidAt.answer.updateId", "$updateId"]}
        at = {"$ifNull": ["$saidAt.answer.at", "$receivedAt"]}
        return is_after(self.update_id, self.received_at, update_id, at)
