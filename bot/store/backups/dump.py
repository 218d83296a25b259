"""From MongoDB into a backup: every collection of the database, as all were at one moment.

That is what a replica set gives, for some minutes (`minSnapshotHistoryWindowInSeconds`). Where it does not,
each collection is read as it is when its turn comes, in the order of `_id`, so that no document comes twice.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pymongo
from bson import json_util
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConfigurationError, OperationFailure
from pymongo.read_concern import ReadConcern

from bot.core.records.collections import COLLECTIONS, INBOX, LEASES
from bot.core.shared.errors import StorageDenied
from bot.store.backups.archive import BackupWriter, SavedCollection, file_of
from bot.store.mongodb.client import NO_TIMEOUT, Collection, Database, storage_errors

LEFT_OUT = frozenset(collection.name for collection in COLLECTIONS if not collection.in_backup)
"""Ours that are made anew, or are about what runs now."""

_LENGTH = struct.Struct("<i")
# MongoDB's error codes: no replica set, or too old a server; it was too long ago, or cannot be had now.
_NO_SNAPSHOT = frozenset({9, 20, 72, 123, 239, 246})


@dataclass(frozen=True, slots=True)
class Dumped:
    """What was written.

    Attributes:
        is_one_moment: whether all is of one moment.
        left_out: views and the like, and what this user may not read, each with the reason.
    """

    collections: Sequence[SavedCollection]
    is_one_moment: bool
    left_out: Sequence[str]


class NoSnapshotError(Exception):
    """MongoDB does not know, or not any more, how all was at one moment."""


async def dump(db: Database, writer: BackupWriter, *, of_one_moment: bool) -> Dumped:
    """Write all documents of the database into a backup.

    Raises:
        NoSnapshotError: `of_one_moment` cannot be had.
        StorageError: the backup is not whole.
        OSError: it cannot be written.
    """
    listed = await _list(db)
    if not of_one_moment:
        return await _dump(db, writer, listed, None)
    async with _snapshot(db) as session:
        return await _dump(db, writer, listed, session)


async def _list(db: Database) -> Sequence[Mapping[str, Any]]:
    """The collections, as `listCollections` shows them; to whoever may not list all, those that they may
    read, without options."""
    more: dict[str, Any] = {}
    while True:
        try:
            with storage_errors(), pymongo.timeout(NO_TIMEOUT):
                found = await (await db.list_collections(**more)).to_list()
        except StorageDenied:
            if more:
                raise
            more = {"authorizedCollections": True, "nameOnly": True}
        else:
            kept = [it for it in found if not it["name"].startswith("system.") and it["name"] not in LEFT_OUT]
            # The journal first: what leaves it meanwhile is in the others by then.
            return sorted(kept, key=lambda it: (it["name"] != INBOX.name, str(it["name"])))


@asynccontextmanager
async def _snapshot(db: Database) -> AsyncIterator[AsyncClientSession]:
    """What is read in this session is as it was when this begins."""
    async with db.client.start_session(snapshot=True) as session:
        with _reading(session):
            await _plain(db, LEASES.name).find_one({}, session=session)
        yield session


@contextmanager
def _reading(session: AsyncClientSession | None) -> Iterator[None]:
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):
        try:
            yield
        except ConfigurationError:
            if session is not None:
                raise NoSnapshotError from None
            raise
        except OperationFailure as exc:
            if session is not None and exc.code in _NO_SNAPSHOT:
                raise NoSnapshotError from None
            raise


def _plain(db: Database, name: str) -> Collection:
    """Read as the session says, whatever the connection string does."""
    return db[name].with_options(read_concern=ReadConcern())


async def _dump(
    db: Database,
    writer: BackupWriter,
    listed: Sequence[Mapping[str, Any]],
    session: AsyncClientSession | None,
) -> Dumped:
    saved, left_out = [], []
    for found in listed:
        name = str(found["name"])
        if found.get("type", "collection") != "collection":
            left_out.append(f"{name} (a {found['type']})")
            continue
        try:
            saved.append(await _dump_one(db, writer, name, found.get("options") or {}, session))
        except StorageDenied:
            left_out.append(f"{name} (this user may not read it)")
    return Dumped(saved, session is not None, left_out)


async def _dump_one(
    db: Database,
    writer: BackupWriter,
    name: str,
    options: Mapping[str, Any],
    session: AsyncClientSession | None,
) -> SavedCollection:
    indexes = await _indexes(db, name)
    batches = _batches(db, name, None if options.get("capped") else session)  # of these there are no moments
    first = await anext(batches, b"")  # before its part is begun: who may not read it leaves none
    number = 0
    with writer.member(file_of(name)) as member:
        batch = first
        while batch:
            number += _count(batch)
            await asyncio.to_thread(member.write, batch)
            batch = await anext(batches, b"")
    return SavedCollection(name, number, member.part, _extended(options), _extended(indexes))


async def _batches(db: Database, name: str, session: AsyncClientSession | None) -> AsyncIterator[bytes]:
    """All documents in BSON, one behind the other, at most 16 MB at a time."""
    order = None if session is not None else [("_id", pymongo.ASCENDING)]
    cursor = _plain(db, name).find_raw_batches({}, session=session, sort=order)
    try:
        while True:
            with _reading(session):
                batch = cast("bytes", await anext(cursor, b""))
            if not batch:
                return
            yield batch
    finally:
        with storage_errors():
            await cursor.close()


async def _indexes(db: Database, name: str) -> Sequence[Mapping[str, Any]]:
    """As `listIndexes` shows them; none to whoever may not list them: the bot makes its own."""
    try:
        with storage_errors(), pymongo.timeout(NO_TIMEOUT):
            return [dict(it) for it in await (await db[name].list_indexes()).to_list()]
    except StorageDenied:
        return []


def _count(batch: bytes) -> int:
    number = at = 0
    while at < len(batch):
        at += _LENGTH.unpack_from(batch, at)[0]
        number += 1
    return number


def _extended(value: Any) -> Any:
    """As Extended JSON, which keeps every type."""
    return json.loads(json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS))


async def server_version(db: Database) -> str:
    """Of MongoDB.

    Raises:
        StorageError.
    """
    with storage_errors():
        return str((await db.client.server_info())["version"])
