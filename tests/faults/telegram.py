"""Telegram fails, sends rubbish, sends again, or does not take answers."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any, get_args

from bot.sandbox.faults import Fault, Kind
from bot.sandbox.world import User
from tests.faults.result import Losses, Result
from tests.faults.stage import Stage, case, compare, conclude, crowd, load
from tests.support.bot import ATHLETES, Crowd, Rig
from tests.support.processes import wait_until

_KINDS: tuple[Kind, ...] = get_args(Kind)
_STATUSES = (401, 404, 409, 429, 500, 502)
_TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
_COPIES = 10


@case
async def each_fault_of_telegram(stage: Stage) -> Result:
    """Every way in which a call can go wrong, all calls, for ten seconds each; several bots side by side."""
    result = Result()
    seconds = stage.number(10, 2)
    given: list[dict[str, Any]] = [{"kind": kind} for kind in _KINDS if kind not in ("status", "delay")]
    given += [{"kind": "delay", "seconds": 2.0}]
    given += [{"kind": "status", "status": status, "retry_after": 2} for status in _STATUSES]
    async with AsyncExitStack() as stack:
        rigs = [await stack.enter_async_context(stage.rig()) for _ in given]
        bots = await asyncio.gather(*(rig.start() for rig in rigs))
        people = [crowd(stage, rig) for rig in rigs]
        for rig, fault in zip(rigs, given, strict=True):
            until = rig.world.time() + seconds
            rig.faults.add(Fault(**{"seconds": seconds, **fault}, times=None, until=until))
        await asyncio.gather(
            *(load(each, bot, rate=10, seconds=seconds) for each, bot in zip(people, bots, strict=True))
        )
        found = await asyncio.gather(
            *(_settled_without_answers(rig, each) for rig, each in zip(rigs, people, strict=True))
        )
        # What could not be told then is given up; whatever comes now is answered again.
        result.note = (
            f"{sum(tap.answered_at is None for each in people for tap in each.taps)} taps got no answer"
        )
        for each in people:
            each.tap(10)
        await asyncio.gather(
            *(rig.answered(each.taps[-10:], 60) for rig, each in zip(rigs, people, strict=True))
        )
        for rig, each, fault, (losses, span) in zip(rigs, people, given, found, strict=True):
            fired = sum(rig.faults.fired.values())
            result.runs += 1
            result.faults += fired
            result.taps += len(each.taps)
            result.recovery.append(span)
            result.losses = _sum(result.losses, losses)
            if not losses.is_none or not fired:
                result.flaws.append(f"{fault}: {losses}, met {fired} times")
    return result


async def _settled_without_answers(rig: Rig, people: Crowd) -> tuple[Losses, float]:
    """Answers that Telegram did not take are given up after half a minute, and that is right."""
    begun = asyncio.get_running_loop().time()
    while True:
        losses = await compare(rig, people.taps)
        losses = Losses(losses.lost, losses.wrong, 0, losses.broken_promises)
        span = asyncio.get_running_loop().time() - begun
        if losses.is_none or span > 60:
            return losses, span
        await asyncio.sleep(0.1)


def _sum(one: Losses, other: Losses) -> Losses:
    return Losses(
        one.lost + other.lost,
        one.wrong + other.wrong,
        one.unanswered + other.unanswered,
        one.broken_promises + other.broken_promises,
    )


@case
async def answers_that_hang_or_fail(stage: Stage) -> Result:
    """Not one answer gets through: everything is stored all the same."""
    result = Result()
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for fault in (
            Fault("hang", "answerCallbackQuery", times=50, seconds=5),
            Fault("status", "answerCallbackQuery", times=None, status=400, description=_TOO_OLD),
        ):
            rig.faults.add(fault)
        await load(people, bot, rate=50, seconds=stage.number(20, 3))
        result.losses, span = await _settled_without_answers(rig, people)
        result.recovery.append(span)
        result.runs, result.faults = 1, sum(rig.faults.fired.values())
        result.taps = len(people.taps)
    return result


def _poisons() -> list[str]:
    sender = {"id": ATHLETES[0], "is_bot": False, "first_name": "A"}
    tap = {"id": "4711", "from": sender, "chat_instance": "1", "data": "session_feedback|poison|s|done"}
    return [
        '{"callback_query":"gotcha"}',
        '{"callback_query":null}',
        json.dumps({"callback_query": {**tap, "from": None}}),
        json.dumps({"callback_query": {**tap, "from": {"id": 10**30, "first_name": "A"}}}),
        json.dumps({"callback_query": {**tap, "id": "\ud800"}}),
        '{"callback_query":{"id":"1","from":{"id":1e999}}}',
        '{"callback_query":{"id":"1","from":{"id":' + "9" * 5_000 + "}}}",
        '{"callback_query":{"id":"1","from":' + "[" * 100_000 + "]" * 100_000 + "}}",
        '{"message":5}',
    ]


@case
async def poison_updates(stage: Stage) -> Result:
    """Updates that nobody can read, between taps: each becomes one dead letter."""
    result = Result()
    poisons = _poisons()
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for _ in stage.times(10, 1):
            for poison in stage.rng.sample(poisons, len(poisons)):
                people.tap(10)
                rig.world.inject_raw(poison)
                result.faults += 1
            people.tap(10)
            result.runs += 1
            await conclude(result, rig, people)
        await wait_until(lambda: rig.world.pending() == 0, 20, "all is confirmed")
        dead = (await rig.stats())["deadLetters"]
        if dead != result.faults or not bot.is_running:
            result.flaws.append(f"{dead} dead letters of {result.faults}")
    return result


@case
async def every_update_ten_times_shuffled(stage: Stage) -> Result:
    """Each update comes ten times, in any order, in polls that know of no confirmation."""
    result = Result()
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        await rig.start()
        for _ in stage.times(5, 1):
            bodies = _captured(rig, people, 100)
            copies = bodies * _COPIES
            stage.rng.shuffle(copies)
            batches = [copies[i : i + 100] for i in range(0, len(copies), 100)]
            before = rig.faults.fired.get("status", 0)
            for batch in batches:
                reply = f'{{"ok":true,"result":[{",".join(batch)}]}}'
                rig.faults.add(Fault("status", "getUpdates", times=1, status=200, body=reply))
            rig.world.message(ATHLETES[0], User(ATHLETES[0]), "wake up")
            await wait_until(
                lambda: rig.faults.fired.get("status", 0) - before == len(batches),  # noqa: B023
                60,
                "all are taken",
            )
            result.runs += 1
            result.faults += len(copies) - len(bodies)
            await conclude(result, rig, people)
        counted = (await rig.stats())["taps"]["written"]
        if counted != result.taps:
            result.flaws.append(f"{counted} taps are counted as written")
    return result


def _captured(rig: Rig, people: Crowd, number: int) -> list[str]:
    """The updates of taps, as Telegram sends them, taken out of the queue."""
    wake, rig.world.on_update = rig.world.on_update, None
    people.tap(number)
    bodies = [update.body for update in rig.world.queue.to_push(10 * number, (), rig.world.time())]
    rig.world.queue.clear()
    rig.world.on_update = wake
    return bodies
