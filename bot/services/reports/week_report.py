"""What /week and the weekly summary show: an athlete's week, put together from what is stored now.

How it reads is in `bot.core.summary.week_message`; when weekly summaries come, in
`bot.core.summary.weekly_schedule`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.answers.details import read_details
from bot.core.changes.because import AnswerReference, PlanChange, words_of
from bot.core.changes.texts import SaidAnswer, reason
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.plans.ownership import accepted, judge_all, plan_name
from bot.core.plans.plan import Plan, current_sessions
from bot.core.shared.clock import Clock, days_from
from bot.core.summary import week_message
from bot.core.summary.stored_documents import read_answer, read_text
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

    async def reasons(
        self, athlete: Athlete, changes: Iterable[PlanChange], language: Language
    ) -> dict[PlanChange, str]:
        """What came of an athlete's answers, as they read it (HTML); of what is not known, nothing."""
        told = set(changes)
        if athlete.user_id is None or not told:
            return {}
        references = {reference for change in told for reference in change.because}
        answers: dict[AnswerReference, SaidAnswer] = {}
        zone = athlete.hours.zone
        for document in await self._store.referred(athlete.user_id, references):
            answer = read_answer(document)
            if answer is not None and answer.type is not None and answer.answered_at is not None:
                day = answer.answered_at.astimezone(zone).date()
                reference = AnswerReference(answer.run_id, answer.session_id)
                answers[reference] = SaidAnswer(answer.type, read_details(document), day)
        today = self._clock().astimezone(zone).date()
        found = {change: reason(change, answers, today, language) for change in told}
        return {change: text for change, text in found.items() if text is not None}

    async def week_text(self, athlete: Athlete, week_start: date, language: Language) -> str:
        """A week with its answers, and what came of earlier ones (HTML)."""
        week = await self.read(athlete, week_start)
        plan, _ = await self._plan(athlete, week_start)
        return week_message.week(week, language, await self._reasons_in([week], plan, athlete, language))

    async def _reasons_in(
        self, weeks: Sequence[Week], plan: Plan | None, athlete: Athlete, language: Language
    ) -> week_message.Reasons:
        """What came of answers in some weeks; of free days, as the plan of the last one says."""
        sessions = [session for week in weeks for session in week.sessions if session.change is not None]
        busy = {session.date for week in weeks for session in week.sessions}
        free = {} if plan is None else {day: it for day, it in plan.changes.items() if day not in busy}
        changes = [session.change for session in sessions if session.change is not None]
        found = await self.reasons(athlete, [*changes, *free.values()], language)
        return week_message.Reasons(
            {(it.run_id, it.session_id): found[it.change] for it in sessions if it.change in found},
            {day: found[change] for day, change in free.items() if change in found},
        )

    async def weekly_message(self, athlete: Athlete, week_start: date, language: Language) -> str:
        """The weekly summary (HTML): what was said in that week, and what it led to."""
        said = await self.read(athlete, week_start)
        following = await self.read(athlete, week_start + _WEEK)
        plan, why = await self._plan(athlete, week_start + _WEEK)
        reasons = await self._reasons_in([said, following], plan, athlete, language)
        return week_message.weekly(said, following, why, language, reasons, is_planned=plan is not None)

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
    texts = [words_of(line) if isinstance(line, Mapping) else read_text(line) for line in lines]
    return [text for text in texts if text is not None][:_MOST_REASONS]
