"""What an athlete may be writing about, as it stands in a real MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.store.words.sessions import SpokenSessionStore
from tests.support.fakes import Database

NOW = datetime(2026, 2, 16, 20, 0, tzinfo=UTC)
ANA, BEN, GROUP = 7, 8, -900
AGO = timedelta(hours=1)


@pytest.fixture
def store(db: Database) -> SpokenSessionStore:
    """See `SpokenSessionStore`."""
    return SpokenSessionStore(db)


async def test_questions(db: Database, store: SpokenSessionStore) -> None:
    """In the private chat, or for this athlete wherever they were asked; no letters, none that is over."""
    asked = {"runId": "r", "sentAt": NOW - AGO, "state": "sent"}
    documents: list[dict[str, Any]] = [
        {**asked, "sessionId": "private", "chatId": "7"},
        {**asked, "sessionId": "number", "chatId": 7, "sentAt": NOW - 2 * AGO},
        {**asked, "sessionId": "group", "chatId": str(GROUP), "userId": ANA, "sentAt": NOW - 3 * AGO},
        {**asked, "sessionId": "of all", "chatId": str(GROUP)},
        {**asked, "sessionId": "of Ben", "chatId": str(GROUP), "userId": BEN},
        {**asked, "sessionId": "for Ben", "chatId": "7", "userId": BEN},
        {**asked, "sessionId": "letter", "chatId": "7", "kind": "reminder"},
        {**asked, "sessionId": "over", "chatId": "7", "sentAt": NOW - timedelta(days=15)},
        {**asked, "sessionId": "unsent", "chatId": "7", "sentAt": None, "state": "pending"},
    ]
    await db.session_prompts.insert_many(documents)
    prompts, events = await store.read(ANA, NOW, 14)
    assert [it["sessionId"] for it in prompts] == ["private", "number", "group"]
    assert events == []


async def test_answers(db: Database, store: SpokenSessionStore) -> None:
    """The athlete's own, as long as a question can be answered."""
    given = {"runId": "r", "sessionDate": "2026-02-16", "receivedAt": NOW - AGO}
    await db.feedback_events.insert_many(
        [
            {**given, "sessionKey": "a", "sessionId": "old", "userId": ANA, "receivedAt": NOW - 3 * AGO},
            {**given, "sessionKey": "b", "sessionId": "new", "userId": ANA},
            {**given, "sessionKey": "c", "sessionId": "of Ben", "userId": BEN},
            {
                **given,
                "sessionKey": "d",
                "sessionId": "over",
                "userId": ANA,
                "receivedAt": NOW - timedelta(15),
            },
        ]
    )
    _, events = await store.read(ANA, NOW, 14)
    assert [it["sessionId"] for it in events] == ["new", "old"]
