"""The documents that a coach workflow makes of a weekly plan run. Pure: the time is an argument.

A weekly plan is the planner's validated output:

    {"schema_version": "1.0", "activityPlan": {"nextWeek": {...}, "days": [...]}, "justification": [...]}

The planned week is read from `activityPlan.nextWeek`, where the days stand as `weekStart` and `weekEnd`
or as `start` and `end`, each `YYYY-MM-DD`. Anything else is no week: it is never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.records import PlanSnapshot, Record, RunArtifact, RunEvent, Status, is_day
from bot.core.strict_json import BadValue, check, kind, to_json

PLAN_FIELDS = ("schema_version", "activityPlan", "justification")
"""A weekly plan's fields."""
INPUT_FIELDS = ("promptVersion", "modelId", "prompt", "metrics", "history", "activities", "wellness")
"""What goes into a run, and into `run_artifacts` only."""
OUTPUT_FIELDS = ("outputValidated", "outputRaw")
"""What comes out of a run, and goes into `run_artifacts` only."""

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
        snapshot = {} if self.plan_snapshot is None else {"plan_snapshots": self.plan_snapshot}
        return {"run_events": self.run_event, **snapshot, "run_artifacts": self.run_artifact}


def planned_week(plan: Plan | None) -> tuple[str | None, str | None]:
    """First and last day of the week that a weekly plan, or its `activityPlan` alone, is for.

    None for a day that is not there or is no date; both are None when the week would end before it starts.
    """
    activity_plan = (plan or {}).get("activityPlan", plan)
    week = activity_plan.get("nextWeek") if isinstance(activity_plan, Mapping) else None
    if not isinstance(week, Mapping):
        return None, None
    start, end = (_first_day(week, names) for names in (("weekStart", "start"), ("weekEnd", "end")))
    return (None, None) if start and end and end < start else (start, end)


def success_event(run_id: str, plan: Plan, *, attempt: int | None, now: datetime) -> RunEvent:
    """The run event of a run whose plan passed validation.

    Args:
        plan: the weekly plan, or its `activityPlan` alone.
        attempt: the validation attempt that produced it.
        now: when the run ended.

    Raises:
        BadValue: naming the field.
    """
    return _run_event(run_id, "success", plan, [], attempt, now)


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
    return _run_event(run_id, "failure", plan, errors, attempt, now)


def plan_snapshot(run_id: str, weekly_plan: Plan, *, attempt: int | None, now: datetime) -> PlanSnapshot:
    """The snapshot of a weekly plan that passed validation.

    `weekStart` and `weekEnd` are left out where the plan does not tell them.

    Raises:
        BadValue: naming the field, for instance a missing `activityPlan`.
    """
    fields = {"runId": run_id, "attempt": attempt, "createdAt": now}
    return PlanSnapshot.of(fields | _known(_week_fields(weekly_plan)) | _pick(weekly_plan, PLAN_FIELDS))


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

    `runEvent` copies what the run says and not the time of this call, so that building a run again
    changes nothing but `createdAt` and `updatedAt`.

    Raises:
        BadValue: naming the field.
    """
    if not isinstance(run, Mapping):
        raise BadValue("", f"a run must be an object, not {kind(run)}")
    plan = _weekly_plan(run)
    succeeded = run.get("status") == "success"
    week = _week_fields(plan) | _pick(run, ("weekStart", "weekEnd"))
    created = {"createdAt": now} | _pick(run, ("createdAt",))
    shared = {"attempt": None, "errors": []} | _pick(run, ("runId", "status", "attempt", "errors"))
    elsewhere = {"plan", *PLAN_FIELDS, *INPUT_FIELDS, *OUTPUT_FIELDS, "updatedAt"}
    payload = {name: value for name, value in run.items() if name not in elsewhere}
    event = RunEvent.of(shared | week | payload)
    return RunRecords(
        run_event=RunEvent.of(created | event.to_update_fields()),
        plan_snapshot=PlanSnapshot.of(
            _pick(shared, ("runId", "attempt")) | _known(week) | _pick(plan, PLAN_FIELDS) | created
        )
        if succeeded
        else None,
        run_artifact=RunArtifact.of(
            shared
            | {"outputValidated": plan if succeeded else None}
            | _pick(run, (*INPUT_FIELDS, "outputValidated"))
            | {"outputRaw": _minified(run.get("outputRaw")), "updatedAt": now}
            | created
            | _pick(run, ("updatedAt",))
        ),
    )


def _run_event(
    run_id: str, status: Status, plan: Plan | None, errors: Sequence[Any], attempt: int | None, now: datetime
) -> RunEvent:
    return RunEvent.of(
        {
            "runId": run_id,
            "status": status,
            "attempt": attempt,
            **_week_fields(plan),
            "errors": _plain(errors),
            "createdAt": now,
        }
    )


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


def _week_fields(plan: Plan | None) -> dict[str, str | None]:
    start, end = planned_week(plan)
    return {"weekStart": start, "weekEnd": end}


def _first_day(week: Plan, names: Sequence[str]) -> str | None:
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
