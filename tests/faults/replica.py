"""A replica set of three loses its primary."""

from __future__ import annotations

import asyncio
import time

from tests.faults.result import Result
from tests.faults.stage import Stage, case, crowd, load, settled
from tests.support.processes import ReplicaSet, wait_until


@case
async def primary_killed_under_load(stage: Stage) -> Result:
    """The primary is killed while taps come in; another one takes over, and the killed one comes back."""
    result = Result()
    async with ReplicaSet(stage.folder / "members") as members, stage.rig(members.url) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for _ in stage.times(5, 1):
            await load(people, bot, rate=50, seconds=1)
            primary = await members.primary()
            begun = time.monotonic()
            await primary.kill()
            result.runs += 1
            result.faults += 1
            people.tap(10)
            pushed = people.taps[-10:]
            ids = [tap.query_id for tap in pushed]

            async def are_stored(ids: list[str] = ids) -> bool:
                return await rig.db["taps"].count_documents({"_id": {"$in": ids}}) == len(ids)

            await wait_until(are_stored, 60, "taps are stored by the new primary", poll=0.1)
            result.recovery.append(time.monotonic() - begun)
            await load(people, bot, rate=50, seconds=1)
            await primary.restart()
            await asyncio.sleep(1)
        result.losses, _ = await settled(rig, people.taps, 120)
        result.taps = len(people.taps)
        await rig.disconnect()
    return result
