"""Prompts a second, all due at one instant, within Telegram's limits.

    python -m tests.benchmarks.dispatch [--prompts 1000] [--rounds 1]

Each prompt goes to a chat of its own, so what counts is Telegram's limit over all: 30 messages a second. The
local Bot API server enforces it, and the one of each chat, over sliding windows, and refuses with 429 what is
too quick. 10,000 prompts (`--prompts 10000`) take about six minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from bot.sandbox.limits import TELEGRAM_LIMITS
from bot.store.embedded import EmbeddedMongo
from tests.benchmarks.ingest import TOKEN, process, resident_mb, show, telegram

FIRST_CHAT = 1_000_000
STARTUP = 60.0  # seconds until the first prompt is sent


def documents(number: int, due_at: datetime) -> list[dict[str, Any]]:
    """Prompts as the planner makes them."""
    return [
        {
            "runId": "2026-w08",
            "sessionId": f"2026-02-17-tempo-run-{n}",
            "chatId": str(FIRST_CHAT + n),
            "title": "Tempo run",
            "plan": {"activity": "Tempo run", "distance_time": "8 km", "goal": "threshold"},
            "date": "2026-02-17",
            "dueAt": due_at,
            "notAfter": due_at + timedelta(days=14),
            "state": "pending",
            "createdAt": due_at,
            "updatedAt": due_at,
        }
        for n in range(number)
    ]


async def dispatch(mongo_url: str, db_name: str, number: int) -> dict[str, float]:
    """Start the bot on an outbox full of due prompts and watch it until everything is settled."""
    async with (
        AsyncMongoClient[dict[str, Any]](mongo_url, w="majority", journal=True) as mongo,
        telegram("--limits") as (url, client),
    ):
        prompts = mongo[db_name]["session_prompts"]
        await prompts.insert_many(documents(number, datetime.now(UTC)))
        with tempfile.TemporaryDirectory() as data_dir:
            environment = {
                "TELEGRAM_BOT_TOKEN": TOKEN,
                "TELEGRAM_API_URL": url,
                "MONGO_URL": mongo_url,
                "MONGO_DB": db_name,
                "DATA_DIR": data_dir,
                "ATHLETE_IDS": "42",
            }
            async with process("-m", "bot", "run", **environment) as bot:

                async def sent() -> int:
                    return int((await client.counts())["calls"].get("sendMessage", {}).get("200", 0))

                result = await watch(sent, bot.pid, number)
            statuses = (await client.counts())["calls"].get("sendMessage", {})
        states = {
            group["_id"]: group["n"]
            async for group in await prompts.aggregate([{"$group": {"_id": "$state", "n": {"$sum": 1}}}])
        }
        await mongo.drop_database(db_name)
        if statuses.get("200") != number or states != {"sent": number}:
            raise RuntimeError(f"sent {statuses}, settled {states} of {number} prompts")
        return result | {"refused": sum(n for status, n in statuses.items() if status == "429")}


async def watch(sent: Any, pid: int, number: int) -> dict[str, float]:
    """Rate from the first message to the last, and the resident memory at the beginning, at most, and at the
    end."""
    limit = TELEGRAM_LIMITS.overall_per_second
    deadline = time.monotonic() + STARTUP
    while not (first := await sent()):
        if time.monotonic() > deadline:
            raise TimeoutError("no prompt is sent")
        await asyncio.sleep(0.005)
    begun = time.monotonic()
    deadline = begun + 2 * number / limit + STARTUP
    memory = [resident_mb(pid)]
    while (so_far := await sent()) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{so_far} of {number} prompts are sent")
        memory.append(resident_mb(pid))
        # Closely towards the end only: looking costs time, too.
        await asyncio.sleep(max(0.01, min(1.0, (number - so_far) / limit / 2)))
    rate = (number - first) / (time.monotonic() - begun)
    await asyncio.sleep(1.0)  # the last ones are settled
    return {
        "rate": rate,
        "share": 100 * rate / limit,
        "memory": memory[0],
        "most": max(memory),
        "end": memory[-1],
    }


async def main(number: int, rounds: int) -> None:
    """Run the rounds and print the table."""
    with tempfile.TemporaryDirectory() as directory:
        async with EmbeddedMongo(Path(directory)) as mongo:
            table = []
            for n in range(rounds):
                table.append(await dispatch(mongo.url, f"dispatch_{n}", number))
                print(f"round {n + 1}: {table[-1]['rate']:.2f} prompts/s", flush=True)
    show("prompts a second", [row["rate"] for row in table], "Telegram's limit is 30")
    show("share of the limit, %", [row["share"] for row in table], "at least 95")
    show("429s", [row["refused"] for row in table], "0")
    show("resident memory at first, MiB", [row["memory"] for row in table], "under 120")
    show("resident memory at most, MiB", [row["most"] for row in table], "under 120")
    show("resident memory at the end, MiB", [row["end"] for row in table], "as at first")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.prompts, given.rounds))
