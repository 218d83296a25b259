"""Prompts that did not arrive, on a real MongoDB: each goes on its way once, and no other does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.store.mongodb.indexes import bootstrap
from bot.store.prompts.undelivered import UndeliveredStore

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 20, tzinfo=UTC)
DAY = timedelta(days=1)
BLOCKED = "Forbidden: bot was blocked by the user"
ANA = 7


@pytest.fixture
def store(db: Database) -> UndeliveredStore:
    """The store on an empty outbox."""
    return UndeliveredStore(db)


async def put(db: Database, session_id: str, **fields: Any) -> None:
    """A question of yesterday that was refused an hour later."""
    known = {
        "runId": "r",
        "sessionId": session_id,
        "chatId": str(ANA),
        "state": "undeliverable",
        "reason": BLOCKED,
        "dueAt": NOW - DAY,
        "updatedAt": NOW - DAY + timedelta(hours=1),
        "attempts": 1,
    }
    await db.session_prompts.insert_one(known | fields)


async def states(db: Database) -> dict[str, str]:
    """The state of each prompt."""
    return {d["sessionId"]: d["state"] async for d in db.session_prompts.find()}


async def test_a_chat_opens(db: Database, store: UndeliveredStore) -> None:
    """What can be answered is due as it was before, what cannot has expired; the rest is left alone."""
    await put(db, "text")
    await put(db, "number", chatId=ANA)
    await put(db, "double", chatId=float(ANA))
    await put(db, "told", refusalToldAt=NOW - DAY)
    await put(db, "nudge", sentAt=NOW - 2 * DAY, again="nudge")
    await put(db, "over", notAfter=NOW)
    await put(db, "weekly", kind="weekly", notAfter=NOW + DAY)
    await put(db, "other reason", reason="Bad Request: message is too long")
    await put(db, "other chat", chatId="8")
    await put(db, "chats", chatId=[ANA, str(ANA)])
    await put(db, "since", updatedAt=NOW + timedelta(milliseconds=1))
    before = await states(db)
    assert await store.open_chats({ANA: NOW}, 14) == 5
    due = dict.fromkeys(("text", "number", "double", "told", "nudge"), "pending")
    assert await states(db) == before | due | {"over": "expired", "weekly": "expired"}
    told = await db.session_prompts.find_one({"sessionId": "told"}, {"_id": False})
    assert told == {
        "runId": "r", "sessionId": "told", "chatId": str(ANA),
        "state": "pending", "dueAt": NOW - DAY, "updatedAt": NOW,
    }  # fmt: skip
    over = await db.session_prompts.find_one({"sessionId": "over"})
    assert over is not None
    assert over["reason"] == "it could not be sent in time"
    assert await store.open_chats({ANA: NOW}, 14) == 0
    assert await store.open_chats({}, 14) == 0


async def test_a_repeated_update_revives_nothing_that_was_refused_since(
    db: Database, store: UndeliveredStore
) -> None:
    """Somebody was killed, and processes it again; the athlete has blocked the bot once more meanwhile."""
    await put(db, "s")
    assert await store.open_chats({ANA: NOW}, 14) == 1
    again = {"state": "undeliverable", "reason": BLOCKED, "updatedAt": NOW + timedelta(seconds=1)}
    await db.session_prompts.update_one({}, {"$set": again})
    assert await store.open_chats({ANA: NOW}, 14) == 0
    assert await store.open_chats({ANA: NOW + DAY}, 14) == 1


@pytest.mark.parametrize(
    ("fields", "is_due"),
    [
        ({}, True),
        ({"reason": "Bad Request: message is too long"}, True),
        ({"chatId": ANA}, True),
        ({"notAfter": NOW}, False),
        ({"dueAt": NOW - 14 * DAY}, False),
        ({"state": "sent"}, False),
        ({"state": "cancelled"}, False),
        ({"kind": "reminder"}, False),
    ],
)
async def test_a_retry(db: Database, store: UndeliveredStore, fields: dict[str, Any], is_due: bool) -> None:
    """On the coach's wish whatever the refusal, as long as it can be answered."""
    await put(db, "s", **fields)
    assert await store.retry("r", "s", ANA, 14, NOW) is is_due
    expected = "pending" if is_due else fields.get("state", "undeliverable")
    assert await states(db) == {"s": expected}
    assert not await store.retry("r", "unknown", ANA, 14, NOW)


async def test_admins_are_told_once_for_each_cause(db: Database, store: UndeliveredStore) -> None:
    """More of the same refusal is known; another one is not, nor is the next one after the chat was open."""

    async def untold(now: datetime = NOW) -> list[tuple[int, str]]:
        return [(it.chat_id, it.reason) for it in await store.closed(14, now) if not it.is_told]

    await put(db, "first")
    await put(db, "elsewhere", chatId=8)
    assert sorted(await untold()) == [(ANA, BLOCKED), (8, BLOCKED)]
    await store.told([ANA, 8], NOW)
    await put(db, "second", updatedAt=NOW)
    assert await untold() == []
    await put(db, "third", updatedAt=NOW + DAY, reason="Bad Request: chat not found")
    assert await untold() == [(ANA, "Bad Request: chat not found")]
    [closed] = await store.closed(14, NOW, ANA)
    assert closed.waiting == 3
    assert await store.open_chats({ANA: NOW + 2 * DAY}, 14) == 3
    assert await store.closed(14, NOW, ANA) == []
    await db.session_prompts.update_one(
        {"sessionId": "first"}, {"$set": {"state": "undeliverable", "reason": BLOCKED}}
    )
    assert await untold() == [(ANA, BLOCKED)]


async def test_a_chat_that_took_something_since_is_open(db: Database, store: UndeliveredStore) -> None:
    """An older refusal does not count, in whatever form the chat is written; one that came behind does."""
    minute = timedelta(minutes=1)
    for chat_id, sent_at in ((1, NOW - minute), (2, NOW + minute), (3, None)):
        await put(db, f"refused {chat_id}", chatId=chat_id, updatedAt=NOW)
        if sent_at is not None:
            await put(db, f"sent {chat_id}", chatId=str(chat_id), state="answered", sentAt=sent_at)
    assert [it.chat_id for it in await store.closed(14, NOW)] == [1, 3]
    assert [it.chat_id for it in await store.closed(14, NOW, 2, 3, 4)] == [3]


async def test_others_who_blocked_the_bot_cost_nothing(db: Database, store: UndeliveredStore) -> None:
    """Each batch of answers asks what waits for its chats, however much waits for others."""
    await bootstrap(db)
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "sessionId": f"{chat}-{n}", "chatId": chat, "state": state, "sentAt": NOW}
            for chat, state in (("8", "undeliverable"), (str(ANA), "answered"))
            for n in range(300)
        ]
    )
    await put(db, "s")
    await db.command("profile", 2)
    assert await store.open_chats({ANA: NOW}, 14) == 1
    await db.command("profile", 0)
    found = await db["system.profile"].find_one({"op": "query", "ns": f"{db.name}.session_prompts"})
    assert found is not None
    assert (found["docsExamined"], found["nreturned"]) == (1, 1)


async def test_what_is_long_over_is_not_read(db: Database, store: UndeliveredStore) -> None:
    """It stays for ever: doctor, and the service after each refusal, ask for what may matter."""
    await bootstrap(db)
    old, soon = NOW - 15 * DAY, NOW + timedelta(milliseconds=1)
    long_over: dict[str, Any] = {"runId": "old", "chatId": "8", "state": "undeliverable", "reason": BLOCKED}
    times: tuple[dict[str, Any], ...] = ({}, {"notAfter": NOW}, {"sentAt": old - DAY, "notAfter": NOW - DAY})
    await db.session_prompts.insert_many(
        [
            {**long_over, "sessionId": f"{n} {m}", "dueAt": old, "updatedAt": old, **fields}
            for n in range(100)
            for m, fields in enumerate(times)
        ]
    )
    await put(db, "planned for long", chatId=1, dueAt=old, notAfter=soon)
    await put(db, "asked once more", chatId=2, dueAt=old, notAfter=NOW - DAY, sentAt=NOW - DAY)
    await put(db, "just over", chatId=3, notAfter=NOW)
    await put(db, "at any time", chatId=4, dueAt=None)
    await put(db, "a text", chatId=5, dueAt="2026-02-16")
    await db.command("profile", 2)
    closed = await store.closed(14, NOW)
    await db.command("profile", 0)
    assert {it.chat_id: it.waiting for it in closed} == {1: 1, 2: 1, 3: 0, 4: 1, 5: 1}
    reads = [it async for it in db["system.profile"].find({"ns": f"{db.name}.session_prompts"})]
    assert len(reads) == 3
    assert sum(it["docsExamined"] for it in reads) < 30
    assert [it.chat_id for it in await store.closed(14, NOW, 8)] == [8]


async def test_admins_were_told_of_it_long_ago(db: Database, store: UndeliveredStore) -> None:
    """The same refusal is no news after the first is long over."""
    await put(db, "first", dueAt=NOW - 30 * DAY, updatedAt=NOW - 30 * DAY, refusalToldAt=NOW - 30 * DAY)
    assert await store.closed(14, NOW) == []
    await put(db, "now")
    [closed] = await store.closed(14, NOW)
    assert (closed.is_told, closed.waiting) == (True, 1)
