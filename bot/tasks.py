"""Ending what runs side by side.

PyMongo swallows a cancellation while it looks for a server, and `asyncio.wait_for` of Python 3.11, through
which it sends everything, one that arrives just as it has its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CANCEL_AGAIN = 0.2


async def end_tasks(tasks: Collection[asyncio.Task[Any]], tries: int) -> int:
    """Cancel tasks again and again until all are gone.

    Once is not enough where a cancellation is swallowed and nobody heeds it.

    Args:
        tries: how often to cancel, 0.2 s apart.

    Returns:
        How many tasks are still there.
    """
    for _ in range(tries):
        left = [task for task in tasks if not task.done()]
        if not left:
            return 0
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_CANCEL_AGAIN)
    return sum(not task.done() for task in tasks)


async def give_up_after(seconds: float, work: Coroutine[Any, Any, Any]) -> None:
    """Do what is worth so many seconds, and no more."""
    with suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """A cancellation of the task that comes meanwhile is raised at the end, even if it was swallowed inside.

    Else whoever tries again after a failure, or goes on to the next item, never ends.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
