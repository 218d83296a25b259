"""The collection `users`: in which language known people read. Nothing is kept of strangers.

`{_id: Telegram user id, telegramLanguage, language, chosenAt, updatedAt}`: what Telegram says, what they
chose, and when they wrote so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from bot.core.values import read_int64
from bot.store.connection import Database, Document, storage_errors, write_all

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

    async def speak(self, tags: Mapping[int, str], now: datetime) -> None:
        """Remember what Telegram says."""
        requests = [
            UpdateOne({"_id": id_}, {"$set": {"telegramLanguage": tag, "updatedAt": now}}, upsert=True)
            for id_, tag in tags.items()
        ]
        await write_all(self._users, requests)

    async def choose(self, user_id: int, tag: str | None, now: datetime) -> None:
        """Remember what somebody chose; None takes the choice back. A newer choice stays.

        Args:
            now: when they wrote so.
        """
        # Decided in MongoDB: a message may be seen to again, behind a newer one.
        is_newer = {"$gt": ["$chosenAt", now]}
        values: Document = {
            "language": "$$REMOVE" if tag is None else {"$literal": tag},
            "chosenAt": now,
            "updatedAt": now,
        }
        update = [{"$set": {k: {"$cond": [is_newer, f"${k}", value]} for k, value in values.items()}}]
        with storage_errors():
            await self._users.update_one({"_id": user_id}, update, upsert=True)

    async def forget(self, user_id: int) -> None:
        """Delete what is known about somebody."""
        with storage_errors():
            await self._users.delete_one({"_id": user_id})


def _tag(value: object) -> str | None:
    return value if isinstance(value, str) else None
