"""The summary from a real MongoDB: what is read, through which indexes, and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pymongo.asynchronous.database import AsyncDatabase

from bot.cli.summary import summary as command
from bot.core.facts.answer_types import FeedbackType
from bot.core.people.athlete import Athlete, Roster
from bot.core.shared.errors import ConfigError
from bot.core.summary.sessions import Session, SessionState
from bot.core.summary.summary import Summary
from bot.services.reports.summary import collect
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.summary import SummaryStore, events_query, plans_query, prompts_query
from tests.support.training import (
    ANA,
    BEN,
    MONDAY,
    Document,
    asked_at,
    day,
    event,
    five_weeks,
    plan,
    planned,
    prompt,
)

Database = AsyncDatabase[Document]

EXAMPLE = Path(__file__).parents[2] / "unit" / "core" / "summary" / "summary_example.md"
FIRST, LAST = MONDAY - timedelta(weeks=4), day(6)
NOW = datetime(2026, 2, 20, 21, 5, tzinfo=UTC)
TUESDAY = asked_at(day(1))


async def store(
    db: Database,
    plans: Sequence[Document] = (),
    prompts: Sequence[Document] = (),
    events: Sequence[Document] = (),
) -> None:
    """Insert documents as other programs do."""
    for name, documents in (
        ("plan_snapshots", plans),
        ("session_prompts", prompts),
        ("feedback_events", events),
    ):
        if documents:
            await db[name].insert_many([dict(document) for document in documents])


async def summary_of(db: Database, athlete: Athlete = ANA, *others: Athlete, now: datetime = NOW) -> Summary:
    """The summary of the week of the tests, for one of these athletes."""
    roster = Roster((athlete, *others))
    return await collect(
        SummaryStore(db), roster, athlete, MONDAY, now=now, late_after_days=14, kept_days=180
    )


async def sessions_of(db: Database, *athletes: Athlete) -> list[Session]:
    """The sessions of the five weeks."""
    summary = await summary_of(db, *athletes)
    return [session for week in summary.weeks for session in week.sessions]


async def test_the_example_from_the_database(db: Database) -> None:
    """What five weeks left in the three collections makes the text that planners are shown."""
    athlete, plans, prompts, events, now = five_weeks()
    await store(db, plans, prompts, events)
    summary = await summary_of(db, athlete, now=now)
    assert summary.to_markdown() == EXAMPLE.read_text(encoding="utf-8")
    assert json.loads(json.dumps(summary.to_json(), allow_nan=False)) == summary.to_json()


async def test_an_empty_database(db: Database) -> None:
    """Nothing is on record, and nothing is made up."""
    figures = (await summary_of(db)).to_json()
    assert figures["week"]["sessions"] == []
    assert figures["week"]["adherence"] is None
    assert not any(figures["week"]["counts"].values())


async def test_everything_is_read_through_indexes(db: Database) -> None:
    """Not one of the queries reads a whole collection, however many documents there are."""
    await bootstrap(db, INDEXES)
    athlete, plans, prompts, events, _ = five_weeks()
    await store(db, plans, prompts, events)
    runs: Document = {"$in": ["2026-w08", "own"]}
    for name, query in (
        ("plan_snapshots", plans_query(athlete, FIRST, LAST)),
        ("feedback_events", events_query(athlete, FIRST, LAST)),
        ("feedback_events", {"runId": runs}),
        ("session_prompts", prompts_query(athlete, FIRST, LAST, runs)),
    ):
        explained = await db[name].find(query).explain()
        stages = list(stages_of(explained["queryPlanner"]["winningPlan"]))
        assert "IXSCAN" in stages
        assert "COLLSCAN" not in stages, f"{name}: {query}"


def stages_of(node: Any) -> Iterator[str]:
    """The names of the stages of a query plan."""
    if isinstance(node, dict):
        if "stage" in node:
            yield node["stage"]
        for item in node.values():
            yield from stages_of(item)
    elif isinstance(node, list):
        for item in node:
            yield from stages_of(item)


async def test_weeks_around_are_left_out(db: Database) -> None:
    """The first Monday and the last Sunday belong to the five weeks, the days beside them do not."""
    days = [FIRST - timedelta(days=1), FIRST, LAST, LAST + timedelta(days=1)]
    single = [
        {"runId": "R", "sessionId": str(d), "chatId": "7", "state": "sent", "sentAt": asked_at(d)}
        for d in days
    ]
    answers = [event("own", str(d), "done", asked_at(d)) for d in days]
    await store(db, prompts=single, events=answers)
    assert sorted((s.date, s.run_id) for s in await sessions_of(db)) == [
        (FIRST, "R"), (FIRST, "own"), (LAST, "R"), (LAST, "own"),
    ]  # fmt: skip


async def test_an_answer_is_found_wherever_its_day_lies(db: Database) -> None:
    """Asked long after its day, in another week, a session stands once, on the day that was planned."""
    document = plan("R1", (6, "Long run"), monday=MONDAY - timedelta(weeks=5))
    (session,) = planned(document)
    late = asked_at(FIRST) + timedelta(days=2)
    await store(
        db,
        [document],
        [prompt("R1", session, "answered", sentAt=late, messages=[])],
        [event("R1", session.session_id, "done", late)],
    )
    assert await sessions_of(db) == []
    inside = plan("R2", (6, "Long run"))
    (session,) = planned(inside)
    after = asked_at(LAST + timedelta(days=9))
    await store(db, [inside], [], [event("R2", session.session_id, "hard", after)])
    (found,) = await sessions_of(db)
    assert (found.date, found.state) == (LAST, FeedbackType.HARD)


@pytest.mark.parametrize(
    "change",
    [
        {"weekStart": datetime(2026, 2, 16, tzinfo=UTC), "weekEnd": None},
        {"weekStart": None, "weekEnd": None},
        {"weekStart": "2026-02-16T00:00:00.000Z", "weekEnd": None},
        {"weekStart": "2026-01-28", "weekEnd": "2026-02-20"},
        {"athleteId": "7"},
        {"athleteId": 7},
        {
            "athleteId": None,
            "activityPlan": {"athleteId": "ana", "days": [{"date": "2026-02-17", "activity": "x"}]},
        },
    ],
)
async def test_plans_as_other_programs_write_them(db: Database, change: Document) -> None:
    """The week as a date, as a long text, left out, longer than a week; the athlete by number, or inside."""
    await store(db, [plan("R1", (1, "x")) | change])
    (session,) = await sessions_of(db, ANA, BEN)
    assert (session.date, session.in_plan) == (day(1), True)


async def test_a_plan_that_cannot_be_read_is_counted(db: Database) -> None:
    """The rest of the summary is there, and says that something is missing."""
    await store(db, [plan("R1", (1, "Tempo")), plan("R2", (1, "Tempo")) | {"activityPlan": {"days": 3}}])
    summary = await summary_of(db)
    assert ([s.run_id for s in summary.week.sessions], summary.unreadable) == (["R1"], 1)


async def test_each_athlete_has_their_own(db: Database) -> None:
    """One run for two athletes: nobody sees the other's sessions, and what names nobody is nobody's."""
    documents = {
        a.athlete_id: plan(f"R-{a.athlete_id}", (1, "Run"), athlete_id=a.athlete_id) for a in (ANA, BEN)
    }
    for athlete, type_ in ((ANA, "done"), (BEN, "pain")):
        document = documents[athlete.athlete_id]
        (session,) = planned(document)
        run_id = document["runId"]
        await store(
            db,
            [document],
            [prompt(run_id, session, "answered", athlete=athlete)],
            [event(run_id, session.session_id, type_, TUESDAY, user=athlete.user_id)],
        )
    await store(db, [plan("R0", (2, "Nobody's"), athlete_id=None)])
    assert [s.state for s in await sessions_of(db, ANA, BEN)] == [FeedbackType.DONE]
    assert [s.state for s in await sessions_of(db, BEN, ANA)] == [FeedbackType.PAIN]
    alone = await sessions_of(db, ANA)
    assert [s.run_id for s in alone] == ["R-ana", "R0"]


@pytest.mark.parametrize("named", [{}, {"athleteId": "ben"}, {"userId": 8}])
async def test_of_a_run_of_everybody_only_what_is_theirs_is_read(db: Database, named: Document) -> None:
    """Else what is read for all athletes would grow with their number twice."""
    asked = {"runId": "R", "state": "answered", "sentAt": TUESDAY}
    mine = {**asked, "sessionId": "s", "chatId": str(ANA.user_id)}
    other = {**asked, "sessionId": "t", "chatId": "8", **named}
    answers = [event("R", "s", "done", TUESDAY, user=ANA.user_id), event("R", "t", "done", TUESDAY, user=8)]
    await store(db, prompts=[mine, other], events=answers)
    records = await SummaryStore(db).read(ANA, FIRST, LAST)
    assert [it["sessionId"] for it in (*records.prompts, *records.events)] == ["s", "s"]


async def test_a_shared_question_answered_by_another(db: Database) -> None:
    """In a group, the answer of one athlete is not missing at the other."""
    ana, ben = replace(ANA, chat_id=-100), replace(BEN, chat_id=-100)
    shared = {"runId": "R", "sessionId": "s", "chatId": "-100", "state": "answered", "sentAt": TUESDAY}
    await store(db, prompts=[shared], events=[event("R", "s", "done", TUESDAY, user=8, chatId="-100")])
    assert [s.state for s in await sessions_of(db, ben, ana)] == [FeedbackType.DONE]
    assert await sessions_of(db, ana, ben) == []


async def test_single_questions_of_every_kind(db: Database) -> None:
    """Inserted with three fields, queued for later, undeliverable: each is listed once it has a day."""
    base = {"runId": "R", "chatId": 7}
    await store(
        db,
        prompts=[
            base | {"sessionId": "bare"},
            base | {"sessionId": "text", "dueAt": "2026-02-21T20:00"},
            base | {"sessionId": "later", "dueAt": asked_at(LAST), "state": "pending"},
            base
            | {"sessionId": "lost", "state": "undeliverable", "reason": "chat not found", "updatedAt": NOW},
            base | {"sessionId": "old", "dueAt": asked_at(FIRST) - timedelta(days=9), "state": "cancelled"},
        ],
    )
    summary = await summary_of(db)
    assert [(s.session_id, s.state) for s in summary.week.sessions] == [
        ("lost", SessionState.UNDELIVERED),
        ("text", SessionState.NOT_DUE),
        ("later", SessionState.NOT_DUE),
    ]
    assert summary.unreadable == 1


async def test_another_chat_is_found_by_its_answer(db: Database) -> None:
    """Asked in a group that is not the athlete's own chat, and answered there: the bot asked."""
    asked = {"runId": "R", "sessionId": "s", "chatId": "-100", "state": "answered", "sentAt": TUESDAY}
    await store(db, prompts=[asked], events=[event("R", "s", "done", TUESDAY, chatId="-100")])
    (session,) = await sessions_of(db)
    assert str(session.asked_by) == "bot"


def test_the_command(mongo_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Markdown by default, JSON on demand; a wrong week or athlete is refused with what is right."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MONGO_URL", mongo_url)
    monkeypatch.setenv("MONGO_DB", "test_summary_command")
    monkeypatch.setenv("ATHLETE_IDS", "7")
    monkeypatch.setenv("TIMEZONE", "Europe/Madrid")
    run = CliRunner().invoke
    text = run(command, ["--week-start", "2026-02-16"], catch_exceptions=False)
    assert (text.exit_code, text.stderr) == (0, "")
    assert text.stdout.startswith('# Training feedback of "7", week 2026-02-16 to 2026-02-22\n')
    assert text.stdout.endswith(".\n")
    figures = json.loads(run(command, ["--json", "--athlete", "7"], catch_exceptions=False).stdout)
    assert date.fromisoformat(figures["weekStart"]).weekday() == 0
    assert figures["zone"] == "Europe/Madrid"
    for arguments, message in (
        (
            ["--week-start", "2026-02-18"],
            "--week-start: 2026-02-18 is a Wednesday; weeks begin on Monday, so",
        ),
        (["--athlete", "x"], "--athlete: 'x' is not on the roster; on the roster: 7"),
    ):
        with pytest.raises(ConfigError, match=message):
            run(command, arguments, catch_exceptions=False)
    monkeypatch.setenv("ATHLETE_IDS", "7,8")
    with pytest.raises(ConfigError, match="--athlete: required here; on the roster: 7, 8"):
        run(command, [], catch_exceptions=False)
