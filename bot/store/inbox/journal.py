"""The durable inbox: every update is on disk here before Telegram is told to forget it.

SQLite in WAL mode with `synchronous=FULL`: a transaction is a batch, and its commit is an fsync.
A row lives until it is processed *and* Telegram was told (confirmed): until then a redelivery of the same
update must be recognised. Dead letters stay for inspection, the newest `MAX_DEAD_LETTERS` of them.

The service makes certain before and after each commit that the file at the path is the one it writes to (see
`bot.store.inbox.journal_file`), and notes the journal's numbers beside it: so a journal that is gone,
replaced or shortened is noticed, and what is missing is known by number.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers, missing
from bot.core.inbox.journal_loss_texts import lacks
from bot.core.shared.clock import Clock, from_ms, system_clock, to_ms
from bot.core.shared.errors import ConfigError, JournalError
from bot.core.shared.formatting import count
from bot.core.telegram.updates import TAP_LIFETIME, sender_of, unreadable, without_sender
from bot.store.inbox.journal_file import JournalFile, JournalFileState, Witness, read_witness, witness_of

log = logging.getLogger(__name__)

MAX_DEAD_LETTERS = 1_000
LAST_POLL_FACT = "last_poll_ms"
"""When the bot was last reached: by a poll or a webhook of this service, or of one that it stands by for."""
TOKEN_FACT = "token"  # noqa: S105  # the name of a fact
"""The token that Telegram took last, as a number."""
GAP_FACT = "gap_until_ms"
"""What was sent a tap's lifetime before this may have been answered in vain: see
`bot.services.inbox.outage`."""
IDENTITY_FACT = "service"
"""The journal's identity, at random; the service that has the journal goes by it, too."""
LOSS_AT = "loss_ms"
"""When it was found last that something is missing; see `read_loss`."""
_LOSS_FIRST, _LOSS_LAST, _LOSS_IS_OPEN = "loss_first", "loss_last", "loss_is_open"

_T = TypeVar("_T")
_PENDING, _DONE, _DEAD = 0, 1, 2
_STATE_NAMES = {_PENDING: "waiting", _DONE: "finished", _DEAD: "could not be processed"}
_INT64 = 2**63
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNREADABLE = _DAMAGED | {sqlite3.SQLITE_IOERR}
_WRITE_FAILS = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE}
# Bytes. A journal that has filled its disk needs room to work off what it holds: for the checkpoint of its
# log, which `_LOG_PAGES` keep at 1 MiB, and for the log of what `_SMALL_CHUNK` entries take to be forgotten.
_RESERVE = 2 * 2**20
_LOG_PAGES = 256
_A_BATCH = 128 * 2**10  # what there is room for, at least
_PER_BYTE = 3  # an entry is written to the log and to the file, and to indexes
_LITTLE = 64 * 2**20
_SMALL_CHUNK = 50
_VACUUMED = 64  # pages at a time
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

    Args:
        clock: of the service that has the journal, which is then locked, watched and witnessed. None: it is
            opened beside a service, if there is one.
        may_make: make the file if there is none; else the journal is an empty one that nobody keeps.
    """

    def __init__(self, path: Path, clock: Clock | None = None, *, may_make: bool = True) -> None:
        self._path = path
        self._serves = clock is not None
        self._clock = clock or system_clock
        self._may_make = may_make
        self._file: JournalFile | None = None
        self._witness = Witness(path)
        self._identity = 0
        self._lost_up_to = 0  # what had such numbers went with a file that this service had open
        self._numbers = self._opened_with = JournalNumbers()
        self._io = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or create the file (mode 0600: it holds what athletes wrote)."""
        await self._run(self._open)

    async def close(self) -> None:
        """Close the file; the journal cannot be used afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._io, self._close)
        self._io.shutdown()

    @property
    def identity(self) -> int:
        """By which the journal, and the service that has it, are known; 0 where it was opened beside one."""
        return self._identity

    @property
    def numbers(self) -> JournalNumbers:
        """How far it is, as the service that has it knows."""
        return self._numbers

    @property
    def opened_with(self) -> JournalNumbers:
        """How far it was when the service opened it."""
        return self._opened_with

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

        return await self._keep(rows, write)

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

        await self._keep(rows, write)

    async def pending(self, *, after: int, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed entries behind position `after`, oldest first."""

        where = f"state = {_PENDING} AND seq > ? ORDER BY seq LIMIT ?"
        return await self._read(lambda db: _entries(db, where, (after, limit)))

    async def entries(self, seqs: Sequence[int]) -> list[Entry]:
        """The unprocessed entries among these positions, oldest first."""
        marks = ",".join("?" * len(seqs))
        where = f"state = {_PENDING} AND seq IN ({marks}) ORDER BY seq"
        return await self._read(lambda db: _entries(db, where, tuple(seqs)))

    async def unanswered(self, *, after: int, before: datetime, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed and unanswered taps behind position `after`, received before then."""
        where = (
            f"state = {_PENDING} AND is_tap = 1 AND answered = 0 AND seq > ? AND received_ms < ?"
            " ORDER BY seq LIMIT ?"
        )
        return await self._read(lambda db: _entries(db, where, (after, to_ms(before), limit)))

    async def mark_answered(self, seqs: Iterable[int]) -> None:
        """Remember that these callback queries were answered although they are not processed yet."""

        def write(db: sqlite3.Connection, rows: Sequence[tuple[int]]) -> None:
            db.executemany("UPDATE updates SET answered = 1 WHERE seq = ?", rows)

        await self._write_all(seqs, write)

    async def finish(self, seqs: Iterable[int]) -> None:
        """These entries are processed: forget them as soon as Telegram has."""

        def write(db: sqlite3.Connection, rows: Sequence[tuple[int]]) -> None:
            db.executemany("DELETE FROM updates WHERE seq = ? AND confirmed = 1", rows)
            db.executemany(f"UPDATE updates SET state = {_DONE} WHERE seq = ?", rows)

        await self._write_all(seqs, write)

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

    async def reach(self) -> tuple[int | None, int]:
        """Its identity, if it has one, and the number of its last entry, as they are in the file."""
        last = await self._read(lambda db: _numbers(db).last)
        return (await self.facts()).get(IDENTITY_FACT), last

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
        """Make sure that an update could be kept: there is room, and the file is where it should be."""

        def write(db: sqlite3.Connection) -> None:
            self._witness.renew()
            db.execute("INSERT OR REPLACE INTO facts VALUES ('probe', 1)")

        await self._keep((), write)

    async def is_kept(self, first: int | None = None) -> bool:
        """Whether what is in the journal is in the file at its path, and so outlives the process.

        Args:
            first: the number of the first entry in question, which may have been read from a journal that was
                lost since; None: whatever was in it just now.
        """
        try:
            is_whole = await self._run(self._make_certain)
        except JournalError:
            return False
        return is_whole if first is None else first > self._lost_up_to

    async def note_loss(self, loss: JournalLoss) -> None:
        """Remember entries that are missing, and that whoever gave them may have tapped in vain; numbers go
        on above them."""
        await self._write(lambda db: self._note_loss(db, loss))

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
            self._empty_log(db)

        await self._read(work)

    def _open(self) -> None:
        if self._serves:
            self._open_as_service()
            return
        if not self._may_make and (not self._path.exists() or not self._path.stat().st_size):
            # Nothing is made beside a service that may just be putting its own file back.
            self._db = _connect(":memory:")
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        except OSError as exc:
            raise JournalError(
                f"DATA_DIR: the journal {self._path} cannot be created ({exc.strerror}); choose a directory"
                " that this user may write to"
            ) from exc
        self._db = _connect(self._path)

    def _open_as_service(self) -> None:
        known = read_witness(self._path)
        if known is None and witness_of(self._path).exists():
            log.error(
                "%s cannot be read: nobody knows whether the journal lacks anything", witness_of(self._path)
            )
        file = take(self._path)
        try:
            file = self._see_to_copy(file, known)
            if file.is_empty and file.has_log:  # SQLite would throw the log away
                file = self._move_aside(file)
            db = self._connect_whole(file, is_known=known is not None)
            if db is None:
                file = self._move_aside(file)
                db = _connect(self._path)
            self._begin(file, db, known)
        except BaseException:
            file.release()
            raise

    def _connect_whole(self, file: JournalFile, *, is_known: bool) -> sqlite3.Connection | None:
        """The journal in the file; None if it is damaged. One that nobody knows is left to the operator."""
        is_doubtful = not file.is_empty and not file.is_database  # its log may make it whole
        try:
            db = _connect(self._path)
        except sqlite3.DatabaseError as exc:
            if is_known and _is(exc, _DAMAGED):
                return None
            raise
        if is_doubtful and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            db.close()
            return None
        return db

    def _see_to_copy(self, file: JournalFile, known: tuple[int, JournalNumbers] | None) -> JournalFile:
        """A copy that was being put in place of a lost journal when the service was killed.

        Returns:
            The file at the path: the copy, where it is all that the journal was. What stands there else may
            have lost its log already.
        """
        path = file.copy_path
        if not path.exists():
            return file
        if known is not None and _holds_all(path, *known):
            copy = JournalFile(path)
            copy.take()
            try:
                there = file.become(copy)
            except BaseException:
                copy.release()
                raise
            file.release()
            log.warning("the journal %s is put back: the service was killed while it did so", self._path)
            return there
        if file.is_database:
            path.unlink()
        else:
            kept = path.rename(self._aside("left-over"))
            log.error("what may be left of the journal %s is kept as %s", self._path, kept)
        return file

    def _begin(
        self, file: JournalFile, db: sqlite3.Connection, known: tuple[int, JournalNumbers] | None
    ) -> None:
        """Go on with a file; what it lacks of what is known is noted. If that fails, it is not in use."""
        try:
            identity, numbers = self._prepare(file, db, known)
        except BaseException:
            db.close()
            raise
        self._file, self._db = file, db
        self._identity = identity
        self._numbers = self._opened_with = numbers

    def _prepare(
        self, file: JournalFile, db: sqlite3.Connection, known: tuple[int, JournalNumbers] | None
    ) -> tuple[int, JournalNumbers]:
        facts = dict(db.execute("SELECT name, value FROM facts"))
        # Where the file does not say whose it is, it is new, or older than this question.
        identity = facts.get(IDENTITY_FACT) or (known[0] if known else secrets.randbits(48))
        last = _numbers(db).last
        with _transaction(db):
            if facts.get(IDENTITY_FACT) != identity:
                db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (IDENTITY_FACT, identity))
            if known is not None:
                is_same = known[0] == identity
                if (loss := missing(known[1], last if is_same else 0)) is not None:
                    self._note_loss(db, loss)
                if is_same and last < known[1].last:
                    _number_from(db, known[1].last)
        if not file.is_database:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        file.opened()
        numbers = _numbers(db)
        self._witness.note(identity, numbers)
        return identity, numbers

    def _note_loss(self, db: sqlite3.Connection, loss: JournalLoss) -> None:
        now = self._clock()
        facts = {
            LOSS_AT: to_ms(now),
            _LOSS_FIRST: loss.first,
            _LOSS_LAST: loss.last,
            _LOSS_IS_OPEN: int(loss.is_open),
            # Also what was tapped just now may be lost.
            GAP_FACT: to_ms(now + TAP_LIFETIME),
        }
        db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
        if _numbers(db).last < loss.last:
            _number_from(db, loss.last)
        log.error(
            "the journal %s lacks %s: its file was deleted, emptied, or put back from an older copy. What of"
            " that was received and not yet stored may be lost; what is unanswered is asked again, once",
            *(self._path, lacks(loss, Language.EN)),
        )

    def _close(self) -> None:
        if self._file is not None and self._db is not None:
            try:
                self._make_certain()
            except (JournalError, sqlite3.Error, OSError) as exc:
                self._leave_copy(str(exc))
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._file is not None:
            self._file.release()
            self._file = None
        self._witness.close()

    # The file at the path

    def _make_certain(self, *, may_be_hidden: bool = False) -> bool:
        """The file at the path is the one that is written to; it is put back if it is gone.

        Returns:
            Whether it holds all that it held; else nothing sound was left, and a new one is begun.

        Raises:
            JournalError: another stands there, unless it `may_be_hidden` by another.
        """
        file, db = self._file, self._connection()
        if file is None or (standing := file.standing()) is JournalFileState.OURS:
            return True
        if standing is JournalFileState.FOREIGN:
            if may_be_hidden:
                return True
            raise JournalError(
                f"the journal {self._path} is not the file that this service writes to: another was put in"
                " its place; move that away, and this service puts its own back. Nothing is confirmed to"
                " Telegram meanwhile"
            )
        copy = file.begin_copy()
        try:
            if self._copy(db, copy.path):
                self._carry_over(file, db, copy)
                return True
        except BaseException:
            copy.release()
            raise
        copy.release()
        self._begin_anew(file, db, copy.path, is_gone=standing is JournalFileState.GONE)
        return False

    def _begin_anew(self, file: JournalFile, db: sqlite3.Connection, rest: Path, *, is_gone: bool) -> None:
        """Begin a new journal, as nothing sound is left of the one in use; of that a `rest` was copied.

        If that fails, nothing stands at the path, so that it is tried again.
        """
        if not is_gone:
            rest.unlink()  # the file itself is kept
            self._set_aside(file)
        new = JournalFile(self._path)
        new.take()
        last = self._numbers.last
        try:
            self._begin(new, _connect(self._path), (self._identity, self._numbers))
        except BaseException:
            new.discard()
            raise
        self._lost_up_to = last
        db.close()
        file.release()
        if is_gone:
            aside = rest.rename(self._aside())
            log.error("what is left of the journal %s is damaged; it is kept as %s", self._path, aside)

    def _copy(self, db: sqlite3.Connection, target: Path) -> bool:
        """Copy what the open journal holds; returns whether it is whole."""
        try:
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                copy.execute("PRAGMA journal_mode = OFF")
                copy.execute("PRAGMA synchronous = OFF")
                db.backup(copy, progress=_only_at_once)
                (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
                return bool(found == "ok") and _numbers(copy).last >= self._numbers.last
        except sqlite3.DatabaseError as exc:
            if _is(exc, _UNREADABLE) and exc.sqlite_errorcode not in _WRITE_FAILS:
                return False
            raise

    def _carry_over(self, file: JournalFile, db: sqlite3.Connection, copy: JournalFile) -> None:
        there, new = file.become(copy), None
        try:
            new = _connect(self._path)
            there.opened()
        except BaseException:
            if new is not None:
                new.close()
            self._path.rename(copy.path)  # to be tried again
            there.release()
            raise
        self._file, self._db = there, new
        # Only now, so that it stays locked throughout. SQLite leaves the new file's log alone: the old file
        # does not stand at the path any more.
        db.close()
        file.release()
        self._witness.renew()
        self._note_numbers(new)
        (waiting,) = new.execute(f"SELECT count(*) FROM updates WHERE state = {_PENDING}").fetchone()
        log.warning(
            "the journal %s was gone, or a part of it; it is put back, with %s that this service still had",
            *(self._path, count(waiting, "unprocessed update")),
        )

    def _leave_copy(self, why: str) -> None:
        """What only this process can still read is put beside the path, where another file stands."""
        try:
            if self._numbers.last == self._numbers.done:
                return
            target = self._aside("left-over")
            if self._copy(self._connection(), target):
                log.error(
                    "%s. What this service still had to process is in %s: with the service stopped, put that"
                    " in the journal's place",
                    *(why, target),
                )
        except (sqlite3.Error, OSError) as exc:
            log.error("%s; what this service still had to process is lost (%s)", why, exc)

    def _move_aside(self, file: JournalFile) -> JournalFile:
        """Keep a damaged file under another name, and close it; returns a new one, in its place."""
        self._set_aside(file)
        new = JournalFile(self._path)
        new.take()
        file.release()
        return new

    def _set_aside(self, file: JournalFile) -> None:
        aside = file.move_aside(self._aside().name.removeprefix(f"{self._path.name}."))
        log.error("the journal %s is damaged; it is kept as %s, and a new one is begun", self._path, aside)

    def _aside(self, what: str = "damaged") -> Path:
        path = self._path.with_name(f"{self._path.name}.{what}-{self._clock():%Y%m%dT%H%M%SZ}")
        # What was kept before is not overwritten.
        return path.with_name(f"{path.name}-{secrets.token_hex(4)}") if path.exists() else path

    def _note_numbers(self, db: sqlite3.Connection) -> None:
        if self._file is not None:
            self._numbers = _numbers(db)
            self._witness.note(self._identity, self._numbers)

    # Room on the disk

    def _require_room(self, size: int) -> None:
        """There is room for so many bytes of updates, beside what is needed to work off what is there."""
        file, needed = self._file, _RESERVE + _PER_BYTE * max(size, _A_BATCH)
        if file is None or file.free >= needed:
            return
        db = self._connection()
        self._empty_log(db)
        left, unused = None, _unused_pages(db)
        while file.free < needed and unused and unused != left:
            db.executescript(f"PRAGMA incremental_vacuum({_VACUUMED})")
            self._empty_log(db)
            left, unused = unused, _unused_pages(db)
        if (free := file.free) < needed:
            raise JournalError(
                f"the journal {self._path} takes no more: {free // 1024} KiB are free on its disk, which it"
                " needs to work off what it holds; free disk space. Nothing is confirmed to Telegram"
                " meanwhile"
            )

    def _empty_log(self, db: sqlite3.Connection) -> None:
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            if self._file is not None:
                self._file.wrote()

    # Access

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(lambda: work(self._connection()))

    async def _write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def write() -> _T:
            self._make_certain(may_be_hidden=True)
            return self._commit(work)

        return await self._run(write)

    async def _keep(
        self,
        rows: Sequence[tuple[int | None, int, bool, bytes]],
        work: Callable[[sqlite3.Connection], _T],
    ) -> _T:
        """Write what may then be confirmed: it is certain that it is in the file at the path."""
        size = sum(len(raw) for *_, raw in rows)

        def keep() -> _T:
            self._make_certain()
            self._require_room(size)
            result = self._commit(work)
            if not self._make_certain():
                raise JournalError(
                    f"the journal {self._path} lost what it had just taken, and is begun anew. That is not"
                    " confirmed to Telegram, and comes again"
                )
            return result

        return await self._run(keep)

    async def _write_all(
        self, seqs: Iterable[int], work: Callable[[sqlite3.Connection, Sequence[tuple[int]]], None]
    ) -> None:
        """Write in so many steps that their logs have room on the disk."""
        rows = [(seq,) for seq in seqs]

        def write() -> None:
            step = len(rows)
            if self._file is not None and self._file.free < _LITTLE:
                step = _SMALL_CHUNK
            for start in range(0, len(rows), max(step, 1)):
                chunk = rows[start : start + step]
                self._make_certain(may_be_hidden=True)
                self._commit(lambda db, chunk=chunk: work(db, chunk))  # type: ignore[misc]

        await self._run(write)

    def _commit(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        db = self._connection()
        try:
            with _transaction(db):
                result = work(db)
        finally:
            if self._file is not None:
                self._file.wrote()
        self._note_numbers(db)
        return result

    async def _run(self, work: Callable[[], _T]) -> _T:
        # Shielded: a cancelled caller must not leave a transaction whose fate nobody knows.
        try:
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._io, work))
        except OSError as exc:
            raise JournalError(
                f"the journal {self._path} cannot be written or read ({exc.strerror}); free disk space or"
                " restore write access. Nothing is confirmed to Telegram meanwhile"
            ) from exc
        except sqlite3.Error as exc:
            is_damaged = _is(exc, _DAMAGED)
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


def take(path: Path) -> JournalFile:
    """A file in DATA_DIR that one service has, made if there is none.

    Raises:
        ConfigError: another has it, or the file cannot be had.
    """
    file, folder = JournalFile(path), path.parent
    try:
        file.take()
    except BlockingIOError:
        raise ConfigError(
            f"DATA_DIR: another bot is running on {folder}; stop it, or give this one its own DATA_DIR"
        ) from None
    except OSError as exc:
        raise ConfigError(
            f"DATA_DIR: {folder} cannot be used ({exc.strerror}); choose a directory that this user may"
            " write to"
        ) from None
    return file


def _connect(path: Path | str) -> sqlite3.Connection:
    """The journal in a file, which is made if it is empty."""
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: it may be what an athlete wrote, or asked to have forgotten.
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_size_limit = 1048576")
        db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _is(exc: sqlite3.Error, kinds: set[int]) -> bool:
    """Whether it is of one of these kinds; SQLite tells what exactly in further bits."""
    return (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF in kinds


def _numbers(db: sqlite3.Connection) -> JournalNumbers:
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'updates'").fetchone() or (0,)
    waits = f"SELECT seq FROM updates WHERE state = {_PENDING} ORDER BY seq LIMIT 1"
    first = db.execute(waits).fetchone() or (last[0] + 1,)
    return JournalNumbers(last[0], first[0] - 1)


def _unused_pages(db: sqlite3.Connection) -> int:
    number: int = db.execute("PRAGMA freelist_count").fetchone()[0]
    return number


def _only_at_once(status: int, _left: int, _total: int) -> None:
    """Copy in one step: whom another holds up would wait for ever."""
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise sqlite3.OperationalError("another program has locked it")


def _holds_all(path: Path, identity: int, numbers: JournalNumbers) -> bool:
    """Whether a copy is whole, and of this journal as far as it was."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
            of = db.execute("SELECT value FROM facts WHERE name = ?", (IDENTITY_FACT,)).fetchone()
            there = _numbers(db)
    except sqlite3.DatabaseError:
        return False
    return found == "ok" and of == (identity,) and there.last >= numbers.last and there.done >= numbers.done


def _number_from(db: sqlite3.Connection, last: int) -> None:
    """Let the next entry stand behind this number."""
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'updates'")
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('updates', ?)", (last,))


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


def read_loss(facts: Mapping[str, int]) -> tuple[JournalLoss, datetime] | None:
    """What a journal was found to lack last, and when; None if nothing ever was."""
    if LOSS_AT not in facts:
        return None
    loss = JournalLoss(facts[_LOSS_FIRST], facts[_LOSS_LAST], bool(facts[_LOSS_IS_OPEN]))
    return loss, from_ms(facts[LOSS_AT])


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
