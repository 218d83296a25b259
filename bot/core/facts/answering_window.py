"""The late rule: how long an answer to a question counts.

An answer counts as long as its question is at most LATE_AFTER_DAYS whole days old: with 14, after 14 days and
23 hours it still does, after 15 days it does not. Every instant is aware, every `late_after_days` is that
setting.
"""

from __future__ import annotations

from datetime import datetime, timedelta

_DAY = timedelta(days=1)


def age_in_days(asked_at: datetime, received_at: datetime) -> int:
    """Whole days from a question to its answer; 0 for a question from the future (clocks differ)."""
    return max(0, (received_at - asked_at) // _DAY)


def is_late(asked_at: datetime, received_at: datetime, late_after_days: int) -> bool:
    """Whether an answer does not count any more: from `closes_at` on."""
    return age_in_days(asked_at, received_at) > late_after_days


def closes_at(asked_at: datetime, late_after_days: int) -> datetime:
    """The first instant at which an answer is late.

    Raises:
        OverflowError: `asked_at` lies at the end of the calendar.
    """
    return asked_at + _length(late_after_days)


def closed_until(now: datetime, late_after_days: int) -> datetime:
    """What was asked at this instant, or before, can no longer be answered at `now`."""
    return now - _length(late_after_days)


def repeated_within(late_after_days: int) -> timedelta:
    """A question that is older than this is not asked again: not even a day would be left to answer it."""
    return _length(late_after_days) - _DAY


def send_by(due_at: datetime, late_after_days: int) -> datetime:
    """Until when a planned question is worth sending; it has a day, even if answers are late after none."""
    return due_at + max(_DAY, repeated_within(late_after_days))


def _length(late_after_days: int) -> timedelta:
    return timedelta(days=late_after_days + 1)
