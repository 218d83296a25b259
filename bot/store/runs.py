"""A whole run, into three collections at once."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime

from pymongo import ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DocumentTooLarge, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bot.core.builders import RunRecords
from bot.core.clock import Clock
from bot.core.errors import BotError, StorageRejected, StorageUnavailable
from bot.core.records import Record
from bot.store.connection import Database, storage_errors
from bot.store.feedback import HOPELESS
from bot.store.records import KEY_TAKEN, TOO_LARGE, Written, hopeless_reason, key_text, merge

_OUTAGE = 10.0  # seconds until a MongoDB without a primary counts as unavailable
_MAX_DELAY = 1.0  # seconds between two tries
_NO_TRANSACTIONS = 20
_WRITE_CONFLICT = 112
_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult")


async def record_run(
    db: Database, run: RunRecords, *, clock: Clock, timeout: float = 90.0
) -> dict[str, Written]:
    """Write a run to `run_events`, `plan_snapshots` (after a success) and `run_artifacts`.

    One transaction: all documents are durable, or none was written. Each is written as by `RecordStore`,
    except that `createdAt` alone is no change. So recording a run again changes nothing, even if it was
    built anew, at another time.

    A success may follow a failure of the same `runId`, and replaces it. A failure is refused while there is
    a plan snapshot of the run: it would deny a plan that somebody may be training already, and may only be
    an older attempt, delivered late. So both orders end in the same.

    Args:
        run: see `bot.core.builders.build_run`.
        clock: for `updatedAt`, and for `createdAt` where it is not given.
        timeout: seconds to wait for another writer of the same run. If that one was killed in the middle,
            MongoDB ends its transaction after a minute.

    Returns:
        What became of the document in each collection.

    Raises:
        StorageUnavailable: the run may not be written; recording it again is harmless.
        StorageRejected: nothing was written: MongoDB has no transactions, or refuses a document, or there is
            a plan of the failed run.
    """
    now = clock()
    started, delay = time.monotonic(), 0.01
    while True:
        with storage_errors():
            try:
                return await _attempt(db, run, now)
            except PyMongoError as exc:
                if time.monotonic() + delay - started > _patience(exc, timeout):
                    if clearer := _explain(exc):
                        raise clearer from None
                    raise
        # Not in step with the writer in the way.
        await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311
        delay = min(2 * delay, _MAX_DELAY)


async def _attempt(db: Database, run: RunRecords, now: datetime) -> dict[str, Written]:
    majority = WriteConcern("majority", j=True)
    async with (
        db.client.start_session() as session,
        await session.start_transaction(ReadConcern("snapshot"), majority, ReadPreference.PRIMARY),
    ):
        if run.plan_snapshot is None:
            await _refuse_to_deny_a_plan(db, run.run_event.runId, session)
        return {
            collection: await _upsert(db, collection, record, now, session)
            for collection, record in run.by_collection().items()
        }


async def _refuse_to_deny_a_plan(db: Database, run_id: str, session: AsyncClientSession) -> None:
    if await db.plan_snapshots.find_one({"runId": run_id}, {"_id": True}, session=session):
        raise StorageRejected(
            f"{key_text({'runId': run_id})}: is recorded with a plan, which a failure would deny;"
            " record the failure under a runId of its own, or delete the plan snapshot first"
        )


async def _upsert(
    db: Database, collection: str, record: Record, now: datetime, session: AsyncClientSession
) -> Written:
    key = {record.KEY: getattr(record, record.KEY)}
    # An error would end the transaction: where nothing changes, the document replaces itself.
    stage = merge(collection, record, now, unchanged="$$ROOT", created_follows=True)
    try:
        result = await db[collection].update_one(key, [stage], upsert=True, session=session)
    except DocumentTooLarge:
        problem = TOO_LARGE
    except OperationFailure as exc:
        if exc.code not in HOPELESS:
            raise
        problem = hopeless_reason(exc.code)
    else:
        if result.upserted_id is not None:
            return Written("inserted")
        return Written("changed" if result.modified_count else "unchanged")
    raise StorageRejected(f"{collection}, {key_text(key)}: {problem}; nothing of the run was written")


def _patience(error: PyMongoError, timeout: float) -> float:
    """How many seconds after the first try another one may still be worth it."""
    if isinstance(error, OperationFailure) and error.code == _WRITE_CONFLICT:
        return timeout
    if isinstance(error, DuplicateKeyError) or any(map(error.has_error_label, _LABELS)):
        return min(timeout, _OUTAGE)
    return 0


def _explain(error: PyMongoError) -> BotError | None:
    """What `storage_errors` cannot know."""
    match error:
        case OperationFailure(code=code) if code == _NO_TRANSACTIONS:
            return StorageRejected(
                "this MongoDB has no transactions, which recording a run needs; make it a replica set (one"
                " member is enough: start mongod with --replSet rs0, then rs.initiate() in mongosh)"
            )
        case OperationFailure(code=code) if code == _WRITE_CONFLICT:
            return StorageUnavailable("another writer of this run has not finished; try again in a minute")
        case DuplicateKeyError():
            return StorageRejected(f"a document of the run cannot be written: {KEY_TAKEN}")
        case _:
            return None
