"""A copy of a journal's file: made beside the service that writes it, and read again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.core.shared.errors import JournalError
from bot.store.inbox.journal import DEAD, PENDING

_PAGE = 500


@dataclass(frozen=True, slots=True)
class JournalCopy:
    """What was copied.

    Attributes:
        waiting: updates that were not processed.
    """

    path: Path
    waiting: int


def copy_journal(source: Path, target: Path) -> JournalCopy | None:
    """Copy a journal as it is at one moment, whoever writes it meanwhile; None if there is none.

    Raises:
        JournalError: it cannot be read, or the copy cannot be written.
    """
    if not source.exists() or not source.stat().st_size:
        return None
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(_open(source)) as there, closing(_open(target)) as copy:
            copy.execute("PRAGMA synchronous = OFF")
            there.backup(copy)
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise JournalError(f"the journal {source} is damaged ({' '.join(found.split())})")
            copy.execute("PRAGMA journal_mode = DELETE")  # one file holds it all
            (waiting,) = copy.execute(f"SELECT count(*) FROM updates WHERE state = {PENDING}").fetchone()
            return JournalCopy(target, waiting)
    except (sqlite3.Error, OSError) as exc:
        raise JournalError(f"the journal {source} cannot be copied ({exc})") from None


def _open(path: Path) -> sqlite3.Connection:
    """Never makes a journal where there is none."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=10)


@dataclass(frozen=True, slots=True)
class CopiedUpdate:
    """An update that is to be processed.

    Attributes:
        raw: JSON.
    """

    received_ms: int
    raw: bytes


class JournalReader:
    """Reads a copy; `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> JournalReader:
        self._db = _open(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def facts(self) -> dict[str, int]:
        """As `Journal.facts`.

        Raises:
            JournalError: it cannot be read.
        """
        try:
            return dict(self._db.execute("SELECT name, value FROM facts"))
        except sqlite3.Error as exc:
            raise self._unreadable(exc) from None

    def unprocessed(self) -> Iterator[list[CopiedUpdate]]:
        """What was not processed, oldest first, some hundred at a time; what was given up, too: a newer
        program may make something of it.

        Raises:
            JournalError: it cannot be read.
        """
        last = 0
        where = f"state IN ({PENDING}, {DEAD}) AND update_id IS NOT NULL AND seq > ?"
        query = f"SELECT seq, received_ms, raw FROM updates WHERE {where} ORDER BY seq LIMIT {_PAGE}"
        while True:
            try:
                rows = self._db.execute(query, (last,)).fetchall()
            except sqlite3.Error as exc:
                raise self._unreadable(exc) from None
            if not rows:
                return
            last = rows[-1][0]
            yield [CopiedUpdate(received_ms, bytes(raw)) for _, received_ms, raw in rows]

    def _unreadable(self, exc: sqlite3.Error) -> JournalError:
        return JournalError(f"the journal of the backup cannot be read ({exc})")
