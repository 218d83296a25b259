"""Codes of invitations, and how long a pause lasts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.people.invitations import CODE_BYTES, hash_code, is_code, make_code, make_link
from bot.core.people.pauses import MAX_DAYS, read_pause_end

NOW = datetime(2026, 2, 16, 23, 30, tzinfo=UTC)  # the 17th in Madrid
MADRID = ZoneInfo("Europe/Madrid")


@given(st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES))
def test_a_code_fits_into_a_link(random: bytes) -> None:
    """192 bits; what Telegram allows in a start parameter, and nothing that a link must escape."""
    code = make_code(random)
    assert CODE_BYTES * 8 == 192
    assert len(code) <= 64
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    assert is_code(code)
    assert make_link("my_bot", code) == f"https://t.me/my_bot?start={code}"


def test_different_bytes_give_different_codes() -> None:
    """No bit is lost."""
    ones = [make_code((1 << bit).to_bytes(CODE_BYTES, "big")) for bit in range(192)]
    assert len(set(ones)) == 192
    assert make_code(bytes(CODE_BYTES)) == "A" * 32


@pytest.mark.parametrize("length", [0, 16, CODE_BYTES - 1, CODE_BYTES + 1])
def test_a_code_is_made_of_enough_bytes(length: int) -> None:
    """A shorter one could be guessed."""
    with pytest.raises(ValueError, match="24"):
        make_code(bytes(length))


@pytest.mark.parametrize(
    "text", ["", "A" * 31, "A" * 33, "A" * 31 + "=", "A" * 31 + "\n", "Ä" * 32, "A" * 31 + " "]
)
def test_what_is_no_code(text: str) -> None:
    """Other start parameters, and what was cut off or added."""
    assert not is_code(text)


def test_the_hash_does_not_tell_the_code() -> None:
    """SHA-256."""
    assert hash_code("A" * 32) == hashlib.sha256(b"A" * 32).hexdigest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  ", None),
        ("1", "2026-02-17T23:00"),
        ("7", "2026-02-23T23:00"),
        ("7 days", "2026-02-23T23:00"),
        ("1 Day", "2026-02-17T23:00"),
        ("3d", "2026-02-19T23:00"),
        ("2026-02-18", "2026-02-17T23:00"),
        ("2026-03-30", "2026-03-29T22:00"),
        (str(MAX_DAYS), "2027-02-17T23:00"),
        ("2027-02-18", "2027-02-17T23:00"),
    ],
)
def test_a_pause_ends_when_a_day_begins(text: str, expected: str | None) -> None:
    """A number of days, or a date, in the athlete's zone, where it may be tomorrow already."""
    end = read_pause_end(text, NOW, MADRID)
    assert end == (None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "367", "99999", "2026-02-17", "2026-02-16", "2027-02-19", "2026-13-01", "20260301", "soon",
     "9999-12-31", "0001-01-01", "1.5", "٧", "2026-W10-1"],
)  # fmt: skip
def test_what_is_no_end_of_a_pause(text: str) -> None:
    """Neither the past nor the far future, and the message says what to write."""
    with pytest.raises(ValueError, match=r"1 to 366, or the day on which it ends, such as 2026-02-24"):
        read_pause_end(text, NOW, MADRID)
