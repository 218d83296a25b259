"""`doctor` as a real process: each trouble is one line with its cure, and hides no other."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from bot.core.health.doctor_report import CHECKS
from bot.sandbox.faults import Fault
from bot.store.mongodb.indexes import INDEXES
from tests.support.bot import ADMIN, ATHLETES, TOKEN, Rig
from tests.support.mongo import guarded_mongod
from tests.support.processes import Finished, Mongod, free_port, run_to_end, wait_until

LINE = re.compile(r"(ok|warn|FAIL|skip) +(\w+) +(.+)")
PASSWORD = "zebra-pa55-w0rd"


def lines(done: Finished) -> list[tuple[str, str, str]]:
    """Level, check and text of each line; nothing else is said, and no secret."""
    assert done.err == "", done
    assert TOKEN.partition(":")[2] not in done.out
    assert PASSWORD not in done.out
    found = []
    for line in done.out.splitlines():
        match = LINE.fullmatch(line)
        assert match is not None, line
        found.append((match[1], match[2], match[3]))
    return found


def troubles(done: Finished) -> list[tuple[str, str]]:
    """Level and check of what is not well."""
    return [(level, check) for level, check, _ in lines(done) if level != "ok"]


def about(done: Finished, check: str) -> str:
    """What is said of one check."""
    return "\n".join(text for _, name, text in lines(done) if name == check)


@pytest.fixture
async def ready(rig: Rig) -> Rig:
    """A bot whose database has its indexes."""
    assert (await rig.command("bootstrap")).status == 0
    return rig


async def test_a_healthy_bot(ready: Rig) -> None:
    """All is well, each check is there, and nothing is left in the database or on the disk."""
    before = await ready.db.list_collection_names()
    done = await ready.command("doctor", TIMEZONE="Europe/Madrid")
    assert (done.status, troubles(done)) == (0, [])
    assert list(dict.fromkeys(check for _, check, _ in lines(done))) == list(CHECKS)
    assert about(done, "token") == f"@sandbox_feedback_bot (id {TOKEN.partition(':')[0]})"
    assert "replica set, as feedback-bot" in about(done, "mongodb")
    assert "Telegram" in about(done, "clock")
    assert sorted(await ready.db.list_collection_names()) == sorted(before)
    assert not ready.data_dir.exists()
    assert "is not there yet; `run` makes it" in about(done, "data")
    assert ready.calls("getUpdates") == []


async def test_for_machines(ready: Rig) -> None:
    """The same as JSON."""
    ready.world.set_webhook("https://elsewhere.example/hook")
    done = await ready.command("doctor", "--json")
    report = json.loads(done.out)
    assert (done.status, report["ok"]) == (1, False)
    (webhook,) = [found for found in report["checks"] if found["check"] == "webhook"]
    assert webhook == {
        "level": "FAIL",
        "check": "webhook",
        "message": "a webhook is set (https://elsewhere.example): getUpdates cannot work",
        "cure": webhook["cure"],
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="the command needs curl")
@pytest.mark.parametrize("quote", ["", '"'])
async def test_the_command_against_a_webhook_works_as_printed(ready: Rig, quote: str) -> None:
    """In the bot's directory, with the token in `.env` alone, next to what no shell would take."""
    (ready.folder / ".env").write_text(
        f"MONGO_URL={ready.mongo_url}\nTELEGRAM_BOT_TOKEN={quote}{TOKEN}{quote}\nWEB_COACH=Ana & (Berta\n"
    )
    ready.world.set_webhook("https://elsewhere.example/hook")
    done = await ready.command("doctor", "--json", TELEGRAM_BOT_TOKEN=None)
    (webhook,) = [found for found in json.loads(done.out)["checks"] if found["check"] == "webhook"]
    command, _, _ = webhook["cure"].partition(", or ")
    environment = ready.environment(TELEGRAM_BOT_TOKEN=None)
    answer = await run_to_end(["/bin/sh", "-c", command], environment, ready.folder)
    assert (answer.status, json.loads(answer.out)["result"], answer.err) == (0, True, "")
    (ready.folder / ".env").unlink()
    assert troubles(await ready.command("doctor")) == []


async def test_a_wrong_token_and_one_that_is_none(ready: Rig) -> None:
    """A refused token fails; one that cannot be read is a fault of the configuration; the rest is shown."""
    done = await ready.command("doctor", TELEGRAM_BOT_TOKEN="123456789:wrong")
    assert (done.status, troubles(done)) == (1, [("FAIL", "token"), ("skip", "webhook")])
    assert "cure: compare it with the one @BotFather shows" in about(done, "token")
    done = await ready.command("doctor", TELEGRAM_BOT_TOKEN="abc", TIMEZONE="Mars", LATE_AFTER_DAYS="x")
    assert done.status == 2
    expected = [
        *[("FAIL", "config")] * 3,
        *[("skip", check) for check in ("token", "webhook", "services", "timezone")],
    ]
    assert troubles(done) == expected
    assert "TIMEZONE: 'Mars' is not an IANA time zone; cure: write one such as Europe/Madrid" in done.out
    assert "ok    rights" in done.out


async def test_a_misspelt_variable(ready: Rig) -> None:
    """A warning in the environment; in `.env` a fault, and what it may have meant is not looked at."""
    done = await ready.command("doctor", ATHLETES_IDS="7")
    assert (done.status, troubles(done)) == (0, [("warn", "config")])
    assert "cure: rename it to ATHLETE_IDS" in about(done, "config")
    (ready.folder / ".env").write_text("MONGO_URLL=mongodb://127.0.0.1:1\n")
    done = await ready.command("doctor", MONGO_URL=None)
    assert done.status == 2
    assert ("skip", "mongodb") in troubles(done)
    assert not (ready.data_dir / "mongodb").exists()


async def test_mongodb_and_telegram_away(ready: Rig) -> None:
    """Both are told, and what does not need them is looked at."""
    away = f"127.0.0.1:{free_port()}"
    begun = time.monotonic()
    done = await ready.command(
        "doctor",
        MONGO_URL=f"mongodb://coach:{PASSWORD}@{away}/coach",
        TELEGRAM_API_URL=f"http://127.0.0.1:{free_port()}",
    )
    assert time.monotonic() - begun < 60
    assert done.status == 1
    assert troubles(done) == [
        ("FAIL", "token"), ("skip", "webhook"), ("FAIL", "mongodb"),
        *[("skip", check) for check in ("rights", "indexes", "dates", "plans", "services", "clock")],
    ]  # fmt: skip
    assert "cure: check this machine's network" in about(done, "token")
    assert "cure: make sure that it runs" in about(done, "mongodb")


async def test_telegram_and_mongodb_that_hang(tmp_path: Path, mongod: Mongod) -> None:
    """Neither keeps the other lines waiting for longer than its own time."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        rig.faults.add(Fault("hang", times=None))
        begun = time.monotonic()
        async with mongod.paused():
            done = await rig.command("doctor")
        assert time.monotonic() - begun < 80
        assert done.status == 1
        assert ("FAIL", "token") in troubles(done)
        assert ("FAIL", "mongodb") in troubles(done)


async def test_indexes_that_are_missing_otherwise_or_cannot_be(rig: Rig) -> None:
    """An empty database is a word worth; a missing index fails; duplicates are named before they hurt."""
    done = await rig.command("doctor")
    assert (done.status, troubles(done)) == (0, [("warn", "indexes")])
    assert about(done, "indexes").startswith(
        f"none of {len(INDEXES)} is there yet; cure: feedback-bot bootst"
    )
    await rig.command("bootstrap")
    await rig.db.run_events.drop_index("status_1_createdAt_-1")
    await rig.db.run_artifacts.drop_index("runId_1")
    await rig.db.run_artifacts.insert_many([{"runId": "r1"}, {"runId": "r1"}])
    await rig.db.weekly_metrics.create_index("updatedAt", expireAfterSeconds=60)
    done = await rig.command("doctor", RETAIN_RUN_EVENTS_DAYS="100")
    assert (done.status, troubles(done)) == (
        1,
        [("FAIL", "indexes"), ("warn", "indexes"), ("FAIL", "indexes"), ("FAIL", "indexes")],
    )
    missing, other, duplicates, stray = about(done, "indexes").splitlines()
    assert missing == "missing: run_events.status_1_createdAt_-1; cure: feedback-bot bootstrap"
    assert other == (
        "run_events.createdAt_1 is otherwise: expires after 90 d -> 100 d; cure: feedback-bot bootstrap"
    )
    assert duplicates == (
        'run_artifacts.runId_1: duplicate keys: {"runId": "r1"} x2; cure: keep one document of each,'
        " then run bootstrap again"
    )
    assert stray.startswith("weekly_metrics.updatedAt_1: not declared, and deletes documents 60 s after")
    names = {index["name"] async for index in await rig.db.run_events.list_indexes()}
    assert "status_1_createdAt_-1" not in names


async def test_texts_instead_of_dates(ready: Rig) -> None:
    """Counted, with the command that converts them."""
    text = datetime.now(UTC).isoformat()
    await ready.db.run_events.insert_many([{"runId": str(n), "createdAt": text} for n in range(2)])
    done = await ready.command("doctor")
    assert (done.status, troubles(done)) == (0, [("warn", "dates")])
    assert about(done, "dates") == (
        "run_events.createdAt: no date but ISO 8601 text in 2 documents, never deleted;"
        " cure: run bootstrap --convert-dates"
    )


async def test_plans_that_cannot_be_used(ready: Rig) -> None:
    """Named by run and field."""
    monday = (datetime.now(UTC) + timedelta(days=7)).date().isoformat()
    await ready.db.plan_snapshots.insert_one(
        {"runId": "w1", "weekStart": monday, "createdAt": datetime.now(UTC), "activityPlan": {"days": 1}}
    )
    done = await ready.command("doctor", ATHLETE_IDS=str(ATHLETES[0]))
    assert (done.status, troubles(done)) == (0, [("warn", "plans")])
    assert about(done, "plans").startswith('plan "w1" cannot be used: activityPlan.days: missing or no array')


async def test_nobody_to_ask_and_people_out_of_reach(ready: Rig) -> None:
    """Who never met the bot is told by Telegram, who blocked it by the outbox."""
    done = await ready.command("doctor", ATHLETE_IDS=None, ADMIN_IDS=None)
    assert (done.status, troubles(done)) == (0, [("warn", "people"), ("warn", "people")])
    ready.world.set_chat(ADMIN, unknown=True)
    prompt: dict[str, Any] = {
        "runId": "r", "chatId": ATHLETES[1], "state": "undeliverable",
        "reason": "Forbidden: bot was blocked by the user",
    }  # fmt: skip
    now = datetime.now(UTC)
    await ready.db.session_prompts.insert_many(
        [
            prompt | {"sessionId": "1", "dueAt": now},
            prompt | {"sessionId": "2", "dueAt": now - timedelta(days=1), "chatId": ATHLETES[0]},
            prompt | {"sessionId": "3", "dueAt": now, "chatId": ATHLETES[0], "state": "sent", "sentAt": now},
        ]
    )
    done = await ready.command("doctor")
    assert (done.status, troubles(done)) == (0, [("warn", "people"), ("warn", "people")])
    assert f"admin {ADMIN} has never written to the bot" in about(done, "people")
    blocked = f"athlete {ATHLETES[1]} cannot be written to (Forbidden: bot was blocked by the user)"
    assert f"{blocked}, and 1 question waits" in about(done, "people")
    ready.world.set_chat(-77, unknown=True)
    done = await ready.command("doctor", COACH_CHAT_ID="-77")
    assert done.status == 1
    assert "the coach's chat (COACH_CHAT_ID) cannot be written to" in about(done, "people")


async def test_users_without_rights_are_told_the_command_that_helps(tmp_path: Path) -> None:
    """Who may only read, who may not change indexes, who gave the wrong password, and who gave none."""
    (tmp_path / "mongod").mkdir()
    with guarded_mongod(tmp_path / "mongod") as port:
        async with AsyncMongoClient[dict[str, Any]]("127.0.0.1", port) as client:
            await client["admin"].command("createUser", "root", pwd=PASSWORD, roles=["root"])
        async with AsyncMongoClient[dict[str, Any]](
            "127.0.0.1", port, username="root", password=PASSWORD
        ) as client:
            for role in ("read", "readWrite"):
                roles = [{"role": role, "db": "coach_db"}]
                await client["admin"].command("createUser", role, pwd=PASSWORD, roles=roles)
        async with Rig(tmp_path / "bot", mongo_url=f"mongodb://127.0.0.1:{port}", database="coach_db") as rig:

            async def doctor(login: str) -> Finished:
                return await rig.command(
                    "doctor", MONGO_URL=f"mongodb://{login}127.0.0.1:{port}/?authSource=admin"
                )

            done = await doctor(f"root:{PASSWORD}@")
            assert (done.status, troubles(done)) == (0, [("warn", "mongodb"), ("warn", "indexes")])
            assert "no replica set, as root, answers in" in about(done, "mongodb")
            done = await doctor(f"read:{PASSWORD}@")
            assert (done.status, ("FAIL", "rights") in troubles(done)) == (1, True)
            assert about(done, "rights") == (
                "MongoDB refuses 'read' (of database 'admin') on 'coach_db': insert, update, delete,"
                ' createIndex; cure: as an administrator, in mongosh: db.getSiblingDB("admin")'
                '.grantRolesToUser("read", [{"role": "readWrite", "db": "coach_db"},'
                ' {"role": "dbAdmin", "db": "coach_db"}])'
            )
            done = await doctor(f"readWrite:{PASSWORD}@")
            assert (done.status, ("warn", "rights") in troubles(done)) == (0, True)
            assert ": collMod; cure: " in about(done, "rights")
            done = await doctor("root:wrong-zebra@")
            assert (done.status, ("FAIL", "mongodb") in troubles(done)) == (1, True)
            assert "refuses user or password (code 18); cure: correct them" in about(done, "mongodb")
            done = await doctor("")
            assert "MongoDB refuses a MONGO_URL without a user" in about(done, "rights")
            assert "cure: put user and password into MONGO_URL" in about(done, "rights")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_data_dir_that_cannot_be_written(ready: Rig) -> None:
    """What needs it is not looked at, the rest is."""
    ready.data_dir.mkdir(exist_ok=True)
    ready.data_dir.chmod(0o500)
    try:
        done = await ready.command("doctor")
    finally:
        ready.data_dir.chmod(0o700)
    assert (done.status, troubles(done)) == (
        1, [("FAIL", "data"), ("skip", "journal"), ("skip", "service")],
    )  # fmt: skip


async def test_a_data_dir_that_is_none(ready: Rig) -> None:
    """A file in its place; what needs it is not looked at, the rest is."""
    (ready.folder / "file").write_text("")
    done = await ready.command("doctor", DATA_DIR=str(ready.folder / "file"))
    assert (done.status, troubles(done)) == (
        1, [("FAIL", "data"), ("skip", "journal"), ("skip", "service")],
    )  # fmt: skip


async def test_what_others_on_the_machine_can_read(ready: Rig) -> None:
    """`.env`, and a journal or database in an open DATA_DIR, until the printed command closes them."""
    env_file, journal, mongodb = (
        ready.folder / ".env", ready.data_dir / "journal.sqlite3", ready.data_dir / "mongodb",
    )  # fmt: skip
    env_file.write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
    mongodb.mkdir(parents=True)
    journal.touch()
    for path, mode in ((env_file, 0o604), (ready.data_dir, 0o755), (journal, 0o644), (mongodb, 0o755)):
        path.chmod(mode)
    done = await ready.command("doctor")
    assert (done.status, troubles(done)) == (0, [("warn", "data")] * 3)
    commands = re.findall("cure: (chmod .*)", about(done, "data"))
    assert commands[1:] == [f"chmod -R o-rwx {path}" for path in (journal, mongodb)]
    ready.data_dir.chmod(0o700)
    done = await ready.command("doctor")
    assert troubles(done) == [("warn", "data")]
    assert "can read .env (token and passwords); cure: chmod -R o-rwx .env" in about(done, "data")
    await run_to_end(["/bin/sh", "-c", commands[0]], ready.environment(), ready.folder)
    env_file.chmod(0o640)  # as installed for systemd: root's, and the service's group may read it
    assert troubles(await ready.command("doctor")) == []


async def test_a_damaged_journal(ready: Rig) -> None:
    """It fails by itself."""
    ready.data_dir.mkdir(mode=0o700, exist_ok=True)
    (ready.data_dir / "journal.sqlite3").write_bytes(b"no database at all" * 1000)
    done = await ready.command("doctor")
    assert (done.status, troubles(done)) == (1, [("FAIL", "journal")])
    assert "cure: " in about(done, "journal")


async def test_beside_a_running_service_with_the_embedded_mongodb(tmp_path: Path) -> None:
    """It shares the service's MongoDB, finds its port, and the service goes on."""
    port = free_port()
    async with Rig(tmp_path / "bot", mongo_url=None, HTTP_PORT=str(port), HTTP_TOKEN="x" * 32) as rig:
        bot = await rig.start()
        await wait_until(lambda: "indexes created" in bot.log, 20, "the indexes are there")
        done = await rig.command("doctor")
        assert (done.status, troubles(done)) == (0, [])
        assert "`run` is running" in about(done, "service")
        assert about(done, "http") == f"127.0.0.1:{port} answers"
        assert about(done, "services").endswith(f"(process {bot.pid}) polls")
        assert await bot.terminate() == 0
        done = await rig.command("doctor")
        assert (done.status, troubles(done)) == (0, [])
        assert about(done, "http") == f"127.0.0.1:{port} is free"
