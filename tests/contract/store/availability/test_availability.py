"""On which days athletes can train, on a real MongoDB: in whatever order and however often taps arrive."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.availability.days import Availability, DayWish
from bot.core.people.athlete import Athlete, ContactHours
from bot.core.people.tombstone import DataSubject
from bot.core.shared.update_order import UpdateStamp
from bot.store.availability.availability import AvailabilityStore
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.personal_data import PersonalStore

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 21, 9, tzinfo=UTC)
MONDAY = date(2026, 2, 23)
ANA = Athlete("ana", 7, 7, ContactHours(ZoneInfo("UTC")))
BEN = Athlete("ben", 8, 8, ContactHours(ZoneInfo("UTC")))


@pytest.fixture
async def store(db: Database) -> AvailabilityStore:
    """On an empty collection with its key."""
    await bootstrap(db, [index for index in INDEXES if index.collection == "availability"])
    return AvailabilityStore(db)


def stamp(number: int) -> UpdateStamp:
    """Of the update of that number, so many seconds later."""
    return UpdateStamp(number, NOW + timedelta(seconds=number))


def wish(number: int, *, possible: bool = True) -> DayWish:
    """A tap on a day of the week, from Monday (0) on."""
    return DayWish(MONDAY + timedelta(days=number), possible)


async def test_each_tap_counts_for_its_day(db: Database, store: AvailabilityStore) -> None:
    """A document for each week of each athlete; days stand in order, under their English names."""
    assert await store.of(ANA, [MONDAY]) == []
    await store.say(ANA, wish(5), stamp(1))
    said = await store.say(ANA, wish(0), stamp(2))
    assert said == Availability(MONDAY, frozenset({0, 5}), stamp(2).at)
    assert (await store.say(ANA, wish(5, possible=False), stamp(3))).days == {0}
    await store.say(ANA, wish(7), stamp(4))
    await store.say(BEN, wish(1), stamp(5))
    assert await store.of(ANA, [MONDAY]) == [Availability(MONDAY, frozenset({0}), stamp(3).at)]
    assert [(it["athleteId"], it["weekStart"], it["days"]) for it in await store.since(MONDAY)] == [
        ("ana", "2026-02-23", ["Monday"]),
        ("ben", "2026-02-23", ["Tuesday"]),
        ("ana", "2026-03-02", ["Monday"]),
    ]
    assert len(await store.since(MONDAY + timedelta(days=1))) == 1
    assert len(await store.since(MONDAY, "ben")) == 1
    document = await db.availability.find_one({"athleteId": "ben"})
    assert document is not None
    assert (document["userId"], document["updateId"], document["updatedAt"]) == (8, 5, stamp(5).at)


async def test_any_order_and_again(db: Database, store: AvailabilityStore) -> None:
    """The last tap on a day wins, and the same once more changes nothing."""
    taps = [(wish(0), stamp(1)), (wish(0, possible=False), stamp(2)), (wish(3), stamp(3))]
    for number, order in enumerate(permutations(taps)):
        athlete = Athlete(f"a{number}", number + 1, number + 1, ANA.hours)
        for day, at in (*order, *order):
            said = await store.say(athlete, day, at)
        assert said.days == {3}
    assert await db.availability.count_documents({"updateId": 3}) == 6


async def test_first_taps_at_once(db: Database, store: AvailabilityStore) -> None:
    """None is lost."""
    await asyncio.gather(*(store.say(ANA, wish(number), stamp(number + 1)) for number in range(7)))
    [said] = await store.of(ANA, [MONDAY])
    assert said.days == set(range(7))
    assert await db.availability.count_documents({}) == 1


async def test_disclosed_and_deleted(db: Database, store: AvailabilityStore) -> None:
    """/mydata has it; /forgetme takes what was said before, and leaves what was said since."""
    await store.say(ANA, wish(0), stamp(1))
    await store.say(ANA, wish(1), stamp(3))
    await store.say(BEN, wish(2), stamp(1))
    personal, ana = PersonalStore(db), DataSubject(7, "ana")
    shown = [(name, document["days"]) async for name, document in personal.read(ana)]
    assert shown == [("availability", ["Monday", "Tuesday"])]
    await personal.forget_before(ana, stamp(2))
    [left] = await db.availability.find({"athleteId": "ana"}).to_list()
    assert (left["days"], list(left["said"])) == (["Tuesday"], ["Tuesday"])
    await personal.forget_before(ana, stamp(4))
    assert [document["athleteId"] async for document in db.availability.find()] == ["ben"]
