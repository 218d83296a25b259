"""What people write that is no command: whose it is to be taken, and by whom.

Takers stand in one order, see `bot.services.processing.wiring`. Each looks whether a message is for it, and
the first that says something has it. A taker decides by the message and by what is stored, so that a message
that is seen to again, after a crash, comes to the same end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.core.telegram.updates import NoteUpdate
from bot.services.chat.reply import Received, Reply


@dataclass(frozen=True, slots=True)
class Written(Received[NoteUpdate]):
    """What is no command: words, or what was sent in place of words."""

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
