"""Weeks of which an athlete says on which days they can train."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.availability import texts
from bot.core.availability.days import (
    Availability,
    DayWish,
    coming_week,
    format_wish,
    is_over,
    read_availability,
    read_wish,
)
from bot.core.i18n.language import Language
from bot.core.telegram.action_payloads import Action, parse_action
from bot.core.telegram.callback_data import MAX_CALLBACK_BYTES

MONDAY = date(2026, 2, 23)
MADRID = ZoneInfo("Europe/Madrid")
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 2, 15, 23, tzinfo=UTC), MONDAY),  # midnight of Monday the 16th
        (datetime(2026, 2, 15, 23, tzinfo=UTC) - MILLISECOND, date(2026, 2, 16)),
        (datetime(2026, 2, 22, 22, 59, tzinfo=UTC), MONDAY),
    ],
)
def test_the_coming_week(now: datetime, expected: date) -> None:
    """The one after that in which the athlete is, by their clocks."""
    assert coming_week(now, MADRID) == expected


def test_when_a_week_is_over() -> None:
    """With its Sunday, where the athlete lives."""
    end = datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert is_over(MONDAY, end, MADRID)
    assert not is_over(MONDAY, end - MILLISECOND, MADRID)


@pytest.mark.parametrize(
    "wish", [DayWish(MONDAY, is_possible=True), DayWish(date(2026, 3, 1), is_possible=False)]
)
def test_a_tap_comes_back(wish: DayWish) -> None:
    """From its payload."""
    assert read_wish(format_wish(wish)) == wish
    assert wish.week_start == MONDAY


@pytest.mark.parametrize(
    "argument",
    ["", "2026-02-23", "2026-02-23|2", "2026-02-30|1", "x|1", "2026-02-23|1|1"],
)
def test_what_is_no_tap(argument: str) -> None:
    """Neither a day that is none nor another word."""
    assert read_wish(argument) is None


@pytest.mark.parametrize("language", Language)
def test_the_buttons(language: Language) -> None:
    """Seven, each of which says how its day stands and changes just that."""
    rows = texts.toggles(MONDAY, {2}, language)
    buttons = [button for row in rows for button in row]
    assert [button["text"][0] for button in buttons] == ["▫", "▫", "✅", "▫", "▫", "▫", "▫"]
    taps = [parse_action(button["callback_data"]) for button in buttons]
    wishes = [None if tap is None else read_wish(tap.argument) for tap in taps]
    assert wishes == [DayWish(MONDAY + timedelta(days=n), n != 2) for n in range(7)]
    assert {tap.action for tap in taps if tap is not None} == {Action.AVAILABLE}
    assert max(len(button["callback_data"].encode()) for button in buttons) <= MAX_CALLBACK_BYTES
    assert max(len(button["text"]) for button in buttons) <= 22


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"weekStart": "2026-02-23", "days": ["Sunday", "Monday", "Blursday", 3]},
            Availability(MONDAY, frozenset({0, 6})),
        ),
        ({"weekStart": "2026-02-23", "days": []}, Availability(MONDAY, frozenset())),
        ({"weekStart": "2026-02-23", "days": "Monday"}, None),
        ({"weekStart": 5, "days": []}, None),
        ({}, None),
    ],
)
def test_documents_of_anybody(document: dict[str, Any], expected: Availability | None) -> None:
    """What cannot be read was not said."""
    assert read_availability(document) == expected


def test_for_machines() -> None:
    """English names, in the order of the week."""
    at = datetime(2026, 2, 21, 9, tzinfo=UTC)
    assert Availability(MONDAY, frozenset({5, 0}), at).to_json() == {
        "weekStart": "2026-02-23",
        "days": ["Monday", "Saturday"],
        "saidAt": "2026-02-21T09:00:00.000Z",
    }
