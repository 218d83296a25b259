"""Plans become prompts, on a real MongoDB: whoever writes them, whenever somebody looks, and only once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.prompts import plan_news
from bot.core.prompts.planned import OutboxAction, OutboxChange
from bot.core.prompts.prompt import read_prompt
from bot.core.shared.backoff import constant
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.chats import ChatTopic
from bot.services.prompts import planner as planner_module
from bot.services.prompts.planner import Planner
from bot.store.embedded.binary import find_mongod
from bot.store.mongodb.indexes import bootstrap
from bot.store.plans import PlanStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.planned import PlannedPromptStore
from bot.store.prompts.prompts import PromptStore
from tests.support.fakes import eventually, running
from tests.support.mongo import fresh_database
from tests.support.processes import HOST, Program, free_port

Database = AsyncDatabase[dict[str, Any]]

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 2, 17, 8, tzinfo=UTC)  # a Tuesday
MONDAY = date(2026, 2, 16)
ANA = Athlete("ana", 7, 70, ContactHours(MADRID))
BEN = Athlete("ben", 8, 80, ContactHours(MADRID))
SECOND = timedelta(seconds=1)


def plan(run_id: str, *sessions: str, **fields: Any) -> dict[str, Any]:
    """A plan for the week of 16 February 2026: `17 Run`."""
    return {
        "runId": run_id,
        "createdAt": NOW,
        "weekStart": "2026-02-16",
        "weekEnd": "2026-02-22",
        "activityPlan": {
            "days": [{"date": f"2026-02-{text[:2]}", "activity": text[3:]} for text in sessions]
        },
        **fields,
    }


def planner(
    db: Database,
    *athletes: Athlete,
    clock: Callable[[], datetime] = lambda: NOW,
    slots: PlannedPromptStore | None = None,
) -> Planner:
    """A planner that nobody has woken up yet."""
    roster = Roster(athletes or (ANA,))
    return Planner(PlanStore(db), slots or PlannedPromptStore(db), lambda: roster, clock, 14)


async def reconcile(db: Database, *athletes: Athlete, now: datetime = NOW) -> None:
    """One look at the plans, by a service that has just started."""
    await planner(db, clock=lambda: now).reconcile(Roster(athletes or (ANA,)))


async def prompts(db: Database) -> list[dict[str, Any]]:
    """The outbox."""
    return await db.session_prompts.find({}, {"_id": False}).sort("_id").to_list()


async def states(db: Database) -> dict[str, str]:
    """State and reason of every prompt by run and session."""
    return {
        f"{d['runId']} {d['sessionId'][8:]}": d["state"] + (f": {d['reason']}" if "reason" in d else "")
        for d in await prompts(db)
    }


async def test_a_plan_becomes_prompts(db: Database) -> None:
    """With everything that sender, athlete, coach and summary need; a second look changes nothing."""
    await db.plan_snapshots.insert_one(plan("R1", "17 Tempo run", "18 Rest", "19 Run"))
    await reconcile(db)
    first, second = await prompts(db)
    due_at = datetime(2026, 2, 17, 19, tzinfo=UTC)
    assert first == {
        "runId": "R1",
        "sessionId": "2026-02-17-tempo-run",
        "chatId": "70",
        "athleteId": "ana",
        "userId": 7,
        "date": "2026-02-17",
        "slot": "ana|2026-02-17|1",
        "title": "Tempo run",
        "plan": {
            "day": None,
            "activity": "Tempo run",
            "distance_time": None,
            "intensity": None,
            "goal": None,
            "note": None,
        },
        "plannedAt": due_at,
        "dueAt": due_at,
        "notAfter": due_at + timedelta(days=14),
        "state": "pending",
        "createdAt": NOW,
        "updatedAt": NOW,
    }
    assert second["slot"] == "ana|2026-02-19|1"
    await reconcile(db, now=NOW + SECOND)
    assert await prompts(db) == [first, second]


async def test_the_changes_to_a_plan_reach_the_outbox(db: Database) -> None:
    """What MongoDB stores after each: replaced, cancelled, revived, moved, paused; details in place."""
    await db.plan_snapshots.insert_one(plan("R1", "17 Run", "18 Run", "19 Run"))
    await reconcile(db)
    await db.plan_snapshots.insert_one(plan("R2", "17 Run", "18 Swim", createdAt=NOW + SECOND))
    await reconcile(db)
    assert await states(db) == {
        "R1 17-run": "cancelled: replaced by plan R2",
        "R1 18-run": "cancelled: replaced by plan R2",
        "R1 19-run": "cancelled: left out of plan R2",
        "R2 17-run": "pending",
        "R2 18-swim": "pending",
    }
    slots = {f"{d['runId']} {d['date']}": d.get("slot") for d in await prompts(db)}
    assert slots["R1 2026-02-17"] is slots["R1 2026-02-18"] is None
    assert slots["R1 2026-02-19"] == "ana|2026-02-19|1"
    await db.plan_snapshots.delete_one({"runId": "R2"})
    tokyo = replace(ANA, hours=ContactHours(ZoneInfo("Asia/Tokyo"), time(21)))
    await reconcile(db, tokyo)
    assert (await states(db))["R1 17-run"] == "pending"
    run = next(d for d in await prompts(db) if d["runId"] == "R1")
    assert (run["dueAt"], run["slot"]) == (datetime(2026, 2, 17, 12, tzinfo=UTC), "ana|2026-02-17|1")
    assert "reason" not in run


async def test_a_long_plan_is_read_to_its_end(db: Database) -> None:
    """A plan of 31 days that is written when most of it is past."""
    month = plan("R1", "16 Run", weekStart="2026-01-18", weekEnd="2026-02-17")
    await db.plan_snapshots.insert_one(month)
    await reconcile(db)
    assert await states(db) == {"R1 16-run": "pending"}


async def test_whose_plan_it_is(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The athlete that it names, else the only one; nobody's is said once, with run, field and cure."""
    await db.plan_snapshots.insert_many(
        [plan("R1", "17 Run", athleteId="ben"), plan("R2", "18 Run"), plan("R3", "19 Run", athleteId="eve")]
    )
    both = planner(db)
    for _ in range(3):
        await both.reconcile(Roster((ANA, BEN)))
    assert {d["runId"]: d["chatId"] for d in await prompts(db)} == {"R1": "80"}
    assert sorted(record.getMessage() for record in caplog.records if record.levelno == logging.ERROR) == [
        f"plan {run!r} cannot be used: athleteId: {cure}"
        for run, cure in (
            ("R2", "missing, and there is not exactly one athlete; write whose plan it is"),
            ("R3", "nobody is called 'eve'; correct it, or add the athlete (`athlete add`)"),
        )
    ]
    await reconcile(db, BEN)
    assert {d["runId"]: d["chatId"] for d in await prompts(db)} == {"R1": "80"}  # it could have been Ana's
    await db.plan_snapshots.insert_one(plan("R4", "20 Run"))
    await reconcile(db, BEN)
    assert {d["runId"]: d["chatId"] for d in await prompts(db)} == {"R1": "80", "R4": "80"}
    await reconcile(db, ANA, BEN)  # a second athlete comes: nothing is taken from the first
    assert (await states(db))["R4 20-run"] == "pending"
    later = replace(BEN, hours=replace(BEN.hours, prompt_time=time(21)))
    await reconcile(db, ANA, later)  # and what he wishes for it still counts
    assert (await prompts(db))[-1]["dueAt"] == datetime(2026, 2, 20, 20, tzinfo=UTC)
    await reconcile(db, ANA)
    assert (await states(db))["R4 20-run"] == "cancelled: ben is no athlete any more"


async def test_plans_that_cannot_be_read(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Said once for each content, and the others go on; their own prompts stay as they were."""
    await db.plan_snapshots.insert_many(
        [plan("R1", "17 Run"), plan("R2", "18 Run", weekStart=None, weekEnd=None)]
    )
    reader = planner(db)
    await reader.reconcile(Roster((ANA,)))
    for days in ("none", "none", [{"activity": "Run"}], "none"):
        await db.plan_snapshots.update_one({"runId": "R1"}, {"$set": {"activityPlan.days": days}})
        await reader.reconcile(Roster((ANA,)))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "plan 'R1' cannot be used: activityPlan.days: missing or no array; give one object for each day",
        "plan 'R1' cannot be used: activityPlan.days[0].date: missing; write a date such as 2026-02-17",
        "plan 'R1' cannot be used: activityPlan.days: missing or no array; give one object for each day",
    ]
    assert await states(db) == {"R1 17-run": "pending", "R2 18-run": "pending"}


async def test_which_plans_are_read(db: Database) -> None:
    """Of this week and later, those that do not say, and those whose prompts are still there."""
    weeks: list[object] = [
        "2026-02-09",
        "2026-02-08",
        "2026-02-23",
        "2026-02-16T00:00:00Z",
        datetime(2026, 1, 1, tzinfo=UTC),
        None,
        5,
        "16/02/2026",
    ]
    await db.plan_snapshots.insert_many(
        [{"runId": f"R{n}", "weekStart": week, "justification": "x"} for n, week in enumerate(weeks)]
        + [{"runId": "R8"}, {"runId": "R9", "weekStart": "2026-01-05"}]
    )
    found = await PlanStore(db).read("2026-02-09", ["R9"])
    assert sorted(document["runId"] for document in found) == [f"R{n}" for n in (0, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert all("justification" not in document for document in found)


async def test_a_long_plan_stays_in_force(db: Database) -> None:
    """Two weeks after its begin it is still read, because its prompts are there."""
    await db.plan_snapshots.insert_one(plan("R1", "17 Run", "28 Run", weekEnd="2026-03-01"))
    await reconcile(db)
    await reconcile(db, now=NOW + timedelta(days=10))
    assert (await states(db))["R1 28-run"] == "pending"


async def test_a_killed_planner_is_replaced(db: Database) -> None:
    """After each step of a replacement somebody else takes over, and it ends the same."""
    expected = {"R1 17-run": "cancelled: replaced by plan R2", "R2 17-swim": "pending"}
    for killed_after in range(3):
        await db.plan_snapshots.delete_many({})
        await db.session_prompts.delete_many({})
        await db.plan_snapshots.insert_one(plan("R1", "17 Run"))
        await reconcile(db)
        await db.plan_snapshots.insert_one(plan("R2", "17 Swim", createdAt=NOW + SECOND))

        class Mortal(PlannedPromptStore):
            """Dies after so many writes."""

            left = killed_after

            async def apply(self, writes: Iterable[OutboxChange], now: datetime) -> None:
                """Write one by one."""
                for write in writes:
                    if self.left == 0:
                        raise asyncio.CancelledError
                    self.left -= 1
                    await super().apply([write], now)

        mortal = Mortal(db)
        try:
            await planner(db, slots=mortal).reconcile(Roster((ANA,)))
        except asyncio.CancelledError:
            assert mortal.left == 0
        await reconcile(db)
        assert await states(db) == expected


async def test_what_is_decided_on_old_knowledge_does_no_harm(db: Database) -> None:
    """A write holds only if its document is still as it was read: not claimed, sent, or somebody else's."""
    slots, outbox = PlannedPromptStore(db), Outbox(db)
    await db.plan_snapshots.insert_one(plan("R1", "17 Run"))
    await reconcile(db)
    [read] = await slots.held("2026-02-16", [])
    due_at = read["dueAt"]
    fresh = {**{k: v for k, v in read.items() if k != "_id"}, "runId": "R2"}
    writes = [
        OutboxChange(OutboxAction.RELEASE, read, {"reason": "replaced by plan R2"}),
        OutboxChange(OutboxAction.INSERT, None, fresh),
        OutboxChange(OutboxAction.UPDATE, read, {"title": "other"}),
        OutboxChange(OutboxAction.CANCEL, read, {"reason": "a rest day now"}),
    ]
    document = await outbox.claim(due_at)
    assert document is not None
    for write in writes:
        await slots.apply([write], due_at)
    assert (await states(db), (await prompts(db))[0]["title"]) == ({"R1 17-run": "pending"}, "Run")
    await outbox.settle_sent(read_prompt(document), 1, due_at, due_at)
    for write in writes:
        await slots.apply([write], due_at + timedelta(days=1))
    assert (await states(db), (await prompts(db))[0]["title"]) == ({"R1 17-run": "sent"}, "Run")


async def test_two_services_on_one_database(db: Database) -> None:
    """Random plans, moves and sends, with two planners at once all the time: one prompt for each slot."""
    rng = random.Random(7)
    await bootstrap(db)
    now = NOW
    outbox = Outbox(db)
    asked: list[str] = []
    services = [planner(db, clock=lambda: now) for _ in range(2)]
    for step in range(40):
        sessions = [f"{rng.choice((16, 17, 18, 19))} {rng.choice(('Run', 'Swim', 'Rest'))}" for _ in range(3)]
        document = plan(f"R{rng.randrange(3)}", *sessions, createdAt=NOW + step * SECOND)
        hours = ContactHours(ZoneInfo(rng.choice(("Europe/Madrid", "Pacific/Apia", "Pacific/Pago_Pago"))))
        roster = Roster((replace(ANA, hours=hours),))
        await asyncio.gather(
            *(service.reconcile(roster) for service in services),
            db.plan_snapshots.replace_one({"runId": document["runId"]}, document, upsert=True),
        )
        now += timedelta(hours=rng.randrange(5))
        if (claimed := await outbox.claim(now)) is not None:
            await asyncio.gather(
                outbox.settle_sent(read_prompt(claimed), step, now, now),
                *(service.reconcile(roster) for service in services),
            )
            asked.append(claimed["slot"])
    assert len(asked) == len(set(asked)) > 3
    sent = [d["slot"] for d in await prompts(db) if d["state"] == "sent"]
    assert sorted(sent) == sorted(asked)


async def test_a_missing_guard_is_made_first(db: Database) -> None:
    """Without the unique index on slots nothing is written; one that cannot be made is said."""
    await db.plan_snapshots.insert_one(plan("R1", "17 Run"))
    await db.session_prompts.insert_many([{"runId": str(n), "slot": "x"} for n in range(2)])
    with pytest.raises(StorageRejected, match="slot"):
        await reconcile(db)
    assert len(await prompts(db)) == 2
    await db.session_prompts.delete_many({})
    await reconcile(db)
    assert len(await prompts(db)) == 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner that does not dawdle, and does not look by itself."""
    monkeypatch.setattr(planner_module, "_BACKOFF", constant(0.01))
    for name in ("_ROSTER_INTERVAL", "_SETTLE", "_WATCH_AGAIN"):
        monkeypatch.setattr(planner_module, name, 0.01)
    monkeypatch.setattr(planner_module, "POLL_INTERVAL", 1000.0)


def has(db: Database, expected: Mapping[str, str]) -> Callable[[], Any]:
    """Whether the outbox is as expected."""

    async def check() -> bool:
        return await states(db) == expected

    return check


@pytest.mark.usefixtures("quick")
async def test_plans_are_noticed_at_once(db: Database) -> None:
    """Written, replaced, deleted, by whomever; the planner looks because of the change stream."""
    await bootstrap(db)
    async with running(*planner(db).loops()):
        await db.plan_snapshots.insert_one(plan("R1", "17 Run"))
        await eventually(has(db, {"R1 17-run": "pending"}))
        await db.plan_snapshots.replace_one({"runId": "R1"}, plan("R1", "18 Run"))
        await eventually(has(db, {"R1 17-run": "cancelled: no longer in plan R1", "R1 18-run": "pending"}))
        await db.plan_snapshots.delete_one({})
        await eventually(
            has(db, dict.fromkeys(("R1 17-run", "R1 18-run"), "cancelled: no longer in plan R1"))
        )


@pytest.mark.usefixtures("quick")
async def test_the_roster_is_noticed(db: Database) -> None:
    """Everything waits until it is known; then every change of it counts at once."""
    rosters: list[Roster | None] = [None]
    flow = Planner(PlanStore(db), PlannedPromptStore(db), lambda: rosters[-1], lambda: NOW, 14)
    await db.plan_snapshots.insert_one(plan("R1", "17 Run"))

    async def is_due_in_tokyo() -> bool:
        return [d["dueAt"].hour for d in await prompts(db)] == [11]

    async with running(*flow.loops()):
        await asyncio.sleep(0.1)
        assert await prompts(db) == []
        rosters.append(Roster((ANA,)))
        await eventually(has(db, {"R1 17-run": "pending"}))
        rosters.append(Roster((replace(ANA, hours=ContactHours(ZoneInfo("Asia/Tokyo"))),)))
        await eventually(is_due_in_tokyo)
        rosters.append(Roster())
        await eventually(has(db, {"R1 17-run": "cancelled: ana is no athlete any more"}))


class ShakyPlans(PlanStore):
    """Plans that cannot be read or watched at first."""

    def __init__(self, db: Database, *failures: Exception) -> None:
        super().__init__(db)
        self.failures = list(failures)
        self.watch_failures = list(failures)

    async def read(self, since: str, run_ids: Any) -> list[dict[str, Any]]:
        """Fail as told, else read."""
        if self.failures:
            raise self.failures.pop(0)
        return await super().read(since, run_ids)

    async def watch(self, changed: Callable[[], None]) -> bool:
        """Fail as told, else watch."""
        if self.watch_failures:
            raise self.watch_failures.pop(0)
        return await super().watch(changed)


@pytest.mark.usefixtures("quick")
async def test_trouble_is_waited_out(db: Database) -> None:
    """Neither an outage nor a defect ends the planner, in reading or in watching."""
    await bootstrap(db)
    plans = ShakyPlans(db, StorageUnavailable("away"), StorageRejected("odd"), ValueError("defect"))
    roster = Roster((ANA,))
    flow = Planner(plans, PlannedPromptStore(db), lambda: roster, lambda: NOW, 14)
    await db.plan_snapshots.insert_one(plan("R1", "17 Run"))
    async with running(*flow.loops()):
        await eventually(has(db, {"R1 17-run": "pending"}))
        await eventually(lambda: not plans.watch_failures)
        await db.plan_snapshots.delete_one({})
        await eventually(has(db, {"R1 17-run": "cancelled: no longer in plan R1"}))


async def test_a_standalone_server_has_no_change_streams(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The watch ends by itself, without a complaint; looking goes on."""
    caplog.set_level(logging.INFO)
    port = free_port()
    arguments = ("--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", HOST, "--nounixsocket")
    server = Program([str(find_mongod()), *arguments], {}, tmp_path, tmp_path / "mongod.log")
    await server.start()
    try:
        async with fresh_database(f"mongodb://{HOST}:{port}/?directConnection=true") as db:
            await db.plan_snapshots.insert_one(plan("R1", "17 Run"))
            flow = planner(db)
            work, watch = flow.loops()
            await asyncio.wait_for(watch, 150)
            async with running(work):
                await eventually(has(db, {"R1 17-run": "pending"}))
    finally:
        await server.kill()
    said = [record for record in caplog.records if record.name == "bot.services.prompts.planner"]
    assert said[0].getMessage() == "this MongoDB has no change streams: plans are looked at every 20 s"
    assert {record.levelno for record in said} == {logging.INFO}


async def test_every_query_is_served_by_an_index(db: Database) -> None:
    """MongoDB's own profile of everything that is asked of outbox and plans names no collection scan."""
    await bootstrap(db)
    await db.plan_snapshots.insert_many(
        [plan(f"R{n}", "17 Run", createdAt=NOW + n * SECOND) for n in range(50)]
    )
    await db.session_prompts.insert_many(
        [
            {
                "runId": f"r{n}",
                "sessionId": "s",
                "chatId": str(n + 1),
                "state": state,
                "sentAt": NOW,
                "dueAt": NOW,
            }
            for n, state in enumerate(("sent", "pending", "answered", "expired") * 25)
        ]
    )
    await db.command("profile", 2)
    store, outbox, followups = PromptStore(db), Outbox(db), PromptExpiryStore(db)
    await reconcile(db)
    await reconcile(db, replace(ANA, hours=ContactHours(ZoneInfo("Asia/Tokyo"))))
    await store.queue("q", "s", 70, title=None, note=None, due_at=NOW, now=NOW)
    await store.resolve(["~x"])
    await store.sent_at("r1", "s", 1, None)
    await store.sent_at("r1", "s", None, None)
    await store.owners({("r1", "s")}, [1])
    await store.ask_later("r0", "s", 1, stamp=UpdateStamp(1, NOW), due_at=NOW, until=NOW)
    await store.count()
    document = await outbox.claim(NOW, busy_chats=[5])
    assert document is not None
    prompt = read_prompt(document)
    await outbox.is_answered(prompt)
    await outbox.prepare(prompt, document)
    await outbox.settle_sent(prompt, 1, NOW, NOW, nudge_at=NOW)
    await followups.nudge(sent_after=NOW - SECOND, now=NOW)
    await followups.expire_unsent(NOW)
    await followups.expire_unanswered(sent_until=NOW, now=NOW, reason="x")
    await followups.ask_again(sent_since=NOW, sent_until=NOW + timedelta(days=1), now=NOW)
    await db.command("profile", 0)
    profiled = await db["system.profile"].find({"ns": {"$regex": "session_prompts|plan_snapshots"}}).to_list()
    plans = {entry["planSummary"] for entry in profiled if "planSummary" in entry}
    assert len(plans) >= 6, plans
    assert not [entry["command"] for entry in profiled if "COLLSCAN" in entry.get("planSummary", "")]


async def test_a_plan_that_cannot_be_used_is_told_once(db: Database) -> None:
    """To each chat, for each thing that it says, by whichever service; not where a newer one has come."""

    async def look(*athletes: Athlete) -> None:
        roster = Roster(athletes or (ANA,))
        chats = [ChatTopic(1), ChatTopic(-5, 3)]
        store, slots = PlanStore(db), PlannedPromptStore(db)
        await Planner(store, slots, lambda: roster, lambda: NOW, 14, informed=chats).reconcile(roster)

    async def told() -> list[tuple[str, str]]:
        return sorted((d["chatId"], d["title"]) for d in await prompts(db) if d.get("kind") == "plan")

    await db.plan_snapshots.insert_many(
        [
            plan("R1", activityPlan={"days": 5}),
            plan("R0", activityPlan={"days": 5}, weekStart="2026-02-09", weekEnd="2026-02-15"),
        ]
    )
    for _ in range(2):
        await look()
    assert await told() == [("-5", "R1"), ("1", "R1")]
    [group] = [d for d in await prompts(db) if d["chatId"] == "-5"]
    assert group["messageThreadId"] == 3
    assert "activityPlan.days" in group["note"]
    await db.plan_snapshots.update_one({"runId": "R1"}, {"$set": {"activityPlan.days": 6}})
    await look()
    assert len(await told()) == 4
    await db.plan_snapshots.insert_many(
        [
            plan("R2", activityPlan={"days": 5}, createdAt=NOW - SECOND),
            plan("R3", "17 Run", createdAt=NOW + SECOND),
        ]
    )
    await look()
    assert len(await told()) == 4
    await db.plan_snapshots.insert_many(
        [plan(f"many{n}", "17 Run", athleteId="eve", createdAt=NOW + n * SECOND) for n in range(9)]
    )
    await look()
    assert len({title for _, title in await told() if title.startswith("many")}) == 5  # no flood


async def test_that_plans_must_name_their_athletes_is_told_once(db: Database) -> None:
    """As soon as a second one has joined one whose plans name nobody; what was there stays, also when it is
    corrected. Not where each plan names its own, nor before the invitation is accepted."""
    invited = replace(BEN, user_id=None, chat_id=None)

    async def look(*athletes: Athlete) -> list[dict[str, Any]]:
        store, slots = PlanStore(db), PlannedPromptStore(db)
        planner = Planner(store, slots, lambda: None, lambda: NOW, 14, informed=[ChatTopic(1)])
        await planner.reconcile(Roster(athletes))
        return [d for d in await prompts(db) if d.get("kind") == "plan"]

    await db.plan_snapshots.insert_one(plan("R0", "17 Run", athleteId=ANA.athlete_id))
    assert await look(ANA, BEN) == []
    await db.plan_snapshots.insert_one(plan("R1", "17 Run", createdAt=NOW + SECOND))
    assert await look(ANA, invited) == []
    for _ in range(2):
        [news] = await look(ANA, BEN)
        said = plan_news.text(news["sessionId"], news["title"], news["note"], Language.EN)
        assert f"several athletes now: {ANA.athlete_id}, {BEN.athlete_id}." in said
        assert f"stay {ANA.athlete_id}'s" in said
    await db.plan_snapshots.update_one({"runId": "R1"}, {"$set": plan("R1", "18 Swim")})
    assert len(await look(ANA, BEN)) == 1
    [swim] = [d for d in await prompts(db) if d["title"] == "Swim"]
    assert (swim["athleteId"], swim["state"]) == (ANA.athlete_id, "pending")
