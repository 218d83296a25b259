"""Prompts in `session_prompts` that did not arrive: those for a chat go on their way when it opens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from pymongo import UpdateOne

from bot.core.facts.answering_window import closed_until
from bot.core.prompts.prompt import NOT_IN_TIME, PromptState, is_question
from bot.core.prompts.undelivered import ClosedChat, closed_chats, is_worth_sending, once_open, read_chat_id
from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.prompts.prompts import COLLECTION, IS_QUESTION, in_chats, question_about

_UNDELIVERABLE: Document = {"state": PromptState.UNDELIVERABLE.value}
_READ = dict.fromkeys(
    (
        *("state", "kind", "reason", "chatId", "athleteId", "userId"),
        *("sentAt", "notAfter", "dueAt", "createdAt", "updatedAt", "refusalToldAt"),
    ),
    True,
)


class UndeliveredStore:
    """All methods raise `StorageUnavailable`, `StorageRejected`; `late_after_days` is LATE_AFTER_DAYS."""

    def __init__(self, db: Database) -> None:
        self._prompts = db[COLLECTION]

    async def open_chats(self, heard: Mapping[int, datetime], late_after_days: int) -> int:
        """Send on its way what waits for chats, since they take messages again.

        What can still be answered is due, in the order in which it was before; the rest expires. Doing it
        again changes nothing, unless the chat has opened once more.

        Args:
            heard: when each chat was heard of; what was refused after that stays.

        Returns:
            How many questions are due.
        """
        states, requests = [], []
        for document in await self._refused(heard):
            # What a workflow wrote may be a list, which MongoDB finds by its elements.
            chat_id = read_chat_id(document)
            heard_at = None if chat_id is None else heard.get(chat_id)
            if heard_at is None:
                continue
            if (state := once_open(document, heard_at, late_after_days)) is not None:
                requests.append(UpdateOne(_as_read(document), _on_its_way(state, heard_at)))
                states += [state] if is_question(document) else []
        await write_all(self._prompts, requests)
        return states.count(PromptState.PENDING)

    async def retry(
        self, run_id: str, session_id: str, chat_id: int, late_after_days: int, now: datetime
    ) -> bool:
        """Let a question be sent after all, whatever the refusal; whether it was refused and is now due.

        What could not be answered any more is left alone.
        """
        with storage_errors():
            document = await self._prompts.find_one(
                question_about(run_id, session_id, chat_id) | _UNDELIVERABLE, _READ
            )
            if document is None or not is_worth_sending(document, now, late_after_days):
                return False
            update = _on_its_way(PromptState.PENDING, now)
            return (await self._prompts.update_one(_as_read(document), update)).matched_count == 1

    async def closed(self, late_after_days: int, now: datetime, *chat_ids: int) -> list[ClosedChat]:
        """Which of these chats take no messages, as far as is known.

        Without any, of all for which something was due that could be answered until now, or still can.
        """
        refused = await self._refused(chat_ids or await self._refused_lately(late_after_days, now))
        chats = {chat_id for it in refused if (chat_id := read_chat_id(it)) is not None}
        return closed_chats(refused, await self._last_sent(chats), now, late_after_days)

    async def told(self, chat_ids: Collection[int], now: datetime) -> None:
        """Admins know that these chats are closed."""
        with storage_errors():
            await self._prompts.update_many(
                {**_UNDELIVERABLE, "chatId": in_chats(*chat_ids)}, {"$set": {"refusalToldAt": now}}
            )

    async def _last_sent(self, chat_ids: Collection[int]) -> dict[int, datetime]:
        """When something was sent to these chats last."""
        last: dict[int, datetime] = {}
        pipeline: list[Document] = [
            {"$match": {"chatId": in_chats(*chat_ids), "sentAt": {"$type": "date"}}},
            {"$group": {"_id": "$chatId", "sentAt": {"$max": "$sentAt"}}},
        ]
        if not chat_ids:
            return last
        with storage_errors():
            async for found in await self._prompts.aggregate(pipeline):
                if (chat_id := read_chat_id({"chatId": found["_id"]})) is not None:
                    last[chat_id] = max(found["sentAt"], last.get(chat_id, found["sentAt"]))
        return last

    async def _refused_lately(self, late_after_days: int, now: datetime) -> set[int]:
        """The chats of what did not arrive and is not long over: what is stays for ever, and is much."""
        since = closed_until(now, late_after_days)
        # An index for each; a time that is a text, or none, says nothing.
        query = [
            {**_UNDELIVERABLE, "dueAt": {"$not": {"$lte": since}}},
            {**_UNDELIVERABLE, "notAfter": {"$gt": now}},
            {**_UNDELIVERABLE, **IS_QUESTION, "sentAt": {"$gt": since}},
        ]
        with storage_errors():
            cursor = self._prompts.find({"$or": query}, {"chatId": True})
            return {chat_id async for it in cursor if (chat_id := read_chat_id(it)) is not None}

    async def _refused(self, chat_ids: Collection[int]) -> list[Document]:
        """What did not arrive in these chats, in the order of the refusals."""
        query = {**_UNDELIVERABLE, "chatId": in_chats(*chat_ids)}
        with storage_errors():
            return await self._prompts.find(query, _READ).sort("updatedAt", 1).to_list() if chat_ids else []


def _as_read(document: Document) -> Document:
    return {"_id": document["_id"], **_UNDELIVERABLE, "updatedAt": document.get("updatedAt")}


def _on_its_way(state: PromptState, now: datetime) -> Document:
    fields = {"state": state.value, "updatedAt": now}
    gone = ["refusalToldAt", "claim", "attemptAt", "attempts"]
    if state is PromptState.EXPIRED:
        fields["reason"] = NOT_IN_TIME
    else:
        gone.append("reason")
    return {"$set": fields, "$unset": dict.fromkeys(gone, "")}
