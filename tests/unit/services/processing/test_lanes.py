"""Two lanes: which has something to do, and when nothing is left in either."""

from __future__ import annotations

import asyncio

import pytest

from bot.services.processing.lanes import Lane, Lanes


@pytest.fixture
def lanes() -> Lanes:
    """Both with nothing to do."""
    return Lanes()


async def resting(lanes: Lanes, lane: Lane) -> asyncio.Task[None]:
    """A lane that has looked and found nothing."""
    lanes.begin_look(lane)
    task = asyncio.create_task(lanes.rest(lane))
    await asyncio.sleep(0)
    return task


async def test_idle_when_both_rest(lanes: Lanes) -> None:
    """One is not enough; and news end it."""
    known = await resting(lanes, Lane.KNOWN)
    assert not lanes.is_idle()
    strangers = await resting(lanes, Lane.STRANGERS)
    assert lanes.is_idle()
    await lanes.idle()
    lanes.wake()
    assert not lanes.is_idle()
    await known
    assert not strangers.done()
    strangers.cancel()


async def test_what_comes_while_a_lane_looks_is_not_missed(lanes: Lanes) -> None:
    """It does not rest, and is not idle."""
    strangers = await resting(lanes, Lane.STRANGERS)
    lanes.begin_look(Lane.KNOWN)
    lanes.wake()
    await lanes.rest(Lane.KNOWN)
    assert not lanes.is_idle()
    strangers.cancel()


async def test_strangers_wait_in_their_order(lanes: Lanes) -> None:
    """Until they are taken; as long as one is left it is not idle."""
    strangers = await resting(lanes, Lane.STRANGERS)
    for position in (3, 1, 2):
        lanes.put_aside(position)
    await strangers
    assert lanes.strangers(2) == lanes.strangers(2) == [3, 1]
    lanes.taken(2)
    known = await resting(lanes, Lane.KNOWN)
    assert not lanes.is_idle()
    assert lanes.strangers(50) == [2]
    lanes.taken(1)
    strangers = await resting(lanes, Lane.STRANGERS)
    assert lanes.is_idle()
    known.cancel()
    strangers.cancel()
