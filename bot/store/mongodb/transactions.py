"""One transaction: all that is written in it is durable, or nothing was written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pymongo
from pymongo import ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import BotError, StorageRejected, StorageUnavailable
from bot.store.mongodb.client import Database, storage_errors

T = TypeVar("T")

TOO_LARGE_FOR_CACHE = 388
_NO_TRANSACTIONS = 20
_WRITE_CONFLICT = 112
_NO_SUCH_TRANSACTION = 251
_AGAIN = "TransientTransactionError"
_UNCERTAIN = "UnknownTransactionCommitResult"

_LIFETIME = 60.0  # seconds: MongoDB's default limit
_OUTAGE = 10.0  # seconds until a MongoDB without a primary counts as unavailable
_COMMIT = 30.0  # seconds: 100,000 documents take three
_ABORT = 1.0  # seconds: a courtesy, since MongoDB ends by itself what nobody goes on with
_BACKOFF = Backoff(0.01, 1.0, jitter=0.5)  # not in step with the writer in the way


class TransactionImpossible(StorageRejected):
    """MongoDB cannot do this in one transaction; without one, or with less in it, it may go."""


async def in_transaction(
    db: Database, work: Callable[[AsyncClientSession], Awaitable[T]], *, timeout: float = 90.0
) -> T:
    """Commit all that `work` writes, and return its result.

    Args:
        work: it reads and writes with the given session, one operation at a time, and leaves errors of the
            driver alone. It is called again, from the beginning, when MongoDB calls the transaction off for
            reasons of its own. What it raises ends the transaction.
        timeout: seconds to wait for other writers of the same documents. If one was killed in the middle,
            MongoDB ends its transaction after a minute.

    Raises:
        StorageUnavailable: all may be written, or nothing; to do it again is harmless.
        StorageRejected: nothing was written.
        TransactionImpossible: nothing was written: MongoDB has no transactions, or this one gets too large.
    """
    trouble: float | None = None
    failures = 0
    while True:
        failures += 1
        delay = _BACKOFF.delay(failures)
        begun = time.monotonic()
        with storage_errors():
            try:
                return await _attempt(db, work)
            except PyMongoError as exc:
                now = time.monotonic()
                trouble = trouble or now
                if now + delay - trouble > _patience(exc, timeout, lasted=now - begun):
                    if clearer := _explain(exc, lasted=now - begun):
                        raise clearer from None
                    raise
        await asyncio.sleep(delay)


async def _attempt(db: Database, work: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
    majority = WriteConcern("majority", j=True)
    async with db.client.start_session() as session:
        await session.start_transaction(ReadConcern("snapshot"), majority, ReadPreference.PRIMARY)
        try:
            result = await work(session)
        except BaseException:
            with pymongo.timeout(_ABORT):
                await session.abort_transaction()
            raise
        await _commit(session)
        return result


async def _commit(session: AsyncClientSession) -> None:
    """Commit until MongoDB says what became of it: work done again would find its own writes, unchanged."""
    begun, failures = time.monotonic(), 0
    while True:
        try:
            with pymongo.timeout(_COMMIT):
                return await session.commit_transaction()
        except PyMongoError as exc:
            if isinstance(exc, OperationFailure) and exc.code == _WRITE_CONFLICT:
                # It met all other writers before. What finds no room now is MongoDB's bookkeeping.
                raise OperationFailure(str(exc), TOO_LARGE_FOR_CACHE, exc.details) from None
            if not exc.has_error_label(_UNCERTAIN) or time.monotonic() - begun > _OUTAGE:
                raise
        failures += 1
        await asyncio.sleep(_BACKOFF.delay(failures))


def _patience(error: PyMongoError, timeout: float, *, lasted: float) -> float:
    """How many seconds after the first failure another try may still be worth it.

    Args:
        lasted: seconds that the try took.
    """
    code = error.code if isinstance(error, OperationFailure) else None
    if code == _WRITE_CONFLICT:
        return timeout
    if code == _NO_SUCH_TRANSACTION and lasted > _LIFETIME:
        return 0  # it was ended for its age, and would be again
    return min(timeout, _OUTAGE) if error.has_error_label(_AGAIN) else 0


def _explain(error: PyMongoError, *, lasted: float) -> BotError | None:
    """What `storage_errors` cannot know."""
    if error.has_error_label(_UNCERTAIN):
        return StorageUnavailable("MongoDB does not say whether it took all or nothing")
    match error:
        case OperationFailure(code=code) if code == _NO_TRANSACTIONS:
            return TransactionImpossible(
                "this MongoDB has no transactions, without which it is not all or nothing; make it a replica"
                " set (one member is enough: start mongod with --replSet rs0, then rs.initiate() in mongosh)"
            )
        case OperationFailure(code=code) if code == _WRITE_CONFLICT:
            return StorageUnavailable(
                "another writer of the same documents has not finished; try again in a minute"
            )
        case OperationFailure(code=code) if code == _NO_SUCH_TRANSACTION:
            return TransactionImpossible(
                f"MongoDB ended the transaction, which took {lasted:.0f} s (it allows a minute, or its"
                " transactionLifetimeLimitSeconds); write less at once"
            )
        case OperationFailure(code=code) if code == TOO_LARGE_FOR_CACHE:
            return too_large_for_cache()
        case _:
            return None


def too_large_for_cache() -> TransactionImpossible:
    """What `TOO_LARGE_FOR_CACHE` means."""
    return TransactionImpossible(
        "a transaction must fit into MongoDB's cache, and this one does not; write less at once"
    )
