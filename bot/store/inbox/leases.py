"""The collection `leases`: one document for each bot (token), in which its services agree on who polls.

`{_id, holder, service, host, term, expiresAt, polledAt, at, services: [{service, host, seenAt, polls}]}`.
`holder` is one run of a service, `service` the same one over its restarts; `term` counts the holders. All
instants are MongoDB's own: the machines' clocks need not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from bot.core.inbox.lease import TTL, Peer
from bot.core.records.collections import LEASES
from bot.core.shared.tolerant import read_int64
from bot.store.mongodb.client import Database, Document, Instant, server_time, storage_errors

COLLECTION = LEASES.name

_MS = timedelta(milliseconds=1)
_LISTED = timedelta(minutes=5)
"""A service that has not been heard of for so long is not listed any more."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One run of a service.

    Attributes:
        id: of this run alone.
        service: the same after a restart on the same journal.
        host: for people.
        is_pushed: it takes updates from a webhook.
    """

    id: str
    service: str
    host: str
    is_pushed: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease at one moment.

    Attributes:
        is_ours: whether the asking run has it, for `TTL` from now on.
        term: grows with every new holder.
        service, host: whose it is.
        polled_ago: since the last poll of whoever held it; None if nobody has polled yet.
        peers: all services, the asking one included.
    """

    is_ours: bool
    term: int
    service: str
    host: str
    polled_ago: timedelta | None
    peers: tuple[Peer, ...]


class LeaseStore:
    """Writes and reads of `leases`. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        now: passed in by tests.
    """

    def __init__(self, db: Database, now: Instant = server_time) -> None:
        self._leases = db[COLLECTION]
        self._now = now

    async def ask(
        self,
        bot: str,
        me: Holder,
        *,
        polled_ago: timedelta | None,
        may_resume: bool,
        may_take_over: bool = True,
    ) -> Lease:
        """Take the lease if it is free, or keep it for another `TTL`; one step in MongoDB.

        Args:
            bot: whose lease.
            polled_ago: since our own last poll; None if we have not polled.
            may_resume: whether an earlier run of our service makes way at once. Not once this run has had an
                answer: a copy of our `DATA_DIR` would be taken for ourselves again and again.
            may_take_over: whether an expired lease may be taken. Not after MongoDB was away: its holder may
                be alive and well, and only could not renew it.
        """
        update = _claim(me, polled_ago, self._now(), may_resume=may_resume, may_take_over=may_take_over)
        with storage_errors():
            try:
                found = await self._update(bot, update)
            except DuplicateKeyError:  # two that were first
                found = await self._update(bot, update)
        return _read(found, me)

    async def _update(self, bot: str, update: list[Document]) -> Document:
        document = await self._leases.find_one_and_update(
            {"_id": bot}, update, upsert=True, return_document=ReturnDocument.AFTER
        )
        return document or {}

    async def release(self, bot: str, me: Holder) -> None:
        """Make way, if the lease is ours."""
        with storage_errors():
            now = self._now()
            ends = {"$cond": [{"$eq": ["$holder", me.id]}, now, "$expiresAt"]}
            update = [{"$set": {"services": _others(me, now), "expiresAt": ends}}]
            await self._leases.update_one({"_id": bot}, update)

    async def all_peers(self) -> tuple[Peer, ...]:
        """The services of all bots; nothing is written."""
        return await self._peers({})

    async def peers(self, bot: str) -> tuple[Peer, ...]:
        """The services of a bot; nothing is written."""
        return await self._peers({"_id": bot})

    async def _peers(self, match: Document) -> tuple[Peer, ...]:
        with storage_errors():
            found = await self._leases.aggregate([{"$match": match}, {"$set": {"at": self._now()}}])
            return tuple(peer for document in await found.to_list() for peer in _peers(document))


def _claim(
    me: Holder, polled_ago: timedelta | None, now: object, *, may_resume: bool, may_take_over: bool
) -> list[Document]:
    is_mine = {"$eq": ["$holder", me.id]}
    ends = {"$ifNull": ["$expiresAt", now]}
    # Much further away than it can be: MongoDB's clock was set back, and the lease must not last until then.
    is_over = {"$or": [{"$lte": [ends, now]}, {"$gt": [ends, {"$add": [now, 2 * TTL // _MS]}]}]}
    is_free = is_over if may_take_over else {"$eq": [{"$type": "$expiresAt"}, "missing"]}
    is_left = {"$eq": ["$service", me.service]} if may_resume else False
    polled_at = None if polled_ago is None else {"$subtract": [now, polled_ago // _MS]}
    host = {"$literal": me.host}
    here = {"service": me.service, "host": host, "seenAt": now, "polls": "$granted", "pushed": me.is_pushed}

    is_number = {"$in": [{"$type": "$term"}, ["int", "long"]]}
    term = {"$cond": [is_number, "$term", 0]}

    def if_granted(value: object, field: str) -> Document:
        return {"$cond": ["$granted", value, f"${field}"]}

    return [
        {"$set": {"granted": {"$or": [is_mine, is_free, is_left]}, "at": now}},
        {
            "$set": {
                "services": {"$concatArrays": [_others(me, now), [here]]},
                "term": if_granted({"$cond": [is_mine, term, {"$add": [term, 1]}]}, "term"),
                "expiresAt": if_granted({"$add": [now, TTL // _MS]}, "expiresAt"),
                "polledAt": if_granted({"$max": ["$polledAt", polled_at]}, "polledAt"),
                "service": if_granted(me.service, "service"),
                "host": if_granted(host, "host"),
                "holder": if_granted(me.id, "holder"),
            }
        },
        {"$unset": "granted"},
    ]


def _others(me: Holder, now: object) -> Document:
    """The services but ours, and but those that are long gone."""
    is_date = {"$eq": [{"$type": "$$it.seenAt"}, "date"]}
    is_listed = {"$and": [is_date, {"$gt": ["$$it.seenAt", {"$subtract": [now, _LISTED // _MS]}]}]}
    return {
        "$filter": {
            "input": {"$cond": [{"$isArray": "$services"}, "$services", []]},
            "as": "it",
            "cond": {"$and": [{"$ne": ["$$it.service", me.service]}, is_listed]},
        }
    }


def _read(document: Document, me: Holder) -> Lease:
    at, polled_at = document["at"], document.get("polledAt")
    return Lease(
        is_ours=document.get("holder") == me.id,
        term=read_int64(document.get("term")) or 0,
        service=str(document.get("service")),
        host=str(document.get("host")),
        polled_ago=at - polled_at if isinstance(polled_at, datetime) else None,
        peers=_peers(document),
    )


def _peers(document: Document) -> tuple[Peer, ...]:
    services = document.get("services")
    return tuple(
        Peer(
            *(str(it.get("service")), str(it.get("host")), document["at"] - seen_at),
            polls=bool(it.get("polls")),
            is_pushed=bool(it.get("pushed")),
        )
        for it in (services if isinstance(services, list) else ())
        if isinstance(it, dict)
        and isinstance(seen_at := it.get("seenAt"), datetime)
        and document["at"] - seen_at <= _LISTED
    )
