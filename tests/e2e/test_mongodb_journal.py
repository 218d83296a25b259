"""JOURNAL=mongodb: no disk lasts, and no tap is lost."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.core.i18n.language import Language
from bot.sandbox.world import User, World
from tests.support.bot import ADMIN, Crowd, Rig
from tests.support.processes import Mongod, Program, free_port, wait_until

ANA = 42
NOT_KEPT = Language.EN.texts.answers.not_kept

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


def dyno(folder: Path, url: str, **settings: Any) -> Rig:
    """A bot's surroundings on a platform: its disk is not used."""
    nowhere = "/proc/nowhere/data"  # where nobody can make anything
    return Rig(folder, mongo_url=url, **{"JOURNAL": "mongodb", "DATA_DIR": nowhere, **settings})


def _has_said(bot: Program, text: str) -> bool:
    return text in bot.log


async def test_a_machine_without_a_disk(tmp_path: Path, mongo_url: str) -> None:
    """Asked, answered, counted; commands read the journal there; nothing of it is left that names anybody."""
    async with dyno(tmp_path / "bot", mongo_url) as rig:
        await rig.start()
        question = rig.ask("run", "s", ANA)
        tap = rig.tap(ANA, question)
        await rig.answered([tap])
        await rig.stored(1)
        assert (await rig.stats())["feedback_event_write_success_rate"] == 1
        rig.world.message(ADMIN, User(ADMIN), "/stats")
        await rig.messages(ADMIN, 2)

        async def is_empty() -> bool:
            return await rig.db["inbox"].find_one({"raw": {"$exists": True}}) is None

        await wait_until(is_empty, 10, "what is processed is forgotten")
        doctor = await rig.command("doctor")
        assert doctor.status == 0, doctor
        for line in (
            "ok    data      not needed, with the journal in MongoDB",
            "ok    journal   MongoDB (collection inbox) is sound, and nothing waits in it",
            "ok    service   `run` is running on MongoDB (collection inbox), and Telegram was reached",
        ):
            assert line in doctor.out, doctor.out


async def test_mongodb_is_away_at_the_start(tmp_path: Path, mongod: Mongod) -> None:
    """Athletes are told at once; what Telegram still has is kept when it is back, and the gap is seen."""
    async with dyno(tmp_path / "bot", mongod.url) as rig:
        bot = await rig.start()
        asked = await rig.prompt("run", "asked", ANA)
        assert asked.status == 0, asked
        await rig.prompt_in_state("sent", chatId=str(ANA))
        assert await bot.terminate() == 0
        # Nothing was kept for longer than Telegram keeps a tap.
        ago = {"$subtract": ["$facts.last_poll_ms", 200_000]}
        await rig.db["inbox"].update_one(
            {"facts": {"$exists": True}}, [{"$set": {"facts.last_poll_ms": ago}}]
        )
        polled = {"$subtract": ["$polledAt", 200_000]}
        await rig.db["leases"].update_many({}, [{"$set": {"polledAt": polled}}])
        sent = {"$subtract": ["$sentAt", 400_000]}
        await rig.db["session_prompts"].update_many({}, [{"$set": {"sentAt": sent}}])
        await rig.disconnect()
        await mongod.kill()
        bot = await rig.launch()
        tap = rig.tap(ANA, rig.ask("run", "s", ANA))
        await rig.answered([tap])
        assert tap.answer == NOT_KEPT
        assert rig.world.pending() == 1
        await mongod.start()
        await rig.stored(1, timeout=40)
        await wait_until(lambda: not rig.world.pending(), 10, "it is confirmed")
        await wait_until(lambda: "asking again about 1" in bot.log, 20, "what was unanswered is asked again")
        assert bot.log.count("asking again about") == 1


async def test_pushed_to_two_services(tmp_path: Path, mongo_url: str, rng: random.Random) -> None:
    """Each keeps what it gets, one of them processes it; when that is killed, the other one does."""
    world = World(limits=None, query_lifetime=3600)
    async with dyno(tmp_path / "bot", mongo_url, world=world) as rig:
        bots = list[Program]()
        hooks = [f"http://127.0.0.1:{free_port()}/telegram" for _ in range(2)]
        for hook in hooks:
            bots.append(await rig.launch(WEBHOOK_URL=hook))
            await wait_until(partial(_has_said, bots[-1], f"sends updates to {hook}"), 30, "it listens")
        crowd = Crowd(rig, rng, sessions=5)
        for killed in (False, True):
            if killed:
                await bots[0].kill()
            crowd.tap(30)
            await crowd.settled()
        assert not await crowd.unkept_promises()


async def test_the_setting_is_changed_and_changed_back(tmp_path: Path, mongod: Mongod) -> None:
    """What waits in the other journal is taken up, and said."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        question = rig.ask("run", "s", ANA)
        bot = await rig.start()
        async with mongod.paused():
            taps = [rig.tap(ANA, question, button) for button in (0, 1)]
            await rig.answered(taps)
            await wait_until(lambda: not rig.world.pending(), 10, "they are on disk alone")
            await bot.kill()
        found = await rig.command("doctor", JOURNAL="mongodb")
        assert "2 updates in it are not processed; cure: start `run` here" in found.out, found.out
        await rig.db["leases"].delete_many({})
        bot = await rig.start(JOURNAL="mongodb")
        await wait_until(lambda: "2 updates waited in" in bot.log, 20, "they are taken up")
        [event] = await rig.stored(1, type="skipped")
        assert rig.journal("SELECT count(*) FROM updates") == [(0,)]
        await bot.kill()
        # The other way: as if it had been killed with an update that was received.
        raw = '{"update_id":999999999,"message":{"message_id":1,"date":1,"chat":{"id":42,"type":"private"}}}'
        entry = {"bot": (await rig.db["leases"].find_one({}) or {})["_id"], "seq": 900, "updateId": 999999999}
        rest = {"isTap": False, "raw": raw, "state": 0, "answered": False, "attempts": 0}
        received = event["receivedAt"]
        await rig.db["inbox"].insert_one({"_id": "left", **entry, "receivedAt": received, **rest})
        await rig.db["leases"].delete_many({})
        bot = await rig.start()
        left = "waited in MongoDB (collection inbox), and are taken up here"
        await wait_until(lambda: left in bot.log, 20, left, otherwise=lambda: bot.log)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MONGO_URL": None}, "JOURNAL: mongodb needs MONGO_URL"),
        ({"JOURNAL": "memory"}, "JOURNAL: 'memory' is not known; write 'disk' or 'mongodb'"),
    ],
)
async def test_settings_that_cannot_be(
    settings: dict[str, str | None], said: str, tmp_path: Path, mongo_url: str
) -> None:
    """One line names the variable and the cure."""
    async with dyno(tmp_path / "bot", mongo_url) as rig:
        done = await rig.command("run", **settings)
        assert (done.status, done.out) == (2, "")
        assert said in done.err
        assert done.err.count("\n") == 1


async def test_a_platform_whose_disk_does_not_last(tmp_path: Path, mongo_url: str) -> None:
    """`run` and `doctor` warn, with the cure; not with the journal in MongoDB."""
    async with Rig(
        tmp_path / "bot", mongo_url=mongo_url, DYNO="worker.1", DATA_DIR="/var/feedback-none"
    ) as rig:
        found = await rig.command("doctor")
        said = "on Heroku does not outlive a restart: the journal would be lost with it"
        assert said in found.out, found.out
        assert "set JOURNAL=mongodb, or mount a volume" in found.out
        found = await rig.command("doctor", JOURNAL="mongodb")
        assert "Heroku" not in found.out
        bot = await rig.start(DATA_DIR=str(tmp_path / "data"))
        is_on_root = tmp_path.stat().st_dev == Path("/").stat().st_dev  # noqa: ASYNC240
        assert (said in bot.log) == is_on_root


async def test_a_backup_has_what_waits(tmp_path: Path, mongod: Mongod) -> None:
    """Journal and database are of one moment; put back, it is processed, and nothing is called missing."""
    async with dyno(tmp_path / "bot", mongod.url) as rig:
        bot = await rig.start()
        first, second = (rig.ask("run", session, ANA) for session in ("s1", "s2"))
        await rig.answered([rig.tap(ANA, first)])
        [stored] = await rig.stored(1)
        done = await rig.db["inbox"].find_one({"seq": 1})
        await bot.kill()
        # As if it had been killed with a tap that was received.
        query = {"id": "q2", "from": {"id": ANA, "is_bot": False, "first_name": "Ana"}, "chat_instance": "1"}
        chat = {"id": ANA, "type": "private"}
        message = {"message_id": second, "date": int(rig.world.time()), "chat": chat}
        data = {"data": "session_feedback|run|s2|hard", "message": message}
        raw = json.dumps({"update_id": stored["updateId"] + 1, "callback_query": query | data})
        assert done is not None
        waits = done | {"_id": done["_id"][:-1] + "2", "seq": 2, "state": 0, "raw": raw}
        await rig.db["inbox"].insert_one(waits)
        await rig.db["leases"].delete_many({})
        backup = await rig.command("backup", "copy.zip")
        assert backup.status == 0, backup
        await rig.db.client.drop_database(rig.database)
        restored = await rig.command("restore", "copy.zip")
        assert restored.status == 0, restored
        bot = await rig.start()
        assert {event["type"] for event in await rig.stored(2)} == {stored["type"], "hard"}
        assert "lacks" not in bot.log
