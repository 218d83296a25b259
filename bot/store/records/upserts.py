"""One record -> one upsert into its document. Pure: MongoDB decides what becomes of it, in the update.

An upsert filters on the key alone (a predicate beside it makes upserts fail with E11000) and decides in the
update pipeline, so that no other writer comes in between. What is given is written, under `$literal`, so
that text beginning with `$` and names with dots stay what they are; what is absent is left as it is.

    createdAt   where it is not given and the document is new, the clock's. In `weekly_metrics` and
                `run_artifacts` it never changes once it is there.
    updatedAt   (`weekly_metrics`, `run_artifacts`) the given one, else the clock's. It moves when something
                else changes, and never back.
    errorCount  the number of `errors` in the stored document.
    feedback    the later answer wins, see `bot.store.answers.answer_updates`. One that is given without a
                time is received now.

Times that others stored as text are compared as times and stay text. Equal is what MongoDB calls equal:
1 and 1.0 are, objects whose fields stand in another order are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from bot.core.answers.rules import collision_key_of
from bot.core.records.collections import WRITTEN
from bot.core.records.models import FeedbackRecord, Record, RunArtifact
from bot.core.shared.bson_json import MAX_BYTES
from bot.core.shared.errors import StorageRejected
from bot.store.answers.answer_updates import Expression, record_stage
from bot.store.answers.feedback_events import COLLECTION as FEEDBACK
from bot.store.answers.feedback_events import HOPELESS, received
from bot.store.mongodb.client import DUPLICATE_KEY, Database, Document, refusal

_IS_NEW: Expression = {"$eq": [{"$type": "$_id"}, "missing"]}

# Of each operation in a bulk write MongoDB tells whether it inserted and whether it failed, but not whether
# it changed anything. So an operation that would change nothing fails, with an error that nothing else here
# leads to. The arguments depend on the document: MongoDB evaluates constants before it knows whether they
# are needed.
_FAIL: Expression = {"$reverseArray": {"$type": "$_id"}}
UNCHANGED_CODE = 34435
_FOREIGN: Expression = {"$objectToArray": {"$type": "$_id"}}
FOREIGN_CODE = 40390

_BULK = 500  # upserts
_BULK_BYTES = 32 * 1024 * 1024  # more may take longer than an operation may
_OPERATION_BYTES = MAX_BYTES + 16_000  # the driver and the server take hardly more
_SHOWN = 60

TOO_LARGE = (
    f"too large for MongoDB, which takes {MAX_BYTES:,} bytes a document, together with what is stored"
    " already; split it, or leave out what is not needed"
)
KEY_TAKEN = "its key is taken by a document that is not found by it; run `bootstrap`"
FORGOTTEN = (
    "whoever gave this answer has had everything from before deleted since (/forgetme); leave it out. What"
    " was received after that is taken"
)
FOREIGN = "its sessionKey belongs to a session with other ids; leave it out to have it filled in"
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
class Upsert:
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
    def of(
        cls,
        index: int,
        collection: str,
        record: Record,
        key: Document,
        now: datetime,
        *,
        unchanged: Expression = _FAIL,
    ) -> Upsert:
        """Make it; arguments as for `merge`."""
        stage = (
            record_stage(record, key["sessionKey"], now, unchanged=unchanged, foreign=_FOREIGN)
            if isinstance(record, FeedbackRecord)
            else merge(collection, record, now, unchanged=unchanged)
        )
        encoded = bson.encode(stage)
        return cls(index, record, key, RawBSONDocument(encoded), len(encoded) + len(bson.encode(key)) + 100)

    @property
    def is_too_large(self) -> bool:
        """Whether it cannot even be sent."""
        return self.size > _OPERATION_BYTES

    def under(self, session_key: str, now: datetime) -> Upsert:
        """The same answer under another key."""
        return Upsert.of(self.index, FEEDBACK, self.record, {"sessionKey": session_key}, now)

    def aside(self, now: datetime) -> Upsert | None:
        """The same answer under its second key; None if it is there already."""
        record = self.record
        if not isinstance(record, FeedbackRecord) or self.key["sessionKey"] != plain_key(record):
            return None
        return self.under(second_key(record), now)

    def request(self) -> UpdateOne:
        """The operation."""
        return UpdateOne(self.key, [self.stage], upsert=True)

    def refused(self, reason: str) -> Refused:
        """It is refused."""
        return Refused(key_text(self.key), reason)

    def loses_its_key(self, error: Mapping[str, Any]) -> bool:
        """Whether MongoDB refuses it because there is another document with its key."""
        return error["code"] == DUPLICATE_KEY and set(error["keyPattern"]) == set(self.key)

    def refused_by(self, error: Mapping[str, Any]) -> Refused:
        """MongoDB refuses it with an error that will not go away.

        Raises:
            StorageRejected: the error is not about the record.
        """
        code = error["code"]
        if self.loses_its_key(error):
            return self.refused(KEY_TAKEN)
        if code == DUPLICATE_KEY:
            fields = ", ".join(error["keyPattern"])
            return self.refused(
                f"another document has the same {fields}, which an index says is unique; run `bootstrap`"
            )
        if code == FOREIGN_CODE:
            return self.refused(FOREIGN)
        if code not in HOPELESS:
            raise StorageRejected(refusal(code, error.get("errmsg"), "write"))
        return self.refused(hopeless_reason(code))


def key_of(collection: str, record: Record, *, metrics_per_athlete: bool) -> Document | Refused:
    """The fields that name a record's document, with their values."""
    names = WRITTEN[collection].key(per_athlete=metrics_per_athlete)
    key = {name: getattr(record, name) for name in names}
    if key.get("athleteId", "") is None:
        reason = "athleteId is missing, and METRICS_PER_ATHLETE is set; whose week is it?"
        return Refused(key_text(key), reason)
    return key


def merge(
    collection: str,
    record: Record,
    now: datetime,
    *,
    unchanged: Expression = _FAIL,
    created_follows: bool = False,
) -> Document:
    """The pipeline stage that brings a record into its document, in any collection but `feedback_events`.

    Args:
        unchanged: the result where the document would stay the same.
        created_follows: `createdAt` is no change by itself: it is only written along with another one.
    """
    fields = record.to_update_fields()
    keeps_created = WRITTEN[collection].keeps_created
    parts: list[Expression] = ["$$ROOT"]
    stamps: dict[str, Expression] = {}
    if isinstance(record, RunArtifact) and "errors" not in fields:
        # Other writers may have left a wrong number, or none.
        parts.append({"$cond": [{"$isArray": "$errors"}, {"errorCount": {"$size": "$errors"}}, {}]})
    if "createdAt" not in fields:
        parts.append({"$cond": [_IS_NEW, {"createdAt": now}, {}]})
    elif keeps_created or created_follows:
        created = fields.pop("createdAt")
        parts.append({"createdAt": {"$ifNull": ["$createdAt", created]}})
        if not keeps_created:
            stamps["createdAt"] = created
    if keeps_created:
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


def plain_key(record: FeedbackRecord) -> str:
    """The `sessionKey` of an answer whose session has it to itself."""
    return f"{record.sessionRef}-{'anon' if record.userId is None else record.userId}"


def second_key(record: FeedbackRecord) -> str:
    """The `sessionKey` of an answer where another session came first."""
    return collision_key_of(plain_key(record), record.runId, record.sessionId)


def place(record: FeedbackRecord, holders: MutableMapping[str, tuple[Any, Any]]) -> str | None:
    """The `sessionKey` under which an answer belongs; None if the one it came with is another session's.

    Args:
        holders: whose documents there are: `runId` and `sessionId` by `sessionKey`, as far as the answer's
            keys (given, plain, second) are stored with a `runId`. The answer's own session is added.
    """
    ids, plain, key = (record.runId, record.sessionId), plain_key(record), str(record.sessionKey)
    if holders.get(plain) == ids:
        # It was exported from where the sessions had come in the other order.
        key = plain
    elif key == plain in holders:
        key = second_key(record)
    return key if holders.setdefault(key, ids) == ids else None


def bulks(upserts: Sequence[Upsert]) -> Iterator[list[Upsert]]:
    """Upserts in the portions that one operation may take."""
    bulk: list[Upsert] = []
    size = 0
    for upsert in upserts:
        if len(bulk) == _BULK or (bulk and size + upsert.size > _BULK_BYTES):
            yield bulk
            bulk, size = [], 0
        bulk.append(upsert)
        size += upsert.size
    if bulk:
        yield bulk


def hopeless_reason(code: int) -> str:
    """What an error of `HOPELESS` means for a record."""
    return _REASONS.get(code, f"MongoDB refuses the document (code {code})")


def key_text(key: Document) -> str:
    """A record's key for messages."""
    return ", ".join(
        f"{name} {json.dumps(value, ensure_ascii=False)[:_SHOWN]}" for name, value in key.items()
    )


async def receipts(
    db: Database, records: Sequence[Record], session: AsyncClientSession | None = None
) -> list[datetime]:
    """When the answers among records were received, and those that they may replace."""
    answers = [record for record in records if isinstance(record, FeedbackRecord)]
    keys = {
        key for answer in answers for key in (str(answer.sessionKey), plain_key(answer), second_key(answer))
    }
    standing = await received(db[FEEDBACK], keys, session)
    return [answer.receivedAt for answer in answers if answer.receivedAt is not None] + standing
