"""Documents of the collections that have a model, as a stream, in a stable order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from bson.codec_options import DatetimeConversion

from bot.core.records.collections import WRITTEN
from bot.core.shared.clock import iso_utc
from bot.store.mongodb.client import NO_TIMEOUT, Database, Document, storage_errors

DATE_FIELDS: Mapping[str, str] = {name: collection.date_field for name, collection in WRITTEN.items()}
"""The field of each collection by which documents are selected and ordered: an instant, or a day
(`YYYY-MM-DD`)."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """Which documents of a collection; all that is None selects nothing out.

    Attributes:
        since: the earliest value of the date field: a day for `weekly_metrics`, else an aware datetime.
        before: the first value that is too late; of the same type.
        run_id: not for `weekly_metrics`, which has no `runId`.
    """

    since: datetime | str | None = None
    before: datetime | str | None = None
    run_id: str | None = None


ALL = Selection()


async def read_batches(
    db: Database, collection: str, selection: Selection = ALL, *, batch: int = _BATCH
) -> AsyncIterator[list[Document]]:
    """The selected documents without their `_id`, some hundred at a time, oldest first.

    They are ordered by the field of `DATE_FIELDS` alone, for which there is an index; where it is the same,
    in the order in which MongoDB keeps them. Documents without the field come first, then those where other
    writers left the time as text. What is written meanwhile may be in it or not. It takes as long as it
    takes, but MongoDB gives up on a reader that asks for nothing in ten minutes.

    Raises:
        StorageError: also in the middle; what came before is good.
    """
    field = DATE_FIELDS[collection]
    # A date beyond Python's years is given as what it is, so that whoever reads refuses it.
    options = db.codec_options.with_options(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    cursor = (
        db[collection]
        .with_options(codec_options=options)
        .find(selecting(field, selection), {"_id": False}, batch_size=batch, allow_disk_use=True)
        .sort(field, pymongo.ASCENDING)
    )
    try:
        while True:
            with storage_errors(), pymongo.timeout(NO_TIMEOUT):
                documents = await cursor.to_list(batch)
            if not documents:
                return
            yield documents
    finally:
        with storage_errors():
            await cursor.close()


# Each by itself, so that an index is read where it holds them. Null is what is missing, too.
_NO_TIMES = (
    *("number", "object", "binData", "objectId", "bool", "regex", "timestamp", "dbPointer", "javascript"),
    *("javascriptWithScope", "minKey", "maxKey"),
)


def undated(field: str) -> list[Document]:
    """Filters, each for itself, of documents in whose `field` stands something that is no time.

    Text is not among it, since others store times as text. Arrays are found by what is in them.
    """
    return [{field: []}, *({field: {"$type": type_}} for type_ in _NO_TIMES)]


async def count_undated(db: Database, collection: str, selection: Selection) -> int:
    """How many documents a selection leaves out that could be of its time.

    Raises:
        StorageError.
    """
    if selection.since is None and selection.before is None:
        return 0
    field = DATE_FIELDS[collection]
    run: Document = {} if selection.run_id is None else {"runId": selection.run_id}
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):
        return await db[collection].count_documents({**run, "$or": [{field: None}, *undated(field)]})


def selecting(field: str, selection: Selection) -> Document:
    """The filter of a selection by the date in `field`."""
    query: dict[str, Any] = {} if selection.run_id is None else {"runId": selection.run_id}
    limits = {"$gte": selection.since, "$lt": selection.before}
    limits = {operator: value for operator, value in limits.items() if value is not None}
    if not limits:
        return query
    # MongoDB compares a date with dates only; this finds the times that others stored as text, too.
    as_text = {
        operator: iso_utc(value) if isinstance(value, datetime) else value
        for operator, value in limits.items()
    }
    return query | ({field: limits} if as_text == limits else {"$or": [{field: limits}, {field: as_text}]})
