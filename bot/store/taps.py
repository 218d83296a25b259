"""The ledger of taps: what became of each callback query, once, however often it was delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import UpdateOne

from bot.core.errors import StorageRejected
from bot.core.feedback import Outcome, Tap
from bot.store.connection import DUPLICATE_KEY, Database, bulk_upsert, count_by, storage_errors

COLLECTION = "taps"

_BATCH = 1_000


class TapLedger:
    """Writes and counts of `taps`: `{_id: callback query id, outcome, receivedAt, updateId}`."""

    def __init__(self, db: Database) -> None:
        self._taps = db[COLLECTION]

    async def record(self, outcomes: Iterable[tuple[Tap, Outcome]]) -> None:
        """Enter each tap once; what was entered first stays.

        Raises:
            StorageUnavailable, StorageRejected: entering all of them again is harmless.
        """
        first: dict[str, tuple[Tap, Outcome]] = {}
        for tap, outcome in outcomes:
            first.setdefault(tap.query_id, (tap, outcome))
        requests = [
            UpdateOne(
                {"_id": tap.query_id},
                {
                    "$setOnInsert": {
                        "outcome": outcome.value,
                        "receivedAt": tap.received_at,
                        "updateId": tap.update_id,
                    }
                },
                upsert=True,
            )
            for tap, outcome in first.values()
        ]
        for error in await bulk_upsert(self._taps, requests) if requests else []:
            if error.code != DUPLICATE_KEY:  # a duplicate: another worker has just entered it
                raise StorageRejected(f"MongoDB refuses the write (code {error.code})")

    async def missing(self, query_ids: Sequence[str]) -> int:
        """How many of these callback queries are not entered."""
        missing = len(query_ids)
        with storage_errors():
            for start in range(0, len(query_ids), _BATCH):
                batch = query_ids[start : start + _BATCH]
                missing -= await self._taps.count_documents({"_id": {"$in": batch}})
        return missing

    async def count(self, since: datetime) -> dict[str, int]:
        """Taps received since then, by outcome; every outcome is present."""
        return await count_by(self._taps, "outcome", since, (outcome.value for outcome in Outcome))
