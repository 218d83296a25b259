"""The journal's connection to SQLite, as the service that has the journal holds it.

Before and after each commit it is made certain that the file at the path is the one that is written to (see
`bot.store.inbox.journal_file`), and the journal's numbers are noted beside it. So a journal that is gone,
replaced or shortened is noticed, and what is missing is known by number.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers, missing
from bot.core.inbox.journal_loss_texts import lacks
from bot.core.shared.clock import Clock, system_clock
from bot.core.shared.errors import ConfigError, JournalError
from bot.core.shared.formatting import count
from bot.store.inbox import journal_table as table
from bot.store.inbox.journal import PENDING, facts_of_loss
from bot.store.inbox.journal_file import JournalFile, JournalFileState, Witness, read_witness, witness_of

log = logging.getLogger(__name__)

_T = TypeVar("_T")
# Bytes. A journal that has filled its disk needs room to work off what it holds: for the checkpoint of its
# log, which is kept at 1 MiB, and for the log of what a small chunk of entries takes to be forgotten.
_RESERVE = 2 * 2**20
_A_BATCH = 128 * 2**10  # what there is room for, at least
_PER_BYTE = 3  # an entry is written to the log and to the file, and to indexes
_LITTLE = 64 * 2**20
_VACUUMED = 64  # pages at a time


class JournalConnection:
    """The open file of a journal. Used by one thread.

    All methods raise `sqlite3.Error` and `OSError` as they come, and `JournalError` where a sentence can say
    more.

    Args:
        path: of the file.
        clock: of the service that has the journal, which is then locked, watched and witnessed. None: it is
            opened beside a service, if there is one.
        may_make: make the file if there is none; else the journal is an empty one that nobody keeps.
    """

    def __init__(self, path: Path, clock: Clock | None, *, may_make: bool) -> None:
        self._path = path
        self._serves = clock is not None
        self._clock = clock or system_clock
        self._may_make = may_make
        self._file: JournalFile | None = None
        self._witness = Witness(path)
        self._db: sqlite3.Connection | None = None
        self.identity = 0
        self.lost_up_to = 0  # what had such numbers went with a file that this service had open
        self.numbers = self.opened_with = JournalNumbers()

    @property
    def db(self) -> sqlite3.Connection:
        """The connection; `JournalError` if it is not open."""
        if self._db is None:
            raise JournalError(f"the journal {self._path} is not open")
        return self._db

    @property
    def has_little_room(self) -> bool:
        """Whether large transactions might not find room on the disk."""
        return self._file is not None and self._file.free < _LITTLE

    def renew_witness(self) -> None:
        """Write the witness anew at the next commit, if it does not stand there any more."""
        self._witness.renew()

    def open(self) -> None:
        """Open or create the file (mode 0600: it holds what athletes wrote); a service locks it, too."""
        if self._serves:
            self._open_as_service()
            return
        if not self._may_make and (not self._path.exists() or not self._path.stat().st_size):
            # Nothing is made beside a service that may just be putting its own file back.
            self._db = table.connect(":memory:")
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        except OSError as exc:
            raise JournalError(
                f"DATA_DIR: the journal {self._path} cannot be created ({exc.strerror}); choose a directory"
                " that this user may write to"
            ) from exc
        self._db = table.connect(self._path)

    def _open_as_service(self) -> None:
        known = read_witness(self._path)
        if known is None and witness_of(self._path).exists():
            log.error(
                "%s cannot be read: nobody knows whether the journal lacks anything", witness_of(self._path)
            )
        file = take(self._path)
        try:
            file = self._finish_copy(file, known)
            if file.is_empty and file.has_log:  # SQLite would throw the log away
                file = self._move_aside(file)
            db = self._connect_whole(file, is_known=known is not None)
            if db is None:
                file = self._move_aside(file)
                db = table.connect(self._path)
            self._begin(file, db, known)
        except BaseException:
            file.release()
            raise

    def _connect_whole(self, file: JournalFile, *, is_known: bool) -> sqlite3.Connection | None:
        """The journal in the file; None if it is damaged. One that nobody knows is left to the operator."""
        is_doubtful = not file.is_empty and not file.is_database  # its log may make it whole
        try:
            db = table.connect(self._path)
        except sqlite3.DatabaseError as exc:
            if is_known and table.is_kind(exc, table.DAMAGED):
                return None
            raise
        if is_doubtful and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            db.close()
            return None
        return db

    def _finish_copy(self, file: JournalFile, known: tuple[int, JournalNumbers] | None) -> JournalFile:
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
        self.identity = identity
        self.numbers = self.opened_with = numbers

    def _prepare(
        self, file: JournalFile, db: sqlite3.Connection, known: tuple[int, JournalNumbers] | None
    ) -> tuple[int, JournalNumbers]:
        facts = dict(db.execute("SELECT name, value FROM facts"))
        # Where the file does not say whose it is, it is new, or older than this question.
        identity = facts.get(table.IDENTITY_FACT) or (known[0] if known else secrets.randbits(48))
        last = table.numbers(db).last
        with table.transaction(db):
            if facts.get(table.IDENTITY_FACT) != identity:
                db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (table.IDENTITY_FACT, identity))
            if known is not None:
                is_same = known[0] == identity
                if (loss := missing(known[1], last if is_same else 0)) is not None:
                    self.note_loss(db, loss)
                if is_same and last < known[1].last:
                    table.number_from(db, known[1].last)
        if not file.is_database:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        file.opened()
        numbers = table.numbers(db)
        self._witness.note(identity, numbers)
        return identity, numbers

    def note_loss(self, db: sqlite3.Connection, loss: JournalLoss) -> None:
        facts = facts_of_loss(loss, self._clock())
        db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
        if table.numbers(db).last < loss.last:
            table.number_from(db, loss.last)
        log.error(
            "the journal %s lacks %s: its file was deleted, emptied, or put back from an older copy. What of"
            " that was received and not yet stored may be lost; what is unanswered is asked again, once",
            *(self._path, lacks(loss, Language.EN)),
        )

    def close(self) -> None:
        """Close the file. What only this process could still read is kept beside it, if the file is gone."""
        if self._file is not None and self._db is not None:
            try:
                self.make_certain()
            except (JournalError, sqlite3.Error, OSError) as exc:
                self._leave_copy(str(exc))
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._file is not None:
            self._file.release()
            self._file = None
        self._witness.close()

    def make_certain(self, *, may_be_hidden: bool = False) -> bool:
        """The file at the path is the one that is written to; it is put back if it is gone.

        Returns:
            Whether it holds all that it held; else nothing sound was left, and a new one is begun.

        Raises:
            JournalError: another stands there, unless it `may_be_hidden` by another.
        """
        file, db = self._file, self.db
        if file is None or (state := file.state()) is JournalFileState.OURS:
            return True
        if state is JournalFileState.FOREIGN:
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
        self._begin_anew(file, db, copy.path, is_gone=state is JournalFileState.GONE)
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
        last = self.numbers.last
        try:
            self._begin(new, table.connect(self._path), (self.identity, self.numbers))
        except BaseException:
            new.discard()
            raise
        self.lost_up_to = last
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
                return bool(found == "ok") and table.numbers(copy).last >= self.numbers.last
        except sqlite3.DatabaseError as exc:
            if table.is_kind(exc, table.UNREADABLE) and exc.sqlite_errorcode not in table.WRITE_FAILS:
                return False
            raise

    def _carry_over(self, file: JournalFile, db: sqlite3.Connection, copy: JournalFile) -> None:
        there, new = file.become(copy), None
        try:
            new = table.connect(self._path)
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
        (waiting,) = new.execute(f"SELECT count(*) FROM updates WHERE state = {PENDING}").fetchone()
        log.warning(
            "the journal %s was gone, or a part of it; it is put back, with %s that this service still had",
            *(self._path, count(waiting, "unprocessed update")),
        )

    def _leave_copy(self, why: str) -> None:
        """What only this process can still read is put beside the path, where another file stands."""
        try:
            if self.numbers.last == self.numbers.done:
                return
            target = self._aside("left-over")
            if self._copy(self.db, target):
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
            self.numbers = table.numbers(db)
            self._witness.note(self.identity, self.numbers)

    # Room on the disk

    def require_room(self, size: int) -> None:
        """There is room for so many bytes of updates, beside what is needed to work off what is there."""
        file, needed = self._file, _RESERVE + _PER_BYTE * max(size, _A_BATCH)
        if file is None or file.free >= needed:
            return
        db = self.db
        self.empty_log(db)
        left, unused = None, _unused_pages(db)
        while file.free < needed and unused and unused != left:
            db.executescript(f"PRAGMA incremental_vacuum({_VACUUMED})")
            self.empty_log(db)
            left, unused = unused, _unused_pages(db)
        if (free := file.free) < needed:
            raise JournalError(
                f"the journal {self._path} takes no more: {free // 1024} KiB are free on its disk, which it"
                " needs to work off what it holds; free disk space. Nothing is confirmed to Telegram"
                " meanwhile"
            )

    def empty_log(self, db: sqlite3.Connection) -> None:
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            if self._file is not None:
                self._file.wrote()

    def commit(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        db = self.db
        try:
            with table.transaction(db):
                result = work(db)
        finally:
            if self._file is not None:
                self._file.wrote()
        self._note_numbers(db)
        return result


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
            of = db.execute("SELECT value FROM facts WHERE name = ?", (table.IDENTITY_FACT,)).fetchone()
            there = table.numbers(db)
    except sqlite3.DatabaseError:
        return False
    return found == "ok" and of == (identity,) and there.last >= numbers.last and there.done >= numbers.done
