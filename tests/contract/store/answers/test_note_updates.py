"""Changes of notes on a real MongoDB: in whatever order they come and however often, each line's last one
counts."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from bot.core.answers.event import NoteChange
from bot.core.notes.lines import NoteLine, read_notes
from bot.core.people.tombstone import DataSubject
from bot.core.shared.update_order import UpdateStamp
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.answers.pending_notes import ID_FIELD, PendingNotes
from bot.store.personal_data import PersonalStore
from tests.support.fakes import Database

NOW = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)
ANA = 7
SESSION = ("r", "s", ANA)
EVENT = {
    "sessionKey": "r-s-7", "runId": "r", "sessionId": "s", "userId": ANA, "type": "done",
    "note": None, "receivedAt": NOW + timedelta(hours=1), "updateId": 1000,
}  # fmt: skip


def stamp(update_id: int) -> UpdateStamp:
    """Of an update that came so many seconds after `NOW`."""
    return UpdateStamp(update_id, NOW + timedelta(seconds=update_id))


def written(update_id: int, message_id: int, text: str, *, at: int | None = None) -> NoteChange:
    """A message is written, or (`at`) one that was written before reads so now."""
    first = stamp(update_id if at is None else at).at
    return NoteChange.written(SESSION, NoteLine(first, text, message_id, stamp(update_id), ANA))


def taken_back(update_id: int, message_id: int) -> NoteChange:
    """The line of a message is taken back."""
    return NoteChange.taken_back(SESSION, ANA, message_id, stamp(update_id))


CHANGES = [
    written(1, 900, "one"),
    written(2, 901, "$two {}"),
    written(3, 900, "One"),
    taken_back(4, 901),
    written(5, 902, "three"),
]
ENDS = ["One", "three"]


@pytest.mark.parametrize("seed", range(12))
async def test_the_last_change_of_each_line_counts(db: Database, seed: int) -> None:
    """In an answer, and where it waits for one."""
    rng = random.Random(seed)
    changes = [*CHANGES, *rng.sample(CHANGES, 3)]
    rng.shuffle(changes)
    await db.feedback_events.insert_one({**EVENT})
    events, pending = FeedbackStore(db), PendingNotes(db)
    for change in changes:
        await events.add([change])
        await pending.put(change)
    answer = await db.feedback_events.find_one({}) or {}
    waiting = await db.waiting_notes.find_one({}) or {}
    for document in (answer, waiting):
        assert sorted(line["text"] for line in document["notes"]) == sorted(ENDS)
        assert sorted(document["note"].split("\n")) == sorted(ENDS)
    assert answer["noteMessageId"] == answer["notes"][-1]["messageId"]
    await events.add([change for it in await pending.of([SESSION]) for change in it.changes])
    assert (await db.feedback_events.find_one({}) or {})["note"] == answer["note"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_lines_stand_in_the_order_in_which_they_were_written(
    db: Database, order: tuple[int, ...]
) -> None:
    """Whichever arrives first; all together in one write, too."""
    changes = [written(1, 900, "a"), written(2, 901, "b"), written(3, 902, "c")]
    await db.feedback_events.insert_one({**EVENT})
    for place in order:
        await FeedbackStore(db).add([changes[place]])
    assert (await db.feedback_events.find_one({}) or {})["note"] == "a\nb\nc"


async def test_a_note_of_a_button_stays_until_there_is_a_line(db: Database) -> None:
    """What is taken back that was never there changes nothing."""
    await db.feedback_events.insert_one({**EVENT, "note": "of the button"})
    events = FeedbackStore(db)
    await events.add([taken_back(1, 900)])
    document = await db.feedback_events.find_one({}) or {}
    assert document["note"] == "of the button"
    assert not document.keys() & {"notes", "attachments", "noteMessageId"}
    await events.add([written(2, 901, "written")])
    assert (await db.feedback_events.find_one({}) or {})["note"] == "written"


async def test_a_line_that_comes_back(db: Database) -> None:
    """Moved away and back again, it is there; what came before that changes nothing."""
    await db.feedback_events.insert_one({**EVENT})
    for change in (written(1, 900, "a"), taken_back(2, 900), written(3, 900, "a", at=1), taken_back(2, 900)):
        await FeedbackStore(db).add([change])
    document = await db.feedback_events.find_one({}) or {}
    assert (document["note"], document["notes"][0]["at"]) == ("a", stamp(1).at)


async def test_what_is_dropped_was_not_changed_meanwhile(db: Database) -> None:
    """A line that comes between the reading and the deletion stays."""
    pending = PendingNotes(db)
    await pending.put(written(1, 900, "a"))
    seen = await pending.of([SESSION])
    await pending.put(written(2, 901, "b"))
    await pending.drop(seen)
    [waiting] = await pending.of([SESSION])
    assert [line.text for line in waiting.notes.lines] == ["a", "b"]
    await pending.drop([waiting])
    assert await pending.of([SESSION]) == []


@pytest.mark.parametrize("name", ["feedback_events", "waiting_notes"])
async def test_a_deletion_takes_the_lines_that_came_before_it(db: Database, name: str) -> None:
    """What was written, or changed, since stays, with the answer that it belongs to."""
    await db.feedback_events.insert_one({**EVENT, "receivedAt": stamp(10).at, "updateId": 10})
    for change in (written(1, 900, "before"), written(2, 901, "edited"), written(12, 902, "after")):
        await FeedbackStore(db).add([change])
        await PendingNotes(db).put(change)
    for change in (written(11, 901, "Edited", at=2), taken_back(3, 903)):
        await FeedbackStore(db).add([change])
        await PendingNotes(db).put(change)
    for _ in range(2):
        await PersonalStore(db).forget_before(DataSubject(ANA, None), stamp(9))
        document = await db[name].find_one({}) or {}
        assert document["note"] == "Edited\nafter"
        notes = read_notes(document, id_field=ID_FIELD if name == "waiting_notes" else "noteMessageId")
        assert ([line.text for line in notes.lines], dict(notes.taken_back)) == (["Edited", "after"], {})
    await PersonalStore(db).forget_before(DataSubject(ANA, None), stamp(20))
    assert await db[name].count_documents({}) == 0


async def test_a_deletion_takes_the_note_of_an_older_release(db: Database) -> None:
    """Which has no lines, and one time."""
    said = {"note": {"at": stamp(1).at, "updateId": 1}}
    await db.feedback_events.insert_one({**EVENT, "note": "old", "noteMessageId": 900, "saidAt": said})
    await PersonalStore(db).forget_before(DataSubject(ANA, None), stamp(9))
    document = await db.feedback_events.find_one({}) or {}
    assert document["note"] is None
    assert not document.keys() & {"notes", "noteMessageId"}
