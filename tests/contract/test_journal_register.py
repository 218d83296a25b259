"""How far a journal is, as MongoDB knows it: what it tells of a lost one, and what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.checks.mongodb import judge_journals
from bot.core.losses import SILENT_AFTER, Known, Loss, Numbers
from bot.flows.journal_register import JournalRegister
from bot.journal import GAP_FACT, LOSS_AT, Journal, read_loss
from bot.store.journals import JournalStore
from tests.support.api import Time
from tests.support.mongo import At

Database = AsyncDatabase[dict[str, Any]]
Open = Callable[[str], Awaitable[Journal]]

BOT = "bot-1"


@pytest.fixture
async def open_(tmp_path: Path) -> AsyncIterator[Open]:
    """Open the journal of a service in a folder."""
    async with AsyncExitStack() as stack:

        async def open_(folder: str) -> Journal:
            journal = Journal(tmp_path / folder / "journal.sqlite3", Time())
            await journal.open()
            stack.push_async_callback(journal.close)
            return journal

        yield open_


@pytest.fixture
def store(db: Database, at: At) -> JournalStore:
    """A store that goes by `at`."""
    return JournalStore(db, at)


def register(
    journal: Journal, store: JournalStore, path: str = "/data", host: str = "$host"
) -> JournalRegister:
    """Of a journal in a place."""
    return JournalRegister(journal, store, BOT, host, path)


async def append(journal: Journal, *ids: int) -> None:
    """What was received."""
    await journal.receive([{"update_id": number} for number in ids], received_at=Time().now)


async def test_it_tells_how_far_the_journal_is(open_: Open, store: JournalStore, db: Database) -> None:
    """When it changes, and each minute; nothing of what is in it, and nothing new is nothing to say."""
    journal = await open_("one")
    seconds = 0.0
    keeper = JournalRegister(journal, store, BOT, "$host", "/$data", monotonic=lambda: seconds)
    await keeper.keep()
    await append(journal, 7, 8, 9)
    await journal.finish([1])
    await keeper.keep()
    (document,) = await db["journals"].find({}).to_list()
    seen_at = document.pop("seenAt")
    assert document == {
        "_id": f"{journal.identity:x}", "bot": BOT, "host": "$host", "path": "/$data", "last": 3, "done": 1,
        "isClosed": False,
    }  # fmt: skip
    await db["journals"].update_one({}, {"$set": {"last": 2}})
    seconds = 59.9
    await keeper.keep()
    assert [it["last"] for it in await db["journals"].find({}).to_list()] == [2]
    seconds = 60.0
    await keeper.keep()
    assert [(it["last"], it["seenAt"]) for it in await db["journals"].find({}).to_list()] == [(3, seen_at)]
    await keeper.leave()
    assert [it["isClosed"] for it in await db["journals"].find({}).to_list()] == [True]


async def test_an_older_copy_is_noticed(open_: Open, store: JournalStore) -> None:
    """By what it had when it was opened, whatever has come since; new numbers are above; it is told once."""
    journal = await open_("one")
    me = f"{journal.identity:x}"
    await store.note(BOT, Known(me, "host", "/data", Numbers(30, 20)))
    await append(journal, 7)
    keeper = register(journal, store)
    await keeper.keep()
    found = read_loss(await journal.facts())
    assert found is not None
    assert found[0] == Loss(21, 30)
    assert GAP_FACT in await journal.facts()
    await append(journal, 8)
    assert [entry.seq for entry in await journal.pending(after=1, limit=9)] == [31]
    await journal.forget(LOSS_AT, (await journal.facts())[LOSS_AT])
    await keeper.keep()
    assert LOSS_AT not in await journal.facts()
    assert [it.numbers for it in await store.of_bot(BOT)] == [Numbers(31, 0)]


@pytest.mark.parametrize(
    ("numbers", "is_closed", "loss"),
    [
        (Numbers(30, 20), False, Loss(21, 30, is_open=True)),
        (Numbers(30, 20), True, Loss(21, 30)),
        (Numbers(30, 30), False, Loss(31, 30, is_open=True)),
        (Numbers(30, 30), True, None),
    ],
)
async def test_a_journal_that_was_in_this_place_is_missed(
    numbers: Numbers, is_closed: bool, loss: Loss | None, open_: Open, store: JournalStore
) -> None:
    """DATA_DIR was emptied, the witness file with it: told once, not of other places, nor of other bots."""
    for bot, identity, host, path in (
        (BOT, "a", "$host", "/data"),
        (BOT, "b", "other", "/data"),
        (BOT, "c", "$host", "/elsewhere"),
        ("bot-2", "d", "$host", "/data"),
    ):
        await store.note(bot, Known(identity, host, path, numbers, is_closed=is_closed))
    journal = await open_("one")
    await register(journal, store).keep()
    found = read_loss(await journal.facts())
    assert (found and found[0]) == loss
    assert {it.identity for it in await store.of_bot(BOT) if it.is_gone} == {"a"}
    again = await open_("two")
    await register(again, store).keep()
    assert {it.identity for it in await store.of_bot(BOT) if it.is_gone} >= {"a"}


async def test_doctor_names_silent_journals(store: JournalStore, at: At) -> None:
    """Those that hold something, whose service has not been heard of for long, and that nobody told of."""
    for identity, numbers in (("a", Numbers(9, 4)), ("b", Numbers(9, 9)), ("c", Numbers(9, 4))):
        await store.note(BOT, Known(identity, "host", f"/{identity}", numbers))
    await store.gone(["c"])
    at.now += SILENT_AFTER
    assert not list(judge_journals(await store.of_bot(BOT)))
    at.now += timedelta(milliseconds=1)
    (found,) = judge_journals(await store.of_bot(BOT))
    assert found.level == "warn"
    assert "the journal in /a on host has up to 5 updates" in found.message
    assert "10 minutes" in found.message
