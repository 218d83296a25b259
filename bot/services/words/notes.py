"""Notes: what athletes write about a session. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from bot.core.answers.event import AnswerAddition, StoredAnswer
from bot.core.answers.rules import lateness
from bot.core.answers.texts import not_written
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_NOTE
from bot.core.words import texts
from bot.core.words.sessions import Place, SpokenSession, meant
from bot.services.answers.tap_writer import TapStores
from bot.services.chat.reply import Reply
from bot.services.chat.words import Written
from bot.services.words.sessions import SpokenSessions
from bot.store.answers.history import AnswerChange


class NoteTaker:
    """Takes notes.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(self, stores: TapStores, sessions: SpokenSessions, late_after_days: int) -> None:
        self._late_after_days = late_after_days
        self._sessions = sessions
        self._events = stores.events
        self._history = stores.history
        self._pending = stores.pending_notes
        self._prompts = stores.prompts
        self._coach_alerts = stores.coach_alerts

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`: a reply to a question, and in private whatever can be about a session."""
        note, language, text = words.update, words.language, words.text
        if not text:
            return Reply(language.texts.notes.only_text)
        place, chosen = await self._sessions.named(note), None
        if place is None and note.is_private:
            place, chosen = await self._chosen(words)
        if place is None:
            return None
        if len(text) > MAX_NOTE:
            too_long = language.texts.notes.too_long.format(number=len(text), most=MAX_NOTE)
            return Reply(too_long, is_outcome=True)
        owners = await self._prompts.owners({place}, {note.chat_id}) if not note.is_private else {}
        if owners.get((*place, note.chat_id), note.user_id) != note.user_id:
            return Reply(language.texts.notes.foreign, is_refused=True, is_outcome=True)
        addition = AnswerAddition(
            session=(*place, note.user_id),
            detail=None,
            value=text,
            update_id=note.update_id,
            received_at=words.at,
            message_id=note.message_id,
            is_edit=note.is_edit,
        )
        said = await self._keep(addition, note.asked_at, language)
        waits = said == language.texts.notes.noted_tap
        if chosen is not None and said in (language.texts.notes.noted, language.texts.notes.noted_tap):
            return Reply(texts.noted_with(chosen, language), is_outcome=True, html=True)
        if note.has_media and said in (language.texts.notes.noted, language.texts.notes.noted_tap):
            said += "\n" + language.texts.notes.words_only
        reply = Reply(said, is_outcome=True)
        renew = partial(self._renewed, reply, addition, language) if waits else None
        return Reply(said, is_outcome=True, renew=renew)

    async def _chosen(self, words: Written) -> tuple[Place | None, SpokenSession | None]:
        """The session that words in private belong to, of which nothing says so; the place alone, where they
        are kept with it already."""
        if (place := await self._sessions.noted(words.update)) is not None and words.update.is_edit:
            return place, None
        spoken = await self._sessions.spoken_of(words.update.user_id, words.at)
        found = next((it for it in spoken if it.place == place), None) or meant(spoken, words.at)
        return place or (None if found is None else found.place), found

    async def _renewed(self, reply: Reply, note: AnswerAddition, language: Language) -> Reply:
        """What to say to a note whose answer has come with it, if it has."""
        if not await self._events.answers([note.session]):
            return reply
        notes = language.texts.notes
        return Reply(reply.text.replace(notes.noted_tap, notes.noted), is_outcome=True)

    async def _keep(self, note: AnswerAddition, asked_at: datetime | None, language: Language) -> str:
        session = note.session
        before = (await self._events.answers([session])).get(session)
        if before is None and asked_at is not None:
            late = lateness(asked_at, note.received_at, self._late_after_days)
            if late is not None:  # no tap can come any more, for it to go with
                return not_written(late, self._late_after_days, language)
        if before is None:
            await self._pending.put(note)
            waiting = await self._pending.of([session])
            # The answer may have come at this very moment.
            if not await self._events.answers([session]):
                is_kept = any(it.value == note.value for it in waiting)
                return language.texts.notes.noted_tap if is_kept else language.texts.notes.not_the_note
            await self._events.add(waiting)
            await self._pending.drop(waiting)
        elif not _keeps_later_note(note, before):
            if before.is_changed_by(note):
                await self._history.record([AnswerChange(session, before, note.update_id, note.received_at)])
            await self._events.add([note])
        after = (await self._events.answers([session])).get(session)
        if after is not None and after.type is not None and after.type.facts.alerts_coach:
            await self._coach_alerts.refresh([(after.session_key, note.update_id, note.received_at)])
        if after is None or after.note != note.value:
            return language.texts.notes.not_the_note
        was_noted = note.is_edit and before is not None and before.note_message_id == note.message_id
        return language.texts.notes.changed if was_noted else language.texts.notes.noted


def _keeps_later_note(note: AnswerAddition, before: StoredAnswer) -> bool:
    """Whether the note that stands was written below the message that was changed."""
    return note.is_edit and (before.note_message_id or 0) > (note.message_id or 0)
