"""The durable inbox: every update is on disk here before Telegram is told to forget it.

SQLite in WAL mode with `synchronous=FULL`: a transaction is a batch, and its commit is an fsync.
A row lives until it is processed *and* Telegram was told (confirmed): until then a redelivery of the same
update must be recognised. Dead letters stay for inspection, the newest `MAX_DEAD_LETTERS` of them.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.core.clock import from_ms, to_ms
from bot.core.errors import JournalError
from bot.core.updates import sender_of, unreadable, without_sender

MAX_DEAD_LETTERS = 1_000
LAST_POLL_FACT = "last_poll_ms"
"""When the bot was last reached: by a poll or a webhook of this service, or of one that it stands by for."""
TOKEN_FACT = "token"  # noqa: S105  # the name of a fact
"""The token that Telegram took last, as a number."""

_T = TypeVar("_T")
_PENDING, _DONE, _DEAD = 0, 1, 2
_STATE_NAMES = {_PENDING: "waiting", _DONE: "finished", _DEAD: "could not be processed"}
_INT64 = 2**63
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ID = "no usable update_id"
_REPR_KEPT = 10_000  # characters
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS updates (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    update_id INTEGER,                      -- NULL when the update carries none
    received_ms INTEGER NOT NULL,           -- Unix time
    is_tap INTEGER NOT NULL,                -- a callback query
    raw BLOB NOT NULL,                      -- the update as JSON
    state INTEGER NOT NULL DEFAULT {_PENDING},
    confirmed INTEGER NOT NULL DEFAULT 0,   -- Telegram has been told, it will not come again
    answered INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS updates_unconfirmed ON updates (update_id) WHERE confirmed = 0;
CREATE INDEX IF NOT EXISTS updates_pending ON updates (seq) WHERE state = {_PENDING};
CREATE INDEX IF NOT EXISTS updates_unanswered ON updates (seq)
    WHERE state = {_PENDING} AND is_tap = 1 AND answered = 0;
CREATE INDEX IF NOT EXISTS updates_dead ON updates (seq) WHERE state = {_DEAD};
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One journaled update that is not processed yet.

    Attributes:
        seq: position in the journal.
        received_at: when it first arrived, to the millisecond.
        answered: whether its callback query was already answered.
        attempts: how often processing it has failed.
    """

    seq: int
    received_at: datetime
    update: Any
    answered: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """Counts for the operator.

    Attributes:
        pending: unprocessed updates.
        dead, dead_taps: dead letters, and the callback queries among them.
        oldest_pending: receipt of the oldest unprocessed callback query; a reply to a message may wait.
        oldest_dead: receipt of the oldest dead letter.
    """

    pending: int
    dead: int
    dead_taps: int
    oldest_pending: datetime | None
    oldest_dead: datetime | None = None


@dataclass(frozen=True, slots=True)
class JournalTaps:
    """The callback queries of the journal, at one moment.

    Attributes:
        pending: not finished, oldest first.
        more: how many more are not finished.
        dead: those among the dead letters.
        dead_letters: all dead letters.
    """

    pending: tuple[Entry, ...]
    more: int
    dead: tuple[Entry, ...]
    dead_letters: int


class Journal:
    """The journal in one file. All access goes through one thread, so that fsync never blocks the loop.

    Every method raises `JournalError` when the disk is full, read-only or damaged; nothing was written then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._io = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or create the file (mode 0600: it holds what athletes wrote)."""
        await self._run(self._open)

    async def close(self) -> None:
        """Close the file; the journal cannot be used afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._io, self._close)
        self._io.shutdown()

    async def append(
        self, updates: Sequence[object], *, polled_at: datetime, facts: Mapping[str, int] | None = None
    ) -> int:
        """Store a fetched batch durably. When this returns, the batch may be confirmed.

        What is not in the batch any more was confirmed by the poll that brought it.

        Args:
            updates: as Telegram sent them; those that came before and are unconfirmed are skipped.
            polled_at: when the poll returned; remembered as the last successful poll.
            facts: what else to remember.

        Returns:
            How many of them were new.
        """
        rows = [_row(update, polled_at) for update in updates]

        def write(db: sqlite3.Connection) -> int:
            known = {}
            for update_id, _, _, raw in rows:
                found = db.execute(
                    "SELECT raw FROM updates WHERE confirmed = 0 AND update_id = ?", (update_id,)
                )
                known[update_id] = (found.fetchone() or (None,))[0] == raw
            # Another update under a known id: the ids began anew.
            again = [update_id for update_id, is_known in known.items() if is_known]
            marks = ",".join("?" * len(again))
            gone = f"confirmed = 0 AND update_id NOT IN ({marks})"
            db.execute(f"DELETE FROM updates WHERE {gone} AND state = {_DONE}", again)
            db.execute(f"UPDATE updates SET confirmed = 1 WHERE {gone}", again)
            before = db.total_changes
            for update_id, received_ms, is_tap, raw in rows:
                if update_id is None:
                    # No id, so it can never be confirmed and comes again and again: keep one copy.
                    db.execute(
                        "INSERT INTO updates (received_ms, is_tap, raw, state, error) SELECT ?, ?, ?, ?, ?"
                        " WHERE NOT EXISTS (SELECT 1 FROM updates WHERE update_id IS NULL AND raw = ?)",
                        (received_ms, is_tap, raw, _DEAD, _NO_ID, raw),
                    )
                else:
                    db.execute(
                        "INSERT OR IGNORE INTO updates (update_id, received_ms, is_tap, raw)"
                        " VALUES (?, ?, ?, ?)",
                        (update_id, received_ms, is_tap, raw),
                    )
            new = db.total_changes - before
            if any(update_id is None for update_id, *_ in rows):
                _drop_old_dead_letters(db)
            remembered = {LAST_POLL_FACT: to_ms(polled_at), **(facts or {})}
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", remembered.items())
            return new

        return await self._write(write)

    async def receive(self, updates: Sequence[object], *, received_at: datetime) -> None:
        """Store durably what was pushed. When this returns, it may be acknowledged, and so is forgotten by
        Telegram; what comes again all the same is kept again."""
        rows = [_row(update, received_at) for update in updates]

        def write(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO updates (update_id, received_ms, is_tap, raw, confirmed) VALUES (?, ?, ?, ?, 1)",
                [row for row in rows if row[0] is not None],
            )
            if dead := [row for row in rows if row[0] is None]:
                db.executemany(
                    "INSERT INTO updates (update_id, received_ms, is_tap, raw, state, confirmed, error)"
                    f" VALUES (?, ?, ?, ?, {_DEAD}, 1, '{_NO_ID}')",
                    dead,
                )
                _drop_old_dead_letters(db)

        await self._write(write)

    async def pending(self, *, after: int, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed entries behind position `after`, oldest first."""

        where = f"state = {_PENDING} AND seq > ? ORDER BY seq LIMIT ?"
        return await self._read(lambda db: _entries(db, where, (after, limit)))

    async def unanswered(self, *, after: int, before: datetime, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed and unanswered taps behind position `after`, received before then."""
        where = (
            f"state = {_PENDING} AND is_tap = 1 AND answered = 0 AND seq > ? AND received_ms < ?"
            " ORDER BY seq LIMIT ?"
        )
        return await self._read(lambda db: _entries(db, where, (after, to_ms(before), limit)))

    async def mark_answered(self, seqs: Iterable[int]) -> None:
        """Remember that these callback queries were answered although they are not processed yet."""
        rows = [(seq,) for seq in seqs]
        await self._write(lambda db: db.executemany("UPDATE updates SET answered = 1 WHERE seq = ?", rows))

    async def finish(self, seqs: Iterable[int]) -> None:
        """These entries are processed: forget them as soon as Telegram has."""
        rows = [(seq,) for seq in seqs]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM updates WHERE seq = ? AND confirmed = 1", rows)
            db.executemany(f"UPDATE updates SET state = {_DONE} WHERE seq = ?", rows)

        await self._write(write)

    async def failed(self, seq: int, error: str, *, bury: bool) -> None:
        """Count a failed try; with `bury` the entry becomes a dead letter and is not tried again."""

        def write(db: sqlite3.Connection) -> None:
            state = _DEAD if bury else _PENDING
            db.execute(
                "UPDATE updates SET attempts = attempts + 1, error = ?, state = ? WHERE seq = ?",
                (error, state, seq),
            )
            if bury:
                _drop_old_dead_letters(db)

        await self._write(write)

    async def facts(self) -> dict[str, int]:
        """Small durable facts: the last poll, and those given to `append` and `remember`."""
        return await self._read(lambda db: dict(db.execute("SELECT name, value FROM facts")))

    async def remember(self, facts: Mapping[str, int]) -> None:
        """Set facts."""
        rows = list(facts.items())
        await self._write(lambda db: db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows))

    async def forget(self, name: str, value: int) -> None:
        """Drop a fact, if it still has this value."""
        await self._write(
            lambda db: db.execute("DELETE FROM facts WHERE name = ? AND value = ?", (name, value))
        )

    async def check_writable(self) -> None:
        """Make sure that something can be written."""
        await self._write(lambda db: db.execute("INSERT OR REPLACE INTO facts VALUES ('probe', 1)"))

    async def state(self) -> JournalState:
        """What is waiting and what was given up."""

        def read(db: sqlite3.Connection) -> JournalState:
            # Asked every few seconds, also when very much is waiting: through the partial indexes alone.
            (waiting,) = db.execute(f"SELECT count(*) FROM updates WHERE state = {_PENDING}").fetchone()
            taps = f"state = {_PENDING} AND is_tap = 1"
            first = db.execute(f"SELECT received_ms FROM updates WHERE {taps} ORDER BY seq LIMIT 1")
            (oldest,) = first.fetchone() or (None,)
            dead, dead_taps, oldest_dead = db.execute(
                f"SELECT count(*), total(is_tap), min(received_ms) FROM updates WHERE state = {_DEAD}"
            ).fetchone()
            return JournalState(
                waiting,
                dead,
                int(dead_taps),
                None if oldest is None else from_ms(oldest),
                None if oldest_dead is None else from_ms(oldest_dead),
            )

        return await self._read(read)

    async def damage(self) -> str | None:
        """What SQLite finds wrong with the file; None if it is sound."""
        found: str = await self._read(lambda db: db.execute("PRAGMA quick_check(1)").fetchone()[0])
        return None if found == "ok" else " ".join(found.split())

    async def taps(self, limit: int) -> JournalTaps:
        """The callback queries that are not finished (each may be stored already), and those given up."""

        def read(db: sqlite3.Connection) -> JournalTaps:
            where = f"state = {_PENDING} AND is_tap = 1"
            pending = _entries(db, f"{where} ORDER BY seq LIMIT ?", (limit,))
            (number,) = db.execute(f"SELECT count(*) FROM updates WHERE {where}").fetchone()
            (dead_letters,) = db.execute(f"SELECT count(*) FROM updates WHERE state = {_DEAD}").fetchone()
            dead = _entries(db, f"state = {_DEAD} AND is_tap = 1", ())
            return JournalTaps(tuple(pending), number - len(pending), tuple(dead), dead_letters)

        return await self._read(read)

    async def of_user(self, user_id: int) -> list[dict[str, Any]]:
        """What came from a Telegram user and is not forgotten yet: `receivedAt`, `state`, `update`."""

        def read(db: sqlite3.Connection) -> list[dict[str, Any]]:
            rows = db.execute("SELECT received_ms, state, raw FROM updates ORDER BY seq")
            found = ((ms, state, json.loads(raw)) for ms, state, raw in rows if _may_be_of(raw, user_id))
            return [
                {"receivedAt": from_ms(ms), "state": _STATE_NAMES[state], "update": update}
                for ms, state, update in found
                if sender_of(update) == user_id
            ]

        return await self._read(read)

    async def senders_of_dead_letters(self) -> set[int]:
        """The Telegram users from whom the dead letters came, as far as these say it."""

        def read(db: sqlite3.Connection) -> set[int]:
            rows = db.execute(f"SELECT raw FROM updates WHERE state = {_DEAD}")
            return {sender for (raw,) in rows if (sender := sender_of(json.loads(raw))) is not None}

        return await self._read(read)

    async def forget_user(self, user_id: int, until: datetime) -> None:
        """Take everything but its id out of a user's dead letters received until then; they still count.

        What is finished goes with the next poll; before that it is needed to recognise its redelivery.
        """

        def write(db: sqlite3.Connection) -> None:
            rows = db.execute(
                f"SELECT seq, raw FROM updates WHERE state = {_DEAD} AND confirmed = 1 AND received_ms <= ?",
                (to_ms(until),),
            )
            dead = [(seq, json.loads(raw)) for seq, raw in rows if _may_be_of(raw, user_id)]
            blank = [(_encode(without_sender(it)), seq) for seq, it in dead if sender_of(it) == user_id]
            db.executemany("UPDATE updates SET raw = ?, error = NULL WHERE seq = ?", blank)

        await self._write(write)

    async def compact(self) -> None:
        """Give free pages back to the file system."""

        def work(db: sqlite3.Connection) -> None:
            db.executescript("PRAGMA incremental_vacuum")  # `execute` would free a single page
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        await self._read(work)

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        except OSError as exc:
            raise JournalError(
                f"DATA_DIR: the journal {self._path} cannot be created ({exc.strerror}); choose a directory"
                " that this user may write to"
            ) from exc
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5)
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: it may be what an athlete wrote, or asked to have forgotten.
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_size_limit = 1048576")
        db.executescript(_SCHEMA)
        self._db = db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(lambda: work(self._connection()))

    async def _write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def transaction() -> _T:
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return result

        return await self._run(transaction)

    async def _run(self, work: Callable[[], _T]) -> _T:
        # Shielded: a cancelled caller must not leave a transaction whose fate nobody knows.
        try:
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._io, work))
        except sqlite3.Error as exc:
            is_damaged = getattr(exc, "sqlite_errorcode", None) in _DAMAGED
            cure = (
                "restore it from a backup (docs/backup.md), or move it away and lose what only it holds"
                if is_damaged
                else "free disk space or restore write access"
            )
            raise JournalError(
                f"the journal {self._path} cannot be written or read ({exc}); {cure}. Nothing is confirmed to"
                " Telegram meanwhile"
            ) from exc

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise JournalError(f"the journal {self._path} is not open")
        return self._db


def _may_be_of(raw: bytes, user_id: int) -> bool:
    return str(user_id).encode() in raw


def _entries(db: sqlite3.Connection, where: str, parameters: tuple[int, ...]) -> list[Entry]:
    rows = db.execute(
        f"SELECT seq, received_ms, raw, answered, attempts FROM updates WHERE {where}", parameters
    )
    return [Entry(seq, from_ms(ms), json.loads(raw), bool(done), tries) for seq, ms, raw, done, tries in rows]


def _drop_old_dead_letters(db: sqlite3.Connection) -> None:
    db.execute(
        f"DELETE FROM updates WHERE state = {_DEAD} AND seq <= (SELECT seq FROM updates"
        f" WHERE state = {_DEAD} ORDER BY seq DESC LIMIT 1 OFFSET {MAX_DEAD_LETTERS})"
    )


def update_id_of(update: object) -> int | None:
    """The id under which an update can be confirmed; None if it carries no usable one."""
    value = update.get("update_id") if isinstance(update, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64 - 1:
        return value
    return None


def _row(update: object, received_at: datetime) -> tuple[int | None, int, bool, bytes]:
    return update_id_of(update), to_ms(received_at), _is_tap(update), _encode(update)


def _encode(update: object) -> bytes:
    try:
        return json.dumps(update, separators=(",", ":")).encode()
    except (RecursionError, ValueError):
        # The parser goes a little deeper than the encoder.
        return json.dumps(unreadable(update_id_of(update) or 0, repr(update)[:_REPR_KEPT])).encode()


def _is_tap(update: object) -> bool:
    return isinstance(update, dict) and "callback_query" in update
