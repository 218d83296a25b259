"""Who may have which command."""

from __future__ import annotations

import pytest

from bot.core.facts.commands import Command

COACHS = {"today", "athlete", "ask", "silent"}


def test_the_order_of_the_menus() -> None:
    """People know it by now; another command comes in between or behind."""
    known = [
        "start", "help", "week", "pending", "pause", "resume", "language", "mydata", "forgetme", "privacy",
        "stats",
    ]  # fmt: skip
    assert [command.value for command in Command if command.value in known] == known


@pytest.mark.parametrize(
    ("is_athlete", "is_admin", "expected"),
    [
        (False, False, {"start", "help", "privacy"}),
        (False, True, {"start", "help", "language", "privacy", "stats"}),
        (True, False, set(Command) - {"stats"} - COACHS),
        (True, True, set(Command) - COACHS),
    ],
)
def test_for_whom_commands_are(is_athlete: bool, is_admin: bool, expected: set[str]) -> None:
    """Menus show strangers /language, too: they see their language before they are known."""
    who = {"is_athlete": is_athlete, "is_admin": is_admin}
    assert {command for command in Command if command.is_for(**who)} == expected
    assert {command for command in Command if command.is_offered_to(**who)} == expected | {"language"}


def test_in_the_coachs_chat() -> None:
    """Whoever writes there has the coach's and may choose a language; nothing of athletes or admins."""
    coach = {"is_athlete": False, "is_admin": False, "is_coach": True}
    assert {it for it in Command if it.is_for(**coach)} == {"start", "help", "privacy", "language"} | COACHS
    assert {it for it in Command if it.is_offered_to(**coach)} == {"start", "help"} | COACHS
    both = {**coach, "is_athlete": True}
    assert {it for it in Command if it.is_offered_to(**both)} == set(Command) - {"stats"}


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", {"pending", "undo", "log", "resume", "pain", "language", "forgetme", "ask"}),
        ("x", {"start", "pending", "undo", "log", "pause", "resume", "pain", "language", "forgetme", "ask"}),
    ],
)
def test_what_changes_something(argument: str, expected: set[str]) -> None:
    """/start does so with the code of an invitation."""
    assert {command for command in Command if command.changes(argument)} == expected
