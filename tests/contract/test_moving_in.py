"""Collections that n8n workflows have filled before this bot go on being used, as docs/moving-in.md says."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from bot.cli.doctor import IN_MONGODB, Examination
from bot.core.plans.plan import read_plan
from bot.core.records.collections import MODELS, WRITTEN
from bot.core.shared.clock import iso_utc, system_clock
from bot.records_io.transfer import (
    TransferCounts,
    check_stream,
    export_stream,
    write_all_or_nothing,
    write_stream,
)
from bot.settings import Settings
from bot.store.mongodb.date_repair import convert_dates
from bot.store.mongodb.indexes import bootstrap
from bot.store.records.export import Selection, read_batches
from bot.store.records.writer import RecordStore
from tests.support.training import MADRID

Db = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 5, 18, 42, 58, 123_000, tzinfo=UTC)
RUN = "2026-02-02T18:00:12.345Z-a1b2c3"
PLAN: dict[str, Any] = {
    "nextWeek": {"phase": "Base", "weekStart": "2026-02-03", "weekEnd": "2026-02-09"},
    "days": [
        {"day": "Lunes", "date": "2026-02-03", "activity": "Run", "distance_time": "40min"},
        {"day": "Martes", "date": "2026-02-04", "activity": "Gym", "distance_time": "1h", "intensity": "--"},
        {"day": "Miercoles", "date": "2026-02-05", "activity": "VO2 max", "distance_time": "4x3min"},
    ],
}  # fmt: skip
"""A Tuesday called Monday, and no intensity."""
METRICS = {
    "runDurationMs": 48_211, "structuredLogs": [{"node": "Validate", "status": "ok"}],
    "structuredLogCoverageRate": 1, "structured_log_coverage_rate": 1, "coreMetricBreaches": [],
    "coreMetrics": {"successRate": 1, "invalidJsonRate": 0.5, "status": "success"},
}  # fmt: skip
"""What a workflow adds of its own."""


def answer(session: str, user: int | None, **more: Any) -> dict[str, Any]:
    """An answer: two of its times are dates, the third is a text."""
    ref = f"{RUN}-{session}"
    return {
        "_id": ObjectId(), "sessionId": session, "sessionRef": ref, "sessionKey": f"{ref}-{user or 'anon'}",
        "runId": RUN, "type": "hard", "response": "hard", "note": None, "sessionDate": "2026-02-03",
        "date": "2026-02-03", "sessionDay": "Tuesday", "day": "Tuesday", "chatId": "7000000001",
        "messageId": 4711, "userId": user, "username": None, "promptSentAt": "2026-02-03T19:00:00.000Z",
        "promptAgeDays": 2, "isLateResponse": False, "timestamp": NOW, "receivedAt": NOW, **more,
    }  # fmt: skip


def as_text(document: Mapping[str, Any]) -> dict[str, Any]:
    """As a node writes it that was told of no dates."""
    return {
        name: iso_utc(value) if isinstance(value, datetime) else value for name, value in document.items()
    }


_EVENT = {"runId": RUN, "status": "success", "attempt": 1, "weekStart": "2026-02-03", "weekEnd": "2026-02-09"}
_EVENT |= {"errorCount": 0, "errors": [], "createdAt": NOW, **METRICS}
_OLD_ANSWER = answer("4712", 7_000_000_001)
del _OLD_ANSWER["sessionId"]

FOUND: Mapping[str, Sequence[dict[str, Any]]] = {
    "run_events": [
        {"_id": ObjectId(), **_EVENT},
        {"_id": ObjectId(), **as_text(_EVENT), "runId": "with-text", "runEvent": as_text(_EVENT)},
        {
            "_id": ObjectId(), "runId": "failed", "status": "failure", "attempt": None, "weekStart": None,
            "weekEnd": None, "errorCount": 1, "errors": ["invalid_json: Unexpected end"], "createdAt": NOW,
        },
        {
            "_id": ObjectId(), "runId": "reminder-2026-02-04-k3j2h1g0", "status": "reminder",
            "chatId": "7000000001", "previewMode": False, "previewChatId": "7000000001",
            "reminderDate": "2026-02-04", "reminderWeekday": "Wednesday", "reminderTime": "08:00",
            "reminderTimezone": "Europe/Madrid", "reminderForceSend": False, "reminderEnabled": True,
            "reminderKey": "7000000001:2026-02-04", "deliveryStatus": "sent", "deliveryReason": "sent",
            "session": PLAN["days"][1], "reminderSentCount": 1, "reminder_sent_count": 1,
            "reminderOptInUsersCount": 1, "reminder_opt_in_users_count": 1, "createdAt": NOW,
        },
    ],
    "feedback_events": [
        answer("tue-run", 7_000_000_001),
        answer("legacy-4711", 7_000_000_001, note="Legs were heavy | really"),
        answer("legacy-2026-02-03", None, messageId=None, chatId=None),
        answer("late-evening", 7_000_000_001, promptSentAt="2026-02-03T23:30:00.000Z")
        | {"sessionDay": "Wednesday", "day": "Wednesday"},
        as_text(answer("all-text", 7_000_000_001)),
        _OLD_ANSWER,
    ],
    "weekly_metrics": [
        {
            "_id": ObjectId(), "athleteId": "i000001", "weekStart": "2026-02-02", "weekEnd": "2026-02-08",
            "runCount": 3, "runDistance": 24210.4, "runTime": 8123, "rideCount": 0, "rideDistance": 0,
            "rideTime": 0, "rideTrimp": 0, "vo2Sessions": 1, "tempoSessions": 0, "longRuns": 1,
            "strengthCount": 2, "strengthTrimp": 61.5, "ctlMean": 41.2, "atlMean": 44.8,
            "rampRateMean": -1.25, "restHrMean": 47.5, "stepsMean": 9120.25, "sleepScoreMean": 0,
            "hrvMean": 62, "createdAt": NOW, "updatedAt": NOW,
        },
    ],
    "plan_snapshots": [
        {
            "_id": ObjectId(), "runId": RUN, "attempt": 0, "weekStart": "2026-02-03",
            "weekEnd": "2026-02-09", "schema_version": "1.0", "activityPlan": PLAN,
            "justification": ["Load is stable."], "createdAt": NOW,
        },
    ],
    "run_artifacts": [
        {
            "_id": ObjectId(), "runId": RUN, "promptVersion": "v7", "modelId": "a-model", "prompt": "You ...",
            "metrics": {"runCount": 3, "createdAt": iso_utc(NOW)},
            "history": [{"_id": "65f0aa0000000000000000aa", "weekStart": "2026-01-26"}],
            "activities": [{"id": "i1", "type": "Run", "start_date": "2026-02-03T06:00:00Z"}],
            "wellness": [{"id": "2026-02-03", "restingHR": 47}], "feedbackSummary": None, "status": "success",
            "attempt": 0, "outputValidated": {"schema_version": "1.0", "activityPlan": PLAN},
            "outputRaw": '{"schema_version":"1.0"}', "errors": [], "errorCount": 0,
            "adaptationTriggers": [], **METRICS, "createdAt": NOW, "updatedAt": iso_utc(NOW),
        },
    ],
}  # fmt: skip
OTHERS = ("activities", "wellness", "reminder_events")
"""Collections that the bot knows nothing of."""


def unexpected(flaw: object) -> None:
    """Nothing is to be refused."""
    raise AssertionError(flaw)


async def exported(db: Db, collection: str) -> bytes:
    """What `export` prints; nothing is left out."""
    lines: list[bytes] = []
    batches, left_out = read_batches(db, collection, Selection()), list[str]()
    await export_stream(batches, collection, "ndjson", lines.append, TransferCounts(), report=left_out.append)
    assert left_out == []
    return b"".join(lines)


def meaning(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with its times as texts, without its `_id`."""
    return {name: value for name, value in as_text(document).items() if name != "_id"}


@pytest.fixture
async def full(db: Db) -> Db:
    """A database as the workflows leave it, indexes included."""
    db = db.with_options(codec_options=db.codec_options.with_options(tz_aware=True))
    for collection, documents in FOUND.items():
        await db[collection].insert_many([{**document} for document in documents])
        key = WRITTEN[collection].key()
        await db[collection].create_index([(name, 1) for name in key], unique=True, name="of_the_workflow")
    for collection in OTHERS:
        await db[collection].insert_one({"id": "x", "date": NOW})
    return db


@pytest.mark.parametrize("collection", MODELS)
@pytest.mark.parametrize("strict", [False, True])
async def test_everything_goes_through_export_and_write(full: Db, collection: str, strict: bool) -> None:
    """Nothing is refused, left out or changed; what is missing is filled in; again it changes nothing."""
    lines = await exported(full, collection)
    there = full.client[f"{full.name}_there"]
    there = there.with_options(codec_options=full.codec_options)
    flaws: list[object] = []
    try:
        checked = TransferCounts()
        check_stream(io.BytesIO(lines), collection, checked, report=flaws.append)
        store = RecordStore(there, clock=system_clock)
        flow = write_all_or_nothing if strict else write_stream
        for outcome in ("written", "unchanged"):
            tally = TransferCounts()
            await flow(io.BytesIO(lines), collection, store, tally, report=flaws.append)
            assert getattr(tally, outcome) == len(FOUND[collection]) == checked.written
        written = await there[collection].find({}).to_list()
    finally:
        await there.client.drop_database(there)
    assert flaws == []
    key = MODELS[collection].KEY
    by_key = {document[key]: document for document in written}
    for document in FOUND[collection]:
        after = meaning(by_key[document[key]])
        assert {name: after.get(name, "missing") for name in meaning(document)} == meaning(document)
        times = WRITTEN[collection].dates
        assert all(isinstance(by_key[document[key]].get(name, NOW), datetime) for name in times)


async def test_a_document_of_the_workflow_is_not_changed_by_its_own_export(full: Db) -> None:
    """Written back into its own database it keeps what it says, its `_id` included."""
    for collection, documents in FOUND.items():
        lines = await exported(full, collection)
        tally = TransferCounts()
        store = RecordStore(full, clock=system_clock)
        await write_stream(io.BytesIO(lines), collection, store, tally, report=unexpected)
        for document in documents:
            after = await full[collection].find_one({"_id": document["_id"]}) or {}
            assert {name: as_text(after).get(name, "missing") for name in document} == as_text(document)


async def test_doctor_names_what_is_left_to_do_and_nothing_fails(full: Db, tmp_path: Path) -> None:
    """Texts instead of dates are warned of, with the command that mends them; then there is nothing more."""
    await bootstrap(full)
    settings = Settings(_env_file=None, athlete_ids="7000000001", timezone=MADRID, data_dir=tmp_path)

    async def findings() -> dict[str, str]:
        async with AsyncExitStack() as stack:
            examination = Examination(settings, (), stack, lambda: NOW)
            examination.database = full
            examination.reached.add("data")
            found = [*await examination.server(), *await examination.run(IN_MONGODB)]
        assert not [it for it in found if it.level == "FAIL" or "unexpected" in it.message], found
        return {it.check: f"{it.level} {it.message} {it.cure}" for it in found}

    before = await findings()
    assert "--convert-dates" in before["dates"]
    await convert_dates(full, expire_old=True)  # the tests' MongoDB deletes nothing
    assert (await findings())["dates"].startswith("ok")


def test_the_plan_is_read_with_a_warning_of_its_weekdays() -> None:
    """The date counts; `--` is no intensity."""
    [stored] = FOUND["plan_snapshots"]
    plan = read_plan({name: value for name, value in stored.items() if name != "_id"}, MADRID)
    assert [session.date.isoformat() for session in plan.sessions] == [
        "2026-02-03",
        "2026-02-04",
        "2026-02-05",
    ]
    assert plan.warnings
    assert (plan.sessions[1].distance_time, plan.sessions[1].intensity) == ("1h", None)
