"""The way of messages: commands are carried out, notes are taken, and what is not allowed is refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from bot.core.answers.rules import Outcome
from bot.core.i18n.language import Language
from bot.core.people.tombstone import Tombstone
from bot.core.shared.errors import StorageError, StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.updates import CommandUpdate, NoteUpdate, is_refused
from bot.logs import describe_defect
from bot.services.chat.commands import ChatCommands
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from bot.services.chat.words import Words, Written
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.erasure_guard import ErasureGuard
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, retry
from bot.services.processing.dead_letters import MAX_TRIES, DeadLetters
from bot.services.processing.tap_pipeline import STORAGE_BACKOFF
from bot.services.prompts.chat_openings import ChatOpenings
from bot.store.answers.tap_ledger import LedgerEntry, TapLedger
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.inbox.journal import Entry

log = logging.getLogger(__name__)

_Tombstones: TypeAlias = dict[int | None, Tombstone]


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """A message in the journal."""

    entry: Entry
    update: CommandUpdate | NoteUpdate

    @property
    def id(self) -> str:
        """In the ledger."""
        return f"update-{self.update.update_id}"

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update.update_id, self.entry.received_at)


@dataclass(frozen=True, slots=True)
class MessageResult:
    """What became of a message.

    Attributes:
        reply: to a change or a note; None: as the command says.
        is_refused: whether it counts as refused.
        failure: why it is given up.
    """

    message: MessageEntry
    reply: Reply | None = None
    is_refused: bool = False
    failure: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it is a note whose answer may come behind it, in the same page."""
        return self.reply is not None and self.reply.renew is not None


_Results: TypeAlias = dict[int, MessageResult]


class MessagePipeline:
    """Processes messages until each is carried out and its reply is on the way, or a dead letter.

    Args:
        admins: ADMIN_IDS.
        coach_chat_id: COACH_CHAT_ID.
    """

    def __init__(
        self,
        *,
        roster: RosterCache,
        languages: LanguageCache,
        commands: ChatCommands,
        words: Words,
        replies: CommandReplies,
        openings: ChatOpenings,
        guard: ErasureGuard,
        ledger: TapLedger,
        invalidation: FigureInvalidation,
        acknowledgements: Acknowledgements,
        dead_letters: DeadLetters,
        admins: frozenset[int],
        coach_chat_id: int | None = None,
    ) -> None:
        self._roster = roster
        self._languages = languages
        self._commands = commands
        self._words = words
        self._replies = replies
        self._openings = openings
        self._guard = guard
        self._ledger = ledger
        self._invalidation = invalidation
        self._acknowledgements = acknowledgements
        self._dead_letters = dead_letters
        self._admins = admins
        self._coach_chat_id = coach_chat_id
        self._faults = FaultLog(
            log,
            waits="received messages are kept in the journal",
            fails="processing messages fails",
            again="messages are processed again",
            severe=(StorageRejected,),
        )
        self._outages = FaultLog(
            log,
            waits="received messages are kept in the journal",
            fails="processing messages fails",
            expected=(StorageUnavailable,),
        )

    async def reply(self, messages: Sequence[MessageEntry]) -> list[MessageEntry]:
        """Reply to messages that need no MongoDB, and so need not wait for it.

        Returns:
            The others: to be processed with `process`.
        """
        others: list[MessageEntry] = []
        for message in messages:
            try:
                if self._needs_mongodb(message):
                    others.append(message)
                else:
                    seq = message.entry.seq
                    self._replies.put(message.update, partial(self._acknowledgements.answered, seq))
                    self._open_chat(message, partial(self._acknowledgements.stored, seq))
            except Exception as exc:  # noqa: BLE001  # it would be the same at the next try
                await self._dead_letters.put(message.entry, describe_defect(exc))
        return others

    async def process(self, messages: Sequence[MessageEntry]) -> list[MessageResult]:
        """Process messages of different people that need MongoDB, however long it is away.

        Returns:
            Notes whose answers may come behind them: to be told with `tell_of_note`.
        """
        if not messages:
            return []
        carried_out: _Results = {}
        try:
            results = await self._process(messages, carried_out)
        except Exception as exc:  # noqa: BLE001  # a defect with one must not hold up the others
            log.error("a page failed, trying its entries one by one: %s", describe_defect(exc))
            results = []
            for message in messages:
                process = partial(self._process, [message], carried_out)
                give_up = partial(self._give_up, message)
                results += await self._dead_letters.attempt(message.entry, process, give_up) or ()
        for result in results:
            await self._finish(result)
        return [result for result in results if result.waits]

    async def tell_of_note(self, result: MessageResult) -> None:
        """Tell of a note, now that its answer has come, if it has."""
        await self._dead_letters.attempt(result.message.entry, partial(self._tell_of_note, result))

    async def _tell_of_note(self, result: MessageResult) -> None:
        reply = result.reply
        with contextlib.suppress(StorageError):  # then it is told of what was known
            reply = await reply.renew() if reply is not None and reply.renew is not None else reply
        await self._tell(result.message, reply)

    def _needs_mongodb(self, message: MessageEntry) -> bool:
        """Whether it changes something, or counts as refused; the rest is only replied to."""
        return (
            self._asks_for_change(message)
            or self._is_refused(message)
            or self._roster.has_joined_since(message.update.user_id, message.stamp)
        )

    async def _process(self, messages: Sequence[MessageEntry], carried_out: _Results) -> list[MessageResult]:
        """Read, carry out, and write what is refused; each may be done again.

        Args:
            carried_out: what is not carried out again, by positions in the journal; extended here.
        """
        tombstones, refused = await retry(partial(self._read, messages), STORAGE_BACKOFF, self._faults)
        results: list[MessageResult] = []
        for message in messages:
            result = self._erased(message, tombstones) or carried_out.get(message.entry.seq)
            if result is None:
                result = carried_out[message.entry.seq] = await self._carry_out(message, refused)
            results.append(result)
        return await retry(partial(self._write, results), STORAGE_BACKOFF, self._faults)

    async def _read(self, messages: Sequence[MessageEntry]) -> tuple[_Tombstones, set[str]]:
        """Tombstones of their senders, and the ids of those that were refused before a crash and stay so."""
        user_ids = {message.update.user_id for message in messages}
        tombstones = await self._guard.tombstones(user_ids)
        await self._purge(messages, tombstones)
        await self._roster.loaded(user_ids)  # whoever is unknown may have been added a moment ago
        joined = [it.id for it in messages if self._roster.has_joined_since(it.update.user_id, it.stamp)]
        return tombstones, await self._ledger.refused(joined) if joined else set()

    async def _carry_out(self, message: MessageEntry, refused: Container[str]) -> MessageResult:
        """Make the change that a message asks for; everything else is only refused or not."""
        was_refused = message.id in refused
        is_refused = self._is_refused(message, was_refused=was_refused)
        if not self._asks_for_change(message):
            return MessageResult(message, is_refused=is_refused)
        rejection = ""
        for tries in range(1, MAX_TRIES + 1):
            reply_to = partial(self._reply, message, was_refused=was_refused)
            try:
                reply = await retry(reply_to, STORAGE_BACKOFF, self._outages)
            except StorageRejected as exc:
                # What MongoDB will never take must not hold up everybody's taps.
                rejection = str(exc)
                if tries < MAX_TRIES:
                    self._faults.met(exc)
                    await asyncio.sleep(STORAGE_BACKOFF.delay(tries))
            else:
                return MessageResult(message, reply, is_refused=reply.is_refused)
        return MessageResult(message, is_refused=is_refused, failure=rejection)

    async def _reply(self, message: MessageEntry, *, was_refused: bool) -> Reply:
        update, received_at = message.update, message.entry.received_at
        athlete = None if was_refused else self._roster.athlete(update.user_id)
        language, is_admin = self._language(message), update.user_id in self._admins
        if isinstance(update, NoteUpdate):
            is_coach_chat = update.chat_id == self._coach_chat_id
            return await self._words.take(
                Written(update, athlete, language, is_admin, is_coach_chat, received_at)
            )
        return await self._commands.carry_out(
            update, athlete, language, is_admin=is_admin, received_at=received_at
        )

    async def _write(self, results: Sequence[MessageResult]) -> list[MessageResult]:
        """Enter refusals in the ledger, and take away what came before its sender's deletion."""
        refusals = [_refusal(result.message) for result in results if result.is_refused]
        async with self._invalidation.around(refusal.received_at for refusal in refusals):
            await self._ledger.record(refusals)
        messages = [result.message for result in results]
        # Deleted meanwhile, perhaps, by another service: it has not seen what was stored here since.
        tombstones = await self._guard.tombstones({message.update.user_id for message in messages})
        await self._purge(messages, tombstones)
        return [self._erased(result.message, tombstones) or result for result in results]

    async def _purge(self, messages: Iterable[MessageEntry], tombstones: _Tombstones) -> None:
        await self._guard.purge(tombstones, [(it.update.user_id, it.stamp) for it in messages])

    def _erased(self, message: MessageEntry, tombstones: _Tombstones) -> MessageResult | None:
        """The result of a message that came before its sender had everything deleted; None for others."""
        tombstone = tombstones.get(message.update.user_id)
        if tombstone is None or not tombstone.covers(message.stamp):
            return None
        return MessageResult(
            message, Reply(self._language(message).texts.refusals.forgotten, is_outcome=True)
        )

    async def _finish(self, result: MessageResult) -> None:
        """Reply, and let the journal forget the message."""
        message = result.message
        if result.failure is not None:
            await self._give_up(message, result.failure)
        elif not result.waits:
            await self._dead_letters.attempt(message.entry, partial(self._tell, message, result.reply))

    async def _give_up(self, message: MessageEntry, reason: str) -> None:
        try:
            reply = Reply(self._language(message).texts.people.not_done)
            self._replies.put(message.update, lambda: None, reply)
        except Exception as exc:  # noqa: BLE001  # it is given up all the same
            log.error("a reply to a dead letter fails unexpectedly: %s", describe_defect(exc))
        await self._dead_letters.put(message.entry, reason)

    async def _tell(self, message: MessageEntry, reply: Reply | None) -> None:
        seq = message.entry.seq
        self._replies.put(message.update, partial(self._acknowledgements.answered, seq), reply)
        done = partial(self._acknowledgements.stored, seq)
        if self._is_refused(message):
            done()
        else:
            self._open_chat(message, done)

    def _open_chat(self, message: MessageEntry, done: Callable[[], None]) -> None:
        """Where they write, they can be asked."""
        self._openings.put(message.update.chat_id, message.entry.received_at, done)

    def _language(self, message: MessageEntry) -> Language:
        update = message.update
        if isinstance(update, NoteUpdate) and update.is_anonymous:
            return self._languages.of_chat(update.chat_id)
        return self._languages.of(update.user_id, update.language_code)

    def _asks_for_change(self, message: MessageEntry) -> bool:
        return isinstance(message.update, NoteUpdate) or message.update.is_change

    def _is_refused(self, message: MessageEntry, *, was_refused: bool = False) -> bool:
        update = message.update
        return is_refused(
            update,
            is_athlete=not was_refused and self._roster.athlete(update.user_id) is not None,
            is_admin=update.user_id in self._admins,
            is_coach=update.chat_id == self._coach_chat_id,
        )


def _refusal(message: MessageEntry) -> LedgerEntry:
    return LedgerEntry(
        message.id, message.update.update_id, message.entry.received_at, Outcome.REFUSED_COMMAND
    )
