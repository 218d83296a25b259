"""The bot that one writes first: python-telegram-bot's own polling, one `update_one` a tap, one answer.

python -m tests.benchmarks.plain_bot TOKEN API_URL MONGO_URL DB

Eight handlers at once: with one, or with 32 and more, it is no quicker.
"""

from __future__ import annotations

import sys
from typing import Any

from pymongo import AsyncMongoClient
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, ContextTypes


class PlainBot:
    """One handler, one collection."""

    def __init__(self, mongo_url: str, db_name: str) -> None:
        self._mongo_url = mongo_url
        self._db_name = db_name

    async def connect(self, _: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Called by python-telegram-bot before it polls."""
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self._mongo_url, w="majority", journal=True
        )
        self._events = client[self._db_name]["feedback_events"]
        await self._events.create_index("sessionKey", unique=True)

    async def tapped(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        """Store and answer one tap."""
        query = update.callback_query
        assert query is not None
        assert query.data is not None
        _prefix, run_id, session_id, kind = query.data.split("|")
        user_id = query.from_user.id
        await self._events.update_one(
            {"sessionKey": f"{run_id}-{session_id}-{user_id}"},
            {"$set": {"runId": run_id, "sessionId": session_id, "type": kind, "userId": user_id}},
            upsert=True,
        )
        await query.answer(f"Saved: {kind}")


def main() -> None:
    """Poll until terminated."""
    token, api_url, mongo_url, db_name = sys.argv[1:]
    bot = PlainBot(mongo_url, db_name)
    builder = Application.builder().token(token).base_url(f"{api_url}/bot").concurrent_updates(8)
    application = builder.post_init(bot.connect).build()
    application.add_handler(CallbackQueryHandler(bot.tapped))
    application.run_polling(allowed_updates=[Update.CALLBACK_QUERY])


if __name__ == "__main__":
    main()
