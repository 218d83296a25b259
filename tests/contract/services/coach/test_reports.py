"""What the coach is told of a day and of an athlete, with a local Bot API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.telegram.chats import ChatTopic
from bot.services.coach.digest_prompts import CoachDigests
from bot.store.coach.digests import DigestStore
from tests.support.desk import ANA, BEN, COACH_CHAT, NOW, Database, Desk, open_desk

DAY = timedelta(days=1)


def question(session_id: str, user_id: int, asked_at: datetime, **more: Any) -> dict[str, Any]:
    """A question that was asked."""
    return {
        "runId": "r", "sessionId": session_id, "chatId": str(user_id), "athleteId": str(user_id),
        "userId": user_id, "title": f"Run {session_id}", "date": asked_at.date().isoformat(),
        "plan": {"activity": f"Run {session_id}"}, "state": "sent", "sentAt": asked_at, "dueAt": asked_at,
        "messages": [{"messageId": 1, "sentAt": asked_at}], **more,
    }  # fmt: skip


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Ana answers; Ben has left the questions of four days unanswered, the last one an hour old."""
    async with open_desk(db, monkeypatch) as desk:
        await db.athletes.insert_many(
            [
                {"athleteId": str(ANA), "userId": ANA, "state": "active", "name": "Ana"},
                {"athleteId": str(BEN), "userId": BEN, "state": "active", "name": "Ben <b>"},
            ]
        )
        await db.session_prompts.insert_many(
            [
                question("s", ANA, NOW - timedelta(hours=1)),
                *(question(f"b{days}", BEN, NOW - days * DAY - timedelta(hours=1)) for days in range(4)),
            ]
        )
        await desk.roster.refresh()
        yield desk


async def test_today(desk: Desk) -> None:
    """Who answered what, who did not, who is silent; in one message."""
    await desk.answer(1, FeedbackType.HARD)
    await desk.detail(2, Detail.RPE, 8)
    await desk.note(3, "windy & cold")
    desk.now = NOW + timedelta(seconds=4)
    reply = await desk.read("/today")
    assert reply.html
    assert reply.text.splitlines() == [
        "📋 <b>Monday 16 February</b> · 1 of 2 answered",
        "",
        '<b><a href="tg://user?id=8">Ben &lt;b&gt;</a></b>',
        "🔕 3 questions in a row unanswered, since Friday",
        "❓ Run b0 · not answered yet",
        "",
        '<b><a href="tg://user?id=7">Ana</a></b>',
        "🥵 Run s · Hard · Effort (RPE) 8",
        "    📝 windy &amp; cold",
    ]


async def test_silent(desk: Desk) -> None:
    """Who has left as many as SILENT_AFTER in a row unanswered."""
    desk.now = NOW
    assert (await desk.read("/silent")).text == (
        '<b><a href="tg://user?id=8">Ben &lt;b&gt;</a></b>: 3 questions in a row unanswered, since Friday'
    )
    await desk.db.session_prompts.update_one({"sessionId": "b1"}, {"$set": {"state": "answered"}})
    assert (await desk.read("/silent")).text == "Nobody has left 3 questions in a row unanswered."


async def test_an_athlete(desk: Desk) -> None:
    """Two weeks: sessions, notes, what was written."""
    await desk.answer(1, FeedbackType.PAIN)
    await desk.command(2, "/ask ana how is it?")
    desk.now = NOW + timedelta(seconds=3)
    text = (await desk.read("/athlete ANA")).text
    begin = '👤 <b><a href="tg://user?id=7">Ana</a></b>\n🤕 something hurts, since Monday\n\n'
    assert text.startswith(f"{begin}16 Feb 🤕 Run s · Pain")
    assert text.endswith("📨 16 Feb Lee: how is it?")
    assert "Ben" not in text
    assert (await desk.read("/athlete")).text.startswith("Write /athlete")


async def test_in_the_coachs_chat_alone(desk: Desk) -> None:
    """Neither athletes nor strangers, in private or in another group, are told anything."""
    for command in ("/today", "/silent", "/athlete Ana"):
        for user, chat in ((ANA, ANA), (666, 666), (99, -501)):
            text = (await desk.read(command, user=user, chat=chat)).text
            assert text == f"{command.split()[0]} works in the coach's chat."


async def test_the_digest_comes_once_a_day(desk: Desk) -> None:
    """At the set hour, although several services see to it, and each of them more than once."""

    def service(hour: time = time(18)) -> CoachDigests:
        return CoachDigests(
            DigestStore(desk.db), ChatTopic(COACH_CHAT), hour, ZoneInfo("UTC"), lambda: desk.now
        )

    desk.now = NOW.replace(hour=17, minute=59, second=59, microsecond=999_000)
    early = service()
    await early.look()
    assert await desk.db.session_prompts.count_documents({"kind": "digest"}) == 0
    desk.now = NOW.replace(hour=18, minute=0, second=0, microsecond=0)
    for each in (early, early, service(), service()):
        await each.look()
    await desk.send(after=0)
    await service().look()
    await desk.send(after=1)
    [digest] = desk.alerts()
    assert digest["text"].startswith("📋 Monday 16 February · 0 of 2 answered\n\nBen <b>")
    [mention, *_] = [it for it in digest["entities"] if it["type"] == "text_mention"] or [None]
    assert mention is None  # the bot has met nobody yet
    desk.now = NOW + DAY
    await service().look()
    assert await desk.db.session_prompts.count_documents({"kind": "digest", "state": "pending"}) == 1


async def test_a_former_coach_gets_no_digest(desk: Desk) -> None:
    """What waits for another chat is called off at the start."""
    desk.now = NOW.replace(hour=18, minute=1)
    for chat in (COACH_CHAT, -502):
        digests = CoachDigests(
            DigestStore(desk.db), ChatTopic(chat), time(18), ZoneInfo("UTC"), lambda: desk.now
        )
        await digests.look()
    await desk.send(after=0)
    assert desk.alerts() == []
    assert len(desk.alerts(-502)) == 1


async def test_a_digest_that_is_hours_late_is_not_sent(desk: Desk) -> None:
    """Exactly six hours are too many."""
    for after, number in ((timedelta(hours=6), 0), (timedelta(hours=6) - timedelta(milliseconds=1), 1)):
        desk.now = NOW.replace(hour=18, minute=0, second=0, microsecond=0) + after
        digests = CoachDigests(
            DigestStore(desk.db), ChatTopic(COACH_CHAT), time(18), ZoneInfo("UTC"), lambda: desk.now
        )
        await digests.look()
        assert await desk.db.session_prompts.count_documents({"kind": "digest"}) == number
