"""People who are not meant, and data that nobody would send by accident."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.sandbox.ledger import Tap
from tests.faults.result import Result
from tests.faults.stage import HTTP_TOKEN, Stage, case, conclude, crowd, settled
from tests.support.bot import ATHLETES, STRANGER, Rig
from tests.support.processes import HOST, free_port, wait_until

_HOSTILE = (
    "$where", "{$gt: ''}", "a.b", "\u0000", "\ud800", "\u202e", "'; drop", "<b>&", "=1+1", "%00", "%ff",
    "../..", "x" * 5_000, "🏃" * 100, "\r\n\u001b[31m", "{{7*7}}", "null", "-0", "1e999", "", " ", "|",
    "||||",
)  # fmt: skip
_COUNTING = ("taps", "figures", "figure_touches", "leases", "users", "journals")
_KEYS = {
    "run_events": "runId",
    "run_artifacts": "runId",
    "plan_snapshots": "runId",
    "weekly_metrics": "weekStart",
    "feedback_events": "sessionKey",
    "prompts": "sessionId",
    "plans": "runId",
    "runs": "runId",
}
"""What may be posted to, and a field that tells a document."""
_COMPARED = ("run_events", "run_artifacts")
_FIELDS = (
    "runId",
    "sessionId",
    "chatId",
    "athleteId",
    "status",
    "weekStart",
    "errors",
    "activityPlan",
    "type",
)
_READ = ("feedback_events", "feedback/summary", "stats", "prompts")
_PARAMETERS = ("runId", "since", "until", "limit", "cursor", "athlete", "days", "weekStart")
_FORMS = ("session_feedback", "feedback", "later", "rpe", "where", "pain", "reason", "do", "seen", "ref", "")


@case
async def strangers_and_forged_data(stage: Stage) -> Result:
    """People who are not listed, and callback data that no button of the bot carries: nothing is written."""
    result = Result(runs=1)
    async with stage.rig() as rig:
        bot = await rig.start()
        people = crowd(stage, rig, sessions=4)
        people.tap(20)
        await settled(rig, people.taps)
        before = await _everything(rig)
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
        await wait_until(lambda: _are_counted(rig, taps), 30, "each is counted")  # after it is answered
        outcomes = {d["_id"]: d["outcome"] async for d in rig.db["taps"].find({})}
        if written := sum(outcomes.get(tap.query_id) == "written" for tap in taps):
            result.flaws.append(f"{written} are written")
        after = await _everything(rig)
        # In which language athletes write is stored some seconds after they have.
        if strangers_kept := await rig.db["users"].count_documents({"_id": {"$nin": list(ATHLETES)}}):
            result.flaws.append(f"{strangers_kept} strangers are among the users")
        if changed := sorted(key for key in after if after[key] != before.get(key, [])):
            result.flaws.append(f"changed: {', '.join(changed)}")
        counted = (await rig.stats())["taps"]
        expected = {**Counter(outcomes.values()), "written": len(people.taps), "refused": len(strangers)}
        if told := {key: counted.get(key) for key, number in expected.items() if counted.get(key) != number}:
            result.flaws.append(f"the figures say {told}, and it was {expected}")
        if not bot.is_running:
            result.flaws.append("the bot has ended")
    return result


async def _are_counted(rig: Rig, taps: Sequence[Tap]) -> bool:
    """Whether each of these is in the ledger."""
    ids = [tap.query_id for tap in taps]
    return await rig.db["taps"].count_documents({"_id": {"$in": ids}}) == len(ids)


async def _everything(rig: Rig) -> dict[str, list[dict[str, Any]]]:
    """All documents but those that count taps, or change by themselves."""
    return {
        name: await rig.db[name].find({}).sort("_id").to_list()
        for name in await rig.db.list_collection_names()
        if name not in _COUNTING
    }


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
            knocks = Knocks(session, rig, stage.rng, result)
            for _ in stage.times(1000, 200):
                await knocks.knock()
                result.faults += 1
            result.note = (
                f"{knocks.taken} taken, {knocks.refused} refused, {knocks.compared} found as they were"
            )
            if not (knocks.taken and knocks.refused and knocks.compared):
                result.flaws.append("all or nothing was refused: that tries too little")
            async with session.get("/healthz") as reply:
                if reply.status != 200:
                    result.flaws.append("it is not healthy any more")
        people = crowd(stage, rig, sessions=4)
        people.tap(20)
        await conclude(result, rig, people)
        await wait_until(lambda: bot.is_running, 1, "the bot runs")
    return result


@dataclass(slots=True)
class Knocks:
    """Requests that nobody would send by accident.

    Attributes:
        taken, refused: how many were written, and answered with 4xx.
        compared: what was read back from the database and is as it was sent.
    """

    session: aiohttp.ClientSession
    rig: Rig
    rng: random.Random
    result: Result
    taken: int = 0
    refused: int = 0
    compared: int = 0

    async def knock(self) -> None:
        """A document somewhere, and a question about what is there."""
        text = self.rng.choice(_HOSTILE) + "".join(
            self.rng.choices(string.printable, k=self.rng.randrange(5))
        )
        value: Any = self.rng.choice(
            [text, {text: text}, [text], {"$gt": text}, 10**30, float("inf"), None, True]
        )
        where = self.rng.choice([*_KEYS, *_COMPARED])
        key = f"r-{self.rng.randrange(10**9)}"
        document: dict[str, Any] = {"runId": "run-8", "status": "failure", "chatId": 1_000, "note": value}
        document[_KEYS[where]] = key
        if self.rng.random() < 0.3:
            document[self.rng.choice([*_FIELDS, text])] = value
        body = json.dumps(document).encode("utf-8", "surrogatepass")
        async with self.session.post(f"/v1/{where}", data=body) as reply:
            is_taken = await self._is_taken(reply)
        if is_taken and where in _COMPARED and document["runId"] == key:
            await self._compare(where, document)
        path, name = self.rng.choice(_READ), self.rng.choice(_PARAMETERS)
        clean = text.encode("utf-8", "replace").decode()
        async with self.session.get(f"/v1/{path}", params={name: clean}) as reply:
            await self._is_taken(reply)

    async def _is_taken(self, reply: aiohttp.ClientResponse) -> bool:
        await reply.read()
        if reply.status >= 500:
            self.result.flaws.append(f"{reply.method} {reply.url.path}: {reply.status}")
        self.refused += 400 <= reply.status < 500
        self.taken += reply.method == "POST" and reply.status < 300
        return reply.status < 300

    async def _compare(self, collection: str, sent: dict[str, Any]) -> None:
        found = await self.rig.db[collection].find_one({"runId": sent["runId"]}) or {}
        if found.get("note") == sent["note"]:
            self.compared += 1
        else:
            self.result.flaws.append(f"{sent['note']!r} is stored as {found.get('note')!r}"[:200])
