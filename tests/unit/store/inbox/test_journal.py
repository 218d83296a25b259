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
from bot.store.inbox import journal_table
from bot.store.inbox.journal import Journal, JournalState
from bot.store.inbox.journal_table import Entry

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
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """An open journal."""
    journal = Journal(tmp_path / "journal.sqlite3")
    await journal.open()
    yield journal
    await journal.close()


async def append(journal: Journal, *updates: object, at: datetime = NOW) -> int:
    """Append what a poll brought."""
    return await journal.append(updates, polled_at=at)


async def pending(journal: Journal) -> list[Entry]:
    """All unprocessed entries."""
    return await journal.pending(after=0, limit=1_000_000)


async def seqs(journal: Journal) -> dict[int, int]:
    """Positions of the unprocessed entries by update id."""
    return {entry.update["update_id"]: entry.seq for entry in await pending(journal)}


def rows(path: Path) -> int:
    """How many rows the file really holds."""
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT count(*) FROM updates").fetchone()[0])
    finally:
        db.close()


async def test_a_new_journal_is_empty_and_private(journal: Journal, tmp_path: Path) -> None:
    """Nothing pending, no facts; only the owner may read the file."""
    assert await pending(journal) == []
    assert await journal.facts() == {}
    assert await journal.state() == JournalState(0, 0, 0, None)
    assert (tmp_path / "journal.sqlite3").stat().st_mode & 0o777 == 0o600


async def test_what_is_appended_is_pending_in_order(journal: Journal) -> None:
    """Entries keep the update, its time of receipt to the millisecond, and the order of arrival."""
    updates = [tap(12, data="\ud800 \x00 ü"), message(10), tap(11)]
    assert await append(journal, *updates) == 3
    entries = await pending(journal)
    assert [entry.update for entry in entries] == updates
    assert {(entry.received_at, entry.answered, entry.attempts) for entry in entries} == {(NOW, False, 0)}
    first, second, third = (entry.seq for entry in entries)
    assert first < second < third
    assert [e.seq for e in await journal.pending(after=first, limit=1)] == [second]
    assert await journal.state() == JournalState(3, 0, 0, NOW)
    assert await journal.facts() == {"last_poll_ms": NOW_MS}


async def test_a_redelivery_before_confirmation_is_recognised(journal: Journal) -> None:
    """The same update again changes neither its place nor its time, processed meanwhile or not."""
    await append(journal, tap(10), tap(11))
    before = await pending(journal)
    assert await append(journal, tap(10), tap(11), tap(12), at=NOW + SECOND) == 1
    assert (await pending(journal))[:2] == before
    await journal.finish([before[0].seq])
    assert await append(journal, tap(10), at=NOW + SECOND) == 0
    assert set(await seqs(journal)) == {11, 12}


async def test_a_batch_with_one_update_twice_is_stored_once(journal: Journal) -> None:
    """Repetition within a batch is recognised too."""
    assert await append(journal, tap(10), tap(10)) == 1
    assert len(await pending(journal)) == 1


async def test_a_poll_confirms_the_last_batch_and_brings_the_next(journal: Journal) -> None:
    """What does not come again is confirmed, what the poll brought is not."""
    await append(journal, tap(10), tap(11))
    assert await append(journal, tap(12)) == 1
    assert await append(journal, tap(12)) == 0
    assert set(await seqs(journal)) == {10, 11, 12}


async def test_an_id_that_comes_again_after_confirmation_is_a_new_update(journal: Journal) -> None:
    """Telegram restarts ids at random, so a confirmed id may be used again, pending or done before."""
    await append(journal, tap(10))
    await append(journal)
    assert await append(journal, tap(10, data="new"), at=NOW + SECOND) == 1
    assert [entry.update["callback_query"].get("data") for entry in await pending(journal)] == [None, "new"]


async def test_another_update_under_an_unconfirmed_id_is_no_redelivery(journal: Journal) -> None:
    """After a restart against a server whose ids began anew, nothing is taken for what it is not."""
    await append(journal, tap(10, data="old"))
    await journal.finish((await seqs(journal)).values())
    assert await append(journal, tap(10, data="new"), tap(3)) == 2
    assert [entry.update["callback_query"].get("data") for entry in await pending(journal)] == ["new", None]


async def test_ids_that_restart_lower_are_accepted_with_the_confirming_poll(journal: Journal) -> None:
    """The poll that confirms high ids may already bring low ones; they are kept."""
    await append(journal, tap(1_000_000))
    assert await append(journal, tap(5)) == 1
    assert await append(journal) == 0
    assert set(await seqs(journal)) == {1_000_000, 5}


async def test_finished_and_confirmed_in_either_order_is_forgotten(journal: Journal, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "extra", [{}, *({"update_id": value} for value in (None, "7", True, 1.5, 2**63, 2**63 - 1))]
)
async def test_an_update_without_a_usable_id_is_one_dead_letter(
    journal: Journal, extra: dict[str, Any]
) -> None:
    """It can never be confirmed and comes again with every poll: one copy is kept, nothing is processed."""
    odd = {"callback_query": {}, **extra}
    assert await append(journal, odd, tap(10), odd) == 2
    assert await append(journal, odd) == 0
    assert await append(journal, odd) == 0
    assert set(await seqs(journal)) == {10}
    state = await journal.state()
    assert (state.pending, state.dead, state.dead_taps) == (1, 1, 1)


@pytest.mark.parametrize("odd", [None, 7, "text", [1], []])
async def test_what_is_no_object_is_a_dead_letter_too(journal: Journal, odd: object) -> None:
    """It counts among the dead, not among the taps."""
    await append(journal, odd)
    state = await journal.state()
    assert (state.pending, state.dead, state.dead_taps) == (0, 1, 0)


async def test_negative_and_extreme_ids(journal: Journal) -> None:
    """Every 64-bit id above which there is room for an offset is one."""
    assert await append(journal, tap(-(2**63)), tap(2**63 - 2)) == 2
    assert await append(journal) == 0


async def test_failed_tries_are_counted_until_burial(journal: Journal) -> None:
    """A failed entry stays pending with one more attempt; buried it is not tried again."""
    await append(journal, tap(10), tap(11))
    position = (await seqs(journal))[10]
    await journal.failed(position, "defect", give_up=False)
    await journal.failed(position, "defect", give_up=False)
    assert [(e.seq, e.attempts) for e in await pending(journal) if e.attempts] == [(position, 2)]
    await journal.failed(position, "defect", give_up=True)
    assert set(await seqs(journal)) == {11}
    assert await journal.state() == JournalState(1, 1, 1, NOW, NOW)
    await append(journal, tap(10))
    assert set(await seqs(journal)) == {11}


async def test_the_newest_dead_letters_are_kept(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their number is bounded, so that poison cannot fill the disk."""
    monkeypatch.setattr(journal_table, "MAX_DEAD_LETTERS", 3)
    await append(journal, *(tap(n) for n in range(10, 16)))
    await append(journal)
    positions = await seqs(journal)
    for n in range(10, 15):
        await journal.failed(positions[n], "defect", give_up=True)
    state = await journal.state()
    assert (state.pending, state.dead) == (1, 3)
    db = sqlite3.connect(tmp_path / "journal.sqlite3")
    kept = [seq for (seq,) in db.execute("SELECT seq FROM updates WHERE state = 2 ORDER BY seq")]
    db.close()
    assert kept == [positions[12], positions[13], positions[14]]


async def test_dead_letters_without_id_are_bounded_too(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates that never had a usable id obey the same bound."""
    monkeypatch.setattr(journal_table, "MAX_DEAD_LETTERS", 3)
    for n in range(10):
        await append(journal, {"odd": n})
    assert (await journal.state()).dead == 3


async def test_unanswered_taps(journal: Journal) -> None:
    """Taps received before the instant, unprocessed and unanswered, oldest first; messages are none."""
    await append(journal, tap(10), message(11), at=NOW)
    await append(journal, tap(12), at=NOW + SECOND)
    await append(journal, tap(13), tap(14), at=NOW + 2 * SECOND)

    async def waiting(before: datetime, limit: int = 10) -> list[int]:
        return [e.update["update_id"] for e in await journal.unanswered(after=0, before=before, limit=limit)]

    assert await waiting(NOW) == []
    assert await waiting(NOW + timedelta(milliseconds=1)) == [10]
    assert await waiting(NOW + 9 * SECOND) == [10, 12, 13, 14]
    assert await waiting(NOW + 9 * SECOND, limit=2) == [10, 12]
    positions = await seqs(journal)
    await journal.mark_answered([positions[10]])
    await journal.finish([positions[12]])
    await journal.failed(positions[13], "defect", give_up=True)
    assert await waiting(NOW + 9 * SECOND) == [14]
    assert [e.answered for e in await pending(journal) if e.seq == positions[10]] == [True]


async def test_facts(journal: Journal) -> None:
    """Small numbers are set and replaced with a poll, and forgotten if they did not change meanwhile."""
    await journal.append([], polled_at=NOW, facts={"a": 1, "b": 2})
    await journal.append([], polled_at=NOW, facts={"a": 3})
    await journal.forget("a", 1)
    await journal.forget("b", 2)
    assert await journal.facts() == {"a": 3, "last_poll_ms": NOW_MS}


async def test_everything_survives_reopening(tmp_path: Path) -> None:
    """Pending and answered entries, tries, dead letters and facts are on disk."""
    path = tmp_path / "deep" / "er" / "journal.sqlite3"
    first = Journal(path)
    await first.open()
    await first.append([tap(10), tap(11), tap(12), tap(13)], polled_at=NOW, facts={"gap": 5})
    positions = await seqs(first)
    await first.mark_answered([positions[10]])
    await first.failed(positions[11], "defect", give_up=False)
    await first.failed(positions[12], "defect", give_up=True)
    await first.finish([positions[13]])
    before = (await pending(first), await first.state(), await first.facts())
    await first.close()
    second = Journal(path)
    await second.open()
    after = (await pending(second), await second.state(), await second.facts())
    assert after == before
    assert [(e.answered, e.attempts) for e in after[0]] == [(True, 0), (False, 1)]
    assert await append(second, tap(13)) == 0
    await second.close()


async def test_a_crash_loses_nothing_that_append_returned_for(tmp_path: Path, journal: Journal) -> None:
    """A copy of the files, taken while the journal is open, opens with everything appended."""
    await append(journal, *(tap(n) for n in range(50)))
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        (copy / f"j{suffix}").write_bytes((tmp_path / f"journal.sqlite3{suffix}").read_bytes())
    other = Journal(copy / "j")
    await other.open()
    assert set(await seqs(other)) == set(range(50))
    await other.close()


async def test_positions_are_never_used_again(tmp_path: Path) -> None:
    """A new entry stands behind all former ones, also when these are gone and the file was reopened."""
    path = tmp_path / "j"
    journal = Journal(path)
    await journal.open()
    await append(journal, tap(10))
    position = (await seqs(journal))[10]
    await journal.finish([position])
    await append(journal)
    await journal.close()
    journal = Journal(path)
    await journal.open()
    await append(journal, tap(11))
    assert (await seqs(journal))[11] > position
    await journal.close()


async def test_compacting_gives_the_space_back(journal: Journal, tmp_path: Path) -> None:
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
async def test_what_is_forgotten_is_not_left_in_the_file(journal: Journal, tmp_path: Path, size: int) -> None:
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


async def test_a_second_reader_sees_what_is_committed(journal: Journal, tmp_path: Path) -> None:
    """Another process, such as `stats`, may read and even write while the bot runs."""
    await append(journal, tap(10), tap(11))
    other = Journal(tmp_path / "journal.sqlite3")
    await other.open()
    assert await other.state() == await journal.state()
    await append(journal, tap(12))
    assert (await other.state()).pending == 3
    await other.append([], polled_at=NOW, facts={"note": 1})
    assert (await journal.facts())["note"] == 1
    await other.close()
    assert set(await seqs(journal)) == {10, 11, 12}


async def test_a_full_disk_keeps_what_was_there(journal: Journal) -> None:
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


async def test_a_read_only_journal_refuses_to_append(journal: Journal) -> None:
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
    journal = Journal(path)
    with pytest.raises(JournalError, match=r"journal"):
        await journal.open()
    await journal.close()


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A file where the directory should be is named as such."""
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal.sqlite3")
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
    journal = Journal(read_only_directory / "journal.sqlite3")
    with pytest.raises(JournalError, match="Permission denied"):
        await journal.open()
    await journal.close()


async def test_a_file_that_is_no_journal_is_not_touched(tmp_path: Path) -> None:
    """Garbage in the file's place is an error with the cure, and stays as it was."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"this is no database, and somebody may need it" * 100)
    before = path.read_bytes()
    journal = Journal(path)
    with pytest.raises(JournalError, match=r"journal\.sqlite3.*restore it from a backup"):
        await journal.open()
    assert path.read_bytes() == before
    await journal.close()


async def test_a_journal_that_is_not_open_says_so(tmp_path: Path) -> None:
    """A call before `open` is refused in words."""
    journal = Journal(tmp_path / "journal.sqlite3")
    with pytest.raises(JournalError, match="is not open"):
        await journal.facts()
    await journal.close()


async def test_damage_is_found(tmp_path: Path) -> None:
    """A sound file has none; one whose pages are overwritten says what, in one line."""
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    await journal.open()
    assert await journal.damage() is None
    await append(journal, *(tap(number, data="x" * 500) for number in range(200)))
    await journal.close()
    page = 4096
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * page)
        file.write(b"\xff" * 2 * page)
    journal = Journal(path)
    await journal.open()
    damage = await journal.damage()
    await journal.close()
    assert damage is not None
    assert "\n" not in damage


async def test_what_fails_after_its_caller_was_cancelled_is_no_defect(journal: Journal) -> None:
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
