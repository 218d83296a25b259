"""/undo: the last note is taken back. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.facts.commands import Command
from bot.core.notes.lines import NoteLine
from bot.core.shared.update_order import UpdateStamp
from bot.core.words import texts
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.services.words.note_keeper import NoteKeeper
from bot.services.words.sessions import SpokenSessions
from bot.store.words.notes import KeptNotes, NoteStore


class NoteCommands:
    """Carries out what athletes ask for about their notes.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """

    def __init__(
        self, notes: NoteStore, sessions: SpokenSessions, keeper: NoteKeeper, late_after_days: int
    ) -> None:
        self._notes = notes
        self._sessions = sessions
        self._keeper = keeper
        self._late_after_days = late_after_days

    def handlers(self) -> Mapping[Command, Handler]:
        """The commands that are carried out here. They raise `StorageError`; doing it again is harmless."""
        return {Command.UNDO: self._undo}

    async def _undo(self, request: CommandRequest) -> Reply:
        """Take the last note back; the same command again, after a crash, takes back no further one."""
        user_id, stamp, language = request.update.user_id, request.stamp, request.language
        kept = await self._notes.recent(user_id, request.at, self._late_after_days)
        done = next((it for it in kept if stamp in it.notes.taken_back.values()), None)
        if done is None:
            last = _last(kept, stamp)
            if last is None:
                return Reply(language.texts.words.nothing_to_undo)
            done, line = last
            chat_id = line.chat_id or request.update.chat_id
            await self._keeper.take_back(done.session, chat_id, line.message_id, stamp)
        session = await self._sessions.known(done.place, user_id, request.at)
        return Reply(texts.taken_back(session, language), html=True, is_outcome=True)


def _last(kept: Sequence[KeptNotes], before: UpdateStamp) -> tuple[KeptNotes, NoteLine] | None:
    """The line that was written last before an update."""
    lines = [(it, line) for it in kept for line in it.notes.lines if before.is_after(line.stamp)]
    return max(lines, key=lambda it: (it[1].at, it[1].message_id), default=None)
