"""What is counted: every tap once, every write of MongoDB, every try to send."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from bot.core.health.metrics import WRITES, SendKind, SendResult
from bot.core.shared.errors import (
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnknown,
)
from bot.services.telegram.metered_api import MeteredApi
from bot.store.mongodb.client import connect
from tests.support.fakes import FakeApi, Time
from tests.support.processing import Tally


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


@pytest.mark.parametrize(
    ("timeout", "limit", "updates", "took", "delay"),
    [
        (30, 100, 0, 30.4, 0.4),  # held for nothing
        (30, 100, 0, 29.9, 0.0),
        (30, 100, 1, 12.0, None),  # how long it was held, nobody knows
        (30, 100, 1, 0.1, None),
        (30, 100, 100, 0.3, 0.3),  # more than enough was there
        (30, 1, 1, 12.0, None),
        (0, 100, 5, 0.2, 0.2),  # not held at all
        (0, 100, 0, 0.2, 0.2),
    ],
)
async def test_the_wait_for_something_is_no_delay(
    timeout: float, limit: int, updates: int, took: float, delay: float | None
) -> None:
    """Of a poll counts what Telegram took beyond the time for which it was to hold it."""
    api, tally, time = FakeApi(), Tally(), Time()
    api.poll_script.append([{"update_id": number} for number in range(updates)])

    async def take() -> None:
        time.advance(took)

    api.on_poll = take
    await MeteredApi(api, tally, SendKind.REPLY, time.monotonic).get_updates(None, timeout, limit)
    assert tally.polls == [(None if delay is None else pytest.approx(delay), True)]


async def test_failed_polls_are_measured() -> None:
    """How long they took, which no histogram shows."""
    api, tally, time = FakeApi(), Tally(), Time()
    api.poll_script.append(TelegramUnknown("502"))

    async def take() -> None:
        time.advance(7)

    api.on_poll = take
    with pytest.raises(TelegramUnknown):
        await MeteredApi(api, tally, SendKind.REPLY, time.monotonic).get_updates(None, 30, 100)
    assert tally.polls == [(7, False)]
