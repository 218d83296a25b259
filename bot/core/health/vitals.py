"""Whether the service can do its work: what is well and what is broken, and what admins are told of it.

Pure. `/readyz`, the gauges of `/metrics` and the messages to admins all go by `examine`. `PartHistory` and
`decide` see to it that admins get one message when a part breaks and one when it is well again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from bot.core.inbox.journal_loss import JournalLoss
from bot.core.telegram.refusals import Refusal

POLLED_WITHIN = timedelta(seconds=90)
"""A poll takes half a minute, and is tried again every few seconds."""
DRAINED_WITHIN = timedelta(minutes=2)
"""An update is processed in a moment, and a tap's answer is given up after half a minute."""


class Part(StrEnum):
    """What has to work."""

    TELEGRAM = "telegram"
    """The poll loop turns, and Telegram answers it."""
    MONGODB = "mongodb"
    """MongoDB answers, and takes writes."""
    JOURNAL = "journal"
    """The journal can be read and written."""
    BACKLOG = "backlog"
    """What is in the journal is processed."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What can be measured, at one moment.

    Attributes:
        at: when.
        answers: whether MongoDB does.
        is_writable: whether the journal can be read and written; if not, all below may be unknown.
        last_poll: end of the last successful poll; None before the first.
        pending: unprocessed updates.
        oldest_pending: receipt of the oldest one of them.
        dead_letters: updates that were given up, as far as they are kept.
        stands_by: another service polls, and MongoDB tells when it last did.
        has_journal: whether the journal is in MongoDB, too.
    """

    at: datetime
    answers: bool
    is_writable: bool
    last_poll: datetime | None = None
    pending: int | None = None
    oldest_pending: datetime | None = None
    dead_letters: int | None = None
    stands_by: bool = False
    has_journal: bool = False

    @property
    def oldest_age(self) -> timedelta:
        """How long the oldest unprocessed update has been waiting; nothing when there is none."""
        return max(timedelta(0), self.at - (self.oldest_pending or self.at))


@dataclass(frozen=True, slots=True)
class PartFinding:
    """How one part is.

    Attributes:
        since: from when on it is broken, if the vitals tell.
    """

    part: Part
    is_well: bool
    since: datetime | None = None


def examine(vitals: Vitals) -> tuple[PartFinding, ...]:
    """The parts of which the vitals tell how they are.

    Nobody knows of polls while the journal cannot be read; nothing can be processed while MongoDB is away.
    """
    findings = []
    if vitals.stands_by and not vitals.answers:
        pass  # nobody tells
    elif vitals.last_poll is not None:
        has_polled = vitals.at - vitals.last_poll <= POLLED_WITHIN
        findings.append(PartFinding(Part.TELEGRAM, has_polled, None if has_polled else vitals.last_poll))
    elif vitals.pending is not None:
        findings.append(PartFinding(Part.TELEGRAM, is_well=False))
    findings.append(PartFinding(Part.MONGODB, vitals.answers))
    if vitals.answers or not vitals.has_journal:  # else it is one trouble
        findings.append(PartFinding(Part.JOURNAL, vitals.is_writable))
    if vitals.answers and vitals.pending is not None:
        drains = vitals.oldest_age <= DRAINED_WITHIN
        findings.append(PartFinding(Part.BACKLOG, drains, None if drains else vitals.oldest_pending))
    return tuple(findings)


def broken(findings: Iterable[PartFinding]) -> tuple[Part, ...]:
    """The parts that are broken."""
    return tuple(finding.part for finding in findings if not finding.is_well)


@dataclass(frozen=True, slots=True)
class AlertBounds:
    """How long something must last before it is told.

    Attributes:
        broken_for: since its trouble was first seen, before a part counts as broken.
        well_for: without a break, before a broken part counts as well again.
        apart: from one message that a part is broken to the next.
    """

    broken_for: timedelta = timedelta(seconds=30)
    well_for: timedelta = timedelta(seconds=30)
    apart: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class PartHistory:
    """How one part has been since the service was started.

    Attributes:
        is_well: None as long as it is not known.
        changed_at: since when it was seen like that without a break.
        broken_since: when the present trouble began, or the last one.
        seen_at: when that was first seen.
    """

    is_well: bool | None = None
    changed_at: datetime | None = None
    broken_since: datetime | None = None
    seen_at: datetime | None = None

    def after(self, finding: PartFinding, now: datetime, bounds: AlertBounds) -> PartHistory:
        """What it is after one more look."""
        changed_at = now if finding.is_well != self.is_well or self.changed_at is None else self.changed_at
        if finding.is_well:
            return replace(self, is_well=True, changed_at=changed_at)
        # A short recovery does not end a trouble.
        is_new = self.is_well is None or self.is_well_for(now, bounds) or self.broken_since is None
        since = (finding.since or now) if is_new else self.broken_since
        seen_at = now if is_new else self.seen_at
        return PartHistory(is_well=False, changed_at=changed_at, broken_since=since, seen_at=seen_at)

    def is_broken_for(self, now: datetime, bounds: AlertBounds) -> bool:
        """Whether it is broken for so long that it is told."""
        return self.is_well is False and _lasts(self.seen_at, now, bounds.broken_for)

    def is_well_for(self, now: datetime, bounds: AlertBounds) -> bool:
        """Whether it is well for so long that it is told."""
        return self.is_well is True and _lasts(self.changed_at, now, bounds.well_for)


@dataclass(frozen=True, slots=True)
class PartAlert:
    """What admins were told of one part; it outlives the process.

    Attributes:
        since: from when on it is broken, by the last message that has no all-clear yet; else None.
        told_at: when they were told last that it is broken.
    """

    since: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Broke:
    """To be told: a part is broken."""

    part: Part
    since: datetime


@dataclass(frozen=True, slots=True)
class Recovered:
    """To be told: a part is well again."""

    part: Part
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class DeadLettersGrew:
    """To be told: so many new dead letters."""

    number: int


@dataclass(frozen=True, slots=True)
class TookOver:
    """To be told: another service polls now, since nothing has been heard of the one that did.

    Attributes:
        lost, host: the two, for people.
        has_journal: whether the other one has what the lost one had received: they have one journal.
    """

    lost: str
    host: str
    has_journal: bool = False


@dataclass(frozen=True, slots=True)
class CoachUnreachable:
    """To be told: the coach's chat takes nothing, so that pain is not told there.

    Attributes:
        reason: Telegram's.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class TopicLost:
    """To be told: a topic takes nothing, so that what is meant for it goes to the chat itself.

    Attributes:
        reason: Telegram's.
    """

    chat_id: int
    thread_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class JournalEntriesMissing:
    """To be told: entries of the journal are missing.

    Attributes:
        loss: which.
        found_at: when that was noticed.
    """

    loss: JournalLoss
    found_at: datetime


@dataclass(frozen=True, slots=True)
class ChatsClosed:
    """To be told: chats take no messages, so that questions do not arrive there.

    Attributes:
        who: whose chat it is, by its id.
    """

    refusal: Refusal
    who: Mapping[int, str]


News: TypeAlias = (
    Broke
    | Recovered
    | DeadLettersGrew
    | TookOver
    | CoachUnreachable
    | TopicLost
    | JournalEntriesMissing
    | ChatsClosed
)


def decide(
    part: Part, history: PartHistory, told: PartAlert, now: datetime, bounds: AlertBounds
) -> Broke | Recovered | None:
    """What admins are to be told of a part now; None: nothing new, or not yet."""
    if told.since is not None:
        if history.changed_at is not None and history.is_well_for(now, bounds):
            return Recovered(part, told.since, history.changed_at)
        return None
    if history.broken_since is None or not history.is_broken_for(now, bounds):
        return None
    if _is_recent(told.told_at, now, bounds):
        return None
    return Broke(part, history.broken_since)


def newly_dead(
    dead_letters: int, told: int, told_at: datetime | None, now: datetime, bounds: AlertBounds
) -> int:
    """Of how many dead letters to tell now, when `told` of them were told before; 0: of none."""
    if _is_recent(told_at, now, bounds):
        return 0
    return max(0, dead_letters - told)


def _is_recent(told_at: datetime | None, now: datetime, bounds: AlertBounds) -> bool:
    """Whether the last message is too young for another; one from the future is of a clock that was wrong."""
    return told_at is not None and told_at <= now and now - told_at < bounds.apart


def _lasts(since: datetime | None, now: datetime, bound: timedelta) -> bool:
    return since is not None and now - since >= bound
