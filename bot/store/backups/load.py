"""From a backup into MongoDB: collections with their options, documents as they were, and indexes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import bson
import pymongo
from bson import json_util
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from bot.core.records.collections import COLLECTIONS, JOURNALS, TOMBSTONES
from bot.core.shared.errors import BackupError
from bot.store.backups.archive import BackupFile, SavedCollection
from bot.store.backups.dump import LEFT_OUT
from bot.store.mongodb.client import NO_TIMEOUT, Database, Document, storage_errors

_RAW = CodecOptions[RawBSONDocument](document_class=RawBSONDocument)
_OURS = frozenset(collection.name for collection in COLLECTIONS) - LEFT_OUT
_AT_ONCE = 1_000  # documents


async def occupied(db: Database, saved: Iterable[SavedCollection]) -> dict[str, int]:
    """How many documents stand where the backup's would: by collection, where there are any.

    What a service notes of itself is not among it, nor tombstones, which stay.

    Raises:
        StorageError.
    """
    names = (_OURS | {it.name for it in saved}) - {TOMBSTONES.name, JOURNALS.name}
    found = {}
    for name in sorted(names):
        with storage_errors(), pymongo.timeout(NO_TIMEOUT):
            if await db[name].find_one({}, {"_id": True}) is not None:
                found[name] = await db[name].estimated_document_count()
    return found


async def clear(db: Database, saved: Iterable[SavedCollection]) -> None:
    """Drop every collection in whose place the backup's come, but for tombstones: these are final.

    Raises:
        StorageError.
    """
    for name in sorted((_OURS | {it.name for it in saved}) - {TOMBSTONES.name}):
        with storage_errors(), pymongo.timeout(NO_TIMEOUT):
            await db[name].drop()


async def load(db: Database, backup: BackupFile, saved: SavedCollection) -> None:
    """Make one collection that is not there, with its documents.

    Raises:
        BackupError: the backup is damaged.
        StorageError.
    """
    options = _native(saved.options)
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):
        await db.command({"create": saved.name, **options})
    target = db.get_collection(saved.name, codec_options=_RAW)
    batches = backup.documents(saved)
    while documents := await asyncio.to_thread(next, batches, None):
        for start in range(0, len(documents), _AT_ONCE):
            raw = [RawBSONDocument(document, _RAW) for document in documents[start : start + _AT_ONCE]]
            with storage_errors(), pymongo.timeout(NO_TIMEOUT):
                await target.insert_many(
                    raw, ordered=False, bypass_document_validation="validator" in options or None
                )
    await _index(db, saved)


async def _index(db: Database, saved: SavedCollection) -> None:
    """Make its indexes, that of `_id` excepted, which is there."""
    wanted = [_native(it) for it in saved.indexes if it["name"] != "_id_" and not it.get("clustered")]
    if wanted:
        with storage_errors(), pymongo.timeout(NO_TIMEOUT):
            await db.command({"createIndexes": saved.name, "indexes": wanted})


def read_all(backup: BackupFile, saved: SavedCollection) -> Iterator[Document]:
    """The documents of a small collection.

    Raises:
        BackupError: the backup is damaged.
    """
    for documents in backup.documents(saved):
        for document in documents:
            try:
                yield bson.decode(document, CodecOptions[Document](tz_aware=True))
            except InvalidBSON:
                raise BackupError(f"{saved.file} in the backup holds what is no document") from None


async def count_outdated(db: Database, saved: Sequence[SavedCollection], now: datetime) -> dict[str, int]:
    """How many documents MongoDB will delete at once, since they are older than their collection keeps.

    Raises:
        StorageError.
    """
    found = {}
    for it in saved:
        for index in map(_native, it.indexes):
            seconds = index.get("expireAfterSeconds")
            if isinstance(seconds, int | float) and len(index["key"]) == 1:
                before = {"$lt": now - timedelta(seconds=min(seconds, 10**9))}
                with storage_errors(), pymongo.timeout(NO_TIMEOUT):
                    number = await db[it.name].count_documents({next(iter(index["key"])): before})
                if number:
                    found[it.name] = number
    return found


def _native(value: Mapping[str, Any]) -> dict[str, Any]:
    """Extended JSON, as the driver has it."""
    return dict(json_util.loads(json.dumps(value)))
