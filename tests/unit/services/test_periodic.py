"""The skeleton of periodic work and of trying again."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

import pytest

from bot.core.shared.backoff import Backoff, constant
from bot.core.shared.errors import (
    ConfigError,
    ExhaustedError,
    JournalError,
    StorageRejected,
    StorageUnavailable,
    TelegramError,
    TelegramRateLimited,
)
from bot.services.periodic import FaultLog, repeat, retry
from bot.tasks import end_tasks

log = logging.getLogger("test_periodic")

AWAY = StorageUnavailable("MongoDB is away")


class Work:
    """A step with foreseen results: what it returns, or raises. After the last one it is over."""

    def __init__(self, *results: float | Exception | None) -> None:
        self.results = list(results)
        self.slept: list[float] = []

    async def step(self) -> float | None:
        """The next result."""
        result = self.results.pop(0) if self.results else math.inf
        if isinstance(result, Exception):
            raise result
        return result

    async def sleep(self, seconds: float) -> None:
        """No time passes."""
        self.slept.append(seconds)


def faults(**more: object) -> FaultLog:
    """What is logged of plans."""
    return FaultLog(log, waits="plans wait", fails="planning fails", again="plans go on", **more)  # type: ignore[arg-type]


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """What was logged."""
    return [(record.levelno, record.getMessage()) for record in caplog.records]


async def test_steps_follow_each_other_in_intervals() -> None:
    """Unless a step says when the next one is wanted, or that none is."""
    work = Work(None, 0.0, 7.5, None)
    await repeat(work.step, 5.0, faults(), sleep=work.sleep)
    assert work.slept == [5.0, 7.5, 5.0]


async def test_failures_back_off_and_a_success_ends_that() -> None:
    """Without a policy of its own, work that failed is tried again after the interval."""
    work = Work(AWAY, ValueError(), AWAY, None, AWAY)
    await repeat(work.step, 5.0, faults(), backoff=Backoff(1.0, 3.0), sleep=work.sleep)
    assert work.slept == [1.0, 2.0, 3.0, 5.0, 1.0]
    work = Work(AWAY, AWAY)
    await repeat(work.step, 5.0, faults(), sleep=work.sleep)
    assert work.slept == [5.0, 5.0]


async def test_telegram_says_how_long_to_wait() -> None:
    """Then no policy counts."""
    work = Work(TelegramRateLimited("wait", 42.0), AWAY)
    await repeat(
        work.step, 5.0, faults(expected=(TelegramError,)), backoff=Backoff(1.0, 3.0), sleep=work.sleep
    )
    assert work.slept == [42.0, 2.0]


async def test_faults_are_logged_once_and_their_end(caplog: pytest.LogCaptureFixture) -> None:
    """Expected errors by their sentence, defects by their place alone."""
    caplog.set_level(logging.INFO, "test_periodic")
    work = Work(AWAY, AWAY, None, None, ValueError("what an athlete wrote"), StorageRejected("refused"), None)
    await repeat(work.step, 5.0, faults(severe=(StorageRejected,)), sleep=work.sleep)
    first, again, defect, refused, last = said(caplog)
    assert first == (logging.WARNING, "plans wait: MongoDB is away")
    assert again == last == (logging.INFO, "plans go on")
    assert defect[0] == logging.ERROR
    assert defect[1].startswith("planning fails unexpectedly: ValueError at test_periodic.py:")
    assert "athlete" not in defect[1]
    assert refused == (logging.ERROR, "plans wait: refused")


async def test_levels_and_words_of_the_moment(caplog: pytest.LogCaptureFixture) -> None:
    """What an error means may change; a sentence may stand for itself."""
    caplog.set_level(logging.INFO, "test_periodic")
    tries = iter("12")
    changing = FaultLog(log, waits=lambda: f"try {next(tries)}", fails="it fails", level=logging.INFO)
    work = Work(AWAY, AWAY)
    await repeat(work.step, 5.0, changing, sleep=work.sleep)
    bare = FaultLog(log, waits="", fails="it fails", expected=(JournalError,), defect_level=logging.WARNING)
    work = Work(JournalError("disk full"), AWAY)
    await repeat(work.step, 5.0, bare, sleep=work.sleep)
    *others, defect = said(caplog)
    assert others == [
        (logging.INFO, "try 1: MongoDB is away"),
        (logging.INFO, "try 2: MongoDB is away"),
        (logging.WARNING, "disk full"),
    ]
    assert defect[0] == logging.WARNING
    assert defect[1].startswith("it fails unexpectedly: StorageUnavailable at ")


@pytest.mark.parametrize(
    ("error", "ends"), [(ConfigError("wrong token"), ConfigError), (MemoryError(), ExhaustedError)]
)
async def test_what_ends_the_service(error: Exception, ends: type[Exception]) -> None:
    """A wrong configuration, and a machine that gives nothing more."""
    work = Work(error)
    with pytest.raises(ends):
        await repeat(work.step, 5.0, faults(), sleep=work.sleep)


@pytest.mark.parametrize("is_failing", [False, True])
async def test_work_is_woken(is_failing: bool) -> None:
    """After a success and after a failure; what wakes it during a step counts for the next one."""
    wake, steps = asyncio.Event(), 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 1:
            wake.set()
        if is_failing:
            raise AWAY

    running = asyncio.create_task(repeat(step, 1_000.0, faults(), wake=wake))
    await _until(lambda: steps == 2)
    wake.set()
    await _until(lambda: steps == 3)
    assert await end_tasks([running], 2) == 0


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(50):
        while not condition():  # noqa: ASYNC110  # it is no event that the step could set
            await asyncio.sleep(0)


async def test_trying_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    """Expected errors are waited out, as long as Telegram says if it does; anything else is raised."""
    caplog.set_level(logging.INFO, "test_periodic")
    work = Work(AWAY, AWAY, TelegramRateLimited("wait", 9.0), 1.5)
    both = faults(expected=(StorageUnavailable, TelegramRateLimited))
    assert await retry(work.step, Backoff(1.0, 3.0), both, sleep=work.sleep) == 1.5
    assert work.slept == [1.0, 2.0, 9.0]
    assert said(caplog)[-1] == (logging.INFO, "plans go on")
    work = Work(AWAY, ValueError("defect"))
    with pytest.raises(ValueError, match="defect"):
        await retry(work.step, constant(1.0), faults(), sleep=work.sleep)
    assert work.slept == [1.0]
