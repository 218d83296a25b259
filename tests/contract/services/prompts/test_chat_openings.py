"""Questions that did not arrive come when their chat opens, whatever is killed or away meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import StorageUnavailable, TelegramRejected
from bot.services.prompts import chat_openings as module
from bot.services.prompts.chat_openings import ChatOpenings
from bot.store.prompts.undelivered import UndeliveredStore
from tests.contract.services.prompts.test_dispatcher import NOW, Evening, evening
from tests.support.fakes import ATHLETE, Database, Time, eventually, message_update, running, tap_update
from tests.support.processing import Recording

__all__ = ["evening"]

BLOCKED = "Forbidden: bot was blocked by the user"
STRANGER = 666


class ShakyUndelivered(UndeliveredStore):
    """A store that is away for some calls."""

    failures = 0
    is_defective = False

    async def open_chats(self, heard: Any, late_after_days: int) -> int:
        """Fail as told."""
        if self.is_defective:
            raise ValueError("a defect")
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("away")
        return await super().open_chats(heard, late_after_days)


async def refused(db: Database, at: datetime, chat_id: int = ATHLETE, session_id: str = "u") -> None:
    """A question that was refused."""
    await db.session_prompts.insert_one(
        {
            "runId": "r",
            "sessionId": session_id,
            "chatId": str(chat_id),
            "state": "undeliverable",
            "reason": BLOCKED,
            "dueAt": at,
            "updatedAt": at,
        }
    )


def membership(update_id: int, status: str, chat_id: int = ATHLETE, user_id: int = ATHLETE) -> dict[str, Any]:
    """An update as Telegram sends it."""
    change = {"chat": {"id": chat_id}, "from": {"id": user_id}, "new_chat_member": {"status": status}}
    return {"update_id": update_id, "my_chat_member": change}


@pytest.mark.parametrize(
    "update",
    [
        message_update(1, "/start", ATHLETE),
        message_update(1, "hello", ATHLETE),
        message_update(1, "/pause", ATHLETE),
        message_update(1, "/pending", ATHLETE),
        tap_update(1),
        tap_update(1, "nonsense"),
        membership(1, "member"),
        membership(1, "member", user_id=STRANGER),
    ],
)
async def test_it_is_due_again(
    db: Database, recording: Recording, time: Time, update: dict[str, Any]
) -> None:
    """Whatever an athlete writes, taps or does; and the journal forgets it then."""
    await refused(db, time.now)
    await recording.receive(update)
    async with running(*recording.flows()):
        await eventually(recording.emptied)
    document = await db.session_prompts.find_one({"sessionId": "u"})
    assert document is not None
    assert document["state"] == "pending"


@pytest.mark.parametrize(
    "update",
    [
        message_update(1, "/start", STRANGER),
        tap_update(1, user_id=STRANGER, chat_id=ATHLETE),
        tap_update(1, chat_id=-5),
        membership(1, "kicked"),
        membership(1, "left"),
        membership(1, "member", chat_id=-5),
    ],
)
async def test_it_is_not(db: Database, recording: Recording, time: Time, update: dict[str, Any]) -> None:
    """For strangers, for what happens in another chat, and for what shuts the bot out."""
    await refused(db, time.now)
    await refused(db, time.now, STRANGER, "strangers")
    await recording.receive(update)
    async with running(*recording.flows()):
        await eventually(recording.emptied)
    assert await db.session_prompts.count_documents({"state": "undeliverable"}) == 2


async def test_a_reply_does_not_wait_for_it_and_the_journal_does(
    db: Database, recording: Recording, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While MongoDB is away: whoever is killed then finds the message in the journal."""
    monkeypatch.setattr(module, "_BACKOFF", Backoff(0.005, 0.01))
    store = ShakyUndelivered(db)
    store.failures = 10**9
    openings = ChatOpenings(store, 14)
    monkeypatch.setattr(recording.recorder, "_openings", openings)
    monkeypatch.setattr(recording.recorder._messages, "_openings", openings)
    await refused(db, time.now)
    await recording.receive(message_update(1, "/help", ATHLETE))
    async with running(*recording.flows()):
        await eventually(lambda: store.failures < 10**9 - 3)
        assert len(await recording.journal.pending(after=0, limit=9)) == 1
        store.failures = 0
        await eventually(recording.emptied)
    assert await db.session_prompts.count_documents({"state": "pending"}) == 1


async def test_a_defect_does_not_keep_the_journal_from_forgetting(
    db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and what comes next is done."""
    store = ShakyUndelivered(db)
    store.is_defective = True
    openings = ChatOpenings(store, 14)
    monkeypatch.setattr(recording.recorder, "_openings", openings)
    await recording.receive(membership(1, "member"))
    async with running(*recording.flows()):
        await eventually(recording.emptied)


async def test_what_opens_while_it_refuses_is_tried_again(db: Database, evening: Evening) -> None:
    """Once, although what was heard was processed before the refusal was stored."""

    async def start(chat_id: int) -> None:
        evening.api.send_script.append(TelegramRejected(BLOCKED))
        if len(evening.api.sent) == 1:
            evening.openings.put(chat_id, evening.now)
            await evening.openings.drained()

    await db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "chatId": "7", "dueAt": NOW})
    evening.api.on_send = start
    async with running(evening.openings.run()):
        await evening.look(NOW)
        await evening.openings.drained()
        assert await evening.state() == ("pending", None)
        tried = len(evening.api.sent)  # more than once, if the look goes on: the time stands still there
        await evening.look(NOW + timedelta(minutes=5))
        await evening.openings.drained()
    assert await evening.state() == ("undeliverable", BLOCKED)
    assert len(evening.api.sent) == tried + 1


async def test_a_message_that_arrives_shows_that_the_chat_is_open(db: Database, evening: Evening) -> None:
    """Telegram may have forgotten to tell: the others come behind it, in their order, and what is over does
    not."""
    for hours in (3, 1, 2):
        await refused(db, NOW - timedelta(hours=hours), 7, f"{hours} h ago")
    await refused(db, NOW - timedelta(days=20), 7, "over")
    await db.session_prompts.insert_one(
        {"runId": "r", "sessionId": "now", "chatId": "7", "dueAt": NOW, "title": "now"}
    )
    async with running(evening.openings.run()):
        await evening.look(NOW)
        await evening.openings.drained()
        # What was claimed when the look ended is free again by then.
        await evening.look(NOW + timedelta(minutes=5))
    sent = db.session_prompts.find({"state": "sent"}).sort("messageId", 1)
    assert [d["sessionId"] async for d in sent] == ["now", "3 h ago", "2 h ago", "1 h ago"]
    assert (await evening.found(sessionId="over"))["state"] == "expired"
