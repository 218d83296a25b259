"""Restoring a backup: all of it, or the mark that it is not all there.

Deletion is final. Who had everything deleted since the backup was made (/forgetme) is in it all the same; the
tombstones of the database that is replaced stay, and the deletions are carried out once more.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.people.athlete import Roster
from bot.core.people.tombstone import DataSubject, Tombstone, pseudonym
from bot.core.records.collections import TOMBSTONES
from bot.core.shared.clock import Clock, from_ms
from bot.core.shared.errors import ConfigError
from bot.services.inbox.outage import gap_before
from bot.services.people.deletion import Deletion
from bot.store.backups.archive import BackupFile
from bot.store.backups.load import clear, count_outdated, load, occupied, read_all
from bot.store.backups.mark import RestoreMark
from bot.store.inbox.journal import LAST_POLL_FACT, Journal, encode
from bot.store.inbox.journal_copy import JournalReader
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.journal_table import IDENTITY_FACT
from bot.store.inbox.leases import LeaseStore
from bot.store.mongodb.client import Database, storage_errors
from bot.store.people.tombstones import TombstoneStore, read_tombstones
from bot.store.personal_data import PersonalStore

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done.

    Attributes:
        waiting: updates that the journal got of the backup, and that wait to be processed.
        deleted_again: how many people had everything deleted after the backup was made.
        outdated: documents that MongoDB deletes at once since they are too old, by collection.
        replaced: documents that were there before, by collection.
        asks_again: whether what is unanswered is asked again.
    """

    waiting: int
    deleted_again: int
    outdated: Mapping[str, int]
    replaced: Mapping[str, int]
    asks_again: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup is restored to. Whoever has the journal open as its service keeps others away.

    Attributes:
        deletion: from the database.
        listed: ATHLETE_IDS.
        roster: reads the athletes.
    """

    db: Database
    journal: Journal
    deletion: Deletion
    listed: Collection[int]
    roster: Callable[[], Awaitable[Roster]]
    clock: Clock


async def restore(backup: BackupFile, target: Target, scratch: Path, *, replace: bool) -> Restored:
    """Put everything of a backup in place.

    Args:
        backup: verified.
        scratch: an empty directory.
        replace: whether what is there may be deleted.

    Raises:
        ConfigError: a service runs on the database, or something is there; nothing was changed.
        BotError: it is not all restored, and marked so unless nothing was changed.
    """
    db, saved = target.db, backup.manifest.collections
    mark = RestoreMark(db)
    await _require_no_service(db)
    there = await occupied(db, saved)
    if there and not replace and await mark.begun_at() is None:
        shown = ", ".join(f"{number:,} in {name}" for name, number in there.items())
        raise ConfigError(
            f"--replace: the database {db.name} is not empty ({shown}); with --replace all that is deleted,"
            " and the backup takes its place"
        )
    with storage_errors():  # whoever may not drop must not begin; there is no such collection
        await db.drop_collection("restore_probe")
    await mark.put()
    again = await _take_back_tombstones(backup, TombstoneStore(db))
    await clear(db, saved)
    for it in saved:
        if it.name != TOMBSTONES.name:
            await load(db, backup, it)
    deleted = await _delete_again(target, again)
    waiting, asks_again = await _take_back_journal(backup, target, scratch)
    outdated = await count_outdated(db, saved, target.clock())
    await mark.remove()
    return Restored(waiting, deleted, outdated, there, asks_again)


async def _require_no_service(db: Database) -> None:
    alive = [peer for peer in await LeaseStore(db).all_peers() if peer.is_alive]
    if alive:
        hosts = ", ".join(peer.host for peer in alive)
        raise ConfigError(
            f"a service runs on the database {db.name}: {hosts}; stop it, and wait for 15 s if it was killed"
        )


async def _take_back_tombstones(backup: BackupFile, tombstones: TombstoneStore) -> dict[str, Tombstone]:
    """Those that are there now, by pseudonym, and were not carried out when the backup was made."""
    documents = [
        document
        for it in backup.manifest.collections
        if it.name == TOMBSTONES.name
        for document in read_all(backup, it)
    ]
    await tombstones.take_back(documents)
    known = read_tombstones(documents)
    return {
        name: tombstone
        for name, tombstone in (await tombstones.by_pseudonym()).items()
        if name not in known or known[name].is_open or tombstone.at.is_after(known[name].at)
    }


async def _delete_again(target: Target, tombstones: Mapping[str, Tombstone]) -> int:
    """Carry out deletions; returns of how many people something had come back."""
    if not tombstones:
        return 0
    roster = await target.roster()
    deleted = 0
    for user_id in sorted(await PersonalStore(target.db).known_users()):
        if (tombstone := tombstones.get(pseudonym(user_id))) is None:
            continue
        person, at = DataSubject.of(user_id, roster.by_user(user_id)), tombstone.at
        is_listed = user_id in target.listed
        await target.deletion.begin(person, at, is_listed=is_listed, message_id=tombstone.message_id)
        await target.deletion.forget(person, at)
        await target.journal.forget_user(user_id, at.at)
        await TombstoneStore(target.db).close(user_id, at)
        deleted += 1
    return deleted


async def _take_back_journal(backup: BackupFile, target: Target, scratch: Path) -> tuple[int, bool]:
    """Put what the backup's journal had to be processed into the present one, beside what that has.

    Returns:
        How many updates, and whether so much time has passed since that taps were lost.
    """
    file = scratch / "journal.sqlite3"
    if not backup.copy_journal(file):
        return 0, False
    journal, taken = target.journal, 0
    there = await _pending(journal)
    with JournalReader(file) as copy:
        for page in copy.unprocessed():
            new = [update for update in page if update.raw not in there]
            for received_ms, together in itertools.groupby(new, key=lambda update: update.received_ms):
                updates = [json.loads(update.raw) for update in together]
                await journal.receive(updates, received_at=from_ms(received_ms))
                taken += len(updates)
        facts = copy.facts()
    if identity := facts.get(IDENTITY_FACT):
        # What it held is here now: nobody is to miss it.
        await JournalRegisterStore(target.db).gone([f"{identity:x}"])
    polled = facts.get(LAST_POLL_FACT)
    gap = gap_before(
        target.clock(), None if polled is None else from_ms(polled), what="the backup knows of no poll"
    )
    if gap:
        await journal.remember(gap)
    return taken, bool(gap)


async def _pending(journal: Journal) -> Collection[bytes]:
    """What waits there already, as it is kept: an earlier try to restore may have put it there."""
    found: set[bytes] = set()
    last = 0
    while page := await journal.pending(after=last, limit=_PAGE):
        last = page[-1].seq
        found |= {encode(entry.update) for entry in page}
    return found
