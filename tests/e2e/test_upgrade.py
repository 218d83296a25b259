"""What docs/upgrade.md says: a directory as the very first version left it is taken up as it is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from bot.store.embedded import primary
from bot.store.embedded.access import Access
from tests.support.bot import ATHLETES, Rig
from tests.support.mongo import bare_mongod
from tests.support.processes import wait_until

ATHLETE = ATHLETES[0]
# The first version's, word for word; its index `updates_unanswered` is another than today's of that name.
JOURNAL = """
CREATE TABLE updates (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    update_id INTEGER,
    received_ms INTEGER NOT NULL,
    is_tap INTEGER NOT NULL,
    raw BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    confirmed INTEGER NOT NULL DEFAULT 0,
    answered INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT
);
CREATE UNIQUE INDEX updates_unconfirmed ON updates (update_id) WHERE confirmed = 0;
CREATE INDEX updates_pending ON updates (seq) WHERE state = 0;
CREATE INDEX updates_unanswered ON updates (received_ms) WHERE state = 0 AND is_tap = 1 AND answered = 0;
CREATE INDEX updates_dead ON updates (seq) WHERE state = 2;
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


def answer(session_id: str, at: datetime, update_id: int) -> dict[str, Any]:
    """A document of `feedback_events` with the fields of the first version, and no others."""
    ref = f"w1-{session_id}"
    return {
        "sessionKey": f"{ref}-{ATHLETE}", "sessionRef": ref, "runId": "w1", "sessionId": session_id,
        "type": "hard", "response": "hard", "note": None,
        "sessionDate": f"{at:%Y-%m-%d}", "date": f"{at:%Y-%m-%d}",
        "sessionDay": f"{at:%A}", "day": f"{at:%A}",
        "chatId": str(ATHLETE), "messageId": 3, "userId": ATHLETE, "username": "ana",
        "timestamp": at, "receivedAt": at, "promptSentAt": at, "promptAgeDays": 0,
        "isLateResponse": False, "updateId": update_id,
    }  # fmt: skip


def tap(update_id: int, session_id: str, at: datetime) -> dict[str, Any]:
    """As Telegram sent it."""
    chat, date = {"id": ATHLETE, "type": "private"}, int(at.timestamp())
    message = {"message_id": 4, "date": date, "chat": chat, "text": "How was it?"}
    data = f"session_feedback|w1|{session_id}|done"
    query = {"id": str(update_id), "from": {"id": ATHLETE, "is_bot": False, "first_name": "Ana"}}
    return {"update_id": update_id, "callback_query": {**query, "message": message, "data": data}}


async def test_a_directory_of_the_first_version(tmp_path: Path) -> None:
    """The embedded MongoDB without a password, a journal without an identity, a question that is due."""
    async with Rig(tmp_path / "bot", mongo_url=None, ATHLETE_IDS=str(ATHLETE)) as rig:
        now = datetime.now(UTC).replace(microsecond=0)
        directory = rig.data_dir / "mongodb"
        directory.mkdir(parents=True)
        with bare_mongod(directory, "--replSet", "rs0") as port:
            await primary.become_primary(Access(port, None))
            async with AsyncMongoClient[dict[str, Any]](Access(port, None).url) as client:
                pid = (await client.admin.command("serverStatus"))["pid"]
                db = client[rig.database]
                await db["feedback_events"].create_index("sessionKey", unique=True)
                await db["feedback_events"].create_index("receivedAt", expireAfterSeconds=180 * 86_400)
                await db["feedback_events"].insert_one(answer("mon", now - timedelta(hours=2), 1))
                await db["session_prompts"].insert_one(
                    {
                        "runId": "w1", "sessionId": "wed", "chatId": str(ATHLETE), "title": "Tempo",
                        "note": None, "dueAt": now, "state": "pending", "createdAt": now, "updatedAt": now,
                    }
                )  # fmt: skip
                await client.admin.command("fsync")
        (directory / "server.json").write_text(json.dumps({"pid": pid, "port": port}))
        with closing(sqlite3.connect(rig.data_dir / "journal.sqlite3", isolation_level=None)) as journal:
            journal.execute("PRAGMA auto_vacuum = INCREMENTAL")
            journal.execute("PRAGMA journal_mode = WAL")
            journal.executescript(JOURNAL)
            row = "INSERT INTO updates (update_id, received_ms, is_tap, raw, state) VALUES (?, ?, 1, ?, ?)"
            for number, state in ((1, 1), (2, 0)):
                raw = json.dumps(tap(number, ("mon", "tue")[number - 1], now))
                journal.execute(row, (number, int(now.timestamp() * 1000), raw, state))
            journal.execute("INSERT INTO facts VALUES ('last_poll_ms', ?)", (int(now.timestamp() * 1000),))

        bot = await rig.start()
        events = await rig.stored(2)
        assert {event["sessionId"]: event["type"] for event in events} == {"mon": "hard", "tue": "done"}
        [question] = await rig.messages(ATHLETE, 1)
        assert "Tempo" in question["text"]
        await wait_until(lambda: "indexes created" in bot.log, 20, "the indexes are there")
        checked = await rig.command("doctor")
        assert checked.status == 0, [line for line in checked.out.splitlines() if line.startswith("FAIL")]
        shown = await rig.command("summary")
        assert (shown.status, shown.err) == (0, "")
        assert "hard" in shown.out
        made = await rig.command("backup", "b.zip")
        assert (made.status, made.err) == (0, "")
        assert "@" in (await rig.command("mongo-url")).out  # with a password
        await rig.disconnect()
        assert await bot.terminate() == 0
