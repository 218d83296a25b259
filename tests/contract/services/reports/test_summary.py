"""/week, /pending and `GET /v1/prompts` say the same of a question, whichever state and chat it is in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.facts.answer_types import FeedbackType
from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.prompts.explain import explain, state_at
from bot.core.prompts.prompt import PromptState
from bot.core.summary.sessions import SessionState
from bot.services.reports.summary import collect, collect_open
from bot.store.records.pages import PromptPages, PromptSelection
from bot.store.summary import SummaryStore

Document = dict[str, Any]
Database = AsyncDatabase[Document]

NOW = datetime(2026, 2, 18, 20, tzinfo=UTC)  # a Wednesday
MONDAY = (NOW - timedelta(days=2)).date()
DAY, MILLISECOND = timedelta(days=1), timedelta(milliseconds=1)
EDGE = NOW - 15 * DAY
ANA, BEN, GROUP = 7, 8, -1_001_234
BLOCKED = "Forbidden: bot was blocked by the user"
ZONE = ContactHours(ZoneInfo("UTC"))
IN_PRIVATE = Athlete("ana", ANA, ANA, ZONE)
IN_GROUP = Athlete("ana", ANA, GROUP, ZONE)

SENT = {"sentAt": NOW - DAY, "dueAt": NOW - DAY}
STATES: dict[str, Document] = {
    "not looked at yet": {"dueAt": NOW - DAY},
    "not due": {"state": "pending", "dueAt": NOW + DAY},
    "due": {"state": "pending", "dueAt": NOW - DAY},
    "to be asked again": {"state": "pending", "again": "later", **SENT, "dueAt": NOW + DAY},
    "asked": {"state": "sent", **SENT},
    "asked, and just in time": {"state": "sent", **SENT, "sentAt": EDGE + MILLISECOND},
    "asked, and just too late": {"state": "sent", **SENT, "sentAt": EDGE},
    "asked again in time": {
        "state": "sent",
        **SENT,
        "messages": [{"sentAt": EDGE - DAY}, {"sentAt": NOW - DAY}],
    },
    "to be asked again, and too late": {"state": "pending", "again": "later", **SENT, "sentAt": EDGE},
    "answered": {"state": "answered", "answeredAt": NOW, **SENT},
    "late": {"state": "late", **SENT},
    "expired": {"state": "expired", **SENT},
    "never asked, and expired": {"state": "expired", "dueAt": NOW - DAY},
    "did not arrive": {"state": "undeliverable", "reason": BLOCKED, "dueAt": NOW - DAY},
    "was not taken": {"state": "undeliverable", "reason": "message is too long", "dueAt": NOW - DAY},
    "did not arrive again": {"state": "undeliverable", "reason": BLOCKED, "again": "nudge", **SENT},
    "did not arrive again, and too late": {
        "state": "undeliverable",
        "reason": BLOCKED,
        **SENT,
        "sentAt": EDGE,
    },
    "called off": {"state": "cancelled", "dueAt": NOW - DAY},
    "paused": {"state": "cancelled", "isPaused": True, "reason": "paused", "dueAt": NOW - DAY},
}
WHERE: dict[str, Document] = {
    "in private": {"chatId": str(ANA), "athleteId": "ana", "userId": ANA},
    "in private, to nobody": {"chatId": ANA},
    "in a group": {"chatId": str(GROUP), "athleteId": "ana", "userId": ANA},
    "in a group, to a user": {"chatId": GROUP, "userId": ANA},
    "in a group, by name": {"chatId": str(GROUP), "athleteId": "ana"},
    "in a group, to nobody": {"chatId": GROUP},
}
ANSWERED: dict[str, Document | None] = {
    "not": None,
    "in private": {"userId": ANA, "chatId": str(ANA)},
    "in the group": {"userId": ANA, "chatId": str(GROUP)},
    "by nobody": {"userId": None, "chatId": str(ANA)},
    "by somebody else": {"userId": BEN, "chatId": str(BEN)},
}


async def compared(db: Database, athlete: Athlete) -> tuple[str, str | None, bool]:
    """State by `GET /v1/prompts`, by /week (None: not listed), and whether /pending asks it again.

    The former tells apart what was asked before.
    """
    roster = Roster((athlete, Athlete("ben", BEN, BEN, ZONE)))
    pages = PromptPages(db)
    page = await pages.read(PromptSelection(), cursor=None, limit=9)
    [document] = await pages.with_answers(page.documents, roster)
    state = state_at(document, NOW, 14)
    sentence = explain(document, now=NOW, late_after_days=14)
    was_sent = document.get("sentAt") is not None
    assert sentence.startswith("Asked") or not was_sent or state is PromptState.ANSWERED, sentence
    store = SummaryStore(db)
    bounds = {"now": NOW, "late_after_days": 14, "kept_days": 180}
    summary = await collect(store, roster, athlete, MONDAY, **bounds)  # type: ignore[arg-type]
    listed = [session for week in summary.weeks for session in week.sessions]
    found = await collect_open(store, roster, athlete, **bounds)  # type: ignore[arg-type]
    assert set(found.open) <= {document["_id"]}
    shown = next((session.state.value for session in listed), None)
    return f"{state.value}{', asked' if was_sent else ''}", shown, bool(found.open)


MEANS: dict[str, set[str | None]] = {
    "pending": {SessionState.NOT_DUE, SessionState.NOT_ASKED},
    "pending, asked": {SessionState.OPEN},
    "sent, asked": {SessionState.OPEN},
    "undeliverable, asked": {SessionState.OPEN},
    "answered, asked": {*FeedbackType, SessionState.UNKNOWN},
    "answered": {*FeedbackType},
    "late, asked": {SessionState.LATE},
    "expired, asked": {SessionState.UNANSWERED},
    "expired": {SessionState.NOT_ASKED},
    "undeliverable": {SessionState.UNDELIVERED},
    "cancelled": {SessionState.PAUSED, SessionState.NOT_ASKED, None},
}


@pytest.mark.parametrize("athlete", [IN_PRIVATE, IN_GROUP], ids=["private", "group"])
@pytest.mark.parametrize("where", WHERE)
async def test_they_never_contradict_each_other(db: Database, where: str, athlete: Athlete) -> None:
    """In no state, without an answer, and with one, given wherever."""
    for name, state in STATES.items():
        for answered, answer in ANSWERED.items():
            await db.session_prompts.delete_many({})
            await db.feedback_events.delete_many({})
            key = {"runId": "r", "sessionId": "s"}
            await db.session_prompts.insert_one({**key, "createdAt": NOW - DAY, **WHERE[where], **state})
            if answer is not None:
                event = {**key, "type": "hard", "receivedAt": NOW, "sessionDate": "2026-02-17", **answer}
                await db.feedback_events.insert_one(event)
            shown, week, is_pending = await compared(db, athlete)
            said = (name, answered, shown, week)
            if where == "in a group, to nobody" and week is None:
                continue  # somebody else's: they have answered it, or are asked there
            assert week in MEANS[shown], said
            assert is_pending == (week == SessionState.OPEN), said
            assert (week == FeedbackType.HARD) == (answer is not None and answer["userId"] != BEN), said
