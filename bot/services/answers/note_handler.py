"""Notes: what athletes write in reply to a question. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

from datetime import datetime

from bot.core.answers.event import AnswerAddition, StoredAnswer
from bot.core.answers.payloads import is_reference, parse_payload
from bot.core.answers.rules import lateness, legacy_session
from bot.core.answers.texts import not_written
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.shared.formatting import MAX_NOTE
from bot.core.telegram.updates import NoteUpdate
from bot.services.answers.tap_writer import TapStores
from bot.services.chat.reply import Reply
from bot.store.answers.history import AnswerChange


class NoteHandler:
    """Takes notes.

    Args:
        late_after_days: LATE_AFTER_DAYS.
        coach_chat_id: COACH_CHAT_ID, where people talk about what they are told.
    """

    def __init__(self, stores: TapStores, late_after_days: int, coach_chat_id: int | None = None) -> None:
        self._late_after_days = late_after_days
        self._coach_chat_id = coach_chat_id
        self._events = stores.events
        self._history = stores.history
        self._pending = stores.pending_notes
        self._prompts = stores.prompts
        self._coach_alerts = stores.coach_alerts

    async def take(
        self,
        note: NoteUpdate,
        athlete: Athlete | None,
        language: Language,
        *,
        is_admin: bool,
        received_at: datetime,
    ) -> Reply:
        """Make a note durable, if it is one; returns what to say.

        Args:
            athlete: who wrote; None for somebody who is not on the roster.

        Raises:
            StorageError: doing it again is harmless.
        """
        if note.is_anonymous:
            return await self._unattributed(note, language)
        if athlete is None and note.chat_id == self._coach_chat_id:
            return Reply(language.texts.notes.not_passed_on if note.is_private else "")
        if athlete is None:
            return Reply(language.texts.notes.for_athletes, is_refused=not is_admin)
        text = (note.text or "").strip()
        if not text:
            return Reply(language.texts.notes.only_text)
        if note.replied_to is None:
            return Reply(language.texts.people.try_help)
        if len(text) > MAX_NOTE:
            too_long = language.texts.notes.too_long.format(number=len(text), most=MAX_NOTE)
            return Reply(too_long, is_outcome=True)
        place = await self._session(note, note.replied_to)
        if place is None:
            return Reply(language.texts.notes.which)
        owners = await self._prompts.owners({place}, {note.chat_id}) if not note.is_private else {}
        if owners.get((*place, note.chat_id), note.user_id) != note.user_id:
            return Reply(language.texts.notes.foreign, is_refused=True, is_outcome=True)
        addition = AnswerAddition(
            session=(*place, note.user_id),
            detail=None,
            value=text,
            update_id=note.update_id,
            received_at=received_at,
            message_id=note.message_id,
            is_edit=note.is_edit,
        )
        said = await self._keep(addition, note.asked_at, language)
        waits = addition.session if said == language.texts.notes.noted_tap else None
        if note.has_media and said in (language.texts.notes.noted, language.texts.notes.noted_tap):
            said += "\n" + language.texts.notes.words_only
        return Reply(said, is_outcome=True, waits=waits)

    async def _unattributed(self, note: NoteUpdate, language: Language) -> Reply:
        """To a note of nobody knows whom; one that is edited was told already."""
        is_talk = note.chat_id == self._coach_chat_id and (
            note.replied_to is None or await self._session(note, note.replied_to) is None
        )
        if note.is_edit or is_talk:
            return Reply("")
        return Reply(language.texts.notes.anonymous, is_refused=True, is_outcome=True)

    async def noted(self, reply: Reply, language: Language) -> Reply:
        """What to say to a note whose answer may have come with it.

        Raises:
            StorageError: it cannot be told.
        """
        if reply.waits is None or not await self._events.answers([reply.waits]):
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

    async def _session(self, note: NoteUpdate, replied_to: int) -> tuple[str, str] | None:
        """The one session that a message is about: by its buttons, else by the prompt record."""
        named = {found for data in note.payloads if (found := _named(data, replied_to)) is not None}
        if len(named) > 1:
            return None
        for run_id, session_id in named:
            if is_reference(run_id, session_id):
                return (await self._prompts.resolve([run_id])).get(run_id)
            return run_id, session_id
        return await self._prompts.asked_by(note.chat_id, replied_to)


def _keeps_later_note(note: AnswerAddition, before: StoredAnswer) -> bool:
    """Whether the note that stands was written below the message that was changed."""
    return note.is_edit and (before.note_message_id or 0) > (note.message_id or 0)


def _named(data: str, message_id: int) -> tuple[str, str] | None:
    """Run and session of a payload, or its reference."""
    tap = parse_payload(data)
    return None if tap is None else (tap.run_id, tap.session_id or legacy_session(message_id))
