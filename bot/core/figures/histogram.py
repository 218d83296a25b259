"""A histogram of the times that answers took: any number of them takes the same room. Pure.

Below 50 seconds a bucket is a second; above, its end is 1.02 times its begin, and the middle stands for what
is in it. So a percentile is right to the second, or to one percent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest

EXACT = 50
"""Seconds below which each second has its own bucket."""
RATIO = 1.02
BUCKETS = EXACT + 1_000
"""More than enough for 700 years."""


def bucket(seconds: float) -> int:
    """The bucket of a delay; negative ones (clocks differ) are none at all."""
    if seconds < EXACT:
        return max(0, int(seconds))
    return min(BUCKETS - 1, EXACT + math.floor(math.log(seconds / EXACT) / math.log(RATIO)))


def seconds_of(number: int) -> float:
    """The delay, in seconds, that stands for those in a bucket: its middle."""
    if number < EXACT:
        return float(number)
    return round(EXACT * math.pow(RATIO, number - EXACT + 0.5), 1)


def total(histograms: Iterable[Sequence[int]]) -> list[int]:
    """The sum of histograms: each a count for each bucket, without the empty ones at the end."""
    result: Sequence[int] = []
    for histogram in histograms:
        result = [a + b for a, b in zip_longest(result, histogram, fillvalue=0)]
    return list(result)


def percentile(histogram: Sequence[int], share: float) -> float | None:
    """The delay, in seconds, that this share of the answers did not exceed; None without answers."""
    number = sum(histogram)
    if not number:
        return None
    rank = max(1, math.ceil(share * number))
    for index, count in enumerate(histogram):
        rank -= count
        if rank <= 0:
            return seconds_of(index)
    raise AssertionError("unreachable")


def share_within(histogram: Sequence[int], seconds: float, *, of: float) -> float | None:
    """Of the delays up to `of` seconds the share of those up to `seconds`; None: there are none."""
    short, all_ = (sum(histogram[: bucket(limit)]) for limit in (seconds, of))
    return short / all_ if all_ else None
