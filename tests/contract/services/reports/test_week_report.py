"""What came of answers is told with what was planned because of them, over a local Bot API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.services.prompts.plan_desk import PlanDesk
from bot.services.prompts.planner import Planner
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.plans import PlanStore
from bot.store.prompts.planned import PlannedPromptStore
from tests.support.desk import ANA, BEN, EN, NOW, Database, Desk, open_desk
from tests.support.flows import Parts

REF = {"runId": "r", "sessionId": "s"}
TOLD = "↪️ Shortened to 30 min, since you said knee, 6/10 on Monday."


def plan(user_id: int, run_id: str) -> dict[str, Any]:
    """The plan of this week, in which an answer has changed two days."""
    changed = {"because": [REF], "change": "Shortened to 30 min"}
    return {
        "runId": run_id, "weekStart": "2026-02-16", "athleteId": str(user_id), "createdAt": NOW,
        "justification": [
            "Less this week", {"text": "The knee first", "because": [REF], "date": "2026-02-20"},
        ],
        "activityPlan": {"days": [
            {"date": "2026-02-17", "activity": "Easy run", **changed},
            {"date": "2026-02-19", "activity": "Rest", "because": [REF], "change": "No run"},
            {"date": "2026-02-20", "activity": "Swim"},
        ]},
    }  # fmt: skip


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Ana has told of her knee; the plans of both refer to the session."""
    async with open_desk(db, monkeypatch) as desk:
        await desk.answer(1, FeedbackType.PAIN)
        await desk.detail(2, Detail.PLACE, "knee")
        await desk.detail(3, Detail.PAIN, 6)
        await db.plan_snapshots.insert_many([plan(ANA, "ana-w08"), plan(BEN, "ben-w08")])
        desk.now = NOW + timedelta(seconds=4)
        yield desk


def parts(desk: Desk) -> Parts:
    """Flows on the desk's database."""
    return Parts.of(desk.db, DiskJournal(Path("unused")), lambda: desk.now, desk.roster)


async def test_it_is_told_with_the_question(desk: Desk) -> None:
    """To whom gave the answer; of another athlete's answer nothing is shown, only the plan's words."""
    roster = await desk.roster.loaded()
    planner = Planner(PlanStore(desk.db), PlannedPromptStore(desk.db), lambda: roster, lambda: desk.now, 14)
    await planner.reconcile(roster)
    await desk.send(after=timedelta(days=1, hours=4).total_seconds())
    [*_, question] = desk.world.messages(ANA)
    assert question["text"].splitlines()[:3] == [
        "How did your session go?",
        "Easy run",
        TOLD,
    ]
    [*_, others] = desk.world.messages(BEN)
    assert "↪️ Shortened to 30 min." in others["text"]
    assert "knee" not in others["text"]


async def test_the_week(desk: Desk) -> None:
    """In /week, and in Sunday's message for the coming one; also of a day that is free because of it."""
    weeks, roster = parts(desk).weeks(), await desk.roster.loaded()
    ana, ben = roster.by_user(ANA), roster.by_user(BEN)
    assert ana is not None
    assert ben is not None
    monday = date(2026, 2, 16)
    text = await weeks.week_text(ana, monday, EN)
    assert f"• Easy run\n    {TOLD}\n" in text
    assert "<b>Thursday 19</b>\n    ↪️ No run, since you said knee, 6/10 on Monday." in text
    assert "• Swim\n    ↪️ The knee first, since you said knee, 6/10 on Monday.\n" in text
    sunday = await weeks.weekly_message(ana, monday - timedelta(days=7), EN)
    assert f"Tuesday 17 • Easy run\n    {TOLD}" in sunday
    assert "Less this week The knee first" in sunday
    spanish = await weeks.week_text(ana, monday, Language.ES)
    assert "porque dijiste rodilla, 6/10 el lunes." in spanish
    assert "knee," not in await weeks.week_text(ben, monday, EN)


async def test_references_that_lead_nowhere_are_warned_of(desk: Desk) -> None:
    """Where a plan is handed over, before anything comes of it."""
    roster = await desk.roster.loaded()
    place = await PlanDesk.open(desk.db, roster, datetime.now(NOW.tzinfo), 14)
    ana = await place.judge({**plan(ANA, "ana-w09"), "createdAt": None})
    assert ana.warnings == ()
    ben = await place.judge({**plan(BEN, "ben-w09"), "createdAt": None})
    assert {str(it) for it in ben.warnings} == {
        f"because of 2026-02-{day}: 8 has given no answer about session 's' of run 'r'; nothing is told of it"
        for day in (17, 19, 20)
    }
