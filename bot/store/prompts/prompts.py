"""The collection `session_prompts`: what others than its sender read and write there.

A document needs `runId`, `sessionId` and `chatId`; a coach workflow may insert it itself. Optional:
`messageThreadId` (a topic of the chat), `title`, `note`, `dueAt`, `notAfter`, `athleteId`, `userId` (only
they may answer). Its parts:

- the question: these, and if it comes from a plan `slot` (which session of which day it stands for), `date`,
  `plan` and `plannedAt`, see `bot.store.prompts.planned`; a morning's reminder has `kind` and `sessions`;
- the way out: `claim` and `attemptAt` (nobody else may claim it before then: the lease, or the time of the
  next try), `attempts`, `unknowns`, `reference`, `messageId`, `sentAt`, `messages`, see
  `bot.store.prompts.outbox`;
- what comes after: `state` and `reason`, `refusalToldAt` (when admins were told that the chat takes nothing,
  see `bot.store.prompts.undelivered`), `isPaused` (cancelled for a pause), `answeredAt`, `again` (why it is
  asked once more), `askedAgainAt`, `laterAt`, `laterUpdateId`, `pendingAt`, `pendingUpdateId`, `nudgeAt`,
  `nudgedAt`, see `bot.store.prompts.expiry`; `answeredIn` (the message below which it was answered) and
  `copiesAt` (since when its other messages are out of date), see `bot.store.prompts.copies`;
- `createdAt`, `updatedAt`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import product
from typing import Any

from pymongo import UpdateMany
from pymongo.errors import DuplicateKeyError

from bot.core.prompts.prompt import Answered, AskAgainReason, LaterResult, PromptKind, PromptState
from bot.core.prompts.undelivered import read_chat_id
from bot.core.records.collections import SESSION_PROMPTS
from bot.core.records.models import is_day
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database, Document, bulk_upsert, storage_errors
from bot.store.mongodb.indexes import hold_keys_if_possible

COLLECTION = SESSION_PROMPTS.name

IS_QUESTION: Document = {"kind": {"$in": [None, PromptKind.SESSION.value]}}
"""Selects questions; the rest are reminders, letters and weekly summaries."""

_FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""Times behind it, which others may have written, no zone can reckon with."""
_LATE_REASON = "the answer came too late to count"
# From these the athlete may be asked later: a message may have arrived although nobody knows.
_OPEN = [None, PromptState.PENDING.value, PromptState.SENT.value, PromptState.UNDELIVERABLE.value]

_OF_PENDING = dict.fromkeys(("laterAt", "laterUpdateId", "pendingAt", "pendingUpdateId"), True)

# With a time of sending: asked, and without an answer that counts.
_ASKED = [state.value for state in PromptState if state is not PromptState.ANSWERED]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Questions without an answer that counts, counted.

    Attributes:
        by_day: by the session's day: the planned one; without one, that on which it was asked the last time.
        by_hour: by day and hour of when it was asked the last time.
    """

    by_day: Mapping[date, int]
    by_hour: Mapping[tuple[date, int], int]

    def by_hour_since(self, first: date) -> dict[int, int]:
        """By the hour of the day, of those asked on that day or later."""
        found: Counter[int] = Counter()
        for (day, hour), number in self.by_hour.items():
            if day >= first:
                found[hour] += number
        return dict(found)


@dataclass(frozen=True, slots=True)
class AskedIn:
    """A message that asks about a session.

    Attributes:
        session: run and session.
        user_id: who alone may answer; None: whoever is there.
    """

    session: tuple[str, str]
    chat_id: int
    message_id: int
    user_id: int | None


class PromptStore:
    """Writes and reads of `session_prompts`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]

    async def queue(
        self,
        run_id: str,
        session_id: str,
        chat_id: int,
        *,
        title: str | None,
        note: str | None,
        due_at: datetime,
        now: datetime,
        athlete_id: str | None = None,
        user_id: int | None = None,
        thread_id: int | None = None,
    ) -> str | None:
        """Queue a prompt. A session is asked about once in a chat: if it is there already, its state."""
        key = {"runId": run_id, "sessionId": session_id, "chatId": str(chat_id)}
        optional = {"messageThreadId": thread_id, "athleteId": athlete_id, "userId": user_id}
        document = {
            **key,
            "title": title,
            "note": note,
            **{field: value for field, value in optional.items() if value is not None},
            "dueAt": due_at,
            "state": PromptState.PENDING.value,
            "createdAt": now,
            "updatedAt": now,
        }
        await hold_keys_if_possible(self._prompts.database, COLLECTION)
        with storage_errors():
            existing = await self._prompts.find_one({**key, "chatId": in_chats(chat_id)})
            if existing is None:
                try:
                    await self._prompts.insert_one(document)
                    return None
                except DuplicateKeyError:
                    existing = await self._prompts.find_one(key)
        return str((existing or {}).get("state") or PromptState.PENDING.value)

    async def put_weekly(
        self,
        run_id: str,
        session_id: str,
        *,
        athlete_id: str,
        user_id: int,
        due_at: datetime,
        not_after: datetime,
        now: datetime,
        kind: PromptKind = PromptKind.WEEKLY,
    ) -> bool:
        """Have an athlete told, or asked, something of a week in their private chat; returns whether that is
        new."""
        # Without `date`, which is for what stands in plans.
        document = {
            "kind": kind.value,
            "athleteId": athlete_id,
            "userId": user_id,
            "state": PromptState.PENDING.value,
            "dueAt": due_at,
            "notAfter": not_after,
            "createdAt": now,
            "updatedAt": now,
        }
        key = {"runId": run_id, "sessionId": session_id, "chatId": str(user_id)}
        await hold_keys_if_possible(self._prompts.database, COLLECTION)
        with storage_errors():
            try:
                result = await self._prompts.update_one(key, {"$setOnInsert": document}, upsert=True)
            except DuplicateKeyError:  # another service has just put it there
                return False
        return result.upserted_id is not None

    async def count(self) -> dict[str, int]:
        """Questions by state; documents that nobody has looked at yet are pending."""
        # Each from the index alone. With several kinds in one query MongoDB would read the documents.
        counts = dict.fromkeys((state.value for state in PromptState), 0)
        with storage_errors():
            for state, kind in product((None, *PromptState), (None, PromptKind.SESSION)):
                number = await self._prompts.count_documents({"state": state, "kind": kind})
                counts[state or PromptState.PENDING] += number
        return counts

    async def unanswered(self, since: datetime, zone: tzinfo) -> Unanswered:
        """How many questions have no answer that counts, of those last sent since then."""
        quarter = {"$dateTrunc": {"date": "$sentAt", "unit": "minute", "binSize": 15}}
        is_planned = {"$eq": [{"$type": "$date"}, "string"]}
        pipeline: list[Document] = [
            {"$match": {"state": {"$in": _ASKED}, **IS_QUESTION, "sentAt": {"$gte": since, "$lt": _FAR}}},
            {
                "$group": {
                    "_id": {"planned": {"$cond": [is_planned, "$date", None]}, "asked": quarter},
                    "n": {"$sum": 1},
                }
            },
        ]
        by_day: Counter[date] = Counter()
        by_hour: Counter[tuple[date, int]] = Counter()
        with storage_errors():
            async for group in await self._prompts.aggregate(pipeline):
                planned, asked = group["_id"]["planned"], group["_id"]["asked"].astimezone(zone)
                by_hour[asked.date(), asked.hour] += group["n"]
                if planned is None:
                    by_day[asked.date()] += group["n"]
                elif is_day(planned):
                    by_day[date.fromisoformat(planned)] += group["n"]
        return Unanswered(by_day, by_hour)

    async def resolve(self, references: Collection[str]) -> dict[str, tuple[str, str]]:
        """The true `(runId, sessionId)` of short references; unknown ones are absent."""
        if not references:
            return {}
        with storage_errors():
            cursor = self._prompts.find(
                {"reference": {"$in": list(references)}},
                {"reference": True, "runId": True, "sessionId": True},
            )
            return {d["reference"]: (str(d["runId"]), str(d["sessionId"])) async for d in cursor}

    async def asked_by(self, chat_id: int, message_id: int) -> tuple[str, str] | None:
        """The `(runId, sessionId)` that a message asked about; None if it is no question on record."""
        with storage_errors():
            document = await self._prompts.find_one(
                {"chatId": in_chats(chat_id), "messages.messageId": message_id, **IS_QUESTION},
                {"runId": True, "sessionId": True},
            )
        return None if document is None else (str(document["runId"]), str(document["sessionId"]))

    async def asked(self, keys: Collection[tuple[str, str]]) -> list[AskedIn]:
        """Where these sessions were asked about, by run and session; in each chat the message that counts."""
        query = {"$or": [{"runId": run_id, "sessionId": session_id} for run_id, session_id in keys]}
        fields = ("runId", "sessionId", "chatId", "userId", "messageId", "answeredIn")
        with storage_errors():
            cursor = self._prompts.find({**query, **IS_QUESTION}, dict.fromkeys(fields, True))
            found = [_asked_in(document) async for document in cursor]
        return [it for it in found if it is not None]

    async def has_asked(self, chat_id: int, user_id: int | None) -> bool:
        """Whether a question was sent to a chat before; with a user, one that is for them alone."""
        query: Document = {"chatId": in_chats(chat_id), "sentAt": {"$type": "date"}, **IS_QUESTION}
        if user_id is not None:
            query["userId"] = user_id
        with storage_errors():
            return await self._prompts.find_one(query, {"_id": True}) is not None

    async def sent_at(
        self, run_id: str, session_id: str, chat_id: int | None, message_id: int | None
    ) -> datetime | None:
        """When a session was asked about in a chat (None: in any): by this message, else the last time."""
        with storage_errors():
            query: dict[str, Any] = {"runId": run_id, "sessionId": session_id}
            if chat_id is not None:
                query["chatId"] = in_chats(chat_id)
            document = await self._prompts.find_one(
                query, {"sentAt": True, "messages": True}, sort=[("sentAt", -1)]
            )
        for message in (document or {}).get("messages") or []:
            if message_id is not None and message.get("messageId") == message_id:
                return _datetime(message.get("sentAt"))
        return _datetime((document or {}).get("sentAt"))

    async def owners(
        self, keys: Collection[tuple[str, str]], chat_ids: Collection[int]
    ) -> dict[tuple[str, str, int], int]:
        """Whose prompts these are: the user id by `(runId, sessionId, chatId)`, where one is set.

        Args:
            keys: `(runId, sessionId)` of sessions.
            chat_ids: the chats in which they may have been asked about.
        """
        if not keys or not chat_ids:
            return {}
        query = {
            "runId": {"$in": list({run_id for run_id, _ in keys})},
            "sessionId": {"$in": list({session_id for _, session_id in keys})},
            "chatId": in_chats(*chat_ids),
            "userId": {"$type": "number"},
        }
        with storage_errors():
            fields = ("runId", "sessionId", "chatId", "userId")
            cursor = self._prompts.find(query, dict.fromkeys(fields, True))
            return {
                (d["runId"], d["sessionId"], int(d["chatId"])): int(d["userId"])
                async for d in cursor
                if (d["runId"], d["sessionId"]) in keys
            }

    async def settle_taps(self, answered: Iterable[Answered], late: Iterable[Answered]) -> None:
        """Settle the prompts of stored answers, and of those that came too late to be stored.

        An answer settles a prompt whatever its state, a late one only where somebody still waits for it.
        Doing it again changes nothing.
        """
        waited_for = [PromptState.SENT.value, PromptState.EXPIRED.value]
        requests = [
            UpdateMany(
                _answered_question(tap) | {"state": {"$in": waited_for}},
                {
                    "$set": {"state": PromptState.LATE.value, "reason": _LATE_REASON, "updatedAt": tap.at},
                    "$unset": {"nudgeAt": ""},
                },
            )
            for tap in late
        ]
        requests += [
            UpdateMany({"$and": [_answered_question(tap), _is_new_to(tap)]}, _settled_by(tap))
            for tap in answered
        ]
        if requests:
            await bulk_upsert(self._prompts, requests)

    async def ask_later(
        self,
        run_id: str,
        session_id: str,
        chat_id: int,
        *,
        stamp: UpdateStamp,
        due_at: datetime,
        until: datetime,
    ) -> LaterResult:
        """Ask about a session again at `due_at`. The same update a second time, or an earlier one,
        changes nothing.

        Args:
            stamp: the update that says so.
            until: when the session must have been asked about for the first time, at the earliest, for an
                answer at `due_at` to count.
        """
        key = question_about(run_id, session_id, chat_id)
        reason = AskAgainReason.LATER
        while True:
            with storage_errors():
                document = await self._prompts.find_one(key)
                if document is None:
                    return LaterResult.UNKNOWN
                state = document.get("state")
                if _is_carried_out(document, reason, stamp):
                    is_answered = state == PromptState.ANSWERED
                    return LaterResult.ANSWERED_SINCE if is_answered else LaterResult.POSTPONED
                if state == PromptState.ANSWERED:
                    return LaterResult.ANSWERED
                if state not in _OPEN or _first_sent_at(document, until) < until:
                    return LaterResult.TOO_LATE
                result = await self._prompts.update_one(
                    {"_id": document["_id"], "state": state}, _asked_again(reason, due_at, stamp)
                )
            if result.matched_count:
                return LaterResult.POSTPONED

    async def ask_pending(
        self, open_: Sequence[object], known: Sequence[object], *, stamp: UpdateStamp, most: int
    ) -> int:
        """Ask again at once what an athlete has not answered. The same update a second time, or an earlier
        one, asks nothing more.

        What is to be asked again anyhow, later, comes now; what is just being sent is left alone.

        Args:
            open_: the `_id`s of these questions, the first ones first.
            known: those of all of the athlete's questions.
            stamp: the update that says so.
            most: so many questions at most.

        Returns:
            About how many of them this update asks.
        """
        with storage_errors():
            found = await self._prompts.find({"_id": {"$in": list(known)}}, _OF_PENDING).to_list()
            asked = [
                document["_id"]
                for document in found
                if _is_carried_out(document, AskAgainReason.PENDING, stamp)
                or _is_carried_out(document, AskAgainReason.LATER, stamp)
            ]
            left = [id_ for id_ in open_ if id_ not in asked]
            for id_ in left[: max(0, most - len(asked))]:
                await self._prompts.update_one(
                    {"_id": id_, "state": {"$ne": PromptState.ANSWERED.value}, **unclaimed(stamp.at)},
                    _asked_again(AskAgainReason.PENDING, stamp.at, stamp),
                )
        return min(len(open_), most)


def _asked_in(document: Document) -> AskedIn | None:
    chat_id = read_chat_id(document)
    message_id = read_int64(document.get("answeredIn")) or read_int64(document.get("messageId"))
    if chat_id is None or message_id is None:
        return None
    session = str(document["runId"]), str(document["sessionId"])
    return AskedIn(session, chat_id, message_id, read_int64(document.get("userId")))


def chat_forms(chat_id: int) -> list[Any]:
    """A chat id as the bot writes it, and as a workflow may have."""
    return [str(chat_id), chat_id]


def unclaimed(now: datetime) -> Document:
    """Selects prompts that nobody is sending at the moment."""
    return {"$or": [{"claim": None}, {"attemptAt": {"$lte": now}}]}


def in_chats(*chat_ids: int) -> Document:
    """Selects, as a value of `chatId`, these chats in either form."""
    return {"$in": [form for chat_id in chat_ids for form in chat_forms(chat_id)]}


def shown_in(chat_id: int, coach: int) -> Document:
    """Selects what stands in a chat that is the coach's, also where its group goes by another id by now than
    COACH_CHAT_ID says; nothing in a chat that was another coach's."""
    return {"chatId": in_chats(chat_id), **({} if chat_id == coach else {"movedFrom": in_chats(coach)})}


def stale_if_older(at: datetime, most: int) -> Any:
    """An expression: the new `copiesAt` of a question that has more messages than `most` so far."""
    number = {"$size": {"$cond": [{"$isArray": "$messages"}, "$messages", []]}}
    return {"$cond": [{"$gt": [number, most]}, at, "$copiesAt"]}


def _stale_if_others(tap: Answered) -> Any:
    """As `stale_if_older`, of a question that is answered, be it below a message that only tells of it."""
    if tap.message_id is None:
        return stale_if_older(tap.at, 1)
    ids = {"$ifNull": ["$messages.messageId", []]}
    others = {"$setDifference": [{"$cond": [{"$isArray": ids}, ids, []]}, [tap.message_id]]}
    return {"$cond": [{"$ne": [others, []]}, tap.at, "$copiesAt"]}


def question_about(run_id: str, session_id: str, *chat_ids: int) -> Document:
    """Selects the questions about a session in these chats."""
    return {"runId": run_id, "sessionId": session_id, "chatId": in_chats(*chat_ids), **IS_QUESTION}


def _answered_question(tap: Answered) -> Document:
    """Selects what a tap answers: the question in its chat, and the user's own, in whichever chat."""
    chats = [chat_id for chat_id in (tap.chat_id, tap.user_id) if chat_id is not None]
    whose: list[Document] = [{"chatId": in_chats(*chats)}]
    if tap.user_id is not None:
        whose.append({"userId": tap.user_id})
    return {"runId": tap.run_id, "sessionId": tap.session_id, "$or": whose, **IS_QUESTION}


def _is_new_to(tap: Answered) -> Document:
    """Selects questions that an answer settles, or moves to another of their messages."""
    is_open: Document = {"state": {"$ne": PromptState.ANSWERED.value}}
    if tap.message_id is None:
        return is_open
    has_others = [{"messages.1": {"$exists": True}}, {"messages.messageId": {"$ne": tap.message_id}}]
    return {"$or": [is_open, {"answeredIn": {"$ne": tap.message_id}, "$or": has_others}]}


def _settled_by(tap: Answered) -> list[Document]:
    answered = PromptState.ANSWERED.value
    is_answered = {"$eq": ["$state", answered]}
    fields = {
        "state": answered,
        "answeredAt": {"$cond": [is_answered, "$answeredAt", tap.at]},
        "answeredIn": "$answeredIn" if tap.message_id is None else tap.message_id,
        "copiesAt": _stale_if_others(tap),
        "updatedAt": tap.at,
    }
    return [{"$set": fields}, {"$unset": ["reason", "claim", "attemptAt", "nudgeAt"]}]


def _asked_again(reason: AskAgainReason, due_at: datetime, stamp: UpdateStamp) -> Document:
    """An update of a question that is asked once more because an athlete says so."""
    said = {f"{reason}At": stamp.at, f"{reason}UpdateId": stamp.update_id}
    state = {"state": PromptState.PENDING.value, "again": reason.value, "dueAt": due_at}
    return {"$set": {**state, **said, "updatedAt": stamp.at}, "$unset": {"nudgeAt": "", "reason": ""}}


def _first_sent_at(document: Document, default: datetime) -> datetime:
    messages = document.get("messages")
    first = messages[0].get("sentAt") if isinstance(messages, list) and messages else document.get("sentAt")
    return first if isinstance(first, datetime) else default


def _is_carried_out(document: Document, reason: AskAgainReason, stamp: UpdateStamp) -> bool:
    """Whether a request has been carried out already, or a later one of its kind."""
    update_id = document.get(f"{reason}UpdateId")
    last = UpdateStamp.read(update_id, document.get(f"{reason}At"))
    if last is None:  # an older release noted no time
        return bool(update_id == stamp.update_id)
    return not stamp.is_after(last)


def _datetime(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
