"""The journal's file as one service holds it: locked, known by its inode, and witnessed by a file beside it.

SQLite goes on writing into a file that was deleted, and a lock on a file of its own guards nothing once that
is deleted. So the service keeps a descriptor of its own on the journal's file, locks that, and compares it
with what stands at the path. It is opened before SQLite opens the file and closed after SQLite has closed it:
closing any descriptor of a file takes away all POSIX locks of the process on it, SQLite's among them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from enum import Enum, auto
from pathlib import Path

from bot.core.inbox.journal_loss import JournalNumbers
from bot.durable import sync, sync_folder

_MAGIC = b"SQLite format 3\0"
_LOG, _INDEX = "-wal", "-shm"
_WITNESS_SIZE = 128
_COPY = ".carried-over"
_TRIES = 20


class JournalFileState(Enum):
    """What stands at the path of a journal in use."""

    OURS = auto()
    GONE = auto()
    """Nothing."""
    TORN = auto()
    """Our file, but its write-ahead log is gone, or was cut."""
    WIPED = auto()
    """Our file, but it is no database any more."""
    FOREIGN = auto()
    """Another file."""


class JournalFile:
    """The file at `path`, open and locked. `OSError` is passed on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # SQLite follows a link to a file, and puts its log beside the target.
        base = path.resolve() if path.is_symlink() else path
        self._log, self._index = Path(f"{base}{_LOG}"), Path(f"{base}{_INDEX}")
        self._fd = -1
        self._log_size = 0
        self._others: dict[Path, tuple[int, int]] = {}

    def take(self) -> None:
        """Open the file, which is made if there is none, for this service alone.

        Raises:
            BlockingIOError: another service has it.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for _ in range(_TRIES):
                self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with contextlib.suppress(FileNotFoundError):
                    if _inode(self.path.stat()) == _inode(os.fstat(self._fd)):
                        return
                self.release()  # it was replaced meanwhile
        except BaseException:
            self.release()
            raise
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(self.path))

    def release(self) -> None:
        """Close the file; SQLite must have closed it before."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """Remove the file with what stands beside it, and close it; SQLite must have closed it before."""
        for path in (self.path, self._log, self._index):
            path.unlink(missing_ok=True)
        self.release()

    @property
    def free(self) -> int:
        """Bytes that are free on its disk."""
        disk = os.fstatvfs(self._fd)
        return disk.f_bavail * disk.f_frsize

    @property
    def is_empty(self) -> bool:
        """Whether it is new, or was emptied."""
        return os.fstat(self._fd).st_size == 0

    @property
    def has_log(self) -> bool:
        """Whether a write-ahead log stands beside it that is not empty."""
        with contextlib.suppress(FileNotFoundError):
            return self._log.stat().st_size > 0
        return False

    @property
    def is_database(self) -> bool:
        """Whether it begins as SQLite's files do."""
        return os.pread(self._fd, len(_MAGIC), 0) == _MAGIC

    def opened(self) -> None:
        """SQLite has opened the file; what stands beside it from now on is in use."""
        self._others = {path: _inode(path.stat()) for path in (self._log, self._index)}
        self.wrote()

    def wrote(self) -> None:
        """SQLite has written: its log, which nobody else shortens, is as long as it is now."""
        self._log_size = _size(self._log)

    def state(self) -> JournalFileState:
        """What stands at the path."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return JournalFileState.GONE
        if _inode(found) != _inode(os.fstat(self._fd)):
            return JournalFileState.FOREIGN
        if not self.is_database:
            return JournalFileState.WIPED
        try:
            is_whole = all(_inode(path.stat()) == known for path, known in self._others.items())
        except FileNotFoundError:
            return JournalFileState.TORN
        return (
            JournalFileState.OURS
            if is_whole and _size(self._log) >= self._log_size
            else JournalFileState.TORN
        )

    # A file in its place

    @property
    def copy_path(self) -> Path:
        """Where a copy is made."""
        return self.path.with_name(self.path.name + _COPY)

    def begin_copy(self) -> JournalFile:
        """An empty file beside the path, locked, for a copy of what is in this one."""
        copy = JournalFile(self.copy_path)
        for path in (copy.path, copy._log, copy._index):
            path.unlink(missing_ok=True)
        copy.take()
        return copy

    def become(self, copy: JournalFile) -> JournalFile:
        """Put the finished copy at the path, durably, in place of ours; returns the file that stands there.

        This one is to be released when SQLite has closed it. If it fails, nothing stands at the path, or
        what stood there.
        """
        sync(copy._fd)
        self._sync_folder()
        # Before the copy stands there: what they hold is in it, and SQLite would add it again, in part if a
        # part is left. Whoever is killed after this finds the copy.
        for path in (self._log, self._index):
            path.unlink(missing_ok=True)
        copy.path.rename(self.path)
        try:
            self._sync_folder()
        except BaseException:
            self.path.rename(copy.path)
            raise
        there = JournalFile(self.path)
        there._fd, copy._fd = copy._fd, -1
        return there

    def move_aside(self, mark: str) -> Path:
        """Rename the file and its log, in which something may be left; returns its new name."""
        aside = self.path.with_name(f"{self.path.name}.{mark}")
        with contextlib.suppress(FileNotFoundError):
            self._log.rename(f"{aside}{_LOG}")
        self._index.unlink(missing_ok=True)
        self.path.rename(aside)
        self._sync_folder()
        return aside

    def _sync_folder(self) -> None:
        sync_folder(self.path.parent)


def is_taken(path: Path) -> bool:
    """Whether a service has the journal. Not to be asked in a process that has it open: see above."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


class Witness:
    """The file that knows which journal stands beside it, and its numbers: one JSON object of fixed length.

    It is overwritten in place after each commit, and not synchronized: what counts is that it is not ahead
    of the journal, and survives whatever befalls the journal's own files.
    """

    def __init__(self, journal: Path) -> None:
        self._path = witness_of(journal)
        self._fd = -1
        self._noted: bytes | None = None

    def note(self, identity: int, numbers: JournalNumbers) -> None:
        """Write, if anything is new."""
        content = {"journal": f"{identity:x}", "last": numbers.last, "done": numbers.done}
        line = json.dumps(content).ljust(_WITNESS_SIZE - 1).encode() + b"\n"
        if line != self._noted:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._fd, line, 0)
            self._noted = line

    def renew(self) -> None:
        """Write the file anew at the next turn, if it does not stand there any more."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if self._fd >= 0 and _inode(self._path.stat()) == _inode(os.fstat(self._fd)):
                return
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._noted = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def witness_of(journal: Path) -> Path:
    """Where the witness of a journal is."""
    return journal.with_suffix(".witness")


def read_witness(journal: Path) -> tuple[int, JournalNumbers] | None:
    """The identity of the journal that stood there, and its numbers; None where nobody can tell."""
    try:
        found = json.loads(witness_of(journal).read_bytes())
        return int(found["journal"], 16), JournalNumbers(int(found["last"]), int(found["done"]))
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
