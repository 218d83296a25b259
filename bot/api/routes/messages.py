"""`GET /v1/messages`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from bot.api.http.dependencies import ApiDependencies, named_athlete
from bot.api.http.queries import MessagesQuery, first_instant
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, responses
from bot.core.talk.shown import read_shown
from bot.store.coach.messages import CoachMessageStore
from bot.store.mongodb.client import Document


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["feedback"])
    store = CoachMessageStore(deps.db)

    @router.get(
        "/v1/messages",
        operation_id="listMessages",
        summary="Read what athletes and their coach wrote to each other",
        responses=responses({200: ("The messages.", json_content(models.MessageList, examples.MESSAGES))}),
    )
    async def list_messages(query: Annotated[MessagesQuery, Query()]) -> Response:
        """What athletes wrote that is about no session, and what they and the coach answered each other, the
        newest first. Notes about sessions stand with the answers.
        """

        async def read() -> list[Document]:
            user_id = None
            if query.athlete is not None:
                roster = await deps.roster_with(query.athlete)
                user_id = named_athlete(roster, query.athlete, "athlete").user_id
                if user_id is None:  # they have no Telegram account yet
                    return []
            since = first_instant(query.since, deps.zone)
            return await store.list(user_id, since=since, limit=query.limit)

        found = await deps.mongodb.run(read())
        items = [
            {"athlete": word.athlete_id, **word.to_json()}
            for document in found
            if (word := read_shown(document)) is not None
        ]
        return JSONResponse({"items": items})

    return router
