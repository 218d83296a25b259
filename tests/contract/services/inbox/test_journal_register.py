"""How far a journal is, as MongoDB knows it: what it tells of a lost one, and what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.health.mongodb_checks import judge_journals
from bot.core.inbox.journal_loss import (
    LONG_SILENT_AFTER,
    LOST_AFTER,
    SEEN_EVERY,
    SILENT_AFTER,
    JournalLoss,
    JournalNumbers,
    KnownJournal,
)
from bot.core.shared.errors import StorageUnavailable
from bot.services.inbox.journal_register import JournalRegister
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import GAP_FACT, LOSS_AT, read_loss
from bot.store.inbox.journal_register import JournalRegisterStore
from tests.support.api import Time
from tests.support.mongo import At

Database = AsyncDatabase[dict[str, Any]]
Open = Callable[[str], Awaitable[DiskJournal]]

BOT = "bot-1"


@pytest.fixture
async def open_(tmp_path: Path) -> AsyncIterator[Open]:
    """Open the journal of a service in a folder."""
    async with AsyncExitStack() as stack:

        async def open_(folder: str) -> DiskJournal:
            journal = DiskJournal(tmp_path / folder / "journal.sqlite3", Time())
            await journal.open()
            stack.push_async_callback(journal.close)
            return journal

        yield open_


@pytest.fixture
def store(db: Database, at: At) -> JournalRegisterStore:
    """A store that goes by `at`."""
    return JournalRegisterStore(db, at)


def register(
    journal: DiskJournal, store: JournalRegisterStore, path: str = "/data", host: str = "$host"
) -> JournalRegister:
    """Of a journal in a place."""
    return JournalRegister(journal, store, BOT, host, path)


class Service:
    """A register on a clock that it shares with MongoDB."""

    def __init__(
        self, journal: DiskJournal, store: JournalRegisterStore, at: At, *, takes_updates: bool = True
    ) -> None:
        began = at.now
        self._at = at
        self.takes_updates = takes_updates
        self.register = JournalRegister(
            *(journal, store, BOT, "$host", "/data", lambda: self.takes_updates),
            monotonic=lambda: (at.now - began) / timedelta(seconds=1),
        )

    async def live(self, time: timedelta, *others: Callable[[], Awaitable[Any]]) -> None:
        """Let it keep the register for a while, minute by minute, and others do theirs before it."""
        end = self._at.now + time
        await self.register.keep()
        while self._at.now < end:
            self._at.now += SEEN_EVERY
            for other in others:
                await other()
            await self.register.keep()


async def append(journal: DiskJournal, *ids: int) -> None:
    """What was received."""
    await journal.receive([{"update_id": number} for number in ids], received_at=Time().now)


async def test_it_tells_how_far_the_journal_is(
    open_: Open, store: JournalRegisterStore, db: Database
) -> None:
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
    assert document.pop("firstSeenAt") == seen_at
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


async def test_an_older_copy_is_noticed(open_: Open, store: JournalRegisterStore) -> None:
    """By what it had when it was opened, whatever has come since; new numbers are above; it is told once."""
    journal = await open_("one")
    me = f"{journal.identity:x}"
    await store.note(BOT, KnownJournal(me, "host", "/data", JournalNumbers(30, 20)))
    await append(journal, 7)
    keeper = register(journal, store)
    await keeper.keep()
    found = read_loss(await journal.facts())
    assert found is not None
    assert found[0] == JournalLoss(21, 30)
    assert GAP_FACT in await journal.facts()
    await append(journal, 8)
    assert [entry.seq for entry in await journal.pending(after=1, limit=9)] == [31]
    await journal.forget(LOSS_AT, (await journal.facts())[LOSS_AT])
    await keeper.keep()
    assert LOSS_AT not in await journal.facts()
    assert [it.numbers for it in await store.of_bot(BOT)] == [JournalNumbers(31, 0)]


@pytest.mark.parametrize(
    ("numbers", "is_closed", "loss"),
    [
        (JournalNumbers(30, 20), False, JournalLoss(21, 30, is_open=True)),
        (JournalNumbers(30, 20), True, JournalLoss(21, 30)),
        (JournalNumbers(30, 30), False, JournalLoss(31, 30, is_open=True)),
        (JournalNumbers(30, 30), True, None),
    ],
)
async def test_a_journal_that_was_in_this_place_is_missed(
    numbers: JournalNumbers,
    is_closed: bool,
    loss: JournalLoss | None,
    open_: Open,
    store: JournalRegisterStore,
    at: At,
) -> None:
    """DATA_DIR was emptied, the witness file with it: told once, not of other places, nor of other bots; and
    not before a service that lives would have been heard of."""
    for bot, identity, host, path in (
        (BOT, "a", "$host", "/data"),
        (BOT, "b", "other", "/data"),
        (BOT, "c", "$host", "/elsewhere"),
        ("bot-2", "d", "$host", "/data"),
    ):
        await store.note(bot, KnownJournal(identity, host, path, numbers, is_closed=is_closed))
    journal = await open_("one")
    service = Service(journal, store, at)
    await service.live(LOST_AFTER - SEEN_EVERY)
    assert LOSS_AT not in await journal.facts()
    assert await gone(store) == set()
    await service.live(SEEN_EVERY)
    found = read_loss(await journal.facts())
    assert (found and found[0]) == loss
    assert await gone(store) == {"a"}
    again = await open_("two")
    await Service(again, store, at).live(LOST_AFTER)
    assert await gone(store) >= {"a"}


async def gone(store: JournalRegisterStore) -> set[str]:
    """The journals of the bot whose loss was told."""
    return {it.identity for it in await store.of_bot(BOT) if it.is_gone}


async def test_a_start_before_it_is_decided_decides_it(
    open_: Open, store: JournalRegisterStore, at: At
) -> None:
    """A service that ends early has forgotten nothing: the next one decides."""
    await store.note(BOT, KnownJournal("a", "$host", "/data", JournalNumbers(30, 20)))
    journal = await open_("one")
    await Service(journal, store, at).live(SEEN_EVERY)
    await Service(journal, store, at).live(LOST_AFTER)
    assert await gone(store) == {"a"}
    assert LOSS_AT in await journal.facts()


async def test_a_journal_that_is_seen_moving_is_not_lost(
    open_: Open, store: JournalRegisterStore, at: At
) -> None:
    """Two machines of one name and one path: neither declares the other's journal lost, also not after it has
    been stopped for an hour and this service was started anew."""
    theirs, mine = KnownJournal("a", "$host", "/data", JournalNumbers(30, 20)), await open_("one")

    async def tell() -> None:
        await store.note(BOT, theirs)

    await tell()
    await Service(mine, store, at).live(timedelta(minutes=9), tell)
    at.now += timedelta(hours=1)
    await Service(mine, store, at).live(LOST_AFTER)
    assert await gone(store) == set()
    assert LOSS_AT not in await mine.facts()


class Away(JournalRegisterStore):
    """A MongoDB that is away when a test says so."""

    is_away = False

    async def note(self, bot: str, journal: KnownJournal) -> None:
        """Fail, or do it."""
        if self.is_away:
            raise StorageUnavailable("away")
        await super().note(bot, journal)


async def test_who_lives_gets_the_time_to_say_so_after_an_outage(
    open_: Open, db: Database, store: JournalRegisterStore, at: At
) -> None:
    """MongoDB was away since just after the start: then nobody could be heard of."""
    await store.note(BOT, theirs := KnownJournal("a", "$host", "/data", JournalNumbers(30, 20)))
    journal, away = await open_("one"), Away(db, at)
    service = Service(journal, away, at)
    await service.live(SEEN_EVERY)
    away.is_away = True
    at.now += timedelta(hours=1)
    with pytest.raises(StorageUnavailable):
        await service.register.keep()
    away.is_away = False
    await service.live(SEEN_EVERY)
    assert await gone(store) == set()
    await store.note(BOT, theirs)
    await service.live(LOST_AFTER)
    assert await gone(store) == set()
    assert LOSS_AT not in await journal.facts()


async def test_who_polls_names_journals_that_are_left_alone(
    open_: Open, store: JournalRegisterStore, at: At, caplog: pytest.LogCaptureFixture
) -> None:
    """A container made anew has another name: after an hour, once for each silence, and nothing is lost."""
    await store.note(BOT, left := KnownJournal("a", "other", "/data", JournalNumbers(9, 4)))
    await store.note(BOT, KnownJournal("b", "other", "/data", JournalNumbers(9, 9)))
    journal = await open_("one")
    service = Service(journal, store, at, takes_updates=False)
    await service.live(LONG_SILENT_AFTER + SEEN_EVERY)
    assert not caplog.records
    service.takes_updates = True
    await service.live(timedelta(minutes=9))
    (said,) = [record.message for record in caplog.records]
    assert "the journal in /data on other, which has up to 5 updates that are not processed" in said
    assert await gone(store) == set()
    assert LOSS_AT not in await journal.facts()
    await store.note(BOT, left)
    await service.live(SEEN_EVERY)
    assert len(caplog.records) == 1
    await service.live(LONG_SILENT_AFTER)
    assert len(caplog.records) == 2


async def test_doctor_names_silent_journals(store: JournalRegisterStore, at: At) -> None:
    """Those that hold something, whose service has not been heard of for long, and that nobody told of."""
    for identity, numbers in (
        ("a", JournalNumbers(9, 4)),
        ("b", JournalNumbers(9, 9)),
        ("c", JournalNumbers(9, 4)),
    ):
        await store.note(BOT, KnownJournal(identity, "host", f"/{identity}", numbers))
    await store.gone(["c"])
    at.now += SILENT_AFTER
    assert not list(judge_journals(await store.of_bot(BOT)))
    at.now += timedelta(milliseconds=1)
    (found,) = judge_journals(await store.of_bot(BOT))
    assert found.level == "warn"
    assert "the journal in /a on host has up to 5 updates" in found.message
    assert "10 minutes" in found.message
