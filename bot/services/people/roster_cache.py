"""The roster in memory, read again every few seconds and whenever somebody unknown turns up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.core.people.athlete import Athlete, ContactHours, Roster, athlete_flaws, read_roster
from bot.core.shared.clock import Clock
from bot.core.shared.formatting import utc
from bot.core.shared.update_order import UpdateStamp
from bot.services.periodic import FaultLog, repeat
from bot.store.people.athletes import AthleteStore

log = logging.getLogger(__name__)

_INTERVAL = 5.0


class RosterCache:
    """Knows who trains here.

    Args:
        user_ids: ATHLETE_IDS.
        defaults: the hours of athletes who have none of their own.
    """

    def __init__(
        self, athletes: AthleteStore, user_ids: frozenset[int], defaults: ContactHours, clock: Clock
    ) -> None:
        self._athletes = athletes
        self._user_ids = user_ids
        self._defaults = defaults
        self._clock = clock
        self._roster: Roster | None = None
        self._read_at: datetime | None = None
        self._logged_flaws: set[tuple[str, str]] = set()
        self._reading = asyncio.Lock()
        self._has_begun = False
        self._faults = FaultLog(
            log,
            waits=lambda: f"the roster cannot be read (last read: {utc(self._read_at)})",
            fails="reading the roster fails",
            again="the roster is read again",
        )

    @property
    def user_ids(self) -> frozenset[int]:
        """ATHLETE_IDS: they are athletes whatever the collection says."""
        return self._user_ids

    @property
    def roster(self) -> Roster | None:
        """The athletes as last read; None: never yet, and nobody can say who is one."""
        return self._roster

    def athlete(self, user_id: int | None, at: UpdateStamp | None = None) -> Athlete | None:
        """Who that is, by the roster as last read; None: nobody, as far as is known.

        Args:
            at: an update of theirs: was it certainly an athlete's already?
        """
        athlete = None if self._roster is None else self._roster.by_user(user_id)
        if athlete is None or at is None or athlete.joined is None or user_id in self._user_ids:
            return athlete
        return None if athlete.joined.is_after(at) else athlete

    def has_joined_since(self, user_id: int | None, at: UpdateStamp) -> bool:
        """Whether somebody is an athlete now who was perhaps none when they sent an update."""
        return self.athlete(user_id) is not None and self.athlete(user_id, at) is None

    async def refresh(self) -> Roster:
        """Read the athletes again.

        Raises:
            StorageError: the roster stays as it was.
        """
        async with self._reading:  # or an older reading could end up in the place of a newer one
            documents = await self._athletes.all()
            roster = read_roster(self._user_ids, documents, self._defaults)
            self._log_flaws(documents)
            self._roster, self._read_at = roster, self._clock()
            return roster

    async def loaded(self, user_ids: Collection[int] = ()) -> Roster:
        """The roster, read again if it never was, or one of `user_ids` was added a moment ago.

        Raises:
            StorageError: it cannot be read.
        """
        roster = self._roster
        if roster is None:
            return await self.refresh()
        unknown = [user_id for user_id in user_ids if roster.by_user(user_id) is None]
        # Anybody may write to the bot: for strangers the whole roster is not read.
        return await self.refresh() if unknown and await self._athletes.has_user(unknown) else roster

    async def run(self) -> None:
        """Refresh every five seconds until cancelled."""
        await repeat(self._keep, _INTERVAL, self._faults)

    async def _keep(self) -> None:
        roster = await self.refresh()
        if not self._has_begun and not any(athlete.user_id is not None for athlete in roster.athletes):
            log.warning(
                "nobody is on the roster: every tap will be refused. Invite athletes with"
                " `athlete add`, or send the bot /start to learn your id, and put it into ATHLETE_IDS"
            )
        self._has_begun = True

    def _log_flaws(self, documents: Sequence[Mapping[str, Any]]) -> None:
        flaws = {
            (str(document.get("athleteId")), flaw)
            for document in documents
            if document.get("state") != "removed"
            for flaw in athlete_flaws(document)
        }
        for athlete_id, flaw in sorted(flaws - self._logged_flaws):
            log.warning("athlete %s: %s; the setting's default is used meanwhile", athlete_id, flaw)
        self._logged_flaws = flaws
