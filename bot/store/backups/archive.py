"""The file of a backup: a zip that other tools open, too.

    journal.sqlite3         the journal, a database of SQLite
    collections/NAME.bson   the documents of a collection, one behind the other, as `mongodump` has them
    manifest.json           what is in it, with sizes and SHA-256; the last, so it is there or nothing counts

It is written to `FILE.part` and renamed when it is whole and on disk. Both are their owner's alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from bot.core.shared.clock import parse_instant
from bot.core.shared.errors import BackupError, ConfigError
from bot.durable import sync, sync_folder

JOURNAL = "journal.sqlite3"
_MANIFEST = "manifest.json"
_FORMAT = 1
_PROGRAM = "feedback-bot"
_COMPRESSION = 3  # a third of the time of the usual 6, and files that are a tenth larger
_CHUNK = 2**20
_LONGEST_MANIFEST = 2**26
_LENGTH = struct.Struct("<i")
_LONGEST_DOCUMENT = 2**24 + 2**14  # as MongoDB has it
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Part:
    """One file in the zip.

    Attributes:
        size: bytes.
    """

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SavedCollection:
    """The documents of one collection.

    Attributes:
        name: of the collection.
        options: with which it was made, as MongoDB has them; Extended JSON.
        indexes: as MongoDB lists them; Extended JSON.
    """

    name: str
    documents: int
    part: Part
    options: Mapping[str, Any] = field(default_factory=dict)
    indexes: Sequence[Mapping[str, Any]] = ()

    @property
    def file(self) -> str:
        """Its file in the zip."""
        return file_of(self.name)


def file_of(collection: str) -> str:
    """The file of a collection in the zip."""
    return f"collections/{collection}.bson"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup.

    Attributes:
        version: of the program that made it.
        created_at: ISO 8601.
        database: its name.
        server: version of MongoDB.
        is_one_moment: whether all collections are as they were at one moment.
        journal: None: the database holds it, or there was none.
        waiting: updates in the journal that were not processed.
    """

    version: str
    created_at: str
    database: str
    server: str
    is_one_moment: bool
    journal: Part | None
    waiting: int
    collections: Sequence[SavedCollection]

    @property
    def documents(self) -> int:
        """Of all collections."""
        return sum(it.documents for it in self.collections)


class Member:
    """A part that is being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0
        self._hash = hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Add to it."""
        self._file.write(content)
        self._size += len(content)
        self._hash.update(content)

    @property
    def part(self) -> Part:
        """What was written so far."""
        return Part(self._size, self._hash.hexdigest())


class BackupWriter:
    """A backup in the making; `with`. It is there under its name once `finish` has returned.

    Args:
        path: where it will be.

    Raises:
        ConfigError: by `with`: something is there already, or it cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")

    def __enter__(self) -> Self:
        if self._path.exists():
            raise ConfigError(f"{self._path} is there already, and is not overwritten; choose another name")
        try:
            if self._part.exists() and self._part.stat().st_nlink > 1:
                self._part.unlink()  # a backup that was killed at its very end; it stands under its name, too
            self._fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise ConfigError(
                f"{self._path} cannot be written ({exc.strerror}); choose a directory that is there and that"
                " this user may write to"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(self._fd, 0o600)  # a backup that was killed may have left it behind
            os.ftruncate(self._fd, 0)
        except BlockingIOError:
            os.close(self._fd)
            raise ConfigError(
                f"{self._path} is being written by another backup; choose another name"
            ) from None
        self._file = os.fdopen(os.dup(self._fd), "wb")
        self._zip = zipfile.ZipFile(
            self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_COMPRESSION
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for it in (self._zip, self._file):
            with contextlib.suppress(OSError, ValueError):  # a full disk, which was told already
                it.close()
        self._part.unlink(missing_ok=True)
        os.close(self._fd)

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[Member]:
        """Write one part. `OSError` is passed on."""
        with self._zip.open(name, "w", force_zip64=True) as file:
            yield Member(file)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A place for a file on the way, beside the backup; it goes."""
        path = self._part.with_name(f"{self._part.name}-journal")
        path.unlink(missing_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def finish(self, manifest: Manifest) -> int:
        """Write the manifest, and put the file in its place, durably; returns its size in bytes.

        Raises:
            BackupError: something stands in its place by now.
        """
        content = {"program": _PROGRAM, "format": _FORMAT, **asdict(manifest)}
        self._zip.writestr(_MANIFEST, json.dumps(content, indent=1))
        self._zip.close()
        self._file.flush()
        size = os.fstat(self._fd).st_size
        sync(self._fd)
        try:
            os.link(self._part, self._path)  # unlike a rename, it overwrites nothing
        except FileExistsError:
            raise BackupError(f"{self._path} was made meanwhile, and is not overwritten") from None
        except OSError:  # a file system without links
            if self._path.exists():
                raise BackupError(f"{self._path} was made meanwhile, and is not overwritten") from None
            self._part.rename(self._path)
        sync_folder(self._path.parent)
        return size


class BackupFile:
    """A backup to read; `with`.

    Args:
        path: where it is.

    Raises:
        ConfigError: by `with`: there is no such file.
        BackupError: by `with`: it is no backup, or not a whole one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("rb")
        except OSError as exc:
            raise ConfigError(f"{self._path} cannot be read ({exc.strerror})") from None
        try:
            self.manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def _read_manifest(self) -> Manifest:
        begin = b""
        try:
            begin = self._file.read(len(_ZIP))
            self._file.seek(0)
            self._zip = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            if begin == _ZIP:
                raise self._damaged("it is cut short, or its end is damaged") from None
            raise self._foreign() from None
        if _MANIFEST not in self._zip.namelist():
            raise self._foreign()
        try:
            content = self._manifest_content()
            if content.pop("program") != _PROGRAM:
                raise self._foreign()
            if (number := content.pop("format")) != _FORMAT:
                raise BackupError(
                    f"{self._path}: this backup has the format {number}, of another version of the program"
                    f" ({content.get('version')}); restore it with that version, or a newer one"
                )
            return _read(content)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise self._damaged(f"its {_MANIFEST} cannot be read") from None

    def _manifest_content(self) -> dict[str, Any]:
        with self._member(_MANIFEST) as file:
            content: dict[str, Any] = json.loads(file.read(_LONGEST_MANIFEST))
        return content

    def _foreign(self) -> BackupError:
        return BackupError(f"{self._path} is not a backup that `backup` has made; nothing was changed")

    def _damaged(self, how: str) -> BackupError:
        return BackupError(
            f"{self._path}: {how}; nothing of it is restored. Take another copy of it, or an older backup"
        )

    @contextlib.contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(name) as file:
                yield file
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError):
            raise self._damaged(f"{name} in it is damaged") from None
        except OSError as exc:
            raise self._damaged(f"it cannot be read to its end ({exc.strerror})") from None

    def verify(self) -> None:
        """Read all of it.

        Raises:
            BackupError: a part is not as it was written.
        """
        for it in self.manifest.collections:
            if (number := sum(map(len, self.documents(it)))) != it.documents:
                raise self._damaged(f"{it.file} in it has {number:,} documents instead of {it.documents:,}")
        if self.manifest.journal is not None:
            for _ in self._chunks(JOURNAL, self.manifest.journal):
                pass

    def _chunks(self, name: str, part: Part) -> Iterator[bytes]:
        """A part, checked at the end."""
        found, size = hashlib.sha256(), 0
        with self._member(name) as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
                size += len(chunk)
                yield chunk
        if (size, found.hexdigest()) != (part.size, part.sha256):
            raise self._damaged(f"{name} in it is not as it was written")

    def documents(self, collection: SavedCollection) -> Iterator[list[bytes]]:
        """The documents in BSON, about a megabyte at a time.

        Raises:
            BackupError: it is damaged.
        """
        rest = b""
        for chunk in self._chunks(collection.file, collection.part):
            rest += chunk
            documents, used = [], 0
            while (length := self._length(rest, used, collection)) is not None:
                documents.append(rest[used : used + length])
                used += length
            rest = rest[used:]
            if documents:
                yield documents
        if rest:
            raise self._damaged(f"{collection.file} in it ends within a document")

    def _length(self, content: bytes, start: int, collection: SavedCollection) -> int | None:
        """Of the document that begins there; None if it is not all there."""
        if len(content) - start < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(content, start)
        if not _LENGTH.size < length <= _LONGEST_DOCUMENT:
            raise self._damaged(f"{collection.file} in it holds what is no document")
        return length if length <= len(content) - start else None

    def copy_journal(self, target: Path) -> bool:
        """Write the journal to a file of its owner's alone; returns whether there is one in the backup."""
        if self.manifest.journal is None:
            return False
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for chunk in self._chunks(JOURNAL, self.manifest.journal):
                file.write(chunk)
        return True


def _read(content: Mapping[str, Any]) -> Manifest:
    """`TypeError`, `KeyError` and `ValueError` where it is not as it was written."""
    parse_instant(content["created_at"], UTC)
    journal = content["journal"]
    collections = [SavedCollection(**{**it, "part": Part(**it["part"])}) for it in content["collections"]]
    read = {"collections": collections, "journal": None if journal is None else Part(**journal)}
    return Manifest(**{**content, **read})
