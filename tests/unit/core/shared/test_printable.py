"""What is shown of text that somebody else wrote."""

from __future__ import annotations

import pytest

from bot.core.shared.printable import is_name, one_line

JOINED = [
    "ශ්\u200dරී ලංකා",  # Sinhala
    "علی\u200cرضا",  # Persian
    "ক্\u200dষ",  # Bengali
    "क्\u200cष",  # Hindi
    "👨\u200d👩\u200d👧\u200d👦",
    "Ana 👩🏽\u200d🚀",
    "🏳\ufe0f\u200d🌈",
    "❤\ufe0f\u200d🔥 Lola",
    "🙂\u200d↔\ufe0f",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]


@pytest.mark.parametrize("name", [*JOINED, "Ana", "José", "李", "Ана", "عمر", "7", "O'Neil-Ruiz", "🏃"])
def test_names(name: str) -> None:
    """A name is shown as it is written."""
    assert is_name(name)
    assert one_line(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\u200b", "\u200d", "\u200c\u200d", "\u3164", "\u2800 \u2800", "\ufe0f",
        "\u2060\ufeff", "\u0301",
        "Ana\nBea", "Ana\x1b[2J", "\u202eanA", "Ana\u2066", "An\u200ba", "\U000e0067\U000e007f",
        # What joins nothing only makes another name of one that looks the same.
        "An\u200da", "Ана\u200c", "\u200dශ", "ශ\u200d", "👨\u200d", "👨\u200d\u200d👩", "ш\u200dш",
    ],
)  # fmt: skip
def test_no_names(text: str) -> None:
    """Nothing can be seen, or something hides."""
    assert not is_name(text)


def test_what_does_not_print_is_escaped() -> None:
    """But for what joins its neighbours."""
    assert one_line("a\nb\x1b\u202e\u200b") == "a\\nb\\x1b\\u202e\\u200b"
    assert one_line("علی\u200cرضا\u202e An\u200da") == "علی\u200cرضا\\u202e An\\u200da"
