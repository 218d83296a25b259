"""Deletion is final: what came before it is not stored any more, by whomever, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.people.tombstone import DataSubject, pseudonym
from bot.core.records.collections import parse
from bot.core.shared.update_order import UpdateStamp
from bot.store.people.tombstones import TombstoneStore
from bot.store.records.upserts import FORGOTTEN, Refused, Written
from bot.store.records.writer import RecordStore

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
ANA, BEN = 7_700_000_071, 7_700_000_072


@pytest.fixture
def tombstones(db: Database) -> TombstoneStore:
    """On the test's database."""
    return TombstoneStore(db)


async def test_what_it_covers(tombstones: TombstoneStore) -> None:
    """Updates before the confirmation, in their order, whenever they are received; nobody else's."""
    await tombstones.put(DataSubject(ANA, "ana"), UpdateStamp(100, NOW))
    found = await tombstones.of([ANA, BEN, None])
    assert set(found) == {ANA}
    tombstone = found[ANA]
    assert tombstone.is_open
    covered = {
        (99, NOW): True, (99, NOW + TICK): True,
        (100, NOW): False, (101, NOW): False, (101, NOW - TICK): False,
    }  # fmt: skip
    assert {it: tombstone.covers(UpdateStamp(*it)) for it in covered} == covered
    assert tombstone.covers(UpdateStamp.by_time(NOW - TICK))
    assert not tombstone.covers(UpdateStamp.by_time(NOW + TICK))


async def test_a_later_deletion_stays(db: Database, tombstones: TombstoneStore) -> None:
    """Whatever is seen to again behind it; the same again changes nothing."""
    await tombstones.put(DataSubject(ANA, "ana"), UpdateStamp(100, NOW))
    await tombstones.close(ANA, UpdateStamp(100, NOW))
    await tombstones.put(DataSubject(ANA, None), UpdateStamp(99, NOW - TICK))
    [tombstone] = (await tombstones.of([ANA])).values()
    assert (tombstone.at, tombstone.is_open) == (UpdateStamp(100, NOW), False)
    await tombstones.put(DataSubject(ANA, None), UpdateStamp(100, NOW))
    assert (await tombstones.of([ANA]))[ANA] == tombstone
    await tombstones.put(DataSubject(ANA, None), UpdateStamp(200, NOW + TICK))
    assert (await tombstones.of([ANA]))[ANA].at == UpdateStamp(200, NOW + TICK)
    assert await db.tombstones.count_documents({}) == 1


async def test_it_has_no_personal_data_when_all_is_done(db: Database, tombstones: TombstoneStore) -> None:
    """Until then another service must know whose data to delete."""
    await tombstones.put(DataSubject(ANA, "ana"), UpdateStamp(100, NOW), 7)
    assert await tombstones.open(NOW) == []
    assert await tombstones.open(NOW + TICK) == [(DataSubject(ANA, "ana"), UpdateStamp(100, NOW))]
    await tombstones.close(ANA, UpdateStamp(100, NOW))
    assert await tombstones.open(NOW + TICK) == []
    [document] = await db.tombstones.find({}).to_list()
    assert document == {"_id": pseudonym(ANA), "updateId": 100, "deletedAt": NOW, "messageId": 7}
    assert str(ANA) not in str(document)


async def test_an_answer_from_before_is_not_taken_back(db: Database, tombstones: TombstoneStore) -> None:
    """By `write`, the API or a workflow: refused with the reason; later ones, and others', are taken."""
    await tombstones.put(DataSubject(ANA, "ana"), UpdateStamp(100, NOW))
    store = RecordStore(db, clock=lambda: NOW + TICK)

    def answer(user_id: int, session_id: str, **fields: Any) -> Any:
        given = {"runId": "r", "sessionId": session_id, "userId": user_id, "type": "done", **fields}
        return parse("feedback_events", {"sessionDate": "2026-02-16", **given})

    before, after = (NOW - TICK).isoformat(), (NOW + TICK).isoformat()
    answers = [
        answer(ANA, "a", receivedAt=before),
        answer(ANA, "b", receivedAt=after, updateId=99),
        answer(ANA, "c", receivedAt=after),
        answer(ANA, "d"),
        answer(BEN, "a", receivedAt=before),
    ]
    results = await store.write("feedback_events", answers)
    assert [type(result) for result in results] == [Refused, Refused, Written, Written, Written]
    assert {result.reason for result in results if isinstance(result, Refused)} == {FORGOTTEN}
    stored = {(d["userId"], d["sessionId"]) async for d in db.feedback_events.find({})}
    assert stored == {(ANA, "c"), (ANA, "d"), (BEN, "a")}
    outcomes = await store.all_or_nothing(lambda together: together.write("feedback_events", answers[4:]))
    assert outcomes.refused == {}
