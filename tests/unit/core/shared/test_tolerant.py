"""Values that anybody may have written."""

from __future__ import annotations

import pytest

from bot.core.shared.tolerant import read_int64, read_whole


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7), (-7, -7), (0, 0), (7.0, 7), (2**70, 2**70), (7.5, None), (True, None), (False, None),
        (float("nan"), None), (float("inf"), None), ("7", None), (None, None), ([7], None),
    ],
)  # fmt: skip
def test_whole_numbers(value: object, number: int | None) -> None:
    """Doubles that are whole count; text and truth values do not."""
    assert read_whole(value) == number
    assert type(read_whole(value)) is (int if number is not None else type(None))


@pytest.mark.parametrize(
    ("value", "number"),
    [(2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, None), (7.0, None), (True, None), ("7", None)],
)
def test_numbers_that_can_be_stored(value: object, number: int | None) -> None:
    """Those of 64 bits."""
    assert read_int64(value) == number
