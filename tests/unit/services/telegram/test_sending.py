"""Waiting for one's turn, on a clock that the waiting moves."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bot.core.telegram.rate_limits import CHAT_SPACING, GLOBAL_WINDOW, SendLimits
from bot.services.telegram.sending import rate_limited


class Clock:
    """Seconds; sleeping on it takes no time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wake up a tenth of a second late."""
        if seconds > 0:
            self.now += seconds + 0.1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """See `Clock`."""
    clock = Clock()
    monkeypatch.setattr("bot.services.telegram.sending.asyncio.sleep", clock.sleep)
    return clock


async def test_who_wakes_up_late_does_not_leave_with_the_others(clock: Clock) -> None:
    """Thirty have left at this instant, whatever was booked: the next one waits for a second."""
    limits = SendLimits()
    for chat in range(1, 31):
        limits.arrived(limits.leave(chat, clock.now), clock.now)
    async with rate_limited(limits, 31, clock):
        assert clock.now == pytest.approx(1000 + GLOBAL_WINDOW + 0.1)


async def test_a_turn_ends_however_it_ends(clock: Clock) -> None:
    """The chat is free a second after the message has left, or as much later as it took longer."""
    limits = SendLimits()
    async with rate_limited(limits, 7, clock):
        clock.now += 0.2
    with suppress(TimeoutError):
        async with rate_limited(limits, 8, clock):
            left = clock.now
            clock.now += 0.5
            raise TimeoutError
    free_at = left + 0.3 + CHAT_SPACING
    assert 8 in limits.waiting(free_at - 0.001)
    assert 8 not in limits.waiting(free_at + 0.001)
