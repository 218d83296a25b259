"""The one source of summaries for the HTTP API and the `summary` command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.core.facts.answering_window import closed_until
from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.ownership import accepted, judge_all
from bot.core.summary.sessions import Horizon
from bot.core.summary.summary import WEEKS, Summary, read_sessions, summarize
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
        plans=accepted(judged),
        prompts=records.prompts,
        events=records.events,
        now=now,
        late_after_days=late_after_days,
        kept_days=kept_days,
        alone=roster.sole() is athlete,
        availability=records.availability,
        # The service's log names them and the cure.
        unreadable=sum(it.plan is None and it.flaw is not None for it in judged),
        pains=await store.open_pain(athlete, now),
        messages=await store.messages(athlete, week_start),
    )


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """What an athlete has not answered, and still can, as the summary has it.

    Attributes:
        open: the `_id` of a question about each such session, those that were asked first before the others.
        known: the `_id`s of all questions that may concern the athlete in this time.
    """

    open: Sequence[object]
    known: Sequence[object]


async def collect_open(
    store: SummaryStore,
    roster: Roster,
    athlete: Athlete,
    *,
    now: datetime,
    late_after_days: int,
    kept_days: int,
) -> OpenQuestions:
    """The open questions of an athlete, whichever chat they were asked in.

    Raises:
        StorageError: MongoDB cannot be read.
    """
    today = now.astimezone(athlete.hours.zone).date()
    # A session may be asked about as long after its day as an answer counts after that; and zones differ.
    asked_since = closed_until(now, late_after_days)
    since = closed_until(asked_since, late_after_days).date() - timedelta(days=2)
    records = await store.read(athlete, since, today)
    plans = accepted(judge_all(records.plans, records.decisions, roster))
    sole = roster.sole()
    alone = sole is not None and sole.athlete_id == athlete.athlete_id
    horizon = Horizon(now, late_after_days, kept_days, alone)
    sessions, questions, _ = read_sessions(athlete, plans, records.prompts, records.events, horizon)
    standing = [session for session in sessions if session.open_question is not None]
    standing.sort(key=lambda session: (session.asked_at or now, session.session_id))
    return OpenQuestions([session.open_question for session in standing], [it.id for it in questions])
