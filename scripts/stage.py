"""A stage for stories: the real service, MongoDB, the local Bot API server, a clock that can be moved on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app.runtime import serve
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import User, World
from bot.settings import DEFAULT_DB, Settings
from bot.store.embedded.server import EmbeddedMongo
from bot.store.mongodb.client import Database, connect

TOKEN = "123456:" + "story" * 7  # made up; the local Bot API server takes no other
_PATIENCE = 120.0
_LOOKS = 75
_STEP = timedelta(seconds=100)
"""In steps of this length no service believes to have been away."""
_SLOW = timedelta(minutes=70)


@dataclass(slots=True)
class Stage:
    """What a story is played on.

    Attributes:
        world: the chats.
    """

    world: World
    db: Database
    settings: Settings

    def calls(self) -> list[dict[str, Any]]:
        """What the bot has asked of Telegram so far, but for polls."""
        return [call for call in self.world.ledger.calls() if call["method"] != "getUpdates"]

    def clock(self) -> datetime:
        """The time on the stage."""
        return datetime.fromtimestamp(round(self.world.time(), 3), UTC)

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for something that the bot does.

        Raises:
            TimeoutError: in vain.
        """
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited for {what} in vain")
            await asyncio.sleep(0.02)

    async def shows(self, chat: int, message_id: int, text: str) -> None:
        """Wait until a message shows something."""
        await self.until(
            lambda: text in str(self.world.message_of(chat, message_id).get("text")),
            f"{text!r} in message {message_id} of chat {chat}",
        )

    def buttons(self, chat: int, message_id: int) -> list[str]:
        """The labels of a message's buttons."""
        markup = self.world.message_of(chat, message_id).get("reply_markup") or {}
        return [str(button["text"]) for row in markup.get("inline_keyboard", ()) for button in row]

    async def quiet(self) -> None:
        """Wait until the bot has been silent for a second."""
        before = -1
        while before != len(self.calls()):
            before = len(self.calls())
            await asyncio.sleep(1)

    async def tap(self, user: User, message_id: int, button: str, shows: str) -> None:
        """Press a button in the private chat, and wait until its message shows what comes of it."""
        self.world.tap(user.id, message_id, user, text=button)
        await self.shows(user.id, message_id, shows)

    async def pass_until(self, moment: datetime) -> None:
        """Let time pass; the bot polls in between, as it would.

        Long times pass at one go, after which the bot believes to have been away: of no consequence where no
        question is open.
        """
        await self._pass(moment - _SLOW, moment - self.clock())
        await self._pass(moment, _STEP)

    async def _pass(self, moment: datetime, step: timedelta) -> None:
        while (left := moment - self.clock()) > timedelta(0):
            self.world.advance(min(left, step).total_seconds())
            self.world.inject({"chat_boost": {}})  # of a kind that means nothing to the bot
            await self.until(lambda: self.world.pending() == 0, "a poll")
            await self._send()

    async def _send(self) -> None:
        """Let the bot send what is due; what it holds back is not waited for."""
        due = {"state": "pending", "dueAt": {"$lte": self.clock()}}
        for _ in range(_LOOKS):
            if not await self.db.session_prompts.count_documents(due):
                break
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    start: datetime,
    prepare: Callable[[Database, Callable[[], datetime]], Any],
    **settings: Any,
) -> AsyncIterator[Stage]:
    """A stage on which the service runs.

    Args:
        folder: for its data.
        start: the time with which it begins.
        prepare: awaited with the database and the clock before the service starts.
        settings: by name, beside those that the stage itself needs.
    """
    offset = start.timestamp() - time.time()
    world = World(now=lambda: time.time() + offset)
    async with SandboxServer(world, token=TOKEN) as telegram, EmbeddedMongo(folder) as mongo:
        made = Settings.model_construct(
            telegram_bot_token=SecretStr(TOKEN),
            telegram_api_url=telegram.url,
            mongo_url=SecretStr(mongo.url),
            data_dir=folder,
            **settings,
        )
        stage = Stage(world, connect(mongo.url, None, DEFAULT_DB), made)
        # MongoDB knows nothing of the time on the stage, by which nothing is old.
        await stage.db.client.admin.command({"setParameter": 1, "ttlMonitorEnabled": False})
        await prepare(stage.db, stage.clock)
        stop = asyncio.Event()
        service = asyncio.create_task(serve(made, stop, stage.clock))
        try:
            yield stage
        finally:
            stop.set()
            await stage.db.client.close()
            with contextlib.suppress(asyncio.CancelledError):
                await service
