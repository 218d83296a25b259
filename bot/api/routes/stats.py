"""`GET /v1/stats`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from bot.api.http.dependencies import ApiDependencies
from bot.api.http.queries import StatsQuery
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, responses


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["stats"])

    @router.get(
        "/v1/stats",
        operation_id="getStats",
        summary="Read the figures",
        responses=responses(
            {200: ("The figures.", json_content(models.StatsShown, examples.stats().to_json()))}
        ),
    )
    async def get_stats(query: Annotated[StatsQuery, Query()]) -> Response:
        """What `/stats` shows: how many taps were written, and which were not and why; answers by day,
        adherence by week, response rate, time to answer; what waits, and what was given up.

        Days are days in TIMEZONE. What other programs write straight into past days may show an hour later.
        """
        figures = await deps.mongodb.run(deps.figures(query.days))
        return JSONResponse(figures.to_json())

    return router
