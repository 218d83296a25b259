"""Very many taps wait when the bot starts: how long it takes until all are stored and answered, and in how
much memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tests.benchmarks import contenders
from tests.benchmarks.contenders import are_answered, are_stored, questions, started
from tests.benchmarks.harness import (
    Bench,
    Failed,
    is_delivering,
    peak_mib,
    resident_mib,
    take_turns,
    telegram,
    until,
)
from tests.benchmarks.ingest import raw
from tests.benchmarks.rows import Row, at_most

NAME = "backlog"

_AT_ONCE = 5_000  # in one call of the server's control
_LONGEST = 3_600.0  # seconds that the taps wait, instead of Telegram's 150
_FEW, _MANY, _IDLE, _RAW = "few", "many", "idle", "raw bulk_write of as many"
_TIMES = 10


@dataclass(frozen=True, slots=True)
class Drain:
    """What was seen.

    Attributes:
        seconds: from the first poll until the last one is stored and answered.
        memory: in MiB: the most, or that of an idle bot.
    """

    seconds: float
    memory: float = 0.0


async def measure(bench: Bench) -> list[Row]:
    """Many taps, a tenth of them, none, and bulk writes."""
    number = bench.size("backlog", 50_000, 10_000)
    rounds = min(bench.rounds, 2)  # each takes minutes
    contenders_: dict[str, Callable[[], Awaitable[Drain]]] = {
        _MANY: partial(drained, bench, number),
        _FEW: partial(drained, bench, number // _TIMES),
        _IDLE: partial(idle, bench),
        _RAW: partial(_raw, bench, number),
    }
    seen = await take_turns(rounds, contenders_)
    seconds = {name: [each.seconds for each in of_one] for name, of_one in seen.items()}
    memory = {name: [each.memory for each in of_one] for name, of_one in seen.items()}
    what, few = f"{number:,} waiting taps", [_TIMES * each for each in seconds[_FEW]]
    return [
        Row(NAME, what, "s", seconds[_MANY], f"{_TIMES} times {number // _TIMES:,}", few, at_most(1.2)),
        Row(NAME, what, "s", seconds[_MANY], _RAW, seconds[_RAW]),
        Row(NAME, f"{what}: memory at most", "MiB", memory[_MANY], "memory idle", memory[_IDLE]),
        Row(
            *(NAME, f"{what}: memory at most", "MiB", memory[_MANY]),
            *(f"with {number // _TIMES:,} at most", memory[_FEW]),
        ),
    ]


async def drained(bench: Bench, number: int) -> Drain:
    """Give all taps, then start the bot."""
    async with bench.database("backlog") as db, telegram() as (url, client):
        await client.settings(query_lifetime=_LONGEST)
        for start in range(0, number, _AT_ONCE):
            some = await questions(client, min(_AT_ONCE, number - start), series=f"run-{start}")
            await client.taps(some)
        async with contenders.ours(url, bench, db.name) as bot:
            await until(partial(is_delivering, client), bot)
            begun = time.monotonic()
            await until(partial(are_answered, client, number), bot, every=0.1)
            await until(partial(are_stored, db, "run", number), bot, every=0.1)
            drain = Drain(time.monotonic() - begun, peak_mib(bot.pid))
        stored = await db["feedback_events"].count_documents({})
        if stored != number:
            raise Failed(f"{stored} of {number} taps are stored")
        return drain


async def idle(bench: Bench) -> Drain:
    """Nothing waits."""
    async with (
        bench.database("backlog") as db,
        telegram() as (url, client),
        contenders.ours(url, bench, db.name) as bot,
    ):
        await client.taps(await questions(client, 1))
        await started(client, bot)
        await asyncio.sleep(1.0)
        return Drain(0.0, resident_mib(bot.pid))


async def _raw(bench: Bench, number: int) -> Drain:
    return Drain((await raw(bench, number)).seconds)
