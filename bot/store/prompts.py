"""The outbox `session_prompts`: queue, claim by lease, settle, and find again.

A document needs `runId`, `sessionId` and `chatId`; a coach workflow may insert it itself. Optional:
`title`, `note`, `dueAt`. The bot adds: `state`, `claim` and `attemptAt` (nobody else may claim it before
then: the lease, or the time of the next try), `attempts`, `unknowns`, `reason`, `reference`, `messageId`,
`sentAt`, `messages`, `askedAgainAt`, `createdAt`, `updatedAt`.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from bot.core.callbacks import make_reference, needs_reference
from bot.core.prompts import LEASE, Moved, Prompt, PromptState, Retry, Undeliverable
from bot.store import feedback
from bot.store.connection import Database, Document, count_by, storage_errors

COLLECTION = "session_prompts"

_MESSAGES_KEPT = 5
_BATCH = 500


class PromptStore:
    """Writes and reads of `session_prompts`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]
        self._events = db[feedback.COLLECTION]

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
    ) -> str | None:
        """Queue a prompt. A session is asked about once in a chat: if it is there already, its state."""
        key = {"runId": run_id, "sessionId": session_id, "chatId": str(chat_id)}
        document = {
            **key,
            "title": title,
            "note": note,
            "dueAt": due_at,
            "state": PromptState.PENDING.value,
            "createdAt": now,
            "updatedAt": now,
        }
        with storage_errors():
            existing = await self._prompts.find_one({**key, "chatId": {"$in": _chat_forms(chat_id)}})
            if existing is None:
                try:
                    await self._prompts.insert_one(document)
                    return None
                except DuplicateKeyError:
                    existing = await self._prompts.find_one(key)
        return str((existing or {}).get("state") or PromptState.PENDING.value)

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
        if busy := [form for chat in busy_chats for form in _chat_forms(chat)]:
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
        wanted = {"runId": prompt.run_id, "sessionId": prompt.session_id, "chatId": str(prompt.chat_id)}
        if needs_reference(prompt.run_id, prompt.session_id):
            wanted["reference"] = make_reference(prompt.run_id, prompt.session_id)
        if all(document.get(field) == value for field, value in wanted.items()):
            return True
        return await self._settle(prompt.id, prompt.claim, {"$set": wanted})

    async def settle_sent(
        self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime
    ) -> None:
        """Telegram has it. Holds even if the lease was lost: the message is in the chat."""
        message = {"messageId": message_id, "sentAt": sent_at}
        earlier = {"$cond": [{"$isArray": "$messages"}, "$messages", []]}
        with storage_errors():
            await self._prompts.update_one(
                {"_id": prompt.id},
                [
                    {
                        "$set": {
                            "state": PromptState.SENT.value,
                            "updatedAt": now,
                            **message,
                            "messages": {
                                "$slice": [{"$concatArrays": [earlier, [message]]}, -_MESSAGES_KEPT]
                            },
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

    async def is_answered(self, prompt: Prompt) -> bool:
        """Whether somebody has answered about the prompt's session."""
        query = {"runId": prompt.run_id, "sessionId": prompt.session_id}
        with storage_errors():
            return await self._events.find_one(query, {"_id": True}) is not None

    async def settle_answered(self, prompt: Prompt, now: datetime) -> None:
        """It need not be asked again after all."""
        sent = {"state": PromptState.SENT.value, "updatedAt": now}
        await self._settle(prompt.id, prompt.claim, {"$set": sent, "$unset": {"claim": "", "attemptAt": ""}})

    async def postpone(self, prompt: Prompt, due_at: datetime) -> None:
        """It is not due yet after all (`dueAt` was a text); say so in a form that claims understand."""
        await self._settle(
            prompt.id,
            prompt.claim,
            {"$set": {"dueAt": due_at}, "$unset": {"claim": "", "attemptAt": "", "attempts": ""}},
        )

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

    async def sent_at(
        self, run_id: str, session_id: str, chat_id: int | None, message_id: int | None
    ) -> datetime | None:
        """When a session was asked about in a chat (None: in any): by this message, else the last time."""
        with storage_errors():
            query: dict[str, Any] = {"runId": run_id, "sessionId": session_id}
            if chat_id is not None:
                query["chatId"] = {"$in": _chat_forms(chat_id)}
            document = await self._prompts.find_one(
                query, {"sentAt": True, "messages": True}, sort=[("sentAt", -1)]
            )
        for message in (document or {}).get("messages") or []:
            if message_id is not None and message.get("messageId") == message_id:
                return _datetime(message.get("sentAt"))
        return _datetime((document or {}).get("sentAt"))

    async def ask_again(self, *, sent_since: datetime, sent_until: datetime, now: datetime) -> int:
        """Queue once more what was sent in that span, is unanswered, and was not asked again before.

        Returns:
            How many prompts will be asked again.
        """
        number = 0
        async for batch in self._sent_once(sent_since, sent_until):
            answered = await self._answered({str(document.get("runId")) for document in batch})
            ids = [d["_id"] for d in batch if (str(d.get("runId")), str(d.get("sessionId"))) not in answered]
            with storage_errors():
                result = await self._prompts.update_many(
                    {
                        "_id": {"$in": ids},
                        "state": PromptState.SENT.value,
                        "askedAgainAt": {"$exists": False},
                    },
                    {"$set": {"state": PromptState.PENDING.value, "askedAgainAt": now, "updatedAt": now}},
                )
            number += result.modified_count
        return number

    async def _sent_once(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Document]]:
        batch: list[Document] = []
        with storage_errors():
            cursor = self._prompts.find(
                {
                    "state": PromptState.SENT.value,
                    "sentAt": {"$gte": since, "$lte": until},
                    "askedAgainAt": {"$exists": False},
                },
                {"runId": True, "sessionId": True},
            )
            async for document in cursor:
                batch.append(document)
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    async def _answered(self, run_ids: Collection[str]) -> set[tuple[str, str]]:
        with storage_errors():
            cursor = self._events.find({"runId": {"$in": list(run_ids)}}, {"runId": True, "sessionId": True})
            return {(str(event.get("runId")), str(event.get("sessionId"))) async for event in cursor}

    async def count(self) -> dict[str, int]:
        """Prompts by state; documents that nobody has looked at yet are pending."""
        counts = await count_by(self._prompts, "state", None, (state.value for state in PromptState))
        counts[PromptState.PENDING] += counts.pop("None", 0)
        return counts


def _chat_forms(chat_id: int) -> list[Any]:
    """A chat id as the bot writes it, and as a workflow may have."""
    return [str(chat_id), chat_id]


def _datetime(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
