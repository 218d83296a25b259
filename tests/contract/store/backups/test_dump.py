"""From MongoDB into a file, and back: what it was, of one moment, as far as one may read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import pytest
from bson import Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.records.collections import FIGURES, LEASES
from bot.store.backups.archive import BackupFile, BackupWriter, Manifest
from bot.store.backups.dump import Dumped, NoSnapshotError, dump, server_version
from bot.store.backups.load import clear, count_outdated, load, occupied
from bot.store.mongodb.client import connect
from bot.store.mongodb.roles import SERVICE
from tests.support.mongo import bare_mongod

Database = AsyncDatabase[dict[str, Any]]

ODD: dict[str, Any] = {
    "_id": {"a": 1, "b": [2]},
    "long": Int64(7), "int": 7, "double": 7.0, "decimal": Decimal128("7.10"), "nan": float("nan"),
    "date": datetime(2026, 2, 16, tzinfo=UTC), "far": bson.DatetimeMS(2**50), "id": ObjectId(),
    "code": Code("x"), "regex": Regex("a.*", "i"), "time": Timestamp(3, 4), "least": MinKey(),
    "most": MaxKey(), "$dollar": {"a.b": None}, "bytes": b"\x00", "": "empty",
}  # fmt: skip


async def write(db: Database, path: Path, *, of_one_moment: bool = True) -> Dumped:
    """A backup of a database."""
    with BackupWriter(path) as writer:
        dumped = await dump(db, writer, of_one_moment=of_one_moment)
        writer.finish(
            Manifest(
                "1", "2026-02-16T18:42:00.000Z", db.name, await server_version(db), dumped.is_one_moment,
                None, 0, dumped.collections,
            )
        )  # fmt: skip
    return dumped


async def read_back(db: Database, path: Path) -> None:
    """Put it into a database."""
    with BackupFile(path) as backup:
        backup.verify()
        for saved in backup.manifest.collections:
            await load(db, backup, saved)


async def content(db: Database) -> dict[str, Any]:
    """All there is, byte for byte."""
    found: dict[str, Any] = {}
    for listed in await (await db.list_collections()).to_list():
        name = listed["name"]
        documents = [batch async for batch in db[name].find_raw_batches({}).sort("_id", 1)]
        indexes = await (await db[name].list_indexes()).to_list()
        found[name] = (
            b"".join(documents),  # type: ignore[arg-type]  # so the driver has them
            sorted((dict(it, key=list(it["key"].items())) for it in indexes), key=lambda it: str(it["name"])),
            listed["options"],
        )
    return found


@pytest.fixture
async def other(db: Database) -> AsyncIterator[Database]:
    """Another empty database."""
    database = db.client[f"test_{uuid4().hex}"]
    yield database
    await db.client.drop_database(database.name)


async def test_everything_comes_back_as_it_was(db: Database, other: Database, tmp_path: Path) -> None:
    """Documents of every type and size, indexes with their options, collections with theirs."""
    await db.create_collection("checked", validator={"n": {"$gt": 5}}, collation={"locale": "es"})
    await db["checked"].insert_one({"n": 1}, bypass_document_validation=True)
    await db.create_collection("capped", capped=True, size=4096)
    await db["feedback_events"].insert_many([ODD, *({"_id": number} for number in range(5_000))])
    await db["feedback_events"].insert_many([{"_id": f"large-{n}", "x": "é" * 7_000_000} for n in range(2)])
    await db["feedback_events"].create_index([("runId", 1), ("at", -1)], unique=True, sparse=True)
    await db["feedback_events"].create_index("receivedAt", expireAfterSeconds=60)
    await db["feedback_events"].create_index(
        "type", partialFilterExpression={"n": {"$gt": 3}}, collation={"locale": "simple"}
    )
    await db["empty"].create_index("x")
    for left in (LEASES.name, FIGURES.name):
        await db[left].insert_one({"_id": 1})
    before = await content(db)
    dumped = await write(db, tmp_path / "b")
    assert dumped.left_out == []
    assert {it.name: it.documents for it in dumped.collections} == {
        "capped": 0, "checked": 1, "empty": 0, "feedback_events": 5_003,
    }  # fmt: skip
    await read_back(other, tmp_path / "b")
    expected = {name: found for name, found in before.items() if name not in (LEASES.name, FIGURES.name)}
    assert await content(other) == expected


async def test_it_is_of_one_moment(db: Database, other: Database, tmp_path: Path) -> None:
    """What is written meanwhile into two collections is in both or in neither."""
    names = ("a", "z")
    for name in names:
        await db[name].insert_one({"_id": 0})
    await db["m"].insert_many([{"_id": number, "x": "x" * 1000} for number in range(60_000)])
    stop = asyncio.Event()

    async def go_on() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            async with db.client.start_session() as session, await session.start_transaction():
                for name in names:
                    await db[name].insert_one({"_id": number}, session=session)

    writing = asyncio.create_task(go_on())
    try:
        dumped = await write(db, tmp_path / "b")
    finally:
        stop.set()
        await writing
    assert dumped.is_one_moment
    await read_back(other, tmp_path / "b")
    numbers = [[it["_id"] async for it in other[name].find({}).sort("_id", 1)] for name in names]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) < await db["a"].count_documents({})


async def test_a_server_by_itself_has_no_moments(tmp_path: Path) -> None:
    """Nothing is read then, until it is asked for without."""
    (tmp_path / "db").mkdir()
    with bare_mongod(tmp_path / "db") as port:
        db = connect(f"mongodb://127.0.0.1:{port}", "t", "t")
        await db["x"].insert_many([{"_id": number} for number in range(10)])
        with pytest.raises(NoSnapshotError):
            await write(db, tmp_path / "b")
        assert not (tmp_path / "b").exists()
        dumped = await write(db, tmp_path / "b", of_one_moment=False)
        assert [(it.name, it.documents) for it in dumped.collections] == [("x", 10)]
        assert not dumped.is_one_moment
        await db.client.close()


async def test_the_bots_own_role_suffices(db: Database, mongo_url: str, tmp_path: Path) -> None:
    """It may not list collections; what it may not read is named."""
    for name in ("feedback_events", "taps", "users"):
        await db[name].insert_one({"_id": 1})
    await db["theirs"].insert_one({"_id": 1})
    await db.command("create", "seen", viewOn="taps", pipeline=[])
    assert (await write(db, tmp_path / "all")).left_out == ["seen (a view)"]
    await db.command("createRole", SERVICE.name, privileges=SERVICE.privileges(db.name), roles=[])
    password = uuid4().hex
    await db.command("createUser", "bot", pwd=password, roles=[SERVICE.name])
    host = mongo_url.rpartition("@")[2].partition("/")[0]
    url = f"mongodb://bot:{password}@{host}/{db.name}?directConnection=true"
    try:
        async with AsyncMongoClient[dict[str, Any]](url) as client:
            dumped = await write(client[db.name], tmp_path / "b")
    finally:
        await db.command("dropUser", "bot")
        await db.command("dropRole", SERVICE.name)
    assert [it.name for it in dumped.collections] == ["feedback_events", "taps", "users"]
    assert dumped.is_one_moment


async def test_what_is_there_is_counted_and_cleared(db: Database, tmp_path: Path) -> None:
    """Tombstones stay, and collections that neither the backup nor the bot has."""
    await db["x"].insert_one({"_id": 1})
    dumped = await write(db, tmp_path / "b")
    for name in ("tombstones", "journals", "leases", "theirs", "taps"):
        await db[name].insert_many([{"_id": 1}, {"_id": 2}])
    await db["users"].create_index("x")
    assert await occupied(db, dumped.collections) == {"taps": 2, "x": 1}
    await clear(db, dumped.collections)
    assert sorted(await db.list_collection_names()) == ["leases", "theirs", "tombstones"]
    await read_back(db, tmp_path / "b")
    assert await occupied(db, dumped.collections) == {"x": 1}


async def test_what_expires_at_once_is_counted(db: Database, tmp_path: Path) -> None:
    """By the indexes that the backup has."""
    now = datetime(2026, 2, 16, tzinfo=UTC)
    await db["x"].create_index("at", expireAfterSeconds=86_400)
    await db["x"].insert_many([{"at": now.replace(day=day)} for day in (1, 2, 16)])
    dumped = await write(db, tmp_path / "b")
    assert await count_outdated(db, dumped.collections, now) == {"x": 2}
