"""From activities and wellness days to weeks."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.records.collections import parse
from bot.core.records.models import WeeklyMetrics
from bot.core.records.rollup import MEANS, weekly_metrics
from bot.core.shared.bson_json import BadValue
from tests.unit.core.shared.test_bson_json import VALUES, outcome

MADRID = ZoneInfo("Europe/Madrid")
MONDAY = date(2026, 2, 16)
EMPTY: dict[str, Any] = {
    "weekStart": "2026-02-16",
    "weekEnd": "2026-02-22",
    **dict.fromkeys(("runCount", "runDistance", "runTime", "rideCount", "rideDistance", "rideTime"), 0),
    **dict.fromkeys(("vo2Sessions", "tempoSessions", "longRuns", "strengthCount", "strengthTrimp"), 0),
    **dict.fromkeys(("ctlMean", "atlMean", "rampRateMean", "restHrMean", "stepsMean"), None),
    **dict.fromkeys(("sleepScoreMean", "hrvMean"), None),
}
RUN: dict[str, Any] = {"runCount": 1, "runDistance": None, "runTime": None}
"""One run without distance and time."""
RIDE: dict[str, Any] = {"rideCount": 1, "rideDistance": None, "rideTime": None}


def activity(**fields: object) -> dict[str, Any]:
    """A run on Wednesday; each test says what matters to it."""
    return {"type": "Run", "start_date_local": "2026-02-18T07:00:00", **fields}


def day(number: int, **fields: object) -> dict[str, Any]:
    """A wellness day, counted from Monday."""
    return {"id": (MONDAY + timedelta(days=number)).isoformat(), **fields}


def only_week(*activities: dict[str, Any], wellness: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """The one week that these make."""
    [week] = weekly_metrics(activities, wellness, zone=UTC)
    return week


def refusal(activities: list[Any], wellness: list[Any]) -> BadValue:
    """The refusal that these meet."""
    with pytest.raises(BadValue) as caught:
        weekly_metrics(activities, wellness, zone=UTC)
    return caught.value


def test_nothing_gives_no_week() -> None:
    """There is no week without an activity or a wellness day."""
    assert weekly_metrics([], [], zone=UTC) == weekly_metrics(None, None, zone=UTC) == []


def test_what_is_not_known_is_left_out() -> None:
    """An upsert then keeps what is stored; an empty list says that there was nothing."""
    week = {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"}
    means = {name: EMPTY[name] for name in MEANS}
    totals = {name: value for name, value in EMPTY.items() if name not in week | means}
    assert weekly_metrics(None, [day(0, hrv=60)], zone=UTC) == [{**week, **means, "hrvMean": 60}]
    assert weekly_metrics([], [day(0, hrv=60)], zone=UTC) == [{**EMPTY, "hrvMean": 60}]
    assert weekly_metrics([activity()], None, zone=UTC) == [{**week, **totals, **RUN}]
    assert weekly_metrics([activity()], [], zone=UTC) == [{**EMPTY, **RUN}]


def test_a_week_in_figures() -> None:
    """Every figure of a mixed week, other sports left out."""
    week = only_week(
        activity(id="1", name="VO2max 5x3", distance=8000.25, elapsed_time=2700, trimp=90),
        activity(id="2", name="Tirada Long", distance=20000.5, elapsed_time=7200),
        activity(id="3", name="Umbral + tempo", distance=0, elapsed_time=1800.5),
        activity(id="4", type="Ride", name="Long ride", distance=40000, elapsed_time=5400, trimp=70),
        activity(id="5", type="VirtualRide", distance=20000, elapsed_time=3600),
        activity(id="6", type="WeightTraining", name="Tempo squats", elapsed_time=3600, trimp=25.125),
        activity(id="7", type="WeightTraining", trimp=None),
        activity(id="8", type="TrailRun", name="VO2", distance=9000, elapsed_time=100),
        activity(id="9", type="Swim", distance=1500, elapsed_time=1800, trimp=20),
        wellness=(
            day(0, ctl=50, atl=60.5, rampRate=-1, restingHR=48, steps=9000, sleepScore=80, hrv=60),
            day(1, ctl=51, atl=None, rampRate=2, restingHR=50, steps=0, sleepScore=None, hrv=None),
            day(2, ctl=51.01, hrv=65),
        ),
    )
    assert week == {
        **EMPTY,
        "runCount": 4,
        "runDistance": 37000.75,
        "runTime": 11800.5,
        "rideCount": 2,
        "rideDistance": 60000,
        "rideTime": 9000,
        "vo2Sessions": 2,
        "tempoSessions": 1,
        "longRuns": 1,
        "strengthCount": 2,
        "strengthTrimp": 25.12,
        "ctlMean": 50.67,
        "atlMean": 60.5,
        "rampRateMean": 0.5,
        "restHrMean": 49,
        "stepsMean": 4500,
        "sleepScoreMean": 80,
        "hrvMean": 62.5,
    }
    assert isinstance(week["rideDistance"], int)


@pytest.mark.parametrize(
    ("type_", "counted"),
    [
        ("Run", "runCount"),
        ("run", None),
        ("TrailRun", "runCount"),
        ("VirtualRun", "runCount"),
        ("UltraRun", "runCount"),
        ("Runner", None),
        ("Treadmill", None),
        ("Ride", "rideCount"),
        ("GravelRide", "rideCount"),
        ("EBikeRide", "rideCount"),
        ("EMountainBikeRide", "rideCount"),
        ("Rider", None),
        ("WeightTraining", "strengthCount"),
        ("Workout", None),
    ],
)
def test_types_are_counted_as_documented(type_: str, counted: str | None) -> None:
    """`WeightTraining` exactly, and whatever ends in `Run` or `Ride`."""
    week = only_week(activity(type=type_, distance=0))
    times = {"runCount": "runTime", "rideCount": "rideTime"}
    unknown = {times[counted]: None} if counted in times else {}
    assert week == {**EMPTY, **({counted: 1} if counted else {}), **unknown}


@pytest.mark.parametrize(
    ("name", "sessions"),
    [
        ("6x800 VO2 max", {"vo2Sessions"}),
        ("VO₂max", {"vo2Sessions"}),
        ("THRESHOLD", {"tempoSessions"}),
        ("Ümbral lárgo", {"tempoSessions"}),
        ("témpo", {"tempoSessions"}),
        ("lo\u0301ng tempo vo2", {"vo2Sessions", "tempoSessions", "longRuns"}),
        ("Tempolauf", {"tempoSessions"}),
        ("2x tempo", {"tempoSessions"}),
        ("half-long/thresholds", {"tempoSessions", "longRuns"}),
        ("Tirada larga 18 km", {"longRuns"}),
        ("RODAJE LARGO", {"longRuns"}),
        ("Rodaje muy largo por el río", {"longRuns"}),
        ("Largo", {"longRuns"}),
        ("Domingo: tirada larga con umbral", {"tempoSessions", "longRuns"}),
        ("Tiradas largas", {"longRuns"}),
        ("Series largas", set()),
        ("Largometraje", set()),
        ("Along the river", set()),
        ("Furlongs", set()),
        ("contemporary Contempo", set()),
        ("subumbral", set()),
        ("Easy", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_sessions_are_told_by_name(name: str | None, sessions: set[str]) -> None:
    """Case and accents do not matter; one run may be of several kinds, and only runs are."""
    assert only_week(activity(name=name)) == {**EMPTY, **RUN, **dict.fromkeys(sessions, 1)}
    assert only_week(activity(name=name, type="Ride")) == {**EMPTY, **RIDE}


STUB = {
    "id": "16358453283",
    "icu_athlete_id": "i777",
    "start_date_local": "2026-02-17T19:21:15",
    "source": "STRAVA",
    "_note": "STRAVA activities are not available via the API",
}


@pytest.mark.parametrize(
    "stub",
    [
        STUB,
        STUB | {"type": None, "name": None, "distance": None},
        STUB | {"type": " "},
        {name: value for name, value in STUB.items() if name != "_note"},
        {name: value for name, value in STUB.items() if name != "id"},
        STUB | {"_note": 5},
    ],
)
def test_what_may_not_be_passed_on_is_not_known(stub: dict[str, Any]) -> None:
    """It might be a run, or a ride: no sum of its week is known, which is not 0; those of others are."""
    known = {"distance": 5000, "elapsed_time": 1800}
    other = activity(start_date_local="2026-02-24T07:00:00", **known)
    warnings: list[str] = []
    week, after = weekly_metrics(
        [activity(**known), other, stub],
        [day(0, hrv=60)],
        zone=UTC,
        warn=lambda path, problem: warnings.append(f"{path}: {problem}"),
    )
    sums = EMPTY.keys() - MEANS.keys() - {"weekStart", "weekEnd"}
    assert {name: week[name] for name in sums} == dict.fromkeys(sums)
    assert (week["hrvMean"], after["runCount"]) == (60, 1)
    (warning,) = warnings
    assert warning.startswith("activities[2]: the activity ")
    assert str(stub.get("id", "without an id")) in warning
    assert "2026-02-17" in warning
    assert ("not available via the API" in warning) == ("API" in str(stub.get("_note")))
    assert parse("weekly_metrics", week).to_update_fields() == week


def test_what_is_passed_on_elsewhere_is_known() -> None:
    """The same activity, with a type, counts whichever comes last."""
    known = activity(id=STUB["id"], icu_athlete_id="i777", distance=5000)
    assert only_week(STUB, known) == only_week(known, STUB) == only_week(known)


def test_times() -> None:
    """Elapsed time, else moving time, which is said; of activities whose time counts."""

    def run(**fields: object) -> dict[str, Any]:
        return activity(distance=0, **fields)

    warnings: list[str] = []
    [week] = weekly_metrics(
        [
            run(id=1, elapsed_time=3600, moving_time=3000),
            run(id=2, elapsed_time=None, moving_time=3000),
            run(id=3, moving_time=600.5, type="TrailRun"),
            run(id=4, elapsed_time=0, moving_time=100, type="GravelRide"),
            run(id=5, moving_time=100, type="Swim"),
        ],
        None,
        zone=UTC,
        warn=lambda path, problem: warnings.append(f"{path}: {problem}"),
    )
    assert (week["runTime"], week["rideTime"]) == (7200.5, 100)
    assert [warning.split(" of 2026-02-18 has no elapsed_time")[0] for warning in warnings] == [
        f"activities[{number - 1}]: the activity {number}" for number in (2, 3, 4)
    ]


KNOWN: dict[str, Any] = {"distance": 5000, "elapsed_time": 1800}
NO_TIME = {"elapsed_time": None}


@pytest.mark.parametrize(
    ("fields", "unknown", "lacks"),
    [
        (NO_TIME, {"runTime"}, "elapsed_time or moving_time, so that sum"),
        ({"elapsed_time": 0, "moving_time": 0}, {"runTime"}, "elapsed_time or moving_time, so that sum"),
        ({"distance": None}, {"runDistance"}, "distance, so that sum"),
        (
            {"distance": None, **NO_TIME},
            {"runDistance", "runTime"},
            "distance and no elapsed_time or moving_time, so those sums",
        ),
        ({"type": "VirtualRun", "distance": None}, {"runDistance"}, "distance, so that sum"),
        ({"type": "VirtualRide", "distance": None}, {"rideDistance"}, "distance, so that sum"),
        ({"type": "GravelRide", **NO_TIME}, {"rideTime"}, "elapsed_time or moving_time, so that sum"),
        ({"type": "VirtualRide", "distance": 0}, set(), None),
        ({"distance": 0.0}, set(), None),
        ({"type": "Swim", "distance": None, **NO_TIME}, set(), None),
        ({"type": "WeightTraining", "distance": None, **NO_TIME, "trimp": None}, set(), None),
    ],
)
def test_a_sum_that_would_be_too_small_is_not_known(
    fields: dict[str, Any], unknown: set[str], lacks: str | None
) -> None:
    """One warning says which activity lacks what; counts, and the other sums and weeks, are known."""
    warnings: list[str] = []
    others = [activity(**KNOWN), activity(type="Ride", **KNOWN)]
    odd = activity(**KNOWN | {"id": "i9"} | fields)
    next_week = activity(**KNOWN | {"start_date_local": "2026-02-24T07:00:00"})
    week, after = weekly_metrics(
        [*others, odd, next_week],
        None,
        zone=UTC,
        warn=lambda path, problem: warnings.append(f"{path}: {problem}"),
    )
    sums = {"runDistance", "runTime", "rideDistance", "rideTime"}
    assert {name for name, value in week.items() if value is None} == unknown
    assert (after["runDistance"], after["runTime"]) == (5000, 1800)
    assert all(week[name] >= (5000 if "Distance" in name else 1800) for name in sums - unknown)
    assert week["runCount"] + week["rideCount"] == 2 + odd["type"].endswith(("Run", "Ride"))
    expected = f"activities[2]: the activity i9 of 2026-02-18 has no {lacks}"
    assert [warning.split(" of its week")[0] for warning in warnings] == ([expected] if lacks else [])


def test_a_known_version_of_an_activity_makes_its_sums_known() -> None:
    """The last one counts, and is what is told of."""
    warnings: list[str] = []
    [week] = weekly_metrics(
        [activity(id=1), activity(id=1, **KNOWN)],
        None,
        zone=UTC,
        warn=lambda path, problem: warnings.append(f"{path}: {problem}"),
    )
    assert (week["runCount"], week["runDistance"], week["runTime"], warnings) == (1, 5000, 1800, [])


def test_zeros() -> None:
    """Nobody's heart stands still: 0 says that nothing was measured. No steps are possible."""
    zeros = dict.fromkeys(("ctl", "atl", "rampRate", "restingHR", "hrv", "sleepScore", "steps"), 0)
    means = {"ctlMean": 0, "atlMean": 0, "rampRateMean": 0, "stepsMean": 0}
    assert only_week(wellness=(day(0, **zeros, sleepSecs=27000),)) == {**EMPTY, **means}
    measured = day(1, restingHR=48, hrv=62.0, sleepScore=81.0, steps=9000)
    assert only_week(wellness=(day(0, **zeros), measured)) == {
        **EMPTY,
        **means,
        "restHrMean": 48,
        "hrvMean": 62,
        "sleepScoreMean": 81,
        "stepsMean": 4500,
    }


@pytest.mark.parametrize(
    ("fields", "monday"),
    [
        ({"start_date_local": "2026-02-22T23:59:59"}, "2026-02-16"),
        ({"start_date_local": "2026-02-23T00:00:00"}, "2026-02-23"),
        ({"start_date_local": "2026-02-22T23:30:00Z"}, "2026-02-16"),
        ({"start_date_local": "2026-02-22T23:30:00", "start_date": "2026-02-23T05:30:00Z"}, "2026-02-16"),
        ({"start_date": "2026-02-22T22:59:59Z"}, "2026-02-16"),
        ({"start_date": "2026-02-22T23:00:00Z"}, "2026-02-23"),
        ({"start_date": "2026-02-23T01:00:00+02:00"}, "2026-02-23"),
        # Clocks go forward on Sunday 29 March and back on Sunday 25 October.
        ({"start_date": "2026-03-29T21:59:59Z"}, "2026-03-23"),
        ({"start_date": "2026-03-29T22:00:00Z"}, "2026-03-30"),
        ({"start_date": "2026-10-25T22:59:59Z"}, "2026-10-19"),
        ({"start_date": "2026-10-25T23:00:00Z"}, "2026-10-26"),
        ({"start_date": None, "start_date_local": "2026-01-01T00:00:00"}, "2025-12-29"),
    ],
)
def test_weeks_run_from_monday_to_sunday_in_the_zone(fields: dict[str, Any], monday: str) -> None:
    """The athlete's own clock where it is told, else the instant in the zone."""
    [week] = weekly_metrics([{"type": "Run", **fields}], [], zone=MADRID)
    assert week["weekStart"] == monday
    assert date.fromisoformat(week["weekEnd"]) - date.fromisoformat(monday) == timedelta(days=6)


def test_the_same_activity_counts_once() -> None:
    """The last version does, even when it moved to another week; those without an id are all different."""
    first = activity(id="i1", distance=5000)
    moved = activity(id="i1", distance=6000, start_date_local="2026-02-24T07:00:00")
    [week] = weekly_metrics([first, moved], [], zone=UTC)
    assert (week["weekStart"], week["runCount"], week["runDistance"]) == ("2026-02-23", 1, 6000)
    assert only_week(activity(), activity())["runCount"] == 2


def test_the_same_day_counts_once() -> None:
    """The last version of a wellness day replaces the earlier one."""
    assert only_week(wellness=(day(0, hrv=60, steps=1), day(0, hrv=70))) == {**EMPTY, "hrvMean": 70}


def test_the_athlete_is_named_or_told_by_the_activities() -> None:
    """Activities of two athletes make no week, unless somebody says whose it is."""
    two = [activity(icu_athlete_id="i1"), activity(), activity(icu_athlete_id="i2")]
    assert only_week(*two[:2])["athleteId"] == "i1"
    assert "athleteId" not in only_week(activity())
    assert weekly_metrics(two, [], zone=UTC, athlete_id=7)[0]["athleteId"] == 7
    assert refusal(two, []).path == "activities[2].icu_athlete_id"


@pytest.mark.parametrize(
    ("activities", "wellness", "path", "problem"),
    [
        ([activity(), 5], [], "activities[1]", "must be an object"),
        ([{"type": "Run"}], [], "activities[0].start_date_local", "is missing"),
        ([activity(start_date_local="soon")], [], "activities[0].start_date_local", "ISO 8601"),
        ([activity(start_date_local=5)], [], "activities[0].start_date_local", "ISO 8601"),
        ([activity(start_date_local="9999-12-31T00:00:00")], [], "activities[0].start_date_local", "years"),
        ([{"start_date": "2026-02-16T07:00:00"}], [], "activities[0].start_date", "offset"),
        ([{"start_date": "0001-01-01T00:00:00+01:00"}], [], "activities[0].start_date", "years"),
        ([activity(type=5)], [], "activities[0].type", "must be text"),
        ([activity(name=["x"])], [], "activities[0].name", "must be text"),
        ([activity(id=[1])], [], "activities[0].id", "text or a whole number"),
        ([activity(icu_athlete_id=True)], [], "activities[0].icu_athlete_id", "text or a whole number"),
        ([activity(distance="10")], [], "activities[0].distance", "must be a number, not text"),
        ([activity(), activity(elapsed_time=True)], [], "activities[1].elapsed_time", "not a boolean"),
        ([activity(trimp=-1)], [], "activities[0].trimp", "negative"),
        ([activity(moving_time="50 min")], [], "activities[0].moving_time", "must be a number, not text"),
        ([activity(trimp=float("nan"))], [], "activities[0].trimp", "sensible"),
        ([activity(distance=10**400)], [], "activities[0].distance", "sensible"),
        ([], [None], "wellness[0]", "must be an object"),
        ([], [day(0), {"hrv": 60}], "wellness[1].id", "YYYY-MM-DD"),
        ([], [{"id": "2026-02-30"}], "wellness[0].id", "YYYY-MM-DD"),
        ([], [{"id": "9999-12-31"}], "wellness[0].id", "years"),
        ([], [day(0, hrv="60")], "wellness[0].hrv", "must be a number"),
        ([], [day(0, steps=-1)], "wellness[0].steps", "negative"),
        ([], [day(0, sleepScore=500)], "wellness[0].sleepScore", "must not be more than 100"),
        ([], [day(0, rampRate=float("inf"))], "wellness[0].rampRate", "sensible"),
    ],
)
def test_bad_input_is_refused_by_index_and_field(
    activities: list[Any], wellness: list[Any], path: str, problem: str
) -> None:
    """The refusal names what to correct."""
    error = refusal(activities, wellness)
    assert error.path == path
    assert problem in error.problem


AMOUNTS = st.none() | st.integers(0, 100_000) | st.floats(0, 100_000)
_FIRST, _LAST = datetime(1901, 1, 1), datetime(2099, 12, 31)  # noqa: DTZ001  # local times, as the source has them
MOMENTS = st.datetimes(_FIRST, _LAST).map(lambda at: at.isoformat())
ACTIVITIES = st.lists(
    st.fixed_dictionaries(
        {
            "start_date_local": MOMENTS,
            "type": st.sampled_from(["Run", "Ride", "WeightTraining", "Swim", None]),
        },
        optional={
            "name": st.sampled_from(["long", "tempo", "vo2", "easy"]),
            **dict.fromkeys(("distance", "elapsed_time", "trimp"), AMOUNTS),
        },
    ),
    max_size=6,
)
WELLNESS = st.lists(
    st.fixed_dictionaries(
        {"id": st.dates(date(2026, 1, 1), date(2026, 2, 1)).map(lambda at: at.isoformat())},
        optional={
            **dict.fromkeys(("ctl", "atl", "rampRate", "restingHR", "steps", "hrv"), AMOUNTS),
            "sleepScore": st.none() | st.floats(0, 100),
        },
    ),
    max_size=6,
    unique_by=lambda fields: fields["id"],
)


@given(ACTIVITIES, WELLNESS, st.randoms(use_true_random=False))
def test_weeks_do_not_depend_on_the_order_of_the_input(
    activities: list[dict[str, Any]], wellness: list[dict[str, Any]], chance: random.Random
) -> None:
    """They are documents of `weekly_metrics`, oldest first, with every documented figure."""
    weeks = weekly_metrics(activities, wellness, zone=MADRID)
    shuffled = chance.sample(activities, len(activities)), chance.sample(wellness, len(wellness))
    assert weekly_metrics(*shuffled, zone=MADRID) == weeks
    assert [week["weekStart"] for week in weeks] == sorted({week["weekStart"] for week in weeks})
    if all(item["type"] for item in activities):
        assert sum(week["runCount"] for week in weeks) == sum(item["type"] == "Run" for item in activities)
    for week in weeks:
        assert week.keys() == WeeklyMetrics.model_fields.keys() - {"athleteId", "createdAt", "updatedAt"}
        assert parse("weekly_metrics", week).to_update_fields() == week


FIELDS = [
    "id",
    "type",
    "name",
    "start_date_local",
    "start_date",
    "distance",
    "trimp",
    "hrv",
    "icu_athlete_id",
]


@given(*(st.lists(VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES | MOMENTS), max_size=3),) * 2)
def test_any_input_is_rolled_up_or_refused(activities: list[Any], wellness: list[Any]) -> None:
    """There is no third outcome, and the refusal says where."""
    error = outcome(lambda: weekly_metrics(activities, wellness, zone=MADRID))
    assert error is None or error.path.startswith(("activities[", "wellness["))
