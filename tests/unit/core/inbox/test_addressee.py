"""What is meant for this bot, where there are others."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.inbox.addressee import meant_for
from bot.core.telegram.updates import CommandUpdate, NoteUpdate

US, OTHER = 1, 2


def command(name: str, addressee: str | None = None, *, chat_id: int = -5) -> CommandUpdate:
    """Somebody writes a command."""
    return CommandUpdate(1, 7, chat_id, chat_id > 0, name, "x", addressee=addressee)


def note(replied_by: int | None, *payloads: str, chat_id: int = -5) -> NoteUpdate:
    """Somebody replies to a bot."""
    how: dict[str, Any] = {"message_id": 3, "text": "knee", "replied_to": 2, "is_edit": False}
    return NoteUpdate(1, 7, chat_id, chat_id > 0, payloads=payloads, replied_by=replied_by, **how)


def ours(update: CommandUpdate | NoteUpdate) -> CommandUpdate | NoteUpdate | None:
    """What it is to us."""
    return meant_for(update, bot_id=US, username="our_bot")


@pytest.mark.parametrize("name", ["start", "help", "pending", "forgetme", "stats"])
@pytest.mark.parametrize("chat_id", [7, -5])
def test_a_command_that_names_us_or_nobody(name: str, chat_id: int) -> None:
    """It is carried out as it is."""
    for addressee in ("our_bot", None):
        asked = command(name, addressee, chat_id=chat_id)
        assert ours(asked) is asked


@pytest.mark.parametrize("name", ["start", "help", "pending", "stats", "roll"])
@pytest.mark.parametrize("addressee", ["other_bot", "our_bot2", "our"])
def test_a_command_for_another_bot(name: str, addressee: str) -> None:
    """In a group it is nothing; in private it is a message like any other, which is answered."""
    assert ours(command(name, addressee)) is None
    private = ours(command(name, addressee, chat_id=7))
    assert private == CommandUpdate(1, 7, 7, is_private=True, name="", argument="")


def test_a_command_that_is_none_of_ours() -> None:
    """In a group it is another bot's."""
    assert ours(command("roll")) is None
    assert ours(command("roll", chat_id=7)) is not None


def test_replies() -> None:
    """Those to another bot are its own, unless it asked our question, before it was replaced."""
    for update in (note(US), note(None, chat_id=7), note(OTHER, "x", "session_feedback|r|s|done")):
        assert ours(update) is update
    for update in (note(OTHER), note(None), note(OTHER, "vote|3")):
        assert ours(update) is None
