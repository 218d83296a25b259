"""The mark that a restore is under way: `{_id: "restore", begunAt}` in `leases`.

It stands from before the first change until all is restored. Where it is found, a restore was ended on the
way, and what is in the database is neither the one nor the other.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.records.collections import LEASES
from bot.core.shared.errors import RestoreUnfinished
from bot.core.shared.formatting import utc
from bot.store.mongodb.client import Database, Instant, server_time, storage_errors

_ID = "restore"


class RestoreMark:
    """Of one database. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        now: passed in by tests.
    """

    def __init__(self, db: Database, now: Instant = server_time) -> None:
        self._leases = db[LEASES.name]
        self._now = now

    async def put(self) -> None:
        """A restore begins."""
        with storage_errors():
            await self._leases.update_one({"_id": _ID}, [{"$set": {"begunAt": self._now()}}], upsert=True)

    async def remove(self) -> None:
        """All is restored."""
        with storage_errors():
            await self._leases.delete_one({"_id": _ID})

    async def begun_at(self) -> datetime | None:
        """When a restore was begun that has not ended; None: there is none."""
        with storage_errors():
            found = await self._leases.find_one({"_id": _ID})
        return None if found is None else found["begunAt"]

    async def require_none(self) -> None:
        """Make sure that the database is whole.

        Raises:
            RestoreUnfinished: it is not.
        """
        if (begun_at := await self.begun_at()) is not None:
            raise RestoreUnfinished(
                f"a restore into the database {self._leases.database.name} was begun at {utc(begun_at)} and"
                " has not ended, so that half of it may be missing; run `restore` once more, with the same"
                " backup"
            )
