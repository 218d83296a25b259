"""The one source of summaries for the HTTP API and the `summary` command."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.ownership import Standing, judge_all
from bot.core.summary.summary import WEEKS, Summary, summarize
from bot.store.summary import SummaryStore


async def collect(
    store: SummaryStore,
    roster: Roster,
    athlete: Athlete,
    week_start: date,
    *,
    now: datetime,
    late_after_days: int,
    kept_days: int,
) -> Summary:
    """The summary of an athlete's week, and of the four before.

    Args:
        athlete: one on the roster; where it has no other, what names no athlete is theirs.
        week_start: a Monday, see `bot.core.summary.summary.read_week_start` and `week_of`.
        late_after_days: LATE_AFTER_DAYS.
        kept_days: after how many days answers are deleted (RETAIN_FEEDBACK_EVENTS_DAYS).

    Raises:
        StorageError: MongoDB cannot be read.
    """
    first = week_start - timedelta(weeks=WEEKS - 1)
    records = await store.read(athlete, first, week_start + timedelta(days=6))
    judged = judge_all(records.plans, records.decisions, roster)
    return summarize(
        week_start,
        athlete=athlete,
        plans=[it.plan for it in judged if it.plan is not None and it.standing is Standing.ACCEPTED],
        prompts=records.prompts,
        events=records.events,
        now=now,
        late_after_days=late_after_days,
        kept_days=kept_days,
        alone=roster.sole() is athlete,
        # The service's log names them and the cure.
        unreadable=sum(it.plan is None and it.flaw is not None for it in judged),
    )
