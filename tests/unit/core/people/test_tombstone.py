"""What a tombstone covers, and when something has to be deleted again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.people.tombstone import Tombstone, pseudonym
from bot.core.shared.update_order import UpdateStamp

NOW = datetime(2026, 2, 16, 18, 42, 58, tzinfo=UTC)


def stamp(number: int) -> UpdateStamp:
    """Of an update; one comes each second."""
    return UpdateStamp(number, NOW + timedelta(seconds=number))


@pytest.mark.parametrize(("number", "is_covered"), [(9, True), (10, False), (11, False)])
def test_what_came_before_is_covered(number: int, is_covered: bool) -> None:
    """Not the confirmation itself, nor what came after it."""
    assert Tombstone(stamp(10)).covers(stamp(number)) == is_covered


@pytest.mark.parametrize(
    ("is_open", "numbers", "must_purge"),
    [
        (False, [], False),
        (False, [11], False),
        (False, [11, 9], True),
        (False, [10], False),
        # A deletion that is not done yet comes before what came after it.
        (True, [11], True),
        (True, [], True),
        # What confirms it begins it itself.
        (True, [10], False),
        (True, [10, 9], True),
    ],
)
def test_when_something_is_deleted_again(is_open: bool, numbers: list[int], must_purge: bool) -> None:
    """Where an update came before the deletion, or the deletion is not done."""
    tombstone = Tombstone(stamp(10), is_open=is_open)
    assert tombstone.must_purge([stamp(number) for number in numbers]) == must_purge


def test_a_pseudonym_tells_nothing() -> None:
    """It is the same for the same user, and has no digits of the id in their order."""
    assert pseudonym(7_000_000_001) == pseudonym(7_000_000_001) != pseudonym(7_000_000_002)
    assert "7000000001" not in pseudonym(7_000_000_001)
