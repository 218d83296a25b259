"""The bootstrap of indexes on a real MongoDB, and the decision behind it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bson.int64 import Int64
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from bot.core.records.declaration import Index
from bot.core.records.retention import Retention
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.store.mongodb.indexes import (
    INDEXES,
    ChangeIndex,
    CreateIndex,
    KeepIndex,
    RefuseIndex,
    bootstrap,
    declare,
    describe_retention,
    make_keys,
    plan,
)
from tests.support.mongo import guarded_mongod

Database = AsyncDatabase[dict[str, Any]]

DAY = 86_400
REQUIREMENTS = {  # `data_lineage.md`, and the bot's own collections
    "run_events": ["runId_1 unique", "status_1_createdAt_-1", "createdAt_1 90"],
    "feedback_events": [
        "sessionKey_1 unique",
        "sessionDate_1_receivedAt_-1",
        "runId_1_sessionDay_1_receivedAt_-1",
        "userId_1_sessionDate_1",
        "receivedAt_1 180",
    ],
    "weekly_metrics": ["weekStart_1 unique", "createdAt_-1"],
    "plan_snapshots": ["runId_1 unique", "weekStart_1", "createdAt_1 365"],
    "run_artifacts": ["runId_1 unique", "createdAt_-1"],
    "figures": ["computedAt_1 2"],
    "figure_touches": ["at_1 2"],
    "session_prompts": [
        "runId_1_sessionId_1_chatId_1 unique",
        "state_1_dueAt_1",
        "reference_1 sparse",
        "slot_1 unique sparse",
        "nudgeAt_1 sparse",
        "copiesAt_1 sparse",
        "state_1_kind_1_sentAt_1",
        "state_1_notAfter_1",
        "state_1_chatId_1",
        "athleteId_1_date_1 sparse",
        "date_1 sparse",
        "chatId_1_sentAt_1",
        "chatId_1_messages.messageId_1",
        "about.sessionKey_1 sparse",
        "about.userId_1 sparse",
        "userId_1 sparse",
    ],
    "plan_decisions": ["runId_1 unique", "athleteId_1 sparse", "decidedAt_1 365"],
    "feedback_history": ["userId_1", "updatedAt_1 180"],
    "waiting_notes": ["userId_1", "receivedAt_1 180"],
    "coach_messages": ["chatId_1_messageId_1 unique", "userId_1_receivedAt_-1", "receivedAt_1 180"],
    "availability": ["athleteId_1_weekStart_1 unique", "userId_1", "weekStart_1", "updatedAt_1 180"],
    "pain_reports": ["userId_1_reportId_1 unique", "receivedAt_1 180"],
    "pain_episodes": ["userId_1_episodeId_1 unique", "closedAt_1_toldAt_1", "updatedAt_1 180"],
    "tombstones": ["userId_1 sparse"],
    "taps": ["receivedAt_1 180"],
    "inbox": ["bot_1_state_1_seq_1", "bot_1_seq_1", "unconfirmed_1 sparse", "finishedAt_1 1"],
    "journals": ["bot_1", "seenAt_1 180"],
    "athletes": ["athleteId_1 unique", "userId_1 unique sparse", "invite.hash_1 unique sparse"],
}
RUN_ID = Index("runs", (("runId", 1),), unique=True)
EXPIRY = Index("runs", (("createdAt", 1),), expire_after_days=90)


async def listed(db: Database, collection: str = "runs") -> dict[str, dict[str, Any]]:
    """The collection's indexes by name, without that of `_id`."""
    documents = await (await db[collection].list_indexes()).to_list()
    return {document["name"]: dict(document) for document in documents if document["name"] != "_id_"}


def summary(document: dict[str, Any]) -> str:
    """An index as `REQUIREMENTS` writes it."""
    words = [document["name"], *(option for option in ("unique", "sparse") if document.get(option))]
    if "expireAfterSeconds" in document:
        words.append(str(document["expireAfterSeconds"] // DAY))
    return " ".join(words)


async def only(db: Database, index: Index) -> tuple[str, str, str]:
    """Bootstrap one index and return its name, outcome and detail."""
    [report] = await bootstrap(db, [index])
    assert report.index is index
    return report.name, report.outcome, report.detail


async def test_bootstrap_creates_exactly_the_required_indexes_and_then_keeps_them(db: Database) -> None:
    """An empty database gets the documented indexes; the second run finds nothing to do."""
    first = await bootstrap(db)
    assert {report.outcome for report in first} == {"created"}
    found = {name: [summary(index) for index in (await listed(db, name)).values()] for name in REQUIREMENTS}
    assert found == REQUIREMENTS
    assert sorted(await db.list_collection_names()) == sorted(REQUIREMENTS)
    second = await bootstrap(db)
    assert {report.outcome for report in second} == {"kept"}
    assert str(first[0]) == "run_events.runId_1: created"


async def test_two_bootstraps_at_once_agree(db: Database) -> None:
    """Racing runs report no failure, also where an index must be converted, and leave one index each."""
    await db.run_events.create_index([("runId", 1)], name="mine")
    await db.run_events.create_index([("createdAt", 1)], expireAfterSeconds=30 * DAY)
    reports = await asyncio.gather(*(bootstrap(db) for _ in range(3)))
    failed = [str(report) for run in reports for report in run if report.outcome == "failed"]
    assert failed == []
    assert len(await listed(db, "run_events")) == 3
    assert {report.outcome for report in await bootstrap(db)} == {"kept"}


async def test_same_keys_under_another_name_are_kept(db: Database) -> None:
    """An index made by hand with the same keys and options is accepted as it is."""
    await db.runs.create_index([("runId", 1)], name="mine", unique=True)
    assert await only(db, RUN_ID) == ("mine", "kept", "")
    assert list(await listed(db)) == ["mine"]


async def test_expiry_changes_in_place(db: Database) -> None:
    """Another expiry is changed on the existing index, whatever its name, and reported with both values."""
    await db.runs.create_index([("createdAt", 1)], name="mine", expireAfterSeconds=30 * DAY)
    assert await only(db, EXPIRY) == ("mine", "changed", "expires after 30 d -> 90 d")
    assert (await listed(db))["mine"]["expireAfterSeconds"] == 90 * DAY
    assert await only(db, EXPIRY) == ("mine", "kept", "")


async def test_a_plain_index_gets_its_expiry(db: Database) -> None:
    """An index without expiry is given one, without a second index."""
    await db.runs.create_index([("createdAt", 1)])
    assert await only(db, EXPIRY) == ("createdAt_1", "changed", "expires after never -> 90 d")
    assert list(await listed(db)) == ["createdAt_1"]


async def test_a_plain_index_becomes_unique_in_place(db: Database) -> None:
    """A non-unique index on distinct values is converted, and from then on refuses a second document."""
    await db.runs.create_index([("runId", 1)], name="mine")
    await db.runs.insert_many([{"runId": "a"}, {"runId": "b"}])
    assert await only(db, RUN_ID) == ("mine", "changed", "made unique")
    with pytest.raises(DuplicateKeyError):
        await db.runs.insert_one({"runId": "a"})
    assert "prepareUnique" not in (await listed(db))["mine"]


async def test_a_conversion_that_was_interrupted_is_finished(db: Database) -> None:
    """An index left behind by a crash between the two steps is converted by the next run."""
    await db.runs.create_index([("runId", 1)])
    await db.command("collMod", "runs", index={"name": "runId_1", "prepareUnique": True})
    assert await only(db, RUN_ID) == ("runId_1", "changed", "made unique")


async def test_a_server_that_cannot_convert_gets_a_new_index(db: Database) -> None:
    """With the feature level of MongoDB 5.0 a unique index replaces the plain one."""
    admin = db.client.admin
    await db.runs.create_index([("runId", 1)])
    level = await admin.command("getParameter", featureCompatibilityVersion=1)
    if level["featureCompatibilityVersion"]["version"] != "6.0":
        pytest.skip("only MongoDB 6.0 can go back to the feature level of 5.0")
    await admin.command("setFeatureCompatibilityVersion", "5.0")
    try:
        assert await only(db, RUN_ID) == ("runId_1_2", "changed", "made unique")
    finally:
        await admin.command("setFeatureCompatibilityVersion", "6.0")
    indexes = await listed(db)
    assert list(indexes) == ["runId_1_2"]
    assert indexes["runId_1_2"]["unique"] is True


@pytest.mark.parametrize("has_plain_index", [False, True])
async def test_duplicates_are_named_and_the_rest_goes_on(db: Database, has_plain_index: bool) -> None:
    """Existing duplicates are listed with values and counts, writes stay possible, other indexes are made."""
    if has_plain_index:
        await db.runs.create_index([("runId", 1)])
    await db.runs.insert_many(
        [{"runId": "a"}, {"runId": "a"}, {"runId": "a"}, {"runId": "b"}, {}, {"runId": None}]
    )
    failed, created = await bootstrap(db, [RUN_ID, EXPIRY])
    assert (failed.outcome, created.outcome) == ("failed", "created")
    assert failed.detail == (
        'duplicate keys: {"runId": "a"} x3, {"runId": null} x2;'
        " keep one document of each, then run bootstrap again"
    )
    await db.runs.insert_one({"runId": "a"})


async def test_many_duplicates_are_cut_off(db: Database) -> None:
    """No more than ten duplicates are named, largest first, and compound keys are shown whole."""
    index = Index("runs", (("runId", 1), ("chatId", 1)), unique=True)
    await db.runs.insert_many([{"runId": f"r{n // 2:02}", "chatId": n // 2} for n in range(40)])
    _, outcome, detail = await only(db, index)
    assert outcome == "failed"
    assert detail.count(" x2") == 10
    assert '{"runId": "r00", "chatId": 0} x2, ' in detail
    assert "x2, and more; keep" in detail


async def test_sparse_unique_ignores_documents_without_the_field(db: Database) -> None:
    """Documents that a sparse index leaves out are no duplicates."""
    index = Index("runs", (("reference", 1),), unique=True, sparse=True)
    await db.runs.create_index([("reference", 1)], sparse=True)
    await db.runs.insert_many([{}, {}, {"reference": "x"}])
    assert await only(db, index) == ("reference_1", "changed", "made unique")


async def test_duplicates_that_only_the_server_sees_are_reported(db: Database) -> None:
    """Array elements clash across documents; MongoDB's own words are passed on then."""
    await db.runs.insert_many([{"runId": ["a", "b"]}, {"runId": ["b", "c"]}])
    _, outcome, detail = await only(db, RUN_ID)
    assert outcome == "failed"
    assert 'dup key: { runId: "b" }' in detail


@pytest.mark.parametrize(
    ("options", "wanted", "fault"),
    [
        ({"sparse": True}, RUN_ID, "sparse"),
        ({}, Index("runs", (("runId", 1),), sparse=True), "not sparse"),
        ({"unique": True, "partialFilterExpression": {"n": 1}}, RUN_ID, "partialFilterExpression"),
        ({"unique": True, "collation": {"locale": "de"}}, RUN_ID, "collation"),
        ({"unique": True}, Index("runs", (("runId", 1),)), "unique"),
        ({"expireAfterSeconds": 60}, Index("runs", (("runId", 1),)), "deletes documents after 60 s"),
    ],
)
async def test_other_options_fail_with_the_cure(
    db: Database, options: dict[str, Any], wanted: Index, fault: str
) -> None:
    """An index that cannot be changed in place is left alone, and the command that helps is given."""
    await db.runs.create_index([("runId", 1)], name="mine", **options)
    before = await listed(db)
    name, outcome, detail = await only(db, wanted)
    assert (name, outcome) == ("mine", "failed")
    assert f"exists with other options: {fault}; " in detail
    assert 'db.getCollection("runs").dropIndex("mine")' in detail
    assert await listed(db) == before


async def test_one_good_index_among_several_is_enough(db: Database) -> None:
    """A second index on the same keys with other options does not matter."""
    await db.runs.create_index([("runId", 1)], name="loose")
    await db.runs.create_index([("runId", 1)], name="local", collation={"locale": "de"})
    await db.runs.create_index([("runId", 1)], name="strict", unique=True)
    assert await only(db, RUN_ID) == ("strict", "kept", "")


async def test_a_taken_name_is_avoided(db: Database) -> None:
    """Where our name belongs to an index with other keys, ours gets a number."""
    await db.runs.create_index([("other", 1)], name="runId_1")
    assert await only(db, RUN_ID) == ("runId_1_2", "created", "")
    assert await only(db, RUN_ID) == ("runId_1_2", "kept", "")


async def test_numbers_of_other_types_are_equal(db: Database) -> None:
    """Directions and expiries as doubles or 64-bit integers, as other tools write them, count as the same."""
    await db.command("createIndexes", "runs", indexes=[{"key": {"runId": 1.0}, "name": "mine", "unique": 1}])
    spec = {"key": {"createdAt": Int64(1)}, "name": "ttl", "expireAfterSeconds": float(90 * DAY)}
    await db.command("createIndexes", "runs", indexes=[spec])
    assert [str(report) for report in await bootstrap(db, [RUN_ID, EXPIRY])] == [
        "runs.mine: kept",
        "runs.ttl: kept",
    ]


async def test_a_collation_of_the_collection_is_not_inherited(db: Database) -> None:
    """In a collection that ignores case, keys that differ in case stay two documents."""
    await db.create_collection("runs", collation={"locale": "en", "strength": 2})
    await db.runs.insert_many([{"runId": "a"}, {"runId": "A"}])
    assert (await only(db, RUN_ID))[1] == "created"
    assert (await only(db, RUN_ID))[1] == "kept"


async def test_what_cannot_carry_an_index_fails_alone(db: Database) -> None:
    """A view in a collection's place is reported, and the others go on."""
    await db.create_collection("runs", viewOn="else", pipeline=[])
    failed, created = await bootstrap(db, [RUN_ID, Index("more", (("x", 1),))])
    assert (failed.outcome, created.outcome) == ("failed", "created")
    assert "view" in failed.detail


async def test_foreign_indexes_stay(db: Database) -> None:
    """Bootstrap removes nothing."""
    await db.run_events.create_index([("mine", -1)], sparse=True)
    await bootstrap(db)
    assert "mine_-1" in await listed(db, "run_events")


async def test_nobody_answers() -> None:
    """Without a server the error says that it may be tried again."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"mongodb://127.0.0.1:{unused.getsockname()[1]}"
        async with AsyncMongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=200) as client:
            with pytest.raises(StorageUnavailable):
                await bootstrap(client.nowhere)


@asynccontextmanager
async def connected(port: int, **options: Any) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client of the server on `port`."""
    async with AsyncMongoClient[dict[str, Any]](
        "127.0.0.1", port, directConnection=True, **options
    ) as client:
        yield client


async def test_lacking_rights_are_named(tmp_path: Path) -> None:
    """A user who may only read, or may not change options, is told the roles that are needed."""
    with guarded_mongod(tmp_path) as port:
        async with connected(port) as client:
            await client.admin.command("createUser", "root", pwd="pw", roles=["root"])
        async with connected(port, username="root", password="pw") as client:
            for role in ("read", "readWrite"):
                await client.coach.command("createUser", role, pwd="pw", roles=[role])
            await client.coach.runs.create_index([("createdAt", 1)], expireAfterSeconds=60)
        for role, wanted in (("read", RUN_ID), ("readWrite", EXPIRY)):
            async with connected(port, username=role, password="pw", authSource="coach") as client:
                with pytest.raises(StorageRejected, match=r"roles readWrite and dbAdmin .* 'coach'"):
                    await bootstrap(client.coach, [wanted])
        async with connected(port, username="root", password="wrong") as client:
            with pytest.raises(StorageRejected):
                await bootstrap(client.coach)


def test_the_declaration_is_fit_for_other_languages() -> None:
    """Names, keys and options of every index can be written as JSON."""
    for index in INDEXES:
        assert json.loads(json.dumps([index.collection, index.name, dict(index.keys), index.options()]))
        assert re.fullmatch(r"([A-Za-z.]+_-?1_?)+", index.name)


def test_plan_without_io() -> None:
    """The decision depends on the listed indexes alone."""
    id_index = {"v": 2, "key": {"_id": 1}, "name": "_id_"}
    assert plan([], RUN_ID) == CreateIndex("runId_1")
    assert plan([id_index], RUN_ID) == CreateIndex("runId_1")
    assert plan([id_index, {"key": {"runId": 1}, "name": "n", "unique": True}], RUN_ID) == KeepIndex("n")
    assert plan([{"key": {"runId": -1}, "name": "n", "unique": True}], RUN_ID) == CreateIndex("runId_1")
    odd = {"key": {"createdAt": 1}, "name": "n", "expireAfterSeconds": float("nan")}
    assert plan([odd], EXPIRY) == ChangeIndex(
        "n", make_unique=False, expire_after_seconds=90 * DAY, summary="expires after nan s -> 90 d"
    )
    assert isinstance(plan([{"key": {"runId": 1}, "name": "n", "sparse": True}], RUN_ID), RefuseIndex)


def test_key_order_matters() -> None:
    """The same fields in another order are another index."""
    wanted = Index("runs", (("a", 1), ("b", -1)))
    assert plan([{"key": {"b": -1, "a": 1}, "name": "b_-1_a_1"}], wanted) == CreateIndex("a_1_b_-1")


def test_numbered_names_go_on() -> None:
    """The first free number is taken."""
    taken = [{"key": {f"x{n}": 1}, "name": name} for n, name in enumerate(["runId_1", "runId_1_2"])]
    assert plan(taken, RUN_ID) == CreateIndex("runId_1_3")


async def test_retention_sets_the_expiries_and_changes_them_later(db: Database) -> None:
    """Other days than the default reach the indexes, the ledger of taps included, also of an old database."""
    await bootstrap(db)
    longer = declare(Retention(run_events=100, feedback_events=200, plan_snapshots=400))
    changed = [str(report) for report in await bootstrap(db, longer) if report.outcome != "kept"]
    assert changed == [
        "run_events.createdAt_1: changed (expires after 90 d -> 100 d)",
        "feedback_events.receivedAt_1: changed (expires after 180 d -> 200 d)",
        "plan_snapshots.createdAt_1: changed (expires after 365 d -> 400 d)",
        "plan_decisions.decidedAt_1: changed (expires after 365 d -> 400 d)",
        "feedback_history.updatedAt_1: changed (expires after 180 d -> 200 d)",
        "waiting_notes.receivedAt_1: changed (expires after 180 d -> 200 d)",
        "coach_messages.receivedAt_1: changed (expires after 180 d -> 200 d)",
        "pain_reports.receivedAt_1: changed (expires after 180 d -> 200 d)",
        "pain_episodes.updatedAt_1: changed (expires after 180 d -> 200 d)",
        "availability.updatedAt_1: changed (expires after 180 d -> 200 d)",
        "taps.receivedAt_1: changed (expires after 180 d -> 200 d)",
    ]


def test_retention_is_described() -> None:
    """Each collection has one line that says when its documents go, if ever."""
    assert describe_retention(declare(Retention(plan_snapshots=400))) == [
        "run_events: documents are deleted 90 days after createdAt",
        "feedback_events: documents are deleted 180 days after receivedAt",
        "weekly_metrics: documents are never deleted",
        "plan_snapshots: documents are deleted 400 days after createdAt",
        "run_artifacts: documents are never deleted",
        "session_prompts: documents are never deleted",
        "plan_decisions: documents are deleted 400 days after decidedAt",
        "feedback_history: documents are deleted 180 days after updatedAt",
        "waiting_notes: documents are deleted 180 days after receivedAt",
        "coach_messages: documents are deleted 180 days after receivedAt",
        "pain_reports: documents are deleted 180 days after receivedAt",
        "pain_episodes: documents are deleted 180 days after updatedAt",
        "availability: documents are deleted 180 days after updatedAt",
        "taps: documents are deleted 180 days after receivedAt",
        "tombstones: documents are never deleted",
        "figures: documents are deleted 2 days after computedAt",
        "figure_touches: documents are deleted 2 days after at",
        "journals: documents are deleted 180 days after seenAt",
        "inbox: documents are deleted 1 day after finishedAt",
        "athletes: documents are never deleted",
    ]


async def test_undeclared_expiries_fail_with_the_cure(db: Database) -> None:
    """An index that deletes what nobody declared is named, wherever it is, and left alone."""
    await db.run_events.create_index([("createdAt", -1)], expireAfterSeconds=30 * DAY)
    await db.run_events.create_index([("createdAt", 1)], name="part", sparse=True, expireAfterSeconds=60)
    await db.weekly_metrics.create_index([("updatedAt", 1)], name="old", expireAfterSeconds=365 * DAY)
    await db.run_artifacts.create_index([("createdAt", -1)], expireAfterSeconds=3600)
    failed = [report for report in await bootstrap(db) if report.outcome == "failed"]
    assert [
        f"{report.index.collection}.{report.name}: {report.detail.split(';')[0]}" for report in failed
    ] == [
        "run_events.part: exists with other options: sparse",
        "run_artifacts.createdAt_-1: exists with other options: deletes documents after 3600 s",
        "run_events.createdAt_-1: not declared, and deletes documents 30 d after createdAt",
        "weekly_metrics.old: not declared, and deletes documents 365 d after updatedAt",
    ]
    assert failed[-1].detail.endswith(
        '; in mongosh: db.getCollection("weekly_metrics").dropIndex("old"), then run bootstrap again'
    )
    assert "old" in await listed(db, "weekly_metrics")


async def test_an_expiry_beside_the_declared_one_is_found(db: Database) -> None:
    """A second index on the same keys deletes too, though a good one stands beside it."""
    await bootstrap(db, [EXPIRY])
    await db.runs.create_index([("createdAt", 1)], name="quick", sparse=True, expireAfterSeconds=60)
    kept, quick = await bootstrap(db, [EXPIRY])
    assert (kept.outcome, quick.name, quick.outcome) == ("kept", "quick", "failed")


async def test_a_later_expiry_by_the_same_field_is_harmless(db: Database) -> None:
    """What would be deleted later than declared is gone by then."""
    await db.runs.create_index([("createdAt", -1)], expireAfterSeconds=90 * DAY)
    assert await only(db, EXPIRY) == ("createdAt_1", "created", "")


async def test_writers_make_sure_of_keys_and_change_nothing_else(db: Database) -> None:
    """An expiry that was set otherwise stays, and none is made."""
    await bootstrap(db, declare(Retention(run_events=400)))
    before = await listed(db, "run_events")
    await make_keys(db, [index for index in INDEXES if index.collection in ("run_events", "plan_snapshots")])
    assert await listed(db, "run_events") == before
    await db.drop_collection("plan_snapshots")
    await make_keys(db, [index for index in INDEXES if index.collection == "plan_snapshots"])
    assert sorted(await listed(db, "plan_snapshots")) == ["runId_1"]


async def test_writers_do_not_change_how_weeks_are_kept(db: Database) -> None:
    """That is for `bootstrap`, which moves the documents over; the cure is named."""
    several = [i for i in declare(metrics_per_athlete=True) if i.collection == "weekly_metrics"]
    one = [i for i in INDEXES if i.collection == "weekly_metrics"]
    await bootstrap(db, several)
    before = await listed(db, "weekly_metrics")
    await make_keys(db, several)
    with pytest.raises(StorageRejected, match=r"kept by athleteId, weekStart here.*METRICS_PER_ATHLETE"):
        await make_keys(db, one)
    assert await listed(db, "weekly_metrics") == before


async def test_writers_are_told_of_duplicate_keys(db: Database) -> None:
    """As `bootstrap` would say."""
    await db.run_events.insert_many([{"runId": "a"}, {"runId": "a"}])
    with pytest.raises(StorageRejected, match=r'duplicate keys: {"runId": "a"} x2'):
        await make_keys(db, [index for index in INDEXES if index.collection == "run_events"])
