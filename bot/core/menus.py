"""Which commands stand in whose menu. Pure.

Everybody's menu is the default one; athletes and admins have one in their private chat, so nobody else sees
their commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.language import Language
from bot.core.texts.menus import COMMANDS

EVERYBODY = ("start", "help", "privacy", "language")
ATHLETE = (
    "week", "pending", "pause", "resume", "language", "mydata", "forgetme", "privacy", "help", "start",
)  # fmt: skip
ADMIN = ("stats", "language", "privacy", "help", "start")

Commands = tuple[tuple[str, str], ...]
"""Names with their descriptions, in order."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Where a list of commands stands.

    Attributes:
        chat_id: of a private chat; None: everybody's.
        language: only for apps in this language; None: for those in any other.
    """

    chat_id: int | None
    language: Language | None

    @property
    def scope(self) -> dict[str, Any] | None:
        """As the Bot API calls it; None: the default one."""
        return None if self.chat_id is None else {"type": "chat", "chat_id": self.chat_id}


def menus(
    athletes: Iterable[int], admins: Iterable[int], chosen: Callable[[int], Language | None]
) -> Mapping[Menu, Commands]:
    """All menus that there should be, everybody's first.

    Args:
        athletes, admins: Telegram user ids; a private chat has its user's.
        chosen: the language that somebody is to be written to in, whatever Telegram's is; None: Telegram's.
    """
    trains, runs = set(athletes), set(admins)
    found = _both(None, EVERYBODY, None)
    for user_id in sorted(trains | runs):
        names: tuple[str, ...] = ATHLETE if user_id in trains else ADMIN
        if user_id in trains and user_id in runs:
            names = ("stats", *ATHLETE)
        found |= _both(user_id, names, chosen(user_id))
    return found


def _both(chat_id: int | None, names: Iterable[str], language: Language | None) -> dict[Menu, Commands]:
    names = tuple(names)
    return {
        Menu(chat_id, None): _commands(names, language or Language.EN),
        Menu(chat_id, Language.ES): _commands(names, language or Language.ES),
    }


def _commands(names: Iterable[str], language: Language) -> Commands:
    return tuple((name, COMMANDS[name](language)) for name in names)
