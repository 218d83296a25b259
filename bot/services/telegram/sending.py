"""Waiting for one's turn at Telegram, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.core.telegram.rate_limits import SendLimits


@asynccontextmanager
async def turn(limits: SendLimits, chat_id: int, monotonic: Callable[[], float]) -> AsyncIterator[None]:
    """Wait until something may leave for a chat that is not `waiting`; the block then sends just that.

    Args:
        monotonic: the clock of `limits`.
    """
    await place(limits, chat_id, monotonic)
    async with departure(limits, chat_id, monotonic):
        yield


async def place(limits: SendLimits, chat_id: int, monotonic: Callable[[], float]) -> None:
    """Wait until there is a place for this chat, in order of booking.

    For those who wait for something else, too, before the message leaves with `departure`.
    """
    now = monotonic()
    await asyncio.sleep(limits.book(chat_id, now) - now)


@asynccontextmanager
async def departure(limits: SendLimits, chat_id: int, monotonic: Callable[[], float]) -> AsyncIterator[None]:
    """The block sends what had its place, and nothing else: its time is the message's time on the way."""
    # A busy machine wakes up late, and then several at once: they must not leave together.
    while (wait := limits.pause(monotonic())) > 0:  # noqa: ASYNC110  # what is waited for is time
        await asyncio.sleep(wait)
    left = limits.leave(chat_id, monotonic())
    try:
        yield
    finally:
        limits.arrived(left, monotonic())
