"""The collection `send_slots`: several services together stay within Telegram's sending limits.

`{_id: "all" or a chat's id, next, times, slot, at}`: from when on the next message may leave, when the last
ones of a group left, the slot given out last, and when that was. By MongoDB's clock.
"""

from __future__ import annotations

from datetime import timedelta

from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from bot.core.limits import CHAT_SPACING, GLOBAL_SPACING, GROUP_MESSAGES, GROUP_WINDOW
from bot.store.connection import Database, Document, Instant, server_time, storage_errors

COLLECTION = "send_slots"

_ALL = "all"


class SendSlots:
    """Gives out sending times. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        now: passed in by tests.
    """

    def __init__(self, db: Database, now: Instant = server_time) -> None:
        self._now = now
        # Slots are worth nothing after a second: no reason to wait for a majority's disks.
        self._slots = db.get_collection(COLLECTION, write_concern=WriteConcern(w=1, j=False))

    async def take(self, chat_id: int, longest: float) -> float:
        """Take the next slot for a message to a chat, unless it is further away than `longest`.

        Returns:
            In how many seconds it is. If that is more than `longest`, nothing was taken.
        """
        in_chat = await self._take(chat_id, CHAT_SPACING, longest, is_group=chat_id < 0)
        if in_chat > longest:
            return in_chat
        return max(in_chat, await self._take(_ALL, GLOBAL_SPACING, longest))

    async def hold(self, chat_id: int | None, seconds: float) -> None:
        """Give out nothing for a chat, or for anybody (None), for so long: Telegram asked for it."""
        now = self._now()
        until = {"$add": [now, _ms(seconds)]}
        update = [{"$set": {"next": {"$max": ["$next", until]}, "at": now}}]
        with storage_errors():
            await self._slots.update_one({"_id": _ALL if chat_id is None else chat_id}, update, upsert=True)

    async def _take(self, of: int | str, spacing: float, longest: float, *, is_group: bool = False) -> float:
        update = _taking(spacing, longest, self._now(), is_group=is_group)
        with storage_errors():
            try:
                found = await self._update(of, update)
            except DuplicateKeyError:  # two that were first
                found = await self._update(of, update)
        wait: timedelta = found["slot"] - found["at"]
        return max(0.0, wait.total_seconds())

    async def _update(self, of: int | str, update: list[Document]) -> Document:
        document = await self._slots.find_one_and_update(
            {"_id": of}, update, upsert=True, return_document=ReturnDocument.AFTER
        )
        return document or {}


def _taking(spacing: float, longest: float, now: object, *, is_group: bool) -> list[Document]:
    free: list[object] = [now, "$next"]
    if is_group:
        oldest = {"$arrayElemAt": ["$times", -GROUP_MESSAGES]}  # missing as long as there are fewer
        free.append({"$add": [oldest, _ms(GROUP_WINDOW)]})
    # If MongoDB's clock was set back, what was given out before it says nothing.
    slot = {"$cond": [{"$gt": ["$at", now]}, now, {"$max": free}]}
    is_near = {"$lte": ["$slot", {"$add": [now, _ms(longest)]}]}
    taken: Document = {"next": {"$cond": [is_near, {"$add": ["$slot", _ms(spacing)]}, "$next"]}}
    if is_group:
        times = {"$slice": [{"$concatArrays": [{"$ifNull": ["$times", []]}, ["$slot"]]}, -GROUP_MESSAGES]}
        taken["times"] = {"$cond": [is_near, times, "$times"]}
    return [{"$set": {"slot": slot, "at": now}}, {"$set": taken}]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
