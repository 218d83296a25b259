"""What is counted: every tap once, every write of MongoDB, every try to send."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from bot.app.bootstrap import build_stores
from bot.core.answers.payloads import format_callback
from bot.core.answers.rules import Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.health.metrics import (
    POLLS,
    SENDS,
    TAPS,
    WRITES,
    CallMetric,
    CountMetric,
    SendKind,
    SendResult,
)
from bot.core.people.athlete import ContactHours
from bot.core.shared.errors import (
    StorageUnavailable,
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnknown,
)
from bot.core.telegram.updates import TapUpdate, read_update
from bot.services.answers.tap_handler import TapContext, TapHandler
from bot.services.people.roster_cache import RosterCache
from bot.services.telegram.metered_api import MeteredApi
from bot.store.answers.tap_ledger import TapLedger
from bot.store.inbox.journal import Journal
from bot.store.mongodb.client import connect
from bot.store.people.athletes import AthleteStore
from tests.support.fakes import ATHLETE, NOW, FakeApi, Time, tap_update
from tests.support.flows import Parts


class Tally:
    """Implements `Meters`; remembers everything."""

    def __init__(self) -> None:
        self.polls: list[tuple[float, bool]] = []
        self.writes: list[bool] = []
        self.taps: Counter[Outcome] = Counter()
        self.sends: Counter[tuple[SendKind, SendResult]] = Counter()

    def count(self, metric: CountMetric, *labels: str) -> None:
        """Remembered."""
        if metric is TAPS:
            self.taps[Outcome(*labels)] += 1
        else:
            assert metric is SENDS
            kind, result = labels
            self.sends[SendKind(kind), SendResult(result)] += 1

    def called(self, metric: CallMetric, seconds: float, *, succeeded: bool) -> None:
        """Remembered."""
        if metric is POLLS:
            self.polls.append((seconds, succeeded))
        else:
            assert metric is WRITES
            assert 0 <= seconds < 10
            self.writes.append(succeeded)


class AwayLedger(TapLedger):
    """A ledger that fails once."""

    is_away = True

    async def record(self, entries: Any) -> None:
        """Fail the first time."""
        if self.is_away:
            self.is_away = False
            raise StorageUnavailable("away")
        await super().record(entries)


async def test_a_tap_is_counted_once(db: AsyncDatabase[dict[str, Any]], tmp_path: Path) -> None:
    """When it is stored; neither when storing fails, nor again when it is repeated."""
    time, tally = Time(), Tally()
    roster = RosterCache(AthleteStore(db), frozenset({ATHLETE}), ContactHours(ZoneInfo("UTC")), time)
    await roster.refresh()
    stores = replace(build_stores(db, Journal(tmp_path / "unused"), time).taps, ledger=AwayLedger(db))
    taps = TapHandler(
        roster, stores, Parts.of(db, Journal(tmp_path / "unused"), time, roster).actions(), 14, meters=tally
    )
    cases: list[TapContext] = []
    for number, data in enumerate((format_callback("r", "s", FeedbackType.DONE), "nonsense")):
        update = read_update(tap_update(number + 1, data), NOW)
        assert isinstance(update, TapUpdate)
        cases.append(taps.judge(update.tap))
    taps.recognise(cases)
    with pytest.raises(StorageUnavailable):
        await taps.store(cases, [])
    assert not tally.taps
    for _ in range(2):
        await taps.store(cases, [])
    assert tally.taps == {Outcome.WRITTEN: 1, Outcome.INVALID: 1}


async def test_writes_are_measured(mongo_url: str, db: AsyncDatabase[dict[str, Any]]) -> None:
    """Acknowledged and failed ones; reads are none, nor is a search for a prompt that finds none."""
    tally = Tally()
    watched = connect(mongo_url, db.name, "unused", partial(tally.called, WRITES))
    try:
        await watched.c.insert_one({"_id": 1})
        await watched.c.update_one({"_id": 1}, {"$set": {"x": 1}})
        await watched.c.find_one_and_update({"_id": 1}, {"$set": {"x": 2}})
        assert tally.writes == [True] * 3
        await watched.c.find_one_and_update({"_id": 2}, {"$set": {"x": 2}})
        await watched.c.find_one({"_id": 1})
        await watched.command("ping")
        assert tally.writes == [True] * 3
        with pytest.raises(OperationFailure):
            await watched.c.find_one_and_update({"_id": 1}, {"$nonsense": {"x": 1}})
        assert tally.writes == [*[True] * 3, False]
    finally:
        await watched.client.close()


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, SendResult.SENT),
        (TelegramRateLimited("wait", 3), SendResult.LIMITED),
        (TelegramRejected("blocked"), SendResult.REJECTED),
        (TelegramUnknown("502"), SendResult.FAILED),
        (TelegramNotSent("no connection"), SendResult.FAILED),
    ],
)
async def test_sends_are_counted(error: TelegramError | None, result: SendResult) -> None:
    """By kind and result, and the error comes through."""
    api, tally = FakeApi(), Tally()
    api.send_script.extend([] if error is None else [error])
    api.edit_script.extend([] if error is None else [error])
    metered = MeteredApi(api, tally, SendKind.PROMPT)
    for call in (metered.send(7, "hello"), metered.edit_keyboard(7, 1, [])):
        try:
            await call
        except TelegramError as exc:
            assert exc is error  # noqa: PT017  # that it is raised only if there is one
    await metered.answer("q", "Saved", alert=False)
    assert tally.sends == {
        (SendKind.PROMPT, result): 1,
        (SendKind.EDIT, result): 1,
        (SendKind.ANSWER, SendResult.SENT): 1,
    }


async def test_polls_are_measured() -> None:
    """How long each took, whether it failed or not."""
    api, tally, time = FakeApi(), Tally(), Time()
    api.poll_script.extend([[], TelegramUnknown("502")])

    async def take() -> None:
        time.advance(7)

    api.on_poll = take
    metered = MeteredApi(api, tally, SendKind.REPLY, time.monotonic)
    assert await metered.get_updates(None, 30, 100) == []
    with pytest.raises(TelegramUnknown):
        await metered.get_updates(None, 30, 100)
    assert tally.polls == [(7, True), (7, False)]
