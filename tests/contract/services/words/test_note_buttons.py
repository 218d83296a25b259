"""Notes are moved and taken back on a real MongoDB, by those who wrote them, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.notes.lines import MOST_LINES
from bot.core.telegram.action_payloads import Action, format_action
from bot.core.telegram.updates import TappedMessage
from bot.core.words.keyboards import target_of
from bot.services.chat.button_actions import ActionDone
from tests.support.desk import ANA, BEN, EN, NOW, QUESTION, Database, Desk, killed_at_keep, open_desk

GONE = NotWritten(Outcome.REFUSED, cause=Cause.NO_NOTE)
NOTE = 1001
"""The message of the note of update 1."""


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """An athlete who was asked about two sessions, `s` after `t`, and has answered `t`."""
    async with open_desk(db, monkeypatch, None) as desk:
        asked = {"runId": "r", "chatId": str(ANA), "state": "sent", "date": "2026-02-16"}
        await db.session_prompts.insert_many(
            [
                {**asked, "sessionId": "s", "title": "Tempo", "sentAt": NOW - timedelta(hours=1)},
                {**asked, "sessionId": "t", "title": "Hills", "sentAt": NOW - timedelta(hours=2)},
            ]
        )
        await desk.store(desk.tap(0, "session_feedback|r|t|done"))
        yield desk


async def tap(desk: Desk, update_id: int, action: Action, argument: str = str(NOTE), user: int = ANA) -> Any:
    """What becomes of a tap on a button."""
    return (await desk.store(desk.tap(update_id, format_action(action, argument), user=user)))[0]


def shown(result: Any) -> tuple[str | None, list[str]]:
    """The message in the place of the one with the button: its text, and its buttons."""
    assert isinstance(result, ActionDone)
    if result.change is not None:
        edit = result.change(TappedMessage("📝 Noted.", [], []), EN)
    else:
        assert result.instead is not None
        edit = result.instead(EN)
    return edit.text, [button["text"] for row in edit.keyboard for button in row]


async def test_a_note_is_taken_back(desk: Desk) -> None:
    """It is gone, and stays so when its message, or the tap, is seen to again."""
    await desk.write(1, "knee")
    await desk.write(2, "hip")
    for _ in range(2):
        assert shown(await tap(desk, 3, Action.NOTE_BACK))[0] == (
            "↩️ Taken back: your note is no longer with <b>Tempo</b> (Monday 16 February)."
        )
        assert (await desk.write(1, "knee")).text == ""
        assert await desk.lines() == {"s": ["hip"]}
    await desk.answer(4, FeedbackType.PAIN)
    assert (await desk.write(1, "knee")).text == ""
    assert await desk.lines() == {"s": ["hip"]}


async def test_a_note_is_taken_back_from_its_answer(desk: Desk) -> None:
    """The history remembers it."""
    await desk.answer(1, FeedbackType.DONE)
    await desk.write(2, "knee")
    await tap(desk, 3, Action.NOTE_BACK, "1002")
    event = await desk.event(sessionId="s")
    assert event["note"] is None
    assert not event.keys() & {"notes", "noteMessageId", "attachments"}
    [change] = await desk.changes()
    assert (change["note"], change["replacedBy"]) == ("knee", 3)


async def test_a_note_is_moved(desk: Desk) -> None:
    """Other sessions are offered; it goes to the one that is chosen, and can be taken back from there."""
    await desk.write(1, "knee")
    text, buttons = shown(await tap(desk, 2, Action.NOTE_MOVE))
    assert text == "Your note is with <b>Tempo</b> (Monday 16 February). To which session does it belong?"
    assert buttons == ["Hills · 16 Feb", "Leave it there"]
    assert shown(await tap(desk, 3, Action.NOTE_STAY))[0] == (
        "📝 Noted with <b>Tempo</b> (Monday 16 February).\nPlease tap an answer below its question, too."
    )
    target = target_of(NOTE, ("r", "t"))
    for _ in range(2):
        text, buttons = shown(await tap(desk, 4, Action.NOTE_TO, target))
        assert text == "📝 Noted with <b>Hills</b> (Monday 16 February)."
        assert buttons == ["↪️ Another session", "↩️ Take back"]
        await desk.write(1, "knee")
        assert await desk.lines() == {"t": ["knee"]}
    await desk.write(5, "hip", message_id=NOTE, is_edit=True)
    assert await desk.lines() == {"t": ["hip"]}
    await tap(desk, 6, Action.NOTE_TO, target_of(NOTE, ("r", "s")))
    assert await desk.lines() == {"s": ["hip"]}
    await tap(desk, 4, Action.NOTE_TO, target)
    assert await desk.lines() == {"s": ["hip"]}
    await tap(desk, 7, Action.NOTE_BACK)
    assert await desk.lines() == {}


@pytest.mark.parametrize(("there", "back"), [("s", "t"), ("t", "s")])
async def test_an_edit_finds_a_note_that_was_moved(desk: Desk, there: str, back: str) -> None:
    """Whichever session it came from, and though both are answered."""
    await desk.answer(1, FeedbackType.DONE)
    await desk.write(2, "knee", replied_to=QUESTION, payloads=(f"session_feedback|r|{there}|done",))
    await tap(desk, 3, Action.NOTE_TO, target_of(1002, ("r", back)))
    await desk.write(4, "hip", message_id=1002, is_edit=True)
    assert await desk.lines() == {back: ["hip"]}
    await desk.write(2, "knee", replied_to=QUESTION, payloads=(f"session_feedback|r|{there}|done",))
    assert await desk.lines() == {back: ["hip"]}


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize("number", [1, 2])
async def test_killed_while_a_note_is_moved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int, is_kept: bool, is_answered: bool
) -> None:
    """At each step: it is in one place when the tap is seen to again, and nothing is lost in between."""
    if is_answered:
        await desk.answer(1, FeedbackType.DONE)
    await desk.write(2, "knee", replied_to=QUESTION, payloads=("session_feedback|r|s|done",))
    target = target_of(1002, ("r", "t"))
    with killed_at_keep(monkeypatch, number, is_kept=is_kept):
        await tap(desk, 3, Action.NOTE_TO, target)
    assert "knee" in [text for texts in (await desk.lines()).values() for text in texts]
    await tap(desk, 3, Action.NOTE_TO, target)
    assert await desk.lines() == {"t": ["knee"]}


@pytest.mark.parametrize("is_kept", [True, False])
async def test_killed_while_a_note_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """It is gone once the tap is seen to again."""
    await desk.write(1, "knee")
    with killed_at_keep(monkeypatch, 1, is_kept=is_kept):
        await tap(desk, 2, Action.NOTE_BACK)
    assert await desk.lines() == ({} if is_kept else {"s": ["knee"]})
    await tap(desk, 2, Action.NOTE_BACK)
    assert await desk.lines() == {}


async def test_who_can_do_none_of_it(desk: Desk) -> None:
    """Another athlete with the same message number, a stranger, and whoever makes payloads up."""
    await desk.write(1, "knee")
    target = target_of(NOTE, ("r", "t"))
    for action, argument in (
        (Action.NOTE_BACK, str(NOTE)),
        (Action.NOTE_MOVE, str(NOTE)),
        (Action.NOTE_STAY, str(NOTE)),
        (Action.NOTE_TO, target),
    ):
        assert await tap(desk, 2, action, argument, user=BEN) == GONE
        assert await tap(desk, 3, action, argument, user=666) == NotWritten(Outcome.REFUSED)
        for odd in ("", "x", "-1", "9" * 30, "1 2 3"):
            assert await tap(desk, 4, action, odd) == GONE
    assert await tap(desk, 5, Action.NOTE_TO, target_of(NOTE, ("r", "nowhere"))) == GONE
    assert await desk.lines() == {"s": ["knee"]}


async def test_a_note_stays_where_it_is_if_there_is_no_room(desk: Desk) -> None:
    """The other session has as many lines as one can have: nothing is lost on the way there."""
    for number in range(MOST_LINES):
        await desk.write(
            2 + number, f"{number}", replied_to=QUESTION, payloads=("session_feedback|r|t|done",)
        )
    await desk.write(100, "knee", replied_to=QUESTION, payloads=("session_feedback|r|s|done",))
    result = await tap(desk, 101, Action.NOTE_TO, target_of(1100, ("r", "t")))
    assert isinstance(result, ActionDone)
    assert (result.say(EN), result.instead) == (EN.texts.words.full_there, None)
    assert (await desk.lines())["s"] == ["knee"]
