"""The collection `send_slots`: several services together stay within Telegram's sending limits.

`{_id: "all" or a chat's id, next, times, slot, asked, at, by, shared}`: from when on the next message may
leave, when the last ones of a group left, the answer to the last question, when that was, when something was
given out last, who has the chat or took the last turn, and when a turn passed from one service to another
last. By MongoDB's clock.
"""

from __future__ import annotations

from datetime import timedelta

from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from bot.core.records.collections import SEND_SLOTS
from bot.core.telegram.rate_limits import CHAT_SPACING, GLOBAL_SPACING, GROUP_MESSAGES, GROUP_WINDOW
from bot.store.mongodb.client import Database, Document, Instant, server_time, storage_errors

COLLECTION = SEND_SLOTS.name

SHARED_SPACING = 1 / 27
"""Seconds between two messages while several services send. They leave in time, but nobody knows how late the
others' arrive; so there is some room. One service alone knows, and keeps `GLOBAL_SPACING`."""
SHARED_FOR = 2.0
"""Seconds since a turn last passed from one service to another, for which they count as several."""
UNDER_WAY = 40.0
"""Seconds for which a chat is left to a service that does not say that its message has arrived."""

_ALL = "all"
_ASTRAY = 10.0


class SharedRateLimit:
    """Gives out sending times. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        by: the service. It has a chat but for its own messages: so one that it has without knowing was left
            behind by an earlier run, which was killed. None: nobody can tell.
        now: passed in by tests.
    """

    def __init__(self, db: Database, by: str | None = None, now: Instant = server_time) -> None:
        self._by = by
        self._now = now
        # Slots are worth nothing after a second: no reason to wait for a majority's disks.
        self._slots = db.get_collection(COLLECTION, write_concern=WriteConcern(w=1, j=False))

    async def take_chat(self, chat_id: int) -> float:
        """Have a chat for oneself, until `arrived`, if nobody else has it and its limits allow a message now.

        Returns:
            0 if one has; else in how many seconds to try again.
        """
        found = await self._update(chat_id, _taking_chat(self._now(), self._by, is_group=chat_id < 0))
        wait: timedelta = found["slot"] - found["asked"]
        return max(0.0, wait.total_seconds())

    async def take_turn(self) -> float:
        """Take the next place among all messages; returns in how many seconds it is."""
        now = self._now()
        slot = _later(now, ["$next"])
        has_passed = {"$ne": [{"$ifNull": ["$by", self._by]}, self._by]}
        shared = {"$cond": [has_passed, now, "$shared"]}
        is_shared = {"$gt": ["$shared", {"$add": [now, -_ms(SHARED_FOR)]}]}
        spacing = {"$cond": [is_shared, _ms(SHARED_SPACING), _ms(GLOBAL_SPACING)]}
        update: list[Document] = [
            {"$set": {"slot": slot, "at": now, "by": self._by, "shared": shared}},
            {"$set": {"next": {"$add": ["$slot", spacing]}}},
        ]
        found = await self._update(_ALL, update)
        wait: timedelta = found["slot"] - found["at"]
        return max(0.0, wait.total_seconds())

    async def arrived(self, chat_id: int) -> None:
        """The message is in the chat, or will never be: others may write there after the usual time."""
        now = self._now()
        is_ours = {"$eq": [{"$ifNull": ["$by", None]}, self._by]}
        soon = {"$cond": [is_ours, {"$add": [now, _ms(CHAT_SPACING)]}, "$next"]}
        at = {"$cond": [is_ours, now, "$at"]}
        by = {"$cond": [is_ours, None, "$by"]}
        await self._update(chat_id, [{"$set": {"next": soon, "at": at, "by": by}}])

    async def hold(self, chat_id: int | None, seconds: float) -> None:
        """Give out nothing for a chat, or for anybody (None), for so long: Telegram asked for it."""
        now = self._now()
        until = {"$add": [now, _ms(seconds)]}
        update: list[Document] = [{"$set": {"next": {"$max": ["$next", until]}, "at": now}}]
        await self._update(_ALL if chat_id is None else chat_id, update)

    async def _update(self, of: int | str, update: list[Document]) -> Document:
        with storage_errors():
            for last in (False, True):
                try:
                    document = await self._slots.find_one_and_update(
                        {"_id": of}, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
                    break
                except DuplicateKeyError:  # two that were first; the second try finds the other's
                    if last:
                        raise
        return document or {}


def _taking_chat(now: object, by: str | None, *, is_group: bool) -> list[Document]:
    is_left_behind = {"$and": [by is not None, {"$eq": ["$by", by]}]}
    soon = {"$min": ["$next", {"$add": ["$at", _ms(CHAT_SPACING)]}]}
    free: list[object] = [{"$cond": [is_left_behind, soon, "$next"]}]
    if is_group:
        oldest = {"$arrayElemAt": ["$times", -GROUP_MESSAGES]}  # missing as long as there are fewer
        free.append({"$add": [oldest, _ms(GROUP_WINDOW)]})
    is_free = {"$eq": ["$slot", now]}
    taken: Document = {
        "next": {"$cond": [is_free, {"$add": [now, _ms(UNDER_WAY)]}, "$next"]},
        "by": {"$cond": [is_free, by, "$by"]},
    }
    if is_group:
        times = {"$slice": [{"$concatArrays": [{"$ifNull": ["$times", []]}, [now]]}, -GROUP_MESSAGES]}
        taken["times"] = {"$cond": [is_free, times, "$times"]}
    at = {"$cond": [is_free, now, "$at"]}
    return [{"$set": {"slot": _later(now, free)}}, {"$set": {**taken, "at": at, "asked": now}}]


def _later(now: object, times: list[object]) -> Document:
    """The latest of these times and now; now if MongoDB's clock was set back, since they say nothing then.

    A command that is tried again after a conflict keeps its time, and so may seem to come from the past.
    """
    was_set_back = {"$gt": ["$at", {"$add": [now, _ms(_ASTRAY)]}]}
    return {"$cond": [was_set_back, now, {"$max": [now, *times]}]}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
