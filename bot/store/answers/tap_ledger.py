"""The ledger of taps: what became of each callback query, once, however often it was delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from bot.core.answers.rules import Outcome
from bot.core.records.collections import TAPS
from bot.store.mongodb.client import Database, storage_errors, write_all

COLLECTION = TAPS.name


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
            StorageError: entering all of them again is harmless.
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
        await write_all(self._taps, requests)  # a duplicate: another worker has just entered it

    async def refused(self, ids: Sequence[str]) -> set[str]:
        """Which of these are entered as refused; a thousand or so.

        Raises:
            StorageError.
        """
        outcomes = [Outcome.REFUSED.value, Outcome.REFUSED_COMMAND.value]
        with storage_errors():
            found = self._taps.find({"_id": {"$in": list(ids)}, "outcome": {"$in": outcomes}}, {"_id": True})
            return {document["_id"] async for document in found}

    async def entered(self, query_ids: Sequence[str]) -> set[str]:
        """Which of these callback queries are entered; a thousand or so."""
        if not query_ids:
            return set()
        with storage_errors():
            found = self._taps.find({"_id": {"$in": list(query_ids)}}, {"_id": True})
            return {document["_id"] async for document in found}
