"""The bot is killed, or ended, at each step of a tap's way."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from tests.faults.result import Result
from tests.faults.stage import Stage, case, conclude, crowd
from tests.support.bot import Crowd, Rig
from tests.support.processes import Program, wait_until

_BURST = 30
_SOON = 20.0


@case
async def killed_when_fetched(stage: Stage) -> Result:
    """The local Bot API has handed the updates out; nobody knows whether they arrived."""
    return await _killed_at(stage, partial(at_ledger, step="delivered"))


@case
async def killed_when_journaled(stage: Stage) -> Result:
    """They are in the journal, and not confirmed yet."""
    return await _killed_at(stage, _at_journal)


@case
async def killed_when_confirmed(stage: Stage) -> Result:
    """Telegram has forgotten them; only the journal knows."""
    return await _killed_at(stage, partial(at_ledger, step="confirmed"))


@case
async def killed_when_stored(stage: Stage) -> Result:
    """The first ones stand in MongoDB, answered or not."""
    return await _killed_at(stage, at_store)


@case
async def killed_when_answered(stage: Stage) -> Result:
    """The first answer has gone out."""
    return await _killed_at(stage, partial(at_ledger, step="answered"))


At = Callable[[Rig, Program, Crowd], Awaitable[bool]]


async def _killed_at(stage: Stage, at: At) -> Result:
    result = Result()
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        for _ in stage.times(20, 2):
            bot = await rig.start()
            result.runs += 1
            result.faults += await at(rig, bot, people)
            await bot.kill()
        await rig.start()
        await conclude(result, rig, people)
    return result


async def at_ledger(rig: Rig, bot: Program, people: Crowd, *, step: str) -> bool:
    """Killed from inside the local Bot API, within the call that is the step."""
    ledger, done = rig.world.ledger, asyncio.Event()
    before = getattr(ledger, step)

    def after(*arguments: Any, **named: Any) -> None:
        before(*arguments, **named)
        if not done.is_set():
            os.kill(bot.pid, signal.SIGKILL)
            done.set()

    setattr(ledger, step, after)
    try:
        people.tap(_BURST)
        await asyncio.wait_for(done.wait(), _SOON)
    finally:
        setattr(ledger, step, before)
    return True


async def _at_journal(rig: Rig, bot: Program, people: Crowd) -> bool:
    def last_row() -> int:
        return sum(number for (number,) in rig.journal("SELECT seq FROM sqlite_sequence"))

    before = last_row()
    people.tap(_BURST)
    await wait_until(lambda: last_row() > before, _SOON, "they are journaled", poll=0.0)
    bot.signal(signal.SIGKILL)
    return True


async def at_store(rig: Rig, bot: Program, people: Crowd) -> bool:
    first = len(people.taps)
    people.tap(_BURST)
    numbers = [tap.update_id for tap in people.taps[first:]]

    async def is_stored() -> bool:
        return await rig.db["feedback_events"].find_one({"updateId": {"$in": numbers}}) is not None

    await wait_until(is_stored, _SOON, "the first is stored", poll=0.0)
    bot.signal(signal.SIGKILL)
    return True


@case
async def ended_with_a_full_queue(stage: Stage) -> Result:
    """SIGTERM in the middle of a thousand taps: it ends within ten seconds with status 0."""
    result = Result()
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        for _ in stage.times(5, 1):
            bot = await rig.start()
            people.tap(1000)
            await wait_until(lambda: rig.world.pending() < 900, _SOON, "the bot takes some")
            begun = time.monotonic()
            status = await bot.terminate(30)
            span = time.monotonic() - begun
            result.runs += 1
            result.faults += 1
            if status != 0 or span > 10:
                result.flaws.append(f"ended with status {status} after {span:.1f} s")
        await rig.start()
        await conclude(result, rig, people)
    return result


@case
async def killed_two_seconds_after_the_end(stage: Stage) -> Result:
    """SIGTERM while MongoDB hangs and the queue is full, KILL two seconds after it."""
    result = Result()
    async with stage.mongod() as mongod, stage.rig(mongod.url) as rig:
        people = crowd(stage, rig)
        for _ in stage.times(5, 1):
            bot = await rig.start()
            async with mongod.paused():
                people.tap(1000)
                await wait_until(lambda: rig.world.pending() < 900, _SOON, "the bot takes some")
                bot.signal(signal.SIGTERM)
                await asyncio.sleep(2)
                await bot.kill()
            result.runs += 1
            result.faults += 1
        await rig.start()
        await conclude(result, rig, people)
    return result
