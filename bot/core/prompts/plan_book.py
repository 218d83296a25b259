"""All plans that matter, as the outbox is compared with them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.plans.ownership import JudgedPlan, Standing
from bot.core.plans.plan import Plan


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
