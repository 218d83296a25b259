"""What /week and the weekly summary show: an athlete's week, put together from what is stored now.

How it reads is in `bot.core.summary.week_message`; when weekly summaries come, in
`bot.core.summary.weekly_schedule`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.plans.ownership import accepted, judge_all, plan_name
from bot.core.plans.plan import Plan, current_sessions
from bot.core.shared.clock import Clock, days_from
from bot.core.summary import week_message
from bot.core.summary.stored_documents import read_text
from bot.core.summary.summary import Week
from bot.services.people.roster_cache import RosterCache
from bot.services.reports.summary import OpenQuestions, collect, collect_open
from bot.store.summary import SummaryStore

_WEEK = timedelta(weeks=1)
_MOST_REASONS = 3


class WeekReports:
    """Puts weeks together. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        late_after_days, kept_days: LATE_AFTER_DAYS, RETAIN_FEEDBACK_EVENTS_DAYS.
    """

    def __init__(
        self, store: SummaryStore, roster: RosterCache, clock: Clock, *, late_after_days: int, kept_days: int
    ) -> None:
        self._store = store
        self._roster = roster
        self._clock = clock
        self._late_after_days = late_after_days
        self._kept_days = kept_days

    async def read(self, athlete: Athlete, week_start: date) -> Week:
        """A week, from the same source as the planner's summary."""
        roster = await self._roster.loaded()
        athlete = roster.by_id(athlete.athlete_id) or athlete
        summary = await collect(
            self._store,
            roster,
            athlete,
            week_start,
            now=self._clock(),
            late_after_days=self._late_after_days,
            kept_days=self._kept_days,
        )
        return summary.week

    async def open_questions(self, athlete: Athlete, now: datetime) -> OpenQuestions:
        """What the athlete has not answered at a time, and still can: /week shows the same as open."""
        return await collect_open(
            self._store,
            await self._roster.loaded(),
            athlete,
            now=now,
            late_after_days=self._late_after_days,
            kept_days=self._kept_days,
        )

    async def weekly_message(self, athlete: Athlete, week_start: date, language: Language) -> str:
        """The weekly summary (HTML): what was said in that week, and what it led to."""
        said = await self.read(athlete, week_start)
        following = await self.read(athlete, week_start + _WEEK)
        plan, why = await self._plan(athlete, week_start + _WEEK)
        return week_message.weekly(said, following, why, language, is_planned=plan is not None)

    async def _plan(self, athlete: Athlete, week_start: date) -> tuple[Plan | None, list[str]]:
        """The newest plan for a week, and its first reasons."""
        roster = await self._roster.loaded()
        days = days_from(week_start, week_start + timedelta(days=6))
        documents, decisions = await self._store.plans(athlete, days[0], days[-1])
        justified = {plan_name(document): document for document in documents}
        plans = accepted(judge_all(documents, decisions, roster))
        current = current_sessions(plan for plan in plans if plan.athlete_id == athlete.athlete_id)
        newest = next((current[day][0] for day in days if day in current), None)
        return newest, [] if newest is None else _reasons(justified[newest.run_id])


def _reasons(document: Mapping[str, Any]) -> list[str]:
    given = document.get("justification")
    lines = given if isinstance(given, list) else str(given or "").splitlines()
    return [text for line in lines[:_MOST_REASONS] if (text := read_text(line)) is not None]
