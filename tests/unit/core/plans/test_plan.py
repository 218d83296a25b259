"""Plans as planners write them: what is understood, what is refused, and which of several plans counts."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from bot.core.plans.days import MAX_SESSIONS
from bot.core.plans.plan import (
    Plan,
    created_at,
    current_sessions,
    plan_athlete_id,
    read_plan,
)
from bot.core.plans.remarks import InvalidPlan
from bot.core.shared.tolerant import is_partly_unfilled

MONDAY = date(2026, 2, 16)
SUNDAY = MONDAY + timedelta(days=6)
CREATED = datetime(2026, 2, 15, 9, tzinfo=UTC)
OLDEST = datetime.min.replace(tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")

activities = st.text(max_size=8).filter(
    lambda text: not is_partly_unfilled(text) and text.strip()[:1] not in "[{`"
)
"""Texts that are rest, or sessions of that name."""


def document(*days: Any, **fields: Any) -> dict[str, Any]:
    """A plan for the week of 16 February 2026."""
    return {
        "runId": "R1",
        "weekStart": "2026-02-16",
        "weekEnd": "2026-02-22",
        "activityPlan": {"days": list(days)},
        "createdAt": CREATED,
        **fields,
    }


def entry(date_: object = "2026-02-17", activity: object = "Run", **fields: Any) -> dict[str, Any]:
    """A day of a plan."""
    return {"date": date_, "activity": activity, **fields}


def ids(*days: Any, **fields: Any) -> list[str]:
    """The session ids of a plan."""
    return [session.session_id for session in read_plan(document(*days, **fields), UTC).sessions]


def dates(*days: Any, **fields: Any) -> list[str]:
    """The dates of a plan's sessions."""
    return [session.date.isoformat() for session in read_plan(document(*days, **fields), UTC).sessions]


def test_a_whole_plan() -> None:
    """Each session with its details; the whole week is covered, and what is listed as rest is known."""
    plan = read_plan(
        document(
            {
                "day": "Monday",
                "date": "2026-02-16",
                "activity": " Easy  run ",
                "distance_time": "8 km",
                "intensity": "Z2",
                "goal": "base",
                "note": "flat\n",
            },
            {"day": "Tuesday", "date": "2026-02-17", "activity": "Rest"},
        ),
        UTC,
    )
    assert (plan.run_id, plan.athlete_id, plan.created_at) == ("R1", None, CREATED)
    assert (plan.week_start, plan.week_end) == (MONDAY, SUNDAY)
    assert plan.covered == {MONDAY + timedelta(days=n) for n in range(7)}
    assert plan.rest == {date(2026, 2, 17)}
    [session] = plan.sessions
    assert (session.date, session.number, session.session_id) == (MONDAY, 1, "2026-02-16-easy-run")
    assert session.title == "Easy run"
    assert session.details == "8 km · Intensity: Z2 · Goal: base · flat"
    assert session.to_document() == {
        "day": "Monday",
        "activity": "Easy run",
        "distance_time": "8 km",
        "intensity": "Z2",
        "goal": "base",
        "note": "flat",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-02-17", "2026-02-17"),
        (" 2026-02-17 ", "2026-02-17"),
        ("2026-02-17 06:00", "2026-02-17"),
        ("2026-02-17T23:30:00", "2026-02-17"),
        (datetime(2026, 2, 17), "2026-02-17"),  # noqa: DTZ001
        (datetime(2026, 2, 17, tzinfo=UTC), "2026-02-17"),
        (datetime(2026, 2, 17, 1, tzinfo=timezone(timedelta(hours=2))), "2026-02-17"),
        ("2026-02-16T23:00:00.000Z", "2026-02-17"),
        ("2026-02-16T22:59:59Z", "2026-02-16"),
        ("2026-02-17T00:00:00+01:00", "2026-02-17"),
        ("2026-02-17T00:00:00+0100", "2026-02-17"),
        ("2026-02-17T00:00:00+01:00[Europe/Madrid]", "2026-02-17"),
        ("2026-02-17T23:30:00+05:00", "2026-02-17"),
        ("2026-02-17T03:30:00+05:00", "2026-02-16"),
        (datetime(2026, 2, 16, 23, tzinfo=UTC), "2026-02-17"),
    ],
)
def test_dates(value: object, expected: str) -> None:
    """A day, the day of an ISO text as written, or the day that an instant has where the athlete lives."""
    [session] = read_plan(document(entry(value)), MADRID).sessions
    assert session.date.isoformat() == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("Monday", "2026-02-16"),
        ("TUESDAY", "2026-02-17"),
        ("wed", "2026-02-18"),
        ("Thurs", "2026-02-19"),
        ("friday evening", "2026-02-20"),
        ("Day 6: Saturday", "2026-02-21"),
        ("Sun.", "2026-02-22"),
        ("lunes", "2026-02-16"),
        ("Martes", "2026-02-17"),
        ("Miércoles", "2026-02-18"),
        ("MIERCOLES", "2026-02-18"),
        ("mié", "2026-02-18"),
        ("jueves", "2026-02-19"),
        ("viernes", "2026-02-20"),
        ("Sábado", "2026-02-21"),
        ("domingo", "2026-02-22"),
    ],
)
@pytest.mark.parametrize("missing", [{}, {"date": None}, {"date": ""}])
def test_weekdays(day: str, expected: str, missing: dict[str, Any]) -> None:
    """Where there is no date, the weekday says which of the week, in English or Spanish."""
    assert dates({"day": day, "activity": "Run", **missing}) == [expected]


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({}, MONDAY, SUNDAY),
        ({"weekEnd": None}, MONDAY, SUNDAY),
        ({"weekStart": ""}, MONDAY, SUNDAY),
        ({"weekStart": datetime(2026, 2, 16, tzinfo=UTC)}, MONDAY, SUNDAY),
        ({"weekStart": None, "weekEnd": None}, None, None),
        ({"weekEnd": "2026-03-18"}, MONDAY, date(2026, 3, 18)),
        ({"weekStart": "2026-02-15T23:00:00.000Z"}, date(2026, 2, 15), SUNDAY),
    ],
)
def test_weeks(fields: dict[str, Any], start: date | None, end: date | None) -> None:
    """What is missing follows from the other end; the plan's own `nextWeek` helps out."""
    plan = read_plan(document(entry(), **fields), UTC)
    assert (plan.week_start, plan.week_end) == (start, end)


@pytest.mark.parametrize("names", [("weekStart", "weekEnd"), ("start", "end")])
def test_the_week_inside_the_plan(names: tuple[str, str]) -> None:
    """`activityPlan.nextWeek` is looked at where the document does not tell."""
    week = dict(zip(names, ("2026-02-16", "2026-02-22"), strict=True))
    plan = {"nextWeek": week, "days": [{"day": "Tue", "activity": "Run"}]}
    assert dates(weekStart=None, weekEnd=None, activityPlan=plan) == ["2026-02-17"]


def test_two_sessions_a_day() -> None:
    """Two entries of one date, or a list of activities, are numbered in their order."""
    plan = read_plan(
        document(
            entry("2026-02-18", "Swim"),
            entry("2026-02-17", "Run"),
            entry("2026-02-17", ["Strength", "Rest", "Yoga"]),
        ),
        UTC,
    )
    assert [(s.date.day, s.number, s.activity) for s in plan.sessions] == [
        (17, 1, "Run"),
        (17, 2, "Strength"),
        (17, 3, "Yoga"),
        (18, 1, "Swim"),
    ]


def test_a_day_with_rest_beside_a_session_is_no_day_of_rest() -> None:
    """However the two stand."""
    plan = read_plan(document(entry(activity="Rest"), entry(activity="Run")), UTC)
    assert (len(plan.sessions), plan.rest) == (1, frozenset())


def test_details_of_a_list_of_activities() -> None:
    """Lists of the same length belong together, objects have their own, the rest is common to all."""
    two = entry(activity=["Run", "Lift"], distance_time=["8 km", "40 min"], goal="base")
    own = entry("2026-02-18", [{"activity": "Run", "note": "hills"}, "Lift"], note="early")
    assert [
        (s.activity, s.distance_time, s.goal, s.note) for s in read_plan(document(two, own), UTC).sessions
    ] == [
        ("Run", "8 km", "base", None),
        ("Lift", "40 min", "base", None),
        ("Run", None, None, "hills"),
        ("Lift", None, None, "early"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("  ", None),
        (" 8 km ", "8 km"),
        (8, "8"),
        (8.0, "8"),
        (8.5, "8.5"),
        (True, None),
        (["8 km", None, "40 min"], "8 km, 40 min"),
        ([], None),
        ({"distance": "8 km", "time": 40, "x": None}, "distance: 8 km, time: 40"),
        (float("nan"), None),
        ("undefined", None),
        (" NULL ", None),
        ("[object Object]", None),
        ("NaN km", None),
        ("null - null min", None),
        (["8 km", "undefined"], "8 km"),
        ("-", None),
        ("--", None),
        ("—", None),
        ("−", None),
        ("n/a", None),
        ("None", None),
        ("\u200b\u2060", None),
        ("null pace, 8 km", None),
        ("Nan's 8 km, not nullable", "Nan's 8 km, not nullable"),
        ("8-10 km", "8-10 km"),
    ],
)
def test_details_of_any_type(value: object, expected: str | None) -> None:
    """A detail is shown as far as it can be read, and is no reason to refuse a plan."""
    [session] = read_plan(document(entry(distance_time=value)), UTC).sessions
    assert session.distance_time == expected


def test_session_ids() -> None:
    """Date and name; the same name again on that date gets a number, on another date it does not."""
    days = [entry(activity=name) for name in ("Run", "run!", "RUN", "Café")] + [entry("2026-02-18")]
    assert ids(*days) == [
        "2026-02-17-run",
        "2026-02-17-run-2",
        "2026-02-17-run-3",
        "2026-02-17-cafe",
        "2026-02-18-run",
    ]


def test_a_numbered_name_keeps_its_own_id() -> None:
    """`Run 2` is called so wherever it stands, and the second `Run` makes way."""
    names = ["Run", "Run", "Run 2"]
    for _ in range(6):
        random.shuffle(names)
        assert sorted(ids(*(entry(activity=name) for name in names))) == [
            "2026-02-17-run",
            "2026-02-17-run-2",
            "2026-02-17-run-3",
        ]


@given(st.lists(activities, min_size=1, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_ids_are_stable_under_reordering(names: list[str], rng: random.Random) -> None:
    """Sessions of different names have the same ids in whichever order; all ids differ."""
    days = [entry(activity=name) for name in names]
    before = read_plan(document(*days), UTC).sessions
    rng.shuffle(days)
    after = read_plan(document(*days), UTC).sessions
    assert len({session.session_id for session in before}) == len(before)
    assert {session.session_id for session in before} == {session.session_id for session in after}
    assert [session.number for session in after] == list(range(1, len(after) + 1))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"athleteId": " ana "}, "ana"),
        ({"athleteId": 42}, "42"),
        ({"athleteId": 42.0}, "42"),
        ({"athleteId": ""}, None),
        ({"athleteId": None, "activityPlan": {"athleteId": "ben", "days": [entry()]}}, "ben"),
        ({"athleteId": "ana", "activityPlan": {"athleteId": "ben", "days": [entry()]}}, "ana"),
        ({"activityPlan": '{"athleteId": "ben", "days": [{"day": "Mon", "activity": "Run"}]}'}, "ben"),
        ({"activityPlan": {"json": {"athleteId": "ben", "days": [entry()]}}}, "ben"),
    ],
)
def test_whose_plan(fields: dict[str, Any], expected: str | None) -> None:
    """At the top of the document, or in the plan."""
    whole = document(entry(), **fields)
    assert plan_athlete_id(whole) == read_plan(whole, UTC).athlete_id == expected


def test_whose_plan_is_told_whatever_its_days_are() -> None:
    """They cannot be read before that, since an instant is a day where the athlete lives."""
    assert plan_athlete_id(document({"date": "soon"}, athleteId="ana")) == "ana"
    with pytest.raises(InvalidPlan, match=r"^athleteId: not text; "):
        plan_athlete_id(document(athleteId=["ana"]))


def test_when_a_plan_was_made() -> None:
    """A date, ISO text (UTC unless it says otherwise), else the time in its ObjectId, else long ago."""
    id_ = ObjectId.from_datetime(CREATED)
    assert created_at({"createdAt": CREATED, "_id": ObjectId()}) == CREATED
    assert created_at({"createdAt": "2026-02-15T09:00:00"}) == CREATED
    assert created_at({"createdAt": "2026-02-15T10:00:00+01:00"}) == CREATED
    odds: list[object] = [None, "yesterday", 5, {}, "0001-01-01T00:00:00+14:00"]
    for odd in odds:
        assert created_at({"createdAt": odd, "_id": id_}) == CREATED
        assert created_at({"createdAt": odd, "_id": "mine"}) == OLDEST


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"runId": None}, "runId"),
        ({"runId": " "}, "runId"),
        ({"runId": 5}, "runId"),
        ({"runId": "undefined"}, "runId"),
        ({"runId": " Null "}, "runId"),
        ({"runId": "[object Object]"}, "runId"),
        ({"runId": "NaN"}, "runId"),
        ({"runId": "\u200b"}, "runId"),
        ({"activityPlan": None}, "activityPlan"),
        ({"activityPlan": "text"}, "activityPlan"),
        ({"activityPlan": []}, "activityPlan"),
        ({"activityPlan": {}}, "activityPlan.days"),
        ({"activityPlan": {"days": {}}}, "activityPlan.days"),
        ({"weekStart": "next week"}, "weekStart"),
        ({"weekStart": 5}, "weekStart"),
        ({"weekStart": "2026-02-30"}, "weekStart"),
        ({"weekEnd": "2026-02-15"}, "weekEnd"),
        ({"weekEnd": "2026-03-19"}, "weekEnd"),
        ({"weekEnd": "2062-02-22"}, "weekEnd"),
        ({"weekStart": "1999-12-31"}, "weekStart"),
        ({"athleteId": ["ana"]}, "athleteId"),
        ({"activityPlan": {"athleteId": {}, "days": []}}, "activityPlan.athleteId"),
        ({"activityPlan": {"days": []}}, "activityPlan.days"),
        ({"activityPlan": {"dias": []}}, "activityPlan.days"),
        ({"activityPlan": {"days": None}}, "activityPlan.days"),
    ],
)
def test_plans_that_are_refused(fields: dict[str, Any], field: str) -> None:
    """The error names the field and the cure."""
    with pytest.raises(InvalidPlan) as caught:
        read_plan(document(**fields), UTC)
    assert caught.value.field == field
    assert "; " in caught.value.cure
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("day", "field"),
    [
        ("Monday: run", ""),
        (None, ""),
        ([], ""),
        (entry(date_="tomorrow"), ".date"),
        (entry(date_=20260217), ".date"),
        (entry(date_="20260217"), ".date"),
        (entry(date_="2026-02-29"), ".date"),
        (entry(date_="0001-01-01"), ".date"),
        (entry(date_=datetime.max.replace(tzinfo=UTC)), ".date"),
        ({"activity": "Run"}, ".date"),
        ({"activity": "Run", "day": "someday"}, ".day"),
        ({"activity": "Run", "day": 2}, ".date"),
        ({"activity": "Rest"}, ".date"),
        ({"activity": "off", "date": "soon"}, ".date"),
        (entry(activity=5), ".activity"),
        (entry(activity=True), ".activity"),
        (entry(athleteId="ben"), ".athleteId"),
        (entry(activity=["Run", 5]), ".activity[1]"),
        (entry(activity={"activity": [5]}), ".activity.activity[0]"),
    ],
)
def test_days_that_are_refused(day: object, field: str) -> None:
    """With the number of the entry, counted as in MongoDB."""
    with pytest.raises(InvalidPlan) as caught:
        read_plan(document(entry(), day), UTC)
    assert caught.value.field == f"activityPlan.days[1]{field}"


def test_weekdays_that_say_nothing() -> None:
    """Without a week, in a shorter one without that day, or in a longer one that has it twice."""
    run = {"day": "Monday", "activity": "Run"}
    for fields in (
        {"weekStart": None, "weekEnd": None},
        {"weekStart": "2026-02-17", "weekEnd": "2026-02-19"},
        {"weekEnd": "2026-02-23"},
    ):
        with pytest.raises(InvalidPlan, match="write"):
            read_plan(document(run, **fields), UTC)


def test_too_many_sessions() -> None:
    """A plan is no flood of questions."""
    many = [entry(activity=f"Run {n}") for n in range(MAX_SESSIONS)]
    assert len(ids(*many)) == MAX_SESSIONS
    with pytest.raises(InvalidPlan, match=r"^activityPlan\.days: more than 200"):
        read_plan(document(*many, entry(activity="One more")), UTC)


odd_names = st.sampled_from(
    [
        *("date", "day", "activity", "days", "nextWeek", "start", "note", "athleteId", "weekStart", "fecha"),
        *("sessions", "workout", "title", "type", "json", "output", "monday", "martes", "2026-02-17", "rest"),
        *("am", "workout2", "distance", "distance_time", "intensity", "goal", "week", "plan", "sesión"),
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.datetimes(timezones=st.just(UTC) | st.none())
    | st.sampled_from(["2026-02-17", "Monday", "martes", "Run", "Rest", "2026-02-22", b"x", ObjectId()])
    | st.sampled_from(["undefined", "-", '{"activity": "Run"}', "[1]", "[[", "2026-02-16T23:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_names, inner, max_size=4),
    max_leaves=12,
)
days = st.dictionaries(odd_names, values, max_size=6)


@given(
    st.fixed_dictionaries(
        {"runId": st.just("R1") | values},
        optional={
            "activityPlan": st.fixed_dictionaries({"days": st.lists(days, max_size=3) | values})
            | days
            | st.lists(days, max_size=2)
            | values,
            **dict.fromkeys(("weekStart", "weekEnd", "createdAt", "athleteId", "_id"), values),
        },
    )
)
def test_anything_is_read_or_refused(anything: dict[str, Any]) -> None:
    """Whatever stands in a document, there is a plan or an `InvalidPlan` and no other error."""
    try:
        plan = read_plan(anything, UTC)
    except InvalidPlan:
        return
    assert {session.date for session in plan.sessions} <= plan.covered
    assert not {session.date for session in plan.sessions} & plan.rest
    for session in plan.sessions:
        assert session.activity
        assert len(session.session_id) <= 11 + 40 + 4
    assert plan.created_at.tzinfo is not None


@given(
    st.dictionaries(
        st.sampled_from(["2026-02-16", "2026-02-18", "2026-02-22"]),
        st.lists(st.sampled_from(["Tempo", "Rodaje", "Yoga"]), max_size=2, unique=True),
        min_size=1,
    ),
    st.sampled_from(["days", "week", "Días", "sessions"]),
    st.sampled_from(["activity", "workouts", "sesión"]),
    st.sampled_from(["date", "fecha", "day"]),
    st.sampled_from(["object", "json", "text", "keyed"]),
)
def test_known_sessions_in_any_shape(
    planned: dict[str, list[str]], days_name: str, activity_name: str, date_name: str, shape: str
) -> None:
    """Are read as these sessions, and every other day as rest; what is not as documented is said."""
    listed: Any = [{date_name: day, activity_name: names or "Rest"} for day, names in planned.items()]
    if shape == "keyed":
        listed = dict(zip(planned, listed, strict=True))
    inner: Any = {days_name: listed}
    inner = {"json": {"json": inner}, "text": json.dumps(inner)}.get(shape, inner)
    plan = read_plan(document(activityPlan=inner), MADRID)
    found: dict[str, list[str]] = {day: [] for day in planned}
    for session in plan.sessions:
        found[session.date.isoformat()].append(session.activity)
    assert found == planned
    assert {day.isoformat() for day in plan.rest} == {day for day, names in planned.items() if not names}
    is_documented = (days_name, activity_name, shape) == ("days", "activity", "object")
    assert (plan.readings == ()) is is_documented
    assert plan.warnings == ()


def plan_of(run_id: str, *days: Any, hours: int = 0, **fields: Any) -> Plan:
    """A plan made so many hours later."""
    return read_plan(document(*days, runId=run_id, createdAt=CREATED + timedelta(hours=hours), **fields), UTC)


def current(*plans: Plan) -> dict[str, tuple[str, list[str]]]:
    """By date: the run that counts, and its activities; without the first plan's days of rest."""
    return {
        day.isoformat()[5:]: (plan.run_id, [session.activity for session in sessions])
        for day, (plan, sessions) in current_sessions(plans).items()
        if sessions or plan.run_id != "R1"
    }


def test_the_newest_plan_counts() -> None:
    """For each date that it covers, whichever order they are read in; the rest of the week is rest then."""
    old = plan_of("R1", entry("2026-02-17", "Run"), entry("2026-02-18", "Ride"))
    new = plan_of("R2", entry("2026-02-18", "Swim"), hours=1)
    for plans in ((old, new), (new, old)):
        found = current(*plans)
        assert found["02-17"] == ("R2", [])
        assert found["02-18"] == ("R2", ["Swim"])
        assert len(found) == 7


def test_a_plan_without_a_week_replaces_only_what_it_lists() -> None:
    """Sessions and days of rest; the older plan goes on around them."""
    old = plan_of("R1", *(entry(f"2026-02-{n}", "Run") for n in (17, 18, 19)))
    new = plan_of(
        "R2", entry("2026-02-18", "Rest"), entry("2026-02-19", "Swim"), hours=1, weekStart=None, weekEnd=None
    )
    assert current(old, new) == {"02-17": ("R1", ["Run"]), "02-18": ("R2", []), "02-19": ("R2", ["Swim"])}


def test_plans_made_at_the_same_time() -> None:
    """The larger run id counts."""
    first, second = plan_of("R1", entry(activity="Run")), plan_of("R2", entry(activity="Swim"))
    assert current(second, first)["02-17"] == ("R2", ["Swim"])
