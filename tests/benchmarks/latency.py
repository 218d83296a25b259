"""From tap to answer, at fifty taps a second.

Beside this bot the least that any bot does for a tap: one upsert (majority, journal) and one call of
answerCallbackQuery, one after the other, both bare, at the same pace. Times of bots are those of the local
Bot API server: from the press of the button to the call that answers it. Updates come by long poll, so the
wait until a poll takes the tap along is in it, and stands in a row of its own.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import aiohttp

from tests.benchmarks import contenders
from tests.benchmarks.contenders import OURS, Contender, are_answered, questions, started
from tests.benchmarks.harness import (
    ATHLETE,
    TOKEN,
    Bench,
    Failed,
    take_turns,
    telegram,
    until,
)
from tests.benchmarks.rows import Row, at_most

NAME = "latency"

_RATE = 50.0  # taps a second
_WARM_UP = 25  # taps, which do not count: the first ones open connections
_BARE = "one upsert, one call"


@dataclass(frozen=True, slots=True)
class Times:
    """In milliseconds.

    Attributes:
        until_poll: the median from the tap to the poll that brought it.
    """

    median: float
    p99: float
    until_poll: float = 0.0

    @classmethod
    def of(cls, seconds: Sequence[float], until_poll: Sequence[float] = (0.0,)) -> Times:
        """From single times."""
        p99 = statistics.quantiles(seconds, n=100, method="inclusive")[-1]
        return cls(statistics.median(seconds) * 1000, p99 * 1000, statistics.median(until_poll) * 1000)


async def measure(bench: Bench) -> list[Row]:
    """All contenders, round by round."""
    number = bench.size("latency_taps", 200, 150)
    others = contenders.others(bench)
    times = await take_turns(
        bench.rounds,
        {
            OURS: partial(answered, bench, contenders.ours, number),
            _BARE: partial(bare, bench, number),
            **{name: partial(answered, bench, contender, number) for name, contender in others.items()},
        },
    )
    medians = {name: [each.median for each in of_one] for name, of_one in times.items()}
    p99s = {name: [each.p99 for each in of_one] for name, of_one in times.items()}
    until_poll = [each.until_poll for each in times[OURS]]
    return [
        Row(NAME, "tap to answer, 99th percentile", "ms", p99s[OURS], _BARE, p99s[_BARE], at_most(3)),
        Row(NAME, "tap to answer, median", "ms", medians[OURS], _BARE, medians[_BARE]),
        *(
            row
            for name in others
            for row in (
                Row(NAME, "tap to answer, 99th percentile", "ms", p99s[OURS], name, p99s[name]),
                Row(NAME, "tap to answer, median", "ms", medians[OURS], name, medians[name]),
            )
        ),
        Row(NAME, "of it until a poll brings it", "ms", until_poll, "all of it", medians[OURS]),
    ]


async def at_pace(number: int, step: Callable[[int], Awaitable[object]]) -> None:
    """Take steps at fixed instants; one that takes too long puts off those behind it."""
    begun = time.monotonic()
    for index in range(number):
        await asyncio.sleep(max(0.0, begun + index / _RATE - time.monotonic()))
        await step(index)


async def answered(bench: Bench, contender: Contender, number: int) -> Times:
    """Give taps to a bot, one by one, and ask the server when each was answered."""
    async with bench.database("latency") as db, telegram() as (url, client):
        first, *taps = await questions(client, number + _WARM_UP)
        await client.taps([first])
        async with contender(url, bench, db.name) as bot:
            await started(client, bot)
            await asyncio.sleep(1.0)
            await at_pace(len(taps), lambda index: client.taps([taps[index]]))
            await until(partial(are_answered, client, 1 + len(taps)), bot)
        given = (await client.given_taps())[_WARM_UP:]
    return Times.of(
        [tap["answered_at"] - tap["at"] for tap in given],
        [tap["delivered_at"][0] - tap["at"] for tap in given],
    )


async def bare(bench: Bench, number: int) -> Times:
    """The same work without a bot around it."""
    async with bench.database("latency") as db, telegram() as (url, client):
        events = db["feedback_events"]
        await events.create_index("sessionKey", unique=True)
        query_ids = await client.taps(await questions(client, number + _WARM_UP))
        seconds: list[float] = []
        async with aiohttp.ClientSession() as session:

            async def step(index: int) -> None:
                begun = time.perf_counter()
                await events.update_one(
                    {"sessionKey": f"run-{index}-s-{ATHLETE}"},
                    {"$set": {"runId": f"run-{index}", "sessionId": "s", "type": "done", "userId": ATHLETE}},
                    upsert=True,
                )
                form = {"callback_query_id": query_ids[index], "text": "Saved: done"}
                async with session.post(f"{url}/bot{TOKEN}/answerCallbackQuery", data=form) as reply:
                    if not (await reply.json())["ok"]:
                        raise Failed(f"the local Bot API server refuses an answer: {reply.status}")
                seconds.append(time.perf_counter() - begun)

            await at_pace(len(query_ids), step)
    return Times.of(seconds[_WARM_UP:])
