"""`GET /v1/availability`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from bot.api.http.dependencies import ApiDependencies, named_athlete
from bot.api.http.queries import AvailabilityQuery
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, responses
from bot.core.availability.days import read_availability
from bot.core.shared.clock import monday_of
from bot.store.availability.availability import AvailabilityStore
from bot.store.mongodb.client import Document


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["feedback"])
    store = AvailabilityStore(deps.db)

    @router.get(
        "/v1/availability",
        operation_id="listAvailability",
        summary="Read on which days athletes can train",
        responses=responses(
            {200: ("The weeks.", json_content(models.AvailabilityList, examples.AVAILABILITY))}
        ),
    )
    async def list_availability(query: Annotated[AvailabilityQuery, Query()]) -> Response:
        """What athletes have said, by `/availability` or when asked (ASK_AVAILABILITY), from a week on. Weeks
        of which they said nothing are left out.
        """

        async def read() -> list[Document]:
            name = None
            if query.athlete is not None:
                roster = await deps.roster_with(query.athlete)
                name = named_athlete(roster, query.athlete, "athlete").athlete_id
            start = query.weekStart or monday_of(deps.clock().astimezone(deps.zone).date())
            return await store.since(start, name)

        found = await deps.mongodb.run(read())
        items = [
            {"athlete": str(document.get("athleteId")), **week.to_json()}
            for document in found
            if (week := read_availability(document)) is not None
        ]
        return JSONResponse({"items": items})

    return router
