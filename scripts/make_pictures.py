"""Makes the pictures of the README: `.venv/bin/python -m scripts.make_pictures`.

A short story is played with the real service, MongoDB and HTTP, and the local Bot API server for Telegram;
what then stands in the chat is drawn. `/stats` is drawn as the bot itself draws it, over a month of answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app.bootstrap import build_figures, build_painter, build_roster, build_stores
from bot.app.instance_lock import open_journal
from bot.app.runtime import serve
from bot.core.i18n.language import Language
from bot.core.records.models import FeedbackRecord, PlanSnapshot
from bot.core.telegram.chats import ChatTopic
from bot.logs import setup_logging
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import User, World
from bot.settings import DEFAULT_DB, Settings
from bot.store.mongodb.client import Database, connect
from bot.store.mongodb.embedded import EmbeddedMongo
from bot.store.people.athletes import AthleteStore
from bot.store.records.writer import RecordStore
from scripts.chat_svg import DARK, LIGHT, draw

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
TOKEN = "123456:" + "story" * 7  # made up; the local Bot API server takes no other
ANA, COACH = User(1001, "Ana"), User(2002, "Marta")
START = datetime(2026, 2, 17, 20, 0, 1, tzinfo=UTC)
_PATIENCE = 30.0
_DAYS = 30


async def main() -> None:
    """Play the story, and draw it."""
    setup_logging("ERROR", "text", [TOKEN])
    offset = START.timestamp() - time.time()
    world = World(now=lambda: time.time() + offset)

    def clock() -> datetime:
        return datetime.fromtimestamp(round(world.time(), 3), UTC)

    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        async with SandboxServer(world, token=TOKEN) as telegram, EmbeddedMongo(data_dir) as mongo:
            settings = Settings.model_construct(
                telegram_bot_token=SecretStr(TOKEN),
                telegram_api_url=telegram.url,
                mongo_url=SecretStr(mongo.url),
                data_dir=data_dir,
                coach_chat_id=ChatTopic(COACH.id),
            )
            db = connect(mongo.url, None, DEFAULT_DB)
            await _prepare(db, clock)
            stop = asyncio.Event()
            service = asyncio.create_task(serve(settings, stop, clock))
            try:
                await _play(world)
                await _draw_stats(settings, db, clock)
            finally:
                stop.set()
                await db.client.close()
                with contextlib.suppress(asyncio.CancelledError):
                    await service
    messages = world.messages(ANA.id)
    (IMAGES / "chat.svg").write_text(draw(messages, LIGHT), encoding="utf-8")
    (IMAGES / "chat-dark.svg").write_text(draw(messages, DARK), encoding="utf-8")


async def _prepare(db: Database, clock: Callable[[], datetime]) -> None:
    await AthleteStore(db).add("ana", {"userId": ANA.id, "chatId": str(ANA.id), "name": "Ana"}, clock())
    days = [
        {"date": "2026-02-17", "activity": "Tempo run", "distance_time": "3 x 10 min", "intensity": "Z4"},
        {"date": "2026-02-18", "activity": "Easy run", "distance_time": "8 km"},
    ]
    plan = {"runId": "2026-w08", "weekStart": "2026-02-16", "activityPlan": {"days": days}}
    await RecordStore(db, clock=clock).write("plan_snapshots", [PlanSnapshot.of(plan)])


async def _play(world: World) -> None:
    await _until(lambda: len(world.messages(ANA.id)) == 1, "the first question")
    await _tap(world, 1, "✅ Done", "How hard")
    world.advance(86_400)
    await _until(lambda: len(world.messages(ANA.id)) == 2, "the second question")
    await _tap(world, 2, "🤕 Pain", "Where does it hurt")
    await _tap(world, 2, "knee", "How bad")
    await _tap(world, 2, "6", "knee, 6/10")
    world.message(ANA.id, ANA, "Left knee, from km 5 on. Walked home.", reply_to=2)
    await _until(lambda: len(world.messages(ANA.id)) == 4, "the reply to the note")
    await _until(lambda: bool(world.messages(COACH.id)), "the coach's message")
    world.tap(COACH.id, 1, COACH, button=0)
    await _until(lambda: len(world.messages(ANA.id)) == 5, "the notice")


async def _tap(world: World, message_id: int, button: str, shows: str) -> None:
    world.tap(ANA.id, message_id, ANA, text=button)
    await _until(lambda: shows in str(world.message_of(ANA.id, message_id)["text"]), f"{button}: {shows}")


async def _until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"error: waited for {what} in vain")
        await asyncio.sleep(0.05)


async def _draw_stats(settings: Settings, db: Database, clock: Callable[[], datetime]) -> None:
    records = RecordStore(db, clock=clock)
    await records.write("feedback_events", list(_answers(clock())))
    async with open_journal(settings.data_dir / "stats") as journal:
        stores = build_stores(db, journal, clock)
        roster = build_roster(settings, stores, clock)
        figures = await build_figures(settings, stores, roster, clock).collect(_DAYS)
    picture = await build_painter(settings).draw(figures, Language.EN)
    (IMAGES / "stats.png").write_bytes(picture)


def _answers(now: datetime) -> Iterator[FeedbackRecord]:
    """Made-up answers of six athletes, a session on most days."""
    chance = random.Random(8)  # noqa: S311  # not for secrets; the same picture each time
    for number in range(1, _DAYS):
        for athlete in range(6):
            if chance.random() < 0.25:
                continue
            asked = (now - timedelta(days=number)).replace(hour=20, minute=0, second=0, microsecond=0)
            answered = asked + timedelta(minutes=chance.expovariate(1 / 40))
            yield FeedbackRecord.of(
                {
                    "runId": f"w{number // 7}",
                    "sessionId": f"day-{number}",
                    "userId": 5000 + athlete,
                    "type": chance.choices(("done", "hard", "skipped", "pain"), (66, 17, 12, 5))[0],
                    "sessionDate": asked.date().isoformat(),
                    "promptSentAt": asked.isoformat(),
                    "receivedAt": answered.isoformat(),
                }
            )


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    asyncio.run(main())
