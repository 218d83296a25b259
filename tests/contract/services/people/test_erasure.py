"""What a defect behind a deletion does: whoever asked for it is told, or the tap is a dead letter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.core.people.tombstone import DataSubject
from bot.core.shared.backoff import constant
from bot.core.shared.update_order import UpdateStamp
from bot.services.answers.responder import Responder
from bot.services.people import erasure as erasure_module
from bot.services.people.erasure import Erasure
from bot.store.people.users import UserStore
from tests.support.fakes import ATHLETE, NOW, Database, FakeApi, eventually, running, tap_update
from tests.support.processing import Recording


@pytest.mark.parametrize("defects", [0, 1, 100])
@pytest.mark.parametrize(("owner", "name"), [(Responder, "report"), (Erasure, "put")])
async def test_a_defect_in_telling_of_a_deletion(
    *, api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch,
    owner: type, name: str, defects: int,
) -> None:  # fmt: skip
    """What fails once is tried again, what always fails becomes a dead letter, and the service goes on."""
    original = getattr(owner, name)
    left = defects

    def fail(self: Any, *arguments: Any) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            raise ValueError("a defect")
        original(self, *arguments)

    monkeypatch.setattr(owner, name, fail)
    await UserStore(db).asked_to_forget(ATHLETE, UpdateStamp(0, NOW - timedelta(minutes=1)))
    asked_at = int(NOW.timestamp()) - 30
    async with running(*recording.flows()):
        await recording.receive(tap_update(1, "do|forget|", date=asked_at))
        await eventually(recording.emptied)
        await recording.answerer.join()
    state = await recording.journal.state()
    assert (state.dead, len(api.answers)) == ((1, 1) if defects > 1 else (0, 1))
    assert ("Deleted" in api.answers[0][1]) == (defects <= 1)


async def test_what_fails_when_nothing_is_left_is_called_again(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it succeeds; so long the deletion counts as under way."""
    monkeypatch.setattr(erasure_module, "_BACKOFF", constant(0.005))
    erasure = recording.parts.forgetting()
    found: list[bool] = []

    async def done() -> None:
        found.append(erasure.is_under_way(ATHLETE))
        if len(found) < 3:
            raise ValueError("a defect")

    erasure.put(DataSubject(ATHLETE, None), UpdateStamp(1, NOW), done)
    async with running(erasure.run()):
        await eventually(lambda: not erasure.is_under_way(ATHLETE))
    assert found == [True, True, True]
