"""Taps a second: fetched, stored (majority, journal) and answered.

    python -m tests.benchmarks.ingest [--taps 5000] [--rounds 3]

Three contenders in the same run, against the same local Bot API server and the same MongoDB:

- this bot (`python -m bot run`), which besides journals every tap and enters it in the ledger of taps;
- `plain_bot`: python-telegram-bot's own polling with one `update_one` a tap, 256 handlers at once;
- raw `bulk_write` of 100 upserts, without Telegram: what MongoDB alone can do.

Ratios are what counts; absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient, UpdateOne

from bot.sandbox.control import SandboxClient, tap
from bot.store.embedded import EmbeddedMongo

TOKEN = "123456:" + "b" * 35
ATHLETE = 42
PATIENCE = 120.0


@asynccontextmanager
async def process(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process that is terminated at the end."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.terminate()
        await started.communicate()


@asynccontextmanager
async def telegram(limits: str = "--no-limits") -> AsyncIterator[tuple[str, SandboxClient]]:
    """A local Bot API server in a process of its own: its address, and its control."""
    async with process(
        "-m", "bot.sandbox", "--port", "0", "--token", TOKEN, limits, "--ledger", "counts"
    ) as it:
        assert it.stdout is not None
        url = (await it.stdout.readline()).decode().split()[-1]
        async with SandboxClient(url) as client:
            yield url, client


async def until(condition: Any) -> None:
    """Wait for a condition, looking a hundred times a second."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the benchmark does not get on")
        await asyncio.sleep(0.01)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


async def answered_per_second(
    arguments: list[str], environment: dict[str, str], client: SandboxClient, taps: int
) -> dict[str, float]:
    """Start a bot, wait until it polls, tap `taps` times at once, and wait for the last answer."""
    now = await client.time()
    buttons = [[[{"text": "Done", "callback_data": f"session_feedback|run-{i}|s|done"}]] for i in range(taps)]
    ids = await client.messages_at(
        [{"chat_id": ATHLETE, "date": int(now), "text": "How did it go?", "buttons": b} for b in buttons]
    )
    started = time.monotonic()
    async with process(*arguments, **environment) as bot:

        async def polls() -> bool:
            return "getUpdates" in (await client.counts())["calls"]

        async def all_answered() -> bool:
            return bool((await client.counts())["taps"]["answered"] >= taps)

        await until(polls)
        first_poll = time.monotonic() - started
        await asyncio.sleep(1.0)
        idle = resident_mb(bot.pid)
        begun = time.monotonic()
        await client.taps([tap(ATHLETE, message_id, ATHLETE, button=0) for message_id in ids])
        await until(all_answered)
        seconds = time.monotonic() - begun
        return {
            "rate": taps / seconds,
            "first_poll": first_poll,
            "idle_mb": idle,
            "busy_mb": resident_mb(bot.pid),
        }


async def ours(mongo_url: str, db: str, taps: int) -> dict[str, float]:
    """This bot, from an empty data directory."""
    async with telegram() as (url, client):
        with tempfile.TemporaryDirectory() as data_dir:
            environment = {
                "TELEGRAM_BOT_TOKEN": TOKEN,
                "TELEGRAM_API_URL": url,
                "MONGO_URL": mongo_url,
                "MONGO_DB": db,
                "DATA_DIR": data_dir,
                "ATHLETE_IDS": str(ATHLETE),
            }
            return await answered_per_second(["-m", "bot", "run"], environment, client, taps)


async def plain(mongo_url: str, db: str, taps: int) -> dict[str, float]:
    """The plain bot."""
    async with telegram() as (url, client):
        arguments = ["-m", "tests.benchmarks.plain_bot", TOKEN, url, mongo_url, db]
        return await answered_per_second(arguments, {}, client, taps)


async def raw(mongo_url: str, db: str, taps: int) -> float:
    """Upserts a second in bulk writes of 100, one after the other."""
    async with AsyncMongoClient[dict[str, Any]](mongo_url, w="majority", journal=True) as client:
        events = client[db]["feedback_events"]
        await events.create_index("sessionKey", unique=True)
        begun = time.monotonic()
        for start in range(0, taps, 100):
            await events.bulk_write(
                [
                    UpdateOne(
                        {"sessionKey": f"run-{i}-s-{ATHLETE}"},
                        {"$set": {"runId": f"run-{i}", "sessionId": "s", "type": "done", "userId": ATHLETE}},
                        upsert=True,
                    )
                    for i in range(start, start + 100)
                ],
                ordered=False,
            )
        return taps / (time.monotonic() - begun)


async def stored(mongo_url: str, db: str) -> int:
    """How many documents a contender left; the database is dropped."""
    async with AsyncMongoClient[dict[str, Any]](mongo_url) as client:
        number = await client[db]["feedback_events"].count_documents({})
        await client.drop_database(db)
        return number


async def main(taps: int, rounds: int) -> None:
    """Run the rounds and print the table."""
    with tempfile.TemporaryDirectory() as directory:
        async with EmbeddedMongo(Path(directory)) as mongo:
            table: list[tuple[dict[str, float], float, float]] = []
            for number in range(rounds):
                own = await ours(mongo.url, "ours", taps)
                base = await plain(mongo.url, "plain", taps)
                bulk = await raw(mongo.url, "raw", taps)
                counts = [await stored(mongo.url, db) for db in ("ours", "plain", "raw")]
                if counts != [taps] * 3:
                    raise RuntimeError(
                        f"stored {counts} of {taps} taps each: the figures would be worth nothing"
                    )
                table.append((own, base["rate"], bulk))
                print(
                    f"round {number + 1}: this bot {own['rate']:.0f}/s, plain bot {base['rate']:.0f}/s,"
                    f" raw bulk_write {bulk:.0f}/s",
                    flush=True,
                )
    show("times the plain bot", [own["rate"] / base for own, base, _ in table], "at least 3")
    show("share of raw bulk_write", [own["rate"] / bulk for own, _, bulk in table], "for comparison")
    show("start to first poll, s", [own["first_poll"] for own, _, _ in table], "under 1.5")
    show("resident memory idle, MiB", [own["idle_mb"] for own, _, _ in table], "under 120")
    show("resident memory after, MiB", [own["busy_mb"] for own, _, _ in table], "under 120")


def show(name: str, values: list[float], aim: str) -> None:
    """One line: median and range."""
    print(f"{name:30} {statistics.median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})  aim: {aim}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--taps", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(main(given.taps, given.rounds))
