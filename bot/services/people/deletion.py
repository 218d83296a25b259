"""What is stored about somebody is deleted from MongoDB, in steps that may be done again."""

from __future__ import annotations

from datetime import timedelta

from bot.core.people.tombstone import DataSubject
from bot.core.shared.update_order import UpdateStamp
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.personal_data import PersonalStore

_BEFORE = timedelta(days=14)
"""The pause begins so much earlier: what was planned this week is not asked about again, in any zone."""


class Deletion:
    """Deletes. All methods raise `StorageError`; doing it again is harmless."""

    def __init__(
        self,
        store: PersonalStore,
        tombstones: TombstoneStore,
        athletes: AthleteStore,
        users: UserStore,
        invalidation: FigureInvalidation,
    ) -> None:
        self._store = store
        self._tombstones = tombstones
        self._athletes = athletes
        self._users = users
        self._invalidation = invalidation

    async def begin(
        self,
        person: DataSubject,
        at: UpdateStamp,
        *,
        is_listed: bool,
        message_id: int | None = None,
    ) -> None:
        """Take somebody off the roster, and have nothing stored any more that came before.

        Args:
            at: when it was wished.
            is_listed: they stand in ATHLETE_IDS, where only the operator can take them out: they are paused.
            message_id: of the question that was confirmed, if there was one.
        """
        paused = at.at - _BEFORE if is_listed else None
        if paused is not None and person.athlete_id is not None:  # they may have no entry yet
            await self._athletes.pause(person.athlete_id, paused, None, user_id=person.user_id, now=at.at)
        await self._store.forget_athlete(person.user_id, at.at, paused)
        await self._tombstones.put(person, at, message_id)

    async def purge(self, person: DataSubject, at: UpdateStamp) -> None:
        """Delete what is stored of somebody's answers and questions from before."""
        # Alerts first: without its answer, one would tell that there was something.
        await self._store.forget_prompts(person, at)
        async with self._invalidation.around(await self._store.received(person)):
            await self._store.forget_before(person, at)

    async def forget(self, person: DataSubject, at: UpdateStamp) -> None:
        """Delete all that is in MongoDB; what is in a journal is deleted by the service that has it."""
        await self.purge(person, at)
        await self._users.forget(person.user_id, at)
