"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bot import Rig
from tests.support.processes import Mongod


@pytest.fixture
async def mongod(tmp_path: Path) -> AsyncIterator[Mongod]:
    """A running MongoDB of the test's own."""
    server = Mongod(tmp_path / "mongod")
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@pytest.fixture
async def rig(tmp_path: Path, mongo_url: str) -> AsyncIterator[Rig]:
    """A bot's surroundings on the shared MongoDB."""
    async with Rig(tmp_path / "bot", mongo_url=mongo_url) as rig:
        yield rig


@pytest.fixture
def rng() -> random.Random:
    """Random choices that can be repeated: a failed test shows the seed, `E2E_SEED` sets it."""
    seed = int(os.environ.get("E2E_SEED") or random.randrange(2**32))
    print(f"E2E_SEED={seed}")
    return random.Random(seed)
