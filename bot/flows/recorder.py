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
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.core.callbacks import Callback, FeedbackType
from bot.core.clock import Clock
from bot.core.details import Detail, Details, DetailTap, next_question, question_after
from bot.core.errors import JournalError, StorageError, StorageRejected, StorageUnavailable
from bot.core.feedback import NotWritten, Outcome, Tap
from bot.core.language import Language
from bot.core.shown import Choice, Edit, show
from bot.core.texts import answers as texts
from bot.core.texts import details as detail_texts
from bot.core.texts.people import NOT_DONE
from bot.core.updates import (
    CommandUpdate,
    NoteUpdate,
    Prompted,
    TapUpdate,
    UnreadableUpdate,
    is_refused,
    language_of_sender,
    query_id_of,
    read_update,
    sender_of,
)
from bot.flows.actions import Acted
from bot.flows.answers import Answer, Answerer
from bot.flows.commands import Commands
from bot.flows.languages import Languages
from bot.flows.marks import Marker
from bot.flows.notes import Notes
from bot.flows.replies import Reply
from bot.flows.requests import Requests, is_request
from bot.flows.roster import RosterKeeper
from bot.flows.taps import Case, Postponed, Taps, Told
from bot.journal import Entry, Journal
from bot.logs import Recurring, describe_defect
from bot.store.feedback import Recorded, Unrecordable
from bot.store.taps import LedgerEntry

log = logging.getLogger(__name__)

# How long a tap may wait for MongoDB before it is told that it was received.
ANSWER_WITHIN = timedelta(seconds=2)
MAX_TRIES = 3

# What the database may tell of an answer after all.
_NOT_FORESEEN = frozenset({Outcome.LATE, Outcome.UNKNOWN})
_PAGE = 500
_SMALLEST_BATCH = 25
_BOOKS_INTERVAL = 0.1
_COMPACT_AFTER = 1_000
_WAITING_INTERVAL = 0.5
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about taps.

    Attributes:
        asked: what athletes are asked about their answers.
    """

    admins: frozenset[int]
    late_after_days: int
    asked: frozenset[Detail] = frozenset()


@dataclass(frozen=True, slots=True)
class _Item:
    """A tap."""

    entry: Entry
    case: Case
    prompted: Prompted
    language: Language


@dataclass(slots=True)
class _Message:
    """A message that needs the database: a request, a note, or one to be refused unless the roster changed.

    Attributes:
        reply: to a request that is carried out.
        is_refused: as far as is known by now.
        rejections: how often MongoDB has refused it.
        failure: why it is given up.
        is_done: seen to, and the reply is on its way.
    """

    entry: Entry
    command: CommandUpdate | NoteUpdate
    reply: Reply | None = None
    is_refused: bool = False
    rejections: int = 0
    failure: str | None = None
    is_done: bool = False


class Recorder:
    """Processes the journal; owns the way of every entry from pending to finished or dead."""

    def __init__(
        self,
        *,
        journal: Journal,
        roster: RosterKeeper,
        taps: Taps,
        requests: Requests,
        notes: Notes,
        languages: Languages,
        answerer: Answerer,
        marker: Marker,
        commands: Commands,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._roster = roster
        self._taps = taps
        self._requests = requests
        self._notes = notes
        self._languages = languages
        self._answerer = answerer
        self._marker = marker
        self._commands = commands
        self._rules = rules
        self._clock = clock
        self._new = asyncio.Event()
        self._idle = asyncio.Event()
        self._answered: set[int] = set()
        self._promised: set[int] = set()  # told that they were received, and not yet stored
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
        items: list[_Item] = []
        messages: list[_Message] = []
        for entry in page:
            found = await self._read(entry)
            if isinstance(found, _Item):
                items.append(found)
            elif found is not None:
                messages.append(found)
        self._answer_refused(items)
        try:
            await self._persist(items, messages)
        except Exception as exc:  # noqa: BLE001  # a defect with one entry must not hold up the others
            log.error("a page failed, trying its entries one by one: %s", describe_defect(exc))
            for message in messages:
                if not message.is_done:
                    await self._persist_alone([], [message])
            for item in items:
                await self._persist_alone([item], [])

    async def _read(self, entry: Entry) -> _Item | _Message | None:
        """What the database is needed for in an entry; the rest is seen to here."""
        try:
            match update := read_update(entry.update, entry.received_at):
                case TapUpdate(tap, prompted):
                    self._languages.hear(tap.user_id, tap.language_code)
                    # Told now: what is asked for may be to forget it.
                    return _Item(entry, self._taps.judge(tap), prompted, self._language(tap))
                case NoteUpdate():
                    self._languages.hear(update.user_id, update.language_code)
                    return _Message(entry, update)
                case CommandUpdate():
                    self._languages.hear(update.user_id, update.language_code)
                    if is_request(update) or self._is_refused(update):
                        return _Message(entry, update)
                    self._commands.put(update, partial(self._to_finish.append, entry.seq))
                case None:
                    self._to_finish.append(entry.seq)
        except UnreadableUpdate as exc:
            await self._bury(entry, str(exc))
        except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
            await self._bury(entry, describe_defect(exc))
        return None

    async def _persist(self, items: Sequence[_Item], messages: Sequence[_Message]) -> None:
        """Store what is to be stored, however long MongoDB is away; then answer."""
        if not items and not messages:
            return
        delay = _FIRST_DELAY
        while True:
            try:
                await self._store(items, messages)
                self._store_trouble.over("taps are stored again")
                break
            except StorageError as exc:
                level = logging.WARNING if isinstance(exc, StorageUnavailable) else logging.ERROR
                self._store_trouble.met(f"{exc}; received taps are kept in the journal", level)
                await asyncio.sleep(delay)
                delay = min(_LONGEST_DELAY, delay * 2)
                if len(items) > _SMALLEST_BATCH:
                    # A server that is too slow for all of them may be quick enough for a few.
                    half = len(items) // 2
                    await self._persist(items[:half], messages)
                    await self._persist(items[half:], [])
                    return
        for item in items:
            await self._report(item)
        for message in messages:
            if message.failure is not None:
                await self._give_up(message, message.failure)
                continue
            self._commands.put(message.command, partial(self._is_answered, message.entry.seq), message.reply)
            self._is_stored(message.entry.seq)
            message.is_done = True

    async def _give_up(self, message: _Message, reason: str) -> None:
        message.is_done = True
        language = self._languages.of(message.command.user_id, message.command.language_code)
        self._commands.put(message.command, lambda: None, Reply(NOT_DONE(language)))
        await self._bury(message.entry, reason)

    async def _persist_alone(self, items: Sequence[_Item], messages: Sequence[_Message]) -> None:
        (entry,) = [*(item.entry for item in items), *(message.entry for message in messages)]
        for tries in range(entry.attempts + 1, MAX_TRIES + 1):
            try:
                await self._persist(items, messages)
                return
            except Exception as exc:  # noqa: BLE001  # becomes a dead letter
                reason = describe_defect(exc)
                if tries == MAX_TRIES:
                    for message in messages:
                        await self._give_up(message, reason)
                    for item in items:
                        await self._bury(item.entry, reason)
                else:
                    await self._journaled(partial(self._journal.failed, entry.seq, reason, bury=False))

    async def _store(self, items: Sequence[_Item], messages: Sequence[_Message]) -> None:
        cases = [item.case for item in items]
        unknown = {case.tap.user_id for case in cases if case.wish is None and case.verdict is None}
        senders = {message.command.user_id for message in messages}
        if unknown or senders:
            # Whoever is unknown may have been added a moment ago.
            await self._roster.loaded({user_id for user_id in (*unknown, *senders) if user_id is not None})
        for message in messages:
            await self._see_to(message)
        refused = [
            LedgerEntry(
                f"update-{message.command.update_id}",
                message.command.update_id,
                message.entry.received_at,
                Outcome.REFUSED_COMMAND,
            )
            for message in messages
            if message.is_refused
        ]
        self._taps.recognise(cases)
        self._answer_refused(items)
        await self._taps.store(cases, refused)

    async def _see_to(self, message: _Message) -> None:
        """Carry out a request; everything else is only refused or not."""
        command = message.command
        message.is_refused = self._is_refused(command)
        if not isinstance(command, NoteUpdate) and not is_request(command):
            return
        if message.reply is None and message.failure is None:
            try:
                message.reply = await self._carry_out(command, message.entry.received_at)
            except StorageRejected as exc:
                # What MongoDB will never take must not hold up everybody's taps.
                message.rejections += 1
                if message.rejections < MAX_TRIES:
                    raise
                message.failure = str(exc)
        if message.reply is not None:
            message.is_refused = message.reply.is_refused

    async def _carry_out(self, update: CommandUpdate | NoteUpdate, received_at: datetime) -> Reply:
        athlete = self._roster.athlete(update.user_id)
        language = self._languages.of(update.user_id, update.language_code)
        is_admin = update.user_id in self._rules.admins
        if isinstance(update, NoteUpdate):
            return await self._notes.take(
                update, athlete, language, is_admin=is_admin, received_at=received_at
            )
        return await self._requests.carry_out(
            update, athlete, language, is_admin=is_admin, received_at=received_at
        )

    def _is_refused(self, command: CommandUpdate | NoteUpdate) -> bool:
        is_athlete = self._roster.athlete(command.user_id) is not None
        return is_refused(command, is_athlete=is_athlete, is_admin=command.user_id in self._rules.admins)

    # An entry is finished by two steps in either order: its outcome is stored, and its tap is answered.

    def _answer_refused(self, items: Sequence[_Item]) -> None:
        """Answer those of which is known that they will not be written."""
        for item in items:
            if isinstance(item.case.verdict, NotWritten):
                self._answer(item.entry, self._refusal(item.case, item.case.verdict))

    async def _report(self, item: _Item) -> None:
        """Tell what came of a tap that is seen to."""
        case, language = item.case, item.language
        match case.result:
            case Recorded():
                self._confirm(item, case.result, language)
            case Told():
                self._thank(item, case.result, language)
            case Acted(say, is_alert, instead):
                self._answer(item.entry, Answer(case.tap.query_id, say(language), alert=is_alert))
                if instead is not None:
                    self._show(case.tap, partial(Edit, instead(language), [], []))
            case Postponed(again_at, zone):
                text = texts.postponed(again_at, zone, self._clock(), language)
                self._answer(item.entry, Answer(case.tap.query_id, text))
            case NotWritten():
                refusal = self._refusal(case, case.result)
                if item.entry.seq in self._promised and case.result.outcome in _NOT_FORESEEN:
                    self._write_after(item.entry, refusal.text)
                self._answer(item.entry, refusal)
            case Unrecordable():
                await self._bury(item.entry, case.result.reason)
                return
        self._is_stored(item.entry.seq)

    def _confirm(self, item: _Item, result: Recorded, language: Language) -> None:
        case = item.case
        if not result.won:
            text = texts.superseded(result.type, language)
        elif case.is_new:
            text = texts.saved(result.type, language)
        else:
            text = texts.saved_already(result.type, language)
        self._answer(item.entry, Answer(case.tap.query_id, text))
        question = next_question(result.type, result.details, self._rules.asked)
        self._mark(item, result.type, result.details, question, language)

    def _thank(self, item: _Item, result: Told, language: Language) -> None:
        case, wish = item.case, item.case.wish
        if not isinstance(wish, DetailTap):
            return
        details = result.standing.details
        if wish.ask_again:
            text = detail_texts.ASKED_AGAIN(language)
        elif wish.value is None or details.value(wish.detail) is None:
            is_said = details.value(wish.detail) is not None
            text = (detail_texts.KEPT if is_said else detail_texts.LEFT_OUT)(language)
        else:
            text = detail_texts.saved(wish.detail, details.value(wish.detail) or 0, language)
        self._answer(item.entry, Answer(case.tap.query_id, text))
        question = question_after(wish, result.type, self._rules.asked)
        self._mark(item, result.type, details, question, language)

    def _mark(
        self,
        item: _Item,
        type_: FeedbackType,
        details: Details,
        question: Detail | None,
        language: Language,
    ) -> None:
        """Show in its message what counts, and what is asked next."""
        tap, session, wish = item.case.tap, item.case.session, item.case.wish
        if session is None or tap.chat_id is None or tap.message_id is None:
            return
        choice = Choice(
            run_id=session.run_id,
            session_id=session.session_id,
            by_reference=isinstance(wish, Callback | DetailTap) and wish.is_reference,
            type=type_,
            details=details,
            question=question,
            language=language,
        )
        self._show(tap, partial(show, item.prompted, choice))

    def _show(self, tap: Tap, render: Callable[[], Edit]) -> None:
        if tap.chat_id is not None and tap.message_id is not None:
            self._marker.put(tap.chat_id, tap.message_id, render)

    def _language(self, tap: Tap) -> Language:
        return self._languages.of(tap.user_id, tap.language_code)

    def _refusal(self, case: Case, verdict: NotWritten) -> Answer:
        text = texts.not_written(verdict, self._rules.late_after_days, self._language(case.tap))
        return Answer(case.tap.query_id, text, alert=True)

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
            for done in (self._stored, self._replied, self._answered, self._promised):
                done.discard(seq)
            self._to_finish.append(seq)

    async def _bury(self, entry: Entry, reason: str) -> None:
        """Make an entry a dead letter; its tap, if it is one, is answered all the same."""
        if (query_id := query_id_of(entry.update)) is not None:
            language = self._languages.of(sender_of(entry.update), language_of_sender(entry.update))
            if entry.seq in self._promised or entry.answered:
                self._promised.discard(entry.seq)
                self._write_after(entry, texts.NOT_SAVED_AFTER_ALL(language))
            self._answer(entry, Answer(query_id, texts.NOT_SAVED(language), alert=True))
        log.error("update at journal position %d becomes a dead letter: %s", entry.seq, reason)
        await self._journaled(partial(self._journal.failed, entry.seq, reason, bury=True))

    def _write_after(self, entry: Entry, text: str) -> None:
        """Say in their chat what has become of a tap that was only told that it was received."""
        try:
            update = read_update(entry.update, entry.received_at)
        except UnreadableUpdate:
            return  # nor could it be told anything
        tap = update.tap if isinstance(update, TapUpdate) else None
        if tap is None or tap.user_id is None or tap.chat_id is None:
            return
        is_private = tap.chat_id == tap.user_id
        message = CommandUpdate(
            tap.update_id, tap.user_id, tap.chat_id, is_private, "", "", tap.language_code
        )
        self._commands.put(message, lambda: None, Reply(text))

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
            case = self._taps.judge(update.tap) if isinstance(update, TapUpdate) else None
        except Exception:  # noqa: BLE001  # becomes a dead letter when its turn comes
            return
        if case is None:
            return
        if isinstance(case.verdict, NotWritten):
            answer = self._refusal(case, case.verdict)
        else:
            text = texts.RECEIVED if case.is_answer else texts.RECEIVED_UNJUDGED
            answer = Answer(case.tap.query_id, text(self._language(case.tap)))
            self._promised.add(entry.seq)
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
