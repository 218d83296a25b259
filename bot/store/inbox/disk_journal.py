"""The journal on disk, of one service (see `bot.store.inbox.journal`).

SQLite in WAL mode with `synchronous=FULL`: a transaction is a batch, and its commit is an fsync.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers
from bot.core.shared.clock import Clock, from_ms, to_ms
from bot.core.shared.errors import JournalError
from bot.core.telegram.updates import sender_of, without_sender
from bot.store.inbox.journal import (
    DEAD,
    DONE,
    LAST_POLL_FACT,
    NO_ID,
    PENDING,
    STATE_NAMES,
    Entry,
    JournalState,
    JournalTaps,
    encode,
)
from bot.store.inbox.journal_connection import JournalConnection
from bot.store.inbox.journal_table import (
    DAMAGED,
    IDENTITY_FACT,
    drop_old_dead_letters,
    entries,
    is_kind,
    numbers,
    row,
)

_T = TypeVar("_T")
_SMALL_CHUNK = 50  # entries at once where there is little room


class DiskJournal:
    """The journal in one file. All access goes through one thread, so that fsync never blocks the loop.

    Every method raises `JournalError` when the disk is full, read-only or damaged; nothing was written then.

    Args:
        clock: of the service that has the journal, which is then locked, watched and witnessed. None: it is
            opened beside a service, if there is one.
        may_make: make the file if there is none; else the journal is an empty one that nobody keeps.
    """

    def __init__(self, path: Path, clock: Clock | None = None, *, may_make: bool = True) -> None:
        self._path = path
        self._connection = JournalConnection(path, clock, may_make=may_make)
        self._io = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def open(self) -> None:
        """Open or create the file (mode 0600: it holds what athletes wrote)."""
        await self._run(self._connection.open)

    async def close(self) -> None:
        """Close the file; the journal cannot be used afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._io, self._connection.close)
        self._io.shutdown()

    @property
    def identity(self) -> int:
        """By which the journal, and the service that has it, are known; 0 where it was opened beside one."""
        return self._connection.identity

    @property
    def numbers(self) -> JournalNumbers:
        """How far it is, as the service that has it knows."""
        return self._connection.numbers

    @property
    def is_shared(self) -> bool:
        """It is one service's own."""
        return False

    async def opened_with(self) -> JournalNumbers:
        """See `Journal`."""
        return self._connection.opened_with

    async def append(
        self, updates: Sequence[object], *, polled_at: datetime, facts: Mapping[str, int] | None = None
    ) -> int:
        """See `Journal`."""
        rows = [row(update, polled_at) for update in updates]

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
            db.execute(f"DELETE FROM updates WHERE {gone} AND state = {DONE}", again)
            db.execute(f"UPDATE updates SET confirmed = 1 WHERE {gone}", again)
            before = db.total_changes
            for update_id, received_ms, is_tap, raw in rows:
                if update_id is None:
                    # No id, so it can never be confirmed and comes again and again: keep one copy.
                    db.execute(
                        "INSERT INTO updates (received_ms, is_tap, raw, state, error) SELECT ?, ?, ?, ?, ?"
                        " WHERE NOT EXISTS (SELECT 1 FROM updates WHERE update_id IS NULL AND raw = ?)",
                        (received_ms, is_tap, raw, DEAD, NO_ID, raw),
                    )
                else:
                    db.execute(
                        "INSERT OR IGNORE INTO updates (update_id, received_ms, is_tap, raw)"
                        " VALUES (?, ?, ?, ?)",
                        (update_id, received_ms, is_tap, raw),
                    )
            new = db.total_changes - before
            if any(update_id is None for update_id, *_ in rows):
                drop_old_dead_letters(db)
            remembered = {LAST_POLL_FACT: to_ms(polled_at), **(facts or {})}
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", remembered.items())
            return new

        return await self._keep(rows, write)

    async def receive(self, updates: Sequence[object], *, received_at: datetime) -> None:
        """Store durably what was pushed. When this returns, it may be acknowledged, and so is forgotten by
        Telegram; what comes again all the same is kept again."""
        rows = [row(update, received_at) for update in updates]

        def write(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO updates (update_id, received_ms, is_tap, raw, confirmed) VALUES (?, ?, ?, ?, 1)",
                [row for row in rows if row[0] is not None],
            )
            if dead := [row for row in rows if row[0] is None]:
                db.executemany(
                    "INSERT INTO updates (update_id, received_ms, is_tap, raw, state, confirmed, error)"
                    f" VALUES (?, ?, ?, ?, {DEAD}, 1, '{NO_ID}')",
                    dead,
                )
                drop_old_dead_letters(db)

        await self._keep(rows, write)

    async def adopt(self, entries: Sequence[Entry]) -> None:
        """See `Journal`."""
        rows = [row(entry.update, entry.received_at) for entry in entries]
        kept = [(*it, entry.answered, entry.attempts) for it, entry in zip(rows, entries, strict=True)]
        columns = "update_id, received_ms, is_tap, raw, confirmed, answered, attempts"
        insert = f"INSERT INTO updates ({columns}) VALUES (?, ?, ?, ?, 1, ?, ?)"
        await self._keep(rows, lambda db: db.executemany(insert, kept))

    async def pending(self, *, after: int, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed entries behind position `after`, oldest first."""

        where = f"state = {PENDING} AND seq > ? ORDER BY seq LIMIT ?"
        return await self._read(lambda db: entries(db, where, (after, limit)))

    async def entries(self, seqs: Sequence[int]) -> list[Entry]:
        """The unprocessed entries among these positions, oldest first."""
        marks = ",".join("?" * len(seqs))
        where = f"state = {PENDING} AND seq IN ({marks}) ORDER BY seq"
        return await self._read(lambda db: entries(db, where, tuple(seqs)))

    async def unanswered(self, *, after: int, before: datetime, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed and unanswered taps behind position `after`, received before then."""
        where = (
            f"state = {PENDING} AND is_tap = 1 AND answered = 0 AND seq > ? AND received_ms < ?"
            " ORDER BY seq LIMIT ?"
        )
        return await self._read(lambda db: entries(db, where, (after, to_ms(before), limit)))

    async def mark_answered(self, seqs: Iterable[int]) -> None:
        """Remember that these callback queries were answered although they are not processed yet."""

        def write(rows: Sequence[tuple[int]], db: sqlite3.Connection) -> None:
            db.executemany("UPDATE updates SET answered = 1 WHERE seq = ?", rows)

        await self._write_all(seqs, write)

    async def finish(self, seqs: Iterable[int]) -> None:
        """These entries are processed: forget them as soon as Telegram has."""

        def write(rows: Sequence[tuple[int]], db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM updates WHERE seq = ? AND confirmed = 1", rows)
            db.executemany(f"UPDATE updates SET state = {DONE} WHERE seq = ?", rows)

        await self._write_all(seqs, write)

    async def failed(self, seq: int, error: str, *, give_up: bool) -> None:
        """Count a failed try; with `give_up` the entry becomes a dead letter and is not tried again."""

        def write(db: sqlite3.Connection) -> None:
            state = DEAD if give_up else PENDING
            db.execute(
                "UPDATE updates SET attempts = attempts + 1, error = ?, state = ? WHERE seq = ?",
                (error, state, seq),
            )
            if give_up:
                drop_old_dead_letters(db)

        await self._write(write)

    async def facts(self) -> dict[str, int]:
        """Small durable facts: the last poll, and those given to `append` and `remember`."""
        return await self._read(lambda db: dict(db.execute("SELECT name, value FROM facts")))

    async def reach(self) -> tuple[int | None, int]:
        """Its identity, if it has one, and the number of its last entry, as they are in the file."""
        last = await self._read(lambda db: numbers(db).last)
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
            self._connection.renew_witness()
            db.execute("INSERT OR REPLACE INTO facts VALUES ('probe', 1)")

        await self._keep((), write)

    async def is_kept(self, first: int | None = None) -> bool:
        """Whether what is in the journal is in the file at its path, and so outlives the process.

        Args:
            first: the number of the first entry in question, which may have been read from a journal that was
                lost since; None: whatever was in it just now.
        """
        try:
            is_whole = await self._run(self._connection.make_certain)
        except JournalError:
            return False
        return is_whole if first is None else first > self._connection.lost_up_to

    async def note_loss(self, loss: JournalLoss) -> None:
        """Remember entries that are missing, and that whoever gave them may have tapped in vain; numbers go
        on above them."""
        await self._write(lambda db: self._connection.note_loss(db, loss))

    async def state(self) -> JournalState:
        """What is waiting and what was given up."""

        def read(db: sqlite3.Connection) -> JournalState:
            # Asked every few seconds, also when very much is waiting: through the partial indexes alone.
            (waiting,) = db.execute(f"SELECT count(*) FROM updates WHERE state = {PENDING}").fetchone()
            taps = f"state = {PENDING} AND is_tap = 1"
            first = db.execute(f"SELECT received_ms FROM updates WHERE {taps} ORDER BY seq LIMIT 1")
            (oldest,) = first.fetchone() or (None,)
            dead, dead_taps, oldest_dead = db.execute(
                f"SELECT count(*), total(is_tap), min(received_ms) FROM updates WHERE state = {DEAD}"
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
            where = f"state = {PENDING} AND is_tap = 1"
            pending = entries(db, f"{where} ORDER BY seq LIMIT ?", (limit,))
            (number,) = db.execute(f"SELECT count(*) FROM updates WHERE {where}").fetchone()
            (dead_letters,) = db.execute(f"SELECT count(*) FROM updates WHERE state = {DEAD}").fetchone()
            dead = entries(db, f"state = {DEAD} AND is_tap = 1", ())
            return JournalTaps(tuple(pending), number - len(pending), tuple(dead), dead_letters)

        return await self._read(read)

    async def of_user(self, user_id: int) -> list[dict[str, Any]]:
        """What came from a Telegram user and is not forgotten yet: `receivedAt`, `state`, `update`."""

        def read(db: sqlite3.Connection) -> list[dict[str, Any]]:
            rows = db.execute("SELECT received_ms, state, raw FROM updates ORDER BY seq")
            found = ((ms, state, json.loads(raw)) for ms, state, raw in rows if _may_be_of(raw, user_id))
            return [
                {"receivedAt": from_ms(ms), "state": STATE_NAMES[state], "update": update}
                for ms, state, update in found
                if sender_of(update) == user_id
            ]

        return await self._read(read)

    async def senders_of_dead_letters(self) -> set[int]:
        """The Telegram users from whom the dead letters came, as far as these say it."""

        def read(db: sqlite3.Connection) -> set[int]:
            rows = db.execute(f"SELECT raw FROM updates WHERE state = {DEAD}")
            return {sender for (raw,) in rows if (sender := sender_of(json.loads(raw))) is not None}

        return await self._read(read)

    async def forget_user(self, user_id: int, until: datetime) -> None:
        """Take everything but its id out of a user's dead letters received until then; they still count.

        What is finished goes with the next poll; before that it is needed to recognise its redelivery.
        """

        def write(db: sqlite3.Connection) -> None:
            rows = db.execute(
                f"SELECT seq, raw FROM updates WHERE state = {DEAD} AND confirmed = 1 AND received_ms <= ?",
                (to_ms(until),),
            )
            dead = [(seq, json.loads(raw)) for seq, raw in rows if _may_be_of(raw, user_id)]
            blank = [(encode(without_sender(it)), seq) for seq, it in dead if sender_of(it) == user_id]
            db.executemany("UPDATE updates SET raw = ?, error = NULL WHERE seq = ?", blank)

        await self._write(write)

    async def compact(self) -> None:
        """Give free pages back to the file system."""

        def work(db: sqlite3.Connection) -> None:
            db.executescript("PRAGMA incremental_vacuum")  # `execute` would free a single page
            self._connection.empty_log(db)

        await self._read(work)

    async def look(self, on_new: Callable[[], None]) -> None:
        """Nobody else puts anything in."""

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(lambda: work(self._connection.db))

    async def _write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def write() -> _T:
            self._connection.make_certain(may_be_hidden=True)
            return self._connection.commit(work)

        return await self._run(write)

    async def _keep(
        self,
        rows: Sequence[tuple[int | None, int, bool, bytes]],
        work: Callable[[sqlite3.Connection], _T],
    ) -> _T:
        """Write what may then be confirmed: it is certain that it is in the file at the path."""
        size = sum(len(raw) for *_, raw in rows)

        def keep() -> _T:
            self._connection.make_certain()
            self._connection.require_room(size)
            result = self._connection.commit(work)
            if not self._connection.make_certain():
                raise JournalError(
                    f"the journal {self._path} lost what it had just taken, and is begun anew. That is not"
                    " confirmed to Telegram, and comes again"
                )
            return result

        return await self._run(keep)

    async def _write_all(
        self, seqs: Iterable[int], work: Callable[[Sequence[tuple[int]], sqlite3.Connection], None]
    ) -> None:
        """Write in so many steps that their logs have room on the disk."""
        rows = [(seq,) for seq in seqs]

        def write() -> None:
            step = _SMALL_CHUNK if self._connection.has_little_room else len(rows)
            for start in range(0, len(rows), max(step, 1)):
                chunk = rows[start : start + step]
                self._connection.make_certain(may_be_hidden=True)
                self._connection.commit(partial(work, chunk))

        await self._run(write)

    async def _run(self, work: Callable[[], _T]) -> _T:
        # Shielded: a cancelled caller must not leave a transaction whose fate nobody knows.
        running = asyncio.get_running_loop().run_in_executor(self._io, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # It ends by itself; a failure then concerns nobody, since nothing is confirmed on its account.
            running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise
        except OSError as exc:
            raise JournalError(
                f"the journal {self._path} cannot be written or read ({exc.strerror}); free disk space or"
                " restore write access. Nothing is confirmed to Telegram meanwhile"
            ) from exc
        except sqlite3.Error as exc:
            is_damaged = is_kind(exc, DAMAGED)
            cure = (
                "restore it from a backup (docs/backup.md), or move it away and lose what only it holds"
                if is_damaged
                else "free disk space or restore write access"
            )
            raise JournalError(
                f"the journal {self._path} cannot be written or read ({exc}); {cure}. Nothing is confirmed to"
                " Telegram meanwhile"
            ) from exc


def _may_be_of(raw: bytes, user_id: int) -> bool:
    return str(user_id).encode() in raw
