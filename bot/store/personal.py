"""Everything stored about one athlete: read for them, and deleted when they wish."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

from bot.core.order import Stamp
from bot.core.tombstones import Person
from bot.store import athletes, feedback, history, prompts, users, waiting_notes
from bot.store.connection import Database, Document, storage_errors, within
from bot.store.order import is_after
from bot.store.prompts import chat_forms

_AS_LONG_AS = 60
"""Seconds for one query: of plans and figures there is no index by athlete."""
_BATCH = 200
_TICK = timedelta(milliseconds=1)
"""MongoDB knows no shorter time."""


class PersonalStore:
    """Reads and deletes. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, person: Person) -> AsyncGenerator[tuple[str, Document]]:
        """Each document about somebody, with the name of its collection; those of one collection together."""
        for collection, query in _everything(person):
            shown = None if collection in _NAMED_BY_ID else {"_id": False}
            cursor = self._db[collection].find(query, shown, batch_size=_BATCH)
            try:
                while True:
                    # Not around a `yield`: whoever reads has a time of their own.
                    with storage_errors(), within(_AS_LONG_AS):
                        documents = await cursor.to_list(_BATCH)
                    if not documents:
                        break
                    for document in documents:
                        yield collection, document
            finally:
                with storage_errors():
                    await cursor.close()

    async def received(self, person: Person) -> list[datetime]:
        """When their answers were received, as far as is known."""
        with storage_errors(), within(_AS_LONG_AS):
            found = self._db[feedback.COLLECTION].find(_answers(person), {"_id": False, "receivedAt": True})
            instants = [document.get("receivedAt") async for document in found]
        return [instant for instant in instants if isinstance(instant, datetime)]

    async def forget_answers(self, person: Person, until: Stamp) -> None:
        """Delete what updates before one have said: answers, earlier versions, notes that wait."""
        at = until.at + _TICK  # what only its time tells from the deletion is deleted, if that is the same
        with storage_errors(), within(_AS_LONG_AS):
            for collection, query, id_field, at_field in (
                (waiting_notes.COLLECTION, _by_user(person), "$updateId", "$receivedAt"),
                (history.COLLECTION, _by_user(person), "$updatedBy", "$updatedAt"),
                (feedback.COLLECTION, _answers(person), "$updateId", "$receivedAt"),
            ):
                is_before = {"$expr": is_after(until.update_id, at, id_field, at_field)}
                await self._db[collection].delete_many({"$and": [query, is_before]})

    async def forget_prompts(self, person: Person, until: Stamp) -> None:
        """Delete questions, reminders and letters that were made before an update."""
        # Letters know the update of which they tell; what other programs queue does not even say when it was.
        is_before = is_after(until.update_id, until.at + _TICK, "$version", "$createdAt")
        with storage_errors(), within(_AS_LONG_AS):
            await self._db[prompts.COLLECTION].delete_many({"$and": [_prompts(person), {"$expr": is_before}]})

    async def forget_athlete(self, user_id: int, at: datetime, paused: datetime | None) -> None:
        """Take what is personal out of the roster.

        Args:
            at: when they wished it.
            paused: since when to pause without end who stays on the roster by ATHLETE_IDS; None for everybody
                else, who is removed.
        """
        names = ("_id", "athleteId", "createdAt")
        known = {**{name: f"${name}" for name in names}, "updatedAt": at, "forgottenAt": at}
        if paused is None:
            rest: Document = {"state": "removed"}
        else:
            pause = {"since": paused, "until": None}
            rest = {"state": "active", "userId": user_id, "pauses": [{"$literal": pause}]}
        with storage_errors():
            await self._db[athletes.COLLECTION].update_many(
                {"userId": user_id}, [{"$replaceWith": {**known, **rest}}]
            )


_NAMED_BY_ID = frozenset({users.COLLECTION, history.COLLECTION})
"""Where the `_id` says something."""


def _everything(person: Person) -> list[tuple[str, Document]]:
    names = {"$in": person.names}
    return [
        (athletes.COLLECTION, _by_user(person)),
        (users.COLLECTION, {"_id": person.user_id}),
        (feedback.COLLECTION, _answers(person)),
        (history.COLLECTION, _by_user(person)),
        (waiting_notes.COLLECTION, _by_user(person)),
        (prompts.COLLECTION, _prompts(person)),
        ("plan_snapshots", {"$or": [{"athleteId": names}, {"activityPlan.athleteId": names}]}),
        ("weekly_metrics", {"athleteId": names}),
        ("run_events", {"athleteId": names}),
        ("run_artifacts", {"$or": [{"athleteId": names}, {"metrics.athleteId": names}]}),
    ]


def _by_user(person: Person) -> Document:
    return {"userId": person.user_id}


def _answers(person: Person) -> Document:
    """Their answers; also those that name nobody, if they were given in their private chat."""
    return {
        "$or": [
            {"userId": {"$in": [person.user_id, str(person.user_id)]}},
            {"userId": {"$in": [None, "", "anon"]}, "chatId": {"$in": chat_forms(person.user_id)}},
        ]
    }


def _prompts(person: Person) -> Document:
    """What was asked or told because of them, in any chat; in their private chat also what names nobody.

    What was told there about others (a coach may be an athlete, too) is not theirs.
    """
    nobodys = {"userId": None, "athleteId": None, "about": None}
    return {
        "$or": [
            _by_user(person),
            {"athleteId": {"$in": person.names}, "userId": None, "about": None},
            {"about.userId": person.user_id},
            {"chatId": {"$in": chat_forms(person.user_id)}, **nobodys},
        ]
    }
