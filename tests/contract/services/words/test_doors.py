"""Who may write, and what is said to the others."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.desk import ANA, EN, Database, Desk, open_desk

STRANGER, GROUP = 99, -900


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """See `Desk`."""
    async with open_desk(db, monkeypatch, None) as desk:
        yield desk


async def test_who_is_no_athlete(desk: Desk) -> None:
    """Is told whom notes are for, and counts as refused; nothing is stored, whatever they write."""
    for text in ("done", None):
        reply = await desk.write(1, text, user=STRANGER)
        assert (reply.text, reply.is_refused) == (EN.texts.notes.for_athletes, True)
    assert await desk.db.waiting_notes.count_documents({}) == 0


async def test_what_is_about_nothing(desk: Desk) -> None:
    """In private it is kept for the coach; in a group an athlete is told what would help."""
    assert (await desk.write(1, "hello")).text == EN.texts.coach.kept
    assert (await desk.write(2, "hello", replied_to=5)).text == EN.texts.coach.kept
    assert (await desk.write(3, "hello", replied_to=5, chat=GROUP, user=ANA)).text == EN.texts.notes.which
    assert await desk.db.waiting_notes.count_documents({}) == 0
