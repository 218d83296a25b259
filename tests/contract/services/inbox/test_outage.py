"""After the bot was away, unanswered prompts are asked again, once."""

from __future__ import annotations

from collections import deque
from datetime import timedelta

import pytest

from bot.core.shared.clock import to_ms
from bot.core.shared.errors import BotError, JournalError, StorageRejected, StorageUnavailable
from bot.services.inbox.outage import OutageRecovery
from bot.store.inbox.journal import GAP_FACT
from tests.support.fakes import NOW, SECOND, Database, ShakyJournal, ShakyPrompts, Time, eventually, running


async def asked_again(db: Database) -> list[str]:
    """The sessions that are queued once more."""
    return [d["sessionId"] async for d in db.session_prompts.find({"state": "pending"}).sort("sessionId")]


async def test_after_a_gap_unanswered_sessions_are_asked_again(
    db: Database, journal: ShakyJournal, prompts: ShakyPrompts, time: Time
) -> None:
    """Once Telegram's last news are stored: what was sent 150 s before its end, and would not be late."""
    ages = {"before": 1000, "until": 210, "after": 209, "window": 14 * 86_400, "late": 14 * 86_400 + 1}
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "sessionId": name, "chatId": "70", "state": "sent", "sentAt": NOW - age * SECOND}
            for name, age in (ages | {"answered": 500}).items()
        ]
    )
    await journal.append([], polled_at=NOW, facts={GAP_FACT: to_ms(NOW - 60 * SECOND)})

    async def caught_up() -> None:
        assert await asked_again(db) == []
        await db.feedback_events.insert_one({"sessionKey": "k", "runId": "r", "sessionId": "answered"})

    absence = OutageRecovery(journal, prompts, time, caught_up, timedelta(days=14))
    await absence.ask_again()
    assert await asked_again(db) == ["before", "until", "window"]
    assert GAP_FACT not in await journal.facts()
    await db.session_prompts.update_many({"state": "pending"}, {"$set": {"state": "sent", "sentAt": NOW}})
    await journal.append([], polled_at=NOW, facts={GAP_FACT: to_ms(NOW)})
    await db.feedback_events.delete_one({"sessionKey": "k"})
    await absence.ask_again()
    assert await asked_again(db) == ["after"]


async def test_without_a_gap_nothing_is_asked(
    db: Database, journal: ShakyJournal, prompts: ShakyPrompts, time: Time
) -> None:
    """Nobody even looks."""
    await db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "state": "sent", "sentAt": NOW})

    async def caught_up() -> None:
        pytest.fail("there was no gap")

    await OutageRecovery(journal, prompts, time, caught_up, timedelta(days=14)).ask_again()
    assert await asked_again(db) == []


@pytest.mark.parametrize("error", [StorageUnavailable("away"), StorageRejected("odd"), JournalError("disk")])
async def test_a_gap_stays_noted_until_it_was_seen_to(
    db: Database, journal: ShakyJournal, prompts: ShakyPrompts, time: Time, monkeypatch: pytest.MonkeyPatch,
    error: BotError,
) -> None:  # fmt: skip
    """Trouble on the way is waited out, and then the question is asked."""
    monkeypatch.setattr("bot.services.inbox.outage._INTERVAL", 0.005)
    await db.session_prompts.insert_one(
        {"runId": "r", "sessionId": "s", "state": "sent", "sentAt": NOW - 150 * SECOND}
    )
    await journal.append([], polled_at=NOW, facts={GAP_FACT: to_ms(NOW)})
    failures = deque([error] * 3)

    async def caught_up() -> None:
        if failures:
            assert GAP_FACT in await journal.facts()
            raise failures.popleft()

    async def is_forgotten() -> bool:
        return GAP_FACT not in await journal.facts()

    async with running(OutageRecovery(journal, prompts, time, caught_up, timedelta(days=14)).run()):
        await eventually(is_forgotten)
    assert await asked_again(db) == ["s"]
