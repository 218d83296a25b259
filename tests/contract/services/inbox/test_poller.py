"""Polling: nothing is confirmed before it is kept, and every trouble is survived."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from bot.core.shared.clock import to_ms
from bot.core.shared.errors import (
    ConfigError,
    JournalError,
    TelegramConflict,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnauthorized,
    TelegramUnknown,
)
from bot.core.telegram.updates import TAP_LIFETIME
from bot.services.inbox.poller import LONGEST_TURN, Poller
from bot.services.telegram.api import MAX_UPDATES
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import GAP_FACT
from bot.tasks import end_tasks
from tests.support.fakes import (
    MILLISECOND,
    NOW,
    SECOND,
    FakeApi,
    ShakyJournal,
    Time,
    eventually,
    journaled,
    running,
    tap_update,
)
from tests.support.flows import Alone


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
    """Cancelling the poller amid a write does not lose the batch."""
    journal.gate = asyncio.Event()
    api.poll_script.append([tap_update(10)])
    task = asyncio.create_task(polling.intake.run())
    await journal.appending.wait()
    await end_tasks([task], 1)
    journal.gate.set()
    await eventually(lambda: _is_journaled(journal, [10]))


async def _is_journaled(journal: DiskJournal, update_ids: list[int]) -> bool:
    return await journaled(journal) == update_ids


async def test_a_token_that_is_refused_from_the_start(api: FakeApi, polling: Polling) -> None:
    """Three refusals before any success end the bot with the cure; two do not."""
    api.poll_script.extend([TelegramUnauthorized("TELEGRAM_BOT_TOKEN: refused")] * 3)
    with pytest.raises(ConfigError, match=r"^TELEGRAM_BOT_TOKEN: refused"):
        await asyncio.wait_for(polling.intake.run(), 50)
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


async def test_a_quarrel_over_polls_is_told_once(
    api: FakeApi, polling: Polling, caplog: pytest.LogCaptureFixture
) -> None:
    """Two programs end each other's polls: each has one that succeeds after each that is ended. It is over
    when no poll was ended for a while."""
    caplog.set_level(logging.INFO)
    conflict = TelegramConflict("terminated by other getUpdates request")
    quarrel: list[list[Any] | Exception] = [conflict, []]
    await poll_through(polling, api, [], *quarrel * 15, *[[]] * 100)
    said = [it.message for it in caplog.records if it.levelno >= logging.WARNING]
    assert len(said) == 1
    assert "the same MONGO_URL" in said[0]
    assert caplog.messages.count("polling works again") == 1


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


async def test_a_journal_that_cannot_be_read_at_the_start(
    api: FakeApi, journal: ShakyJournal, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates are fetched so that who taps is told; the gap before is seen when it can be read again."""
    await journal.append([], polled_at=NOW - TAP_LIFETIME - MILLISECOND)
    facts, failures = journal.facts, [3]

    async def shaky() -> dict[str, int]:
        if failures[0]:
            failures[0] -= 1
            raise JournalError("MongoDB is away")
        return await facts()

    monkeypatch.setattr(journal, "facts", shaky)
    told: list[list[Any]] = []
    intake = Poller(
        *(api, journal, 7, time, lambda: None),
        polling=Alone(), on_unkept=lambda updates: told.append(list(updates)), sleep=time.sleep,
        monotonic=time.monotonic,
    )  # fmt: skip
    batch = [tap_update(10)]
    offsets = await poll_through(Polling(intake, []), api, batch, batch, [])
    assert told == [batch]
    assert offsets == [None, None, 11, None]
    assert GAP_FACT in await journal.facts()


async def test_only_a_poll_that_is_kept_counts_for_the_others(
    api: FakeApi, journal: ShakyJournal, time: Time
) -> None:
    """Else they would see no gap, and the lease would stay where nothing is kept."""

    class Counted(Alone):
        polls = 0

        def polled(self) -> None:
            self.polls += 1

    polling = Counted()
    intake = Poller(
        *(api, journal, 7, time, lambda: None), polling=polling, sleep=time.sleep, monotonic=time.monotonic
    )
    journal.append_failures = 2
    batch = [tap_update(10)]
    await poll_through(Polling(intake, []), api, batch, batch, batch)
    assert polling.polls == len(api.polls) - 3  # nor the one after the end


async def test_a_gap_in_what_could_be_kept(
    api: FakeApi, journal: ShakyJournal, polling: Polling, time: Time
) -> None:
    """Polls that bring what the journal does not take leave a gap as well: Telegram forgets it meanwhile."""

    async def pass_() -> None:
        if len(api.polls) == 2:
            journal.append_failures = 3
        if len(api.polls) > 1:
            time.advance(60)

    api.on_poll = pass_
    batch = [tap_update(10)]
    await poll_through(polling, api, [], *[batch] * 4)
    assert GAP_FACT in await journal.facts()
