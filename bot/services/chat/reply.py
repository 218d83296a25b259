"""A message that came, with who sent it, and what is sent in reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from bot.core.answers.keyboards import Keyboard
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import CommandUpdate, NoteUpdate

_Update = TypeVar("_Update", CommandUpdate, NoteUpdate)


@dataclass(frozen=True, slots=True)
class Received(Generic[_Update]):
    """What somebody wrote, and who they are.

    Attributes:
        sender: None for somebody who is not on the roster.
        language: of the reply.
        is_coach_chat: it came from the coach's chat.
        at: when this bot first received it, so that a change that is made again after a crash is the same.
            Of a command that changes nothing, the time.
    """

    update: _Update
    sender: Athlete | None
    language: Language
    is_admin: bool
    is_coach_chat: bool
    at: datetime

    @property
    def athlete(self) -> Athlete:
        """Who sent what is taken from athletes alone.

        Raises:
            LookupError: it is for others, too, and they are none.
        """
        if self.sender is None:
            raise LookupError("what is for athletes alone was taken from somebody else")
        return self.sender

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update.update_id, self.at)


@dataclass(frozen=True, slots=True)
class File:
    """A document to be sent."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say.

    Attributes:
        text: empty: nothing.
        is_refused: whether the message counts as refused.
        is_outcome: whether it tells what has become of what somebody wrote, and must not be left out.
        renew: how it reads once all that came in the same page is stored: a note's answer may be among that;
            raises `StorageError`. None: it reads the same.
        html: whether `text` is HTML.
        keyboard: buttons below it.
        reaction: given to what was written, in place of the text, which is said where it cannot be given.
        picture: a PNG, with the text below; `without_picture` is said where Telegram does not take it.
        file: comes with the text.
    """

    text: str
    is_refused: bool = False
    is_outcome: bool = False
    renew: Callable[[], Awaitable[Reply]] | None = None
    html: bool = False
    keyboard: Keyboard | None = None
    reaction: Reaction | None = None
    picture: bytes | None = None
    without_picture: str = ""
    file: File | None = None
