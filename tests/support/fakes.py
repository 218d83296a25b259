"""Telegram, time and the journal, played from a script."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.keyboards import Keyboard
from bot.core.answers.payloads import format_callback
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.prompts.prompt import Prompt
from bot.core.shared.errors import JournalError
from bot.services.telegram.api import ANYWHERE, MAX_UPDATES, SentMessage, Within
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import Entry
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore
from bot.tasks import end_tasks
from tests.support.processes import PATIENCE

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
        self.within: list[Within] = []
        self.on_send: Callable[[int], Awaitable[None]] | None = None
        self.photos: list[tuple[int, bytes, str]] = []
        self.documents: list[tuple[int, str, bytes, str]] = []
        self.photo_script: deque[Exception | SentMessage] = deque()
        self.copies: list[tuple[int, int, int]] = []
        self.edits: list[tuple[int, int, str | None, Keyboard]] = []
        self.edit_script: deque[Exception | None] = deque()
        self.reactions: list[tuple[int, int, str]] = []
        self.reaction_script: deque[Exception | None] = deque()

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

    async def react(self, chat_id: int, message_id: int, emoji: str) -> None:
        """The next step of the script; given when it has ended."""
        step = self.reaction_script.popleft() if self.reaction_script else None
        if step is not None:
            raise step
        self.reactions.append((chat_id, message_id, emoji))

    async def username(self) -> str:
        """Of the bot."""
        return "our_bot"

    async def answer(self, query_id: str, text: str, *, alert: bool) -> None:
        """Remembered, after the hook."""
        if self.on_answer is not None:
            await self.on_answer(query_id, text)
        self.answers.append((query_id, text, alert))

    async def send(
        self,
        chat_id: int,
        text: str,
        *,
        html: bool = False,  # noqa: ARG002
        keyboard: Keyboard | None = None,
        within: Within = ANYWHERE,
    ) -> SentMessage:
        """The next step of the script; accepted when it has ended."""
        self.sent.append((chat_id, text, keyboard))
        self.within.append(within)
        if self.on_send is not None:
            await self.on_send(chat_id)
        step = self.send_script.popleft() if self.send_script else SentMessage(len(self.sent), NOW)
        if isinstance(step, Exception):
            raise step
        return step

    async def send_photo(
        self, chat_id: int, png: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """As `send`."""
        self.within.append(within)
        self.photos.append((chat_id, png, caption))
        step = self.photo_script.popleft() if self.photo_script else SentMessage(len(self.photos), NOW)
        if isinstance(step, Exception):
            raise step
        return step

    async def send_document(
        self, chat_id: int, name: str, content: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """Remembered; accepted."""
        self.within.append(within)
        self.documents.append((chat_id, name, content, caption))
        return SentMessage(len(self.documents), NOW)

    async def copy(
        self, chat_id: int, from_chat_id: int, message_id: int, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """Remembered, and accepted."""
        self.copies.append((chat_id, from_chat_id, message_id))
        self.within.append(within)
        return SentMessage(len(self.copies), None)

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
    async with asyncio.timeout(10 * PATIENCE):
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


def message_update(update_id: int, text: str, user_id: int) -> dict[str, Any]:
    """A message as Telegram sends it, in the user's private chat."""
    chat = {"id": user_id, "type": "private"}
    message = {"message_id": 500 + update_id, "chat": chat, "from": {"id": user_id}, "text": text}
    return {"update_id": update_id, "message": message}


def session_tap(update_id: int, run_id: str, type_: FeedbackType = FeedbackType.DONE) -> dict[str, Any]:
    """A tap about session `s` of a run."""
    return tap_update(update_id, format_callback(run_id, "s", type_))


class ShakyJournal(DiskJournal):
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


async def journaled(journal: DiskJournal) -> list[int]:
    """The update ids in the journal that are not processed."""
    return [entry.update["update_id"] for entry in await journal.pending(after=0, limit=1000)]


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
