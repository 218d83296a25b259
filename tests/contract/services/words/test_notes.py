"""Notes on a real MongoDB: with the answer whenever it comes, and the athlete's last word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.core.answers.payloads import make_reference
from bot.core.facts.answer_types import FeedbackType
from tests.support.desk import ANA, BEN, EN, NOW, QUESTION, Database, Desk, killed_at, open_desk

DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
GROUP, STRANGER = -900, 99


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """See `Desk`."""
    async with open_desk(db, monkeypatch, None) as desk:
        yield desk


async def note_of(desk: Desk, user: int = ANA) -> str | None:
    """The note that stands with an answer."""
    note: str | None = (await desk.event(userId=user))["note"]
    return note


async def test_a_note_to_an_answer(desk: Desk) -> None:
    """It stands with the answer, with its message and time; the answer is as it was."""
    await desk.answer(1, DONE)
    before = await desk.event()
    assert await desk.note(2, "  left <b>knee</b>\n$x ", message_id=901) == EN.texts.notes.noted
    assert await desk.event() == {
        **before,
        "note": "left <b>knee</b>\n$x",
        "noteMessageId": 901,
        "saidAt": {"note": {"at": NOW + timedelta(seconds=2), "updateId": 2}},
    }
    assert await desk.changes() == []


async def test_a_note_outlives_a_change_of_mind(desk: Desk) -> None:
    """What was written in a reply stays, whatever the buttons carry; what came with a button goes with it."""
    await desk.answer(1, DONE, note="of%20the%20button")
    await desk.answer(2, HARD)
    assert await note_of(desk) is None
    await desk.note(3, "written")
    await desk.answer(4, PAIN)
    assert await note_of(desk) == "written"
    await desk.answer(5, DONE, note="again")
    assert await note_of(desk) == "written"
    before = await desk.changes()
    again = await desk.answer(6, DONE, note="another")
    assert (again.is_new, await note_of(desk), await desk.changes()) == (False, "written", before)
    assert [change.get("note") for change in before] == ["of the button", "written", "written"]


async def test_a_note_before_its_answer(desk: Desk) -> None:
    """It waits, and is with the answer as soon as that comes; nothing waits any more then."""
    assert await desk.note(1, "knee") == EN.texts.notes.noted_tap
    assert await desk.db.feedback_events.count_documents({}) == 0
    await desk.answer(2, PAIN)
    event = await desk.event()
    assert (event["note"], event["noteMessageId"], event["type"]) == ("knee", 1001, "pain")
    assert await desk.db.waiting_notes.count_documents({}) == 0
    await desk.answer(3, DONE)
    assert await note_of(desk) == "knee"


async def test_a_note_when_no_tap_can_come_any_more(desk: Desk) -> None:
    """It is told so, as a tap would be; with an answer that is there, it is kept."""
    assert await desk.note(1, "in time", age=timedelta(days=15, milliseconds=-1)) == EN.texts.notes.noted_tap
    await desk.db.waiting_notes.delete_many({})
    late = await desk.note(2, "knee", age=timedelta(days=15))
    assert "15 days" in late
    assert await desk.db.waiting_notes.count_documents({}) == 0
    await desk.answer(3, DONE)
    assert await desk.note(4, "knee", age=timedelta(days=15)) == EN.texts.notes.noted


async def test_the_coach_is_told_how_words_are_passed_on(desk: Desk) -> None:
    """A question is the athlete's to reply to."""
    desk.coach = GROUP
    assert await desk.note(1, "rest!", user=STRANGER, chat=GROUP) == EN.texts.coach.how_to_reply
    desk.coach = STRANGER
    assert await desk.note(2, "rest!", user=STRANGER) == EN.texts.coach.how_to_reply
    assert await desk.note(3, "rest!", user=STRANGER, chat=GROUP) == EN.texts.notes.for_athletes


@pytest.mark.parametrize("step", ["of", "drop"])
async def test_killed_before_a_waiting_note_is_taken_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The tap is seen to again after the restart, and takes the note; an edit in between is not lost."""
    await desk.note(1, "knee", message_id=900)

    with killed_at(monkeypatch, desk.stores.pending_notes, step):
        await desk.answer(2, DONE)
    assert (await desk.event())["note"] == (None if step == "of" else "knee")
    await desk.note(3, "hip", message_id=900, is_edit=True)
    await desk.answer(2, DONE)
    assert await note_of(desk) == "hip"
    assert await desk.db.waiting_notes.count_documents({}) == 0


async def test_a_waiting_note_that_somebody_was_killed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer tapped again takes it over, too, though it is no first answer."""
    await desk.note(1, "knee")

    with killed_at(monkeypatch, desk.stores.pending_notes, "of"):
        await desk.answer(2, DONE)
    await desk.answer(3, DONE)
    assert await note_of(desk) == "knee"


async def test_note_and_answer_at_once(desk: Desk) -> None:
    """By two workers, in whatever order: the note is with the answer."""
    for number in range(20):
        run_id = f"run-{number}"
        payload = f"session_feedback|{run_id}|s|done"
        await asyncio.gather(
            desk.note(2 * number + 1, "knee", payloads=(payload,)),
            desk.store(desk.tap(2 * number + 2, payload)),
        )
        assert (await desk.event(runId=run_id))["note"] == "knee"
    assert await desk.db.waiting_notes.count_documents({}) == 0


async def test_an_edit_changes_its_note(desk: Desk) -> None:
    """And the history has the note before."""
    await desk.answer(1, DONE)
    await desk.note(2, "left", message_id=900)
    assert await desk.note(3, "right", message_id=900, is_edit=True) == EN.texts.notes.changed
    assert await note_of(desk) == "right"
    [change] = await desk.changes()
    assert (change["note"], change["replacedBy"]) == ("left", 3)


async def test_an_edit_of_an_earlier_note(desk: Desk) -> None:
    """The later note stays, and that is said; the history knows of no change."""
    await desk.answer(1, DONE)
    await desk.note(2, "first", message_id=900)
    await desk.note(3, "second", message_id=901)
    history = await desk.changes()
    assert await desk.note(4, "first!", message_id=900, is_edit=True) == EN.texts.notes.not_the_note
    assert await note_of(desk) == "second"
    assert await desk.changes() == history
    assert await desk.note(5, "second!", message_id=901, is_edit=True) == EN.texts.notes.changed


async def test_edits_of_notes_that_wait(desk: Desk) -> None:
    """They follow the same rule."""
    await desk.note(1, "first", message_id=900)
    await desk.note(2, "second", message_id=901)
    assert await desk.note(3, "first!", message_id=900, is_edit=True) == EN.texts.notes.not_the_note
    assert await desk.note(4, "second!", message_id=901, is_edit=True) == EN.texts.notes.noted_tap
    await desk.answer(5, DONE)
    assert await note_of(desk) == "second!"


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_note_that_was_too_long_is_edited(desk: Desk, is_answered: bool) -> None:
    """1,001 characters are not saved and 1,000 are, which the edit of the same message brings."""
    if is_answered:
        await desk.answer(1, DONE)
    said = await desk.note(2, "x" * 1_001, message_id=900)
    assert said == EN.texts.notes.too_long.format(number=1_001, most=1_000)
    said = await desk.note(3, "x" * 1_000, message_id=900, is_edit=True)
    assert said == (EN.texts.notes.noted if is_answered else EN.texts.notes.noted_tap)
    if not is_answered:
        await desk.answer(4, DONE)
    assert await note_of(desk) == "x" * 1_000


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_note_and_its_edit_arrive_shuffled(desk: Desk, is_answered: bool) -> None:
    """The edit is the last word, however they arrive and however often."""
    if is_answered:
        await desk.answer(1, DONE)
    await desk.note(5, "edited", message_id=900, is_edit=True)
    for _ in range(2):
        await desk.note(4, "first", message_id=900)
    await desk.note(5, "edited", message_id=900, is_edit=True)
    if not is_answered:
        await desk.answer(6, DONE)
    assert await note_of(desk) == "edited"


async def test_notes_of_two_athletes_in_a_group(desk: Desk) -> None:
    """A question that is for one of them takes a note of that one only; one for all takes each one's own."""
    prompt = {"runId": "r", "sessionId": "s", "chatId": str(GROUP), "userId": ANA, "state": "sent"}
    await desk.db.session_prompts.insert_one(prompt)
    for user, run_id in ((ANA, "r"), (ANA, "all"), (BEN, "all")):
        [result] = await desk.store(
            desk.tap(user, f"session_feedback|{run_id}|s|done", user=user, chat=GROUP)
        )
        assert result is not None
    assert await desk.note(10, "mine", chat=GROUP) == EN.texts.notes.noted
    assert await desk.note(11, "not mine", user=BEN, chat=GROUP) == EN.texts.notes.foreign
    everybody = ("session_feedback|all|s|done",)
    for user in (ANA, BEN):
        said = await desk.note(20 + user, f"of {user}", user=user, chat=GROUP, payloads=everybody)
        assert said == EN.texts.notes.noted
    found = {(e["runId"], e["userId"]): e["note"] for e in await desk.db.feedback_events.find().to_list()}
    assert found == {("r", ANA): "mine", ("all", ANA): "of 7", ("all", BEN): "of 8"}
    assert await desk.db.waiting_notes.count_documents({}) == 0


async def test_which_session_a_reply_is_about(desk: Desk) -> None:
    """By the buttons, whatever their form; without any, by the record of the question; else it is asked."""
    long_run, long_session = "r" * 60, "s" * 60
    reference = make_reference(long_run, long_session)
    await desk.db.session_prompts.insert_many(
        [
            {"runId": long_run, "sessionId": long_session, "chatId": "7", "reference": reference},
            {"runId": "r2", "sessionId": "s2", "chatId": "7", "messages": [{"messageId": QUESTION}]},
            {"runId": "r3", "sessionId": "s3", "chatId": "8", "messages": [{"messageId": QUESTION}]},
            {"runId": "r4", "sessionId": "s4", "chatId": "7", "kind": "reminder", "messageId": QUESTION},
        ]
    )
    asked = {
        (f"session_feedback|{reference}|~|done", f"later|{reference}|~"): (long_run, long_session),
        ("rpe|r|s|7", "session_feedback|r|s|done"): ("r", "s"),
        ("feedback|r|done",): ("r", f"legacy-{QUESTION}"),
        ("do|seen|x",): ("r2", "s2"),
        (): ("r2", "s2"),
    }
    for update_id, (payloads, session) in enumerate(asked.items(), start=1):
        assert await desk.note(update_id, "knee", payloads=payloads) == EN.texts.notes.noted_tap
        [note] = await desk.db.waiting_notes.find({"updateId": update_id}).to_list()
        assert (note["runId"], note["sessionId"], note["userId"]) == (*session, ANA)
    several = ("session_feedback|r|s|done", "session_feedback|r|t|done")
    assert await desk.note(10, "knee", payloads=several) == EN.texts.coach.kept
    unknown = (f"session_feedback|{make_reference('x', 'y')}|~|done",)
    assert await desk.note(11, "knee", payloads=unknown) == EN.texts.coach.kept


async def test_what_is_no_note(desk: Desk) -> None:
    """No text, or none but blanks, is explained, a stranger is refused; nothing is stored."""
    await desk.answer(1, DONE)
    assert await desk.note(2, None) == EN.texts.notes.only_text
    assert await desk.note(3, " \n ") == EN.texts.notes.only_text
    assert await desk.note(4, "hello", user=666) == EN.texts.notes.for_athletes
    assert await desk.note(5, None, user=666) == EN.texts.notes.for_athletes
    assert await note_of(desk) is None
    assert await desk.db.waiting_notes.count_documents({}) == 0


async def test_plain_words(desk: Desk) -> None:
    """They belong to the open question, and once nothing is open to the newest answer; it is said which."""
    asked = {"runId": "r", "chatId": "7", "state": "sent", "kind": "session"}
    titled = {**asked, "sessionId": "s", "title": "Tempo", "date": "2026-02-16"}
    await desk.db.session_prompts.insert_one({**titled, "sentAt": NOW - timedelta(hours=1)})
    reply = await desk.write(1, "did it")
    assert reply.text == "📝 Noted with <b>Tempo</b> (Monday 16 February)."
    assert (await desk.write(1, "did it")).text == reply.text
    await desk.answer(2, DONE)
    assert await note_of(desk) == "did it"
    await desk.write(3, "and my knee is fine")
    assert await note_of(desk) == "and my knee is fine"
    await desk.write(4, "and my knee hurts", message_id=1003, is_edit=True)
    assert await note_of(desk) == "and my knee hurts"


async def test_plain_words_that_are_seen_to_again(desk: Desk) -> None:
    """After a crash, when another question is open already: they stay where they are."""
    asked = {"runId": "r", "chatId": "7", "state": "sent"}
    await desk.db.session_prompts.insert_one({**asked, "sessionId": "s", "sentAt": NOW - timedelta(hours=1)})
    await desk.write(1, "knee")
    await desk.answer(2, DONE)
    await desk.db.session_prompts.insert_one({**asked, "sessionId": "t", "sentAt": NOW})
    await desk.write(1, "knee")
    assert await note_of(desk) == "knee"
    assert await desk.db.waiting_notes.count_documents({}) == 0
