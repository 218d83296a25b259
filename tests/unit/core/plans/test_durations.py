"""What plans say about how long a session takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.plans.durations import planned_minutes


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("40 min", 40),
        ("40min", 40),
        ("90 minutes easy", 90),
        ("45'", 45),
        ("45 minutos", 45),
        ("1 h", 60),
        ("1 h 30", 90),
        ("1h30", 90),
        ("1 h 30 min", 90),
        ("1.5 h", 90),
        ("1,5 horas", 90),
        ("1:15 h", 75),
        ("2 hours and 10 min", 130),
        ("3 x 10 min", 30),
        ("3x10min", 30),
        ("15 min + 3 x 10 min + 10 min", 55),
        ("40-50 min", 45),
        ("8 km, 45 min", 45),
        ("10 km in 50 min at 5:00/km", 50),
    ],
)
def test_minutes_that_are_said(text: str, minutes: float) -> None:
    """Times in the usual spellings, English and Spanish, repeated and added up."""
    assert planned_minutes(text) == minutes


@pytest.mark.parametrize(
    "text", [None, "", "8 km", "5 x 1000 m", "at 4:30/km", "5 km at 4:30 min/km", "0 min", "3000 min", "easy"]
)
def test_nothing_is_made_up(text: str | None) -> None:
    """A distance, a pace, or more than a day is no duration."""
    assert planned_minutes(text) is None


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """Whatever a plan says, it is minutes within a day, or none."""
    minutes = planned_minutes(text)
    assert minutes is None or 0 < minutes <= 24 * 60
