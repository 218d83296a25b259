"""MongoDB dies, hangs or is away; the bot is away."""

from __future__ import annotations

import asyncio

from tests.faults.result import Result
from tests.faults.stage import Stage, case, conclude, crowd, load, settled
from tests.support.bot import ATHLETES, Crowd, Rig
from tests.support.processes import wait_until

_RATE = 50
_ANSWERED_WITHIN = 5.0


@case
async def mongod_killed_under_load(stage: Stage) -> Result:
    """Killed and started again and again while taps come in; what was called saved is saved."""
    result = Result()
    async with stage.mongod() as mongod, stage.rig(mongod.url) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for _ in stage.times(20, 2):
            await load(people, bot, rate=_RATE, seconds=stage.rng.uniform(0.3, 1.5))
            await mongod.kill()
            await load(people, bot, rate=_RATE, seconds=0.5)
            await mongod.start()
            losses, span = await settled(rig, people.taps)
            result.recovery.append(span)
            result.runs += 1
            result.faults += 1
            if not losses.is_none:
                break
        result.losses, _ = await settled(rig, people.taps)
        result.taps = len(people.taps)
    return result


@case
async def mongod_stopped(stage: Stage) -> Result:
    """It holds its connections and answers nothing (SIGSTOP); taps are answered all the same."""
    result = Result(runs=1, faults=1)
    async with stage.mongod() as mongod, stage.rig(mongod.url) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        await load(people, bot, rate=_RATE, seconds=1)
        async with mongod.paused():
            await load(people, bot, rate=_RATE, seconds=stage.number(30, 5))
        await _end(result, rig, people)
    return result


@case
async def mongodb_away(stage: Stage) -> Result:
    """It is gone for longer than Telegram keeps a tap (150 s)."""
    result = Result(runs=1, faults=1)
    away = stage.number(200, 8)
    async with stage.mongod() as mongod, stage.rig(mongod.url, query_lifetime=away * 0.75) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        await load(people, bot, rate=10, seconds=1)
        await mongod.kill()
        await load(people, bot, rate=10, seconds=away)
        await mongod.start()
        await _end(result, rig, people)
        if expired := sum(tap.expired for tap in people.taps):
            result.flaws.append(f"Telegram has forgotten {expired} taps")
    return result


async def _end(result: Result, rig: Rig, people: Crowd) -> None:
    await conclude(result, rig, people, 120)
    late = sum((tap.answered_at or 0) - tap.at > _ANSWERED_WITHIN for tap in people.taps)
    if late:
        result.flaws.append(f"{late} taps were answered after more than {_ANSWERED_WITHIN:.0f} s")


@case
async def bot_away(stage: Stage) -> Result:
    """Away for longer than Telegram keeps a tap: what is unanswered is asked again, once; answers are not."""
    result = Result(runs=1, faults=1)
    async with stage.rig(query_lifetime=150) as rig:
        bot = await rig.start()
        for user in ATHLETES:
            await rig.db["session_prompts"].insert_one(
                {"runId": "run-2", "sessionId": "s", "chatId": str(user), "title": "Tempo"}
            )
        messages = {user: (await rig.messages(user, 1))[0]["message_id"] for user in ATHLETES}
        await wait_until(lambda: _all_sent(rig), 20, "all are settled")
        people = crowd(stage, rig)
        people.tap(20)
        answered = rig.tap(ATHLETES[0], messages[ATHLETES[0]])
        await rig.answered([answered, *people.taps])
        before = {user: len(rig.world.messages(user)) for user in ATHLETES}
        await bot.kill()
        # These are forgotten by Telegram; nobody can save them.
        for user in ATHLETES:
            rig.tap(user, messages[user])
        if stage.is_quick:
            rig.world.advance(200)
            await rig.away(200)
        else:
            await asyncio.sleep(200)
        await rig.start()
        for user in ATHLETES[1:]:
            await rig.messages(user, before[user] + 1, timeout=40)
        await asyncio.sleep(3)
        again = [len(rig.world.messages(user)) - before[user] for user in ATHLETES]
        if again != [0, *[1] * (len(ATHLETES) - 1)]:
            result.flaws.append(f"asked again so often, by athlete: {again}")
        # The one answer about a question of its own, and the crowd's.
        result.losses, span = await settled(rig, [answered, *people.taps])
        result.recovery.append(span)
        result.taps = len(people.taps) + 1
    return result


async def _all_sent(rig: Rig) -> bool:
    return {document["state"] for document in await rig.prompts()} == {"sent"}
