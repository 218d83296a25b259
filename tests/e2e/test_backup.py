"""What docs/backup.md promises: the ways to back up and restore, each really gone."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import pytest

from bot.core.records.collections import KEYS
from bot.sandbox.world import User
from tests.support.bot import ATHLETES, Crowd, Rig
from tests.support.processes import Program, is_alive, wait_until

ATHLETE = ATHLETES[0]
DONE, HARD = 0, 2


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Rig]:
    """A bot with the embedded MongoDB, where everything is in DATA_DIR."""
    async with Rig(tmp_path / "bot", mongo_url=None, ATHLETE_IDS=str(ATHLETE)) as rig:
        yield rig


def tap(rig: Rig, session_id: str, button: int) -> Any:
    """A question, and its answer."""
    return rig.world.tap(ATHLETE, rig.ask("w1", session_id, ATHLETE), User(ATHLETE, "Ana"), button=button)


async def restored(rig: Rig, copy: Path) -> list[dict[str, Any]]:
    """The two answers, once a bot on the copy has recorded both; `doctor` finds nothing that fails."""
    rig.settings["DATA_DIR"] = str(copy)
    # What Telegram still had would hide that the journal lacks it.
    rig.world.set_webhook("", drop_pending_updates=True)
    bot = await rig.start()
    events = await rig.stored(2)
    checked = await rig.command("doctor")
    assert checked.status == 0, checked
    assert (await rig.stats())["feedback_event_write_success_rate"] == 1.0
    await rig.disconnect()  # while its server is there
    assert await bot.terminate() == 0
    return events


async def test_a_copy_of_the_stopped_data_dir_loses_no_tap(embedded: Rig, tmp_path: Path) -> None:
    """Nor does one after a crash: a tap that stands in the journal alone is recorded by who restores it."""
    bot = await embedded.start()
    first = tap(embedded, "mon", DONE)
    await embedded.stored(1)
    await embedded.disconnect()
    pid = embedded.embedded()["pid"]
    os.kill(pid, signal.SIGSTOP)
    second = tap(embedded, "tue", HARD)
    await embedded.answered([first, second])
    await bot.kill()
    os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not is_alive(pid), 10, "the embedded MongoDB has ended")
    copy = tmp_path / "copy"
    shutil.copytree(embedded.data_dir, copy)
    assert [event["type"] for event in await restored(embedded, copy)] == ["done", "hard"]


async def test_a_backup_of_a_crashed_bot_loses_no_tap(embedded: Rig, tmp_path: Path) -> None:
    """A tap that stands in the journal alone is in it, and is recorded where it is restored."""
    bot = await embedded.start()
    first = tap(embedded, "mon", DONE)
    await embedded.stored(1)
    await embedded.disconnect()
    pid = embedded.embedded()["pid"]
    os.kill(pid, signal.SIGSTOP)
    second = tap(embedded, "tue", HARD)
    await embedded.answered([first, second])
    await bot.kill()
    os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not is_alive(pid), 10, "the embedded MongoDB has ended")
    made = await embedded.command("backup", "b.zip")
    assert (made.status, made.err) == (0, "")
    assert re.search(r"the journal with [12] updates? to be processed", made.out)
    other = tmp_path / "other"
    put_back = await embedded.command("restore", "b.zip", DATA_DIR=str(other))
    assert (put_back.status, put_back.err) == (0, "")
    assert "of the backup's journal will be processed when the bot starts" in put_back.out
    assert [event["type"] for event in await restored(embedded, other)] == ["done", "hard"]


async def test_a_backup_while_everybody_taps(embedded: Rig, tmp_path: Path) -> None:
    """What was answered before it is in it, and the service goes on; a service runs, so nothing is restored
    below it."""
    embedded.settings["ATHLETE_IDS"] = ",".join(map(str, ATHLETES))
    bot = await embedded.start()
    crowd = Crowd(embedded, random.Random(1), sessions=20)
    crowd.tap(40)
    await embedded.answered(crowd.taps)
    before = {crowd.key_of(each): each.update_id for each in crowd.taps}
    making = asyncio.create_task(embedded.command("backup", "b.zip"))
    while not making.done():
        crowd.tap(3)
        await asyncio.sleep(0.01)
    made = await making
    assert (made.status, made.err) == (0, "")
    refused = await embedded.command("restore", "b.zip", "--replace")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "a bot is running on" in refused.err
    await crowd.settled()
    await embedded.disconnect()
    assert await bot.terminate() == 0

    other = tmp_path / "other"
    put_back = await embedded.command("restore", "b.zip", DATA_DIR=str(other))
    assert (put_back.status, put_back.err) == (0, "")
    embedded.settings["DATA_DIR"] = str(other)
    embedded.world.set_webhook("", drop_pending_updates=True)
    bot = await embedded.start()

    async def all_there() -> bool:
        found = {event["sessionKey"]: event["updateId"] for event in await embedded.events({})}
        return all(found.get(key, 0) >= (update_id or 0) for key, update_id in before.items())

    await wait_until(all_there, 20, "all that was answered before the backup is there")
    await embedded.disconnect()
    assert await bot.terminate() == 0


async def test_a_backup_that_is_killed_leaves_no_file(rig: Rig) -> None:
    """It can be made again, under the same name."""
    await rig.db["run_artifacts"].insert_many([{"x": "x" * 10_000} for _ in range(2_000)])
    program = Program(
        [sys.executable, "-m", "bot", "backup", "b.zip"], rig.environment(), rig.folder, rig.folder / "log"
    )
    await program.start()
    await wait_until((rig.folder / "b.zip.part").exists, 20, "it is being written")
    await program.kill()
    assert not (rig.folder / "b.zip").exists()
    made = await rig.command("backup", "b.zip")
    assert (made.status, made.err) == (0, "")
    assert [path.name for path in rig.folder.glob("b.zip*")] == ["b.zip"]
    checked = await rig.command("restore", "b.zip", "--check")
    assert (checked.status, checked.err) == (0, "")
    assert "2000 documents in 1 collection" in checked.out


async def test_a_restore_that_is_killed(rig: Rig) -> None:
    """What it leaves does not look whole, wherever it was: neither `run` nor `backup` go on with it, and
    `doctor` says so; the next one does it all."""
    for number in range(10):
        documents = [{"_id": f"{number}-{each}", "x": "x" * 2_000} for each in range(2_000)]
        await rig.db[f"collection-{number}"].insert_many(documents)
    await rig.db["feedback_events"].insert_one({"_id": 1, "sessionKey": "k"})
    await rig.db["users"].create_index("x", unique=True)
    assert (await rig.command("backup", "b.zip")).status == 0
    names = [f"collection-{number}" for number in range(10)]
    half: list[list[str]] = []
    for reached in ("collection-0", "collection-4", "feedback_events"):
        program = Program(
            [sys.executable, "-m", "bot", "restore", "b.zip", "--replace"],
            rig.environment(), rig.folder, rig.folder / "log",
        )  # fmt: skip
        looked_for = [{"$match": {"ns.coll": reached}}]
        async with await rig.db.watch(looked_for, show_expanded_events=True) as stream:
            await program.start()
            async for change in stream:
                if change["operationType"] in ("create", "insert"):
                    break
        await program.kill()
        half.append([name for name in names if await rig.db[name].find_one({}) is not None])
        ended = await rig.launch()
        assert await ended.ended(20) == 2, ended.log
        assert ended.log.count("and has not ended, so that half of it may be missing; run `restore`") == 1
        checked = await rig.command("doctor")
        assert checked.status == 1
        assert "FAIL  mongodb" in checked.out
        assert "half of it may be missing" in checked.out
        refused = await rig.command("backup", "c.zip")
        assert (refused.status, refused.out) == (2, "")
    assert len(half[0]) < len(half[1]) <= len(half[2])
    done = await rig.command("restore", "b.zip")
    assert (done.status, done.err) == (0, "")
    assert [await rig.db[name].count_documents({}) for name in names] == [2_000] * 10
    assert "x_1" in await rig.db["users"].index_information()
    bot = await rig.start()
    assert await bot.terminate() == 0


async def test_what_is_no_backup_changes_nothing(rig: Rig) -> None:
    """One line, before anything else is looked at."""
    await rig.db["feedback_events"].insert_one({"_id": 1, "sessionKey": "k"})
    assert (await rig.command("backup", "b.zip")).status == 0
    (rig.folder / "cut.zip").write_bytes((rig.folder / "b.zip").read_bytes()[:-100])
    (rig.folder / "text.zip").write_text("hello")
    for name in ("cut.zip", "text.zip", "none.zip"):
        done = await rig.command("restore", "--replace", name)
        assert (done.status in (1, 2), done.out) == (True, "")
        assert done.err.startswith(f"error: {name}")
        assert done.err.count("\n") == 1
    again = await rig.command("backup", "b.zip")
    assert (again.status, again.err.count("\n")) == (2, 1)
    full = await rig.command("restore", "b.zip")
    assert "--replace: the database" in full.err
    assert await rig.db["feedback_events"].count_documents({}) == 1


async def test_the_five_collections_by_export_and_write(rig: Rig) -> None:
    """An empty database gets the same documents, byte for byte; this week's sessions are asked again."""
    today = datetime.now(UTC).date().isoformat()
    run: dict[str, Any] = {
        "runId": "w1", "status": "success", "attempt": 1, "modelId": "m",
        "plan": {
            "schema_version": "1", "justification": ["Léger"],
            "activityPlan": {
                "nextWeek": {"weekStart": today, "weekEnd": today},
                "days": [{"date": today, "activity": "Tempo"}],
            },
        },
    }  # fmt: skip
    (rig.folder / "run.json").write_text(json.dumps(run))
    (rig.folder / "week.json").write_text(json.dumps({"weekStart": "2026-02-16", "runDistance": 41_000.5}))
    assert (await rig.command("record-run", "run.json")).status == 0
    assert (await rig.command("write", "weekly_metrics", "week.json")).status == 0
    rig.settings |= {"ATHLETE_IDS": str(ATHLETE), "PROMPT_TIME": "00:00"}
    bot = await rig.start()
    (question,) = await rig.messages(ATHLETE, 1)
    rig.world.tap(ATHLETE, question["message_id"], User(ATHLETE, "Ana"), button=DONE)
    await rig.stored(1)
    assert await bot.terminate() == 0

    before = await stored(rig)
    assert all(before.values())
    exports = await asyncio.gather(*(rig.command("export", collection) for collection in KEYS))
    for collection, done in zip(KEYS, exports, strict=True):
        assert (done.status, done.err) == (0, "")
        (rig.folder / f"{collection}.ndjson").write_text(done.out)
    rig.database = rig.settings["MONGO_DB"] = f"test_{uuid4().hex}"
    for done in await asyncio.gather(*(rig.command("write", name, f"{name}.ndjson") for name in KEYS)):
        assert (done.status, done.err) == (0, "")
    assert await stored(rig) == before
    assert (await rig.command("bootstrap")).status == 0
    checked = await rig.command("doctor")
    assert checked.status == 0, checked
    # The outbox is not among the five, so the bot does not know that it has asked.
    bot = await rig.start()
    _, again = await rig.messages(ATHLETE, 2)
    assert again["text"] == question["text"]
    assert await bot.terminate() == 0


async def stored(rig: Rig) -> dict[str, list[bytes]]:
    """The documents of the five collections in BSON, without MongoDB's own ids; fields by name."""
    found = {name: await rig.db[name].find({}, {"_id": False}).to_list() for name in KEYS}
    return {
        name: sorted(bson.encode(dict(sorted(document.items()))) for document in documents)
        for name, documents in found.items()
    }
