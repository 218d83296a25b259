"""Fixtures of the tests against a real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from tests.support.mongo import At, fresh_database


@pytest.fixture
async def db(mongo_url: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """An empty database of the test's own."""
    async with fresh_database(mongo_url) as database:
        yield database


@pytest.fixture
def at() -> At:
    """See `At`."""
    return At()
