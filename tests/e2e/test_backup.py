"""What docs/backup.md promises: the ways to back up and restore, each really gone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import pytest

from bot.core.records.collections import KEYS
from bot.sandbox.world import User
from tests.support.bot import ATHLETES, ROOT, Rig
from tests.support.processes import is_alive, run_to_end, wait_until

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


async def test_a_copy_under_a_lock_while_the_service_runs(embedded: Rig, tmp_path: Path) -> None:
    """MongoDB's files hold still under its lock, and taps wait in the journal, which is copied with them."""
    bot = await embedded.start()
    first = tap(embedded, "mon", DONE)
    await embedded.stored(1)
    admin = embedded.db.client["admin"]
    await admin.command("fsync", lock=True)
    second = tap(embedded, "tue", HARD)
    await embedded.answered([first, second])
    copy = tmp_path / "copy"
    copy.mkdir()
    # The journal's file changes all the time: SQLite copies it whole.
    with (
        closing(sqlite3.connect(embedded.data_dir / "journal.sqlite3")) as source,
        closing(sqlite3.connect(copy / "journal.sqlite3")) as target,
    ):
        source.backup(target)
    shutil.copytree(embedded.data_dir / "mongodb", copy / "mongodb")
    await admin.command("fsyncUnlock")
    await embedded.stored(2)
    await embedded.disconnect()
    assert await bot.terminate() == 0
    assert [event["type"] for event in await restored(embedded, copy)] == ["done", "hard"]


async def test_the_page_s_script_copies_a_running_bot(embedded: Rig, tmp_path: Path) -> None:
    """As it stands on the page; the service goes on."""
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    script, *others = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert others == []
    (embedded.folder / "backup.py").write_text(script)
    bot = await embedded.start()
    taps = [tap(embedded, "mon", DONE), tap(embedded, "tue", HARD)]
    await embedded.answered(taps)
    await embedded.stored(2)
    copy = tmp_path / "copy"
    done = await run_to_end(
        [sys.executable, "backup.py", str(embedded.data_dir), str(copy)],
        embedded.environment(), embedded.folder,
    )  # fmt: skip
    assert (done.status, done.err) == (0, "")
    await embedded.answered([tap(embedded, "wed", DONE)])
    await embedded.stored(3)
    await embedded.disconnect()
    assert await bot.terminate() == 0
    assert [event["type"] for event in await restored(embedded, copy)] == ["done", "hard"]


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
