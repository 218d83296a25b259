"""Upserts of checked records into the five collections, for any writer and in any order.

One operation upserts one record. It filters on the key alone (a predicate beside it makes upserts fail
with E11000) and decides in the update pipeline, so that no other writer comes in between. What is given
is written, under `$literal`, so that text beginning with `$` and names with dots stay what they are; what
is absent is left as it is.

    createdAt   where it is not given and the document is new, the clock's. In `weekly_metrics` and
                `run_artifacts` it never changes once it is there.
    updatedAt   (`weekly_metrics`, `run_artifacts`) the given one, else the clock's. It moves when something
                else changes, and never back.
    errorCount  the number of `errors` in the stored document.
    feedback    as in `bot.store.feedback`: the later answer wins. One that is given without a time is
                received now; one without `updateId` takes the `updateId` of the answer it replaces away.

Times that others stored as text are compared as times and stay text. Equal is what MongoDB calls equal:
1 and 1.0 are, objects whose fields stand in another order are not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from bot.core.clock import Clock
from bot.core.errors import StorageRejected, StorageUnavailable
from bot.core.feedback import collision_key_of
from bot.core.records import MODELS, FeedbackRecord, Record
from bot.core.strict_json import MAX_BYTES
from bot.store.connection import DUPLICATE_KEY, Collection, Database, Document, storage_errors
from bot.store.feedback import COLLECTION as FEEDBACK
from bot.store.feedback import HOPELESS, MAX_TRIES, decide

Expression: TypeAlias = Any
"""A value in an update pipeline: a constant, or an operator with its arguments."""

_UPDATED = frozenset({"weekly_metrics", "run_artifacts"})
_IS_NEW: Expression = {"$eq": [{"$type": "$_id"}, "missing"]}

# Of each operation in a bulk write MongoDB tells whether it inserted and whether it failed, but not whether
# it changed anything. So an operation that would change nothing fails, with an error that nothing else here
# leads to. The arguments depend on the document: MongoDB evaluates constants before it knows whether they
# are needed.
_UNCHANGED: Expression = {"$reverseArray": {"$type": "$_id"}}
_UNCHANGED_CODE = 34435
_FOREIGN: Expression = {"$objectToArray": {"$type": "$_id"}}
_FOREIGN_CODE = 40390

_BULK = 500  # upserts
_BULK_BYTES = 32 * 1024 * 1024  # more may take longer than an operation may
_AT_ONCE = 2  # bulks of different documents: MongoDB waits for the disk in between
_OPERATION_BYTES = MAX_BYTES + 16_000  # the driver and the server take hardly more
_SHOWN = 60

TOO_LARGE = (
    f"too large for MongoDB, which takes {MAX_BYTES:,} bytes a document, together with what is stored"
    " already; split it, or leave out what is not needed"
)
KEY_TAKEN = "its key is taken by a document that is not found by it; run `bootstrap`"
_REASONS = {
    121: "the collection's validator refuses it; mend the record or the validator",
    **dict.fromkeys((10334, 17419, 17420), TOO_LARGE),
}


@dataclass(frozen=True, slots=True)
class Written:
    """The record is durable.

    Attributes:
        outcome: `unchanged` if the stored document said so already, or (feedback) holds a later answer.
    """

    outcome: Literal["inserted", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Refused:
    """The record can never be written as it is; nothing of it was.

    Attributes:
        record: which one, by its key: `runId "r-1"`.
        reason: why, and what to do.
    """

    record: str
    reason: str

    def __str__(self) -> str:
        return f"{self.record}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Upsert:
    """A record on its way.

    Attributes:
        index: its place among the records given.
        key: the fields that name its document, with their values.
        stage: the update, encoded: the driver only copies it, and its size is known.
        size: bytes of the operation.
    """

    index: int
    record: Record
    key: Document
    stage: RawBSONDocument
    size: int

    @classmethod
    def of(cls, index: int, collection: str, record: Record, key: Document, now: datetime) -> _Upsert:
        stage = (
            _answer(record, key, now)
            if isinstance(record, FeedbackRecord)
            else merge(collection, record, now)
        )
        encoded = bson.encode(stage)
        return cls(index, record, key, RawBSONDocument(encoded), len(encoded) + len(bson.encode(key)) + 100)

    def under(self, session_key: str, now: datetime) -> _Upsert:
        """The same answer under another key."""
        return _Upsert.of(self.index, FEEDBACK, self.record, {"sessionKey": session_key}, now)

    def aside(self, now: datetime) -> _Upsert | None:
        """The same answer under its collision key; None if it is there already."""
        record = self.record
        if not isinstance(record, FeedbackRecord) or self.key["sessionKey"] != _plain_key(record):
            return None
        return self.under(collision_key_of(_plain_key(record), record.runId, record.sessionId), now)

    def request(self) -> UpdateOne:
        return UpdateOne(self.key, [self.stage], upsert=True)


class RecordStore:
    """Writes to the five collections.

    Args:
        clock: for `createdAt`, `updatedAt` and `receivedAt` where they are not given.
        metrics_per_athlete: `weekly_metrics` holds a document for each athlete and week, not for each week;
            the same setting as `bootstrap` had.
    """

    def __init__(self, db: Database, *, clock: Clock, metrics_per_athlete: bool = False) -> None:
        self._db = db
        self._clock = clock
        self._metrics_per_athlete = metrics_per_athlete

    async def write(self, collection: str, records: Sequence[Record]) -> list[Written | Refused]:
        """Make records durable; results stand in the order of `records`.

        Records of one document take effect in their order. A record that is refused holds up no other one.

        Args:
            collection: one of `bot.core.records.MODELS`.
            records: about a thousand; all are held in memory twice.

        Raises:
            StorageUnavailable: some may not be written; writing all of them again is harmless.
            StorageRejected: MongoDB denies access, or refuses for a reason that no record can mend.
        """
        now = self._clock()
        results: dict[int, Written | Refused] = {}
        rounds: list[list[_Upsert]] = []
        turns: dict[object, int] = {}
        for index, record in enumerate(records):
            key = self._key(collection, record)
            if key.get("athleteId", "") is None:
                reason = "athleteId is missing, and METRICS_PER_ATHLETE is set; whose week is it?"
                results[index] = Refused(key_text(key), reason)
                continue
            upsert = _Upsert.of(index, collection, record, key, now)
            if upsert.size > _OPERATION_BYTES:
                results[index] = Refused(key_text(key), TOO_LARGE)
                continue
            # Two answers about one session may come under its plain key and under its collision key.
            document = _plain_key(record) if isinstance(record, FeedbackRecord) else tuple(key.values())
            turn = turns[document] = turns.get(document, -1) + 1
            if turn == len(rounds):
                rounds.append([])
            rounds[turn].append(upsert)
        for upserts in rounds:
            results |= await self._settle_all(collection, upserts, now)
        return [results[index] for index in range(len(records))]

    def _key(self, collection: str, record: Record) -> Document:
        athlete = ["athleteId"] if self._metrics_per_athlete and collection == "weekly_metrics" else []
        return {name: getattr(record, name) for name in (*athlete, MODELS[collection].KEY)}

    async def _settle_all(
        self, collection: str, upserts: Sequence[_Upsert], now: datetime
    ) -> dict[int, Written | Refused]:
        """Settle upserts into different documents, some at once."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def settle(bulk: Sequence[_Upsert]) -> dict[int, Written | Refused]:
            async with gate:
                return await self._settle(collection, bulk, now)

        # All have ended when this raises.
        done = await asyncio.gather(*map(settle, _bulks(upserts)), return_exceptions=True)
        results: dict[int, Written | Refused] = {}
        for part in done:
            if isinstance(part, BaseException):
                raise part
            results |= part
        return results

    async def _settle(
        self, collection: str, upserts: Sequence[_Upsert], now: datetime
    ) -> dict[int, Written | Refused]:
        """Send upserts together until each is written or refused."""
        results: dict[int, Written | Refused] = {}
        todo = await self._at_home(upserts, now) if collection == FEEDBACK else upserts
        for _ in range(MAX_TRIES):
            inserted, errors = await _send(self._db[collection], todo)
            again = []
            for place, upsert in enumerate(todo):
                error = errors.get(place)
                if error is None:
                    results[upsert.index] = Written("inserted" if place in inserted else "changed")
                elif error["code"] == _UNCHANGED_CODE:
                    results[upsert.index] = Written("unchanged")
                elif error["code"] == _FOREIGN_CODE and (moved := upsert.aside(now)):
                    again.append(moved)
                elif error["code"] == DUPLICATE_KEY and set(error["keyPattern"]) == set(upsert.key):
                    # Two first writes at once: the loser's next try finds the winner's document.
                    again.append(upsert)
                else:
                    results[upsert.index] = Refused(key_text(upsert.key), _refusal(error))
            if not again:
                return results
            todo = again
        return results | {upsert.index: Refused(key_text(upsert.key), KEY_TAKEN) for upsert in todo}

    async def _at_home(self, upserts: Sequence[_Upsert], now: datetime) -> Sequence[_Upsert]:
        """Send answers that come under a collision key to their session's document under the plain key, if
        it is there: here the sessions may have come in the other order."""
        exported = {
            upsert.index: (_plain_key(record), record.runId, record.sessionId)
            for upsert in upserts
            if isinstance(record := upsert.record, FeedbackRecord)
            and upsert.key["sessionKey"] != _plain_key(record)
        }
        if not exported:
            return upserts
        fields = ("sessionKey", "runId", "sessionId")
        with storage_errors():
            found = self._db[FEEDBACK].find(
                {"sessionKey": {"$in": [key for key, *_ in exported.values()]}}, dict.fromkeys(fields, True)
            )
            homes = {tuple(document.get(name) for name in fields) async for document in found}
        return [
            upsert.under(home[0], now)
            if (home := exported.get(upsert.index)) is not None and home in homes
            else upsert
            for upsert in upserts
        ]


def merge(
    collection: str,
    record: Record,
    now: datetime,
    *,
    unchanged: Expression = _UNCHANGED,
    created_follows: bool = False,
) -> Document:
    """The pipeline stage that brings a record into its document, in any collection but `feedback_events`.

    Args:
        unchanged: the result where the document would stay the same.
        created_follows: `createdAt` is no change by itself: it is only written along with another one.
    """
    fields = record.to_update_fields()
    parts: list[Expression] = ["$$ROOT"]
    stamps: dict[str, Expression] = {}
    if collection == "run_artifacts" and "errors" not in fields:
        # Other writers may have left a wrong number, or none.
        parts.append({"$cond": [{"$isArray": "$errors"}, {"errorCount": {"$size": "$errors"}}, {}]})
    if "createdAt" not in fields:
        parts.append({"$cond": [_IS_NEW, {"createdAt": now}, {}]})
    elif collection in _UPDATED or created_follows:
        created = fields.pop("createdAt")
        parts.append({"createdAt": {"$ifNull": ["$createdAt", created]}})
        if collection not in _UPDATED:
            stamps["createdAt"] = created
    if collection in _UPDATED:
        updated = fields.pop("updatedAt", None)
        if updated is not None:
            parts.append({"updatedAt": {"$ifNull": ["$updatedAt", updated]}})
        stamps["updatedAt"] = _latest(updated, now)
    parts.append({"$literal": fields})
    changed = {"$mergeObjects": ["$$merged", stamps]} if stamps else "$$merged"
    return {
        "$replaceWith": {
            "$let": {
                "vars": {"merged": {"$mergeObjects": parts}},
                "in": {"$cond": [{"$ne": ["$$merged", "$$ROOT"]}, changed, unchanged]},
            }
        }
    }


def _latest(given: datetime | None, now: datetime) -> Expression:
    """`updatedAt` of a document that changes: it moves if it can, to the given time if that is later."""
    stored = {"$convert": {"input": "$updatedAt", "to": "date", "onError": None, "onNull": None}}
    latest: Expression = {"$cond": [{"$gt": [now, stored]}, now, "$updatedAt"]}
    return latest if given is None else {"$cond": [{"$gt": [given, stored]}, given, latest]}


def _answer(record: FeedbackRecord, key: Document, now: datetime) -> Document:
    """The pipeline stage that brings an answer into the document of its session, if it is a later one."""
    fields = {**record.to_update_fields(), **key}
    received = record.receivedAt or now
    ours, later = decide(record.runId, record.sessionId, record.updateId, received)
    document: Expression = "$$ROOT"
    if record.updateId is None:
        # It would lend the answer a place among those that have one.
        document = {"$unsetField": {"field": "updateId", "input": document}}
    merged: Expression = {"$mergeObjects": [document, {"$literal": fields}]}
    if record.receivedAt is None:
        # Only what it says can tell a repetition.
        later = {"$and": [later, {"$ne": [{"$mergeObjects": ["$$ROOT", {"$literal": fields}]}, "$$ROOT"]}]}
        merged = {"$mergeObjects": [merged, {"timestamp": received, "receivedAt": received}]}
    return {"$replaceWith": {"$cond": [ours, {"$cond": [later, merged, _UNCHANGED]}, _FOREIGN]}}


def _plain_key(record: FeedbackRecord) -> str:
    return f"{record.sessionRef}-{'anon' if record.userId is None else record.userId}"


def _bulks(upserts: Sequence[_Upsert]) -> Iterator[list[_Upsert]]:
    bulk: list[_Upsert] = []
    size = 0
    for upsert in upserts:
        if len(bulk) == _BULK or (bulk and size + upsert.size > _BULK_BYTES):
            yield bulk
            bulk, size = [], 0
        bulk.append(upsert)
        size += upsert.size
    yield bulk


async def _send(collection: Collection, upserts: Sequence[_Upsert]) -> tuple[set[int], dict[int, Document]]:
    """One bulk write, in no order: the places of those that inserted, and the errors of those that failed."""
    with storage_errors():
        try:
            requests = [upsert.request() for upsert in upserts]
            details: Mapping[str, Any] = (
                await collection.bulk_write(requests, ordered=False)
            ).bulk_api_result
        except BulkWriteError as exc:
            if exc.timeout or exc.details["writeConcernErrors"]:
                raise StorageUnavailable("MongoDB could not finish the writes in time") from None
            details = exc.details
    return (
        {done["index"] for done in details["upserted"]},
        {error["index"]: error for error in details["writeErrors"]},
    )


def _refusal(error: Document) -> str:
    """Why one record is refused, for good.

    Raises:
        StorageRejected: the error is not about the record.
    """
    code = error["code"]
    if code == DUPLICATE_KEY:
        fields = ", ".join(error["keyPattern"])
        return f"another document has the same {fields}, which an index says is unique; run `bootstrap`"
    if code == _FOREIGN_CODE:
        return "its sessionKey belongs to a session with other ids; leave it out to have it filled in"
    if code not in HOPELESS:
        raise StorageRejected(f"MongoDB refuses the write (code {code})")
    return hopeless_reason(code)


def hopeless_reason(code: int) -> str:
    """What an error of `HOPELESS` means for a record."""
    return _REASONS.get(code, f"MongoDB refuses the document (code {code})")


def key_text(key: Document) -> str:
    """A record's key for messages."""
    return ", ".join(
        f"{name} {json.dumps(value, ensure_ascii=False)[:_SHOWN]}" for name, value in key.items()
    )
