"""What comes with time, on a real MongoDB: nudged and expired, exactly when it is time, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.services.prompts import expiry as followups_module
from bot.services.prompts.expiry import PromptExpiry
from bot.store.prompts.expiry import PromptExpiryStore
from tests.support.fakes import eventually, running

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)
WINDOW = 15 * DAY  # with LATE_AFTER_DAYS = 14


CLAIMED, FREE = {"claim": "c", "attemptAt": NOW + MILLISECOND}, {"claim": "c", "attemptAt": NOW}


async def follow_up(db: Database, *documents: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Prompts after one look at them."""
    await db.session_prompts.insert_many(
        [{"runId": "r", "sessionId": str(n), **document} for n, document in enumerate(documents)]
    )
    await PromptExpiry(PromptExpiryStore(db), lambda: NOW, 14).follow_up()
    return await db.session_prompts.find({}).sort("_id").to_list()


async def test_what_nobody_answers_expires(db: Database) -> None:
    """When an answer would be late: more whole days than LATE_AFTER_DAYS after the last question."""
    old, young = {"sentAt": NOW - WINDOW}, {"sentAt": NOW - WINDOW + MILLISECOND}
    table: list[tuple[dict[str, Any], str]] = [
        ({"state": "sent", **old}, "expired"),
        ({"state": "sent", **old, "kind": "session"}, "expired"),
        ({"state": "sent", **young}, "sent"),
        ({"state": "sent", "sentAt": NOW - 100 * DAY, "nudgeAt": NOW}, "expired"),
        ({"state": "sent", **old, "kind": "reminder"}, "sent"),
        ({"state": "sent"}, "sent"),
        ({"state": "answered", **old}, "answered"),
        ({"state": "late", **old}, "late"),
        ({"state": "pending", **old, "again": "later"}, "expired"),
        ({"state": "pending", **young, "again": "later"}, "pending"),
        ({"state": "pending", **old, **CLAIMED}, "pending"),
        ({"state": "pending", **old, **FREE}, "expired"),
    ]
    found = await follow_up(db, *(fields for fields, _ in table))
    assert [document["state"] for document in found] == [expected for _, expected in table]
    for document in found:
        if document["state"] == "expired":
            assert (document["reason"], document["updatedAt"]) == ("not answered within 14 days", NOW)
            assert not {"claim", "attemptAt", "nudgeAt"} & set(document)


async def test_what_was_never_sent_expires(db: Database) -> None:
    """From `notAfter` on, unless somebody is sending it; what comes again was sent before."""
    over = {"state": "pending", "notAfter": NOW}
    table: list[tuple[dict[str, Any], str]] = [
        (over, "expired"),
        ({"state": "pending", "notAfter": NOW + MILLISECOND}, "pending"),
        ({"state": None, "notAfter": NOW}, "expired"),
        ({"notAfter": NOW}, "expired"),
        ({"state": "pending"}, "pending"),
        ({**over, "kind": "reminder"}, "expired"),
        ({**over, "unknowns": 3}, "expired"),
        ({**over, "attemptAt": NOW + DAY}, "expired"),
        ({**over, "sentAt": NOW - DAY, "again": "nudge"}, "pending"),
        ({**over, **CLAIMED}, "pending"),
        ({**over, **FREE}, "expired"),
        ({"state": "cancelled", "notAfter": NOW, "reason": "paused"}, "cancelled"),
        ({"state": "undeliverable", "notAfter": NOW, "reason": "blocked"}, "undeliverable"),
    ]
    found = await follow_up(db, *(fields for fields, _ in table))
    assert [document["state"] for document in found] == [expected for _, expected in table]
    reasons = {document["reason"] for document in found if document["state"] == "expired"}
    assert reasons == {"it could not be sent in time"}


async def test_what_nobody_answers_is_asked_about_once_more(db: Database) -> None:
    """When it is time, while an answer counts; it is due since then."""
    sent = {"state": "sent", "sentAt": NOW - DAY, "nudgeAt": NOW}
    table: list[tuple[dict[str, Any], bool]] = [
        (sent, True),
        ({**sent, "nudgeAt": NOW + MILLISECOND}, False),
        ({"state": "sent", "sentAt": NOW - DAY}, False),
        ({**sent, "sentAt": NOW - WINDOW}, False),
        ({**sent, "sentAt": NOW - WINDOW + MILLISECOND}, True),
        *(({**sent, "state": state}, False) for state in ("pending", "answered", "late", "expired")),
        ({**sent, "kind": "reminder"}, False),
    ]
    found = await follow_up(db, *(fields for fields, _ in table))
    assert [document.get("again") == "nudge" for document in found] == [nudged for _, nudged in table]
    for document in found:
        if "again" in document:
            assert (document["state"], document["dueAt"], document["nudgedAt"]) == ("pending", NOW, NOW)
            assert "nudgeAt" not in document


async def test_two_services_nudge_once(db: Database) -> None:
    """Each nudge belongs to one of them."""
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "sessionId": str(n), "state": "sent", "sentAt": NOW, "nudgeAt": NOW}
            for n in range(50)
        ]
    )
    stores = [PromptExpiryStore(db) for _ in range(4)]
    numbers = await asyncio.gather(*(store.nudge(sent_after=NOW - WINDOW, now=NOW) for store in stores))
    assert sum(numbers) == 50
    assert await db.session_prompts.count_documents({"again": "nudge", "nudgeAt": {"$exists": False}}) == 50


class ShakyStore(PromptExpiryStore):
    """A store that fails at first."""

    def __init__(self, db: Database, *failures: Exception) -> None:
        super().__init__(db)
        self.failures = list(failures)

    async def expire_unsent(self, now: datetime) -> int:
        """Fail as told, else expire."""
        if self.failures:
            raise self.failures.pop(0)
        return await super().expire_unsent(now)


async def test_trouble_is_waited_out(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an outage nor a defect ends the flow."""
    monkeypatch.setattr(followups_module, "_INTERVAL", 0.005)
    await db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "notAfter": NOW})
    store = ShakyStore(db, StorageUnavailable("away"), StorageRejected("odd"), ValueError("defect"))

    async def is_expired() -> bool:
        return await db.session_prompts.count_documents({"state": "expired"}) == 1

    async with running(PromptExpiry(store, lambda: NOW, 14).run()):
        await eventually(is_expired)
