"""One athlete or several: the unique index of `weekly_metrics` moves over with the setting, and back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from bot.store.mongodb.indexes import IndexReport, bootstrap, declare
from bot.tasks import end_tasks

Database = AsyncDatabase[dict[str, Any]]

ONE = [index for index in declare() if index.collection == "weekly_metrics"]
SEVERAL = [index for index in declare(metrics_per_athlete=True) if index.collection == "weekly_metrics"]
WEEK, ATHLETE = "weekStart_1", "athleteId_1_weekStart_1"


async def unique_indexes(db: Database) -> list[str]:
    """The names of the unique indexes on `weekly_metrics`."""
    documents = await (await db.weekly_metrics.list_indexes()).to_list()
    return sorted(document["name"] for document in documents if document.get("unique"))


def week(number: int, athlete: str | None = "ana") -> dict[str, Any]:
    """A document of one week; without an athlete if that is None."""
    document = {"weekStart": f"2026-02-{number:02}"}
    return document if athlete is None else {**document, "athleteId": athlete}


def first(reports: list[IndexReport]) -> str:
    """The line about the unique index."""
    return str(reports[0])


async def test_a_new_database_gets_the_index_of_its_setting(db: Database) -> None:
    """With several athletes each may have a document for the week, but only one."""
    assert first(await bootstrap(db, SEVERAL)) == f"weekly_metrics.{ATHLETE}: created"
    assert await unique_indexes(db) == [ATHLETE]
    await db.weekly_metrics.insert_many([week(2, "ana"), week(2, "bea")])
    with pytest.raises(DuplicateKeyError):
        await db.weekly_metrics.insert_one(week(2, "ana"))


async def test_moving_over_and_back(db: Database) -> None:
    """Each way one index is made and the other one dropped; a second run finds nothing to do."""
    await bootstrap(db, ONE)
    await db.weekly_metrics.insert_many([week(2), week(9)])
    for setting, made, dropped in ((SEVERAL, ATHLETE, WEEK), (ONE, WEEK, ATHLETE)):
        moved = first(await bootstrap(db, setting))
        assert moved == f"weekly_metrics.{made}: created (dropped {dropped}, which it replaces)"
        assert await unique_indexes(db) == [made]
        assert first(await bootstrap(db, setting)) == f"weekly_metrics.{made}: kept"


async def test_documents_without_an_athlete_hinder(db: Database) -> None:
    """They are named by their week and nothing changes; once they are filled in, the move succeeds."""
    await bootstrap(db, ONE)
    await db.weekly_metrics.insert_many([week(2), week(9, None), {**week(16), "athleteId": None}])
    [failed, _] = await bootstrap(db, SEVERAL)
    assert failed.outcome == "failed"
    assert failed.detail == (
        'documents without athleteId: {"weekStart": "2026-02-09"}, {"weekStart": "2026-02-16"};'
        ' fill it in, in mongosh: db.getCollection("weekly_metrics").updateMany({athleteId: null},'
        ' {$set: {athleteId: "..."}}), then run bootstrap again'
    )
    assert await unique_indexes(db) == [WEEK]
    await db.weekly_metrics.update_many({"athleteId": None}, {"$set": {"athleteId": "ana"}})
    assert (await bootstrap(db, SEVERAL))[0].outcome == "created"
    assert await unique_indexes(db) == [ATHLETE]


async def test_many_documents_without_an_athlete_are_cut_off(db: Database) -> None:
    """No more than ten weeks are named."""
    await bootstrap(db, ONE)
    await db.weekly_metrics.insert_many([week(number, None) for number in range(1, 16)])
    detail = (await bootstrap(db, SEVERAL))[0].detail
    assert detail.count("weekStart") == 10
    assert ", and more; fill it in" in detail


async def test_weeks_of_several_athletes_hinder_the_way_back(db: Database) -> None:
    """They are named with the setting that allows them, and nothing changes."""
    await bootstrap(db, SEVERAL)
    await db.weekly_metrics.insert_many([week(2, "ana"), week(2, "bea"), week(9, "ana")])
    [failed, _] = await bootstrap(db, ONE)
    assert failed.outcome == "failed"
    assert failed.detail == (
        'duplicate keys: {"weekStart": "2026-02-02"} x2; keep one document of each,'
        " or set METRICS_PER_ATHLETE=true, then run bootstrap again"
    )
    assert await unique_indexes(db) == [ATHLETE]


async def test_a_plain_index_on_the_week_is_made_unique_on_the_way_back(db: Database) -> None:
    """A lookup index made by hand stays with several athletes, and becomes the unique one afterwards."""
    await db.weekly_metrics.create_index([("weekStart", 1)], name="lookup")
    assert first(await bootstrap(db, SEVERAL)) == f"weekly_metrics.{ATHLETE}: created"
    moved = first(await bootstrap(db, ONE))
    assert moved == f"weekly_metrics.lookup: changed (dropped {ATHLETE}, which it replaces)"
    assert await unique_indexes(db) == ["lookup"]


async def test_a_renamed_index_is_replaced_too(db: Database) -> None:
    """The old index is known by its keys, whatever its name."""
    await db.weekly_metrics.create_index([("weekStart", 1)], name="mine", unique=True)
    assert (await bootstrap(db, SEVERAL))[0].detail == "dropped mine, which it replaces"
    assert await unique_indexes(db) == [ATHLETE]


async def test_an_interrupted_move_is_finished(db: Database) -> None:
    """A crash between the two steps leaves both indexes; the next run drops the old one."""
    await bootstrap(db, ONE)
    await db.weekly_metrics.create_index([("athleteId", 1), ("weekStart", 1)], name="half", unique=True)
    moved = first(await bootstrap(db, SEVERAL))
    assert moved == f"weekly_metrics.half: changed (dropped {WEEK}, which it replaces)"
    assert await unique_indexes(db) == ["half"]


async def test_some_unique_index_stands_at_any_time(db: Database) -> None:
    """While bootstraps at once move the index to and fro, a watcher never sees the collection unguarded."""
    await bootstrap(db, ONE)
    await db.weekly_metrics.insert_many([week(number) for number in range(1, 20)])
    seen: set[tuple[str, ...]] = set()

    async def watch() -> None:
        while True:
            seen.add(tuple(await unique_indexes(db)))

    watcher = asyncio.create_task(watch())
    for setting in (SEVERAL, ONE) * 5:
        runs = await asyncio.gather(*(bootstrap(db, setting) for _ in range(3)))
        assert {report.outcome for run in runs for report in run} <= {"created", "kept", "changed"}
    assert await end_tasks([watcher], 50) == 0
    assert await unique_indexes(db) == [WEEK]
    assert () not in seen


async def test_opposite_bootstraps_end_guarded(db: Database) -> None:
    """Two bootstraps with opposite settings at once leave a unique index, whoever wins."""
    await bootstrap(db, ONE)
    await db.weekly_metrics.insert_many([week(number) for number in range(1, 20)])
    for _ in range(5):
        await asyncio.gather(bootstrap(db, ONE), bootstrap(db, SEVERAL))
        assert await unique_indexes(db) != []
