"""Restoring: what was deleted since stays deleted, nothing of the journal is lost, and a half is marked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.app.bootstrap import build_deletion
from bot.app.instance_lock import journal_file, open_journal
from bot.app.stores import build_stores
from bot.cli.shared import read_people
from bot.core.inbox.journal_loss import JournalNumbers, KnownJournal
from bot.core.people.tombstone import DataSubject, pseudonym
from bot.core.shared.errors import ConfigError, RestoreUnfinished, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.services.backups import restoring
from bot.services.backups.making import Made, make_backup
from bot.services.backups.restoring import Restored, Target, restore
from bot.settings import Settings
from bot.store.backups.archive import BackupFile
from bot.store.backups.mark import RestoreMark
from bot.store.inbox.journal import GAP_FACT
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.leases import Holder, LeaseStore
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from tests.support.fakes import NOW, tap_update

Database = AsyncDatabase[dict[str, Any]]
ANA, BEN, CLEO = 777, 778, 779
BEFORE, AT, AFTER = (UpdateStamp(number, NOW + timedelta(hours=number)) for number in (1, 2, 3))


def clock() -> datetime:
    """A day later."""
    return NOW + timedelta(days=1)


@pytest.fixture
async def target(db: Database, tmp_path: Path) -> AsyncIterator[Target]:
    """A data directory with nothing in it yet, and the database."""
    settings = Settings(data_dir=tmp_path / "data", athlete_ids=frozenset({CLEO}))
    async with open_journal(settings.data_dir, clock) as journal:
        deletion = build_deletion(build_stores(db, journal, clock))
        people = partial(read_people, settings, db)
        yield Target(db, journal, deletion, settings.athlete_ids, people, clock)


async def back_up(target: Target, path: Path, journal: Path | None = None) -> Made:
    """A backup of the target, or of its database and another journal."""
    there = path.parent / "data" if journal is None else journal
    return await make_backup(target.db, journal_file(there), path, version="1", clock=clock)


async def put_back(target: Target, path: Path, *, replace: bool = True) -> Restored:
    """Restore it."""
    scratch = path.parent / f"scratch-{len(list(path.parent.iterdir()))}"
    scratch.mkdir()
    with BackupFile(path) as backup:
        backup.verify()
        return await restore(backup, target, scratch, replace=replace)


async def answer(db: Database, user_id: int, stamp: UpdateStamp, session: str = "s") -> None:
    """Somebody's answer, with what else there is about it."""
    key = {"runId": "r", "sessionId": session, "chatId": str(user_id)}
    await db["feedback_events"].insert_one(
        key
        | {
            "sessionKey": f"r-{session}-{user_id}", "userId": user_id, "type": "pain",
            "receivedAt": stamp.at, "timestamp": stamp.at, "updateId": stamp.update_id,
        }
    )  # fmt: skip
    await db["session_prompts"].insert_one({**key, "chatId": user_id, "createdAt": stamp.at})
    await db["users"].update_one(
        {"_id": user_id}, {"$set": {"updatedAt": stamp.at, "updatedBy": stamp.update_id}}, upsert=True
    )


async def of(db: Database, user_id: int) -> dict[str, list[Any]]:
    """What is stored about somebody."""
    return {
        "answers": [it["sessionId"] async for it in db["feedback_events"].find({"userId": user_id})],
        "prompts": [it["sessionId"] async for it in db["session_prompts"].find({"chatId": user_id})],
        "users": [it["_id"] async for it in db["users"].find({"_id": user_id})],
    }


NOTHING: dict[str, list[Any]] = {"answers": [], "prompts": [], "users": []}


async def delete(target: Target, user_id: int, at: UpdateStamp) -> None:
    """/forgetme, confirmed."""
    person = DataSubject.of(user_id, (await target.roster()).by_user(user_id))
    await target.deletion.begin(person, at, is_listed=user_id in target.listed)
    await target.deletion.forget(person, at)
    await TombstoneStore(target.db).close(user_id, at)


async def test_who_had_everything_deleted_since_stays_deleted(target: Target, tmp_path: Path) -> None:
    """Answers, questions, language and place on the roster; others' come back."""
    db = target.db
    for user_id in (ANA, BEN, CLEO):
        await AthleteStore(db).add(f"a-{user_id}", {"userId": user_id, "name": "Name"}, BEFORE.at)
        await answer(db, user_id, BEFORE)
    await back_up(target, tmp_path / "b")
    await delete(target, ANA, AT)
    await delete(target, CLEO, AT)
    done = await put_back(target, tmp_path / "b")
    assert done.deleted_again == 2
    assert await of(db, ANA) == await of(db, CLEO) == NOTHING
    assert await of(db, BEN) == {"answers": ["s"], "prompts": ["s"], "users": [BEN]}
    roster = {it["athleteId"]: it async for it in db["athletes"].find({})}
    assert (roster[f"a-{ANA}"]["state"], "name" in roster[f"a-{ANA}"]) == ("removed", False)
    assert roster[f"a-{BEN}"]["name"] == "Name"
    assert [pause["until"] for pause in roster[f"a-{CLEO}"]["pauses"]] == [None]  # of ATHLETE_IDS
    known = await TombstoneStore(db).by_pseudonym()
    assert {name: it.is_open for name, it in known.items()} == {
        pseudonym(ANA): False, pseudonym(CLEO): False,
    }  # fmt: skip


async def test_who_came_back_before_the_backup_keeps_what_is_new(target: Target, tmp_path: Path) -> None:
    """Its deletion was carried out already; its tombstone comes back where it is not known."""
    db = target.db
    await AthleteStore(db).add("ana", {"userId": ANA}, BEFORE.at)
    await delete(target, ANA, AT)
    await AthleteStore(db).add("ana-again", {"userId": ANA, "name": "Ana"}, AFTER.at)
    await answer(db, ANA, AFTER, "later")
    await back_up(target, tmp_path / "b")
    await db["tombstones"].delete_many({})
    done = await put_back(target, tmp_path / "b")
    assert done.deleted_again == 0
    assert (await of(db, ANA))["answers"] == ["later"]
    assert await db["athletes"].count_documents({"name": "Ana"}) == 1
    assert (await TombstoneStore(db).by_pseudonym())[pseudonym(ANA)].at == AT


async def test_a_deletion_that_was_under_way_is_carried_out(target: Target, tmp_path: Path) -> None:
    """When the backup was made, it had just been confirmed."""
    db = target.db
    await answer(db, ANA, BEFORE)
    await TombstoneStore(db).put(DataSubject(ANA, None), AT)
    await back_up(target, tmp_path / "b")
    await db["tombstones"].delete_many({})
    assert (await put_back(target, tmp_path / "b")).deleted_again == 1
    assert await of(db, ANA) == NOTHING
    assert not (await TombstoneStore(db).by_pseudonym())[pseudonym(ANA)].is_open


async def test_of_two_tombstones_the_later_one_stays(target: Target, tmp_path: Path) -> None:
    """Whichever of both the backup has."""
    tombstones = TombstoneStore(target.db)
    await tombstones.put(DataSubject(ANA, None), AFTER)
    await tombstones.put(DataSubject(BEN, None), BEFORE)
    await back_up(target, tmp_path / "b")
    await target.db["tombstones"].delete_many({})
    await tombstones.put(DataSubject(ANA, None), AT)
    await tombstones.put(DataSubject(BEN, None), AT)
    await put_back(target, tmp_path / "b")
    known = await tombstones.by_pseudonym()
    assert (known[pseudonym(ANA)].at, known[pseudonym(BEN)].at) == (AFTER, AT)


async def test_where_something_is_nothing_is_restored_unasked(target: Target, tmp_path: Path) -> None:
    """It is said what would go."""
    db = target.db
    await answer(db, ANA, BEFORE)
    await back_up(target, tmp_path / "b")
    with pytest.raises(ConfigError, match=r"--replace: .* \(1 in feedback_events, 1 in session_prompts"):
        await put_back(target, tmp_path / "b", replace=False)
    assert await RestoreMark(db).begun_at() is None
    await db["feedback_events"].delete_many({})
    await answer(db, BEN, BEFORE, "other")
    done = await put_back(target, tmp_path / "b")
    assert (await of(db, BEN), (await of(db, ANA))["answers"]) == (NOTHING, ["s"])
    assert done.replaced == {"feedback_events": 1, "session_prompts": 2, "users": 2}


@pytest.mark.parametrize("is_pushed", [False, True])
async def test_not_below_a_service(target: Target, tmp_path: Path, *, is_pushed: bool) -> None:
    """Also one of another machine, or of another bot; when it has left, it goes."""
    db = target.db
    await back_up(target, tmp_path / "b")
    me = Holder("run", "service", "there (process 7)", is_pushed)
    leases = LeaseStore(db)
    await leases.ask("bot", me, polled_ago=None, may_resume=True)
    with pytest.raises(ConfigError, match=r"a service runs on the database .*there \(process 7\)"):
        await put_back(target, tmp_path / "b")
    assert await RestoreMark(db).begun_at() is None
    await leases.release("bot", me)
    await put_back(target, tmp_path / "b")


@pytest.mark.parametrize(
    "failing", ["clear", "load", "_delete_again", "_take_back_journal", "count_outdated"]
)
async def test_a_half_is_marked(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Wherever it ends; then nothing goes on with it, and it is done again, unasked, to the same end."""
    db, journal = target.db, target.journal
    for user_id in (ANA, BEN):
        await answer(db, user_id, BEFORE)
    await journal.receive([tap_update(5, "x")], received_at=NOW)
    await back_up(target, tmp_path / "b")
    await journal.finish([entry.seq for entry in await journal.pending(after=0, limit=10)])
    await delete(target, ANA, AT)
    with monkeypatch.context() as patched:

        async def fail(*_: object) -> None:
            raise StorageUnavailable("away")

        patched.setattr(restoring, failing, fail)
        with pytest.raises(StorageUnavailable):
            await put_back(target, tmp_path / "b")
    with pytest.raises(RestoreUnfinished, match="run `restore` once more"):
        await back_up(target, tmp_path / "c")
    await put_back(target, tmp_path / "b", replace=False)
    assert await RestoreMark(db).begun_at() is None
    assert await of(db, ANA) == NOTHING
    assert (await of(db, BEN))["answers"] == ["s"]
    assert len(await journal.pending(after=0, limit=10)) == 1


async def test_journals_are_put_together(target: Target, tmp_path: Path) -> None:
    """What waits in either waits then, once; nobody misses the one of the backup, and it is asked again."""
    db = target.db
    old = tmp_path / "old"
    async with open_journal(old, lambda: NOW) as journal:
        await journal.append([tap_update(1, "x"), tap_update(2, "x")], polled_at=NOW)
        await journal.receive([tap_update(number, "x") for number in range(100, 700)], received_at=NOW)
        [done, *_] = await journal.pending(after=0, limit=1)
        await journal.finish([done.seq])
        identity = f"{journal.identity:x}"
        await JournalRegisterStore(db).note("bot", KnownJournal(identity, "h", "p", JournalNumbers(602, 1)))
        made = await back_up(target, tmp_path / "b", old)
        assert made.manifest.waiting == 601
    await target.journal.receive([tap_update(900, "x")], received_at=NOW)
    for taken in (601, 0):
        done_ = await put_back(target, tmp_path / "b")
        assert (done_.waiting, done_.asks_again) == (taken, True)
    waiting = [entry.update["update_id"] for entry in await target.journal.pending(after=0, limit=1000)]
    assert sorted(waiting) == [2, *range(100, 700), 900]
    assert (await target.journal.facts())[GAP_FACT] > 0
    [known] = await JournalRegisterStore(db).of_bot("bot")
    assert known.is_gone


async def test_a_database_alone(target: Target, tmp_path: Path) -> None:
    """Where there was no journal, the present one stays as it is."""
    await target.journal.receive([tap_update(900, "x")], received_at=NOW)
    made = await back_up(target, tmp_path / "b", tmp_path / "none")
    assert made.manifest.journal is None
    done = await put_back(target, tmp_path / "b")
    assert (done.waiting, done.asks_again) == (0, False)
    assert len(await target.journal.pending(after=0, limit=10)) == 1
