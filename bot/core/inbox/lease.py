"""Which of several services with one token polls and sends questions: the holder of the lease. Pure.

The lease keeps two services from ending each other's polls. It is not what keeps answers right: a service
that stalls may wake up with updates that another has fetched since, and stores them; there a newer answer
stands (by its update id), whoever wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from bot.core.shared.backoff import Backoff

TTL = timedelta(seconds=15)
"""Nobody else polls for so long after the holder's last sign of life."""
RENEW_EVERY = 4.0
"""Seconds. Three tries may fail before the lease ends; whoever stands by asks as often."""
FRESH = 8.0
"""Seconds for which an answer of MongoDB counts. Less than the lease lasts: so the holder has it as long as
what it knows is fresh, and who was stalled for longer asks before the next poll."""
YIELD, LONGEST_YIELD = 20.0, 320.0
"""Seconds without polls after another service has polled while MongoDB could not tell whose turn it is; twice
as long each time."""
_YIELD = Backoff(YIELD, LONGEST_YIELD)
DEAF_AFTER = 60.0
"""Seconds without a successful poll (or call, where updates are pushed) after which the holder makes way for
another service that is alive: Telegram keeps a tap for 150 s."""
REST = 30.0
"""Seconds in which it does not ask for the lease afterwards."""
ASK_WITHIN = 2.0
"""Seconds in which MongoDB has to answer."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A service of a bot, as it was heard of last.

    Attributes:
        service: the same after a restart on the same journal.
        host: for people.
        seen_ago: since then.
        polls: whether it held the lease then.
        is_pushed: whether it takes updates from a webhook, which needs no lease; sending does.
    """

    service: str
    host: str
    seen_ago: timedelta
    polls: bool
    is_pushed: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it has been heard of lately."""
        return self.seen_ago < TTL


class LeaseVerdict(Enum):
    """Whose turn it is, as far as is known."""

    OURS = "ours"
    THEIRS = "theirs"
    UNKNOWN = "unknown"


class PollDecision(Enum):
    """What to do about the next poll."""

    POLL = "poll"
    STAND_BY = "stand by"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class LeaseKnowledge:
    """What a service knows of the lease. All times are seconds of one clock that goes on while it is stalled.

    Attributes:
        asked_at: when the last question was put to MongoDB, answered or not; None before the first.
        yield_until: no polls before.
        conflicts: met since MongoDB answered last.
    """

    verdict: LeaseVerdict = LeaseVerdict.UNKNOWN
    asked_at: float | None = None
    yield_until: float = 0.0
    conflicts: int = 0

    def turn(self, now: float) -> PollDecision:
        """Whether to poll now.

        As long as MongoDB is away nobody can take the lease over, so who polled goes on, and who has just
        been started begins. Who knows that another one polls waits until MongoDB says that it has ended.
        """
        if self.asked_at is None or now - self.asked_at >= FRESH:
            return PollDecision.ASK
        match self.verdict:
            case LeaseVerdict.OURS:
                return PollDecision.POLL
            case LeaseVerdict.THEIRS:
                return PollDecision.STAND_BY
            case LeaseVerdict.UNKNOWN:
                return PollDecision.POLL if now >= self.yield_until else PollDecision.STAND_BY

    def answered(self, now: float, *, is_ours: bool) -> LeaseKnowledge:
        """MongoDB has answered a question that was put at `now`."""
        return LeaseKnowledge(LeaseVerdict.OURS if is_ours else LeaseVerdict.THEIRS, now)

    def unreachable(self, now: float) -> LeaseKnowledge:
        """MongoDB did not answer a question that was put at `now`."""
        verdict = LeaseVerdict.THEIRS if self.verdict is LeaseVerdict.THEIRS else LeaseVerdict.UNKNOWN
        return replace(self, verdict=verdict, asked_at=now)

    def conflict(self, now: float) -> LeaseKnowledge:
        """Telegram says that another service polls."""
        # Whoever holds the lease stays: it is the other one that has to go.
        if self.verdict is not LeaseVerdict.UNKNOWN:
            return self
        conflicts = self.conflicts + 1
        return replace(self, yield_until=now + _YIELD.delay(conflicts), conflicts=conflicts)
