"""A wall clock that does not jump: nothing may go out an hour early because the machine's clock was set.

Pure: both sources of time are passed in. Small corrections (NTP) are followed. When the machine's clock
jumps against the time that has passed, the time that has passed counts, until a witness (the `Date` of a
reply of the Bot API) says which of the two is right, or none has come for a long while.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.core.shared.clock import Clock, from_ms, to_ms

TOLERANCE = timedelta(seconds=3)
"""A difference up to this is a correction, not a jump. Also allows for a witness without fractions."""
WITHOUT_WITNESS = timedelta(minutes=15)
"""How long a jump is disbelieved when nobody can tell."""


class ClockGuard:
    """Implements `Clock`.

    Args:
        wall: the machine's clock.
        elapsed: seconds since some fixed moment, sleep of the machine included.
        report: takes a sentence for the log when the clock jumps, and when that is settled.
    """

    def __init__(self, wall: Clock, elapsed: Callable[[], float], report: Callable[[str], None]) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._report = report
        self._anchor, self._anchored_at = wall(), elapsed()
        self._jumped_at: float | None = None
        self._distrusted = False

    def __call__(self) -> datetime:
        """Now."""
        wall, elapsed = self._wall(), self._elapsed()
        expected = self._expected(elapsed)
        if abs(wall - expected) <= TOLERANCE:
            self._follow(wall, elapsed, "the machine's clock is right again")
            return wall
        if self._jumped_at is None:
            self._jumped_at = elapsed
            self._report(
                f"the machine's clock jumped by {_seconds(wall - expected)}; the bot goes on without it"
            )
        elif not self._distrusted and elapsed - self._jumped_at >= WITHOUT_WITNESS.total_seconds():
            self._follow(wall, elapsed, "nobody contradicts the machine's clock, so the bot follows it")
            return wall
        return expected

    def witness(self, date: str) -> None:
        """Somebody else's time, as in an HTTP `Date` header; a text that is none says nothing."""
        try:
            theirs = parsedate_to_datetime(date)
        except (TypeError, ValueError, IndexError, OverflowError):
            return
        if theirs.tzinfo is None:
            return
        ours = self()
        wall = self._wall()
        if abs(wall - ours) <= TOLERANCE:
            return
        if abs(theirs - wall) < abs(theirs - ours):
            self._follow(wall, self._elapsed(), "the machine's clock was set right, and the bot follows it")
        elif not self._distrusted:
            self._distrusted = True
            self._report(f"the machine's clock is wrong by {_seconds(wall - ours)}: check its time service")

    def _expected(self, elapsed: float) -> datetime:
        # Whole milliseconds, as every instant of the bot.
        return from_ms(to_ms(self._anchor + timedelta(seconds=elapsed - self._anchored_at)))

    def _follow(self, wall: datetime, elapsed: float, news: str) -> None:
        self._anchor, self._anchored_at = wall, elapsed
        if self._jumped_at is not None:
            self._report(news)
        self._jumped_at, self._distrusted = None, False


def _seconds(difference: timedelta) -> str:
    return f"{difference.total_seconds():+.0f} s"
