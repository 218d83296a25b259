"""Makes changes of notes durable, with all that follows from them. Doing it again, after a crash, changes
nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.core.answers.event import Identity, NoteChange, StoredAnswer
from bot.core.i18n.language import Language
from bot.core.notes.lines import Notes
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.updates import TappedMessage
from bot.services.answers.tap_writer import TapStores
from bot.store.answers.history import AnswerChange


@dataclass(frozen=True, slots=True)
class KeptNote:
    """How it stands with a session's notes now.

    Attributes:
        answer: with which they stand; None: they wait for one.
    """

    answer: StoredAnswer | None
    notes: Notes


@dataclass(frozen=True, slots=True)
class QuotedQuestion:
    """The message that a note replies to, as it came with it: all that is known where no record tells of it.

    Attributes:
        language: of who replied.
    """

    chat_id: int
    message_id: int
    message: TappedMessage
    language: Language


Display: TypeAlias = Callable[
    [Identity, StoredAnswer | None, Notes, datetime, QuotedQuestion | None], Awaitable[None]
]
"""Shows a session's notes where they can be seen; raises `StorageError`."""


async def _nowhere(*_: object) -> None:
    """Notes are shown nowhere."""


class NoteKeeper:
    """Keeps notes: with their answers, or until these come.

    Args:
        display: called when notes have changed, and when they are seen to again.
    """

    def __init__(self, stores: TapStores, display: Display = _nowhere) -> None:
        self._display = display
        self._events = stores.events
        self._history = stores.history
        self._pending = stores.pending_notes
        self._coach_alerts = stores.coach_alerts

    async def answer_of(self, change: NoteChange) -> StoredAnswer | None:
        """What stands about the session of a note."""
        return (await self._events.answers([change.session])).get(change.session)

    async def take_back(
        self, session: Identity, chat_id: int, message_id: int, stamp: UpdateStamp
    ) -> KeptNote:
        """Take the line of a message back, unless it was written anew since.

        Args:
            stamp: the update that says so.

        Raises:
            StorageError: doing it again is harmless.
        """
        change = NoteChange.taken_back(session, chat_id, message_id, stamp)
        return await self.keep(change, await self.answer_of(change))

    async def keep(
        self, change: NoteChange, before: StoredAnswer | None, quoted: QuotedQuestion | None = None
    ) -> KeptNote:
        """Make a change durable.

        Args:
            before: what stood about the session a moment ago.
            quoted: the question, if the note replies to one.

        Raises:
            StorageError: doing it again is harmless.
        """
        if before is not None:
            if before.is_rewritten_by(change):
                at = change.stamp
                await self._history.record([AnswerChange(change.session, before, at.update_id, at.at)])
            await self._events.add([change])
        else:
            await self._pending.put(change)
            waiting = await self._pending.of([change.session])
            # The answer may have come at this very moment.
            if await self.answer_of(change) is None:
                kept = KeptNote(None, waiting[0].notes if waiting else Notes())
                return await self._shown(change, kept, quoted)
            await self._events.add([each for it in waiting for each in it.changes])
            await self._pending.drop(waiting)
        after = await self.answer_of(change)
        if after is not None and after.type is not None and after.type.facts.alerts_coach:
            stamp = change.stamp
            await self._coach_alerts.refresh([(after.session_key, stamp.update_id, stamp.at)])
        kept = KeptNote(after, Notes() if after is None else after.notes)
        return await self._shown(change, kept, quoted)

    async def show(self, session: Identity, at: datetime) -> None:
        """Show an answer about which something was said elsewhere than below its question.

        Args:
            at: when that was.

        Raises:
            StorageError: it cannot be read.
        """
        answer = (await self._events.answers([session])).get(session)
        await self._display(session, answer, Notes() if answer is None else answer.notes, at, None)

    async def _shown(self, change: NoteChange, kept: KeptNote, quoted: QuotedQuestion | None) -> KeptNote:
        await self._display(change.session, kept.answer, kept.notes, change.stamp.at, quoted)
        return kept
