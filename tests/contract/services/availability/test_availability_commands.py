"""/availability and its buttons, through the whole way of messages and taps."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest

from bot.core.availability import texts
from bot.core.availability.days import DayWish, coming_week, format_wish
from bot.core.telegram.action_payloads import Action, format_action
from tests.support.fakes import (
    ATHLETE,
    EN,
    NOW,
    STRANGER,
    Database,
    FakeApi,
    eventually,
    message_update,
    running,
    tap_update,
)
from tests.support.processing import Recording

WEEK = coming_week(NOW, UTC)


def tap(update_id: int, number: int, *, possible: bool = True, **who: int) -> dict[str, Any]:
    """A tap on a day of the coming week, from Monday (0) on."""
    wish = DayWish(WEEK + timedelta(days=number), possible)
    return tap_update(update_id, format_action(Action.AVAILABLE, format_wish(wish)), **who)


async def days(db: Database) -> list[list[str]]:
    """What is stored."""
    return [document["days"] async for document in db.availability.find({"weekStart": str(WEEK)})]


async def handle(recording: Recording, *updates: dict[str, Any]) -> None:
    """Process updates to their end."""
    await recording.receive(*updates)
    async with running(*recording.flows()):
        await eventually(recording.emptied)
        await recording.marker.drain()


async def test_asked_and_ticked(api: FakeApi, db: Database, recording: Recording) -> None:
    """Seven buttons in one message, which is edited in place; what is ticked is there again."""
    await handle(recording, message_update(1, "/availability", ATHLETE))
    [(chat, text, keyboard)] = api.sent
    assert (chat, text, keyboard) == (ATHLETE, texts.question(WEEK, EN), texts.toggles(WEEK, (), EN))
    await handle(recording, tap(2, 1))
    await handle(recording, tap(3, 3))
    await handle(recording, tap(4, 1, possible=False))
    assert await days(db) == [["Thursday"]]
    assert api.said("q2") == ["Saved: Tuesday, yes."]
    assert api.said("q4") == ["Saved: Tuesday, no."]
    assert api.edits[-1][2:] == (None, texts.toggles(WEEK, {3}, EN))
    assert len(api.sent) == 1
    await handle(recording, message_update(5, "/availability", ATHLETE))
    assert api.sent[1][2] == texts.toggles(WEEK, {3}, EN)


@pytest.mark.parametrize(
    ("update", "outcome"),
    [
        (tap(1, 0, user_id=STRANGER), "refused"),
        (tap(1, 0, chat_id=-5), "refused"),
        (tap(1, 7), "refused"),  # a week too far
        (tap(1, -14), "refused"),  # over
        (tap_update(1, "do|able|"), "invalid"),
        (tap_update(1, "do|able|2026-02-30|1"), "invalid"),
        (tap(1, -7), "request"),  # this very week
    ],
)
async def test_who_and_when(db: Database, recording: Recording, update: dict[str, Any], outcome: str) -> None:
    """An athlete, in private, about this week or the coming one."""
    await handle(recording, update)
    [entry] = await db.taps.find({}).to_list()
    assert entry["outcome"] == outcome
    assert await db.availability.count_documents({}) == (outcome == "request")
