"""From a weekly plan run to the documents that record it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.records.builders import (
    artifact_inputs,
    artifact_outputs,
    build_run,
    failure_event,
    plan_snapshot,
    planned_week,
    success_event,
)
from bot.core.records.collections import parse
from bot.core.records.models import RunArtifact
from bot.core.shared.bson_json import BadValue, dumps, loads
from tests.unit.core.shared.test_bson_json import DOCUMENTS, VALUES, outcome

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
NOW_TEXT = "2026-02-16T18:42:58.123Z"
LATER = NOW + timedelta(hours=1)
WEEK = {"weekStart": "2026-02-23", "weekEnd": "2026-03-01"}
NO_WEEK = {"weekStart": None, "weekEnd": None}
PLAN: dict[str, Any] = {
    "schema_version": "1.0",
    "activityPlan": {"nextWeek": {"phase": "base", **WEEK}, "days": []},
    "justification": ["rested"],
}
INPUTS: dict[str, Any] = {
    "promptVersion": "v3",
    "modelId": "a-model",
    "prompt": "Plan a week.",
    "metrics": {"runCount": 3},
    "history": [{"runCount": 2}],
    "activities": [{"id": "i1", "distance": 10_000.5}],
    "wellness": [{"id": "2026-02-16", "hrv": None}],
}
SUCCESS: dict[str, Any] = {"runId": "r", "status": "success", "attempt": 2, "plan": PLAN, **INPUTS}
FAILURE: dict[str, Any] = {
    "runId": "r",
    "status": "failure",
    "attempt": 3,
    "errors": [{"code": "days"}],
    **INPUTS,
}


def refusal(run: Any) -> BadValue:
    """The refusal that a run meets."""
    with pytest.raises(BadValue) as caught:
        build_run(run, now=NOW)
    return caught.value


@pytest.mark.parametrize(
    ("next_week", "week"),
    [
        (WEEK, ("2026-02-23", "2026-03-01")),
        ({"start": "2026-02-23", "end": "2026-03-01"}, ("2026-02-23", "2026-03-01")),
        ({"weekStart": "soon", "start": "2026-02-23"}, ("2026-02-23", None)),
        ({"weekStart": "2026-02-23T00:00:00Z", "weekEnd": "2026-03-01"}, (None, "2026-03-01")),
        ({"weekStart": "2026-03-01", "weekEnd": "2026-02-23"}, (None, None)),
        ({"weekStart": "2026-02-30"}, (None, None)),
        ({}, (None, None)),
        ("2026-02-23/2026-03-01", (None, None)),
        (["2026-02-23", "2026-03-01"], (None, None)),
        (None, (None, None)),
    ],
)
def test_the_planned_week_is_read_and_never_guessed(
    next_week: object, week: tuple[str | None, str | None]
) -> None:
    """From a whole weekly plan or from its `activityPlan` alone."""
    activity_plan = {"nextWeek": next_week}
    assert planned_week({"activityPlan": activity_plan}) == planned_week(activity_plan) == week
    assert planned_week(None) == planned_week({}) == planned_week({"activityPlan": None}) == (None, None)


def test_a_success_event_holds_the_week_and_its_own_copy() -> None:
    """It has no errors."""
    payload = {"runId": "r", "status": "success", "attempt": 2, **WEEK, "errors": [], "errorCount": 0}
    assert success_event("r", PLAN, attempt=2, now=NOW).to_update_fields() == {
        **payload,
        "createdAt": NOW,
        "runEvent": payload,
    }


def test_a_failure_event_counts_its_errors() -> None:
    """The week is known only if a plan tells it."""
    errors = ({"code": "days"}, "too long")
    payload = {
        "runId": "r",
        "status": "failure",
        "attempt": None,
        **NO_WEEK,
        "errors": list(errors),
        "errorCount": 2,
    }
    assert failure_event("r", errors, attempt=None, now=NOW).to_update_fields() == {
        **payload,
        "createdAt": NOW,
        "runEvent": payload,
    }
    assert failure_event("r", [], attempt=1, plan=PLAN, now=NOW).weekEnd == "2026-03-01"


def test_artifact_steps_share_nothing_but_the_run() -> None:
    """Inputs and outputs may be written in either order."""
    inputs = artifact_inputs(
        "r",
        prompt_version="v3",
        model_id="a-model",
        prompt="Plan a week.",
        metrics=INPUTS["metrics"],
        history=INPUTS["history"],
        activities=tuple(INPUTS["activities"]),
        wellness=INPUTS["wellness"],
        now=NOW,
    ).to_update_fields()
    outputs = artifact_outputs(
        "r", status="success", attempt=2, output_validated=PLAN, output_raw=PLAN, now=LATER
    ).to_update_fields()
    assert inputs == {"runId": "r", **INPUTS, "createdAt": NOW}
    assert outputs == {
        "runId": "r",
        "status": "success",
        "attempt": 2,
        "outputValidated": PLAN,
        "outputRaw": json.dumps(PLAN, separators=(",", ":")),
        "errors": [],
        "errorCount": 0,
        "updatedAt": LATER,
    }
    assert inputs.keys() & outputs.keys() == {"runId"}
    assert artifact_inputs("r", prompt="p", now=NOW).to_update_fields() == {
        "runId": "r",
        "prompt": "p",
        "createdAt": NOW,
    }


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (None, None),
        ('{"a": 1} trailing', '{"a": 1} trailing'),
        ("", ""),
        ({"b": [1, 2.5], "a": "ñ"}, '{"b":[1,2.5],"a":"ñ"}'),
        ([], "[]"),
    ],
)
def test_raw_output_is_text_as_it_is_or_minified_json(raw: object, stored: str | None) -> None:
    """In the order of the model's own fields."""
    assert artifact_outputs("r", status="failure", attempt=1, output_raw=raw, now=NOW).outputRaw == stored


def test_a_bad_raw_output_is_refused_by_field() -> None:
    """The way to it starts at the stored field's name."""
    with pytest.raises(BadValue, match=r"^outputRaw\.a: NaN"):
        artifact_outputs("r", status="failure", attempt=1, output_raw={"a": float("nan")}, now=NOW)
    with pytest.raises(BadValue, match=r"^outputRaw\[0\]: a Python set"):
        artifact_outputs("r", status="failure", attempt=1, output_raw=[{1}], now=NOW)


def test_a_snapshot_holds_the_plan_and_its_week() -> None:
    """An unknown week is left out."""
    head = {"runId": "r", "attempt": 2, "createdAt": NOW}
    assert plan_snapshot("r", PLAN, attempt=2, now=NOW).to_update_fields() == {**head, **WEEK, **PLAN}
    bare = plan_snapshot("r", {"activityPlan": {}}, attempt=2, now=NOW)
    assert bare.to_update_fields() == {**head, "activityPlan": {}}
    with pytest.raises(BadValue, match=r"^activityPlan: is missing"):
        plan_snapshot("r", {}, attempt=2, now=NOW)


def test_a_successful_run_gives_three_documents() -> None:
    """Their shared fields agree."""
    records = build_run({**SUCCESS, "outputRaw": PLAN, "tokens": 512}, now=NOW)
    assert list(records.by_collection()) == ["run_events", "plan_snapshots", "run_artifacts"]
    payload = {
        "runId": "r",
        "status": "success",
        "attempt": 2,
        **WEEK,
        "errors": [],
        "errorCount": 0,
        "tokens": 512,
    }
    assert records.run_event.to_update_fields() == {**payload, "runEvent": payload, "createdAt": NOW}
    assert records.plan_snapshot == plan_snapshot("r", PLAN, attempt=2, now=NOW)
    assert records.run_artifact.to_update_fields() == {
        "runId": "r",
        "status": "success",
        "attempt": 2,
        **INPUTS,
        "outputValidated": PLAN,
        "outputRaw": json.dumps(PLAN, separators=(",", ":")),
        "errors": [],
        "errorCount": 0,
        "createdAt": NOW,
        "updatedAt": NOW,
    }


def test_a_failed_run_has_no_snapshot() -> None:
    """A plan that failed only tells the week."""
    records = build_run({**FAILURE, "plan": PLAN}, now=NOW)
    assert list(records.by_collection()) == ["run_events", "run_artifacts"]
    assert records.run_event.weekStart == "2026-02-23"
    assert (records.run_event.errorCount, records.run_artifact.errorCount) == (1, 1)
    assert records.run_artifact.outputValidated is None
    smallest = build_run({"runId": "r", "status": "failure"}, now=NOW)
    assert smallest.run_event.to_update_fields().items() >= {**NO_WEEK, "attempt": None, "errors": []}.items()
    assert "prompt" not in smallest.run_artifact.to_update_fields()


@pytest.mark.parametrize("said", [{}, {"createdAt": NOW_TEXT}, {"errorCount": 0, "errors": []}])
def test_one_run_has_the_same_documents_whoever_builds_them(said: dict[str, Any]) -> None:
    """To the byte, so that writers who mix the ways of building come to rest."""
    succeeded = build_run({**SUCCESS, **said}, now=NOW)
    failed = build_run({**FAILURE, "plan": PLAN, "createdAt": said.get("createdAt")}, now=NOW)
    failure = failure_event("r", FAILURE["errors"], attempt=3, plan=PLAN, now=NOW)
    for built, alone in (
        (succeeded.run_event, success_event("r", PLAN, attempt=2, now=NOW)),
        (succeeded.plan_snapshot, plan_snapshot("r", PLAN, attempt=2, now=NOW)),
        (failed.run_event, failure),
    ):
        assert built is not None
        assert bson.encode(built.to_update_fields()) == bson.encode(alone.to_update_fields())
    inputs = RunArtifact.of({"runId": "r", **INPUTS, "createdAt": NOW})
    outputs = artifact_outputs("r", status="success", attempt=2, output_validated=PLAN, now=NOW)
    both = inputs.to_update_fields() | outputs.to_update_fields()
    assert succeeded.run_artifact.to_update_fields() == both


def test_null_in_a_run_is_as_if_left_out() -> None:
    """But what is only kept stays null."""
    described = (
        "weekStart",
        "weekEnd",
        "errors",
        "createdAt",
        "updatedAt",
        "outputValidated",
        "justification",
    )
    run = {name: value for name, value in SUCCESS.items() if name != "prompt"} | {"mine": None}
    records = build_run(run | dict.fromkeys(("prompt", *described)), now=NOW)
    assert records == build_run(run, now=NOW)
    assert "prompt" not in records.run_artifact.to_update_fields()
    assert records.run_event.to_update_fields()["mine"] is None
    assert records.run_event.weekStart == "2026-02-23"
    assert records.run_artifact.outputValidated == PLAN


def test_a_plan_may_stand_in_the_run_itself() -> None:
    """The same documents come of both shapes."""
    flat = {name: value for name, value in SUCCESS.items() if name != "plan"} | PLAN
    assert build_run(flat, now=NOW) == build_run(SUCCESS, now=NOW)


def test_what_the_run_says_itself_goes_before_what_is_derived() -> None:
    """Week, times and validated output may be given."""
    said = {
        "weekStart": "2026-03-02",
        "weekEnd": "2026-03-08",
        "createdAt": "2026-02-16T19:42:58.123999+01:00",
        "updatedAt": LATER,
        "outputValidated": {"mine": 1},
    }
    records = build_run({**SUCCESS, **said}, now=LATER)
    for record in records.by_collection().values():
        assert record.to_update_fields()["createdAt"] == NOW
    assert records.plan_snapshot is not None
    assert records.run_event.weekStart == records.plan_snapshot.weekStart == "2026-03-02"
    assert records.run_artifact.updatedAt == LATER
    assert records.run_artifact.outputValidated == {"mine": 1}


@pytest.mark.parametrize("run", [SUCCESS, FAILURE])
def test_building_again_changes_nothing_but_the_times(run: dict[str, Any]) -> None:
    """So recording a run twice can be told from recording something new."""
    first, second = (build_run(run, now=now).by_collection() for now in (NOW, LATER))
    for collection, record in first.items():
        changed = {
            name
            for name, value in record.to_update_fields().items()
            if second[collection].to_update_fields()[name] != value
        }
        assert changed <= {"createdAt", "updatedAt"}


@pytest.mark.parametrize(
    ("run", "path", "problem"),
    [
        ([SUCCESS], "", "must be an object, not an array"),
        ({"status": "success"}, "runId", "is missing"),
        ({**SUCCESS, "status": "done"}, "status", "must be 'success' or 'failure'"),
        ({**SUCCESS, "plan": None}, "activityPlan", "is missing"),
        ({**SUCCESS, "plan": "text"}, "plan", "must be an object, not text"),
        ({**SUCCESS, "plan": {}}, "plan.activityPlan", "is missing"),
        ({**SUCCESS, "plan": {"activityPlan": []}}, "plan.activityPlan", "must be an object, not an array"),
        (
            {**SUCCESS, "plan": {"activityPlan": {}, "justification": "good"}},
            "plan.justification",
            "must be an array, not text",
        ),
        ({"runId": "r", "status": "success", "activityPlan": 7}, "activityPlan", "must be an object"),
        ({**SUCCESS, "attempt": -1}, "attempt", "must not be negative"),
        ({**SUCCESS, "justification": []}, "justification", "stands beside `plan`"),
        ({**SUCCESS, "errorCount": 1}, "errorCount", "must be 0"),
        ({**SUCCESS, "metrics": []}, "metrics", "must be an object, not an array"),
        ({**SUCCESS, "status": None}, "status", "must be 'success' or 'failure'"),
        ({**SUCCESS, "weekStart": "2026-03-02"}, "weekEnd", "before weekStart"),
        ({**SUCCESS, "createdAt": "now"}, "createdAt", "ISO 8601"),
        ({**SUCCESS, "$where": 1}, '["$where"]', "start with $"),
        ({**SUCCESS, "_id": 1}, "_id", "belongs to MongoDB"),
    ],
)
def test_bad_runs_are_refused_by_field(run: Any, path: str, problem: str) -> None:
    """Nothing of such a run is built."""
    error = refusal(run)
    assert error.path == path
    assert problem in error.problem


@pytest.mark.parametrize(
    ("next_week", "path", "problem"),
    [
        (
            {"weekStart": "2026-02-30", "weekEnd": "2026-02-22"},
            "nextWeek.weekStart",
            "must be a calendar date",
        ),
        ({"weekStart": "2026-02-23", "end": "soon"}, "nextWeek.end", "must be a calendar date"),
        ({"weekStart": "soon", "start": "2026-02-23"}, "nextWeek.weekStart", "must be a calendar date"),
        ({**WEEK, "weekStart": ""}, "nextWeek.weekStart", "must be a calendar date"),
        ({**WEEK, "weekStart": "2026-02-23T00:00:00Z"}, "nextWeek.weekStart", "must be a calendar date"),
        ({"weekStart": "2026-02-22", "weekEnd": "2026-02-16"}, "nextWeek.weekEnd", "lies before the start"),
        ({"start": "2026-02-22", "end": "2026-02-16"}, "nextWeek.end", "lies before the start"),
        ("2026-02-23/2026-03-01", "nextWeek", "must be an object, not text"),
    ],
)
def test_an_impossible_week_is_refused_after_a_success_alone(next_week: Any, path: str, problem: str) -> None:
    """With the way to it. A failed plan may be wrong in any way."""
    plan = {**PLAN, "activityPlan": {"nextWeek": next_week}}
    flat = {name: value for name, value in SUCCESS.items() if name != "plan"} | plan
    assert refusal({**SUCCESS, "plan": plan}).path == f"plan.activityPlan.{path}"
    assert refusal(flat).path == f"activityPlan.{path}"
    assert problem in refusal(flat).problem
    for build in (success_event, plan_snapshot):
        with pytest.raises(BadValue, match=rf"^activityPlan\.{path}: "):
            build("r", plan, attempt=2, now=NOW)
    assert build_run({**FAILURE, "plan": plan}, now=NOW).run_event.status == "failure"
    assert failure_event("r", [], attempt=1, plan=plan, now=NOW).status == "failure"


def test_half_a_week_is_none() -> None:
    """An end alone is refused with the plan; a beginning alone is kept, and null is as if left out."""
    half = {**PLAN, "activityPlan": {"nextWeek": {"weekStart": None, "weekEnd": "2026-03-01"}}}
    assert str(refusal({**SUCCESS, "plan": half})) == "weekEnd: stands without weekStart; give both"
    begun = {**PLAN, "activityPlan": {"nextWeek": {"weekStart": "2026-02-23", "weekEnd": None}}}
    snapshot = plan_snapshot("r", begun, attempt=2, now=NOW).to_update_fields()
    assert snapshot.keys() & WEEK.keys() == {"weekStart"}


@given(st.dictionaries(st.sampled_from([*SUCCESS, *PLAN, "outputRaw", "createdAt", "x"]), VALUES, max_size=4))
def test_any_run_is_built_or_refused(fields: dict[str, Any]) -> None:
    """There is no third outcome, whatever stands in its fields."""
    for run in ({**SUCCESS, **fields}, {**FAILURE, **fields}, fields):
        error = outcome(lambda run=run: build_run(run, now=NOW))  # type: ignore[misc]
        assert error is None or error.path


@given(DOCUMENTS, st.lists(VALUES, max_size=2), DOCUMENTS)
def test_what_is_built_reads_back_from_an_export(
    activity_plan: dict[str, Any], errors: list[Any], raw: dict[str, Any]
) -> None:
    """Each document is one that `write` would take unchanged; the raw output is valid JSON."""
    run = {**SUCCESS, "plan": {"activityPlan": activity_plan}, "errors": errors, "outputRaw": raw}
    records = build_run(run, now=NOW)
    for collection, record in records.by_collection().items():
        assert parse(collection, loads(dumps(record.to_update_fields()))) == record
    assert records.run_artifact.outputRaw is not None
    assert loads(records.run_artifact.outputRaw) == raw
