"""The ledger of taps: what became of each callback query, once, however often it was delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from bot.core.errors import StorageRejected
from bot.core.feedback import Outcome
from bot.store.connection import DUPLICATE_KEY, Database, bulk_upsert, count_by, storage_errors

COLLECTION = "taps"

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What became of one tap, or of one refused message.

    Attributes:
        id: the callback query's id; `update-<update id>` for messages.
    """

    id: str
    update_id: int
    received_at: datetime
    outcome: Outcome


class TapLedger:
    """Writes and counts of `taps`: `{_id, outcome, receivedAt, updateId}`."""

    def __init__(self, db: Database) -> None:
        self._taps = db[COLLECTION]

    async def record(self, entries: Iterable[LedgerEntry]) -> None:
        """Enter each once; what was entered first stays.

        Raises:
            StorageUnavailable, StorageRejected: entering all of them again is harmless.
        """
        first: dict[str, LedgerEntry] = {}
        for entry in entries:
            first.setdefault(entry.id, entry)
        requests = [
            UpdateOne(
                {"_id": entry.id},
                {
                    "$setOnInsert": {
                        "outcome": entry.outcome.value,
                        "receivedAt": entry.received_at,
                        "updateId": entry.update_id,
                    }
                },
                upsert=True,
            )
            for entry in first.values()
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
