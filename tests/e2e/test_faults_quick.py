"""The quick set of `python -m tests.faults`: each case a few times."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.__main__ import play
from tests.faults.catalogue import CASES
from tests.faults.result import row
from tests.faults.stage import Stage

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.mark.parametrize("name", CASES)
async def test_case(name: str, tmp_path: Path, mongo_url: str, rng: random.Random) -> None:
    """Nothing is lost, and nothing comes more often than the contract allows."""
    result = await play(name, Stage(tmp_path, mongo_url, rng))
    assert result.verdict in ("holds", "not run"), row(name, result)
