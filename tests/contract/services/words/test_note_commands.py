"""/undo on a real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.core.facts.answer_types import FeedbackType
from tests.support.desk import ANA, BEN, EN, NOW, Database, Desk, killed_at_keep, open_desk


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """An athlete who was asked about a session."""
    async with open_desk(db, monkeypatch, None) as desk:
        asked = {"runId": "r", "chatId": str(ANA), "state": "sent", "date": "2026-02-16"}
        await db.session_prompts.insert_one(
            {**asked, "sessionId": "s", "title": "Tempo", "sentAt": NOW - timedelta(hours=1)}
        )
        yield desk


async def undo(desk: Desk, update_id: int, user: int = ANA) -> str:
    """What /undo says."""
    return (await desk.command(update_id, "/undo", user=user, chat=user)).text


async def test_undo(desk: Desk) -> None:
    """Takes back the last note, wherever it is kept; the same command again takes back no other one."""
    assert await undo(desk, 1) == EN.texts.words.nothing_to_undo
    await desk.write(2, "first")
    await desk.answer(3, FeedbackType.DONE)
    await desk.write(4, "second")
    for _ in range(2):
        assert "Tempo" in await undo(desk, 5)
        assert await desk.lines() == {"s": ["first"]}
    assert await undo(desk, 6, BEN) == EN.texts.words.nothing_to_undo
    await undo(desk, 7)
    assert await desk.lines() == {}
    assert await undo(desk, 8) == EN.texts.words.nothing_to_undo


@pytest.mark.parametrize("is_kept", [True, False])
async def test_undo_takes_back_nothing_that_came_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """Killed, and seen to again when another note is there already."""
    await desk.write(1, "first")
    with killed_at_keep(monkeypatch, 1, is_kept=is_kept):
        await undo(desk, 2)
    await desk.write(3, "second")
    await undo(desk, 2)
    assert await desk.lines() == {"s": ["second"]}
