"""Entries of a plan as planners write them: their sessions, rest, or a refusal of what stands there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.plans.activities import is_rest
from bot.core.plans.dates import EntryDates
from bot.core.plans.days import EntryReader, detail_text
from bot.core.plans.remarks import InvalidPlan, Remarks
from tests.support.training import MADRID

DAY = {"date": "2026-12-01"}


def read(entry: object) -> tuple[list[str], Remarks]:
    """The activities of an entry, and the remarks."""
    remarks = Remarks()
    drafts = EntryReader(EntryDates(MADRID), remarks).read(entry, "day")
    return [draft.activity for draft in drafts], remarks


def refusal(entry: object) -> InvalidPlan:
    """Why an entry cannot be read."""
    with pytest.raises(InvalidPlan) as caught:
        read(entry)
    return caught.value


@pytest.mark.parametrize(
    ("entry", "activities", "reading"),
    [
        ({"workout": "Tempo run", "distance": "8 km"}, ["Tempo run"], "day: read `workout` as the activity"),
        ({"activity": None, "workout": "Tempo"}, ["Tempo"], "day: read `workout` as the activity"),
        ({"activity": "--", "session": "Tempo"}, ["Tempo"], "day: read `session` as the activity"),
        ({"training": "Tempo"}, ["Tempo"], "day: read `training` as the activity"),
        ({"exercise": "Squats"}, ["Squats"], "day: read `exercise` as the activity"),
        ({"actividad": "Rodaje"}, ["Rodaje"], "day: read `actividad` as the activity"),
        ({"entreno": "Rodaje"}, ["Rodaje"], "day: read `entreno` as the activity"),
        ({"entrenamiento": "Rodaje"}, ["Rodaje"], "day: read `entrenamiento` as the activity"),
        ({"sesion": "Rodaje"}, ["Rodaje"], "day: read `sesion` as the activity"),
        ({"Sesión": "Rodaje"}, ["Rodaje"], "day: read `Sesión` as the activity"),
        ({"Activity": "Tempo"}, ["Tempo"], "day: read `Activity` as the activity"),
        ({"ACTIVITY": "Tempo"}, ["Tempo"], "day: read `ACTIVITY` as the activity"),
        ({"title": "Tempo"}, ["Tempo"], "day: read `title` as the activity"),
        ({"name": "Tempo"}, ["Tempo"], "day: read `name` as the activity"),
        ({"workout_name": "Tempo"}, ["Tempo"], "day: read `workout_name` as the activity"),
        ({"type": "Run"}, ["Run"], "day: read `type` as the activity"),
        ({"tipo": "Rodaje"}, ["Rodaje"], "day: read `tipo` as the activity"),
        # The other name says of which kind it is.
        ({"workout": "Tempo", "type": "Run"}, ["Tempo"], "day: read `workout` as the activity"),
        ({"title": "Tempo", "type": "Run"}, ["Tempo"], "day: read `title` as the activity"),
        ({"type": "Tempo", "sport": "Run"}, ["Tempo"], "day: read `type` as the activity"),
        ({"workout": "Tempo", "training": "TEMPO"}, ["Tempo"], "day: read `workout` as the activity"),
        (
            {"workout": "Tempo", "training": "Tempo run"},
            ["Tempo run"],
            "day: read `training` as the activity",
        ),
        # Several sessions.
        ({"sessions": ["Run", "Lift"]}, ["Run", "Lift"], "day: read `sessions` as the activity"),
        (
            {"sessions": [{"activity": "Tempo"}, {"activity": "Strength"}]},
            ["Tempo", "Strength"],
            "day: read `sessions` as the activity",
        ),
        ({"workouts": [{"type": "Run"}]}, ["Run"], "day.workouts[0]: read `type` as the activity"),
        ({"activities": ["Run"]}, ["Run"], "day: read `activities` as the activity"),
        ({"sesiones": [{"tipo": "Rodaje"}]}, ["Rodaje"], "day: read `sesiones` as the activity"),
        ({"sessions": {"am": "Run", "pm": "Lift"}}, ["Run", "Lift"], "day.sessions: read `am` and `pm` as"),
        (
            {"am": "Run", "pm": {"activity": "Lift"}},
            ["Run", "Lift"],
            "day: read `am` and `pm` as the activity",
        ),
        ({"mañana": "Rodaje", "tarde": "Descanso"}, ["Rodaje"], "day: read `mañana` and `tarde` as"),
        (
            {"workout1": "Run", "workout_2": "Lift"},
            ["Run", "Lift"],
            "day: read `workout1` and `workout_2` as",
        ),
        (
            {"activity": "Run", "sessions": [{"activity": "Run", "note": "x"}]},
            ["Run"],
            "day: read `sessions`",
        ),
        # n8n's items, and objects instead of text.
        ({"json": {"activity": "Tempo"}}, ["Tempo"], "day: took off n8n's `json`"),
        ({"json": {"activity": "Tempo"}, "pairedItem": {"item": 0}}, ["Tempo"], "day: took off n8n's `json`"),
        ({**DAY, "json": {"activity": "Tempo"}}, ["Tempo"], "day: read `json` as the activity"),
        ({"sessions": [{"json": {"activity": "A"}}]}, ["A"], "day.sessions[0]: took off n8n's `json`"),
        ({"activity": {"name": "Tempo"}}, ["Tempo"], "day.activity: read `name` as the activity"),
        ({"activity": {"type": "Run"}}, ["Run"], "day.activity: read `type` as the activity"),
        ({"activity": '{"activity": "Tempo"}'}, ["Tempo"], "day.activity: took off the text round its JSON"),
        # Rest.
        ({"rest": True}, [], "day: read as rest, as `rest` says"),
        ({"activity": None, "is_rest_day": True}, [], "day: read as rest, as `is_rest_day` says"),
        ({"activity": "", "note": "Día de descanso"}, [], "day: read as rest, as `note` says"),
        ({"workout": "Rest"}, [], "day: read `workout` as the activity"),
        ({"type": "rest", "description": "Sleep in"}, [], "day: read `type` as the activity"),
    ],
)
def test_other_shapes_are_understood_and_said(entry: object, activities: list[str], reading: str) -> None:
    """Where exactly one reading is possible."""
    found, remarks = read(entry)
    assert found == activities
    assert any(str(remark).startswith(reading) for remark in remarks.readings)
    assert remarks.warnings == []


@pytest.mark.parametrize(
    ("entry", "activities"),
    [
        (DAY, []),
        ({"activity": None}, []),
        ({"activity": ""}, []),
        ({"activity": "\u200b\u200d\ufeff"}, []),
        ({"activity": "—", "distance_time": "--", "intensity": "-", "goal": None, "note": ""}, []),
        ({"activity": None, "distance_time": "0 km", "duration": 0, "completed": False, "zones": []}, []),
        ({"activity": None, "phase": "base", "id": 7, "week": "48"}, []),
        ({"activity": [], "sessions": []}, []),
        ({"activity": None, "day": "Martes", "weekday": "Day 2"}, []),
        ({"activity": {}, "sessions": [{}, None, {"distance_time": 0}]}, []),
        ({"activity": "Rest", "note": "8 km next time"}, []),
        ({"activity": "Rest", "type": "recovery", "goal": "Legs"}, []),
        ({"activity": ["Rest", None, "-"]}, []),
        ({"activity": "Run", "rest": False}, ["Run"]),
        (
            {"activity": "Run", "tss": 40, "_id": "x", "status": "planned", "sport": "run", "done": True},
            ["Run"],
        ),
        ({"activity": "Run", "distance_km": 0, "duration_min": None, "laps": 0, "extra": "-"}, ["Run"]),
        ({"activity": "Rest", "title": "Rest day", "distance_km": 0}, []),
        ({"activity": "Run", "distance_time": "8 km", "distance_km": 8.0}, ["Run"]),
        ({"activity": "Run", "type": "easy", "name": "Tuesday", "session": "AM"}, ["Run"]),
        ({"activity": "Tempo run", "workout": "tempo"}, ["Tempo run"]),
        ({"activity": "Run, swim", "sessions": ["Run"]}, ["Run, swim"]),
        ({"activity": ["Run", {"activity": "Lift"}, ["Swim"]]}, ["Run", "Lift", "Swim"]),
        ({"activity": "Rest-Pause bench press"}, ["Rest-Pause bench press"]),
    ],
)
def test_what_needs_no_remark(entry: object, activities: list[str]) -> None:
    """Written as documented, or with other things that can be no session."""
    found, remarks = read(entry)
    assert (found, remarks.readings, remarks.warnings) == (activities, [], [])


@pytest.mark.parametrize(
    ("entry", "field", "found"),
    [
        ({"distance_time": "8 km"}, "day.activity", "`distance_time` '8 km'"),
        ({"activity": "", "duration": "40 min"}, "day.activity", "`duration` '40 min'"),
        ({"activity": None, "intensity": "Z2"}, "day.activity", "`intensity` 'Z2'"),
        ({"activity": None, "note": "Easy 8 km"}, "day.activity", "`note` 'Easy 8 km'"),
        ({"activity": "None", "distance": "8 km"}, "day.activity", "`distance` '8 km'"),
        ({"exercises": ["Squat"]}, "day.activity", "`exercises` ['Squat']"),
        ({"strength": True}, "day.activity", "`strength` True"),
        ({"tss": 40}, "day.activity", "`tss` 40"),
        ({"rest": False}, "day.activity", "`rest` False"),
        ({"workout": {"warmup": "10 min"}}, "day.activity", "`workout` {'warmup': '10 min'}"),
        ({"session": "PM"}, "day.activity", "`session` 'PM'"),
        ({"session": 2}, "day.activity", "`session` 2"),
        ({"activity": {"distance": "8 km"}}, "day.activity", "`distance` '8 km'"),
        ({"activity": {"workout": False}, "type": ["Tempo"]}, "day.activity", "`type` ['Tempo']"),
        ({"activity": {"phase": "base"}, "strength": "core"}, "day.activity", "`strength` 'core'"),
        ({"week": "Tempo"}, "day.activity", "`week` 'Tempo'"),
        ({"day": "Tempo run"}, "day.activity", "`day` 'Tempo run'"),
        ({"day": {"workout": "Tempo"}}, "day.activity", "`day` {'workout': 'Tempo'}"),
        ({"week": ["Tempo"], "activity": ""}, "day.activity", "`week` ['Tempo']"),
        ({"title": "undefined"}, "day.activity", "`title` 'undefined'"),
        ({"activity": None, "type": "null"}, "day.activity", "`type` 'null'"),
        ({"json": "undefined"}, "day.activity", "`json` 'undefined'"),
        ({"sessions": [{"note": "hills"}]}, "day.sessions[0]", "`note` 'hills'"),
        ({"workout": "Tempo", "session": "Strength"}, "day", "`session` 'Strength' and `workout` 'Tempo'"),
        ({"workout": "🏃", "session": "🚴"}, "day", "`session` '🚴' and `workout` '🏃'"),
        ({"activity": "Rest", "workout": "Tempo"}, "day", "`activity` 'Rest' and `workout` 'Tempo'"),
        ({"activity": "Run", "sessions": ["Lift"]}, "day", "`activity` 'Run' and `sessions` ['Lift']"),
        ({"activity": "Run, swim, bike", "sessions": ["Run", "Swim"]}, "day", "`activity` 'Run, swim, bike'"),
        ({"activity": "Run", "pm": "Lift"}, "day", "`activity` 'Run' and `pm` ['Lift']"),
        ({"title": "Tempo", "name": "Strength"}, "day", "`title` 'Tempo'"),
        ({"activity": "Rest", "type": "Run"}, "day", "`activity` 'Rest', but `type` 'Run'"),
        ({"activity": "Rest", "title": "Tempo 8 km"}, "day", "`title` 'Tempo 8 km'"),
        ({"activity": "Run", "type": "rest"}, "day", "`type` 'rest'"),
        ({"rest": True, "type": ["Tempo"]}, "day.activity", "`type` ['Tempo']"),
        ({"activity": "Run", "rest_day": True}, "day", "`rest_day` True"),
        ({"activity": 5}, "day.activity", "5 is not text"),
        ({"activity": False}, "day.activity", "False is not text"),
        ({"activity": ["Run", 5]}, "day.activity[1]", "5 is not text"),
        ({"activity": "undefined"}, "day.activity", "'undefined'"),
        ({"activity": " NULL "}, "day.activity", "' NULL '"),
        ({"activity": "NaN"}, "day.activity", "'NaN'"),
        ({"activity": "[object Object]"}, "day.activity", "'[object Object]'"),
        ({"activity": "[object Object], [object Object]"}, "day.activity", "'[object Object]"),
        ({"activity": ["Run", "undefined"]}, "day.activity[1]", "'undefined'"),
        ({"activity": "Run undefined km"}, "day.activity", "'Run undefined km' is no activity"),
        ({"activity": "UNDEFINED: easy"}, "day.activity", "'UNDEFINED: easy'"),
        ({"activity": "Tempo NaN min"}, "day.activity", "'Tempo NaN min'"),
        ({"activity": "[object Object] run"}, "day.activity", "'[object Object] run'"),
        ({"sessions": ["null min easy"]}, "day.sessions[0]", "'null min easy'"),
        ({"title": "Rodaje (null km)"}, "day.title", "'Rodaje (null km)'"),
        ({"activity": "Rest", "title": "Run undefined km"}, "day", "`title` 'Run undefined km'"),
        ({"activity": None, "distance": "8 km, undefined"}, "day.activity", "`distance` '8 km, undefined'"),
        ({"activity": None, "distance_km": "undefined"}, "day.activity", "`distance_km` 'undefined'"),
        ({"duration_min": 40}, "day.activity", "`duration_min` 40"),
        ({"workout": "null"}, "day.workout", "'null'"),
        ({"activity": [[[[[["Run"]]]]]]}, "day.activity[0][0][0][0]", "[['Run']]"),
        ("Monday: run", "day", "no object"),
    ],
)
def test_what_is_not_certain_is_refused(entry: object, field: str, found: str) -> None:
    """With what was found there, shortened, and the cure."""
    error = refusal(entry)
    assert error.field == field
    assert found in error.cure
    assert "; " in error.cure
    assert error.cure.isprintable()


def test_what_was_found_is_shortened() -> None:
    """Whatever its length and characters."""
    error = refusal({"distance_time": "9" * 5000, "x" * 5000: "\x1b[2J\u202e"})
    assert len(error.cure) < 300
    assert error.cure.isprintable()


@pytest.mark.parametrize(
    ("entry", "warning"),
    [
        ({"activity": "Run", "distance_time": "undefined"}, "day.distance_time: 'undefined' holds no value"),
        ({"activity": "Run", "goal": "[object Object]"}, "day.goal: '[object Object]' holds no value"),
        ({"activity": "Run", "note": ["a", "null"]}, "day.note: ['a', 'null'] holds no value"),
        ({"activity": "Run", "distance_time": "8 km at undefined"}, "day.distance_time: '8 km at"),
        ({"activity": "Run", "goal": "Hold null W"}, "day.goal: 'Hold null W' holds no value"),
        ({"activity": "Run", "distance_km": "undefined"}, "day.distance_km: 'undefined' holds no value"),
        ({"activity": "Rest", "duration_min": 40}, "day.duration_min: 40, but the day says rest"),
        ({"activity": "Run", "intensity": float("nan")}, "day.intensity: nan holds no value"),
        ({"activity": "Run", "type": "undefined"}, "day.type: 'undefined' holds no value"),
        ({"activity": None, "distance": "NaN km"}, "day.distance: 'NaN km' holds no value"),
        ({"activity": "Rest", "distance": "8 km"}, "day.distance: '8 km', but the day says rest"),
        ({"activity": "Rest", "or": "Easy run"}, "day.or: 'Easy run', but the day says rest"),
    ],
)  # fmt: skip
def test_warnings(entry: object, warning: str) -> None:
    """What is left out of a day, or odd in it."""
    _, remarks = read(entry)
    [found] = map(str, remarks.warnings)
    assert found.startswith(warning)


@pytest.mark.parametrize("name", ["strength", "name", "extra"])
def test_what_could_be_one_more_session_is_said(name: str) -> None:
    """Nobody would ask about it."""
    found, remarks = read({"activity": "Easy jog", name: "20 min core"})
    assert found == ["Easy jog"]
    assert list(map(str, remarks.readings)) == [f"day.{name}: not read: '20 min core'"]


@pytest.mark.parametrize(
    ("entry", "unread"),
    [
        ({"activity": "Run", "moving_time": 2400}, {"moving_time": "2400"}),
        ({"activity": "Run", "rest": "90 s"}, {"rest": "'90 s'"}),
        ({"activity": "Run", "structure": {"warmup": "10 min"}}, {"structure": "{'warmup': '10 min'}"}),
        ({"activity": "Run", "laps": 4, "session": 2}, {"laps": "4", "session": "2"}),
        ({"activity": "Run", "pace": "5:30"}, {"pace": "'5:30'"}),
        ({"activity": "Rest", "laps": 4}, {"laps": "4"}),
        ({"activity": "Run", "distance_time": "8 km", "duration_min": 40}, {"duration_min": "'40 min'"}),
        ({"activity": "Run", "note": "flat", "description": "early"}, {"description": "'early'"}),
        # They may be the same time, or two.
        ({"activity": "Run", "duration_h": 1, "duration_min": 60}, {"duration_h": "1", "duration_min": "60"}),
        ({"activity": "Run", "hours": 1, "minutes": 30}, {"hours": "1", "minutes": "30"}),
        # The least, of what nobody says.
        (
            {"activity": "Run", "duration_min": 40, "duration_max": 50},
            {"duration_min": "40", "duration_max": "50"},
        ),
        ({"activity": "Run", "distance_km": {"a": 8}}, {"distance_km": "{'a': 8}"}),
    ],
)
def test_what_is_not_read_is_said(entry: object, unread: dict[str, str]) -> None:
    """Whatever type it has, and whether the day is rest or not."""
    _, remarks = read(entry)
    said = [f"day.{name}: not read: {value}" for name, value in unread.items()]
    assert [str(remark) for remark in remarks.readings] == said
    assert remarks.warnings == []


def test_a_unit_in_a_name_beside_its_text() -> None:
    """The text is read, since the number may be the same again."""
    remarks = Remarks()
    entry = {"activity": "Run", "duration": "1 h", "duration_min": 60}
    [draft] = EntryReader(EntryDates(MADRID), remarks).read(entry, "day")
    assert draft.details["distance_time"] == "1 h"
    assert "day.duration_min: not read: 60" in map(str, remarks.readings)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("duration_minutes", 40, "40 min"),
        ("durationMin", 40.0, "40 min"),
        ("minutes", "40", "40 min"),
        ("duration_min", "40-50", "40-50 min"),
        ("duration_min", "40 minutes", "40 minutes"),
        ("duracion_min", 40, "40 min"),
        ("Duración (min)", 40, "40 min"),
        ("duration_hours", 1.5, "1.5 h"),
        ("distance_km", 18, "18 km"),
        ("distanceKm", 18.5, "18.5 km"),
        ("km", "18,5", "18,5 km"),
        ("distancia_km", 18, "18 km"),
        ("distance_miles", 5, "5 mi"),
        ("distance_m", 1500, "1500 m"),
    ],
)
def test_units_in_names(name: str, value: object, expected: str) -> None:
    """They stand with the number, and it is said."""
    remarks = Remarks()
    [draft] = EntryReader(EntryDates(MADRID), remarks).read({"activity": "Run", name: value}, "day")
    assert draft.details["distance_time"] == expected
    assert list(map(str, remarks.readings)) == [f"day: read `{name}` as `distance_time`"]


def test_units_in_names_of_several_sessions() -> None:
    """A list has a number for each."""
    entry = {"activity": ["Run", "Lift"], "duration_min": [40, 30]}
    drafts = EntryReader(EntryDates(MADRID), Remarks()).read(entry, "day")
    assert [draft.details["distance_time"] for draft in drafts] == ["40 min", "30 min"]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"duration_min": 40, "distance_km": 8}, {"distance_time": "8 km, 40 min"}),
        ({"duration": "40 min", "duration_min": 40}, {"distance_time": "40 min"}),
        ({"duration": "40 min", "km": 8}, {"distance_time": "40 min, 8 km"}),
        ({"duration": 40, "distance_km": 8}, {"distance_time": "duration: 40, 8 km"}),
        ({"distance": ["8 km", "NaN km"], "goal": "undefined"}, {"distance_time": "8 km"}),
        ({"distance": "8 km"}, {"distance_time": "8 km"}),
        ({"distance": "8 km", "duration": "40 min"}, {"distance_time": "8 km, 40 min"}),
        ({"distance": 8}, {"distance_time": "distance: 8"}),
        ({"duración": "40 min", "intensidad": "Z2"}, {"distance_time": "40 min", "intensity": "Z2"}),
        ({"objetivo": "base", "notas": ["a", "b"]}, {"goal": "base", "note": "a, b"}),
        ({"distance_time": "8 km", "distance": "9 km"}, {"distance_time": "8 km"}),
        ({"distance_time": "-", "distance": "9 km"}, {"distance_time": "9 km"}),
        ({"día": "Martes"}, {"day": "Martes"}),
    ],
)
def test_details_under_other_names(details: dict[str, Any], expected: dict[str, str]) -> None:
    """They are shown with the question, as those that are documented."""
    [draft] = EntryReader(EntryDates(MADRID), Remarks()).read({"activity": "Run", **details}, "day")
    assert {name: text for name, text in draft.details.items() if text is not None} == expected


def test_details_of_several_sessions() -> None:
    """A session has its own, and what is said of the day."""
    entry = {
        "sessions": [{"type": "Run", "distance": "8 km"}, {"type": "Lift", "goal": None}],
        "goal": "base",
    }
    drafts = EntryReader(EntryDates(MADRID), Remarks()).read(entry, "day", "martes")
    assert [dict(draft.details) for draft in drafts] == [
        {"day": "martes", "goal": "base", "distance_time": "8 km"},
        {"day": "martes", "goal": None},
    ]


names = st.sampled_from([
    "activity", "workout", "session", "sessions", "type", "title", "name", "json", "rest", "am", "pm",
    "workout2", "actividad", "note", "goal", "distance_time", "distance", "intensity", "strength", "phase",
    "Activity", "day", "week",
])  # fmt: skip
texts = st.sampled_from(
    ["Tempo", "Rest", "Run", "", "-", "undefined", "8 km", "\u200b", "Descanso", "0 km"]
) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def leaves(value: object) -> list[str]:
    """All texts in a value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in leaves(item)]
    if isinstance(value, list):
        return [text for item in value for text in leaves(item)]
    return [value] if isinstance(value, str) else []


@given(st.dictionaries(names, values, max_size=4))
def test_nothing_is_lost(entry: dict[str, Any]) -> None:
    """An entry without sessions says that it is rest, or says nothing; else it is refused."""
    try:
        found, _ = read(entry)
    except InvalidPlan:
        return
    said = [
        text
        for text in leaves({**entry, "phase": None, "week": None})
        if detail_text(text) not in (None, "0 km")
    ]
    says_rest = any(map(is_rest, said)) or "'rest': True" in repr(entry)
    assert found or says_rest or not said


def _plain(text: str) -> object:
    return text


def _named(text: str) -> object:
    return {"activity": text}


def _typed(text: str) -> object:
    return {"type": text, "distance": "8 km"}


def _item(text: str) -> object:
    return {"json": {"name": text}}


@given(
    st.lists(st.sampled_from(["Tempo", "Long run", "Rodaje", "Yoga"]), min_size=1, max_size=3, unique=True),
    st.sampled_from(["activity", "workout", "sessions", "actividad", "Entrenamientos", "activities"]),
    st.sampled_from([_plain, _named, _typed, _item]),
    st.booleans(),
)
def test_known_sessions_in_any_shape(
    activities: list[str],
    name: str,
    dress: Callable[[str], object],
    is_wrapped: bool,
) -> None:
    """Are read as these sessions."""
    entry = {**DAY, name: [dress(text) for text in activities]}
    found, _ = read({"json": entry} if is_wrapped else entry)
    assert found == activities
