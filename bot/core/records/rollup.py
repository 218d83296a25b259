"""Activities and wellness days as intervals.icu returns them -> one `weekly_metrics` document a week.

Read of an activity: `id`, `type`, `name`, `start_date_local` (the athlete's wall clock), `start_date`
(absolute), `distance` (metres), `elapsed_time` or else `moving_time` (seconds), `trimp` (arbitrary units),
`icu_athlete_id`; of one that may not be passed on, `_note`, which says why.
Read of a wellness day: `id` (its date), `ctl`, `atl`, `rampRate`, `restingHR` (bpm), `steps`,
`sleepScore` (0 to 100), `hrv` (ms). Other fields are ignored.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from bot.core.records.models import MAX_SCORE, is_day
from bot.core.shared.bson_json import BadValue, kind
from bot.core.shared.clock import monday_of
from bot.core.shared.formatting import clip

MEANS = {
    "ctlMean": "ctl",
    "atlMean": "atl",
    "rampRateMean": "rampRate",
    "restHrMean": "restingHR",
    "stepsMean": "steps",
    "sleepScoreMean": "sleepScore",
    "hrvMean": "hrv",
}
"""The field of a wellness day behind each mean."""

_SIGNED = {"ctl", "atl", "rampRate"}
# What nobody alive has: platforms write 0 where nothing was measured.
_NEVER_ZERO = {"restingHR", "hrv", "sleepScore"}
_VO2 = re.compile(r"\bvo2")
_TEMPO = re.compile(r"\b(?:tempo|threshold|umbral)")
# In Spanish the noun decides: "umbral largo" and "series largas" are no long runs.
_LONG = re.compile(
    r"\blong|(?<!\bumbral )(?<!\btempo )(?<!\bserie )(?<!\bcuesta )\blarg[oa]\b"
    r"|\b(?:tiradas|rodajes) larg[oa]s\b"
)
_RUN, _RIDE = "Run", "Ride"
_MAX_NOTE = 100
_DECIMALS = 2
# Far beyond any athlete; below, no sum can overflow.
_LARGEST = 1e12


@dataclass(frozen=True, slots=True)
class _Activity:
    where: str
    id: str | int | None
    day: date
    type: str
    """Empty if the source does not pass it on."""
    why: str
    name: str
    distance: float | None
    time: float | None
    is_moving_time: bool
    trimp: float


@dataclass(slots=True)
class _Week:
    activities: list[_Activity] = field(default_factory=list)
    wellness: list[dict[str, float]] = field(default_factory=list)


def weekly_metrics(
    activities: Iterable[Mapping[str, Any]] | None,
    wellness: Iterable[Mapping[str, Any]] | None,
    *,
    zone: tzinfo,
    athlete_id: str | int | None = None,
    warn: Callable[[str, str], None] | None = None,
) -> list[dict[str, Any]]:
    """One document for each week, Monday to Sunday, that has an activity or a wellness day; oldest first.

    - An activity belongs to the day of its `start_date_local`, a wall clock whose offset, if any, means
      nothing; without one, to the day of its `start_date` in `zone`.
    - `run*` count every type that ends in `Run`, `ride*` every one that ends in `Ride`, `strength*`
      `WeightTraining`. Sums are of `distance`, `elapsed_time` (else `moving_time`) and `trimp`.
    - A sum of distances or times is null if a run, or ride, of the week lacks its part, for then it would be
      too small. A distance of 0 is one (on a roller); a time of 0 is none. A `trimp` that is missing adds
      nothing: intervals.icu has none of a session without heart rate.
    - An activity without a type (its source may not pass it on) might be any: the sums of its week are null.
    - `vo2Sessions`, `tempoSessions` and `longRuns` have a word in their name that begins with vo2; tempo,
      threshold or umbral; long, or is largo or larga, as in "Tirada larga". They are runs alone, for they
      describe the running week: a "Long ride" is no long run. Case and accents do not matter, and one run may
      count in several.
    - Means are over the days that have the value; null where no day has it. A 0 is one, but in `restingHR`,
      `hrv` and `sleepScore`.
    - Sums and means are rounded to two decimals, and whole results are integers.
    - Of activities with the same `id`, and of wellness days with the same date, the last one counts; of
      activities the last one that has a type.

    Args:
        activities: empty if there were none, and their figures are 0; None if they are not known, and
            their figures are left out.
        wellness: the same, and without a day the means are null.
        athlete_id: whose weeks these are; by default the `icu_athlete_id` of the activities, and left out
            if they do not tell it.
        warn: is told, by path and problem, what makes sums unknown and which times are moving times.

    Raises:
        BadValue: naming index and field, as in `activities[3].distance`; also if the activities are of
            several athletes and no `athlete_id` says whose they shall be.
    """
    sessions = None if activities is None else list(activities)
    days = None if wellness is None else _wellness(wellness)
    athlete = _only_athlete(sessions or ()) if athlete_id is None else athlete_id
    weeks: defaultdict[date, _Week] = defaultdict(_Week)
    for activity in _activities(sessions or (), zone):
        weeks[monday_of(activity.day)].activities.append(activity)
        if warn is not None:
            _warn(activity, warn)
    for day, values in (days or {}).items():
        weeks[monday_of(day)].wellness.append(values)
    return [
        {
            **({} if athlete is None else {"athleteId": athlete}),
            "weekStart": monday.isoformat(),
            "weekEnd": (monday + timedelta(days=6)).isoformat(),
            **({} if sessions is None else _totals(week.activities)),
            **({} if days is None else _means(week.wellness)),
        }
        for monday, week in sorted(weeks.items())
    ]


def _warn(activity: _Activity, warn: Callable[[str, str], None]) -> None:
    name = f"the activity {'without an id' if activity.id is None else activity.id} of {activity.day}"
    if not activity.type:
        why = f" ({activity.why})" if activity.why else ""
        warn(
            activity.where,
            f"{name} has no type{why}, so the sums of its week are not known; import it into intervals.icu"
            " from its file, or from the service of the watch",
        )
    elif activity.type.endswith((_RUN, _RIDE)):
        missing = [
            *(("distance",) if activity.distance is None else ()),
            *(("elapsed_time or moving_time",) if activity.time is None else ()),
        ]
        if missing:
            sums = "that sum of its week is" if len(missing) == 1 else "those sums of its week are"
            warn(activity.where, f"{name} has no {' and no '.join(missing)}, so {sums} not known")
        if activity.is_moving_time:
            warn(activity.where, f"{name} has no elapsed_time; its moving_time is taken")


def _totals(activities: Sequence[_Activity]) -> dict[str, Any]:
    totals = _sums(activities)
    return totals if all(activity.type for activity in activities) else dict.fromkeys(totals)


def _sums(activities: Sequence[_Activity]) -> dict[str, Any]:
    runs = [activity for activity in activities if activity.type.endswith(_RUN)]
    rides = [activity for activity in activities if activity.type.endswith(_RIDE)]
    strength = [activity for activity in activities if activity.type == "WeightTraining"]
    return {
        "runCount": len(runs),
        "runDistance": _sum(run.distance for run in runs),
        "runTime": _sum(run.time for run in runs),
        "rideCount": len(rides),
        "rideDistance": _sum(ride.distance for ride in rides),
        "rideTime": _sum(ride.time for ride in rides),
        "vo2Sessions": _named(_VO2, runs),
        "tempoSessions": _named(_TEMPO, runs),
        "longRuns": _named(_LONG, runs),
        "strengthCount": len(strength),
        "strengthTrimp": _sum(session.trimp for session in strength),
    }


def _means(days: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    return {name: _mean([day[source] for day in days if source in day]) for name, source in MEANS.items()}


def _activities(items: Iterable[object], zone: tzinfo) -> list[_Activity]:
    by_id: dict[object, _Activity] = {}
    for index, item in enumerate(items):
        where = f"activities[{index}]"
        fields = _fields(item, where)
        identity = _identity(fields, "id", where)
        # Without an id an activity cannot be known again: it stands for itself.
        key = ("at", index) if identity is None else ("id", identity)
        elapsed, moving = (_amount(fields, name, where) or None for name in ("elapsed_time", "moving_time"))
        activity = _Activity(
            where,
            identity,
            _start_day(fields, where, zone),
            _text(fields, "type", where).strip(),
            clip(note, _MAX_NOTE) if isinstance(note := fields.get("_note"), str) else "",
            _folded(_text(fields, "name", where)),
            _amount(fields, "distance", where),
            elapsed or moving,
            moving is not None and elapsed is None,
            _amount(fields, "trimp", where) or 0,
        )
        if activity.type or key not in by_id or not by_id[key].type:
            by_id[key] = activity
    return list(by_id.values())


def _wellness(items: Iterable[object]) -> dict[date, dict[str, float]]:
    days: dict[date, dict[str, float]] = {}
    for index, item in enumerate(items):
        where = f"wellness[{index}]"
        fields = _fields(item, where)
        day = fields.get("id")
        if not isinstance(day, str) or not is_day(day):
            raise BadValue(f"{where}.id", "must be the day, a calendar date written YYYY-MM-DD")
        values = {name: _wellness_value(fields, name, where) for name in MEANS.values()}
        days[_in_range(date.fromisoformat(day), f"{where}.id")] = {
            name: value for name, value in values.items() if value is not None
        }
    return days


def _wellness_value(fields: Mapping[str, Any], name: str, where: str) -> float | None:
    value = (_number if name in _SIGNED else _amount)(fields, name, where)
    if name == "sleepScore" and value is not None and value > MAX_SCORE:
        raise BadValue(f"{where}.{name}", f"must not be more than {MAX_SCORE}")
    return None if value == 0 and name in _NEVER_ZERO else value


def _only_athlete(activities: Iterable[object]) -> str | int | None:
    found = None
    for index, item in enumerate(activities):
        where = f"activities[{index}]"
        athlete = _identity(_fields(item, where), "icu_athlete_id", where)
        if None not in (found, athlete) and athlete != found:
            raise BadValue(f"{where}.icu_athlete_id", "is another athlete; roll up one athlete at a time")
        found = athlete if found is None else found
    return found


def _start_day(fields: Mapping[str, Any], where: str, zone: tzinfo) -> date:
    name = "start_date_local" if fields.get("start_date_local") is not None else "start_date"
    path = f"{where}.{name}"
    text = fields.get(name)
    if text is None:
        raise BadValue(f"{where}.start_date_local", "is missing, and so is start_date; give one of them")
    try:
        start = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadValue(path, "must be an ISO 8601 date and time") from None
    if name == "start_date_local":
        return _in_range(start.date(), path)
    if start.tzinfo is None:
        raise BadValue(path, "has no offset; give start_date_local, or end it with Z")
    try:
        return _in_range(start.astimezone(zone).date(), path)
    except OverflowError:
        raise BadValue(path, _NO_YEAR) from None


_NO_YEAR = "must lie in the years 1 to 9998"


def _in_range(day: date, path: str) -> date:
    # The week of a day in 9999 may end in a year that Python does not have.
    if day.year == date.max.year:
        raise BadValue(path, _NO_YEAR)
    return day


def _fields(item: object, where: str) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise BadValue(where, f"must be an object, not {kind(item)}")
    return item


def _text(fields: Mapping[str, Any], name: str, where: str) -> str:
    """Text or, where there is none, "": intervals.icu blanks what other services do not let it pass on."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise BadValue(f"{where}.{name}", f"must be text, not {kind(value)}")
    return value or ""


def _identity(fields: Mapping[str, Any], name: str, where: str) -> str | int | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise BadValue(f"{where}.{name}", f"must be text or a whole number, not {kind(value)}")
    return value


def _number(fields: Mapping[str, Any], name: str, where: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue(f"{where}.{name}", f"must be a number, not {kind(value)}")
    if not abs(value) <= _LARGEST:
        raise BadValue(f"{where}.{name}", "is beyond any sensible number")
    return value


def _amount(fields: Mapping[str, Any], name: str, where: str) -> float | None:
    value = _number(fields, name, where)
    if value is not None and value < 0:
        raise BadValue(f"{where}.{name}", "must not be negative")
    return value


def _named(pattern: re.Pattern[str], activities: Iterable[_Activity]) -> int:
    return sum(pattern.search(activity.name) is not None for activity in activities)


def _folded(name: str) -> str:
    letters = (sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return "".join(letters).casefold()


def _sum(values: Iterable[float | None]) -> float | None:
    """None if one of them is not known."""
    known = list(values)
    return None if None in known else _rounded(math.fsum(value for value in known if value is not None))


def _mean(values: list[float]) -> float | None:
    return _rounded(math.fsum(values) / len(values)) if values else None


def _rounded(value: float) -> float:
    rounded = round(value, _DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded
