"""Which session words are about: that of the question that they reply to, or one that they can only mean."""

from __future__ import annotations

from datetime import datetime

from bot.core.answers.payloads import is_reference, parse_payload
from bot.core.answers.rules import legacy_session
from bot.core.telegram.updates import NoteUpdate
from bot.core.words.sessions import Place, SpokenSession, spoken_sessions
from bot.store.prompts.prompts import PromptStore
from bot.store.words.sessions import SpokenSessionStore


class SpokenSessions:
    """Finds sessions. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(self, store: SpokenSessionStore, prompts: PromptStore, late_after_days: int) -> None:
        self._store = store
        self._prompts = prompts
        self._late_after_days = late_after_days

    async def named(self, note: NoteUpdate) -> Place | None:
        """The one session that the message replied to is about: by its buttons, else by the prompt record."""
        if note.replied_to is None:
            return None
        named = {found for data in note.payloads if (found := _named(data, note.replied_to)) is not None}
        if len(named) > 1:
            return None
        for run_id, session_id in named:
            if is_reference(run_id, session_id):
                return (await self._prompts.resolve([run_id])).get(run_id)
            return run_id, session_id
        return await self._prompts.asked_by(note.chat_id, note.replied_to)

    async def spoken_of(self, user_id: int, at: datetime) -> list[SpokenSession]:
        """What an athlete may be writing about, see `bot.core.words.sessions.spoken_sessions`."""
        prompts, events = await self._store.read(user_id, at, self._late_after_days)
        return spoken_sessions(prompts, events, at, self._late_after_days)

    async def known(self, place: Place, user_id: int, at: datetime) -> SpokenSession:
        """What is known about a session; its ids, if nothing is any more."""
        spoken = await self.spoken_of(user_id, at)
        unknown = SpokenSession(*place, None, None, None, at)
        return next((it for it in spoken if it.place == place), unknown)


def _named(data: str, message_id: int) -> Place | None:
    """Run and session of a payload, or its reference."""
    tap = parse_payload(data)
    return None if tap is None else (tap.run_id, tap.session_id or legacy_session(message_id))
