"""Sending times that several services share, on a real MongoDB at times that are set by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.telegram.rate_limits import CHAT_SPACING, GLOBAL_SPACING, GROUP_MESSAGES, GROUP_WINDOW
from bot.store.prompts.shared_rate_limit import SHARED_FOR, SHARED_SPACING, UNDER_WAY, SharedRateLimit
from tests.support.mongo import At

Database = AsyncDatabase[dict[str, Any]]


def about(seconds: float) -> Any:
    """To the millisecond, which is MongoDB's precision."""
    return pytest.approx(seconds, abs=0.0011)


async def test_one_service_has_a_chat(db: Database, at: At) -> None:
    """Until its message has arrived, and the usual time after that; or for a while, if it says nothing."""
    one, other = SharedRateLimit(db, now=at), SharedRateLimit(db, now=at)
    assert await one.take_chat(7) == 0
    assert await other.take_chat(7) == about(UNDER_WAY)
    assert await other.take_chat(8) == 0
    at.pass_(3)
    await one.arrived(7)
    assert await other.take_chat(7) == about(CHAT_SPACING)
    at.pass_(CHAT_SPACING)
    assert await other.take_chat(7) == 0
    at.pass_(UNDER_WAY - 0.001)
    assert await one.take_chat(7) == about(0.001)
    at.pass_(0.001)
    assert await one.take_chat(7) == 0


async def test_what_a_killed_run_has_left_behind(db: Database, at: At) -> None:
    """The next run of the same service need not wait for it, but for the usual time; others do."""
    killed, again, other = (
        SharedRateLimit(db, "a", at),
        SharedRateLimit(db, "a", at),
        SharedRateLimit(db, "b", at),
    )
    assert await killed.take_chat(7) == 0
    at.pass_(1)
    assert await other.take_chat(7) == about(UNDER_WAY - 1)
    assert await again.take_chat(7) == about(CHAT_SPACING - 1)
    at.pass_(CHAT_SPACING - 1)
    assert await again.take_chat(7) == 0


async def test_only_who_has_a_chat_gives_it_back(db: Database, at: At) -> None:
    """What another one says changes nothing, neither before nor after Telegram has asked to wait."""
    one, other = SharedRateLimit(db, "a", at), SharedRateLimit(db, "b", at)
    assert await one.take_chat(7) == 0
    await other.arrived(7)
    assert await other.take_chat(7) == about(UNDER_WAY)
    await one.arrived(7)
    await one.hold(7, 30)
    await one.arrived(7)
    assert await other.take_chat(7) == about(30)


async def test_a_command_from_the_past(db: Database, at: At) -> None:
    """MongoDB tries commands again that have met others, and these keep their time: no limit ends by that."""
    slots = SharedRateLimit(db, now=at)
    await slots.hold(None, 30)
    at.pass_(-0.5)
    assert await slots.take_turn() == about(30.5)
    at.pass_(0.5)
    assert await slots.take_turn() == about(30 + GLOBAL_SPACING)


async def test_over_all(db: Database, at: At) -> None:
    """Places follow each other closely, and what was not used is lost."""
    slots = SharedRateLimit(db, "a", at)
    waits = [await slots.take_turn() for _ in range(30)]
    assert waits == [about(number * round(GLOBAL_SPACING, 3)) for number in range(30)]
    at.pass_(60)
    assert await slots.take_turn() == 0
    assert await slots.take_turn() == about(GLOBAL_SPACING)


async def test_several_keep_more_room(db: Database, at: At) -> None:
    """From when a turn passes from one service to another, until that has not happened for a while."""
    one, other = SharedRateLimit(db, "a", at), SharedRateLimit(db, "b", at)
    assert await one.take_turn() == 0
    assert await other.take_turn() == about(GLOBAL_SPACING)
    assert await other.take_turn() == about(GLOBAL_SPACING + SHARED_SPACING)
    at.pass_(SHARED_FOR - 0.001)
    assert await other.take_turn() == 0
    assert await other.take_turn() == about(SHARED_SPACING)
    at.pass_(0.001)
    assert await other.take_turn() == about(2 * SHARED_SPACING - 0.001)
    assert await other.take_turn() == about(2 * SHARED_SPACING + GLOBAL_SPACING - 0.001)


async def test_in_a_group(db: Database, at: At) -> None:
    """Twenty a minute."""
    slots = SharedRateLimit(db, now=at)
    for _ in range(GROUP_MESSAGES):
        assert await slots.take_chat(-7) == 0
        await slots.arrived(-7)
        at.pass_(CHAT_SPACING)
    left = GROUP_WINDOW - GROUP_MESSAGES * CHAT_SPACING
    assert await slots.take_chat(-7) == about(left)
    at.pass_(left)
    assert await slots.take_chat(-7) == 0


async def test_telegram_asks_to_wait(db: Database, at: At) -> None:
    """All services do; a shorter wait does not end a longer one."""
    one, other = SharedRateLimit(db, now=at), SharedRateLimit(db, now=at)
    await one.hold(None, 1)
    assert await other.take_turn() == about(1)
    await one.hold(7, 4)
    await other.hold(7, 2)
    assert await one.take_chat(7) == about(4)


async def test_mongodbs_clock_is_set_back(db: Database, at: At) -> None:
    """Nobody waits for the time that was."""
    slots = SharedRateLimit(db, now=at)
    await slots.hold(None, 30)
    await slots.hold(7, 30)
    assert await slots.take_turn() == about(30)
    at.pass_(-3600)
    assert await slots.take_turn() == 0
    assert await slots.take_turn() == about(GLOBAL_SPACING)
    assert await slots.take_chat(7) == 0


async def test_many_that_ask_at_once(db: Database, at: At) -> None:
    """One has the chat, and no two get the same place, also if they are the first."""
    slots = [SharedRateLimit(db, now=at) for _ in range(6)]
    assert sum(wait == 0 for wait in await asyncio.gather(*(each.take_chat(7) for each in slots))) == 1
    waits = sorted(await asyncio.gather(*(each.take_turn() for each in slots)))
    assert waits == [about(number * round(GLOBAL_SPACING, 3)) for number in range(6)]


async def test_by_mongodbs_own_clock(db: Database) -> None:
    """That is the one that counts outside of tests."""
    slots = SharedRateLimit(db)
    assert await slots.take_chat(7) == 0
    assert UNDER_WAY - 5 < await slots.take_chat(7) <= UNDER_WAY
