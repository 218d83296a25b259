"""The way of taps: what is counted, and when, and what a defect behind the write does."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.answers import texts as answers
from bot.core.answers.rules import Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.shared.errors import ExhaustedError, StorageUnavailable
from bot.services.answers.responder import Responder
from bot.services.processing.dead_letters import MAX_TRIES
from bot.services.telegram.callback_answers import CallbackAnswerer
from bot.store.answers.tap_ledger import TapLedger
from tests.support.fakes import EN, Database, FakeApi, eventually, running, session_tap, tap_update
from tests.support.processing import Recording, Tally, stored


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


@pytest.mark.parametrize("defects", [1, 100])
@pytest.mark.parametrize(
    ("owner", "name"), [(Tally, "count"), (Responder, "report"), (CallbackAnswerer, "put")]
)
async def test_a_defect_behind_the_write_ends_nothing(
    *, api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch,
    owner: type, name: str, defects: int,
) -> None:  # fmt: skip
    """What fails once is tried again, what always fails becomes a dead letter, and the next tap is stored."""
    original = getattr(owner, name)
    left = defects

    def fail(self: Any, *arguments: Any) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            raise ValueError("a defect")
        original(self, *arguments)

    monkeypatch.setattr(owner, name, fail)
    async with running(*recording.flows()):
        await recording.receive(session_tap(1, "r1"))
        await eventually(recording.emptied)
        left = 0
        await recording.receive(session_tap(2, "r2"))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert await stored(db) == {"r1": "done", "r2": "done"}
    is_told = defects == 1
    assert (await recording.journal.state()).dead == (0 if is_told else 1)
    saved = [answers.saved(FeedbackType.DONE, EN)]
    assert api.said("q2") == saved
    if is_told:
        assert api.said("q1") == saved
    elif owner is not CallbackAnswerer:
        assert api.said("q1") == [EN.texts.answers.not_saved]
    assert recording.tally.taps[Outcome.WRITTEN] == (1 if owner is Tally and not is_told else 2)


async def test_tries_before_a_restart_count(
    api: FakeApi, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it has failed before: there is one more try, and after it a dead letter."""
    tries = 0

    def fail(_self: Tally, *_arguments: Any) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("a defect")

    monkeypatch.setattr(Tally, "count", fail)
    await recording.receive(session_tap(1, "r1"))
    [entry] = await recording.journal.pending(after=0, limit=10)
    for _ in range(MAX_TRIES + 1):
        await recording.journal.failed(entry.seq, "a defect", give_up=False)
    async with running(*recording.flows()):
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert tries == 1
    assert api.said("q1") == [EN.texts.answers.not_saved]
    assert (await recording.journal.state()).dead == 1


async def test_a_machine_without_memory_ends_the_service(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no defect of a tap, which stays in the journal for the next start."""

    def fail(_self: Tally, *_arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Tally, "count", fail)
    await recording.receive(session_tap(1, "r1"))
    with pytest.raises(ExhaustedError):
        async with running(*recording.flows()) as tasks:
            await eventually(lambda: any(task.done() for task in tasks))
    state = await recording.journal.state()
    assert (state.pending, state.dead) == (1, 0)
