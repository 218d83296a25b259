"""Which commands Telegram offers to whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from bot.core.i18n.language import Language
from bot.core.people.menu_texts import COMMANDS

Scope: TypeAlias = tuple[int | None, str]
"""The private chat whose menu it is, None for everybody else; and the language of the app that shows it,
empty for every language without a menu of its own."""
Menu: TypeAlias = tuple[tuple[str, str], ...]
"""Commands and their descriptions."""

EVERYBODY = ("start", "help", "language", "privacy")
ATHLETE = tuple(name for name in COMMANDS if name != "stats")
ADMIN = (*EVERYBODY, "stats")
"""Of an admin who is no athlete; one who is has all."""
APPS: Mapping[str, Language] = {"": Language.EN, Language.ES.value: Language.ES}
"""The languages of apps with a menu of their own; what an app in another language shows is English."""


def menus(
    athletes: Collection[int], admins: Collection[int], settled: Callable[[int], Language | None]
) -> dict[Scope, Menu]:
    """All menus, for everybody and for each one's private chat.

    Args:
        athletes, admins: their Telegram ids.
        settled: the language that was chosen for somebody; None: that of their app counts.
    """
    found: dict[Scope, Menu] = {(None, app): _menu(EVERYBODY, language) for app, language in APPS.items()}
    for user_id in sorted({*athletes, *admins}):
        names = ADMIN if user_id not in athletes else (*ATHLETE, "stats") if user_id in admins else ATHLETE
        choice = settled(user_id)
        found |= {(user_id, app): _menu(names, choice or language) for app, language in APPS.items()}
    return found


def _menu(names: Collection[str], language: Language) -> Menu:
    return tuple((name, COMMANDS[name](language)) for name in names)
