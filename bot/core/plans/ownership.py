"""Whose plan a document of `plan_snapshots` is, and whether it counts. Pure.

That is decided when a plan is first seen, and kept: so a plan stays its athlete's whoever joins later, and
one that could have been several athletes' does not become the last one's. A decision is about what the plan
said then; a plan that says something else is judged anew, but stays whose it was as long as they are there.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from bot.core.changes.because import of_reasons
from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.dates import MAX_DAYS
from bot.core.plans.plan import Plan, created_at, plan_athlete_id, read_plan
from bot.core.plans.remarks import InvalidPlan, PlanRemark
from bot.core.shared.tolerant import as_json, is_unfilled

CONTENT = ("athleteId", "weekStart", "weekEnd", "activityPlan")
"""What a plan says, besides the run that made it, and when."""

_WEEK = timedelta(days=6)

# Reading costs milliseconds, and the same plans are judged again every few seconds, and for each summary.
_MOST_RECALLED = 4_000
_recalled: dict[tuple[str, datetime, tzinfo, str], Plan | InvalidPlan] = {}


class Verdict(StrEnum):
    """What is kept of a plan."""

    ACCEPTED = "accepted"
    """It is one athlete's; whether it can be read is another question."""
    AMBIGUOUS = "ambiguous"
    """It named nobody, and there were several whose it could be."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a plan.

    Attributes:
        name: of the plan, see `plan_name`.
        digest: of what it said.
        athlete_id: whose it is, if accepted.
    """

    name: str
    digest: str
    verdict: Verdict
    athlete_id: str | None = None


class Standing(StrEnum):
    """How a plan stands now."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """It cannot be read, or is nobody's: it asks nothing, and calls nothing off."""
    WITHDRAWN = "withdrawn"
    LEFT = "athlete left"


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """A document of `plan_snapshots`, judged.

    Attributes:
        made_at: see `bot.core.plans.plan.created_at`.
        athlete_id: whose it is, or says to be.
        athlete: None unless accepted.
        plan: what it plans, as far as it was read.
        days: the dates that it is about; None if it does not tell.
        flaw: why it is refused.
        is_named: whether it says whose it is.
        decision: what is to be kept from now on; None if that is kept already, or nothing is.
    """

    name: str
    digest: str
    made_at: datetime
    standing: Standing
    athlete_id: str | None
    athlete: Athlete | None
    plan: Plan | None
    days: frozenset[date] | None
    flaw: InvalidPlan | None = None
    is_named: bool = False
    decision: Decision | None = None

    @property
    def warnings(self) -> tuple[PlanRemark, ...]:
        """What is odd about a plan that is accepted."""
        return () if self.plan is None or self.athlete is None else self.plan.warnings

    @property
    def is_hopeless(self) -> bool:
        """Whether nobody can ever use it: it cannot be read, or names no athlete that there can be."""
        return self.flaw is not None and (self.plan is None or is_unfilled(self.athlete_id or ""))

    def is_over(self, today: date) -> bool:
        """Whether all its days have passed."""
        return self.days is not None and max(self.days, default=date.min) < today


def plan_name(document: Mapping[str, Any]) -> str:
    """By which a plan is known: its `runId`; its `_id`, should it have none."""
    run_id = document.get("runId")
    return run_id if isinstance(run_id, str) and run_id.strip() else f"_id {document.get('_id')}"


def digest(document: Mapping[str, Any]) -> str:
    """A short text that is the same as long as the plan says the same."""
    content = as_json({name: document.get(name) for name in ("runId", *CONTENT)})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def judge(
    document: Mapping[str, Any],
    known: Decision | None,
    roster: Roster,
    *,
    is_handed_over: bool = False,
) -> JudgedPlan:
    """Judge a plan.

    Args:
        known: what was decided about a plan of this name.
        is_handed_over: somebody gives it to the bot just now: what was refused or withdrawn before is not
            meant any more.
    """
    name, said = plan_name(document), digest(document)
    made_at = created_at(document)
    owner = known.athlete_id if known is not None and _still_holds(known, roster) else None
    if known is not None and (known.digest != said or (is_handed_over and not _still_holds(known, roster))):
        known = None

    def judged(standing: Standing, **more: Any) -> JudgedPlan:
        found = {"athlete_id": None, "athlete": None, "plan": None, "days": _week(document)} | more
        return JudgedPlan(name, said, made_at, standing, **found)

    if known is not None and known.verdict is Verdict.WITHDRAWN:
        return judged(Standing.WITHDRAWN, athlete_id=known.athlete_id)
    named: str | None = None
    athlete_id: str | None = None
    athlete: Athlete | None = None
    plan: Plan | None = None
    try:
        named = athlete_id = plan_athlete_id(document)
        if named is None:
            athlete_id = owner if known is None else known.athlete_id
        athlete = roster.meant(athlete_id)
        is_ambiguous = named is None and known is not None and known.verdict is Verdict.AMBIGUOUS
        was_there = not is_handed_over and (known is not None or athlete_id in roster.gone)
        if athlete is None and athlete_id is not None and was_there:
            return judged(Standing.LEFT, athlete_id=athlete_id)
        plan = _read(document, said, made_at, UTC if athlete is None else athlete.hours.zone)
        if athlete is None or is_ambiguous:
            raise _nobodys(athlete_id, is_ambiguous=is_ambiguous)
    except InvalidPlan as flaw:
        days = _week(document) if plan is None else plan.covered
        decision = None
        if named is None and known is None:
            if athlete is not None:  # the only one, who keeps what cannot be read, too
                decision = Decision(name, said, Verdict.ACCEPTED, athlete.athlete_id)
            elif plan is not None and _is_several(roster):
                decision = Decision(name, said, Verdict.AMBIGUOUS)
        athlete_id = athlete_id if athlete is None else athlete.athlete_id
        more = {"athlete_id": athlete_id, "plan": plan, "days": days, "flaw": flaw, "decision": decision}
        return judged(Standing.REFUSED, **more)
    decision = Decision(name, said, Verdict.ACCEPTED, athlete.athlete_id)
    return judged(
        Standing.ACCEPTED,
        athlete_id=athlete.athlete_id,
        athlete=athlete,
        plan=replace(plan, athlete_id=athlete.athlete_id),
        days=plan.covered,
        is_named=named is not None,
        decision=None if known is not None else decision,
    )


def judge_all(
    documents: Iterable[Mapping[str, Any]], known: Mapping[str, Decision], roster: Roster
) -> list[JudgedPlan]:
    """Judge plans, with what was decided about them by their names."""
    return [judge(document, known.get(plan_name(document)), roster) for document in documents]


def accepted(plans: Iterable[JudgedPlan]) -> list[Plan]:
    """What those plan that count; each names its athlete."""
    return [it.plan for it in plans if it.plan is not None and it.standing is Standing.ACCEPTED]


def replaced(plans: Iterable[JudgedPlan], others: Iterable[JudgedPlan], roster: Roster) -> set[str]:
    """The names of plans about all of whose days newer ones decide, of everybody whose they could be."""
    accepted: defaultdict[str | None, list[JudgedPlan]] = defaultdict(list)
    for other in others:
        if other.standing is Standing.ACCEPTED:
            accepted[other.athlete_id].append(other)

    def is_decided(plan: JudgedPlan, athlete: Athlete) -> bool:
        theirs = [
            other.days or frozenset()
            for other in accepted[athlete.athlete_id]
            if (other.made_at, other.name) > (plan.made_at, plan.name)
        ]
        return bool(theirs) and (plan.days is None or plan.days <= frozenset().union(*theirs))

    def is_replaced(plan: JudgedPlan) -> bool:
        athlete = roster.meant(plan.athlete_id)
        whose = [athlete] if athlete is not None else roster.reachable() if plan.athlete_id is None else []
        return bool(whose) and all(is_decided(plan, each) for each in whose)

    return {plan.name for plan in plans if is_replaced(plan)}


def _read(document: Mapping[str, Any], said: str, made_at: datetime, zone: tzinfo) -> Plan:
    """`read_plan`, done once for what a plan says.

    Raises:
        InvalidPlan: as `read_plan` does.
    """
    # Reasons are no part of the digest, by which decisions are kept; of most plans they say nothing here.
    key = said, made_at, zone, repr(of_reasons(document.get("justification")))
    if (found := _recalled.get(key)) is None:
        try:
            found = read_plan(document, zone)
        except InvalidPlan as flaw:
            found = InvalidPlan(flaw.field, flaw.cure)  # without its traceback, which holds the document
        if len(_recalled) >= _MOST_RECALLED:
            _recalled.clear()
        _recalled[key] = found
    if isinstance(found, InvalidPlan):
        raise InvalidPlan(found.field, found.cure)
    return found


def _still_holds(known: Decision, roster: Roster) -> bool:
    return known.verdict is Verdict.ACCEPTED and roster.meant(known.athlete_id) is not None


def _nobodys(athlete_id: str | None, *, is_ambiguous: bool) -> InvalidPlan:
    if is_ambiguous:
        cure = "missing, and there was not exactly one athlete when it came; write whose plan it is"
    elif athlete_id is None:
        cure = "missing, and there is not exactly one athlete; write whose plan it is"
    else:
        cure = f"nobody is called {athlete_id!r}; correct it, or add the athlete (`athlete add`)"
    return InvalidPlan("athleteId", cure)


def _is_several(roster: Roster) -> bool:
    return len(roster.reachable()) > 1


def _week(document: Mapping[str, Any]) -> frozenset[date] | None:
    """The days of the week that a document names, if it can be made out."""
    start, end = _day(document.get("weekStart")), _day(document.get("weekEnd"))
    try:
        start = start or (end and end - _WEEK)
        if start is None:
            return None
        number = min((end - start).days, MAX_DAYS) if end else _WEEK.days
        return frozenset({start, *(start + timedelta(days=offset) for offset in range(number + 1))})
    except OverflowError:  # at either end of the calendar
        return None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
