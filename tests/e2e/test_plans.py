"""A coach writes a plan, and the bot does the asking."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.world import Json, User
from tests.support.bot import ATHLETES, Rig
from tests.support.processes import Mongod, wait_until

ATHLETE = ATHLETES[0]
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


async def write(rig: Rig, document: dict[str, Any]) -> None:
    """The command `write plan_snapshots`."""
    path = rig.folder / f"{document['runId']}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    finished = await rig.command("write", "plan_snapshots", str(path))
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
        ["How did your session go?", "Tempo <run>", "8 km"],
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
    """The button below the answers brings the question again at the usual hour, and answers count still."""
    await alone.start()
    await write(alone, plan("R1", (0, "Run")))
    [message] = await alone.messages(ATHLETE, 1)
    assert place_of(message, LATER) == f"later|R1|{day()}-run"
    tap = alone.world.tap(ATHLETE, message["message_id"], User(ATHLETE), button=LATER)
    later = await alone.prompt_in_state("pending", again="later")
    assert later["dueAt"].replace(tzinfo=UTC) > datetime.now(UTC)
    assert (later["dueAt"].hour, later["dueAt"].minute) == (0, 0)
    await alone.answered([tap])
    await alone.db["session_prompts"].update_one({"again": "later"}, {"$set": {"dueAt": datetime.now(UTC)}})
    _, again = await alone.messages(ATHLETE, 2)
    assert again["text"].startswith("You asked me to come back later")
    alone.world.tap(ATHLETE, again["message_id"], User(ATHLETE), button=0)
    await alone.prompt_in_state("answered")
