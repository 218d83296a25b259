"""The journal: on disk before it is confirmed, recognised when it comes again, forgotten when done."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.shared.errors import JournalError
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import Entry, JournalState

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
NOW_MS = 1_771_267_378_123
SECOND = timedelta(seconds=1)


def tap(update_id: object, **query: Any) -> dict[str, Any]:
    """An update with a callback query."""
    return {"update_id": update_id, "callback_query": {"id": f"q{update_id}", **query}}


def message(update_id: object) -> dict[str, Any]:
    """An update without one."""
    return {"update_id": update_id, "message": {}}


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[DiskJournal]:
    """An open journal."""
    journal = DiskJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    yield journal
    await journal.close()


async def append(journal: DiskJournal, *updates: object, at: datetime = NOW) -> int:
    """Append what a poll brought."""
    return await journal.append(updates, polled_at=at)


async def pending(journal: DiskJournal) -> list[Entry]:
    """All unprocessed entries."""
    return await journal.pending(after=0, limit=1_000_000)


async def seqs(journal: DiskJournal) -> dict[int, int]:
    """Positions of the unprocessed entries by update id."""
    return {entry.update["update_id"]: entry.seq for entry in await pending(journal)}


def rows(path: Path) -> int:
    """How many rows the file really holds."""
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT count(*) FROM updates").fetchone()[0])
    finally:
        db.close()


async def test_a_new_journal_is_empty_and_private(journal: DiskJournal, tmp_path: Path) -> None:
    """Nothing pending, no facts; only the owner may read the file."""
    assert await pending(journal) == []
    assert await journal.facts() == {}
    assert await journal.state() == JournalState(0, 0, 0, None)
    assert (tmp_path / "journal.sqlite3").stat().st_mode & 0o777 == 0o600


async def test_finished_and_confirmed_in_either_order_is_forgotten(
    journal: DiskJournal, tmp_path: Path
) -> None:
    """A row leaves the file when it is processed and Telegram was told, whichever comes first."""
    await append(journal, tap(10), tap(11))
    positions = await seqs(journal)
    await journal.finish([positions[10]])
    assert rows(tmp_path / "journal.sqlite3") == 2
    await append(journal)
    assert rows(tmp_path / "journal.sqlite3") == 1
    await journal.finish([positions[11], positions[11], 999])
    assert rows(tmp_path / "journal.sqlite3") == 0
    assert await journal.state() == JournalState(0, 0, 0, None)


async def test_everything_survives_reopening(tmp_path: Path) -> None:
    """Pending and answered entries, tries, dead letters and facts are on disk."""
    path = tmp_path / "deep" / "er" / "journal.sqlite3"
    first = DiskJournal(path)
    await first.open()
    await first.append([tap(10), tap(11), tap(12), tap(13)], polled_at=NOW, facts={"gap": 5})
    positions = await seqs(first)
    await first.mark_answered([positions[10]])
    await first.failed(positions[11], "defect", give_up=False)
    await first.failed(positions[12], "defect", give_up=True)
    await first.finish([positions[13]])
    before = (await pending(first), await first.state(), await first.facts())
    await first.close()
    second = DiskJournal(path)
    await second.open()
    after = (await pending(second), await second.state(), await second.facts())
    assert after == before
    assert [(e.answered, e.attempts) for e in after[0]] == [(True, 0), (False, 1)]
    assert await append(second, tap(13)) == 0
    await second.close()


async def test_a_crash_loses_nothing_that_append_returned_for(tmp_path: Path, journal: DiskJournal) -> None:
    """A copy of the files, taken while the journal is open, opens with everything appended."""
    await append(journal, *(tap(n) for n in range(50)))
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        (copy / f"j{suffix}").write_bytes((tmp_path / f"journal.sqlite3{suffix}").read_bytes())
    other = DiskJournal(copy / "j")
    await other.open()
    assert set(await seqs(other)) == set(range(50))
    await other.close()


async def test_positions_are_never_used_again(tmp_path: Path) -> None:
    """A new entry stands behind all former ones, also when these are gone and the file was reopened."""
    path = tmp_path / "j"
    journal = DiskJournal(path)
    await journal.open()
    await append(journal, tap(10))
    position = (await seqs(journal))[10]
    await journal.finish([position])
    await append(journal)
    await journal.close()
    journal = DiskJournal(path)
    await journal.open()
    await append(journal, tap(11))
    assert (await seqs(journal))[11] > position
    await journal.close()


async def test_compacting_gives_the_space_back(journal: DiskJournal, tmp_path: Path) -> None:
    """After a backlog is worked off, the file shrinks and the log is empty."""
    path = tmp_path / "journal.sqlite3"
    await append(journal, *(tap(n, data="x" * 2000) for n in range(500)))
    await append(journal)
    await journal.compact()
    full = path.stat().st_size
    assert full > 1_000_000
    await journal.finish((await seqs(journal)).values())
    await journal.compact()
    assert path.stat().st_size < 100_000
    assert (tmp_path / "journal.sqlite3-wal").stat().st_size == 0


@pytest.mark.parametrize("size", [20, 3_000])
async def test_what_is_forgotten_is_not_left_in_the_file(
    journal: DiskJournal, tmp_path: Path, size: int
) -> None:
    """Neither in free pages nor in the gaps of others, once the journal is compacted."""
    note = "xylophone" * (size // 9)
    await append(journal, tap(1), tap(2, data=note), tap(3))
    positions = await seqs(journal)
    await append(journal, tap(4))
    await journal.compact()
    files = [tmp_path / f"journal.sqlite3{suffix}" for suffix in ("", "-wal")]
    assert any(b"xylophone" in path.read_bytes() for path in files)
    await journal.finish([positions[2]])
    await journal.compact()
    assert not any(b"xylophone" in path.read_bytes() for path in files)
    assert len(await pending(journal)) == 3


async def test_a_second_reader_sees_what_is_committed(journal: DiskJournal, tmp_path: Path) -> None:
    """Another process, such as `stats`, may read and even write while the bot runs."""
    await append(journal, tap(10), tap(11))
    other = DiskJournal(tmp_path / "journal.sqlite3")
    await other.open()
    assert await other.state() == await journal.state()
    await append(journal, tap(12))
    assert (await other.state()).pending == 3
    await other.append([], polled_at=NOW, facts={"note": 1})
    assert (await journal.facts())["note"] == 1
    await other.close()
    assert set(await seqs(journal)) == {10, 11, 12}


async def test_a_full_disk_keeps_what_was_there(journal: DiskJournal) -> None:
    """The batch is refused as a whole with a message about the disk; with space again it is accepted."""
    await append(journal, tap(10))
    db = journal._connection.db
    [page_count] = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {page_count + 1}")
    big = [tap(n, data="x" * 3000) for n in range(20, 60)]
    with pytest.raises(JournalError, match=r"journal\.sqlite3 cannot be written .*full.*free disk space"):
        await append(journal, *big, at=NOW + SECOND)
    assert set(await seqs(journal)) == {10}
    assert (await journal.facts())["last_poll_ms"] == NOW_MS
    db.execute("PRAGMA max_page_count = 1000000")
    assert await append(journal, *big) == 40


async def test_a_read_only_journal_refuses_to_append(journal: DiskJournal) -> None:
    """Nothing is confirmed that is not on disk."""
    await append(journal, tap(10))
    journal._connection.db.execute("PRAGMA query_only = ON")
    for work in (
        append(journal, tap(11)),
        journal.finish([1]),
        journal.failed(1, "defect", give_up=True),
        journal.mark_answered([1]),
        journal.forget("a", 1),
    ):
        with pytest.raises(JournalError, match="cannot be written"):
            await work
    assert set(await seqs(journal)) == {10}


async def test_a_directory_in_the_file_s_place(tmp_path: Path) -> None:
    """The message names the path and says what to choose."""
    path = tmp_path / "journal.sqlite3"
    path.mkdir()
    journal = DiskJournal(path)
    with pytest.raises(JournalError, match=r"journal"):
        await journal.open()
    await journal.close()


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A file where the directory should be is named as such."""
    (tmp_path / "file").write_text("")
    journal = DiskJournal(tmp_path / "file" / "journal.sqlite3")
    with pytest.raises(JournalError, match=r"^DATA_DIR: the journal .* cannot be created .* may write to"):
        await journal.open()
    await journal.close()


@pytest.fixture
def read_only_directory(tmp_path: Path) -> Iterator[Path]:
    """A directory in which nothing can be created."""
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_directory_without_write_access(read_only_directory: Path) -> None:
    """The message says that another user or directory is needed."""
    journal = DiskJournal(read_only_directory / "journal.sqlite3")
    with pytest.raises(JournalError, match="Permission denied"):
        await journal.open()
    await journal.close()


async def test_a_file_that_is_no_journal_is_not_touched(tmp_path: Path) -> None:
    """Garbage in the file's place is an error with the cure, and stays as it was."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"this is no database, and somebody may need it" * 100)
    before = path.read_bytes()
    journal = DiskJournal(path)
    with pytest.raises(JournalError, match=r"journal\.sqlite3.*restore it from a backup"):
        await journal.open()
    assert path.read_bytes() == before
    await journal.close()


async def test_a_journal_that_is_not_open_says_so(tmp_path: Path) -> None:
    """A call before `open` is refused in words."""
    journal = DiskJournal(tmp_path / "journal.sqlite3")
    with pytest.raises(JournalError, match="is not open"):
        await journal.facts()
    await journal.close()


async def test_damage_is_found(tmp_path: Path) -> None:
    """A sound file has none; one whose pages are overwritten says what, in one line."""
    path = tmp_path / "journal.sqlite3"
    journal = DiskJournal(path)
    await journal.open()
    assert await journal.damage() is None
    await append(journal, *(tap(number, data="x" * 500) for number in range(200)))
    await journal.close()
    page = 4096
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * page)
        file.write(b"\xff" * 2 * page)
    journal = DiskJournal(path)
    await journal.open()
    damage = await journal.damage()
    await journal.close()
    assert damage is not None
    assert "\n" not in damage


async def test_what_fails_after_its_caller_was_cancelled_is_no_defect(journal: DiskJournal) -> None:
    """Nobody waits for it any more, and nothing is confirmed on its account."""
    begun, may_end, said = threading.Event(), threading.Event(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))

    def fail(_: sqlite3.Connection) -> None:
        begun.set()
        may_end.wait(5)
        raise sqlite3.OperationalError("database or disk is full")

    task = asyncio.create_task(journal._read(fail))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    await journal.facts()  # the same thread does it, afterwards
    del task
    gc.collect()
    assert said == []
