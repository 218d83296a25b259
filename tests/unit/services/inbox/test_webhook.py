"""When a webhook counts as broken, and when as well again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.inbox.webhook import read_hook
from bot.core.shared.clock import from_ms
from bot.services.inbox.webhook import WebhookReceiver
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import LAST_POLL_FACT
from bot.tasks import end_tasks
from tests.support.flows import Alone

TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"
URL = "https://bot.example.org/telegram"
START = datetime(2026, 2, 18, 18, 42, 41, tzinfo=UTC)
TAP = {"update_id": 7, "callback_query": {"id": "q", "from": {"id": 1}}}


class Siblings(Alone):
    """Another service, of which it may be heard that it was reached."""

    def __init__(self) -> None:
        self.reached_at: datetime | None = None

    def last_poll(self) -> datetime | None:
        """See `Polling`."""
        return self.reached_at


class Scene:
    """A service that looks after its webhook, one look at a time."""

    def __init__(self, journal: DiskJournal) -> None:
        self.now = START
        self.journal = journal
        self.siblings = Siblings()
        self.info: dict[str, Any] = {"url": URL, "pending_update_count": 0}
        self._go_on = asyncio.Event()
        self._waits = asyncio.Event()
        hook = read_hook(URL, TOKEN, is_local=False)
        self.reception = WebhookReceiver(
            *(self, hook, journal, 1, lambda: self.now, lambda: None),
            polling=self.siblings,
            sleep=self._sleep,
        )

    async def set_webhook(self, url: str, secret: str) -> None:
        """See `HookApi`."""

    async def webhook_info(self) -> dict[str, Any]:
        """See `HookApi`."""
        return self.info

    async def _sleep(self, seconds: float) -> None:
        self._waits.set()
        await self._go_on.wait()
        self._go_on.clear()
        self.now += timedelta(seconds=seconds)

    async def look(self, pending: int, failed_at: int | None) -> bool:
        """Whether the service takes its webhook for well, with what Telegram says now."""
        self.info |= {"pending_update_count": pending, "last_error_message": "502 Bad Gateway"}
        self.info |= {} if failed_at is None else {"last_error_date": failed_at}
        self._waits.clear()
        self._go_on.set()
        await self._waits.wait()
        last = (await self.journal.facts()).get(LAST_POLL_FACT)
        return last is not None and from_ms(last) == self.now


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The service has been started, and all was well at its first look."""
    journal = DiskJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    scene = Scene(journal)
    running = asyncio.create_task(scene.reception.run())
    assert await scene.look(0, None)
    yield scene
    assert await end_tasks([running], 2) == 0
    await journal.close()


@pytest.mark.parametrize("where", ["here", "at another service"])
async def test_what_is_forgotten_was_not_delivered(
    where: str, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """After a failure an update has to arrive, here or at another service."""
    caplog.set_level(logging.INFO)
    assert await scene.look(1, None)
    failed_at = int(scene.now.timestamp()) + 2
    assert not await scene.look(1, failed_at)
    assert not await scene.look(1, failed_at)
    assert not await scene.look(0, failed_at)  # forgotten by Telegram
    assert not await scene.look(0, failed_at)
    if where == "here":
        await scene.reception.take(TAP)
    else:
        scene.siblings.reached_at = scene.now
    assert await scene.look(0, failed_at)
    assert await scene.look(1, failed_at)
    said = [record.getMessage() for record in caplog.records if "webhook" in record.getMessage()]
    assert len(said) == 3
    assert "the webhook, with 1 update to send: 502 Bad Gateway" in said[0]
    assert "the webhook, nothing has come since: 502 Bad Gateway" in said[1]
    assert said[2] == "the webhook works again"


async def test_what_came_before_a_failure_shows_nothing(scene: Scene) -> None:
    """Only what arrives after it."""
    await scene.reception.take(TAP)
    scene.siblings.reached_at = scene.now
    failed_at = int(scene.now.timestamp()) + 2
    assert not await scene.look(1, failed_at)
    assert not await scene.look(0, failed_at)
    assert not await scene.look(0, failed_at)


async def test_what_telegram_sends_again_between_two_looks(scene: Scene) -> None:
    """It failed, and came at the second try: the look after that finds all well, and so does every other."""
    failed_at = int(scene.now.timestamp()) + 2
    scene.now += timedelta(seconds=4)
    await scene.reception.take(TAP)
    await scene.look(0, failed_at)
    assert await scene.look(0, failed_at)
