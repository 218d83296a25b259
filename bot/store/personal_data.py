"""Everything stored about one athlete: read for them, and deleted when they wish."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from bot.core.people.tombstone import DataSubject
from bot.core.prompts.prompt import LETTERS
from bot.core.records.models import Record
from bot.core.shared.update_order import UpdateStamp
from bot.store.answers import feedback_events as feedback
from bot.store.answers import history
from bot.store.answers import pending_notes as waiting_notes
from bot.store.mongodb.client import Database, Document, storage_errors, within
from bot.store.mongodb.update_order import date, is_until
from bot.store.people import athletes, users
from bot.store.people.tombstones import forgotten
from bot.store.prompts import prompts
from bot.store.prompts.prompts import chat_forms

_AS_LONG_AS = 60
"""Seconds for one query: of plans and figures there is no index by athlete."""
_BATCH = 200


class PersonalStore:
    """Reads and deletes. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, person: DataSubject) -> AsyncGenerator[tuple[str, Document]]:
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

    async def received(self, person: DataSubject) -> list[datetime]:
        """When their answers were received, as far as is known."""
        with storage_errors(), within(_AS_LONG_AS):
            found = self._db[feedback.COLLECTION].find(_answers(person), {"_id": False, "receivedAt": True})
            instants = [document.get("receivedAt") async for document in found]
        return [instant for instant in instants if isinstance(instant, datetime)]

    async def forget_answers(self, person: DataSubject, until: UpdateStamp) -> None:
        """Delete what updates before one have said: answers, earlier versions, notes that wait."""
        with storage_errors(), within(_AS_LONG_AS):
            for collection, query, id_field, at_field in (
                (waiting_notes.COLLECTION, _by_user(person), "$updateId", "$receivedAt"),
                (history.COLLECTION, _by_user(person), "$updatedBy", "$updatedAt"),
                (feedback.COLLECTION, _answers(person), "$updateId", "$receivedAt"),
            ):
                is_before = {"$expr": is_until(until, id_field, at_field)}
                await self._db[collection].delete_many({"$and": [query, is_before]})
            # What was touched since stays, without what was said before.
            await self._db[history.COLLECTION].update_many(_by_user(person), _later_changes(until))
            await self._db[history.COLLECTION].delete_many({**_by_user(person), "changes": []})
            await self._db[feedback.COLLECTION].update_many(_answers(person), _later_words(until))

    async def forget_prompts(self, person: DataSubject, until: UpdateStamp) -> None:
        """Delete questions, reminders and letters that were made before an update."""
        # A letter is of the answer that raised it; what other programs queue does not even say when it was.
        is_letter = {"$in": ["$kind", [kind.value for kind in LETTERS]]}
        is_before = {
            "$cond": [
                is_letter,
                is_until(until, "$raisedUpdateId", "$raisedBy"),
                is_until(until, None, "$createdAt"),
            ]
        }
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


async def forget_again(db: Database, records: Sequence[Record], now: datetime) -> None:
    """Take away what was just written of people who have had everything deleted meanwhile.

    Args:
        now: when those were received that do not say it.

    Raises:
        StorageError: doing it again is harmless.
    """
    deleted = dict((await forgotten(db, records, now)).values())
    for user_id, tombstone in deleted.items():
        await PersonalStore(db).forget_answers(DataSubject(user_id, None), tombstone.at)


_NAMED_BY_ID = frozenset({users.COLLECTION, history.COLLECTION})
"""Where the `_id` says something."""


def _everything(person: DataSubject) -> list[tuple[str, Document]]:
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


def _later_changes(until: UpdateStamp) -> list[Document]:
    """Takes the answers out of a history that were given before an update."""
    is_before = is_until(until, "$$change.updateId", "$$change.receivedAt")
    later = {"$filter": {"input": "$changes", "as": "change", "cond": {"$not": [is_before]}}}
    return [{"$set": {"changes": {"$cond": [{"$isArray": "$changes"}, later, []]}}}]


def _later_words(until: UpdateStamp) -> list[Document]:
    """Takes out of an answer what was said before an update: the first time of the same answer, a note that
    was written, details."""
    is_first_before: Document = {"$lte": [date("$receivedAt"), until.at]}

    def kept(name: str, value: str) -> Document:
        said = f"$saidAt.{name}"
        is_before = is_until(until, f"{said}.updateId", f"{said}.at")
        is_unknown = {"$eq": [{"$type": f"{said}.at"}, "missing"]}
        return {"$cond": [{"$cond": [is_unknown, is_first_before, is_before]}, "$$REMOVE", value]}

    pain: Document = {"where": kept("where", "$pain.where"), "level": kept("pain", "$pain.level")}
    is_written = {"$isNumber": "$noteMessageId"}
    note = {"$cond": [is_written, {"$ifNull": [kept("note", "$note"), None]}, "$note"]}
    said = {"$filter": {"input": {"$objectToArray": "$saidAt"}, "as": "it", "cond": {"$not": [
        is_until(until, "$$it.v.updateId", "$$it.v.at")
    ]}}}  # fmt: skip
    first = {name: {"$cond": [is_first_before, until.at, f"${name}"]} for name in ("receivedAt", "timestamp")}
    emptied = ("pain", "saidAt")
    return [
        {
            "$set": {
                **first,
                "note": note,
                "noteMessageId": {"$cond": [is_written, kept("note", "$noteMessageId"), "$noteMessageId"]},
                "rpe": kept("rpe", "$rpe"),
                "reason": kept("reason", "$reason"),
                "pain": {"$cond": [{"$eq": [{"$type": "$pain"}, "object"]}, pain, kept("pain", "$pain")]},
                "saidAt": {
                    "$cond": [
                        {"$eq": [{"$type": "$saidAt"}, "object"]}, {"$arrayToObject": said}, "$saidAt",
                    ]
                },
            }
        },
        {"$set": {name: {"$cond": [{"$eq": [f"${name}", {}]}, "$$REMOVE", f"${name}"]} for name in emptied}},
    ]  # fmt: skip


def _by_user(person: DataSubject) -> Document:
    return {"userId": person.user_id}


def _answers(person: DataSubject) -> Document:
    """Their answers; also those that name nobody, if they were given in their private chat."""
    return {
        "$or": [
            {"userId": {"$in": [person.user_id, str(person.user_id)]}},
            {"userId": {"$in": [None, "", "anon"]}, "chatId": {"$in": chat_forms(person.user_id)}},
        ]
    }


def _prompts(person: DataSubject) -> Document:
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
