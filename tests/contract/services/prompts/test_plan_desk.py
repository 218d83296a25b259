"""What is said of a plan before it is written is what the planner then does, on a real MongoDB."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.people.athlete import Athlete, ContactHours, Pause, QuietHours, Roster
from bot.core.plans.ownership import Decision, Standing, Verdict
from bot.core.prompts.preview import PlanPreview
from bot.services.prompts.plan_desk import PlanDesk
from bot.services.prompts.planner import Planner
from bot.store.plans import PlanDecisions, PlanStore
from bot.store.prompts.planned import PlannedPromptStore

Database = AsyncDatabase[dict[str, Any]]

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 2, 17, 8, tzinfo=UTC)  # a Tuesday
ANA = Athlete("ana", 7, 70, ContactHours(MADRID))
BEN = Athlete("ben", 8, 80, ContactHours(MADRID))
LATE = 14
HOUR = timedelta(hours=1)


def plan(run_id: str, *sessions: str, hours: float = 0, **fields: Any) -> dict[str, Any]:
    """A plan for the week of 16 February 2026: `17 Run`; `hours` tell which is newer."""
    days = [{"date": f"2026-02-{text[:2]}", "activity": text[3:]} for text in sessions]
    week = {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"}
    return {
        "runId": run_id,
        "createdAt": NOW + hours * HOUR,
        **week,
        "activityPlan": {"days": days},
        **fields,
    }


async def reconcile(db: Database, *athletes: Athlete, now: datetime = NOW) -> None:
    """One look of a planner that has just started."""
    roster = Roster(athletes or (ANA,))
    await Planner(PlanStore(db), PlannedPromptStore(db), lambda: roster, lambda: now, LATE).reconcile(roster)


async def hand_over(
    db: Database, *documents: dict[str, Any], athletes: Sequence[Athlete] = (ANA,), now: datetime = NOW
) -> list[PlanPreview]:
    """Write plans, as the API and the commands do: what is said of each."""
    desk = await PlanDesk.open(db, Roster(tuple(athletes)), now, LATE)
    previews = [desk.preview(await desk.judge(document)) for document in documents]
    await desk.keep()
    for document in documents:
        await db.plan_snapshots.replace_one({"runId": document["runId"]}, document, upsert=True)
    return previews


async def outbox(db: Database) -> dict[tuple[str, str], dict[str, Any]]:
    """The questions, by run and session."""
    return {(d["runId"], d["sessionId"]): d async for d in db.session_prompts.find({"kind": None})}


def is_waiting(document: Mapping[str, Any] | None) -> bool:
    """Whether a question is still to be asked, or held back by a pause."""
    return (
        document is not None
        and (document["state"] == "pending" or document.get("isPaused") is True)
        and document.get("sentAt") is None
    )


async def compare(
    db: Database, athlete: Athlete, new: dict[str, Any], preview: PlanPreview, now: datetime
) -> None:
    """The planner does what the preview says, and nothing else."""
    await reconcile(db, athlete, now=now)  # what older plans wanted, so that it can be called off
    before = await outbox(db)
    await db.plan_snapshots.replace_one({"runId": new["runId"]}, new, upsert=True)
    await reconcile(db, athlete, now=now)
    after = await outbox(db)
    for each in preview.sessions:
        found = after.get((preview.plan.run_id, each.session.session_id))
        is_asked = is_waiting(found) and found is not None and found["state"] == "pending"
        assert (each.not_asked is None) == is_asked, (each, found)
        if is_asked:
            assert found is not None
            assert each.ask_at == (athlete.quiet_until(found["dueAt"]) or found["dueAt"])
    called_off = {
        (d["runId"], d["sessionId"], d["reason"])
        for key, d in after.items()
        if is_waiting(before.get(key)) and not is_waiting(d)
    }
    assert {(it.run_id, it.session_id, it.reason) for it in preview.cancelled} == called_off


@pytest.mark.parametrize("seed", range(12))
async def test_the_preview_is_what_the_planner_does(db: Database, seed: int) -> None:
    """Whatever was planned, sent, answered, queued by hand or paused before."""
    chance = random.Random(seed)
    activities = ("Run", "Swim", "Rest", "Bike", "Tempo run")

    def some(run_id: str, hours: float) -> dict[str, Any]:
        days = chance.sample(range(16, 23), chance.randint(1, 6))
        sessions = [f"{day} {chance.choice(activities)}" for day in days for _ in range(chance.randint(1, 2))]
        return plan(run_id, *sessions, hours=hours)

    quiet = chance.choice([None, QuietHours(time(19), time(7))])
    pauses = chance.choice([(), (Pause(NOW, NOW + timedelta(days=2)),)])
    ana = replace(ANA, hours=replace(ANA.hours, quiet=quiet, reminder_time=time(7)), pauses=pauses)
    for number in range(chance.randint(0, 3)):
        await db.plan_snapshots.insert_one(some(f"R{number}", number))
        if chance.random() < 0.8:
            await reconcile(db, replace(ana, pauses=()) if chance.random() < 0.3 else ana)
        for document in await db.session_prompts.find({"kind": None, "state": "pending"}).to_list():
            if chance.random() < 0.3:
                state = chance.choice(["sent", "answered", "expired"])
                sent = {"state": state, "sentAt": NOW, "messages": [{"messageId": 1, "sentAt": NOW}]}
                await db.session_prompts.update_one({"_id": document["_id"]}, {"$set": sent})
    if chance.random() < 0.3:
        await db.plan_snapshots.insert_one(plan("broken", hours=chance.randint(-1, 5)))
    new = some(chance.choice(["R0", "R9"]), chance.choice([-1.5, 4.5]))
    now = NOW + chance.choice([0, 1, 30]) * HOUR
    desk = await PlanDesk.open(db, Roster((ana,)), now, LATE)
    judged = await desk.judge(new)
    assert judged.standing is Standing.ACCEPTED
    await compare(db, ana, new, desk.preview(judged), now)


async def test_what_was_asked_already_is_said(db: Database) -> None:
    """Under which run, and when; also where it was under the same one."""
    await db.plan_snapshots.insert_one(plan("R1", "17 Run", "18 Swim"))
    await reconcile(db)
    sent = {"state": "answered", "sentAt": NOW + 11 * HOUR}
    await db.session_prompts.update_one({"sessionId": "2026-02-17-run"}, {"$set": sent})
    [new] = await hand_over(db, plan("R2", "17 Tempo run", "18 Swim", hours=1), now=NOW + 12 * HOUR)
    assert [(it.session.activity, it.not_asked) for it in new.sessions] == [
        ("Tempo run", "asked already, under run R1, at 2026-02-17T19:00:00.000Z"),
        ("Swim", None),
    ]
    [same] = await hand_over(db, plan("R1", "17 Run", hours=2), now=NOW + 12 * HOUR)
    assert [it.not_asked for it in same.sessions] == ["asked already at 2026-02-17T19:00:00.000Z"]


async def test_several_plans_see_those_before_them(db: Database) -> None:
    """Also those that cannot be read: they keep the questions of their run as they are."""
    first, second = await hand_over(db, plan("R1", "18 Run", "19 Swim"), plan("R2", "18 Rest", hours=1))
    assert [it.not_asked for it in first.sessions] == [None, None]
    assert [(it.run_id, it.date, it.reason) for it in second.cancelled] == [
        ("R1", "2026-02-18", "a rest day now"),
        ("R1", "2026-02-19", "left out of plan R2"),
    ]
    await db.plan_snapshots.delete_many({})
    await hand_over(db, plan("R1", "18 Run"))
    await reconcile(db)
    desk = await PlanDesk.open(db, Roster((ANA,)), NOW, LATE)
    broken = await desk.judge(plan("R1", hours=1))
    assert broken.flaw is not None
    desk.put(broken)
    older = desk.preview(await desk.judge(plan("R0", "18 Rest", hours=0.5)))
    assert older.cancelled == ()


async def test_whose_a_plan_is_stays_from_when_it_is_handed_over(db: Database) -> None:
    """Though the planner looks only when somebody else has come."""
    [preview] = await hand_over(db, plan("R1", "18 Run"))
    assert (preview.athlete.athlete_id, preview.is_named) == ("ana", False)
    await reconcile(db, ANA, BEN)
    assert [(d["athleteId"], d["state"]) for d in (await outbox(db)).values()] == [("ana", "pending")]
    await reconcile(db, BEN)
    assert [(d["athleteId"], d["state"]) for d in (await outbox(db)).values()] == [("ana", "cancelled")]


async def test_fields_that_are_not_given_stay(db: Database) -> None:
    """A plan is judged as it will be stored."""
    await db.plan_snapshots.insert_one(plan("R1", "18 Run", athleteId="ben"))
    desk = await PlanDesk.open(db, Roster((ANA, BEN)), NOW, LATE)
    days = {"days": [{"day": "Thursday", "activity": "Swim"}]}
    judged = await desk.judge({"runId": "R1", "activityPlan": days})
    assert desk.preview(judged).athlete is BEN
    assert judged.made_at == NOW
    alone = await desk.judge({"runId": "R2", "activityPlan": days, "athleteId": "ben"})
    assert alone.flaw is not None  # no week tells its Thursday


async def test_a_plan_is_withdrawn(db: Database) -> None:
    """Its questions go, those of the older one come back; handed over again, it counts."""
    old, new = plan("R1", "18 Run", "19 Swim"), plan("R2", "18 Bike", "20 Run", hours=1)
    await hand_over(db, old, new)
    await reconcile(db)
    desk = await PlanDesk.open(db, Roster((ANA,)), NOW, LATE, ["R2"])
    [found] = [it for it in desk.plans() if it.name == "R2"]
    questions, changes = await desk.withdraw(found)
    assert {(it.session_id[8:], it.reason) for it in questions} == {
        ("18-bike", "plan withdrawn"),
        ("20-run", "plan withdrawn"),
    }
    await PlannedPromptStore(db).apply(changes, NOW)
    expected = {
        "18-run": "pending",
        "19-swim": "pending",
        "18-bike": "cancelled",
        "20-run": "cancelled",
    }
    assert {key[1][8:]: d["state"] for key, d in (await outbox(db)).items()} == expected
    await reconcile(db)
    assert {key[1][8:]: d["state"] for key, d in (await outbox(db)).items()} == expected
    await hand_over(db, new)
    await reconcile(db)
    assert (await outbox(db))["R2", "2026-02-20-run"]["state"] == "pending"


async def test_who_decides_first_has_decided(db: Database) -> None:
    """Of several services; unless somebody hands the plan over anew, or it says something else."""
    decisions = PlanDecisions(db)
    first = Decision("R1", "d1", Verdict.ACCEPTED, "ana")
    await decisions.keep([first], NOW)
    await decisions.keep([Decision("R1", "d1", Verdict.AMBIGUOUS)], NOW)
    assert await decisions.of(["R1", "R2"]) == {"R1": first}
    later = Decision("R1", "d1", Verdict.WITHDRAWN), Decision("R1", "d2", Verdict.AMBIGUOUS)
    for decision, anew in zip(later, (True, False), strict=True):
        await decisions.keep([decision], NOW, anew=anew)
        assert await decisions.of(["R1"]) == {"R1": decision}
    await db.plan_decisions.update_one({}, {"$set": {"verdict": "perhaps"}})
    assert await decisions.of(["R1"]) == {}


async def test_plans_are_looked_up_together(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are handed over at once; what is stored of each counts, also of long ago."""
    old = plan("R0", "17 Run", createdAt=NOW - timedelta(days=400)) | {"weekStart": "2024-02-12"}
    await db.plan_snapshots.insert_one(old | {"weekEnd": "2024-02-18", "athleteId": "ana"})
    reads: list[int] = []
    of_runs = PlanStore.of_runs

    async def counting(self: PlanStore, run_ids: Collection[str]) -> list[dict[str, Any]]:
        reads.append(len(run_ids))
        return await of_runs(self, run_ids)

    monkeypatch.setattr(PlanStore, "of_runs", counting)
    names = [f"R{number}" for number in range(9)]

    async def judged(desk: PlanDesk) -> set[str | None]:
        fields = [plan(name, "18 Run") for name in names]
        for each in fields:
            del each["createdAt"]
        plans = [await desk.judge(each) for each in fields]
        assert plans[0].made_at == NOW - timedelta(days=400)
        return {each.athlete_id for each in plans[:1]}

    two = Roster((ANA, BEN))
    assert await judged(await PlanDesk.open(db, two, NOW, LATE, names)) == {"ana"}
    assert reads == []
    desk = await PlanDesk.open(db, two, NOW, LATE)
    await desk.look_up(names)
    assert await judged(desk) == {"ana"}
    assert reads == [9]
    assert await judged(await PlanDesk.open(db, two, NOW, LATE)) == {"ana"}
    assert reads == [9, *[1] * 9]


@pytest.mark.parametrize(("week_end", "is_history"), [("2026-02-08", True), ("2026-02-09", False)])
async def test_an_unreadable_plan_of_history_is_no_trouble(
    db: Database, week_end: str, *, is_history: bool
) -> None:
    desk = await PlanDesk.open(db, Roster((ANA,)), NOW, LATE)
    judged = await desk.judge(plan("old", weekStart="2026-02-02", weekEnd=week_end))  # it has no days
    assert judged.standing is Standing.REFUSED
    assert desk.is_over(judged) is is_history
