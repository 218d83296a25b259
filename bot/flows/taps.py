"""A tap -> what it comes to -> MongoDB, with everything that follows from it.

Judging goes as far as it can without the database. For an athlete's tap in a private chat, below a message
that Telegram still shows, that is all the way. Storing may be repeated, after a crash or an outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TypeAlias

from bot.core.callbacks import Callback, Later
from bot.core.documents import FeedbackEvent
from bot.core.feedback import (
    Cause,
    NotWritten,
    Outcome,
    Session,
    Tap,
    derive_event,
    named_session,
    read_tap,
)
from bot.core.prompts import Answered, LaterResult
from bot.core.roster import Athlete
from bot.flows.meters import Meters, NoMeters
from bot.flows.roster import RosterKeeper
from bot.store.feedback import FeedbackStore, Recorded, Unrecordable
from bot.store.prompts import PromptStore
from bot.store.taps import LedgerEntry, TapLedger
from bot.store.touches import Touches

# Whoever taps Later shortly before the usual hour means the next day's.
_LATER_AT_LEAST = timedelta(hours=1)

_Place: TypeAlias = tuple[str, str, int]
"""A session's `runId` and `sessionId`, and the chat in which it was asked about."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """To be asked again at `again_at`; `zone` is the athlete's."""

    again_at: datetime
    zone: tzinfo


Result: TypeAlias = Recorded | Unrecordable | Postponed | NotWritten


@dataclass(slots=True)
class Case:
    """A tap on its way.

    Attributes:
        athlete: who tapped; None as long as the roster does not know them.
        wish: what an athlete's tap asks for, if it is a button of ours.
        session: what about, as soon as it is known.
        verdict: what is to be stored, or why nothing is; None as long as the database is needed to tell.
        result: None until everything is stored.
        is_counted: whether the meters know of it, since storing may be repeated.
    """

    tap: Tap
    athlete: Athlete | None = None
    wish: Callback | Later | None = None
    session: Session | None = None
    verdict: FeedbackEvent | Postponed | NotWritten | None = None
    result: Result | None = None
    is_counted: bool = False

    @property
    def is_in_group(self) -> bool:
        """Whether somebody else than who is asked can tap there."""
        return self.tap.chat_id not in (None, self.tap.user_id)

    @property
    def is_answer(self) -> bool:
        """Whether it will be written, as far as can be said by now."""
        return isinstance(self.wish, Callback) and not self.is_in_group


class Taps:
    """Judges taps and makes them durable.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(
        self,
        roster: RosterKeeper,
        events: FeedbackStore,
        prompts: PromptStore,
        ledger: TapLedger,
        touches: Touches,
        late_after_days: int,
        meters: Meters | None = None,
    ) -> None:
        self._meters = meters or NoMeters()
        self._roster = roster
        self._events = events
        self._prompts = prompts
        self._ledger = ledger
        self._touches = touches
        self._late_after_days = late_after_days

    def judge(self, tap: Tap) -> Case:
        """As far as one gets at once; somebody unknown is not a stranger yet."""
        case = Case(tap)
        if self._roster.athlete(tap.user_id) is not None:
            self._open(case)
        return case

    def recognise(self, cases: Iterable[Case]) -> None:
        """Judge those who were unknown; the roster must have been read since, now they are strangers."""
        for case in cases:
            if case.wish is None and case.verdict is None:
                self._open(case)

    async def store(self, cases: Sequence[Case], refused: Iterable[LedgerEntry]) -> None:
        """Decide what is undecided, make everything durable, and set the results.

        Args:
            cases: of people who are recognised.
            refused: what else to enter in the ledger.

        Raises:
            StorageUnavailable, StorageRejected: storing all of it again is harmless.
        """
        refused = list(refused)
        await self._look_up([case for case in cases if case.verdict is None])
        events = [case.verdict for case in cases if isinstance(case.verdict, FeedbackEvent)]
        received = [case.tap.received_at for case in cases] + [entry.received_at for entry in refused]
        async with self._touches.around([*received, *await self._events.standing(events)]):
            await self._store(cases, refused)

    async def _store(self, cases: Sequence[Case], refused: Sequence[LedgerEntry]) -> None:
        await self._record(cases)
        answered = [tap for case in cases if isinstance(case.result, Recorded) for tap in _settled(case)]
        late = [tap for case in cases if _is_late(case) for tap in _settled(case)]
        for case in cases:
            if isinstance(case.verdict, Postponed):
                case.result = await self._postpone(case, case.verdict, answered)
        entries = [
            LedgerEntry(case.tap.query_id, case.tap.update_id, case.tap.received_at, outcome)
            for case in cases
            if (outcome := _outcome(case.result)) is not None
        ]
        await _together(self._prompts.settle_taps(answered, late), self._ledger.record([*entries, *refused]))
        for case in cases:
            if not case.is_counted and (outcome := _outcome(case.result)) is not None:
                self._meters.tap(outcome)
                case.is_counted = True

    def _open(self, case: Case) -> None:
        """Who tapped, by the roster as it stands, and what for? Deny by default: strangers come first."""
        tap, athlete = case.tap, self._roster.athlete(case.tap.user_id)
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

    async def _look_up(self, cases: Sequence[Case]) -> None:
        """Verdicts, with the prompt records, where a tap itself does not say enough."""
        references = {case.wish.run_id for case in cases if case.wish is not None and case.wish.is_reference}
        known = await self._prompts.resolve(references)
        for case in cases:
            if case.session is None and case.wish is not None and case.wish.run_id in known:
                case.session = Session(*known[case.wish.run_id], case.tap.prompt_at)
        owners = await self._owners([case for case in cases if case.is_in_group])
        for case in cases:
            case.verdict = await self._decide(case, owners)

    async def _owners(self, cases: Sequence[Case]) -> Mapping[_Place, int]:
        places = [place for case in cases if (place := _place(case)) is not None]
        keys = {(run_id, session_id) for run_id, session_id, _ in places}
        return await self._prompts.owners(keys, {chat_id for *_, chat_id in places}) if keys else {}

    async def _decide(
        self, case: Case, owners: Mapping[_Place, int]
    ) -> FeedbackEvent | Postponed | NotWritten:
        tap, athlete, session = case.tap, case.athlete, case.session
        if athlete is None or session is None:
            return NotWritten(Outcome.UNKNOWN)
        place = _place(case)
        if place is not None and owners.get(place, tap.user_id) != tap.user_id:
            return NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN)
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
        self, tap: Tap, callback: Callback, session: Session, athlete: Athlete
    ) -> FeedbackEvent | NotWritten:
        zone = athlete.hours.zone
        return derive_event(tap, callback, session, zone=zone, late_after_days=self._late_after_days)

    async def _record(self, cases: Sequence[Case]) -> None:
        """Store the events; results of everything but postponements."""
        events = [case.verdict for case in cases if isinstance(case.verdict, FeedbackEvent)]
        recorded = iter(await self._events.record(events))
        for case in cases:
            if isinstance(case.verdict, FeedbackEvent):
                case.result = next(recorded)
            elif isinstance(case.verdict, NotWritten):
                case.result = case.verdict

    async def _postpone(
        self, case: Case, wish: Postponed, answered: Sequence[Answered]
    ) -> Postponed | NotWritten:
        tap, place = case.tap, _place(case)
        if place is None:
            return NotWritten(Outcome.UNKNOWN)
        run_id, session_id, chat_id = place
        if any((it.run_id, it.session_id, it.chat_id) == place for it in answered):
            return NotWritten(Outcome.REFUSED, cause=Cause.ANSWERED)
        result = await self._prompts.ask_later(
            run_id,
            session_id,
            chat_id,
            update_id=tap.update_id,
            due_at=wish.again_at,
            until=wish.again_at - timedelta(days=self._late_after_days),
            now=tap.received_at,
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


def _place(case: Case) -> _Place | None:
    if case.session is None or case.tap.chat_id is None:
        return None
    return case.session.run_id, case.session.session_id, case.tap.chat_id


def _settled(case: Case) -> Iterator[Answered]:
    """What the case means to the session's prompt, if it is known which session that is."""
    tap, session = case.tap, case.session
    if session is not None:
        yield Answered(session.run_id, session.session_id, tap.chat_id, tap.user_id, tap.received_at)


def _is_late(case: Case) -> bool:
    return isinstance(case.verdict, NotWritten) and case.verdict.outcome == Outcome.LATE


def _outcome(result: Result | None) -> Outcome | None:
    match result:
        case Recorded():
            return Outcome.WRITTEN
        case Postponed():
            return Outcome.POSTPONED
        case NotWritten():
            return result.outcome
        case _:
            return None  # a dead letter, or undecided


async def _together(*writes: Awaitable[None]) -> None:
    """Wait for all writes, so that none goes on when one has failed; then raise what went wrong."""
    for outcome in await asyncio.gather(*writes, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
