"""A real MongoDB for tests: one embedded server for the session, a database of its own for each test."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bot.store.embedded.binary import find_mongod
from bot.store.embedded.server import EmbeddedMongo


@contextmanager
def running_mongo(data_dir: Path) -> Iterator[str]:
    """Serve `data_dir` and yield the URL; for synchronous fixtures.

    The loop runs only while starting and stopping: the server is a child of the main thread in between.
    """
    mongo = EmbeddedMongo(data_dir)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(mongo.start())
        runner.run(_make_calm(mongo.url))
        try:
            yield mongo.url
        finally:
            runner.run(mongo.stop())


async def _make_calm(url: str) -> None:
    """Expiry stops: tests with fixed dates must not depend on today's. So does what it measures of itself."""
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        for parameter in ("ttlMonitorEnabled", "diagnosticDataCollectionEnabled"):
            await client.admin.command({"setParameter": 1, parameter: False})


@asynccontextmanager
async def fresh_database(url: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """A database that nobody else uses, dropped at the end; writes are majority and journaled."""
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True, w="majority", journal=True) as client:
        name = f"test_{uuid4().hex}"
        try:
            yield client[name]
        finally:
            await client.drop_database(name)


def guarded_mongod(directory: Path) -> AbstractContextManager[int]:
    """A mongod that asks for passwords, with no users yet; yields its port."""
    return bare_mongod(directory, "--auth", "--networkMessageCompressors", "disabled")


@contextmanager
def bare_mongod(directory: Path, *options: str) -> Iterator[int]:
    """A mongod as it is started by hand, with nothing set up; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [*options, "--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1"]
    command = [
        str(find_mongod()),
        *arguments,
        "--nounixsocket",
        "--quiet",
        "--logpath",
        str(directory / "log"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


class At:
    """A clock to be set by hand, for updates that else go by MongoDB's."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 18, 18, 42, 41, 7000, UTC)

    def __call__(self) -> object:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
