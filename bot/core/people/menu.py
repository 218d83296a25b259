"""The menus of commands: of everybody, of each person's private chat, and of the coach's chat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from bot.core.facts.commands import Command
from bot.core.i18n.language import DEFAULT, Language

Scope: TypeAlias = tuple[int | None, str]
"""The chat whose menu it is, None for everybody else; and the language of the app that shows it,
empty for every language without a menu of its own."""
Menu: TypeAlias = tuple[tuple[str, str], ...]
"""Commands and their descriptions."""

APPS: Mapping[str, Language] = {
    "": DEFAULT,
    **{it.value: it for it in Language if it is not DEFAULT},
}
"""The languages of apps with a menu of their own; an app in another language shows the default."""


def menus(
    athletes: Collection[int],
    admins: Collection[int],
    chosen: Callable[[int], Language | None],
    coach_chat_id: int | None = None,
) -> dict[Scope, Menu]:
    """All menus, for everybody, for each one's private chat, and for the coach's chat.

    Args:
        athletes, admins: their Telegram ids.
        chosen: the language that was chosen for somebody; None: that of their app counts.
        coach_chat_id: COACH_CHAT_ID; it may be somebody's private chat, too.
    """
    found: dict[Scope, Menu] = {}
    coach = () if coach_chat_id is None else (coach_chat_id,)
    for user_id in (None, *sorted({*athletes, *admins, *coach})):
        commands = [
            command
            for command in Command
            if command.is_offered_to(
                is_athlete=user_id in athletes, is_admin=user_id in admins, is_coach=user_id in coach
            )
        ]
        choice = None if user_id is None else chosen(user_id)
        found |= {(user_id, app): _menu(commands, choice or language) for app, language in APPS.items()}
    return found


def _menu(commands: Collection[Command], language: Language) -> Menu:
    return tuple((command.value, language.texts.command(command).menu) for command in commands)
