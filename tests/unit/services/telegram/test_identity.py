"""What is meant for this bot, whose name Telegram tells."""

from __future__ import annotations

import pytest

from bot.core.shared.backoff import constant
from bot.core.shared.errors import TelegramNotSent
from bot.core.telegram.updates import CommandUpdate
from bot.services.telegram import identity
from bot.services.telegram.identity import BotIdentity


def command(addressee: str | None) -> CommandUpdate:
    """In a group."""
    return CommandUpdate(1, 7, -5, is_private=False, name="start", argument="", addressee=addressee)


async def test_the_name_is_asked_for_once_and_only_if_it_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long Telegram is away."""
    monkeypatch.setattr(identity, "_BACKOFF", constant(0.001))
    replies: list[str | Exception] = [TelegramNotSent("away"), TelegramNotSent("away"), "Our_Bot"]

    async def ask() -> str:
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    us = BotIdentity(1, ask)
    assert await us.understand(command(None)) == command(None)
    assert len(replies) == 3
    assert await us.understand(command("our_bot")) == command("our_bot")
    assert await us.understand(command("other_bot")) is None
    assert replies == []
