"""Words between athletes and the coach: the collection `coach_messages`, and their way out in the outbox.

`coach_messages` has one document for each message that was written (see `bot.core.talk.words.Word`), with
`deliveredAt` once it has arrived, `readAt` and `readBy` once a coach has read it, or `refusal`, Telegram's
reason, as long as it could not arrive. The outbox has one for each part of it, of kind `word`: `about`
(`{userId, chatId, messageId, part, copies, order, direction}`: the message that was written, which part of it
this is, and its place among the words to somebody) and `version` (the update id of its last wording). What
they say is read when it is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from bot.core.prompts.prompt import Prompt, PromptKind, PromptState
from bot.core.records.collections import COACH_MESSAGES
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.core.talk.words import (
    RUN_ID,
    Direction,
    Part,
    Quote,
    Word,
    chunks,
    order,
    parts,
    read_quote,
)
from bot.core.telegram.attachments import read_attachments
from bot.core.telegram.chats import ChatTopic
from bot.store.mongodb.client import Database, Document, insert_new, storage_errors, write_all
from bot.store.mongodb.indexes import hold_keys_if_possible
from bot.store.people.tombstones import TombstoneStore
from bot.store.prompts.prompts import COLLECTION as PROMPTS
from bot.store.prompts.prompts import in_chats, shown_in

COLLECTION = COACH_MESSAGES.name

_TRIES = 3
_MESSAGES_KEPT = 6
_OPEN = [None, PromptState.PENDING.value]


@dataclass(frozen=True, slots=True)
class Told:
    """A message of the bot's that is about one athlete.

    Attributes:
        kind: what it is in the outbox.
        answers: what a reply to it answers: a message of the other side's; None: none that is known.
        heard_at: when the athlete said what it tells; None: that is not known.
    """

    kind: PromptKind
    user_id: int | None
    athlete_id: str | None
    answers: Quote | None = None
    heard_at: datetime | None = None


class CoachMessageStore:
    """Writes and reads of words. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._messages = db[COLLECTION]
        self._prompts = db[PROMPTS]
        self._tombstones = TombstoneStore(db)

    async def put(self, word: Word, to: ChatTopic | None, due_at: datetime) -> bool:
        """Keep a word, and have it sent. Doing it again changes nothing.

        Args:
            to: the chat that it goes to; None: it is only kept.

        Returns:
            Whether it is kept: not if the athlete has had everything deleted since it was written.
        """
        if await self._is_deleted(word.user_id, word.stamp):
            return False
        await hold_keys_if_possible(self._db, COLLECTION)
        await hold_keys_if_possible(self._db, PROMPTS)
        if word.is_edit:
            return await self._change(word, to, due_at)
        await self._insert(word)
        if to is not None:
            await self._queue([_part(word, part, to, due_at) for part in parts(word)])
            await self._hurry(word, due_at)
        if await self._is_deleted(word.user_id, word.stamp):  # at this very moment
            with storage_errors():
                await self._messages.delete_one(word.key)
                await self._prompts.delete_many(_parts_of(word.chat_id, word.message_id))
            return False
        return True

    async def _insert(self, word: Word) -> None:
        with storage_errors():
            for _ in range(_TRIES):
                try:
                    await self._messages.update_one(
                        word.key, {"$setOnInsert": word.to_document()}, upsert=True
                    )
                    return
                except DuplicateKeyError:  # another service has just put it there
                    continue

    async def _hurry(self, word: Word, due_at: datetime) -> None:
        """What waits before it goes no later than it: words keep their order."""
        waiting = {
            "kind": PromptKind.WORD.value,
            "about.userId": word.user_id,
            "about.direction": word.direction.value,
            "about.order": {"$lt": order(word.stamp, 0)},
            "state": PromptState.PENDING.value,
            "dueAt": {"$gt": due_at},
        }
        with storage_errors():
            await self._prompts.update_many(waiting, {"$set": {"dueAt": due_at}})

    async def _change(self, word: Word, to: ChatTopic | None, due_at: datetime) -> bool:
        """The wording of a word that is known; its text is sent, or shown, as it is then."""
        update_id = word.stamp.update_id
        is_older = {"updateId": {"$lt": update_id}, "editedBy": {"$not": {"$gte": update_id}}}
        changed = {"text": word.text, "editedBy": update_id, "editedAt": word.stamp.at}
        with storage_errors():
            known = await self._messages.find_one(word.key, {"text": True, "editedBy": True})
            if known is None:
                return False
            if known.get("text") != word.text:
                # The stamp of the first wording stays for /forgetme, which goes by the time of that.
                await self._messages.update_one({**word.key, **is_older}, {"$set": changed})
            number = max(1, len(chunks(word.text)))
            texts = {
                **_parts_of(word.chat_id, word.message_id),
                "about.part": {"$lt": number},
                "about.copies": None,
                "version": {"$lt": word.stamp.update_id},
                "state": {"$in": [*_OPEN, PromptState.SENT.value]},
            }
            again = {
                "state": PromptState.PENDING.value,
                "version": word.stamp.update_id,
                "dueAt": due_at,
                "updatedAt": word.stamp.at,
            }
            await self._prompts.update_many(texts, {"$set": again})
        # What does not fit the messages that are there any more.
        more = [part for part in parts(word)[1:] if part.copies is None]
        is_last = (read_int64(known.get("editedBy")) or 0) <= update_id
        if more and is_last and to is not None and await self._is_queued(word, to):
            await self._queue([_part(word, part, to, due_at) for part in more])
            with storage_errors():
                # Deleted at this very moment?
                if await self._messages.find_one(word.key, {"_id": True}) is None:
                    await self._prompts.delete_many(_parts_of(word.chat_id, word.message_id))
        return True

    async def _is_queued(self, word: Word, to: ChatTopic) -> bool:
        """Whether a word goes, or went, to this chat."""
        query = {**_parts_of(word.chat_id, word.message_id), "chatId": in_chats(to.chat_id)}
        with storage_errors():
            return await self._prompts.find_one(query, {"_id": True}) is not None

    async def _queue(self, requests: Sequence[UpdateOne]) -> bool:
        """Put parts into the outbox that are not there; returns whether there were any."""
        new = await insert_new(self._prompts, requests)
        # Of the others nobody knows what became.
        if len(new) < len(requests) and await write_all(self._prompts, requests):
            raise StorageUnavailable("MongoDB keeps reporting a duplicate word")
        return bool(new)

    async def _is_deleted(self, user_id: int, stamp: UpdateStamp) -> bool:
        tombstone = (await self._tombstones.of([user_id])).get(user_id)
        return tombstone is not None and tombstone.covers(stamp)

    async def told(self, chat_id: int, message_id: int, kinds: Collection[PromptKind]) -> Told | None:
        """What a message of the bot's in a chat is about; None if it is none of these kinds."""
        return await self._told({"chatId": in_chats(chat_id)}, message_id, kinds)

    async def told_coach(self, chat_id: int, coach: int, message_id: int) -> Told | None:
        """As `told`, of words, where the chat is the coach's: see `shown_in`."""
        return await self._told(shown_in(chat_id, coach), message_id, [PromptKind.WORD])

    async def _told(self, where: Document, message_id: int, kinds: Collection[PromptKind]) -> Told | None:
        query = {
            **where,
            "messages.messageId": message_id,
            "kind": {"$in": [kind.value for kind in kinds]},
        }
        with storage_errors():
            document = await self._prompts.find_one(query)
        return None if document is None else _told(document)

    async def word(self, part: Part) -> Document | None:
        """The document of the word that a part is of."""
        with storage_errors():
            return await self._messages.find_one(
                {"chatId": str(part.chat_id), "messageId": part.message_id}, {"_id": False}
            )

    async def read(self, written: Quote, by: str, at: datetime) -> Document | None:
        """A coach has read a word: its document, which remembers who was the first; None if it is gone."""
        key = {"chatId": str(written.chat_id), "messageId": written.message_id}
        with storage_errors():
            await self._messages.update_one({**key, "readAt": None}, {"$set": {"readAt": at, "readBy": by}})
            return await self._messages.find_one(key, {"_id": False})

    async def last_heard(self, user_id: int) -> datetime | None:
        """When an athlete wrote to the coach last."""
        query = {"userId": user_id, "direction": Direction.TO_COACH.value}
        with storage_errors():
            found = await self._messages.find(query, {"receivedAt": True}).sort("receivedAt", -1).to_list(1)
        at = found[0].get("receivedAt") if found else None
        return at if isinstance(at, datetime) else None

    async def list(
        self, user_id: int | None, *, since: datetime | None = None, limit: int = 100
    ) -> list[Document]:
        """The newest words to and from an athlete (None: all), the newest first."""
        query: Document = {} if user_id is None else {"userId": user_id}
        if since is not None:
            query["receivedAt"] = {"$gte": since}
        with storage_errors():
            return await self._messages.find(query, {"_id": False}).sort("receivedAt", -1).to_list(limit)

    async def is_next(self, prompt: Prompt) -> bool:
        """Whether no earlier word to the same side is still on its way."""
        about = prompt.about or {}
        earlier = {
            "kind": PromptKind.WORD.value,
            "about.userId": about.get("userId"),
            "about.direction": about.get("direction"),
            "about.order": {"$lt": about.get("order")},
            "state": {"$in": _OPEN},
        }
        with storage_errors():
            return await self._prompts.find_one(earlier, {"_id": True}) is None

    async def settle(self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime) -> None:
        """Telegram has a part. If the word was changed meanwhile, it stays to be sent."""
        is_same = {"$eq": [{"$ifNull": ["$version", 0]}, prompt.version]}
        message = {"messageId": message_id, "sentAt": sent_at}
        earlier = {"$cond": [{"$isArray": "$messages"}, "$messages", []]}
        kept = {
            "$filter": {
                "input": earlier,
                "as": "it",
                "cond": {"$ne": ["$$it.messageId", {"$literal": message_id}]},
            }
        }
        part = _key_of(prompt)
        with storage_errors():
            if part is not None and (prompt.about or {}).get("part") == 0:
                await self._messages.update_one(
                    {**part, "deliveredAt": None},
                    {"$set": {"deliveredAt": sent_at}, "$unset": {"refusal": ""}},
                )
            await self._prompts.update_one(
                {"_id": prompt.id},
                [
                    {
                        "$set": {
                            "state": {"$cond": [is_same, PromptState.SENT.value, PromptState.PENDING.value]},
                            "updatedAt": now,
                            **message,
                            "messages": {"$slice": [{"$concatArrays": [kept, [message]]}, -_MESSAGES_KEPT]},
                        }
                    },
                    {"$unset": ["claim", "attemptAt", "reason", "unknowns"]},
                ],
            )

    async def refused(self, prompt: Prompt, reason: str, coach: ChatTopic | None, now: datetime) -> None:
        """A coach's word did not arrive: that is kept, and told to who wrote it, once for each."""
        key = _key_of(prompt)
        about = prompt.about or {}
        part = None if key is None else Part(int(key["chatId"]), key["messageId"], None)
        if key is None or part is None:
            return
        with storage_errors():
            await self._messages.update_one(key, {"$set": {"refusal": reason}})
        if coach is None:
            return
        news = {
            "kind": PromptKind.WORD.value,
            "about": {
                "userId": about.get("userId"),
                "chatId": key["chatId"],
                "messageId": key["messageId"],
                "direction": Direction.TO_COACH.value,
                "order": f"{now:%Y-%m-%dT%H:%M:%S.%f}",
            },
            "messageThreadId": coach.thread_id,
            "state": PromptState.PENDING.value,
            "dueAt": now,
            "createdAt": now,
            "updatedAt": now,
            "version": 0,
        }
        key = {"runId": RUN_ID, "sessionId": part.session_id, "chatId": str(coach.chat_id)}
        await self._queue([UpdateOne(key, {"$setOnInsert": news}, upsert=True)])

    async def redirect(self, to: ChatTopic | None, now: datetime, within: timedelta) -> int:
        """Have athletes' words that have reached no coach sent to this chat, and to no other any more:
        COACH_CHAT_ID was set, corrected, or taken away (None).

        Args:
            within: words that are older are left.

        Returns:
            How many words there are that go to it anew.
        """
        elsewhere: Document = {
            "kind": PromptKind.WORD.value,
            "about.direction": Direction.TO_COACH.value,
            "state": {"$in": _OPEN},
        }
        if to is not None:
            here = in_chats(to.chat_id)["$in"]
            elsewhere |= {"chatId": {"$nin": here}, "movedFrom": {"$nin": here}}
        reason = "another chat is the coach's now"
        cancelled = {"state": PromptState.CANCELLED.value, "reason": reason, "updatedAt": now}
        unread = {
            "direction": Direction.TO_COACH.value,
            "deliveredAt": None,
            "receivedAt": {"$gte": now - within},
        }
        with storage_errors():
            await self._prompts.update_many(
                elsewhere, {"$set": cancelled, "$unset": {"claim": "", "attemptAt": ""}}
            )
            if to is None:
                return 0
            found = await self._messages.find(unread, {"_id": False}).sort("receivedAt", 1).to_list()
            words = [word for document in found if (word := read_word(document)) is not None]
            again = {"state": PromptState.PENDING.value, "dueAt": now, "updatedAt": now}
            names = [part.session_id for word in words for part in parts(word)]
            gone = {
                "runId": RUN_ID,
                "sessionId": {"$in": names},
                "chatId": in_chats(to.chat_id),
                "state": PromptState.CANCELLED.value,
            }
            await self._prompts.update_many(gone, {"$set": again, "$unset": {"reason": ""}})
        await hold_keys_if_possible(self._db, PROMPTS)
        number = 0
        for word in words:
            number += await self._queue([_part(word, part, to, now) for part in parts(word)])
        return number


def read_word(document: Document) -> Word | None:
    """A document of `coach_messages`; None if it cannot be read."""
    stamp = UpdateStamp.read(document.get("updateId"), document.get("receivedAt"))
    chat_id, message_id = document.get("chatId"), read_int64(document.get("messageId"))
    user_id, author = read_int64(document.get("userId")), document.get("author")
    if stamp is None or message_id is None or user_id is None or not isinstance(author, dict):
        return None
    try:
        direction, chat = Direction(str(document.get("direction"))), int(str(chat_id))
    except ValueError:
        return None
    athlete_id = document.get("athleteId")
    return Word(
        direction=direction,
        user_id=user_id,
        athlete_id=athlete_id if isinstance(athlete_id, str) else None,
        chat_id=chat,
        message_id=message_id,
        thread_id=read_int64(document.get("messageThreadId")),
        author=str(author.get("name") or ""),
        author_id=read_int64(author.get("userId")) or 0,
        text=str(document.get("text") or ""),
        attachments=read_attachments(document.get("attachments")),
        stamp=stamp,
        answers=read_quote(document.get("answers")),
    )


def _part(word: Word, part: Part, to: ChatTopic, due_at: datetime) -> UpdateOne:
    is_for_athlete = word.direction is Direction.TO_ATHLETE
    # By these the sender sees whose hours count, and that somebody is on the roster no more.
    whose: Document = {"userId": word.user_id} if is_for_athlete else {}
    if is_for_athlete and word.athlete_id is not None:
        whose["athleteId"] = word.athlete_id
    number = 0 if part.number is None else part.number
    about: dict[str, Any] = {
        "userId": word.user_id,
        "chatId": str(part.chat_id),
        "messageId": part.message_id,
        "part": part.number,
        "direction": word.direction.value,
        "order": order(word.stamp, number),
        **({} if part.copies is None else {"copies": part.copies}),
    }
    fields = {
        "kind": PromptKind.WORD.value,
        **whose,
        "about": about,
        "version": word.stamp.update_id,
        "messageThreadId": to.thread_id,
        "state": PromptState.PENDING.value,
        "dueAt": due_at,
        # When it was written, by which /forgetme goes.
        "createdAt": word.stamp.at,
        "updatedAt": word.stamp.at,
    }
    key = {"runId": RUN_ID, "sessionId": part.session_id, "chatId": str(to.chat_id)}
    return UpdateOne(key, {"$setOnInsert": fields}, upsert=True)


def _parts_of(chat_id: int, message_id: int) -> Document:
    return {
        "kind": PromptKind.WORD.value,
        "runId": RUN_ID,
        "sessionId": {"$regex": rf"^{chat_id}\|{message_id}\|"},
    }


def _key_of(prompt: Prompt) -> Document | None:
    about = prompt.about or {}
    message_id = read_int64(about.get("messageId"))
    return None if message_id is None else {"chatId": str(about.get("chatId")), "messageId": message_id}


def _told(document: Document) -> Told | None:
    about = document.get("about")
    about = about if isinstance(about, dict) else {}
    athlete_id = document.get("athleteId")
    heard_at = document.get("raisedBy", document.get("createdAt"))
    user_id = read_int64(about.get("userId"))
    return Told(
        kind=PromptKind(document["kind"]),
        user_id=read_int64(document.get("userId")) if user_id is None else user_id,
        athlete_id=None if athlete_id is None else str(athlete_id),
        answers=read_quote(about),
        heard_at=heard_at if isinstance(heard_at, datetime) else None,
    )
