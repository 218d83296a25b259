"""The collection `users`: in which language known people read. Nothing is kept of strangers.

`{_id: Telegram user id, telegramLanguage, language, chosenAt, chosenBy, forgetAskedAt, updatedAt}`: what
Telegram says, what they chose, when they wrote so and in which update, and when they were asked whether to
delete everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from bot.core.order import Stamp
from bot.core.values import read_int64
from bot.store.connection import Database, Document, storage_errors, write_all
from bot.store.order import is_after

COLLECTION = "users"


@dataclass(frozen=True, slots=True)
class User:
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

    async def all(self) -> dict[int, User]:
        """Everybody."""
        with storage_errors():
            return {
                user_id: User(_tag(d.get("telegramLanguage")), _tag(d.get("language")))
                async for d in self._users.find({})
                if (user_id := read_int64(d["_id"])) is not None
            }

    async def speak(self, tags: Mapping[int, tuple[str, datetime]]) -> None:
        """Remember what Telegram said, and when."""
        requests = [
            UpdateOne({"_id": id_}, {"$set": {"telegramLanguage": tag, "updatedAt": at}}, upsert=True)
            for id_, (tag, at) in tags.items()
        ]
        await write_all(self._users, requests)

    async def choose(self, user_id: int, tag: str | None, wish: Stamp) -> None:
        """Remember what somebody chose; None takes the choice back. A newer choice stays.

        Args:
            wish: the update that says so.
        """
        # Decided in MongoDB: a message may be seen to again, behind a newer one.
        counts = is_after(wish.update_id, wish.at, "$chosenBy", "$chosenAt")
        values: Document = {
            "language": "$$REMOVE" if tag is None else {"$literal": tag},
            "chosenAt": wish.at,
            "chosenBy": wish.update_id,
            "updatedAt": wish.at,
        }
        update = [{"$set": {k: {"$cond": [counts, value, f"${k}"]} for k, value in values.items()}}]
        with storage_errors():
            await self._users.update_one({"_id": user_id}, update, upsert=True)

    async def asked_to_forget(self, user_id: int, now: datetime) -> None:
        """Remember that somebody is asked whether to delete everything."""
        with storage_errors():
            await self._users.update_one({"_id": user_id}, {"$max": {"forgetAskedAt": now}}, upsert=True)

    async def may_forget(self, user_id: int, since: datetime) -> bool:
        """Whether somebody was asked that, at `since` or later."""
        with storage_errors():
            asked = {"_id": user_id, "forgetAskedAt": {"$gte": since}}
            return await self._users.find_one(asked, {"_id": True}) is not None

    async def forget(self, user_id: int, until: datetime) -> None:
        """Delete what is known about somebody, unless it was written after that."""
        with storage_errors():
            await self._users.delete_one({"_id": user_id, "updatedAt": {"$not": {"$gt": until}}})


def _tag(value: object) -> str | None:
    return value if isinstance(value, str) else None
