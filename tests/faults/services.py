"""Several services with one token and one database."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.result import Result
from tests.faults.stage import Stage, case, conclude, crowd, load, settled
from tests.support.balancer import Balancer
from tests.support.bot import Crowd, Rig
from tests.support.processes import Program, free_port, wait_until

_TAKEN_OVER_WITHIN = 30.0
_RATE = 20


@asynccontextmanager
async def _pair(stage: Stage) -> AsyncIterator[tuple[Rig, Program, Program, Crowd]]:
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        first = await rig.start()
        second = await rig.launch(DATA_DIR=str(rig.folder / "second"))
        await wait_until(lambda: "standing by" in second.log, 30, "the second service stands by")
        await load(people, first, rate=_RATE, seconds=1)
        yield rig, first, second, people


async def _taken_over(result: Result, bot: Program, people: Crowd) -> None:
    begun = time.monotonic()
    while "taking over" not in bot.log:
        await load(people, bot, rate=_RATE, seconds=0.5)
        if time.monotonic() - begun > _TAKEN_OVER_WITHIN:
            result.flaws.append(f"nobody has taken over within {_TAKEN_OVER_WITHIN:.0f} s")
            break
    result.recovery.append(time.monotonic() - begun)


@case
async def poller_killed_beside_a_standby(stage: Stage) -> Result:
    """The standby takes over while taps come in; the dead one comes back and stands by in its turn."""
    result = Result()
    async with _pair(stage) as (rig, first, second, people):
        bots = [first, second]
        folders = [rig.settings["DATA_DIR"], str(rig.folder / "second")]
        for number in stage.times(5, 1):
            polls, stands_by = number % 2, 1 - number % 2
            await bots[polls].kill()
            result.runs += 1
            result.faults += 1
            await _taken_over(result, bots[stands_by], people)
            bots[polls] = await rig.launch(DATA_DIR=folders[polls])
            await wait_until(lambda: "standing by" in bots[polls].log, 30, "it stands by")  # noqa: B023
        result.losses, _ = await settled(rig, people.taps)
        result.taps = len(people.taps)
    return result


@case
async def poller_stalled_beside_a_standby(stage: Stage) -> Result:
    """Stopped for 40 s (SIGSTOP), it wakes up when another one polls, and stands by."""
    result = Result(runs=1, faults=1)
    async with _pair(stage) as (rig, first, second, people):
        first.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        await _taken_over(result, second, people)
        rest = stage.number(40, 20) - (time.monotonic() - stopped)
        await load(people, second, rate=_RATE, seconds=max(1.0, rest))
        first.signal(signal.SIGCONT)
        await wait_until(lambda: "standing by" in first.log, 30, "it stands by")
        await load(people, first, rate=_RATE, seconds=2)
        result.losses, _ = await settled(rig, people.taps)
        result.taps = len(people.taps)
    return result


@case
async def workers_killed_behind_a_webhook(stage: Stage) -> Result:
    """Two services behind a balancer, killed in turn under load."""
    result = Result()
    ports = [free_port(), free_port()]
    async with stage.rig() as rig, Balancer(ports) as balancer:
        token = "t" * 32
        settings = [
            {
                "WEBHOOK_URL": f"{balancer.url}/telegram",
                "HTTP_PORT": str(port),
                "HTTP_TOKEN": token,
                "DATA_DIR": str(rig.folder / f"data-{port}"),
            }
            for port in ports
        ]
        bots = [await rig.launch(**each) for each in settings]
        for bot in bots:
            await wait_until(lambda: "Telegram sends updates" in bot.log, 30, "it is set")  # noqa: B023
        people = crowd(stage, rig)
        for number in stage.times(20, 2):
            await load(people, None, rate=100, seconds=stage.rng.uniform(0.3, 1))
            at = number % 2
            await bots[at].kill()
            await load(people, None, rate=100, seconds=0.5)
            bots[at] = await rig.launch(**settings[at])
            await asyncio.sleep(0.5)
            result.runs += 1
            result.faults += 1
        await conclude(result, rig, people, 120)
    return result
