"""`POST /v1/plans`: a plan in, and what the bot makes of it out."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot.api.http.answers import created
from bot.api.http.dependencies import ApiDependencies, named_athlete
from bot.api.http.problems import Flaw, invalid
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, request_body, responses
from bot.api.routes.records import write_one
from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.plan import Plan, plan_athlete_id, read_plan
from bot.core.plans.remarks import InvalidPlan
from bot.core.prompts.preview import preview_plan, rest_days
from bot.core.records.models import PlanSnapshot
from bot.core.shared.tolerant import as_json
from bot.store.mongodb.client import Document
from bot.store.plans import COLLECTION, PlanStore
from bot.store.records.writer import RecordStore

# A plan for a month may have begun so long ago and still decide about days to come.
_LOOK_BACK = timedelta(days=40)


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
    async def hand_over(request: Request) -> Response:
        """Writes a document of `plan_snapshots`, and tells what the service makes of it.

        Each session is asked about at PROMPT_TIME of its date, in the athlete's zone. A newer plan for the
        same days replaces what was not asked yet. Unlike `/v1/plan_snapshots` this refuses a plan from which
        no questions can be made.
        """
        record = await deps.bodies.read(request, PlanSnapshot.of)
        document = record.to_update_fields()
        store = RecordStore(deps.db, clock=deps.clock, metrics_per_athlete=deps.metrics_per_athlete)
        now = deps.clock()

        async def write() -> tuple[Athlete, dict[str, int], dict[str, Plan]]:
            athlete_id = plan_athlete_id(document)
            roster = await deps.roster_with(athlete_id)
            athlete = named_athlete(roster, athlete_id, "athleteId")
            plan = read_plan(document, athlete.hours.zone)
            counts = await write_one(store, COLLECTION, record)
            since = (now - _LOOK_BACK).date().isoformat()
            documents = await PlanStore(deps.db).read(since, {plan.run_id})
            return athlete, counts, {plan.run_id: plan} | _theirs(documents, roster, athlete)

        try:
            athlete, counts, plans = await deps.mongodb.run(write())
        except InvalidPlan as exc:
            raise invalid(Flaw(exc.field, exc.cure)) from None
        # As it is stored: `createdAt` and what an earlier request gave count, too.
        stored = plans.pop(record.runId)
        sessions = [
            {
                "sessionId": each.session.session_id,
                "date": each.session.date.isoformat(),
                "number": each.session.number,
                "activity": each.session.activity,
                "details": each.session.details,
                "askAt": as_json(each.ask_at),
                "notAsked": each.not_asked,
            }
            for each in preview_plan(stored, athlete, plans.values(), now)
        ]
        outcome = next(name for name, count in counts.items() if count)
        content = {
            "runId": stored.run_id,
            "athleteId": athlete.athlete_id,
            "outcome": outcome,
            "sessions": sessions,
            "restDays": [day.isoformat() for day in rest_days(stored)],
        }
        return created(content, is_new=outcome == "inserted")

    return router


def _theirs(documents: list[Document], roster: Roster, athlete: Athlete) -> dict[str, Plan]:
    """The athlete's plans, by run."""
    plans = {}
    for document in documents:
        try:
            plan = read_plan(document, athlete.hours.zone)
        except InvalidPlan:
            continue  # the log of the service names it
        if roster.meant(plan.athlete_id) is athlete:
            plans[plan.run_id] = plan
    return plans
