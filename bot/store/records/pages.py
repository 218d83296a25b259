"""Lists that may be long, page by page: nothing is skipped and nothing comes twice, whatever is written
meanwhile and however many documents have the same time.

A cursor is the place of the last document shown, in the list's full order. Its value may be of any of the
types that other writers left there, so it is BSON; outside it is opaque.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection as AnyOf
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from bot.core.people.athlete import Roster
from bot.core.prompts.explain import is_answered_by
from bot.core.prompts.prompt import PromptState
from bot.core.shared.clock import iso_utc
from bot.store.answers import feedback_events as feedback
from bot.store.mongodb.client import Collection, Database, Document, storage_errors
from bot.store.mongodb.foreign import REGISTRY
from bot.store.prompts import prompts
from bot.store.records.export import Selection, selecting, undated

_PAGE_BYTES = 2 * 1024 * 1024
_BATCH = 100
_STATES = [None, *(state.value for state in PromptState)]
# Dates that Python cannot hold stay what they are: a cursor must find them again.
_EXACT = CodecOptions[Document](
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
    type_registry=REGISTRY,
)


class BadCursorError(ValueError):
    """It is not a cursor of this list."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        documents: with their `_id`.
        next: the cursor for the page that follows; None if there was nothing more.
        undated: how many documents are in no page, since nobody can say of which time they are; None: not
            counted, since it was said with the first page.
    """

    documents: Sequence[Document]
    next: str | None
    undated: int | None = None


class FeedbackPages:
    """`feedback_events` in the order in which answers were received."""

    def __init__(self, db: Database) -> None:
        self._events = _exact(db[feedback.COLLECTION])

    async def read(
        self, selection: Selection, *, users: AnyOf[int] | None, cursor: str | None, limit: int
    ) -> Page:
        """One page.

        Answers without a time come first, then those where other writers left it as text. Those in which
        something else stands there are in no page, and those without a time in none of a limited selection;
        the first page tells how many they are.

        Args:
            users: answers of these Telegram users only; None: of all.
            cursor: `Page.next` of the page before.
            limit: how many at most; large documents make a page shorter.

        Raises:
            BadCursorError: `cursor` is none.
            StorageError.
        """
        match: list[Document] = [
            selecting("receivedAt", selection),
            {"$or": [{"receivedAt": None}, {"receivedAt": {"$type": ["date", "string"]}}]},
            {"receivedAt": {"$not": {"$type": "array"}}},
        ]
        whose: list[Document] = []
        if users is not None:
            whose.append({"userId": {"$in": [form for user in users for form in (user, str(user))]}})
        match += whose
        if cursor is None:
            left_out = await self._undated(selection, whose)
        else:
            left_out = None
            at, last = _decode(cursor, 2)
            match += [*_from("receivedAt", at), {"$or": [{"receivedAt": {"$ne": at}}, _above("_id", last)]}]
        # The index knows the order of times only. So it first tells up to which time the page reaches; then
        # few enough are left to be put in full order.
        with storage_errors():
            ends = await (
                self._events.find({"$and": match}, {"receivedAt": True})
                .sort("receivedAt", 1)
                .skip(limit)
                .limit(1)
                .to_list()
            )
            if ends:
                match += _up_to("receivedAt", ends[0].get("receivedAt"))
            page = await _page(
                self._events, {"$and": match}, ("receivedAt", "_id"), limit, allow_disk_use=True
            )
        return replace(page, undated=left_out)

    async def _undated(self, selection: Selection, whose: Sequence[Document]) -> int:
        odd = undated("receivedAt")
        if selection.since is not None or selection.before is not None:
            odd.append({"receivedAt": None})
        run = [] if selection.run_id is None else [{"runId": selection.run_id}]
        with storage_errors():
            return await self._events.count_documents({"$and": [{"$or": odd}, *run, *whose]})


@dataclass(frozen=True, slots=True)
class PromptSelection:
    """Which prompts; all that is None selects nothing out.

    Attributes:
        athlete_id: whose they are.
        chat_id: also those in this chat that nobody's name stands on.
        since, until: first and last day: the planned one, else that on which the prompt is due.
        since_instant, before_instant: the begin of `since`, and the end of `until`.
    """

    run_id: str | None = None
    state: PromptState | None = None
    athlete_id: str | None = None
    chat_id: int | None = None
    since: date | None = None
    until: date | None = None
    since_instant: datetime | None = None
    before_instant: datetime | None = None


class PromptPages:
    """Questions of `session_prompts` in the order in which they were made."""

    def __init__(self, db: Database) -> None:
        self._prompts = _exact(db[prompts.COLLECTION])
        self._events = _exact(db[feedback.COLLECTION])

    async def read(self, selection: PromptSelection, *, cursor: str | None, limit: int) -> Page:
        """One page; arguments and errors as in `FeedbackPages.read`."""
        match = [prompts.IS_QUESTION, *_prompt_conditions(selection)]
        if cursor is not None:
            match.append(_above("_id", *_decode(cursor, 1)))
        with storage_errors():
            return await _page(self._prompts, {"$and": match}, ("_id",), limit)

    async def with_answers(self, documents: Sequence[Document], roster: Roster) -> list[Document]:
        """The prompts, each answered one with the state and time of its answer: other programs write answers,
        too, and settle nothing.

        Raises:
            StorageError.
        """
        runs = list({repr(it.get("runId")): it.get("runId") for it in documents}.values())
        fields = dict.fromkeys(("runId", "sessionId", "userId", "chatId", "receivedAt"), True)
        with storage_errors():
            events = await self._events.find({"runId": {"$in": runs}}, fields).to_list()
        return [_answered(document, events, roster) for document in documents]

    async def find(self, run_id: str, session_id: str, chat_id: int) -> Document | None:
        """The prompt about a session in a chat.

        Raises:
            StorageError.
        """
        key = {"runId": run_id, "sessionId": session_id, "chatId": {"$in": prompts.chat_forms(chat_id)}}
        with storage_errors():
            return await self._prompts.find_one(key)


def _answered(document: Document, events: Sequence[Document], roster: Roster) -> Document:
    if document.get("state") == PromptState.ANSWERED:
        return document
    for event in events:
        if is_answered_by(document, event, roster):
            return {**document, "state": PromptState.ANSWERED.value, "answeredAt": event.get("receivedAt")}
    return document


def _prompt_conditions(selection: PromptSelection) -> list[Document]:
    conditions: list[Document] = []
    if selection.run_id is not None:
        conditions.append({"runId": selection.run_id})
    if selection.state is PromptState.PENDING:
        conditions.append({"state": {"$in": [None, PromptState.PENDING.value]}})
    elif selection.state is not None:
        conditions.append({"state": selection.state.value})
    if selection.athlete_id is not None:
        whose: list[Document] = [{"athleteId": selection.athlete_id}]
        if selection.chat_id is not None:
            whose.append({"athleteId": None, "chatId": {"$in": prompts.chat_forms(selection.chat_id)}})
        conditions.append({"$or": whose})
    days = _limits({"$gte": selection.since, "$lte": selection.until})
    if days:
        instants = _limits({"$gte": selection.since_instant, "$lt": selection.before_instant})
        texts = {operator: iso_utc(instant) for operator, instant in instants.items()}
        due: list[Document] = [{"dueAt": instants}, {"dueAt": texts}, {"dueAt": None, "sentAt": instants}]
        # Each with the state, behind which times are indexed; other writers may have made up a state.
        unplanned: list[Document] = [
            {"date": None, "state": states, **time}
            for states in ({"$in": _STATES}, {"$nin": _STATES})
            for time in due
        ]
        planned = {"date": {operator: day.isoformat() for operator, day in days.items()}}
        conditions.append({"$or": [planned, *unplanned]})
    return conditions


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    return {operator: value for operator, value in given.items() if value is not None}


async def _page(
    collection: Collection, match: Document, order: Sequence[str], limit: int, **options: Any
) -> Page:
    """The first documents that match, in order, with the cursor of the last one if there are more."""
    cursor = collection.find(match, batch_size=_BATCH, **options)
    shown: list[Document] = []
    size = 0
    async with cursor.sort([(field, 1) for field in order]).limit(limit + 1) as documents:
        async for document in documents:
            if len(shown) == limit or (shown and size >= _PAGE_BYTES):
                return Page(shown, _encode([shown[-1].get(field) for field in order]))
            shown.append(document)
            size += len(bson.encode(document, codec_options=_EXACT))
    return Page(shown, None)


def _exact(collection: Collection) -> Collection:
    return collection.with_options(codec_options=_EXACT)


def _from(field: str, value: Any) -> list[Document]:
    """Those whose field is not before `value`, of whatever type: `$gte` alone would look at one type only."""
    return [] if value is None else [{"$expr": {"$gte": [f"${field}", {"$literal": value}]}}]


def _up_to(field: str, value: Any) -> list[Document]:
    return [{field: None}] if value is None else [{"$expr": {"$lte": [f"${field}", {"$literal": value}]}}]


def _above(field: str, value: Any) -> Document:
    return {"$expr": {"$gt": [f"${field}", {"$literal": value}]}}


def _encode(place: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(bson.encode({"": list(place)}, codec_options=_EXACT)).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        place = bson.decode(raw, _EXACT).get("")
    except (binascii.Error, BSONError, ValueError, OverflowError):
        place = None
    if (
        not isinstance(place, list)
        or len(place) != length
        or any(isinstance(value, list) for value in place)  # none is ordered by what is in it
    ):
        raise BadCursorError("this is not a cursor of this list; take `next` of the page before, as it is")
    return place
