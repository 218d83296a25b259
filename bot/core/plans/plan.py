"""A document of `plan_snapshots` -> the sessions that it plans, and which of several plans counts.

Planners are language models and people: days are named in any of our languages, or dated, and types vary.
What can be understood is; the rest is refused with the field and the cure, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

from bot.core.i18n import formats
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.activities import is_rest, slug
from bot.core.plans.remarks import InvalidPlan, PlanRemark
from bot.core.shared.clock import parse_instant
from bot.core.shared.tolerant import fold, read_whole

DETAILS = ("distance_time", "intensity", "goal", "note")
"""What a day says of its activity."""

MAX_DAYS = 31
"""The longest that a plan may be."""
MAX_SESSIONS = 200
"""The most sessions of a plan: more are a mistake, and would be a flood of questions."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_SHORTEST_WEEKDAY = 3
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

    @property
    def title(self) -> str:
        """What it is called."""
        return self.activity

    @property
    def details(self) -> str:
        """Everything else that is planned, in one line; empty if there is nothing."""
        return " · ".join(" ".join(line.split()) for line in detail_lines(self.to_document()))

    def to_document(self) -> dict[str, str | None]:
        """The session as it stands in a prompt's `plan`."""
        return {"day": self.day, "activity": self.activity} | {name: getattr(self, name) for name in DETAILS}


@dataclass(frozen=True, slots=True)
class Plan:
    """What one document plans.

    Attributes:
        athlete_id: as the plan says; None if it does not.
        created_at: which of two plans is newer.
        sessions: by date, then number.
        covered: the dates about which the plan decides: its week, and what it lists besides.
        rest: of those, the dates that it lists as days of rest.
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


_LABELS = {"intensity": "Intensity: ", "goal": "Goal: "}


def detail_lines(session: Mapping[str, Any], labels: Mapping[str, str] = _LABELS) -> list[str]:
    """What a prompt's `plan` says besides the activity, labelled where it needs to be."""
    return [f"{labels.get(name, '')}{text}" for name in DETAILS if (text := _text(session.get(name)))]


def read_plan(document: Mapping[str, Any], zone: tzinfo) -> Plan:
    """Read a document of `plan_snapshots`, which anybody may have written.

    Args:
        zone: the athlete's, see `plan_zone`; in it an instant becomes a day.

    Raises:
        InvalidPlan: and nothing else, whatever is in it.
    """
    run_id = document.get("runId")
    if not isinstance(run_id, str) or not run_id.strip():
        raise InvalidPlan("runId", "missing or not text; give the id of the run that made the plan")
    plan = document.get("activityPlan")
    if not isinstance(plan, Mapping):
        raise InvalidPlan("activityPlan", "missing or no object; give an object with `days`")
    start, end = _week(document, plan, zone)
    drafts, rest = _read_days(plan.get("days"), start, end, zone)
    week = _days(start, end) if start is not None and end is not None else ()
    sessions = tuple(_number(drafts))
    listed = {session.date for session in sessions}
    return Plan(
        run_id=run_id,
        athlete_id=plan_athlete_id(document),
        created_at=created_at(document),
        week_start=start,
        week_end=end,
        sessions=sessions,
        covered=frozenset({*week, *listed, *rest}),
        rest=frozenset(rest - listed),
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


def owner(plan: Plan, roster: Roster) -> Athlete:
    """Whose plan it is.

    Raises:
        InvalidPlan: nobody's.
    """
    if (athlete := roster.meant(plan.athlete_id)) is not None:
        return athlete
    if plan.athlete_id is None:
        cure = "missing, and there is not exactly one athlete; write whose plan it is"
    else:
        cure = f"nobody is called {plan.athlete_id!r}; correct it, or add the athlete (`athlete add`)"
    raise InvalidPlan("athleteId", cure)


_Draft = tuple[date, str, dict[str, str | None]]


def _read_days(
    days: object, start: date | None, end: date | None, zone: tzinfo
) -> tuple[list[_Draft], set[date]]:
    """The sessions in the order of the plan, and the dates listed as rest."""
    if not isinstance(days, list):
        raise InvalidPlan("activityPlan.days", "missing or no array; give one object for each day")
    if len(days) > MAX_SESSIONS:  # days of rest cost time, too
        raise InvalidPlan("activityPlan.days", f"more than {MAX_SESSIONS} entries; is this one plan?")
    drafts: list[_Draft] = []
    rest: set[date] = set()
    for index, entry in enumerate(days):
        path = f"activityPlan.days[{index}]"
        if not isinstance(entry, Mapping):
            raise InvalidPlan(path, "no object; give one with `date` and `activity`")
        sessions = [item for item in _activities(entry, path) if not is_rest(item[0])]
        try:
            day = _date(entry, path, start, end, zone)
        except InvalidPlan:
            if sessions:
                raise
            continue  # on whichever day, there is nothing to ask about
        if not sessions:
            rest.add(day)
        drafts += [(day, activity, details) for activity, details in sessions]
        if len(drafts) > MAX_SESSIONS:
            raise InvalidPlan("activityPlan.days", f"more than {MAX_SESSIONS} sessions; is this one plan?")
    return drafts, rest


def _number(drafts: Sequence[_Draft]) -> Iterator[PlannedSession]:
    """The sessions with their numbers and ids, by date.

    The first session of each name has the name for itself, wherever in the day it stands.
    """
    numbers: Counter[date] = Counter()
    names = [f"{day.isoformat()}-{slug(activity)}" for day, activity, _ in drafts]
    taken = set(names)
    seen: set[str] = set()
    # Sorting keeps the order within a date.
    for name, (day, activity, details) in sorted(zip(names, drafts, strict=True), key=lambda it: it[1][0]):
        session_id, copy = name, 1
        while session_id in seen or (copy > 1 and session_id in taken):
            copy += 1
            session_id = f"{name}-{copy}"
        seen.add(session_id)
        numbers[day] += 1
        yield PlannedSession(day, numbers[day], session_id, activity, **details)


def _activities(entry: Mapping[str, Any], path: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    """The activities of a day, each with its details. Lists of the same length belong together."""
    given = entry.get("activity")
    activities = given if isinstance(given, list) else [given]
    if len(activities) > MAX_SESSIONS:
        raise InvalidPlan(f"{path}.activity", f"more than {MAX_SESSIONS} entries; is this one day?")
    for index, item in enumerate(activities):
        own: Mapping[str, Any] = item if isinstance(item, Mapping) else {"activity": item}
        activity = own.get("activity")
        if activity is not None and not isinstance(activity, str):
            raise InvalidPlan(f"{path}.activity", "not text; write what is planned, or rest")
        details: dict[str, str | None] = {"day": _text(entry.get("day"))}
        for name in DETAILS:
            value = own.get(name, entry.get(name))
            if len(activities) > 1 and isinstance(value, list) and len(value) == len(activities):
                value = value[index]
            details[name] = _text(value)
        yield " ".join((activity or "").split()), details


def _text(value: object) -> str | None:
    """A detail of any type, as text that can be read."""
    match value:
        case None | bool():
            return None
        case str():
            return value.strip() or None
        case float() if value.is_integer():
            return str(int(value))
        case Mapping():
            parts = [f"{key}: {text}" for key, item in value.items() if (text := _text(item))]
        case list():
            parts = [text for item in value if (text := _text(item))]
        case _:
            parts = [str(value)]
    return ", ".join(parts) or None


def _date(entry: Mapping[str, Any], path: str, start: date | None, end: date | None, zone: tzinfo) -> date:
    given = _as_day(entry.get("date"), f"{path}.date", zone)
    if given is not None:
        return given
    weekday = _weekday(entry.get("day"))
    if weekday is None:
        said = entry.get("day")
        cure = "write a date such as 2026-02-17"
        if isinstance(said, str) and said.strip():
            raise InvalidPlan(f"{path}.day", f"{said[:40]!r} is no weekday, and there is no date; {cure}")
        raise InvalidPlan(f"{path}.date", f"missing; {cure}")
    if start is None or end is None:
        raise InvalidPlan("weekStart", f"missing, and {path} has no date; write a date such as 2026-02-16")
    found = [day for day in _days(start, end) if day.weekday() == weekday]
    if len(found) != 1:
        raise InvalidPlan(f"{path}.date", "missing, and the plan's week does not tell it; write it out")
    return found[0]


@cache
def _weekdays() -> tuple[tuple[str, ...], ...]:
    """The names of each weekday in all languages, from Monday on."""
    days = _days(date(2026, 2, 16), date(2026, 2, 22))
    return tuple(tuple(fold(formats.weekday(day, language)) for language in Language) for day in days)


def _weekday(value: object) -> int | None:
    """0 for Monday; the first word counts that is a weekday's name, or its beginning (`Tue`, `mié`)."""
    for word in re.findall(r"[^\W\d_]+", fold(value)) if isinstance(value, str) else ():
        for number, names in enumerate(_weekdays()):
            if len(word) >= _SHORTEST_WEEKDAY and any(name.startswith(word) for name in names):
                return number
    return None


def _week(
    document: Mapping[str, Any], plan: Mapping[str, Any], zone: tzinfo
) -> tuple[date | None, date | None]:
    """First and last day; both None if the plan names neither."""
    inner = plan.get("nextWeek")
    inner = inner if isinstance(inner, Mapping) else {}
    start = _as_day(document.get("weekStart"), "weekStart", zone) or _as_day(
        inner.get("weekStart", inner.get("start")), "activityPlan.nextWeek.weekStart", zone
    )
    end = _as_day(document.get("weekEnd"), "weekEnd", zone) or _as_day(
        inner.get("weekEnd", inner.get("end")), "activityPlan.nextWeek.weekEnd", zone
    )
    if start is None and end is not None:
        start = end - timedelta(days=6)
    if end is None and start is not None:
        end = start + timedelta(days=6)
    if start is not None and end is not None and not 0 <= (end - start).days < MAX_DAYS:
        raise InvalidPlan(
            "weekEnd", f"not within {MAX_DAYS} days from weekStart on; is one of them mistyped?"
        )
    return start, end


def _days(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=n) for n in range((end - start).days + 1))


def _as_day(value: object, path: str, zone: tzinfo) -> date | None:
    """A day, or the day that an instant (text with an offset, a BSON date) has in a zone; None if blank.

    Text without an offset is the day as written.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    day: date | None = None
    try:
        if isinstance(value, str) and _ISO_DAY.match(value := value.strip()):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            day = (value if value.tzinfo is None else value.astimezone(zone)).date()
    except (ValueError, OverflowError):
        day = None
    if day is None:
        raise InvalidPlan(path, "not a date; write one such as 2026-02-17")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InvalidPlan(path, f"lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}; is it mistyped?")
    return day


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
    plan = document.get("activityPlan")
    inner = plan if isinstance(plan, Mapping) else {}
    return _athlete_id(document, "athleteId") or _athlete_id(inner, "activityPlan.athleteId")


def plan_zone(document: Mapping[str, Any], roster: Roster) -> tzinfo:
    """The zone in which a document's instants become days: its athlete's. UTC where it is nobody's.

    Raises:
        InvalidPlan: see `plan_athlete_id`.
    """
    athlete = roster.meant(plan_athlete_id(document))
    return UTC if athlete is None else athlete.hours.zone


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
