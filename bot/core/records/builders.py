"""The documents that a coach workflow makes of a weekly plan run. Pure: the time is an argument.

A weekly plan is the planner's validated output:

    {"schema_version": "1.0", "activityPlan": {"nextWeek": {...}, "days": [...]}, "justification": [...]}

The planned week is read from `activityPlan.nextWeek`, where the days stand as `weekStart` and `weekEnd`
or as `start` and `end`, each `YYYY-MM-DD`. Anything else is no week: it is never guessed, and refused where
the plan passed validation.

`runEvent` copies what a run says, but never `createdAt`: so a run that is built again, or by another of
these functions, gives the same copy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.records.collections import PLAN_SNAPSHOTS, RUN_ARTIFACTS, RUN_EVENTS
from bot.core.records.models import PlanSnapshot, Record, RunArtifact, RunEvent, Status, is_day
from bot.core.shared.bson_json import BadValue, check, kind, to_json

PLAN_FIELDS = ("schema_version", "activityPlan", "justification")
"""A weekly plan's fields."""
INPUT_FIELDS = ("promptVersion", "modelId", "prompt", "metrics", "history", "activities", "wellness")
"""What goes into a run, and into `run_artifacts` only."""
OUTPUT_FIELDS = ("outputValidated", "outputRaw")
"""What comes out of a run, and goes into `run_artifacts` only."""

_WEEK = {"weekStart": ("weekStart", "start"), "weekEnd": ("weekEnd", "end")}
"""The days of a week, each with its names in a plan."""

Plan = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunRecords:
    """A whole run, to be written together or not at all.

    Attributes:
        plan_snapshot: None for a run that failed.
    """

    run_event: RunEvent
    plan_snapshot: PlanSnapshot | None
    run_artifact: RunArtifact

    def by_collection(self) -> dict[str, Record]:
        """The records, each under the collection it belongs to."""
        snapshot = {} if self.plan_snapshot is None else {PLAN_SNAPSHOTS.name: self.plan_snapshot}
        return {RUN_EVENTS.name: self.run_event, **snapshot, RUN_ARTIFACTS.name: self.run_artifact}


def planned_week(plan: Plan | None) -> tuple[str | None, str | None]:
    """First and last day of the week that a weekly plan, or its `activityPlan` alone, is for.

    None for a day that is not there or is no date; both are None when the week would end before it starts.
    """
    _, week = _next_week(plan)
    if not isinstance(week, Mapping):
        return None, None
    start, end = (_day_of(week, names) for names in _WEEK.values())
    return (None, None) if start and end and end < start else (start, end)


def success_event(run_id: str, plan: Plan, *, attempt: int | None, now: datetime) -> RunEvent:
    """The run event of a run whose plan passed validation.

    Args:
        plan: the weekly plan, or its `activityPlan` alone.
        attempt: the validation attempt that produced it.
        now: when the run ended.

    Raises:
        BadValue: naming the field, also one of the plan's week.
    """
    said: dict[str, Any] = {"runId": run_id, "status": "success", "attempt": attempt, "errors": []}
    return _run_event(said | _sound_week(plan), now)


def failure_event(
    run_id: str, errors: Sequence[Any], *, attempt: int | None, plan: Plan | None = None, now: datetime
) -> RunEvent:
    """The run event of a run that gave no valid plan.

    Args:
        errors: validation errors, any JSON values.
        attempt: the last validation attempt; None if it never came to one.
        plan: what the model proposed, only to know the week.
        now: when the run ended.

    Raises:
        BadValue: naming the field.
    """
    said = {"runId": run_id, "status": "failure", "attempt": attempt, "errors": _plain(errors)}
    return _run_event(said | _week_fields(plan), now)


def plan_snapshot(run_id: str, weekly_plan: Plan, *, attempt: int | None, now: datetime) -> PlanSnapshot:
    """The snapshot of a weekly plan that passed validation.

    `weekStart` and `weekEnd` are left out where the plan does not tell them.

    Raises:
        BadValue: naming the field, for instance a missing `activityPlan`, or one of the plan's week.
    """
    return _snapshot({"runId": run_id, "attempt": attempt, **_sound_week(weekly_plan)}, weekly_plan, now)


def artifact_inputs(
    run_id: str,
    *,
    prompt_version: str | None = None,
    model_id: str | None = None,
    prompt: str | None = None,
    metrics: Mapping[str, Any] | None = None,
    history: Sequence[Any] | None = None,
    activities: Sequence[Any] | None = None,
    wellness: Sequence[Any] | None = None,
    now: datetime,
) -> RunArtifact:
    """What goes into a run, to be written before the model is asked. What is None is left out.

    Args:
        prompt: the system prompt.
        metrics: weekly metrics of the current week.
        history: summaries of prior weeks.
        activities: raw activities (distances in metres, times in seconds).
        wellness: raw wellness days.
        now: when the inputs were captured.

    Raises:
        BadValue: naming the field.
    """
    values = (prompt_version, model_id, prompt, metrics, history, activities, wellness)
    inputs = _known(dict(zip(INPUT_FIELDS, values, strict=True)))
    return RunArtifact.of({"runId": run_id, "createdAt": now} | {k: _plain(v) for k, v in inputs.items()})


def artifact_outputs(
    run_id: str,
    *,
    status: Status,
    attempt: int | None,
    output_validated: Plan | None = None,
    output_raw: object = None,
    errors: Sequence[Any] = (),
    now: datetime,
) -> RunArtifact:
    """What came out of a run, to be written after the inputs or before them.

    Args:
        attempt: the validation attempt used for the final output.
        output_validated: the weekly plan that passed validation.
        output_raw: what the model said: text is kept as it is, any other JSON value becomes minified JSON.
        errors: validation errors, any JSON values.
        now: when the outputs were captured.

    Raises:
        BadValue: naming the field.
    """
    return RunArtifact.of(
        {
            "runId": run_id,
            "status": status,
            "attempt": attempt,
            "outputValidated": _plain(output_validated),
            "outputRaw": _minified(output_raw),
            "errors": _plain(errors),
            "updatedAt": now,
        }
    )


def build_run(run: Mapping[str, Any], *, now: datetime) -> RunRecords:
    """All documents of one run, from one object that describes it:

        runId            text, required
        status           "success" or "failure", required
        attempt          number of the final validation attempt, or null
        plan             the weekly plan: {schema_version, activityPlan, justification}. Its three fields
                         may also stand in the run itself. Needed for a success; after a failure it
                         only tells the week
        weekStart, weekEnd  `YYYY-MM-DD`, where the plan does not tell them
        errors           list of validation errors
        promptVersion, modelId, prompt, metrics, history, activities, wellness
                         the inputs; those left out are not touched if an earlier step wrote them
        outputValidated  the weekly plan that passed validation; by default `plan` after a success
        outputRaw        what the model said: text, or JSON to be minified
        createdAt, updatedAt  ISO 8601 with offset; by default `now`
        anything else    kept in `run_events`

    Null is as if left out, except in what is kept.

    Raises:
        BadValue: naming the field.
    """
    if not isinstance(run, Mapping):
        raise BadValue("", f"a run must be an object, not {kind(run)}")
    given = _known(run)
    plan = _weekly_plan(given)
    succeeded = given.get("status") == "success"
    week = _sound_week(plan, "plan." if "plan" in given else "") if succeeded else _week_fields(plan)
    created = given.get("createdAt", now)
    shared = {"attempt": None, "errors": []} | _pick(given, ("runId", "status", "attempt", "errors"))
    said = shared | week | _pick(given, tuple(week))
    described = {*said, "createdAt", "updatedAt", "plan", *PLAN_FIELDS, *INPUT_FIELDS, *OUTPUT_FIELDS}
    kept = {name: value for name, value in run.items() if name not in described}
    try:
        snapshot = _snapshot(said, plan, created) if succeeded else None
    except BadValue as error:
        raise _within_plan(error) if "plan" in given else error from None
    return RunRecords(
        run_event=_run_event(said | kept, created),
        plan_snapshot=snapshot,
        run_artifact=RunArtifact.of(
            shared
            | _pick(given, INPUT_FIELDS)
            | {
                "outputValidated": given.get("outputValidated", plan if succeeded else None),
                "outputRaw": _minified(given.get("outputRaw")),
                "createdAt": created,
                "updatedAt": given.get("updatedAt", now),
            }
        ),
    )


def _run_event(said: Plan, created: object) -> RunEvent:
    """The run event of these fields; the copy in it is made before it has a time."""
    return RunEvent.of({"createdAt": created} | RunEvent.of(said).to_update_fields())


def _snapshot(said: Plan, plan: Plan, created: object) -> PlanSnapshot:
    shared = _pick(said, ("runId", "attempt")) | _known(_pick(said, tuple(_WEEK)))
    return PlanSnapshot.of(shared | _pick(plan, PLAN_FIELDS) | {"createdAt": created})


def _within_plan(error: BadValue) -> BadValue:
    """The same, as the way is from a run that has its plan in `plan`."""
    path = f"plan.{error.path}" if error.path.startswith(PLAN_FIELDS) else error.path
    return BadValue(path, error.problem, map(_within_plan, error.others))


def _weekly_plan(run: Mapping[str, Any]) -> dict[str, Any]:
    flat = _pick(run, PLAN_FIELDS)
    plan = run.get("plan")
    if plan is None:
        return flat
    if not isinstance(plan, Mapping):
        raise BadValue("plan", f"must be an object, not {kind(plan)}")
    if flat:
        raise BadValue(next(iter(flat)), "stands beside `plan`, where it belongs; give it once")
    return dict(plan)


def _next_week(plan: Plan | None) -> tuple[str, object]:
    """What stands in the place of the week, and where that is."""
    whole = plan or {}
    path, inner = ("activityPlan.", whole["activityPlan"]) if "activityPlan" in whole else ("", whole)
    return f"{path}nextWeek", inner.get("nextWeek") if isinstance(inner, Mapping) else None


def _week_fields(plan: Plan | None) -> dict[str, str | None]:
    return dict(zip(_WEEK, planned_week(plan), strict=True))


def _sound_week(plan: Plan, where: str = "") -> dict[str, str | None]:
    """The week of a plan that passed validation.

    Args:
        where: the way to the plan.

    Raises:
        BadValue: what stands there is no week.
    """
    path, week = _next_week(plan)
    if week is None:
        return _week_fields(None)
    if not isinstance(week, Mapping):
        raise BadValue(f"{where}{path}", f"must be an object, not {kind(week)}")
    days = _known(_pick(week, [name for names in _WEEK.values() for name in names]))
    for name, day in days.items():
        if not is_day(day):
            raise BadValue(f"{where}{path}.{name}", "must be a calendar date written YYYY-MM-DD")
    if days and planned_week(plan) == (None, None):
        last = next(name for name in _WEEK["weekEnd"] if name in days)
        raise BadValue(f"{where}{path}.{last}", "lies before the start of the week; is one of them mistyped?")
    return _week_fields(plan)


def _day_of(week: Plan, names: Sequence[str]) -> str | None:
    return next((week[name] for name in names if is_day(week.get(name))), None)


def _minified(output: object) -> str | None:
    if output is None or isinstance(output, str):
        return output
    check({"outputRaw": output})
    return json.dumps(to_json(output), ensure_ascii=False, separators=(",", ":"))


def _pick(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    """A caller's tuple or mapping as the list or dict that JSON has."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
