"""JOURNAL=mongodb: machines come and go, none keeps a disk, and MongoDB fails."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bot.core.i18n.language import Language
from bot.core.inbox.lease import TTL
from tests.faults.kills import At, at_ledger, at_store
from tests.faults.result import Result
from tests.faults.stage import Stage, case, conclude, crowd, load
from tests.support.bot import ADMIN, Crowd, Rig
from tests.support.processes import Program, wait_until

_BURST = 30
_SOON = 20.0


@asynccontextmanager
async def _platform(stage: Stage, mongo_url: str | None = None) -> AsyncIterator[Rig]:
    async with stage.rig(mongo_url, JOURNAL="mongodb") as rig:
        yield rig
        if rig.data_dir.exists():
            raise AssertionError(f"it has made {rig.data_dir}")


@case
async def dyno_killed_at_each_step(stage: Stage) -> Result:
    """Fetched, in the journal, confirmed, stored, answered: the next one finds what it left."""
    result = Result()
    steps: list[At] = [
        *(partial(at_ledger, step=step) for step in ("delivered", "confirmed", "answered")),
        _at_journal,
        at_store,
    ]
    async with _platform(stage) as rig:
        people = crowd(stage, rig)
        for number in stage.times(40, len(steps)):
            bot = await rig.start()
            result.runs += 1
            result.faults += await steps[number % len(steps)](rig, bot, people)
            await bot.kill()
            await rig.db["leases"].delete_many({})  # that nobody waits until it has run out
        await rig.start()
        await conclude(result, rig, people)
    return result


async def _at_journal(rig: Rig, bot: Program, people: Crowd) -> bool:
    async def last() -> int:
        newest = await rig.db["inbox"].find_one({"seq": {"$exists": True}}, sort=[("seq", -1)])
        return 0 if newest is None else newest["seq"]

    before = await last()

    async def is_there() -> bool:
        return await last() > before

    people.tap(_BURST)
    await wait_until(is_there, _SOON, "they are journaled", poll=0.0)
    bot.signal(signal.SIGKILL)
    return True


@case
async def old_and_new_dyno_overlap(stage: Stage) -> Result:
    """A deployment under load: the new one starts, the old one is told to end, or killed."""
    result = Result()
    async with _platform(stage) as rig:
        people = crowd(stage, rig)
        old = await rig.start()
        for number in stage.times(10, 2):
            new = await rig.launch()
            await load(people, old, rate=50, seconds=1.5)
            if number % 2:
                await old.kill()
            elif (status := await old.terminate(30)) != 0:
                result.flaws.append(f"it ended with status {status}")
            result.runs += 1
            result.faults += 1
            await load(people, new, rate=50, seconds=0.5)
            await wait_until(lambda: not rig.world.pending(), TTL.total_seconds() + 15, "the new one polls")
            old = new
        await conclude(result, rig, people)
    return result


@case
async def old_dyno_stalls(stage: Stage) -> Result:
    """Stopped with updates in its hands, it wakes up when another one has stored newer ones."""
    result = Result()
    async with _platform(stage) as rig:
        people = crowd(stage, rig)
        old = await rig.start()
        new = await rig.launch()
        await wait_until(lambda: "standing by" in new.log, 30, "it stands by")
        for _ in stage.times(5, 1):
            people.tap(_BURST)
            await asyncio.sleep(stage.rng.uniform(0, 0.1))
            old.signal(signal.SIGSTOP)
            people.tap(_BURST)
            await wait_until(lambda: not rig.world.pending(), TTL.total_seconds() + 15, "the new one polls")
            old.signal(signal.SIGCONT)
            result.runs += 1
            result.faults += 1
            await load(people, new, rate=50, seconds=1)
            old, new = new, old
        await conclude(result, rig, people)
    return result


@case
async def mongodb_fails_under_a_dyno(stage: Stage) -> Result:
    """Killed, or hanging: nothing is confirmed, athletes are told so, and all of it is kept afterwards."""
    result = Result()
    not_kept = Language.EN.texts.answers.not_kept
    async with stage.mongod() as mongod, _platform(stage, mongod.url) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for number in stage.times(10, 2):
            await load(people, bot, rate=50, seconds=stage.rng.uniform(0.3, 1.0))
            if number % 2:
                mongod.process.send_signal(signal.SIGSTOP)
            else:
                await mongod.kill()
            before = len(people.taps)
            await asyncio.sleep(0.5)  # what was fetched before is in the journal, or not
            first = len(people.taps)
            people.tap(20)
            taps = people.taps[first:]
            await wait_until(lambda: all(tap.answered_at for tap in taps), 15, "they are told")  # noqa: B023
            if wrong := {tap.answer for tap in taps} - {not_kept}:
                result.flaws.append(f"taps that were not kept were told {wrong}")
            if rig.world.pending() < len(people.taps) - before:
                result.flaws.append("taps were confirmed that nobody has kept")
            if number % 2:
                mongod.process.send_signal(signal.SIGCONT)
            else:
                await mongod.start()
            result.faults += 1
            result.runs += 1
            await conclude(result, rig, people)
            await wait_until(lambda: not rig.world.pending(), 30, "everything is confirmed")
    return result


@case
async def inbox_is_dropped(stage: Stage) -> Result:
    """Under a running bot, and between two: it is said what is missing, and no number is used twice."""
    result = Result()
    async with _platform(stage) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for number in stage.times(6, 2):
            await load(people, bot, rate=50, seconds=0.5)
            await conclude(result, rig, people)
            await wait_until(lambda: rig.db["journals"].find_one({"last": {"$gt": 0}}), 20, "it is noted")
            await asyncio.sleep(2)
            [known] = await rig.db["journals"].find().to_list()
            if number % 2:
                await bot.kill()
            # As if two had not been processed.
            last = known["last"]
            if number % 2:
                await rig.db["journals"].update_many({}, {"$set": {"last": last + 2, "done": last}})
                last += 2
            await rig.db["inbox"].drop()
            if number % 2:
                bot = await rig.start()
                told = f"lacks the entries {last - 1} to {last} (up to 2 updates)"
                await wait_until(lambda: told in bot.log, _SOON, told)  # noqa: B023
                found = (await rig.command("doctor")).out
                if "lacks the entries" not in found:
                    result.flaws.append(f"doctor says nothing: {found}")
            result.faults += 1
            result.runs += 1
            await load(people, bot, rate=50, seconds=0.5)
            await conclude(result, rig, people)
            head = await rig.db["inbox"].find_one({"last": {"$exists": True}})
            if head is None or head["last"] <= last:
                result.flaws.append(f"the numbers do not go on above {last}: {head}")
        said = [message["text"] for message in rig.world.messages(ADMIN) if "lacks" in message["text"]]
        if not said:
            result.flaws.append("no admin was told")
        await bot.terminate()
        shutil.rmtree(rig.data_dir, ignore_errors=True)  # of `doctor`
    return result
