"""`POST /v1/plans`: a plan in, and what the bot makes of it out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bot.api.http.answers import created, remarks
from bot.api.http.dependencies import ApiDependencies
from bot.api.http.problems import Flaw, invalid
from bot.api.http.queries import PlanQuery
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, request_body, responses
from bot.api.routes.records import open_desk, write_one
from bot.core.prompts.preview import PlanPreview
from bot.core.records.incoming import unpack_one
from bot.core.records.models import PlanSnapshot
from bot.core.shared.tolerant import as_json
from bot.store.plans import COLLECTION
from bot.store.records.writer import RecordStore


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["plans"])

    @router.post(
        "/v1/plans",
        operation_id="handOverPlan",
        summary="Hand over a plan",
        responses=responses(
            {
                201: ("The plan is written.", json_content(models.PlanTaken, examples.PLAN_TAKEN)),
                200: (
                    "It was there already; it may have been changed.",
                    json_content(models.PlanTaken, examples.PLAN_KNOWN),
                ),
            },
            body=True,
            more=(409,),
        ),
        openapi_extra=request_body(models.ref(models.PlanModel), examples.PLANS, "A plan."),
    )
    async def hand_over(request: Request, query: Annotated[PlanQuery, Query()]) -> Response:
        """Writes a document of `plan_snapshots`, and tells what the service makes of it.

        Each session is asked about at PROMPT_TIME of its date, in the athlete's zone. A newer plan for the
        same days replaces what was not asked yet. A plan from which no questions can be made is refused: it
        replaces nothing, and calls nothing off.
        """
        readings: Counter[str] = Counter()
        record = await deps.bodies.read(
            request, lambda value: PlanSnapshot.of(unpack_one(value, PlanSnapshot, readings)), readings
        )
        store = RecordStore(deps.db, clock=deps.clock, metrics_per_athlete=deps.metrics_per_athlete)

        async def write() -> tuple[PlanPreview, dict[str, int]]:
            desk = await open_desk(deps, [record])
            judged = await desk.judge(record.to_update_fields())
            if judged.flaw is not None:
                raise invalid(Flaw(judged.flaw.field, judged.flaw.cure))
            if query.strict and judged.warnings:
                raise invalid(*(Flaw(it.field, it.text) for it in judged.warnings))
            preview = desk.preview(judged)
            await desk.keep()
            return preview, await write_one(store, COLLECTION, record)

        preview, counts = await deps.mongodb.run(write())
        outcome = next(name for name, count in counts.items() if count)
        content = {
            "runId": record.runId,
            "athleteId": preview.athlete.athlete_id,
            "outcome": outcome,
            **plan_json(preview),
        }
        content["readings"] = [*remarks(readings).get("readings", ()), *content["readings"]]
        return created(content, is_new=outcome == "inserted")

    return router


def plan_json(preview: PlanPreview) -> dict[str, Any]:
    """What comes of a plan, as it is shown."""
    return {
        "sessions": [
            {
                "sessionId": each.session.session_id,
                "date": each.session.date.isoformat(),
                "number": each.session.number,
                "activity": each.session.activity,
                "details": each.session.details,
                "askAt": as_json(each.ask_at),
                "notAsked": each.not_asked,
            }
            for each in preview.sessions
        ],
        "restDays": [day.isoformat() for day in preview.rest],
        "cancelled": [
            {
                "runId": each.run_id,
                "sessionId": each.session_id,
                "date": each.date,
                "title": each.title,
                "reason": each.reason,
            }
            for each in preview.cancelled
        ],
        "warnings": [asdict(remark) for remark in preview.plan.warnings],
        "readings": [asdict(remark) for remark in preview.plan.readings],
    }
