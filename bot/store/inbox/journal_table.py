"""The journal's table in SQLite: its schema, and the statements on an open connection that several need.

See `bot.store.inbox.journal` for what it means.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bot.core.inbox.journal_loss import JournalNumbers
from bot.core.shared.clock import from_ms, to_ms
from bot.store.inbox import journal
from bot.store.inbox.journal import DEAD, PENDING, Entry, encode, is_tap, update_id_of

IDENTITY_FACT = "service"
"""The journal's identity, at random; the service that has the journal goes by it, too."""

DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
UNREADABLE = DAMAGED | {sqlite3.SQLITE_IOERR}
WRITE_FAILS = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE}
_LOG_PAGES = 256
"""Of the write-ahead log before it is emptied: 1 MiB."""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS updates (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    update_id INTEGER,                      -- NULL when the update carries none
    received_ms INTEGER NOT NULL,           -- Unix time
    is_tap INTEGER NOT NULL,                -- a callback query
    raw BLOB NOT NULL,                      -- the update as JSON
    state INTEGER NOT NULL DEFAULT {PENDING},
    confirmed INTEGER NOT NULL DEFAULT 0,   -- Telegram has been told, it will not come again
    answered INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS updates_unconfirmed ON updates (update_id) WHERE confirmed = 0;
CREATE INDEX IF NOT EXISTS updates_pending ON updates (seq) WHERE state = {PENDING};
CREATE INDEX IF NOT EXISTS updates_unanswered ON updates (seq)
    WHERE state = {PENDING} AND is_tap = 1 AND answered = 0;
CREATE INDEX IF NOT EXISTS updates_dead ON updates (seq) WHERE state = {DEAD};
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


def connect(path: Path | str) -> sqlite3.Connection:
    """The journal in a file, which is made if it is empty."""
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # On macOS alone these make a difference: there `fsync` leaves it in the disk's cache.
        db.execute("PRAGMA fullfsync = ON")
        db.execute("PRAGMA checkpoint_fullfsync = ON")
        # What is deleted is overwritten: it may be what an athlete wrote, or asked to have forgotten.
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_size_limit = 1048576")
        db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def is_kind(exc: sqlite3.Error, kinds: set[int]) -> bool:
    """Whether it is of one of these kinds; SQLite tells what exactly in further bits."""
    return (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF in kinds


def numbers(db: sqlite3.Connection) -> JournalNumbers:
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'updates'").fetchone() or (0,)
    waits = f"SELECT seq FROM updates WHERE state = {PENDING} ORDER BY seq LIMIT 1"
    first = db.execute(waits).fetchone() or (last[0] + 1,)
    return JournalNumbers(last[0], first[0] - 1)


def number_from(db: sqlite3.Connection, last: int) -> None:
    """Let the next entry stand behind this number."""
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'updates'")
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('updates', ?)", (last,))


def entries(db: sqlite3.Connection, where: str, parameters: tuple[int, ...]) -> list[Entry]:
    rows = db.execute(
        f"SELECT seq, received_ms, raw, answered, attempts FROM updates WHERE {where}", parameters
    )
    return [Entry(seq, from_ms(ms), json.loads(raw), bool(done), tries) for seq, ms, raw, done, tries in rows]


def drop_old_dead_letters(db: sqlite3.Connection) -> None:
    db.execute(
        f"DELETE FROM updates WHERE state = {DEAD} AND seq <= (SELECT seq FROM updates"
        f" WHERE state = {DEAD} ORDER BY seq DESC LIMIT 1 OFFSET {journal.MAX_DEAD_LETTERS})"
    )


def row(update: object, received_at: datetime) -> tuple[int | None, int, bool, bytes]:
    return update_id_of(update), to_ms(received_at), is_tap(update), encode(update)
