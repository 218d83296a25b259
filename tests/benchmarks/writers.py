"""Documents a second through `write`, and the peak memory of `export`.

- `write`: the real command as a process, start included, with a file of one feedback answer a line, into an
  empty collection that has its indexes. Beside it, in the same rounds and on the same MongoDB, raw
  `bulk_write` of the same dictionaries, 1,000 upserts at a time.
- `export`: the peak of the process's resident memory, of so many documents and of a tenth of them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from pymongo import UpdateOne

from bot.core.records.collections import parse
from bot.core.shared.bson_json import dumps
from bot.store.mongodb.client import Database
from bot.store.mongodb.indexes import bootstrap
from tests.benchmarks.harness import Bench, Failed, take_turns
from tests.benchmarks.rows import Row, at_least, at_most
from tests.support.filling import fill

NAME = "writers"
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


async def measure(bench: Bench) -> list[Row]:
    """Write, then export."""
    number = bench.size("write", 20_000, 5_000)
    documents = list(answers(number))
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        file.writelines(f"{dumps(document)}\n".encode() for document in documents)
        file.flush()
        rates = await take_turns(
            bench.rounds,
            {
                "write": partial(through_write, bench, file.name, number),
                "raw bulk_write": partial(raw, bench, documents),
            },
        )
    large = bench.size("export", 100_000, 20_000)
    peaks = await take_turns(
        min(bench.rounds, 2),
        {"few": partial(exported, bench, large // 10), "many": partial(exported, bench, large)},
    )
    return [
        Row(
            *(NAME, "documents through `write`", "1/s", rates["write"]),
            *("raw bulk_write", rates["raw bulk_write"], at_least(0.5)),
        ),
        Row(
            *(NAME, f"`export` of {large:,}: memory at most", "MiB", peaks["many"]),
            *(f"of {large // 10:,}", peaks["few"], at_most(1.1)),
        ),
    ]


async def command(bench: Bench, db: str, *arguments: str) -> tuple[float, float]:
    """Run a command of the bot to its end: seconds, and MiB at the peak."""
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MEASURED, *arguments),
        env={"PATH": os.environ["PATH"], "MONGO_URL": bench.mongo_url, "MONGO_DB": db},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode != 0:
        raise Failed(errors.decode())
    return time.monotonic() - begun, int(errors.split()[-1]) / 1024


async def through_write(bench: Bench, file: str, number: int) -> float:
    """Documents a second of the command."""
    async with bench.database("writers") as db:
        await bootstrap(db)
        seconds, _ = await command(bench, db.name, "write", COLLECTION, file)
        if await db[COLLECTION].count_documents({}) != number:
            raise Failed("not all documents arrived")
        return number / seconds


async def raw(bench: Bench, documents: list[dict[str, Any]]) -> float:
    """Documents a second of `bulk_write` alone."""
    async with bench.database("writers") as db:
        await bootstrap(db)
        begun = time.monotonic()
        await _write(db, documents)
        return len(documents) / (time.monotonic() - begun)


async def _write(db: Database, documents: list[dict[str, Any]]) -> None:
    for batch in batches(iter(documents)):
        await db[COLLECTION].bulk_write(
            [
                UpdateOne({"sessionKey": document["sessionKey"]}, {"$set": document}, upsert=True)
                for document in batch
            ],
            ordered=False,
        )


async def exported(bench: Bench, number: int) -> float:
    """The peak of the command's memory, in MiB."""
    async with bench.database("writers") as db:
        await fill(db, number, datetime.now(UTC))
        return (await command(bench, db.name, "export", COLLECTION))[1]
