"""Journal -> decide -> store -> answer.

Entries are processed in pages, in the order of arrival. A page's events go to MongoDB together. While
MongoDB is away the page waits here, the journal keeps the rest, and taps are answered all the same: with
"received", never with "saved". An entry leaves the journal when it is stored and answered; a crash before
that only means that it is processed again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from functools import partial
from typing import Any

from bot.core import texts
from bot.core.callbacks import Callback
from bot.core.clock import Clock
from bot.core.documents import FeedbackEvent
from bot.core.errors import JournalError, StorageRejected, StorageUnavailable
from bot.core.feedback import NotWritten, Outcome, Session, Tap, derive_event, named_session, read_tap
from bot.core.updates import (
    CommandUpdate,
    Prompted,
    TapUpdate,
    UnreadableUpdate,
    is_refused,
    query_id_of,
    read_update,
)
from bot.flows.answers import Answer, Answerer
from bot.flows.commands import Commands
from bot.flows.marks import Choice, Marker
from bot.journal import Entry, Journal
from bot.logs import Recurring, describe_defect
from bot.store.feedback import FeedbackStore, Recorded, Unrecordable
from bot.store.prompts import PromptStore
from bot.store.taps import LedgerEntry, TapLedger

log = logging.getLogger(__name__)

# How long a tap may wait for MongoDB before it is told that it was received.
ANSWER_WITHIN = timedelta(seconds=2)
MAX_TRIES = 3

_PAGE = 500
_SMALLEST_BATCH = 25
_BOOKS_INTERVAL = 0.1
_COMPACT_AFTER = 1_000
_WAITING_INTERVAL = 0.5
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about taps."""

    athletes: frozenset[int]
    admins: frozenset[int]
    zone: tzinfo
    late_after_days: int


@dataclass(slots=True)
class _Item:
    """A tap on its way: `verdict` is a `Callback` as long as the database is needed to decide."""

    entry: Entry
    tap: Tap
    prompted: Prompted
    verdict: Callback | FeedbackEvent | NotWritten


class Recorder:
    """Processes the journal; owns the way of every entry from pending to finished or dead."""

    def __init__(
        self,
        *,
        journal: Journal,
        events: FeedbackStore,
        prompts: PromptStore,
        ledger: TapLedger,
        answerer: Answerer,
        marker: Marker,
        commands: Commands,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._events = events
        self._prompts = prompts
        self._ledger = ledger
        self._answerer = answerer
        self._marker = marker
        self._commands = commands
        self._rules = rules
        self._clock = clock
        self._new = asyncio.Event()
        self._idle = asyncio.Event()
        self._answered: set[int] = set()
        self._stored: set[int] = set()
        self._replied: set[int] = set()
        self._to_finish: list[int] = []
        self._to_mark: list[int] = []
        self._store_trouble = Recurring(log)
        self._disk_trouble = Recurring(log)

    def wake(self) -> None:
        """The journal has something new."""
        self._idle.clear()
        self._new.set()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        return [self._drain(), self._answer_the_waiting(), self._keep_books()]

    async def drained(self) -> None:
        """Return when everything received is stored, refused or given up."""
        await self._idle.wait()

    async def _drain(self) -> None:
        position = 0
        while True:
            self._new.clear()
            try:
                page = await self._journal.pending(after=position, limit=_PAGE)
            except JournalError as exc:
                self._disk_trouble.met(str(exc), logging.ERROR)
                await asyncio.sleep(_LONGEST_DELAY)
                continue
            if page:
                await self._process(page)
                position = page[-1].seq
            elif not self._new.is_set():
                self._idle.set()
                await self._new.wait()

    async def _process(self, page: Sequence[Entry]) -> None:
        items, refused = [], []
        for entry in page:
            found = await self._read(entry)
            if isinstance(found, _Item):
                items.append(found)
            elif found is not None:
                refused.append((entry, found))
        for item in items:
            if isinstance(item.verdict, NotWritten):
                self._answer(item.entry, self._refusal(item.tap.query_id, item.verdict))
        try:
            await self._persist(items, refused)
        except Exception as exc:  # noqa: BLE001  # a defect with one tap must not hold up the others
            log.error("a page failed, trying its taps one by one: %s", describe_defect(exc))
            for item in items:
                await self._persist_alone(item)
            for entry, _ in refused:
                self._is_stored(entry.seq)

    async def _read(self, entry: Entry) -> _Item | LedgerEntry | None:
        """The tap in an entry, or the count of a message that is refused; the rest is seen to here."""
        try:
            match update := read_update(entry.update, entry.received_at):
                case TapUpdate(tap, prompted):
                    return _Item(entry, tap, prompted, self._first_verdict(tap))
                case CommandUpdate() if is_refused(update, self._rules.athletes, self._rules.admins):
                    self._commands.put(update, partial(self._is_answered, entry.seq))
                    key = f"update-{update.update_id}"
                    return LedgerEntry(key, update.update_id, entry.received_at, Outcome.REFUSED_COMMAND)
                case CommandUpdate():
                    self._commands.put(update, partial(self._to_finish.append, entry.seq))
                case None:
                    self._to_finish.append(entry.seq)
        except UnreadableUpdate as exc:
            await self._bury(entry, str(exc))
        except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
            await self._bury(entry, describe_defect(exc))
        return None

    async def _persist(
        self, items: Sequence[_Item], refused: Sequence[tuple[Entry, LedgerEntry]] = ()
    ) -> None:
        """Store what is to be stored, however long MongoDB is away; then answer."""
        if not items and not refused:
            return
        delay = _FIRST_DELAY
        while True:
            try:
                results = await self._store(items, [count for _, count in refused])
                self._store_trouble.over("taps are stored again")
                break
            except (StorageUnavailable, StorageRejected) as exc:
                level = logging.WARNING if isinstance(exc, StorageUnavailable) else logging.ERROR
                self._store_trouble.met(f"{exc}; received taps are kept in the journal", level)
                await asyncio.sleep(delay)
                delay = min(_LONGEST_DELAY, delay * 2)
                if len(items) > _SMALLEST_BATCH:
                    # A server that is too slow for all of them may be quick enough for a few.
                    half = len(items) // 2
                    await self._persist(items[:half], refused)
                    await self._persist(items[half:])
                    return
        for item, result in zip(items, results, strict=True):
            match result:
                case Recorded():
                    self._confirm(item, result)
                case NotWritten():
                    self._answer(item.entry, self._refusal(item.tap.query_id, result))
                case Unrecordable():
                    await self._bury(item.entry, result.reason)
                    continue
            self._is_stored(item.entry.seq)
        for entry, _ in refused:
            self._is_stored(entry.seq)

    async def _persist_alone(self, item: _Item) -> None:
        for tries in range(item.entry.attempts + 1, MAX_TRIES + 1):
            try:
                await self._persist([item])
                return
            except Exception as exc:  # noqa: BLE001  # becomes a dead letter
                reason = describe_defect(exc)
                if tries == MAX_TRIES:
                    await self._bury(item.entry, reason)
                else:
                    await self._journaled(partial(self._journal.failed, item.entry.seq, reason, bury=False))

    async def _store(
        self, items: Sequence[_Item], refused: Sequence[LedgerEntry]
    ) -> list[Recorded | Unrecordable | NotWritten]:
        await self._look_up([item for item in items if isinstance(item.verdict, Callback)])
        events = [item.verdict for item in items if isinstance(item.verdict, FeedbackEvent)]
        recorded = iter(await self._events.record(events))
        results = [v if isinstance(v := item.verdict, NotWritten) else next(recorded) for item in items]
        taps = [
            LedgerEntry(
                item.tap.query_id,
                item.tap.update_id,
                item.tap.received_at,
                result.outcome if isinstance(result, NotWritten) else Outcome.WRITTEN,
            )
            for item, result in zip(items, results, strict=True)
            if not isinstance(result, Unrecordable)
        ]
        await self._ledger.record([*taps, *refused])
        return results

    async def _look_up(self, items: Sequence[_Item]) -> None:
        """Final verdicts, with the prompt records, where a tap itself does not say enough."""
        callbacks = {item.entry.seq: item.verdict for item in items if isinstance(item.verdict, Callback)}
        known = await self._prompts.resolve({c.run_id for c in callbacks.values() if c.is_reference})
        for item in items:
            tap, callback = item.tap, callbacks[item.entry.seq]
            session = named_session(tap, callback)
            if callback.is_reference:
                if callback.run_id not in known:
                    item.verdict = NotWritten(Outcome.UNKNOWN)
                    continue
                session = Session(*known[callback.run_id], tap.prompt_at)
            if session.prompt_at is None:
                session = replace(
                    session,
                    prompt_at=await self._prompts.sent_at(
                        session.run_id, session.session_id, tap.chat_id, tap.message_id
                    ),
                )
            item.verdict = self._derive(tap, callback, session)

    def _first_verdict(self, tap: Tap) -> Callback | FeedbackEvent | NotWritten:
        """As far as one gets without the database."""
        verdict = read_tap(tap, self._rules.athletes)
        if isinstance(verdict, NotWritten) or verdict.is_reference or tap.prompt_at is None:
            return verdict
        return self._derive(tap, verdict, named_session(tap, verdict))

    def _derive(self, tap: Tap, callback: Callback, session: Session) -> FeedbackEvent | NotWritten:
        return derive_event(
            tap, callback, session, zone=self._rules.zone, late_after_days=self._rules.late_after_days
        )

    # An entry is finished by two steps in either order: its outcome is stored, and its tap is answered.

    def _confirm(self, item: _Item, result: Recorded) -> None:
        tap, event = item.tap, item.verdict
        text = texts.saved(result.type) if result.won else texts.superseded(result.type)
        self._answer(item.entry, Answer(tap.query_id, text))
        if isinstance(event, FeedbackEvent) and tap.chat_id is not None and tap.message_id is not None:
            choice = Choice(tap.chat_id, tap.message_id, event.run_id, event.session_id, result.type)
            self._marker.put(choice, item.prompted)

    def _refusal(self, query_id: str, verdict: NotWritten) -> Answer:
        return Answer(query_id, texts.not_written(verdict, self._rules.late_after_days), alert=True)

    def _answer(self, entry: Entry, answer: Answer, done: Callable[[], None] = lambda: None) -> None:
        """Answer a tap once; further calls for it do nothing."""
        if entry.seq in self._answered:
            return
        self._answered.add(entry.seq)
        if entry.answered:  # before a restart
            self._is_answered(entry.seq)
            return

        def sent() -> None:
            done()
            self._is_answered(entry.seq)

        self._answerer.put(answer, sent)

    def _is_stored(self, seq: int) -> None:
        self._stored.add(seq)
        self._finish_if_both(seq)

    def _is_answered(self, seq: int) -> None:
        self._replied.add(seq)
        self._finish_if_both(seq)

    def _finish_if_both(self, seq: int) -> None:
        if seq in self._stored and seq in self._replied:
            for done in (self._stored, self._replied, self._answered):
                done.discard(seq)
            self._to_finish.append(seq)

    async def _bury(self, entry: Entry, reason: str) -> None:
        """Make an entry a dead letter; its tap, if it is one, is answered all the same."""
        if (query_id := query_id_of(entry.update)) is not None:
            self._answer(entry, Answer(query_id, texts.NOT_SAVED, alert=True))
        log.error("update at journal position %d becomes a dead letter: %s", entry.seq, reason)
        await self._journaled(partial(self._journal.failed, entry.seq, reason, bury=True))

    async def _answer_the_waiting(self) -> None:
        """Tell taps that wait for MongoDB that they were received."""
        position = 0
        while True:
            await asyncio.sleep(_WAITING_INTERVAL)
            if self._idle.is_set():
                continue
            try:
                waiting = await self._journal.unanswered(
                    after=position, before=self._clock() - ANSWER_WITHIN, limit=_PAGE
                )
            except JournalError:
                continue  # reported by those who must write
            finished = set(self._to_finish)
            for entry in waiting:
                position = entry.seq
                if entry.seq not in finished and entry.seq not in self._answered:
                    self._answer_early(entry)

    def _answer_early(self, entry: Entry) -> None:
        try:
            update = read_update(entry.update, entry.received_at)
            verdict = self._first_verdict(update.tap) if isinstance(update, TapUpdate) else None
        except Exception:  # noqa: BLE001  # becomes a dead letter when its turn comes
            return
        if isinstance(update, TapUpdate):
            answer = Answer(update.tap.query_id, texts.RECEIVED)
            if isinstance(verdict, NotWritten):
                answer = self._refusal(update.tap.query_id, verdict)
            self._answer(entry, answer, partial(self._to_mark.append, entry.seq))

    async def _keep_books(self) -> None:
        """Tell the journal, a few times a second, what is finished, and keep its file small."""
        finished = 0
        while True:
            await asyncio.sleep(_BOOKS_INTERVAL)
            try:
                finished += await self.settle()
                self._disk_trouble.over("the journal can be written again")
                if finished >= _COMPACT_AFTER and self._idle.is_set():
                    await self._journal.compact()
                    finished = 0
            except JournalError as exc:
                self._disk_trouble.met(str(exc), logging.ERROR)
                await asyncio.sleep(_LONGEST_DELAY)

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

    async def _journaled(self, write: Callable[[], Awaitable[None]]) -> None:
        """Repeat a write until the disk takes it."""
        while True:
            try:
                await write()
                return
            except JournalError as exc:
                self._disk_trouble.met(str(exc), logging.ERROR)
                await asyncio.sleep(_LONGEST_DELAY)
