"""The client of the Bot API against the local Bot API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from bot.core.shared.errors import TelegramRejected
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import World
from bot.telegram.client import BotClient

TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"


async def test_each_reply_tells_the_time() -> None:
    """The clock's witness hears the `Date` of replies to polls and to other calls."""
    dates: list[str] = []
    server = SandboxServer(World(), token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url, dates.append) as api:
            await api.get_updates(None, 0, 1)
            await api.send(7, "Hello")
    finally:
        await server.stop()
    assert len(dates) == 2
    for date in dates:
        assert abs(parsedate_to_datetime(date) - datetime.now(UTC)) < timedelta(seconds=60)


async def test_what_only_asks() -> None:
    """The bot itself, the webhook, and a chat, which may be one that it does not know."""
    world = World()
    world.set_webhook("https://elsewhere.example/hook")
    world.set_chat(8, unknown=True)
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            assert (await api.get_me())["username"] == await api.username()
            assert (await api.webhook_info())["url"] == "https://elsewhere.example/hook"
            assert (await api.chat(7))["id"] == 7
            with pytest.raises(TelegramRejected, match=r"(?i)chat not found"):
                await api.chat(8)
    finally:
        await server.stop()
