"""Callback data and its parts."""

from __future__ import annotations

import pytest

from bot.core.telegram.callback_data import join, split


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (None, []),
        (7, []),
        (b"a|b", []),
        ("", [""]),
        ("a", ["a"]),
        ("a|b||", ["a", "b", "", ""]),
        ("a|b|c|d|e|f|", ["a", "b", "c", "d", "e|f|"]),
    ],
)
def test_parts(data: object, parts: list[str]) -> None:
    """What is behind the fourth bar is one part; what is no text has none. Text comes back."""
    assert split(data) == parts
    if isinstance(data, str):
        assert join(*split(data)) == data
