"""Takers of what is nobody's, of what strangers write, and of what is of no use."""

from __future__ import annotations

from bot.services.chat.reply import Reply
from bot.services.chat.words import Written
from bot.services.words.sessions import SpokenSessions

_NOTHING = Reply("")


class Unattributed:
    """Refuses what is written in the name of a group or a channel: nobody knows whose it is."""

    def __init__(self, sessions: SpokenSessions) -> None:
        self._sessions = sessions

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`. Who edits it was told already; in the coach's chat only what replies to a question."""
        if not words.update.is_anonymous:
            return None
        if words.is_coach_chat and await self._sessions.named(words.update) is None:
            return None
        if words.update.is_edit:
            return _NOTHING
        return Reply(words.language.texts.notes.anonymous, is_refused=True, is_outcome=True)


class Strangers:
    """Refuses whoever is no athlete. What comes behind is for athletes alone."""

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`."""
        if words.sender is not None:
            return None
        return Reply(words.language.texts.notes.for_athletes, is_refused=not words.is_admin)


class Unclaimed:
    """Says to an athlete in a group that nothing becomes of what they wrote, and what would help."""

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`."""
        return Reply(words.language.texts.notes.which if words.update.replied_to is not None else "")
