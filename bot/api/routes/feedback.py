"""`GET /v1/feedback` and `GET /v1/feedback/summary`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from bot.api.http.answers import page
from bot.api.http.dependencies import ApiDependencies, named_athlete, users_named
from bot.api.http.queries import FeedbackQuery, SummaryQuery, end_instant, first_instant
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, responses
from bot.core.records.collections import FEEDBACK_EVENTS
from bot.core.shared.tolerant import as_json
from bot.core.summary.summary import Summary
from bot.services.reports.summary import collect
from bot.store.mongodb.client import Document
from bot.store.records.export import Selection
from bot.store.records.pages import FeedbackPages, Page
from bot.store.summary import SummaryStore

MARKDOWN = "text/markdown"


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["feedback"])
    pages = FeedbackPages(deps.db)
    example = examples.summary()

    @router.get(
        "/v1/feedback",
        operation_id="listFeedback",
        summary="Read the answers",
        responses=responses({200: ("A page.", json_content(models.FeedbackPage, examples.FEEDBACK_PAGE))}),
    )
    async def list_feedback(query: Annotated[FeedbackQuery, Query()]) -> Response:
        """Documents of `feedback_events`, oldest first: one for each session and athlete, the last tap.

        Read on with `cursor`: nothing is skipped and nothing comes twice, unless an athlete changes an answer
        meanwhile, which then comes again.

        Answers whose `receivedAt` is neither a time nor text, as other programs may leave it, cannot be put
        in order: they are not listed, and `undated` on the first page says how many they are. So it is, with
        `since` or `until`, with those that have none.
        """
        selection = Selection(
            since=first_instant(query.since, deps.zone),
            before=end_instant(query.until, deps.zone),
            run_id=query.runId,
        )

        async def read() -> Page:
            users = None
            if query.athlete is not None:
                users = users_named(await deps.roster_with(query.athlete), query.athlete)
            return await pages.read(selection, users=users, cursor=query.cursor, limit=query.limit)

        found = await deps.mongodb.run(read())
        return await page(found, _shown, undated=found.undated)

    @router.get(
        "/v1/feedback/summary",
        operation_id="summarizeFeedback",
        summary="Summarize a week for its planner",
        responses=responses(
            {
                200: (
                    "The summary.",
                    {
                        **json_content(models.WeekSummary, example.to_json()),
                        MARKDOWN: {"schema": {"type": "string"}, "example": example.to_markdown()},
                    },
                )
            }
        ),
    )
    async def summarize(query: Annotated[SummaryQuery, Query()]) -> Response:
        """The week and the four before: each planned session with what became of it, counts, adherence, runs
        of hard and pain, response rate. Every scale says what it means, and which way is good.
        """

        async def read() -> Summary:
            roster = await deps.roster_with(query.athlete)
            return await collect(
                SummaryStore(deps.db),
                roster,
                named_athlete(roster, query.athlete, "athlete"),
                query.weekStart,
                now=deps.clock(),
                late_after_days=deps.late_after_days,
                kept_days=deps.retention[FEEDBACK_EVENTS],
            )

        summary = await deps.mongodb.run(read())
        if query.format == "markdown":
            return Response(summary.to_markdown(), media_type=MARKDOWN)
        return JSONResponse(summary.to_json())

    return router


def _shown(document: Document) -> dict[str, Any]:
    return {name: as_json(value) for name, value in document.items() if name != "_id"}
