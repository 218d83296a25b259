"""People who are not meant, and data that nobody would send by accident."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import aiohttp

from bot.sandbox.ledger import Tap
from tests.faults.result import Result
from tests.faults.stage import HTTP_TOKEN, Stage, case, crowd, settled
from tests.support.bot import ATHLETES, STRANGER, Rig
from tests.support.processes import HOST, free_port, wait_until

_HOSTILE = (
    "$where", "{$gt: ''}", "a.b", "\u0000", "\ud800", "\u202e", "'; drop", "<b>&", "=1+1", "%00", "%ff",
    "../..", "x" * 5_000, "🏃" * 100, "\r\n\u001b[31m", "{{7*7}}", "null", "-0", "1e999", "", " ", "|",
    "||||",
)  # fmt: skip
_FORMS = ("session_feedback", "feedback", "later", "rpe", "where", "pain", "reason", "do", "seen", "ref", "")


@case
async def strangers_and_forged_data(stage: Stage) -> Result:
    """People who are not listed, and callback data that no button of the bot carries: nothing is written."""
    result = Result(runs=1)
    async with stage.rig() as rig:
        bot = await rig.start()
        people = crowd(stage, rig, sessions=4)
        people.tap(20)
        chat = ATHLETES[0]
        forged: list[Tap] = []
        strangers: list[Tap] = []
        for number in stage.times(500, 500):
            if number % 2:
                message = rig.ask("run-9", f"s{number % 5}", chat)
                strangers.append(rig.world.tap(chat, message, STRANGER, button=stage.rng.randrange(4)))
            else:
                button = {"text": "Done", "callback_data": _forged(stage.rng)}
                message = rig.world.message_at(chat, date=rig.world.time(), text="Done?", buttons=[[button]])
                forged.append(rig.tap(chat, message))
        taps = [*strangers, *forged]
        result.faults = len(taps)
        await rig.answered(taps, 60)
        result.losses, span = await settled(rig, people.taps)
        result.recovery.append(span)
        result.taps = len(people.taps) + len(taps)
        outcomes = {d["_id"]: d["outcome"] async for d in rig.db["taps"].find({})}
        if missing := sum(tap.query_id not in outcomes for tap in taps):
            result.flaws.append(f"{missing} are not counted")
        if written := sum(outcomes.get(tap.query_id) == "written" for tap in taps):
            result.flaws.append(f"{written} are written")
        if not bot.is_running:
            result.flaws.append("the bot has ended")
    return result


def _forged(rng: random.Random) -> str:
    """1 to 64 bytes that are no answer."""
    parts = [rng.choice(_FORMS), *(rng.choice(_HOSTILE) for _ in range(rng.randrange(4)))]
    parts += ["".join(rng.choices(string.printable, k=rng.randrange(8)))]
    text = "|".join(parts).encode("utf-8", "replace")[:64].decode("utf-8", "ignore")
    return text if text.strip() and not text.rstrip().endswith(("done", "skipped", "hard", "pain")) else "x"


@case
async def hostile_strings_at_the_api(stage: Stage) -> Result:
    """Each is refused with 4xx, or stored faithfully; never 5xx, and the bot goes on."""
    result = Result(runs=1)
    port = free_port()
    async with stage.rig(HTTP_PORT=str(port), HTTP_TOKEN=HTTP_TOKEN) as rig:
        bot = await rig.start()
        headers = {"Authorization": f"Bearer {HTTP_TOKEN}", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(f"http://{HOST}:{port}", headers=headers) as session:
            for _ in stage.times(1000, 200):
                await _knock(session, rig, stage.rng, result)
                result.faults += 1
            async with session.get("/healthz") as reply:
                if reply.status != 200:
                    result.flaws.append("it is not healthy any more")
        people = crowd(stage, rig, sessions=4)
        people.tap(20)
        result.losses, span = await settled(rig, people.taps)
        result.recovery.append(span)
        result.taps = len(people.taps)
        await wait_until(lambda: bot.is_running, 1, "the bot runs")
    return result


async def _knock(session: aiohttp.ClientSession, rig: Rig, rng: random.Random, result: Result) -> None:
    text = rng.choice(_HOSTILE) + "".join(rng.choices(string.printable, k=rng.randrange(5)))
    value: Any = rng.choice([text, {text: text}, [text], {"$gt": text}, 10**30, float("inf"), None, True])
    run_id = f"r-{rng.randrange(10**9)}"
    document: dict[str, Any] = {"runId": run_id, "status": "failure", "note": value}
    if rng.random() < 0.3:
        document[rng.choice(["runId", "status", "weekStart", "errors", text])] = value
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    async with session.post("/v1/run_events", data=body) as reply:
        await _judge(reply, result)
        stored = reply.status == 200 and document["runId"] == run_id
    if stored:
        found = await rig.db["run_events"].find_one({"runId": run_id}) or {}
        if found.get("note") != value:
            result.flaws.append(f"{value!r} is stored as {found.get('note')!r}"[:200])
    path = rng.choice(["/v1/feedback_events", "/v1/stats", "/v1/prompts", "/v1/feedback/summary"])
    name = rng.choice(["runId", "since", "until", "limit", "cursor", "athlete", "days", "weekStart"])
    clean = text.encode("utf-8", "replace").decode()
    async with session.get(path, params={name: clean}) as reply:
        await _judge(reply, result)


async def _judge(reply: aiohttp.ClientResponse, result: Result) -> None:
    await reply.read()
    if reply.status >= 500:
        result.flaws.append(f"{reply.method} {reply.url.path}: {reply.status}")
