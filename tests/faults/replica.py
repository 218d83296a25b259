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


@case
async def primary_killed_under_load(stage: Stage) -> Result:
    """The primary is killed while taps come in; another one takes over, and the killed one comes back."""
    result = Result()
    async with ReplicaSet(stage.folder / "members") as members, stage.rig(members.url) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        async with _under_load(people, bot):
            for _ in stage.times(5, 1):
                await asyncio.sleep(stage.rng.uniform(1, 2))
                primary = await members.primary()
                await primary.kill()
                begun, first = time.monotonic(), len(people.taps)

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
