"""A day as the coach is told of it: who answered what, who is silent, hurts, or cannot be reached. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.core.pain.episodes import Episode
from bot.core.people.athlete import Athlete, Pause, local_instant
from bot.core.summary.sessions import Session, SessionState
from bot.core.telegram.refusals import Refusal

RUN_ID = "coach-digest"
"""Under which digests stand in the outbox."""
SHOWN = timedelta(hours=24)
"""What was asked, or answered, so long ago is in a digest: in the morning it is about the evening before."""
LOOK_BACK = timedelta(days=28)
"""Sessions of so many days tell who is silent."""
NO_SILENCE_YET = timedelta(hours=12)
"""A question that was asked less than this ago is not unanswered, but open."""
WORTH_SENDING = timedelta(hours=6)
"""A digest that could not be sent by then is not sent any more; the next one is near."""

_UNANSWERED = (SessionState.OPEN, SessionState.UNANSWERED)
_SAYS_NOTHING = (SessionState.NOT_DUE, SessionState.NOT_ASKED, SessionState.UNDELIVERED, SessionState.PAUSED)


@dataclass(frozen=True, slots=True)
class Silence:
    """Questions in a row that somebody has not answered.

    Attributes:
        since: the day of the first one.
    """

    number: int
    since: date


@dataclass(frozen=True, slots=True)
class AthleteDay:
    """An athlete, as a digest tells of them.

    Attributes:
        name: unlike those of all others.
        sessions: those to be told of, in order.
        silence: None if they answer.
        pains: what hurts and is not gone, the worst first.
        pause: the one that it is now.
        refusal: why the chat takes no messages; None: it does, as far as is known.
    """

    athlete: Athlete
    name: str
    sessions: tuple[Session, ...] = ()
    silence: Silence | None = None
    pains: tuple[Episode, ...] = ()
    pause: Pause | None = None
    refusal: Refusal | None = None

    def rank(self, silent_after: int) -> int:
        """What needs the coach comes first."""
        if self.pains or any(s.answer is not None and s.answer.facts.alerts_coach for s in self.sessions):
            return 0
        if self.refusal is not None or self.is_silent(silent_after):
            return 1
        if any(session.state in _UNANSWERED for session in self.sessions):
            return 2
        return 3 if self.sessions else 4

    def is_silent(self, silent_after: int) -> bool:
        """Whether they have left so many questions in a row unanswered."""
        return self.silence is not None and self.silence.number >= silent_after

    @property
    def is_uneventful(self) -> bool:
        """Whether nothing is to be told of them."""
        return not (self.sessions or self.pains or self.pause or self.refusal)


@dataclass(frozen=True, slots=True)
class Digest:
    """All athletes on a day.

    Attributes:
        silent_after: SILENT_AFTER.
    """

    day: date
    athletes: Sequence[AthleteDay]
    silent_after: int

    @property
    def in_order(self) -> list[AthleteDay]:
        """The athletes, what needs the coach first."""
        return sorted(self.athletes, key=lambda it: (it.rank(self.silent_after), it.name.casefold()))

    @property
    def asked(self) -> int:
        """How many of the sessions were asked about."""
        return self.answered + sum(
            session.state in (*_UNANSWERED, SessionState.LATE) for session in self._sessions
        )

    @property
    def answered(self) -> int:
        """How many have an answer."""
        return sum(session.answer is not None for session in self._sessions)

    @property
    def _sessions(self) -> list[Session]:
        return [session for it in self.athletes for session in it.sessions]


def shown_sessions(sessions: Iterable[Session], now: datetime, zone: ZoneInfo) -> tuple[Session, ...]:
    """Those that a digest is about: of today, and what was asked or answered in the last 24 hours.

    Args:
        zone: the athlete's.
    """
    today, since = now.astimezone(zone).date(), now - SHOWN
    return tuple(
        session
        for session in sessions
        if session.date == today
        or any(at is not None and since < at <= now for at in (session.asked_at, session.answered_at))
    )


def silence(sessions: Sequence[Session], now: datetime) -> Silence | None:
    """The questions that were left unanswered since the last answer.

    Args:
        sessions: in order; what was not asked, or did not arrive, says nothing.
    """
    found: list[Session] = []
    for session in sorted(
        sessions, key=lambda it: (it.asked_at is not None, it.asked_at or now), reverse=True
    ):
        if session.state in _SAYS_NOTHING:
            continue
        if session.state not in _UNANSWERED:
            break
        if session.asked_at is None or session.asked_at <= now - NO_SILENCE_YET:
            found.append(session)
    return Silence(len(found), min(session.date for session in found)) if found else None


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest that is to be sent.

    Attributes:
        day: the day in TIMEZONE.
    """

    day: date
    due_at: datetime
    not_after: datetime

    @property
    def session_id(self) -> str:
        """Under which it stands in the outbox; no session's has bars."""
        return f"{self.day.isoformat()}|digest"


def due(at: time, zone: ZoneInfo, now: datetime) -> DueDigest | None:
    """The digest that is to be sent now, if it is time.

    Args:
        at: COACH_DIGEST_TIME, in `zone`.
    """
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        due_at = local_instant(day, at, zone)
        if due_at <= now < due_at + WORTH_SENDING:
            return DueDigest(day, due_at, due_at + WORTH_SENDING)
    return None
