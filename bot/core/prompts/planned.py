"""Plans and what is in the outbox -> what to write into the outbox. Pure.

Each session of a day has a slot, `<athleteId>|<date>|<number>`, and each day one for its reminder. At most
one document holds a slot, and one that was sent holds it for good: so nothing is asked twice, however often a
plan is read, replaced or put into another order, by however many services, in whichever zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from bot.core.facts.answering_window import send_by
from bot.core.people.athlete import Athlete, local_instant
from bot.core.plans.plan import Plan, PlannedSession, current_sessions
from bot.core.prompts.prompt import PromptKind, PromptState
from bot.core.prompts.undelivered import waits_for
from bot.core.shared.clock import monday_of

PAUSED = "paused"
"""The reason of a prompt that is cancelled for a pause."""

MOST_PASSES = 3
"""Where one change makes way for another, such as for an athlete under a new name."""

Current = Mapping[date, tuple[Plan, tuple[PlannedSession, ...]]]
"""See `bot.core.plans.plan.current_sessions`."""

_REMINDER = "reminder"
_WITHDRAWN = "plan withdrawn"
# These decide whether a prompt in the outbox is as it should be.
_CONTENT = ("title", "userId", "chatId", "messageThreadId", "plan", "sessions", "plannedAt", "notAfter")
_OPEN = (None, PromptState.PENDING.value)


@dataclass(frozen=True, slots=True)
class DesiredPrompt:
    """A document that should be in the outbox.

    Attributes:
        number: of the session in its day; None for the reminder.
        fields: everything in the document but `slot`, `state` and what comes with time.
        due_at: when to send it.
        is_paused: whether that lies in a pause.
    """

    athlete_id: str
    day: str
    number: int | None
    fields: Mapping[str, Any]
    due_at: datetime
    is_paused: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Run and session."""
        return self.fields["runId"], self.fields["sessionId"]

    def slot(self, number: int | None) -> str:
        """The name of a slot of its day."""
        return f"{self.athlete_id}|{self.day}|{_REMINDER if number is None else number}"


class OutboxAction(StrEnum):
    """What to do with the outbox."""

    INSERT = "insert"
    UPDATE = "update"
    """Change what is not sent, or revive what was cancelled."""
    CANCEL = "cancel"
    RELEASE = "release"
    """Cancel, and give the slot away."""
    DELETE = "delete"
    """Nothing may remain of it."""


@dataclass(frozen=True, slots=True)
class OutboxChange:
    """One change to the outbox, which holds only if the document is still as it was read.

    Attributes:
        document: as it was read; None for an insert.
        fields: what to set; None takes a field away.
    """

    action: OutboxAction
    document: Mapping[str, Any] | None
    fields: Mapping[str, Any]

    def update(self, now: datetime) -> tuple[dict[str, Any], list[str]]:
        """The fields to set, and those to take away."""
        given = {**self.fields, "updatedAt": now}
        fields = {name: value for name, value in given.items() if value is not None}
        removed = [name for name in given if name not in fields]
        if self.document is None:
            fields["createdAt"] = now
        if self.action in (OutboxAction.CANCEL, OutboxAction.RELEASE):
            fields["state"] = PromptState.CANCELLED.value
            removed += ["claim", "attemptAt"]
        if self.action is OutboxAction.RELEASE:
            removed.append("slot")
        return fields, removed

    def result(self, now: datetime) -> dict[str, Any] | None:
        """The document as it is then; None: it is gone."""
        if self.action is OutboxAction.DELETE:
            return None
        fields, removed = self.update(now)
        return {
            name: value for name, value in {**(self.document or {}), **fields}.items() if name not in removed
        }


def desired_prompts(
    athlete: Athlete, current: Current, now: datetime, late_after_days: int
) -> list[DesiredPrompt]:
    """What an athlete's plans ask for, from the Monday of this week on, in the athlete's zone."""
    found: list[DesiredPrompt] = []
    for day, (plan, sessions) in current.items():
        if day >= monday(athlete, now) and sessions:
            found += _questions(athlete, plan, sessions, late_after_days)
            found += _reminder(athlete, plan, sessions)
    return found


def monday(athlete: Athlete, now: datetime) -> date:
    """The first day of the week that it is where the athlete lives; days before are not asked about."""
    return monday_of(now.astimezone(athlete.hours.zone).date())


def _questions(
    athlete: Athlete, plan: Plan, sessions: Sequence[PlannedSession], late_after_days: int
) -> Iterator[DesiredPrompt]:
    hours = athlete.hours
    due_at = local_instant(sessions[0].date, hours.prompt_time, hours.zone)
    not_after = send_by(due_at, late_after_days)
    is_paused = athlete.pause_at(due_at) is not None
    for session in sessions:
        content = {"title": session.title, "plan": session.to_document()}
        fields = _fields(athlete, plan, session.date, session.session_id, due_at, not_after) | content
        yield DesiredPrompt(
            athlete.athlete_id, session.date.isoformat(), session.number, fields, due_at, is_paused
        )


def _reminder(athlete: Athlete, plan: Plan, sessions: Sequence[PlannedSession]) -> Iterator[DesiredPrompt]:
    hours, day = athlete.hours, sessions[0].date
    if hours.reminder_time is None:
        return
    due_at = local_instant(day, hours.reminder_time, hours.zone)
    not_after = local_instant(day, hours.prompt_time, hours.zone)
    if not_after <= due_at:
        not_after = local_instant(day + timedelta(days=1), time(0), hours.zone)
    # No session can have this name: theirs have no bar.
    fields = _fields(athlete, plan, day, f"{day.isoformat()}|{_REMINDER}", due_at, not_after)
    content = {"kind": PromptKind.REMINDER.value, "sessions": [session.to_document() for session in sessions]}
    is_paused = athlete.pause_at(due_at) is not None
    yield DesiredPrompt(athlete.athlete_id, day.isoformat(), None, fields | content, due_at, is_paused)


def _fields(
    athlete: Athlete, plan: Plan, day: date, session_id: str, due_at: datetime, not_after: datetime
) -> dict[str, Any]:
    user = {} if athlete.user_id is None else {"userId": athlete.user_id}
    return {
        "runId": plan.run_id,
        "sessionId": session_id,
        "chatId": str(athlete.chat_id),
        "messageThreadId": athlete.thread_id,
        "athleteId": athlete.athlete_id,
        **user,
        "date": day.isoformat(),
        # `dueAt` may move from there, out of quiet hours.
        "plannedAt": due_at,
        "notAfter": not_after,
    }


def may_change(document: Mapping[str, Any], now: datetime) -> bool:
    """Whether a document is not sent, perhaps sent, being sent, or settled for good.

    What did not arrive, and waits for its chat to open, is not settled. MongoDB is asked the same again when
    it is changed.
    """
    attempt_at = document.get("attemptAt")
    return (
        (document.get("state") in (*_OPEN, PromptState.CANCELLED) or waits_for(document) is not None)
        and document.get("sentAt") is None
        and document.get("unknowns") in (None, 0)
        and (document.get("claim") is None or (isinstance(attempt_at, datetime) and attempt_at <= now))
    )


def is_paused(document: Mapping[str, Any]) -> bool:
    """Whether a prompt is cancelled for a pause.

    Documents from before `isPaused` was stored, and those of others, say so in their reason.
    """
    if document.get("state") != PromptState.CANCELLED:
        return False
    reason = document.get("reason")
    return document.get("isPaused") is True or (
        isinstance(reason, str) and reason.strip().casefold().startswith(PAUSED)
    )


class Reconciliation:
    """Compares what the plans ask for with the outbox.

    Args:
        held: the outbox: every document of the days and runs concerned.
        unread: when plans were made that are there, and of which nobody knows what they plan. Their prompts
            stay, unless a newer plan replaces them.
        withdrawn: the runs of plans that were withdrawn.
        now: the time.
    """

    def __init__(
        self,
        held: Iterable[Mapping[str, Any]],
        unread: Mapping[str, datetime],
        now: datetime,
        withdrawn: Collection[str] = (),
    ) -> None:
        self._unread = unread
        self._withdrawn = withdrawn
        self._now = now
        self._held: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        self._by_key: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for document in held:
            self._by_key[_key(document)] = document
            if document.get("slot") is not None:
                self._held[str(document.get("athleteId"))][str(document.get("date"))].append(document)

    def athletes(self) -> set[str]:
        """Whose prompts hold slots."""
        return set(self._held)

    def days(self, athlete_id: str) -> set[str]:
        """The dates for which an athlete's prompts hold slots."""
        return set(self._held.get(athlete_id, ()))

    def drop(self, athlete_id: str) -> Iterator[OutboxChange]:
        """Nobody of that name trains here."""
        for documents in self._held[athlete_id].values():
            for document in documents:
                yield from self._cancel(document, f"{athlete_id} is no athlete any more")

    def forget(self, athlete_id: str) -> Iterator[OutboxChange]:
        """They had everything deleted; this was made by somebody who did not know that yet."""
        for documents in self._held[athlete_id].values():
            yield from (OutboxChange(OutboxAction.DELETE, document, {}) for document in documents)

    def reconcile_day(
        self, athlete_id: str, day: str, wanted: Sequence[DesiredPrompt], plan: Plan | None
    ) -> Iterator[OutboxChange]:
        """What brings a day's slots into agreement with its newest plan.

        Args:
            wanted: in the order of their numbers; empty for a day of rest.
            plan: None if there is none for that day.
        """
        left = {str(document["slot"]): document for document in self._held[athlete_id][day]}
        for desired, slot in _assign_slots(wanted, left):
            yield from self._fill(slot, left.pop(slot, None), desired, plan)
        for document in left.values():
            if not self._is_unread(document, plan):
                reason = self._reason(document, plan, day, has_sessions=bool(wanted))
                yield from self._cancel(document, reason)

    def _is_unread(self, document: Mapping[str, Any], plan: Plan | None) -> bool:
        run_id = str(document.get("runId"))
        made_at = self._unread.get(run_id)
        return made_at is not None and (plan is None or (made_at, run_id) > (plan.created_at, plan.run_id))

    def _fill(
        self, slot: str, holder: Mapping[str, Any] | None, desired: DesiredPrompt, plan: Plan | None
    ) -> Iterator[OutboxChange]:
        if holder is not None and (holder.get("runId"), holder.get("sessionId")) == desired.key:
            yield from self._keep(holder, desired)
            return
        if desired.number is None and desired.fields["notAfter"] <= self._now:
            return
        if holder is not None:
            if not may_change(holder, self._now) or self._is_unread(holder, plan):
                return
            reason = self._replaced(holder, desired.fields["runId"])
            yield OutboxChange(OutboxAction.RELEASE, holder, {"reason": reason, "isPaused": None})
        fresh = {**desired.fields, "slot": slot, "dueAt": desired.due_at, **_state(desired)}
        known = self._by_key.get((*desired.key, desired.fields["chatId"]))
        if known is None:
            yield OutboxChange(OutboxAction.INSERT, None, fresh)
        elif known.get("state") == PromptState.CANCELLED and may_change(known, self._now):
            yield OutboxChange(OutboxAction.UPDATE, known, fresh)
        # Otherwise somebody has asked about the very session by hand.

    def _keep(self, holder: Mapping[str, Any], desired: DesiredPrompt) -> Iterator[OutboxChange]:
        """The slot has the right session: bring its document up to date, if it is not sent."""
        if not may_change(holder, self._now):
            return
        content = {name: desired.fields[name] for name in _CONTENT if name in desired.fields}
        if holder.get("movedFrom") == content["chatId"]:
            del content["chatId"]  # Telegram knows better than the roster
        changed = {name: value for name, value in content.items() if holder.get(name) != value}
        if "chatId" in changed and waits_for(holder) is not None:  # another chat may take it
            changed |= {"state": PromptState.PENDING.value, "reason": None}
        if "plannedAt" in changed:
            changed["dueAt"] = desired.due_at
        was_cancelled = holder.get("state") == PromptState.CANCELLED
        was_paused = is_paused(holder)
        if desired.is_paused != was_cancelled or (desired.is_paused and not was_paused):
            if was_paused and desired.due_at <= self._now:
                return  # the pause was over only when this had passed
            changed |= _state(desired) | ({"dueAt": desired.due_at} if was_cancelled else {})
        if changed:
            yield OutboxChange(OutboxAction.UPDATE, holder, changed)

    def _reason(self, document: Mapping[str, Any], plan: Plan | None, day: str, *, has_sessions: bool) -> str:
        if str(document.get("runId")) in self._withdrawn:
            return _WITHDRAWN
        if plan is not None and day in {rest.isoformat() for rest in plan.rest}:
            return "a rest day now"
        if document.get("kind") == PromptKind.REMINDER and has_sessions:
            return "no reminder is wanted any more"
        if plan is not None and not has_sessions and document.get("runId") != plan.run_id:
            return f"left out of plan {plan.run_id}"
        return self._replaced(document, str(document.get("runId")) if plan is None else plan.run_id)

    def _replaced(self, document: Mapping[str, Any], run_id: str) -> str:
        if str(document.get("runId")) in self._withdrawn:
            return _WITHDRAWN
        if document.get("runId") == run_id:
            return f"no longer in plan {run_id}"
        return f"replaced by plan {run_id}"

    def _cancel(self, document: Mapping[str, Any], reason: str) -> Iterator[OutboxChange]:
        is_open = document.get("state") in _OPEN or is_paused(document) or waits_for(document) is not None
        if is_open and may_change(document, self._now):
            yield OutboxChange(OutboxAction.CANCEL, document, {"reason": reason, "isPaused": None})


def reconcile_athlete(
    athlete: Athlete,
    plans: Iterable[Plan],
    reconciliation: Reconciliation,
    now: datetime,
    late_after_days: int,
) -> list[OutboxChange]:
    """What brings the outbox into agreement with all plans of an athlete."""
    current = current_sessions(plans)
    by_day: dict[str, list[DesiredPrompt]] = defaultdict(list)
    for desired in desired_prompts(athlete, current, now, late_after_days):
        by_day[desired.day].append(desired)
    deciding = {day.isoformat(): plan for day, (plan, _) in current.items()}
    first = monday(athlete, now).isoformat()
    changes: list[OutboxChange] = []
    for day in sorted(reconciliation.days(athlete.athlete_id) | by_day.keys()):
        if day >= first:
            changes += reconciliation.reconcile_day(athlete.athlete_id, day, by_day[day], deciding.get(day))
    return changes


def _assign_slots(
    wanted: Sequence[DesiredPrompt], held: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[DesiredPrompt, str]]:
    """A slot for each desired prompt: the one that its session has, else a free number of its day."""
    assigned: dict[str, DesiredPrompt] = {}
    for same in (("runId", "sessionId"), ("sessionId",)):
        for desired in wanted:
            if desired in assigned.values():
                continue
            for slot, document in held.items():
                if slot not in assigned and all(document.get(name) == desired.fields[name] for name in same):
                    assigned[slot] = desired
                    break
    for desired in wanted:
        if desired not in assigned.values():
            numbers = [None] if desired.number is None else [desired.number, *range(1, len(wanted) + 1)]
            slot = next(slot for number in numbers if (slot := desired.slot(number)) not in assigned)
            assigned[slot] = desired
    for slot, desired in assigned.items():
        yield desired, slot


def _key(document: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(document.get("runId")), str(document.get("sessionId")), str(document.get("chatId"))


def _state(desired: DesiredPrompt) -> dict[str, Any]:
    if desired.is_paused:
        return {"state": PromptState.CANCELLED.value, "reason": PAUSED, "isPaused": True}
    return {"state": PromptState.PENDING.value, "reason": None, "isPaused": None}
