"""The plain bot in aiogram 3: its own polling, one `update_one` a tap, one answer.

    python -m tests.benchmarks.aiogram_bot TOKEN API_URL MONGO_URL DB

Needs aiogram and pymongo alone, so it may run in an environment of its own.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import CallbackQuery
from pymongo import AsyncMongoClient


class AiogramBot:
    """One handler, one collection."""

    def __init__(self, mongo_url: str, db_name: str) -> None:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url, w="majority", journal=True)
        self._events = client[db_name]["feedback_events"]

    async def connect(self) -> None:
        """Called by aiogram before it polls."""
        await self._events.create_index("sessionKey", unique=True)

    async def tapped(self, query: CallbackQuery) -> None:
        """Store and answer one tap."""
        assert query.data is not None
        _prefix, run_id, session_id, kind = query.data.split("|")
        user_id = query.from_user.id
        await self._events.update_one(
            {"sessionKey": f"{run_id}-{session_id}-{user_id}"},
            {"$set": {"runId": run_id, "sessionId": session_id, "type": kind, "userId": user_id}},
            upsert=True,
        )
        await query.answer(f"Saved: {kind}")


async def main() -> None:
    """Poll until terminated."""
    token, api_url, mongo_url, db_name = sys.argv[1:]
    bot = AiogramBot(mongo_url, db_name)
    dispatcher = Dispatcher()
    dispatcher.startup.register(bot.connect)
    dispatcher.callback_query.register(bot.tapped)
    api = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api_url)))
    await dispatcher.start_polling(api, allowed_updates=["callback_query"])


if __name__ == "__main__":
    asyncio.run(main())
