"""The collection `availability`: on which days of a week athletes can train.

`{athleteId, weekStart, userId, days: ["Monday", ...], said: {Monday: {possible, updateId, at}}, updatedAt,
updateId}`, one for each athlete and week. `said` orders the taps on each day; `days` follows from it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from bot.core.answers.rules import WEEKDAYS
from bot.core.availability.days import Availability, DayWish, read_availability
from bot.core.people.athlete import Athlete
from bot.core.records.collections import AVAILABILITY
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.mongodb.update_order import is_after, is_until

COLLECTION = AVAILABILITY.name

_TRIES = 5
_DAYS_SAID: Any = {
    "$concatArrays": [{"$cond": [{"$eq": [f"$said.{day}.possible", True]}, [day], []]} for day in WEEKDAYS]
}
"""An expression: the days of a document on which it says that training is possible."""


class AvailabilityStore:
    """All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._weeks = db[COLLECTION]

    async def say(self, athlete: Athlete, wish: DayWish, stamp: UpdateStamp) -> Availability:
        """Make a tap on a day durable; returns what is said about its week by now.

        The same update a second time, or an earlier one about that day, changes nothing.
        """
        name = f"said.{WEEKDAYS[wish.day.weekday()]}"
        is_newer = {
            "$or": [
                {"$eq": [{"$type": f"${name}.at"}, "missing"]},
                is_after(stamp.update_id, stamp.at, f"${name}.updateId", f"${name}.at"),
            ]
        }
        said = {"possible": wish.is_possible, "updateId": stamp.update_id, "at": stamp.at}
        is_last = is_after(stamp.update_id, stamp.at, "$updateId", "$updatedAt")
        update: list[Document] = [
            {
                "$set": {
                    "userId": athlete.user_id,
                    name: {"$cond": [is_newer, said, f"${name}"]},
                    "updatedAt": {"$cond": [is_last, stamp.at, "$updatedAt"]},
                    "updateId": {"$cond": [is_last, stamp.update_id, "$updateId"]},
                }
            },
            {"$set": {"days": _DAYS_SAID}},
        ]
        key = {"athleteId": athlete.athlete_id, "weekStart": wish.week_start.isoformat()}
        for _ in range(_TRIES):
            with storage_errors():
                try:
                    document = await self._weeks.find_one_and_update(
                        key, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError:  # two first taps at once
                    continue
            return read_availability(document or {}) or Availability(wish.week_start, frozenset())
        raise StorageUnavailable("MongoDB keeps reporting a duplicate week; run `bootstrap`")

    async def of(self, athlete: Athlete, week_starts: Collection[date]) -> list[Availability]:
        """What an athlete has said about some weeks; those about which nothing is said are left out."""
        query = {
            "athleteId": athlete.athlete_id,
            "weekStart": {"$in": [start.isoformat() for start in week_starts]},
        }
        with storage_errors():
            found = await self._weeks.find(query).to_list()
        weeks = [week for document in found if (week := read_availability(document)) is not None]
        return sorted(weeks, key=lambda week: week.week_start)

    async def since(self, first: date, athlete_id: str | None = None) -> list[Document]:
        """The documents of weeks from one on, of everybody or of one athlete; in order."""
        query: Document = {"weekStart": {"$gte": first.isoformat()}}
        if athlete_id is not None:
            query["athleteId"] = athlete_id
        fields = dict.fromkeys(("athleteId", "weekStart", "days", "updatedAt"), True)
        with storage_errors():
            cursor = self._weeks.find(query, {"_id": False, **fields})
            return await cursor.sort({"weekStart": 1, "athleteId": 1}).to_list()


def forget_said(until: UpdateStamp) -> list[Document]:
    """An update that takes out of a week what was said before another one."""
    is_before = is_until(until, "$$it.v.updateId", "$$it.v.at")
    kept = {"$filter": {"input": {"$objectToArray": "$said"}, "as": "it", "cond": {"$not": [is_before]}}}
    return [{"$set": {"said": {"$arrayToObject": kept}}}, {"$set": {"days": _DAYS_SAID}}]
