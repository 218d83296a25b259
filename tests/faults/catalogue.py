"""All cases, in the order in which they are played."""

from __future__ import annotations

from tests.faults import (
    deletion,
    dynos,
    forged,
    journals,
    kills,
    machine,
    outages,
    replica,
    sends,
    services,
    soak,
    telegram,
)
from tests.faults.stage import CASES

__all__ = ["CASES"]

_FAMILIES = (
    kills,
    outages,
    telegram,
    services,
    sends,
    forged,
    deletion,
    machine,
    journals,
    dynos,
    replica,
    soak,
)
"""Each registers its cases when it is imported."""
