"""What `doctor` tries in MongoDB leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.health.mongodb_checks import Rights
from bot.core.shared.clock import system_clock
from bot.store import probes
from bot.store.mongodb.indexes import INDEXES, bootstrap, examine
from bot.store.probes import look, try_rights

NOW = datetime(2026, 2, 16, 18, tzinfo=UTC)
Db = AsyncDatabase[dict[str, Any]]


async def test_a_try_is_cleaned_up_and_so_is_an_older_one(db: Db) -> None:
    """What a killed try has left is dropped after an hour; what may be another one's at work stays."""
    old = f"doctor_scratch_{ObjectId.from_datetime(datetime.now(UTC) - timedelta(hours=2))}"
    young, alike = f"doctor_scratch_{ObjectId()}", "doctor_scratch_notes"
    for name in (old, young, alike):
        await db.create_collection(name)
    assert await try_rights(db) == Rights()
    assert sorted(await db.list_collection_names()) == sorted([young, alike])


async def test_cleaning_that_takes_too_long_is_given_up(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rights are told all the same, and a slow drop is no refused one."""
    is_given_up = asyncio.Event()

    async def never(_db: Db, _name: str) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            is_given_up.set()
        return True

    monkeypatch.setattr(probes, "_clean", never)
    monkeypatch.setattr(probes, "_CLEAN_WITHIN", 0.01)
    assert await try_rights(db) == Rights()
    await is_given_up.wait()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid"])
async def test_the_server_says_what_it_is(db: Db, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version, replica set, clock, whatever this machine's zone is, and the user that tests have."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    server, skew = await look(db, system_clock)
    assert server.has_set
    assert (server.user, server.user_db) == ("feedback-bot", "admin")
    assert server.version == (await db.client.server_info())["version"]
    assert abs(skew) < timedelta(seconds=1)
    monkeypatch.undo()
    time.tzset()


async def test_examining_indexes_changes_nothing(db: Db) -> None:
    """All are missing in an empty database, and stay so; after the bootstrap none is."""
    states = await examine(db)
    assert [state.name for state in states] == [f"{index.collection}.{index.name}" for index in INDEXES]
    assert all(state.is_missing for state in states)
    assert await db.list_collection_names() == []
    await bootstrap(db)
    assert await examine(db) == []
