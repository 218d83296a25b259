"""Codes of invitations."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.people.invitations import CODE_BYTES, hash_code, is_code, make_code, make_link


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
