"""Pain from before there was a coach's chat is told there, once, if it is not too old."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.telegram.chats import ChatTopic
from bot.store.coach.untold_pain import UntoldPainStore
from tests.support.desk import ANA, COACH_CHAT, NOW, Database, open_desk

TWO_DAYS = timedelta(days=2)
REPORTED = NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (REPORTED + TWO_DAYS - timedelta(milliseconds=1), ["🤕 @kim reports pain."]),
        (REPORTED + TWO_DAYS, []),
    ],
)
async def test_it_is_told_once(
    db: Database, monkeypatch: pytest.MonkeyPatch, now: datetime, expected: list[str]
) -> None:
    """As it stands then; exactly two days are too many; what is told in one chat is not told in another."""
    async with open_desk(db, monkeypatch, None) as desk:
        await desk.answer(1, FeedbackType.PAIN)
        await db.feedback_events.update_many({}, {"$set": {"username": "kim"}})
    async with open_desk(db, monkeypatch) as desk:
        await desk.roster.loaded()
        for chat in (COACH_CHAT, COACH_CHAT, -502):
            pains = UntoldPainStore(db, desk.stores.coach_alerts)
            await pains.tell(ChatTopic(chat), now, lambda _: str(ANA))
            await desk.send(after=(now - NOW).total_seconds())
        assert [it["text"].split("\n")[0] for it in desk.alerts()] == expected
        assert desk.alerts(-502) == []


async def test_what_is_no_pain_any_more_is_not_told(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what another program has written."""
    async with open_desk(db, monkeypatch, None) as desk:
        await desk.answer(1, FeedbackType.PAIN)
        await desk.answer(2, FeedbackType.DONE)
        written = {"runId": "r", "sessionId": "x", "sessionKey": "k", "type": "pain", "receivedAt": NOW}
        await db.feedback_events.insert_one({**written, "userId": ANA, "chatId": str(ANA)})
        number = await UntoldPainStore(db, desk.stores.coach_alerts).tell(
            ChatTopic(COACH_CHAT), NOW, lambda _: None
        )
        assert number == 0
        assert await desk.letters() == []


async def test_what_was_told_without_a_session(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """By /pain: once, too; but not what only says that it is gone."""
    report = {
        "userId": ANA, "athleteId": str(ANA), "chatId": str(ANA), "pain": {"where": "knee", "level": 5},
        "createdAt": NOW, "receivedAt": NOW, "updateId": 3, "saidAt": {},
    }  # fmt: skip
    await db.pain_reports.insert_many(
        [{**report, "reportId": "a"}, {**report, "reportId": "b", "verdict": "gone"}]
    )
    async with open_desk(db, monkeypatch) as desk:
        await desk.roster.loaded()
        pains = UntoldPainStore(db, desk.stores.coach_alerts)
        numbers = [await pains.tell(ChatTopic(COACH_CHAT), NOW, lambda _: None) for _ in range(2)]
        assert numbers == [1, 0]
        await desk.send(after=1)
        [alert] = desk.alerts()
        assert "knee, 5/10" in alert["text"]
