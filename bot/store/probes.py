"""What `doctor` asks of MongoDB, and tries in it: nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo.errors import OperationFailure, PyMongoError

from bot.core.health.mongodb_checks import Rights, Server
from bot.core.shared.clock import Clock
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.mongodb.roles import SERVICE, lacking

_SCRATCH = "doctor_scratch_"
_LEFT_AFTER = timedelta(hours=1)  # by somebody who was killed
_UNAUTHORIZED = (13, 8000)  # the latter on Atlas
_CLEAN_WITHIN = 2.0  # seconds


async def look(db: Database, clock: Clock) -> tuple[Server, timedelta]:
    """What the server is, and how far this machine's clock is ahead of its clock.

    Raises:
        StorageError.
    """
    with storage_errors():
        await db.command("ping")  # connects
        before = clock()
        hello = await db.command("hello", compression=["zlib"])  # an offer; nothing is compressed by it
        after = clock()
        build = await db.command("buildInfo")
        status = await db.command("connectionStatus")
    users = status["authInfo"]["authenticatedUsers"]
    server = Server(
        version=str(build["version"]),
        has_set="setName" in hello or hello.get("msg") == "isdbgrid",
        user=users[0]["user"] if users else None,
        user_db=users[0]["db"] if users else None,
        latency=after - before,
        takes_zlib="zlib" in hello.get("compression", ()),
    )
    theirs: datetime = hello["localTime"]
    return server, before + (after - before) / 2 - theirs.replace(tzinfo=UTC)


async def try_rights(db: Database) -> Rights:
    """Insert, update, delete, and make and change an index, in a collection made for it and dropped again.

    A user with the bot's own role may touch no other collections than the bot's; what it grants is read then.

    Raises:
        StorageUnavailable: no majority has it on disk in time.
        StorageRejected: MongoDB refuses for another reason than rights.
    """
    refused: list[str] = []
    scratch = db[f"{_SCRATCH}{ObjectId()}"]
    tries: dict[str, Callable[[], Awaitable[object]]] = {
        "insert": lambda: scratch.insert_one({"_id": 1}),
        "update": lambda: scratch.update_one({"_id": 1}, {"$set": {"at": datetime.now(UTC)}}),
        "delete": lambda: scratch.delete_one({"_id": 1}),
        "createIndex": lambda: scratch.create_index("at", name="at", expireAfterSeconds=3600),
        "collMod": lambda: db.command(
            "collMod", scratch.name, index={"name": "at", "expireAfterSeconds": 7200}
        ),
    }
    try:
        with storage_errors():
            for name, attempt in tries.items():
                if name == "collMod" and "createIndex" in refused:
                    continue  # there is nothing to change
                if not await _may(attempt):
                    refused.append(name)
                    if name == "insert" and (rights := await _rights_by_role(db)):
                        return rights
    finally:
        cleaning = asyncio.ensure_future(_clean(db, scratch.name))
        # Also when the time is over: a collection that stays would be a nuisance.
        await asyncio.wait({cleaning}, timeout=_CLEAN_WITHIN)
        if not cleaning.done():
            cleaning.cancel()
    # One that takes too long is not refused; the next try drops what it leaves.
    if cleaning.done() and not cleaning.result() and "insert" not in refused:
        refused.append("drop")
    return Rights(tuple(refused))


async def _rights_by_role(db: Database) -> Rights | None:
    """What the bot's own role grants here; None if the user has another one."""
    status = await db.command("connectionStatus", showPrivileges=True)
    roles = [(role["role"], role["db"]) for role in status["authInfo"]["authenticatedUserRoles"]]
    if (SERVICE.name, db.name) not in roles:
        return None
    granted = status["authInfo"]["authenticatedUserPrivileges"]
    return Rights(("insert",), SERVICE.name, tuple(lacking(SERVICE, db.name, granted)))


async def _may(attempt: Callable[[], Awaitable[object]]) -> bool:
    try:
        await attempt()
    except OperationFailure as exc:
        if exc.code not in _UNAUTHORIZED:
            raise
        return False
    return True


async def _clean(db: Database, name: str) -> bool:
    """Drop a scratch collection, and those that were left; whether that was allowed."""
    try:
        allowed = await _may(lambda: db.drop_collection(name))
        old = datetime.now(UTC) - _LEFT_AFTER
        found: Document = {"name": {"$regex": f"^{_SCRATCH}[0-9a-f]{{24}}$"}}
        for other in await db.list_collection_names(filter=found):
            if ObjectId(other.removeprefix(_SCRATCH)).generation_time < old:
                await db.drop_collection(other)
    except PyMongoError:
        return False
    return allowed
