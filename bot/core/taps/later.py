"""When a question may come again, for who taps Later: three times at most, as they are shown. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from bot.core.answers.later import LaterChoice, LaterKind
from bot.core.people.athlete import Athlete, local_instant

_HOUR = timedelta(hours=1)
_STEP = timedelta(minutes=5)
"""Times are shown as people name them: 21:05, not 21:02."""
_EVENING, _LATE_EVENING = time(20), time(22)
_AFTERNOON = time(17)
"""Whoever is usually asked from then on has their evening then."""
_APART = timedelta(minutes=30)
"""Two choices that are closer are one."""


def later_choices(athlete: Athlete, now: datetime) -> tuple[LaterChoice, ...]:
    """In an hour, this evening, and tomorrow at the usual time, as far as they differ; the earliest first.

    What lies in quiet hours is asked when they end, what lies in a pause at the usual time after it. None if
    the pause has no end.
    """
    zone = athlete.hours.zone
    today = now.astimezone(zone).date()
    usual = athlete.hours.prompt_time
    evening = local_instant(today, usual if usual >= _AFTERNOON else _EVENING, zone)
    if evening < now + _HOUR:
        evening = local_instant(today, _LATE_EVENING, zone)
    wished = (
        LaterChoice(LaterKind.HOUR, _rounded(now + _HOUR)),
        LaterChoice(LaterKind.EVENING, evening),
        LaterChoice(LaterKind.TOMORROW, local_instant(today + timedelta(days=1), usual, zone)),
    )
    found: list[LaterChoice] = []
    for choice in sorted(filter(None, (_allowed(it, athlete) for it in wished)), key=lambda it: it.at):
        is_apart = not found or choice.at - found[-1].at >= _APART
        if is_apart and choice.at >= now + _HOUR:
            found.append(choice)
    return tuple(found)


def _allowed(choice: LaterChoice, athlete: Athlete) -> LaterChoice | None:
    """The choice as it can be kept; None if it never can."""
    at = choice.at
    if (pause := athlete.pause_at(at)) is not None:
        if pause.until is None:
            return None
        at = athlete.next_prompt_time(pause.until)
    at = athlete.quiet_until(at) or at
    return choice if at == choice.at else LaterChoice(LaterKind.MOVED, at)


def _rounded(instant: datetime) -> datetime:
    """The next time that is a multiple of `_STEP`."""
    rest = timedelta(minutes=instant.minute, seconds=instant.second, microseconds=instant.microsecond) % _STEP
    return instant + (_STEP - rest if rest else timedelta(0))
