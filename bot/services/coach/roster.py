"""The athletes as the coach calls them."""

from __future__ import annotations

from dataclasses import replace

from bot.core.people.athlete import Roster
from bot.services.people.roster_cache import RosterCache
from bot.store.coach.usernames import UsernameStore


class CoachRoster:
    """The roster, in which those without a name have that of their Telegram account; without those who had
    everything deleted, and have not come back since."""

    def __init__(self, roster: RosterCache, usernames: UsernameStore) -> None:
        self._roster = roster
        self._usernames = usernames

    async def load(self) -> Roster:
        """All athletes.

        Raises:
            StorageError: they cannot be read.
        """
        roster = await self._roster.loaded()
        athletes = [it for it in roster.athletes if it.athlete_id not in roster.forgotten]
        nameless = [it.user_id for it in athletes if it.name is None and it.user_id is not None]
        known = await self._usernames.of(nameless)
        named = tuple(
            replace(it, name=f"@{known[it.user_id]}") if it.name is None and it.user_id in known else it
            for it in athletes
        )
        return Roster(named, roster.left, roster.forgotten, roster.gone)
