"""/forgetme, once it is confirmed: everything personal is deleted, in steps that may be done again.

First the athlete is paused, so that meanwhile nothing new is asked; the roster's entry goes last, since it
says whose the rest is. A crash on the way leaves the tap in the journal, and it is carried out again.
"""

from __future__ import annotations

from datetime import timedelta

from bot.core.errors import JournalError, StorageUnavailable
from bot.core.feedback import Tap
from bot.core.roster import Athlete
from bot.flows.languages import Languages
from bot.flows.roster import RosterKeeper
from bot.journal import Journal
from bot.store.athletes import AthleteStore
from bot.store.personal import Person, PersonalStore
from bot.store.touches import Touches
from bot.store.users import UserStore

CONFIRM_WITHIN = timedelta(minutes=10)
"""The button counts for so long after its message was sent."""

_BEFORE = timedelta(days=14)
"""The pause begins so much earlier: what was planned this week is not asked about again, in any zone."""


class Forgetting:
    """Deletes what is stored about somebody."""

    def __init__(
        self,
        store: PersonalStore,
        athletes: AthleteStore,
        users: UserStore,
        touches: Touches,
        journal: Journal,
        roster: RosterKeeper,
        languages: Languages,
    ) -> None:
        self._store = store
        self._athletes = athletes
        self._users = users
        self._touches = touches
        self._journal = journal
        self._roster = roster
        self._languages = languages

    def is_listed(self, user_id: int) -> bool:
        """Whether somebody stands in ATHLETE_IDS, where only the operator can take them out."""
        return user_id in self._roster.user_ids

    async def forget(self, user_id: int, athlete: Athlete | None, tap: Tap) -> None:
        """Delete everything about somebody.

        Args:
            athlete: None for somebody who is not on the roster (any more).
            tap: the confirmation.

        Raises:
            StorageError: some of it may be deleted; doing it again is harmless.
        """
        person = Person.of(user_id, athlete)
        since = tap.received_at - _BEFORE
        if athlete is not None:
            listed = user_id if self.is_listed(user_id) else None
            await self._athletes.pause(athlete.athlete_id, since, None, user_id=listed, now=tap.received_at)
            await self._roster.refresh()
        async with self._touches.around(await self._store.received(person)):
            await self._store.forget_answers(person)
        await self._store.forget_prompts(person)
        await self._users.forget(user_id)
        self._languages.forget(user_id)
        try:
            await self._journal.forget_user(user_id)
        except JournalError as exc:  # it is as much a store, and comes back
            raise StorageUnavailable(str(exc)) from exc
        await self._store.forget_athlete(
            person, since if self.is_listed(user_id) else None, now=tap.received_at
        )
        await self._roster.refresh()
        # The planner may have been at work with the roster as it was.
        await self._store.forget_prompts(person)
