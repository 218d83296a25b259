"""A coach writes a plan, and the bot does the asking."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.i18n.language import Language
from bot.sandbox.world import Json, User
from tests.support.bot import ADMIN, ATHLETES, Rig
from tests.support.processes import Mongod, wait_until

ATHLETE = ATHLETES[0]
EN = Language.EN
LATER = 4  # the button's place in reading order


@pytest.fixture
async def alone(tmp_path: Path, mongo_url: str) -> AsyncIterator[Rig]:
    """A bot with one athlete, who is asked from midnight on."""
    folder = tmp_path / "bot"
    async with Rig(folder, mongo_url=mongo_url, ATHLETE_IDS=str(ATHLETE), PROMPT_TIME="00:00") as rig:
        yield rig


def day(offset: int = 0) -> date:
    """Today, or another day."""
    return datetime.now(UTC).date() + timedelta(days=offset)


def plan(run_id: str, *sessions: tuple[int, str], **fields: Any) -> dict[str, Any]:
    """A plan as a workflow writes it: activities of today (0), tomorrow (1) and so on."""
    days = [
        {"date": day(offset).isoformat(), "activity": activity, "distance_time": "8 km"}
        for offset, activity in sessions
    ]
    return {"runId": run_id, "activityPlan": {"days": days}, "justification": [], **fields}


def file(rig: Rig, document: dict[str, Any]) -> str:
    """A plan in a file."""
    path = rig.folder / f"{document['runId']}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


async def write(rig: Rig, document: dict[str, Any]) -> None:
    """The command `write plan_snapshots`."""
    finished = await rig.command("write", "plan_snapshots", file(rig, document))
    assert finished.status == 0, finished


def place_of(message: Json, button: int) -> str:
    """The data of a button."""
    data: str = [b for row in message["reply_markup"]["inline_keyboard"] for b in row][button][
        "callback_data"
    ]
    return data


async def test_a_plan_is_asked_about_and_answered(alone: Rig) -> None:
    """From `write` to the answer: each session of the day once, rest not at all, tomorrow's not yet."""
    await alone.start()
    await write(alone, plan("R1", (0, "Tempo <run>"), (0, "Strength"), (0, "Rest"), (1, "Long run")))
    messages = await alone.messages(ATHLETE, 2)
    assert [message["text"].splitlines() for message in messages] == [
        ["How did your session go?", "Tempo <run>", "8 km", "", EN.texts.prompts.words_count],
        ["How did your session go?", "Strength", "8 km"],
    ]
    for number, message in enumerate(messages):
        alone.world.tap(ATHLETE, message["message_id"], User(ATHLETE), button=number)
    events = await alone.stored(2)
    today = day()
    assert {(event["runId"], event["sessionId"], event["type"]) for event in events} == {
        ("R1", f"{today}-tempo-run", "done"),
        ("R1", f"{today}-strength", "skipped"),
    }
    for number in (1, 2):
        await alone.prompt_in_state("answered", slot=f"{ATHLETE}|{today}|{number}")
    tomorrow = await alone.prompt_in_state("pending", date=day(1).isoformat())
    assert tomorrow["sessionId"].endswith("-long-run")
    assert len(alone.world.messages(ATHLETE)) == 2
    assert (await alone.stats())["prompts"] == {
        "pending": 1, "sent": 0, "answered": 2, "late": 0, "expired": 0, "undeliverable": 0, "cancelled": 0
    }  # fmt: skip


async def test_a_newer_plan_replaces_what_is_not_sent(alone: Rig) -> None:
    """By a workflow straight into MongoDB, noticed at once; what was asked is not asked again."""
    bot = await alone.start()
    await write(alone, plan("R1", (0, "Run"), (1, "Run"), (2, "Swim")))
    await alone.messages(ATHLETE, 1)
    newer = plan("R2", (0, "Ride"), (1, "Long run"), (2, "Descanso"), createdAt=datetime.now(UTC))
    await alone.db["plan_snapshots"].insert_one(newer)
    replaced = await alone.prompt_in_state("cancelled", timeout=5, runId="R1", date=day(1).isoformat())
    assert replaced["reason"] == "replaced by plan R2"
    rest = await alone.prompt_in_state("cancelled", runId="R1", date=day(2).isoformat())
    assert rest["reason"] == "a rest day now"
    await alone.prompt_in_state("pending", runId="R2", date=day(1).isoformat())
    # A restart reads everything again.
    assert await bot.terminate() == 0
    await alone.start()
    await write(alone, plan("R3", (1, "Walk")))
    await alone.prompt_in_state("pending", runId="R3")
    assert [message["text"].splitlines()[1] for message in alone.world.messages(ATHLETE)] == ["Run"]


async def test_a_plan_that_cannot_be_read_calls_nothing_off(alone: Rig) -> None:
    """Straight into MongoDB, also over the run that is there: admins and the coach are told once, by name."""
    alone.settings["COACH_CHAT_ID"] = "-900"
    bot = await alone.start()
    await write(alone, plan("R1", (0, "Run"), (1, "Swim")))
    await alone.messages(ATHLETE, 1)
    await alone.prompt_in_state("pending", date=day(1).isoformat())
    broken = plan("R2", createdAt=datetime.now(UTC), weekStart=str(day()), weekEnd=str(day(6)))
    broken["activityPlan"]["days"] = [{"date": str(day(1)), "gym": {"sets": 3}}]
    await alone.db["plan_snapshots"].insert_one(broken)
    for chat in (ADMIN, -900):
        (told,) = await alone.messages(chat, 1)
        assert told["text"].startswith("⚠️ I cannot use the plan R2")
        assert "activityPlan.days[0]" in told["text"]
    await alone.db["plan_snapshots"].update_one({"runId": "R1"}, {"$set": {"activityPlan": {"days": []}}})
    assert (await alone.messages(ADMIN, 2))[1]["text"].startswith("⚠️ I cannot use the plan R1")
    await alone.messages(-900, 2)
    assert await bot.terminate() == 0
    await alone.start()
    await write(alone, plan("R0", (2, "Walk"), createdAt="2026-01-01T00:00:00Z"))  # noticed after both
    await alone.prompt_in_state("pending", runId="R0")
    tomorrow = await alone.prompt_in_state("pending", date=day(1).isoformat())
    assert (tomorrow["runId"], tomorrow["title"]) == ("R1", "Swim")
    assert [len(alone.world.messages(chat)) for chat in (ADMIN, -900)] == [2, 2]
    done = await alone.command("doctor")
    assert 'plan "R2" cannot be used: activityPlan.days[0]' in done.out
    for run_id in ("R1", "R2"):
        assert (await alone.command("plan", "withdraw", run_id)).status == 0
    assert "cannot be used" not in (await alone.command("doctor")).out
    gone = await alone.prompt_in_state("cancelled", date=day(1).isoformat())
    assert gone["reason"] == "plan withdrawn"


async def test_a_plan_keeps_its_owner(alone: Rig) -> None:
    """A second athlete comes, and the first leaves: nothing of the first one's reaches the second."""
    await alone.start()
    await write(alone, plan("R1", (1, "Run")))
    await alone.prompt_in_state("pending", athleteId=str(ATHLETE), date=day(1).isoformat())
    assert (await alone.command("athlete", "add", "eve", f"--user-id={ATHLETES[1]}")).status == 0
    named = plan("R2", (2, "Swim"), athleteId="eve")
    await write(alone, named)
    await alone.prompt_in_state("pending", athleteId="eve")
    nobodys = await alone.command("write", "plan_snapshots", file(alone, plan("R3", (3, "Ride"))))
    assert nobodys.status == 0
    assert "warning: " in nobodys.err
    assert "athleteId: missing, and there is not exactly one athlete" in nobodys.err
    assert (await alone.command("plan", "withdraw", "R3")).status == 0
    still = await alone.prompt_in_state("pending", runId="R1")
    assert still["athleteId"] == str(ATHLETE)
    doctor = await alone.command("doctor")
    assert "2 plans of this week and later, and all can be used" in doctor.out
    listed = json.loads((await alone.command("plan", "list", "--json")).out)
    assert {it["runId"]: (it["athleteId"], it["state"]) for it in listed} == {
        "R1": (str(ATHLETE), "accepted"),
        "R2": ("eve", "accepted"),
        "R3": (None, "withdrawn"),
    }
    await alone.bots[0].terminate()
    await alone.start(ATHLETE_IDS="")
    await alone.prompt_in_state("cancelled", runId="R1")
    assert "R1" not in {it["runId"] for it in await alone.prompts({"state": "pending"})}
    left = await alone.command("plan", "list", "--json", ATHLETE_IDS="")
    assert {it["runId"]: it["state"] for it in json.loads(left.out)}["R1"] == "athlete left"


async def test_a_plan_is_withdrawn(alone: Rig) -> None:
    """While the bot runs: what was not asked is called off, and the older plan counts again."""
    await alone.start()
    await write(alone, plan("R1", (1, "Run"), createdAt="2026-01-01T00:00:00Z"))
    await alone.prompt_in_state("pending", runId="R1")
    checked = await alone.command("plan", "check", file(alone, plan("R2", (1, "Swim"))))
    assert f"calls off {day(1):%a} {day(1)}  Run (plan R1): replaced by plan R2" in checked.out
    due = await alone.command("plan", "check", file(alone, plan("R2", (0, "Swim"))))
    assert "Swim: asked at once, as it was due " in due.out
    empty = await alone.command("plan", "check", file(alone, plan("R2")))
    assert "(write --force writes it all the same)" in empty.err
    assert await alone.db["plan_snapshots"].count_documents({}) == 1
    await write(alone, plan("R2", (1, "Swim")))
    await alone.prompt_in_state("pending", runId="R2")
    done = await alone.command("plan", "withdraw", "R2")
    assert done.out == (
        f"plan R2 is withdrawn: 1 question called off\n  calls off {day(1):%a} {day(1)}  Swim (plan R2): plan"
        " withdrawn\n"
    )
    await alone.prompt_in_state("pending", runId="R1")
    await write(alone, plan("R2", (1, "Swim")))  # it is meant after all
    await alone.prompt_in_state("pending", runId="R2")
    unknown = await alone.command("plan", "withdraw", "R7")
    assert (unknown.status, unknown.err) == (
        1,
        "error: there is no plan of run R7; `plan list` shows which there are\n",
    )


async def test_two_services_on_one_database(alone: Rig, tmp_path: Path) -> None:
    """Each with its own data: every session is asked about once, and answered wherever it is polled."""
    await alone.start()
    await alone.launch(DATA_DIR=str(tmp_path / "second"))
    await wait_until(lambda: "standing by" in alone.bots[1].log, 20, "the second service runs")
    activities = ("Run", "Swim", "Ride", "Lift", "Yoga", "Walk")
    await alone.db["plan_snapshots"].insert_one(plan("R1", *((0, activity) for activity in activities)))
    messages = await alone.messages(ATHLETE, len(activities), timeout=40)
    await wait_until(lambda: _all_sent(alone), 20, "everything is settled")
    assert sorted(message["text"].splitlines()[1] for message in messages) == sorted(activities)
    assert len(alone.world.messages(ATHLETE)) == len(activities)


async def _all_sent(rig: Rig) -> bool:
    return {document["state"] for document in await rig.prompts()} == {"sent"}


async def test_plans_after_an_outage(tmp_path: Path, mongod: Mongod) -> None:
    """MongoDB is killed and comes back: the next plan is noticed as the first one was."""
    folder = tmp_path / "bot"
    async with Rig(folder, mongo_url=mongod.url, ATHLETE_IDS=str(ATHLETE), PROMPT_TIME="00:00") as rig:
        await rig.start()
        await rig.db["plan_snapshots"].insert_one(plan("R1", (0, "Run")))
        await rig.messages(ATHLETE, 1)
        await mongod.kill()
        await mongod.start()
        await rig.db["plan_snapshots"].insert_one(plan("R2", (0, "Run"), (0, "Swim")))
        messages = await rig.messages(ATHLETE, 2, timeout=30)
        assert [message["text"].splitlines()[1] for message in messages] == ["Run", "Swim"]


async def test_later(alone: Rig) -> None:
    """The button below the answers offers hours, the last one tomorrow's usual one; answers count still. When
    it comes again, the older message points there and has no buttons."""
    await alone.start()
    await write(alone, plan("R1", (0, "Run")))
    [message] = await alone.messages(ATHLETE, 1)
    assert place_of(message, LATER) == f"later|R1|{day()}-run"
    alone.world.tap(ATHLETE, message["message_id"], User(ATHLETE), button=LATER)

    def offered() -> list[str]:
        shown = alone.world.message_of(ATHLETE, message["message_id"])
        rows = shown["reply_markup"]["inline_keyboard"]
        return [button["text"] for row in rows[2:] for button in row]

    await wait_until(lambda: offered()[-1:] == ["Tomorrow · 00:00"], 10, "hours are offered")
    last = LATER + len(offered()) - 1
    tap = alone.world.tap(ATHLETE, message["message_id"], User(ATHLETE), button=last)
    later = await alone.prompt_in_state("pending", again="later")
    assert later["dueAt"].replace(tzinfo=UTC) > datetime.now(UTC)
    assert (later["dueAt"].hour, later["dueAt"].minute) == (0, 0)
    await alone.answered([tap])
    await alone.db["session_prompts"].update_one({"again": "later"}, {"$set": {"dueAt": datetime.now(UTC)}})
    _, again = await alone.messages(ATHLETE, 2)
    assert again["text"].startswith("You asked me to come back later")

    def older() -> Json:
        return alone.world.message_of(ATHLETE, message["message_id"])

    await wait_until(lambda: "⤵️ Asked again below." in older()["text"], 10, "the older one points there")
    assert "reply_markup" not in older()
    alone.world.tap(ATHLETE, again["message_id"], User(ATHLETE), button=0)
    await alone.prompt_in_state("answered")
    await wait_until(lambda: "⤵️ Answered below." in older()["text"], 10, "and says that it is answered")

    def newest() -> str:
        return str(alone.world.message_of(ATHLETE, again["message_id"])["text"])

    await wait_until(lambda: "➜ ✅ Done" in newest(), 10, "the answer shows")
    assert "come back later" not in newest()
