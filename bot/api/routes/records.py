"""`POST /v1/{collection}` for each collection with a model, and `POST /v1/runs`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from bot.api.http.answers import created, remarks
from bot.api.http.dependencies import ApiDependencies
from bot.api.http.problems import Flaw, Problem, flaws_of, invalid
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, request_body, responses
from bot.core.plans.plan import plan_athlete_id
from bot.core.plans.remarks import InvalidPlan
from bot.core.records.builders import RunRecords, build_run
from bot.core.records.collections import MODELS, PLAN_SNAPSHOTS, RUN_EVENTS
from bot.core.records.incoming import unpack, unpack_one
from bot.core.records.models import Record, RunEvent
from bot.core.records.retention import Overdue
from bot.core.shared.bson_json import BadValue
from bot.services.prompts.plan_desk import PlanDesk
from bot.store.records.atomic_writer import AtomicWriter
from bot.store.records.runs import record_run
from bot.store.records.upserts import Refused, Written
from bot.store.records.writer import RecordStore

MAX_DOCUMENTS = 1_000

_WAIT = 1.5  # seconds, for another writer of the same run


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["records"])
    for collection in MODELS:
        _add_collection(router, deps, collection)

    @router.post(
        "/v1/runs",
        operation_id="recordRun",
        summary="Record a whole plan run",
        responses=responses(
            {
                201: ("The run is recorded.", json_content(models.RunRecorded, examples.RECORDED)),
                200: (
                    "The run was recorded before.",
                    json_content(models.RunRecorded, examples.RECORDED_AGAIN),
                ),
            },
            body=True,
            more=(409,),
        ),
        openapi_extra=request_body(models.ref(models.RunModel), examples.RUNS, "A run."),
    )
    async def record(request: Request) -> Response:
        """Writes a run, success or failure, to `run_events`, `plan_snapshots` (after a success) and
        `run_artifacts`: all or nothing.

        The plan is then asked about, as by `/v1/plans`; one that cannot be read is refused. Recording the
        same run again changes nothing.
        """
        now = deps.clock()
        readings: Counter[str] = Counter()
        run, where = await deps.bodies.read(request, lambda value: _run_of(value, now, readings), readings)

        warnings: list[dict[str, str]] = []

        async def write() -> dict[str, Written]:
            if run.plan_snapshot is not None:
                warnings[:] = await take_plans(deps, [run.plan_snapshot], [where])
            return await record_run(deps.db, run, clock=deps.clock, timeout=_WAIT)

        written = await deps.mongodb.run(write())
        outcomes = {collection: result.outcome for collection, result in written.items()}
        is_new = outcomes[RUN_EVENTS.name] == "inserted"
        said = remarks(readings, warnings)
        return created({"runId": run.run_event.runId, **outcomes, **said}, is_new=is_new)

    return router


def _add_collection(router: APIRouter, deps: ApiDependencies, collection: str) -> None:
    name = MODELS[collection].__name__
    document = models.ref(MODELS[collection])

    @router.post(
        f"/v1/{collection}",
        operation_id=f"write{name}",
        summary=f"Upsert into {collection}",
        description=f"One document, or an array of up to {MAX_DOCUMENTS:,}: all are written, or none. A"
        f" document is told by its `{MODELS[collection].KEY}`; fields that are not given stay as they are;"
        " unknown fields are kept.",
        responses=responses(
            {200: ("All is written.", json_content(models.WrittenCounts, examples.written(collection)))},
            body=True,
            more=(409,),
        ),
        openapi_extra=request_body(
            {"anyOf": [document, {"type": "array", "maxItems": MAX_DOCUMENTS, "items": document}]},
            examples.DOCUMENTS[collection],
            "A document or an array of them.",
        ),
    )
    async def write(request: Request) -> Response:
        readings: Counter[str] = Counter()
        records, places = await deps.bodies.read(request, _records_of(collection, readings), readings)
        overdue = Overdue.under(deps.retention, collection, deps.clock())
        for record in records:
            overdue.see(record)
        store = RecordStore(deps.db, clock=deps.clock, metrics_per_athlete=deps.metrics_per_athlete)

        warnings: list[dict[str, str]] = []

        async def work() -> dict[str, int]:
            if collection == PLAN_SNAPSHOTS.name:
                warnings[:] = await take_plans(deps, records, places)
            if places == [""]:
                return await write_one(store, collection, records[0])
            return await store.all_or_nothing(_writing(collection, records, places))

        counts = await deps.mongodb.run(work())
        if overdue.count:
            warnings.append({"field": overdue.field, "text": str(overdue)})
        return JSONResponse({"collection": collection, **counts, **remarks(readings, warnings)})


async def open_desk(deps: ApiDependencies, plans: Sequence[Record]) -> PlanDesk:
    """Where these plans are handed over."""
    roster = await deps.roster.loaded()
    for plan in plans:
        with suppress(InvalidPlan):
            roster = await deps.roster_with(plan_athlete_id(plan.to_update_fields()))
    run_ids = {str(getattr(plan, plan.KEY)) for plan in plans}
    return await PlanDesk.open(deps.db, roster, deps.clock(), deps.late_after_days, run_ids)


async def take_plans(
    deps: ApiDependencies, plans: Sequence[Record], places: Sequence[str]
) -> list[dict[str, str]]:
    """Keep whose plans are, before they are written; refuse those of days to come of which no
    questions can ever be made.

    Args:
        places: where each stands in the body; empty for the body itself.

    Returns:
        What keeps others from being asked about, as warnings.

    Raises:
        Problem: naming the fields.
    """
    desk = await open_desk(deps, plans)
    flaws, warnings = [], []
    for place, plan in zip(places, plans, strict=True):
        judged = await desk.judge(plan.to_update_fields())
        if judged.flaw is not None and not desk.is_over(judged):
            field = f"{place}.{judged.flaw.field}".removeprefix(".")
            if judged.is_hopeless:
                flaws.append(Flaw(field, judged.flaw.cure))
            else:
                warnings.append({"field": field, "text": f"nobody is asked: {judged.flaw.cure}"})
        desk.put(judged)
    if flaws:
        raise invalid(*flaws)
    await desk.keep()
    return warnings


async def write_one(store: RecordStore, collection: str, record: Record) -> dict[str, int]:
    """Upsert one document; needs no transaction.

    Raises:
        Problem: what is stored stands against it.
    """
    [result] = await store.write(collection, [record])
    if isinstance(result, Refused):
        raise Problem.of(409, Flaw("body", str(result)))
    return {outcome: int(result.outcome == outcome) for outcome in ("inserted", "changed", "unchanged")}


def _run_of(value: Any, now: datetime, readings: Counter[str]) -> tuple[RunRecords, str]:
    """A run, and where its plan stands in it."""
    run = unpack_one(value, RunEvent, readings)
    return build_run(run, now=now), "plan" if isinstance(run, dict) and "plan" in run else ""


def _records_of(collection: str, readings: Counter[str]) -> Callable[[Any], tuple[list[Record], list[str]]]:
    """Makes records of a body, each with its place: `[3]`; empty if it is the body itself."""
    model = MODELS[collection]

    def make(value: Any) -> tuple[list[Record], list[str]]:
        found: list[tuple[str, object]] = []
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            documents, taken_off = unpack(item, model)
            readings.update(taken_off)
            place = f"[{index}]" if isinstance(value, list) else ""
            within = [place] if len(documents) == 1 else [f"{place}[{n}]" for n in range(len(documents))]
            found += zip(within, documents, strict=True)
        if len(found) > MAX_DOCUMENTS:
            problem = f"has {len(found):,} documents; send at most {MAX_DOCUMENTS:,} at once"
            raise invalid(Flaw("body", problem))
        records, flaws = [], []
        for place, document in found:
            try:
                records.append(model.of(document))
            except BadValue as error:
                flaws += flaws_of(error, place)
        if flaws:
            raise invalid(*flaws)
        return records, [place for place, _ in found]

    return make


def _writing(
    collection: str, records: Sequence[Record], places: Sequence[str]
) -> Callable[[AtomicWriter], Any]:
    async def work(writer: AtomicWriter) -> dict[str, int]:
        outcomes = await writer.write(collection, records)
        if outcomes.refused:
            flaws = [Flaw(places[index], str(refused)) for index, refused in sorted(outcomes.refused.items())]
            raise Problem.of(409, *flaws)
        return {"inserted": outcomes.inserted, "changed": outcomes.changed, "unchanged": outcomes.unchanged}

    return work
