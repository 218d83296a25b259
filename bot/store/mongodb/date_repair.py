"""Timestamps that are not BSON dates: MongoDB never deletes such documents, and sorts them apart.

Workflows that write to MongoDB themselves often store ISO 8601 strings.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pymongo
from bson import ObjectId

from bot.core.records.collections import COLLECTIONS
from bot.core.shared.formatting import count
from bot.store.mongodb.client import NO_TIMEOUT, Collection, Database, Document, storage_errors

FIELDS = {collection.name: collection.dates for collection in COLLECTIONS if collection.dates}
"""The timestamps of each collection."""

_EXPIRING = {(it.name, it.expiry.field) for it in COLLECTIONS if it.expiry is not None}

# Each by itself, so that an index is read where it holds them. Arrays are found by what is in them.
_OTHER_TYPES = (
    *("number", "string", "object", "binData", "objectId", "bool", "regex", "timestamp", "minKey", "maxKey"),
    *("dbPointer", "javascript", "javascriptWithScope"),
)
_ISO_8601 = (
    # Years that survive any offset; MongoDB checks the day, `\z` because `$` allows a line break.
    r"^[12]\d{3}-\d\d-\d\d"
    r"([Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?([Zz]|[+-](0\d|1[0-4])(:?[0-5]\d)?)?)?\z"
)
_PLACEHOLDER = "YYYY-MM-DDThh:mm:ssZ"  # mongosh refuses it, so nobody stores it unseen

Remedy: TypeAlias = Literal["convert", "expire", "correct"]
"""What helps a timestamp of a wrong type: `convert_dates`; the same, whereupon MongoDB deletes the document
at once, since it is older than its collection keeps; or nobody but its owner."""

Progress = Callable[[int, int], None]
"""Called with the number of strings dealt with and the number of all."""


@dataclass(frozen=True, slots=True)
class OddDates:
    """Documents of one collection whose timestamp has one wrong type.

    Attributes:
        type: BSON type: `string`, `int`, `null`, `missing`...
        expires: whether MongoDB should delete by this field, and cannot.
        examples: `_id` of one or two of them, for mongosh.
    """

    collection: str
    field: str
    type: str
    remedy: Remedy
    count: int
    expires: bool
    examples: tuple[str, ...]

    @property
    def is_text(self) -> bool:
        """Whether it is a string, which is what `convert_dates` is about."""
        return self.type == "string"

    @property
    def problem(self) -> str:
        """What is wrong, and where."""
        where, documents = f"{self.collection}.{self.field}", count(self.count, "document")
        never = ", never deleted" if self.expires else ""
        if self.remedy == "convert":
            return f"{where}: no date but ISO 8601 text in {documents}{never}"
        if self.remedy == "expire":
            return f"{where}: no date but ISO 8601 text in {documents} older than the collection keeps"
        what = {"string": "unreadable text", "missing": "nothing"}.get(self.type, self.type)
        more = ", and more" if self.count > len(self.examples) else ""
        return f"{where}: no date but {what} in {documents} (_id {', '.join(self.examples)}{more}){never}"

    @property
    def cure(self) -> str:
        """What to do."""
        if self.remedy == "convert":
            return "run bootstrap --convert-dates"
        if self.remedy == "expire":
            return (
                "export what is still needed, then run bootstrap --convert-dates --expire-old, and MongoDB"
                " deletes them"
            )
        command = (
            f"db.{self.collection}.updateOne({{_id: {self.examples[0]}}},"
            f' {{$set: {{{self.field}: ISODate("{_PLACEHOLDER}")}}}})'
        )
        return f"correct by hand, in mongosh: {command}"

    def __str__(self) -> str:
        return f"{self.problem}; {self.cure}"


@dataclass(frozen=True, slots=True)
class Conversion:
    """How many documents hold a BSON date now in one timestamp."""

    collection: str
    field: str
    converted: int

    def __str__(self) -> str:
        return f"{self.collection}.{self.field}: {count(self.converted, 'document')} converted"


async def find_odd_dates(db: Database) -> list[OddDates]:
    """Count the timestamps that are not BSON dates, by collection, field, type and remedy.

    A missing or null timestamp counts only where MongoDB should delete by it.

    Raises:
        StorageError: as `storage_errors`.
    """
    found = []
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):  # fields without an index take as long as they take
        for name, fields in FIELDS.items():
            expiries = await _expiries(db[name])
            for field in fields:
                expires = (name, field) in _EXPIRING
                types: list[Document] = [{field: []}, *({field: {"$type": type_}} for type_ in _OTHER_TYPES)]
                kind: Document = {"type": {"$type": f"${field}"}, "remedy": _remedy(field, expiries)}
                ids: Document = {"first": {"$min": "$_id"}, "last": {"$max": "$_id"}}
                pipeline: list[Document] = [
                    {"$match": {"$or": [*types, {field: None}] if expires else types}},
                    {"$group": {"_id": kind, "count": {"$sum": 1}, **ids}},
                    {"$sort": {"_id": 1}},
                ]
                async for group in await db[name].aggregate(pipeline):
                    type_, remedy, number = group["_id"]["type"], group["_id"]["remedy"], group["count"]
                    examples = tuple(_literal(group[which]) for which in ("first", "last")[:number])
                    found.append(OddDates(name, field, type_, remedy, number, expires, examples))
    return found


async def convert_dates(
    db: Database, *, expire_old: bool = False, batch: int = 1000, progress: Progress | None = None
) -> list[Conversion]:
    """Turn ISO 8601 strings in timestamps into BSON dates, in place.

    A string without offset is taken as UTC, one without time as midnight UTC; digits beyond milliseconds
    are lost. Everything else, numbers included, stays as it is. MongoDB converts what a document holds at
    that moment, so nobody's write is undone. May be stopped at any time, run again, and run twice at once.

    Args:
        expire_old: convert also where an index then has MongoDB delete the document at once (within a minute
            or so), since it is too old; otherwise those strings stay.
        batch: documents in one update.

    Returns:
        A conversion for each timestamp that held such strings.

    Raises:
        StorageError: as `storage_errors`; what was converted stays so.
    """
    remedies: list[Remedy] = ["convert", "expire"] if expire_old else ["convert"]
    done, conversions = 0, []
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):
        work: list[tuple[str, str, Document, int]] = []
        for name, fields in FIELDS.items():
            expiries = await _expiries(db[name])
            for field in fields:
                # The pattern by itself too, since an index serves it.
                chosen: Document = {"$expr": {"$in": [_remedy(field, expiries), remedies]}}
                query: Document = {field: {"$regex": _ISO_8601}} | chosen
                if number := await db[name].count_documents(query):
                    work.append((name, field, query, number))
        total = sum(number for *_, number in work)
        for name, field, query, _ in work:
            converted = 0
            # Nothing is met twice: in an index, dates do not stand among strings; documents stay put.
            async for ids in _batches(db[name], query, batch):
                result = await db[name].update_many(
                    {"_id": {"$in": ids}, **query}, [{"$set": {field: _date(field)}}]
                )
                converted += result.modified_count
                done += len(ids)
                if progress is not None:
                    progress(done, max(done, total))
            conversions.append(Conversion(name, field, converted))
    return conversions


async def _expiries(collection: Collection) -> dict[str, float]:
    """Seconds until MongoDB deletes, by field, as the indexes say that are there."""
    expiries: dict[str, float] = {}
    for index in await (await collection.list_indexes()).to_list():
        if "expireAfterSeconds" in index:
            field = next(iter(index["key"]))
            seconds = float(index["expireAfterSeconds"])
            seconds = 0.0 if math.isnan(seconds) else seconds  # as MongoDB before 6.0.2 takes it
            expiries[field] = min(seconds, expiries.get(field, math.inf))
    return expiries


def _remedy(field: str, expiries: Mapping[str, float]) -> Document:
    """The expression that gives the `Remedy` of a timestamp that is no date."""
    readable: Document = {
        "$and": [
            {"$eq": [{"$type": f"${field}"}, "string"]},
            {"$ne": [_date(field), None]},  # before the pattern, which fails on what is no UTF-8
            {"$regexMatch": {"input": f"${field}", "regex": _ISO_8601}},
        ]
    }
    branches: list[Document] = [{"case": {"$not": [readable]}, "then": "correct"}]
    if field in expiries:
        oldest: Document = {"$subtract": ["$$NOW", expiries[field] * 1000]}
        branches.append({"case": {"$lte": [_date(field), oldest]}, "then": "expire"})
    return {"$switch": {"branches": branches, "default": "convert"}}


def _date(field: str) -> Document:
    """The expression for the date that a string stands for; null if for none."""
    return {"$dateFromString": {"dateString": f"${field}", "onError": None}}


def _literal(id_: object) -> str:
    return repr(id_) if isinstance(id_, ObjectId) else json.dumps(id_, default=str)


async def _batches(collection: Collection, query: Document, size: int) -> AsyncIterator[list[object]]:
    batch: list[object] = []
    async for document in collection.find(query, {"_id": True}).batch_size(size):
        batch.append(document["_id"])
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
