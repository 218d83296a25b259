"""Lines of notes, as they are stored and read, and in short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.notes.lines import NoteLine, Notes, note_line, on_one_line, read_notes, taken_back_mark
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.attachments import Attachment

NOW = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
VOICE = Attachment("voice", "v", 902)
FIRST = NoteLine(NOW, "left knee", 900, UpdateStamp(1, NOW), 7)
EDITED = NoteLine(NOW, "hip", 901, UpdateStamp(3, LATER), 7)
WORDLESS = NoteLine(LATER, None, 902, UpdateStamp(4, LATER), -5, (VOICE,))


@pytest.mark.parametrize("line", [FIRST, EDITED, WORDLESS])
def test_a_line_is_read_as_it_was_stored(line: NoteLine) -> None:
    """With its chat, its last change, and what came along."""
    assert read_notes({"notes": [line.to_document()]}).lines == (line,)


def test_the_note_of_an_older_release() -> None:
    """One line, with the time at which it was said, as far as that is known; a button's note is none."""
    said = {"note": {"at": LATER, "updateId": 3}}
    answer: dict[str, Any] = {"note": "old", "noteMessageId": 900, "receivedAt": NOW, "updateId": 1}
    assert read_notes({**answer, "saidAt": said}).lines == (
        NoteLine(LATER, "old", 900, UpdateStamp(3, LATER)),
    )
    assert read_notes(answer).lines == (NoteLine(NOW, "old", 900, UpdateStamp(1, NOW)),)
    waiting = {"note": "old", "messageId": 900, "receivedAt": NOW, "updateId": 1}
    assert read_notes(waiting, id_field="messageId").lines == (
        NoteLine(NOW, "old", 900, UpdateStamp(1, NOW)),
    )
    assert read_notes({**answer, "noteMessageId": None}) == Notes()


@pytest.mark.parametrize(
    "stored",
    [
        "?", [None], ["?"], [{}], [{"at": NOW}], [{"messageId": 1}], [{"at": "2026", "messageId": 1}],
        [{"at": NOW, "messageId": "1"}],
    ],
)  # fmt: skip
def test_what_others_have_written_there(stored: object) -> None:
    """What is no line is left out, and nothing is raised."""
    assert read_notes({"notes": stored}).lines == ()


def test_what_was_taken_back() -> None:
    """By chat and message."""
    stamp = {"at": NOW, "updateId": 5}
    said = {taken_back_mark(-500, 7): stamp, "note": stamp, "note x": stamp, taken_back_mark(7, 8): "?"}
    notes = read_notes({"notes": [], "saidAt": said})
    assert notes.taken_back == {(-500, 7): UpdateStamp(5, NOW)}
    assert notes.was_taken_back(-500, [6, 7])
    assert not notes.was_taken_back(7, [7, 8])


def test_the_line_of_a_message() -> None:
    """An album's by any of its messages; message numbers are those of a chat."""
    notes = Notes((FIRST, WORDLESS))
    assert notes.of_messages(7, [900]) is FIRST
    assert notes.of_messages(8, [900]) is None
    assert notes.of_messages(-5, [1, 902]) is WORDLESS
    old = NoteLine(NOW, "old", 900, UpdateStamp(1, NOW))
    assert Notes((old,)).of_messages(8, [900]) is old


def test_in_short() -> None:
    """In the question's message: on one line, cut, and whether something came along."""
    assert note_line([FIRST, EDITED]) == "📝 left knee · hip"
    assert note_line([WORDLESS]) == "📝 📎"
    assert on_one_line("left  knee\n\n hip ") == "left knee · hip"
    assert note_line([FIRST, WORDLESS]) == "📝 left knee 📎"
    assert note_line([]) is None
    long = note_line([NoteLine(NOW, "a\n" * 500, 1, UpdateStamp(1, NOW))])
    assert long is not None
    assert (len(long), "\n" in long) == (202, False)
