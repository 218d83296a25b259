"""Timestamps that are not BSON dates: MongoDB never deletes such documents, and sorts them apart.

Workflows that write to MongoDB themselves often store ISO 8601 strings.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pymongo

from bot.store.connection import NO_TIMEOUT, Collection, Database, Document, storage_errors
from bot.store.indexes import INDEXES

FIELDS: dict[str, tuple[str, ...]] = {
    "run_events": ("createdAt",),
    "feedback_events": ("receivedAt", "timestamp", "promptSentAt"),
    "weekly_metrics": ("createdAt", "updatedAt"),
    "plan_snapshots": ("createdAt",),
    "run_artifacts": ("createdAt", "updatedAt"),
    "taps": ("receivedAt",),
}
"""The timestamps of each collection."""

_EXPIRING = {(index.collection, index.fields[0]) for index in INDEXES if index.expire_after_days is not None}

# Each by itself, so that an index is read where it holds them. Arrays are found by what is in them.
_OTHER_TYPES = (
    *("number", "string", "object", "binData", "objectId", "bool", "regex", "timestamp", "minKey", "maxKey"),
)
_ISO_8601 = (
    # Years that survive any offset; MongoDB checks the day, `\z` because `$` allows a line break.
    r"^[12]\d{3}-\d\d-\d\d"
    r"([Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?([Zz]|[+-](0\d|1[0-4])(:?[0-5]\d)?)?)?\z"
)
_CHECK_TIMEOUT = 60  # seconds a field; those without an index are found by reading the collection
_SHOWN = 10

Progress = Callable[[int, int], None]
"""Called with the number of strings dealt with and the number of all."""


@dataclass(frozen=True, slots=True)
class OddDates:
    """Documents of one collection whose timestamp has one wrong type.

    Attributes:
        type: BSON type: `string`, `int`, `null`, `missing`...
        expires: whether MongoDB should delete by this field, and cannot.
    """

    collection: str
    field: str
    type: str
    count: int
    expires: bool

    def __str__(self) -> str:
        line = f"{self.collection}.{self.field}: no date but {self.type} in {_documents(self.count)}"
        if self.expires:
            line += ", never deleted"
        return f"{line}; run bootstrap --convert-dates" if self.type == "string" else line


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of the strings in one timestamp.

    Attributes:
        converted: documents that hold a BSON date now.
        left: documents whose string is not ISO 8601, untouched.
        examples: `_id` of the first ten of those, as JSON.
    """

    collection: str
    field: str
    converted: int
    left: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        line = f"{self.collection}.{self.field}: {_documents(self.converted)} converted"
        if not self.left:
            return line
        more = ", and more" if self.left > len(self.examples) else ""
        return (
            f"{line}, {self.left} left as they are, being no ISO 8601 dates:"
            f" _id {', '.join(self.examples)}{more}"
        )


def _documents(number: int) -> str:
    return f"{number} document{'' if number == 1 else 's'}"


async def find_odd_dates(db: Database) -> list[OddDates]:
    """Count the timestamps that are not BSON dates, by collection, field and type.

    A missing or null timestamp counts only where MongoDB should delete by it.

    Raises:
        StorageUnavailable, StorageRejected: as `storage_errors`.
    """
    found = []
    for name, fields in FIELDS.items():
        for field in fields:
            expires = (name, field) in _EXPIRING
            types: list[Document] = [{field: {"$type": type_}} for type_ in _OTHER_TYPES]
            pipeline: list[Document] = [
                {"$match": {"$or": [*types, {field: None}] if expires else types}},
                {"$group": {"_id": {"$type": f"${field}"}, "count": {"$sum": 1}}},
                {"$sort": {"_id": 1}},
            ]
            with storage_errors(), pymongo.timeout(_CHECK_TIMEOUT):
                groups = await (await db[name].aggregate(pipeline)).to_list()
            found += [OddDates(name, field, group["_id"], group["count"], expires) for group in groups]
    return found


async def convert_dates(
    db: Database, *, batch: int = 1000, progress: Progress | None = None
) -> list[Conversion]:
    """Turn ISO 8601 strings in timestamps into BSON dates, in place.

    A string without offset is taken as UTC, one without time as midnight UTC; digits beyond milliseconds
    are lost. Everything else, numbers included, stays as it is. MongoDB converts what a document holds at
    that moment, so nobody's write is undone. May be stopped at any time, run again, and run twice at once.

    Where a collection expires, MongoDB deletes what turns out to be too old within a minute or so.

    Args:
        batch: documents in one update.

    Returns:
        A conversion for each timestamp that held strings.

    Raises:
        StorageUnavailable, StorageRejected: as `storage_errors`; what was converted stays so.
    """
    done, conversions = 0, []
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):
        counts = {
            (name, field): await db[name].count_documents(_iso_strings(field))
            for name, fields in FIELDS.items()
            for field in fields
        }
        total = sum(counts.values())
        for (name, field), count in counts.items():
            converted = 0
            # Nothing is met twice: in an index, dates do not stand among strings; documents stay put.
            async for ids in _batches(db[name], _iso_strings(field), batch):
                update: Document = {"$dateFromString": {"dateString": f"${field}", "onError": f"${field}"}}
                result = await db[name].update_many(
                    {"_id": {"$in": ids}, **_iso_strings(field)}, [{"$set": {field: update}}]
                )
                converted += result.modified_count
                done += len(ids)
                if progress is not None:
                    progress(done, max(done, total))
            strings = {field: {"$type": "string"}}
            left = await db[name].count_documents(strings)
            if count or converted or left:
                examples = await db[name].find(strings, {"_id": True}).limit(_SHOWN).to_list()
                shown = tuple(json.dumps(document["_id"], default=str) for document in examples)
                conversions.append(Conversion(name, field, converted, left, shown))
    return conversions


def _iso_strings(field: str) -> Document:
    return {field: {"$regex": _ISO_8601}}


async def _batches(collection: Collection, query: Document, size: int) -> AsyncIterator[list[object]]:
    batch: list[object] = []
    async for document in collection.find(query, {"_id": True}).batch_size(size):
        batch.append(document["_id"])
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
