"""Sending within Telegram's limits: wait for one's time, and tell when the message has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.core.telegram.rate_limits import SendLimits


@asynccontextmanager
async def rate_limited(
    limits: SendLimits, chat_id: int, monotonic: Callable[[], float]
) -> AsyncIterator[None]:
    """Wait until something may leave for a chat that is not `waiting`; the block then sends just that.

    The time that the block takes is taken for the message's time on the way.

    Args:
        monotonic: the clock of `limits`.
    """
    now = monotonic()
    await asyncio.sleep(limits.reserve(chat_id, now) - now)
    # A busy machine wakes up late, and then several at once: they must not leave together.
    while (wait := limits.pause(monotonic())) > 0:  # noqa: ASYNC110  # what is waited for is time
        await asyncio.sleep(wait)
    message = limits.leave(chat_id, monotonic())
    try:
        yield
    finally:
        limits.arrived(message, monotonic())
