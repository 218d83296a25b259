"""MongoDB or Telegram away: taps are answered in time, none is lost, nothing is called saved too early."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.world import World
from tests.support.bot import Crowd, Rig
from tests.support.processes import Mongod, Program, wait_until

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

QUERY_LIFETIME = 6.0
AWAY = 10.0
ANSWER_WITHIN = 5.0


async def tap_for(seconds: float, crowd: Crowd) -> None:
    """Ten taps each half second."""
    for _ in range(round(seconds / 0.5)):
        crowd.tap(10)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("how", ["is gone", "hangs"])
async def test_mongodb_away_longer_than_a_query_lives(
    how: str, tmp_path: Path, mongod: Mongod, rng: random.Random
) -> None:
    """While MongoDB is away each tap is answered in time and not called saved; afterwards all are stored."""
    world = World(limits=None, query_lifetime=QUERY_LIFETIME)
    async with Rig(tmp_path / "bot", mongo_url=mongod.url, world=world) as rig:
        bot = await rig.start()
        crowd = Crowd(rig, rng, sessions=40)
        crowd.tap(20)
        await crowd.settled()
        before = len(crowd.taps)
        async with mongod.paused():
            if how == "is gone":
                await mongod.kill()
            await tap_for(AWAY, crowd)
            meanwhile = crowd.taps[before:]
            await rig.answered(meanwhile, ANSWER_WITHIN)
            assert not [tap.answer for tap in meanwhile if "Saved" in (tap.answer or "")]
        if how == "is gone":
            await mongod.start()
        await crowd.settled()
        assert not [tap for tap in crowd.taps if (tap.answered_at or 0) - tap.at > ANSWER_WITHIN]
        assert not [tap for tap in crowd.taps if tap.expired]
        assert bot.is_running


@dataclass(frozen=True)
class Trouble:
    """What is wrong at Telegram for a few seconds; without `fault` the server is not there at all."""

    name: str
    fault: Callable[[float], Fault] | None


SECONDS = 3.0
TROUBLES = (
    Trouble("401", lambda until: Fault("status", times=None, until=until, status=401)),
    Trouble("404", lambda until: Fault("status", times=None, until=until, status=404)),
    Trouble(
        "409",
        lambda until: Fault(
            "status",
            "getUpdates",
            times=None,
            until=until,
            status=409,
            description="Conflict: terminated by other getUpdates request",
        ),
    ),
    Trouble("429", lambda until: Fault("status", times=None, until=until, status=429, retry_after=2)),
    Trouble("500", lambda until: Fault("status", times=None, until=until, status=500)),
    Trouble(
        "502",
        lambda until: Fault(
            "status", times=None, until=until, status=502, body="<html><h1>502 Bad Gateway</h1></html>"
        ),
    ),
    Trouble("503", lambda until: Fault("status", times=None, until=until, status=503, body="")),
    Trouble("garbage", lambda until: Fault("garbage", times=None, until=until)),
    Trouble("reset", lambda until: Fault("reset", times=None, until=until)),
    Trouble("reset after the work", lambda until: Fault("reset_after", times=None, until=until)),
    Trouble("hang", lambda until: Fault("hang", times=None, until=until, seconds=SECONDS)),
    Trouble("unreachable", None),
)


async def survive(trouble: Trouble, rig: Rig, bot: Program, rng: random.Random) -> None:
    """Taps before, during and after the trouble are stored, and the bot polls again."""
    crowd = Crowd(rig, rng, sessions=10)
    crowd.tap(10)
    await crowd.settled()
    if trouble.fault is None:
        port = int(rig.server.url.rpartition(":")[2])
        await rig.server.stop()
        crowd.tap(10)
        await asyncio.sleep(SECONDS)
        await rig.server.start(port=port)
    else:
        rig.faults.add(trouble.fault(rig.world.time() + SECONDS))
        crowd.tap(10)
        await asyncio.sleep(SECONDS)
        assert sum(rig.faults.fired.values()) >= 1
    since = rig.next_call()
    crowd.tap(10)
    await crowd.settled(30)
    await wait_until(
        lambda: any(call["status"] == 200 for call in rig.calls("getUpdates", since)), 10, "a poll succeeds"
    )
    assert bot.is_running, bot.log
    rig.check_logs()


async def test_every_trouble_at_telegram_is_survived(
    tmp_path: Path, mongo_url: str, rng: random.Random
) -> None:
    """401, 404, 409, 429, 5xx, garbage, resets, hangs and no server at all: polling again, nothing lost."""
    async with AsyncExitStack() as stack:
        rigs = [
            await stack.enter_async_context(Rig(tmp_path / trouble.name, mongo_url=mongo_url))
            for trouble in TROUBLES
        ]
        bots = await asyncio.gather(*(rig.start() for rig in rigs))
        work: list[Awaitable[None]] = [
            survive(trouble, rig, bot, random.Random(rng.random()))
            for trouble, rig, bot in zip(TROUBLES, rigs, bots, strict=True)
        ]
        results = await asyncio.gather(*work, return_exceptions=True)
        failed = {
            trouble.name: result
            for trouble, result in zip(TROUBLES, results, strict=True)
            if result is not None
        }
        assert not failed


async def test_hanging_or_failing_answers_do_not_hold_up_writes(rig: Rig, rng: random.Random) -> None:
    """Taps are stored although no answer gets through: hanging ones first, then refused ones."""
    await rig.start()
    crowd = Crowd(rig, rng, sessions=20)
    rig.faults.add(Fault("hang", "answerCallbackQuery", times=30))
    too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    rig.faults.add(
        Fault("status", "answerCallbackQuery", times=200, status=400, description=too_old),
    )

    async def all_stored() -> bool:
        return not await crowd.problems()

    crowd.tap(100)
    await wait_until(lambda: rig.faults.fired.get("hang", 0) >= 20, 10, "answers hang")
    crowd.tap(100)
    await wait_until(all_stored, 5, "all are stored")
    assert not [tap for tap in crowd.taps if tap.answered_at is not None]
    await wait_until(lambda: rig.faults.fired.get("status", 0) == 200, 30, "answers are refused")
    crowd.tap(1)
    await rig.answered(crowd.taps[-1:], ANSWER_WITHIN)
    await wait_until(all_stored, 5, "all are stored")
