"""Asks athletes once a week on which days of the next they can train: a document in the outbox for each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

from bot.core.availability.asking import RUN_ID, WeeklyHour, due, session_id
from bot.core.people.athlete import Roster
from bot.core.prompts.prompt import PromptKind
from bot.core.shared.clock import Clock
from bot.services.periodic import FaultLog, repeat
from bot.store.availability.availability import AvailabilityStore
from bot.store.prompts.prompts import PromptStore

log = logging.getLogger(__name__)

_INTERVAL = 15.0


class AvailabilityQuestions:
    """Puts the question into the outbox of everybody who has not answered it by themselves.

    Args:
        roster: the athletes; None as long as nobody knows them.
        hour: ASK_AVAILABILITY; None: never.
    """

    def __init__(
        self,
        prompts: PromptStore,
        store: AvailabilityStore,
        roster: Callable[[], Roster | None],
        hour: WeeklyHour | None,
        clock: Clock,
    ) -> None:
        self._prompts = prompts
        self._store = store
        self._roster = roster
        self._hour = hour
        self._clock = clock
        self._seen: set[tuple[str, date]] = set()
        self._faults = FaultLog(
            log,
            waits="questions about the coming week wait",
            fails="asking about the coming week fails",
            again="the coming week is asked about again",
        )

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        await repeat(self.look, _INTERVAL, self._faults)

    async def look(self) -> None:
        """See to everybody whom it is due to ask now.

        Raises:
            StorageError: some of it may be done.
        """
        roster, now = self._roster(), self._clock()
        if self._hour is None or roster is None:
            return
        for athlete in roster.athletes:
            found = due(athlete, self._hour, now)
            if athlete.athlete_id in roster.forgotten or found is None:
                continue
            if (athlete.athlete_id, found.week_start) in self._seen:
                continue
            if not await self._store.of(athlete, [found.week_start]):
                await self._prompts.put_weekly(
                    RUN_ID,
                    session_id(athlete.athlete_id, found.week_start),
                    kind=PromptKind.AVAILABILITY,
                    athlete_id=athlete.athlete_id,
                    user_id=athlete.user_id or 0,
                    due_at=found.due_at,
                    not_after=found.not_after,
                    now=now,
                )
            self._seen.add((athlete.athlete_id, found.week_start))
