"""Plans -> outbox: keeps the prompts that are not sent yet as the newest plans want them.

Everything is read and compared each time, so it does not matter who wrote a plan, what was missed, or when
this was killed. A change stream only makes it quicker.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.dates import MAX_DAYS
from bot.core.plans.plan import Plan, created_at, current_sessions, owner, plan_zone, read_plan
from bot.core.plans.remarks import InvalidPlan
from bot.core.prompts.planned import (
    DesiredPrompt,
    OutboxAction,
    OutboxChange,
    Reconciliation,
    desired_prompts,
    monday,
)
from bot.core.shared.backoff import constant
from bot.core.shared.clock import Clock
from bot.core.shared.formatting import count
from bot.services.periodic import FaultLog, repeat
from bot.store.mongodb.client import Document
from bot.store.plans import PlanStore
from bot.store.prompts.planned import PlannedPromptStore

log = logging.getLogger(__name__)

POLL_INTERVAL = 20.0

_ROSTER_INTERVAL = 0.5
_SETTLE = 0.1  # several plans written together are read together
_BACKOFF = constant(2.0)
_WATCH_AGAIN = 5.0
# Where one write makes way for another, such as for an athlete under a new name.
_MOST_PASSES = 3
# A week, and a day for zones: plans and prompts from before do not matter any more.
_LOOK_BACK = timedelta(days=8)
_LONGEST_PLAN = timedelta(days=MAX_DAYS)
_AT_ONCE = 25  # plans, between which others get their turn


class Planner:
    """Makes prompts of plans.

    Args:
        roster: the athletes; None as long as nobody knows them, and then everything waits.
    """

    def __init__(
        self,
        plans: PlanStore,
        planned: PlannedPromptStore,
        roster: Callable[[], Roster | None],
        clock: Clock,
        late_after_days: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plans = plans
        self._planned = planned
        self._roster = roster
        self._clock = clock
        self._late_after_days = late_after_days
        self._monotonic = monotonic
        self._changed = asyncio.Event()
        self._is_woken = False
        self._roster_read: Roster | None = None
        self._read_again_at = 0.0
        self._known_runs: set[str] = set()
        self._told: dict[str, tuple[str, int]] = {}
        self._faults = FaultLog(
            log,
            waits="plans wait to become prompts",
            fails="planning prompts fails",
            again="plans become prompts again",
        )
        self._watch_faults = FaultLog(
            log,
            waits="new plans are noticed later",
            fails="watching plans fails",
            level=logging.INFO,
            defect_level=logging.WARNING,
        )

    def wake(self) -> None:
        """A plan may have changed."""
        self._is_woken = True
        self._changed.set()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        return [
            repeat(self._look, _ROSTER_INTERVAL, self._faults, backoff=_BACKOFF, wake=self._changed),
            repeat(self._watch, _WATCH_AGAIN, self._watch_faults),
        ]

    async def _look(self) -> None:
        """Reconcile if a plan or the roster has changed, or it is time to."""
        roster = self._roster()
        if roster is None:
            return
        if self._is_woken:
            await asyncio.sleep(_SETTLE)
        elif roster == self._roster_read and self._monotonic() < self._read_again_at:
            return
        self._is_woken, self._read_again_at = False, 0.0
        await self.reconcile(roster)
        self._roster_read, self._read_again_at = roster, self._monotonic() + POLL_INTERVAL

    async def _watch(self) -> float | None:
        if await self._plans.watch(self.wake):
            return None
        log.info("this MongoDB has no change streams: plans are looked at every %d s", POLL_INTERVAL)
        return math.inf

    async def reconcile(self, roster: Roster) -> None:
        """Bring the outbox into agreement with the plans.

        Raises:
            StorageError: it may be in agreement in part.
        """
        for _ in range(_MOST_PASSES):
            now = self._clock()
            writes = await self._decide(roster, now)
            if not writes:
                return
            await self._planned.apply(writes, now)
            number = Counter(write.action for write in writes)
            log.info(
                "plans have changed the outbox: %s new, %d changed, %d cancelled, %d deleted",
                count(number[OutboxAction.INSERT], "prompt"),
                number[OutboxAction.UPDATE],
                number[OutboxAction.CANCEL] + number[OutboxAction.RELEASE],
                number[OutboxAction.DELETE],
            )

    async def _decide(self, roster: Roster, now: datetime) -> list[OutboxChange]:
        first = (now - _LOOK_BACK).date()
        since = first.isoformat()
        # The outbox first: whatever is in it came from plans that are then read, too. The other way round a
        # plan that another service has just used would seem to be gone.
        held = await self._planned.held(since, self._known_runs)
        runs = {str(document.get("runId")) for document in held if document.get("slot") is not None}
        # A long plan may begin long before the days that still matter.
        documents = await self._plans.read((first - _LONGEST_PLAN).isoformat(), runs)
        plans, unread = await self._read(documents, roster, first)
        self._known_runs = {plan.run_id for owned in plans.values() for plan in owned}
        reconciliation = Reconciliation(held, unread, now)
        writes: list[OutboxChange] = []
        for athlete in roster.athletes:
            if athlete.chat_id is not None and athlete.athlete_id not in roster.forgotten:
                writes += self._reconcile_athlete(athlete, plans[athlete.athlete_id], reconciliation, now)
        for athlete_id in reconciliation.athletes():
            if athlete_id in roster.forgotten:
                writes += reconciliation.forget(athlete_id)
            elif roster.by_id(athlete_id) is None:
                writes += reconciliation.drop(athlete_id)
        return writes

    def _reconcile_athlete(
        self, athlete: Athlete, plans: Iterable[Plan], reconciliation: Reconciliation, now: datetime
    ) -> list[OutboxChange]:
        current = current_sessions(plans)
        by_day: dict[str, list[DesiredPrompt]] = defaultdict(list)
        for desired in desired_prompts(athlete, current, now, self._late_after_days):
            by_day[desired.day].append(desired)
        deciding = {day.isoformat(): plan for day, (plan, _) in current.items()}
        first = monday(athlete, now).isoformat()
        writes: list[OutboxChange] = []
        for day in sorted(reconciliation.days(athlete.athlete_id) | by_day.keys()):
            if day >= first:
                writes += reconciliation.reconcile_day(
                    athlete.athlete_id, day, by_day[day], deciding.get(day)
                )
        return writes

    async def _read(
        self, documents: Sequence[Document], roster: Roster, since: date
    ) -> tuple[Mapping[str, list[Plan]], dict[str, datetime]]:
        """The plans of each athlete, and when those were made that are unreadable or nobody's."""
        plans: dict[str, list[Plan]] = defaultdict(list)
        unread: dict[str, datetime] = {}
        troubles: dict[str, tuple[str, int]] = {}
        for number, document in enumerate(documents):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # taps go first
            name = f"plan {str(document.get('runId'))[:100]!r}"
            try:
                plan = read_plan(document, plan_zone(document, roster))
                if max(plan.covered, default=date.min) < since:
                    continue
                athlete = owner(plan, roster)
            except InvalidPlan as exc:
                unread[str(document.get("runId"))] = created_at(document)
                troubles[repr(document["_id"])] = (f"{name} cannot be used: {exc}", hash(str(document)))
                continue
            plans[athlete.athlete_id].append(plan)
        for id_, trouble in troubles.items():
            if self._told.get(id_) != trouble:
                log.error(trouble[0])
        self._told = troubles
        return plans, unread
