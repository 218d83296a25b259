"""Whoever is killed, and whenever: no tap is lost, and none is stored twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.bot import Crowd, Rig
from tests.support.processes import Mongod, is_alive, wait_until

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


def has_answers(crowd: Crowd, number: int) -> bool:
    """Whether so many taps are answered."""
    return sum(tap.answered_at is not None for tap in crowd.taps) >= number


def is_another_mongod(rig: Rig, killed: int) -> bool:
    """Whether the embedded MongoDB is another process than the one that was killed."""
    return rig.embedded()["pid"] != killed


async def test_twenty_kills_of_the_bot_lose_nothing(rig: Rig, rng: random.Random) -> None:
    """2,000 taps while the bot is killed at 20 random moments: the last tap of every key is stored, once."""
    crowd = Crowd(rig, rng, sessions=40)
    for _ in range(20):
        bot = await rig.launch()
        deadline = time.monotonic() + rng.uniform(0.1, 2.0)
        left = 100
        while (wait := deadline - time.monotonic()) > 0:
            burst = min(left, rng.randrange(1, 40))
            crowd.tap(burst)
            left -= burst
            await asyncio.sleep(min(wait, rng.uniform(0.01, 0.3)))
        crowd.tap(left)
        await bot.kill()
    assert len(crowd.taps) == 2000
    await rig.start()
    await crowd.settled()
    assert rig.world.pending() == 0
    assert not await crowd.unkept_promises()


async def test_term_with_a_full_queue_then_kill(tmp_path: Path, mongod: Mongod, rng: random.Random) -> None:
    """SIGTERM while MongoDB hangs and the queue is full, KILL two seconds later: nothing is lost."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        bot = await rig.start()
        crowd = Crowd(rig, rng, sessions=40)
        async with mongod.paused():
            crowd.tap(1000)
            await wait_until(lambda: rig.world.pending() < 700, 10, "the bot takes some")
            bot.signal(signal.SIGTERM)
            # The two seconds that a supervisor grants: there is nothing to wait for.
            await asyncio.sleep(2)
            await bot.kill()
        await rig.start()
        await crowd.settled()


async def test_term_ends_in_time_and_keeps_everything(rig: Rig, rng: random.Random) -> None:
    """SIGTERM under load: exit status 0 within ten seconds; what was received is there after a restart."""
    bot = await rig.start()
    crowd = Crowd(rig, rng, sessions=40)
    crowd.tap(1500)
    await wait_until(lambda: rig.world.pending() < 1400, 10, "the bot takes some")
    assert await bot.terminate(10) == 0
    # Whatever was confirmed is with the bot alone: in MongoDB or in the journal.
    await rig.start()
    await crowd.settled()


@pytest.mark.parametrize("how", ["hangs", "is gone"])
async def test_term_while_mongodb_is_away(
    how: str, tmp_path: Path, mongod: Mongod, rng: random.Random
) -> None:
    """SIGTERM while MongoDB does not answer: still exit status 0 within ten seconds, and nothing lost."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        bot = await rig.start()
        crowd = Crowd(rig, rng, sessions=20)
        async with mongod.paused():
            if how == "is gone":
                await mongod.kill()
            crowd.tap(300)
            await wait_until(lambda: rig.world.pending() == 0, 10, "the bot has taken all")
            assert await bot.terminate(10) == 0
        if how == "is gone":
            await mongod.start()
        await rig.start()
        await crowd.settled()


async def test_kill_of_mongod_under_load(tmp_path: Path, mongod: Mongod, rng: random.Random) -> None:
    """Whatever was answered "Saved" survives kill -9 of MongoDB and bot at once, even without the journal."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        crowd = Crowd(rig, rng, sessions=40)
        for _ in range(3):
            bot = await rig.start()
            crowd.tap(300)
            enough = len(crowd.taps) - rng.randrange(20, 280)
            await wait_until(partial(has_answers, crowd, enough), 20, "some taps are answered", poll=0.001)
            await asyncio.gather(mongod.kill(), bot.kill())
            assert sum("Saved" in (tap.answer or "") for tap in crowd.taps) >= 20
            await mongod.start()
            assert not await crowd.unkept_promises()
        bot = await rig.start()
        crowd.tap(300)
        await mongod.kill()
        crowd.tap(300)
        await mongod.start()
        await crowd.settled()
        assert not await crowd.unkept_promises()
        assert bot.is_running


async def test_embedded_mongod_is_healed(tmp_path: Path, rng: random.Random) -> None:
    """The bot starts its embedded MongoDB again after kill -9 under load; every tap is stored."""
    async with Rig(tmp_path / "bot", mongo_url=None) as rig:
        bot = await rig.start()
        crowd = Crowd(rig, rng, sessions=40)
        for _ in range(2):
            killed = rig.embedded()["pid"]
            crowd.tap(200)
            os.kill(killed, signal.SIGKILL)
            crowd.tap(200)
            await wait_until(partial(is_another_mongod, rig, killed), 30, "MongoDB is started again")
        await crowd.settled()
        assert not await crowd.unkept_promises()
        assert bot.is_running


async def test_kill_of_the_bot_with_its_embedded_mongod(tmp_path: Path, rng: random.Random) -> None:
    """The next bot takes over the database of a killed one with its data; a normal stop leaves no mongod."""
    async with Rig(tmp_path / "bot", mongo_url=None) as rig:
        crowd = Crowd(rig, rng, sessions=20)
        for _ in range(3):
            bot = await rig.start()
            crowd.tap(100)
            await asyncio.sleep(rng.uniform(0, 0.3))  # a random moment
            await bot.kill()
        bot = await rig.start()
        await crowd.settled()
        pid = rig.embedded()["pid"]
        assert is_alive(pid)
        await rig.disconnect()
        assert await bot.terminate(10) == 0
        assert not is_alive(pid)
