"""The collection `athletes`: who trains here, with their settings, pauses and invitations.

`bot.core.people.athlete` says what the fields mean. A removed athlete's document stays, without `userId`, so
that the person may come back under any name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from bot.core.records.collections import ATHLETES
from bot.core.shared.errors import StorageRejected
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database, Document, storage_errors

COLLECTION = ATHLETES.name

_PAUSES_KEPT = 200  # for the summaries of past weeks; one document must not grow for ever
_TRIES = 3


class UserTakenError(Exception):
    """The Telegram user is another athlete already."""


class AthleteStore:
    """Writes and reads of `athletes`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._athletes = db[COLLECTION]

    async def has_user(self, user_ids: Collection[int]) -> bool:
        """Whether one of these Telegram users is an athlete."""
        with storage_errors():
            found = await self._athletes.find_one({"userId": {"$in": list(user_ids)}}, {"_id": True})
        return found is not None

    async def all(self) -> list[Document]:
        """Every document, removed ones too, by athlete id."""
        with storage_errors():
            return await self._athletes.find({}).sort("athleteId").to_list()

    async def add(self, athlete_id: str, fields: Mapping[str, Any], now: datetime) -> bool:
        """Make a new athlete: active with a `userId`, else invited.

        Returns:
            Whether that is done; not if there is one of that name, removed or not, who then stays as is.

        Raises:
            UserTakenError: another athlete has this `userId`.
        """
        state = "active" if fields.get("userId") is not None else "invited"
        document = {
            "athleteId": athlete_id, "state": state, **fields, "createdAt": now, "updatedAt": now,
        }  # fmt: skip
        with storage_errors():
            try:
                await self._athletes.insert_one(document)
            except DuplicateKeyError as exc:
                _raise_if_taken(exc)
                return False
        return True

    async def change(self, athlete_id: str, fields: Mapping[str, Any], now: datetime) -> bool:
        """Set fields of an athlete, removed or not; None takes a field away.

        Returns:
            Whether there is one of that name.

        Raises:
            UserTakenError: another athlete has this `userId`.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        taken_away = {name: "" for name, value in fields.items() if value is None}
        if "userId" in given:  # whoever had everything deleted is back
            taken_away["forgottenAt"] = ""
        update: Document = {"$set": {**given, "updatedAt": now}}
        if taken_away:
            update["$unset"] = taken_away
        with storage_errors():
            try:
                result = await self._athletes.update_one({"athleteId": athlete_id}, update)
            except DuplicateKeyError as exc:
                _raise_if_taken(exc)
                raise
        return result.matched_count == 1

    async def rename(self, athlete_id: str, new_id: str, now: datetime) -> None:
        """Call an athlete otherwise, whose name was their user id: what is stored under that stays theirs.

        Raises:
            StorageConflict: somebody else is called so.
        """
        with storage_errors():
            await self._athletes.update_one(
                {"athleteId": athlete_id}, {"$set": {"athleteId": new_id, "updatedAt": now}}
            )

    async def invite(self, athlete_id: str, code_hash: str, expires_at: datetime, now: datetime) -> bool:
        """Give an athlete without a user a new invitation; an older one is void from then on.

        Returns:
            Whether that is done; not if nobody has that name, or somebody has accepted already.
        """
        invitation = {"hash": code_hash, "expiresAt": expires_at}
        with storage_errors():
            result = await self._athletes.update_one(
                {"athleteId": athlete_id, "userId": {"$exists": False}},
                {"$set": {"state": "invited", "invite": invitation, "updatedAt": now}},
            )
        return result.matched_count == 1

    async def redeem(self, code_hash: str, user_id: int, chat_id: int, stamp: UpdateStamp) -> Document | None:
        """Make the user the athlete whom this code invites; one user, once.

        Doing it again for the same user changes nothing, also after the code's time.

        Args:
            stamp: the update with which they accept.

        Returns:
            The athlete's document; None if the code is not known, not valid any more, or somebody else's.

        Raises:
            UserTakenError: the user is another athlete; the code stays valid.
        """
        now = stamp.at
        user = {"userId": user_id, "chatId": str(chat_id), "state": "active", "updatedAt": now}
        user |= {"joinedAt": now, "joinedBy": stamp.update_id}
        with storage_errors():
            try:
                document = await self._athletes.find_one_and_update(
                    {"invite.hash": code_hash, "state": "invited", "invite.expiresAt": {"$gt": now}},
                    {"$set": user, "$unset": {"forgottenAt": ""}},
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError as exc:
                _raise_if_taken(exc)
                raise
            return document or await self._athletes.find_one(
                {"invite.hash": code_hash, "state": "active", "userId": user_id}
            )

    async def pause(
        self,
        athlete_id: str,
        since: datetime,
        until: datetime | None,
        *,
        user_id: int | None,
        now: datetime,
        update_id: int | None = None,
    ) -> bool:
        """Pause an athlete; a pause that covers `since` gives way to it. The same request again does nothing.

        Args:
            user_id: of somebody in ATHLETE_IDS, who may have no document yet; else None.
            update_id: of the request, if an update says it. Else the same `since` is the same request.

        Returns:
            Whether there is such an athlete.
        """
        update = _paused(since, until, now, update_id)
        with storage_errors():
            if user_id is None:
                known = {"athleteId": athlete_id, "state": {"$ne": "removed"}}
                return (await self._athletes.update_one(known, update)).matched_count == 1
            if (await self._athletes.update_one({"userId": user_id}, update)).matched_count == 1:
                return True
            person: Document = {
                "athleteId": athlete_id,
                "userId": user_id,
                "chatId": str(user_id),
                "state": "active",
                "createdAt": {"$ifNull": ["$createdAt", now]},
            }
            for _ in range(_TRIES):
                try:
                    await self._athletes.update_one(
                        {"athleteId": athlete_id, "userId": {"$in": [None, user_id]}},
                        [{"$set": person}, *update],
                        upsert=True,
                    )
                    return True
                except DuplicateKeyError:  # somebody else has just made the document
                    continue
        raise StorageRejected(
            f"athletes: the document with the athleteId {athlete_id!r} has another userId than ATHLETE_IDS"
            " says; rename that athlete"
        )

    async def resume(self, athlete_id: str, now: datetime, *, update_id: int | None = None) -> bool:
        """End the pause that covers `now`; returns whether there was one.

        Args:
            update_id: of the request, if an update says it: of several updates received at once, a later one
                may have begun a pause.
        """
        ends: Document = {"since": {"$lte": now}, "$or": [{"until": None}, {"until": {"$gt": now}}]}
        if update_id is not None:
            ends["$nor"] = [{"since": now, "updateId": {"$gt": update_id}}]
        named = {
            "p.since": ends["since"],
            "$or": [{f"p.{name}": value for name, value in it.items()} for it in ends["$or"]],
            **({} if update_id is None else {"$nor": [{"p.since": now, "p.updateId": {"$gt": update_id}}]}),
        }
        with storage_errors():
            result = await self._athletes.update_one(
                {"athleteId": athlete_id, "pauses": {"$elemMatch": ends}},
                {"$set": {"pauses.$[p].until": now, "updatedAt": now}, "$unset": {"forgottenAt": ""}},
                array_filters=[named],
            )
        return result.matched_count == 1

    async def remove(self, athlete_id: str, now: datetime) -> bool:
        """Let an athlete go, void an invitation, end a pause; returns whether there was one of that name."""
        await self.resume(athlete_id, now)
        with storage_errors():
            result = await self._athletes.update_one(
                {"athleteId": athlete_id, "state": {"$ne": "removed"}},
                {"$set": {"state": "removed", "updatedAt": now}, "$unset": {"userId": "", "invite": ""}},
            )
        return result.matched_count == 1


def _raise_if_taken(exc: DuplicateKeyError) -> None:
    if "userId" in ((exc.details or {}).get("keyPattern") or {}):
        raise UserTakenError from None


def _paused(since: datetime, until: datetime | None, now: datetime, update_id: int | None) -> list[Document]:
    """An update pipeline: decides in MongoDB, so that no other writer comes in between."""
    pauses = {"$cond": [{"$isArray": "$pauses"}, "$pauses", []]}
    covers = {
        "$and": [
            {"$eq": [{"$type": "$$p.since"}, "date"]},
            {"$lte": ["$$p.since", since]},
            {"$or": [{"$eq": [{"$ifNull": ["$$p.until", None]}, None]}, {"$gt": ["$$p.until", since]}]},
        ]
    }
    ended = {"$cond": [covers, {"$mergeObjects": ["$$p", {"until": since}]}, "$$p"]}
    name, value = ("since", since) if update_id is None else ("updateId", update_id)
    pause = {"since": since, "until": until} | ({} if update_id is None else {"updateId": update_id})
    added = {"$concatArrays": [{"$map": {"input": pauses, "as": "p", "in": ended}}, [pause]]}
    known = {"$in": [value, {"$map": {"input": pauses, "as": "p", "in": f"$$p.{name}"}}]}
    return [
        {
            "$set": {
                "pauses": {"$cond": [known, "$pauses", {"$slice": [added, -_PAUSES_KEPT]}]},
                "updatedAt": {"$cond": [known, "$updatedAt", now]},
                "forgottenAt": {"$cond": [known, "$forgottenAt", "$$REMOVE"]},
            }
        }
    ]
