"""Journal -> decide -> store.

Entries are processed in pages, in the order of arrival. What concerns different people or sessions goes to
MongoDB together, what concerns the same one after the other (see `bot.core.inbox.schedule`). While MongoDB
is away
the page waits here, the journal keeps the rest, and taps are answered all the same: with "received", never
with "saved". An entry leaves the journal when it is stored and answered; a crash before that only means that
it is processed again, which changes nothing. What came before its sender had everything deleted is refused.

What strangers send is seen to beside that: it never stands in the line before an athlete's tap.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

from bot.core.answers.rules import Cause, NotWritten, Outcome, session_mark
from bot.core.facts.commands import Command
from bot.core.inbox.schedule import UpdateScope, rounds
from bot.core.people.invitations import is_code
from bot.core.people.tombstone import DataSubject, Tombstone
from bot.core.shared.clock import Clock
from bot.core.shared.errors import JournalError, StorageError, StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.action_payloads import parse_action
from bot.core.telegram.updates import (
    CommandUpdate,
    NoteUpdate,
    TapUpdate,
    UnreadableUpdate,
    is_refused,
    read_update,
)
from bot.logs import Recurring, describe_defect
from bot.services.answers.note_handler import NoteHandler
from bot.services.answers.responder import Responder, TapEntry
from bot.services.answers.tap_handler import TapContext, TapHandler
from bot.services.chat.button_actions import ErasureBegun
from bot.services.chat.commands import ChatCommands
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.erasure import Erasure
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.store.answers.feedback_events import Unrecordable
from bot.store.answers.tap_ledger import LedgerEntry, TapLedger
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_table import Entry
from bot.store.people.tombstones import TombstoneStore

log = logging.getLogger(__name__)

MAX_TRIES = 3

_PAGE = 500
_STRANGERS_AT_ONCE = 50
_FRESH = timedelta(seconds=5)
_SMALLEST_BATCH = 25
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 2.0


@dataclass(slots=True, eq=False)
class _Message:
    """A message that needs the database: a request, a note, or one to be refused unless the roster changed.

    Attributes:
        reply: to a request that is carried out.
        is_refused: as far as is known by now.
        was_refused: before a crash; then it stays so.
        rejections: how often MongoDB has refused it.
        failure: why it is given up.
        is_forgotten: it came before its sender had everything deleted.
        is_done: seen to; what is left is to reply.
    """

    entry: Entry
    command: CommandUpdate | NoteUpdate
    reply: Reply | None = None
    is_refused: bool = False
    is_forgotten: bool = False
    was_refused: bool = False
    rejections: int = 0
    failure: str | None = None
    is_done: bool = False

    @property
    def id(self) -> str:
        """In the ledger."""
        return f"update-{self.command.update_id}"

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.command.update_id, self.entry.received_at)


_Update: TypeAlias = TapUpdate | CommandUpdate | NoteUpdate
_Read: TypeAlias = tuple[Entry, _Update]


class UpdateProcessor:
    """Processes the journal: what is in it is stored, refused, or becomes a dead letter.

    Args:
        responder: what taps are told; `commands`: what messages are told.
        coach_chat_id: COACH_CHAT_ID.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        books: Acknowledgements,
        roster: RosterCache,
        taps: TapHandler,
        requests: ChatCommands,
        notes: NoteHandler,
        tombstones: TombstoneStore,
        ledger: TapLedger,
        forgetting: Erasure,
        languages: LanguageCache,
        responder: Responder,
        commands: CommandReplies,
        clock: Clock,
        admins: frozenset[int],
        coach_chat_id: int | None = None,
    ) -> None:
        self._journal = journal
        self._books = books
        self._roster = roster
        self._taps = taps
        self._requests = requests
        self._notes = notes
        self._tombstones = tombstones
        self._ledger = ledger
        self._forgetting = forgetting
        self._languages = languages
        self._responder = responder
        self._commands = commands
        self._clock = clock
        self._admins = admins
        self._coach_chat_id = coach_chat_id
        self._strangers: deque[int] = deque()  # places in the journal
        self._strangers_wait = asyncio.Event()
        self._new = asyncio.Event()
        self._idle = asyncio.Event()
        self._at_rest: set[str] = set()
        self._trouble = Recurring(log)

    def wake(self) -> None:
        """The journal has something new."""
        self._idle.clear()
        self._new.set()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        is_idle = self._idle.is_set
        return [
            self._drain(),
            self._drain_strangers(),
            self._forgetting.run(),
            self._responder.answer_the_waiting(is_idle),
            self._books.keep(is_idle),
        ]

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
                position = page[-1].seq
                await self._process(await self._known(page))
            elif not self._new.is_set():
                await self._rest("athletes", self._new)

    async def _drain_strangers(self) -> None:
        while True:
            self._strangers_wait.clear()
            if not self._strangers:
                await self._rest("strangers", self._strangers_wait)
                continue
            places = list(itertools.islice(self._strangers, _STRANGERS_AT_ONCE))
            try:
                entries = await self._journal.entries(places)
            except JournalError as exc:
                await self._books.bear(exc)
                continue
            for _ in places:
                self._strangers.popleft()
            await self._process(await self._read_all(entries))

    async def _rest(self, who: str, until: asyncio.Event) -> None:
        """Nothing of theirs is left to do until then."""
        self._at_rest.add(who)
        if len(self._at_rest) == 2 and not self._new.is_set() and not self._strangers:
            self._idle.set()
        await until.wait()
        self._at_rest.discard(who)

    async def _known(self, page: Sequence[Entry]) -> list[_Read]:
        """What is seen to now; what strangers have sent is put aside."""
        read = await self._read_all(page)
        if self._roster.roster is None:  # nobody knows yet who is a stranger
            return read
        known: list[_Read] = []
        for entry, update in read:
            if self._is_known(update):
                known.append((entry, update))
            else:
                self._strangers.append(entry.seq)
                self._strangers_wait.set()
        return known

    def _is_known(self, update: _Update) -> bool:
        sent = update.tap if isinstance(update, TapUpdate) else update
        user_id, chat_id = sent.user_id, sent.chat_id
        is_coach = chat_id is not None and chat_id == self._coach_chat_id
        return is_coach or user_id in self._admins or self._roster.athlete(user_id) is not None

    async def _read_all(self, entries: Sequence[Entry]) -> list[_Read]:
        return [(entry, update) for entry in entries if (update := await self._read(entry)) is not None]

    async def _read(self, entry: Entry) -> _Update | None:
        """The update in an entry, if there is something to do about it."""
        try:
            update = read_update(entry.update, entry.received_at)
        except UnreadableUpdate as exc:
            await self._bury(entry, str(exc))
            return None
        except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
            await self._bury(entry, describe_defect(exc))
            return None
        if update is None:
            self._books.finished(entry.seq)
        return update

    async def _process(self, read: Sequence[_Read]) -> None:
        """See to entries, round by round."""
        numbers = rounds(_scope(update) for _, update in read)
        parts: list[list[_Read]] = [[] for _ in range(max(numbers, default=-1) + 1)]
        for number, item in zip(numbers, read, strict=True):
            parts[number].append(item)
        if len(parts) > 1:
            self._refuse_early(read)
        waiting: list[_Message] = []
        for part in parts:
            items: list[TapEntry] = []
            messages: list[_Message] = []
            for entry, update in part:
                found = await self._open(entry, update)
                if isinstance(found, TapEntry):
                    items.append(found)
                elif found is not None:
                    messages.append(found)
            self._responder.refuse(items)
            try:
                await self._persist(items, messages)
            except Exception as exc:  # noqa: BLE001  # a defect with one entry must not hold up the others
                log.error("a page failed, trying its entries one by one: %s", describe_defect(exc))
                for message in messages:
                    if not message.is_done:
                        await self._persist_alone([], [message])
                for tap in items:
                    await self._persist_alone([tap], [])
            waiting += [message for message in messages if message.reply and message.reply.waits]
        for message in waiting:
            await self._tell_of_note(message)

    async def _open(self, entry: Entry, update: _Update) -> TapEntry | _Message | None:
        """What the database is needed for; the rest is seen to here."""
        try:
            match update:
                case TapUpdate(tap):
                    self._languages.observe(tap.user_id, tap.language_code, tap.stamp)
                    return self._judge(entry, update)
                case NoteUpdate() | CommandUpdate():
                    message = _Message(entry, update)
                    self._languages.observe(update.user_id, update.language_code, message.stamp)
                    if isinstance(update, NoteUpdate) or update.is_change or self._is_refused(message):
                        return message
                    if self._has_joined_since(update.user_id, message.stamp):
                        return message
                    self._commands.put(update, partial(self._books.finished, entry.seq))
        except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
            await self._bury(entry, describe_defect(exc))
        return None

    def _refuse_early(self, read: Sequence[_Read]) -> None:
        """What will not be written anyhow need not wait for what comes before."""
        for entry, update in read:
            if isinstance(update, TapUpdate):
                with contextlib.suppress(Exception):  # a defect is told when its turn comes
                    self._responder.refuse([self._judge(entry, update)])

    def _judge(self, entry: Entry, update: TapUpdate) -> TapEntry:
        tap = update.tap
        language = self._languages.of(tap.user_id, tap.language_code)
        return TapEntry(entry, self._taps.judge(tap), update.prompted, language)

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
                    await self._persist(items[:half], messages)
                    await self._persist(items[half:], [])
                    return
        for item in items:
            match item.case.result:
                case Unrecordable(reason):
                    await self._bury(item.entry, reason)
                case ErasureBegun(person, at):
                    self._forgetting.put(person, at, partial(self._forgotten, item))
                case _:
                    self._responder.report(item)
                    self._books.stored(item.entry.seq)
        for message in messages:
            if message.failure is not None:
                await self._give_up(message, message.failure)
                continue
            message.is_done = True
            if message.reply is None or message.reply.waits is None:
                self._tell(message, message.reply)

    def _tell(self, message: _Message, reply: Reply | None) -> None:
        seq = message.entry.seq
        self._commands.put(message.command, partial(self._books.answered, seq), reply)
        self._books.stored(seq)

    async def _tell_of_note(self, message: _Message) -> None:
        """Its answer may have come behind it, in the same page."""
        reply = message.reply
        language = self._languages.of(message.command.user_id, message.command.language_code)
        with contextlib.suppress(StorageError):  # then it is told of what was known
            reply = None if reply is None else await self._notes.noted(reply, language)
        self._tell(message, reply)

    def _forgotten(self, item: TapEntry) -> None:
        """A deletion is done: that is told now, and not before."""
        if isinstance(item.case.result, ErasureBegun):
            item.case.result = item.case.result.acted
        self._responder.report(item)
        self._books.stored(item.entry.seq)

    async def _give_up(self, message: _Message, reason: str) -> None:
        message.is_done = True
        language = self._languages.of(message.command.user_id, message.command.language_code)
        self._commands.put(message.command, lambda: None, Reply(language.texts.people.not_done))
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
        asking = {message.command.user_id for message in messages}
        # Of a tap that has just come it is enough to look afterwards, beside what is written then.
        fresh = self._clock() - _FRESH
        taps = [case.tap for case in cases]
        is_under_way = self._forgetting.is_under_way
        older = {tap.user_id for tap in taps if tap.received_at < fresh or is_under_way(tap.user_id)}
        await self._refuse_forgotten(items, messages, await self._tombstones.of(older | asking))
        unknown = {case.tap.user_id for case in cases if case.wish is None and case.verdict is None}
        if unknown or asking:
            # Whoever is unknown may have been added a moment ago.
            await self._roster.loaded({user_id for user_id in (*unknown, *asking) if user_id is not None})
        refused = await self._refused_before(cases, messages)
        self._taps.recognise(cases, refused)
        for message in messages:
            message.was_refused = message.id in refused
        self._responder.refuse(items)
        for message in messages:
            await self._see_to(message)
        tombstones: dict[int, Tombstone] = {}

        async def look() -> None:
            tombstones.update(await self._tombstones.of(asking | {case.tap.user_id for case in cases}))

        await self._taps.store(cases, _refusals(messages), look)
        # Deleted meanwhile, perhaps, by another service: it has not seen what was stored here since.
        await self._refuse_forgotten(items, messages, tombstones)

    async def _refused_before(self, cases: Sequence[TapContext], messages: Sequence[_Message]) -> set[str]:
        """What was refused of people who have joined since: after a crash it stays refused."""
        sent = [(case.tap.query_id, case.tap.user_id, case.tap.stamp) for case in cases]
        sent += [(message.id, message.command.user_id, message.stamp) for message in messages]
        early = [id_ for id_, user_id, at in sent if self._has_joined_since(user_id, at)]
        return await self._ledger.refused(early) if early else set()

    def _has_joined_since(self, user_id: int | None, at: UpdateStamp) -> bool:
        return self._roster.athlete(user_id) is not None and self._roster.athlete(user_id, at) is None

    async def _refuse_forgotten(
        self, items: Sequence[TapEntry], messages: Sequence[_Message], tombstones: dict[int, Tombstone]
    ) -> None:
        """Refuse what came before its sender had everything deleted, and take away what is stored of it.

        What came after a deletion that is not done yet waits for it.
        """
        for user_id, tombstone in tombstones.items():
            person, at = DataSubject(user_id, None), tombstone.at
            taps = [item.case for item in items if item.case.tap.user_id == user_id]
            asked = [message for message in messages if message.command.user_id == user_id]
            old_taps = [case for case in taps if tombstone.covers(case.tap.stamp)]
            old_asked = [message for message in asked if tombstone.covers(message.stamp)]
            refusal = NotWritten(Outcome.REFUSED, cause=Cause.FORGOTTEN)
            for case in old_taps:
                case.verdict = case.result = refusal
            for message in old_asked:
                language = self._languages.of(user_id, message.command.language_code)
                message.reply = Reply(language.texts.refusals.forgotten, is_outcome=True)
                message.is_forgotten, message.is_refused, message.failure = True, False, None
            is_own = any(case.tap.stamp == at for case in taps)
            if old_taps or old_asked or (tombstone.is_open and not is_own):
                with contextlib.suppress(
                    StorageRejected
                ):  # told where it is tried again; others must not wait
                    await self._forgetting.purge(person, at)

    async def _see_to(self, message: _Message) -> None:
        """Carry out a request; everything else is only refused or not."""
        if message.is_forgotten:
            return
        command = message.command
        message.is_refused = self._is_refused(message)
        if not isinstance(command, NoteUpdate) and not command.is_change:
            return
        if message.reply is None and message.failure is None:
            try:
                message.reply = await self._carry_out(message)
            except StorageRejected as exc:
                # What MongoDB will never take must not hold up everybody's taps.
                message.rejections += 1
                if message.rejections < MAX_TRIES:
                    raise
                message.failure = str(exc)
        if message.reply is not None:
            message.is_refused = message.reply.is_refused

    async def _carry_out(self, message: _Message) -> Reply:
        update, received_at = message.command, message.entry.received_at
        athlete = None if message.was_refused else self._roster.athlete(update.user_id)
        language = self._languages.of(update.user_id, update.language_code)
        is_admin = update.user_id in self._admins
        if isinstance(update, NoteUpdate):
            return await self._notes.take(
                update, athlete, language, is_admin=is_admin, received_at=received_at
            )
        return await self._requests.carry_out(
            update, athlete, language, is_admin=is_admin, received_at=received_at
        )

    def _is_refused(self, message: _Message) -> bool:
        command = message.command
        is_athlete = not message.was_refused and self._roster.athlete(command.user_id) is not None
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


def _scope(update: _Update) -> UpdateScope:
    """What an update may change."""
    if isinstance(update, TapUpdate):
        tap = update.tap
        if parse_action(tap.data) is not None:  # of the coach, about an athlete
            return UpdateScope(tap.user_id, is_global=tap.chat_id != tap.user_id)
        return UpdateScope(tap.user_id, session_mark(tap))
    if isinstance(update, CommandUpdate) and update.command is Command.START and is_code(update.argument):
        return UpdateScope(update.user_id, is_global=True)  # only the first can accept an invitation
    return UpdateScope(update.user_id)


def _refusals(messages: Sequence[_Message]) -> list[LedgerEntry]:
    return [
        LedgerEntry(
            message.id,
            message.command.update_id,
            message.entry.received_at,
            Outcome.REFUSED_COMMAND,
        )
        for message in messages
        if message.is_refused
    ]
