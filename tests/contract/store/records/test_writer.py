"""The shared writers on a real MongoDB: any record, any order, any number of writers and times."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.event import FeedbackEvent
from bot.core.answers.payloads import Callback
from bot.core.answers.rules import TappedSession, collision_key, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.records.collections import KEYS, MODELS, parse
from bot.core.records.models import RunEvent
from bot.core.shared.bson_json import MAX_BYTES, BadValue, dumps, loads
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.core.shared.update_order import IDS_COMPARABLE_WITHIN
from bot.core.telegram.updates import Tap
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.mongodb.indexes import bootstrap, declare
from bot.store.records.upserts import Refused, Written
from bot.store.records.writer import RecordStore
from tests.unit.core.records.test_models import RAW

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
MERGED = tuple(name for name in MODELS if name != "feedback_events")
INSERTED, CHANGED, UNCHANGED = Written("inserted"), Written("changed"), Written("unchanged")
PLAN = {"nextWeek": {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"}, "days": [{"day": 1, "km": 8.5}]}

LINEAGE: dict[str, dict[str, Any]] = {
    "run_events": {
        "runId": "r-1", "status": "failure", "attempt": 2, "weekStart": "2026-02-16", "weekEnd": "2026-02-22",
        "errorCount": 1, "errors": [{"path": "days[0]", "code": "too_long"}], "createdAt": NOW,
        "runEvent": {"runId": "r-1", "status": "failure"},
    },
    "feedback_events": {
        "sessionId": "s-1", "sessionKey": "r-1-s-1-8589934592", "sessionRef": "r-1-s-1", "runId": "r-1",
        "type": "hard", "response": "hard", "note": "left knee", "sessionDate": "2026-02-16",
        "date": "2026-02-16", "sessionDay": "Monday", "day": "Monday", "chatId": "-1001",
        "messageId": 2**40, "userId": 2**33, "username": "anna", "timestamp": NOW, "receivedAt": NOW,
        "promptSentAt": NOW - DAY, "promptAgeDays": 1, "isLateResponse": False, "updateId": 2**41,
    },
    "weekly_metrics": {
        "athleteId": "i1", "weekStart": "2026-02-16", "weekEnd": "2026-02-22", "runCount": 3,
        "runDistance": 41_250.5, "runTime": 12_600, "rideCount": 1, "rideDistance": 30_000, "rideTime": 3_600,
        "vo2Sessions": 1, "tempoSessions": 1, "longRuns": 1, "strengthCount": 2, "strengthTrimp": 35.5,
        "ctlMean": 48.2, "atlMean": 51.75, "rampRateMean": -0.5, "restHrMean": 47.5, "stepsMean": 9_800.25,
        "sleepScoreMean": 81.5, "hrvMean": None, "createdAt": NOW, "updatedAt": NOW + SECOND,
    },
    "plan_snapshots": {
        "runId": "r-1", "attempt": None, "weekStart": "2026-02-16", "weekEnd": "2026-02-22",
        "schema_version": "1.0", "activityPlan": PLAN, "justification": ["two easy days first"],
        "createdAt": NOW,
    },
    "run_artifacts": {
        "runId": "r-1", "promptVersion": "v7", "modelId": "m-1", "prompt": "You are a coach.",
        "metrics": {"runDistance": 41_250.5}, "history": [{"weekStart": "2026-02-09"}],
        "activities": [{"type": "Run", "distance": 8_000.5}], "wellness": [{"id": "2026-02-16", "hrv": None}],
        "status": "success", "attempt": 1, "outputValidated": {"activityPlan": PLAN}, "outputRaw": '{"a":1}',
        "errors": [], "errorCount": 0, "createdAt": NOW, "updatedAt": NOW + SECOND,
    },
}  # fmt: skip
"""A document of each collection with every field that `data_lineage.md` names."""


class Clock:
    """Shows the time it is set to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The store's clock."""
    return Clock()


@pytest.fixture
async def store(db: Database, clock: Clock) -> RecordStore:
    """A store on empty collections with their unique indexes."""
    await bootstrap(db, [index for index in declare() if index.unique and index.collection in MODELS])
    return RecordStore(db, clock=clock)


@pytest.fixture
async def other(db: Database) -> AsyncIterator[Database]:
    """A second database, to move documents to."""
    name = f"{db.name}_other"
    yield db.client[name]
    await db.client.drop_database(name)


async def write(
    store: RecordStore, collection: str, *documents: Mapping[str, Any]
) -> list[Written | Refused]:
    """Write documents as they came from outside."""
    return await store.write(collection, [parse(collection, dict(document)) for document in documents])


async def stored(db: Database, collection: str) -> list[dict[str, Any]]:
    """All documents of a collection, by key."""
    return await db[collection].find({}, {"_id": False}).sort(KEYS[collection]).to_list()


async def only(db: Database, collection: str) -> dict[str, Any]:
    """The one document of a collection."""
    [document] = await stored(db, collection)
    return document


async def raw(db: Database, collection: str) -> list[bytes]:
    """All documents of a collection, to the byte."""
    return [bson.encode(document) for document in await db[collection].find().sort("_id").to_list()]


def exact(document: Mapping[str, Any]) -> dict[str, bytes]:
    """A document with the types of its values, whatever the order of its fields."""
    return {name: bson.encode({"": value}) for name, value in document.items()}


@pytest.mark.parametrize("collection", MODELS)
async def test_every_document_of_the_data_lineage(db: Database, store: RecordStore, collection: str) -> None:
    """All fields are stored as given, with dates as dates, whole numbers as integers, null as null."""
    document = LINEAGE[collection]
    assert await write(store, collection, document) == [INSERTED]
    found = await only(db, collection)
    assert exact(found) == exact(document)
    names = {name: {"$type": f"${name}"} for name in document}
    [types] = await (await db[collection].aggregate([{"$project": {"_id": False, **names}}])).to_list()
    for name, value in document.items():
        match value:
            case datetime():
                expected = {"date"}
            case bool():
                expected = {"bool"}
            case int():
                expected = {"long" if value >= 2**31 else "int"}
            case _:
                expected = {
                    {float: "double", str: "string", list: "array", dict: "object"}.get(type(value), "null")
                }
        assert {types[name]} == expected, name


@pytest.mark.parametrize("collection", MODELS)
async def test_a_retried_write_changes_nothing(
    db: Database, store: RecordStore, clock: Clock, collection: str
) -> None:
    """Later, in another batch and from another store, the same record leaves the document to the byte."""
    bare = {
        name: value
        for name, value in LINEAGE[collection].items()
        if name not in ("createdAt", "updatedAt", "timestamp", "receivedAt")
    }
    for document in (LINEAGE[collection], bare):
        await db[collection].delete_many({})
        assert await write(store, collection, document) == [INSERTED]
        before = await raw(db, collection)
        clock.now += DAY
        assert await write(store, collection, document, document) == [UNCHANGED, UNCHANGED]
        assert await write(RecordStore(db, clock=clock), collection, document) == [UNCHANGED]
        assert await raw(db, collection) == before


@pytest.mark.parametrize("collection", MODELS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_export_then_write_is_the_identity(
    db: Database, other: Database, clock: Clock, collection: str, data: st.DataObject
) -> None:
    """What was written comes out and goes in again as the same document, in both databases."""
    records = []
    for value in data.draw(st.lists(RAW[collection], max_size=4)):
        try:
            records.append(parse(collection, value))
        except BadValue:
            continue
    await db[collection].delete_many({})
    await other[collection].delete_many({})
    first = await RecordStore(db, clock=clock).write(collection, records)
    assert all(isinstance(result, Written) for result in first)
    before = await raw(db, collection)
    lines = [dumps(document) for document in await stored(db, collection)]
    exported = [parse(collection, loads(line)) for line in lines]
    clock.now += DAY
    assert await RecordStore(db, clock=clock).write(collection, exported) == [UNCHANGED] * len(lines)
    assert await raw(db, collection) == before
    assert await RecordStore(other, clock=clock).write(collection, exported) == [INSERTED] * len(lines)
    copies = await stored(other, collection)
    assert [exact(document) for document in copies] == [exact(d) for d in await stored(db, collection)]


def expected_after(
    collection: str, old: dict[str, Any] | None, given_fields: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """The rules of the module's docstring, in Python."""
    fields = dict(given_fields)
    has_updated = collection in ("weekly_metrics", "run_artifacts")
    updated = fields.pop("updatedAt", None) if has_updated else None
    new = {**(old or {}), **fields}
    if old is None:
        return {"createdAt": now, **new, **({"updatedAt": updated or now} if has_updated else {})}
    if not has_updated:
        return new
    new["createdAt"] = old["createdAt"]
    if new != old:
        new["updatedAt"] = updated if updated and updated > old["updatedAt"] else max(now, old["updatedAt"])
    return new


TIMES = st.integers(-5, 5).map(lambda seconds: NOW + seconds * SECOND)
STEPS = st.lists(
    st.tuples(
        st.integers(-5, 5),
        st.lists(
            st.fixed_dictionaries(
                {"key": st.integers(1, 3)},
                optional={
                    "createdAt": TIMES, "updatedAt": TIMES, "attempt": st.sampled_from([None, 1, 2]),
                    "errors": st.lists(st.just("e"), max_size=2), "x.$y": st.integers(1, 3),
                    "": st.just("$a"),
                },
            ),
            max_size=5,
        ),
    ),
    max_size=5,
)  # fmt: skip


@pytest.mark.parametrize("collection", MERGED)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@example(steps=[(0, [{"key": 1, "": "$a", "x.$y": 1}, {"key": 1, "x.$y": 1, "": "$a"}])])
async def test_any_sequence_of_batches_follows_the_rules(
    db: Database, clock: Clock, collection: str, steps: list[tuple[int, list[dict[str, Any]]]]
) -> None:
    """Whatever is given, absent or repeated, in a batch or in several, and wherever the clock stands."""
    await db[collection].delete_many({})
    store = RecordStore(db, clock=clock)
    required: dict[str, Any] = {"run_events": {"status": "success"}, "plan_snapshots": {"activityPlan": {}}}
    expected: dict[str, dict[str, Any]] = {}
    for seconds, batch in steps:
        clock.now = NOW + seconds * SECOND
        outcomes, records = [], []
        for fields in batch:
            key = f"2026-02-0{fields['key']}"
            document = {**fields, KEYS[collection]: key, **required.get(collection, {})}
            del document["key"]
            record = parse(collection, document)
            records.append(record)
            old = expected.get(key)
            expected[key] = expected_after(collection, old, record.to_update_fields(), clock.now)
            # `runEvent` is a copy: with its fields in another order it is another object to MongoDB.
            same = old is not None and exact(old) == exact(expected[key])
            outcomes.append(INSERTED if old is None else UNCHANGED if same else CHANGED)
        assert await store.write(collection, records) == outcomes
        assert {d[KEYS[collection]]: d for d in await stored(db, collection)} == expected


@pytest.mark.parametrize("seed", range(3))
async def test_many_writers_at_once(db: Database, store: RecordStore, seed: int) -> None:
    """Each of 20 writers brings fields of its own into the same documents: all are there, none is doubled."""
    chance = random.Random(seed)
    extras: dict[str, dict[str, Any]] = {"run_artifacts": {}, "plan_snapshots": {"activityPlan": {}}}
    for collection, extra in extras.items():
        jobs = [[{"runId": f"r{n}", f"f{writer}": writer, **extra} for n in range(5)] for writer in range(20)]
        for job in jobs:
            chance.shuffle(job)
        results = await asyncio.gather(*(write(store, collection, *job) for job in jobs * 2))
        outcomes = list(itertools.chain.from_iterable(results))
        assert outcomes.count(INSERTED) == 5
        assert outcomes.count(CHANGED) == 95
        assert outcomes.count(UNCHANGED) == 100
        documents = await stored(db, collection)
        assert len(documents) == 5
        for document in documents:
            assert {f"f{writer}": writer for writer in range(20)}.items() <= document.items()
            assert document["createdAt"] == NOW


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_inputs_and_outputs_in_any_order(
    db: Database, store: RecordStore, clock: Clock, order: Sequence[int]
) -> None:
    """Neither step erases the other, the first `createdAt` stays, the last `updatedAt` counts."""
    steps: list[dict[str, Any]] = [
        {"runId": "r", "prompt": "p", "history": [1], "createdAt": NOW - DAY},
        {"runId": "r", "status": "failure", "errors": ["a", "b"], "outputValidated": None, "updatedAt": NOW},
        {"runId": "r", "modelId": "m", "updatedAt": NOW + SECOND},
    ]
    for place in order:
        clock.now += SECOND
        await write(store, "run_artifacts", steps[place])
    document = await only(db, "run_artifacts")
    assert document.pop("createdAt") == (NOW - DAY if order[0] == 0 else NOW + SECOND)
    assert document.pop("updatedAt") >= NOW + SECOND
    assert document == {
        "runId": "r", "prompt": "p", "history": [1], "status": "failure", "errors": ["a", "b"],
        "errorCount": 2, "outputValidated": None, "modelId": "m",
    }  # fmt: skip


async def test_a_foreign_error_count_is_put_right(db: Database, store: RecordStore) -> None:
    """Inputs that come after another writer's outputs make the number agree; what is no array is left."""
    await db.run_artifacts.insert_many(
        [
            {"runId": "r1", "errors": ["a", "b"], "errorCount": 0},
            {"runId": "r2", "errors": ["a"]},
            {"runId": "r3", "errors": "none", "errorCount": 7},
        ]
    )
    records = [{"runId": f"r{n}", "prompt": "p"} for n in (1, 2, 3)]
    assert await write(store, "run_artifacts", *records) == [CHANGED] * 3
    assert [document["errorCount"] for document in await stored(db, "run_artifacts")] == [2, 1, 7]
    assert await write(store, "run_artifacts", *records) == [UNCHANGED] * 3


@pytest.mark.parametrize(
    ("text", "updated"),
    [
        ("2026-02-16T18:42:58.122Z", NOW),
        ("2026-02-16T19:42:58.122+01:00", NOW),
        ("2026-02-16T18:42:58.124Z", "2026-02-16T18:42:58.124Z"),
        ("last week", NOW),
        (None, NOW),
        (int((NOW + DAY).timestamp() * 1000), int((NOW + DAY).timestamp() * 1000)),
    ],
)
async def test_times_that_others_stored_as_text(
    db: Database, store: RecordStore, text: object, updated: object
) -> None:
    """They are compared as times and are not rewritten unless the time moves."""
    created = "2026-02-16T18:00:00.000Z"
    before = {"weekStart": "2026-02-16", "runCount": 1, "createdAt": created, "updatedAt": text}
    await db.weekly_metrics.insert_one(dict(before))
    assert await write(store, "weekly_metrics", {"weekStart": "2026-02-16", "runCount": 1}) == [UNCHANGED]
    assert await only(db, "weekly_metrics") == before
    record = {"weekStart": "2026-02-16", "runCount": 2, "createdAt": NOW}
    assert await write(store, "weekly_metrics", record) == [CHANGED]
    assert await only(db, "weekly_metrics") == {**before, "runCount": 2, "updatedAt": updated}


async def test_null_is_written_and_absent_fields_stay(db: Database, store: RecordStore) -> None:
    """An explicit null replaces a value, a missing field does not."""
    await write(
        store, "weekly_metrics", {"weekStart": "2026-02-16", "hrvMean": 60, "restHrMean": 50, "mine": 1}
    )
    await write(store, "weekly_metrics", {"weekStart": "2026-02-16", "hrvMean": None, "mine": None})
    document = await only(db, "weekly_metrics")
    assert (document["hrvMean"], document["restHrMean"], document["mine"]) == (None, 50, None)


@pytest.mark.parametrize("name", ["", "a.b", ".", "a.$b", "é🏃", "__proto__", "0", "a\nb", "toString"])
@pytest.mark.parametrize("value", ["$runId", "$$ROOT", {"": {"a.b": [{"x.$y": "$z"}]}}, ["$$NOW", None]])
async def test_odd_names_and_values(db: Database, store: RecordStore, name: str, value: object) -> None:
    """They are stored as they are, first and later, on top and within."""
    for marker in (1, 2):
        record = {"runId": "$runId", "status": "success", name: value, "marker": marker}
        [result] = await write(store, "run_events", record)
        assert isinstance(result, Written)
    document = await only(db, "run_events")
    assert (document["runId"], document[name], document["marker"]) == ("$runId", value, 2)


async def test_what_is_too_large_is_refused_alone(db: Database, store: RecordStore) -> None:
    """A document over 16 MB, by itself or after merging, is named; the others of the batch are written."""
    half = "x" * (MAX_BYTES * 5 // 8)
    await write(store, "run_artifacts", {"runId": "grown", "prompt": half})
    largest = "x" * (MAX_BYTES - 200)
    results = await write(
        store,
        "run_artifacts",
        {"runId": "before"},
        {"runId": "grown", "outputRaw": half},
        {"runId": "largest", "outputRaw": largest},
        {"runId": "r" * (MAX_BYTES - 100)},
        {"runId": "after"},
    )
    assert [isinstance(result, Written) for result in results] == [True, False, True, False, True]
    assert str(results[1]).startswith('runId "grown": too large for MongoDB')
    assert "too large" in str(results[3])
    assert len(str(results[3])) < 300
    ids = {document["runId"] async for document in db.run_artifacts.find({}, {"runId": True})}
    assert ids == {"before", "grown", "largest", "after"}
    assert "outputRaw" not in (await db.run_artifacts.find_one({"runId": "grown"}) or {})
    event = RunEvent.of(
        {"runId": "r", "status": "failure", "errors": ["x" * (MAX_BYTES - 400)], "runEvent": {}}
    )
    [result] = await store.write("run_events", [event])
    assert isinstance(result, Written)


@pytest.mark.parametrize("spare", [0, 17, 54, 55, 56])
async def test_the_largest_documents(db: Database, store: RecordStore, spare: int) -> None:
    """`_id`, `createdAt` and `updatedAt` come on top with 55 bytes; where they do not fit, it is refused."""
    envelope = len(bson.encode({"runId": "r", "prompt": ""}))
    results = await write(
        store, "run_artifacts", {"runId": "r", "prompt": "x" * (MAX_BYTES - envelope - spare)}, {"runId": "s"}
    )
    assert [isinstance(result, Written) for result in results] == [spare >= 55, True]
    assert await db.run_artifacts.count_documents({}) == (2 if spare >= 55 else 1)


async def test_what_the_collection_refuses_is_refused_alone(db: Database, store: RecordStore) -> None:
    """A validator and another unique index: each record has its reason, which quotes nothing."""
    await db.command("collMod", "run_events", validator={"note": {"$ne": "forbidden"}})
    await db.run_events.create_index("number", unique=True, sparse=True)
    base = {"status": "success", "attempt": None}
    results = await write(
        store,
        "run_events",
        {**base, "runId": "r1", "number": 77},
        {**base, "runId": "r2", "note": "forbidden"},
        {**base, "runId": "r3", "number": 77},
        {**base, "runId": "r4"},
    )
    assert [isinstance(result, Written) for result in results] == [True, False, False, True]
    assert "validator" in str(results[1])
    assert "number" in str(results[2])
    assert "forbidden" not in str(results)
    assert "77" not in str(results)
    assert [document["runId"] for document in await stored(db, "run_events")] == ["r1", "r4"]


async def test_a_key_that_an_index_takes_for_another_one(db: Database, clock: Clock) -> None:
    """An index that ignores case lets the write fail for ever; that is said after a few tries."""
    await db.run_events.create_index("runId", unique=True, collation={"locale": "en", "strength": 2})
    store = RecordStore(db, clock=clock)
    [first] = await write(store, "run_events", {"runId": "r", "status": "success"})
    [second] = await write(store, "run_events", {"runId": "R", "status": "success"})
    assert first == INSERTED
    assert isinstance(second, Refused)
    assert "bootstrap" in second.reason


async def test_several_athletes(db: Database, clock: Clock) -> None:
    """With the setting a week is an athlete's, and one without an athlete is refused."""
    await bootstrap(db, [i for i in declare(metrics_per_athlete=True) if i.collection == "weekly_metrics"])
    store = RecordStore(db, clock=clock, metrics_per_athlete=True)
    week = {"weekStart": "2026-02-16"}
    results = await write(
        store,
        "weekly_metrics",
        {**week, "athleteId": "ana", "runCount": 1},
        {**week, "athleteId": "bea", "runCount": 2},
        {**week, "runCount": 3},
        {**week, "athleteId": None, "runCount": 4},
        {**week, "athleteId": "ana", "runTime": 5},
    )
    assert results[:2] == [INSERTED, INSERTED]
    assert results[4] == CHANGED
    for result in results[2:4]:
        assert isinstance(result, Refused)
        assert "athleteId is missing" in str(result)
    found = {d["athleteId"]: (d["runCount"], d.get("runTime")) for d in await stored(db, "weekly_metrics")}
    assert found == {"ana": (1, 5), "bea": (2, None)}


@pytest.mark.usefixtures("store")
async def test_several_athletes_in_a_database_for_one(db: Database, clock: Clock) -> None:
    """A second athlete's week is refused with the cure as long as `bootstrap` has not been told."""
    several = RecordStore(db, clock=clock, metrics_per_athlete=True)
    ana, bea = ({"weekStart": "2026-02-16", "athleteId": name} for name in ("ana", "bea"))
    first, second = await write(several, "weekly_metrics", ana, bea)
    assert first == INSERTED
    assert isinstance(second, Refused)
    assert "run `bootstrap`" in second.reason


async def test_an_empty_batch(store: RecordStore) -> None:
    """Nothing to write is nothing done."""
    assert await store.write("run_events", []) == []


async def test_a_batch_of_many_bytes(db: Database, store: RecordStore) -> None:
    """More than one message of the driver holds goes through, in order."""
    documents = [{"runId": f"r{n}", "prompt": "x" * 9_000_000} for n in range(6)]
    assert await write(store, "run_artifacts", *documents) == [INSERTED] * 6
    assert await db.run_artifacts.count_documents({}) == 6


async def test_mongodb_that_does_not_answer(clock: Clock) -> None:
    """An outage is an outage, and not a refusal of each record."""
    from bot.store.mongodb.client import connect
    from tests.support.processes import free_port

    db = connect(f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=100", "x", "x")
    try:
        with pytest.raises(StorageUnavailable):
            await write(RecordStore(db, clock=clock), "run_events", {"runId": "r", "status": "success"})
    finally:
        await db.client.close()


async def test_a_collection_that_cannot_be_written(db: Database, store: RecordStore) -> None:
    """What is wrong with the collection itself is no refusal of single records."""
    await db.run_events.drop()
    await db.create_collection("run_events", viewOn="elsewhere", pipeline=[])
    with pytest.raises(StorageRejected):
        await write(store, "run_events", {"runId": "r", "status": "success"})


# Feedback: as FeedbackStore, also beside it, and for records that know less than a tap.


def tap(
    update_id: int, type_: str = "done", ids: tuple[str, str] = ("r", "s"), **fields: Any
) -> FeedbackEvent:
    """What the bot makes of a tap; it is received so many seconds after `NOW`."""
    at = NOW + update_id * SECOND
    event = derive_event(
        Tap(update_id, "q", 7, "anna", 5, 6, None, None, fields.get("at", at)),
        Callback(*ids, FeedbackType(type_), fields.get("note")),
        TappedSession(*ids, NOW - DAY),
        zone=UTC,
        late_after_days=14,
    )
    assert isinstance(event, FeedbackEvent)
    return event


def answer(
    seconds: int, type_: str = "done", ids: tuple[str, str] = ("r", "s"), **fields: Any
) -> dict[str, Any]:
    """What another writer knows: no update id, but the time of receipt."""
    received = NOW + seconds * SECOND
    return {
        "runId": ids[0],
        "sessionId": ids[1],
        "userId": 7,
        "type": type_,
        "receivedAt": received,
        **fields,
    }


@pytest.mark.parametrize("seed", range(4))
async def test_taps_through_both_stores_at_once(db: Database, store: RecordStore, seed: int) -> None:
    """Shuffled, doubled and batched anyhow, half of them by each store: the last tap of each session."""
    chance = random.Random(seed)
    sessions = [("a-b", "c"), ("a", "b-c"), ("r", "s"), ("r", "t")]
    taps = [tap(n, chance.choice(list(FeedbackType)), chance.choice(sessions)) for n in range(60)]
    expected = {event.identity: event.to_bson() for event in taps}
    arrivals = taps * 2
    chance.shuffle(arrivals)
    batches = [arrivals[i : i + 7] for i in range(0, len(arrivals), 7)]

    async def bot() -> None:
        for batch in batches[::2]:
            await FeedbackStore(db).record(batch)

    async def workflow() -> None:
        for batch in batches[1::2]:
            results = await write(store, "feedback_events", *(event.to_bson() for event in batch))
            assert all(isinstance(result, Written) for result in results)

    await asyncio.gather(bot(), workflow())
    documents = await stored(db, "feedback_events")
    assert len({document["sessionKey"] for document in documents}) == len(documents) == len(expected)
    for document in documents:
        document.pop("saidAt", None)  # by which later details are told from earlier ones
        identity = (document["runId"], document["sessionId"], document["userId"])
        last = expected[identity]
        assert (document["type"], document["updateId"]) == (last["type"], last["updateId"])
        # The same answer again moves the update id alone, so the rest is of any tap with this answer.
        same = [tap for tap in taps if tap.identity == identity and tap.type == last["type"]]
        moved = {"sessionKey": document["sessionKey"], "updateId": last["updateId"]}
        assert document in [{**tap.to_bson(), **moved} for tap in same]
    again = await write(store, "feedback_events", *(event.to_bson() for event in taps))
    assert again == [UNCHANGED] * len(taps)


@pytest.mark.parametrize("seed", range(4))
async def test_answers_without_update_id_in_any_order(db: Database, store: RecordStore, seed: int) -> None:
    """The time of receipt orders them, also among taps; in any order the same answer stands."""
    chance = random.Random(seed)
    documents = [
        answer(n, chance.choice(["done", "hard"]), mark=n) if n % 3 else {**tap(n).to_bson(), "mark": n}
        for n in range(30)
    ]
    arrivals = documents[:-1] * 2 + documents[-1:]
    chance.shuffle(arrivals)
    batches = [arrivals[i : i + 4] for i in range(0, len(arrivals), 4)]
    await asyncio.gather(*(write(store, "feedback_events", *batch) for batch in batches))
    document = await only(db, "feedback_events")
    assert (document["mark"], document["type"]) == (29, documents[-1]["type"])
    assert document["receivedAt"] == NOW + 29 * SECOND
    assert "updateId" not in document
    assert await write(store, "feedback_events", *documents) == [UNCHANGED] * len(documents)


async def test_an_answer_without_update_id_ends_the_order_of_the_replaced_one(
    db: Database, store: RecordStore
) -> None:
    """A tap between the replaced one and the answer comes too late, however high its update id."""
    await write(store, "feedback_events", tap(1).to_bson(), answer(10, "pain", note="knee"))
    assert await write(store, "feedback_events", tap(5, "hard").to_bson()) == [UNCHANGED]
    document = await only(db, "feedback_events")
    assert (document["type"], document["note"], document.get("updateId")) == ("pain", "knee", None)
    assert await write(store, "feedback_events", tap(11).to_bson()) == [CHANGED]
    assert (await only(db, "feedback_events"))["updateId"] == 11


async def test_an_answer_without_a_time_is_received_now(
    db: Database, store: RecordStore, clock: Clock
) -> None:
    """It gets the time, replaces older answers, loses against later ones, and repeated it changes nothing."""
    record = {"runId": "r", "sessionId": "s", "userId": 7, "type": "hard"}
    assert await write(store, "feedback_events", record) == [INSERTED]
    assert (await only(db, "feedback_events"))["receivedAt"] == NOW
    clock.now += DAY
    assert await write(store, "feedback_events", record) == [UNCHANGED]
    assert (await only(db, "feedback_events"))["timestamp"] == NOW
    assert await write(store, "feedback_events", {**record, "type": "pain"}) == [CHANGED]
    document = await only(db, "feedback_events")
    assert (document["type"], document["receivedAt"], document["timestamp"]) == ("pain", NOW + DAY, NOW + DAY)
    clock.now -= SECOND
    assert await write(store, "feedback_events", record) == [UNCHANGED]


async def test_update_ids_count_within_days_and_times_beyond(db: Database, store: RecordStore) -> None:
    """As for taps: ids start anew after a quiet week."""
    await write(store, "feedback_events", tap(1000, at=NOW).to_bson())
    far = NOW + IDS_COMPARABLE_WITHIN
    close = tap(5, "hard", at=far - timedelta(milliseconds=1)).to_bson()
    assert await write(store, "feedback_events", close) == [UNCHANGED]
    assert await write(store, "feedback_events", tap(5, "pain", at=far).to_bson()) == [CHANGED]
    assert (await only(db, "feedback_events"))["type"] == "pain"


async def test_a_later_answer_takes_the_note_of_the_earlier_one_away(
    db: Database, store: RecordStore
) -> None:
    """What one answer says of itself is not lent to the next; what is nobody's own stays."""
    earlier = {**answer(0, "pain", note="knee"), "messageId": 5, "promptSentAt": NOW, "promptAgeDays": 0}
    await write(store, "feedback_events", {**earlier, "updateId": 1, "team": "a"})
    assert await write(store, "feedback_events", answer(1, "done")) == [CHANGED]
    document = await only(db, "feedback_events")
    assert (document["type"], document["team"]) == ("done", "a")
    assert {"note", "messageId", "promptSentAt", "promptAgeDays", "updateId"} & set(document) == set()


async def test_the_same_answer_can_be_corrected(db: Database, store: RecordStore) -> None:
    """Given again with the same time, and the same `updateId` if it has one; earlier ones change nothing."""
    await write(store, "feedback_events", answer(5, "pain", note="knee"))
    assert await write(store, "feedback_events", answer(5, "pain", note="left knee")) == [CHANGED]
    assert await write(store, "feedback_events", answer(5, "pain", note="left knee")) == [UNCHANGED]
    assert await write(store, "feedback_events", answer(4, "pain", note="hip")) == [UNCHANGED]
    assert await write(store, "feedback_events", answer(5, "pain", note="hip", updateId=7)) == [UNCHANGED]
    assert (await only(db, "feedback_events"))["note"] == "left knee"


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"receivedAt": "2026-02-16T18:42:58.122Z"}, CHANGED),
        ({"receivedAt": "2026-02-16T19:42:58.123+01:00"}, UNCHANGED),
        ({"receivedAt": "2026-02-16T18:42:58.124Z"}, UNCHANGED),
        ({"receivedAt": "then"}, CHANGED),
        ({}, CHANGED),
    ],
)
async def test_answers_of_older_writers(
    db: Database, store: RecordStore, fields: dict[str, Any], outcome: Written
) -> None:
    """Their times as text are compared as times; what the new answer does not say stays."""
    old = {"sessionKey": "r-s-7", "runId": "r", "sessionId": "s", "type": "hard", "mine": 1, **fields}
    await db.feedback_events.insert_one(dict(old))
    assert await write(store, "feedback_events", answer(0)) == [outcome]
    document = await only(db, "feedback_events")
    if outcome == UNCHANGED:
        assert document == old
    else:
        assert (document["type"], document["mine"], document["receivedAt"]) == ("done", 1, NOW)


@pytest.mark.parametrize("together", [True, False])
async def test_sessions_with_one_key_are_both_kept_and_exported(
    db: Database, other: Database, clock: Clock, store: RecordStore, together: bool
) -> None:
    """The second takes its collision key, later answers find it there, and an export keeps both keys."""
    first, second = tap(1, ids=("a-b", "c")), tap(2, ids=("a", "b-c"))
    for batch in [[first, second]] if together else [[first], [second]]:
        results = await write(store, "feedback_events", *(event.to_bson() for event in batch))
        assert results == [INSERTED] * len(batch)
    later = [tap(4, "pain", ("a", "b-c")).to_bson(), tap(3, "hard", ("a-b", "c")).to_bson()]
    assert await write(store, "feedback_events", *later) == [CHANGED, CHANGED]
    documents = await stored(db, "feedback_events")
    assert [(d["sessionKey"], d["runId"], d["type"]) for d in documents] == [
        (first.session_key, "a-b", "hard"),
        (collision_key(second), "a", "pain"),
    ]
    for order in (documents, documents[::-1]):
        await other.feedback_events.delete_many({})
        copies = RecordStore(other, clock=clock)
        assert await write(copies, "feedback_events", *order) == [INSERTED, INSERTED]
        assert await stored(other, "feedback_events") == documents
        assert await write(copies, "feedback_events", *order) == [UNCHANGED, UNCHANGED]


async def test_an_exported_collision_finds_its_session_under_the_plain_key(
    db: Database, store: RecordStore
) -> None:
    """Where the sessions came in the other order, an import makes no second document of either."""
    first, second = tap(1, ids=("a-b", "c")), tap(2, ids=("a", "b-c"))
    exported = [first.to_bson(), {**second.to_bson(), "sessionKey": collision_key(second)}]
    await write(store, "feedback_events", tap(3, "hard", ("a", "b-c")).to_bson())
    assert await write(store, "feedback_events", *exported) == [INSERTED, UNCHANGED]
    found = {d["sessionKey"]: (d["runId"], d["type"]) for d in await stored(db, "feedback_events")}
    assert found == {first.session_key: ("a", "hard"), collision_key(first): ("a-b", "done")}


async def test_a_collision_key_of_another_session_is_refused(db: Database, store: RecordStore) -> None:
    """A made-up suffix cannot overwrite whoever has it."""
    key = "a-b-c-7~000000000000"
    await write(store, "feedback_events", answer(1, ids=("a-b", "c"), sessionKey=key))
    [result] = await write(store, "feedback_events", answer(2, ids=("a", "b-c"), sessionKey=key))
    assert isinstance(result, Refused)
    assert "session with other ids" in result.reason
    assert (await only(db, "feedback_events"))["runId"] == "a-b"


async def test_100_first_answers_at_once(db: Database, store: RecordStore) -> None:
    """One document, no error, and exactly one of them inserted it."""
    results = await asyncio.gather(*(write(store, "feedback_events", answer(n)) for n in range(100)))
    assert sum(result == [INSERTED] for result in results) == 1
    assert all(isinstance(result, Written) for [result] in results)
    assert (await only(db, "feedback_events"))["receivedAt"] == NOW + 99 * SECOND
