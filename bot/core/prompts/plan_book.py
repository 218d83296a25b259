"""All plans that matter, as the outbox is compared with them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.people.athlete import Roster
from bot.core.plans.ownership import JudgedPlan, Standing
from bot.core.plans.plan import Plan
from bot.core.prompts.planned import OutboxChange, Reconciliation, reconcile_athlete


@dataclass(slots=True)
class PlanBook:
    """Plans by what comes of them.

    Attributes:
        plans: those that count, by athlete and run.
        unread: when those were made of which nobody knows what they plan, by run; see `Reconciliation`.
        withdrawn: the runs of those that were withdrawn.
    """

    plans: defaultdict[str, dict[str, Plan]] = field(default_factory=lambda: defaultdict(dict))
    unread: dict[str, datetime] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, judged: Iterable[JudgedPlan]) -> PlanBook:
        """These plans."""
        book = cls()
        for plan in judged:
            book.put(plan)
        return book

    def changes(
        self, roster: Roster, held: Iterable[Mapping[str, Any]], now: datetime, late_after_days: int
    ) -> list[OutboxChange]:
        """What brings the outbox into agreement with the plans and the roster.

        Args:
            held: the outbox, see `Reconciliation`.
        """
        reconciliation = Reconciliation(held, self.unread, now, self.withdrawn)
        changes: list[OutboxChange] = []
        for athlete in roster.athletes:
            if athlete.chat_id is not None and athlete.athlete_id not in roster.forgotten:
                plans = self.plans[athlete.athlete_id].values()
                changes += reconcile_athlete(athlete, plans, reconciliation, now, late_after_days)
        for athlete_id in reconciliation.athletes():
            if athlete_id in roster.forgotten:
                changes += reconciliation.forget(athlete_id)
            elif roster.by_id(athlete_id) is None:
                changes += reconciliation.drop(athlete_id)
        return changes

    def put(self, judged: JudgedPlan) -> None:
        """Take a plan in, in the place of what its run planned before."""
        for theirs in self.plans.values():
            theirs.pop(judged.name, None)
        self.unread.pop(judged.name, None)
        self.withdrawn.discard(judged.name)
        match judged.standing:
            case Standing.ACCEPTED:
                assert judged.plan is not None and judged.athlete_id is not None  # noqa: S101, PT018 # both are there then
                self.plans[judged.athlete_id][judged.name] = judged.plan
            case Standing.REFUSED:
                self.unread[judged.name] = judged.made_at
            case Standing.WITHDRAWN:
                self.withdrawn.add(judged.name)
            case Standing.LEFT:
                pass  # whoever has left is not asked
