"""Plans -> outbox: keeps the prompts that are not sent yet as the newest plans want them.

Everything is read and compared each time, so it does not matter who wrote a plan, what was missed, or when
this was killed. A change stream only makes it quicker.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.people.athlete import Roster
from bot.core.plans.dates import MAX_DAYS
from bot.core.plans.ownership import JudgedPlan, Standing, judge, plan_name, replaced
from bot.core.prompts.plan_book import PlanBook
from bot.core.prompts.plan_news import plan_news, several_athletes_news
from bot.core.prompts.planned import MOST_PASSES, OutboxAction, OutboxChange
from bot.core.shared.backoff import constant
from bot.core.shared.clock import Clock, monday_of
from bot.core.shared.formatting import count
from bot.core.telegram.chats import ChatTopic
from bot.services.periodic import FaultLog, repeat
from bot.store.mongodb.client import Document
from bot.store.plans import PlanStore
from bot.store.prompts.planned import PlannedPromptStore

log = logging.getLogger(__name__)

POLL_INTERVAL = 20.0
LOOK_BACK = timedelta(days=8)
"""A week, and a day for zones: plans and prompts from before do not matter any more."""
LONGEST_PLAN = timedelta(days=MAX_DAYS)
"""A long plan may begin so long before the days that still matter."""

_ROSTER_INTERVAL = 0.5
_SETTLE = 0.1  # several plans written together are read together
_BACKOFF = constant(2.0)
_WATCH_AGAIN = 5.0
_MOST_TOLD = 5  # plans at once, in chats; the log and `doctor` know of the others
_AT_ONCE = 5  # plans, between which others get their turn


class Planner:
    """Makes prompts of plans.

    Args:
        roster: the athletes; None as long as nobody knows them, and then everything waits.
        informed: the chats that are told of plans which cannot be used: the admins, the coach.
    """

    def __init__(
        self,
        plans: PlanStore,
        planned: PlannedPromptStore,
        roster: Callable[[], Roster | None],
        clock: Clock,
        late_after_days: int,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        informed: Collection[ChatTopic] = (),
    ) -> None:
        self._informed = informed
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
        self._told: dict[str, str] = {}
        self._has_told_of_several = False
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
        for _ in range(MOST_PASSES):
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
        since = (now - LOOK_BACK).date()
        # The outbox first: whatever is in it came from plans that are then read, too. The other way round a
        # plan that another service has just used would seem to be gone.
        held = await self._planned.held(since.isoformat(), self._known_runs)
        runs = {str(document.get("runId")) for document in held if document.get("slot") is not None}
        documents = await self._plans.read((since - LONGEST_PLAN).isoformat(), runs)
        judged = await self._judge(documents, roster, since, now)
        self._known_runs = {plan.name for plan in judged if plan.standing is Standing.ACCEPTED}
        return PlanBook.of(judged).changes(roster, held, now, self._late_after_days)

    async def _judge(
        self, documents: Sequence[Document], roster: Roster, since: date, now: datetime
    ) -> list[JudgedPlan]:
        """The plans that still matter. What is new is kept, and told, before anything comes of it."""
        known = await self._plans.decisions.of(map(plan_name, documents))
        judged = []
        for number, document in enumerate(documents):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # taps go first
            plan = judge(document, known.get(plan_name(document)), roster)
            if plan.plan is None or not plan.is_over(since):
                judged.append(plan)
        await self._plans.decisions.keep([plan.decision for plan in judged if plan.decision], now)
        today = (now - timedelta(days=1)).date()  # somewhere it is yesterday
        amiss = [
            plan
            for plan in judged
            if (plan.flaw is not None or plan.warnings) and not plan.is_over(monday_of(today))
        ]
        await self._tell_of_several(judged, roster, today, now)
        settled = replaced(amiss, judged, roster)
        amiss = [plan for plan in amiss if plan.name not in settled]
        new = [plan for plan in amiss if self._told.get(plan.name) != plan.digest]
        refused = sorted((plan for plan in new if plan.flaw), key=lambda it: (it.made_at, it.name))
        for plan in refused[-_MOST_TOLD:]:
            await self._planned.apply(plan_news(plan, self._informed, now), now)
        self._told = {plan.name: plan.digest for plan in amiss}
        for plan in new:
            name = f"plan {plan.name[:100]!r}"
            if plan.flaw is not None:
                log.error("%s cannot be used: %s", name, plan.flaw)
            for warning in plan.warnings:
                log.warning("%s: %s", name, warning)
        return judged

    async def _tell_of_several(
        self, judged: Sequence[JudgedPlan], roster: Roster, today: date, now: datetime
    ) -> None:
        """When a second athlete has joined one whose plans name nobody."""
        if self._has_told_of_several:
            return
        present = [plan for plan in judged if not plan.is_over(monday_of(today))]
        if news := several_athletes_news(present, roster, self._informed, now):
            await self._planned.apply(news, now)
            self._has_told_of_several = True
