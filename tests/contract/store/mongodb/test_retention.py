"""Expiry as MongoDB carries it out, on a server that looks for expired documents every second."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.records.retention import Retention
from bot.store.embedded.binary import find_mongod
from bot.store.mongodb.date_repair import FIELDS, convert_dates, find_odd_dates
from bot.store.mongodb.indexes import bootstrap, declare
from tests.support.mongo import fresh_database

Database = AsyncDatabase[dict[str, Any]]

PASSES = 2  # of the monitor, so that one of them has begun after the documents were there
EXPIRIES = {
    index.collection: (index.fields[0], index.expire_after_days)
    for index in declare()
    if index.expire_after_days is not None and index.collection in FIELDS
}
LASTING = ("weekly_metrics", "run_artifacts")
KEYS = ("runId", "sessionKey", "weekStart", "reportId", "episodeId")


@pytest.fixture(scope="module")
def quick_mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mongod whose monitor of expiry runs every second."""
    directory = tmp_path_factory.mktemp("quick")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(str(find_mongod()), "--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1"),
        *("--nounixsocket", "--quiet", "--logpath", str(directory / "log")),
        *("--setParameter", "ttlMonitorSleepSecs=1"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def quick_db(quick_mongo_url: str) -> AsyncIterator[Database]:
    """An empty database on that server."""
    async with fresh_database(quick_mongo_url) as database:
        yield database


async def monitor_passes(db: Database) -> None:
    """Return once the monitor has looked at every index."""

    async def passes() -> int:
        status = await db.client.admin.command("serverStatus")
        return int(status["metrics"]["ttl"]["passes"])

    until = await passes() + PASSES
    while await passes() < until:  # noqa: ASYNC110  # the server tells nobody
        await asyncio.sleep(0.1)


def document(name: str, **timestamp: object) -> dict[str, Any]:
    """A document that can be told from the others of its collection."""
    return {"_id": name, **dict.fromkeys((*KEYS, "messageId"), name), **timestamp}


async def ids(db: Database, collection: str) -> list[str]:
    """What is left in a collection."""
    return sorted([found["_id"] async for found in db[collection].find()])


async def test_old_documents_go_and_young_ones_stay(quick_db: Database) -> None:
    """An hour decides, in every collection that expires; strings stay until their conversion is agreed to."""
    await bootstrap(quick_db)
    now = datetime.now(UTC)
    of_the_bot = {"feedback_history", "plan_decisions", "taps", "waiting_notes", "coach_messages"} | {
        "availability",
        "pain_episodes",
        "pain_reports",
    }
    assert set(EXPIRIES) == {"run_events", "feedback_events", "plan_snapshots", *of_the_bot}
    for collection, (field, days) in EXPIRIES.items():
        assert days is not None
        old, young = (now - timedelta(days=days, hours=hours) for hours in (1, -1))
        await quick_db[collection].insert_many(
            [
                document("old", **{field: old}),
                document("young", **{field: young}),
                document("old text", **{field: old.isoformat()}),
                document("young text", **{field: young.isoformat()}),
                document("odd text", **{field: "long ago"}),
            ]
        )
    await monitor_passes(quick_db)
    for collection in EXPIRIES:
        assert await ids(quick_db, collection) == ["odd text", "old text", "young", "young text"]
    assert {(odd.collection, odd.type, odd.remedy, odd.count) for odd in await find_odd_dates(quick_db)} == {
        (collection, "string", remedy, 1)
        for collection in EXPIRIES
        for remedy in ("convert", "expire", "correct")
    }
    for expire_old, kept in ((False, ["old text"]), (True, [])):
        await convert_dates(quick_db, expire_old=expire_old)
        await monitor_passes(quick_db)
        for collection in EXPIRIES:
            assert await ids(quick_db, collection) == ["odd text", *kept, "young", "young text"]


async def test_metrics_and_artifacts_never_go(quick_db: Database) -> None:
    """Documents of twenty years ago stay where training trends and audits need them."""
    await bootstrap(quick_db)
    long_ago = datetime.now(UTC) - timedelta(days=20 * 365)
    for collection in LASTING:
        await quick_db[collection].insert_one(document("old", **dict.fromkeys(FIELDS[collection], long_ago)))
    await monitor_passes(quick_db)
    for collection in LASTING:
        assert await ids(quick_db, collection) == ["old"]


async def test_a_longer_retention_keeps_longer(quick_db: Database) -> None:
    """Days set by the operator hold on the server, on new indexes and on those changed in place."""
    old = datetime.now(UTC) - timedelta(days=100)
    await bootstrap(quick_db, declare(Retention(run_events=120)))
    await quick_db.run_events.insert_one(document("old", createdAt=old))
    await monitor_passes(quick_db)
    assert await ids(quick_db, "run_events") == ["old"]
    await bootstrap(quick_db, declare(Retention(run_events=90)))
    await monitor_passes(quick_db)
    assert await ids(quick_db, "run_events") == []
