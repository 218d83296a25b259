"""The words of planned times."""

from __future__ import annotations

import pytest

from bot.core.plans.duration_tokens import Kind, tokens


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("3 x 10 min", [Kind.TIMES, Kind.TIME]),
        ("3 series de 10'", [Kind.TIMES, Kind.TIME]),
        ("10 min x3", [Kind.TIME, Kind.TIMES_AFTER]),
        ("8 km @ 5:30/km", [Kind.DISTANCE, Kind.AT, Kind.CLOCK, Kind.PER]),
        ("12 km/h, 150 bpm", [Kind.HARMLESS, Kind.COMMA, Kind.HARMLESS]),
        ("10 m R 1'", [Kind.CHANGES, Kind.REST, Kind.TIME]),
        ("Z2 - 45 min", [Kind.HARMLESS, Kind.DASH, Kind.TIME]),
        ("40 min \u200b\ufe0f🏃?", [Kind.TIME, Kind.COMMA, Kind.UNKNOWN]),
    ],
)
def test_kinds(text: str, kinds: list[Kind]) -> None:
    """A number is what its unit, or the word about it, makes of it."""
    assert [token.kind for token in tokens(text)] == kinds


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1 h 15", 75, 60),
        ("1½ h", 90, 60),
        ("1'30\"", 1.5, 1),
        ("90 s", 1.5, 1 / 60),
        ("1.500 m", 1.5, 1),
        ("10,5 km", 10.5, 1),
        ("2 miles", 3.218688, 1),
    ],
)
def test_values(text: str, value: float, unit: float) -> None:
    """Minutes of times, kilometres of distances."""
    (token,) = tokens(text)
    assert token.value == pytest.approx(value)
    assert token.unit == unit
