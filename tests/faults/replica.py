"""A replica set of three loses its primary."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.result import Result
from tests.faults.stage import Stage, case, crowd, load, settled
from tests.support.bot import Crowd
from tests.support.processes import Program, ReplicaSet, wait_until

_ALONE = 1.0
"""Seconds; after two the primary would notice that it is alone, and stop taking writes."""


@case
async def primary_killed_under_load(stage: Stage) -> Result:
    """The primary is killed while taps come in; another one takes over, and the killed one comes back.

    Every other time the others were killed a moment earlier, so that what is gone with the primary is what it
    alone has written: taps that are called saved then are lost.
    """
    return await _killed_under_load(stage, "disk")


@case
async def primary_killed_under_a_dyno(stage: Stage) -> Result:
    """The same, with the journal there: what it alone had taken was not confirmed to Telegram."""
    return await _killed_under_load(stage, "mongodb")


async def _killed_under_load(stage: Stage, journal: str) -> Result:
    result = Result()
    async with (
        ReplicaSet(stage.folder / "members") as members,
        stage.rig(members.url, JOURNAL=journal) as rig,
    ):
        people = crowd(stage, rig)
        bot = await rig.start()
        async with _under_load(people, bot):
            for number in stage.times(5, 1):
                await asyncio.sleep(stage.rng.uniform(1, 2))
                primary = await members.primary()
                others = [member for member in members.members if member is not primary and number % 2 == 0]
                for member in others:
                    await member.kill()
                await asyncio.sleep(_ALONE if others else 0)
                await primary.kill()
                begun, first = time.monotonic(), len(people.taps)
                for member in others:
                    await member.restart()

                async def is_stored(first: int = first) -> bool:
                    ids = [tap.query_id for tap in people.taps[first:]]
                    return await rig.db["taps"].find_one({"_id": {"$in": ids}}) is not None

                await wait_until(is_stored, 60, "a tap is stored by the new primary", poll=0.05)
                result.recovery.append(time.monotonic() - begun)
                result.runs += 1
                result.faults += 1
                await members.rejoin(primary)
        result.losses, _ = await settled(rig, people.taps, 120)
        result.taps = len(people.taps)
        await rig.disconnect()
    return result


@asynccontextmanager
async def _under_load(people: Crowd, bot: Program) -> AsyncIterator[None]:
    """Fifty taps a second all the while."""

    async def tap() -> None:
        while True:
            await load(people, bot, rate=50, seconds=0.1)

    async with asyncio.TaskGroup() as tasks:
        tapping = tasks.create_task(tap())
        try:
            yield
        finally:
            tapping.cancel()
