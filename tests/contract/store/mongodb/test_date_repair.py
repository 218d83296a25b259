"""Timestamps that are no BSON dates: found, and converted where they are ISO 8601 strings."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.records.retention import MAX_DAYS, Retention
from bot.core.shared.errors import StorageRejected
from bot.store.mongodb.date_repair import FIELDS, convert_dates, find_odd_dates
from bot.store.mongodb.indexes import bootstrap, declare
from tests.support.mongo import fresh_database

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123000, tzinfo=UTC)
ISO = "2026-02-16T18:42:58.123Z"
LASTING = declare(Retention(MAX_DAYS, MAX_DAYS, MAX_DAYS))  # nothing goes while a test runs, whenever that is


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: float = 0) -> datetime:
    """An instant in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


async def stored(db: Database) -> list[Any]:
    """`createdAt` of all run events, in order of insertion."""
    return [document["createdAt"] async for document in db.run_events.find().sort("_id")]


async def insert(db: Database, values: list[Any]) -> None:
    """Run events with these as `createdAt`."""
    await db.run_events.insert_many(
        [{"_id": n, "runId": str(n), "createdAt": value} for n, value in enumerate(values)]
    )


@pytest.mark.parametrize("with_indexes", [False, True])
async def test_wrong_types_are_counted(db: Database, with_indexes: bool) -> None:
    """Each wrong type has its line, with the cure; dates have none."""
    if with_indexes:
        await bootstrap(db, LASTING)
    await insert(db, [NOW, ISO, "soon", 1771267378123, 1.5, Int64(3), None, {"$date": ISO}, True, NOW])
    await db.run_events.insert_one({"_id": "none"})
    await db.plan_snapshots.insert_one({"runId": "r", "createdAt": ISO})
    by_hand = "; correct by hand, in mongosh: db.run_events.updateOne({_id: "
    assert [str(odd).partition(by_hand)[0] for odd in await find_odd_dates(db)] == [
        "run_events.createdAt: no date but bool in 1 document (_id 8), never deleted",
        "run_events.createdAt: no date but double in 1 document (_id 4), never deleted",
        # 64-bit values and those too large for 32 bits
        "run_events.createdAt: no date but long in 2 documents (_id 3, 5), never deleted",
        'run_events.createdAt: no date but nothing in 1 document (_id "none"), never deleted',
        "run_events.createdAt: no date but null in 1 document (_id 6), never deleted",
        "run_events.createdAt: no date but object in 1 document (_id 7), never deleted",
        (
            "run_events.createdAt: no date but ISO 8601 text in 1 document, never deleted;"
            " run bootstrap --convert-dates"
        ),
        "run_events.createdAt: no date but unreadable text in 1 document (_id 2), never deleted",
        (
            "plan_snapshots.createdAt: no date but ISO 8601 text in 1 document, never deleted;"
            " run bootstrap --convert-dates"
        ),
    ]


async def test_what_is_to_be_corrected_by_hand_has_its_command(db: Database) -> None:
    """Two of many documents are named, and the command for mongosh names the first, whatever its id."""
    first, last = ObjectId("65d0f0000000000000000001"), ObjectId("65d0f0000000000000000009")
    await db.weekly_metrics.insert_many([{"_id": id_, "updatedAt": "soon"} for id_ in (last, first)])
    await db.weekly_metrics.insert_one({"_id": ObjectId("65d0f0000000000000000005"), "updatedAt": "now"})
    [odd] = await find_odd_dates(db)
    assert str(odd) == (
        "weekly_metrics.updatedAt: no date but unreadable text in 3 documents"
        " (_id ObjectId('65d0f0000000000000000001'), ObjectId('65d0f0000000000000000009'), and more);"
        " correct by hand, in mongosh: db.weekly_metrics.updateOne("
        "{_id: ObjectId('65d0f0000000000000000001')},"
        ' {$set: {updatedAt: ISODate("YYYY-MM-DDThh:mm:ssZ")}})'
    )


async def test_text_that_is_no_utf_8_is_unreadable(db: Database) -> None:
    """What a broken writer stored is counted like any other text, and hinders nobody else's conversion."""
    broken = bson.encode({"_id": 1, "createdAt": "2026"}).replace(b"2026", b"20\xff6")
    await db.run_events.insert_many([RawBSONDocument(broken), {"_id": 2, "runId": "r", "createdAt": ISO}])
    assert {(odd.type, odd.remedy, odd.count) for odd in await find_odd_dates(db)} == {
        ("string", "convert", 1),
        ("string", "correct", 1),
    }
    assert [conversion.converted for conversion in await convert_dates(db)] == [1]


async def test_every_timestamp_is_looked_at(db: Database) -> None:
    """A string is found in each field; what is absent where nothing expires by it is fine."""
    assert await find_odd_dates(db) == []
    for name, fields in FIELDS.items():
        await db[name].insert_one(dict.fromkeys(fields, ISO))
    odd = await find_odd_dates(db)
    assert {(item.collection, item.field) for item in odd} == {
        (name, field) for name, fields in FIELDS.items() for field in fields
    }
    assert {(item.type, item.remedy, item.count) for item in odd} == {("string", "convert", 1)}
    assert {f"{item.collection}.{item.field}" for item in odd if item.expires} == {
        "run_events.createdAt",
        "feedback_events.receivedAt",
        "feedback_history.updatedAt",
        "waiting_notes.receivedAt",
        "coach_messages.receivedAt",
        "availability.updatedAt",
        "pain_episodes.updatedAt",
        "pain_reports.receivedAt",
        "plan_snapshots.createdAt",
        "plan_decisions.decidedAt",
        "taps.receivedAt",
    }
    await convert_dates(db)
    await db.run_artifacts.insert_one({"runId": "inputs only", "createdAt": NOW})
    await db.feedback_events.insert_one({"receivedAt": NOW, "timestamp": NOW, "promptSentAt": None})
    assert await find_odd_dates(db) == []


async def test_finding_reads_an_index_where_there_is_one(db: Database) -> None:
    """Counting in a large collection of dates looks at the odd ones alone."""
    await bootstrap(db, LASTING)
    await insert(db, [NOW] * 2_000 + [ISO, 5, None])
    await db.command("profile", 2)
    await find_odd_dates(db)
    await db.command("profile", 0)
    [entry] = await db.system.profile.find({"command.aggregate": "run_events"}).to_list()
    assert entry["keysExamined"] < 20
    assert entry["docsExamined"] < 20


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        (ISO, NOW),
        ("2026-02-16T18:42:58Z", utc(2026, 2, 16, 18, 42, 58)),
        ("2026-02-16T18:42Z", utc(2026, 2, 16, 18, 42)),
        ("2026-02-16T18:42:58.1Z", utc(2026, 2, 16, 18, 42, 58.1)),
        ("2026-02-16T18:42:58.123999Z", NOW),
        ("2026-02-16T18:42:58.123456789Z", NOW),
        ("2026-02-16T18:42:58.123", NOW),
        ("2026-02-16 18:42:58", utc(2026, 2, 16, 18, 42, 58)),
        ("2026-02-16t18:42:58z", utc(2026, 2, 16, 18, 42, 58)),
        ("2026-02-16T20:42:58.123+02:00", NOW),
        ("2026-02-17T00:12:58.123+0530", NOW),
        ("2026-02-16T15:12:58.123-03:30", NOW),
        ("2026-02-16T19:42:58+01", utc(2026, 2, 16, 18, 42, 58)),
        ("2026-02-16T18:42:58-00:00", utc(2026, 2, 16, 18, 42, 58)),
        ("2026-02-16", utc(2026, 2, 16)),
        ("2024-02-29", utc(2024, 2, 29)),
        ("2026-01-01T00:30:00+14:00", utc(2025, 12, 31, 10, 30)),
    ],
)
async def test_iso_strings_become_dates(db: Database, text: str, instant: datetime) -> None:
    """Offsets count, what has none is UTC, digits beyond milliseconds are cut."""
    await insert(db, [text])
    [conversion] = await convert_dates(db)
    assert conversion.converted == 1
    assert await stored(db) == [instant]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "soon",
            "tomorrow",
            "now",
            "16.02.2026",
            "2026-02-30",
            "2026-13-01",
            "2025-02-29",
            "2026-W08-1",
        ),
        *("2026-02-16T24:00:00Z", "2026-02-16T18:42:60Z", "2026-02-16T18:60Z", "2026-02-16T18", "20260216"),
        *("9999-12-31T23:59:59-05:00", "0000-01-01", "2026-02-16T18:42:58 UTC", f" {ISO}", f"{ISO}\n"),
        *("2026-02-16T18:42:58+15:00", "٢٠٢٦-٠٢-١٦", "1771267378123", "Mon Feb 16 2026 18:42:58 GMT+0000"),
        *(1771267378123, 1.5, None, True, [ISO], {"at": ISO}),
    ],
)
async def test_everything_else_stays(db: Database, value: Any) -> None:
    """What is no ISO 8601 string is left exactly as it was."""
    await insert(db, [value])
    [odd] = await find_odd_dates(db)
    assert odd.remedy == "correct"
    assert await convert_dates(db, expire_old=True) == []
    assert await stored(db) == [value]


async def test_what_cannot_be_read_is_left_for_good(db: Database) -> None:
    """What was converted is told once; a second run converts nothing, and what is left is still found."""
    await insert(db, [ISO, *["soon"] * 12, NOW])
    await db.weekly_metrics.insert_one({"_id": "w7", "createdAt": NOW, "updatedAt": "yesterday"})
    assert [str(conversion) for conversion in await convert_dates(db)] == [
        "run_events.createdAt: 1 document converted"
    ]
    assert await convert_dates(db) == []
    assert [(odd.collection, odd.remedy, odd.count) for odd in await find_odd_dates(db)] == [
        ("run_events", "correct", 12),
        ("weekly_metrics", "correct", 1),
    ]


def text_of(age: timedelta) -> str:
    """An instant so long ago, as text."""
    return (datetime.now(UTC) - age).isoformat()


OLD, YOUNG = text_of(timedelta(days=90, hours=1)), text_of(timedelta(days=90, hours=-1))


async def test_what_would_be_deleted_at_once_waits_for_consent(db: Database) -> None:
    """It is counted, by an hour exactly, and stays as it is; the rest is converted, and with consent all."""
    await bootstrap(db)
    await insert(db, [OLD, YOUNG, OLD, "soon"])
    outdated = (
        "run_events.createdAt: no date but ISO 8601 text in 2 documents older than the collection keeps;"
        " export what is still needed, then run bootstrap --convert-dates --expire-old, and MongoDB deletes"
        " them"
    )
    assert outdated in [str(odd) for odd in await find_odd_dates(db)]
    young = datetime.fromisoformat(YOUNG)
    for converted in ([1], []):
        assert [conversion.converted for conversion in await convert_dates(db)] == converted
        [old, middle, *rest] = await stored(db)
        assert (old, rest) == (OLD, [OLD, "soon"])
        assert abs(middle - young) < timedelta(milliseconds=1)
    assert outdated in [str(odd) for odd in await find_odd_dates(db)]
    assert [conversion.converted for conversion in await convert_dates(db, expire_old=True)] == [2]
    assert [odd.remedy for odd in await find_odd_dates(db)] == ["correct"]


@pytest.mark.parametrize(
    ("retention", "expires"), [(Retention(run_events=91), False), (Retention(run_events=90), True)]
)
async def test_the_index_that_is_there_decides(db: Database, retention: Retention, expires: bool) -> None:
    """A longer retention keeps what the default one would delete."""
    await bootstrap(db, declare(retention))
    await insert(db, [OLD])
    [odd] = await find_odd_dates(db)
    assert odd.remedy == ("expire" if expires else "convert")


@pytest.mark.parametrize("seconds", [3600, 0, Int64(3600), 3600.0])
async def test_an_undeclared_expiry_counts_too(db: Database, seconds: object) -> None:
    """What somebody's own index would delete waits as well, whatever number says so."""
    index = {"key": {"updatedAt": 1}, "name": "own", "expireAfterSeconds": seconds}
    await db.command("createIndexes", "weekly_metrics", indexes=[index])
    await db.weekly_metrics.insert_one({"createdAt": ISO, "updatedAt": text_of(timedelta(hours=2))})
    assert [str(conversion) for conversion in await convert_dates(db)] == [
        "weekly_metrics.createdAt: 1 document converted"
    ]


async def test_of_two_expiries_the_shorter_one_counts(db: Database) -> None:
    """An index beside the declared one deletes as well."""
    await bootstrap(db)
    await db.run_events.create_index([("createdAt", -1)], expireAfterSeconds=3600)
    await insert(db, [YOUNG])
    assert await convert_dates(db) == []


async def test_where_nothing_expires_age_does_not_matter(db: Database) -> None:
    """Texts of long ago are converted without consent if MongoDB deletes nothing by that field."""
    await bootstrap(db)
    await db.run_artifacts.insert_one({"runId": "r", "createdAt": "2001-01-01", "updatedAt": "2001-01-01"})
    await db.feedback_events.insert_one({"timestamp": "2001-01-01", "receivedAt": YOUNG})
    assert sum(conversion.converted for conversion in await convert_dates(db)) == 4


async def test_nothing_to_do(db: Database) -> None:
    """A database of dates, or an empty one, gives no report and no progress."""
    calls: list[tuple[int, int]] = []
    assert await convert_dates(db) == []
    await insert(db, [NOW])
    assert await convert_dates(db, progress=lambda *call: calls.append(call)) == []
    assert calls == []


@pytest.mark.parametrize("with_indexes", [False, True])
async def test_a_conversion_that_was_stopped_goes_on(db: Database, with_indexes: bool) -> None:
    """It works in batches and tells its progress; whatever stops it, the next run does only the rest."""
    fresh = datetime.now(UTC).isoformat(timespec="milliseconds")
    if with_indexes:
        await bootstrap(db)
    await insert(db, [*[fresh] * 70, "soon", NOW, *[OLD] * with_indexes])
    calls: list[tuple[int, int]] = []

    def stop_after_two(done: int, total: int) -> None:
        calls.append((done, total))
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await convert_dates(db, batch=20, progress=stop_after_two)
    assert await db.run_events.count_documents({"createdAt": fresh}) == 30
    [conversion] = await convert_dates(db, batch=20, progress=lambda *call: calls.append(call))
    assert conversion.converted == 30
    assert calls == [(20, 70), (40, 70), (20, 30), (30, 30)]
    converted = [datetime.fromisoformat(fresh)] * 70
    assert await stored(db) == [*converted, "soon", NOW, *[OLD] * with_indexes]


async def test_two_at_once_convert_each_document_once(db: Database) -> None:
    """Conversions beside each other share the work and agree."""
    await insert(db, [ISO] * 500)
    runs = await asyncio.gather(*(convert_dates(db, batch=10) for _ in range(3)))
    assert sum(conversion.converted for run in runs for conversion in run) == 500
    assert await stored(db) == [NOW] * 500


async def test_a_writer_beside_it_is_not_undone(db: Database) -> None:
    """What somebody writes during the conversion stands, whether before or after his document's turn."""
    await insert(db, [ISO] * 400)
    fresh = NOW + timedelta(days=1)

    async def write() -> None:
        for n in range(0, 400, 7):
            await db.run_events.update_one({"_id": n}, {"$set": {"createdAt": fresh, "status": "success"}})

    await asyncio.gather(convert_dates(db, batch=5), write())
    assert await stored(db) == [NOW if n % 7 else fresh for n in range(400)]
    assert await db.run_events.count_documents({"status": "success"}) == 58


async def test_other_fields_and_their_order_stay(db: Database) -> None:
    """Only the timestamps change; nested copies and ISO strings elsewhere do not."""
    document = {
        "_id": 1,
        "runId": ISO,
        "createdAt": ISO,
        "runEvent": {"createdAt": ISO},
        "weekStart": "2026-02-16",
    }
    await db.run_events.insert_one(document)
    await convert_dates(db)
    after = await db.run_events.find_one()
    assert after is not None
    assert list(after.items()) == list({**document, "createdAt": NOW}.items())


async def test_ids_of_any_type(db: Database) -> None:
    """Documents with ids of mixed types are all converted."""
    await db.run_events.insert_many(
        [{"_id": id_, "createdAt": ISO} for id_ in (1, "1", 2.5, True, NOW, {"a": 1})]
    )
    [conversion] = await convert_dates(db, batch=2)
    assert conversion.converted == 6


async def test_a_refusal_is_translated(db: Database) -> None:
    """A collection that does not take the update fails with the product's own error."""
    await db.create_collection("source")
    await db.source.insert_one({"createdAt": ISO})
    await db.create_collection("run_events", viewOn="source", pipeline=[])
    with pytest.raises(StorageRejected):
        await convert_dates(db)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.datetimes(
            datetime(1000, 1, 2),  # noqa: DTZ001
            datetime(2999, 12, 30),  # noqa: DTZ001
            timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_any_instant_that_python_writes_is_read_back(mongo_url: str, instants: list[datetime]) -> None:
    """`isoformat` with any offset, with and without fractions, gives the same instant to the millisecond."""

    async def convert() -> list[Any]:
        async with fresh_database(mongo_url) as db:
            await insert(db, [instant.isoformat() for instant in instants])
            await convert_dates(db)
            return await stored(db)

    for instant, found in zip(instants, asyncio.run(convert()), strict=True):
        assert abs(instant - found) < timedelta(milliseconds=1)
