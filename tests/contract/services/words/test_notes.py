"""Notes on a real MongoDB: with the answer whenever it comes, and the athlete's last word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.core.answers.payloads import make_reference
from bot.core.answers.rules import collision_key_of
from bot.core.facts.answer_types import FeedbackType
from bot.core.notes.lines import MOST_LINES
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.reactions import Reaction
from tests.support.desk import ANA, BEN, EN, NOW, QUESTION, Database, Desk, Killed, killed_at, open_desk

DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
GROUP, STRANGER = -900, 99
HOUR = timedelta(hours=1)
ASKED = ("session_feedback|r|s|done",)


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
    said = {"at": NOW + timedelta(seconds=2), "updateId": 2}
    text = "left <b>knee</b>\n$x"
    assert await desk.event() == {
        **before,
        "note": text,
        "notes": [{**said, "text": text, "messageId": 901, "chatId": str(ANA)}],
        "noteMessageId": 901,
        "saidAt": {"note": said},
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
    """Each message has its own line; the history knows of what was changed, and of no line that was added."""
    await desk.answer(1, DONE)
    await desk.note(2, "first", message_id=900)
    await desk.note(3, "second", message_id=901)
    assert await desk.changes() == []
    assert await desk.note(4, "first!", message_id=900, is_edit=True) == EN.texts.notes.changed
    assert await note_of(desk) == "first!\nsecond"
    assert await desk.note(5, "second!", message_id=901, is_edit=True) == EN.texts.notes.changed
    assert await note_of(desk) == "first!\nsecond!"
    assert [change["note"] for change in await desk.changes()] == ["first\nsecond", "first!\nsecond"]
    [first, second] = (await desk.event())["notes"]
    assert (first["at"], first["changedAt"]) == (NOW + timedelta(seconds=2), NOW + timedelta(seconds=4))
    assert (second["at"], second["changedAt"]) == (NOW + timedelta(seconds=3), NOW + timedelta(seconds=5))


async def test_edits_of_notes_that_wait(desk: Desk) -> None:
    """They follow the same rule."""
    await desk.note(1, "first", message_id=900)
    await desk.note(2, "second", message_id=901)
    assert await desk.note(3, "first!", message_id=900, is_edit=True) == EN.texts.notes.changed
    assert await desk.note(4, "second!", message_id=901, is_edit=True) == EN.texts.notes.changed
    await desk.answer(5, DONE)
    assert await note_of(desk) == "first!\nsecond!"


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
    """By the buttons, whatever their form; without any, by the record of the question; else the coach's."""
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
    """What says nothing is nothing, a stranger is refused; nothing is stored."""
    await desk.answer(1, DONE)
    assert await desk.note(2, None) == ""
    assert await desk.note(3, " \n ") == ""
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
    noted, offered = "📝 Noted with <b>Tempo</b> (Monday 16 February).", "One tap saves it: ✅ Done."
    assert reply.text == f"{noted}\nIs that your answer? {offered}"
    assert reply.keyboard is not None
    assert [[button["text"] for button in row] for row in reply.keyboard] == [
        ["👉 ✅ Done", "⏭ Skipped"],
        ["🥵 Hard", "🤕 Pain"],
        ["↪️ Another session", "↩️ Take back"],
    ]
    assert reply.keyboard[0][0]["callback_data"] == "session_feedback|r|s|done"
    assert (await desk.write(1, "did it")).text == reply.text
    assert await desk.db.feedback_events.count_documents({}) == 0
    await desk.answer(2, DONE)
    assert await note_of(desk) == "did it"
    await desk.write(3, "and my knee is fine")
    assert await note_of(desk) == "did it\nand my knee is fine"
    await desk.write(4, "and my knee hurts", message_id=1003, is_edit=True)
    assert await note_of(desk) == "did it\nand my knee hurts"


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


async def test_what_is_sent_along(desk: Desk) -> None:
    """Voice messages, photos and the like are kept by Telegram's ids, with words or without, in an answer and
    before it."""
    voice, photo = Attachment("voice", "v-1", 1001), Attachment("photo", "p-1", 1002)
    await desk.write(1, None, attachments=(voice,), replied_to=QUESTION, payloads=ASKED)
    [waiting] = await desk.db.waiting_notes.find().to_list()
    assert (waiting["note"], waiting["attachments"]) == (None, [voice.to_document()])
    await desk.answer(3, DONE)
    assert await note_of(desk) is None
    await desk.write(2, "look", attachments=(photo,), replied_to=QUESTION, payloads=ASKED)
    event = await desk.event()
    assert event["note"] == "look"
    assert event["attachments"] == [voice.to_document(), photo.to_document()]
    assert [line.get("text") for line in event["notes"]] == [None, "look"]
    await desk.answer(4, PAIN)
    assert (await desk.event())["attachments"] == event["attachments"]


async def test_an_album_is_one_line(desk: Desk) -> None:
    """Also when a part comes late, or the caption of one is edited."""
    await desk.answer(1, DONE)
    parts = [Attachment("photo", f"p-{number}", 900 + number) for number in range(3)]
    how: dict[str, Any] = {"replied_to": QUESTION, "payloads": ASKED}
    await desk.write(2, "hills", message_id=901, attachments=tuple(parts[1:]), **how)
    await desk.write(3, "hills", message_id=901, attachments=tuple(parts), **how)
    await desk.write(4, "Hills", message_id=902, attachments=(parts[2],), is_edit=True, **how)
    [line] = (await desk.event())["notes"]
    assert (line["text"], line["messageId"]) == ("Hills", 901)
    assert sorted(it["messageId"] for it in line["attachments"]) == [900, 901, 902]


async def test_so_many_lines_and_no_more(desk: Desk) -> None:
    """A flood does not make a document too large, and is told so; what is there can be edited."""
    await desk.answer(1, DONE)
    for number in range(MOST_LINES):
        await desk.note(2 + number, f"{number}")
    said = await desk.note(100, "one more")
    assert said == EN.texts.words.full
    assert await desk.note(101, "edited", message_id=1002, is_edit=True) == EN.texts.notes.changed
    lines = (await desk.event())["notes"]
    assert (len(lines), lines[0]["text"]) == (MOST_LINES, "edited")


async def test_a_note_of_an_older_release(desk: Desk) -> None:
    """It is the first line, which can be edited, and a second one is added to it; also where it waits."""
    await desk.answer(1, DONE)
    said = {"note": {"at": NOW, "updateId": 0}}
    old = {"note": "old", "noteMessageId": 900, "saidAt": said}
    await desk.db.feedback_events.update_one({}, {"$set": old})
    await desk.note(2, "new", message_id=901)
    assert await note_of(desk) == "old\nnew"
    await desk.note(3, "older", message_id=900, is_edit=True)
    assert await note_of(desk) == "older\nnew"
    waiting = {"runId": "r", "sessionId": "t", "userId": ANA, "note": "old", "messageId": 902}
    key = f"r-t-{ANA}"
    key = collision_key_of(key, "r", "t")
    await desk.db.waiting_notes.insert_one({"_id": key, **waiting, "updateId": 4, "receivedAt": NOW})
    payload = "session_feedback|r|t|done"
    await desk.note(5, "new", message_id=903, payloads=(payload,))
    await desk.store(desk.tap(6, payload))
    event = await desk.event(sessionId="t")
    assert (event["note"], event["noteMessageId"]) == ("old\nnew", 903)
    assert await desk.db.waiting_notes.count_documents({}) == 0


@pytest.mark.parametrize("step", ["put", "of", "drop"])
async def test_killed_while_a_line_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Seen to again it is there once, whatever came in between."""
    await desk.note(1, "first")
    with contextlib.suppress(Killed), monkeypatch.context() as patch:

        async def die(*_: Any) -> None:
            raise Killed

        patch.setattr(desk.stores.pending_notes, step, die)
        await desk.note(2, "second")
    await desk.answer(3, DONE)
    for _ in range(2):
        await desk.note(2, "second")
    assert await note_of(desk) == "first\nsecond"
    assert await desk.db.waiting_notes.count_documents({}) == 0


async def test_a_reply_that_may_be_an_answer(desk: Desk) -> None:
    """Offered where the question is on record, which tells its time; else the note is kept quietly."""
    quiet = await desk.write(1, "hecho, 7", replied_to=QUESTION, payloads=ASKED)
    assert (quiet.text, quiet.reaction, quiet.keyboard) == (EN.texts.notes.noted_tap, Reaction.NOTED, None)
    question = {"runId": "r", "sessionId": "s", "chatId": "7", "state": "sent", "sentAt": NOW}
    await desk.db.session_prompts.insert_one(question)
    offered = await desk.write(2, "no pude", replied_to=QUESTION, payloads=ASKED)
    assert offered.text == "📝 Noted.\nIs that your answer? One tap saves it: ⏭ Skipped."
    assert (offered.reaction, offered.keyboard is None) == (None, False)
    assert await desk.db.feedback_events.count_documents({}) == 0
    await desk.answer(3, DONE)
    told = await desk.write(4, "no pude", replied_to=QUESTION, payloads=ASKED)
    assert (told.text, told.reaction) == (EN.texts.notes.noted, Reaction.NOTED)


async def test_an_edit_is_about_what_there_was(desk: Desk) -> None:
    """What went to the coach, when nothing was asked, is no note of a question that came since."""
    await desk.write(1, "hello")
    question = {"runId": "r", "sessionId": "s", "chatId": "7", "state": "sent", "sentAt": desk.now + HOUR}
    await desk.db.session_prompts.insert_one(question)
    edit = 2 * 3600
    await desk.write(edit, "hello!", message_id=1001, is_edit=True, written_at=NOW)
    assert await desk.lines() == {}
    await desk.write(edit + 1, "x" * 1_001, message_id=1003)
    later = NOW + timedelta(seconds=edit + 1)
    await desk.write(edit + 2, "knee", message_id=1003, is_edit=True, written_at=later)
    assert await desk.lines() == {"s": ["knee"]}


async def test_telling_of_a_note_writes_nothing(desk: Desk) -> None:
    """Its writer may have had everything deleted in the same page: what is told then keeps nothing."""
    reply = await desk.write(1, "knee", replied_to=QUESTION, payloads=ASKED)
    assert reply.renew is not None
    await desk.db.waiting_notes.delete_many({})
    assert (await reply.renew()).text == EN.texts.notes.noted_tap
    assert await desk.lines() == {}
