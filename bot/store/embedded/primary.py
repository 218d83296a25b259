"""Makes a server that has just been started one that takes writes, and lets its user in."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from bot.core.shared.errors import StorageError
from bot.store.embedded.access import HOST, USER, Access
from bot.store.embedded.version import FilesVersion
from bot.store.mongodb.client import storage_errors
from bot.tasks import heeding_cancellation

log = logging.getLogger(__name__)

REPLICA_SET = "rs0"
POLL = 0.02
"""Seconds between two looks."""
_GOODBYE = 3.0  # seconds for the driver to take leave of a server
_NOT_YET_INITIALIZED = 94


async def become_primary(access: Access) -> FilesVersion:
    """Wait for the server, give it the one-node replica set of its port if it has another or none, and its
    user; returns which version its files are of."""
    while True:  # the driver would try only twice a second
        if await listens(access.port, access.host):
            break
        await asyncio.sleep(POLL)
    async with client_of(access) as client:
        while True:
            try:
                with storage_errors():
                    if await _is_primary(client.admin, f"{access.host}:{access.port}"):
                        await _admit(client.admin, access)
                        return await _version(client.admin)
            except StorageError as exc:
                # It is still coming up; the caller ends this when it takes too long.
                log.debug("The embedded MongoDB is not ready yet: %s", exc)
            await asyncio.sleep(POLL)


async def _is_primary(admin: AsyncDatabase[dict[str, Any]], address: str) -> bool:
    hello = await admin.command("hello")
    if "setName" not in hello:
        try:
            config = (await admin.command("replSetGetConfig"))["config"]
        except OperationFailure as exc:
            if exc.code != _NOT_YET_INITIALIZED:
                raise
            await admin.command(
                "replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]}
            )
        else:
            if config["members"][0]["host"] != address:  # the server does not find itself in its own set
                config["members"][0]["host"] = address
                config["version"] += 1
                await admin.command("replSetReconfig", config, force=True)
    return bool(hello["isWritablePrimary"])


async def _version(admin: AsyncDatabase[dict[str, Any]]) -> FilesVersion:
    build = await admin.command("buildInfo")
    found = await admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    return FilesVersion(str(build["version"]), str(found["featureCompatibilityVersion"]["version"]))


async def listens(port: int, host: str = HOST) -> bool:
    """Whether something listens there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def _admit(admin: AsyncDatabase[dict[str, Any]], access: Access) -> None:
    """Let the user in by this key: another one's directory, or an earlier key, has none, or another."""
    if access.key is None:
        return
    mark = hashlib.sha256(access.key.encode()).hexdigest()[:16]
    [*known] = (await admin.command("usersInfo", USER))["users"]
    if [user.get("customData") for user in known] == [{"key": mark}]:
        return
    command = "updateUser" if known else "createUser"
    await admin.command(command, USER, pwd=access.key, roles=["root"], customData={"key": mark})


@asynccontextmanager
async def client_of(access: Access) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client for a few commands, with the rights of the server itself."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        access.system_url,
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        serverMonitoringMode="poll",  # for a few commands, one connection for monitoring is enough
    )
    try:
        yield client
    finally:
        with heeding_cancellation():
            await _close(client)


async def _close(client: AsyncMongoClient[dict[str, Any]]) -> None:
    """Close it to the end, although its start is given up meanwhile; but do not wait for a hanging server."""
    closing = asyncio.ensure_future(client.close())
    loop = asyncio.get_running_loop()
    until = loop.time() + _GOODBYE
    while not closing.done() and (left := until - loop.time()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait({closing}, timeout=left)
    if closing.done():
        closing.result()
