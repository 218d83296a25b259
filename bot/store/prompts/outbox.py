"""The way of a prompt from the outbox `session_prompts` to Telegram: claim by lease, settle."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from bot.core.answers.payloads import make_reference, needs_reference
from bot.core.prompts.prompt import (
    LEASE,
    NOTIFICATIONS,
    AskAgainReason,
    Moved,
    Prompt,
    PromptKind,
    PromptState,
    Retry,
    Undeliverable,
)
from bot.store.answers import feedback_events as feedback
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.prompts.prompts import COLLECTION, chat_forms, stale_if_older

_MESSAGES_KEPT = 5  # besides the first, by which it is told how long answers count


class Outbox:
    """What the sender of prompts needs. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]
        self._events = db[feedback.COLLECTION]

    async def claim(
        self, now: datetime, *, busy_chats: Iterable[int] = (), but: Iterable[object] = ()
    ) -> Document | None:
        """Lease the prompt that is due longest, in a chat that is not busy, until `now + LEASE`.

        `but` are the `_id`s of documents that are to be left alone.

        A claim that is not settled may be taken over from the very instant the lease ends.
        """
        query: dict[str, Any] = {
            "state": {"$in": [None, PromptState.PENDING.value]},
            "dueAt": {"$not": {"$gt": now}},
            "attemptAt": {"$not": {"$gt": now}},
        }
        if busy := [form for chat in busy_chats for form in chat_forms(chat)]:
            query["chatId"] = {"$nin": busy}
        if left_alone := list(but):
            query["_id"] = {"$nin": left_alone}
        with storage_errors():
            return await self._prompts.find_one_and_update(
                query,
                # A pipeline: `$inc` would stumble over a document whose inserter wrote a text there.
                [
                    {
                        "$set": {
                            "state": PromptState.PENDING.value,
                            "claim": secrets.token_hex(8),
                            "attemptAt": now + LEASE,
                            "attempts": {
                                "$add": [{"$cond": [{"$isNumber": "$attempts"}, "$attempts", 0]}, 1]
                            },
                        }
                    }
                ],
                sort=[("dueAt", 1)],
                return_document=ReturnDocument.AFTER,
            )

    async def prepare(self, prompt: Prompt, document: Document) -> bool:
        """Before the question is sent: ids in the form in which they are looked up, and the reference.

        Returns:
            Whether it may be sent: not if the claim is lost, or another document asks the same.
        """
        wanted: Document = {
            "runId": prompt.run_id,
            "sessionId": prompt.session_id,
            "chatId": str(prompt.chat_id),
        }
        if prompt.user_id is not None:
            wanted["userId"] = prompt.user_id
        if prompt.kind is PromptKind.SESSION and needs_reference(prompt.run_id, prompt.session_id):
            wanted["reference"] = make_reference(prompt.run_id, prompt.session_id)
        if all(document.get(field) == value for field, value in wanted.items()):
            return True
        return await self._settle(prompt.id, prompt.claim, {"$set": wanted})

    async def settle_sent(
        self,
        prompt: Prompt,
        message_id: int | None,
        sent_at: datetime,
        now: datetime,
        *,
        nudge_at: datetime | None = None,
    ) -> None:
        """Telegram has it. Holds even if the lease was lost: the message is in the chat.

        What was tapped while it was being sent counts: an answer, or the wish to be asked later.

        Args:
            nudge_at: when to ask again if nobody answers, for those who were not nudged before and have not
                asked for later themselves.
        """
        message = {"messageId": message_id, "sentAt": sent_at}
        earlier = {"$cond": [{"$isArray": "$messages"}, "$messages", []]}
        all_ = {"$concatArrays": [earlier, [message]]}
        kept: Document = {
            "$cond": [
                {"$gt": [{"$size": "$$all"}, _MESSAGES_KEPT + 1]},
                {"$concatArrays": [{"$slice": ["$$all", 1]}, {"$slice": ["$$all", -_MESSAGES_KEPT]}]},
                "$$all",
            ]
        }
        wished = [{"$eq": ["$again", AskAgainReason.LATER.value]}, {"$gt": ["$dueAt", now]}]
        state: Document = {
            "$switch": {
                "branches": [
                    {"case": {"$eq": ["$state", PromptState.ANSWERED.value]}, "then": "$state"},
                    {"case": {"$and": wished}, "then": PromptState.PENDING.value},
                ],
                "default": PromptState.SENT.value,
            }
        }
        is_question = prompt.kind is PromptKind.SESSION
        may_nudge = [
            {"$eq": [state, PromptState.SENT.value]},
            *({"$eq": [{"$type": f"${field}"}, "missing"]} for field in ("laterAt", "nudgedAt")),
        ]
        with storage_errors():
            await self._prompts.update_one(
                {"_id": prompt.id},
                [
                    {
                        "$set": {
                            "state": state,
                            "updatedAt": now,
                            **message,
                            "messages": {"$let": {"vars": {"all": all_}, "in": kept}},
                            "copiesAt": stale_if_older(now, 0) if is_question else "$copiesAt",
                            "nudgeAt": "$$REMOVE"
                            if nudge_at is None
                            else {"$cond": [{"$and": may_nudge}, nudge_at, "$$REMOVE"]},
                        }
                    },
                    {"$unset": ["claim", "attemptAt", "reason"]},
                ],
            )

    async def settle_failed(
        self, prompt: Prompt, result: Retry | Undeliverable | Moved, now: datetime
    ) -> None:
        """Record the outcome of a failed try, if the lease is still ours."""
        update: dict[str, Any] = {"$set": {"updatedAt": now}, "$unset": {"claim": ""}}
        match result:
            case Retry():
                update["$set"] |= {"attemptAt": result.at, "reason": result.reason}
                if result.unknown:
                    # Not `$inc`: an inserter may have written something else there.
                    update["$set"] |= {"unknowns": prompt.unknowns + 1}
            case Undeliverable():
                update["$set"] |= {"state": PromptState.UNDELIVERABLE.value, "reason": result.reason}
                update["$unset"]["attemptAt"] = ""
            case Moved():
                if prompt.kind in NOTIFICATIONS:
                    # An earlier one that has moved there already makes room: this one says more.
                    earlier = {
                        "runId": prompt.run_id,
                        "sessionId": prompt.session_id,
                        "kind": prompt.kind.value,
                    }
                    with storage_errors():
                        await self._prompts.delete_one({**earlier, "chatId": str(result.chat_id)})
                update["$set"] |= {"chatId": str(result.chat_id), "movedFrom": str(prompt.chat_id)}
                update["$unset"]["attemptAt"] = ""
        await self._settle(prompt.id, prompt.claim, update)

    async def settle_invalid(self, document: Document, reason: str, now: datetime) -> None:
        """The document cannot be sent; say why in it."""
        update = {
            "$set": {"state": PromptState.UNDELIVERABLE.value, "reason": reason, "updatedAt": now},
            "$unset": {"claim": "", "attemptAt": ""},
        }
        await self._settle(document["_id"], document["claim"], update)

    async def settle_unasked(
        self,
        prompt: Prompt,
        state: PromptState,
        now: datetime,
        reason: str | None = None,
        *,
        is_paused: bool = False,
    ) -> None:
        """It is not sent (again) after all.

        Args:
            reason: why, where the state alone does not say.
            is_paused: whether that is a pause.
        """
        update: dict[str, Any] = {
            "$set": {"state": state.value, "updatedAt": now},
            "$unset": {"claim": "", "attemptAt": ""},
        }
        if state is PromptState.ANSWERED:
            update["$set"]["answeredAt"] = now
        if is_paused:
            update["$set"]["isPaused"] = True
        else:
            update["$unset"]["isPaused"] = ""
        if reason is None:
            update["$unset"]["reason"] = ""
        else:
            update["$set"]["reason"] = reason
        await self._settle(prompt.id, prompt.claim, update)

    async def is_answered(self, prompt: Prompt) -> bool:
        """Whether somebody has answered about the prompt's session in its chat (or in nobody knows which)."""
        query = {
            "runId": prompt.run_id,
            "sessionId": prompt.session_id,
            "chatId": {"$in": [None, *chat_forms(prompt.chat_id)]},
        }
        with storage_errors():
            return await self._events.find_one(query, {"_id": True}) is not None

    async def postpone(self, prompt: Prompt, due_at: datetime) -> None:
        """It is not due yet after all: `dueAt` was a text, or these are quiet hours."""
        await self._settle(
            prompt.id,
            prompt.claim,
            {"$set": {"dueAt": due_at}, "$unset": {"claim": "", "attemptAt": "", "attempts": ""}},
        )

    async def sent_to_groups(self, since: datetime) -> list[tuple[int, datetime]]:
        """The chats of messages that were sent to groups since then, and when; the oldest one first."""
        # The ids of groups are negative; other programs may write them as numbers.
        forms = [{"chatId": {"$regex": "^-[0-9]{1,18}$"}}, {"chatId": {"$lt": 0, "$gt": -(10**18)}}]
        query = {"$or": forms, "sentAt": {"$gte": since}}
        with storage_errors():
            found = await self._prompts.find(query, {"chatId": True, "sentAt": True}).to_list()
        times = [(int(it["chatId"]), it["sentAt"]) for it in found if isinstance(it["sentAt"], datetime)]
        return sorted(times, key=lambda it: it[1])

    async def _settle(self, id_: object, claim: str, update: dict[str, Any]) -> bool:
        with storage_errors():
            try:
                result = await self._prompts.update_one({"_id": id_, "claim": claim}, update)
                return result.matched_count == 1
            except DuplicateKeyError:
                # The chat moved, or the ids were written in another form (5 and "5").
                reason = "another document asks about this session in this chat already"
                await self._prompts.update_one(
                    {"_id": id_, "claim": claim},
                    {
                        "$set": {"state": PromptState.UNDELIVERABLE.value, "reason": reason},
                        "$unset": {"claim": "", "attemptAt": ""},
                    },
                )
                return False
