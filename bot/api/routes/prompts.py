"""`POST /v1/prompts` and `GET /v1/prompts`."""

# The attributes of a request are named like its fields, see `bot.core.records.models`.
# ruff: noqa: N815

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict
from starlette.responses import Response

from bot.api.http.answers import created, page
from bot.api.http.dependencies import ApiDependencies, named_athlete
from bot.api.http.problems import Flaw, invalid
from bot.api.http.queries import PromptsQuery, end_instant, first_instant
from bot.api.openapi import examples, models
from bot.api.openapi.operations import json_content, request_body, responses
from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts.explain import explain, state_at
from bot.core.prompts.prompt import InvalidPrompt, PromptState, parse_chat_id
from bot.core.prompts.undelivered import refuses
from bot.core.records.models import Chat, Identity, Instant, Key, Record
from bot.core.shared import formatting as texts
from bot.core.shared.bson_json import BadValue
from bot.core.shared.tolerant import as_json
from bot.core.telegram.chats import ChatTopic, read_thread_id, read_topic
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore
from bot.store.records.pages import Page, PromptPages, PromptSelection


class PromptRequest(Record):
    """One question about one session. A session is asked about once in a chat, however often it is sent.

    Without `chatId` and `athleteId` the only athlete there is gets asked.
    """

    model_config = ConfigDict(extra="forbid")

    KEY: ClassVar[str] = "runId"

    runId: Key
    """The run that planned the session; the answer will carry it."""
    sessionId: Key
    """The session within the run; the answer will carry it."""
    athleteId: Key | None = None
    """Who is asked, by the id on the roster; only they may answer."""
    chatId: Chat | None = None
    """Where to ask, instead of `athleteId`: a Telegram chat, such as a group's."""
    messageThreadId: Identity | None = None
    """The topic of the group, if it has topics; left out: where the athlete is asked in it."""
    title: str | None = None
    """What was planned; up to 200 characters are shown."""
    note: str | None = None
    """More about it; up to 1,000 characters are shown."""
    dueAt: Instant | None = None
    """When to ask; at once if left out."""

    def _derived(self) -> dict[str, Any]:
        if self.athleteId is not None and self.chatId is not None:
            raise BadValue("chatId", "stands beside athleteId; give one of them")
        for name, limit in (("title", texts.MAX_TITLE), ("note", texts.MAX_NOTE)):
            if len(getattr(self, name) or "") > limit:
                raise BadValue(name, f"has more than {limit:,} characters, and no more are shown; shorten it")
        if self.chatId is not None:
            try:
                parse_chat_id(self.chatId)
            except InvalidPrompt as exc:
                raise BadValue("chatId", str(exc).partition(": ")[2]) from None
        if self.messageThreadId is not None:
            try:
                read_thread_id(self.messageThreadId)
            except ValueError as exc:
                raise BadValue("messageThreadId", str(exc)) from None
        return {}


def prompt_json(document: Mapping[str, Any], deps: ApiDependencies) -> dict[str, Any]:
    """A prompt as it is shown."""
    shown = {name: as_json(document.get(name)) for name in models.PromptModel.model_fields}
    for name in ("runId", "sessionId", "chatId"):
        shown[name] = None if shown[name] is None else str(shown[name])
    now, late_after_days = deps.clock(), deps.late_after_days
    state = state_at(document, now, late_after_days)
    sentence = explain(document, now=now, late_after_days=late_after_days)
    return shown | {"state": state.value, "explanation": sentence}


def routes(deps: ApiDependencies) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["prompts"])
    pages = PromptPages(deps.db)

    @router.post(
        "/v1/prompts",
        operation_id="createPrompt",
        summary="Ask about a session",
        responses=responses(
            {
                201: ("It is queued.", json_content(models.PromptMade, examples.PROMPT_CREATED)),
                200: ("It was there already.", json_content(models.PromptMade, examples.PROMPT_THERE)),
            },
            body=True,
        ),
        openapi_extra=request_body(PromptRequest.model_json_schema(), examples.PROMPTS, "The question."),
    )
    async def create(request: Request) -> Response:
        """Queues one question; the service sends it when it is due.

        The same session in the same chat is asked about once: sent again, this changes nothing, and answers
        with what is there. If Telegram has refused it, it is tried once more, as long as it can be answered;
        `warning` says if Telegram refuses messages to this chat.
        """
        wanted = await deps.bodies.read(request, PromptRequest.of)
        now = deps.clock()

        async def queue() -> dict[str, Any]:
            place, athlete = _whom(await deps.roster_with(wanted.athleteId), wanted)
            chat_id = place.chat_id
            undelivered = UndeliveredStore(deps.db)
            closed = await undelivered.closed(deps.late_after_days, now, chat_id)
            state = await PromptStore(deps.db).queue(
                wanted.runId,
                wanted.sessionId,
                chat_id,
                title=(wanted.title or "").strip() or None,
                note=(wanted.note or "").strip() or None,
                due_at=wanted.dueAt or now,
                now=now,
                athlete_id=None if athlete is None else athlete.athlete_id,
                user_id=None if athlete is None else athlete.user_id,
                thread_id=place.thread_id,
            )
            is_retried = state == PromptState.UNDELIVERABLE and await undelivered.retry(
                wanted.runId, wanted.sessionId, chat_id, deps.late_after_days, now
            )
            warnings = [_STRANGER] if chat_id > 0 and athlete is None else []
            warnings += [refuses(chat) for chat in closed]
            document = await pages.find(wanted.runId, wanted.sessionId, chat_id) or {}
            return {
                "created": state is None,
                "retried": is_retried,
                "prompt": prompt_json(document, deps),
                "warning": "; ".join(warnings) or None,
            }

        content = await deps.mongodb.run(queue())
        return created(content, is_new=content["created"])

    @router.get(
        "/v1/prompts",
        operation_id="listPrompts",
        summary="List prompts and where they stand",
        responses=responses({200: ("A page.", json_content(models.PromptPage, examples.PROMPT_PAGE))}),
    )
    async def list_prompts(query: Annotated[PromptsQuery, Query()]) -> Response:
        """Questions about sessions, made from plans or one by one, in the order in which they were made; each
        with its state and a sentence that explains it.
        """

        async def read() -> Page:
            roster = await deps.roster_with(query.athlete)
            selection = _selection(query, deps, roster)
            found = await pages.read(selection, cursor=query.cursor, limit=query.limit)
            return replace(found, documents=await pages.with_answers(found.documents, roster))

        found = await deps.mongodb.run(read())
        return await page(found, lambda document: prompt_json(document, deps))

    return router


def _whom(roster: Roster, wanted: PromptRequest) -> tuple[ChatTopic, Athlete | None]:
    """Where to ask, and the athlete who alone may answer there."""
    if wanted.chatId is not None:
        place = _place(parse_chat_id(wanted.chatId), wanted.messageThreadId)
        athlete = roster.in_chat(place.chat_id, place.thread_id)
        if wanted.messageThreadId is None and athlete is not None:
            place = replace(place, thread_id=athlete.thread_id)
        return place, athlete
    athlete = named_athlete(roster, wanted.athleteId, "athleteId")
    if athlete.chat_id is None:
        raise invalid(Flaw("athleteId", "has not accepted the invitation yet, so there is no chat to ask in"))
    if wanted.messageThreadId is None:
        return ChatTopic(athlete.chat_id, athlete.thread_id), athlete
    return _place(athlete.chat_id, wanted.messageThreadId), athlete


def _place(chat_id: int, topic: str | int | None) -> ChatTopic:
    try:
        return ChatTopic(chat_id, None if topic is None else read_topic(topic, chat_id))
    except ValueError as exc:
        raise invalid(Flaw("messageThreadId", str(exc))) from None


def _selection(query: PromptsQuery, deps: ApiDependencies, roster: Roster) -> PromptSelection:
    athlete = roster.by_id(query.athlete)
    # Somebody who was removed is on no roster, and still has prompts.
    chat = athlete.chat_id if athlete else None
    zone = athlete.hours.zone if athlete else deps.zone
    return PromptSelection(
        run_id=query.runId,
        state=query.state,
        athlete_id=query.athlete,
        chat_id=chat,
        since=query.since,
        until=query.until,
        since_instant=first_instant(query.since, zone),
        before_instant=end_instant(query.until, zone),
    )


_STRANGER = "nobody on the roster is in this chat, so taps will be refused; `athlete add` invites athletes"
