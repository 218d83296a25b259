"""Ending tasks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from bot.tasks import end_tasks, heeding_cancellation


async def deaf(times: int) -> None:
    """Swallow so many cancellations, then go on until the next."""
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    await asyncio.Event().wait()


async def started(*times: int) -> list[asyncio.Task[None]]:
    """Tasks that wait already."""
    tasks = [asyncio.create_task(deaf(each)) for each in times]
    await asyncio.sleep(0)
    return tasks


async def test_a_swallowed_cancellation_is_repeated() -> None:
    """Tasks end although each swallows some cancellations; those that ended before are left alone."""
    assert await end_tasks(await started(0, 1, 2), 3) == 0


async def test_tasks_that_do_not_end_are_counted() -> None:
    """After the last try it is said how many are left; one more ends them."""
    tasks = await started(0, 2, 2)
    assert await end_tasks(tasks, 2) == 2
    assert await end_tasks(tasks, 1) == 0


async def test_a_swallowed_cancellation_is_heeded() -> None:
    """It is raised at the end of the block, be it a success or a failure, and a loop of tries ends."""
    tries = 0

    async def stubborn() -> None:
        nonlocal tries
        while True:
            with suppress(ValueError), heeding_cancellation():
                tries += 1
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                if tries == 1:
                    raise ValueError

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert await end_tasks([task], 1) == 0
    assert tries == 1


async def test_what_was_cancelled_before_may_still_clean_up() -> None:
    """Only a cancellation that comes inside counts, and one that was taken back does not."""
    cleaned = []

    async def careful() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with heeding_cancellation():
                await asyncio.sleep(0)
            cleaned.append("cancelled before")
            with suppress(TimeoutError), heeding_cancellation():
                async with asyncio.timeout(0):
                    await asyncio.Event().wait()
            cleaned.append("in time no more")

    task = asyncio.create_task(careful())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == ["cancelled before", "in time no more"]
