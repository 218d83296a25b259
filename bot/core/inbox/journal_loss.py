"""What is missing of a journal: what it holds, beside what others know that it held. Pure.

A journal numbers its entries from 1, and uses no number twice. Who knows its numbers (the file beside it, and
MongoDB) therefore knows what was in a journal that was lost, emptied, or put back from an older copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

TOLD_FOR = timedelta(days=14)
"""`doctor` tells of a loss for so long."""
SILENT_AFTER = timedelta(minutes=10)
"""A journal that nobody has been heard of for so long, and that is not worked off, is told of by `doctor`."""
LONG_SILENT_AFTER = timedelta(hours=1)
"""And after so long by the log of the service that polls."""
SEEN_EVERY = timedelta(minutes=1)
"""A service that lives says at least so often how far its journal is."""
LOST_AFTER = 3 * SEEN_EVERY
"""No service has a journal any more of which nothing was heard for so long, although MongoDB was there."""


@dataclass(frozen=True, slots=True)
class JournalNumbers:
    """How far a journal is.

    Attributes:
        last: the number given out last; 0 before the first.
        done: nothing up to this number waits.
    """

    last: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class JournalLoss:
    """Entries that are not in the journal any more; some of them may have been processed.

    Attributes:
        first, last: their numbers.
        is_open: there may have been later ones, too.
    """

    first: int
    last: int
    is_open: bool = False

    @property
    def number(self) -> int:
        """How many at most, as far as is known."""
        return self.last - self.first + 1


def missing(known: JournalNumbers, last: int) -> JournalLoss | None:
    """What a journal lacks whose last number is `last`, although it is known to have been further."""
    first = max(known.done, last) + 1
    return JournalLoss(first, known.last) if first <= known.last else None


@dataclass(frozen=True, slots=True)
class KnownJournal:
    """What MongoDB knows of a journal.

    Attributes:
        identity: of the journal, whatever becomes of its file.
        host, path: the machine, and DATA_DIR there.
        seen_ago: since its service last said how far it is.
        known_for: since its service first said so.
        is_closed: its service was stopped in order, after it said so.
        is_gone: its loss was told.
    """

    identity: str
    host: str
    path: str
    numbers: JournalNumbers
    seen_ago: timedelta = timedelta()
    known_for: timedelta = timedelta()
    is_closed: bool = False
    is_gone: bool = False


def lost_journals(identity: str, known: Iterable[KnownJournal]) -> list[KnownJournal]:
    """The journals that were in the place of this one, whose loss was not told yet.

    One of which anything was heard since this one is known is elsewhere: two machines may have one name and
    one path. To be asked when MongoDB has been there for `LOST_AFTER`: else who lives could not say so.
    """
    known = list(known)
    mine = next((journal for journal in known if journal.identity == identity), None)
    if mine is None:
        return []
    others = (it for it in known if it is not mine and (it.host, it.path) == (mine.host, mine.path))
    oldest = max(mine.known_for, LOST_AFTER)
    return [it for it in others if not it.is_gone and it.seen_ago >= oldest]


def left_alone(known: Iterable[KnownJournal], since: timedelta) -> list[KnownJournal]:
    """The journals with something to process of which nothing has been heard for longer, nor told."""
    return [
        it for it in known if it.numbers.last > it.numbers.done and not it.is_gone and it.seen_ago > since
    ]


def loss_of(lost: KnownJournal) -> JournalLoss | None:
    """What is missing with a whole journal. What it took after MongoDB was told last, nobody knows."""
    numbers = lost.numbers
    if lost.is_closed and numbers.done >= numbers.last:
        return None
    return JournalLoss(min(numbers.done, numbers.last) + 1, numbers.last, is_open=not lost.is_closed)
