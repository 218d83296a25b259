"""The journal in MongoDB: one for many services, and what happens to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers, KnownJournal
from bot.core.shared.errors import JournalError
from bot.store.inbox import mongodb_journal
from bot.store.inbox.journal import Entry, Journal, JournalState, read_loss
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.mongodb_journal import MongoJournal, _New, identity_of
from bot.store.mongodb.client import connect
from tests.support.mongo import bare_mongod, fresh_database
from tests.support.processes import Mongod

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
BOT = "bot-1"

Database = AsyncDatabase[dict[str, Any]]


def tap(update_id: int, **query: Any) -> dict[str, Any]:
    """An update with a callback query."""
    return {"update_id": update_id, "callback_query": {"id": f"q{update_id}", **query}}


def service(db: Database, **given: Any) -> MongoJournal:
    """The journal as a service has it."""
    return MongoJournal(db, BOT, lambda: NOW, **given)


@pytest.fixture
async def db(mongo_url: str) -> AsyncIterator[Database]:
    """A database of the test's own."""
    async with fresh_database(mongo_url) as db:
        yield db


async def append(journal: Journal, *update_ids: int) -> int:
    """Append what a poll brought."""
    return await journal.append([tap(update_id) for update_id in update_ids], polled_at=NOW)


async def pending(journal: Journal) -> list[Entry]:
    """All unprocessed entries."""
    entries = list[Entry]()
    while page := await journal.pending(after=entries[-1].seq if entries else 0, limit=100):
        entries += page
    return entries


async def ids(journal: Journal) -> list[int]:
    """The update ids of what waits."""
    return [entry.update["update_id"] for entry in await pending(journal)]


async def test_what_one_service_leaves_the_next_one_finds(db: Database) -> None:
    """Entries, tries, answers and facts; what it had not confirmed is recognised; numbers go on."""
    old = service(db)
    await old.append([tap(1), tap(2)], polled_at=NOW, facts={"gap": 5})
    first, second = await pending(old)
    await old.failed(first.seq, "defect", give_up=False)
    await old.mark_answered([second.seq])
    new = service(db)
    assert await append(new, 1, 2, 3) == 1
    assert [(e.update["update_id"], e.attempts, e.answered) for e in await pending(new)] == [
        (1, 1, False),
        (2, 0, True),
        (3, 0, False),
    ]
    assert (await new.facts())["gap"] == 5
    assert (await new.opened_with()).last == 2


async def test_the_late_hand_of_a_stalled_service_does_no_harm(db: Database) -> None:
    """It brings what another one has processed and confirmed since: twice the same, and nothing is lost."""
    old, new = service(db), service(db)
    await append(new, 10, 11)
    await new.finish([entry.seq for entry in await pending(new)])
    await append(new, 12)
    await append(old, 10, 11)
    assert await ids(new) == [12, 10, 11]
    assert await append(new, 12) == 1  # it was taken for confirmed


@pytest.mark.parametrize("give_up", [False, True])
async def test_what_another_has_finished_is_not_tried_again(give_up: bool, db: Database) -> None:
    """A stalled service whose try fails does not bring back what names nobody any more."""
    old, new = service(db), service(db)
    await append(old, 1)
    [entry] = await pending(old)
    await new.finish([entry.seq])
    await old.failed(entry.seq, "defect", give_up=give_up)
    assert await ids(new) == []
    assert await new.state() == JournalState(0, 0, 0, None)


@pytest.mark.parametrize("change", [{"$unset": {"raw": 1}}, {"$set": {"raw": "{"}}, {"$set": {"raw": 5}}])
async def test_an_entry_that_somebody_has_meddled_with(change: dict[str, Any], db: Database) -> None:
    """It is given out as nothing, which becomes a dead letter, and holds up nobody."""
    await append(service(db), 1, 2)
    await db["inbox"].update_one({"seq": 1}, [{"$unset": ["receivedAt", "answered", "attempts"]}])
    await db["inbox"].update_one({"seq": 1}, change)
    journal = service(db)
    first, second = await pending(journal)
    assert (first.update, second.update) == (None, tap(2))
    await journal.failed(first.seq, "cannot be read", give_up=True)
    assert await ids(journal) == [2]
    assert await journal.senders_of_dead_letters() == set()
    assert (await journal.state()).dead == 1


async def test_whoever_sees_an_entry_sees_those_before_it(db: Database) -> None:
    """Many services put in at once; a reader that goes on from the last position misses nothing."""
    services = [service(db) for _ in range(5)]
    total = 5 * 20 * 3
    seen = list[int]()

    async def put(number: int) -> None:
        for batch in range(20):
            first = number * 1_000 + batch * 3
            await services[number].receive([tap(first + i) for i in range(3)], received_at=NOW)

    async def read() -> None:
        reader, after = service(db), 0
        while len(seen) < total:
            page = await reader.pending(after=after, limit=7)
            seen.extend(entry.update["update_id"] for entry in page)
            after = page[-1].seq if page else after

    async with asyncio.timeout(60):
        await asyncio.gather(read(), *(put(number) for number in range(5)))
    assert sorted(seen) == sorted(n * 1_000 + i for n in range(5) for i in range(60))
    for number in range(5):  # each one's in its order
        own = [it for it in seen if it // 1_000 == number]
        assert own == sorted(own)
    seqs = [document["seq"] async for document in db["inbox"].find({"bot": BOT})]
    assert sorted(seqs) == list(range(1, total + 1))


async def test_who_believes_in_an_old_end_overwrites_nothing(db: Database) -> None:
    """Also when what stood there is finished: the position is not free."""
    stalled, other = service(db), service(db)
    await append(stalled, 1)
    await append(other, 1, 2, 3)
    entries = await pending(other)
    await other.finish([entry.seq for entry in entries])
    await stalled.receive([tap(4)], received_at=NOW)
    [entry] = await other.pending(after=entries[-1].seq, limit=10)
    assert entry.update == tap(4)


async def test_an_entry_behind_the_others_is_found(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """By the second look, once; one that is in hand is none."""
    journal = service(db)
    await append(journal, 1, 2)
    entries = await pending(journal)
    await journal.finish([entries[0].seq])
    late = await db["inbox"].find_one({"seq": 2})
    assert late is not None
    await db["inbox"].insert_one(
        late | {"_id": f"{BOT}:0", "seq": 0, "updateId": 9, "raw": '{"update_id":9}'}
    )
    calls = list[int]()
    for _ in range(2):
        await journal.look(lambda: calls.append(1))
    assert len(calls) == 1
    assert "come to stand at 0" in caplog.text
    [found] = await journal.pending(after=entries[-1].seq, limit=10)
    assert found.update == {"update_id": 9}
    for _ in range(3):
        await journal.look(lambda: calls.append(2))
    assert 2 not in calls


async def test_only_the_service_that_leads_gets_something_to_process(db: Database) -> None:
    """What another one has put in is noticed by a look; whoever stands by gets nothing, and is not woken."""
    leads = {"one": True, "two": False}
    one, two = (service(db, leads=lambda name=name: leads[name]) for name in leads)
    woken = list[str]()
    await append(two, 1)
    assert await ids(two) == []
    await two.look(lambda: woken.append("two"))
    await one.look(lambda: woken.append("one"))
    assert woken == ["one"]
    assert await ids(one) == [1]
    await one.look(lambda: woken.append("one"))
    assert woken == ["one"]
    leads |= {"one": False, "two": True}  # it died with it in its hands
    await two.look(lambda: woken.append("two"))
    assert woken == ["one", "two"]
    assert await ids(two) == [1]


async def test_who_was_killed_before_the_head_was_told(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Its entries are found and processed all the same, and nothing is called lost."""
    killed = service(db)
    await append(killed, 1, 2)
    await db["inbox"].update_one({"_id": BOT}, {"$set": {"last": 0}})
    leader, woken = service(db), list[int]()
    await leader.look(lambda: woken.append(1))
    assert woken == [1]
    first, second = await pending(leader)
    await leader.finish([first.seq])
    await leader.look(lambda: woken.append(2))
    await leader.remember({"a": 1})
    assert await append(leader, 3) == 1
    assert [entry.seq for entry in await leader.pending(after=second.seq, limit=9)] == [3]
    assert woken == [1]
    assert not caplog.text


@pytest.mark.parametrize("how", ["drop", "empty", "older"])
async def test_a_collection_that_is_lost_while_it_is_used(
    how: str, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes then is not confirmed; what is missing is said by number, numbers go on, and it goes on."""
    journal = service(db)
    await append(journal, 1)
    older = await db["inbox"].find().to_list()
    await append(journal, 1, 2, 3)
    await journal.finish([(await pending(journal))[0].seq])
    await journal.look(lambda: None)
    assert journal.numbers == JournalNumbers(3, 1)
    if how == "drop":
        await db["inbox"].drop()
    else:
        await db["inbox"].delete_many({})
    if how == "older":
        await db["inbox"].insert_many(older)
    with pytest.raises(JournalError, match=r"lost what it held.*not confirmed.*comes again"):
        await append(journal, 2, 3, 4)
    assert "lacks the entries 2 to 3 (up to 2 updates)" in caplog.text
    assert read_loss(await journal.facts()) == (JournalLoss(2, 3), NOW)
    assert not await journal.is_kept(3)
    assert await journal.is_kept(4)
    caplog.clear()
    assert await append(journal, 2, 3, 4) in (0, 3)  # some of it may be there already
    fresh = service(db)
    assert set(await ids(fresh)) >= {2, 3, 4}
    assert {entry.seq for entry in await pending(fresh) if entry.update["update_id"] != 1} == {4, 5, 6}
    assert not caplog.text


async def test_what_is_in_hand_keeps_its_position(db: Database) -> None:
    """What a service that died has put in, and nobody has counted, when the collection is lost."""
    journal, dead = service(db), service(db)
    await append(journal, 1)
    await dead.opened_with()
    assert await dead._put([_New.of({"update_id": 2}, NOW, is_confirmed=False)]) == 1
    *_, in_hand = await pending(journal)
    assert in_hand.update["update_id"] == 2
    await db["inbox"].drop()
    with pytest.raises(JournalError):
        await append(journal, 3)
    await append(journal, 3)
    await journal.finish([in_hand.seq])
    assert 3 in await ids(service(db))


async def test_a_look_notices_it_too(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Without anything coming in."""
    journal = service(db)
    await append(journal, 1, 2)
    await db["inbox"].drop()
    await journal.look(lambda: None)
    assert "lacks the entries 1 to 2" in caplog.text
    assert read_loss(await journal.facts()) == (JournalLoss(1, 2), NOW)


async def test_a_collection_that_is_lost_between_two_services(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """By the register, before anything more is confirmed; once."""
    known = KnownJournal(f"{identity_of(BOT):x}", "MongoDB", "inbox", JournalNumbers(40, 38))
    await JournalRegisterStore(db).note(BOT, known)
    journal = service(db)
    await append(journal, 1)
    assert caplog.text.count("lacks the entries 39 to 40") == 1
    assert [entry.seq for entry in await pending(journal)] == [41]
    assert await journal.opened_with() == JournalNumbers(40, 40)
    await append(service(db), 1)
    assert caplog.text.count("lacks the entries") == 1


async def test_a_head_that_was_begun_and_not_made(db: Database) -> None:
    """Whatever stands in its place without a number is completed."""
    await db["inbox"].insert_one({"_id": BOT})
    journal = service(db)
    await asyncio.gather(append(journal, 1), append(service(db), 1))
    assert set(await ids(journal)) == {1}


async def test_two_bots_in_one_database(db: Database) -> None:
    """Neither sees the other's."""
    one, two = service(db), MongoJournal(db, "bot-2", lambda: NOW)
    await append(one, 1)
    await append(two, 1, 2)
    await append(one)
    assert (await ids(one), await ids(two)) == ([1], [1, 2])
    assert one.identity != two.identity
    assert await append(two, 1, 2) == 0


async def test_what_is_finished_names_nobody(db: Database) -> None:
    """It keeps its position for a day, and lets a redelivery be known until it is confirmed."""
    journal = service(db)
    await journal.append([tap(1, data="zebra", **{"from": {"id": 4242}})], polled_at=NOW)
    await journal.finish([entry.seq for entry in await pending(journal)])
    [left] = await db["inbox"].find({"seq": 1}).to_list()
    assert left.keys() - {"unconfirmed"} == {
        *("_id", "bot", "seq", "updateId", "receivedAt", "isTap", "state", "answered", "attempts"),
        "finishedAt",
    }
    assert "4242" not in str(left)
    assert "zebra" not in str(left)
    await append(journal)
    [left] = await db["inbox"].find({"seq": 1}).to_list()
    assert "unconfirmed" not in left


async def test_a_huge_update_is_kept_in_part(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no document could hold: its id and its beginning, so that it can be confirmed."""
    monkeypatch.setattr(mongodb_journal, "_LARGEST", 1_000)
    journal = service(db)
    await journal.append([tap(1, data="x" * 2_000), tap(2)], polled_at=NOW)
    first, second = await pending(journal)
    assert first.update["update_id"] == 1
    assert second.update == tap(2)


async def test_beside_the_services_nothing_is_made(db: Database) -> None:
    """A command reads, and finds nothing where there is nothing."""
    beside = MongoJournal(db, BOT)
    assert await ids(beside) == []
    assert await beside.facts() == {}
    assert (await beside.state()).pending == 0
    assert await beside.reach() == 0
    assert await db.list_collection_names() == []


async def test_mongodb_away(tmp_path: Path) -> None:
    """Nothing is called kept; whoever waits learns it within seconds; what is in memory can be answered."""
    server = Mongod(tmp_path / "mongod")
    await server.start()
    try:
        db = connect(server.url, "test", "test")
        journal = service(db)
        await append(journal, 1, 2)
        [first, _] = await pending(journal)
        await append(journal, 1, 2, 3)
        loop = asyncio.get_running_loop()
        async with server.paused():
            for _ in range(2):
                begun = loop.time()
                with pytest.raises(JournalError, match=r"journal in MongoDB cannot .*Nothing is confirmed"):
                    await append(journal, 4)
                took = loop.time() - begun
            assert took < 4  # it was known to be away
            later = NOW + timedelta(seconds=1)
            waiting = await journal.unanswered(after=first.seq, before=later, limit=10)
            assert [entry.update["update_id"] for entry in waiting] == [2, 3]
            assert [entry.update["update_id"] for entry in await journal.pending(after=2, limit=9)] == [3]
        assert await append(journal, 1, 2, 3, 4) in (0, 1)  # it may come after all
        assert set(await ids(service(db))) == {1, 2, 3, 4}
        await db.client.close()
    finally:
        await server.kill()


async def test_a_server_that_is_no_replica_set(tmp_path: Path) -> None:
    """It will do."""
    with bare_mongod(tmp_path) as port:
        db = connect(f"mongodb://127.0.0.1:{port}/", "test", "test")
        journal = service(db)
        await append(journal, 1, 2)
        await journal.finish([entry.seq for entry in await pending(journal)])
        await append(service(db), 3)
        await journal.look(lambda: None)
        assert journal.numbers == JournalNumbers(3, 2)
        await db.client.close()


async def test_any_history_of_two_services(db: Database) -> None:
    """Whatever they do in turns, each update is given out by whoever leads until it is finished."""
    rng = random.Random(7)
    finished = set[int]()
    lead = [0]
    services = [service(db, leads=(lambda number=number: lead[0] == number)) for number in (0, 1)]
    positions = [0, 0]
    unconfirmed = list[int]()
    in_hand: list[dict[int, int]] = [{}, {}]
    last = 0
    for _ in range(150):
        who = lead[0]
        match rng.randrange(5):
            case 0:
                lead[0] = 1 - who
            case 1:
                new = list(range(last + 1, last + rng.randrange(1, 5)))
                last = max([last, *new])
                await append(services[who], *unconfirmed, *new)
                unconfirmed += new
            case 2:
                unconfirmed.clear()
                await append(services[who])
            case 3:
                for entry in await services[who].pending(after=positions[who], limit=rng.randrange(1, 6)):
                    positions[who] = max(positions[who], entry.seq)
                    in_hand[who][entry.seq] = entry.update["update_id"]
            case 4 if in_hand[who]:
                some = rng.sample(sorted(in_hand[who]), k=rng.randint(1, len(in_hand[who])))
                await services[who].finish(some)
                finished |= {in_hand[who].pop(seq) for seq in some}
    left = set(await ids(MongoJournal(db, BOT)))
    assert left | finished == set(range(1, last + 1))
    assert left & finished == set()
