"""Ending tasks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.tasks import end_tasks


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
