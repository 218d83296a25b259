"""Sending times that several services share, on a real MongoDB at times that are set by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.limits import CHAT_SPACING, GLOBAL_SPACING, GROUP_MESSAGES, GROUP_WINDOW
from bot.store.send_slots import SendSlots

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 18, 18, 42, 41, 7000, UTC)


class At:
    """A clock for MongoDB's updates."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> object:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def at() -> At:
    """See `At`."""
    return At()


def about(seconds: float) -> Any:
    """To the millisecond, which is MongoDB's precision."""
    return pytest.approx(seconds, abs=0.0011)


async def test_in_a_chat(db: Database, at: At) -> None:
    """One message a second, whichever service sends it."""
    one, other = SendSlots(db, at), SendSlots(db, at)
    assert await one.take(7, 5) == 0
    assert await other.take(7, 5) == about(CHAT_SPACING)
    assert await one.take(7, 5) == about(2 * CHAT_SPACING)
    at.pass_(2 * CHAT_SPACING)
    assert await other.take(7, 5) == about(CHAT_SPACING)


async def test_over_all(db: Database, at: At) -> None:
    """The messages to different chats follow each other closely, and what was not used is lost."""
    slots = SendSlots(db, at)
    waits = [await slots.take(chat, 5) for chat in range(1, 31)]
    assert waits == [about(number * round(GLOBAL_SPACING, 3)) for number in range(30)]
    at.pass_(60)
    assert await slots.take(99, 5) == 0
    assert await slots.take(100, 5) == about(GLOBAL_SPACING)


async def test_in_a_group(db: Database, at: At) -> None:
    """Twenty a minute, and one a second among them."""
    slots = SendSlots(db, at)
    for number in range(GROUP_MESSAGES):
        assert await slots.take(-7, 60) == (about(CHAT_SPACING) if number else 0)
        at.pass_(CHAT_SPACING if number else 0)
    left = GROUP_WINDOW - (GROUP_MESSAGES - 1) * CHAT_SPACING
    assert await slots.take(-7, 60) == pytest.approx(left, abs=0.03)


async def test_what_is_too_far_away_is_not_taken(db: Database, at: At) -> None:
    """To the millisecond; and it holds up nobody else."""
    slots = SendSlots(db, at)
    await slots.hold(7, 5.001)
    assert await slots.take(7, 5) == about(5.001)
    assert await slots.take(8, 5) == 0
    at.pass_(0.001)
    assert await slots.take(7, 5) == about(5)
    assert await slots.take(7, 60) == about(5 + CHAT_SPACING)


async def test_telegram_asks_to_wait(db: Database, at: At) -> None:
    """All services do; a shorter wait does not end a longer one."""
    one, other = SendSlots(db, at), SendSlots(db, at)
    await one.hold(None, 1)
    assert await other.take(7, 5) == about(1)
    await one.hold(7, 4)
    await other.hold(7, 2)
    assert await one.take(7, 5) == about(4)


async def test_mongodbs_clock_is_set_back(db: Database, at: At) -> None:
    """Nobody waits for the time that was."""
    slots = SendSlots(db, at)
    await slots.hold(None, 30)
    assert await slots.take(7, 5) == about(30)
    at.pass_(-3600)
    assert await slots.take(9, 5) == 0
    assert await slots.take(10, 5) == about(GLOBAL_SPACING)


async def test_many_that_ask_at_once(db: Database) -> None:
    """By MongoDB's own clock: no two get the same second of a chat, also if it is a new one."""
    slots = [SendSlots(db) for _ in range(6)]
    waits = sorted(await asyncio.gather(*(each.take(7, 60) for each in slots)))
    assert all(later - earlier > CHAT_SPACING / 2 for earlier, later in pairwise(waits))
