"""Where a plan's days stand, and what tools wrap round them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.plans.remarks import InvalidPlan, PlanRemark, Remarks
from bot.core.plans.shapes import read_entries, unwrap, unwrapped

DAYS = [{"date": "2026-12-01", "activity": "Tempo"}]
OTHER = [{"date": "2026-12-02", "activity": "Swim"}]
PLAN = {"days": DAYS}


def entries(plan: object) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Path and day of each entry, and the readings; its content is always the same."""
    remarks = Remarks()
    found = read_entries(unwrapped(plan, "activityPlan", remarks), remarks)
    assert remarks.warnings == []
    return [(entry.path, entry.day) for entry in found], list(map(str, remarks.readings))


@pytest.mark.parametrize("name", ["summary", "today", "notes", "goal", "total", "resumen", "focus", "weekly"])
def test_what_else_a_plan_of_weekdays_says(name: str) -> None:
    """It is no day, and no mistyped one."""
    [(path, day)], _ = entries({"monday": {"activity": "Run"}, name: "Base week"})
    assert (path, day) == ("activityPlan.monday", "monday")


def test_days_as_documented() -> None:
    """Nothing is to be said about them."""
    expected = [("activityPlan.days[0]", None)], list[str]()
    assert entries({"nextWeek": {"weekStart": "2026-11-30"}, **PLAN}) == expected
    assert entries({"week": 48, "sessions": 3, "plan": "base", **PLAN})[1] == []
    assert entries({**PLAN, "sessions": DAYS})[1] == []


@pytest.mark.parametrize(
    ("plan", "path", "reading"),
    [
        ({"week": DAYS}, "activityPlan.week[0]", "activityPlan.week: read as the plan's days"),
        ({"dias": DAYS}, "activityPlan.dias[0]", "activityPlan.dias: read as the plan's days"),
        ({"Días": DAYS}, "activityPlan.Días[0]", "activityPlan.Días: read as the plan's days"),
        ({"Days": DAYS}, "activityPlan.Days[0]", "activityPlan.Days: read as the plan's days"),
        ({"sessions": DAYS}, "activityPlan.sessions[0]", "activityPlan.sessions: read as the plan's days"),
        ({"plan": DAYS}, "activityPlan.plan[0]", "activityPlan.plan: read as the plan's days"),
        ({"days": [], "week": DAYS}, "activityPlan.week[0]", "activityPlan.week: read as the plan's days"),
        ({"plan": PLAN}, "activityPlan.plan.days[0]", "activityPlan.plan.days: read as the plan's days"),
        ({"nextWeek": PLAN}, "activityPlan.nextWeek.days[0]", "activityPlan.nextWeek.days: read as the"),
        (DAYS, "activityPlan[0]", "activityPlan: read as the plan's days"),
        ([PLAN], "activityPlan[0].days[0]", "activityPlan[0].days: read as the plan's days"),
        ([{"json": PLAN}], "activityPlan[0].days[0]", "activityPlan[0]: took off n8n's `json`"),
        ({"json": PLAN}, "activityPlan.days[0]", "activityPlan: took off n8n's `json`"),
        ({"output": PLAN}, "activityPlan.days[0]", "activityPlan: took off n8n's `output`"),
        ({"json": {"output": PLAN}}, "activityPlan.days[0]", "activityPlan: took off n8n's `json`, n8n's"),
        (json.dumps(PLAN), "activityPlan.days[0]", "activityPlan: took off the text round its JSON"),
        (f"```json\n{json.dumps(PLAN)}\n```", "activityPlan.days[0]", "activityPlan: took off the text"),
        ({"output": json.dumps(PLAN)}, "activityPlan.days[0]", "activityPlan: took off n8n's `output`, the"),
        ({"days": json.dumps(DAYS)}, "activityPlan.days[0]", "activityPlan.days: took off the text round"),
        ({"days": {"json": DAYS}}, "activityPlan.days[0]", "activityPlan.days: took off n8n's `json`"),
    ],
)
def test_days_elsewhere(plan: object, path: str, reading: str) -> None:
    """Where exactly one reading is possible, and it is said."""
    found, readings = entries(plan)
    assert found == [(path, None)]
    assert any(said.startswith(reading) for said in readings)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"days": {"monday": "Run"}}, [("activityPlan.days.monday", "monday")]),
        ({"days": {"Miércoles": {}}}, [("activityPlan.days.Miércoles", "Miércoles")]),
        ({"days": {"2026-12-01": []}}, [("activityPlan.days.2026-12-01", "2026-12-01")]),
        ({"week": {"tue": None}}, [("activityPlan.week.tue", "tue")]),
        (
            {"lunes": "Rodaje", "martes": "Descanso", "nextWeek": {"start": "2026-11-30"}, "note": "x"},
            [("activityPlan.lunes", "lunes"), ("activityPlan.martes", "martes")],
        ),
    ],
)
def test_days_under_their_names(plan: object, expected: list[tuple[str, str | None]]) -> None:
    """An object of weekdays or dates, wherever an array could stand."""
    found, readings = entries(plan)
    assert found == expected
    assert len(readings) == 1


@pytest.mark.parametrize(
    ("plan", "field", "found"),
    [
        (None, "activityPlan", "missing or no object"),
        ("Monday: run", "activityPlan", "missing or no object"),
        ("{broken", "activityPlan", "missing or no object"),
        ({}, "activityPlan.days", "missing or no array; "),
        ({"days": None}, "activityPlan.days", "missing or no array; "),
        ({"days": 5}, "activityPlan.days", "missing or no array; "),
        ({"days": "Monday: run"}, "activityPlan.days", "missing or no array; "),
        ({"foo": DAYS}, "activityPlan.days", "(there is ['foo'])"),
        ({"days": []}, "activityPlan.days", "empty"),
        ({"días": []}, "activityPlan.days", "empty"),
        ({"days": {}}, "activityPlan.days", "empty"),
        ([], "activityPlan", "empty"),
        ({"days": {"day1": {"activity": "Run"}}}, "activityPlan.days", "['day1']"),
        ({"days": {"mon": "Run", "extra": "Swim"}}, "activityPlan.days.extra", "'extra'"),
        ({**PLAN, "sessions": OTHER}, "activityPlan.days", "`activityPlan.days` and `activityPlan.sessions`"),
        ({"week": DAYS, "plan": {"days": OTHER}}, "activityPlan.days", "`activityPlan.plan.days`"),
        ({"plan": {"athleteId": "ben", **PLAN}}, "activityPlan.plan.athleteId", "at the top"),
        ({"monday": "Run", "wendesday": "Tempo"}, "activityPlan.wendesday", "'wendesday' is no weekday"),
        ({"lunes": "Rodaje", "jeuves": "Series"}, "activityPlan.jeuves", "'jeuves' is no weekday"),
        ({"monday": "Run", "Tuesdays": {"activity": "Swim"}}, "activityPlan.Tuesdays", "is no weekday"),
        ({**PLAN, "monday": "Swim"}, "activityPlan.days", "`activityPlan.days` and `activityPlan`"),
    ],
)
def test_plans_without_certain_days(plan: object, field: str, found: str) -> None:
    """Refused with what is there, and the cure."""
    with pytest.raises(InvalidPlan) as caught:
        entries(plan)
    assert caught.value.field == field
    assert found in caught.value.cure
    assert "; " in caught.value.cure


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"json": {"runId": "r"}}, {"runId": "r"}),
        ({"json": {"runId": "r"}, "pairedItem": {"item": 0}, "binary": {}}, {"runId": "r"}),
        ({"output": '{"runId": "r"}'}, {"runId": "r"}),
        ('{"json": {"runId": "r"}}', {"runId": "r"}),
    ],
)
def test_envelopes_of_documents(document: object, expected: object) -> None:
    """What is taken off is said."""
    found, remark = unwrap(document)
    assert found == expected
    assert isinstance(remark, PlanRemark)


@pytest.mark.parametrize(
    "document",
    [
        {"runId": "r"},
        {"runId": "r", "json": {}},
        {"output": "text"},
        {"json": 5},
        "text",
        '{"a": NaN}',
        None,
        5,
    ],
)
def test_what_is_no_envelope(document: Any) -> None:
    """Something else stands beside it, or there is nothing in it."""
    assert unwrap(document) == (document, None)
