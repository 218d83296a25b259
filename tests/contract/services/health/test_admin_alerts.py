"""What admins are told, on a real journal, with vitals and Telegram from a script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from bot.core.health.vitals import AlertBounds, ChatsClosed, TookOver, Vitals
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss
from bot.core.shared.clock import to_ms
from bot.core.shared.errors import (
    JournalError,
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnknown,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.refusals import Refusal
from bot.services.health.admin_alerts import AdminAlerts
from bot.store.inbox.disk_journal import DiskJournal
from tests.support.fakes import NOW, FakeApi, Time

ANA, BEN = 901, 902
BOUNDS = AlertBounds(timedelta(seconds=30), timedelta(seconds=30), timedelta(minutes=30))

WELL = Vitals(NOW, answers=True, is_writable=True, last_poll=NOW, pending=0, dead_letters=0)


@dataclass
class Doors:
    """Chats that are closed, and of which admins were told."""

    closed: list[ChatsClosed] = field(default_factory=list)
    known: list[ChatsClosed] = field(default_factory=list)

    async def untold(self) -> list[ChatsClosed]:
        """Each once."""
        closed, self.closed = self.closed, []
        return closed

    async def told(self, news: ChatsClosed) -> None:
        """Remembered."""
        self.known.append(news)


@dataclass
class Desk:
    """A watch and everything around it.

    Attributes:
        vitals: what the next look finds, but for its time.
        failures: what happens to messages to an admin.
        got: the messages that each admin got.
        status: what systemd was told last.
    """

    journal: DiskJournal
    api: FakeApi
    time: Time
    vitals: Vitals = WELL
    failures: dict[int, TelegramError] = field(default_factory=dict)
    got: dict[int, list[str]] = field(default_factory=lambda: {ANA: [], BEN: []})
    status: str = ""
    takeovers: list[TookOver] = field(default_factory=list)
    closed_chats: Doors = field(default_factory=Doors)

    def __post_init__(self) -> None:
        self.api.on_send = self._on_send
        self.watch = self.restarted()

    def restarted(self) -> AdminAlerts:
        """A new process on the same journal."""
        limits = SendLimits()
        self.watch = AdminAlerts(
            self._look, self._takeovers, self.closed_chats, self._report, self.journal, self.api, limits,
            {ANA, BEN},
            lambda admin: Language.ES if admin == BEN else Language.EN, UTC, BOUNDS, self.time.monotonic,
        )  # fmt: skip
        return self.watch

    async def _look(self) -> Vitals:
        return self.vitals

    def _takeovers(self) -> list[TookOver]:
        takeovers, self.takeovers = self.takeovers, []
        return takeovers

    def _report(self, status: str) -> None:
        self.status = status

    async def _on_send(self, chat_id: int) -> None:
        if (failure := self.failures.get(chat_id)) is not None:
            raise failure
        self.got[chat_id].append(self.api.sent[-1][1])

    async def look(self, seconds: float = 0.0, **found: object) -> None:
        """Look once, so many seconds later."""
        self.time.advance(seconds)
        has_polled = {"last_poll": self.time.now} if self.vitals.last_poll == self.vitals.at else {}
        self.vitals = replace(self.vitals, at=self.time.now, **{**has_polled, **found})  # type: ignore[arg-type]
        await self.watch.look()

    def numbers(self) -> tuple[int, int]:
        """How many messages Ana and Ben got."""
        return len(self.got[ANA]), len(self.got[BEN])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk where all is well."""
    journal = DiskJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    yield Desk(journal, FakeApi(), Time())
    await journal.close()


async def test_closed_chats_are_told_together(desk: Desk) -> None:
    """Of one cause in one message, also what was found while it could not be told; known when it was."""
    desk.failures = {ANA: TelegramNotSent("no network"), BEN: TelegramNotSent("no network")}
    desk.closed_chats.closed = [ChatsClosed(Refusal.NOT_STARTED, {7: "Cleo (cleo)"})]
    await desk.look()
    assert desk.closed_chats.known == []
    desk.failures = {}
    desk.closed_chats.closed = [
        ChatsClosed(Refusal.NOT_STARTED, {8: "Dan (dan)"}),
        ChatsClosed(Refusal.BLOCKED, {9: "Eve (eve)"}),
    ]
    await desk.look(5)
    assert desk.numbers() == (1, 1)
    assert "Has not started the bot: Cleo (cleo), Dan (dan)." in desk.got[ANA][0]
    assert "Has blocked the bot: Eve (eve)." in desk.got[ANA][0]
    assert "No ha iniciado el bot: Cleo (cleo), Dan (dan)." in desk.got[BEN][0]
    assert ChatsClosed(Refusal.NOT_STARTED, {7: "Cleo (cleo)", 8: "Dan (dan)"}) in desk.closed_chats.known
    await desk.look(5)
    assert desk.numbers() == (1, 1)


async def test_one_message_and_one_all_clear(desk: Desk) -> None:
    """To each admin in their language, at the bounds, and nothing in between or after."""
    await desk.look()
    await desk.look(5, answers=False)
    assert desk.status == "broken: mongodb; the log says why"
    await desk.look(29.9)
    assert desk.numbers() == (0, 0)
    await desk.look(0.1)
    assert desk.numbers() == (1, 1)
    assert desk.got[ANA][0].startswith("⚠️ MongoDB has not answered since 18:43")
    assert desk.got[BEN][0].startswith("⚠️ MongoDB no responde desde las 18:43")
    for _ in range(50):
        await desk.look(60)
    assert desk.numbers() == (1, 1)
    await desk.look(60, answers=True)
    await desk.look(29.9)
    assert desk.numbers() == (1, 1)
    await desk.look(0.1)
    assert desk.numbers() == (2, 2)
    assert "(51 min)" in desk.got[ANA][1]
    for _ in range(50):
        await desk.look(60)
    assert desk.numbers() == (2, 2)
    assert desk.status == "well"


async def test_a_restart_tells_nothing_again(desk: Desk) -> None:
    """Not even one that comes again and again; the all-clear comes from whoever is there then."""
    await desk.look(answers=False)
    await desk.look(30)
    assert desk.numbers() == (1, 1)
    for _ in range(5):
        desk.restarted()
        await desk.look(10)
        await desk.look(40)
    assert desk.numbers() == (1, 1)
    desk.restarted()
    await desk.look(5, answers=True)
    await desk.look(30)
    assert desk.numbers() == (2, 2)
    desk.restarted()
    await desk.look(1)
    await desk.look(30)
    assert desk.numbers() == (2, 2)


async def test_telegram_away_is_told_afterwards(desk: Desk) -> None:
    """One message, which says since when and how long; the one that could not be sent is dropped."""
    await desk.look()
    polled = desk.time.now
    desk.failures = {ANA: TelegramNotSent("no connection"), BEN: TelegramNotSent("no connection")}
    for _ in range(20):
        await desk.look(30, last_poll=polled)
    assert desk.numbers() == (0, 0)
    desk.failures = {}
    await desk.look(5, last_poll=desk.time.now + timedelta(seconds=5))
    assert desk.numbers() == (0, 0)
    await desk.look(30)
    assert desk.numbers() == (1, 1)
    assert "(10 min)" in desk.got[ANA][0]


async def test_telegram_away_until_all_is_well(desk: Desk) -> None:
    """Only the all-clear arrives, also after a restart in between."""
    await desk.look()
    polled = desk.time.now
    desk.failures = {ANA: TelegramNotSent("no connection"), BEN: TelegramNotSent("no connection")}
    for _ in range(20):
        await desk.look(30, last_poll=polled)
    desk.restarted()
    await desk.look(5, last_poll=polled)
    await desk.look(5, last_poll=desk.time.now + timedelta(seconds=5))
    await desk.look(30)
    desk.failures = {}
    await desk.look(5)
    await desk.look(60)
    assert desk.numbers() == (1, 1)
    assert desk.got[ANA][0].startswith("✅ I receive from Telegram again. It did not work from 18:42")


async def test_a_blocked_admin_does_not_stop_the_others(desk: Desk) -> None:
    """Whoever blocked the bot is left alone; the other one gets both messages."""
    desk.failures = {ANA: TelegramRejected("Forbidden: bot was blocked by the user")}
    await desk.look(answers=False)
    for _ in range(3):
        await desk.look(30)
    await desk.look(5, answers=True)
    for _ in range(3):
        await desk.look(30)
    assert desk.numbers() == (0, 2)
    assert sum(chat == ANA for chat, *_ in desk.api.sent) == 2


async def test_a_lost_reply_is_sent_once_more(desk: Desk) -> None:
    """Nobody knows whether it arrived, so it is tried again two minutes later."""
    desk.failures = {ANA: TelegramUnknown("502")}
    await desk.look(answers=False)
    for _ in range(5):
        await desk.look(30)
    assert [chat for chat, *_ in desk.api.sent] == [ANA, BEN, ANA]


async def test_retry_after_is_honoured(desk: Desk) -> None:
    """The admin's chat is left alone as long as Telegram says."""
    desk.failures = {ANA: TelegramRateLimited("wait", 60)}
    await desk.look(answers=False)
    await desk.look(30)
    desk.failures = {}
    await desk.look(59)
    assert desk.numbers() == (0, 1)
    await desk.look(2)
    assert desk.numbers() == (1, 1)


async def test_a_held_admin_does_not_silence_the_others(desk: Desk) -> None:
    """The next trouble is told to whoever can be written to."""
    await desk.look(answers=False)
    await desk.look(30)
    desk.failures = {ANA: TelegramRateLimited("wait", 86_400)}
    await desk.look(5, answers=True)
    await desk.look(30)
    assert desk.numbers() == (1, 2)
    await desk.look(1800, answers=False)
    await desk.look(30)
    assert desk.numbers() == (1, 3)


async def test_nobody_knows_of_a_part_while_it_is_not_judged(desk: Desk) -> None:
    """A backlog that was seen before MongoDB went away counts from when it is seen again."""
    await desk.look(pending=1, oldest_pending=desk.time.now - timedelta(minutes=10))
    await desk.look(20, answers=False)
    await desk.look(20, answers=True)
    await desk.look(29.9)
    assert desk.numbers() == (0, 0)
    await desk.look(0.1)
    assert desk.numbers() == (1, 1)


async def test_what_breaks_together_is_one_message(desk: Desk) -> None:
    """A full disk breaks MongoDB and the journal: two paragraphs."""
    await desk.look(answers=False, is_writable=False)
    await desk.look(30)
    assert desk.numbers() == (1, 1)
    assert desk.got[ANA][0].count("What to do") == 2


async def test_dead_letters_are_told_once(desk: Desk) -> None:
    """With their number; more of them at most every half hour, and none again after a restart."""
    await desk.look(dead_letters=2)
    assert desk.numbers() == (1, 1)
    assert "2 updates" in desk.got[ANA][0]
    desk.restarted()
    await desk.look(1799.9, dead_letters=5)
    assert desk.numbers() == (1, 1)
    await desk.look(0.1)
    assert desk.numbers() == (2, 2)
    assert "3 updates" in desk.got[ANA][1]


async def test_a_full_disk_is_told_although_it_is_not_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once."""

    async def full(facts: object) -> None:
        del facts
        raise JournalError("the disk is full")

    monkeypatch.setattr(desk.journal, "remember", full)
    await desk.look(is_writable=False)
    for _ in range(5):
        await desk.look(30)
    assert desk.numbers() == (1, 1)


async def test_a_restart_swallows_nothing(desk: Desk) -> None:
    """What was decided and reached nobody before the restart is told after it, once; dead letters, too."""
    desk.failures = {ANA: TelegramNotSent("no connection"), BEN: TelegramNotSent("no connection")}
    await desk.look(answers=False)
    await desk.look(30, dead_letters=2)
    assert desk.numbers() == (0, 0)
    desk.restarted()
    desk.failures = {}
    await desk.look(1)
    assert desk.numbers() == (1, 1)
    assert "MongoDB" in desk.got[ANA][0]
    assert "2" in desk.got[ANA][0]
    desk.restarted()
    await desk.look(60)
    assert desk.numbers() == (1, 1)


async def test_a_part_that_flaps_is_told_once(desk: Desk) -> None:
    """One good look in five does not end a trouble."""
    await desk.look()
    for number in range(60):
        await desk.look(5, answers=number % 5 == 4)
    assert desk.numbers() == (1, 1)


async def test_an_instant_from_the_future_mutes_nothing(desk: Desk) -> None:
    """A clock that was wrong when it was remembered."""
    await desk.journal.remember({"alert_mongodb_told_ms": to_ms(desk.time.now + timedelta(days=400))})
    await desk.look(answers=False)
    await desk.look(30)
    assert desk.numbers() == (1, 1)


async def test_a_reply_that_keeps_getting_lost(desk: Desk) -> None:
    """Tried again every two minutes for half an hour, not for ever."""
    desk.failures = {ANA: TelegramUnknown("502")}
    await desk.look(answers=False)
    await desk.look(30)
    tries = [len([chat for chat, *_ in desk.api.sent if chat == ANA])]
    for _ in range(2 * 60):
        await desk.look(60)
        tries.append(len([chat for chat, *_ in desk.api.sent if chat == ANA]))
    assert tries[0] == 1
    assert 14 <= tries[-1] <= 17
    assert len(desk.got[BEN]) == 1


async def test_what_the_journal_lacks_is_told_once(desk: Desk) -> None:
    """By number, to each admin in their language, also when it is found later; no restart repeats it."""
    await desk.look()
    await desk.journal.note_loss(JournalLoss(4, 30))
    desk.failures = {ANA: TelegramNotSent("no connection")}
    await desk.look(5)
    assert desk.numbers() == (0, 1)
    desk.failures = {}
    await desk.look(5)
    assert desk.numbers() == (1, 1)
    assert "lacks the entries 4 to 30 (up to 27 updates)" in desk.got[ANA][0]
    assert "las entradas de la 4 a la 30" in desk.got[BEN][0]
    desk.restarted()
    await desk.look(5)
    assert desk.numbers() == (1, 1)
    await desk.journal.note_loss(JournalLoss(31, 30, is_open=True))
    await desk.look(5)
    assert desk.numbers() == (2, 2)


async def test_what_the_journal_lacks_is_told_after_a_crash(desk: Desk) -> None:
    """That it is to be told is remembered until somebody was."""
    await desk.journal.note_loss(JournalLoss(4, 30))
    desk.failures = {ANA: TelegramNotSent("no connection"), BEN: TelegramNotSent("no connection")}
    await desk.look()
    desk.restarted()
    desk.failures = {}
    await desk.look(5)
    assert desk.numbers() == (1, 1)
