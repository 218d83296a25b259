"""What will come of a plan: which of its sessions are asked about and when, and what it calls off. Pure.

The planner's own decisions are made here, on the outbox as it is, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.core.people.athlete import Athlete, local_instant
from bot.core.plans.ownership import JudgedPlan
from bot.core.plans.plan import Plan, PlannedSession, current_sessions
from bot.core.prompts.explain import explain, state_of
from bot.core.prompts.plan_book import PlanBook
from bot.core.prompts.planned import (
    MOST_PASSES,
    PAUSED,
    OutboxChange,
    Reconciliation,
    is_paused,
    monday,
    reconcile_athlete,
)
from bot.core.prompts.prompt import PromptState, is_question
from bot.core.shared.clock import iso_utc

Held = Sequence[Mapping[str, Any]]
"""Documents of the outbox."""


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


@dataclass(frozen=True, slots=True)
class CancelledQuestion:
    """A question that a plan calls off."""

    run_id: str
    session_id: str
    date: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What comes of a plan.

    Attributes:
        is_named: whether the plan names its athlete.
        sessions: in order.
        rest: the days of its week on which there is nothing to do.
        held: the outbox afterwards.
    """

    plan: Plan
    athlete: Athlete
    is_named: bool
    sessions: tuple[SessionPreview, ...]
    rest: tuple[date, ...]
    cancelled: tuple[CancelledQuestion, ...]
    held: Held


def preview_plan(
    judged: JudgedPlan, book: PlanBook, held: Held, now: datetime, late_after_days: int
) -> PlanPreview:
    """What comes of a plan that is accepted now.

    Args:
        book: all plans as they are without it; it is put there.
        held: the outbox, see `Reconciliation`.
    """
    plan, athlete = judged.plan, judged.athlete
    assert plan is not None and athlete is not None  # noqa: S101, PT018 # it is accepted
    before = settle(athlete, book, held, now, late_after_days)
    book.put(judged)
    after = settle(athlete, book, before, now, late_after_days)
    current = current_sessions(book.plans[athlete.athlete_id].values())
    return PlanPreview(
        plan=plan,
        athlete=athlete,
        is_named=judged.is_named,
        sessions=tuple(
            _session(session, plan, athlete, current[session.date][0], after, now, late_after_days)
            for session in plan.sessions
        ),
        rest=tuple(rest_days(plan)),
        cancelled=tuple(called_off(before, after)),
        held=after,
    )


def settle(athlete: Athlete, book: PlanBook, held: Held, now: datetime, late_after_days: int) -> Held:
    """The outbox, once the planner has seen to an athlete's plans."""
    for _ in range(MOST_PASSES):
        reconciliation = Reconciliation(held, book.unread, now, book.withdrawn)
        plans = book.plans[athlete.athlete_id].values()
        changes = reconcile_athlete(athlete, plans, reconciliation, now, late_after_days)
        if not changes:
            break
        held = changed(held, changes, now)
    return held


def called_off(before: Held, after: Held) -> Iterable[CancelledQuestion]:
    """The questions that were to be asked before, and are not afterwards, by date."""
    waiting = {_key(document) for document in before if _is_waiting(document)}
    found = [
        CancelledQuestion(
            run_id=str(document.get("runId")),
            session_id=str(document.get("sessionId")),
            date=str(document.get("date")),
            title=str(document.get("title")),
            reason=str(document.get("reason")),
        )
        for document in after
        if is_question(document) and _key(document) in waiting and not _is_waiting(document)
    ]
    return sorted(found, key=lambda it: (it.date, it.session_id, it.run_id))


def rest_days(plan: Plan) -> list[date]:
    """The days about which the plan decides that there is nothing to do."""
    return sorted(plan.covered - {session.date for session in plan.sessions})


def changed(held: Held, changes: Iterable[OutboxChange], now: datetime) -> Held:
    """The outbox, once changes are carried out."""
    results = {id(change.document): change.result(now) for change in changes if change.document is not None}
    kept = [results.get(id(document), document) for document in held]
    added = [change.result(now) for change in changes if change.document is None]
    return [document for document in (*kept, *added) if document is not None]


def _session(
    session: PlannedSession,
    plan: Plan,
    athlete: Athlete,
    deciding: Plan,
    held: Held,
    now: datetime,
    late_after_days: int,
) -> SessionPreview:
    due_at = local_instant(session.date, athlete.hours.prompt_time, athlete.hours.zone)
    own = _question_of(plan, session, athlete, held)
    not_asked: str | None
    if own is not None and _is_waiting(own):
        due_at = at if isinstance(at := own.get("dueAt"), datetime) else due_at
        is_late = isinstance(until := own.get("notAfter"), datetime) and until <= now
        not_asked = PAUSED if is_paused(own) else "it is too late to ask" if is_late else None
    elif own is not None and own.get("sentAt") is not None:
        not_asked = f"asked already{_when(own)}"
    elif deciding.run_id != plan.run_id:
        not_asked = f"plan {deciding.run_id} is newer, and decides about this day"
    elif session.date < monday(athlete, now):
        not_asked = "the week is past"
    elif own is not None:
        not_asked = explain(own, now=now, late_after_days=late_after_days)
    else:
        not_asked = _instead(session, plan, athlete, held)
    return SessionPreview(session, athlete.quiet_until(due_at) or due_at, not_asked)


def _instead(session: PlannedSession, plan: Plan, athlete: Athlete, held: Held) -> str:
    """Which other question has the place of a session."""
    day, own = session.date.isoformat(), {each.session_id for each in plan.sessions}
    others = [
        document
        for document in held
        if is_question(document)
        and document.get("slot") is not None
        and (document.get("athleteId"), document.get("date")) == (athlete.athlete_id, day)
        and not (document.get("runId") == plan.run_id and document.get("sessionId") in own)
    ]
    others.sort(
        key=lambda it: (
            it.get("sessionId") != session.session_id,
            not str(it.get("slot")).endswith(f"|{session.number}"),
            str(it.get("slot")),
        )
    )
    if not others:
        return "another question has its place"
    other = others[0]
    if state_of(other) is PromptState.PENDING and other.get("sentAt") is None:
        return f"being asked already, under run {other.get('runId')}"
    return f"asked already, under run {other.get('runId')},{_when(other)}".rstrip(",")


def _question_of(
    plan: Plan, session: PlannedSession, athlete: Athlete, held: Held
) -> Mapping[str, Any] | None:
    """The question about a session of a plan; of several, that in the place of the session."""
    found = [
        document
        for document in held
        if (document.get("runId"), document.get("sessionId")) == (plan.run_id, session.session_id)
        and document.get("athleteId") in (None, athlete.athlete_id)
    ]
    return max(found, key=lambda it: it.get("slot") is not None, default=None)


def _is_waiting(document: Mapping[str, Any]) -> bool:
    """Whether it is still to be asked for the first time, or after a pause."""
    is_open = state_of(document) is PromptState.PENDING and document.get("sentAt") is None
    return is_open or is_paused(document)


def _when(document: Mapping[str, Any]) -> str:
    sent_at = document.get("sentAt")
    return f" at {iso_utc(sent_at)}" if isinstance(sent_at, datetime) else ""


def _key(document: Mapping[str, Any]) -> tuple[object, ...]:
    return document.get("runId"), document.get("sessionId"), document.get("chatId")
