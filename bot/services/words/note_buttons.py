"""The buttons below what is said to a note: it goes to another session, or is taken back.

Doing it again, after a crash, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot.core.answers.event import NoteChange
from bot.core.answers.message import MessageEdit
from bot.core.answers.payloads import make_reference
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.i18n.language import Language
from bot.core.notes.lines import note_line
from bot.core.people.athlete import Athlete
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap
from bot.core.words import keyboards, texts
from bot.core.words.sessions import MOST_OFFERED, Place, SpokenSession
from bot.core.words.taken_back import without_note
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.words.note_keeper import NoteKeeper
from bot.services.words.sessions import SpokenSessions
from bot.store.words.notes import KeptNotes, NoteStore

_GONE = NotWritten(Outcome.REFUSED, cause=Cause.NO_NOTE)


class NoteButtons:
    """Moves notes and takes them back, for those who wrote them."""

    def __init__(self, notes: NoteStore, sessions: SpokenSessions, keeper: NoteKeeper) -> None:
        self._notes = notes
        self._sessions = sessions
        self._keeper = keeper

    def handlers(self) -> Mapping[Action, ActionHandler]:
        """The buttons that are seen to here."""
        return {
            Action.NOTE_BACK: self._take_back,
            Action.NOTE_MOVE: self._offer,
            Action.NOTE_TO: self._move,
            Action.NOTE_STAY: self._stay,
        }

    async def _take_back(self, action: ActionTap, tap: Tap, _athlete: Athlete | None) -> ActionResult:
        kept, message_id = await self._kept(action.argument, tap)
        if not kept or message_id is None or tap.chat_id is None:
            return _GONE
        left = kept[0].notes
        for each in kept:
            if each.notes.of_messages(tap.chat_id, [message_id]) is not None:
                left = (await self._keeper.take_back(each.session, tap.chat_id, message_id, tap.stamp)).notes
        session = await self._session(kept[0].place, tap)
        change = partial(without_note, session, note_line(left.lines))
        return ActionDone(lambda language: language.texts.words.taken_back_toast, change=change)

    async def _offer(self, action: ActionTap, tap: Tap, _athlete: Athlete | None) -> ActionResult:
        """Show the sessions to which it can go."""
        standing, message_id = await self._standing(action.argument, tap)
        if standing is None or message_id is None:
            return _GONE
        spoken = await self._spoken(tap)
        others = [it for it in spoken if it.place != standing.place][:MOST_OFFERED]
        if not others:
            return ActionDone(lambda language: language.texts.words.no_other, is_alert=True)
        session = await self._session(standing.place, tap)

        def edit(language: Language) -> MessageEdit:
            keyboard = keyboards.move_keyboard(message_id, others, language)
            return MessageEdit(texts.which(session, language), keyboard=keyboard, html=True)

        return ActionDone(lambda _: "", instead=edit)

    async def _move(self, action: ActionTap, tap: Tap, _athlete: Athlete | None) -> ActionResult:
        number, reference = keyboards.read_target(action.argument)
        kept, message_id = await self._kept(str(number), tap)
        if message_id is None or tap.chat_id is None:
            return _GONE
        lines = [line for it in kept if (line := it.notes.of_messages(tap.chat_id, [message_id])) is not None]
        target = next((it for it in await self._spoken(tap) if make_reference(*it.place) == reference), None)
        if not lines or target is None:
            return _GONE
        # One that was moved again since, or written anew, is where its last change says.
        if not any(line.stamp.is_after(tap.stamp) for line in lines):
            session = (*target.place, tap.user_id)
            moved = replace(lines[0], stamp=tap.stamp, chat_id=tap.chat_id)
            change = NoteChange.written(session, moved)
            there = await self._keeper.keep(change, await self._keeper.answer_of(change))
            if there.notes.of_messages(tap.chat_id, [message_id]) is None:  # it stays where it is
                return ActionDone(lambda language: language.texts.words.full_there, is_alert=True)
            for each in kept:
                if each.place != target.place:
                    await self._keeper.take_back(each.session, tap.chat_id, message_id, tap.stamp)
        edit = partial(self._where, target, message_id)
        return ActionDone(lambda language: language.texts.words.moved, instead=edit)

    async def _stay(self, action: ActionTap, tap: Tap, _athlete: Athlete | None) -> ActionResult:
        standing, message_id = await self._standing(action.argument, tap)
        if standing is None or message_id is None or tap.chat_id is None:
            return _GONE
        session = await self._session(standing.place, tap)
        return ActionDone(lambda _: "", instead=partial(self._where, session, message_id))

    async def _kept(self, argument: str, tap: Tap) -> tuple[list[KeptNotes], int | None]:
        """The sessions with which the note of a button is kept, or was, and its message."""
        message_id, _ = keyboards.read_target(argument)
        if message_id is None or tap.user_id is None or tap.chat_id is None:
            return [], None
        return await self._notes.of_messages(tap.user_id, tap.chat_id, [message_id]), message_id

    async def _standing(self, argument: str, tap: Tap) -> tuple[KeptNotes | None, int | None]:
        """The session with which the note of a button stands."""
        kept, message_id = await self._kept(argument, tap)
        if message_id is None or tap.chat_id is None:
            return None, None
        chat_id, ids = tap.chat_id, [message_id]
        return next((it for it in kept if it.notes.of_messages(chat_id, ids) is not None), None), message_id

    async def _spoken(self, tap: Tap) -> Sequence[SpokenSession]:
        return [] if tap.user_id is None else await self._sessions.spoken_of(tap.user_id, tap.received_at)

    async def _session(self, place: Place, tap: Tap) -> SpokenSession:
        return await self._sessions.known(place, tap.user_id or 0, tap.received_at)

    @staticmethod
    def _where(session: SpokenSession, message_id: int, language: Language) -> MessageEdit:
        """The message that says where a note is."""
        text = texts.noted(session, (), language, is_open=session.is_open)
        return MessageEdit(text, keyboard=keyboards.note_keyboard(message_id, None, (), language), html=True)
