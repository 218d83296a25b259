"""Tells athletes of their week on Sunday evening: a document in the outbox for each, once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, time

from bot.core.people.athlete import Roster
from bot.core.shared.clock import Clock
from bot.core.summary.weekly_schedule import RUN_ID, DueWeek, due, session_id
from bot.services.periodic import FaultLog, repeat
from bot.services.reports.week_report import WeekReports
from bot.store.prompts.prompts import PromptStore

log = logging.getLogger(__name__)

_INTERVAL = 15.0


class WeeklySummaries:
    """Puts weekly summaries into the outbox. What they say is written when they are sent.

    Args:
        roster: the athletes; None as long as nobody knows them.
        at: WEEKLY_SUMMARY_TIME; None: never.
    """

    def __init__(
        self,
        prompts: PromptStore,
        weeks: WeekReports,
        roster: Callable[[], Roster | None],
        at: time | None,
        clock: Clock,
    ) -> None:
        self._prompts = prompts
        self._weeks = weeks
        self._roster = roster
        self._at = at
        self._clock = clock
        # Also of those who had no sessions: they are looked at once.
        self._seen: set[tuple[str, date]] = set()
        self._faults = FaultLog(
            log,
            waits="weekly summaries wait",
            fails="weekly summaries fail",
            again="weekly summaries are made again",
        )

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        await repeat(self.look, _INTERVAL, self._faults)

    async def look(self) -> None:
        """See to everybody to whom it is due now.

        Raises:
            StorageError: some of it may be done.
        """
        roster, now, number = self._roster(), self._clock(), 0
        if self._at is None or roster is None:
            return
        for athlete in roster.athletes:
            if athlete.athlete_id in roster.forgotten:
                continue
            found = due(athlete, self._at, now)
            if found is None or (athlete.athlete_id, found.sunday) in self._seen:
                continue
            if (await self._weeks.read(athlete, found.week_start)).sessions:
                number += await self._put(athlete.athlete_id, athlete.user_id or 0, found)
            self._seen.add((athlete.athlete_id, found.sunday))
        if number:
            log.info("a week is over: %d weekly summaries are due", number)

    async def _put(self, athlete_id: str, user_id: int, found: DueWeek) -> bool:
        return await self._prompts.put_weekly(
            RUN_ID,
            session_id(athlete_id, found.sunday),
            athlete_id=athlete_id,
            user_id=user_id,
            due_at=found.due_at,
            not_after=found.not_after,
            now=self._clock(),
        )
