"""The collection `users`: in which language known people read. Nothing is kept of strangers.

`{_id: Telegram user id, telegramLanguage, language, chosenAt, chosenBy, forgetAsked, updatedAt, updatedBy}`:
what Telegram says, what they chose, when they wrote so and in which update, and the last times that they were
asked whether to delete everything (`[{at, updateId}]`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pymongo import UpdateOne

from bot.core.records.collections import USERS
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.mongodb.update_order import is_after, is_until

COLLECTION = USERS.name

_ASKED_KEPT = 10


@dataclass(frozen=True, slots=True)
class BotUser:
    """Somebody known.

    Attributes:
        telegram_language: IETF tag, as Telegram said last.
        language: IETF tag that they chose with /language.
    """

    telegram_language: str | None = None
    language: str | None = None


class UserStore:
    """Writes and reads of `users`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._users = db[COLLECTION]

    async def all(self) -> dict[int, BotUser]:
        """Everybody."""
        with storage_errors():
            return {
                user_id: BotUser(_tag(d.get("telegramLanguage")), _tag(d.get("language")))
                async for d in self._users.find({})
                if (user_id := read_int64(d["_id"])) is not None
            }

    async def save_tags(self, tags: Mapping[int, tuple[str, UpdateStamp]]) -> None:
        """Remember the IETF tags that Telegram sent, each with its update."""
        requests = [
            UpdateOne(
                {"_id": id_},
                {"$set": {"telegramLanguage": tag, "updatedAt": stamp.at, "updatedBy": stamp.update_id}},
                upsert=True,
            )
            for id_, (tag, stamp) in tags.items()
        ]
        await write_all(self._users, requests)

    async def choose(self, user_id: int, tag: str | None, stamp: UpdateStamp) -> None:
        """Remember what somebody chose; None takes the choice back. A newer choice stays.

        Args:
            stamp: the update that says so.
        """
        # Decided in MongoDB: a message may be carried out again, behind a newer one.
        counts = is_after(stamp.update_id, stamp.at, "$chosenBy", "$chosenAt")
        values: Document = {
            "language": "$$REMOVE" if tag is None else {"$literal": tag},
            "chosenAt": stamp.at,
            "chosenBy": stamp.update_id,
            "updatedAt": stamp.at,
            "updatedBy": stamp.update_id,
        }
        update = [{"$set": {k: {"$cond": [counts, value, f"${k}"]} for k, value in values.items()}}]
        with storage_errors():
            await self._users.update_one({"_id": user_id}, update, upsert=True)

    async def asked_to_forget(self, user_id: int, stamp: UpdateStamp) -> None:
        """Remember that somebody is asked whether to delete everything, because they wished it."""
        known = {"$cond": [{"$isArray": "$forgetAsked"}, "$forgetAsked", []]}
        added = {"$concatArrays": [known, [{"at": stamp.at, "updateId": stamp.update_id}]]}
        is_known = {"$in": [stamp.update_id, {"$ifNull": ["$forgetAsked.updateId", []]}]}
        asked = {"$cond": [is_known, "$forgetAsked", {"$slice": [added, -_ASKED_KEPT]}]}
        with storage_errors():
            await self._users.update_one({"_id": user_id}, [{"$set": {"forgetAsked": asked}}], upsert=True)

    async def keep(self, user_id: int, stamp: UpdateStamp) -> None:
        """They do not want what they were asked before."""
        before = {"updateId": {"$lt": stamp.update_id}}
        with storage_errors():
            await self._users.update_one({"_id": user_id}, {"$pull": {"forgetAsked": before}})

    async def asked(self, user_id: int) -> list[UpdateStamp]:
        """The updates because of which somebody was asked that, see `asked_to_forget`."""
        with storage_errors():
            found = await self._users.find_one({"_id": user_id}, {"forgetAsked": True})
        asked = (found or {}).get("forgetAsked")
        entries = [it for it in asked if isinstance(it, Mapping)] if isinstance(asked, list) else []
        stamps = [UpdateStamp.read(entry.get("updateId"), entry.get("at")) for entry in entries]
        return [stamp for stamp in stamps if stamp is not None]

    async def forget(self, user_id: int, until: UpdateStamp) -> None:
        """Delete what is known about somebody, but for what was written after that update."""
        is_known = {"$eq": ["$updatedBy", until.update_id]}
        is_before = is_until(until, "$updatedBy", "$updatedAt")
        was_chosen = is_until(until, "$chosenBy", "$chosenAt")
        was_asked = is_until(until, "$$asked.updateId", "$$asked.at")
        asked = {"$cond": [{"$isArray": "$forgetAsked"}, "$forgetAsked", []]}
        later = {"$filter": {"input": asked, "as": "asked", "cond": {"$not": [was_asked]}}}
        kept: Document = {
            name: {"$cond": [was_chosen, "$$REMOVE", f"${name}"]}
            for name in ("language", "chosenAt", "chosenBy")
        }
        kept["forgetAsked"] = {"$cond": [{"$ne": [later, []]}, later, "$$REMOVE"]}
        with storage_errors():
            await self._users.delete_one({"_id": user_id, "$expr": {"$or": [is_known, is_before]}})
            await self._users.update_one({"_id": user_id}, [{"$set": kept}])


def _tag(value: object) -> str | None:
    return value if isinstance(value, str) else None
