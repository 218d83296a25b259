"""One service on a data directory: whoever has its journal open for writing has the directory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bot.core.shared.clock import Clock
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal_connection import take
from bot.store.inbox.journal_file import is_taken

_LOCK_BEFORE = "run.lock"


def journal_file(data_dir: Path) -> Path:
    """Where the journal of a data directory is."""
    return data_dir / "journal.sqlite3"


@asynccontextmanager
async def open_journal(
    data_dir: Path, clock: Clock | None = None, *, may_make: bool = True
) -> AsyncIterator[DiskJournal]:
    """The journal of a data directory, closed at the end.

    Args:
        clock: of the service that has it; None opens it beside a service.
        may_make: see `Journal`.

    Raises:
        ConfigError: another service has it.
    """
    journal = DiskJournal(journal_file(data_dir), clock, may_make=may_make)
    with contextlib.nullcontext() if clock is None else _locked_as_before(data_dir):
        try:
            await journal.open()
            yield journal
        finally:
            await journal.close()


@contextmanager
def _locked_as_before(data_dir: Path) -> Iterator[None]:
    """The release before knows this lock alone; beside it on one journal, either would lose entries. What
    counts is that the journal's own file is locked: this can go when nobody comes from that release any more.
    """
    lock = take(data_dir / _LOCK_BEFORE)
    try:
        yield
    finally:
        lock.release()


def is_served(data_dir: Path) -> bool:
    """Whether a bot is running on this data directory. To be asked before its journal is opened here."""
    return any(is_taken(path) for path in (journal_file(data_dir), data_dir / _LOCK_BEFORE))
