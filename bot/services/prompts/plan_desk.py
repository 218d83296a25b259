"""Where plans are handed over: what would come of each, decided as the planner decides, and whose it is.

One desk takes several plans one after another; each is judged beside those before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.core.people.athlete import Roster
from bot.core.plans.ownership import Decision, JudgedPlan, Standing, Verdict, judge, judge_all, plan_name
from bot.core.plans.remarks import PlanRemark
from bot.core.prompts.plan_book import PlanBook
from bot.core.prompts.planned import OutboxChange
from bot.core.prompts.preview import CancelledQuestion, Held, PlanPreview, called_off, changed, preview_plan
from bot.services.prompts.planner import LONGEST_PLAN, LOOK_BACK
from bot.store.answers.referred import ReferredAnswers
from bot.store.mongodb.client import Database, Document
from bot.store.plans import PlanStore
from bot.store.prompts.planned import PlannedPromptStore


class PlanDesk:
    """Made by `open`. Nothing is written but by `keep` and `withdraw`."""

    def __init__(
        self,
        plans: PlanStore,
        roster: Roster,
        now: datetime,
        late_after_days: int,
        documents: Sequence[Document],
        known: Mapping[str, Decision],
        held: Held,
        run_ids: Collection[str],
        answers: ReferredAnswers,
    ) -> None:
        self._plans = plans
        self._answers = answers
        self._roster = roster
        self._now = now
        self._late_after_days = late_after_days
        self._documents = {plan_name(document): document for document in documents}
        self._looked_up: dict[str, Document | None] = dict.fromkeys(run_ids)
        self._known = dict(known)
        self._held = held
        self._judged = judge_all(documents, known, roster)
        self._book = PlanBook.of(self._judged)
        self._decided: dict[str, Decision] = {}

    @classmethod
    async def open(
        cls,
        db: Database,
        roster: Roster,
        now: datetime,
        late_after_days: int,
        run_ids: Collection[str] = (),
    ) -> PlanDesk:
        """A desk at which all plans are known that still matter, and those of some runs.

        Raises:
            StorageError: they cannot be read.
        """
        plans, planned = PlanStore(db), PlannedPromptStore(db)
        since = (now - LOOK_BACK).date()
        begin = (since - LONGEST_PLAN).isoformat()
        documents = await plans.read(begin, run_ids)
        held = await planned.held(since.isoformat(), {*run_ids, *map(plan_name, documents)})
        # A plan from long before may still hold a question.
        runs = {str(document.get("runId")) for document in held if document.get("slot") is not None}
        if runs.difference(map(plan_name, documents)):
            documents = await plans.read(begin, {*runs, *run_ids})
        known = await plans.decisions.of({*run_ids, *map(plan_name, documents)})
        answers = ReferredAnswers(db)
        return cls(plans, roster, now, late_after_days, documents, known, held, run_ids, answers)

    async def look_up(self, names: Collection[str]) -> None:
        """Look up plans that are to be judged next, in one go; those looked up before are forgotten.

        Raises:
            StorageError: they cannot be read.
        """
        found = {plan_name(document): document for document in await self._plans.of_runs(names)}
        self._looked_up = dict.fromkeys(names) | found
        self._known |= await self._plans.decisions.of(names)

    async def judge(self, fields: Mapping[str, Any], *, created_follows: bool = False) -> JudgedPlan:
        """Judge a plan as it will be stored, once these fields are written over what is there.

        Args:
            created_follows: see `bot.store.records.upserts.merge`.

        Raises:
            StorageError: what is there cannot be read.
        """
        name = plan_name(fields)
        if name not in self._documents and name not in self._looked_up:
            await self.look_up([name])
        stored = self._documents.get(name) or self._looked_up.get(name) or {}
        document = {**stored, **fields}
        is_same = all(stored.get(field) == value for field, value in fields.items() if field != "createdAt")
        if document.get("createdAt") is None or (stored and created_follows and is_same):
            document["createdAt"] = stored.get("createdAt", self._now)
        known = self._known.get(name)
        # A plan may be a megabyte long: taps go on meanwhile.
        judged = await asyncio.to_thread(judge, document, known, self._roster, is_handed_over=True)
        return await self._with_references(judged)

    async def _with_references(self, judged: JudgedPlan) -> JudgedPlan:
        """The plan with warnings of answers that it names and that are not there."""
        plan, athlete = judged.plan, judged.athlete
        if plan is None or athlete is None or not plan.changes:
            return judged
        wanted = {reference for change in plan.changes.values() for reference in change.because}
        user_id = athlete.user_id
        known = set() if user_id is None else await self._answers.known(user_id, wanted)
        warnings = [
            PlanRemark(
                f"because of {day.isoformat()}",
                f"{athlete.athlete_id} has given no answer about session {it.session_id!r} of run"
                f" {it.run_id!r}; nothing is told of it",
            )
            for day, change in plan.changes.items()
            for it in change.because
            if it not in known
        ]
        return replace(judged, plan=replace(plan, warnings=(*plan.warnings, *warnings)))

    def preview(self, plan: JudgedPlan) -> PlanPreview:
        """What comes of a plan that is accepted; from now on it is there."""
        self._decide(plan)
        found = preview_plan(plan, self._book, self._held, self._now, self._late_after_days)
        self._held = found.held
        return found

    def put(self, plan: JudgedPlan) -> None:
        """From now on it is there, whatever comes of it."""
        self._decide(plan)
        self._book.put(plan)

    def is_over(self, plan: JudgedPlan) -> bool:
        """Whether its days have passed: of history nothing is asked, and nothing is called off by it."""
        return plan.is_over((self._now - LOOK_BACK).date())

    def plans(self) -> list[JudgedPlan]:
        """The plans that are there."""
        return self._judged

    async def withdraw(self, plan: JudgedPlan) -> tuple[list[CancelledQuestion], list[OutboxChange]]:
        """Withdraw a plan that is there.

        Returns:
            The questions that this calls off, and what does so in the outbox.

        Raises:
            StorageError: that it is withdrawn cannot be kept.
        """
        decision = Decision(plan.name, plan.digest, Verdict.WITHDRAWN, plan.athlete_id)
        await self._plans.decisions.keep([decision], self._now, anew=True)
        self._book.put(replace(plan, standing=Standing.WITHDRAWN))
        changes = self._book.changes(self._roster, self._held, self._now, self._late_after_days)
        after = changed(self._held, changes, self._now)
        return list(called_off(self._held, after)), changes

    async def keep(self) -> None:
        """Keep whose the plans are that are there now: to be done before they are written.

        Raises:
            StorageError: it cannot be kept.
        """
        decided, self._decided = self._decided, {}
        await self._plans.decisions.keep(list(decided.values()), self._now, anew=True)

    def _decide(self, plan: JudgedPlan) -> None:
        if plan.decision is not None:
            self._decided[plan.name] = plan.decision
