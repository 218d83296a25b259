"""What each operation of the HTTP API does, over real HTTP and on a real MongoDB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.api.openapi import examples
from bot.api.routes.health import flaws
from bot.api.routes.records import MAX_DOCUMENTS
from bot.core.health.vitals import DRAINED_WITHIN, POLLED_WITHIN
from bot.core.people.athlete import Athlete, ContactHours, Pause, QuietHours, Roster, read_quiet
from bot.core.records.collections import MODELS
from bot.core.shared.clock import iso_utc, monday_of
from bot.services.health.vitals import VitalsMonitor
from bot.services.prompts.planner import Planner
from bot.store.mongodb.indexes import bootstrap
from bot.store.plans import PlanStore
from bot.store.prompts.planned import PlannedPromptStore
from tests.support.api import ANA, BEN, MADRID, NOW, Api, by_field, checked, serving

GROUP = -100_123


@pytest.fixture
async def api(db: AsyncDatabase[dict[str, Any]], tmp_path: Path) -> AsyncIterator[Api]:
    """The API with one athlete, on an empty database."""
    async with serving(db, tmp_path) as running:
        yield running


def prompt(**more: Any) -> dict[str, Any]:
    """A question."""
    return {"runId": "r", "sessionId": "s", **more}


# Prompts


async def test_a_prompt_is_queued_once(api: Api) -> None:
    """201 and then 200 with what is there; a second service's insert in between counts, too."""
    body = prompt(title=" Tempo ", note="", dueAt="2026-02-16T20:00:00+01:00")
    first = await api.http.post("/v1/prompts", json=body)
    again = await api.http.post("/v1/prompts", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["created"], again.json()["created"]) == (True, False)
    assert first.json()["prompt"] == again.json()["prompt"]
    shown = first.json()["prompt"]
    assert {name: shown[name] for name in ("athleteId", "chatId", "title", "note", "dueAt", "state")} == {
        "athleteId": "ana", "chatId": "42", "title": "Tempo", "note": None,
        "dueAt": "2026-02-16T19:00:00.000Z", "state": "pending",
    }  # fmt: skip
    assert shown["explanation"] == "Will be asked at 2026-02-16T19:00:00.000Z."
    [document] = await api.db.session_prompts.find().to_list()
    assert (document["userId"], document["dueAt"]) == (42, datetime(2026, 2, 16, 19, tzinfo=UTC))


async def test_the_same_prompt_many_times_at_once(api: Api) -> None:
    """Exactly one of them makes it."""
    await bootstrap(api.db)
    answers = await asyncio.gather(*(api.http.post("/v1/prompts", json=prompt()) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert await api.db.session_prompts.count_documents({}) == 1


async def test_a_prompt_that_was_sent_says_so(api: Api) -> None:
    """The answer to a repetition has the state and what it means."""
    await api.post("/v1/prompts", prompt(), 201)
    await api.db.session_prompts.update_one({}, {"$set": {"state": "sent", "sentAt": NOW}})
    shown = (await api.post("/v1/prompts", prompt(title="Another"), 200))["prompt"]
    assert (shown["state"], shown["title"]) == ("sent", None)
    assert shown["explanation"] == (
        "Asked at 2026-02-16T18:42:58.123Z, and not answered yet."
        " An answer counts before 2026-03-03T18:42:58.123Z."
    )


async def test_a_prompt_that_telegram_refused(api: Api) -> None:
    """State, reason and warning say so; sent once more it is tried again, as long as it can be answered."""
    await api.post("/v1/prompts", prompt(dueAt="2026-02-16T10:00:00Z"), 201)
    reason = "Forbidden: bot was blocked by the user"
    refused = {"state": "undeliverable", "reason": reason, "updatedAt": NOW}
    await api.db.session_prompts.update_one({}, {"$set": refused})
    [shown] = (await api.get("/v1/prompts", state="undeliverable"))["items"]
    assert shown["reason"] == reason
    assert shown["explanation"] == (
        f"Could not be sent: {reason}. It is asked as soon as they unblock the bot, or when it is queued once"
        " more."
    )
    other = await api.post("/v1/prompts", prompt(sessionId="other"), 201)
    assert other["warning"] == (
        f"Telegram refuses messages to chat 42 ({reason}); what can still be answered is asked as soon as"
        " they unblock the bot"
    )
    again = await api.post("/v1/prompts", prompt(), 200)
    assert (again["created"], again["retried"], again["prompt"]["state"]) == (False, True, "pending")
    assert again["prompt"]["reason"] is None
    assert (await api.post("/v1/prompts", prompt(), 200))["retried"] is False
    await api.db.session_prompts.update_one({}, {"$set": {**refused, "notAfter": NOW}})
    over = await api.post("/v1/prompts", prompt(), 200)
    assert (over["retried"], over["prompt"]["state"]) == (False, "undeliverable")
    assert over["prompt"]["explanation"] == f"Could not be sent, and it is too late to ask now: {reason}."


async def test_whose_prompt_it_is(api: Api) -> None:
    """By name, by the chat, in a group of nobody in particular, and in a stranger's chat with a warning."""
    api.roster.roster = Roster((ANA, BEN, Athlete("eva", None, None, ContactHours(MADRID))))
    cases: list[tuple[dict[str, Any], str, str | None, int | None, bool]] = [
        ({"athleteId": "ben"}, "43", "ben", 43, False),
        ({"chatId": 42}, "42", "ana", 42, False),
        ({"chatId": str(GROUP)}, str(GROUP), None, None, False),
        ({"chatId": 99}, "99", None, None, True),
    ]
    for number, (whom, chat, athlete, user, is_warned) in enumerate(cases):
        answer = await api.post("/v1/prompts", prompt(sessionId=f"s{number}", **whom), 201)
        document = await api.db.session_prompts.find_one({"sessionId": f"s{number}"}) or {}
        stored = tuple(document.get(name) for name in ("chatId", "athleteId", "userId"))
        assert stored == (chat, athlete, user)
        assert (answer["warning"] is not None) is is_warned
    for whom, field, cure in (
        ({}, "athleteId", "name one"),
        ({"athleteId": "nobody"}, "athleteId", "athlete list"),
        ({"athleteId": "eva"}, "athleteId", "has not accepted the invitation"),
        ({"athleteId": "ana", "chatId": 42}, "chatId", "give one of them"),
    ):
        errors = await api.errors("/v1/prompts", prompt(**whom))
        assert cure in errors[field]


async def test_the_topic_of_a_prompt(api: Api) -> None:
    """As it is named, else where the athlete is asked; of several in a group, the one who is asked in it."""
    in_topic = replace(ANA, chat_id=GROUP, thread_id=42), replace(BEN, chat_id=GROUP, thread_id=43)
    api.roster.roster = Roster(in_topic)
    cases: list[tuple[dict[str, Any], int | None, str | None]] = [
        ({"athleteId": "ana"}, 42, "ana"),
        ({"athleteId": "ana", "messageThreadId": 7}, 7, "ana"),
        ({"athleteId": "ana", "messageThreadId": 1}, None, "ana"),
        ({"chatId": GROUP, "messageThreadId": "43"}, 43, "ben"),
        ({"chatId": GROUP, "messageThreadId": 7}, 7, None),
        ({"chatId": GROUP}, None, None),
    ]
    for number, (whom, thread_id, athlete) in enumerate(cases):
        answer = await api.post("/v1/prompts", prompt(sessionId=f"t{number}", **whom), 201)
        shown = tuple(answer["prompt"][name] for name in ("chatId", "messageThreadId", "athleteId"))
        assert shown == (str(GROUP), thread_id, athlete)
    errors = await api.errors("/v1/prompts", prompt(chatId=42, messageThreadId=7))
    assert "42 is a person's chat, and topics are in groups; leave the topic out" in errors["messageThreadId"]


async def test_an_athlete_who_was_added_a_moment_ago(api: Api) -> None:
    """The roster is read again before anybody is said not to be on it."""
    api.roster.stored = Roster((ANA, BEN))
    assert (await api.post("/v1/prompts", prompt(athleteId="ben"), 201))["prompt"]["chatId"] == "43"


BAD_PROMPTS: list[tuple[dict[str, Any], str, str]] = [
    ({"runId": None}, "runId", "must be text"),
    ({"runId": " "}, "runId", "must not be blank"),
    ({"sessionId": 5}, "sessionId", "must be text, not a number"),
    ({"chatId": "x"}, "chatId", "give a whole number"),
    ({"chatId": 0}, "chatId", "give a whole number"),
    ({"chatId": 2**63}, "chatId", "does not fit into 64 bits"),
    ({"chatId": "9" * 30}, "chatId", "give a whole number"),
    ({"messageThreadId": "General"}, "messageThreadId", "write the number in its link, such as 42"),
    ({"messageThreadId": 0}, "messageThreadId", "is not a topic"),
    ({"messageThreadId": []}, "messageThreadId", "must be"),
    ({"dueAt": "soon"}, "dueAt", "ISO 8601"),
    ({"dueAt": "2026-02-16T20:00:00"}, "dueAt", "with Z or an offset"),
    ({"dueAt": 1771200000}, "dueAt", "ISO 8601"),
    ({"title": "x" * 201}, "title", "shorten it"),
    ({"note": "x" * 1001}, "note", "shorten it"),
    ({"title": ["x"]}, "title", "must be text, not an array"),
    ({"due_at": "2026-02-16T20:00:00Z"}, "due_at", "there is no such field; there are runId"),
    ({"_id": 1}, "_id", "belongs to MongoDB"),
]


async def test_a_prompt_that_cannot_be(api: Api) -> None:
    """The field and the cure, and nothing is written."""
    for fields, field, problem in BAD_PROMPTS:
        errors = await api.errors("/v1/prompts", prompt(**fields))
        assert problem in errors[field]
    assert await api.db.session_prompts.count_documents({}) == 0


async def test_every_fault_is_named(api: Api) -> None:
    """Not only the first one."""
    errors = await api.errors("/v1/prompts", {"sessionId": "", "dueAt": "x", "foo": 1})
    assert errors.keys() == {"runId", "sessionId", "dueAt", "foo"}


async def test_prompts_are_listed(api: Api) -> None:
    """By run, state, athlete and day in the athlete's zone; reminders are no prompts; page by page."""
    api.roster.roster = Roster((ANA, BEN))
    # 23:30 in Madrid; the next day there; noon in Lima.
    for number, (athlete, due) in enumerate(
        [("ana", "2026-02-16T22:30:00Z"), ("ana", "2026-02-16T23:30:00Z"), ("ben", "2026-02-17T17:00:00Z")]
    ):
        body = {"runId": f"r{number}", "sessionId": "s", "athleteId": athlete, "dueAt": due}
        await api.post("/v1/prompts", body, 201)
    await api.db.session_prompts.insert_many(
        [
            {"runId": "p", "sessionId": "reminder", "chatId": "42", "kind": "reminder", "date": "2026-02-16"},
            {"runId": "p", "sessionId": "t", "chatId": "42", "athleteId": "ana", "date": "2026-02-16",
             "state": "cancelled", "reason": "paused"},
        ]
    )  # fmt: skip

    async def runs(**query: Any) -> list[str]:
        return [item["runId"] for item in (await api.get("/v1/prompts", **query))["items"]]

    assert await runs() == ["r0", "r1", "r2", "p"]
    assert await runs(athlete="ana", until="2026-02-16") == ["r0", "p"]
    assert await runs(athlete="ana", since="2026-02-17") == ["r1"]
    assert await runs(athlete="ben", since="2026-02-17", until="2026-02-17") == ["r2"]
    assert await runs(state="cancelled") == ["p"]
    assert await runs(runId="r1") == ["r1"]
    assert await runs(athlete="gone") == []
    [cancelled] = (await api.get("/v1/prompts", state="cancelled"))["items"]
    assert cancelled["explanation"] == "Not asked, and not to be: paused."

    page = await api.get("/v1/prompts", limit=3)
    rest = await api.get("/v1/prompts", limit=3, cursor=page["next"])
    assert [item["runId"] for item in (*page["items"], *rest["items"])] == ["r0", "r1", "r2", "p"]
    assert rest["next"] is None


async def test_whatever_others_wrote_is_shown(api: Api) -> None:
    """Documents of odd types do not break the list."""
    await api.db.session_prompts.insert_many(
        [
            {
                "runId": 5,
                "sessionId": 6.0,
                "chatId": 42,
                "dueAt": "soon",
                "state": "strange",
                "title": float("nan"),
            },
            {"runId": {"a": datetime(1, 1, 1, tzinfo=UTC)}, "sentAt": 5, "state": "sent", "reason": 7},
            {"state": None, "sentAt": datetime(9999, 12, 31, tzinfo=UTC), "plan": {"x": float("inf")}},
            {"runId": "z", "state": "sent", "sentAt": datetime(9999, 12, 31, tzinfo=UTC)},
        ]
    )
    items = (await api.get("/v1/prompts"))["items"]
    assert [item["state"] for item in items] == ["pending", "sent", "pending", "sent"]
    assert (items[0]["title"], items[2]["plan"]) == (None, {"x": None})


# Plans


async def test_a_plan_tells_what_will_be_asked(api: Api) -> None:
    """Sessions with ids and instants in the athlete's zone, rest days by date; again, it changes nothing."""
    first = await api.post("/v1/plans", examples.SNAPSHOT, 201)
    again = await api.post("/v1/plans", examples.SNAPSHOT, 200)
    assert (first["outcome"], again["outcome"]) == ("inserted", "unchanged")
    assert {**first, "outcome": ""} == {**again, "outcome": ""}
    assert first["athleteId"] == "ana"
    assert [(each["sessionId"], each["askAt"], each["notAsked"]) for each in first["sessions"]] == [
        ("2026-02-17-tempo-run", "2026-02-17T19:00:00.000Z", None),
        ("2026-02-19-easy-run", "2026-02-19T19:00:00.000Z", None),
        ("2026-02-22-long-run", "2026-02-22T19:00:00.000Z", None),
    ]
    assert first["restDays"] == ["2026-02-16", "2026-02-18", "2026-02-20", "2026-02-21"]
    [document] = await api.db.plan_snapshots.find().to_list()
    assert document["createdAt"] == datetime(2026, 2, 15, 18, tzinfo=UTC)


async def test_a_plan_tells_what_it_calls_off(api: Api) -> None:
    """With the reason; what was asked already is said, as are odd weekdays and unusual names."""
    await api.post("/v1/plans", examples.SNAPSHOT, 201)
    roster = api.roster.roster
    planner = Planner(PlanStore(api.db), PlannedPromptStore(api.db), lambda: roster, lambda: NOW, 14)
    await planner.reconcile(roster)
    sent = {"state": "sent", "sentAt": datetime(2026, 2, 17, 19, tzinfo=UTC)}
    await api.db.session_prompts.update_one({"date": "2026-02-17"}, {"$set": sent})
    days = [
        {"date": "2026-02-17", "day": "Monday", "workout": "Swim"},
        {"date": "2026-02-19", "activity": "Rest"},
    ]
    week = {"weekStart": "2026-02-16", "weekEnd": "2026-02-22", "createdAt": "2026-02-16T10:00:00Z"}
    newer = {"runId": "newer", **week, "activityPlan": {"days": days}}
    assert "Monday" in (await api.errors("/v1/plans?strict=true", newer))["activityPlan.days[0].day"]
    assert await api.db.plan_snapshots.count_documents({}) == 1
    taken = await api.post("/v1/plans", newer, 201)
    assert [each["notAsked"] for each in taken["sessions"]] == [
        f"asked already, under run {examples.RUN_ID}, at 2026-02-17T19:00:00.000Z"
    ]
    assert [(each["date"], each["title"], each["reason"]) for each in taken["cancelled"]] == [
        ("2026-02-19", "Easy run", "a rest day now"),
        ("2026-02-22", "Long run", "left out of plan newer"),
    ]
    assert [each["field"] for each in taken["warnings"]] == ["activityPlan.days[0].day"]
    assert "workout" in taken["readings"][0]["text"]
    await planner.reconcile(roster)
    again = await api.post("/v1/plans", newer, 200)
    assert again["cancelled"] == []  # that is done


@pytest.mark.parametrize("path", ["/v1/plans", "/v1/plan_snapshots", "/v1/runs"])
async def test_a_plan_that_cannot_be_read_is_refused_everywhere(api: Api, path: str) -> None:
    """Nothing of it is stored, and what an older one asks stays."""
    await api.post("/v1/plans", examples.SNAPSHOT, 201)
    run = {"status": "success"} if path == "/v1/runs" else {}
    for days in ([], [{"date": "2026-02-18", "gym": {"sets": 3}}]):
        for run_id in (examples.RUN_ID, "newer"):
            plan = {"runId": run_id, "activityPlan": {"days": days}, **run}
            assert any("activityPlan.days" in field for field in await api.errors(path, plan))
    [document] = await api.db.plan_snapshots.find().to_list()
    assert document["activityPlan"] == examples.SNAPSHOT["activityPlan"]
    assert await api.db.run_events.count_documents({}) == 0


@pytest.mark.parametrize("path", ["/v1/plan_snapshots", "/v1/runs"])
async def test_whose_a_plan_is_counts_wherever_it_comes_in(api: Api, path: str) -> None:
    """Nobody's among several is warned of, and stays so; one that was withdrawn is meant when it is written
    again."""
    plan = examples.SNAPSHOT | ({"status": "success"} if path == "/v1/runs" else {})
    api.roster.roster = Roster((ANA, BEN))
    [warning] = (await api.http.post(path, json={**plan, "runId": "nobodys"})).json()["warnings"]
    assert warning["field"].endswith("athleteId")
    assert "write whose plan it is" in warning["text"]
    nobodys = await api.db.plan_decisions.find_one({"runId": "nobodys"})
    assert (nobodys or {})["verdict"] == "ambiguous"
    api.roster.roster = Roster(())
    assert (await api.http.post(path, json=plan)).is_success  # the athlete may still come
    api.roster.roster = Roster((ANA,))
    assert (await api.http.post(path, json=plan)).is_success
    mine = {"runId": examples.RUN_ID}
    await api.db.plan_decisions.update_one(mine, {"$set": {"verdict": "withdrawn"}})
    assert (await api.http.post(path, json=plan)).is_success
    decision = await api.db.plan_decisions.find_one(mine)
    assert decision is not None
    assert (decision["verdict"], decision["athleteId"]) == ("accepted", "ana")


async def test_why_a_session_is_not_asked_about(api: Api) -> None:
    """A past week, a pause, a newer plan; and quiet hours move the question."""
    pause = Pause(datetime(2026, 2, 21, tzinfo=UTC), None)
    quiet: QuietHours = read_quiet("19:30-21:15")
    api.roster.roster = Roster((replace(ANA, pauses=(pause,), hours=ContactHours(MADRID, quiet=quiet)),))
    newer = {
        "runId": "newer",
        "activityPlan": {"days": [{"date": "2026-02-19", "activity": "Swim"}]},
        "createdAt": "2026-02-16T10:00:00Z",
    }
    await api.post("/v1/plans", newer, 201)
    plan = await api.post("/v1/plans", examples.SNAPSHOT, 201)
    assert [each["notAsked"] for each in plan["sessions"]] == [
        None, "plan newer is newer, and decides about this day", "paused",
    ]  # fmt: skip
    assert plan["sessions"][0]["askAt"] == "2026-02-17T20:15:00.000Z"
    api.time.advance(days=7)
    plan = await api.post("/v1/plans", examples.SNAPSHOT, 200)
    assert {each["notAsked"] for each in plan["sessions"] if each["date"] != "2026-02-19"} == {
        "the week is past"
    }


BAD_PLANS: list[tuple[dict[str, Any], str]] = [
    ({"activityPlan": {}}, "activityPlan.days"),
    ({"activityPlan": {"days": [{"activity": "Run"}]}}, "activityPlan.days[0].date"),
    ({"activityPlan": {"days": [5]}}, "activityPlan.days[0]"),
    (
        {"activityPlan": {"days": [{"date": "2026-02-30", "activity": "Run"}]}},
        "activityPlan.days[0].date",
    ),
    ({"activityPlan": []}, "activityPlan"),
    ({"weekStart": "2026-02-22", "weekEnd": "2026-02-16"}, "weekEnd"),
    ({"athleteId": "nobody"}, "athleteId"),
    ({"runId": ""}, "runId"),
]


async def test_a_plan_that_cannot_be_asked_about(api: Api) -> None:
    """The field at fault, and nothing is written."""
    for fields, field in BAD_PLANS:
        errors = await api.errors("/v1/plans", {**examples.SNAPSHOT, **fields})
        assert list(errors) == [field]
    assert await api.db.plan_snapshots.count_documents({}) == 0


async def test_a_plan_of_nobody_in_particular(api: Api) -> None:
    """With two athletes it must say whose it is."""
    api.roster.roster = Roster((ANA, BEN))
    assert "write whose plan it is" in (await api.errors("/v1/plans", examples.SNAPSHOT))["athleteId"]
    plan = await api.post("/v1/plans", {**examples.SNAPSHOT, "athleteId": "ben"}, 201)
    # Eight in the evening in Lima.
    assert (plan["athleteId"], plan["sessions"][0]["askAt"]) == ("ben", "2026-02-18T01:00:00.000Z")


# Runs and the five collections


async def test_a_run_is_recorded_whole(api: Api) -> None:
    """In three collections; again it changes nothing; and a failure does not deny the plan."""
    _, run = examples.RUNS["success"]
    first = await api.http.post("/v1/runs", json=run)
    assert (first.status_code, first.json()) == (201, examples.RECORDED)
    assert await api.post("/v1/runs", run, 200) == examples.RECORDED_AGAIN
    problem = await api.post("/v1/runs", {"runId": examples.RUN_ID, "status": "failure"}, 409)
    assert "record the failure under a runId of its own" in problem["detail"]
    assert await api.db.run_events.count_documents({"status": "success"}) == 1


BAD_RUNS: list[tuple[object, str]] = [
    ({}, "status"),
    ([], "body"),
    ({"runId": "r", "status": "success"}, "activityPlan"),
    ({"runId": "r", "status": "maybe"}, "status"),
    ({"runId": "r", "status": "failure", "plan": 5}, "plan"),
    ({"runId": "r", "status": "failure", "errors": {}}, "errors"),
    ({"runId": "r", "status": "failure", "createdAt": "x"}, "createdAt"),
]


async def test_a_run_that_cannot_be(api: Api) -> None:
    """The field at fault, and nothing is written."""
    for run, field in BAD_RUNS:
        assert field in await api.errors("/v1/runs", run)
    assert await api.db.list_collection_names() == []


WRAPPED: dict[str, Callable[[Any], str]] = {
    "n8n's item": lambda value: json.dumps({"json": value, "pairedItem": {"item": 0}}),
    "n8n's items": lambda value: json.dumps([{"json": value}]),
    "n8n's output": lambda value: json.dumps({"output": value}),
    "output as text": lambda value: json.dumps({"output": json.dumps(value)}),
    "output in a fence": lambda value: json.dumps({"output": f"```json\n{json.dumps(value)}\n```"}),
    "fence": lambda value: f"```json\n{json.dumps(value, indent=1)}\n```",
    "fence in a text": lambda value: f"Here it is:\n```\n{json.dumps(value)}\n```\nBye!",
    "ObjectId": lambda value: json.dumps({"_id": {"$oid": "65f0aa0000000000000000aa"}} | value),
    "ObjectId as text": lambda value: json.dumps({"_id": "65f0aa0000000000000000aa"} | value),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("path", ["/v1/plans", "/v1/runs", *(f"/v1/{collection}" for collection in MODELS)])
async def test_what_is_wrapped_up_is_taken_off_and_said(api: Api, path: str, wrapping: str) -> None:
    """Where one reading is possible; what is stored is what it would be without."""
    value: Any
    if path == "/v1/plans":
        value, collection = examples.SNAPSHOT, "plan_snapshots"
    elif path == "/v1/runs":
        value, collection = examples.RUNS["success"][1], "run_events"
    else:
        collection = path.removeprefix("/v1/")
        value = next(iter(examples.DOCUMENTS[collection].values()))[1]
        value = value[0] if isinstance(value, list) else value
    body = WRAPPED[wrapping](value)
    answer = checked(await api.http.post(path, content=body, headers={"Content-Type": "application/json"}))
    [reading] = answer["readings"]
    assert reading["field"] == "body"
    assert "`_id`" in reading["text"] if "Object" in wrapping else reading["text"].startswith("took off ")
    [stored] = await api.db[collection].find({}, {"_id": False}).to_list()
    await api.db[collection].delete_many({})
    await api.post(f"/v1/{collection}" if path == "/v1/plans" else path, value)
    assert await api.db[collection].find({}, {"_id": False}).to_list() == [stored]


async def test_what_leaves_a_choice_is_refused(api: Api) -> None:
    """Several documents where one is meant, and JSON in and beside a fence; nothing is written."""
    run = json.dumps({"runId": "r", "status": "failure"})
    for path, body, problem in (
        ("/v1/runs", f'{{"json": [{run}, {run}]}}', "holds 2 documents; send one"),
        ("/v1/run_events", f"```json\n{run}\n```\n```json\n{run}\n```", "stands in a Markdown fence"),
        ("/v1/run_events", f"{run}\n```json\n{run}\n```", "not JSON"),
        ("/v1/prompts", f"```json\n{run}\n```", "stands in a Markdown fence"),
    ):
        reply = await api.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert problem in by_field(checked(reply, 422))["body"]
    assert await api.db.list_collection_names() == []


async def test_the_documents_of_an_envelope_are_written_together(api: Api) -> None:
    """All or none; what is wrong is told by the place in it."""
    runs = [{"runId": f"r{n}", "status": "failure"} for n in range(3)]
    errors = await api.errors("/v1/run_events", {"output": [*runs, {"runId": "x"}]})
    assert errors == {"[3].status": "is missing"}
    assert await api.db.list_collection_names() == []
    answer = await api.post("/v1/run_events", [{"json": run} for run in runs], 200)
    assert (answer["inserted"], answer["readings"]) == (
        3, [{"field": "body", "text": "took off n8n's `json` (3 times)"}],
    )  # fmt: skip


async def test_what_expires_at_once_is_said(api: Api) -> None:
    """With the setting, how many, and the oldest; what lasts is not counted."""
    runs = [
        {"runId": f"r{age}", "status": "failure", "createdAt": iso_utc(NOW - timedelta(days=age))}
        for age in (0, 89, 90, 200)
    ]
    answer = await api.post("/v1/run_events", runs, 200)
    [warning] = answer["warnings"]
    assert warning["field"] == "createdAt"
    for part in ("2 documents will expire at once", "90 days", "RETAIN_RUN_EVENTS_DAYS", "2025-07-31"):
        assert part in warning["text"]
    assert "warnings" not in await api.post("/v1/run_events", runs[0], 200)


async def test_the_examples_are_written_once(api: Api) -> None:
    """Each example of each collection; sent again it changes nothing and says so."""
    values = [(name, value) for name in MODELS for _, value in examples.DOCUMENTS[name].values()]
    for collection, value in values:
        number = len(value) if isinstance(value, list) else 1
        first = await api.post(f"/v1/{collection}", value, 200)
        again = await api.post(f"/v1/{collection}", value, 200)
        assert first["inserted"] + first["changed"] + first["unchanged"] == number
        assert again == {"collection": collection, "inserted": 0, "changed": 0, "unchanged": number}


async def test_all_or_nothing(api: Api) -> None:
    """One fault among many: every fault is named with index and field, and nothing is written."""
    documents: list[Any] = [{"runId": f"r{n}", "status": "success"} for n in range(50)]
    documents[3] = {"runId": "", "status": "maybe"}
    documents[40] = 5
    documents[41] = {"runId": "r", "status": "failure", "weekStart": "2026-02-30", "errors": [{"$x": 1}]}
    errors = await api.errors("/v1/run_events", documents)
    assert errors.keys() == {"[41].errors[0]..$x"} or errors
    documents[41] = {"runId": "r", "status": "failure", "weekStart": "2026-02-30", "attempt": -1}
    errors = await api.errors("/v1/run_events", documents)
    assert errors.keys() == {"[3].runId", "[3].status", "[40]", "[41].weekStart", "[41].attempt"}
    assert await api.db.run_events.count_documents({}) == 0


async def test_what_is_stored_may_stand_against_it(api: Api) -> None:
    """409 with the place, and nothing of the array is written: found out only while writing."""
    answer = {"runId": "a", "sessionId": "b", "type": "done", "receivedAt": "2026-02-16T10:00:00Z"}
    foreign = {**answer, "sessionId": "c", "sessionKey": "a-c-anon~0123456789ab"}
    await api.post("/v1/feedback_events", [answer, foreign], 200)
    taken = {**answer, "runId": "a-c", "sessionId": "anon~0123456789ab", "userId": None}
    del taken["sessionId"]
    other = {"runId": "a", "sessionId": "c", "type": "pain", "sessionKey": "a-c-anon~0123456789ab"}
    await api.db.feedback_events.update_one(
        {"sessionKey": "a-c-anon~0123456789ab"}, {"$set": {"runId": "x", "sessionId": "y"}}
    )
    problem = await api.post("/v1/feedback_events", [{**answer, "sessionId": "new"}, other], 409)
    assert "belongs to a session with other ids" in by_field(problem)["[1]"]
    assert await api.db.feedback_events.count_documents({"sessionId": "new"}) == 0
    problem = await api.post("/v1/feedback_events", other, 409)
    assert "belongs to a session with other ids" in by_field(problem)["body"]


async def test_arrays_of_any_length(api: Api) -> None:
    """None, a thousand, and one too many."""
    assert (await api.post("/v1/weekly_metrics", [], 200))["inserted"] == 0
    many = [{"runId": f"r{n}", "status": "success"} for n in range(MAX_DOCUMENTS + 1)]
    errors = await api.errors("/v1/run_events", many)
    assert "send at most 1,000 at once" in errors["body"]
    assert (await api.post("/v1/run_events", many[1:], 200))["inserted"] == MAX_DOCUMENTS


async def test_the_same_document_twice_in_one_array(api: Api) -> None:
    """It takes effect in order."""
    week = {"weekStart": "2026-02-16", "runCount": 1}
    assert (await api.post("/v1/weekly_metrics", [week, {**week, "runCount": 2}], 200))["inserted"] == 1
    assert (await api.db.weekly_metrics.find_one({}) or {})["runCount"] == 2


# Feedback


async def insert_answers(api: Api, number: int) -> None:
    """Answers of one millisecond each ten."""
    await api.db.feedback_events.insert_many(
        [
            {
                "sessionKey": f"r{n % 2}-s{n}-{42 + n % 3}",
                "runId": f"r{n % 2}",
                "sessionId": f"s{n}",
                "userId": 42 + n % 3,
                "type": "done",
                "receivedAt": NOW + timedelta(milliseconds=n // 10),
            }
            for n in range(number)
        ]
    )


async def test_feedback_is_paged(api: Api) -> None:
    """Oldest first, without MongoDB's ids, whatever the size of a page; the cursor may be kept for long."""
    await insert_answers(api, 95)
    for limit in (1, 9, 95, 500):
        cursor: dict[str, Any] = {}
        seen: list[dict[str, Any]] = []
        while True:
            page = await api.get("/v1/feedback", limit=limit, **cursor)
            seen += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert len({item["sessionKey"] for item in seen}) == len(seen) == 95
        assert [item["receivedAt"] for item in seen] == sorted(item["receivedAt"] for item in seen)
        assert "_id" not in seen[0]


async def test_feedback_is_selected(api: Api) -> None:
    """By run, athlete (by name, or by a user id of somebody who is gone), days in TIMEZONE and instants."""
    await insert_answers(api, 30)
    answer = {
        "sessionKey": "late",
        "runId": "r9",
        "userId": 42,
        "receivedAt": datetime(2026, 2, 16, 23, tzinfo=UTC),
    }
    await api.db.feedback_events.insert_one(answer)

    async def count(**query: Any) -> int:
        return len((await api.get("/v1/feedback", **query))["items"])

    assert await count(runId="r1") == 15
    assert await count(athlete="ana") == await count(athlete="42") == 11
    assert await count(athlete="43") == 10
    assert await count(athlete="ana", runId="r9") == 1
    # Midnight of the 17th in Madrid is 23:00 UTC.
    assert await count(since="2026-02-17") == await count(since="2026-02-16T23:00:00Z") == 1
    assert await count(until="2026-02-16") == await count(until="2026-02-16T23:00:00Z") == 30
    assert await count(since="2026-02-16", until="2026-02-17") == 31
    assert await count(since="2026-02-17T00:00:00+01:00") == 1
    assert await count(since="2026-02-16T18:42:58.124Z", until="2026-02-16T18:42:58.125Z") == 10
    assert await count(since="0001-01-01", until="9999-12-31") == 31
    assert await count(since="0001-01-01T00:00:00+14:00", until="9999-12-31T23:59:59-12:00") == 31
    problem = await api.get("/v1/feedback", 422, athlete="nobody")
    assert "user id of somebody who was removed" in by_field(problem)["athlete"]
    # As a browser would send the plus sign.
    response = await api.http.get("/v1/feedback?since=2026-02-17T00:00:00+01:00")
    assert len(response.json()["items"]) == 1


async def test_feedback_of_odd_types_is_shown(api: Api) -> None:
    """NaN becomes null, MongoDB's own types become text."""
    await api.db.feedback_events.insert_one(
        {"sessionKey": "k", "receivedAt": NOW, "x": float("nan"), "y": [b"x", {"z": float("-inf")}]}
    )
    [item] = (await api.get("/v1/feedback"))["items"]
    assert (item["x"], item["y"][1], item["receivedAt"]) == (None, {"z": None}, "2026-02-16T18:42:58.123Z")


async def test_the_summary(api: Api) -> None:
    """As JSON and as Markdown, of the only athlete or a named one; a week begins on Monday."""
    await api.post("/v1/plans", examples.SNAPSHOT, 201)
    shown = await api.get("/v1/feedback/summary", weekStart="2026-02-16")
    assert (shown["athlete"], shown["week"]["counts"]["planned"]) == ("ana", 3)
    markdown = await api.http.get(
        "/v1/feedback/summary", params={"weekStart": "2026-02-16", "athlete": "ana", "format": "markdown"}
    )
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.text.startswith("# Training feedback of")
    for query, field, problem in (
        ({"weekStart": "2026-02-17"}, "weekStart", "weeks begin on Monday, so write 2026-02-16"),
        ({"weekStart": "today"}, "weekStart", "Monday"),
        ({}, "weekStart", "is missing"),
        ({"weekStart": "2026-02-16", "athlete": "nobody"}, "athlete", "athlete list"),
        ({"weekStart": "2026-02-16", "format": "xml"}, "format", "'json' or 'markdown'"),
    ):
        errors = by_field(await api.get("/v1/feedback/summary", 422, **query))
        assert problem in errors[field]
    api.roster.roster = Roster((ANA, BEN))
    errors = by_field(await api.get("/v1/feedback/summary", 422, weekStart="2026-02-16"))
    assert "name one" in errors["athlete"]


# Health


async def test_health_over_http(api: Api) -> None:
    """Both pages are open; 503 names what is in the way."""
    closed = {"Authorization": ""}
    assert (await api.http.get("/healthz", headers=closed)).json() == {"status": "ok"}
    assert (await api.http.head("/healthz", headers=closed)).status_code == 200
    response = await api.http.get("/readyz", headers=closed)
    assert response.headers["retry-after"] == "5"
    assert list(by_field(checked(response, 503))) == ["telegram"]


async def test_readiness(api: Api) -> None:
    """Polled in the last ninety seconds, to the millisecond; journal and MongoDB are tried, once a second."""
    seconds = 0.0
    monitor = VitalsMonitor(api.db, api.journal, api.time, monotonic=lambda: seconds)

    async def in_the_way() -> list[str]:
        nonlocal seconds
        seconds += 1
        return [flaw.field for flaw in flaws(await monitor.look())]

    assert await in_the_way() == ["telegram"]
    await api.journal.append([], polled_at=NOW)
    api.time.now = NOW + POLLED_WITHIN
    assert [flaw.field for flaw in flaws(await monitor.look())] == ["telegram"]
    assert await in_the_way() == []
    api.time.now += timedelta(milliseconds=1)
    seconds += 0.999
    assert list(flaws(await monitor.look())) == []
    assert await in_the_way() == ["telegram"]
    api.journal._connection.db.execute("PRAGMA query_only = ON")
    assert await in_the_way() == ["telegram", "journal"]


async def test_a_journal_that_does_not_drain(api: Api) -> None:
    """`/readyz` names the backlog as soon as a tap has waited for more than two minutes; messages may."""
    seconds = 0.0
    api.parts.monitor._monotonic = lambda: seconds
    tap = {"update_id": 1, "callback_query": {"id": "q"}}
    await api.journal.append([{"update_id": 2}], polled_at=NOW - DRAINED_WITHIN)
    await api.journal.append([{"update_id": 2}, tap], polled_at=NOW)
    api.time.now = NOW + DRAINED_WITHIN
    await api.journal.append([{"update_id": 2}, tap], polled_at=api.time.now)
    assert await api.get("/readyz") == {"status": "ready"}
    api.time.now += timedelta(milliseconds=1)
    seconds += 1
    assert list(by_field(await api.get("/readyz", 503))) == ["backlog"]
    await api.journal.finish([entry.seq for entry in await api.journal.pending(after=0, limit=9)])
    seconds += 1
    assert await api.get("/readyz") == {"status": "ready"}


# Figures


async def test_the_figures(api: Api) -> None:
    """Those of the days asked for; 30 unless said otherwise."""
    at = NOW - timedelta(days=2)
    await api.db.taps.insert_one({"_id": "q", "outcome": "written", "receivedAt": at, "updateId": 1})
    await api.db.feedback_events.insert_one(
        {"sessionKey": "k", "type": "hard", "receivedAt": at, "promptSentAt": at - timedelta(seconds=9)}
    )
    answer = await api.http.get("/v1/stats")
    figures = checked(answer)
    assert (answer.status_code, figures["days"], figures["zone"]) == (200, 30, "Europe/Madrid")
    assert figures.keys() == examples.stats().to_json().keys()
    assert (figures["taps"]["written"], figures["answers"]["hard"]) == (1, 1)
    assert figures["timeToAnswer"] == {"answers": 1, "medianSeconds": 9.0, "p90Seconds": 9.0}
    figures = checked(await api.http.get("/v1/stats?days=2"))
    assert (figures["days"], figures["taps"]["written"]) == (2, 0)
    for days in ("0", "366", "soon", "-1"):
        problem = checked(await api.http.get(f"/v1/stats?days={days}"), 422)
        assert by_field(problem) == {"days": "must be a whole number from 1 to 365"}


async def test_messages(api: Api) -> None:
    """What was written, the newest first: of one athlete, or of all; what nobody can read is left out."""
    word = {
        "chatId": "42", "direction": "to coach", "userId": 42, "athleteId": "ana", "updateId": 1,
        "author": {"userId": 42, "name": "Ana"}, "text": "Away", "receivedAt": NOW,
    }  # fmt: skip
    later = {"receivedAt": NOW + timedelta(hours=1), "updateId": 2}
    await api.db.coach_messages.insert_many(
        [
            {**word, "messageId": 1, "deliveredAt": NOW},
            {**word, "messageId": 2, "text": "", "attachments": [{"kind": "voice", "messageId": 2}], **later},
            {
                **word,
                "messageId": 3,
                "userId": 43,
                "athleteId": "ben",
                "refusal": "blocked",
            },
            {**word, "messageId": 4, "direction": "sideways"},
        ]
    )
    items = (await api.get("/v1/messages"))["items"]
    assert {(it["athlete"], it["text"], it["state"]) for it in items} == {
        ("ana", None, "waiting"), ("ana", "Away", "delivered"), ("ben", "Away", "not delivered"),
    }  # fmt: skip
    [newest, oldest] = (await api.get("/v1/messages", athlete="ana"))["items"]
    assert (newest["attachments"], oldest["at"], oldest["author"]) == (["voice"], iso_utc(NOW), "Ana")
    assert len((await api.get("/v1/messages", athlete="ana", limit=1))["items"]) == 1
    since = iso_utc(NOW + timedelta(minutes=1))
    assert len((await api.get("/v1/messages", since=since))["items"]) == 1
    await api.get("/v1/messages", 422, athlete="zoe")
    monday = monday_of(NOW.date())
    summary = await api.get("/v1/feedback/summary", weekStart=monday, athlete="ana")
    assert [it["text"] for it in summary["messages"]] == ["Away", None]
    later_week = await api.get("/v1/feedback/summary", weekStart=monday + timedelta(days=7), athlete="ana")
    assert later_week["messages"] == []
