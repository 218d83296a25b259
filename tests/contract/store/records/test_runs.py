"""A whole run is recorded in one transaction, on a real MongoDB that gets killed, as its writers do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.records.builders import build_run
from bot.core.records.models import RunArtifact
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.store.mongodb.client import connect
from bot.store.mongodb.indexes import bootstrap, declare
from bot.store.records.runs import record_run
from bot.store.records.upserts import Written
from bot.store.records.writer import RecordStore
from bot.tasks import end_tasks
from tests.support.processes import HOST, Mongod, free_port, wait_until

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
DAY = timedelta(days=1)
COLLECTIONS = ("run_events", "plan_snapshots", "run_artifacts")
PLAN = {
    "schema_version": "1.0",
    "activityPlan": {"nextWeek": {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"}, "days": []},
    "justification": ["easy"],
}
INSERTED, CHANGED, UNCHANGED = Written("inserted"), Written("changed"), Written("unchanged")


def success(run_id: str = "r", **fields: Any) -> dict[str, Any]:
    """A run that gave a plan."""
    return {"runId": run_id, "status": "success", "attempt": 1, "plan": PLAN, "prompt": "p", **fields}


def failure(run_id: str = "r", **fields: Any) -> dict[str, Any]:
    """A run that gave none."""
    return {"runId": run_id, "status": "failure", "attempt": 3, "errors": ["too long"], **fields}


async def record(db: Database, run: dict[str, Any], at: datetime = NOW, **options: Any) -> dict[str, Written]:
    """Build a run and record it."""
    return await record_run(db, build_run(run, now=at), clock=lambda: at, **options)


async def raw(db: Database) -> dict[str, list[bytes]]:
    """All documents of the three collections, to the byte."""
    return {
        name: [bson.encode(document) for document in await db[name].find().sort("runId").to_list()]
        for name in COLLECTIONS
    }


async def run_ids(db: Database) -> list[set[str]]:
    """The runs that each collection knows."""
    return [set(await db[name].distinct("runId")) for name in COLLECTIONS]


@pytest.fixture
async def runs(db: Database) -> Database:
    """The three collections, empty, with their unique indexes."""
    await bootstrap(db, [index for index in declare() if index.unique and index.collection in COLLECTIONS])
    return db


async def test_a_success_is_in_three_collections(runs: Database) -> None:
    """Event, snapshot and artifact agree, and are exactly what was built."""
    assert await record(runs, success()) == dict.fromkeys(COLLECTIONS, INSERTED)
    for name, expected in build_run(success(), now=NOW).by_collection().items():
        found = await runs[name].find_one({}, {"_id": False})
        assert found == expected.to_update_fields()


async def test_a_failure_is_in_two(runs: Database) -> None:
    """There is no plan to keep."""
    assert await record(runs, failure()) == {"run_events": INSERTED, "run_artifacts": INSERTED}
    assert await run_ids(runs) == [{"r"}, set(), {"r"}]


@pytest.mark.parametrize("run", [success(), failure(), success(createdAt="2026-02-16T18:00:00Z")])
async def test_recording_twice_changes_nothing(runs: Database, run: dict[str, Any]) -> None:
    """Neither the same records nor the same run built anew at another time change a byte."""
    await record(runs, run)
    before = await raw(runs)
    for at in (NOW, NOW + DAY, NOW - DAY):
        assert set((await record(runs, run, at)).values()) == {UNCHANGED}
    assert await raw(runs) == before


async def test_a_change_moves_the_times(runs: Database) -> None:
    """With another attempt `createdAt` of event and snapshot follow; the artifact's stays."""
    await record(runs, success())
    later = NOW + DAY
    assert set((await record(runs, success(attempt=2), later)).values()) == {CHANGED}
    times = {name: (await runs[name].find_one() or {})["createdAt"] for name in COLLECTIONS}
    assert times == {"run_events": later, "plan_snapshots": later, "run_artifacts": NOW}
    assert (await runs.run_artifacts.find_one() or {})["updatedAt"] == later


async def test_inputs_that_an_earlier_step_wrote_stay(runs: Database) -> None:
    """The run completes the artifact of its inputs."""
    inputs = RunArtifact.of({"runId": "r", "metrics": {"a": 1}, "prompt": "old", "createdAt": NOW - DAY})
    await RecordStore(runs, clock=lambda: NOW).write("run_artifacts", [inputs])
    assert (await record(runs, success()))["run_artifacts"] == CHANGED
    document = await runs.run_artifacts.find_one() or {}
    assert (document["metrics"], document["prompt"], document["createdAt"]) == ({"a": 1}, "p", NOW - DAY)


async def test_a_success_replaces_a_failure(runs: Database) -> None:
    """The errors are gone from event and artifact, and the plan is there."""
    await record(runs, failure())
    assert await record(runs, success()) == {
        "run_events": CHANGED, "plan_snapshots": INSERTED, "run_artifacts": CHANGED,
    }  # fmt: skip
    for name in ("run_events", "run_artifacts"):
        document = await runs[name].find_one() or {}
        assert (document["status"], document["errors"], document["errorCount"]) == ("success", [], 0)


async def test_a_failure_cannot_deny_a_plan(runs: Database) -> None:
    """It is refused with the reason, and nothing of it is written, in whatever order they come."""
    await record(runs, failure())
    await record(runs, success())
    before = await raw(runs)
    with pytest.raises(StorageRejected, match=r'runId "r".*plan.*runId of its own'):
        await record(runs, failure())
    assert await raw(runs) == before


async def test_success_and_failure_at_once(runs: Database) -> None:
    """Whoever comes first, in the end the run is a success with its plan."""
    for n in range(10):
        jobs = [record(runs, make(f"r{n}")) for make in (success, failure, success, failure)]
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            assert isinstance(result, dict | StorageRejected)
    assert await runs.run_events.distinct("status") == ["success"]
    assert await run_ids(runs) == [{f"r{n}" for n in range(10)}] * 3


async def test_many_writers_of_one_run(runs: Database) -> None:
    """They wait for one another: one inserts, the others change nothing."""
    results = await asyncio.gather(*(record(runs, success()) for _ in range(20)))
    assert sum(set(result.values()) == {INSERTED} for result in results) == 1
    assert sum(set(result.values()) == {UNCHANGED} for result in results) == 19
    assert await runs.run_events.count_documents({}) == 1


async def test_what_one_collection_refuses_is_in_none(runs: Database) -> None:
    """A validator of the last collection undoes the others; the message quotes nothing."""
    await runs.command("collMod", "run_artifacts", validator={"prompt": {"$ne": "forbidden"}})
    with pytest.raises(StorageRejected, match=r'run_artifacts, runId "r": .*validator.*nothing') as caught:
        await record(runs, success(prompt="forbidden"))
    assert "forbidden" not in str(caught.value)
    assert await run_ids(runs) == [set(), set(), set()]


async def test_what_gets_too_large_is_in_none(runs: Database) -> None:
    """An artifact that outgrows a document takes the event with it."""
    half = "x" * 10_000_000
    inputs = RunArtifact.of({"runId": "r", "more": half})
    await RecordStore(runs, clock=lambda: NOW).write("run_artifacts", [inputs])
    with pytest.raises(StorageRejected, match="too large"):
        await record(runs, failure(prompt=half))
    assert await run_ids(runs) == [set(), set(), {"r"}]


async def test_a_writer_that_hangs_in_the_middle(runs: Database) -> None:
    """Others wait for it as long as they are told to, then say so; afterwards all goes on."""
    async with runs.client.start_session() as session:
        async with await session.start_transaction():
            await runs.run_events.insert_one({"runId": "r", "status": "success"}, session=session)
            with pytest.raises(StorageUnavailable, match="another writer"):
                await record(runs, success(), timeout=0.3)
            waiting = asyncio.create_task(record(runs, success()))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            await session.abort_transaction()
        assert set((await waiting).values()) == {INSERTED}


async def test_a_connection_that_prefers_secondaries(runs: Database, mongo_url: str) -> None:
    """A run is recorded by the primary, whatever the connection string prefers."""
    db = connect(f"{mongo_url}&readPreference=secondaryPreferred", runs.name, "x")
    try:
        await record(db, failure())
        assert set((await record(db, success())).values()) == {INSERTED, CHANGED}
    finally:
        await db.client.close()


async def test_no_mongodb_at_all() -> None:
    """An outage is said within seconds, not after the patience for other writers."""
    db = connect(f"mongodb://{HOST}:{free_port()}/?serverSelectionTimeoutMS=200", "x", "x")
    try:
        with pytest.raises(StorageUnavailable):
            await record(db, success(), timeout=1)
    finally:
        await db.client.close()


# What gets killed.

_WRITER = """
import asyncio, os, random, signal, sys, time
from datetime import UTC, datetime
from bot.core.records.builders import build_run
from bot.store.mongodb.client import connect
from bot.store.records.runs import record_run
from bot.tasks import end_tasks
from tests.contract.store.records.test_runs import failure, success

async def record_for_ever(url, name, number):
    db = connect(url, name, name)
    now = datetime.now(UTC)
    for n in range(10_000):
        for make in (failure, success):
            run = make(f"r-{number}-{n}", prompt="x" * 20_000, wave=number)
            await record_run(db, build_run(run, now=now), clock=lambda: now)
        os.write(1, b"%d\\n" % number)

url, name, seed = sys.argv[1:]
chance = random.Random(seed)
for number in range(25):
    pid = os.fork()
    if pid == 0:
        asyncio.run(record_for_ever(url, name, number))
    time.sleep(0.05 + chance.random() * 0.3)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""
"""Starts a writer, kills it at some moment, and so on 25 times; it prints the runs that were acknowledged."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Mongod]:
    """A MongoDB of the test's own."""
    mongod = Mongod(tmp_path / "mongo")
    await mongod.start()
    yield mongod
    await mongod.kill()


async def assert_all_or_nothing(db: Database) -> None:
    """Every run is whole: as a failure without a plan, or as a success with one."""
    events = {d["runId"]: d["status"] async for d in db.run_events.find()}
    artifacts = {d["runId"]: d["status"] async for d in db.run_artifacts.find()}
    assert events == artifacts
    plans = set(await db.plan_snapshots.distinct("runId"))
    assert plans == {run_id for run_id, status in events.items() if status == "success"}


async def test_writers_killed_at_any_moment(server: Mongod) -> None:
    """After 25 kills every run is whole or not there, none that was acknowledged is missing, and recording
    the interrupted ones again completes them."""
    async with AsyncMongoClient[dict[str, Any]](server.url, tz_aware=True) as client:
        await client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=2)
        db = client.killed
        await bootstrap(db, [i for i in declare() if i.unique and i.collection in COLLECTIONS])
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _WRITER, server.url, "killed", "7"],
            capture_output=True, text=True, timeout=60, check=True,
            cwd=Path(__file__).parents[4],
        )  # fmt: skip
        finished = Counter(map(int, done.stdout.split()))
        acknowledged = {f"r-{number}-{n}" for number, count in finished.items() for n in range(count)}
        assert len(acknowledged) > 20
        await assert_all_or_nothing(db)
        assert acknowledged <= set(await db.plan_snapshots.distinct("runId"))
        interrupted = {f"r-{number}-{finished[number]}" for number in range(25)}
        await asyncio.gather(*(record(db, success(run_id)) for run_id in interrupted))
        await assert_all_or_nothing(db)
        assert await run_ids(db) == [acknowledged | interrupted] * 3


async def test_a_mongodb_that_is_killed(server: Mongod) -> None:
    """Every run is whole or absent, acknowledged ones are there, and calls outlast a quick restart."""
    db = connect(f"{server.url}&serverSelectionTimeoutMS=300", "killed", "killed")
    current: dict[int, int] = dict.fromkeys(range(8), 0)

    async def work(number: int) -> None:
        while True:
            for make in (failure, success):
                await record(db, make(f"r-{number}-{current[number]}"))
            current[number] += 1

    try:
        await bootstrap(db, [i for i in declare() if i.unique and i.collection in COLLECTIONS])
        workers = [asyncio.create_task(work(number)) for number in current]
        await wait_until(lambda: sum(current.values()) > 50, 20, "runs are recorded")
        await server.kill()
        assert await end_tasks(workers, 50) == 0
        await server.start()
        await assert_all_or_nothing(db)
        acknowledged = {f"r-{number}-{n}" for number, count in current.items() for n in range(count)}
        assert acknowledged <= set(await db.plan_snapshots.distinct("runId"))
        await server.kill()
        interrupted = {f"r-{number}-{n}" for number, n in current.items()}
        again = [asyncio.create_task(record(db, success(run_id))) for run_id in interrupted]
        await server.start()
        await asyncio.gather(*again)
        await assert_all_or_nothing(db)
        assert await run_ids(db) == [acknowledged | interrupted] * 3
    finally:
        await db.client.close()
