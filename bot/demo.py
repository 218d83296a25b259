"""`demo`: the whole loop on this machine, with a scripted athlete and a simulated week.

Everything is real but Telegram itself: the service, MongoDB, HTTP. Telegram is played by the local Bot API
server, whose clock is set forward from day to day; the service is given the same clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.app.runtime import serve
from bot.core.answers import texts as answer_texts
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS
from bot.core.i18n.language import Language
from bot.core.people.athlete import read_roster
from bot.core.records.collections import PLAN_SNAPSHOTS
from bot.core.records.models import PlanSnapshot
from bot.core.shared.clock import Clock
from bot.core.shared.errors import BotError
from bot.core.telegram.chats import ChatTopic
from bot.logs import setup_logging
from bot.sandbox.ledger import Tap
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import User, World
from bot.services.reports.summary import collect
from bot.settings import DEFAULT_DB, Settings
from bot.store.answers import feedback_events as feedback
from bot.store.embedded.server import EmbeddedMongo
from bot.store.mongodb.client import Database, connect
from bot.store.records.upserts import Refused
from bot.store.records.writer import RecordStore
from bot.store.summary import SummaryStore

TOKEN = "123456:" + "demo" * 9  # made up; the local Bot API server takes no other
ATHLETE = User(1001, "Ana", username="ana_runs")
COACH = User(2002, "Marta", username="marta_coach")
STRANGER = User(6666, "Somebody", username="somebody")
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class DemoSession:
    """One planned session, and what the athlete says after it.

    Attributes:
        taps: answers, in this order.
        details: what is tapped when the bot asks for more.
        reply: the athlete's own note.
    """

    activity: str
    distance_time: str
    note: str | None
    taps: tuple[FeedbackType, ...]
    details: tuple[str, ...] = ()
    reply: str | None = None


_LABELS = {type_: answer_texts.label(type_, Language.EN) for type_ in FeedbackType}
WEEK = (
    DemoSession("Easy run", "8 km", "Keep it conversational.", (FeedbackType.DONE,)),
    DemoSession(
        "Tempo",
        "3 x 10 min",
        "Threshold, 2 min jog between.",
        (FeedbackType.DONE, FeedbackType.HARD, FeedbackType.HARD),
        ("8",),
    ),
    DemoSession("Strength", "40 min", None, (FeedbackType.SKIPPED,), ("no time",)),
    DemoSession("VO2max", "5 x 1000 m", "At 5 km pace <3:50/km>.", (FeedbackType.HARD,)),
    DemoSession(
        "Recovery run",
        "6 km",
        None,
        (FeedbackType.PAIN,),
        ("knee", "left", "6", "part", "4"),
        "Left <knee>, since km 4 & worse uphill",
    ),
    DemoSession("Ride", "90 min", "Flat, easy gear.", (FeedbackType.DONE,), ("2",)),
    DemoSession("Long run", "22 km", "Last 5 km at marathon pace.", ()),
)


async def run_demo(*, keep: bool) -> None:
    """Play the week, show what came of it, and clean up unless `keep`.

    Raises:
        BotError: a part cannot run here; the message says why.
    """
    console = Console(width=None if Console().is_terminal else 110, highlight=False)
    setup_logging("ERROR", "text", [TOKEN])
    data_dir = Path(tempfile.mkdtemp(prefix="feedback-demo-"))
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await _play(console, data_dir)
        if keep:
            _leave_settings(data_dir)
            console.print(
                f"\nKept in {data_dir}, with settings for every command. To look again:\n"
                f"cd {shlex.quote(str(data_dir))}\n"
                f"{shlex.quote(sys.executable)} -m bot summary --week-start {_a_past_monday():%Y-%m-%d}",
                soft_wrap=True,
            )
        else:
            console.print(
                "\nNothing is left running and nothing is left behind (--keep would keep the data)."
            )
    finally:
        if not keep:
            shutil.rmtree(data_dir, ignore_errors=True)


def _leave_settings(data_dir: Path) -> None:
    """What the commands need to know in the working directory."""
    settings = {
        "DATA_DIR": data_dir,
        "ATHLETE_IDS": ATHLETE.id,
        "ADMIN_IDS": ATHLETE.id,
        "COACH_CHAT_ID": COACH.id,
    }
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    kept = data_dir / ".env"
    kept.touch(mode=0o600)
    kept.write_text(lines, encoding="utf-8")


async def _play(console: Console, data_dir: Path) -> None:
    monday = _a_past_monday()
    offset = monday.timestamp() - time.time()
    world = World(now=lambda: time.time() + offset)

    def clock() -> datetime:
        return datetime.fromtimestamp(round(world.time(), 3), UTC)

    stop = asyncio.Event()
    async with SandboxServer(world, token=TOKEN) as telegram, EmbeddedMongo(data_dir) as mongo:
        settings = Settings.model_construct(
            telegram_bot_token=SecretStr(TOKEN),
            telegram_api_url=telegram.url,
            mongo_url=SecretStr(mongo.url),
            data_dir=data_dir,
            athlete_ids=frozenset({ATHLETE.id}),
            admin_ids=frozenset({ATHLETE.id}),
            coach_chat_id=ChatTopic(COACH.id),
        )
        console.print(
            Panel(
                "A coach writes a plan; each evening the bot asks Ana how it went, and she taps a button.\n"
                "The week passes in seconds, at Telegram's pace of one message a second in a chat.\n"
                f"The service, HTTP and MongoDB ({mongo.address}) are real;\n"
                f"Telegram is played by a local Bot API server ({telegram.url}).",
                title="Feedback bot: demo",
            )
        )
        service = asyncio.create_task(serve(settings, stop, clock))
        db = connect(mongo.url, None, DEFAULT_DB)
        story = _Story(console, world, db, clock, monday, service, settings)
        try:
            await story.tell()
        finally:
            stop.set()
            await db.client.close()
            with contextlib.suppress(asyncio.CancelledError):
                await service


def _a_past_monday() -> datetime:
    """20:00 UTC on the latest Monday whose whole week is over."""
    today = datetime.now(UTC).replace(hour=20, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday() + 7)


class _Story:
    """What happens in the demo, told while it happens."""

    def __init__(
        self,
        console: Console,
        world: World,
        db: Database,
        clock: Clock,
        monday: datetime,
        service: asyncio.Task[None],
        settings: Settings,
    ) -> None:
        self._console = console
        self._world = world
        self._db = db
        self._clock = clock
        self._run_id = f"{monday:%G-W%V}-9f1c2d3e-demo-plan"
        self._monday = monday.date()
        self._service = service
        self._settings = settings

    async def tell(self) -> None:
        await self._week()
        self._console.rule("Odd taps")
        await self._odd_taps()
        self._console.rule("What MongoDB holds now: feedback_events")
        await self._show_stored()
        self._console.rule("What an admin sees: /stats")
        await self._show_stats()
        self._console.rule("What the coach gets back: summary")
        await self._show_summary()

    async def _plan(self) -> None:
        days = [
            {
                "date": (self._monday + timedelta(days=number)).isoformat(),
                "activity": session.activity,
                "distance_time": session.distance_time,
                "note": session.note,
            }
            for number, session in enumerate(WEEK)
        ]
        plan = {"runId": self._run_id, "weekStart": self._monday.isoformat(), "activityPlan": {"days": days}}
        [result] = await RecordStore(self._db, clock=self._clock).write(
            PLAN_SNAPSHOTS.name, [PlanSnapshot.of(plan)]
        )
        if isinstance(result, Refused):
            raise BotError(f"the demo's plan was refused: {result}")
        self._console.print(
            f"The coach's workflow writes one document, plan_snapshots {self._run_id}: a session a day.\n"
        )

    async def _week(self) -> None:
        self._console.rule("The week")
        await self._plan()
        shown: list[Callable[[], bool]] = []
        for number, session in enumerate(WEEK):
            if number:
                self._world.advance(timedelta(days=1).total_seconds())
            now = self._clock()
            message = await self._message_about(session)
            self._console.print(
                f"[b]{now:%a %d %b}[/b]  bot asks: {session.activity}, {session.distance_time}"
            )
            for type_ in session.taps:
                await self._tap(message, list(FeedbackType).index(type_), _LABELS[type_])
            for label in session.details:
                await self._say_more(message, label)
            if session.reply is not None:
                await self._reply(message, session.reply)
            if any(type_.facts.alerts_coach for type_ in session.taps):
                await self._coach_sees()
                await self._coach_writes("Leave the bike out tomorrow, and tell me how it is on stairs.")
            if session.taps:
                shown.append(partial(self._shows, message, session.taps[-1]))
            else:
                self._say("Ana does not answer")
        await self._until(lambda: all(look() for look in shown), "the answers to show in their messages")
        self._console.print("\nTuesday's message, after a change of mind, and the RPE:")
        self._show_message(next(m for m in self._world.messages(ATHLETE.id) if WEEK[1].activity in m["text"]))

    async def _say_more(self, message_id: int, label: str) -> None:
        def buttons() -> list[str]:
            rows = self._world.message_of(ATHLETE.id, message_id)["reply_markup"]["inline_keyboard"]
            return [button["text"] for row in rows for button in row]

        await self._until(lambda: label in buttons(), "one more question")
        question = str(self._world.message_of(ATHLETE.id, message_id)["text"]).rpartition("\n\n")[2]
        self._say(f"bot asks: {question.splitlines()[0]}")
        await self._tell(self._world.tap(ATHLETE.id, message_id, ATHLETE, text=label), label)

    async def _reply(self, message_id: int, note: str) -> None:
        self._world.message(ATHLETE.id, ATHLETE, note, reply_to=message_id)
        written = self._world.messages(ATHLETE.id)[-1]["message_id"]
        await self._until(lambda: self._reaction(ATHLETE, written), "the sign that a note is kept")
        self._say(Text(f"Ana replies: {note}"))
        self._say(f"bot reacts: {self._reaction(ATHLETE, written)}")

    async def _coach_sees(self) -> None:
        """The coach is told at once, and presses Seen; Ana is told."""
        await self._until(lambda: "Note: " in self._told_coach(), "the coach's message")
        self._say("The coach's chat was told at once; the message follows what Ana adds:")
        self._console.print(Panel(Text(self._told_coach()), expand=False))
        before = len(self._world.messages(ATHLETE.id))
        self._world.tap(COACH.id, 1, COACH, button=0)
        await self._until(lambda: len(self._world.messages(ATHLETE.id)) > before, "the news for Ana")
        self._say("Marta presses Seen.")
        self._say(f"bot, to Ana: [i]{self._world.messages(ATHLETE.id)[-1]['text']}[/i]")

    async def _coach_writes(self, words: str) -> None:
        """A reply to the alert reaches Ana."""
        before = len(self._world.messages(ATHLETE.id))
        self._world.message(COACH.id, COACH, words, reply_to=1)
        await self._until(lambda: len(self._world.messages(ATHLETE.id)) > before, "the coach's words")
        self._say(f"Marta replies to the alert: {words}")
        self._say(Text(f"bot, to Ana: {self._world.messages(ATHLETE.id)[-1]['text']}"))

    def _say(self, what: str | Text) -> None:
        """Below the day, however narrow the terminal is."""
        self._console.print(Padding(what, (0, 0, 0, len("Mon 23 Nov ")), expand=False))

    def _reaction(self, user: User, message_id: int) -> str:
        return "".join(self._world.message_of(user.id, message_id).get("reactions", ()))

    def _told_coach(self) -> str:
        messages = self._world.messages(COACH.id)
        return str(messages[0]["text"]) if messages else ""

    def _show_message(self, message: dict[str, Any]) -> None:
        rows = message["reply_markup"]["inline_keyboard"]
        buttons = "\n".join("   ".join(f"[ {button['text']} ]" for button in row) for row in rows)
        self._console.print(Panel(Text(f"{message['text']}\n\n{buttons}"), expand=False))

    async def _odd_taps(self) -> None:
        last = self._world.messages(ATHLETE.id)[-1]
        number = last["message_id"]
        self._console.print("[b]A stranger[/b] sends the data of Ana's button: refused")
        data = last["reply_markup"]["inline_keyboard"][0][1]["callback_data"]
        await self._tell(self._world.tap(ATHLETE.id, number, STRANGER, data=data, force=True), "Skipped")
        self._console.print("[b]A late answer[/b] to a message of 20 days ago: acknowledged, not stored")
        await self._tap(
            self._message_of_coach(f"session_feedback|{self._run_id}|old|done", days_ago=20), 0, "Done"
        )
        self._console.print("[b]Data that no button has[/b]: invalid")
        forged = self._world.tap(ATHLETE.id, number, ATHLETE, data="session_feedback|?", force=True)
        await self._tell(forged, "forged")
        self._console.print("[b]A button of the coach's own workflow[/b], with a note in its data: stored")
        own = self._message_of_coach(
            "session_feedback|w07|gym|pain|left%20knee%2C%20since%20km%204", days_ago=1
        )
        await self._tap(own, 0, "Pain: left knee")

    def _message_of_coach(self, data: str, *, days_ago: int) -> int:
        date = int(self._world.time()) - days_ago * 86_400
        return self._world.message_at(
            ATHLETE.id, date=date, text="How was it?", buttons=[[{"text": "Answer", "callback_data": data}]]
        )

    async def _show_stored(self) -> None:
        table = Table()
        table.add_column("sessionDate", no_wrap=True)
        table.add_column("type", no_wrap=True)
        table.add_column("what else was said")
        async for event in self._db[feedback.COLLECTION].find().sort("receivedAt", 1):
            said = [f"{name}: {text}" for name in (*FIELDS, "note") if (text := _cell(event.get(name)))]
            table.add_row(str(event.get("sessionDate")), str(event.get("type")), Text("; ".join(said)))
        self._console.print(table)
        more = f"runId ({self._run_id}), sessionId, sessionDay, sessionKey, userId and more"
        self._console.print(f"Each also has {more}.")

    async def _show_stats(self) -> None:
        before = len(self._world.messages(ATHLETE.id))
        self._world.message(ATHLETE.id, ATHLETE, "/stats 30")
        await self._until(lambda: len(self._world.messages(ATHLETE.id)) >= before + 2, "the reply to /stats")
        reply = self._world.messages(ATHLETE.id)[-1]
        if "caption" in reply:
            self._console.print("With a picture of the answers by day, and of adherence by week:")
        self._console.print(Panel(Text(reply.get("caption") or reply["text"])))

    async def _show_summary(self) -> None:
        roster = read_roster(self._settings.athlete_ids, [], self._settings.hours())
        athlete = roster.by_user(ATHLETE.id)
        if athlete is None:
            raise BotError("the demo's athlete is not on the roster; please report this")
        summary = await collect(
            SummaryStore(self._db),
            roster,
            athlete,
            self._monday,
            now=self._clock(),
            late_after_days=self._settings.late_after_days,
            kept_days=self._settings.kept_days,
        )
        head, _, _ = summary.to_markdown().partition("\n## Sessions of the four weeks before")
        lines = [line for line in head.splitlines() if not line.startswith("|")]
        self._console.print(Text("\n".join(lines)))
        self._console.print("`summary` prints all of it, with the four weeks before and a legend.")

    async def _message_about(self, session: DemoSession) -> int:
        def found() -> int | None:
            messages = [m for m in self._world.messages(ATHLETE.id) if session.activity in m.get("text", "")]
            # An answer to /stats may name it too: the newest is this one's.
            fresh = [m for m in messages if m["date"] >= self._clock().timestamp() - 3_600]
            return fresh[-1]["message_id"] if fresh else None

        await self._until(lambda: found() is not None, "the prompt")
        return found() or 0

    async def _tap(self, message_id: int, button: int, label: str) -> None:
        await self._tell(self._world.tap(ATHLETE.id, message_id, ATHLETE, button=button), label)

    async def _tell(self, tap: Tap, label: str) -> None:
        await self._until(lambda: tap.answer is not None, "the answer to a tap")
        self._say(f"tap: {label}\nbot: [i]{tap.answer}[/i]")

    def _shows(self, message_id: int, type_: FeedbackType) -> bool:
        return f"➜ {_LABELS[type_]}" in str(self._world.message_of(ATHLETE.id, message_id)["text"])

    async def _until(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if self._service.done():
                await self._service
            if time.monotonic() > deadline:
                raise BotError(f"the demo waited {_PATIENCE:.0f} s for {what} in vain; please report this")
            await asyncio.sleep(0.02)


def _cell(value: object) -> str:
    """A stored value for the table; empty if there is none."""
    if isinstance(value, dict):
        value = ", ".join(str(item) for item in value.values())
    return "" if value is None else str(value)
