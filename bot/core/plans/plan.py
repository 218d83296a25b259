"""A document of `plan_snapshots` -> the sessions that it plans, and which of several plans counts.

Planners are language models and people: days are named in any of our languages, or dated, and types vary.
What can be understood is; the rest is refused with the field and the cure, and nothing is guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from bot.core.changes import because
from bot.core.changes.because import PlanChange
from bot.core.plans import names
from bot.core.plans.activities import slug
from bot.core.plans.dates import EntryDates, Week, read_week
from bot.core.plans.days import MAX_SESSIONS, Draft, EntryReader, detail_text
from bot.core.plans.remarks import InvalidPlan, PlanRemark, Remarks, shown
from bot.core.plans.shapes import Entry, read_entries, unwrap, unwrapped
from bot.core.shared.clock import parse_instant
from bot.core.shared.tolerant import is_invisible, is_unfilled, read_whole

DETAILS = tuple(names.DETAILS)
"""What a day says of its activity."""

_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """One session of a day.

    Attributes:
        number: its place among the day's sessions, from 1.
        session_id: `2026-02-17-tempo-run`; the same however the day's sessions are ordered.
        activity: not blank.
        day: the weekday as the plan writes it.
        distance_time, intensity, goal, note: as the plan writes them; None if it does not.
        change: what in it came of the athlete's answers; None: nothing, as far as the plan says.
    """

    date: date
    number: int
    session_id: str
    activity: str
    day: str | None = None
    distance_time: str | None = None
    intensity: str | None = None
    goal: str | None = None
    note: str | None = None
    change: PlanChange | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        return self.activity

    @property
    def details(self) -> str:
        """Everything else that is planned, in one line; empty if there is nothing."""
        return " · ".join(" ".join(line.split()) for line in detail_lines(self.to_document()))

    def to_document(self) -> dict[str, Any]:
        """The session as it stands in a prompt's `plan`."""
        details = {name: getattr(self, name) for name in DETAILS}
        change = {} if self.change is None else self.change.to_document()
        return {"day": self.day, "activity": self.activity, **details, **change}


@dataclass(frozen=True, slots=True)
class Plan:
    """What one document plans.

    Attributes:
        athlete_id: as the plan says; None if it does not.
        created_at: which of two plans is newer.
        sessions: by date, then number.
        covered: the dates about which the plan decides: its week; without one, what it lists.
        rest: of those, the dates that it lists as days of rest.
        changes: what in it came of the athlete's answers, by the day that it is about.
        warnings: what is odd about it, and does not stand in the way.
        readings: what was understood though it is not written as documented.
    """

    run_id: str
    athlete_id: str | None
    created_at: datetime
    week_start: date | None
    week_end: date | None
    sessions: tuple[PlannedSession, ...]
    covered: frozenset[date]
    rest: frozenset[date] = frozenset()
    warnings: tuple[PlanRemark, ...] = ()
    readings: tuple[PlanRemark, ...] = ()
    changes: Mapping[date, PlanChange] = field(default_factory=dict)


_LABELS = {"intensity": "Intensity: ", "goal": "Goal: "}


def detail_lines(session: Mapping[str, Any], labels: Mapping[str, str] = _LABELS) -> list[str]:
    """What a prompt's `plan` says besides the activity, labelled where it needs to be."""
    return [f"{labels.get(name, '')}{text}" for name in DETAILS if (text := detail_text(session.get(name)))]


def read_plan(document: Mapping[str, Any], zone: tzinfo) -> Plan:
    """Read a document of `plan_snapshots`, which anybody may have written.

    Args:
        zone: the athlete's; in it an instant becomes a day.

    Raises:
        InvalidPlan: and nothing else, whatever is in it.
    """
    run_id = document.get("runId")
    if not isinstance(run_id, str) or is_invisible(run_id) or is_unfilled(run_id):
        raise InvalidPlan("runId", f"{_found(run_id)}; give the id of the run that made the plan")
    athlete_id = plan_athlete_id(document)
    remarks = Remarks()
    plan = unwrapped(document.get("activityPlan"), "activityPlan", remarks)
    week = read_week(document, plan, zone, remarks)
    entries = read_entries(plan, remarks)
    _check_owner(entries, athlete_id)
    drafts, rest, changes = _read_days(entries, week, zone, remarks)
    reasons, odd = because.of_reasons(document.get("justification"))
    for where, what in odd:
        remarks.warn(where, what)
    changes = {**reasons, **changes}
    sessions = tuple(_number(drafts, changes))
    listed = {session.date for session in sessions}
    return Plan(
        run_id=run_id,
        athlete_id=athlete_id,
        created_at=created_at(document),
        week_start=week.start,
        week_end=week.end,
        sessions=sessions,
        covered=frozenset({*week.days(), *listed, *rest}),
        rest=frozenset(rest - listed),
        warnings=tuple(remarks.warnings),
        readings=tuple(remarks.readings),
        changes={day: changes[day] for day in sorted(changes)},
    )


def current_sessions(plans: Iterable[Plan]) -> dict[date, tuple[Plan, tuple[PlannedSession, ...]]]:
    """For each date that one athlete's plans cover: the newest plan, and its sessions (none: rest).

    Of plans equally new, the one with the larger run id counts.
    """
    current: dict[date, tuple[Plan, tuple[PlannedSession, ...]]] = {}
    for plan in sorted(plans, key=lambda plan: (plan.created_at, plan.run_id)):
        by_date: dict[date, list[PlannedSession]] = {}
        for session in plan.sessions:
            by_date.setdefault(session.date, []).append(session)
        current.update({day: (plan, tuple(by_date.get(day, ()))) for day in plan.covered})
    return dict(sorted(current.items()))


_Drafts = list[tuple[date, Draft]]


def _check_owner(entries: Iterable[Entry], athlete_id: str | None) -> None:
    for entry in entries:
        if isinstance(entry.content, Mapping):
            path = f"{entry.path}.athleteId"
            own = _athlete_id(entry.content, path)
            if own not in (None, athlete_id):
                cure = "a plan is for one athlete; write the id at the top, and a plan for each"
                raise InvalidPlan(path, f"{shown(own)}, but {cure}")


def _read_days(
    entries: Sequence[Entry], week: Week, zone: tzinfo, remarks: Remarks
) -> tuple[_Drafts, set[date], dict[date, PlanChange]]:
    """The sessions in the order of the plan, the dates listed as rest, and what came of answers."""
    if len(entries) > MAX_SESSIONS:  # days of rest cost time, too
        raise InvalidPlan("activityPlan.days", f"more than {MAX_SESSIONS} entries; is this one plan?")
    drafts: _Drafts = []
    rest: set[date] = set()
    changes: dict[date, PlanChange] = {}
    for entry in entries:
        dates = EntryDates(zone)
        if entry.day is not None:
            dates.add_day(entry.day, entry.path)
        content, change, odd = because.take(entry.content, entry.path)
        sessions = EntryReader(dates, remarks).read(content, entry.path, entry.day)
        day = dates.resolve(entry.path, week, remarks)
        for where, what in odd:
            remarks.warn(where, what)
        if change is not None:
            changes[day] = change
        if not sessions:
            rest.add(day)
        drafts += [(day, draft) for draft in sessions]
        if len(drafts) > MAX_SESSIONS:
            raise InvalidPlan("activityPlan.days", f"more than {MAX_SESSIONS} sessions; is this one plan?")
    return drafts, rest, changes


def _number(drafts: _Drafts, changes: Mapping[date, PlanChange]) -> Iterator[PlannedSession]:
    """The sessions with their numbers and ids, by date.

    The first session of each name has the name for itself, wherever in the day it stands.
    """
    numbers: Counter[date] = Counter()
    names = [f"{day.isoformat()}-{slug(draft.activity)}" for day, draft in drafts]
    taken = set(names)
    seen: set[str] = set()
    # Sorting keeps the order within a date.
    for name, (day, draft) in sorted(zip(names, drafts, strict=True), key=lambda it: it[1][0]):
        session_id, copy = name, 1
        while session_id in seen or (copy > 1 and session_id in taken):
            copy += 1
            session_id = f"{name}-{copy}"
        seen.add(session_id)
        numbers[day] += 1
        yield PlannedSession(
            day, numbers[day], session_id, draft.activity, change=changes.get(day), **draft.details
        )


def _found(run_id: object) -> str:
    if run_id is None or (isinstance(run_id, str) and is_invisible(run_id)):
        return "missing or blank"
    return f"{shown(run_id)} is {'a value that is missing' if isinstance(run_id, str) else 'not text'}"


def _athlete_id(document: Mapping[str, Any], path: str) -> str | None:
    value = document.get("athleteId")
    if (number := read_whole(value)) is not None:
        value = str(number)
    if value is not None and not isinstance(value, str):
        raise InvalidPlan(path, "not text; write the athlete's id, or leave it out")
    return (value or "").strip() or None


def plan_athlete_id(document: Mapping[str, Any]) -> str | None:
    """Whose plan a document says it is; None if it does not.

    Raises:
        InvalidPlan: what stands there is no athlete's id.
    """
    plan, _ = unwrap(document.get("activityPlan"))
    inner = plan if isinstance(plan, Mapping) else {}
    return _athlete_id(document, "athleteId") or _athlete_id(inner, "activityPlan.athleteId")


def created_at(document: Mapping[str, Any]) -> datetime:
    """When a plan was made: `createdAt`, a date or ISO text, else the time in its ObjectId, else long ago."""
    value = document.get("createdAt")
    if isinstance(value, str):
        try:
            value = parse_instant(value, UTC)
        except (ValueError, OverflowError):
            value = None
    if not isinstance(value, datetime):
        # MongoDB's own ids know when they were made.
        value = getattr(document.get("_id"), "generation_time", None)
    if not isinstance(value, datetime):
        return _OLDEST
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
