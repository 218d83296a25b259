"""Whom a message is about that somebody replies to."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.telegram.quotes import people_named

TEXT = "📋 Monday\n\nAna\n✅ Tempo\n\nBen\n❓ Easy\n\nNothing for: Zoe"
ANA, BEN = TEXT.index("Ana") + 1, TEXT.index("Ben") + 1  # the first sign takes two units


def mention(offset: int, user_id: int) -> dict[str, Any]:
    """As Telegram marks a link to a user."""
    return {"type": "text_mention", "offset": offset, "length": 3, "user": {"id": user_id}}


BOLD = {"type": "bold", "offset": 0, "length": 2}
MESSAGE = {"text": TEXT, "entities": [mention(BEN, 8), BOLD, mention(ANA, 7)]}


def quote(text: str) -> dict[str, Any]:
    """A part of the message that was marked."""
    return {"text": text, "position": TEXT.index(text) + 1}


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        (None, (7, 8)),
        (quote("Ana"), (7,)),
        (quote("Tempo"), (7,)),
        (quote("Ben\n❓ Easy"), (8,)),
        (quote("Easy"), (8,)),
        (quote("Ana\n✅ Tempo\n\nBen"), (7, 8)),
        (quote("Zoe"), ()),
        ({"text": "Monday", "position": 3}, ()),
        ({"text": 3}, (7, 8)),
    ],
)
def test_people_named(marked: object, expected: tuple[int, ...]) -> None:
    """Of a marked part those whom it names, else who is named before it in the same block."""
    assert people_named(MESSAGE, marked) == expected


def test_the_only_one_who_is_named() -> None:
    """All of the message is about them."""
    message = {"text": TEXT, "entities": [mention(ANA, 7)]}
    assert people_named(message, quote("Zoe")) == (7,)


@pytest.mark.parametrize(
    "entities",
    [
        None, 3, [3], [{"type": "text_mention", "offset": 0}], [{"type": "text_mention", "user": {"id": 7}}],
        [{"type": "text_link", "offset": 0, "url": "https://example.org/tg://user?id=7"}],
    ],
)  # fmt: skip
def test_nobody(entities: object) -> None:
    """Total."""
    assert people_named({"entities": entities}, None) == ()


def test_a_link_that_is_no_mention() -> None:
    """Servers of other makes may leave it as it is."""
    link = {"type": "text_link", "offset": 0, "url": "tg://user?id=7"}
    assert people_named({"entities": [link]}, None) == (7,)
