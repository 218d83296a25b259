"""How long to wait before something that failed is tried again. Pure; each use names its own policy."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 64  # beyond, every policy has long come to its longest delay


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow by a factor from failure to failure. All times are seconds.

    Attributes:
        first: after the first failure.
        longest: no delay is longer; the same as `first` for delays that do not grow.
        factor: from one delay to the next.
        jitter: the share (0-1) by which a delay may be shorter by chance, so that several do not keep step.
    """

    first: float
    longest: float
    factor: float = 2.0
    jitter: float = 0.0

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """How long to wait after so many failures in a row; 0 after none.

        Args:
            chance: a number from 0 to 1; passed in by tests.
        """
        if failures <= 0:
            return 0.0
        delay = min(self.longest, self.first * self.factor ** min(failures - 1, _MOST_DOUBLINGS))
        return delay * (1 - self.jitter * chance())


def constant(delay: float) -> Backoff:
    """A policy whose delays do not grow."""
    return Backoff(delay, delay)
