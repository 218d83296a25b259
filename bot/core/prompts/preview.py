"""What will come of a plan: when each of its sessions is asked about, or why not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from bot.core.people.athlete import Athlete, local_instant
from bot.core.plans.plan import Plan, PlannedSession, current_sessions
from bot.core.prompts.planned import PAUSED, monday


@dataclass(frozen=True, slots=True)
class SessionPreview:
    """One session of a plan.

    Attributes:
        ask_at: when the athlete is asked, after quiet hours; a time that has passed means at once.
        not_asked: why they are not; None if they are.
    """

    session: PlannedSession
    ask_at: datetime
    not_asked: str | None


def preview_plan(plan: Plan, athlete: Athlete, others: Iterable[Plan], now: datetime) -> list[SessionPreview]:
    """The sessions of an athlete's plan, in order.

    What was asked about under an older plan is not asked about again, whatever is said here.

    Args:
        others: the athlete's other plans.
    """
    current = current_sessions([*others, plan])
    this_week = monday(athlete, now)
    found = []
    for session in plan.sessions:
        due_at = local_instant(session.date, athlete.hours.prompt_time, athlete.hours.zone)
        deciding = current[session.date][0]
        not_asked = None
        if deciding.run_id != plan.run_id:
            not_asked = f"plan {deciding.run_id} is newer, and decides about this day"
        elif session.date < this_week:
            not_asked = "the week is past"
        elif athlete.pause_at(due_at) is not None:
            not_asked = PAUSED
        found.append(SessionPreview(session, athlete.quiet_until(due_at) or due_at, not_asked))
    return found


def rest_days(plan: Plan) -> list[date]:
    """The days about which the plan decides that there is nothing to do."""
    return sorted(plan.covered - {session.date for session in plan.sessions})
