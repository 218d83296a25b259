"""What is received is kept, or whoever gave it is told: soon, and once."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.shared.errors import JournalError
from bot.services.inbox.keeping import kept


async def _keep(gate: asyncio.Event | None = None, error: JournalError | None = None) -> int:
    if gate is not None:
        await gate.wait()
    if error is not None:
        raise error
    return 7


async def test_what_is_kept_is_told_to_nobody() -> None:
    """The result comes back."""
    told = list[int]()
    assert await kept(_keep(), lambda: told.append(1)) == 7
    assert told == []


async def test_what_is_not_kept_is_told_once() -> None:
    """And the failure is the caller's."""
    told = list[int]()
    with pytest.raises(JournalError, match="full"):
        await kept(_keep(error=JournalError("full")), lambda: told.append(1))
    assert told == [1]


@pytest.mark.parametrize("error", [None, JournalError("full")])
async def test_what_takes_long_is_told_meanwhile(error: JournalError | None) -> None:
    """Once, whether it is kept in the end or not."""
    gate, told = asyncio.Event(), list[int]()

    def tell() -> None:
        told.append(1)
        gate.set()

    keeping = kept(_keep(gate, error), tell, patience=0.01)
    if error is None:
        assert await keeping == 7
    else:
        with pytest.raises(JournalError):
            await keeping
    assert told == [1]


async def test_what_was_begun_goes_on_without_its_caller() -> None:
    """Who is told to stop leaves no half of it; a failure then is nobody's."""
    gate, done = asyncio.Event(), asyncio.Event()

    async def keep() -> int:
        await gate.wait()
        done.set()
        raise JournalError("full")

    task = asyncio.create_task(kept(keep(), lambda: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await asyncio.wait_for(done.wait(), 5)
