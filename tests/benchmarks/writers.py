"""Documents a second through `write`, and the peak memory of `export`.

    python -m tests.benchmarks.writers [--documents 50000] [--rounds 3] [--sizes 100000,1000000]

- `write`: the real command as a process, start included, with a file of one feedback answer a line, into an
  empty collection that has its indexes. Beside it, in the same run and on the same MongoDB, raw
  `bulk_write` of the same dictionaries, 1,000 upserts at a time. Ratios are what counts.
- `export`: the peak of the process's resident memory (VmHWM) for collections of different sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.records import parse
from bot.core.strict_json import dumps
from bot.store.embedded import EmbeddedMongo
from bot.store.indexes import bootstrap
from tests.benchmarks.ingest import show

COLLECTION = "feedback_events"
BATCH = 1000
# Young enough not to expire meanwhile.
FIRST = datetime.now(UTC).replace(microsecond=123_000) - timedelta(days=30)
# Prints the command's peak memory in KiB after it on standard error.
MEASURED = """
import re, sys
from pathlib import Path
from bot.cli import main
status = main(sys.argv[1:])
sys.stdout.flush()
print(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(status)
"""

Documents = Iterator[dict[str, Any]]


def answers(number: int) -> Documents:
    """Complete answers, as the bot stores them."""
    for index in range(number):
        at = FIRST + timedelta(seconds=index)
        yield parse(
            COLLECTION,
            {
                "runId": f"2026-02-16T18:42:58.123Z-{index // 7:06x}",
                "sessionId": f"session-{index % 7}",
                "type": ("done", "skipped", "hard", "pain")[index % 4],
                "note": "the last two intervals were hard, the rest was fine" if index % 3 else None,
                "sessionDate": at.date().isoformat(),
                "chatId": "-1001234567890",
                "messageId": index,
                "userId": 123456789,
                "username": "athlete",
                "receivedAt": at,
                "promptSentAt": at - timedelta(hours=5),
                "promptAgeDays": 0,
                "isLateResponse": False,
                "updateId": 800_000_000 + index,
            },
        ).to_update_fields()


def batches(documents: Documents) -> Iterator[list[dict[str, Any]]]:
    """A thousand at a time."""
    while batch := list(islice(documents, BATCH)):
        yield batch


async def command(url: str, db: str, *arguments: str) -> tuple[float, int]:
    """Run a command of the bot to its end: seconds, and KiB at the peak."""
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MEASURED, *arguments),
        env={"PATH": os.environ["PATH"], "MONGO_URL": url, "MONGO_DB": db},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(errors.decode())
    return time.monotonic() - begun, int(errors.split()[-1])


async def through_write(url: str, db: AsyncDatabase[dict[str, Any]], file: str, number: int) -> float:
    """Documents a second of the command."""
    await bootstrap(db)
    seconds, _ = await command(url, db.name, "write", COLLECTION, file)
    if await db[COLLECTION].count_documents({}) != number:
        raise RuntimeError("not all documents arrived: the figures would be worth nothing")
    await db.client.drop_database(db.name)
    return number / seconds


async def raw(db: AsyncDatabase[dict[str, Any]], documents: list[dict[str, Any]]) -> float:
    """Documents a second of `bulk_write` alone."""
    await bootstrap(db)
    begun = time.monotonic()
    for batch in batches(iter(documents)):
        await db[COLLECTION].bulk_write(
            [
                UpdateOne({"sessionKey": document["sessionKey"]}, {"$set": document}, upsert=True)
                for document in batch
            ],
            ordered=False,
        )
    seconds = time.monotonic() - begun
    await db.client.drop_database(db.name)
    return len(documents) / seconds


async def measure_writing(
    url: str, client: AsyncMongoClient[dict[str, Any]], number: int, rounds: int
) -> None:
    """Print the rates and their ratio."""
    documents = list(answers(number))
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        file.writelines(f"{dumps(document)}\n".encode() for document in documents)
        file.flush()
        ours, theirs = [], []
        for turn in range(rounds):
            ours.append(await through_write(url, client["ours"], file.name, number))
            theirs.append(await raw(client["raw"], documents))
            print(
                f"round {turn + 1}: write {ours[-1]:,.0f}/s, raw bulk_write {theirs[-1]:,.0f}/s", flush=True
            )
    show("documents a second, write", ours, "for comparison")
    show("documents a second, raw", theirs, "for comparison")
    show("share of raw bulk_write", [a / b for a, b in zip(ours, theirs, strict=True)], "at least 0.5")


async def measure_exporting(
    url: str, client: AsyncMongoClient[dict[str, Any]], sizes: list[int], rounds: int
) -> None:
    """Print the peak memory of `export` for each size, and how much it grows."""
    peaks: dict[int, list[float]] = {size: [] for size in sizes}
    for size in sizes:
        db = client["export"]
        await bootstrap(db)
        for batch in batches(answers(size)):
            await db[COLLECTION].insert_many(batch, ordered=False)
        for _ in range(rounds):
            seconds, peak = await command(url, db.name, "export", COLLECTION)
            peaks[size].append(peak / 1024)
            print(f"export of {size:,}: {peak / 1024:.1f} MiB, {size / seconds:,.0f}/s", flush=True)
        await client.drop_database(db.name)
        show(f"peak of {size:,}, MiB", peaks[size], "for comparison")
    growth = [large / small for small, large in zip(peaks[sizes[0]], peaks[sizes[-1]], strict=True)]
    show("largest over smallest", growth, "at most 1.1")


async def main(number: int, rounds: int, sizes: list[int]) -> None:
    """Run everything on one MongoDB of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            EmbeddedMongo(Path(folder)) as mongo,
            AsyncMongoClient[dict[str, Any]](mongo.url, w="majority", journal=True) as client,
        ):
            if number:
                await measure_writing(mongo.url, client, number, rounds)
            if sizes:
                await measure_exporting(mongo.url, client, sizes, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=50_000, help="to write; 0 leaves that out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="100000,1000000", help="to export; empty leaves that out")
    given = parser.parse_args()
    asyncio.run(main(given.documents, given.rounds, [int(size) for size in given.sizes.split(",") if size]))
