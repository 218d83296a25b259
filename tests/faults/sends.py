"""Questions on their way to Telegram: replies that are lost, kills, and limits."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime

from bot.sandbox.faults import Fault
from bot.sandbox.limits import TELEGRAM_LIMITS
from tests.faults.result import Result
from tests.faults.stage import Stage, case
from tests.support.bot import Rig
from tests.support.processes import wait_until

_CHATS = 400
_TOO_QUICK = 0.02
"""Of the messages. Services do not know how late each other's are: on a busy machine some come early."""
_TITLE = re.compile(r"Session \d+")


async def _queue(rig: Rig, number: int, chats: int) -> None:
    await rig.db["session_prompts"].insert_many(
        [
            {
                "runId": "run-1",
                "sessionId": f"s{i}",
                "chatId": str(1_000 + i % chats),
                "title": f"Session {i}",
            }
            for i in range(number)
        ]
    )


async def _all_sent(rig: Rig, number: int, patience: float) -> None:
    async def sent() -> bool:
        return await rig.db["session_prompts"].count_documents({"state": "sent"}) == number

    await wait_until(sent, patience, f"{number} questions are sent", poll=0.2)


def _count(result: Result, rig: Rig, number: int, chats: int) -> None:
    """All questions have arrived, none of them more than twice; the copies are duplicates."""
    found = Counter(
        _TITLE.findall(message["text"])[0]
        for chat in range(1_000, 1_000 + chats)
        for message in rig.world.messages(chat)
    )
    result.duplicates = found.total() - len(found)
    if len(found) != number:
        result.flaws.append(f"{number - len(found)} questions never came")
    if (most := max(found.values(), default=0)) > 2:
        result.flaws.append(f"a question came {most} times")


@case
async def sends_that_hang_after_delivery(stage: Stage) -> Result:
    """Telegram has the message, and its reply is lost: one more copy at most, and nothing missing."""
    result = Result()
    number = int(stage.number(20, 3))
    async with stage.rig() as rig:
        await rig.start()
        for kind in ("hang_after", "reset_after"):
            rig.faults.add(Fault(kind, "sendMessage", times=number // 2 or 1, seconds=30))
        await _queue(rig, number, number)
        await _all_sent(rig, number, 240)
        _count(result, rig, number, number)
        result.runs, result.faults = number, sum(rig.faults.fired.values())
        result.allowed = result.faults
        flagged = await rig.db["session_prompts"].count_documents({"unknowns": 1})
        if flagged != result.faults:
            result.flaws.append(f"{flagged} of {result.faults} are known to be in doubt")
    return result


@case
async def killed_between_send_and_settle(stage: Stage) -> Result:
    """Killed when Telegram has the message and the bot not yet its reply: one more copy a kill at most."""
    result = Result()
    async with stage.rig() as rig:
        bot = await rig.start()
        for number in stage.times(50, 3):
            rig.faults.add(Fault("hang_after", "sendMessage"))
            await rig.db["session_prompts"].insert_one(
                {"runId": "run-1", "sessionId": f"s{number}", "chatId": "1000", "title": f"Session {number}"}
            )
            await wait_until(lambda: rig.faults.fired.get("hang_after", 0) > number, 30, "it is sent")  # noqa: B023
            await wait_until(lambda: len(rig.world.messages(1_000)) > number, 30, "it arrived")  # noqa: B023
            await bot.kill()
            # Nobody sends it while the dead bot's lease lasts; this ends it early.
            await rig.db["session_prompts"].update_one(
                {"sessionId": f"s{number}"}, {"$set": {"attemptAt": datetime.now(UTC)}}
            )
            begun = time.monotonic()
            bot = await rig.start()
            await rig.prompt_in_state("sent", sessionId=f"s{number}")
            result.recovery.append(time.monotonic() - begun)
            result.runs += 1
            result.faults += 1
        _count(result, rig, result.runs, 1)
        result.allowed = result.faults
    return result


@case
async def many_questions_under_429(stage: Stage) -> Result:
    """Telegram refuses again and again; what is sent keeps its limits, in two services together."""
    result = Result(runs=1)
    number = int(stage.number(2000, 150))
    chats = min(_CHATS, number // 5)
    async with stage.rig() as rig:
        rig.world.limits = TELEGRAM_LIMITS
        await rig.start()
        second = await rig.launch(DATA_DIR=str(rig.folder / "second"))
        await wait_until(lambda: "standing by" in second.log, 30, "the second service stands by")
        began = rig.next_call()
        await _queue(rig, number, chats)
        for _ in range(int(stage.number(20, 4))):
            rig.faults.add(Fault("status", "sendMessage", status=429, retry_after=1))
            await asyncio.sleep(1)
        await _all_sent(rig, number, 240)
        result.faults = rig.faults.fired.get("status", 0)
        _count(result, rig, number, chats)
        calls = rig.calls("sendMessage", began)
        refused = sum(call["status"] == 429 and call["fault"] is None for call in calls)
        result.note = f"{refused} of {len(calls)} were too quick for Telegram, and sent again"
        if refused > max(2, _TOO_QUICK * number):
            result.flaws.append("too many were too quick")
        sent = [(int(call["params"]["chat_id"]), call["at"]) for call in calls if call["status"] == 200]
        if (most := most_within(sorted(at for _, at in sent), 1.0)) > 30:
            result.flaws.append(f"{most} messages in a second")
        in_chat: dict[int, list[float]] = defaultdict(list)
        for chat, at in sent:
            in_chat[chat].append(at)
        if (most := max(most_within(sorted(times), 1.0) for times in in_chat.values())) > 1:
            result.flaws.append(f"{most} messages in a second in one chat")
    return result


def most_within(times: list[float], span: float) -> int:
    """Of these times, in order, how many lie in one span at most; its end belongs to the next."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - span:
            first += 1
        most = max(most, last - first + 1)
    return most
