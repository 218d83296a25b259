"""What came before somebody's deletion leaves nothing, whenever it is stored."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from bot.core.people.tombstone import DataSubject, Tombstone
from bot.core.shared.errors import StorageRejected
from bot.core.shared.update_order import UpdateStamp
from bot.services.people.erasure import Erasure
from bot.store.people.tombstones import TombstoneStore


class ErasureGuard:
    """Looks up tombstones before and after updates are stored, and deletes what came back."""

    def __init__(self, tombstones: TombstoneStore, erasure: Erasure) -> None:
        self._tombstones = tombstones
        self._erasure = erasure

    def is_under_way(self, user_id: int | None) -> bool:
        """Whether something about somebody is still to be deleted here."""
        return self._erasure.is_under_way(user_id)

    async def tombstones(self, user_ids: Collection[int | None]) -> dict[int | None, Tombstone]:
        """Those of some people; None has none.

        Raises:
            StorageError: they cannot be read.
        """
        found = await self._tombstones.of(user_ids)
        return {user_id: tombstone for user_id, tombstone in found.items()}  # noqa: C416  # its keys are wider

    async def purge(
        self, tombstones: Mapping[int | None, Tombstone], updates: Iterable[tuple[int | None, UpdateStamp]]
    ) -> None:
        """Delete what is, or was just, stored of updates that came before their senders' deletions.

        What came after a deletion that is not done yet waits for it here.

        Args:
            updates: their senders and places in the order of updates.

        Raises:
            StorageUnavailable: doing it again is harmless.
        """
        stamps: defaultdict[int | None, list[UpdateStamp]] = defaultdict(list)
        for user_id, stamp in updates:
            stamps[user_id].append(stamp)
        for user_id, tombstone in tombstones.items():
            if user_id is not None and tombstone.must_purge(stamps[user_id]):
                # A rejection is told where the deletion is tried again; others must not wait for it.
                with contextlib.suppress(StorageRejected):
                    await self._erasure.purge(DataSubject(user_id, None), tombstone.at)
