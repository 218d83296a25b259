"""Makes the pictures of the README: `.venv/bin/python -m scripts.make_pictures`.

A short story is played with the real service, MongoDB and HTTP, and the local Bot API server for Telegram;
what then stands in the chat is drawn. `/stats` is drawn as the bot itself draws it, over a month of answers.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app.bootstrap import build_figures, build_painter, build_roster
from bot.app.instance_lock import open_journal
from bot.app.stores import build_stores
from bot.core.i18n.language import Language
from bot.core.records.models import FeedbackRecord, PlanSnapshot
from bot.core.telegram.chats import ChatTopic
from bot.logs import setup_logging
from bot.sandbox.world import User
from bot.store.mongodb.client import Database
from bot.store.people.athletes import AthleteStore
from bot.store.records.writer import RecordStore
from scripts.chat_svg import DARK, LIGHT, draw
from scripts.stage import TOKEN, Stage, staged

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
ANA, COACH = User(1001, "Ana"), User(2002, "Marta")
START = datetime(2026, 2, 17, 20, 0, 1, tzinfo=UTC)
_DAYS = 30


async def main() -> None:
    """Play the story, and draw it."""
    setup_logging("ERROR", "text", [TOKEN])
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder), START, _prepare, coach_chat_id=ChatTopic(COACH.id)) as stage:
            await _play(stage)
            await _draw_stats(stage)
            messages = stage.world.messages(ANA.id)
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


async def _play(stage: Stage) -> None:
    world = stage.world
    await stage.until(lambda: len(world.messages(ANA.id)) == 1, "the first question")
    await stage.tap(ANA, 1, "✅ Done", "How hard")
    world.advance(86_400)
    await stage.until(lambda: len(world.messages(ANA.id)) == 2, "the second question")
    await stage.tap(ANA, 2, "🤕 Pain", "Where does it hurt")
    await stage.tap(ANA, 2, "knee", "Which side")
    await stage.tap(ANA, 2, "left", "How bad")
    await stage.tap(ANA, 2, "6", "Did you do")
    await stage.tap(ANA, 2, "part", "How hard")
    await stage.tap(ANA, 2, "4", "Effort")
    world.message(ANA.id, ANA, "From km 5 on. Walked home.", reply_to=2)
    await stage.until(lambda: world.messages(ANA.id)[-1].get("reactions"), "the sign that a note is kept")
    await stage.until(lambda: bool(world.messages(COACH.id)), "the coach's message")
    world.tap(COACH.id, 1, COACH, button=0)
    await stage.until(lambda: len(world.messages(ANA.id)) == 4, "the notice")
    world.message(COACH.id, COACH, "No running until Friday. Swim, if it does not hurt.", reply_to=1)
    await stage.until(lambda: len(world.messages(ANA.id)) == 5, "the coach's words")


async def _draw_stats(stage: Stage) -> None:
    records = RecordStore(stage.db, clock=stage.clock)
    await records.write("feedback_events", list(_answers(stage.clock())))
    async with open_journal(stage.settings.data_dir / "stats") as journal:
        stores = build_stores(stage.db, journal, stage.clock)
        roster = build_roster(stage.settings, stores, stage.clock)
        figures = await build_figures(stage.settings, stores, roster, stage.clock).collect(_DAYS)
    picture = await build_painter(stage.settings).draw(figures, Language.EN)
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
