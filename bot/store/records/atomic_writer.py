"""Upserts of one transaction: any of them that is refused undoes them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError

from bot.core.records.models import FeedbackRecord, Record
from bot.core.shared.errors import StorageUnavailable
from bot.store.answers.answer_updates import KEEP
from bot.store.answers.feedback_events import COLLECTION as FEEDBACK
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.mongodb.client import Database
from bot.store.mongodb.transactions import TOO_LARGE_FOR_CACHE, too_large_for_cache
from bot.store.people.tombstones import forgotten
from bot.store.records.upserts import (
    FOREIGN,
    FORGOTTEN,
    TOO_LARGE,
    Refused,
    Upsert,
    bulks,
    key_of,
    key_text,
    place,
    plain_key,
    receipts,
    second_key,
)


@dataclass(slots=True)
class Outcomes:
    """What became of records that were written together.

    Attributes:
        changed, unchanged: as in `bot.store.records.upserts.Written`.
        refused: those that can never be written as they are, by their places; then nothing is written.
    """

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: dict[int, Refused] = field(default_factory=dict)


class AtomicWriter:
    """What `RecordStore.all_or_nothing` gives to write with.

    Attributes:
        touched: what has to be touched once more (`bot.store.figures.invalidation`) when the transaction has
            ended.
    """

    def __init__(
        self,
        db: Database,
        session: AsyncClientSession,
        now: datetime,
        *,
        metrics_per_athlete: bool,
        invalidation: FigureInvalidation,
    ) -> None:
        self._db = db
        self._session = session
        self._now = now
        self._metrics_per_athlete = metrics_per_athlete
        self._invalidation = invalidation
        self.touched: set[str] = set()
        self.answers: list[Record] = []

    async def write(self, collection: str, records: Sequence[Record]) -> Outcomes:
        """Write records, in their order; they become durable when all is done.

        Args:
            collection: one of `bot.core.records.collections.MODELS`.
            records: about a thousand; all are held in memory twice.

        Returns:
            After a refusal the transaction is lost: end it by raising.

        Raises:
            Errors of the driver, for `in_transaction`.
        """
        outcomes = Outcomes()
        upserts = []
        self.answers += [record for record in records if isinstance(record, FeedbackRecord)]
        names = self._invalidation.keys(await receipts(self._db, records, self._session))
        self.touched |= names
        await self._invalidation.invalidate(names)
        holders = await self._holders(records) if collection == FEEDBACK else {}
        deleted = await forgotten(self._db, records, self._now)
        for index, record in enumerate(records):
            upsert = self._upsert(index, collection, record, holders)
            if index in deleted and isinstance(upsert, Upsert):
                upsert = upsert.refused(FORGOTTEN)
            if isinstance(upsert, Refused):
                outcomes.refused[index] = upsert
            else:
                upserts.append(upsert)
        for bulk in bulks(upserts):
            if not outcomes.refused:
                await self._send(collection, bulk, outcomes)
        return outcomes

    def _upsert(
        self, index: int, collection: str, record: Record, holders: dict[str, tuple[Any, Any]]
    ) -> Upsert | Refused:
        key = key_of(collection, record, metrics_per_athlete=self._metrics_per_athlete)
        if isinstance(key, Refused):
            return key
        if isinstance(record, FeedbackRecord):
            session_key = place(record, holders)
            if session_key is None:
                return Refused(key_text(key), FOREIGN)
            key = {"sessionKey": session_key}
        upsert = Upsert.of(index, collection, record, key, self._now, unchanged=KEEP)
        return upsert.refused(TOO_LARGE) if upsert.is_too_large else upsert

    async def _holders(self, answers: Sequence[Record]) -> dict[str, tuple[Any, Any]]:
        """Whose documents are stored under the keys of these answers, see `place`."""
        keys = {
            key
            for answer in answers
            if isinstance(answer, FeedbackRecord)
            for key in (str(answer.sessionKey), plain_key(answer), second_key(answer))
        }
        found = self._db[FEEDBACK].find(
            {"sessionKey": {"$in": list(keys)}, "runId": {"$exists": True}},
            {"sessionKey": True, "runId": True, "sessionId": True},
            session=self._session,
        )
        return {
            document["sessionKey"]: (document["runId"], document.get("sessionId")) async for document in found
        }

    async def _send(self, collection: str, upserts: Sequence[Upsert], outcomes: Outcomes) -> None:
        try:
            result = await self._db[collection].bulk_write(
                [upsert.request() for upsert in upserts], ordered=True, session=self._session
            )
        except BulkWriteError as exc:
            if exc.timeout:
                raise StorageUnavailable("MongoDB could not finish the writes in time") from None
            [error] = exc.details["writeErrors"]
            if error["code"] == TOO_LARGE_FOR_CACHE:
                raise too_large_for_cache() from None
            upsert = upserts[error["index"]]
            outcomes.refused[upsert.index] = upsert.refused_by(error)
        else:
            outcomes.inserted += result.upserted_count
            outcomes.changed += result.modified_count
            outcomes.unchanged += result.matched_count - result.modified_count
