"""The skeleton of everything that runs again and again, or tries again until it succeeds.

Expected errors and defects are logged at their beginning, now and then while they last, and at their end.
They never end the service; a cancellation does, and so do a wrong configuration and a machine without means.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import ConfigError, ExhaustedError, StorageError, TelegramRateLimited
from bot.logs import Recurring, describe_defect

Sleep: TypeAlias = Callable[[float], Awaitable[Any]]
"""Waits for so many seconds."""

_T = TypeVar("_T")


class FaultLog:
    """Logs the recurring faults of one kind of work.

    Args:
        waits: what an expected error means, such as `plans wait`, or makes such a text; the error's own
            sentence follows.
        fails: what a defect means, such as `planning fails`; where it arose follows.
        again: said when it works again; None: the work itself says so.
        expected: the errors that are expected; all others are defects.
        level, defect_level: of the log entries.
        severe: the expected errors that are logged as ERROR all the same.
        recurring: what tells of them; None: one of its own.
    """

    def __init__(
        self,
        log: logging.Logger,
        *,
        waits: str | Callable[[], str],
        fails: str,
        again: str | None = None,
        expected: tuple[type[Exception], ...] = (StorageError,),
        level: int = logging.WARNING,
        defect_level: int = logging.ERROR,
        severe: tuple[type[Exception], ...] = (),
        recurring: Recurring | None = None,
    ) -> None:
        self._recurring = recurring or Recurring(log)
        self._waits = waits
        self._fails = fails
        self._again = again
        self._expected = expected
        self._level = level
        self._defect_level = defect_level
        self._severe = severe

    def is_expected(self, exc: Exception) -> bool:
        """Whether this is one of the expected errors."""
        return isinstance(exc, self._expected)

    def met(self, exc: Exception) -> None:
        """The work has failed.

        Raises:
            ConfigError: it is one.
            ExhaustedError: the machine has no more means.
        """
        if isinstance(exc, ConfigError | ExhaustedError):
            raise exc
        if self.is_expected(exc):
            level = logging.ERROR if isinstance(exc, self._severe) else self._level
            waits = self._waits if isinstance(self._waits, str) else self._waits()
            self._recurring.met(f"{waits}: {exc}" if waits else str(exc), level)
        else:
            message = f"{self._fails} unexpectedly: {describe_defect(exc)}"
            self._recurring.met(message, self._defect_level)

    def over(self) -> None:
        """The work has succeeded."""
        if self._again is not None:
            self._recurring.over(self._again)


async def repeat(
    step: Callable[[], Awaitable[float | None]],
    every: float,
    faults: FaultLog,
    *,
    backoff: Backoff | None = None,
    wake: asyncio.Event | None = None,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Run a step again and again, until cancelled or the step wants no next one.

    Args:
        step: returns how many seconds to wait before the next one; None: `every`. Infinity: none.
        every: seconds from the end of a step to the next one.
        backoff: how long to wait after failures, unless Telegram says how long; None: `every`.
        wake: when it is set, the next step comes at once. It is cleared before each step.

    Raises:
        ConfigError: a step raised it.
        ExhaustedError: the machine has no more means.
    """
    failures = 0
    while True:
        if wake is not None:
            wake.clear()
        try:
            wait = await step()
        except Exception as exc:  # noqa: BLE001  # see the module's docstring
            faults.met(exc)
            failures += 1
            delay = every if backoff is None else _delay(exc, failures, backoff)
        else:
            faults.over()
            failures = 0
            delay = every if wait is None else wait
        if delay == math.inf:
            return
        if delay <= 0:
            await asyncio.sleep(0)  # others get their turn
        elif wake is None:
            await sleep(delay)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), delay)


async def retry(
    work: Callable[[], Awaitable[_T]], backoff: Backoff, faults: FaultLog, *, sleep: Sleep = asyncio.sleep
) -> _T:
    """The result of `work`, tried again until it meets none of the expected errors.

    Raises:
        Exception: whatever else `work` raises.
    """
    failures = 0
    while True:
        try:
            result = await work()
        except Exception as exc:
            if not faults.is_expected(exc):
                raise
            faults.met(exc)
            failures += 1
            delay = _delay(exc, failures, backoff)
        else:
            faults.over()
            return result
        await sleep(delay)


def _delay(exc: Exception, failures: int, backoff: Backoff) -> float:
    """As long as Telegram asks for, if it does."""
    return exc.retry_after if isinstance(exc, TelegramRateLimited) else backoff.delay(failures)
