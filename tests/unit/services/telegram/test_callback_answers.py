"""How long an answer to a tap is tried again, on a clock that the waiting moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from bot.core.shared.errors import TelegramError, TelegramNotSent, TelegramRateLimited, TelegramRejected
from bot.services.telegram.api import BotApi
from bot.services.telegram.callback_answers import CallbackAnswer, CallbackAnswerer
from bot.tasks import end_tasks


class Scene:
    """Telegram, and seconds that pass only while somebody waits."""

    def __init__(self, failures: Iterator[TelegramError | None]) -> None:
        self.now = 0.0
        self.failures = failures
        self.tried_at: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """It is later at once."""
        self.now += seconds

    async def answer(self, _query_id: str, _text: str, *, alert: bool) -> None:
        """Fail as the script says."""
        assert alert is False
        self.tried_at.append(self.now)
        if failure := next(self.failures, None):
            raise failure

    async def play(self, waited: float = 0.0) -> list[float]:
        """When one answer was tried, which `waited` for its first try, in seconds after it was put."""
        answerer = CallbackAnswerer(cast("BotApi", self), self.sleep, lambda: self.now)
        done: list[bool] = []
        answerer.put(CallbackAnswer("q", "Saved"), lambda: done.append(True))
        self.now += waited
        loops = [asyncio.create_task(loop) for loop in answerer.loops()]
        await answerer.join()
        assert await end_tasks(loops, 2) == 0
        assert done == [True]
        return self.tried_at


def always(failure: TelegramError) -> Iterator[TelegramError | None]:
    """The same every time."""
    while True:
        yield failure


@pytest.mark.parametrize(
    ("failures", "waited", "tried_at"),
    [
        (iter([TelegramNotSent("down"), TelegramNotSent("down"), None]), 0, [0, 1, 3]),
        (always(TelegramNotSent("down")), 0, [0, 1, 3, 7, 11, 15, 19, 23, 27]),
        (iter([TelegramRateLimited("wait", 30)]), 0, [0, 30]),
        (iter([TelegramRateLimited("wait", 30.1)]), 0, [0]),
        (always(TelegramRejected("query is too old")), 0, [0]),
        (always(TelegramNotSent("down")), 28.9, [28.9, 29.9]),
        (always(TelegramNotSent("down")), 3600, [3600]),
    ],
    ids=["recovers", "never recovers", "exactly in time", "too long", "refused", "late", "much too late"],
)
async def test_tries(failures: Iterator[Any], waited: float, tried_at: list[float]) -> None:
    """Soon, then every four seconds, for thirty seconds after the tap is stored; and once in any case."""
    assert await Scene(failures).play(waited) == pytest.approx(tried_at)
