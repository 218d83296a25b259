"""An album as one note."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from bot.core.inbox.albums import join
from bot.core.telegram.updates import NoteUpdate


def part(message_id: int, text: str | None) -> NoteUpdate:
    """One of its messages."""
    return NoteUpdate(
        100 + message_id, 7, 7, is_private=True, message_id=message_id, text=text, replied_to=2, payloads=(),
        is_edit=False, album="a",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("captions", "text", "message_id"),
    [
        ([None, None], None, 1),
        (["knee", None, None], "knee", 1),
        ([None, " knee "], "knee", 2),
        (["left", "", "right"], "left\nright", 1),
        ([None, "left", "right"], "left\nright", 2),
        (["knee"], "knee", 1),
    ],
)
def test_captions_are_joined(captions: list[str | None], text: str | None, message_id: int) -> None:
    """In the order of the messages, whatever the order in which they came."""
    parts = [part(number, caption) for number, caption in enumerate(captions, 1)]
    for order in permutations(parts):
        note = join(order)
        assert (note.text, note.message_id) == (text, message_id)
        assert note.update_id == 100 + len(parts)


def test_one_part_says_what_was_replied_to() -> None:
    """The words may stand below another one."""
    first = replace(part(1, None), payloads=("session_feedback|r|s|done",), replied_by=9)
    note = join([first, replace(part(2, "knee"), replied_to=None)])
    assert (note.text, note.message_id) == ("knee", 2)
    assert (note.replied_to, note.payloads, note.replied_by) == (2, first.payloads, 9)
