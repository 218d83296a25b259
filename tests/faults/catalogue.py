"""All cases, in the order in which they are played."""

from __future__ import annotations

from tests.faults import kills, outages, services
from tests.faults.stage import CASES

__all__ = ["CASES"]

_FAMILIES = (kills, outages, services)  # each registers its cases when it is imported
