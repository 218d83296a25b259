"""What is sent in reply to a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core.answers.keyboards import Keyboard
from bot.core.telegram.reactions import Reaction


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
