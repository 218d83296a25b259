"""`GET /v1/pain`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from bot.api.http.dependencies import ApiDependencies, named_athlete
from bot.api.http.queries import PainQuery
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, responses
from bot.core.pain.follow_up import open_pain_json
from bot.store.summary import SummaryStore


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["feedback"])
    shown = examples.summary().to_json()
    example = {name: shown[name] for name in ("athlete", "zone", "openPain")}

    @router.get(
        "/v1/pain",
        operation_id="listOpenPain",
        summary="Read what hurts",
        responses=responses({200: ("Open pain.", json_content(models.OpenPains, example))}),
    )
    async def list_open_pain(query: Annotated[PainQuery, Query()]) -> Response:
        """What hurts an athlete and is not said to be gone: from answers, from /pain, from what is said to
        the question how it is by now. What nobody has said a word of for four weeks is left out: of that
        nothing is known any more.
        """

        async def read() -> Response:
            roster = await deps.roster_with(query.athlete)
            athlete, now = named_athlete(roster, query.athlete, "athlete"), deps.clock()
            zone = athlete.hours.zone
            pains = await SummaryStore(deps.db).open_pain(athlete, now)
            found = [open_pain_json(pain, now, zone) for pain in pains]
            return JSONResponse({"athlete": athlete.athlete_id, "zone": str(zone), "openPain": found})

        return await deps.mongodb.run(read())

    return router
