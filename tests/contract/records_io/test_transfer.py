"""What comes out of a database goes back into it unchanged, record by record, on a real MongoDB."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import bson
import pymongo
import pytest
from bson import Int64, json_util
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.event import AnswerAddition, FeedbackEvent, NoteChange
from bot.core.answers.payloads import Callback
from bot.core.answers.rules import TappedSession, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.notes.lines import NoteLine
from bot.core.records.collections import KEYS, MODELS, parse
from bot.core.records.models import Record
from bot.core.records.retention import DEFAULT_RETENTION, Overdue
from bot.core.shared.clock import iso_utc, system_clock
from bot.core.shared.errors import BotError, StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.updates import Tap
from bot.records_io import transfer as flows
from bot.records_io.reading import ReadingFlaw
from bot.records_io.transfer import TransferCounts, export_stream, write_all_or_nothing, write_stream
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.mongodb.client import connect
from bot.store.mongodb.indexes import bootstrap
from bot.store.records.export import ALL, DATE_FIELDS, Selection, read_batches
from bot.store.records.upserts import Written
from bot.store.records.writer import RecordStore
from tests.unit.core.records.test_models import MINIMAL, RAW

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
Db = AsyncDatabase[dict[str, Any]]


def store(db: Db) -> RecordStore:
    """The real writer."""
    return RecordStore(db, clock=system_clock)


def unexpected(found: object) -> None:
    """Nothing is to be reported."""
    raise AssertionError(found)


async def write(
    db: Db, collection: str, data: bytes | str, *, strict: bool = False
) -> tuple[TransferCounts, list[str]]:
    """Write an input; the tally, and what was reported."""
    tally, flaws = TransferCounts(), list[ReadingFlaw]()
    source = io.BytesIO(data.encode() if isinstance(data, str) else data)
    flow = write_all_or_nothing if strict else write_stream
    await flow(source, collection, store(db), tally, report=flaws.append)
    return tally, [str(flaw) for flaw in flaws]


async def export(
    db: Db, collection: str, file_format: str = "ndjson", selection: Selection = ALL
) -> tuple[bytes, list[str]]:
    """Export to bytes; what was left out and why."""
    out, left_out = io.BytesIO(), list[str]()
    await export_stream(
        read_batches(db, collection, selection, batch=3),
        collection, file_format, out.write, TransferCounts(), report=left_out.append,
    )  # fmt: skip
    return out.getvalue(), left_out


def lines(data: bytes) -> list[Any]:
    """Values of NDJSON."""
    return [json.loads(line) for line in data.splitlines()]


def documents_of(line: bytes) -> bytes:
    """A line without what separates it from the next."""
    return line.rstrip(b",")


async def stored(db: Db, collection: str) -> list[bytes]:
    """The documents in BSON, fields by name, so that types are compared too."""
    found = await db[collection].find({}, {"_id": False}).to_list()
    return sorted(bson.encode(dict(sorted(document.items()))) for document in found)


@pytest.mark.parametrize("collection", MODELS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_export_then_write_is_the_identity(mongo_url: str, collection: str, data: st.DataObject) -> None:
    """Another database gets the same documents, type by type; the same database is not changed."""
    raw = data.draw(st.lists(RAW[collection], max_size=4, unique_by=identity))
    records = [parse(collection, document) for document in raw]
    asyncio.run(_round_trip(mongo_url, collection, records))


def identity(document: dict[str, Any]) -> str:
    """What `unique_by` takes: the key fields that the documents have."""
    names = ("runId", "sessionId", "userId", "weekStart")
    return repr([document.get(name) for name in names])


async def _round_trip(url: str, collection: str, records: Sequence[Record]) -> None:
    async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True) as client:
        # Collections that stay: to drop them takes much longer than all the rest.
        first, second = client["test_round_trip_1"], client["test_round_trip_2"]
        await first[collection].delete_many({})
        await store(first).write(collection, records)
        before = await stored(first, collection)
        for file_format in ("ndjson", "json"):
            await second[collection].delete_many({})
            text, left_out = await export(first, collection, file_format)
            assert left_out == []
            assert (await write(second, collection, text))[1] == []
            assert await stored(second, collection) == before
            again, _ = await export(second, collection, file_format)
            # Those of the same time may stand in another order.
            assert sorted(map(documents_of, again.splitlines())) == sorted(
                map(documents_of, text.splitlines())
            )
            tally, _ = await write(first, collection, text)
            assert (tally.written, tally.unchanged) == (0, len(before))
            assert await stored(first, collection) == before


async def test_what_the_bot_stores_besides_an_answer_goes_back_unchanged(db: Db) -> None:
    """RPE, pain, reasons and notes as taps and replies leave them, with the instants in `saidAt`."""
    events, other = FeedbackStore(db), db.client[f"{db.name}_other"]
    for number, (type_, additions) in enumerate(SAID.items(), start=1):
        tap = Tap(number, f"q{number}", 7, "ana", 7, number, NOW, None, NOW)
        session = TappedSession("r", f"s{number}", NOW)
        event = derive_event(
            tap, Callback("r", f"s{number}", type_, None), session, zone=UTC, late_after_days=1
        )
        assert isinstance(event, FeedbackEvent)
        await events.record([event])
        await events.add(
            [
                NoteChange.written(event.identity, line_of(str(value), 10 + number))
                if what is None
                else AnswerAddition(event.identity, what, value, 10 + number, NOW)
                for what, value in additions
            ]
        )
    before = await stored(db, "feedback_events")
    text, left_out = await export(db, "feedback_events")
    assert left_out == []
    try:
        tally, flaws = await write(other, "feedback_events", text)
        assert (flaws, tally.written) == ([], len(SAID))
        assert await stored(other, "feedback_events") == before
        assert (await export(other, "feedback_events"))[0] == text
    finally:
        await db.client.drop_database(other.name)
    said = [document["saidAt"] async for document in db.feedback_events.find()]
    assert sorted(name for each in said for name in each) == ["note", "pain", "reason", "rpe", "rpe", "where"]
    assert {when["at"] for each in said for when in each.values()} == {NOW, NOW + timedelta(seconds=1)}


def line_of(text: str, update_id: int) -> NoteLine:
    """A line of a note, with a voice message, that was changed."""
    later = NOW + timedelta(seconds=1)
    voice = Attachment("voice", "voice-id", 99)
    return NoteLine(NOW, text, 99, UpdateStamp(update_id, later), 7, (voice,))


SAID: dict[FeedbackType, list[tuple[Detail | None, int | str]]] = {
    FeedbackType.DONE: [(Detail.RPE, 0)],
    FeedbackType.HARD: [(Detail.RPE, 10), (None, "$windy <b>")],
    FeedbackType.PAIN: [(Detail.PLACE, "knee"), (Detail.PAIN, 6)],
    FeedbackType.SKIPPED: [(Detail.REASON, "no time")],
}


async def test_a_later_answer_takes_nothing_over_that_was_said_about_the_one_before(db: Db) -> None:
    """Neither RPE nor pain nor a reason; a note of its own it may bring along."""
    first = {"runId": "r", "sessionId": "s", "type": "pain", "receivedAt": NOW.isoformat()}
    said = {"pain": {"where": "knee", "level": 6}, "note": "km 4", "noteMessageId": 9}
    later = {**first, "type": "done", "receivedAt": DAYS[1].isoformat(), "rpe": 4}
    for record in ({**first, **said}, later):
        await write(db, "feedback_events", json.dumps(record))
    document = await db.feedback_events.find_one({}) or {}
    assert (document["type"], document["rpe"]) == ("done", 4)
    assert not document.keys() & {"pain", "reason", "note", "noteMessageId"}


def run(number: int, **more: object) -> str:
    """One run event as a line."""
    return json.dumps({"runId": f"r{number}", "status": "success", **more}) + "\n"


async def test_bad_records_are_named_and_the_good_ones_written(db: Db) -> None:
    """By line and field, over several batches; the last line of a document wins."""
    text = "".join(
        run(number, attempt=-1 if number % 1000 == 999 else number) for number in range(4000)
    ) + run(5, attempt=77)
    tally, flaws = await write(db, "run_events", text)
    assert flaws == [f"line {number}: attempt: must not be negative" for number in range(1000, 4001, 1000)]
    assert (tally.written, tally.unchanged, tally.refused) == (3997, 0, 4)
    assert await db.run_events.count_documents({}) == 3996
    assert (await db.run_events.find_one({"runId": "r5"}) or {})["attempt"] == 77
    tally, _ = await write(db, "run_events", run(5, attempt=77))
    assert str(tally) == "0 written, 1 unchanged, 0 refused"


async def test_what_only_mongodb_refuses_is_named_by_line(db: Db) -> None:
    """A validator of the operator's own holds up no other record."""
    await db.create_collection("run_events", validator={"note": {"$ne": "no"}})
    tally, flaws = await write(db, "run_events", run(1) + "\n" + run(2, note="no") + run(3))
    assert (tally.written, tally.refused) == (2, 1)
    assert [flaw.partition(";")[0] for flaw in flaws] == [
        'line 3: runId "r2": the collection\'s validator refuses it'
    ]


class Pipe(io.BytesIO):
    """What cannot be read twice."""

    def seekable(self) -> bool:
        """No."""
        return False

    def seek(self, *_: object) -> int:
        """No."""
        raise io.UnsupportedOperation


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
async def test_strict_writes_all_or_nothing(db: Db, kind: type[io.BytesIO]) -> None:
    """One bad record among thousands, and nothing is written; none, and all are. Pipes as well as files."""
    text = "".join(run(number) for number in range(3000))
    for data, written, refused in ((text + '{"half', 0, 1), (text, 3000, 0)):
        tally, flaws = TransferCounts(), list[ReadingFlaw]()
        await write_all_or_nothing(kind(data.encode()), "run_events", store(db), tally, report=flaws.append)
        assert (tally.written, tally.refused, len(flaws)) == (written, refused, refused)
        assert await db.run_events.count_documents({}) == written


async def test_an_input_that_changes_between_the_two_readings_is_noticed(db: Db) -> None:
    """Somebody appends to the file while it is checked."""
    source = io.BytesIO(run(1).encode())

    def append(_: TransferCounts) -> None:
        source.seek(0, io.SEEK_END)
        source.write(run(2).encode())

    with pytest.raises(BotError, match="changed"):
        await write_all_or_nothing(
            source, "run_events", store(db), TransferCounts(), report=unexpected, progress=append
        )
    assert await db.run_events.count_documents({}) == 0


async def test_errors_of_input_and_store_escape(db: Db) -> None:
    """A disk that cannot be read, and a MongoDB that is away, are no records that are refused."""

    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await write_stream(Broken(), "run_events", store(db), TransferCounts(), report=unexpected)
    away = connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", None, "x")
    tally = TransferCounts()
    with pytest.raises(StorageUnavailable):
        await write_stream(
            io.BytesIO(run(1).encode()),
            "run_events",
            RecordStore(away, clock=system_clock),
            tally,
            report=unexpected,
        )
    assert tally.total == 0
    await away.client.close()


async def test_reading_goes_on_while_mongodb_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next batch is ready when the store is; a store that fails ends the reading."""
    monkeypatch.setattr(flows, "_BATCH", 1)
    source = io.BytesIO(b"".join(run(number).encode() for number in range(9)))
    written: list[str] = []

    class Slow:
        async def write(self, _collection: str, records: Sequence[Record]) -> list[Written]:
            await asyncio.sleep(0.01)
            written.extend(str(record.to_update_fields()["runId"]) for record in records)
            if len(written) == 4:
                raise StorageRejected("no")
            return [Written("inserted")] * len(records)

    tally = TransferCounts()
    with pytest.raises(StorageRejected):
        await write_stream(source, "run_events", cast("Any", Slow()), tally, report=unexpected)
    assert written == ["r0", "r1", "r2", "r3"]
    assert tally.written == 3


DAYS = [NOW + timedelta(days=number) for number in range(4)]


@pytest.mark.parametrize("collection", [name for name in MODELS if name != "weekly_metrics"])
async def test_documents_are_selected_by_time_and_run(db: Db, collection: str) -> None:
    """Since counts in, before counts out, text dates of other writers count, the oldest comes first."""
    field = DATE_FIELDS[collection]
    key = KEYS[collection]
    documents: list[dict[str, Any]] = [
        {"runId": f"r{number}", key: f"r{number}", field: at} for number, at in enumerate(DAYS)
    ]
    documents[1][field] = "2026-02-17T18:42:58.123Z"
    await db[collection].insert_many([*reversed(documents), {"runId": "r9", key: "r9"}])
    for selection, expected in (
        (ALL, ["r9", "r1", "r0", "r2", "r3"]),
        (Selection(since=DAYS[1]), ["r1", "r2", "r3"]),
        (Selection(before=DAYS[1]), ["r0"]),
        (Selection(since=DAYS[1], before=DAYS[3]), ["r1", "r2"]),
        (Selection(run_id="r2"), ["r2"]),
        (Selection(run_id="r2", since=DAYS[3]), []),
    ):
        found = [doc async for batch in read_batches(db, collection, selection, batch=2) for doc in batch]
        assert [document["runId"] for document in found] == expected
        assert all("_id" not in document for document in found)


async def test_weeks_are_selected_by_day(db: Db) -> None:
    """Days are compared as text, which is what they are."""
    weeks = [f"2026-0{number}-05" for number in range(1, 6)]
    await db.weekly_metrics.insert_many([{"weekStart": week} for week in reversed(weeks)])
    selection = Selection(since="2026-02-05", before="2026-04-05")
    text, _ = await export(db, "weekly_metrics", selection=selection)
    assert [week["weekStart"] for week in lines(text)] == weeks[1:3]


@pytest.mark.parametrize("collection", MODELS)
async def test_the_order_comes_from_an_index(db: Db, collection: str) -> None:
    """MongoDB neither sorts nor, given dates, looks at more documents than it returns."""
    await bootstrap(db)
    day = DATE_FIELDS[collection]
    limit = "2026-02-17" if day == "weekStart" else DAYS[1]
    await store(db).write(
        collection,
        [parse(collection, {**MINIMAL[collection], KEYS[collection]: key, day: at}) for key, at in (
            (("2026-02-16", "2026-02-16"), ("2026-02-18", "2026-02-18"))
            if day == "weekStart"
            else (("r-s-anon", DAYS[0]),)
        )],
    )  # fmt: skip
    plans: list[Any] = []
    for selection in (ALL, Selection(since=limit)):
        await db.command("profile", 2)
        [batch async for batch in read_batches(db, collection, selection)]
        await db.command("profile", 0)
        [entry] = await db["system.profile"].find({"ns": f"{db.name}.{collection}", "op": "query"}).to_list()
        await db.drop_collection("system.profile")
        plans.append((entry.get("hasSortStage", False), "IXSCAN" in entry["planSummary"]))
        assert entry["docsExamined"] == entry["nreturned"]
    assert plans == [(False, True)] * 2


async def test_a_long_export_is_not_cut_off(mongo_url: str, db: Db) -> None:
    """The limit for ordinary operations does not hold here."""
    await db.run_events.insert_one({"runId": "r"})
    impatient = connect(f"{mongo_url}&timeoutMS=300", db.name, "x")
    slow = {"$where": "sleep(700) || true"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.store.records.export.selecting", lambda *_: slow)
        assert [batch async for batch in read_batches(impatient, "run_events")] == [[{"runId": "r"}]]
    with pytest.raises(pymongo.errors.PyMongoError):
        await impatient.run_events.find(slow).to_list()
    await impatient.client.close()


async def test_a_mongodb_that_is_away_is_said_to_be() -> None:
    """In the errors of the product, also while reading."""
    away = connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", None, "x")
    with pytest.raises(StorageUnavailable):
        [batch async for batch in read_batches(away, "run_events")]
    await away.client.close()


async def test_what_no_format_can_say_is_named_and_left_out(db: Db) -> None:
    """Other writers may have stored anything; the other documents come out."""
    await db.run_events.insert_many(
        [{"runId": "r1"}, {"runId": "r2", "a": {"b": [float("nan")]}}, {"runId": "r3", "x": bson.ObjectId()}]
    )
    for file_format in ("ndjson", "json", "csv"):
        text, left_out = await export(db, "run_events", file_format)
        assert b"r1" in text
        assert b"r2" not in text
        assert [line.split(": ")[:2] for line in left_out] == [
            ["runId 'r2'", "a.b[0]"],
            ["runId 'r3'", "x"],
        ]
    assert json.loads((await export(db, "run_events", "json"))[0]) == [{"runId": "r1"}]


async def test_csv_has_a_column_for_each_field(db: Db) -> None:
    """Known fields in their order, unknown ones in the last column as JSON, no cell a formula."""
    record = {
        **{name: MINIMAL["feedback_events"][name] for name in ("runId", "sessionId", "type")},
        "note": '=HYPERLINK("http://x")', "username": "", "userId": -5, "receivedAt": NOW,
        "chatId": "-100", "extra": {"=a": ["x", None]}, "b": "ä,\n",
    }  # fmt: skip
    await store(db).write("feedback_events", [parse("feedback_events", record)])
    text, _ = await export(db, "feedback_events", "csv")
    header, row = csv.reader(io.StringIO(text.decode(), newline=""))
    assert header == [*MODELS["feedback_events"].model_fields, "otherFields"]
    cells = dict(zip(header, row, strict=True))
    assert cells["note"] == '\'=HYPERLINK("http://x")'
    assert (cells["chatId"], cells["userId"], cells["messageId"]) == ("'-100", "-5", "")
    assert cells["receivedAt"] == "2026-02-16T18:42:58.123Z"
    assert json.loads(cells["otherFields"]) == {"extra": {"=a": ["x", None]}, "b": "ä,\n"}
    assert b',"",' in text
    assert text.endswith(b"\r\n")


async def test_a_date_beyond_the_calendar_is_named_and_not_changed(db: Db) -> None:
    """MongoDB can hold it, JSON's ISO texts cannot; the others are exported."""
    far = bson.datetime_ms.DatetimeMS(253_402_300_800_000)  # the first moment of the year 10000
    await db.run_events.insert_many(
        [{"runId": "far", "status": "success", "createdAt": far}, {"runId": "r", "status": "success"}]
    )
    data, flaws = await export(db, "run_events")
    assert [json.loads(line)["runId"] for line in data.splitlines()] == ["r"]
    assert len(flaws) == 1
    assert "far" in flaws[0]
    assert "createdAt" in flaws[0]


EXPORTED: Mapping[str, dict[str, Any]] = {
    "run_events": {
        "runId": "r", "status": "success", "attempt": 1, "errors": [], "errorCount": 0, "createdAt": NOW,
        "runEvent": {"runId": "r", "attempt": Int64(2**40), "share": 0.5},
    },
    "feedback_events": {
        "runId": "r", "sessionId": "s", "sessionKey": "r-s-7000000000", "sessionRef": "r-s", "type": "hard",
        "response": "hard", "note": None, "sessionDate": "2026-02-16", "date": "2026-02-16",
        "sessionDay": "Monday", "day": "Monday", "chatId": "7", "messageId": 42,
        "userId": Int64(7_000_000_000), "timestamp": NOW, "receivedAt": NOW, "promptSentAt": NOW,
        "promptAgeDays": 0, "isLateResponse": False, "rpe": 7,
        "saidAt": {"rpe": {"at": NOW, "updateId": Int64(3)}},
    },
    "weekly_metrics": {
        "weekStart": "2026-02-09", "weekEnd": "2026-02-15", "runCount": 5, "runDistance": 52300.5,
        "createdAt": NOW, "updatedAt": NOW,
    },
    "plan_snapshots": {
        "runId": "r", "weekStart": "2026-02-16", "weekEnd": "2026-02-22", "createdAt": NOW,
        "activityPlan": {"days": [{"date": "2026-02-17", "activity": "Tempo", "km": 10.0}]},
    },
    "run_artifacts": {
        "runId": "r", "metrics": {"runCount": 5}, "activities": [{"distance": 9000.5}], "status": "success",
        "errors": [], "errorCount": 0, "createdAt": NOW, "updatedAt": NOW,
    },
}  # fmt: skip
"""A document of each collection as the bot stores it."""
FORMS = {
    "canonical": json_util.CANONICAL_JSON_OPTIONS,
    "relaxed": json_util.RELAXED_JSON_OPTIONS,
    "version 1": json_util.LEGACY_JSON_OPTIONS,
}


@pytest.mark.parametrize("collection", MODELS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("layout", ["lines", "array", "pretty"])
async def test_what_mongoexport_writes_is_taken(
    db: Db, collection: str, form: str, strict: bool, layout: str
) -> None:
    """In each form of Extended JSON, the same documents are stored; their `_id` is left out."""
    db = db.with_options(codec_options=db.codec_options.with_options(tz_aware=True))
    await db[collection].insert_many([{**EXPORTED[collection]}])
    wanted = await db[collection].find({}, {"_id": False}).to_list()
    documents = [
        json_util.dumps(it, json_options=FORMS[form]) for it in await db[collection].find({}).to_list()
    ]
    await db[collection].delete_many({})
    if layout == "pretty":
        documents = [json.dumps(json.loads(it), indent=1) for it in documents]
    text = f"[{','.join(documents)}]" if layout == "array" else "\n".join(documents)
    tally, flaws = await write(db, collection, text, strict=strict)
    assert (tally.written, tally.refused, flaws) == (1, 0, [])
    assert len(tally.readings) == 1
    assert "`_id`" in next(iter(tally.readings))
    assert await db[collection].find({}, {"_id": False}).to_list() == wanted
    again, _ = await write(db, collection, text, strict=strict)
    assert (again.unchanged, again.written) == (1, 0)


async def test_several_documents_in_an_envelope(db: Db) -> None:
    """Each stands for itself: what is refused holds up no other one, and its place is told."""
    good, bad = {"runId": "a", "status": "success"}, {"runId": "b", "status": "done"}
    tally, flaws = await write(db, "run_events", json.dumps({"output": [good, {"json": bad}, good]}))
    assert (tally.written, tally.unchanged, tally.refused) == (1, 1, 1)
    assert flaws == ["line 1: status: must be 'success' or 'failure'"]
    assert sum(tally.readings.values()) == 2


@pytest.mark.parametrize("strict", [False, True])
async def test_what_is_written_and_expires_at_once_is_counted(db: Db, strict: bool) -> None:
    """A restored backup: those that are too old are written, and named as what they are."""
    tally = TransferCounts(overdue=Overdue.under(DEFAULT_RETENTION, "run_events", NOW))
    days = (1, 89, 90, 400)
    documents = [
        {"runId": f"r{age}", "status": "success", "createdAt": iso_utc(NOW - timedelta(days=age))}
        for age in days
    ]
    source = io.BytesIO("\n".join(map(json.dumps, documents)).encode())
    flow = write_all_or_nothing if strict else write_stream
    await flow(source, "run_events", store(db), tally, report=unexpected)
    assert tally.written == 4
    assert tally.overdue is not None
    assert (tally.overdue.count, tally.overdue.oldest) == (2, NOW - timedelta(days=400))
