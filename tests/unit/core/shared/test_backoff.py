"""Delays between tries."""

from __future__ import annotations

import pytest

from bot.core.shared.backoff import Backoff, constant


@pytest.mark.parametrize(
    ("failures", "seconds"), [(-1, 0), (0, 0), (1, 0.5), (2, 1), (3, 2), (4, 4), (5, 5), (6, 5), (10**9, 5)]
)
def test_delays_grow_up_to_the_longest(failures: int, seconds: float) -> None:
    """No delay before the first failure, and none beyond the longest however many there were."""
    assert Backoff(0.5, 5.0).delay(failures) == seconds


def test_a_factor_of_its_own() -> None:
    """Not every policy doubles."""
    assert [Backoff(1.0, 100.0, factor=3.0).delay(failures) for failures in range(1, 6)] == [1, 3, 9, 27, 81]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 5.0), (0.5, 3.0), (1.0, 1.0)])
def test_jitter_makes_delays_shorter(chance: float, seconds: float) -> None:
    """By a share of the delay at most, and never longer."""
    assert Backoff(5.0, 5.0, jitter=0.8).delay(7, lambda: chance) == pytest.approx(seconds)


def test_a_constant_delay_does_not_grow() -> None:
    """However often it fails."""
    assert {constant(2.0).delay(failures) for failures in range(1, 50)} == {2.0}
