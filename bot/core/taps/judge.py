"""What a tap comes to. Pure: all that it depends on is in `TapFacts`, and a `Verdict` comes back.

    read (`bot.services.answers.tap_reader`)      what is known -> TapFacts
    judge (here)                                  TapFacts -> Verdict
    write (`bot.services.answers.tap_writer`)     Verdict -> MongoDB -> TapResult
    report (`bot.services.answers.responder`)     TapResult -> toast and edited message

A tap may be judged with what is in memory alone. For an answer in a private chat, below a message that
Telegram still shows, that is enough; else the verdict says what is lacking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import Enum, auto
from typing import TypeAlias

from bot.core.answers.event import AnswerAddition, FeedbackEvent, Identity, StoredAnswer
from bot.core.answers.later import LaterChoice
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
from bot.core.people.athlete import Athlete
from bot.core.people.tombstone import Tombstone
from bot.core.prompts.prompt import LaterResult
from bot.core.taps.later import later_choices
from bot.core.telegram.action_payloads import ActionTap, MayTap, parse_action
from bot.core.telegram.updates import Tap

_LATER_AT_MOST = timedelta(days=367)
"""No pause is longer, so no choice lies behind it."""

Payload: TypeAlias = Callback | Later | DetailTap | ActionTap
Place: TypeAlias = tuple[str, str, int]
"""A session's `runId` and `sessionId`, and the chat in which it was asked about."""

ERASED = NotWritten(Outcome.REFUSED, cause=Cause.FORGOTTEN)
"""The sender has had everything deleted since."""


class Lack(Enum):
    """What has to be looked up before a tap can be judged."""

    SENDER = auto()
    """Who tapped was no athlete when the roster was read; they may have been added since."""
    PROMPT = auto()
    """Session, owner or time of the question stand in the prompt record alone, or what becomes of the tap
    depends on what came before it."""


@dataclass(frozen=True, slots=True)
class TapRules:
    """The settings that decide.

    Attributes:
        late_after_days: LATE_AFTER_DAYS.
        coach_chat_id, coach_thread_id: COACH_CHAT_ID; the whole chat is the coach's, the topic is where
            alerts go.
    """

    late_after_days: int
    coach_chat_id: int | None = None
    coach_thread_id: int | None = None


@dataclass(frozen=True, slots=True)
class PromptFacts:
    """What the prompt records say about a tap.

    Attributes:
        session: run and session; None: the reference is nobody's.
        owner: the user who alone may answer in this chat; None: whoever is there.
        sent_at: when it was asked; None: unknown, or the tapped message tells.
    """

    session: tuple[str, str] | None
    owner: int | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TapFacts:
    """What is known about a tap.

    Attributes:
        payload: what the button asks for; None: it is none of ours.
        athlete: who tapped; None: nobody on the roster.
        is_sender_known: whether the roster that says so is recent enough to call somebody a stranger.
        prompt: None: not looked up.
        stored: the answer that stands about the session; None: none, or not looked up.
        tombstone: of who tapped; None: none, or not looked up.
    """

    tap: Tap
    payload: Payload | None
    athlete: Athlete | None = None
    is_sender_known: bool = False
    prompt: PromptFacts | None = None
    stored: StoredAnswer | None = None
    tombstone: Tombstone | None = None

    @property
    def session(self) -> TappedSession | None:
        """Which session the tap is about; None if it is about none, or that is not known (yet)."""
        tap, payload = self.tap, self.payload
        if payload is None or isinstance(payload, ActionTap):
            return None
        sent_at = None if self.prompt is None else self.prompt.sent_at
        if not payload.is_reference:
            named = named_session(tap, payload)
            return TappedSession(named.run_id, named.session_id, tap.prompt_at or sent_at)
        if self.prompt is None or self.prompt.session is None:
            return None
        return TappedSession(*self.prompt.session, tap.prompt_at or sent_at)

    @property
    def has_no_message(self) -> bool:
        """Whether the tap came without the message below which it was, so that the prompt record tells it."""
        return self.tap.chat_id is None and self.tap.message_id is None

    @property
    def is_in_group(self) -> bool:
        """Whether somebody else than who is asked can tap there."""
        return self.tap.chat_id not in (None, self.tap.user_id)

    @property
    def lack(self) -> Lack | None:
        """What is missing for a verdict, if anything; the sender comes first."""
        payload = self.payload
        if self.is_erased:
            return None
        if isinstance(payload, ActionTap) and payload.action.may_tap is MayTap.COACH_CHAT:
            return None  # whoever is there
        if not self.is_sender_known:
            return Lack.SENDER
        if payload is None or isinstance(payload, ActionTap):
            return None
        if self.athlete is None or self.prompt is not None:
            return None
        is_answer = isinstance(payload, Callback) and self.tap.prompt_at is not None
        return None if is_answer and not payload.is_reference and not self.is_in_group else Lack.PROMPT

    @property
    def reference(self) -> str | None:
        """The short reference under which a prompt record tells the session."""
        payload = self.payload
        if payload is None or isinstance(payload, ActionTap) or not payload.is_reference:
            return None
        return payload.run_id

    @property
    def is_erased(self) -> bool:
        """Whether the tap came before its sender had everything deleted."""
        return self.tombstone is not None and self.tombstone.covers(self.tap.stamp)


@dataclass(frozen=True, slots=True)
class AnswerWrite:
    """An answer, to be stored.

    Attributes:
        stored: see `TapFacts`.
    """

    event: FeedbackEvent
    stored: StoredAnswer | None = None

    @property
    def is_news(self) -> bool:
        """Whether it says something else than what stands, or is what stands (stored before a crash)."""
        return self.stored is None or self._is_other(self.stored) or self._is_source_of(self.stored)

    @property
    def replaces(self) -> StoredAnswer | None:
        """The answer that it changes, for the history."""
        stored = self.stored
        return stored if stored is not None and self._is_other(stored) and self._overtakes(stored) else None

    def _is_other(self, stored: StoredAnswer) -> bool:
        """A note that was written as a reply stays, whatever the button carries."""
        keeps_note = bool(stored.notes.lines)
        return self.event.type is not stored.type or (self.event.note != stored.note and not keeps_note)

    def _is_source_of(self, stored: StoredAnswer) -> bool:
        return (stored.update_id, stored.received_at) == (self.event.update_id, self.event.received_at)

    def _overtakes(self, stored: StoredAnswer) -> bool:
        """Whether it was tapped after what stands, which others may have written."""
        if stored.update_id is None or stored.received_at is None:
            return stored.received_at is None or self.event.received_at > stored.received_at
        return supersedes(self.event, stored.update_id, stored.received_at)


@dataclass(frozen=True, slots=True)
class DetailWrite:
    """A detail of an answer, to be stored.

    Attributes:
        addition: None where the question is left out, or asked again.
        stored: see `TapFacts`.
    """

    payload: DetailTap
    session: Identity
    addition: AnswerAddition | None
    stored: StoredAnswer | None = None

    @property
    def replaces(self) -> StoredAnswer | None:
        """The answer of which it changes a detail, for the history."""
        if self.stored is None or self.addition is None:
            return None
        return self.stored if self.stored.is_changed_by(self.addition) else None


@dataclass(frozen=True, slots=True)
class Postponed:
    """To be asked again at `again_at`; `zone` is the athlete's.

    Attributes:
        is_answered: it was answered since, and only the tap is told.
    """

    again_at: datetime
    zone: tzinfo
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class LaterOffer:
    """When to be asked again is for the athlete to choose; `zone` is theirs."""

    choices: tuple[LaterChoice, ...]
    zone: tzinfo


Decision: TypeAlias = AnswerWrite | DetailWrite | Postponed | LaterOffer | ActionTap | NotWritten | Lack


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tap comes to.

    Attributes:
        decision: what is to be written or done, why nothing is, or what is lacking to tell.
    """

    facts: TapFacts
    decision: Decision

    @property
    def tap(self) -> Tap:
        """The tap."""
        return self.facts.tap


@dataclass(frozen=True, slots=True)
class DetailSaved:
    """A detail is stored, or left out.

    Attributes:
        answer: what stands now, with all details.
    """

    type: FeedbackType
    answer: StoredAnswer


def read_payload(tap: Tap) -> Payload | None:
    """What a tap's button asks for; None if it is none of ours."""
    payload = parse_action(tap.data) or read_tap(tap)
    return None if isinstance(payload, NotWritten) else payload


def judge(facts: TapFacts, rules: TapRules) -> Verdict:
    """Judge a tap. Deny by default: strangers come first, whatever they tapped."""
    return Verdict(facts, _decide(facts, rules))


def _decide(facts: TapFacts, rules: TapRules) -> Decision:
    tap, payload, session = facts.tap, facts.payload, facts.session
    if facts.is_erased:
        return ERASED
    if (lack := facts.lack) is not None:
        return lack
    if isinstance(payload, ActionTap):
        return payload if _may_act(payload, facts, rules) else NotWritten(Outcome.REFUSED)
    if facts.athlete is None:
        return NotWritten(Outcome.REFUSED)
    if payload is None:
        return NotWritten(Outcome.INVALID)
    if session is None:
        return NotWritten(Outcome.UNKNOWN)
    if facts.prompt is not None and facts.prompt.owner not in (None, tap.user_id):
        return NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN)
    match payload:
        case DetailTap():
            identity = (session.run_id, session.session_id, tap.user_id)
            return DetailWrite(payload, identity, _addition(tap, payload, identity), facts.stored)
        case Later():
            return _postpone(tap, payload, facts.athlete, session, facts.stored, rules)
        case Callback():
            zone, late_after_days = facts.athlete.hours.zone, rules.late_after_days
            event = derive_event(tap, payload, session, zone=zone, late_after_days=late_after_days)
            return event if isinstance(event, NotWritten) else AnswerWrite(event, facts.stored)


def _may_act(action: ActionTap, facts: TapFacts, rules: TapRules) -> bool:
    """Whether this button can be meant for who tapped.

    A group may go by another id by now; then it is what the button is about that tells whether this is its
    chat.
    """
    coach, chat = rules.coach_chat_id, facts.tap.chat_id
    is_private = chat is not None and not facts.is_in_group
    match action.action.may_tap:
        case MayTap.COACH_CHAT:
            return coach is not None and chat is not None and (chat == coach or (chat < 0 and coach < 0))
        case MayTap.ANYBODY_IN_PRIVATE:
            return is_private
        case MayTap.ATHLETE_IN_PRIVATE:
            return is_private and facts.athlete is not None
        case MayTap.ATHLETE:
            return facts.athlete is not None


def _addition(tap: Tap, payload: DetailTap, identity: Identity) -> AnswerAddition | None:
    if payload.value is None:
        return None
    return AnswerAddition(identity, payload.detail, payload.value, tap.update_id, tap.received_at)


def _postpone(
    tap: Tap,
    later: Later,
    athlete: Athlete,
    session: TappedSession,
    stored: StoredAnswer | None,
    rules: TapRules,
) -> Postponed | LaterOffer | NotWritten:
    now, zone, again_at = tap.received_at, athlete.hours.zone, later.at
    if again_at is None or not now < again_at <= now + _LATER_AT_MOST:
        return _offer(tap, athlete, session, stored, rules)
    if (pause := athlete.pause_at(again_at)) is not None:
        if pause.until is None:
            return NotWritten(Outcome.REFUSED, cause=Cause.PAUSED)
        again_at = athlete.next_prompt_time(pause.until)
    return Postponed(athlete.quiet_until(again_at) or again_at, zone)


def _offer(
    tap: Tap, athlete: Athlete, session: TappedSession, stored: StoredAnswer | None, rules: TapRules
) -> LaterOffer | NotWritten:
    """The times to choose from: they take the place of what the message shows, so not of an answer."""
    if stored is not None and stored.type is not None:
        return NotWritten(Outcome.REFUSED, cause=Cause.ANSWERED, stands=stored)
    choices = later_choices(athlete, tap.received_at)
    if not choices:
        return NotWritten(Outcome.REFUSED, cause=Cause.PAUSED)
    if session.prompt_at is not None:
        last = session.prompt_at + repeated_within(rules.late_after_days)
        choices = tuple(choice for choice in choices if choice.at <= last)
    return LaterOffer(choices, athlete.hours.zone) if choices else REFUSED_LATER[LaterResult.TOO_LATE]


REFUSED_LATER: Mapping[LaterResult, NotWritten] = {
    LaterResult.ANSWERED: NotWritten(Outcome.REFUSED, cause=Cause.ANSWERED),
    LaterResult.TOO_LATE: NotWritten(Outcome.LATE, cause=Cause.NO_TIME_LEFT),
    LaterResult.UNKNOWN: NotWritten(Outcome.UNKNOWN),
}
"""What becomes of a tap on Later that the prompt record does not grant."""


def judge_detail(detail: DetailTap, answer: StoredAnswer | None) -> DetailSaved | NotWritten:
    """What became of a detail.

    Args:
        answer: what stands about its session, now that the detail is written where it fits. One that was
            given to an earlier answer is gone.
    """
    if answer is None or answer.type is None:
        return NotWritten(Outcome.DETAIL, cause=Cause.NO_ANSWER)
    is_gone = detail.value is not None and answer.details.value(detail.detail) is None
    if is_gone or detail.detail not in answer.type.facts.asks:
        return NotWritten(Outcome.DETAIL, cause=Cause.OTHER_ANSWER, stands=answer)
    return DetailSaved(answer.type, answer)


def place_of(facts: TapFacts) -> Place | None:
    """Where a tap's session was asked about."""
    session, chat_id = facts.session, facts.tap.chat_id
    return None if session is None or chat_id is None else (session.run_id, session.session_id, chat_id)
