"""The script for mongosh, run by the real mongosh, beside the bootstrap in Python."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.settings import DEFAULT_DB
from bot.store.mongodb.indexes import bootstrap, declare
from bot.store.mongodb.mongosh_script import script
from tests.support.mongo import fresh_database

Database = AsyncDatabase[dict[str, Any]]

SCRIPT = Path(__file__).parents[4] / "scripts" / "bootstrap_run_events_indexes.js"
DAY = 86_400
INSTALL_TIMEOUT = 400  # seconds
pytestmark = pytest.mark.timeout(600)


def test_the_committed_script_is_the_generated_one() -> None:
    """Whoever changes an index generates the script again: `python -m bot.store.mongodb.mongosh_script`."""
    assert SCRIPT.read_text(encoding="utf-8") == script()


def test_the_script_takes_the_same_database_as_the_settings() -> None:
    """Where nothing names a database, both use the same one."""
    assert f'"{DEFAULT_DB}"' in script()


@pytest.fixture(scope="session")
def mongosh() -> Path:
    """The real mongosh, installed from npm once into the user's cache."""
    if found := shutil.which("mongosh"):
        return Path(found)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("neither mongosh nor npm is installed")
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feedback-bot-tests" / "mongosh"
    )
    cache.mkdir(parents=True, exist_ok=True)
    binary = cache / "node_modules" / ".bin" / "mongosh"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _works(binary):
            command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(cache), "mongosh"]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip(f"npm did not install mongosh within {INSTALL_TIMEOUT} s")
            if done.returncode != 0 or not _works(binary):
                pytest.skip("npm could not install mongosh: " + done.stderr.strip().partition("\n")[0])
    return binary


def _works(binary: Path) -> bool:
    return (
        binary.exists()
        and subprocess.run([binary, "--version"], capture_output=True, check=False).returncode == 0
    )


Run = Callable[..., Awaitable[tuple[int, list[str]]]]


@pytest.fixture
def run(mongosh: Path, mongo_url: str, tmp_path: Path) -> Run:
    """Runs the documented command on a database and returns the exit status and the lines printed."""

    async def run_script(database: str = "", **environment: str) -> tuple[int, list[str]]:
        base, _, options = mongo_url.partition("?")
        url = f"{base.rstrip('/')}/{database}" + (f"?{options}" if options else "")
        kept = {"PATH", "LANG", "XDG_CACHE_HOME"}
        process = await asyncio.create_subprocess_exec(
            *(mongosh, url, "--file", SCRIPT),
            # A home of its own, so that nobody's settings count and nobody's history is written.
            env={name: os.environ[name] for name in kept & set(os.environ)}
            | {"HOME": str(tmp_path)}
            | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode().splitlines()

    return run_script


@pytest.fixture
async def twin(mongo_url: str) -> AsyncIterator[Database]:
    """A second empty database, for the bootstrap in Python."""
    async with fresh_database(mongo_url) as database:
        yield database


async def listed(db: Database) -> dict[str, list[dict[str, Any]]]:
    """All that `listIndexes` says, by collection, in an order of its own."""
    found = {}
    for name in await db.list_collection_names():
        documents = [dict(document) for document in await (await db[name].list_indexes()).to_list()]
        found[name] = sorted(
            [{**document, "key": list(document["key"].items())} for document in documents],
            key=lambda document: str(document["name"]),
        )
    return found


def outcomes(lines: list[str]) -> list[str]:
    """Lines without their reasons, which the script leaves to the bootstrap in Python."""
    return [line.partition(" (")[0] for line in lines]


async def python_outcomes(db: Database) -> list[str]:
    """What the bootstrap in Python does, in the words of the script."""
    return outcomes([str(report) for report in await bootstrap(db)])


async def test_an_empty_database(db: Database, twin: Database, run: Run) -> None:
    """Script and Python make identical indexes, with identical lines, and find nothing to do afterwards."""
    assert await run(db.name) == (0, await python_outcomes(twin))
    assert await listed(db) == await listed(twin)
    assert await run(db.name) == (0, await python_outcomes(twin))
    assert all(report.outcome == "kept" for report in await bootstrap(db))


async def test_changed_and_renamed_indexes(db: Database, twin: Database, run: Run) -> None:
    """A database full of differences is repaired by the script as by Python, with the same lines."""
    for prepared in (db, twin):
        runs = prepared.run_events
        await runs.create_index([("runId", 1)], name="mine", unique=True)
        await runs.create_index([("createdAt", 1)], name="expiry", expireAfterSeconds=30 * DAY)
        await runs.create_index([("other", 1)], name="status_1_createdAt_-1")
        await prepared.feedback_events.create_index([("receivedAt", 1)], expireAfterSeconds=float(200 * DAY))
        await prepared.feedback_events.create_index([("sessionKey", 1)], name="plain")
        await prepared.plan_snapshots.create_index([("createdAt", 1)])
        await prepared.command(
            "createIndexes", "run_artifacts", indexes=[{"key": {"runId": 1.0}, "name": "r"}]
        )
        await prepared.run_artifacts.insert_many([{"runId": "a"}, {"runId": "b"}])
    status, lines = await run(db.name)
    assert (status, lines) == (0, await python_outcomes(twin))
    assert lines[:3] == [
        "run_events.mine: kept",
        "run_events.status_1_createdAt_-1_2: created",
        "run_events.expiry: changed",
    ]
    assert await listed(db) == await listed(twin)


async def test_what_cannot_be_repaired(db: Database, twin: Database, run: Run) -> None:
    """Duplicates, other options and undeclared expiries fail alike, and the rest is made."""
    for prepared in (db, twin):
        await prepared.run_events.insert_many([{"runId": "a"}, {"runId": "a"}, {"runId": "b"}, {}, {}, {}])
        await prepared.plan_snapshots.create_index([("runId", 1)])
        await prepared.plan_snapshots.insert_many([{"runId": f"r{n // 2:02}"} for n in range(30)])
        await prepared.feedback_events.create_index([("sessionKey", 1)], name="few", unique=True, sparse=True)
        await prepared.weekly_metrics.create_index([("createdAt", -1)], expireAfterSeconds=DAY)
        await prepared.run_artifacts.create_index([("updatedAt", 1)], expireAfterSeconds=90)
    status, lines = await run(db.name)
    assert status == 1
    assert sorted(outcomes(lines)) == sorted(await python_outcomes(twin))
    assert await listed(db) == await listed(twin)
    failed = {line.partition(":")[0]: line for line in lines if ": failed (" in line}
    assert "dup key: { runId: " in failed["run_events.runId_1"]
    assert "exists with other options" in failed["weekly_metrics.createdAt_-1"]
    assert "deletes documents" in failed["run_artifacts.updatedAt_1"]
    for name in ("run_events.runId_1", "plan_snapshots.runId_1", "feedback_events.few"):
        assert "use python -m bot bootstrap" in failed[name]


async def test_a_shorter_expiry_that_would_delete_is_left_alone(db: Database, run: Run) -> None:
    """The script does not know who set the longer one; the bootstrap does as its settings say."""
    await db.plan_snapshots.create_index([("createdAt", 1)], name="long", expireAfterSeconds=730 * DAY)
    await db.plan_snapshots.insert_one({"runId": "a", "createdAt": datetime.now(UTC) - timedelta(days=400)})
    status, lines = await run(db.name)
    assert status == 1
    assert (
        f"plan_snapshots.long: failed (expires after {730 * DAY} s; {365 * DAY} s would delete documents at"
        " once; use python -m bot bootstrap, which says more)"
    ) in lines


async def test_several_athletes_stay(db: Database, run: Run) -> None:
    """A database with one document for each athlete and week keeps its index."""
    await bootstrap(db, declare(metrics_per_athlete=True))
    before = await listed(db)
    status, lines = await run(db.name)
    assert status == 0
    assert any(line.startswith("weekly_metrics.athleteId_1_weekStart_1: kept (instead of") for line in lines)
    assert await listed(db) == before


async def test_other_settings_are_refused(db: Database, run: Run) -> None:
    """The script knows the defaults alone, and says so before it does anything."""
    assert await run(db.name, RETAIN_RUN_EVENTS_DAYS="120") == (
        2,
        ["error: RETAIN_RUN_EVENTS_DAYS is not 90: use python -m bot bootstrap, which knows the settings"],
    )
    assert await listed(db) == {}
    assert (await run(db.name, RETAIN_RUN_EVENTS_DAYS="90"))[0] == 0


async def test_the_database_is_chosen_as_by_the_bot(db: Database, twin: Database, run: Run) -> None:
    """MONGO_DB wins over the URL; where neither names one, it is the bot's default, not mongosh's."""
    assert (await run(twin.name, MONGO_DB=db.name))[0] == 0
    assert await listed(twin) == {}
    assert set(await listed(db)) == {index.collection for index in declare()}
    client, before = db.client, await db.client.list_database_names()
    try:
        assert (await run(""))[0] == 0
        made = set(await client.list_database_names()) - set(before)
        assert made == {DEFAULT_DB}
    finally:
        await client.drop_database(DEFAULT_DB)
