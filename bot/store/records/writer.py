"""Upserts of checked records into their collections, for any writer and in any order.

What an upsert does to its document stands in `bot.store.records.upserts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError

from bot.core.records.models import FeedbackRecord, Record
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageUnavailable
from bot.store.answers.feedback_events import COLLECTION as FEEDBACK
from bot.store.answers.feedback_events import MAX_TRIES
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.mongodb.client import Collection, Database, Document, storage_errors
from bot.store.mongodb.transactions import in_transaction
from bot.store.people.tombstones import forgotten
from bot.store.personal_data import forget_again
from bot.store.records.atomic_writer import AtomicWriter
from bot.store.records.upserts import (
    FOREIGN_CODE,
    FORGOTTEN,
    KEY_TAKEN,
    TOO_LARGE,
    UNCHANGED_CODE,
    Refused,
    Upsert,
    Written,
    bulks,
    key_of,
    key_text,
    plain_key,
    receipts,
)

T = TypeVar("T")

_AT_ONCE = 2  # bulks of different documents: MongoDB waits for the disk in between


class RecordStore:
    """Writes to the collections that have a model.

    Args:
        clock: for `createdAt`, `updatedAt` and `receivedAt` where they are not given.
        metrics_per_athlete: `weekly_metrics` holds a document for each athlete and week, not for each week;
            the same setting as `bootstrap` had.
    """

    def __init__(self, db: Database, *, clock: Clock, metrics_per_athlete: bool = False) -> None:
        self._db = db
        self._clock = clock
        self._metrics_per_athlete = metrics_per_athlete
        self._invalidation = FigureInvalidation(db, clock)

    async def write(self, collection: str, records: Sequence[Record]) -> list[Written | Refused]:
        """Make records durable; results stand in the order of `records`.

        Records of one document take effect in their order. A record that is refused holds up no other one.

        Args:
            collection: one of `bot.core.records.collections.MODELS`.
            records: about a thousand; all are held in memory twice.

        Raises:
            StorageUnavailable: some may not be written; writing all of them again is harmless.
            StorageRejected: MongoDB denies access, or refuses for a reason that no record can mend.
        """
        now = self._clock()
        results: dict[int, Written | Refused] = {}
        rounds: list[list[Upsert]] = []
        turns: dict[object, int] = {}
        deleted = await forgotten(self._db, records, now)
        for index, record in enumerate(records):
            key = key_of(collection, record, metrics_per_athlete=self._metrics_per_athlete)
            if isinstance(key, Refused):
                results[index] = key
                continue
            if index in deleted:
                results[index] = Refused(key_text(key), FORGOTTEN)
                continue
            upsert = Upsert.of(index, collection, record, key, now)
            if upsert.is_too_large:
                results[index] = upsert.refused(TOO_LARGE)
                continue
            # Two answers about one session may come under its plain key and under its collision key.
            document = plain_key(record) if isinstance(record, FeedbackRecord) else tuple(key.values())
            turn = turns[document] = turns.get(document, -1) + 1
            if turn == len(rounds):
                rounds.append([])
            rounds[turn].append(upsert)
        async with self._invalidation.around(await receipts(self._db, records)):
            for upserts in rounds:
                results |= await self._settle_all(collection, upserts, now)
            await forget_again(self._db, records, now)
        return [results[index] for index in range(len(records))]

    async def all_or_nothing(self, work: Callable[[AtomicWriter], Awaitable[T]]) -> T:
        """Make all durable that `work` writes, or nothing of it, and return its result.

        Args:
            work: what it raises undoes what it has written. It is called again, from the beginning, when
                MongoDB calls the transaction off for reasons of its own.

        Raises:
            As `bot.store.mongodb.transactions.in_transaction`.
        """
        now = self._clock()
        touched: set[str] = set()
        answers: list[Record] = []

        async def attempt(session: AsyncClientSession) -> T:
            together = AtomicWriter(
                self._db,
                session,
                now,
                metrics_per_athlete=self._metrics_per_athlete,
                invalidation=self._invalidation,
            )
            try:
                return await work(together)
            finally:
                touched.update(together.touched)
                answers[:] = together.answers

        try:
            result = await in_transaction(self._db, attempt)
            await forget_again(self._db, answers, now)
            return result
        finally:
            await self._invalidation.invalidate(touched)

    async def _settle_all(
        self, collection: str, upserts: Sequence[Upsert], now: datetime
    ) -> dict[int, Written | Refused]:
        """Settle upserts into different documents, some at once."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def settle(bulk: Sequence[Upsert]) -> dict[int, Written | Refused]:
            async with gate:
                return await self._settle(collection, bulk, now)

        # All have ended when this raises.
        done = await asyncio.gather(*map(settle, bulks(upserts)), return_exceptions=True)
        results: dict[int, Written | Refused] = {}
        for part in done:
            if isinstance(part, BaseException):
                raise part
            results |= part
        return results

    async def _settle(
        self, collection: str, upserts: Sequence[Upsert], now: datetime
    ) -> dict[int, Written | Refused]:
        """Send upserts together until each is written or refused."""
        results: dict[int, Written | Refused] = {}
        todo = await self._at_home(upserts, now) if collection == FEEDBACK else upserts
        for _ in range(MAX_TRIES):
            inserted, errors = await _send(self._db[collection], todo)
            again = []
            for place, upsert in enumerate(todo):
                error = errors.get(place)
                if error is None:
                    results[upsert.index] = Written("inserted" if place in inserted else "changed")
                elif error["code"] == UNCHANGED_CODE:
                    results[upsert.index] = Written("unchanged")
                elif error["code"] == FOREIGN_CODE and (moved := upsert.aside(now)):
                    again.append(moved)
                elif upsert.loses_its_key(error):
                    # Two first writes at once: the loser's next try finds the winner's document.
                    again.append(upsert)
                else:
                    results[upsert.index] = upsert.refused_by(error)
            if not again:
                return results
            todo = again
        return results | {upsert.index: upsert.refused(KEY_TAKEN) for upsert in todo}

    async def _at_home(self, upserts: Sequence[Upsert], now: datetime) -> Sequence[Upsert]:
        """Send answers that come under a collision key to their session's document under the plain key, if
        it is there: here the sessions may have come in the other order."""
        exported = {
            upsert.index: (plain_key(record), record.runId, record.sessionId)
            for upsert in upserts
            if isinstance(record := upsert.record, FeedbackRecord)
            and upsert.key["sessionKey"] != plain_key(record)
        }
        if not exported:
            return upserts
        fields = ("sessionKey", "runId", "sessionId")
        with storage_errors():
            found = self._db[FEEDBACK].find(
                {"sessionKey": {"$in": [key for key, *_ in exported.values()]}}, dict.fromkeys(fields, True)
            )
            homes = {tuple(document.get(name) for name in fields) async for document in found}
        return [
            upsert.under(home[0], now)
            if (home := exported.get(upsert.index)) is not None and home in homes
            else upsert
            for upsert in upserts
        ]


async def _send(collection: Collection, upserts: Sequence[Upsert]) -> tuple[set[int], dict[int, Document]]:
    """One bulk write, in no order: the places of those that inserted, and the errors of those that failed."""
    with storage_errors():
        try:
            requests = [upsert.request() for upsert in upserts]
            details: Mapping[str, Any] = (
                await collection.bulk_write(requests, ordered=False)
            ).bulk_api_result
        except BulkWriteError as exc:
            if exc.timeout or exc.details["writeConcernErrors"]:
                raise StorageUnavailable("MongoDB could not finish the writes in time") from None
            details = exc.details
    return (
        {done["index"] for done in details["upserted"]},
        {error["index"]: error for error in details["writeErrors"]},
    )
