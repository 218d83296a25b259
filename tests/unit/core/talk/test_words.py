"""Words and their parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.shared.formatting import units
from bot.core.shared.update_order import UpdateStamp
from bot.core.talk.words import (
    MAX_PART,
    TALKING,
    Direction,
    Quote,
    Word,
    chunks,
    goes_at,
    order,
    parts,
    read_part,
    read_quote,
)
from bot.core.telegram.attachments import Attachment

NOW = datetime(2026, 2, 16, 22, 30, tzinfo=UTC)


def word(text: str, *attachments: Attachment) -> Word:
    """What a coach wrote."""
    return Word(
        Direction.TO_ATHLETE, 7, "ana", -500, 3, None, "Lee", 99, text, attachments, UpdateStamp(1, NOW)
    )


@given(st.text(max_size=9_000))
def test_chunks_lose_nothing(text: str) -> None:
    """But for space where they are cut; each fits."""
    pieces = chunks(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < units(piece) <= MAX_PART for piece in pieces)


def test_parts() -> None:
    """The text first, then what came with it."""
    voice = Attachment("voice", "f", 4)
    found = parts(word("a", voice))
    assert [(it.number, it.copies, it.session_id) for it in found] == [
        (0, None, "-500|3|0"), (1, 4, "-500|3|1"),
    ]  # fmt: skip
    assert [it.copies for it in parts(word("", voice))] == [None, 4]
    about = {"chatId": "-500", "messageId": 3, "part": 1, "copies": 4}
    assert read_part(about) == found[1]
    assert read_part({"chatId": "x", "messageId": 3}) is None
    assert read_part(None) is None


def test_order() -> None:
    """By time, then by number, then by part."""
    stamps = [
        (UpdateStamp(9, NOW), 0), (UpdateStamp(9, NOW), 1), (UpdateStamp(10, NOW), 0),
        (UpdateStamp(2, NOW + timedelta(microseconds=1)), 0), (UpdateStamp(1, NOW + timedelta(days=9)), 0),
    ]  # fmt: skip
    names = [order(*it) for it in stamps]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [(None, "later"), (TALKING, "now"), (TALKING + timedelta(microseconds=1), "later")],
)
def test_quiet_hours(heard: timedelta | None, expected: str) -> None:
    """A coach's word waits for their end, unless the athlete wrote within half an hour."""
    later = NOW + timedelta(hours=9)
    last = None if heard is None else NOW - heard
    assert goes_at(NOW, later, last) == (NOW if expected == "now" else later)
    assert goes_at(NOW, None, last) == NOW


def test_what_is_stored_is_read() -> None:
    """What cannot be read counts as not there."""
    assert read_quote({"chatId": "-500", "messageId": 3}) == Quote(-500, 3)
    assert read_quote({"chatId": "-500"}) is None
    assert read_quote(3) is None
