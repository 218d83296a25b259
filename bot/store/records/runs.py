"""A whole run, into three collections at once."""

from __future__ import annotations

from datetime import datetime

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DocumentTooLarge, DuplicateKeyError, OperationFailure

from bot.core.records.builders import RunRecords
from bot.core.records.collections import PLAN_SNAPSHOTS
from bot.core.records.models import Record
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageConflict
from bot.store.answers.answer_updates import KEEP
from bot.store.answers.feedback_events import HOPELESS
from bot.store.mongodb.client import Database
from bot.store.mongodb.transactions import in_transaction
from bot.store.records.upserts import KEY_TAKEN, TOO_LARGE, Written, hopeless_reason, key_text, merge


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
        run: see `bot.core.records.builders.build_run`.
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

    async def work(session: AsyncClientSession) -> dict[str, Written]:
        if run.plan_snapshot is None:
            await _refuse_to_deny_a_plan(db, run.run_event.runId, session)
        return {
            collection: await _upsert(db, collection, record, now, session)
            for collection, record in run.by_collection().items()
        }

    return await in_transaction(db, work, timeout=timeout)


async def _refuse_to_deny_a_plan(db: Database, run_id: str, session: AsyncClientSession) -> None:
    if await db[PLAN_SNAPSHOTS.name].find_one({"runId": run_id}, {"_id": True}, session=session):
        raise StorageConflict(
            f"{key_text({'runId': run_id})}: is recorded with a plan, which a failure would deny;"
            " record the failure under a runId of its own, or delete the plan snapshot first"
        )


async def _upsert(
    db: Database, collection: str, record: Record, now: datetime, session: AsyncClientSession
) -> Written:
    key = {record.KEY: getattr(record, record.KEY)}
    stage = merge(collection, record, now, unchanged=KEEP, created_follows=True)
    try:
        result = await db[collection].update_one(key, [stage], upsert=True, session=session)
    except DocumentTooLarge:
        problem = TOO_LARGE
    except DuplicateKeyError:  # no race: in a transaction, two first writes at once are a write conflict
        problem = KEY_TAKEN
    except OperationFailure as exc:
        if exc.code not in HOPELESS:
            raise
        problem = hopeless_reason(exc.code)
    else:
        if result.upserted_id is not None:
            return Written("inserted")
        return Written("changed" if result.modified_count else "unchanged")
    raise StorageConflict(f"{collection}, {key_text(key)}: {problem}; nothing of the run was written")
