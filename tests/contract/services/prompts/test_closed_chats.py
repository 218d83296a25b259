"""Admins are told which chats take no messages: once for each cause, over restarts, and by one service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.health.vitals import ChatsClosed
from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.shared.errors import StorageUnavailable
from bot.core.telegram.refusals import Refusal
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.closed_chats import ClosedChats
from bot.store.prompts.undelivered import UndeliveredStore

NOW = datetime(2026, 2, 16, 20, tzinfo=UTC)
ANA, BEN = 7, 8
BLOCKED = "Forbidden: bot was blocked by the user"
NOT_STARTED = "Bad Request: chat not found"


class Store(UndeliveredStore):
    """A store that may be away."""

    is_away = False

    async def closed(self, late_after_days: int, now: datetime, *chat_ids: int) -> Any:
        """Fail, or as always."""
        if self.is_away:
            raise StorageUnavailable("away")
        return await super().closed(late_after_days, now, *chat_ids)

    async def told(self, chat_ids: Any, now: datetime) -> None:
        """Fail, or as always."""
        if self.is_away:
            raise StorageUnavailable("away")
        await super().told(chat_ids, now)


class Door:
    """One service, or several after one another, on one outbox."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self.prompts = db.session_prompts
        self.store = Store(db)
        self.leads = True
        hours = ContactHours(ZoneInfo("UTC"))
        self.roster: Roster | None = Roster(
            (Athlete("ana", ANA, ANA, hours, "Ana"), Athlete("ben", BEN, BEN, hours))
        )
        self.restart()

    def restart(self) -> None:
        """A new process."""
        self.openings = ChatOpenings(self.store, 14)
        self.chats = ClosedChats(
            *(self.store, self.openings, lambda: self.roster, lambda: NOW, 14, lambda: self.leads)
        )

    async def refuse(self, chat_id: int, reason: str, *, seconds: float = 0, due_at: datetime = NOW) -> None:
        """A question meets a refusal."""
        at = NOW + timedelta(seconds=seconds)
        key = {"runId": "r", "sessionId": str(seconds), "chatId": str(chat_id)}
        what = {"state": "undeliverable", "reason": reason, "dueAt": due_at, "updatedAt": at}
        await self.prompts.insert_one(key | what)
        self.openings.refused(chat_id, at, at)

    async def told(self) -> list[tuple[str, str]]:
        """What is told now, and arrives."""
        news = await self.chats.untold()
        for item in news:
            await self.chats.told(item)
        return sorted((item.refusal.value, name) for item in news for name in item.who.values())


@pytest.fixture
def door(db: AsyncDatabase[dict[str, Any]]) -> Door:
    """See `Door`."""
    return Door(db)


async def test_once_for_each_cause(door: Door) -> None:
    """Not for each question; another cause is news, and so is the same one after the chat was open."""
    await door.refuse(ANA, NOT_STARTED)
    await door.refuse(BEN, BLOCKED)
    assert await door.told() == [("blocked", "ben"), ("not started", "Ana (ana)")]
    await door.refuse(ANA, NOT_STARTED, seconds=1)
    assert await door.told() == []
    door.restart()
    assert await door.told() == []
    await door.refuse(ANA, BLOCKED, seconds=2)
    assert await door.told() == [("blocked", "Ana (ana)")]
    await door.store.open_chats({ANA: NOW + timedelta(seconds=3)}, 14)
    await door.refuse(ANA, BLOCKED, seconds=4)
    assert await door.told() == [("blocked", "Ana (ana)")]


async def test_what_did_not_arrive_before_a_restart_is_told_after_it(door: Door) -> None:
    """Handed out once in a process, and known only when it was told."""
    await door.refuse(ANA, BLOCKED)
    expected = [ChatsClosed(Refusal.BLOCKED, {ANA: "Ana (ana)"})]
    assert await door.chats.untold() == expected
    await door.refuse(ANA, BLOCKED, seconds=1)
    assert await door.chats.untold() == []
    door.restart()
    assert await door.chats.untold() == expected


async def test_while_mongodb_is_away(door: Door) -> None:
    """It is told when that is over; and not twice if only the remembering failed."""
    await door.refuse(ANA, BLOCKED)
    door.store.is_away = True
    assert await door.told() == []
    door.store.is_away = False
    news = await door.chats.untold()
    door.store.is_away = True
    for item in news:
        await door.chats.told(item)
    door.store.is_away = False
    await door.refuse(BEN, BLOCKED)
    assert await door.told() == [("blocked", "ben")]


async def test_by_the_one_that_sends(door: Door) -> None:
    """And when it knows who trains here; from the moment on at which it sends."""
    await door.refuse(ANA, BLOCKED)
    door.leads = False
    assert await door.told() == []
    roster, door.roster, door.leads = door.roster, None, True
    assert await door.told() == []
    door.roster = roster
    assert await door.told() == [("blocked", "Ana (ana)")]


async def test_a_group_and_somebody_who_left(door: Door) -> None:
    """A group as long as something waits for it; nobody is told of who was removed long ago."""
    await door.refuse(-100, "Forbidden: bot was kicked from the supergroup chat")
    await door.refuse(9, BLOCKED, due_at=NOW - timedelta(days=30))
    assert await door.told() == [("removed", "chat -100")]
