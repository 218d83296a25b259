"""`write --strict` as a process that gets killed, on a MongoDB that refuses or goes away: all or nothing."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.e2e.test_data_commands import Shell
from tests.support.processes import Mongod, wait_until

NUMBER = 8000
COMMAND = (sys.executable, "-m", "bot", "write", "run_events", "--strict")


@pytest.fixture
async def own(tmp_path: Path, mongod: Mongod) -> AsyncIterator[Shell]:
    """Commands on a MongoDB of the test's own, which forgets a dead writer within seconds; and a file."""
    async with AsyncMongoClient[dict[str, Any]](mongod.url) as client:
        await client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=3)
        shell = Shell(tmp_path, mongod.url, client.test)
        events = [{"runId": f"r{number}", "status": "success"} for number in range(NUMBER)]
        shell.file("events.ndjson", "\n".join(json.dumps(event) for event in events))
        yield shell


async def started(shell: Shell, *, piped: bool) -> asyncio.subprocess.Process:
    """The command in the middle of its transaction."""
    before = await open_transactions(shell)
    with (shell.folder / "events.ndjson").open("rb") as events:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, *([] if piped else ["events.ndjson"]),
            stdin=events if piped else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=shell.environment, cwd=shell.folder,
        )  # fmt: skip

    async def writes() -> bool:
        return await open_transactions(shell) > before

    await wait_until(writes, 30, "it is in its transaction")
    return process


async def open_transactions(shell: Shell) -> int:
    """How many have begun, whatever became of them."""
    status = await shell.db.client.admin.command("serverStatus")
    return int(status["transactions"]["totalStarted"])


async def events(shell: Shell) -> int:
    """How many there are."""
    return int(await shell.db.run_events.count_documents({}))


async def test_a_writer_killed_at_any_moment(own: Shell, rng: random.Random) -> None:
    """After each of eight kills there is nothing, or, if the kill came late, everything; and another writer
    that comes at once waits until MongoDB has forgotten the dead one."""
    nothing = 0
    for turn in range(8):
        process = await started(own, piped=turn % 2 == 0)
        await asyncio.sleep(rng.random())
        with suppress(ProcessLookupError):  # a late kill
            process.kill()
        await process.communicate()
        found = await events(own)
        assert found in (0, NUMBER)
        nothing += found == 0
        await own.db.run_events.delete_many({})
    assert nothing > 3
    done = await own("write", "run_events", "events.ndjson", "--strict")
    assert (done.status, done.out, done.err) == (0, "run_events: 8,000 written, 0 unchanged, 0 refused\n", "")
    assert await events(own) == NUMBER


async def test_a_writer_that_is_interrupted(own: Shell) -> None:
    """Ctrl-C: it says so, there is nothing, and the next one need not wait."""
    await own.db.client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=600)
    process = await started(own, piped=False)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out, err.strip()) == (1, b"", b"error: interrupted")
    assert await events(own) == 0
    assert (await own("write", "run_events", "events.ndjson", "--strict")).status == 0


async def test_a_mongodb_that_is_killed(own: Shell, mongod: Mongod) -> None:
    """Nothing is there when it is back; the command begins again by itself, and then all is there."""
    process = await started(own, piped=True)
    await mongod.kill()
    await mongod.start()
    assert await events(own) in (0, NUMBER)
    out, err = await asyncio.wait_for(process.communicate(), 300)
    assert (out, err) == (b"run_events: 8,000 written, 0 unchanged, 0 refused\n", b"")
    assert await events(own) == NUMBER


async def test_a_record_that_only_mongodb_refuses(own: Shell) -> None:
    """The line is named, nothing is written, and the exit status tells."""
    await own.db.create_collection("run_events", validator={"runId": {"$ne": "r7000"}})
    done = await own("write", "run_events", "events.ndjson", "--strict")
    assert (done.status, done.out) == (1, "run_events: 0 written, 0 unchanged, 1 refused\n")
    refusal, error = done.err.splitlines()
    assert refusal.startswith('line 7001: runId "r7000": the collection\'s validator refuses it')
    assert error == "error: 1 refused, so none is written; the lines above say why"
    assert await events(own) == 0


async def test_more_than_a_transaction_holds(own: Shell) -> None:
    """One line with the cure; nothing is written, and without --strict it goes."""
    await own.db.client.admin.command("setParameter", 1, wiredTigerEngineRuntimeConfig="cache_size=20M")
    large = [{"runId": f"r{number}", "prompt": "x" * 5000} for number in range(5000)]
    file = own.file("large.ndjson", "\n".join(json.dumps(artifact) for artifact in large))
    done = await own("write", "run_artifacts", file, "--strict")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "error: a transaction must fit into MongoDB's cache, and this one does not; write less at once, or do"
        " without --strict (nothing is written)\n"
    )
    assert await own.db.run_artifacts.count_documents({}) == 0
    assert (await own("write", "run_artifacts", file)).status == 0
