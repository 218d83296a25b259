"""A journal that is gone, replaced or shortened: put back while it is open, else noticed by number."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app.instance_lock import is_served, open_journal
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import (
    LOST_AFTER,
    JournalLoss,
    JournalNumbers,
    KnownJournal,
    loss_of,
    lost_journals,
    missing,
)
from bot.core.inbox.journal_loss_texts import lacks
from bot.core.shared.clock import to_ms
from bot.core.shared.errors import ConfigError, JournalError
from bot.core.telegram.updates import TAP_LIFETIME
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import GAP_FACT, LOSS_AT, read_loss
from bot.store.inbox.journal_file import JournalFile, is_taken, read_witness
from bot.store.inbox.journal_table import IDENTITY_FACT

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)


def tap(update_id: int) -> dict[str, Any]:
    """An update with a callback query."""
    return {"update_id": update_id, "callback_query": {"id": f"q{update_id}", "data": "x" * 300}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "data" / "journal.sqlite3"


async def opened(path: Path) -> DiskJournal:
    """The journal of a service."""
    journal = DiskJournal(path, lambda: NOW)
    await journal.open()
    return journal


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[DiskJournal]:
    """One that was opened by a service."""
    journal = await opened(path)
    yield journal
    await journal.close()


async def append(journal: DiskJournal, *ids: int) -> None:
    """What a poll brought."""
    await journal.append([tap(number) for number in ids], polled_at=NOW)


async def pending(journal: DiskJournal) -> list[int]:
    """The unprocessed updates, by id."""
    return [entry.update["update_id"] for entry in await journal.pending(after=0, limit=100_000)]


def on_disk(path: Path) -> list[int]:
    """The updates that a restart would find: in a copy of the files, so that nothing is changed in them."""
    copy = path.parent.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for suffix in ("", "-wal"):
        if (file := Path(f"{path}{suffix}")).exists():
            shutil.copy(file, copy / f"journal.sqlite3{suffix}")
    with closing(sqlite3.connect(copy / "journal.sqlite3")) as db:
        return [found for (found,) in db.execute("SELECT update_id FROM updates ORDER BY seq")]


def run(program: str, path: Path) -> str:
    """What a program prints that is run in a process of its own."""
    head = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from bot.store.inbox.disk_journal import DiskJournal\n"
        "from bot.store.inbox.journal_file import is_taken\npath = Path(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", head + program, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o777


def put_foreign(path: Path) -> None:
    """Another file in its place."""
    unlink_all(path)
    path.write_bytes(FOREIGN)


def copy_to(path: Path, target: Path) -> None:
    """The file without its log."""
    shutil.copy(path, target)


def read(path: Path) -> bytes:
    """What is in a file."""
    return path.read_bytes()


FOREIGN = b"this is no database, and somebody may need it" * 100


def kill(journal: DiskJournal) -> None:
    """End it as a kill would: nothing is carried over, nothing checkpointed.

    SQLite shares what it knows of a file within a process; so the files are put back as copies.
    """
    assert journal._connection._file is not None
    folder = journal._path.parent
    for file in (*folder.iterdir(),):
        copy = file.with_name(f"{file.name}.copy")
        shutil.copy(file, copy)
        copy.rename(file)
    (folder / "journal.sqlite3-shm").unlink()  # it is made anew after a kill
    os.close(journal._connection._file._fd)
    journal._connection._file = None
    _KILLED.append(journal._connection._db)  # closing it would tidy up
    journal._connection._db = None


_KILLED: list[object] = []


# While it is open


def unlink_file(path: Path) -> None:
    """The file alone."""
    path.unlink()


def unlink_all(path: Path) -> None:
    """The file with its log."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def remove_directory(path: Path) -> None:
    """DATA_DIR."""
    shutil.rmtree(path.parent)


def move_directory(path: Path) -> None:
    """DATA_DIR, to somewhere else."""
    path.parent.rename(path.parent.with_name("moved"))


def swap_volume(path: Path) -> None:
    """DATA_DIR is another, empty one."""
    move_directory(path)
    path.parent.mkdir()


def unlink_log(path: Path) -> None:
    """The write-ahead log."""
    Path(f"{path}-wal").unlink()


def unlink_index(path: Path) -> None:
    """The index of the log."""
    Path(f"{path}-shm").unlink()


GONE = (unlink_file, unlink_all, remove_directory, move_directory, swap_volume, unlink_log, unlink_index)


@pytest.mark.parametrize("harm", GONE)
@pytest.mark.parametrize("by", ["append", "receive", "check", "ask", "finish"])
async def test_a_journal_that_is_gone_is_put_back(
    harm: Callable[[Path], None],
    by: str,
    path: Path,
    journal: DiskJournal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever comes next puts it back with all that it held, before anything is confirmed."""
    await append(journal, 1, 2, 3)
    await append(journal, 4)
    harm(path)
    held = [1, 2, 3, 4]
    match by:
        case "append":
            await append(journal, 5)
            held.append(5)
        case "receive":
            await journal.receive([tap(5)], received_at=NOW)
            held.append(5)
        case "check":
            await journal.check_writable()
        case "ask":
            assert await journal.is_kept()
        case _:
            await journal.finish([])
            await journal.finish([1])
            held.remove(1)
    assert on_disk(path) == held
    assert mode(path) == 0o600
    assert harm is swap_volume or mode(path.parent) == 0o700
    (said,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert "it is put back, with 4 unprocessed updates" in said
    # It goes on like any other.
    await append(journal, 6)
    await journal.finish([2])
    assert await pending(journal) == [number for number in [*held, 6] if number != 2]
    assert on_disk(path) == await pending(journal)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        *("journal.sqlite3", "journal.sqlite3-shm", "journal.sqlite3-wal", "journal.witness")
    ]
    kill(journal)
    again = await opened(path)
    assert LOSS_AT not in await again.facts()
    assert await pending(again) == on_disk(path)
    await again.close()


async def test_it_is_put_back_at_the_end_too(path: Path) -> None:
    """An orderly stop just after the file went."""
    journal = await opened(path)
    await append(journal, 1, 2)
    shutil.rmtree(path.parent)
    await journal.close()
    assert on_disk(path) == [1, 2]


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("number", [3, 2_000])
async def test_what_was_wiped_in_place_is_put_back_or_told(
    suffix: str, number: int, path: Path, journal: DiskJournal, caplog: pytest.LogCaptureFixture
) -> None:
    """What SQLite still has in memory is enough for a small one; of a large one it is said what is lost."""
    await append(journal, *range(1, number + 1))
    os.truncate(f"{path}{suffix}", 0)
    await append(journal, number + 1)
    facts = await journal.facts()
    if LOSS_AT not in facts:
        assert await pending(journal) == on_disk(path) == list(range(1, number + 2))
        assert "it is put back" in caplog.text
    else:
        assert await pending(journal) == on_disk(path) == [number + 1]
        assert read_loss(facts) == (JournalLoss(1, number), NOW)
        assert f"lacks the entries 1 to {number}" in caplog.text
        assert [*path.parent.glob("journal.sqlite3.damaged-*")]
    entry = (await journal.pending(after=0, limit=10_000))[-1]
    assert entry.seq > number


def fill_beside_log(path: Path) -> None:
    """The file alone."""
    path.write_bytes(bytes(path.stat().st_size))


def cut(journal: DiskJournal) -> None:
    """Nothing is left in the file, nor in its log, nor in what SQLite has in memory."""
    path = journal._path
    journal._connection.db.execute("PRAGMA shrink_memory")
    for suffix in ("", "-wal"):
        os.truncate(f"{path}{suffix}", 0)


@pytest.mark.parametrize("by", ["append", "receive"])
async def test_what_is_lost_before_it_may_be_confirmed_is_not_kept(
    by: str, path: Path, journal: DiskJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut just after the commit: the batch is refused, so that it comes again, and is kept then."""
    batch, commit = [tap(1), tap(2)], journal._connection.commit

    def commit_and_cut(work: Callable[[sqlite3.Connection], Any]) -> Any:
        result = commit(work)
        monkeypatch.undo()
        cut(journal)
        return result

    monkeypatch.setattr(journal._connection, "commit", commit_and_cut)
    with pytest.raises(JournalError, match=r"lost what it had just taken.*comes again"):
        await (
            journal.append(batch, polled_at=NOW)
            if by == "append"
            else journal.receive(batch, received_at=NOW)
        )
    assert await journal.append(batch, polled_at=NOW) == 2
    assert await pending(journal) == on_disk(path) == [1, 2]
    assert read_loss(await journal.facts()) == (JournalLoss(1, 2), NOW)


async def test_what_was_kept_aside_is_not_overwritten(path: Path, journal: DiskJournal) -> None:
    """Twice in one second."""
    for number in (1, 2):
        await append(journal, number)
        cut(journal)
        assert not await journal.is_kept()
    left = [*path.parent.glob("journal.sqlite3.damaged-*")]
    assert len([it for it in left if not it.name.endswith(("-wal", "-shm"))]) == 2


async def test_what_was_lost_is_not_called_kept(journal: DiskJournal) -> None:
    """Cut at rest: neither by who notices, nor, of what was read before, when others are kept since."""
    await append(journal, 1, 2)
    first = (await journal.pending(after=0, limit=1))[0].seq
    cut(journal)
    assert not await journal.is_kept()
    await append(journal, 3)
    assert not await journal.is_kept(first)
    assert await journal.is_kept((await journal.pending(after=0, limit=1))[0].seq)
    assert await journal.is_kept()


@pytest.mark.parametrize("harm", [fill_beside_log, unlink_all])
@pytest.mark.parametrize("step", ["note_loss", "opened"])
async def test_a_new_journal_that_cannot_be_begun_is_begun_later(
    step: str, harm: Callable[[Path], None], path: Path, journal: DiskJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in use stays in use until then, so that what it lacks is noted when the new one is there."""
    await append(journal, 1, 2)
    identity, file = journal.identity, journal._connection._file
    monkeypatch.setattr(journal._connection, "_copy", lambda *_: False)
    harm(path)
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(journal._connection if step == "note_loss" else JournalFile, step, fail)
        for _ in range(2):
            with pytest.raises(JournalError, match="No space left"):
                await append(journal, 3)
            assert journal._connection._file is file
            assert not await journal.is_kept()
    await append(journal, 3)
    assert read_loss(await journal.facts()) == (JournalLoss(1, 2), NOW)
    assert journal.identity == identity
    assert await pending(journal) == on_disk(path) == [3]
    assert read_witness(path) == (identity, JournalNumbers(3, 2))


@pytest.mark.parametrize("harm", [unlink_log, unlink_all])
@pytest.mark.parametrize("step", ["_sync_folder", "opened"])
async def test_a_carry_over_that_fails_is_tried_again(
    step: str, harm: Callable[[Path], None], path: Path, journal: DiskJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the copy stands at the path already."""
    await append(journal, 1, 2)
    harm(path)
    done: list[int] = []
    work = getattr(JournalFile, step)

    def fail(file: JournalFile) -> None:
        done.append(1)
        if len(done) in {1, 3}:
            raise OSError(errno.EIO, "Input/output error")
        work(file)

    monkeypatch.setattr(JournalFile, step, fail)
    for _ in range(2):
        with pytest.raises(JournalError, match="Input/output error"):
            await append(journal, 3)
        done.append(1)
    await append(journal, 3)
    assert await pending(journal) == on_disk(path) == [1, 2, 3]
    assert LOSS_AT not in await journal.facts()
    assert not [*path.parent.glob("*.carried-over")]


async def test_a_foreign_file_is_left_alone(path: Path, journal: DiskJournal) -> None:
    """Nothing is confirmed while another file stands there; once it is gone, the own one is put back."""
    await append(journal, 1, 2)
    put_foreign(path)
    for work in (
        append(journal, 3),
        journal.receive([tap(3)], received_at=NOW),
        journal.check_writable(),
    ):
        with pytest.raises(JournalError, match=r"another was put in its place; move that away"):
            await work
    assert not await journal.is_kept()
    assert read(path) == FOREIGN
    assert await pending(journal) == [1, 2]
    await journal.finish([1])  # what is processed is not processed again
    unlink_file(path)
    await append(journal, 3)
    assert on_disk(path) == [2, 3]


async def test_what_a_foreign_file_hides_at_the_end_is_left_beside_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An orderly stop keeps what only the process could still read."""
    journal = await opened(path)
    await append(journal, 1, 2)
    put_foreign(path)
    await journal.close()
    (left,) = path.parent.glob("journal.sqlite3.left-over-*")
    assert left.name in caplog.text
    with closing(sqlite3.connect(left)) as db:
        assert db.execute("SELECT count(*) FROM updates").fetchone() == (2,)


async def test_a_place_that_cannot_be_written_is_tried_again(path: Path, journal: DiskJournal) -> None:
    """Where DATA_DIR cannot be made, nothing is confirmed until it can."""
    await append(journal, 1)
    shutil.rmtree(path.parent)
    path.parent.write_text("a file in its place")
    with pytest.raises(JournalError, match="cannot be written or read"):
        await append(journal, 2)
    assert not await journal.is_kept()
    path.parent.unlink()
    await append(journal, 2)
    assert on_disk(path) == [1, 2]


@pytest.mark.parametrize("harm", [None, unlink_file, unlink_log])
async def test_only_one_service_has_a_journal(
    harm: Callable[[Path], None] | None, path: Path, journal: DiskJournal
) -> None:
    """A second one is refused; no file that can be deleted lets it in. Commands may look."""
    await append(journal, 1)
    if harm is not None:
        harm(path)
        await journal.check_writable()
    for name in ("run.lock", "journal.witness"):
        (path.parent / name).unlink(missing_ok=True)
    second = DiskJournal(path, lambda: NOW)
    with pytest.raises(ConfigError, match="DATA_DIR: another bot is running on"):
        await second.open()
    await second.close()
    assert run("print(is_taken(path))", path) == "True\n"
    beside = DiskJournal(path)
    await beside.open()
    assert await pending(beside) == [1]
    await beside.close()


@contextmanager
def locked_by_the_release_before(folder: Path) -> Iterator[None]:
    """As it did it: it knows no other lock."""
    with (folder / "run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


async def test_the_release_before_has_no_journal_with_this_one(path: Path) -> None:
    """Neither starts while the other runs; commands see either, and look beside it."""
    folder = path.parent
    folder.mkdir()
    with locked_by_the_release_before(folder):
        assert is_served(folder)
        with pytest.raises(ConfigError, match="DATA_DIR: another bot is running on"):
            async with open_journal(folder, lambda: NOW):
                pass
        async with open_journal(folder):
            pass
    assert not is_served(folder)
    async with open_journal(folder, lambda: NOW):
        assert is_served(folder)
        with pytest.raises(BlockingIOError), locked_by_the_release_before(folder):
            pass
    with locked_by_the_release_before(folder):
        pass


async def test_nobody_has_a_journal_that_is_closed(path: Path) -> None:
    """Nor one that is not there."""
    assert not is_taken(path)
    await (await opened(path)).close()
    assert not is_taken(path)


async def test_a_command_beside_the_service_does_not_take_the_log_away(
    path: Path, journal: DiskJournal
) -> None:
    """The descriptors that another process opens and closes leave SQLite's own locks as they are."""
    await append(journal, 1)
    program = (
        "async def main():\n assert is_taken(path)\n journal = DiskJournal(path)\n await journal.open()\n"
        " print((await journal.state()).pending)\n await journal.close()\nasyncio.run(main())"
    )
    assert run(program, path) == "1\n"
    assert read(Path(f"{path}-wal"))
    await append(journal, 2)
    assert on_disk(path) == [1, 2]


async def test_a_command_makes_no_journal(path: Path) -> None:
    """It would stand where a service puts its own back."""
    journal = DiskJournal(path, may_make=False)
    await journal.open()
    assert (await journal.state()).pending == 0
    await journal.close()
    assert not path.parent.exists()


# Between starts


async def test_the_witness_is_never_ahead(path: Path, journal: DiskJournal) -> None:
    """It has the numbers of the journal after each step."""
    assert read_witness(path) == (journal.identity, JournalNumbers(0, 0))
    await append(journal, 1, 2, 3)
    assert read_witness(path) == (journal.identity, JournalNumbers(3, 0))
    await journal.finish([1, 3])
    assert read_witness(path) == (journal.identity, JournalNumbers(3, 1))
    await journal.failed(2, "defect", give_up=True)
    assert read_witness(path) == (journal.identity, JournalNumbers(3, 3))
    size = (path.parent / "journal.witness").stat().st_size
    await append(journal, *range(10, 200))
    assert (path.parent / "journal.witness").stat().st_size == size


async def test_a_sound_journal_goes_on_silently(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a kill, after an orderly stop, and after an upgrade from a version without a witness."""
    journal = await opened(path)
    identity = journal.identity
    await append(journal, 1, 2)
    kill(journal)
    journal = await opened(path)
    assert journal.identity == identity
    await journal.close()
    (path.parent / "journal.witness").unlink()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM facts WHERE name = ?", (IDENTITY_FACT,))
    journal = await opened(path)
    assert journal.identity != identity
    assert await pending(journal) == [1, 2]
    assert LOSS_AT not in await journal.facts()
    await journal.close()
    assert not caplog.records


def zero(path: Path) -> None:
    """The file has no content any more, nor a log."""
    unlink_all(path)
    path.touch()


def zero_beside_log(path: Path) -> None:
    """The file has no content any more, but its log has."""
    path.write_bytes(b"")


def fill_with_zeros(path: Path) -> None:
    """As after a crash of some file systems; its log is gone, too."""
    unlink_log(path)
    fill_beside_log(path)


@pytest.mark.parametrize(
    ("harm", "is_kept_aside"),
    [
        (unlink_all, False),
        (zero, False),
        (zero_beside_log, True),
        (fill_with_zeros, True),
    ],
)
async def test_a_journal_that_was_lost_is_told_by_number(
    harm: Callable[[Path], None],
    is_kept_aside: bool,
    path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The service starts, says what is missing, notes an absence, and numbers go on above."""
    journal = await opened(path)
    identity = journal.identity
    await append(journal, *range(1, 31))
    await journal.finish([1, 2, 3])
    kill(journal)
    harm(path)
    journal = await opened(path)
    facts = await journal.facts()
    assert read_loss(facts) == (JournalLoss(4, 30), NOW)
    assert facts[GAP_FACT] == to_ms(NOW + TAP_LIFETIME)
    assert journal.identity == identity
    assert "lacks the entries 4 to 30" in caplog.text
    assert "27 updates" in caplog.text
    assert bool([*path.parent.glob("journal.sqlite3.damaged-*")]) is is_kept_aside
    await append(journal, 31)
    (entry,) = await journal.pending(after=0, limit=10)
    assert entry.seq > 30
    await journal.close()
    caplog.clear()
    journal = await opened(path)  # it is told once
    assert (await journal.facts())[LOSS_AT] == to_ms(NOW)
    await journal.close()
    assert not caplog.records


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_kill_while_it_is_put_back(
    is_there: bool, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy is of no use when the journal is there; else it may be all that is left, and is kept."""
    journal = await opened(path)
    await append(journal, 1)
    kill(journal)
    copy_to(path, path.with_name("journal.sqlite3.carried-over"))
    if not is_there:
        unlink_all(path)
    await (await opened(path)).close()
    assert not [*path.parent.glob("*.carried-over")]
    left = [*path.parent.glob("*.left-over-*")]
    assert len(left) == (not is_there)
    assert is_there or left[0].name in caplog.text


def cut_log(path: Path) -> None:
    """The first transactions are left in the log."""
    log = Path(f"{path}-wal")
    os.truncate(log, log.stat().st_size // 2)


@pytest.mark.parametrize("harm", [unlink_log, cut_log, unlink_all])
async def test_a_kill_when_all_was_copied(
    harm: Callable[[Path], None], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log goes before the copy takes the journal's place; then the copy is the journal."""
    journal = await opened(path)
    for number in range(1, 41):
        await append(journal, number)
    with closing(sqlite3.connect(path.with_name("journal.sqlite3.carried-over"))) as copy:
        assert journal._connection._db is not None
        journal._connection._db.backup(copy)
    kill(journal)
    harm(path)
    journal = await opened(path)
    assert await pending(journal) == on_disk(path) == [*range(1, 41)]
    assert LOSS_AT not in await journal.facts()
    assert "is put back" in caplog.text
    assert not [*path.parent.glob("*.carried-over*")]
    await append(journal, 41)
    await journal.close()
    await (again := await opened(path)).close()
    assert again.numbers == JournalNumbers(41, 0)


# What could hold up its thread


async def test_a_copy_that_somebody_has_locked_is_given_up(path: Path, journal: DiskJournal) -> None:
    """And tried again."""
    await append(journal, 1)
    target = path.with_name("copy")
    with closing(sqlite3.connect(target, isolation_level=None)) as other:
        other.execute("CREATE TABLE a (b)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM a").fetchall()
        with pytest.raises(JournalError, match="another program has locked it"):
            await asyncio.wait_for(
                journal._run(lambda: journal._connection._copy(journal._connection.db, target)), 20
            )


async def test_a_file_that_is_never_the_one_at_the_path_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems do not know their files again."""
    count = iter(range(10_000))
    monkeypatch.setattr("bot.store.inbox.journal_file._inode", lambda _: next(count))
    journal = DiskJournal(path, lambda: NOW)
    with pytest.raises(ConfigError, match=r"DATA_DIR: .* cannot be used"):
        await journal.open()
    await journal.close()


async def test_pages_that_cannot_be_given_back_are_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that another program has rewritten whole gives nothing back."""
    journal = await opened(path)
    await append(journal, *range(1, 2_000))
    await journal.finish(range(1, 2_000))
    await append(journal)
    await journal.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    again = await opened(path)
    await append(again, *range(2_000, 4_000))
    await again.finish(range(2_000, 4_000))
    await append(again)
    monkeypatch.setattr(JournalFile, "free", 0)
    with pytest.raises(JournalError, match="takes no more"):
        await asyncio.wait_for(append(again, 5_000), 100)
    monkeypatch.undo()
    await again.close()


@pytest.mark.parametrize("number", [30, 3_000])
async def test_a_file_that_its_log_makes_whole_is_used(number: int, path: Path) -> None:
    """Where all is in the log nothing is lost; else the rest is kept aside."""
    journal = await opened(path)
    await append(journal, *range(1, 31))
    for first in range(31, number, 100):
        await append(journal, *range(first, first + 100))
    last = journal.numbers.last
    kill(journal)
    fill_beside_log(path)
    journal = await opened(path)
    is_whole = last == 30
    assert await pending(journal) == [*range(1, 31)] * is_whole
    found = read_loss(await journal.facts())
    assert (found and found[0]) == (None if is_whole else JournalLoss(1, last))
    assert len([*path.parent.glob("*.damaged-*")]) == (not is_whole)
    await append(journal, 10_000)
    await journal.close()


async def test_a_lost_log_is_told_by_number(path: Path) -> None:
    """What was in the file itself is still there."""
    journal = await opened(path)
    await append(journal, 1, 2)
    await journal.compact()
    await append(journal, 3, 4, 5)
    kill(journal)
    unlink_log(path)
    journal = await opened(path)
    assert await pending(journal) == [1, 2]
    assert read_loss(await journal.facts()) == (JournalLoss(3, 5), NOW)
    await journal.close()


async def test_an_older_copy_is_told_by_number(path: Path, tmp_path: Path) -> None:
    """Only what was not done when it was lost is missing; where nothing is, nothing is told."""
    journal = await opened(path)
    await append(journal, 1, 2)
    await journal.close()
    shutil.copy(path, tmp_path / "copy.sqlite3")
    journal = await opened(path)
    await append(journal, 3, 4, 5)
    await journal.finish([1, 2, 3])
    await journal.close()
    shutil.copy(tmp_path / "copy.sqlite3", path)
    journal = await opened(path)
    assert read_loss(await journal.facts()) == (JournalLoss(4, 5), NOW)
    assert await pending(journal) == [1, 2]
    await journal.finish([1, 2])
    await journal.close()
    journal = await opened(path)
    await journal.forget(LOSS_AT, to_ms(NOW))
    await journal.close()
    shutil.copy(tmp_path / "copy.sqlite3", path)
    journal = await opened(path)
    assert LOSS_AT not in await journal.facts()
    await append(journal, 9)
    assert [entry.seq for entry in await journal.pending(after=2, limit=9)] == [6]
    await journal.close()


async def test_another_journal_in_its_place_is_told_by_number(path: Path, tmp_path: Path) -> None:
    """Of the one that was there all that was not done is missing; the other one is worked off."""
    other = await opened(tmp_path / "other" / "journal.sqlite3")
    await append(other, *range(100, 120))
    await other.close()
    journal = await opened(path)
    await append(journal, 1, 2)
    await journal.finish([1])
    await journal.close()
    shutil.copy(tmp_path / "other" / "journal.sqlite3", path)
    journal = await opened(path)
    assert journal.identity == other.identity
    assert read_loss(await journal.facts()) == (JournalLoss(2, 2), NOW)
    assert await pending(journal) == [*range(100, 120)]
    await journal.close()


async def test_a_file_that_is_no_journal_is_refused_where_none_was(path: Path) -> None:
    """Garbage that nobody knows as a journal is somebody else's: it stays, and the start says so."""
    path.parent.mkdir()
    put_foreign(path)
    journal = DiskJournal(path, lambda: NOW)
    with pytest.raises(JournalError, match=r"journal\.sqlite3.*move it away"):
        await journal.open()
    await journal.close()
    assert read(path) == FOREIGN


async def test_a_witness_that_cannot_be_read_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And written anew."""
    await (await opened(path)).close()
    (path.parent / "journal.witness").write_text("{")
    journal = await opened(path)
    assert "journal.witness cannot be read" in caplog.text
    assert read_witness(path) == (journal.identity, JournalNumbers(0, 0))
    await journal.close()


# Room


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here ({done.stderr.strip()[-80:]})")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=False, capture_output=True)


@pytest.mark.parametrize("size", [300, 3_000, 30_000])
async def test_a_disk_that_the_journal_filled_drains_without_help(size: int, small_disk: Path) -> None:
    """It refuses in time, so that there is room to work off what it holds; then it takes updates again."""
    journal = await opened(small_disk / "data" / "journal.sqlite3")
    number = 0
    for _ in range(3):
        batch: list[dict[str, Any]] = []
        with pytest.raises(JournalError, match=r"takes no more: \d+ KiB are free"):  # noqa: PT012
            while True:
                batch = [{**tap(number + i), "padding": "x" * size} for i in range(max(1, 30_000 // size))]
                await journal.append(batch, polled_at=NOW)
                number += len(batch)
        with pytest.raises(JournalError, match="takes no more"):
            await journal.check_writable()
        entries = await journal.pending(after=0, limit=100_000)
        assert [entry.update["update_id"] for entry in entries][-1] == number - 1
        await journal.mark_answered(entry.seq for entry in entries)
        await journal.finish(entry.seq for entry in entries)
        await journal.check_writable()
        assert await journal.append(batch, polled_at=NOW) == len(batch)
        number += len(batch)
    await journal.close()


# What is missing


def test_what_is_missing() -> None:
    """What was given out and not done, as far as it is above what is there."""
    assert missing(JournalNumbers(10, 4), 10) is None
    assert missing(JournalNumbers(10, 4), 12) is None
    assert missing(JournalNumbers(10, 4), 0) == JournalLoss(5, 10)
    assert missing(JournalNumbers(10, 4), 8) == JournalLoss(9, 10)
    assert missing(JournalNumbers(10, 10), 0) is None
    assert JournalLoss(5, 10).number == 6


def test_journals_that_were_in_this_place() -> None:
    """By host and path; not this one itself, nor what was told, nor what was heard of since."""
    second, numbers = timedelta(seconds=1), JournalNumbers(9, 1)
    for known_for, ago in ((timedelta(), LOST_AFTER), (LOST_AFTER + second, LOST_AFTER + second)):
        others = [
            KnownJournal("b", "host", "/data", numbers, ago),
            KnownJournal("c", "other", "/data", numbers, ago),
            KnownJournal("d", "host", "/else", numbers, ago),
            KnownJournal("e", "host", "/data", numbers, ago, is_gone=True),
            KnownJournal("f", "host", "/data", numbers, ago - second),
        ]
        mine = KnownJournal("a", "host", "/data", JournalNumbers(), timedelta(), known_for)
        assert [lost.identity for lost in lost_journals("a", [mine, *others])] == ["b"]
        assert lost_journals("a", others) == []


def test_what_is_missing_with_a_whole_journal() -> None:
    """What came after MongoDB was told last is not known, unless the service was stopped in order."""
    numbers = JournalNumbers(9, 4)
    assert loss_of(KnownJournal("a", "h", "/", numbers)) == JournalLoss(5, 9, is_open=True)
    assert loss_of(KnownJournal("a", "h", "/", numbers, is_closed=True)) == JournalLoss(5, 9)
    assert loss_of(KnownJournal("a", "h", "/", JournalNumbers(9, 9))) == JournalLoss(10, 9, is_open=True)
    assert loss_of(KnownJournal("a", "h", "/", JournalNumbers(9, 9), is_closed=True)) is None


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (JournalLoss(4, 30), "the entries 4 to 30 (up to 27 updates)"),
        (JournalLoss(4, 4, is_open=True), "the entries 4 to 4 (up to 1 update) and perhaps later ones"),
        (JournalLoss(10, 9, is_open=True), "everything after entry 9, nobody knows how much"),
    ],
)
def test_how_it_is_said(loss: JournalLoss, said: str) -> None:
    """By number."""
    assert lacks(loss, Language.EN) == said
    assert lacks(loss, Language.ES) != said
