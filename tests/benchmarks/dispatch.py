"""Prompts a second, all due at one instant, within Telegram's limits.

Each prompt goes to a chat of its own, so what counts is Telegram's limit over all: 30 messages a second. The
local Bot API server enforces it, and the one of each chat, over sliding windows, and refuses with 429 what is
too quick. 10,000 prompts (`--prompts 10000`) take about six minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bot.sandbox.limits import TELEGRAM_LIMITS
from tests.benchmarks import contenders
from tests.benchmarks.harness import Bench, Failed, Started, resident_mib, take_turns, telegram, until
from tests.benchmarks.rows import Row, at_least, at_most

NAME = "dispatch"
FIRST_CHAT = 1_000_000
_LIMIT = float(TELEGRAM_LIMITS.overall_per_second)


@dataclass(frozen=True, slots=True)
class Sending:
    """What was seen of one outbox that was sent.

    Attributes:
        rate: messages a second, from the first to the last.
        refused: how many were sent too quickly.
        first, most: resident memory in MiB.
    """

    rate: float
    refused: float
    first: float
    most: float


async def measure(bench: Bench) -> list[Row]:
    """The share of Telegram's limit that is reached."""
    number = bench.size("prompts", 300, 150)
    rounds = min(bench.rounds, 2)
    runs = (await take_turns(rounds, {"prompts": partial(dispatch, bench, number)}))["prompts"]
    limit = [_LIMIT] * rounds
    all_ = [float(number)] * rounds
    return [
        Row(
            NAME,
            "messages sent",
            "1/s",
            [run.rate for run in runs],
            "Telegram's limit",
            limit,
            at_least(0.95),
        ),
        Row(NAME, "refused as too quick (429)", "", [run.refused for run in runs], "sent", all_, at_most(0)),
        Row(
            *(NAME, "memory at most", "MiB", [run.most for run in runs]),
            *("with the first message", [run.first for run in runs], at_most(1.2)),
        ),
    ]


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


async def dispatch(bench: Bench, number: int) -> Sending:
    """Start the bot on an outbox full of due prompts and watch it until everything is settled."""
    async with bench.database("dispatch") as db, telegram("--limits") as (url, client):
        prompts = db["session_prompts"]
        await prompts.insert_many(documents(number, datetime.now(UTC)))
        async with contenders.ours(url, bench, db.name) as bot:

            async def sent() -> int:
                return int((await client.counts())["calls"].get("sendMessage", {}).get("200", 0))

            rate, memory = await watch(sent, bot, number)

            async def are_settled() -> bool:
                return await prompts.count_documents({"state": "sent"}) == number

            await until(are_settled, bot)
        statuses = (await client.counts())["calls"].get("sendMessage", {})
        if statuses.get("200") != number:
            raise Failed(f"sent {statuses} of {number} prompts")
        return Sending(rate, float(statuses.get("429", 0)), memory[0], max(memory))


async def watch(sent: Callable[[], Awaitable[int]], bot: Started, number: int) -> tuple[float, list[float]]:
    """Messages a second from the first to the last, and the resident memory meanwhile."""
    await until(sent, bot)
    first, begun = await sent(), time.monotonic()
    memory = [resident_mib(bot.pid)]
    deadline = begun + 2 * number / _LIMIT + 60
    while (so_far := await sent()) < number:
        if time.monotonic() > deadline:
            raise Failed(f"{so_far} of {number} prompts are sent: {bot.last_words()}")
        memory.append(resident_mib(bot.pid))
        # Closely towards the end only: looking costs time, too.
        await asyncio.sleep(max(0.01, min(1.0, (number - so_far) / _LIMIT / 2)))
    return (number - first) / (time.monotonic() - begun), memory
