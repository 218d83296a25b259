"""Many records in one transaction, on a real MongoDB that refuses, conflicts, forgets and gets killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.records.builders import build_run
from bot.core.records.collections import KEYS, MODELS, parse
from bot.core.records.models import Record
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.records_io import transfer as flows
from bot.records_io.reading import ReadingFlaw
from bot.records_io.transfer import TransferCounts, write_all_or_nothing
from bot.store.embedded.binary import find_mongod
from bot.store.mongodb import transactions
from bot.store.mongodb.client import connect
from bot.store.mongodb.indexes import bootstrap, declare
from bot.store.mongodb.transactions import TransactionImpossible, in_transaction
from bot.store.records.atomic_writer import AtomicWriter, Outcomes
from bot.store.records.runs import record_run
from bot.store.records.upserts import Refused, Written
from bot.store.records.writer import RecordStore
from bot.tasks import end_tasks
from tests.support.processes import HOST, Mongod, Program, free_port, wait_until

Db = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
KEY_INDEXES = [index for index in declare() if index.unique and index.collection in MODELS]


def store(db: Db, now: datetime = NOW) -> RecordStore:
    """The real writer, at some time."""
    return RecordStore(db, clock=lambda: now)


def run(number: int, **more: object) -> dict[str, Any]:
    """A run event as it comes from outside."""
    return {"runId": f"r{number}", "status": "success", **more}


def ndjson(documents: Sequence[dict[str, Any]]) -> io.BytesIO:
    """An input of lines."""
    return io.BytesIO(b"".join(json.dumps(document).encode() + b"\n" for document in documents))


async def write(
    target: RecordStore, documents: Sequence[dict[str, Any]], collection: str = "run_events"
) -> tuple[TransferCounts, list[str]]:
    """Write an input, all or nothing; the tally, and what was reported."""
    tally, flaws = TransferCounts(), list[ReadingFlaw]()
    await write_all_or_nothing(ndjson(documents), collection, target, tally, report=flaws.append)
    return tally, [str(flaw) for flaw in flaws]


async def together(target: RecordStore, collection: str, records: Sequence[Record]) -> Outcomes:
    """Write records in a transaction of their own."""

    async def work(writer: AtomicWriter) -> Outcomes:
        outcomes = await writer.write(collection, records)
        if outcomes.refused:
            raise LookupError(next(iter(outcomes.refused.values())))
        return outcomes

    return await target.all_or_nothing(work)


@pytest.fixture
async def keyed(db: Db) -> Db:
    """Empty collections with their unique indexes."""
    await bootstrap(db, KEY_INDEXES)
    return db


@pytest.fixture
async def other(db: Db) -> AsyncIterator[Db]:
    """A second such database."""
    name = f"{db.name}_other"
    await bootstrap(db.client[name], KEY_INDEXES)
    yield db.client[name]
    await db.client.drop_database(name)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Mongod]:
    """A MongoDB of the test's own, which can be told to fail."""
    mongod = Mongod(tmp_path / "mongo", "--setParameter", "enableTestCommands=1")
    await mongod.start()
    yield mongod
    await mongod.kill()


@pytest.fixture
async def own(server: Mongod) -> AsyncIterator[Db]:
    """A database there, as the commands connect to it."""
    db = connect(server.url, "own", "own")
    await bootstrap(db, KEY_INDEXES)
    yield db
    await db.client.close()


async def fail(db: Db, command: str, times: int, **how: object) -> None:
    """Let MongoDB fail a command so many times."""
    data = {"failCommands": [command], **how}
    await db.client.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)


# The same rules as without a transaction.


MINUTES = st.integers(-5, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))
FIELDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "run_events": st.fixed_dictionaries(
        {"runId": st.sampled_from("ab"), "status": st.just("success")},
        optional={"attempt": st.integers(1, 2), "createdAt": MINUTES, "x.$y": st.just("$a")},
    ),
    "weekly_metrics": st.fixed_dictionaries(
        {"weekStart": st.sampled_from(["2026-02-09", "2026-02-16"])},
        optional={"runCount": st.integers(1, 2), "createdAt": MINUTES, "updatedAt": MINUTES},
    ),
    "run_artifacts": st.fixed_dictionaries(
        {"runId": st.sampled_from("ab")},
        optional={"prompt": st.sampled_from("pq"), "errors": st.lists(st.just("e"), max_size=2)},
    ),
    # Two of these sessions form one key.
    "feedback_events": st.builds(
        lambda ids, fields, second: {
            "runId": ids[0], "sessionId": ids[1], "userId": 7, **fields,
            **({"sessionKey": f"a-b-c-7~{second}"} if second and ids != ("r", "s") else {}),
        },
        st.sampled_from([("a-b", "c"), ("a", "b-c"), ("r", "s")]),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["done", "hard"])},
            optional={"receivedAt": MINUTES, "updateId": st.integers(1, 5)},
        ),
        st.sampled_from([None, None, "97a167673bea", "310c65171925", "000000000000"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("collection", FIELDS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_rules_are_those_of_single_writes(
    keyed: Db, other: Db, collection: str, data: st.DataObject
) -> None:
    """Whatever comes, in whatever batches: the same documents, outcomes and refusals as without a
    transaction; where that refuses a record, the transaction writes none."""
    for db in (keyed, other):
        await db[collection].delete_many({})
    batches = data.draw(st.lists(st.lists(FIELDS[collection], max_size=4), max_size=4))
    for minute, batch in enumerate(batches):
        records = [parse(collection, document) for document in batch]
        at = NOW + timedelta(minutes=minute)
        before = await stored(other, collection)
        expected = await store(keyed, at).write(collection, records)
        if refused := [result for result in expected if isinstance(result, Refused)]:
            with pytest.raises(LookupError) as caught:
                await together(store(other, at), collection, records)
            assert caught.value.args[0].reason == refused[0].reason
            assert await stored(other, collection) == before
            return
        found = await together(store(other, at), collection, records)
        outcomes = [result.outcome for result in expected if isinstance(result, Written)]
        assert [found.inserted, found.changed, found.unchanged] == [
            outcomes.count(outcome) for outcome in ("inserted", "changed", "unchanged")
        ]
        assert await stored(other, collection) == await stored(keyed, collection)


async def stored(db: Db, collection: str) -> list[dict[str, Any]]:
    """All documents of a collection, by key."""
    return await db[collection].find({}, {"_id": False}).sort(KEYS[collection]).to_list()


async def test_thousands_of_records_are_counted(keyed: Db) -> None:
    """New, changed and unchanged ones, over several batches; what comes twice is written twice, in order."""
    first = [run(number) for number in range(5000)]
    assert str((await write(store(keyed), first))[0]) == "5,000 written, 0 unchanged, 0 refused"
    second = [run(number, **({"attempt": 2} if number < 10 else {})) for number in range(5001)]
    tally, _ = await write(store(keyed), [*second, run(3, attempt=3)])
    assert str(tally) == "12 written, 4,990 unchanged, 0 refused"
    assert await keyed.run_events.count_documents({}) == 5001
    assert (await keyed.run_events.find_one({"runId": "r3"}) or {})["attempt"] == 3


# What is refused.


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"note": "forbidden"}, "the collection's validator refuses it"),
        ({"number": 77}, "another document has the same number"),
        ({"runId": "TAKEN"}, "its key is taken by a document that is not found by it; run `bootstrap`"),
    ],
)
async def test_what_only_mongodb_refuses_undoes_all(db: Db, bad: dict[str, Any], reason: str) -> None:
    """In the third batch; the line is named, the document is not quoted, and nothing is written."""
    await db.create_collection("run_events", validator={"note": {"$ne": "forbidden"}})
    await db.run_events.create_index("runId", unique=True, collation={"locale": "en", "strength": 2})
    await db.run_events.create_index("runId", name="to find it by")
    await db.run_events.create_index("number", unique=True, sparse=True)
    await db.run_events.insert_one({"runId": "taken", "number": 77})
    documents = [run(number) for number in range(6000)]
    documents[4500] |= bad
    tally, flaws = await write(store(db), documents)
    [flaw] = flaws
    assert flaw.startswith(f'line 4501: runId "{documents[4500]["runId"]}": {reason}')
    assert "forbidden" not in flaw
    assert str(tally) == "0 written, 0 unchanged, 1 refused"
    assert await db.run_events.count_documents({}) == 1
    del documents[4500]
    assert (await write(store(db), documents))[0].written == 5999


async def test_an_answer_under_the_key_of_another_session_undoes_all(keyed: Db) -> None:
    """A made-up suffix is another session's; the answers before it are not written."""
    first = {"runId": "a-b", "sessionId": "c", "userId": 7, "type": "hard"}
    await write(store(keyed), [{**first, "sessionKey": "a-b-c-7~000000000000"}], "feedback_events")
    foreign = {"runId": "a", "sessionId": "b-c", "userId": 7, "type": "done"}
    tally, flaws = await write(
        store(keyed),
        [{**foreign, "userId": 8}, {**foreign, "sessionKey": "a-b-c-7~000000000000"}],
        "feedback_events",
    )
    assert [flaw.partition(";")[0] for flaw in flaws] == [
        'line 2: sessionKey "a-b-c-7~000000000000": its sessionKey belongs to a session with other ids'
    ]
    assert (tally.written, await keyed.feedback_events.count_documents({})) == (0, 1)


async def test_all_that_cannot_be_sent_is_named(db: Db) -> None:
    """Weeks without an athlete, where each must have one: every line of them."""
    several = RecordStore(db, clock=lambda: NOW, metrics_per_athlete=True)
    weeks = [{"weekStart": "2026-02-16", **({"athleteId": n} if n % 2 else {})} for n in range(5)]
    tally, flaws = await write(several, weeks, "weekly_metrics")
    assert [flaw.partition(":")[0] for flaw in flaws] == ["line 1", "line 3", "line 5"]
    assert (tally.written, tally.refused, await db.weekly_metrics.count_documents({})) == (0, 3, 0)


async def test_what_is_too_large_undoes_all(keyed: Db) -> None:
    """A document that outgrows MongoDB's limit only together with what is stored."""
    half = "x" * 9_000_000
    await write(store(keyed), [{"runId": "r", "more": half}], "run_artifacts")
    _, flaws = await write(store(keyed), [{"runId": "s"}, {"runId": "r", "prompt": half}], "run_artifacts")
    assert [flaw.partition(",")[0] for flaw in flaws] == ['line 2: runId "r": too large for MongoDB']
    assert await keyed.run_artifacts.distinct("runId") == ["r"]


async def test_an_error_that_is_about_no_record_escapes(db: Db) -> None:
    """A view takes no documents, whichever they are."""
    await db.create_collection("run_events", viewOn="elsewhere", pipeline=[])
    with pytest.raises(StorageRejected, match="MongoDB refuses"):
        await write(store(db), [run(1)])


# Who else writes.


async def test_another_writer_of_the_same_documents_is_waited_for(keyed: Db) -> None:
    """Its document is found changed; each record counts once, although all was written twice."""
    tally = TransferCounts()
    async with keyed.client.start_session() as session:
        async with await session.start_transaction():
            await keyed.run_events.insert_one({**run(4000), "mine": 1}, session=session)
            source = ndjson([run(number) for number in range(4500)])
            writing = asyncio.create_task(
                write_all_or_nothing(source, "run_events", store(keyed), tally, report=print)
            )
            await asyncio.sleep(3)
            assert not writing.done()
            assert await keyed.run_events.count_documents({}) == 0
        await writing
    assert str(tally) == "4,500 written, 0 unchanged, 0 refused"
    document = await keyed.run_events.find_one({"runId": "r4000"}) or {}
    assert (document["mine"], document["status"]) == (1, "success")


async def test_a_writer_that_does_not_end(keyed: Db) -> None:
    """After a while that is said, with nothing written."""

    async def work(session: AsyncClientSession) -> None:
        for name in ("before", "r"):
            await keyed.run_events.update_one(
                {"runId": name}, {"$set": {"x": 1}}, upsert=True, session=session
            )

    async with keyed.client.start_session() as session, await session.start_transaction():
        await keyed.run_events.insert_one({"runId": "r"}, session=session)
        with pytest.raises(StorageUnavailable, match=r"another writer.*try again"):
            await in_transaction(keyed, work, timeout=0.3)
        assert await keyed.run_events.count_documents({}) == 0


async def test_many_transactions_about_the_same_documents(keyed: Db) -> None:
    """They come one after the other, each whole; single writes in between wait for them."""

    async def all_at_once(number: int) -> None:
        await write(store(keyed), [run(n, attempt=number + 1) for n in (number % 3, 9, 1)])

    singles = [store(keyed).write("run_events", [parse("run_events", run(1, mine=n))]) for n in range(5)]
    await asyncio.gather(*(all_at_once(number) for number in range(8)), *singles)
    documents = {document["runId"]: document async for document in keyed.run_events.find()}
    assert documents["r1"]["attempt"] == documents["r9"]["attempt"]
    assert "mine" in documents["r1"]


class Twice:
    """A store that gives up in the middle of its first try, while the input is still being read."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    async def write(self, _collection: str, records: Sequence[Record]) -> Outcomes:
        """Take them."""
        self.seen[-1] += [str(record.to_update_fields()["runId"]) for record in records]
        if len(self.seen) == 1 and len(self.seen[0]) >= 3:
            raise InterruptedError
        return Outcomes(inserted=len(records))

    async def all_or_nothing(self, work: Callable[[Twice], Awaitable[Any]]) -> Any:
        """Try until it goes."""
        while True:
            self.seen.append([])
            try:
                return await work(self)
            except InterruptedError:
                pass


class Slow(io.BytesIO):
    """A disk that takes its time."""

    def read(self, _size: int | None = -1, /) -> bytes:
        """A little, after a while."""
        time.sleep(0.02)
        return super().read(20)


async def test_a_second_try_reads_everything_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the beginning, and only when nobody reads for the first try any more."""
    monkeypatch.setattr(flows, "_BATCH", 1)
    source = Slow(ndjson([run(number) for number in range(9)]).getvalue())
    twice, tally = Twice(), TransferCounts()
    await write_all_or_nothing(source, "run_events", cast("Any", twice), tally, report=print)
    assert twice.seen == [["r0", "r1", "r2"], [f"r{number}" for number in range(9)]]
    assert str(tally) == "9 written, 0 unchanged, 0 refused"


class Deaf:
    """A store that goes on when it is cancelled, as the driver may."""

    async def write(self, _collection: str, records: Sequence[Record]) -> Outcomes:
        """Take them."""
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return Outcomes(inserted=len(records))

    async def all_or_nothing(self, work: Callable[[Deaf], Awaitable[Any]]) -> Any:
        """Try once."""
        return await work(self)


async def test_an_interruption_is_not_overheard() -> None:
    """Nothing is committed after it."""
    writing = asyncio.create_task(
        write_all_or_nothing(
            ndjson([run(1)]), "run_events", cast("Any", Deaf()), TransferCounts(), report=print
        )
    )
    with pytest.raises(asyncio.CancelledError):
        await writing


# What MongoDB does on its own.


async def test_a_mongodb_without_transactions(tmp_path: Path) -> None:
    """A standalone server: a readable refusal with the cure, and nothing written, be it a run or a file."""
    port = free_port()
    arguments = (str(find_mongod()), "--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", HOST)
    options = ("--nounixsocket", "--wiredTigerCacheSizeGB", "0.25")
    server = Program([*arguments, *options], {"PATH": os.defpath}, tmp_path, tmp_path / "log")
    await server.start()
    db = connect(f"mongodb://{HOST}:{port}/?serverSelectionTimeoutMS=30000", "x", "x")
    failed = build_run({"runId": "r", "status": "failure", "errors": ["e"]}, now=NOW)
    try:
        with pytest.raises(TransactionImpossible, match="replica set"):
            await record_run(db, failed, clock=lambda: NOW)
        with pytest.raises(TransactionImpossible, match="replica set"):
            await write(store(db), [run(1)])
        assert await db.list_collection_names() == []
    finally:
        await db.client.close()
        await server.kill()


async def test_a_transaction_that_takes_too_long(own: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """MongoDB ends it: how long it took is said, and the cure; nothing is written, and not tried again."""
    monkeypatch.setattr(transactions, "_LIFETIME", 1)
    await own.client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=1)
    tries = 0

    async def work(writer: AtomicWriter) -> None:
        nonlocal tries
        tries += 1
        for number in range(5):
            await writer.write("run_events", [parse("run_events", run(number))])
            await asyncio.sleep(1)

    with pytest.raises(
        TransactionImpossible, match=r"ended the transaction, which took [2-5] s.*less at once"
    ):
        await store(own).all_or_nothing(work)
    assert tries == 1
    assert await own.run_events.count_documents({}) == 0


async def test_a_transaction_that_does_not_fit_into_the_cache(own: Db) -> None:
    """The message has the cure, and nothing is written."""
    await own.client.admin.command("setParameter", 1, wiredTigerEngineRuntimeConfig="cache_size=20M")
    documents = [{"runId": f"r{number}", "prompt": "x" * 5_000} for number in range(5000)]
    with pytest.raises(TransactionImpossible, match=r"cache.*write less at once"):
        await write(store(own), documents, "run_artifacts")
    assert await own.run_artifacts.count_documents({}) == 0
    assert (await write(store(own), documents[:100], "run_artifacts"))[0].written == 100


@pytest.mark.parametrize(
    "how",
    [
        {"closeConnection": True},
        {"errorCode": 11602},  # interrupted by a change of primaries
        {"writeConcernError": {"code": 64, "errmsg": "waiting timed out"}},
    ],
)
async def test_a_commit_whose_reply_is_lost(own: Db, how: dict[str, Any]) -> None:
    """It is asked for again, and not all the work: new documents count as new."""
    await fail(own, "commitTransaction", 3, **how)
    assert str((await write(store(own), [run(1), run(2)]))[0]) == "2 written, 0 unchanged, 0 refused"
    assert await own.run_events.count_documents({}) == 2


async def test_a_commit_that_is_never_answered(own: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody knows, and that is said."""
    monkeypatch.setattr(transactions, "_OUTAGE", 0.3)
    monkeypatch.setattr(transactions, "_COMMIT", 0.3)
    await fail(own, "commitTransaction", 1_000_000, errorCode=11602)
    with pytest.raises(StorageUnavailable, match="does not say whether it took all or nothing"):
        await write(store(own), [run(1)])
    await own.client.admin.command("configureFailPoint", "failCommand", mode="off")


async def test_a_commit_for_which_the_cache_has_no_room(own: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """MongoDB reports a conflict there, but no other writer is in the way: it is tried again for a while."""
    conflict = {"errorCode": 112, "errorLabels": ["TransientTransactionError"]}
    await fail(own, "commitTransaction", 1, **conflict)
    assert (await write(store(own), [run(1)]))[0].written == 1
    monkeypatch.setattr(transactions, "_OUTAGE", 0.3)
    await fail(own, "commitTransaction", 1000, **conflict)
    with pytest.raises(TransactionImpossible, match="cache"):
        await write(store(own), [run(2)])
    await own.client.admin.command("configureFailPoint", "failCommand", mode="off")
    assert await own.run_events.distinct("runId") == ["r1"]


async def test_a_mongodb_that_is_killed_in_the_middle(server: Mongod, own: Db) -> None:
    """Nothing is written until it is back; then all is, if it comes back soon."""
    batches = [[parse("run_events", run(n)) for n in range(k * 500, k * 500 + 500)] for k in range(6)]
    tries = 0

    async def work(writer: AtomicWriter) -> int:
        nonlocal tries
        tries += 1
        for batch in batches:
            await writer.write("run_events", batch)
            if tries == 1 and batch is batches[2]:
                await server.kill()
        return tries

    writing = asyncio.create_task(store(own).all_or_nothing(work))
    try:
        await wait_until(lambda: not server.is_running, 20, "MongoDB is killed")
        await server.start()
        assert await writing > 1
    finally:
        await end_tasks([writing], 20)
    assert await own.run_events.count_documents({}) == 3000


async def test_a_mongodb_that_stays_away(server: Mongod, own: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said; and afterwards there is nothing."""
    monkeypatch.setattr(transactions, "_OUTAGE", 0.3)
    db = connect(f"{server.url}&timeoutMS=1000", "own", "own")

    async def work(writer: AtomicWriter) -> None:
        await writer.write("run_events", [parse("run_events", run(1))])
        await server.kill()
        await writer.write("run_events", [parse("run_events", run(2))])

    with pytest.raises(StorageUnavailable):
        await store(db).all_or_nothing(work)
    await db.client.close()
    await server.start()
    assert await own.run_events.count_documents({}) == 0
