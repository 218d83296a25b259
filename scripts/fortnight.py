"""A fortnight of an athlete's life, played with the real service and MongoDB, and the local Bot API server.

`.venv/bin/python -m scripts.fortnight FOLDER` draws the athlete's chat and the coach's, a picture a day; the
test that plays it too is `tests/e2e/test_fortnight.py`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.core.records.models import PlanSnapshot
from bot.core.telegram.chats import ChatTopic
from bot.logs import setup_logging
from bot.sandbox.world import User
from bot.store.mongodb.client import Database
from bot.store.people.athletes import AthleteStore
from bot.store.records.writer import RecordStore
from scripts.chat_svg import LIGHT, draw
from scripts.stage import TOKEN, Stage, staged

ANA, MARTA = User(1001, "Ana"), User(2002, "Marta")
MADRID = ZoneInfo("Europe/Madrid")
MONDAY = date(2026, 2, 16)
START = datetime(2026, 2, 16, 7, 30, tzinfo=MADRID).astimezone(UTC)
_NEW = 1_800
"""Seconds."""
SETTINGS: dict[str, Any] = {
    "timezone": MADRID,
    "prompt_time": time(20),
    "coach_chat_id": ChatTopic(MARTA.id),
}
_FIRST_WEEK = (
    "Easy run|45 min",
    "Tempo run|3 x 10 min",
    "Rest|",
    "Easy run|8 km",
    "Strength|40 min",
    "Ride|90 min",
    "Long run|18 km",
)
_SECOND_WEEK = (
    "Walk|30 min",
    "Easy run|5 km",
    "Rest|",
    "Easy run|6 km",
    "Strength|40 min",
    "Rest|",
    "Long run|12 km",
)


async def prepare(db: Database, clock: Callable[[], datetime]) -> None:
    """The athlete is on the roster, and the first week is planned."""
    await AthleteStore(db).add("ana", {"userId": ANA.id, "chatId": str(ANA.id), "name": "Ana"}, clock())
    await _plan(db, clock, "w08", MONDAY, _FIRST_WEEK)


async def _plan(
    db: Database,
    clock: Callable[[], datetime],
    run_id: str,
    monday: date,
    sessions: tuple[str, ...],
    **day: Any,
) -> None:
    days = []
    for number, session in enumerate(sessions):
        activity, _, length = session.partition("|")
        when = (monday + timedelta(days=number)).isoformat()
        days.append(
            {"date": when, "activity": activity, "distance_time": length or None, **day.get(when, {})}
        )
    plan = {"runId": run_id, "weekStart": monday.isoformat(), "activityPlan": {"days": days}}
    await RecordStore(db, clock=clock).write("plan_snapshots", [PlanSnapshot.of(plan)])


class Fortnight:
    """What happens, day by day: each method is a day, and leaves both chats as they are then."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.world = stage.world

    async def play(self, at_the_end_of: Callable[[int], object] = lambda _: None) -> None:
        """All of it.

        Args:
            at_the_end_of: called after each day with its number, from 1 on.
        """
        days = (
            self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday,
            self.second_monday, self.second_tuesday, self.second_weekend,
        )  # fmt: skip
        for number, day in enumerate(days, 1):
            await day()
            at_the_end_of(number)

    async def monday(self) -> None:
        """The usual day: two taps."""
        await self._at(1, "20:01")
        question = await self._question("Easy run")
        await self.stage.tap(ANA, question, "✅ Done", "How hard")
        await self.stage.tap(ANA, question, "4", "Effort (RPE) 4")

    async def tuesday(self) -> None:
        """Ana writes instead of tapping; what she says is offered, and one tap saves it."""
        await self._at(2, "20:01")
        question = await self._question("Tempo run")
        offered = await self._writes(ANA, "hecho, 8. Windy!", "Noted with Tempo run")
        self.world.tap(ANA.id, offered, ANA, text="👉 ✅ Done")
        await self.stage.shows(ANA.id, offered, "➜ ✅ Done")
        await self.stage.tap(ANA, offered, "8", "Effort (RPE) 8")
        await self.stage.shows(ANA.id, question, "Answered below")

    async def wednesday(self) -> None:
        """No session; a swim that no plan has."""
        await self._at(3, "18:30")
        await self._writes(ANA, "/log 45 min easy swim 3", "Logged")

    async def thursday(self) -> None:
        """The knee. The coach is told, has seen it, writes, and is answered."""
        await self._at(4, "20:01")
        question = await self._question("Easy run")
        await self.stage.tap(ANA, question, "🤕 Pain", "Where does it hurt")
        await self.stage.tap(ANA, question, "knee", "Which side")
        await self.stage.tap(ANA, question, "left", "How bad")
        await self.stage.tap(ANA, question, "4", "Did you do")
        await self.stage.tap(ANA, question, "part", "How hard")
        await self.stage.tap(ANA, question, "6", "Effort (RPE) 6")
        self.world.message(ANA.id, ANA, "Outside of the knee, going down", reply_to=question)
        await self.stage.shows(ANA.id, question, "Outside of the knee")
        alert = await self._hears(MARTA, "Outside of the knee")
        await self.stage.quiet()
        self.world.tap(MARTA.id, alert, MARTA, text="👀 Seen")
        await self._hears(ANA, "has seen")
        self.world.message(MARTA.id, MARTA, "Ice it tonight. How is it on stairs?", reply_to=alert)
        words = await self._hears(ANA, "How is it on stairs?")
        self.world.message(ANA.id, ANA, "Only going down.", reply_to=words)
        await self._hears(MARTA, "Only going down.")

    async def friday(self) -> None:
        """How is it by now? The same. In the evening she is tired, and says so."""
        await self._at(5, "08:01")
        check = await self._hears(ANA, "How is it by now: knee (left)")
        self.world.tap(ANA.id, check, ANA, text="😐 The same")
        await self.stage.quiet()
        await self._at(5, "20:01")
        question = await self._question("Strength")
        await self.stage.tap(ANA, question, "⏭ Skipped", "What kept you from it")
        await self.stage.tap(ANA, question, "tired", "Reason: tired")

    async def saturday(self) -> None:
        """Not now: Later. And which days of the coming week can she train?"""
        await self._at(6, "20:01")
        question = await self._question("Ride")
        self.world.tap(ANA.id, question, ANA, text="⏰ Later")

        def in_an_hour() -> list[str]:
            return [label for label in self.stage.buttons(ANA.id, question) if "In an hour" in label]

        await self.stage.until(in_an_hour, "times to choose from")
        [choice] = in_an_hour()
        await self.stage.tap(ANA, question, choice, "I ask again today at")
        offer = await self._writes(ANA, "/availability", "On which days can you train")
        for day in ("Monday 23", "Tuesday 24", "Thursday 26", "Sunday 1"):
            self.world.tap(ANA.id, offer, ANA, text=f"▫️ {day}")
            await self.stage.until(partial(self._is_ticked, offer, day), f"a tick at {day}")
        await self._at(6, "21:10")
        again = await self._question("Ride")
        await self.stage.tap(ANA, again, "🥵 Hard", "How hard")
        await self.stage.tap(ANA, again, "7", "Effort (RPE) 7")
        await self.stage.shows(ANA.id, question, "Answered below")

    async def sunday(self) -> None:
        """The long run went well. The plan for next week says what changed, and because of which answer."""
        await self._at(7, "20:01")
        question = await self._question("Long run")
        if "🙂 Gone" in self.stage.buttons(ANA.id, question):
            self.world.tap(ANA.id, question, ANA, text="😐 The same")
            await self.stage.quiet()
        await self.stage.tap(ANA, question, "✅ Done", "How hard")
        await self.stage.tap(ANA, question, "5", "Effort (RPE) 5")
        because = [{"runId": "w08", "sessionId": "2026-02-19-easy-run"}]
        monday = MONDAY + timedelta(weeks=1)
        change = {"because": because, "change": "Shortened to 30 min"}
        await _plan(
            self.stage.db, self.stage.clock, "w09", monday, _SECOND_WEEK, **{monday.isoformat(): change}
        )

    async def second_monday(self) -> None:
        """She reads why it is only a walk; the knee is fine."""
        await self._at(8, "20:01")
        question = await self._question("Walk")
        await self.stage.shows(ANA.id, question, "knee")
        if "🙂 Gone" in self.stage.buttons(ANA.id, question):
            self.world.tap(ANA.id, question, ANA, text="🙂 Gone")
            await self.stage.quiet()
        await self.stage.tap(ANA, question, "✅ Done", "How hard")
        await self.stage.tap(ANA, question, "2", "Effort (RPE) 2")

    async def second_tuesday(self) -> None:
        """A cold: three days of pause."""
        await self._at(9, "12:00")
        offer = await self._writes(ANA, "/pause", "How long")
        self.world.tap(ANA.id, offer, ANA, text="3 days")
        await self._hears(ANA, "I will not ask you anything until")
        await self._writes(MARTA, "/today", "paused")

    async def second_weekend(self) -> None:
        """Back again, with the last question of the fortnight."""
        await self._at(14, "20:01")
        question = await self._question("Long run")
        await self.stage.tap(ANA, question, "✅ Done", "How hard")
        await self.stage.tap(ANA, question, "5", "Effort (RPE) 5")
        await self._writes(ANA, "/week", "Your week")

    def _is_ticked(self, offer: int, day: str) -> bool:
        return any(day in label and "▫️" not in label for label in self.stage.buttons(ANA.id, offer))

    async def _at(self, day: int, clock: str) -> None:
        """Let time pass until then; day 1 is the first Monday."""
        hour, minute = map(int, clock.split(":"))
        local = datetime.combine(MONDAY + timedelta(days=day - 1), time(hour, minute, 5), MADRID)
        await self.stage.pass_until(local.astimezone(UTC))

    async def _question(self, about: str) -> int:
        """The message in which a session is asked about that is due now."""

        def found() -> int | None:
            asked = [
                message["message_id"]
                for message in self.world.messages(ANA.id)
                if f"\n{about}\n" in f"{message.get('text')}\n"
                and message.get("reply_markup")
                and self.world.time() - message["date"] < _NEW
            ]
            return asked[-1] if asked else None

        await self.stage.until(found, f"a question about {about}")
        return found() or 0

    async def _writes(self, user: User, words: str, answer: str, reply_to: int | None = None) -> int:
        """Somebody writes, and the bot says something to that; returns which message that is."""
        before = len(self.world.messages(user.id)) + 1
        self.world.message(user.id, user, words, reply_to=reply_to)
        return await self._hears(user, answer, since=before)

    async def _hears(self, user: User, text: str, *, since: int = 0) -> int:
        """Wait until the bot has written something to somebody; returns which message that is."""

        def found() -> int | None:
            return next(
                (m["message_id"] for m in self.world.messages(user.id)[since:] if text in str(m.get("text"))),
                None,
            )

        await self.stage.until(found, f"{text!r} in the chat of {user.first_name}")
        return found() or 0


async def main(folder: Path) -> None:
    """Play it, and draw both chats at the end of each day."""
    setup_logging("ERROR", "text", [TOKEN])
    with tempfile.TemporaryDirectory() as data:
        async with staged(Path(data), START, prepare, **SETTINGS) as stage:
            drawn = dict.fromkeys((ANA, MARTA), 0)

            def draw_day(number: int) -> None:
                for user, done in drawn.items():
                    messages = stage.world.messages(user.id)
                    if messages[done:]:
                        name = f"{number:02}-{user.first_name.lower()}.svg"
                        (folder / name).write_text(draw(messages[done:], LIGHT), encoding="utf-8")
                    drawn[user] = len(messages)

            await Fortnight(stage).play(draw_day)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
