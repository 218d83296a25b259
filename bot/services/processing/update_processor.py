"""Processes the journal: what is in it is stored, refused, or becomes a dead letter.

Entries are processed in pages, in the order of arrival. What concerns different people or sessions goes to
MongoDB together, what concerns the same one after the other (see `bot.core.inbox.schedule`). While MongoDB is
away the page waits here, the journal keeps the rest, and taps are answered all the same: with "received",
never with "saved". An entry leaves the journal when it is stored and answered; a crash before that only means
that it is processed again, which changes nothing. What came before its sender had everything deleted is
refused.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

from bot.core.answers.rules import session_mark
from bot.core.facts.commands import Command
from bot.core.inbox.schedule import UpdateScope, rounds
from bot.core.people.invitations import is_code
from bot.core.shared.errors import JournalError
from bot.core.telegram.action_payloads import parse_action
from bot.core.telegram.updates import (
    ChatOpened,
    CommandUpdate,
    NoteUpdate,
    TapUpdate,
    UnreadableUpdate,
    read_update,
)
from bot.logs import describe_defect
from bot.services.answers.early_answers import EarlyAnswers
from bot.services.answers.responder import TapEntry
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.erasure import Erasure
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.processing.albums import RECHECK, Albums, ReadEntry
from bot.services.processing.dead_letters import DeadLetters
from bot.services.processing.lanes import Lane, Lanes
from bot.services.processing.message_pipeline import MessageEntry, MessagePipeline, MessageResult
from bot.services.processing.tap_pipeline import TapPipeline
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.telegram.identity import BotIdentity
from bot.store.inbox.journal import Entry, Journal

_PAGE = 500
_STRANGERS_AT_ONCE = 50

_Update: TypeAlias = TapUpdate | CommandUpdate | NoteUpdate


class UpdateProcessor:
    """Takes entries from the journal to their pipelines, in the order that matters.

    Args:
        admins: ADMIN_IDS.
        coach_chat_id: COACH_CHAT_ID.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        acknowledgements: Acknowledgements,
        roster: RosterCache,
        languages: LanguageCache,
        taps: TapPipeline,
        messages: MessagePipeline,
        early_answers: EarlyAnswers,
        erasure: Erasure,
        openings: ChatOpenings,
        dead_letters: DeadLetters,
        identity: BotIdentity,
        admins: frozenset[int],
        coach_chat_id: int | None = None,
    ) -> None:
        self._journal = journal
        self._acknowledgements = acknowledgements
        self._roster = roster
        self._languages = languages
        self._taps = taps
        self._messages = messages
        self._early_answers = early_answers
        self._erasure = erasure
        self._openings = openings
        self._dead_letters = dead_letters
        self._identity = identity
        self._admins = admins
        self._coach_chat_id = coach_chat_id
        self._lanes = Lanes()
        self._albums = {lane: Albums(acknowledgements) for lane in Lane}

    def wake(self) -> None:
        """The journal has something new."""
        self._lanes.wake()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run, side by side, until cancelled."""
        return [
            self._process_known(),
            self._process_strangers(),
            self._erasure.run(),
            self._openings.run(),
            self._early_answers.run(self._lanes.is_idle),
            self._acknowledgements.keep(self._lanes.is_idle),
        ]

    async def drained(self) -> None:
        """Return when everything received is stored, refused or given up."""
        await self._lanes.idle()
        await self._openings.drained()

    async def _process_known(self) -> None:
        position = 0
        while True:
            self._lanes.begin_look(Lane.KNOWN)
            try:
                page = await self._journal.pending(after=position, limit=_PAGE)
            except JournalError as exc:
                await self._acknowledgements.wait_for_disk(exc)
                continue
            if page:
                position = max(position, page[-1].seq)
            await self._take(Lane.KNOWN, self._without_strangers(await self._read(page)), more=bool(page))

    async def _process_strangers(self) -> None:
        while True:
            self._lanes.begin_look(Lane.STRANGERS)
            positions = self._lanes.strangers(_STRANGERS_AT_ONCE)
            try:
                entries = await self._journal.entries(positions) if positions else []
            except JournalError as exc:
                await self._acknowledgements.wait_for_disk(exc)
                continue
            self._lanes.taken(len(positions))
            await self._take(Lane.STRANGERS, await self._read(entries), more=bool(positions))

    async def _take(self, lane: Lane, updates: Sequence[ReadEntry], *, more: bool) -> None:
        """Process what is ready of a page; the lane rests if nothing is, and there was no page."""
        albums = self._albums[lane]
        if ready := albums.gather(updates):
            await self._process(ready)
        elif more:
            return
        elif albums.are_open:
            await self._lanes.doze(lane, RECHECK)
        else:
            await self._lanes.rest(lane)

    async def _read(self, entries: Iterable[Entry]) -> list[ReadEntry]:
        """The updates in which there is something to do; the others are finished."""
        found: list[ReadEntry] = []
        for entry in entries:
            try:
                update = read_update(entry.update, entry.received_at)
                if isinstance(update, CommandUpdate | NoteUpdate):
                    update = await self._identity.understand(update)
            except UnreadableUpdate as exc:
                await self._dead_letters.put(entry, str(exc))
            except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
                await self._dead_letters.put(entry, describe_defect(exc))
            else:
                if update is None:
                    self._acknowledgements.finished(entry.seq)
                elif isinstance(update, ChatOpened):  # by whomever: it concerns nobody's answers
                    done = partial(self._acknowledgements.finished, entry.seq)
                    self._openings.put(update.chat_id, entry.received_at, done)
                else:
                    found.append((entry, update))
        return found

    def _without_strangers(self, updates: Sequence[ReadEntry]) -> list[ReadEntry]:
        """What is processed now; what strangers have sent is put aside."""
        if self._roster.roster is None:  # nobody knows yet who is a stranger
            return list(updates)
        known: list[ReadEntry] = []
        for entry, update in updates:
            if self._is_known(update):
                known.append((entry, update))
            else:
                self._lanes.put_aside(entry.seq)
        return known

    def _is_known(self, update: _Update) -> bool:
        sent = update.tap if isinstance(update, TapUpdate) else update
        user_id, chat_id = sent.user_id, sent.chat_id
        is_coach = chat_id is not None and chat_id == self._coach_chat_id
        return is_coach or user_id in self._admins or self._roster.athlete(user_id) is not None

    async def _process(self, updates: Sequence[ReadEntry]) -> None:
        """Process updates, round by round."""
        updates = [(entry, update) for entry, update in updates if await self._is_sound(entry, update)]
        waiting: list[MessageResult] = []
        for part in _in_rounds(updates):
            stored = await self._messages.reply(
                [MessageEntry(entry, update) for entry, update in part if not isinstance(update, TapUpdate)]
            )
            await self._taps.process(
                [self._tap(entry, update) for entry, update in part if isinstance(update, TapUpdate)]
            )
            waiting += await self._messages.process(stored)
        for result in waiting:
            await self._messages.tell_of_note(result)

    async def _is_sound(self, entry: Entry, update: _Update) -> bool:
        """Whether our code can judge an update. What will not be written anyhow is answered: it need not wait
        for what comes before it."""
        try:
            if isinstance(update, TapUpdate):
                tap = update.tap
                self._languages.observe(tap.user_id, tap.language_code, tap.stamp)
                self._taps.refuse_at_once(self._tap(entry, update))
            else:
                stamp = MessageEntry(entry, update).stamp
                self._languages.observe(update.user_id, update.language_code, stamp)
        except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
            await self._dead_letters.put(entry, describe_defect(exc))
            return False
        return True

    def _tap(self, entry: Entry, update: TapUpdate) -> TapEntry:
        language = self._languages.of(update.tap.user_id, update.tap.language_code)
        return TapEntry(entry, update.tap, update.prompted, language)


def _in_rounds(updates: Sequence[ReadEntry]) -> list[list[ReadEntry]]:
    """Updates by rounds; what concerns the same is in different ones."""
    numbers = rounds(_scope(update) for _, update in updates)
    parts: list[list[ReadEntry]] = [[] for _ in range(max(numbers, default=-1) + 1)]
    for number, item in zip(numbers, updates, strict=True):
        parts[number].append(item)
    return parts


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
