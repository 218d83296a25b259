"""No secret in a log, whatever happens and however much is logged."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.world import User
from tests.support.bot import ADMIN, ATHLETES, STRANGER, TOKEN, Rig
from tests.support.processes import Mongod, wait_until

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

ATHLETE = ATHLETES[0]
PASSWORD = "p@ss/w:rd-zebra"
NOTE = "achilles-xylophone hurts"  # fits into 64 bytes of callback data
NOTES = (NOTE, quote(NOTE), "achilles-xylophone")


def updates_that_fail() -> list[str]:
    """Unreadable updates that carry a note."""
    payload = f"session_feedback|run|s|pain|{quote(NOTE)}"
    fields = {"id": "1", "from": {"id": ATHLETE}, "data": payload}
    return [
        json.dumps({"callback_query": payload}),
        json.dumps({"callback_query": {"id": "2", "data": payload, "message": NOTE}}),
        json.dumps({"callback_query": {**fields, "id": "\ud800"}}),
        json.dumps({"callback_query": {**fields, "from": {"id": 10**30, "first_name": NOTE}}}),
        json.dumps({"message": {"text": NOTE}}),
        json.dumps({"message": NOTE}),
        json.dumps({"edited_message": {"text": NOTE}}),
    ]


def faults(seconds: float, now: float) -> list[Fault]:
    """Everything that can go wrong at Telegram, quoting what should not be quoted."""
    page = f"<html>cannot serve /bot{TOKEN}/getUpdates: {NOTE}</html>"
    words = f"cannot do /bot{TOKEN}/sendMessage"
    return [
        Fault("status", status=502, body=page, times=2),
        Fault("status", status=500, description=words, times=1),
        Fault("status", status=409, description=words, times=1),
        Fault("status", status=401, times=1),
        Fault("status", "answerCallbackQuery", status=400, description=words, times=1),
        Fault("status", "editMessageText", status=400, description=words, times=1),
        Fault("status", "sendMessage", status=403, description=words, times=1),
        Fault("status", status=429, retry_after=1, times=1),
        Fault("garbage", times=2),
        Fault("reset", times=1),
        Fault("hang", times=None, until=now + seconds, seconds=0.5),
    ]


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_troubled_run_at_debug_tells_no_secret(
    log_format: str, tmp_path: Path, mongod: Mongod
) -> None:
    """A run at DEBUG with faults, notes and an outage: neither token, note nor password in any line."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url, LOG_LEVEL="DEBUG", LOG_FORMAT=log_format) as rig:
        await rig.db.client["admin"].command("createUser", "coach", pwd=PASSWORD, roles=["root"])
        rig.settings["MONGO_URL"] = (
            f"mongodb://coach:{quote(PASSWORD, safe='')}@127.0.0.1:{mongod.port}/?directConnection=true"
            "&authSource=admin"
        )
        bot = await rig.start()
        for text in (NOTE, f"/start {NOTE}", f"/stats {NOTE}", "/stats"):
            rig.world.message(ADMIN, User(ADMIN, NOTE), text)
        message_ids = [rig.ask("run", f"s{n}", ATHLETE, note=quote(NOTE)) for n in range(30)]
        user = User(ATHLETE, NOTE, username="xylophone")
        taps = [rig.world.tap(ATHLETE, message_id, user, button=3) for message_id in message_ids[:10]]
        rig.world.tap(ATHLETE, message_ids[0], STRANGER, button=3)
        rig.world.tap(ATHLETE, 1, user, data=f"session_feedback|r|s|nothing|{NOTE}", force=True)
        for raw in updates_that_fail():
            rig.world.inject_raw(raw)
        await rig.stored(10)
        await rig.answered(taps)
        result = await rig.prompt("run", "asked", ATHLETE, "--note", NOTE)
        assert result.status == 0, result
        outputs = [result.out, result.err]
        await rig.prompt_in_state("sent", sessionId="asked")

        for fault in faults(2, rig.world.time() + 4):
            rig.faults.add(fault)
        for message_id in message_ids[10:20]:
            rig.world.tap(ATHLETE, message_id, user, button=2)
        prompt = {"runId": "run", "sessionId": "noted", "chatId": ATHLETE, "title": NOTE, "note": NOTE}
        await rig.db["session_prompts"].insert_one(prompt)
        await rig.stored(20, 60)

        await mongod.kill()
        for message_id in message_ids[20:]:
            rig.world.tap(ATHLETE, message_id, user, button=1)
        await wait_until(lambda: "MongoDB does not answer" in bot.log, 20, "the outage is noticed")
        broken = await rig.command("stats")
        assert broken.status == 1
        outputs += [broken.out, broken.err]
        await mongod.start()
        await rig.stored(30, 30)
        denied = await rig.command(
            "stats", MONGO_URL=rig.settings["MONGO_URL"].replace("zebra", "wrong-zebra")
        )
        assert denied.status == 1
        outputs += [denied.out, denied.err]
        assert await bot.terminate() == 0

        for text in (bot.log, *outputs):
            assert not [line for line in text.splitlines() if TOKEN.partition(":")[2] in line]
            assert not [line for line in text.splitlines() if any(note in line for note in NOTES)]
            assert not [
                line for line in text.splitlines() if PASSWORD in line or quote(PASSWORD, safe="") in line
            ]
            assert "zebra" not in text
            assert "Traceback" not in text
        lines = bot.log.splitlines()
        assert any("DEBUG" in line for line in lines)
        if log_format == "json":
            assert all(json.loads(line)["message"] for line in lines)
