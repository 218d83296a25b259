"""What of the journal's entries is done, and what is still missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from bot.core.shared.backoff import constant
from bot.core.shared.errors import JournalError
from bot.services.periodic import FaultLog, repeat, retry
from bot.store.inbox.journal import Entry, Journal

log = logging.getLogger(__name__)

_INTERVAL = 0.1
_COMPACT_AFTER = 1_000
DISK_BACKOFF = constant(2.0)


class Acknowledgements:
    """Keeps account of the entries in work, and tells the journal a few times a second what is finished.

    A tap is finished by two steps in either order: its outcome is stored, and it is answered. What was not
    told to the journal before a crash is done again, which changes nothing.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._answering: set[int] = set()
        self._promised: set[int] = set()  # told that they were received, and not yet stored
        self._stored: set[int] = set()
        self._answered: set[int] = set()
        self._tied: dict[int, list[int]] = {}
        self._to_finish: list[int] = []
        self._to_mark: list[int] = []
        self._settled = 0  # since the file was made small
        self._faults = FaultLog(
            log,
            waits="",
            fails="telling the journal what is finished fails",
            again="the journal can be written again",
            expected=(JournalError,),
            severe=(JournalError,),
        )

    # Of taps

    def begin_answer(self, seq: int) -> bool:
        """Whether a tap is to be answered now: the first time only."""
        if seq in self._answering:
            return False
        self._answering.add(seq)
        return True

    def abandon_answer(self, seq: int) -> None:
        """A tap is not answered after all: it may be begun again."""
        self._answering.discard(seq)

    def unanswered(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that nobody has begun to answer."""
        finished = set(self._to_finish)
        return [entry for entry in entries if entry.seq not in finished and entry.seq not in self._answering]

    def promise(self, seq: int) -> None:
        """A tap is told that it was received; what becomes of it is not known."""
        self._promised.add(seq)

    def is_promised(self, seq: int) -> bool:
        """Whether a tap was told so since the start."""
        return seq in self._promised

    def received_told(self, seq: int) -> None:
        """The telling has ended: after a restart it is not repeated."""
        self._to_mark.append(seq)

    def stored(self, seq: int) -> None:
        """What becomes of an entry is durable."""
        self._stored.add(seq)
        self._finish_if_both(seq)

    def answered(self, seq: int) -> None:
        """The answer to an entry is sent or given up."""
        self._answered.add(seq)
        self._finish_if_both(seq)

    def _finish_if_both(self, seq: int) -> None:
        if seq in self._stored and seq in self._answered:
            for steps in (self._stored, self._answered, self._answering, self._promised):
                steps.discard(seq)
            self.finished(seq)

    # Of all entries

    def tie(self, seq: int, others: Iterable[int]) -> None:
        """An entry stands for others, too: they are finished, or given up, when it is."""
        self._tied[seq] = list(others)

    def finished(self, seq: int) -> None:
        """Nothing is left to do for an entry."""
        self._to_finish += [*self._tied.pop(seq, ()), seq]

    async def failed(self, seq: int, reason: str, *, give_up: bool) -> None:
        """Note a failed try, or, to `give_up`, a dead letter; return when the disk has taken it."""
        if give_up:
            self._promised.discard(seq)
            for other in self._tied.pop(seq, ()):
                await self.failed(other, reason, give_up=True)
        await retry(lambda: self._journal.failed(seq, reason, give_up=give_up), DISK_BACKOFF, self._faults)

    async def wait_for_disk(self, trouble: JournalError) -> None:
        """Tell of trouble with the disk, once, and wait for the next try."""
        self._faults.met(trouble)
        await asyncio.sleep(DISK_BACKOFF.delay(1))

    async def keep(self, is_idle: Callable[[], bool]) -> None:
        """Until cancelled, tell the journal what is finished, and keep its file small when there is time."""

        async def step() -> None:
            self._settled += await self.settle()
            if self._settled >= _COMPACT_AFTER and is_idle():
                await self._journal.compact()
                self._settled = 0

        await repeat(step, _INTERVAL, self._faults, backoff=DISK_BACKOFF)

    async def settle(self) -> int:
        """Write to the journal what is finished; returns how many entries.

        Raises:
            JournalError: it could not be written; nothing is forgotten.
        """
        if finished := self._to_finish.copy():
            await self._journal.finish(finished)
            del self._to_finish[: len(finished)]
        if marked := self._to_mark.copy():
            await self._journal.mark_answered(marked)
            del self._to_mark[: len(marked)]
        return len(finished)
