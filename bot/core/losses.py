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


@dataclass(frozen=True, slots=True)
class Numbers:
    """How far a journal is.

    Attributes:
        last: the number given out last; 0 before the first.
        done: nothing up to this number waits.
    """

    last: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """Entries that are not in the journal any more; some of them may have been processed.

    Attributes:
        first, last: their numbers.
    """

    first: int
    last: int

    @property
    def number(self) -> int:
        """How many at most."""
        return self.last - self.first + 1


def missing(known: Numbers, last: int) -> Loss | None:
    """What a journal lacks whose last number is `last`, although it is known to have been further."""
    first = max(known.done, last) + 1
    return Loss(first, known.last) if first <= known.last else None


@dataclass(frozen=True, slots=True)
class Known:
    """What MongoDB knows of a journal.

    Attributes:
        identity: of the journal, whatever becomes of its file.
        host, path: the machine, and DATA_DIR there.
        seen_ago: since its service last said how far it is.
        is_gone: its loss was told.
    """

    identity: str
    host: str
    path: str
    numbers: Numbers
    seen_ago: timedelta = timedelta()
    is_gone: bool = False


def lost_journals(mine: Known, known: Iterable[Known]) -> list[Known]:
    """The journals that were in the place of this one, which MongoDB does not know yet."""
    others = [other for other in known if other.identity != mine.identity]
    return [
        other for other in others if (other.host, other.path) == (mine.host, mine.path) and not other.is_gone
    ]
