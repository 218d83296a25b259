"""A tap -> what it comes to -> MongoDB, with everything that follows from it.

Judging goes as far as it can without the database. For an athlete's tap in a private chat, below a message
that Telegram still shows, that is all the way. Storing may be repeated, after a crash or an outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TypeAlias

from bot.core.answers.event import FeedbackEvent
from bot.core.answers.payloads import Callback, DetailTap, Later
from bot.core.answers.rules import (
    Cause,
    NotWritten,
    Outcome,
    TappedSession,
    derive_event,
    named_session,
    read_tap,
    supersedes,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.answering_window import repeated_within
from bot.core.health.metrics import TAPS
from bot.core.people.athlete import Athlete
from bot.core.prompts.prompt import Answered, LaterResult, PromptKind
from bot.core.telegram.action_payloads import Action, ActionTap, parse_action
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ButtonActions, ErasureBegun
from bot.services.people.roster_cache import RosterCache
from bot.services.telegram.metered_api import Meters, NoMeters
from bot.store.answers.feedback_events import (
    AnswerAddition,
    FeedbackStore,
    Identity,
    Recorded,
    StoredAnswer,
    Unrecordable,
)
from bot.store.answers.history import AnswerChange, AnswerHistory
from bot.store.answers.pending_notes import PendingNotes
from bot.store.answers.tap_ledger import LedgerEntry, TapLedger
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.prompts.coach_alerts import CoachAlert, CoachAlertStore
from bot.store.prompts.prompts import PromptStore

# Whoever taps Later shortly before the usual hour means the next day's.
_LATER_AT_LEAST = timedelta(hours=1)

_Place: TypeAlias = tuple[str, str, int]
"""A session's `runId` and `sessionId`, and the chat in which it was asked about."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """To be asked again at `again_at`; `zone` is the athlete's."""

    again_at: datetime
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class DetailWrite:
    """A detail of an answer, to be stored; None where its question is left out or asked again."""

    session: Identity
    addition: AnswerAddition | None


@dataclass(frozen=True, slots=True)
class DetailSaved:
    """What stands now, a detail included."""

    type: FeedbackType
    session_key: str
    standing: StoredAnswer


Result: TypeAlias = Recorded | Unrecordable | Postponed | DetailSaved | ActionDone | ErasureBegun | NotWritten


@dataclass(slots=True, eq=False)
class TapContext:
    """A tap on its way.

    Attributes:
        athlete: who tapped; None as long as the roster does not know them.
        wish: what an athlete's tap asks for, if it is a button of ours.
        session: what about, as soon as it is known.
        verdict: what is to be stored, or why nothing is; None as long as the database is needed to tell.
        result: None until everything is stored.
        is_new: whether it is another answer than the one that stood before.
        stands: the answer because of which a detail is refused.
        is_counted: whether the meters know of it, since storing may be repeated.
    """

    tap: Tap
    athlete: Athlete | None = None
    wish: Callback | Later | DetailTap | ActionTap | None = None
    session: TappedSession | None = None
    verdict: FeedbackEvent | Postponed | DetailWrite | ActionTap | NotWritten | None = None
    result: Result | None = None
    is_new: bool = True
    stands: StoredAnswer | None = None
    is_counted: bool = False

    @property
    def is_in_group(self) -> bool:
        """Whether somebody else than who is asked can tap there."""
        return self.tap.chat_id not in (None, self.tap.user_id)

    @property
    def is_answer(self) -> bool:
        """Whether it is certain by now that it will be written."""
        return isinstance(self.verdict, FeedbackEvent)


@dataclass(frozen=True, slots=True)
class TapStores:
    """Where taps are kept."""

    events: FeedbackStore
    history: AnswerHistory
    waiting_notes: PendingNotes
    prompts: PromptStore
    letters: CoachAlertStore
    ledger: TapLedger
    touches: FigureInvalidation


class TapHandler:
    """Judges taps and makes them durable.

    Args:
        late_after_days: LATE_AFTER_DAYS.
        coach_chat_id: COACH_CHAT_ID, where pain is told.
    """

    def __init__(
        self,
        roster: RosterCache,
        stores: TapStores,
        actions: ButtonActions,
        late_after_days: int,
        coach_chat_id: int | None = None,
        meters: Meters | None = None,
    ) -> None:
        self._meters = meters or NoMeters()
        self._roster = roster
        self._events = stores.events
        self._history = stores.history
        self._waiting_notes = stores.waiting_notes
        self._prompts = stores.prompts
        self._letters = stores.letters
        self._ledger = stores.ledger
        self._touches = stores.touches
        self._actions = actions
        self._late_after_days = late_after_days
        self._coach_chat_id = coach_chat_id

    def judge(self, tap: Tap) -> TapContext:
        """As far as one gets at once; somebody unknown is not a stranger yet."""
        case = TapContext(tap)
        action = parse_action(tap.data)
        if self._roster.athlete(tap.user_id, tap.stamp) is not None or (
            action and action.action is Action.SEEN
        ):
            self._open(case)
        return case

    def recognise(self, cases: Iterable[TapContext], refused: Container[str] = ()) -> None:
        """Judge those who were unknown; the roster must have been read since, now they are strangers.

        Args:
            refused: query ids of what was refused before, and stays so.
        """
        for case in cases:
            if case.wish is None and case.verdict is None:
                self._open(case, was_refused=case.tap.query_id in refused)

    async def store(
        self,
        cases: Sequence[TapContext],
        refused: Iterable[LedgerEntry],
        look: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Decide what is undecided, make everything durable, and set the results.

        Args:
            cases: of people who are recognised; about different things, as `bot.core.inbox.schedule` parts
                them.
            refused: what else to enter in the ledger.
            look: what is to be done when all is stored that came of the taps, but for the ledger.

        Raises:
            StorageError: storing all of it again is harmless.
        """
        refused = list(refused)
        await self._look_up([case for case in cases if case.verdict is None])
        events = [case.verdict for case in cases if isinstance(case.verdict, FeedbackEvent)]
        received = [case.tap.received_at for case in cases] + [entry.received_at for entry in refused]
        before = await self._events.standing(event.identity for event in events)
        replaced = [answer.received_at for answer in before.values() if answer.received_at is not None]
        async with self._touches.around([*received, *replaced]):
            await self._store(cases, before, refused, look)

    async def _store(
        self,
        cases: Sequence[TapContext],
        before: Mapping[Identity, StoredAnswer],
        refused: Sequence[LedgerEntry],
        look: Callable[[], Awaitable[None]] | None,
    ) -> None:
        await self._record(cases, before)
        answered = [tap for case in cases if isinstance(case.result, Recorded) for tap in _settled(case)]
        late = [tap for case in cases if _is_late(case) for tap in _settled(case)]
        await self._tell(cases)
        await self._alert(cases, before)
        for case in cases:
            if isinstance(case.verdict, Postponed):
                case.result = await self._postpone(case, case.verdict)
            elif isinstance(case.verdict, ActionTap):
                case.result = await self._actions.carry_out(case.verdict, case.tap, case.athlete)
        entries = [
            LedgerEntry(case.tap.query_id, case.tap.update_id, case.tap.received_at, outcome)
            for case in cases
            if (outcome := _outcome(case.result)) is not None
        ]
        writes = [self._prompts.settle_taps(answered, late), self._ledger.record([*entries, *refused])]
        await _together(*writes, *([] if look is None else [look()]))
        for case in cases:
            if not case.is_counted and (outcome := _outcome(case.result)) is not None:
                self._meters.count(TAPS, outcome)
                case.is_counted = True

    def _open(self, case: TapContext, *, was_refused: bool = False) -> None:
        """Who tapped, by the roster as it stands, and what for? Deny by default: strangers come first."""
        tap = case.tap
        athlete = None if was_refused else self._roster.athlete(tap.user_id)
        if (action := parse_action(tap.data)) is not None:
            case.athlete, case.wish = athlete, action
            case.verdict = action if self._may_act(action, case) else NotWritten(Outcome.REFUSED)
            return
        if athlete is None:
            case.verdict = NotWritten(Outcome.REFUSED)
            return
        wish = read_tap(tap)
        if isinstance(wish, NotWritten):
            case.verdict = wish
            return
        case.athlete, case.wish = athlete, wish
        if not wish.is_reference:
            case.session = named_session(tap, wish)
            if isinstance(wish, Callback) and tap.prompt_at is not None and not case.is_in_group:
                case.verdict = self._derive(tap, wish, case.session, athlete)

    def _may_act(self, action: ActionTap, case: TapContext) -> bool:
        """Whoever is in the coach's chat may have seen something; the rest is about who taps, in private.

        A group may go by another id by now; then it is the alert that tells whether this is its chat. Whether
        there is a deletion to confirm is asked when it is carried out: what was begun is done to its end for
        whom it has taken off the roster already.
        """
        coach, chat = self._coach_chat_id, case.tap.chat_id
        if action.action is Action.SEEN:
            return coach is not None and chat is not None and (chat == coach or (chat < 0 and coach < 0))
        return case.tap.chat_id is not None and not case.is_in_group

    async def _look_up(self, cases: Sequence[TapContext]) -> None:
        """Verdicts, with the prompt records, where a tap itself does not say enough."""
        references = {case: reference for case in cases if (reference := _reference(case)) is not None}
        known = await self._prompts.resolve(set(references.values()))
        for case, reference in references.items():
            if reference in known:
                case.session = TappedSession(*known[reference], case.tap.prompt_at)
        owners = await self._owners([case for case in cases if case.is_in_group])
        for case in cases:
            case.verdict = await self._decide(case, owners)

    async def _owners(self, cases: Sequence[TapContext]) -> Mapping[_Place, int]:
        places = [place for case in cases if (place := _place(case)) is not None]
        keys = {(run_id, session_id) for run_id, session_id, _ in places}
        return await self._prompts.owners(keys, {chat_id for *_, chat_id in places}) if keys else {}

    async def _decide(
        self, case: TapContext, owners: Mapping[_Place, int]
    ) -> FeedbackEvent | Postponed | DetailWrite | NotWritten:
        tap, athlete, session = case.tap, case.athlete, case.session
        if athlete is None or session is None:
            return NotWritten(Outcome.UNKNOWN)
        place = _place(case)
        if place is not None and owners.get(place, tap.user_id) != tap.user_id:
            return NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN)
        if isinstance(case.wish, DetailTap):
            return _telling(tap, case.wish, session)
        if not isinstance(case.wish, Callback):
            again_at = athlete.next_prompt_time(tap.received_at + _LATER_AT_LEAST)
            if (pause := athlete.pause_at(again_at)) is not None:
                if pause.until is None:
                    return NotWritten(Outcome.REFUSED, cause=Cause.PAUSED)
                again_at = athlete.next_prompt_time(pause.until)
            return Postponed(again_at, athlete.hours.zone)
        if session.prompt_at is None:
            sent_at = await self._prompts.sent_at(
                session.run_id, session.session_id, tap.chat_id, tap.message_id
            )
            session = replace(session, prompt_at=sent_at)
        return self._derive(tap, case.wish, session, athlete)

    def _derive(
        self, tap: Tap, callback: Callback, session: TappedSession, athlete: Athlete
    ) -> FeedbackEvent | NotWritten:
        zone = athlete.hours.zone
        return derive_event(tap, callback, session, zone=zone, late_after_days=self._late_after_days)

    async def _record(self, cases: Sequence[TapContext], before: Mapping[Identity, StoredAnswer]) -> None:
        """Store the events, each with the note that waits for it; results of what needs nothing else."""
        answers = [(case, case.verdict) for case in cases if isinstance(case.verdict, FeedbackEvent)]
        changes = []
        for case, event in answers:
            stood = before.get(event.identity)
            is_other = stood is not None and _is_other(event, stood)
            case.is_new = stood is None or is_other or _is_from(stood, event)
            if stood is not None and is_other and _overtakes(event, stood):
                changes.append(AnswerChange(event.identity, stood, event.update_id, event.received_at))
        await self._history.record(changes)
        recorded = iter(await self._events.record([event for _, event in answers], before))
        for case, _ in answers:
            case.result = next(recorded)
        for case in cases:
            if isinstance(case.verdict, NotWritten):
                case.result = case.verdict
        # Not of first answers alone: somebody may have been killed before this.
        notes = await self._waiting_notes.of({event.identity for _, event in answers})
        if notes:
            await self._events.add(notes)
            await self._waiting_notes.drop(notes)

    async def _tell(self, cases: Sequence[TapContext]) -> None:
        """Store the details that were said, and set the results."""
        told = [(case, case.verdict) for case in cases if isinstance(case.verdict, DetailWrite)]
        if not told:
            return
        sessions = {telling.session for _, telling in told}
        additions = [telling.addition for _, telling in told if telling.addition is not None]
        before = await self._events.standing(sessions)
        await self._history.record(
            AnswerChange(addition.session, stood, addition.update_id, addition.received_at)
            for addition in additions
            if (stood := before.get(addition.session)) is not None and stood.is_changed_by(addition)
        )
        await self._events.add(additions)
        after = await self._events.standing(sessions)
        for case, telling in told:
            stands = after.get(telling.session)
            if stands is None or stands.type is None:
                case.result = NotWritten(Outcome.DETAIL, cause=Cause.NO_ANSWER)
            elif isinstance(case.wish, DetailTap) and not _belongs(case.wish, stands):
                case.result, case.stands = NotWritten(Outcome.DETAIL, cause=Cause.OTHER_ANSWER), stands
            else:
                case.result = DetailSaved(stands.type, stands.session_key, stands)

    async def _alert(self, cases: Sequence[TapContext], before: Mapping[Identity, StoredAnswer]) -> None:
        """Tell the coach of pain, at once; and what has changed about pain that was told before.

        It is what stands now that decides, not what this tap has changed: that may have been stored before
        a crash. The same pain is told once.
        """
        if self._coach_chat_id is None:
            return
        letters: list[CoachAlert] = []
        changed: dict[str, Tap] = {}
        for case in cases:
            event, result = case.verdict, case.result
            if isinstance(event, FeedbackEvent) and isinstance(result, Recorded):
                if result.type.facts.alerts_coach:
                    letters.append(self._alert_of(case, event, result, self._coach_chat_id))
                elif event.identity in before:
                    changed[result.session_key] = case.tap
            elif isinstance(result, DetailSaved) and result.type.facts.alerts_coach and _says_something(case):
                changed[result.session_key] = case.tap
        await self._letters.raise_(letters)
        await self._letters.refresh((key, tap.update_id, tap.received_at) for key, tap in changed.items())

    def _alert_of(self, case: TapContext, event: FeedbackEvent, result: Recorded, to: int) -> CoachAlert:
        return CoachAlert(
            kind=PromptKind.ALERT,
            to=to,
            session=event.identity,
            session_key=result.session_key,
            athlete_id=None if case.athlete is None else case.athlete.athlete_id,
            chat_id=case.tap.user_id if case.tap.chat_id is None else case.tap.chat_id,
            message_id=event.message_id,
            raised_by=result.received_at or event.received_at,
            raised_update_id=event.update_id,
            version=event.update_id,
            at=event.received_at,
            name=case.tap.first_name,
        )

    async def _postpone(self, case: TapContext, wish: Postponed) -> Postponed | NotWritten:
        tap, place = case.tap, _place(case)
        if place is None:
            return NotWritten(Outcome.UNKNOWN)
        run_id, session_id, chat_id = place
        result = await self._prompts.ask_later(
            run_id,
            session_id,
            chat_id,
            stamp=tap.stamp,
            due_at=wish.again_at,
            until=wish.again_at - repeated_within(self._late_after_days),
        )
        match result:
            case LaterResult.POSTPONED:
                return wish
            case LaterResult.ANSWERED:
                return NotWritten(Outcome.REFUSED, cause=Cause.ANSWERED)
            case LaterResult.TOO_LATE:
                return NotWritten(Outcome.LATE, cause=Cause.NO_TIME_LEFT)
            case LaterResult.UNKNOWN:
                return NotWritten(Outcome.UNKNOWN)


def _reference(case: TapContext) -> str | None:
    wish = case.wish
    if case.session is not None or wish is None or isinstance(wish, ActionTap):
        return None
    return wish.run_id if wish.is_reference else None


def _is_other(event: FeedbackEvent, stood: StoredAnswer) -> bool:
    """Whether it says something else than what stands; a note that was written as a reply stays anyhow."""
    keeps_note = stood.note_message_id is not None
    return event.type is not stood.type or (event.note != stood.note and not keeps_note)


def _is_from(stood: StoredAnswer, event: FeedbackEvent) -> bool:
    """Whether what stands was stored for this very tap, before a crash."""
    return (stood.update_id, stood.received_at) == (event.update_id, event.received_at)


def _overtakes(event: FeedbackEvent, stood: StoredAnswer) -> bool:
    """Whether it was tapped after what stands, which others may have written."""
    if stood.update_id is None or stood.received_at is None:
        return stood.received_at is None or event.received_at > stood.received_at
    return supersedes(event, stood.update_id, stood.received_at)


def _says_something(case: TapContext) -> bool:
    return isinstance(case.verdict, DetailWrite) and case.verdict.addition is not None


def _belongs(tap: DetailTap, stands: StoredAnswer) -> bool:
    """Whether a detail is one of the answer that stands; one that was given to an earlier one is gone."""
    is_gone = tap.value is not None and stands.details.value(tap.detail) is None
    return stands.type is not None and tap.detail in stands.type.facts.asks and not is_gone


def _telling(tap: Tap, wish: DetailTap, session: TappedSession) -> DetailWrite:
    identity = (session.run_id, session.session_id, tap.user_id)
    if wish.value is None:
        return DetailWrite(identity, None)
    return DetailWrite(
        identity, AnswerAddition(identity, wish.detail, wish.value, tap.update_id, tap.received_at)
    )


def _place(case: TapContext) -> _Place | None:
    if case.session is None or case.tap.chat_id is None:
        return None
    return case.session.run_id, case.session.session_id, case.tap.chat_id


def _settled(case: TapContext) -> Iterator[Answered]:
    """What the case means to the session's prompt, if it is known which session that is."""
    tap, session = case.tap, case.session
    if session is not None:
        yield Answered(session.run_id, session.session_id, tap.chat_id, tap.user_id, tap.received_at)


def _is_late(case: TapContext) -> bool:
    return isinstance(case.verdict, NotWritten) and case.verdict.outcome == Outcome.LATE


def _outcome(result: Result | None) -> Outcome | None:
    match result:
        case Recorded():
            return Outcome.WRITTEN
        case Postponed():
            return Outcome.POSTPONED
        case DetailSaved():
            return Outcome.DETAIL
        case ActionDone() | ErasureBegun():
            return Outcome.REQUEST
        case NotWritten():
            return result.outcome
        case _:
            return None  # a dead letter, or undecided


async def _together(*writes: Awaitable[None]) -> None:
    """Wait for all writes, so that none goes on when one has failed; then raise what went wrong."""
    for outcome in await asyncio.gather(*writes, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
