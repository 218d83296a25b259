"""The flows on a real journal and a real MongoDB, with Telegram played from a script."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Container,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.api.openapi import examples
from bot.app import build_stores
from bot.core.answers import texts as answers
from bot.core.answers.event import FeedbackEvent
from bot.core.answers.keyboards import Keyboard, answered_keyboard, prompt_keyboard
from bot.core.answers.message import MessageEdit
from bot.core.answers.payloads import format_callback, make_reference
from bot.core.answers.rules import NotWritten, Outcome, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures import texts as stats_texts
from bot.core.figures.stats import Stats
from bot.core.i18n.language import Language
from bot.core.people import texts as people
from bot.core.people.athlete import ContactHours, Roster
from bot.core.prompts import texts as questions
from bot.core.prompts.prompt import Prompt
from bot.core.shared.clock import Clock, to_ms
from bot.core.shared.errors import (
    BotError,
    ConfigError,
    JournalError,
    PictureError,
    StorageRejected,
    StorageUnavailable,
    TelegramChatMigrated,
    TelegramConflict,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnauthorized,
    TelegramUnknown,
)
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.updates import CommandUpdate
from bot.services import update_processor as recorder_module
from bot.services.answers import responder as responder_module
from bot.services.answers import tap_handler as taps_module
from bot.services.answers.note_handler import NoteHandler
from bot.services.answers.responder import ANSWER_WITHIN, Responder
from bot.services.answers.tap_handler import TapHandler
from bot.services.chat.change_commands import ChangeCommands
from bot.services.chat.personal_commands import PersonalCommands
from bot.services.chat.replies import CommandReplies
from bot.services.chat.reply import Reply
from bot.services.inbox import acknowledgements as books_module
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.inbox.outage import OutageRecovery
from bot.services.inbox.poller import LONGEST_TURN, Poller
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.prompts import dispatcher as dispatcher_module
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram import callback_answers as answers_module
from bot.services.telegram.api import MAX_UPDATES, SentMessage
from bot.services.telegram.callback_answers import CallbackAnswer, CallbackAnswerer
from bot.services.telegram.message_editor import MessageEditor
from bot.services.update_processor import MAX_TRIES, UpdateProcessor
from bot.store.answers.feedback_events import FeedbackStore, Identity, Recorded, Unrecordable
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_table import GAP_FACT, Entry
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore
from bot.tasks import end_tasks
from tests.support.flows import Alone, FreeSlots, Parts

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
PROMPTED = 1_771_200_000  # 2026-02-16T00:00:00Z
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
ATHLETE, STRANGER, ADMIN = 7, 8, 9
EN = Language.EN


class Time:
    """A wall clock and a monotonic one, moved by sleeping on them."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []
        self._seconds = 1000.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        """Seconds."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self._seconds += seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep without waiting."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


async def nothing() -> None:
    """No hook."""


class FakeApi:
    """Plays scripts for polls and sends; remembers every call. A script that has ended hangs."""

    def __init__(self) -> None:
        self.poll_script: deque[list[Any] | Exception] = deque()
        self.polls: list[tuple[int | None, float]] = []
        self.polled_out = asyncio.Event()
        self.on_poll: Callable[[], Awaitable[None]] = nothing
        self.answers: list[tuple[str, str, bool]] = []
        self.on_answer: Callable[[str, str], Awaitable[None]] | None = None
        self.send_script: deque[Exception | SentMessage] = deque()
        self.sent: list[tuple[int, str, Keyboard | None]] = []
        self.on_send: Callable[[int], Awaitable[None]] | None = None
        self.photos: list[tuple[int, bytes, str]] = []
        self.documents: list[tuple[int, str, bytes, str]] = []
        self.photo_script: deque[Exception | SentMessage] = deque()
        self.edits: list[tuple[int, int, str | None, Keyboard]] = []
        self.edit_script: deque[Exception | None] = deque()

    async def get_updates(self, offset: int | None, timeout: float, limit: int) -> list[Any]:
        """The next step of the script."""
        assert 1 <= limit <= MAX_UPDATES
        self.polls.append((offset, timeout))
        await self.on_poll()
        if not self.poll_script:
            self.polled_out.set()
            await asyncio.Event().wait()
        step = self.poll_script.popleft()
        if isinstance(step, Exception):
            raise step
        return step

    async def answer(self, query_id: str, text: str, *, alert: bool) -> None:
        """Remembered, after the hook."""
        if self.on_answer is not None:
            await self.on_answer(query_id, text)
        self.answers.append((query_id, text, alert))

    async def send(
        self, chat_id: int, text: str, *, html: bool = False, keyboard: Keyboard | None = None
    ) -> SentMessage:
        """The next step of the script; accepted when it has ended."""
        assert html or keyboard is None
        self.sent.append((chat_id, text, keyboard))
        if self.on_send is not None:
            await self.on_send(chat_id)
        step = self.send_script.popleft() if self.send_script else SentMessage(len(self.sent), NOW)
        if isinstance(step, Exception):
            raise step
        return step

    async def send_photo(self, chat_id: int, png: bytes, caption: str) -> SentMessage:
        """As `send`."""
        self.photos.append((chat_id, png, caption))
        step = self.photo_script.popleft() if self.photo_script else SentMessage(len(self.photos), NOW)
        if isinstance(step, Exception):
            raise step
        return step

    async def send_document(self, chat_id: int, name: str, content: bytes, caption: str) -> SentMessage:
        """Remembered; accepted."""
        self.documents.append((chat_id, name, content, caption))
        return SentMessage(len(self.documents), NOW)

    async def edit_text(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        entities: list[dict[str, Any]],
        keyboard: Keyboard,
        *,
        html: bool = False,
    ) -> None:
        """See `_edit`."""
        assert entities == []  # of which HTML has none anyway
        assert not html or text
        self._edit(chat_id, message_id, text, keyboard)

    async def edit_keyboard(self, chat_id: int, message_id: int, keyboard: Keyboard) -> None:
        """See `_edit`."""
        self._edit(chat_id, message_id, None, keyboard)

    def _edit(self, chat_id: int, message_id: int, text: str | None, keyboard: Keyboard) -> None:
        self.edits.append((chat_id, message_id, text, keyboard))
        step = self.edit_script.popleft() if self.edit_script else None
        if step is not None:
            raise step

    def said(self, query_id: str) -> list[str]:
        """What was answered to a query."""
        return [text for answered, text, _ in self.answers if answered == query_id]


async def eventually(check: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return as soon as `check` holds."""
    async with asyncio.timeout(10):
        while True:
            result = check()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(*flows: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run flows beside the block; one that ends or fails on its own fails the test."""
    tasks = [asyncio.create_task(flow) for flow in flows]
    try:
        yield tasks
        for task in tasks:
            if task.done():
                task.result()
                pytest.fail("a flow ended")
    finally:
        assert await end_tasks(tasks, 50) == 0, "a flow does not end"


def tap_update(
    update_id: int,
    data: str = "session_feedback|r|s|done",
    *,
    user_id: int = ATHLETE,
    chat_id: int | None = None,
    date: int = PROMPTED,
) -> dict[str, Any]:
    """A tap as Telegram sends it, in the user's private chat."""
    return {
        "update_id": update_id,
        "callback_query": {
            "id": f"q{update_id}",
            "from": {"id": user_id},
            "message": {
                "message_id": 700,
                "date": date,
                "chat": {"id": chat_id or user_id},
                "text": "How?",
            },
            "data": data,
        },
    }


def session_tap(update_id: int, run_id: str, type_: FeedbackType = FeedbackType.DONE) -> dict[str, Any]:
    """A tap about session `s` of a run."""
    return tap_update(update_id, format_callback(run_id, "s", type_))


class ShakyJournal(Journal):
    """A journal whose writes fail, or wait, when a test says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.append_failures = 0
        self.gate: asyncio.Event | None = None
        self.appending = asyncio.Event()
        self.after_empty_page: Callable[[], Awaitable[None]] | None = None
        self.page = 1000
        self.finish_fails = False
        self.is_gone = False

    async def is_kept(self, first: int | None = None) -> bool:  # noqa: ARG002
        """Whether its file is there, as told."""
        return not self.is_gone

    async def append(
        self, updates: Sequence[object], *, polled_at: datetime, facts: Mapping[str, int] | None = None
    ) -> int:
        """Fail so many times first."""
        if self.append_failures:
            self.append_failures -= 1
            raise JournalError("the disk is full")
        self.appending.set()
        if self.gate is not None:
            await self.gate.wait()
        return await super().append(updates, polled_at=polled_at, facts=facts)

    async def pending(self, *, after: int, limit: int) -> list[Entry]:
        """Let something happen between an empty answer and its arrival."""
        page = await super().pending(after=after, limit=min(limit, self.page))
        if not page and self.after_empty_page is not None:
            happen, self.after_empty_page = self.after_empty_page, None
            await happen()
        return page

    async def finish(self, seqs: Iterable[int]) -> None:
        """Fail as told, else finish."""
        if self.finish_fails:
            raise JournalError("the disk is full")
        await super().finish(seqs)


@pytest.fixture
def time() -> Time:
    """The hands on all clocks."""
    return Time()


@pytest.fixture
def api() -> FakeApi:
    """Telegram."""
    return FakeApi()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[ShakyJournal]:
    """An open journal."""
    journal = ShakyJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    yield journal
    await journal.close()


async def journaled(journal: Journal) -> list[int]:
    """The update ids in the journal that are not processed."""
    return [entry.update["update_id"] for entry in await journal.pending(after=0, limit=1000)]


# --- Intake


@dataclass
class Polling:
    """An intake and what it told."""

    intake: Poller
    news: list[None]


@pytest.fixture
def polling(api: FakeApi, journal: ShakyJournal, time: Time) -> Polling:
    """An intake whose sleeps take no time."""
    news: list[None] = []
    news_came = partial(news.append, None)
    intake = Poller(
        *(api, journal, 7, time, news_came),
        polling=Alone(), sleep=time.sleep, monotonic=time.monotonic,
    )  # fmt: skip
    return Polling(intake, news)


async def poll_through(polling: Polling, api: FakeApi, *script: list[Any] | Exception) -> list[int | None]:
    """Play a script to its end; returns the offsets of all polls, that after the end included."""
    api.poll_script.extend(script)
    async with running(polling.intake.run()) as [task]:
        ended = asyncio.create_task(api.polled_out.wait())
        await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        ended.cancel()
    return [offset for offset, _ in api.polls]


async def test_nothing_is_confirmed_before_it_is_in_the_journal(
    api: FakeApi, journal: ShakyJournal, polling: Polling
) -> None:
    """When a poll confirms a batch, it is on disk; afterwards the offset is dropped."""
    seen: list[list[int]] = []

    async def look() -> None:
        seen.append(await journaled(journal))

    api.on_poll = look
    offsets = await poll_through(polling, api, [tap_update(10), tap_update(11)], [tap_update(12)], [], [])
    assert offsets == [None, 12, 13, None, None]
    assert seen == [[], [10, 11], [10, 11, 12], [10, 11, 12], [10, 11, 12]]
    assert len(polling.news) == 2


async def test_what_the_last_run_left_unconfirmed_comes_again(
    api: FakeApi, journal: ShakyJournal, polling: Polling
) -> None:
    """After a crash between journal and confirmation the batch is fetched again, recognised and confirmed."""
    await journal.append([tap_update(10)], polled_at=NOW)
    assert await poll_through(polling, api, [tap_update(10), tap_update(11)]) == [None, 12]
    assert await journaled(journal) == [10, 11]


async def test_ids_that_began_anew_while_the_bot_was_away(
    api: FakeApi, journal: ShakyJournal, polling: Polling
) -> None:
    """An offset of the last run would confirm updates with lower ids that nobody has seen."""
    await journal.append([tap_update(1000)], polled_at=NOW)
    assert await poll_through(polling, api, [tap_update(3)]) == [None, 4]
    assert await journaled(journal) == [1000, 3]


async def test_a_token_that_worked_before_may_be_refused_for_a_while(
    api: FakeApi, journal: ShakyJournal, polling: Polling
) -> None:
    """Only a token that Telegram never took from here ends the bot."""
    await journal.append([], polled_at=NOW, facts={"token": 7})
    offsets = await poll_through(polling, api, *[TelegramUnauthorized("no")] * 5, [tap_update(10)])
    assert offsets == [None] * 6 + [11]


async def test_a_full_disk_confirms_nothing(api: FakeApi, journal: ShakyJournal, polling: Polling) -> None:
    """The same offset is polled until the journal takes the batch, which then is there once."""
    journal.append_failures = 3
    batch = [tap_update(10)]
    assert await poll_through(polling, api, batch, batch, batch, batch) == [None, None, None, None, 11]
    assert await journaled(journal) == [10]


async def test_a_disk_that_fills_up_later(
    api: FakeApi, journal: ShakyJournal, polling: Polling, time: Time
) -> None:
    """An offset that confirms stays the same while the next batch cannot be written."""

    async def fill() -> None:
        if len(api.polls) == 2:
            journal.append_failures = 2

    api.on_poll = fill
    batch = [tap_update(11)]
    offsets = await poll_through(polling, api, [tap_update(10)], batch, batch, batch)
    assert offsets == [None, 11, 11, 11, 12]
    assert await journaled(journal) == [10, 11]
    assert len(time.slept) == 2


async def test_a_batch_that_arrived_is_kept_when_the_bot_is_told_to_stop(
    api: FakeApi, journal: ShakyJournal, polling: Polling
) -> None:
    """Cancelling the intake amid a write does not lose the batch."""
    journal.gate = asyncio.Event()
    api.poll_script.append([tap_update(10)])
    task = asyncio.create_task(polling.intake.run())
    await journal.appending.wait()
    await end_tasks([task], 1)
    journal.gate.set()
    await eventually(lambda: _is_journaled(journal, [10]))


async def _is_journaled(journal: Journal, update_ids: list[int]) -> bool:
    return await journaled(journal) == update_ids


async def test_a_token_that_is_refused_from_the_start(api: FakeApi, polling: Polling) -> None:
    """Three refusals before any success end the bot with the cure; two do not."""
    api.poll_script.extend([TelegramUnauthorized("TELEGRAM_BOT_TOKEN: refused")] * 3)
    with pytest.raises(ConfigError, match=r"^TELEGRAM_BOT_TOKEN: refused"):
        await asyncio.wait_for(polling.intake.run(), 10)
    assert len(api.polls) == 3


@pytest.mark.parametrize(
    "script",
    [
        [TelegramUnauthorized("x")] * 2 + [[]],
        [TelegramNotSent("x"), TelegramNotSent("x"), TelegramUnauthorized("x"), []],
        [[], *[TelegramUnauthorized("x")] * 9, []],
        [TelegramUnauthorized("x"), [], TelegramUnauthorized("x"), TelegramUnauthorized("x"), []],
    ],
)
async def test_refusals_that_are_survived(
    api: FakeApi, polling: Polling, script: list[list[Any] | Exception]
) -> None:
    """A single refusal among other trouble, and any number after a success, are weathered."""
    await poll_through(polling, api, *script)
    assert len(api.polls) == len(script) + 1


@pytest.mark.parametrize(
    "error",
    [
        TelegramConflict("terminated by other getUpdates request"),
        TelegramConflict("can't use getUpdates method while webhook is active"),
        TelegramUnknown("502"),
        TelegramNotSent("refused"),
        TelegramRejected("400"),
        RuntimeError("a defect"),
    ],
)
async def test_every_trouble_is_survived(
    api: FakeApi, polling: Polling, time: Time, error: Exception
) -> None:
    """Polling goes on after bounded waits, however long it lasts, first asking whether all is well."""
    offsets = await poll_through(polling, api, [tap_update(10)], *[error] * 12, [tap_update(11)], [])
    assert offsets == [None, *[11] * 13, 12, None]
    assert len(time.slept) == 13
    assert all(0.5 <= seconds <= 5 for seconds in time.slept[:12])
    assert time.slept[0] <= 1 < time.slept[11]
    assert [timeout for _, timeout in api.polls] == [0, 30, *[0] * 12, 30, 30]


async def test_retry_after_is_honoured(api: FakeApi, polling: Polling, time: Time) -> None:
    """Telegram says how long to wait, and that is how long it is waited."""
    assert await poll_through(polling, api, TelegramRateLimited("wait 7", 7), []) == [None] * 3
    assert time.slept[0] == 7


async def test_each_turn_of_the_loop_is_told(api: FakeApi, journal: ShakyJournal, time: Time) -> None:
    """Whether a poll succeeds or not, and while Telegram asks to wait; a poll that hangs is no turn."""
    turns: list[datetime] = []
    intake = Poller(
        *(api, journal, 7, time, lambda: None),
        polling=Alone(), on_turn=lambda: turns.append(time.now), sleep=time.sleep, monotonic=time.monotonic,
    )  # fmt: skip

    async def take() -> None:
        time.advance(40)

    api.on_poll = take
    error = TelegramUnknown("502")
    await poll_through(
        Polling(intake, []), api, [], *[error] * 5, TelegramRateLimited("wait 10 min", 600), []
    )
    assert len(api.polls) == 9
    assert len(turns) == len(api.polls) + 600 / 30
    gaps = [(later - first).total_seconds() for first, later in pairwise(turns)]
    assert max(gaps) <= LONGEST_TURN


async def test_a_batch_that_is_not_kept_is_told_and_not_confirmed(
    api: FakeApi, journal: ShakyJournal, time: Time
) -> None:
    """Each time it comes; what is kept is not."""
    told: list[list[Any]] = []
    intake = Poller(
        *(api, journal, 7, time, lambda: None),
        polling=Alone(), on_unkept=lambda updates: told.append(list(updates)), sleep=time.sleep,
        monotonic=time.monotonic,
    )  # fmt: skip
    batch = [tap_update(10), tap_update(11)]
    journal.append_failures = 2
    offsets = await poll_through(Polling(intake, []), api, batch, batch, batch, [])
    assert told == [batch, batch]
    assert offsets == [None, None, None, 12, None]


@pytest.mark.parametrize(("took", "waits"), [(0.0, 0.5), (0.2, 0.3), (0.5, 0.0), (30.0, 0.0)])
async def test_polls_that_bring_nothing_are_half_a_second_apart(
    api: FakeApi, polling: Polling, time: Time, took: float, waits: float
) -> None:
    """Also with a server that answers at once, or sends one update without an id again and again."""

    async def take() -> None:
        time.advance(took)

    api.on_poll = take
    odd: list[Any] = [{"callback_query": {}}]
    await poll_through(polling, api, [], odd, odd, odd)
    assert time.slept == [pytest.approx(waits)] * 4


@pytest.mark.parametrize(
    ("away", "noted"),
    [
        (timedelta(0), False),
        (150 * SECOND, False),
        (150 * SECOND + MILLISECOND, True),
        (timedelta(days=3), True),
        (-timedelta(days=1), False),
    ],
)
async def test_a_gap_is_noted_above_150_seconds(
    api: FakeApi, journal: ShakyJournal, polling: Polling, away: timedelta, noted: bool
) -> None:
    """Exactly 150 s are no gap, a millisecond more is one, up to the start of the poll that ends it."""
    await journal.append([], polled_at=NOW - away)
    await poll_through(polling, api, [])
    assert (await journal.facts()).get(GAP_FACT) == (to_ms(NOW) if noted else None)


async def test_the_first_poll_ever_ends_no_gap(api: FakeApi, journal: ShakyJournal, polling: Polling) -> None:
    """Where nobody polled before, nothing was missed."""
    await poll_through(polling, api, [])
    assert await journal.facts() == {"last_poll_ms": to_ms(NOW), "token": 7}


async def test_a_gap_while_running(api: FakeApi, journal: ShakyJournal, polling: Polling, time: Time) -> None:
    """An outage of Telegram is a gap like one of the bot, whatever failed tries lie between."""

    async def outage() -> None:
        if len(api.polls) == 2:
            time.advance(100)
        if len(api.polls) == 3:
            time.advance(60)

    api.on_poll = outage
    await poll_through(polling, api, [tap_update(10)], TelegramNotSent("down"), TelegramNotSent("down"), [])
    assert GAP_FACT in await journal.facts()


async def test_caught_up_with_what_telegram_had(api: FakeApi, polling: Polling) -> None:
    """A full batch means that there may be more; the first that is not full ends the catching up."""
    caught_up = asyncio.create_task(polling.intake.caught_up())
    states: list[bool] = []

    async def look() -> None:
        await asyncio.sleep(0)
        states.append(caught_up.done())

    api.on_poll = look
    full = [[tap_update(batch * 100 + n) for n in range(MAX_UPDATES)] for batch in range(2)]
    await poll_through(polling, api, *full, [tap_update(900)])
    assert states == [False, False, False, True]


# --- Recorder


class ShakyEvents(FeedbackStore):
    """Feedback that cannot be stored, or makes the code fail, when a test says so."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.down: Exception | None = None
        self.down_for = ""
        self.poison = ""
        self.poisoned: list[int] = []
        self.calls = 0

    async def record(
        self, events: Sequence[FeedbackEvent], known: Container[Identity] = ()
    ) -> list[Recorded | Unrecordable]:
        """Fail as told, else record."""
        self.calls += 1
        if events and self.down is not None:
            raise self.down
        if any(event.run_id == self.down_for for event in events):
            raise StorageUnavailable("away")
        if any(event.run_id == self.poison for event in events):
            self.poisoned.append(len(events))
            raise ValueError("a defect that quotes the note")
        return await super().record(events, known)


class ShakyAthletes(AthleteStore):
    """A collection of athletes that cannot be read when a test says so; counts the readings."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.down: Exception | None = None
        self.readings = 0

    async def all(self) -> list[dict[str, Any]]:
        """Fail as told, else read."""
        self.readings += 1
        if self.down is not None:
            raise self.down
        return await super().all()


@dataclass
class Recording:
    """A recorder with all that it is wired to."""

    recorder: UpdateProcessor
    answerer: CallbackAnswerer
    marker: MessageEditor
    commands: CommandReplies
    events: ShakyEvents
    athletes: ShakyAthletes
    roster: RosterCache
    languages: LanguageCache
    journal: ShakyJournal
    personal: PersonalCommands

    def flows(self) -> list[Coroutine[Any, Any, None]]:
        """Everything that has to run."""
        return [
            *self.recorder.loops(),
            *self.answerer.loops(),
            self.marker.run(),
            self.commands.run(),
        ]

    async def receive(self, *updates: object) -> None:
        """Updates arrive, and their poll is confirmed."""
        await self.journal.append(updates, polled_at=NOW)
        await self.journal.append([], polled_at=NOW)
        self.recorder.wake()

    async def emptied(self) -> bool:
        """Whether no update is left to do."""
        return (await self.journal.state()).pending == 0


async def no_stats(_days: int) -> Stats:
    """Figures that cannot be read."""
    raise JournalError("the journal cannot be read")


async def no_picture(_stats: Stats, _language: Language) -> bytes:
    """A picture that cannot be drawn."""
    raise PictureError("no paint")


def languages_of(db: Database, clock: Clock, roster: RosterCache | None = None) -> LanguageCache:
    """The languages of these athletes, and of the admin; else everybody gets English."""
    nobody = RosterCache(AthleteStore(db), frozenset(), ContactHours(ZoneInfo("UTC")), clock)
    return LanguageCache(UserStore(db), roster or nobody, frozenset({ADMIN}), TombstoneStore(db))


@pytest.fixture
async def recording(
    api: FakeApi, journal: ShakyJournal, db: Database, time: Time, monkeypatch: pytest.MonkeyPatch
) -> Recording:
    """A recorder that does not dawdle."""
    for module, name, seconds in (
        (recorder_module, "_FIRST_DELAY", 0.005),
        (recorder_module, "_LONGEST_DELAY", 0.01),
        (responder_module, "_INTERVAL", 0.01),
        (books_module, "_INTERVAL", 0.01),
        (books_module, "_DISK_DELAY", 0.01),
        (answers_module, "_FIRST_DELAY", 0.005),
    ):
        monkeypatch.setattr(module, name, seconds)
    await bootstrap(db, [index for index in INDEXES if index.unique and index.collection in USED])
    limits = SendLimits()
    events, athletes = ShakyEvents(db), ShakyAthletes(db)
    roster = RosterCache(athletes, frozenset({ATHLETE}), ContactHours(ZoneInfo("UTC")), time)
    await roster.refresh()
    answerer, marker = CallbackAnswerer(api), MessageEditor(api, limits)
    languages = languages_of(db, time, roster)
    parts = Parts.of(db, journal, time, roster)
    personal = parts.personal()
    commands = CommandReplies(
        *(api, limits, no_stats, roster, languages, no_picture, personal), admins=frozenset({ADMIN})
    )
    stores = replace(build_stores(db, journal, time).taps, events=events)
    books, taps = Acknowledgements(journal), TapHandler(roster, stores, parts.actions(), 14)
    recorder = UpdateProcessor(
        journal=journal,
        books=books,
        roster=roster,
        taps=taps,
        requests=ChangeCommands(athletes, roster, languages, stores.prompts, UserStore(db), 14),
        notes=NoteHandler(stores, 14),
        tombstones=TombstoneStore(db),
        ledger=stores.ledger,
        clock=time,
        forgetting=parts.forgetting(),
        languages=languages,
        responder=Responder(
            journal=journal,
            books=books,
            taps=taps,
            languages=languages,
            answerer=answerer,
            marker=marker,
            commands=commands,
            clock=time,
            late_after_days=14,
        ),
        commands=commands,
        admins=frozenset({ADMIN}),
    )
    return Recording(
        recorder, answerer, marker, commands, events, athletes, roster, languages, journal, personal
    )


USED = ("athletes", "feedback_events", "session_prompts")


async def stored(db: Database) -> dict[str, str]:
    """Answers by run."""
    return {event["runId"]: event["type"] async for event in db.feedback_events.find({})}


async def outcomes(db: Database) -> dict[str, str]:
    """The ledger."""
    return {tap["_id"]: tap["outcome"] async for tap in db.taps.find({})}


async def test_a_tap_is_stored_answered_shown_and_forgotten(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """ "Saved" is said when it is, the message shows the choice, and the journal is empty afterwards."""
    found: list[int] = []

    async def look(_query: str, _text: str) -> None:
        found.append(await db.feedback_events.count_documents({}))

    api.on_answer = look
    async with running(*recording.flows()):
        await recording.receive(tap_update(10, "session_feedback|r|s|pain|my%20knee"))
        await eventually(recording.emptied)
        await eventually(lambda: bool(api.edits))
    assert api.answers == [("q10", answers.saved(FeedbackType.PAIN, EN), False)]
    assert found == [1]
    assert await stored(db) == {"r": "pain"}
    assert await outcomes(db) == {"q10": "written"}
    [(chat_id, message_id, text, keyboard)] = api.edits
    assert (chat_id, message_id, text) == (ATHLETE, 700, answers.shown_text("How?", FeedbackType.PAIN, EN))
    assert keyboard == answered_keyboard(prompt_keyboard("r", "s", EN), FeedbackType.PAIN)


@pytest.mark.parametrize("error", [StorageUnavailable("away"), StorageRejected("no rights")])
async def test_while_the_store_is_away_taps_are_received_not_saved(
    api: FakeApi, db: Database, recording: Recording, time: Time, error: BotError
) -> None:
    """After `ANSWER_WITHIN`, and not before, a tap is told so; later it is stored in silence."""
    recording.events.down = error
    async with running(*recording.flows()):
        time.now = NOW + ANSWER_WITHIN
        await recording.receive(tap_update(10))
        await eventually(lambda: recording.events.calls > 5)
        assert api.answers == []
        time.now += MILLISECOND
        await eventually(lambda: bool(api.answers))
        assert api.answers == [("q10", answers.RECEIVED(EN), False)]
        assert await stored(db) == {}
        recording.events.down = None
        await eventually(recording.emptied)
    assert await stored(db) == {"r": "done"}
    assert api.said("q10") == [answers.RECEIVED(EN)]


async def test_what_waits_in_a_journal_without_a_file_is_not_called_safe(
    api: FakeApi, db: Database, recording: Recording, journal: ShakyJournal, time: Time,
) -> None:  # fmt: skip
    """It goes with the process; as long as that lives it is stored, in silence."""
    journal.is_gone = True
    recording.events.down = StorageUnavailable("away")
    async with running(*recording.flows()):
        await recording.receive(tap_update(10))
        time.now = NOW + ANSWER_WITHIN + MILLISECOND
        await eventually(lambda: bool(api.answers))
        assert api.answers == [("q10", answers.NOT_KEPT(EN), True)]
        recording.events.down = None
        await eventually(recording.emptied)
    assert await stored(db) == {"r": "done"}
    assert api.said("q10") == [answers.NOT_KEPT(EN)]


async def test_refusals_do_not_wait_for_the_store(api: FakeApi, db: Database, recording: Recording) -> None:
    """Strangers, nonsense and late taps are answered at once, MongoDB up or down, and change nothing."""
    recording.events.down = StorageUnavailable("away")
    async with running(*recording.flows()):
        await recording.receive(
            tap_update(10),
            tap_update(11, user_id=STRANGER),
            tap_update(12, "nonsense"),
            tap_update(13, date=PROMPTED - 15 * 86_400),
        )
        await eventually(lambda: len(api.answers) == 3)
        assert {query: alert for query, _, alert in api.answers} == {"q11": True, "q12": True, "q13": True}
        assert await stored(db) == {}
        recording.events.down = None
        await eventually(recording.emptied)
    assert await outcomes(db) == {"q10": "written", "q11": "refused", "q12": "invalid", "q13": "late"}
    assert api.said("q11") == [answers.not_written(NotWritten(Outcome.REFUSED), 14, EN)]
    assert api.said("q13") == [answers.not_written(NotWritten(Outcome.LATE, 15), 14, EN)]
    assert await stored(db) == {"r": "done"}


async def test_a_defect_with_one_tap_leaves_the_others_alone(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """The others are stored; the one is a dead letter after `MAX_TRIES` and told that it was not saved."""
    recording.events.poison = "r5"
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in range(1, 20)))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert set(await stored(db)) == {f"r{n}" for n in range(1, 20)} - {"r5"}
    assert recording.events.poisoned == [19, *[1] * MAX_TRIES]
    assert api.said("q5") == [answers.NOT_SAVED(EN)]
    assert Counter(query for query, _, _ in api.answers) == {f"q{n}": 1 for n in range(1, 20)}
    state = await recording.journal.state()
    assert (state.dead, state.dead_taps) == (1, 1)


async def test_a_refused_document_is_a_dead_letter(api: FakeApi, db: Database, recording: Recording) -> None:
    """What MongoDB will never take is given up at once, and the rest of its batch is stored."""
    await db.command("collMod", "feedback_events", validator={"runId": {"$ne": "r2"}})
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in (1, 2, 3)))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert set(await stored(db)) == {"r1", "r3"}
    assert api.said("q2") == [answers.NOT_SAVED(EN)]
    assert await outcomes(db) == {"q1": "written", "q3": "written"}
    assert (await recording.journal.state()).dead_taps == 1


async def test_poison_among_good_updates(api: FakeApi, db: Database, recording: Recording) -> None:
    """What cannot be read is a dead letter, answered where a query id is known; the others go on."""
    broken = tap_update(50)
    broken["callback_query"]["from"] = {"id": "seven", "language_code": "es-MX"}
    poison = [broken, {"update_id": 51, "callback_query": None}, {"update_id": 52, "message": []}]
    poison.append(tap_update(53, "session_feedback|far|s|done", date=253_402_300_799))
    good = [session_tap(n, f"r{n}") for n in range(1, 6)]
    async with running(*recording.flows()):
        await recording.receive(*good[:2], *poison, {"update_id": 60, "poll": {}}, *good[2:])
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert {run for run in await stored(db) if run != "far"} == {f"r{n}" for n in range(1, 6)}
    assert (await recording.journal.state()).dead == 3
    assert api.said("q50") == [answers.NOT_SAVED(Language.ES)]


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_who_was_told_received_hears_that_it_was_not_saved(
    api: FakeApi, db: Database, recording: Recording, time: Time, is_restarted: bool
) -> None:
    """Once, in their chat and in the language that they chose, also when the answer was before a restart."""
    await recording.languages.choose(ATHLETE, Language.ES, UpdateStamp(1, NOW))
    await db.command("collMod", "feedback_events", validator={"runId": {"$ne": "r1"}})
    time.now = NOW + ANSWER_WITHIN + MILLISECOND
    recording.events.down = None if is_restarted else StorageUnavailable("away")
    await recording.receive(session_tap(1, "r1"), session_tap(2, "r2"))
    if is_restarted:
        entries = await recording.journal.pending(after=0, limit=10)
        await recording.journal.mark_answered([entry.seq for entry in entries])
    async with running(*recording.flows()):
        if not is_restarted:
            await eventually(lambda: len(api.answers) == 2)
        recording.events.down = None
        await eventually(recording.emptied)
        await eventually(lambda: bool(api.sent))
    assert api.sent == [(ATHLETE, answers.NOT_SAVED_AFTER_ALL(Language.ES), None)]
    assert api.said("q1") == ([] if is_restarted else [answers.RECEIVED(Language.ES)])
    assert set(await stored(db)) == {"r2"}


async def test_what_only_the_database_can_tell_is_told_when_it_is_back(
    api: FakeApi, recording: Recording, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then such a tap is called received, not an answer that will be saved."""
    is_away = True

    def away(self: PromptStore, *arguments: Any) -> Any:
        if is_away:
            raise StorageUnavailable("away")
        return originals[len(arguments)](self, *arguments)

    originals: dict[int, Any] = {1: PromptStore.resolve, 4: PromptStore.sent_at}
    monkeypatch.setattr(PromptStore, "resolve", away)
    monkeypatch.setattr(PromptStore, "sent_at", away)
    time.now = NOW + ANSWER_WITHIN + MILLISECOND
    unknown = format_callback("r" * 40, "s" * 40, FeedbackType.DONE)
    await recording.receive(tap_update(1, unknown), tap_update(2, date=0), session_tap(3, "r3"))
    async with running(*recording.flows()):
        await eventually(lambda: len(api.answers) == 3)
        texts = {query: text for query, text, _ in api.answers}
        unjudged = answers.RECEIVED_UNJUDGED(EN)
        assert texts == {"q1": unjudged, "q2": unjudged, "q3": answers.RECEIVED(EN)}
        is_away = False
        await eventually(recording.emptied)
        await eventually(lambda: len(api.sent) == 2)
    late, forgotten = (NotWritten(outcome) for outcome in (Outcome.LATE, Outcome.UNKNOWN))
    assert {text for _, text, _ in api.sent} == {
        answers.not_written(late, 14, EN), answers.not_written(forgotten, 14, EN),
    }  # fmt: skip


async def test_after_a_restart_nobody_is_answered_twice(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """Entries that were answered before are stored in silence, the others are answered."""
    await recording.receive(session_tap(10, "r1"), session_tap(11, "r2"), tap_update(12, user_id=STRANGER))
    entries = await recording.journal.pending(after=0, limit=10)
    await recording.journal.mark_answered([entries[0].seq, entries[2].seq])
    async with running(*recording.flows()):
        await eventually(recording.emptied)
    assert set(await stored(db)) == {"r1", "r2"}
    assert [query for query, _, _ in api.answers] == ["q11"]


async def test_everything_replayed_changes_nothing(db: Database, recording: Recording) -> None:
    """The same updates under other positions give the same documents and the same ledger."""
    updates = [session_tap(n, f"r{n % 3}", list(FeedbackType)[n % 4]) for n in range(1, 20)]
    async with running(*recording.flows()):
        await recording.receive(*updates)
        await eventually(recording.emptied)
        before = (await db.feedback_events.find({}).to_list(), await outcomes(db))
        await recording.receive(*reversed(updates))
        await eventually(recording.emptied)
    assert (await db.feedback_events.find({}).to_list(), await outcomes(db)) == before


async def test_an_older_tap_is_told_what_counts(api: FakeApi, recording: Recording) -> None:
    """A tap behind a newer one is answered with the newer answer."""
    async with running(*recording.flows()):
        await recording.receive(session_tap(20, "r", FeedbackType.PAIN))
        await eventually(recording.emptied)
        await recording.receive(session_tap(10, "r", FeedbackType.DONE))
        await eventually(recording.emptied)
    assert api.said("q10") == [answers.superseded(FeedbackType.PAIN, EN)]


async def test_references_and_inaccessible_messages_ask_the_prompt_records(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """True ids and times come from the outbox; without one a reference is unknown, a message late."""
    run_id = "4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b"
    record = {"sessionId": "s", "chatId": "10", "state": "sent", "sentAt": NOW - 3 * 86_400 * SECOND}
    await db.session_prompts.insert_many(
        [
            {**record, "runId": run_id, "reference": make_reference(run_id, "s" * 20), "sessionId": "s" * 20},
            {**record, "runId": "plain"},
            {**record, "runId": "old", "sentAt": NOW - 15 * 86_400 * SECOND},
        ]
    )

    def old_tap(update_id: int, data: str) -> dict[str, Any]:
        return tap_update(update_id, data, chat_id=10, date=0)

    referenced = format_callback(run_id, "s" * 20, FeedbackType.HARD)
    async with running(*recording.flows()):
        await recording.receive(
            tap_update(10, referenced),
            tap_update(11, format_callback(run_id, "t" * 20, FeedbackType.HARD)),
            old_tap(12, "session_feedback|plain|s|done"),
            old_tap(13, "session_feedback|old|s|done"),
            old_tap(14, "session_feedback|nobody|s|done"),
            old_tap(15, referenced),
        )
        await eventually(recording.emptied)
    assert await outcomes(db) == {
        "q10": "written",
        "q11": "unknown",
        "q12": "written",
        "q13": "late",
        "q14": "late",
        "q15": "written",
    }
    events = {event["runId"]: event async for event in db.feedback_events.find({})}
    assert set(events) == {run_id, "plain"}
    assert events["plain"]["sessionDate"] == "2026-02-13"
    assert api.said("q13") == [answers.not_written(NotWritten(Outcome.LATE, 15), 14, EN)]


async def test_taps_that_arrive_while_the_journal_was_found_empty_are_not_idle(
    api: FakeApi, recording: Recording, time: Time
) -> None:
    """News between an empty answer and its arrival: it does not count as drained, the tap is answered."""
    recording.events.down = StorageUnavailable("away")
    time.now = NOW + 3 * SECOND
    recording.journal.after_empty_page = lambda: recording.receive(tap_update(10))
    async with running(*recording.flows()):
        await eventually(lambda: recording.events.calls > 0)
        drained = asyncio.create_task(recording.recorder.drained())
        await eventually(lambda: bool(api.answers))
        assert not drained.done()
        recording.events.down = None
        await asyncio.wait_for(drained, 10)
        assert set(api.said("q10")) == {answers.RECEIVED(EN)}


async def test_what_was_called_saved_is_not_called_received_later(
    api: FakeApi, recording: Recording, time: Time
) -> None:
    """While the journal does not yet know that a tap is done, a backlog behind it brings no second answer."""
    recording.journal.page, recording.journal.finish_fails = 1, True
    recording.events.down_for = "r3"
    time.now = NOW + 3 * SECOND
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in (1, 2, 3)))
        await eventually(lambda: len({query for query, _, _ in api.answers}) == 3)
        calls = recording.events.calls
        await eventually(lambda: recording.events.calls > calls + 5)
        assert api.said("q3") == [answers.RECEIVED(EN)]
        recording.journal.finish_fails, recording.events.down_for = False, ""
        await eventually(recording.emptied)
    for query_id in ("q1", "q2"):
        assert len(api.said(query_id)) == 1


async def test_a_defect_in_reading_one_tap(
    api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tap that our code cannot even judge is a dead letter and is answered; the others are stored."""
    derive = derive_event

    def fail(tap: Any, callback: Any, session: Any, **rules: Any) -> Any:
        if session.run_id == "r2":
            raise OverflowError("date value out of range")
        return derive(tap, callback, session, **rules)

    monkeypatch.setattr(taps_module, "derive_event", fail)
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in (1, 2, 3)))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert set(await stored(db)) == {"r1", "r3"}
    assert (await recording.journal.state()).dead_taps == 1
    assert api.said("q2") == [answers.NOT_SAVED(EN)]


async def test_an_answer_that_fails_does_not_fail_the_write(
    api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither Telegram's refusals nor defects of a call stop storing, nor the answers to others."""
    monkeypatch.setattr(answers_module, "_PATIENCE", 0.05)
    failures: dict[str, Exception] = {
        "q1": TelegramRejected("query is too old"),
        "q2": RuntimeError("a defect"),
        "q3": TelegramUnknown("502"),
        "q4": TelegramRateLimited("wait", 0.001),
    }
    tries: Counter[str] = Counter()

    async def fail(query_id: str, _text: str) -> None:
        tries[query_id] += 1
        if query_id in failures:
            raise failures[query_id]

    api.on_answer = fail
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in range(1, 40)))
        await eventually(recording.emptied)
    assert len(await stored(db)) == 39
    assert len(api.answers) == 35
    assert tries["q1"] == tries["q2"] == 1


async def test_answers_are_tried_again_until_they_get_through(api: FakeApi, recording: Recording) -> None:
    """A lost connection and a 429 are no reason to leave a tap without an answer."""
    failures = deque([TelegramNotSent("down"), TelegramRateLimited("wait", 0.001)])

    async def fail(_query: str, _text: str) -> None:
        if failures:
            raise failures.popleft()

    api.on_answer = fail
    done: list[str] = []
    async with running(*recording.answerer.loops()):
        recording.answerer.put(CallbackAnswer("q", "text", alert=True), lambda: done.append("q"))
        await recording.answerer.join()
    assert api.answers == [("q", "text", True)]
    assert done == ["q"]


# --- Marker and commands


async def test_of_several_changes_only_the_last_is_shown(api: FakeApi, recording: Recording) -> None:
    """A message that waits for its edit is edited once, with the answer that counts then."""
    for type_ in FeedbackType:
        keyboard = answered_keyboard(prompt_keyboard("r", "s", EN), type_)
        recording.marker.put(1, 2, partial(MessageEdit, None, [], keyboard))
    async with running(recording.marker.run()):
        await recording.marker.drain()
    assert api.edits == [(1, 2, None, answered_keyboard(prompt_keyboard("r", "s", EN), FeedbackType.PAIN))]


async def test_marks_survive_limits_refusals_and_defects(api: FakeApi, recording: Recording) -> None:
    """A 429 is tried again, a refusal is let be, and a defect does not end the marks of others."""
    api.edit_script.extend(
        [TelegramRateLimited("wait", 0.01), TelegramRejected("not found"), RuntimeError("defect"), None, None]
    )
    for chat_id in (1, 2, 3, 4):
        recording.marker.put(chat_id, 2, partial(MessageEdit, "How?", [], []))
    async with running(recording.marker.run()):
        await eventually(lambda: len(api.edits) == 5)
    assert sorted(chat_id for chat_id, *_ in api.edits) == [1, 1, 2, 3, 4]


async def test_replies(api: FakeApi, recording: Recording) -> None:
    """Strangers learn their id, figures are for admins in private, and trouble is told in words."""
    commands = [
        CommandUpdate(1, STRANGER, 1, is_private=True, name="start", argument=""),
        CommandUpdate(1, STRANGER, 2, is_private=True, name="stats", argument=""),
        CommandUpdate(1, ADMIN, 3, is_private=False, name="stats", argument=""),
        CommandUpdate(1, ADMIN, 4, is_private=True, name="stats", argument="0"),
        CommandUpdate(1, ADMIN, 5, is_private=True, name="stats", argument="366"),
        CommandUpdate(1, ADMIN, 6, is_private=True, name="stats", argument="soon"),
        CommandUpdate(1, ADMIN, 7, is_private=True, name="stats", argument="7"),
        CommandUpdate(1, ATHLETE, 8, is_private=True, name="", argument=""),
        CommandUpdate(1, ATHLETE, 9, is_private=False, name="other", argument=""),
        CommandUpdate(1, ADMIN, 10, is_private=True, name="help", argument=""),
    ]
    done: list[int] = []
    api.send_script.append(TelegramRejected("blocked"))
    async with running(recording.commands.run()):
        for number, command in enumerate(commands):
            recording.commands.put(command, lambda number=number: done.append(number))  # type: ignore[misc]
        await eventually(lambda: len(done) == len(commands))
    replies = {chat_id: text for chat_id, text, _ in api.sent}
    assert replies == {
        1: people.welcome(STRANGER, EN, athlete=False, admin=False),
        2: people.STATS_FOR_ADMINS(EN),
        3: people.STATS_PRIVATE(EN),
        4: people.STATS_USAGE(EN),
        5: people.STATS_USAGE(EN),
        6: people.STATS_USAGE(EN),
        7: people.STATS_LATER(EN),
        8: people.TRY_HELP(EN),
        10: people.help_text(EN, admin=True),
    }


def asking(argument: str = "") -> CommandUpdate:
    """An admin asks for figures."""
    return CommandUpdate(1, ADMIN, ADMIN, is_private=True, name="stats", argument=argument)


async def test_stats_come_with_their_picture_as_one_message(api: FakeApi, recording: Recording) -> None:
    """The text stands below the picture; while it is drawn, others get their replies."""
    painting, asked, done = asyncio.Event(), list[int](), list[str]()

    async def figures(days: int) -> Stats:
        asked.append(days)
        return examples.stats()

    async def draw(_stats: Stats, _language: Language) -> bytes:
        await painting.wait()
        return b"png"

    commands = CommandReplies(
        *(api, SendLimits(), figures, recording.roster, recording.languages, draw, recording.personal),
        admins=frozenset({ADMIN}),
    )
    hello = CommandUpdate(2, STRANGER, 5, is_private=True, name="start", argument="")
    async with running(commands.run()):
        commands.put(asking("7"), lambda: done.append("stats"))
        await eventually(lambda: asked == [7])
        commands.put(hello, lambda: done.append("start"))
        await eventually(lambda: done == ["start"])
        painting.set()
        await eventually(lambda: done == ["start", "stats"])
    text = stats_texts.stats(examples.stats(), Language.EN)
    assert api.photos == [(ADMIN, b"png", text)]
    assert [chat_id for chat_id, *_ in api.sent] == [5]


@pytest.mark.parametrize("refusal", [None, TelegramRejected("PHOTO_INVALID_DIMENSIONS")])
@pytest.mark.parametrize("is_missing_extra", [True, False])
async def test_without_a_picture_the_text_comes_alone(
    api: FakeApi, recording: Recording, refusal: Exception | None, *, is_missing_extra: bool
) -> None:
    """It says so; with the cure, if that is an extra to be installed. Nothing is sent twice."""

    async def figures(_days: int) -> Stats:
        return examples.stats()

    async def draw(_stats: Stats, _language: Language) -> bytes:
        if refusal is None:
            raise PictureError("no paint", is_missing_extra=is_missing_extra)
        return b"png"

    if refusal is not None:
        api.photo_script.append(refusal)
    api.send_script.append(TelegramRateLimited("wait", 0.01))
    done: list[int] = []
    commands = CommandReplies(
        *(api, SendLimits(), figures, recording.roster, recording.languages, draw, recording.personal),
        admins=frozenset({ADMIN}),
    )
    async with running(commands.run()):
        commands.put(asking(), lambda: done.append(1))
        await eventually(lambda: done == [1])
    text = stats_texts.without_picture(
        stats_texts.stats(examples.stats(), Language.EN),
        Language.EN,
        is_missing_extra=is_missing_extra and refusal is None,
    )
    assert [sent for _, sent, _ in api.sent] == [text, text]  # the first one was limited
    assert len(api.photos) == (0 if refusal is None else 1)


async def test_a_defect_in_the_figures_is_told(api: FakeApi, recording: Recording) -> None:
    """Whoever asked gets a reply, and the next one is served."""

    async def figures(_days: int) -> Stats:
        raise RuntimeError("defect")

    done: list[int] = []
    commands = CommandReplies(
        *(api, SendLimits(), figures, recording.roster, recording.languages, no_picture, recording.personal),
        admins=frozenset({ADMIN}),
    )
    async with running(commands.run()):
        for _ in range(2):
            commands.put(asking(), lambda: done.append(1))
        await eventually(lambda: done == [1, 1])
    assert [text for _, text, _ in api.sent] == [people.STATS_LATER(EN)] * 2


async def test_a_flood_is_not_replied_to(api: FakeApi, recording: Recording) -> None:
    """Of many messages from one chat three wait for a reply, the others are done with at once."""
    done: list[int] = []
    for number in range(50):
        command = CommandUpdate(1, STRANGER, 1, is_private=True, name="start", argument="")
        recording.commands.put(command, lambda number=number: done.append(number))  # type: ignore[misc]
    assert len(done) == 47
    # An athlete's notes to several questions are none: what became of each is told.
    note = CommandUpdate(1, ATHLETE, ATHLETE, is_private=True, name="", argument="")
    for _ in range(40):
        recording.commands.put(note, lambda: done.append(-1), Reply("noted", is_outcome=True))
    assert done.count(-1) == 10
    assert api.sent == []


# --- Dispatcher


class ShakyPrompts(Outbox, PromptStore, PromptExpiryStore):
    """An outbox that is away for some calls."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.failures: deque[Exception] = deque()
        self.settled = 0

    async def settle_sent(
        self,
        prompt: Prompt,
        message_id: int | None,
        sent_at: datetime,
        now: datetime,
        *,
        nudge_at: datetime | None = None,
    ) -> None:
        """Fail as told, else settle."""
        self.settled += 1
        if self.failures:
            raise self.failures.popleft()
        await super().settle_sent(prompt, message_id, sent_at, now, nudge_at=nudge_at)


@pytest.fixture
async def prompts(db: Database, monkeypatch: pytest.MonkeyPatch) -> ShakyPrompts:
    """An outbox with its unique index, and a dispatcher that does not dawdle."""
    monkeypatch.setattr(dispatcher_module, "_IDLE_INTERVAL", 0.005)
    monkeypatch.setattr(dispatcher_module, "_TROUBLE_DELAY", 0.005)
    await bootstrap(db, [index for index in INDEXES if index.unique and index.collection in USED])
    return ShakyPrompts(db)


class Sending:
    """A dispatcher with its limits, in a time in which every chat's turn has come at each look."""

    def __init__(self, api: FakeApi, db: Database, prompts: Outbox, time: Time) -> None:
        self.limits = SendLimits()
        self.seconds, self.step = 1000.0, 100.0
        letters = CoachAlertStore(db)
        weeks = Parts.of(db, Journal(Path("unused")), time).weeks()
        composer = PromptRenderer(letters, Roster, languages_of(db, time), time, UTC, weeks)
        self.dispatcher = Dispatcher(
            *(api, prompts, FreeSlots(db), letters, composer, self.limits, time, UTC),
            *(Roster, self.nobody, self.monotonic),
        )

    async def nobody(self) -> Roster:
        """The athletes, read anew."""
        return Roster()

    def monotonic(self) -> float:
        """Long after the last look."""
        self.seconds += self.step
        return self.seconds


@pytest.fixture
def sending(api: FakeApi, db: Database, prompts: ShakyPrompts, time: Time) -> Sending:
    """See `Sending`."""
    return Sending(api, db, prompts, time)


def outbox(session_ids: Iterable[object], chat_id: object = 70) -> list[dict[str, Any]]:
    """Documents as a coach workflow inserts them."""
    return [{"runId": "r", "sessionId": session_id, "chatId": chat_id} for session_id in session_ids]


async def settled(db: Database, number: int = 1) -> bool:
    """Whether so many prompts wait for nobody any more."""
    return (
        await db.session_prompts.count_documents({"attempts": {"$gt": 0}, "claim": {"$exists": False}})
        == number
    )


async def test_a_prompt_is_sent_and_settled(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending
) -> None:
    """The question with its four buttons goes out once; the document says when and as which message."""
    await prompts.queue("r", "s", 70, title="<Easy>", note=None, due_at=NOW, now=NOW)
    api.send_script.append(SentMessage(2**40, NOW - SECOND))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
    assert api.sent == [(70, questions.prompt("<Easy>", None, EN), prompt_keyboard("r", "s", EN))]
    [document] = await db.session_prompts.find({}).to_list()
    assert (document["state"], document["messageId"], document["sentAt"]) == ("sent", 2**40, NOW - SECOND)


async def test_a_reply_that_says_little_is_settled_with_what_is_known(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending
) -> None:
    """Without a message id and a time the bot's own time counts."""
    await db.session_prompts.insert_many(outbox(["s"]))
    api.send_script.append(SentMessage(None, None))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
    assert await prompts.sent_at("r", "s", 70, 5) == NOW


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TelegramRejected("bot was blocked"), {"state": "undeliverable", "reason": "bot was blocked"}),
        (
            TelegramRateLimited("wait", 7),
            {"state": "pending", "attemptAt": NOW + 7 * SECOND, "reason": "wait"},
        ),
        (TelegramUnauthorized("token"), {"state": "pending", "attemptAt": NOW + 60 * SECOND}),
        (TelegramNotSent("down"), {"state": "pending", "attemptAt": NOW + 2 * SECOND}),
        (TelegramUnknown("lost"), {"state": "pending", "attemptAt": NOW + 20 * SECOND, "unknowns": 1}),
    ],
)
async def test_each_failure_is_settled_in_its_way(
    api: FakeApi, db: Database, sending: Sending, error: Exception, expected: dict[str, Any]
) -> None:
    """Never, or later at an instant that is kept in the document."""
    await db.session_prompts.insert_many(outbox(["s"]))
    api.send_script.append(error)
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
    [document] = await db.session_prompts.find({}).to_list()
    assert {name: document.get(name) for name in expected} == expected
    assert len(api.sent) == 1


async def test_a_defect_is_undeliverable_and_does_not_stop_the_others(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """The reason names the kind of defect and not what it quotes."""
    await db.session_prompts.insert_many(outbox(["s"], 70) + outbox(["t"], 71))
    api.send_script.append(RuntimeError("my secret knee"))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db, 2))
    found = {d["state"]: d.get("reason", "") async for d in db.session_prompts.find({})}
    assert set(found) == {"undeliverable", "sent"}
    assert found["undeliverable"].startswith("defect: RuntimeError")
    assert "knee" not in found["undeliverable"]


async def test_a_chat_that_moved_is_asked_in_its_new_place(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """The same question goes to the new id, and is settled there."""
    await db.session_prompts.insert_many(outbox(["s"], -70))
    api.send_script.append(TelegramChatMigrated("moved", -10070))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db))
    assert [chat_id for chat_id, _, _ in api.sent] == [-70, -10070]


async def settled_as_sent(db: Database, number: int = 1) -> bool:
    """Whether so many prompts are sent."""
    return await db.session_prompts.count_documents({"state": "sent"}) == number


async def test_telegram_s_request_to_slow_down_holds_the_chat(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """The chat is left alone as long as Telegram says, everybody for a second."""
    await db.session_prompts.insert_many(outbox(["s"]))
    api.send_script.append(TelegramRateLimited("wait", 5000))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
        sending.step = 0.0
        assert 70 in sending.limits.waiting(sending.seconds)


async def test_a_sent_prompt_is_settled_however_long_the_store_is_away(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending, time: Time
) -> None:
    """It is not sent again meanwhile from here, though its lease has ended."""
    await db.session_prompts.insert_many(outbox(["s"]))
    prompts.failures.extend([StorageUnavailable("away")] * 10)

    async def expire(_chat_id: int) -> None:
        time.advance(1000)

    api.on_send = expire
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db))
    assert prompts.settled == 11
    assert len(api.sent) == 1


async def test_an_outcome_that_mongodb_refuses_does_not_hold_up_others(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending, time: Time
) -> None:
    """After bounded tries the prompt is left alone: neither sent again nor in the way."""
    await db.session_prompts.insert_many([*outbox(["s"]), *outbox(["t"], 71)])
    prompts.failures.extend([StorageRejected("odd")] * 6)

    async def expire(_chat_id: int) -> None:
        time.advance(1000)

    api.on_send = expire
    async with running(sending.dispatcher.run()):
        await eventually(lambda: _equals(lambda: prompts.settled, 6))
        await db.session_prompts.insert_many(outbox(["u"], 72))
        await eventually(lambda: settled_as_sent(db))
    assert len(api.sent) == 3


async def _equals(look: Callable[[], int], number: int) -> bool:
    return look() == number


async def test_a_chat_has_one_prompt_under_way_at_a_time(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """Other chats go on, within the number of places, and everything is sent once."""
    await db.session_prompts.insert_many(
        [document for chat_id in range(70, 90) for document in outbox(range(3), chat_id)]
    )
    under_way: Counter[int] = Counter()
    most: list[tuple[int, int]] = []

    async def overlap(chat_id: int) -> None:
        under_way[chat_id] += 1
        most.append((max(under_way.values()), under_way.total()))
        await asyncio.sleep(0.005)
        under_way[chat_id] -= 1

    api.on_send = overlap
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db, 60))
    assert max(in_chat for in_chat, _ in most) == 1
    assert 2 <= max(in_all for _, in_all in most) <= 12
    sent = Counter((chat_id, str(keyboard)) for chat_id, _, keyboard in api.sent)
    assert len(sent) == sent.total() == 60


async def is_postponed(db: Database) -> bool:
    """Whether a text became a date."""
    return (
        await db.session_prompts.count_documents({"dueAt": {"$type": "date"}, "claim": {"$exists": False}})
        == 1
    )


async def test_what_cannot_be_sent_is_put_aside(api: FakeApi, db: Database, sending: Sending) -> None:
    """Bad documents get a reason, odd ones are tolerated, a text that is due later waits."""
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "chatId": 70},
            {"runId": "r", "sessionId": "a", "chatId": "@anna"},
            {"runId": "r", "sessionId": "b", "chatId": "9" * 5000},
            {"runId": "r", "sessionId": "c", "chatId": 71, "dueAt": "0001-01-01T00:00+14:00"},
            {"runId": "r", "sessionId": "d", "chatId": 72, "dueAt": "2026-02-16T19:00"},
            {"runId": "r", "sessionId": "e", "chatId": 73, "attempts": "x", "unknowns": None},
            {"runId": "r", "sessionId": 5, "chatId": 74},
            {"runId": "r", "sessionId": "5", "chatId": "74"},
        ]
    )
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db, 7))
        await eventually(lambda: is_postponed(db))
    states = Counter([document["state"] async for document in db.session_prompts.find({})])
    assert states == {"undeliverable": 5, "pending": 1, "sent": 2}
    assert sorted(chat_id for chat_id, _, _ in api.sent) == [73, 74]
    async for document in db.session_prompts.find({"state": "undeliverable"}):
        assert document["reason"]


async def test_long_ids_are_sent_as_a_reference_that_can_be_resolved(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending
) -> None:
    """When the question goes out, its buttons can be understood already."""
    run_id = "4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b"
    await db.session_prompts.insert_one({"runId": run_id, "sessionId": "s" * 9, "chatId": 70})
    resolved: list[dict[str, tuple[str, str]]] = []

    async def look(_chat_id: int) -> None:
        resolved.append(await prompts.resolve([make_reference(run_id, "s" * 9)]))

    api.on_send = look
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db))
    assert list(resolved[0].values()) == [(run_id, "s" * 9)]


async def test_stopping_waits_for_what_is_being_sent(api: FakeApi, db: Database, sending: Sending) -> None:
    """A prompt under way when the dispatcher is told to stop is settled before `finish` returns."""
    await db.session_prompts.insert_many(outbox(["s"]))
    started, gate = asyncio.Event(), asyncio.Event()

    async def wait(_chat_id: int) -> None:
        started.set()
        await gate.wait()

    api.on_send = wait
    async with running(sending.dispatcher.run()):
        await started.wait()
    finishing = asyncio.create_task(sending.dispatcher.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    gate.set()
    await asyncio.wait_for(finishing, 10)
    assert await settled_as_sent(db)


# --- Absence


async def asked_again(db: Database) -> list[str]:
    """The sessions that are queued once more."""
    return [d["sessionId"] async for d in db.session_prompts.find({"state": "pending"}).sort("sessionId")]


async def test_after_a_gap_unanswered_sessions_are_asked_again(
    db: Database, journal: ShakyJournal, prompts: ShakyPrompts, time: Time
) -> None:
    """Once Telegram's last news are stored: what was sent 150 s before its end, and would not be late."""
    ages = {"before": 1000, "until": 210, "after": 209, "window": 14 * 86_400, "late": 14 * 86_400 + 1}
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "sessionId": name, "chatId": "70", "state": "sent", "sentAt": NOW - age * SECOND}
            for name, age in (ages | {"answered": 500}).items()
        ]
    )
    await journal.append([], polled_at=NOW, facts={GAP_FACT: to_ms(NOW - 60 * SECOND)})

    async def caught_up() -> None:
        assert await asked_again(db) == []
        await db.feedback_events.insert_one({"sessionKey": "k", "runId": "r", "sessionId": "answered"})

    absence = OutageRecovery(journal, prompts, time, caught_up, timedelta(days=14))
    await absence.ask_again()
    assert await asked_again(db) == ["before", "until", "window"]
    assert GAP_FACT not in await journal.facts()
    await db.session_prompts.update_many({"state": "pending"}, {"$set": {"state": "sent", "sentAt": NOW}})
    await journal.append([], polled_at=NOW, facts={GAP_FACT: to_ms(NOW)})
    await db.feedback_events.delete_one({"sessionKey": "k"})
    await absence.ask_again()
    assert await asked_again(db) == ["after"]


async def test_without_a_gap_nothing_is_asked(
    db: Database, journal: ShakyJournal, prompts: ShakyPrompts, time: Time
) -> None:
    """Nobody even looks."""
    await db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "state": "sent", "sentAt": NOW})

    async def caught_up() -> None:
        pytest.fail("there was no gap")

    await OutageRecovery(journal, prompts, time, caught_up, timedelta(days=14)).ask_again()
    assert await asked_again(db) == []


@pytest.mark.parametrize("error", [StorageUnavailable("away"), StorageRejected("odd"), JournalError("disk")])
async def test_a_gap_stays_noted_until_it_was_seen_to(
    db: Database, journal: ShakyJournal, prompts: ShakyPrompts, time: Time, monkeypatch: pytest.MonkeyPatch,
    error: BotError,
) -> None:  # fmt: skip
    """Trouble on the way is waited out, and then the question is asked."""
    monkeypatch.setattr("bot.services.inbox.outage._INTERVAL", 0.005)
    await db.session_prompts.insert_one(
        {"runId": "r", "sessionId": "s", "state": "sent", "sentAt": NOW - 150 * SECOND}
    )
    await journal.append([], polled_at=NOW, facts={GAP_FACT: to_ms(NOW)})
    failures = deque([error] * 3)

    async def caught_up() -> None:
        if failures:
            assert GAP_FACT in await journal.facts()
            raise failures.popleft()

    async def is_forgotten() -> bool:
        return GAP_FACT not in await journal.facts()

    async with running(OutageRecovery(journal, prompts, time, caught_up, timedelta(days=14)).run()):
        await eventually(is_forgotten)
    assert await asked_again(db) == ["s"]
