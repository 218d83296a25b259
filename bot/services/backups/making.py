"""Making a backup, also while the service runs.

A tap is first in the journal and then in MongoDB, so the journal is copied first: a tap that is in both
copies is recorded once, and none is in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.shared.clock import Clock, iso_utc
from bot.core.shared.errors import BackupError
from bot.store.backups.archive import JOURNAL, BackupWriter, Manifest, Part
from bot.store.backups.dump import NoSnapshotError, dump, server_version
from bot.store.backups.mark import RestoreMark
from bot.store.inbox.journal_copy import copy_journal
from bot.store.mongodb.client import Database

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Made:
    """A backup.

    Attributes:
        size: bytes.
        left_out: what of the database is not in it, and why.
    """

    manifest: Manifest
    size: int
    left_out: Sequence[str]


async def make_backup(db: Database, journal: Path, target: Path, *, version: str, clock: Clock) -> Made:
    """Write a file that holds the journal and the database.

    Args:
        journal: its file, which need not be there.
        target: the file; nothing may be there.
        version: of this program.

    Raises:
        ConfigError: it cannot be written there.
        BackupError: it cannot be written to the end; nothing is left of it.
        JournalError: the journal cannot be read.
        StorageError: MongoDB cannot be read.
    """
    await RestoreMark(db).require_none()
    try:
        try:
            return await _make(db, journal, target, version, clock, of_one_moment=True)
        except NoSnapshotError:
            return await _make(db, journal, target, version, clock, of_one_moment=False)
    except OSError as exc:
        raise BackupError(
            f"{target} cannot be written ({exc.strerror or exc}); free disk space, or choose another place"
        ) from None


async def _make(
    db: Database, journal: Path, target: Path, version: str, clock: Clock, *, of_one_moment: bool
) -> Made:
    begun = clock()
    with BackupWriter(target) as writer:
        kept, waiting = _add_journal(writer, journal)
        dumped = await dump(db, writer, of_one_moment=of_one_moment)
        manifest = Manifest(
            version=version,
            created_at=iso_utc(begun),
            database=db.name,
            server=await server_version(db),
            is_one_moment=of_one_moment,
            journal=kept,
            waiting=waiting,
            collections=dumped.collections,
        )
        return Made(manifest, writer.finish(manifest), dumped.left_out)


def _add_journal(writer: BackupWriter, journal: Path) -> tuple[Part | None, int]:
    """The journal's part, and how much of it waits."""
    with writer.scratch() as scratch:
        copy = copy_journal(journal, scratch)
        if copy is None:
            return None, 0
        with writer.member(JOURNAL) as member, scratch.open("rb") as file:
            while chunk := file.read(_CHUNK):
                member.write(chunk)
        return member.part, copy.waiting
