"""Notes: what athletes write about a session, in reply to its question or without. Doing it again, after a
crash, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from bot.core.answers.event import NoteChange
from bot.core.answers.rules import lateness
from bot.core.answers.texts import not_written
from bot.core.notes.lines import MOST_LINES, NoteLine
from bot.core.shared.formatting import MAX_NOTE
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import NoteUpdate
from bot.core.words import keyboards, texts
from bot.core.words.phrases import offered_answers
from bot.core.words.sessions import SpokenSession, meant
from bot.services.chat.reply import Reply
from bot.services.chat.words import Written
from bot.services.words.note_keeper import KeptNote, NoteKeeper, QuotedQuestion
from bot.services.words.sessions import SpokenSessions
from bot.store.prompts.prompts import PromptStore
from bot.store.words.notes import KeptNotes, NoteStore

_NOTHING = Reply("")


@dataclass(frozen=True, slots=True)
class _Belonging:
    """The session that a message belongs to.

    Attributes:
        chosen: what is known about it, where it was found without a reply that says so.
    """

    place: tuple[str, str]
    chosen: SpokenSession | None = None


class NoteTaker:
    """Takes notes.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(
        self,
        keeper: NoteKeeper,
        prompts: PromptStore,
        notes: NoteStore,
        sessions: SpokenSessions,
        late_after_days: int,
    ) -> None:
        self._late_after_days = late_after_days
        self._notes = notes
        self._sessions = sessions
        self._keeper = keeper
        self._prompts = prompts

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`: a reply to a question, and in private whatever can be about a session."""
        note, language = words.update, words.language
        if not words.text and not note.attachments:
            return None
        kept = await self._notes.of_messages(note.user_id, note.chat_id, _message_ids(note))
        standing = [it for it in kept if it.notes.of_messages(note.chat_id, _message_ids(note)) is not None]
        if kept and not standing:  # it was taken back
            return _NOTHING
        belonging = await self._belonging(words, standing)
        if belonging is None:
            return None
        if len(words.text) > MAX_NOTE:
            too_long = language.texts.notes.too_long.format(number=len(words.text), most=MAX_NOTE)
            return Reply(too_long, is_outcome=True)
        place = belonging.place
        owners = await self._prompts.owners({place}, {note.chat_id}) if not note.is_private else {}
        if owners.get((*place, note.chat_id), note.user_id) != note.user_id:
            return Reply(language.texts.notes.foreign, is_refused=True, is_outcome=True)
        change = NoteChange.written((*place, note.user_id), _line(words))
        before = await self._keeper.answer_of(change)
        if before is None and not kept and note.asked_at is not None:
            late = lateness(note.asked_at, words.at, self._late_after_days)
            if late is not None:  # no tap can come any more, for it to go with
                return Reply(not_written(late, self._late_after_days, language), is_outcome=True)
        kept_now = await self._keeper.keep(change, before, _quoted(words))
        return await self._reply(words, change, kept_now, belonging.chosen)

    async def _belonging(self, words: Written, standing: list[KeptNotes]) -> _Belonging | None:
        """Where it is kept already, else what it replies to, else what it can only be about."""
        note = words.update
        place = standing[0].place if standing else await self._sessions.named(note)
        is_reply = note.replied_to is not None and place is not None
        if is_reply or (note.is_edit and place is not None):
            return _Belonging(place) if place is not None else None
        if not note.is_private:
            return None
        # What is edited was about what there was when it was written.
        at = note.written_at if note.is_edit and note.written_at is not None else words.at
        spoken = await self._sessions.spoken_of(note.user_id, at)
        found = next((it for it in spoken if it.place == place), None) if place else meant(spoken, at)
        if place is None and found is not None:
            place = found.place
        return None if place is None else _Belonging(place, found)

    async def _reply(
        self, words: Written, change: NoteChange, kept: KeptNote, chosen: SpokenSession | None
    ) -> Reply:
        note, language = words.update, words.language
        line = kept.notes.of_messages(note.chat_id, change.message_ids)
        if line is None:
            is_full = len(kept.notes.lines) >= MOST_LINES
            return Reply(language.texts.words.full, is_outcome=True) if is_full else _NOTHING
        if note.is_edit and line.at != line.stamp.at:
            return Reply(language.texts.notes.changed, is_outcome=True, reaction=Reaction.CHANGED)
        is_open = kept.answer is None
        place = change.session[:2] if is_open and await self._can_answer_here(change, note) else None
        offered = offered_answers(words.text) if place is not None else ()
        renew = partial(self._renewed, words, change, kept, chosen) if is_open else None
        if chosen is None and not offered:
            said = language.texts.notes.noted_tap if is_open else language.texts.notes.noted
            return Reply(said, is_outcome=True, reaction=Reaction.NOTED, renew=renew)
        return Reply(
            texts.noted(chosen, offered, language, is_open=is_open),
            is_outcome=True,
            html=True,
            keyboard=keyboards.note_keyboard(line.message_id, place if offered else None, offered, language),
            renew=renew,
        )

    async def _can_answer_here(self, change: NoteChange, note: NoteUpdate) -> bool:
        """Whether buttons below the reply could answer: the record tells when this chat was asked."""
        run_id, session_id, _ = change.session
        return (
            note.is_private
            and await self._prompts.sent_at(run_id, session_id, note.chat_id, None) is not None
        )

    async def _renewed(
        self, words: Written, change: NoteChange, kept: KeptNote, chosen: SpokenSession | None
    ) -> Reply:
        """What to say to a note whose answer may have come with it. Nothing is written: who wrote it may have
        had everything deleted since."""
        answer = await self._keeper.answer_of(change)
        return await self._reply(words, change, replace(kept, answer=answer), chosen)


def _quoted(words: Written) -> QuotedQuestion | None:
    """The question that a note replies to, as it looked then."""
    note = words.update
    if note.quoted is None or note.replied_to is None:
        return None
    return QuotedQuestion(note.chat_id, note.replied_to, note.quoted, words.language)


def _message_ids(note: NoteUpdate) -> list[int]:
    return list(dict.fromkeys([note.message_id, *(it.message_id for it in note.attachments)]))


def _line(words: Written) -> NoteLine:
    note = words.update
    return NoteLine(
        at=words.at,
        text=words.text or None,
        message_id=note.message_id,
        stamp=words.stamp,
        chat_id=note.chat_id,
        attachments=note.attachments,
    )
