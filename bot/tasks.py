"""Ending what runs side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

_CANCEL_AGAIN = 0.2


async def end_tasks(tasks: Collection[asyncio.Task[Any]], tries: int) -> int:
    """Cancel tasks again and again until all are gone.

    Once is not enough: PyMongo swallows a cancellation while it looks for a server, and
    `asyncio.wait_for` of Python 3.11 one that arrives just as it has its result.

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
