"""What people write that is no command: whose it is to be taken, and by whom.

Takers stand in one order, see `bot.services.processing.wiring`. Each looks whether a message is for it, and
the first that says something has it. A taker decides by the message and by what is stored, so that a message
that is seen to again, after a crash, comes to the same end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.updates import NoteUpdate
from bot.services.chat.reply import Reply


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote or sent, and who they are.

    Attributes:
        sender: None for somebody who is not on the roster.
        language: of the reply.
        is_coach_chat: it came from the coach's chat.
        at: when this bot first received it.
    """

    update: NoteUpdate
    sender: Athlete | None
    language: Language
    is_admin: bool
    is_coach_chat: bool
    at: datetime

    @property
    def athlete(self) -> Athlete:
        """Who wrote, behind the taker that refuses everybody else.

        Raises:
            LookupError: it is somebody else.
        """
        if self.sender is None:
            raise LookupError("what is for athletes alone was taken from somebody else")
        return self.sender

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update.update_id, self.at)

    @property
    def text(self) -> str:
        """The words; empty if there are none."""
        return (self.update.text or "").strip()


class Taker(Protocol):
    """Takes some of what is written."""

    async def take(self, words: Written) -> Reply | None:
        """Make it durable; returns what to say (an empty reply: nothing), or None if it is for another one.

        Raises:
            StorageError: doing it again is harmless.
        """


class Words:
    """Finds the taker of what somebody wrote.

    Args:
        takers: in the order in which they are asked.
    """

    def __init__(self, takers: Iterable[Taker]) -> None:
        self._takers = tuple(takers)

    async def take(self, words: Written) -> Reply:
        """Have it taken; returns what to say.

        Raises:
            StorageError: doing it again is harmless.
        """
        for taker in self._takers:
            if (reply := await taker.take(words)) is not None:
                return reply
        return Reply("")
