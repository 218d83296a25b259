"""Alerts for the coach, and notices for the athlete, in the outbox `session_prompts`.

One document for each session, athlete and chat: `kind`, `about` (`{sessionKey, runId, sessionId, userId,
chatId, messageThreadId, messageId, name}`: the answer, and where it was given), `raisedBy` (when the answer
was given that made it necessary), `version` (the update id of what changed its contents last), `reference`
(by which its button finds it), `seenAt` and `seenBy`, and everything that a prompt has. Its `sessionId` has
bars, which no question's has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument, UpdateMany, UpdateOne

from bot.core.answers.event import Identity
from bot.core.answers.payloads import make_reference
from bot.core.notes.lines import Notes, read_notes
from bot.core.prompts.prompt import Prompt, PromptKind, PromptState
from bot.core.records.collections import PAIN_REPORTS
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.chats import ChatTopic
from bot.store.answers import feedback_events as feedback
from bot.store.mongodb.client import (
    Database,
    Document,
    storage_errors,
    write_all,
)
from bot.store.mongodb.indexes import hold_keys_if_possible
from bot.store.people.tombstones import TombstoneStore
from bot.store.prompts.prompts import COLLECTION, IS_QUESTION, chat_forms, shown_in

_TRIES = 3
_MESSAGES_KEPT = 20


@dataclass(frozen=True, slots=True)
class CoachAlert:
    """Something to be told because of a tap.

    Attributes:
        to: the chat, or its topic.
        session_key: of the answer that it is about.
        chat_id, thread_id, message_id: where that was given.
        raised_by: when the answer was given, by which it is told from an earlier one.
        raised_update_id: its update, as far as is known.
        version: the update id of the tap.
        seen_by: in a notice, who has seen the alert.
        name: the athlete's, as Telegram says; for where the roster has none.
        report_id: of the report that it is about, instead of an answer (see `bot.store.pain.reports`).
    """

    kind: PromptKind
    to: ChatTopic
    session: Identity
    session_key: str
    athlete_id: str | None
    chat_id: int | None
    message_id: int | None
    raised_by: datetime
    version: int
    at: datetime
    raised_update_id: int | None = None
    seen_by: str | None = None
    name: str | None = None
    thread_id: int | None = None
    report_id: str | None = None

    @property
    def session_id(self) -> str:
        """Under which it stands in the outbox."""
        _, session_id, user_id = self.session
        return f"{session_id}|{self.kind}|{user_id}"

    @property
    def key(self) -> Document:
        """Of its document."""
        return {"runId": self.session[0], "sessionId": self.session_id, "chatId": str(self.to.chat_id)}

    @property
    def cause(self) -> UpdateStamp:
        """The athlete's update because of which it is sent, as far as is known."""
        at = self.raised_by
        return (
            UpdateStamp.by_time(at)
            if self.raised_update_id is None
            else UpdateStamp(self.raised_update_id, at)
        )


class CoachAlertStore:
    """Raises `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]
        self._events = db[feedback.COLLECTION]
        self._reports = db[PAIN_REPORTS.name]
        self._tombstones = TombstoneStore(db)

    async def raise_(self, alerts: Collection[CoachAlert]) -> None:
        """Have these sent, as new messages, but for what is about a deleted answer; one that the same answer
        has raised before stays as it is."""
        alerts = await self._without_deleted(alerts)
        todo = [request for alert in alerts for request in (_raised(alert), _closing(alert))]
        if todo:
            await hold_keys_if_possible(self._prompts.database, COLLECTION)
        for _ in range(_TRIES):
            if not todo:
                break
            # A duplicate: another worker has just raised the same.
            todo = [todo[place] for place in await write_all(self._prompts, todo)]
        else:
            raise StorageUnavailable("MongoDB keeps reporting a duplicate alert")
        kept = await self._without_deleted(alerts)
        if deleted := [alert for alert in alerts if alert not in kept]:
            with storage_errors():
                for alert in deleted:
                    await self._prompts.delete_one(alert.key | {"raisedBy": alert.raised_by})

    async def _is_deleted(self, alert: Document) -> bool:
        """Whether the athlete has had everything deleted since it was raised."""
        about = alert.get("about")
        user_id = read_int64(about.get("userId")) if isinstance(about, Mapping) else None
        tombstone = (await self._tombstones.of([user_id])).get(user_id or 0)
        raised = alert.get("raisedBy")
        stamp = UpdateStamp.read(alert.get("raisedUpdateId"), raised)
        if stamp is None and isinstance(raised, datetime):
            stamp = UpdateStamp.by_time(raised)
        return tombstone is not None and (stamp is None or tombstone.covers(stamp))

    async def _without_deleted(self, alerts: Collection[CoachAlert]) -> list[CoachAlert]:
        tombstones = await self._tombstones.of({alert.session[2] for alert in alerts})
        return [
            alert
            for alert in alerts
            if (tombstone := tombstones.get(alert.session[2] or 0)) is None
            or not tombstone.covers(alert.cause)
        ]

    async def redirect(self, to: ChatTopic, now: datetime) -> int:
        """Have alerts that never arrived anywhere sent to this chat: COACH_CHAT_ID was corrected.

        Returns:
            How many there were.
        """
        here = chat_forms(to.chat_id)
        stranded = {
            "state": PromptState.PENDING.value,
            "kind": PromptKind.ALERT.value,
            "sentAt": None,
            "claim": None,
            "chatId": {"$nin": here},
            "movedFrom": {"$nin": here},
        }
        with storage_errors():
            found = await self._prompts.find(stranded, {"_id": True}).to_list()
        to_send: Document = {
            "$set": {
                "chatId": str(to.chat_id), "messageThreadId": to.thread_id, "dueAt": now, "updatedAt": now
            },
            "$unset": {"attemptAt": "", "attempts": ""},
        }  # fmt: skip
        one = [{**stranded, "_id": document["_id"]} for document in found]
        # A duplicate: the same pain was told there since.
        told = await write_all(self._prompts, [UpdateOne(alert, to_send) for alert in one])
        cancelled = {"state": PromptState.CANCELLED.value, "reason": "told in another chat", "updatedAt": now}
        await write_all(self._prompts, [UpdateOne(one[place], {"$set": cancelled}) for place in told])
        return len(found) - len(told)

    async def refresh(self, changes: Iterable[tuple[str, int, datetime]]) -> None:
        """What is told of these answers has changed: alerts that are sent are edited, or told anew.

        Args:
            changes: session key, update id and time of each.
        """
        requests = []
        for session_key, update_id, now in changes:
            told = {
                "about.sessionKey": session_key,
                "kind": PromptKind.ALERT.value,
                "version": {"$ne": update_id},
                "supersededBy": None,
                # One that is seen to again, after a crash, is part of what was told since.
                "changedAt": {"$not": {"$gt": now}},
            }
            state = PromptState.PENDING.value
            changed = {
                "state": state, "version": update_id, "dueAt": now, "updatedAt": now, "changedAt": now
            }  # fmt: skip
            requests.append(UpdateMany(told, {"$set": changed}))
        await write_all(self._prompts, requests)

    async def see(
        self, reference: str, chat_id: int, coach: int, by: str, update_id: int, now: datetime
    ) -> Document | None:
        """The coach has seen an alert: its document; None if there is no such alert in this chat, or the chat
        is not the coach's any more.

        The first to see it is remembered, for each time that it is raised.
        """
        alert = {
            "reference": reference,
            "kind": PromptKind.ALERT.value,
            **shown_in(chat_id, coach),
        }
        # A button that is seen to again, after a crash, is not about what was raised since.
        unseen = {"seenAt": None, "raisedBy": {"$not": {"$gt": now}}}
        seen = {
            "seenAt": now,
            "seenBy": by,
            "state": PromptState.PENDING.value,
            "version": update_id,
            "dueAt": now,
            "updatedAt": now,
        }
        with storage_errors():
            found = await self._prompts.find_one(alert)
        if found is None or await self._is_deleted(found):
            return None
        with storage_errors():
            document = await self._prompts.find_one_and_update(
                {**alert, **unseen}, {"$set": seen}, return_document=ReturnDocument.AFTER
            )
            return document or await self._prompts.find_one(alert)

    async def contents(self, prompt: Prompt) -> tuple[Document | None, Document | None, Document | None]:
        """What an alert or notice is made of: answer or report, question, its document; None: gone."""
        about = prompt.about or {}
        report = {"userId": about.get("userId"), "reportId": about.get("reportId")}
        with storage_errors():
            if report["reportId"] is not None:
                event = await self._reports.find_one(report)
            else:
                event = await self._events.find_one({"sessionKey": about.get("sessionKey")})
            question = await self._prompts.find_one(
                {
                    "runId": about.get("runId"),
                    "sessionId": about.get("sessionId"),
                    "chatId": {"$in": [about.get("chatId"), str(about.get("chatId"))]},
                    **IS_QUESTION,
                }
            )
            alert = await self._prompts.find_one({"_id": prompt.id})
        return event, question, alert

    async def notes(self, alert: Document) -> Notes:
        """What the athlete has written about what an alert tells."""
        about = alert.get("about")
        session_key = about.get("sessionKey") if isinstance(about, Mapping) else None
        with storage_errors():
            event = await self._events.find_one({"sessionKey": session_key})
        return Notes() if event is None else read_notes(event)

    async def prepare(self, prompt: Prompt, showing: Document, *, is_seen: bool) -> None:
        """Before it is sent: what the message tells; see `bot.core.pain.alerting.Showing`.

        Args:
            is_seen: whether the message says so; else it is to be seen anew.
        """
        fields: Document = {"telling": {"$literal": showing}}
        if not is_seen:
            # What was seen a moment ago has changed the version, and is not lost.
            is_same = {"$eq": ["$version", prompt.version]}
            fields |= {name: {"$cond": [is_same, "$$REMOVE", f"${name}"]} for name in ("seenAt", "seenBy")}
        with storage_errors():
            await self._prompts.update_one({"_id": prompt.id, "claim": prompt.claim}, [{"$set": fields}])

    async def succeed(self, prompt: Prompt) -> None:
        """What this alert is about is told anew, in a message of its own; this one stays as it was."""
        with storage_errors():
            document = await self._prompts.find_one({"_id": prompt.id, "claim": prompt.claim})
        if document is None:
            return
        session_id = f"{document['sessionId']}|{prompt.version}"
        key = {"runId": document["runId"], "sessionId": session_id, "chatId": document["chatId"]}
        kept = ("kind", "about", "athleteId", "messageThreadId", "version")
        at = document.get("changedAt") or document["dueAt"]
        anew: Document = {
            **{name: document[name] for name in kept if name in document},
            "raisedBy": at,
            "raisedUpdateId": prompt.version,
            "reference": make_reference(str(document["runId"]), session_id),
            "state": PromptState.PENDING.value,
            "dueAt": at,
            "createdAt": at,
            "updatedAt": at,
        }
        await hold_keys_if_possible(self._prompts.database, COLLECTION)
        # A duplicate: another service has just done the same.
        await write_all(self._prompts, [UpdateOne(key, {"$setOnInsert": anew}, upsert=True)])
        with storage_errors():
            await self._prompts.update_one({"_id": prompt.id}, {"$set": {"supersededBy": session_id}})

    async def is_there(self, prompt: Prompt) -> bool:
        """Whether it is still to be told: what it is about may have been deleted a moment ago."""
        with storage_errors():
            return await self._prompts.find_one({"_id": prompt.id}, {"_id": True}) is not None

    async def withdraw(self, prompt: Prompt) -> None:
        """There is nothing to tell. If that has changed meanwhile, it stays to be sent."""
        with storage_errors():
            ours = {"_id": prompt.id, "claim": prompt.claim}
            if not (await self._prompts.delete_one({**ours, "version": prompt.version})).deleted_count:
                await self._prompts.update_one(ours, {"$unset": {"claim": "", "attemptAt": ""}})

    async def settle(self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime) -> None:
        """Telegram has it. If it was changed or raised again meanwhile, it stays to be sent."""
        # As `read_prompt` reads it: else one with an odd version would be sent again and again.
        is_version = {"$in": [{"$type": "$version"}, ["int", "long"]]}
        is_same = {"$eq": [{"$cond": [is_version, "$version", 0]}, prompt.version]}
        message: Document = {"messageId": message_id, "sentAt": sent_at}
        # All of them, by which it is told what a reply to one is about.
        earlier = {"$cond": [{"$isArray": "$messages"}, "$messages", []]}
        others = {"$filter": {"input": earlier, "as": "it", "cond": {"$ne": ["$$it.messageId", message_id]}}}
        messages = {"$slice": [{"$concatArrays": [others, [message]]}, -_MESSAGES_KEPT]}
        with storage_errors():
            await self._prompts.update_one(
                {"_id": prompt.id, "claim": prompt.claim},
                [
                    {
                        "$set": {
                            "state": {"$cond": [is_same, PromptState.SENT.value, "$state"]},
                            "updatedAt": now,
                            **message,
                            "messages": messages,
                            "told": {"$ifNull": ["$telling", "$told"]},
                            "rangAt": {"$cond": [{"$eq": ["$telling.isNew", True]}, now, "$rangAt"]},
                        }
                    },
                    {"$unset": ["claim", "attemptAt", "reason", "unknowns", "telling"]},
                ],
            )


def _closing(alert: CoachAlert) -> UpdateMany:
    """What was told anew of an answer that was given before this one is not changed any more."""
    earlier = {
        "about.sessionKey": alert.session_key,
        "kind": alert.kind.value,
        "sessionId": {"$ne": alert.session_id},
        "chatId": str(alert.to.chat_id),
        "raisedBy": {"$lt": alert.raised_by},
        "supersededBy": None,
    }
    closed = {"supersededBy": alert.session_id, "state": PromptState.PENDING.value, "dueAt": alert.at}
    return UpdateMany(earlier, {"$set": closed})


def _raised(alert: CoachAlert) -> UpdateOne:
    run_id, session_id, user_id = alert.session
    about: dict[str, Any] = {
        "sessionKey": alert.session_key,
        "runId": run_id,
        "sessionId": session_id,
        "userId": user_id,
        "chatId": None if alert.chat_id is None else str(alert.chat_id),
        "messageThreadId": alert.thread_id,
        "messageId": alert.message_id,
        "name": alert.name,
        **({} if alert.report_id is None else {"reportId": alert.report_id}),
    }
    fields: Document = {
        "kind": alert.kind.value,
        "about": about,
        "raisedBy": alert.raised_by,
        "raisedUpdateId": alert.raised_update_id,
        "version": alert.version,
        "reference": make_reference(run_id, alert.session_id),
        "messageThreadId": alert.to.thread_id,
        "state": PromptState.PENDING.value,
        "dueAt": alert.at,
        "updatedAt": alert.at,
        **({} if alert.athlete_id is None else {"athleteId": alert.athlete_id}),
        **({} if alert.seen_by is None else {"seenBy": alert.seen_by}),
    }
    is_known = {"$eq": ["$raisedBy", alert.raised_by]}
    # Whoever is just looking at it must look once more.
    again = {"$mergeObjects": ["$$ROOT", {"version": alert.version}]}
    anew = {
        "$mergeObjects": [
            {"createdAt": alert.at},
            # Without what belongs to the message before: this one is new.
            {name: f"${name}" for name in ("_id", "runId", "sessionId", "chatId", "createdAt", "messages")},
            {"$literal": fields},
        ]
    }
    return UpdateOne(
        alert.key,
        [{"$replaceWith": {"$cond": [is_known, again, anew]}}],
        upsert=True,
    )
