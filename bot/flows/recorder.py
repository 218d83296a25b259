"""Journal -> decide -> store.

Entries are processed in pages, in the order of arrival. A page's events go to MongoDB together. While
MongoDB is away the page waits here, the journal keeps the rest, and taps are answered all the same: with
"received", never with "saved". An entry leaves the journal when it is stored and answered; a crash before
that only means that it is processed again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from bot.core.errors import JournalError, StorageError, StorageRejected, StorageUnavailable
from bot.core.feedback import Outcome
from bot.core.texts.people import NOT_DONE
from bot.core.updates import (
    CommandUpdate,
    NoteUpdate,
    TapUpdate,
    UnreadableUpdate,
    is_refused,
    read_update,
)
from bot.flows.books import Books
from bot.flows.commands import Commands
from bot.flows.languages import Languages
from bot.flows.notes import Notes
from bot.flows.replies import Reply
from bot.flows.requests import Requests, is_request
from bot.flows.responder import Responder, TapEntry
from bot.flows.roster import RosterKeeper
from bot.flows.taps import Taps
from bot.journal import Entry, Journal
from bot.logs import Recurring, describe_defect
from bot.store.feedback import Unrecordable
from bot.store.taps import LedgerEntry

log = logging.getLogger(__name__)

_T = TypeVar("_T")

MAX_TRIES = 3

_PAGE = 500
_SMALLEST_BATCH = 25
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 2.0


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

    @property
    def is_about_answers(self) -> bool:
        """Whether what comes of it depends on the taps that came with it."""
        return isinstance(self.command, NoteUpdate) or self.command.name == "pending"


class Recorder:
    """Processes the journal: what is in it is stored, refused, or becomes a dead letter.

    Args:
        responder: what taps are told; `commands`: what messages are told.
        coach_chat_id: COACH_CHAT_ID.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        books: Books,
        roster: RosterKeeper,
        taps: Taps,
        requests: Requests,
        notes: Notes,
        languages: Languages,
        responder: Responder,
        commands: Commands,
        admins: frozenset[int],
        coach_chat_id: int | None = None,
    ) -> None:
        self._journal = journal
        self._books = books
        self._roster = roster
        self._taps = taps
        self._requests = requests
        self._notes = notes
        self._languages = languages
        self._responder = responder
        self._commands = commands
        self._admins = admins
        self._coach_chat_id = coach_chat_id
        self._new = asyncio.Event()
        self._idle = asyncio.Event()
        self._trouble = Recurring(log)

    def wake(self) -> None:
        """The journal has something new."""
        self._idle.clear()
        self._new.set()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        is_idle = self._idle.is_set
        return [self._drain(), self._responder.answer_the_waiting(is_idle), self._books.keep(is_idle)]

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
                await self._books.bear(exc)
                continue
            if page:
                await self._process(page)
                position = page[-1].seq
            elif not self._new.is_set():
                self._idle.set()
                await self._new.wait()

    async def _process(self, page: Sequence[Entry]) -> None:
        items: list[TapEntry] = []
        messages: list[_Message] = []
        for entry in page:
            found = await self._read(entry)
            if isinstance(found, TapEntry):
                items.append(found)
            elif found is not None:
                messages.append(found)
        self._responder.refuse(items)
        try:
            await self._persist(items, messages)
        except Exception as exc:  # noqa: BLE001  # a defect with one entry must not hold up the others
            log.error("a page failed, trying its entries one by one: %s", describe_defect(exc))
            before, after = _around_taps(message for message in messages if not message.is_done)
            for message in before:
                await self._persist_alone([], [message])
            answers, actions = _parted(items, lambda item: item.case.is_action)
            for item in answers:
                await self._persist_alone([item], [])
            for message in after:
                await self._persist_alone([], [message])
            for item in actions:
                await self._persist_alone([item], [])

    async def _read(self, entry: Entry) -> TapEntry | _Message | None:
        """What the database is needed for in an entry; the rest is seen to here."""
        try:
            match update := read_update(entry.update, entry.received_at):
                case TapUpdate(tap, prompted):
                    self._languages.hear(tap.user_id, tap.language_code)
                    language = self._languages.of(tap.user_id, tap.language_code)
                    return TapEntry(entry, self._taps.judge(tap), prompted, language)
                case NoteUpdate():
                    self._languages.hear(update.user_id, update.language_code)
                    return _Message(entry, update)
                case CommandUpdate():
                    self._languages.hear(update.user_id, update.language_code)
                    if is_request(update) or self._is_refused(update):
                        return _Message(entry, update)
                    self._commands.put(update, partial(self._books.finished, entry.seq))
                case None:
                    self._books.finished(entry.seq)
        except UnreadableUpdate as exc:
            await self._bury(entry, str(exc))
        except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
            await self._bury(entry, describe_defect(exc))
        return None

    async def _persist(self, items: Sequence[TapEntry], messages: Sequence[_Message]) -> None:
        """Store what is to be stored, however long MongoDB is away; then answer."""
        if not items and not messages:
            return
        delay = _FIRST_DELAY
        while True:
            try:
                await self._store(items, messages)
                self._trouble.over("taps are stored again")
                break
            except StorageError as exc:
                level = logging.WARNING if isinstance(exc, StorageUnavailable) else logging.ERROR
                self._trouble.met(f"{exc}; received taps are kept in the journal", level)
                await asyncio.sleep(delay)
                delay = min(_LONGEST_DELAY, delay * 2)
                if len(items) > _SMALLEST_BATCH:
                    # A server that is too slow for all of them may be quick enough for a few.
                    half = len(items) // 2
                    before, after = _around_taps(messages)
                    ordered = sorted(items, key=lambda item: item.case.is_action)
                    await self._persist(ordered[:half], before)
                    await self._persist(ordered[half:], after)
                    return
        for item in items:
            if isinstance(item.case.result, Unrecordable):
                await self._bury(item.entry, item.case.result.reason)
                continue
            self._responder.report(item)
            self._books.stored(item.entry.seq)
        for message in messages:
            if message.failure is not None:
                await self._give_up(message, message.failure)
                continue
            seq = message.entry.seq
            self._commands.put(message.command, partial(self._books.answered, seq), message.reply)
            self._books.stored(seq)
            message.is_done = True

    async def _give_up(self, message: _Message, reason: str) -> None:
        message.is_done = True
        language = self._languages.of(message.command.user_id, message.command.language_code)
        self._commands.put(message.command, lambda: None, Reply(NOT_DONE(language)))
        await self._bury(message.entry, reason)

    async def _persist_alone(self, items: Sequence[TapEntry], messages: Sequence[_Message]) -> None:
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
                    await self._books.failed(entry.seq, reason, bury=False)

    async def _store(self, items: Sequence[TapEntry], messages: Sequence[_Message]) -> None:
        cases = [item.case for item in items]
        unknown = {case.tap.user_id for case in cases if case.wish is None and case.verdict is None}
        senders = {message.command.user_id for message in messages}
        if unknown or senders:
            # Whoever is unknown may have been added a moment ago.
            await self._roster.loaded({user_id for user_id in (*unknown, *senders) if user_id is not None})
        before, after = _around_taps(messages)
        for message in before:
            await self._see_to(message)
        self._taps.recognise(cases)
        self._responder.refuse(items)
        answers, actions = _parted(cases, lambda case: case.is_action)
        await self._taps.store(answers, _refusals(before))
        for message in after:
            await self._see_to(message)
        refused = _refusals(after)
        if actions or refused:  # what is to be forgotten is stored by then
            await self._taps.store(actions, refused)

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
        is_admin = update.user_id in self._admins
        if isinstance(update, NoteUpdate):
            return await self._notes.take(
                update, athlete, language, is_admin=is_admin, received_at=received_at
            )
        return await self._requests.carry_out(
            update, athlete, language, is_admin=is_admin, received_at=received_at
        )

    def _is_refused(self, command: CommandUpdate | NoteUpdate) -> bool:
        is_athlete = self._roster.athlete(command.user_id) is not None
        return is_refused(
            command,
            is_athlete=is_athlete,
            is_admin=command.user_id in self._admins,
            is_coach=command.chat_id == self._coach_chat_id,
        )

    async def _bury(self, entry: Entry, reason: str) -> None:
        """Make an entry a dead letter; its tap, if it is one, is answered all the same."""
        self._responder.apologise(entry)
        log.error("update at journal position %d becomes a dead letter: %s", entry.seq, reason)
        await self._books.failed(entry.seq, reason, bury=True)


def _around_taps(messages: Iterable[_Message]) -> tuple[list[_Message], list[_Message]]:
    """What decides whose taps count, and what is about answers: to be seen to before the taps, and after."""
    return _parted(messages, lambda message: message.is_about_answers)


def _parted(items: Iterable[_T], is_second: Callable[[_T], bool]) -> tuple[list[_T], list[_T]]:
    """Those of which it does not hold, and those of which it does, each in their order."""
    parts: tuple[list[_T], list[_T]] = ([], [])
    for item in items:
        parts[is_second(item)].append(item)
    return parts


def _refusals(messages: Iterable[_Message]) -> list[LedgerEntry]:
    return [
        LedgerEntry(
            f"update-{message.command.update_id}",
            message.command.update_id,
            message.entry.received_at,
            Outcome.REFUSED_COMMAND,
        )
        for message in messages
        if message.is_refused
    ]
