"""Days and instants in queries."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bot.api.http.queries import FeedbackQuery, end_instant, first_instant

MADRID = ZoneInfo("Europe/Madrid")


def since(text: str) -> date | datetime | None:
    """What a lower bound is read as."""
    return FeedbackQuery.model_validate({"since": text}).since


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-16", date(2026, 2, 16)),
        ("2026-02-16T10:00:00Z", datetime(2026, 2, 16, 10, tzinfo=UTC)),
        ("2026-02-16T10:00:00.123+01:00", datetime(2026, 2, 16, 9, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-02-16T10:00:00 01:00", datetime(2026, 2, 16, 9, tzinfo=UTC)),
        ("2026-02-16 10:00:00Z", datetime(2026, 2, 16, 10, tzinfo=UTC)),
        ("2026-02-16 10:00:00 01:00", datetime(2026, 2, 16, 9, tzinfo=UTC)),
    ],
)
def test_bounds(text: str, expected: date | datetime) -> None:
    """A day, or an instant with an offset; its plus sign may have become a space on the way."""
    assert since(text) == expected
    assert isinstance(since(text), datetime) is isinstance(expected, datetime)


@pytest.mark.parametrize(
    "text",
    ["", "today", "2026-02-16T10:00:00", "20260216", "2026-W08-1", "1771200000", "2026-02-16T25:00:00Z"],
)
def test_what_is_no_bound(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValidationError, match="must be a day"):
        since(text)


def test_a_day_is_a_day_in_the_zone() -> None:
    """From its midnight to the next one, also where the clocks change in between."""
    day = date(2026, 3, 29)  # 23 hours long
    assert first_instant(day, MADRID) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_instant(day, MADRID) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    instant = datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert first_instant(instant, MADRID) == end_instant(instant, MADRID) == instant
    assert first_instant(None, MADRID) is end_instant(None, MADRID) is None


@pytest.mark.parametrize("zone", [UTC, MADRID, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")])
def test_the_ends_of_the_calendar(zone: ZoneInfo) -> None:
    """They can be asked for."""
    assert first_instant(date.min, zone) is not None
    end = end_instant(date.max, zone)
    assert end is not None
    assert end.year == 9999
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        instant = datetime.fromisoformat(text)
        found = first_instant(instant, zone)
        assert found is not None
        assert found.year == instant.year
