"""The way of taps: what is counted, and when."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.answers.rules import Outcome
from bot.core.shared.errors import StorageUnavailable
from bot.store.answers.tap_ledger import TapLedger
from tests.support.fakes import eventually, running, tap_update
from tests.support.processing import Recording


async def test_a_tap_is_counted_once(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is stored; neither when storing fails, nor again when it is repeated."""
    record = TapLedger.record
    tries = 0

    async def fail_twice(self: TapLedger, entries: Any) -> None:
        nonlocal tries
        tries += 1
        if tries <= 2:
            assert not recording.tally.taps
            raise StorageUnavailable("away")
        await record(self, entries)

    monkeypatch.setattr(TapLedger, "record", fail_twice)
    await recording.receive(tap_update(1), tap_update(2, "nonsense"))
    async with running(*recording.flows()):
        await eventually(recording.emptied)
    assert tries == 3
    assert recording.tally.taps == {Outcome.WRITTEN: 1, Outcome.INVALID: 1}
