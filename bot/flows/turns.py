"""Waiting for one's turn at Telegram, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.core.limits import SendLimits


@asynccontextmanager
async def turn(limits: SendLimits, chat_id: int, monotonic: Callable[[], float]) -> AsyncIterator[None]:
    """Wait until something may leave for a chat that is not `waiting`; the block then sends just that.

    Args:
        monotonic: the clock of `limits`.
    """
    now = monotonic()
    await asyncio.sleep(limits.book(chat_id, now) - now)
    # A busy machine wakes up late, and then several at once: they must not leave together.
    while (wait := limits.pause(monotonic())) > 0:  # noqa: ASYNC110  # what is waited for is time
        await asyncio.sleep(wait)
    departure = limits.leave(chat_id, monotonic())
    try:
        yield
    finally:
        limits.arrived(departure, monotonic())
