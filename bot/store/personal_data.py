"""Everything stored about one athlete: read for them, and deleted when they wish."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime

from bot.core.facts.questions import FIELDS, Detail
from bot.core.people.tombstone import DataSubject
from bot.core.prompts.prompt import NOTIFICATIONS
from bot.core.records.collections import (
    ATHLETES,
    AVAILABILITY,
    COLLECTIONS,
    FEEDBACK_EVENTS,
    FEEDBACK_HISTORY,
    PAIN_REPORTS,
    PLAN_SNAPSHOTS,
    SESSION_PROMPTS,
    USERS,
    WAITING_NOTES,
)
from bot.core.records.declaration import Before, Personal
from bot.core.records.models import Record
from bot.core.shared.tolerant import read_whole
from bot.core.shared.update_order import UpdateStamp
from bot.store.answers.note_updates import stored_lines, summed_up
from bot.store.answers.pending_notes import ID_FIELD as WAITING_ID
from bot.store.availability import availability
from bot.store.mongodb.client import Database, Document, storage_errors, within
from bot.store.mongodb.update_order import date, is_until
from bot.store.pain import reports
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.people.tombstones import forgotten
from bot.store.prompts.prompts import chat_forms

_AS_LONG_AS = 60
"""Seconds for one query: of plans and figures there is no index by athlete."""
_BATCH = 200
_USER_FIELDS = ("userId", "chatId", "athleteId", "about.userId")
"""Where a Telegram user's id may stand, in any collection, as a number or as text: see the finders below."""


class PersonalStore:
    """Reads and deletes. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, person: DataSubject) -> AsyncGenerator[tuple[str, Document]]:
        """Each document about somebody, with the name of its collection; those of one collection together."""
        for name, personal in DISCLOSED.items():
            shown = None if personal.shows_id else {"_id": False}
            cursor = self._db[name].find(query_of(personal, person), shown, batch_size=_BATCH)
            try:
                while True:
                    # Not around a `yield`: whoever reads has a time of their own.
                    with storage_errors(), within(_AS_LONG_AS):
                        documents = await cursor.to_list(_BATCH)
                    if not documents:
                        break
                    for document in documents:
                        yield name, document
            finally:
                with storage_errors():
                    await cursor.close()

    async def known_users(self) -> set[int]:
        """Everybody, by Telegram user id, of whom something personal may be stored."""
        found = set()
        for name, personal in DISCLOSED.items():
            for field in {*_USER_FIELDS, *filter(None, [personal.user])}:
                with storage_errors(), within(_AS_LONG_AS):
                    ids = await self._db[name].aggregate([{"$group": {"_id": f"${field}"}}])
                    async for document in ids:
                        if (user_id := _user_id(document["_id"])) is not None:
                            found.add(user_id)
        return found

    async def received(self, person: DataSubject) -> list[datetime]:
        """When their answers were received, as far as is known."""
        with storage_errors(), within(_AS_LONG_AS):
            answers = self._db[FEEDBACK_EVENTS.name]
            found = answers.find(_answers(person), {"_id": False, "receivedAt": True})
            instants = [document.get("receivedAt") async for document in found]
        return [instant for instant in instants if isinstance(instant, datetime)]

    async def forget_before(self, person: DataSubject, until: UpdateStamp) -> None:
        """Delete what is erased by its time, if it is from before an update: answers, earlier versions, notes
        that wait, and what else is declared so."""
        by_time = {
            name: (query_of(personal, person), personal.erased)
            for name, personal in DISCLOSED.items()
            if isinstance(personal.erased, Before)
        }
        with storage_errors(), within(_AS_LONG_AS):
            # Answers last: what is about them makes no sense without them.
            for name, (query, erased) in reversed(by_time.items()):
                id_field = None if erased.update_id is None else f"${erased.update_id}"
                is_before = {"$expr": is_until(until, id_field, f"${erased.at}")}
                await self._db[name].delete_many({"$and": [query, is_before]})
            # What was touched since stays, without what was said before.
            for name, edit in EDITS.items():
                await self._db[name].update_many(by_time[name][0], edit(until))
            history = FEEDBACK_HISTORY.name
            await self._db[history].delete_many({"$and": [by_time[history][0], {"changes": []}]})
        # Somebody may have made them anew of answers that were about to go.
        await PainEpisodeStore(self._db).settle(person.user_id, person.athlete_id)

    async def forget_prompts(self, person: DataSubject, until: UpdateStamp) -> None:
        """Delete questions, reminders and coach alerts that were made before an update."""
        # An alert is of the answer that raised it; what other programs queue does not even say when it was.
        is_alert = {"$in": ["$kind", [kind.value for kind in NOTIFICATIONS]]}
        is_before = {
            "$cond": [
                is_alert,
                is_until(until, "$raisedUpdateId", "$raisedBy"),
                is_until(until, None, "$createdAt"),
            ]
        }
        with storage_errors(), within(_AS_LONG_AS):
            await self._db[SESSION_PROMPTS.name].delete_many(
                {"$and": [_prompts(person), {"$expr": is_before}]}
            )

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
            await self._db[ATHLETES.name].update_many(
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
        await PersonalStore(db).forget_before(DataSubject(user_id, None), tombstone.at)


def _user_id(value: object) -> int | None:
    """A number, also one that others stored as text."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else None
    return read_whole(value)


def query_of(personal: Personal, person: DataSubject) -> Document:
    """The filter that finds somebody's documents in a collection."""
    if personal.found_by is not None:
        return FINDERS[personal.found_by](person)
    conditions: list[Document] = [{field: {"$in": person.names}} for field in personal.athlete]
    if personal.user is not None:
        conditions.append({personal.user: person.user_id})
    return conditions[0] if len(conditions) == 1 else {"$or": conditions}


def _later_changes(until: UpdateStamp) -> list[Document]:
    """Takes the answers out of a history that were given before an update."""
    is_before = is_until(until, "$$change.updateId", "$$change.receivedAt")
    later = {"$filter": {"input": "$changes", "as": "change", "cond": {"$not": [is_before]}}}
    return [{"$set": {"changes": {"$cond": [{"$isArray": "$changes"}, later, []]}}}]


def _later_words(until: UpdateStamp) -> list[Document]:
    """Takes out of an answer what was said before an update: the first time of the same answer, the lines of
    its note, details."""
    is_first_before: Document = {"$lte": [date("$receivedAt"), until.at]}

    def kept(name: str, value: str) -> Document:
        said = f"$saidAt.{name}"
        is_before = is_until(until, f"{said}.updateId", f"{said}.at")
        is_unknown = {"$eq": [{"$type": f"{said}.at"}, "missing"]}
        return {"$cond": [{"$cond": [is_unknown, is_first_before, is_before]}, "$$REMOVE", value]}

    def kept_details(name: str, details: Sequence[Detail]) -> Document:
        """A field that questions fill: an object if they share it, or the number of the one with a scale."""
        if details[0].facts.part is None:
            return kept(details[0], f"${name}")
        parts = {detail.facts.part: kept(detail, f"${detail.facts.path}") for detail in details}
        scale = next(detail for detail in details if detail.facts.scale is not None)
        return {"$cond": [{"$eq": [{"$type": f"${name}"}, "object"]}, parts, kept(scale, f"${name}")]}

    first = {name: {"$cond": [is_first_before, until.at, f"${name}"]} for name in ("receivedAt", "timestamp")}
    emptied = (*(name for name, details in FIELDS.items() if details[0].facts.part is not None), "saidAt")
    return [
        *_later_lines(until, "noteMessageId"),
        {
            "$set": {
                **first,
                **{name: kept_details(name, details) for name, details in FIELDS.items()},
                "saidAt": _later_times(until),
            }
        },
        {"$set": {name: {"$cond": [{"$eq": [f"${name}", {}]}, "$$REMOVE", f"${name}"]} for name in emptied}},
    ]


def _later_waiting(until: UpdateStamp) -> list[Document]:
    """Takes out of what waits for an answer what was written before an update."""
    return [*_later_lines(until, WAITING_ID), {"$set": {"saidAt": _later_times(until)}}]


def _later_lines(until: UpdateStamp, id_field: str) -> list[Document]:
    """Takes out the lines that were changed the last time before an update."""
    at = {"$ifNull": ["$$it.changedAt", "$$it.at"]}
    is_later = {"$not": [is_until(until, "$$it.updateId", at)]}
    later = {"$filter": {"input": stored_lines(id_field), "as": "it", "cond": is_later}}
    return [{"$set": {"notes": later}}, *summed_up(id_field)]


def _later_times(until: UpdateStamp) -> Document:
    """The times of what was said after an update."""
    is_before = is_until(until, "$$it.v.updateId", "$$it.v.at")
    said = {"$filter": {"input": {"$objectToArray": "$saidAt"}, "as": "it", "cond": {"$not": [is_before]}}}
    return {"$cond": [{"$eq": [{"$type": "$saidAt"}, "object"]}, {"$arrayToObject": said}, "$saidAt"]}


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
            {"userId": person.user_id},
            {"athleteId": {"$in": person.names}, "userId": None, "about": None},
            {"about.userId": person.user_id},
            {"chatId": {"$in": chat_forms(person.user_id)}, **nobodys},
        ]
    }


_FIRST = (ATHLETES, USERS, FEEDBACK_EVENTS, FEEDBACK_HISTORY, WAITING_NOTES, SESSION_PROMPTS, PLAN_SNAPSHOTS)
"""A file may have to end early: so it begins with who somebody is and what they said; the rest follows."""


def _shown_first(name: str) -> int:
    names = [collection.name for collection in _FIRST]
    return names.index(name) if name in names else len(names)


DISCLOSED: Mapping[str, Personal] = {
    collection.name: collection.personal
    for collection in sorted(COLLECTIONS, key=lambda it: _shown_first(it.name))
    if collection.personal is not None
}
"""Where something personal stands, by collection, in the order in which it is shown."""

FINDERS: Mapping[str, Callable[[DataSubject], Document]] = {"answers": _answers, "prompts": _prompts}
"""By `Personal.found_by`."""

EDITS: Mapping[str, Callable[[UpdateStamp], list[Document]]] = {
    FEEDBACK_HISTORY.name: _later_changes,
    FEEDBACK_EVENTS.name: _later_words,
    WAITING_NOTES.name: _later_waiting,
    AVAILABILITY.name: availability.forget_said,
    PAIN_REPORTS.name: reports.forget_said,
}
"""By collection: what is taken out of its documents where `Before.is_edited`."""
