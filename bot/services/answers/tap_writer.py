"""Makes verdicts durable, a batch at a time, with all that follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from bot.core.answers.event import AnswerAddition, StoredAnswer
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.facts.answering_window import repeated_within
from bot.core.notes.lines import NoteLine, Notes
from bot.core.people.tombstone import Tombstone
from bot.core.prompts.prompt import Answered, LaterResult, PromptKind
from bot.core.taps.judge import (
    ERASED,
    REFUSED_LATER,
    AnswerWrite,
    Decision,
    DetailSaved,
    DetailWrite,
    LaterOffer,
    Postponed,
    TapRules,
    Verdict,
    judge_detail,
    place_of,
)
from bot.core.telegram.action_payloads import ActionTap
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionResult, ButtonActions, ErasureBegun
from bot.services.people.erasure_guard import ErasureGuard
from bot.store.answers.feedback_events import FeedbackStore, Recorded, Unrecordable
from bot.store.answers.history import AnswerChange, AnswerHistory
from bot.store.answers.pending_notes import PendingNotes
from bot.store.answers.tap_ledger import LedgerEntry, TapLedger
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore
from bot.store.prompts.coach_alerts import CoachAlert, CoachAlertStore
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore

Result: TypeAlias = Recorded | Unrecordable | Postponed | LaterOffer | DetailSaved | ActionResult

_Tombstones: TypeAlias = Mapping[int | None, Tombstone]
"""By user."""


@dataclass(frozen=True, slots=True)
class TapStores:
    """Where taps are kept."""

    events: FeedbackStore
    history: AnswerHistory
    pending_notes: PendingNotes
    prompts: PromptStore
    undelivered: UndeliveredStore
    coach_alerts: CoachAlertStore
    pain_episodes: PainEpisodeStore
    pain_reports: PainReportStore
    ledger: TapLedger
    invalidation: FigureInvalidation


@dataclass(frozen=True, slots=True)
class TapResult:
    """What became of a tap, now that all of it is durable.

    Attributes:
        outcome: as the ledger has it; None: it can never be stored.
    """

    verdict: Verdict
    result: Result
    outcome: Outcome | None


class TapWriter:
    """Writes verdicts. Doing it again, after a crash or an outage, changes nothing."""

    def __init__(
        self, stores: TapStores, actions: ButtonActions, guard: ErasureGuard, rules: TapRules
    ) -> None:
        self._events = stores.events
        self._history = stores.history
        self._pending_notes = stores.pending_notes
        self._prompts = stores.prompts
        self._undelivered = stores.undelivered
        self._alerts = stores.coach_alerts
        self._pain_episodes = stores.pain_episodes
        self._ledger = stores.ledger
        self._invalidation = stores.invalidation
        self._actions = actions
        self._guard = guard
        self._rules = rules

    async def write(self, verdicts: Sequence[Verdict]) -> list[TapResult]:
        """Write verdicts that lack nothing; results stand in their order.

        Args:
            verdicts: about different things, as `bot.core.inbox.schedule` parts them.

        Raises:
            StorageError: writing all of them again is harmless.
        """
        results, tombstones = await self._write(verdicts)
        # Deleted meanwhile, perhaps, by another service: it has not seen what was stored here since.
        await self._guard.purge(tombstones, [(it.tap.user_id, it.tap.stamp) for it in verdicts])
        return [_unless_erased(result, tombstones) for result in results]

    async def _write(self, verdicts: Sequence[Verdict]) -> tuple[list[TapResult], _Tombstones]:
        received = [verdict.tap.received_at for verdict in verdicts]
        replaced = [at for verdict in verdicts if (at := _replaced_at(verdict)) is not None]
        async with self._invalidation.around([*received, *replaced]):
            done = {
                **await self._write_answers(verdicts),
                **await self._write_details(verdicts),
            }
            await self._alert(verdicts, done)
            await self._settle_pain(verdicts, done)
            done |= await self._carry_out(verdicts)
            results = [
                TapResult(verdict, done[index], outcome_of(done[index]))
                for index, verdict in enumerate(verdicts)
            ]
            answered = [settled for it in results if (settled := _answered(it)) is not None]
            late = [settled for it in verdicts if _is_late(it) and (settled := _settled(it)) is not None]
            # The last write; beside it the tombstones are looked up, so that a tap does not wait for them.
            _, _, _, tombstones = await _all(
                self._prompts.settle_taps(answered, late),
                self._undelivered.open_chats(_heard(verdicts), self._rules.late_after_days),
                self._ledger.record(entry for it in results if (entry := _entry(it)) is not None),
                self._guard.tombstones({verdict.tap.user_id for verdict in verdicts}),
            )
        return results, tombstones

    async def _write_answers(self, verdicts: Sequence[Verdict]) -> dict[int, Result]:
        """Store answers, each with the note that waits for it."""
        writes = {
            index: it.decision for index, it in enumerate(verdicts) if isinstance(it.decision, AnswerWrite)
        }
        await self._history.record(
            AnswerChange(write.event.identity, stored, write.event.update_id, write.event.received_at)
            for write in writes.values()
            if (stored := write.replaces) is not None
        )
        known = {write.event.identity for write in writes.values() if write.stored is not None}
        recorded = await self._events.record([write.event for write in writes.values()], known)
        # Not of first answers alone: somebody may have been killed before this.
        notes = await self._pending_notes.of({write.event.identity for write in writes.values()})
        if notes:
            await self._events.add([change for waiting in notes for change in waiting.changes])
            await self._pending_notes.drop(notes)
        waited = {waiting.session: waiting.notes.lines for waiting in notes}
        return {
            index: _with_notes(result, waited.get(write.event.identity, ()))
            for (index, write), result in zip(writes.items(), recorded, strict=True)
        }

    async def _write_details(self, verdicts: Sequence[Verdict]) -> dict[int, Result]:
        """Store details where they fit the answers that stand."""
        writes = {
            index: it.decision for index, it in enumerate(verdicts) if isinstance(it.decision, DetailWrite)
        }
        if not writes:
            return {}
        additions = [write.addition for write in writes.values() if write.addition is not None]
        await self._history.record(
            AnswerChange(write.session, stored, write.addition.update_id, write.addition.received_at)
            for write in writes.values()
            if write.addition is not None and (stored := write.replaces) is not None
        )
        await self._events.add(additions)
        answers = await self._events.answers(write.session for write in writes.values())
        return {
            index: judge_detail(write.payload, answers.get(write.session)) for index, write in writes.items()
        }

    async def _settle_pain(self, verdicts: Sequence[Verdict], done: Mapping[int, Result]) -> None:
        """Make the episodes anew of whose pain is told, is told of differently, or is taken back."""
        whose: dict[int, str | None] = {}
        for index, result in done.items():
            verdict = verdicts[index]
            if verdict.tap.user_id is not None and _is_about_pain(verdict.decision, result):
                athlete = verdict.facts.athlete
                whose[verdict.tap.user_id] = None if athlete is None else athlete.athlete_id
        for user_id, athlete_id in whose.items():
            await self._pain_episodes.settle(user_id, athlete_id)

    async def _alert(self, verdicts: Sequence[Verdict], done: Mapping[int, Result]) -> None:
        """Tell the coach of pain, at once; and what has changed about pain that was told before.

        It is what stands now that decides, not what this tap has changed: that may have been stored before
        a crash. The same pain is told once.
        """
        coach = self._rules.coach_chat_id
        if coach is None:
            return
        alerts: list[CoachAlert] = []
        changed: dict[str, Tap] = {}
        for index, result in done.items():
            verdict = verdicts[index]
            match verdict.decision, result:
                case AnswerWrite(), Recorded() if result.type.facts.alerts_coach:
                    to = ChatTopic(coach, self._rules.coach_thread_id)
                    alerts.append(_alert(verdict, verdict.decision, result, to))
                case AnswerWrite(stored=StoredAnswer()), Recorded():
                    changed[result.session_key] = verdict.tap
                case DetailWrite(addition=AnswerAddition()), DetailSaved() if result.type.facts.alerts_coach:
                    changed[result.answer.session_key] = verdict.tap
        await self._alerts.raise_(alerts)
        await self._alerts.refresh((key, tap.update_id, tap.received_at) for key, tap in changed.items())

    async def _carry_out(self, verdicts: Sequence[Verdict]) -> dict[int, Result]:
        """What is neither an answer nor a part of one."""
        done: dict[int, Result] = {}
        for index, verdict in enumerate(verdicts):
            match verdict.decision:
                case NotWritten() | LaterOffer() as result:
                    done[index] = result
                case Postponed() as postponed:
                    done[index] = await self._postpone(verdict, postponed)
                case ActionTap() as action:
                    done[index] = await self._actions.carry_out(action, verdict.tap, verdict.facts.athlete)
        return done

    async def _postpone(self, verdict: Verdict, postponed: Postponed) -> Postponed | NotWritten:
        place = place_of(verdict.facts)
        if place is None:
            return NotWritten(Outcome.UNKNOWN)
        until = postponed.again_at - repeated_within(self._rules.late_after_days)
        result = await self._prompts.ask_later(
            *place, stamp=verdict.tap.stamp, due_at=postponed.again_at, until=until
        )
        is_answered = result is LaterResult.ANSWERED_SINCE
        return REFUSED_LATER.get(result, replace(postponed, is_answered=is_answered))


def _is_about_pain(decision: Decision, result: Result) -> bool:
    match decision, result:
        case AnswerWrite(stored=stored), Recorded(type=type_):
            before = None if stored is None else stored.type
            return type_.facts.alerts_coach or (before is not None and before.facts.alerts_coach)
        case DetailWrite(addition=AnswerAddition()), DetailSaved(type=type_):
            return type_.facts.alerts_coach
        case _:
            return False


def _with_notes(result: Recorded | Unrecordable, lines: Sequence[NoteLine]) -> Recorded | Unrecordable:
    """An answer with the lines that have waited for it."""
    if not lines or isinstance(result, Unrecordable):
        return result
    known = {line.message_id for line in lines}
    others = [line for line in result.notes.lines if line.message_id not in known]
    return replace(result, notes=Notes((*others, *lines), result.notes.taken_back))


def _alert(verdict: Verdict, write: AnswerWrite, result: Recorded, to: ChatTopic) -> CoachAlert:
    event, tap, athlete = write.event, verdict.tap, verdict.facts.athlete
    return CoachAlert(
        kind=PromptKind.ALERT,
        to=to,
        session=event.identity,
        session_key=result.session_key,
        athlete_id=None if athlete is None else athlete.athlete_id,
        chat_id=tap.user_id if tap.chat_id is None else tap.chat_id,
        thread_id=tap.thread_id,
        message_id=event.message_id,
        raised_by=result.received_at or event.received_at,
        raised_update_id=event.update_id,
        version=event.update_id,
        at=event.received_at,
        name=tap.first_name,
    )


def _unless_erased(result: TapResult, tombstones: _Tombstones) -> TapResult:
    """What became of a tap, if its sender has not had everything deleted since."""
    tap = result.verdict.tap
    tombstone = tombstones.get(tap.user_id)
    return replace(result, result=ERASED) if tombstone is not None and tombstone.covers(tap.stamp) else result


def _replaced_at(verdict: Verdict) -> datetime | None:
    """When the answer was received in whose place another one may come, or about which more is said."""
    decision = verdict.decision
    stored = decision.stored if isinstance(decision, AnswerWrite | DetailWrite) else None
    return None if stored is None else stored.received_at


def _is_late(verdict: Verdict) -> bool:
    return isinstance(verdict.decision, NotWritten) and verdict.decision.outcome is Outcome.LATE


def _answered(result: TapResult) -> Answered | None:
    """What a stored answer means to its session's prompt."""
    if not isinstance(result.result, Recorded) or (settled := _settled(result.verdict)) is None:
        return None
    return replace(settled, message_id=result.verdict.tap.message_id if result.result.won else None)


def _settled(verdict: Verdict) -> Answered | None:
    """What a tap means to its session's prompt; None if it is not known which session that is."""
    session, tap = verdict.facts.session, verdict.tap
    if session is None:
        return None
    return Answered(session.run_id, session.session_id, tap.chat_id, tap.user_id, tap.received_at)


def _heard(verdicts: Iterable[Verdict]) -> dict[int, datetime]:
    """The chats in which athletes tapped, and when: there they can be asked."""
    taps = [verdict.tap for verdict in verdicts if verdict.facts.athlete is not None]
    return {tap.chat_id: tap.received_at for tap in taps if tap.chat_id is not None}


def _entry(result: TapResult) -> LedgerEntry | None:
    tap, outcome = result.verdict.tap, result.outcome
    return None if outcome is None else LedgerEntry(tap.query_id, tap.update_id, tap.received_at, outcome)


def outcome_of(result: Result) -> Outcome | None:
    """What the ledger says of a tap; None: it can never be stored, and is in no ledger."""
    match result:
        case Recorded():
            return Outcome.WRITTEN
        case Postponed():
            return Outcome.POSTPONED
        case DetailSaved():
            return Outcome.DETAIL
        case ActionDone() | ErasureBegun() | LaterOffer():
            return Outcome.REQUEST
        case NotWritten():
            return result.outcome
        case Unrecordable():
            return None


async def _all(*calls: Awaitable[Any]) -> list[Any]:
    """Wait for all calls, so that none goes on when one has failed; then raise what went wrong."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return done
