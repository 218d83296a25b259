"""The ledger of taps on a real MongoDB: each callback query once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.rules import Outcome
from bot.store.answers.tap_ledger import LedgerEntry, TapLedger

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def entry(query_id: str, outcome: Outcome, at: datetime = NOW) -> LedgerEntry:
    """What became of a tap received at `at`."""
    return LedgerEntry(query_id, 2**40, at, outcome)


async def test_a_tap_is_entered_without_what_the_athlete_wrote(db: Database) -> None:
    """Outcome, receipt as a date and update id; neither person nor payload."""
    await TapLedger(db).record([entry("q", Outcome.REFUSED)])
    assert await db.taps.find({}).to_list() == [
        {"_id": "q", "outcome": "refused", "receivedAt": NOW, "updateId": 2**40}
    ]


async def test_what_was_entered_first_stays(db: Database) -> None:
    """However often a query is delivered, within a batch and later, it counts once and as at first."""
    ledger = TapLedger(db)
    await ledger.record([entry("q", Outcome.LATE), entry("q", Outcome.WRITTEN)])
    await ledger.record([entry("q", Outcome.INVALID, NOW + MILLISECOND), entry("p", Outcome.WRITTEN)])
    found = {document["_id"]: document for document in await db.taps.find({}).to_list()}
    assert {query_id: document["outcome"] for query_id, document in found.items()} == {
        "q": "late",
        "p": "written",
    }
    assert found["q"]["receivedAt"] == NOW


async def test_an_empty_batch(db: Database) -> None:
    """Nothing to enter is nothing done."""
    await TapLedger(db).record([])
    assert await db.taps.count_documents({}) == 0


async def test_workers_enter_the_same_taps_at_once(db: Database) -> None:
    """Concurrent entries of the same queries give one each and no error."""
    ledger = TapLedger(db)
    batch = [entry(f"q{n}", Outcome.WRITTEN) for n in range(20)]
    await asyncio.gather(*(ledger.record(batch) for _ in range(50)))
    assert await db.taps.count_documents({"outcome": "written"}) == 20


async def test_which_queries_are_entered(db: Database) -> None:
    """Those, and no others."""
    ledger = TapLedger(db)
    await ledger.record([entry("a", Outcome.WRITTEN), entry("b", Outcome.LATE)])
    assert await ledger.entered(["b", "c"]) == {"b"}
    assert await ledger.entered([]) == set()
