"""Days and instants."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.core.shared.clock import monday_of


@pytest.mark.parametrize("number", range(7))
def test_the_monday_of_a_week(number: int) -> None:
    """Weeks begin on Monday."""
    assert monday_of(date(2026, 2, 16) + timedelta(days=number)) == date(2026, 2, 16)
