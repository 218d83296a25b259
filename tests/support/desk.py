"""What is done with taps and notes, on a real MongoDB and a local Bot API server, at times set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.payloads import format_callback, format_detail
from bot.core.answers.rules import session_mark
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.inbox.schedule import UpdateScope, rounds
from bot.core.people.athlete import ContactHours
from bot.core.prompts.prompt import PromptKind
from bot.core.shared.backoff import constant
from bot.core.taps.judge import AnswerWrite, TapRules
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.updates import CommandUpdate, NoteUpdate, Tap
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import Json, World
from bot.services.answers.tap_writer import Result, TapResult, TapStores
from bot.services.chat.reply import Reply
from bot.services.chat.words import Words, Written
from bot.services.coach.digest_prompts import DigestPrompts
from bot.services.coach.talk import CoachTalk
from bot.services.coach.word_prompts import WordPrompts
from bot.services.pain.alert_writer import AlertWriter
from bot.services.pain.checks import PainBelowQuestions, PainCheckPrompts, PainChecks
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.processing.wiring import takers
from bot.services.prompts import dispatcher as dispatcher_module
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.kinds import OwnKinds
from bot.services.prompts.renderer import PromptRenderer
from bot.services.words.note_keeper import NoteKeeper
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.answers.history import AnswerHistory
from bot.store.answers.pending_notes import PendingNotes
from bot.store.answers.tap_ledger import TapLedger
from bot.store.coach.messages import CoachMessageStore
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.pain.checks import PainCheckStore
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore
from bot.tasks import end_tasks
from bot.telegram.client import BotClient
from tests.support.flows import Parts
from tests.support.processes import PATIENCE

Database = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
ANA, BEN, COACH_CHAT = 7, 8, -500
QUESTION = 700
TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"
EN = Language.EN
LOOK = "a test looks"
"""The comment of what is asked by tests, not by the bot."""


class Killed(Exception):
    """The process ends here."""


@contextmanager
def killed_at(
    monkeypatch: pytest.MonkeyPatch, store: object, step: str, error: type[Exception] = Killed
) -> Iterator[None]:
    """What is done in the block ends where a store is to take this step."""

    async def die(*_: Any, **__: Any) -> None:
        raise error("here")

    with monkeypatch.context() as patch:
        patch.setattr(store, step, die)
        with pytest.raises(error):
            yield


@contextmanager
def killed_at_keep(monkeypatch: pytest.MonkeyPatch, number: int, *, is_kept: bool) -> Iterator[None]:
    """The process ends where a change is kept for this time: before, or once it is durable."""
    calls = 0
    real = NoteKeeper.keep

    async def die(self: NoteKeeper, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        result = await real(self, *arguments) if calls < number or is_kept else None
        if calls == number:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(NoteKeeper, "keep", die)
        with pytest.raises(Killed):
            yield


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an answer.

    Attributes:
        is_new: whether it is another answer than the one that stood before.
    """

    result: Result
    is_new: bool


class Desk:
    """Judges and stores taps and notes, and sends letters.

    Attributes:
        now: the time; each update comes `update_id` seconds after `NOW`.
        world: Telegram, where letters arrive.
    """

    def __init__(self, db: Database, api: BotClient, world: World, coach: int | None = COACH_CHAT) -> None:
        self.db = db
        self.world = world
        self.now = NOW
        self._seconds = 0.0
        self.stores = TapStores(
            events=FeedbackStore(db),
            history=AnswerHistory(db),
            pending_notes=PendingNotes(db),
            prompts=PromptStore(db),
            undelivered=UndeliveredStore(db),
            pain_episodes=PainEpisodeStore(db),
            pain_reports=PainReportStore(db),
            coach_alerts=CoachAlertStore(db),
            ledger=TapLedger(db),
            invalidation=FigureInvalidation(db, self._clock),
        )
        self.roster = RosterCache(
            AthleteStore(db), frozenset({ANA, BEN}), ContactHours(ZoneInfo("UTC")), self._clock
        )
        languages = LanguageCache(UserStore(db), self.roster, frozenset(), TombstoneStore(db))
        parts = Parts.of(db, DiskJournal(Path("unused")), self._clock, self.roster)
        self.reacted = parts.reacted
        self.taps = parts.taps(self.stores, TapRules(14, coach))
        self.coach = coach
        coach_chat = None if coach is None else ChatTopic(coach)
        self.coach_messages = CoachMessageStore(db)
        self.talk = CoachTalk.of(self.coach_messages, parts.named(), coach_chat)
        stores = parts.stores
        self.words = Words(
            takers(
                *(NoteKeeper(self.stores), self.stores, stores.notes, stores.spoken, self.talk),
                parts.pain(coach),
                14,
            )
        )
        self.commands = parts.chat(languages, coach=coach)
        outbox = Outbox(db)
        kinds: OwnKinds = {
            PromptKind.WORD: WordPrompts(self.coach_messages, outbox, parts.named(), languages, coach_chat),
            PromptKind.DIGEST: DigestPrompts(parts.reports(), outbox, languages, self._clock),
            PromptKind.PAIN: PainCheckPrompts(self.stores.pain_episodes, outbox, languages, self._clock),
        }
        composer = PromptRenderer(
            AlertWriter(self.stores.coach_alerts, lambda: self.roster.roster, languages, UTC),
            *(self.stores.prompts, lambda: self.roster.roster, languages),
            *(self._clock, UTC),
            *(parts.weeks(), kinds),
            PainBelowQuestions(self.stores.pain_episodes, languages, self._clock, is_on=True),
        )
        self.checks = PainChecks(
            PainCheckStore(db), self.stores.pain_episodes, lambda: self.roster.roster, time(8), self._clock
        )
        self.dispatcher = Dispatcher(
            api,
            outbox,
            self.stores.coach_alerts,
            composer,
            ChatOpenings(self.stores.undelivered, 14),
            SendLimits(),
            self._clock,
            UTC,
            lambda: self.roster.roster,
            self.roster.refresh,
            self._monotonic,
            kinds=kinds,
        )

    def _clock(self) -> datetime:
        return self.now

    def _monotonic(self) -> float:
        """Every chat's turn has come at each look."""
        self._seconds += 100
        return self._seconds

    def tap(
        self, update_id: int, data: str, *, user: int | None = ANA, chat: int | None = None, name: str = "Kim"
    ) -> Tap:
        """A tap below the question, in the user's private chat."""
        return Tap(
            update_id=update_id,
            query_id=f"q{update_id}",
            user_id=user,
            username=None,
            chat_id=chat or user,
            message_id=QUESTION,
            prompt_at=NOW - timedelta(hours=1),
            data=data,
            received_at=NOW + timedelta(seconds=update_id),
            first_name=name,
        )

    async def store(self, *taps: Tap) -> list[Result | None]:
        """Taps that come in one page."""
        return [result.result for result in await self._process(*taps)]

    async def _process(self, *taps: Tap) -> list[TapResult]:
        await self.roster.loaded()
        numbers = rounds(UpdateScope(tap.user_id, session_mark(tap)) for tap in taps)
        results: dict[int, TapResult] = {}
        for number in range(max(numbers, default=-1) + 1):
            part = [index for index, its in enumerate(numbers) if its == number]
            processed = await self.taps.process(*(taps[index] for index in part))
            results |= dict(zip(part, processed, strict=True))
        return [results[index] for index in range(len(taps))]

    async def answer(self, update_id: int, type_: FeedbackType, *, user: int = ANA, note: str = "") -> Answer:
        """An answer to session `s` of run `r`, on its way through the whole desk."""
        data = format_callback("r", "s", type_) + (f"|{note}" if note else "")
        [result] = await self._process(self.tap(update_id, data, user=user))
        assert isinstance(result.verdict.decision, AnswerWrite)
        return Answer(result.result, result.verdict.decision.is_news)

    async def detail(self, update_id: int, detail: Detail, value: int | str | None) -> Result | None:
        """Something said about that session's answer."""
        return (await self.store(self.tap(update_id, format_detail(("r", "s"), detail, value))))[0]

    async def note(
        self,
        update_id: int,
        text: str | None,
        *,
        message_id: int | None = None,
        user: int = ANA,
        chat: int | None = None,
        is_edit: bool = False,
        payloads: tuple[str, ...] = ("session_feedback|r|s|done",),
        age: timedelta = timedelta(hours=1),
    ) -> str:
        """A reply to the question, which is of that age; returns what is said."""
        how: dict[str, Any] = {"message_id": message_id, "user": user, "chat": chat, "is_edit": is_edit}
        return (
            await self.write(update_id, text, replied_to=QUESTION, payloads=payloads, age=age, **how)
        ).text

    async def write(
        self,
        update_id: int,
        text: str | None,
        *,
        message_id: int | None = None,
        user: int = ANA,
        chat: int | None = None,
        is_edit: bool = False,
        replied_to: int | None = None,
        payloads: tuple[str, ...] = (),
        age: timedelta | None = None,
        attachments: tuple[Attachment, ...] = (),
        **more: Any,
    ) -> Reply:
        """What somebody writes, in private if nothing else is said; returns what is said."""
        roster = await self.roster.loaded()
        at = NOW + timedelta(seconds=update_id)
        update = NoteUpdate(
            update_id=update_id,
            user_id=user,
            chat_id=chat or user,
            is_private=chat is None,
            message_id=message_id or 1000 + update_id,
            text=text,
            replied_to=replied_to,
            payloads=payloads,
            is_edit=is_edit,
            asked_at=None if age is None else at - age,
            attachments=attachments,
            sender_name=more.pop("name", "Kim"),
            **more,
        )
        is_coach_chat = update.chat_id == self.coach
        return await self.words.take(
            Written(update, roster.by_user(user), EN, is_admin=False, is_coach_chat=is_coach_chat, at=at)
        )

    async def command(
        self, update_id: int, text: str, *, user: int = 99, chat: int = COACH_CHAT, name: str = "Lee"
    ) -> Reply:
        """A command, in the coach's chat if nothing else is said; returns what is said."""
        roster = await self.roster.loaded()
        command, _, argument = text.removeprefix("/").partition(" ")
        update = CommandUpdate(
            update_id, user, chat, chat == user, command, argument, message_id=1000 + update_id,
            sender_name=name,
        )  # fmt: skip
        at = NOW + timedelta(seconds=update_id)
        return await self.commands.carry_out(update, roster.by_user(user), EN, is_admin=False, received_at=at)

    async def read(self, text: str, *, user: int = 99, chat: int = COACH_CHAT) -> Reply:
        """What is said to a command that changes nothing, now."""
        await self.roster.refresh()
        command, _, argument = text.removeprefix("/").partition(" ")
        return await self.commands.reply(CommandUpdate(1, user, chat, chat == user, command, argument))

    async def seen(self, update_id: int, chat: int = COACH_CHAT, *, data: str | None = None) -> Result | None:
        """Somebody in the coach's chat presses the button that the alert has."""
        payload = data or self.button(self.alerts()[-1])
        return (await self.store(self.tap(update_id, payload, user=99, chat=chat)))[0]

    def button(self, message: Json) -> str:
        """The payload of a message's one button."""
        [[button]] = message["reply_markup"]["inline_keyboard"]
        data: str = button["callback_data"]
        return data

    def alerts(self, chat: int = COACH_CHAT) -> list[Json]:
        """What stands in the coach's chat."""
        return self.world.messages(chat)

    async def send(self, *, after: float = 3600.0) -> None:
        """Send all that is due, `after` seconds after `NOW`, until nothing is."""
        self.now = NOW + timedelta(seconds=after)
        task = asyncio.create_task(self.dispatcher.run())
        try:
            async with asyncio.timeout(10 * PATIENCE):
                while await self._is_busy():
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.002)
        finally:
            await end_tasks([task], 50)
            await self.dispatcher.finish()

    async def _is_busy(self) -> bool:
        due = {"state": {"$in": [None, "pending"]}, "dueAt": {"$lte": self.now}}
        free = {"attemptAt": {"$not": {"$gt": self.now}}}
        query = {"$or": [{**due, **free}, {"claim": {"$exists": True}}]}
        return await self.db.session_prompts.count_documents(query, comment=LOOK) > 0

    async def event(self, **query: Any) -> Document:
        """The one stored answer."""
        [document] = await self.db.feedback_events.find(query, {"_id": False}).to_list()
        return document

    async def lines(self) -> dict[str, list[str]]:
        """The lines of each session's note, kept with an answer or waiting for one."""
        kept = [
            *await self.db.feedback_events.find().to_list(),
            *await self.db.waiting_notes.find().to_list(),
        ]
        lines = {it["sessionId"]: [line["text"] for line in it.get("notes", [])] for it in kept}
        return {session: texts for session, texts in lines.items() if texts}

    async def changes(self) -> list[Document]:
        """What the history says of the one session."""
        [document] = await self.db.feedback_history.find({}).to_list() or [{"changes": []}]
        changes: list[Document] = document["changes"]
        return changes

    async def letters(self, **query: Any) -> list[Document]:
        """Letters in the outbox."""
        found = {"kind": {"$in": ["alert", "notice"]}, **query}
        return await self.db.session_prompts.find(found).sort("_id").to_list()


@asynccontextmanager
async def open_desk(
    db: Database, monkeypatch: pytest.MonkeyPatch, coach: int | None = COACH_CHAT
) -> AsyncIterator[Desk]:
    """A desk with its own Telegram."""
    monkeypatch.setattr(dispatcher_module, "_IDLE_INTERVAL", 0.002)
    monkeypatch.setattr(dispatcher_module, "_BACKOFF", constant(0.002))
    used = ("feedback_events", "session_prompts", "coach_messages")
    await bootstrap(db, [index for index in INDEXES if index.collection in used and index.unique])
    world = World(limits=None)
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            yield Desk(db, api, world, coach)
    finally:
        await server.stop()
