"""JOURNAL was changed: what waits in the other one is taken up."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.shared.errors import JournalError, StorageDenied
from bot.services.inbox.hand_over import HandOver
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import Entry, Journal
from bot.store.inbox.mongodb_journal import MongoJournal
from tests.support.mongo import fresh_database

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)


def tap(update_id: int) -> dict[str, Any]:
    """An update with a callback query."""
    return {"update_id": update_id, "callback_query": {"id": f"q{update_id}"}}


@pytest.fixture
async def journals(tmp_path: Path, mongo_url: str) -> AsyncIterator[tuple[DiskJournal, MongoJournal]]:
    """One on disk and one in MongoDB, each of a service."""
    on_disk = DiskJournal(tmp_path / "journal.sqlite3", lambda: NOW)
    await on_disk.open()
    async with fresh_database(mongo_url) as db:
        yield on_disk, MongoJournal(db, "bot-1", lambda: NOW)
    await on_disk.close()


async def ids(journal: Journal) -> list[int]:
    """The update ids of what waits."""
    found, after = list[int](), 0
    while page := await journal.pending(after=after, limit=1_000):
        found += [entry.update["update_id"] for entry in page]
        after = page[-1].seq
    return found


class Forgotten:
    """Notes that nobody needs to miss the journal of before."""

    times = 0

    async def __call__(self) -> None:
        """Once more."""
        self.times += 1


@pytest.mark.parametrize("back", [False, True])
async def test_everything_that_waits_is_moved(
    back: bool,  # a parameter of the test
    journals: tuple[DiskJournal, MongoJournal],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In its order, behind what is there; confirmed or not; dead letters stay, and that is said."""
    before, now = reversed(journals) if back else journals
    await before.append([tap(n) for n in range(250)], polled_at=NOW)
    await before.failed((await before.pending(after=0, limit=1))[0].seq, "defect", give_up=True)
    await now.append([tap(1_000)], polled_at=NOW)
    woken, forgotten = list[int](), Forgotten()
    move = HandOver(before, now, "the old one", lambda: True, lambda: woken.append(1), forgotten)
    assert await move.step() == math.inf
    assert await ids(now) == [1_000, *range(1, 250)]
    assert await ids(before) == []
    assert (await before.state()).dead == 1
    assert "249 updates waited in the old one, and are taken up here" in caplog.text
    assert "the old one keeps 1 dead letter" in caplog.text
    assert woken
    assert forgotten.times == 1
    caplog.clear()
    assert await move.step() == math.inf
    assert "waited" not in caplog.text


async def test_who_stands_by_moves_nothing(journals: tuple[DiskJournal, MongoJournal]) -> None:
    """The one that leads sees to it; until then it is asked again."""
    before, now = journals
    await before.append([tap(1)], polled_at=NOW)
    assert await HandOver(before, now, "x", lambda: False, lambda: None, Forgotten()).step() is None
    assert await ids(now) == []


async def test_who_is_killed_between_the_two_moves_it_again(
    journals: tuple[DiskJournal, MongoJournal],
) -> None:
    """Twice is better than never: nothing is finished before it is adopted."""
    before, now = journals
    await before.append([tap(1), tap(2)], polled_at=NOW)

    class Full(MongoJournal):
        async def adopt(self, entries: Sequence[Entry]) -> None:
            await now.adopt(entries)
            raise JournalError("killed")

    full = Full(now._db, "bot-1", lambda: NOW)
    with pytest.raises(JournalError):
        await HandOver(before, full, "x", lambda: True, lambda: None, Forgotten()).step()
    await HandOver(before, now, "x", lambda: True, lambda: None, Forgotten()).step()
    assert await ids(now) == [1, 2, 1, 2]


async def test_where_nothing_may_be_read_nothing_was_kept(
    mongo_url: str, journals: tuple[DiskJournal, MongoJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user of MongoDB without rights on the collection, from before there was one, is left in peace."""

    async def denied(_: MongoJournal) -> dict[str, int]:
        raise JournalError("denied") from StorageDenied("denied")

    monkeypatch.setattr(MongoJournal, "facts", denied)
    on_disk, in_mongodb = journals
    move = HandOver(in_mongodb, on_disk, "x", lambda: True, lambda: None, Forgotten())
    assert await move.step() == math.inf
    assert mongo_url
