"""Times to answer, in buckets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.figures.histogram import BUCKETS, bucket, percentile, seconds_of, total


def histogram(delays: list[float]) -> list[int]:
    """The counts of some delays."""
    counts = [0] * BUCKETS
    for delay in delays:
        counts[bucket(delay)] += 1
    return counts


@given(st.lists(st.floats(0, 10**8), min_size=1, max_size=50), st.sampled_from([0.5, 0.9]))
def test_a_percentile_is_right_to_a_second_or_one_percent(delays: list[float], share: float) -> None:
    """Compared with the sorted delays themselves (nearest rank)."""
    exact = sorted(delays)[max(1, math.ceil(share * len(delays))) - 1]
    found = percentile(histogram(delays), share)
    assert found is not None
    assert abs(found - exact) < (1 if exact < 50 else 0.0101 * exact + 0.05)


@pytest.mark.parametrize(("delay", "shown"), [(-5, 0), (0, 0), (0.9, 0), (1, 1), (49.99, 49)])
def test_short_delays_are_whole_seconds(delay: float, shown: float) -> None:
    """Rounded down; a tap before its question (clocks differ) took no time."""
    assert seconds_of(bucket(delay)) == shown


def test_a_delay_beyond_all_bounds_has_a_bucket() -> None:
    """The last one."""
    assert bucket(1e300) == BUCKETS - 1


def test_sums_and_nothing() -> None:
    """Histograms of different length add up; without answers there is no percentile."""
    assert total([[1, 2], [], [1, 0, 5]]) == [2, 2, 5]
    assert total([]) == []
    assert percentile([], 0.5) is None
    assert percentile([0, 0], 0.9) is None
