"""What came before somebody's deletion is deleted again, and nobody waits for what MongoDB rejects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, Mock

import pytest

from bot.core.people.tombstone import DataSubject, Tombstone
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.services.people.erasure import Erasure
from bot.services.people.erasure_guard import ErasureGuard
from bot.store.people.tombstones import TombstoneStore

NOW = datetime(2026, 2, 16, 18, 42, 58, tzinfo=UTC)
BEFORE, AT, AFTER = (UpdateStamp(number, NOW + timedelta(seconds=number)) for number in (9, 10, 11))
TOMBSTONES: dict[int | None, Tombstone] = {user_id: Tombstone(AT) for user_id in (7, 8)}


@pytest.fixture
def erasure() -> Mock:
    """Deletes nothing, and remembers what it was asked for."""
    erasure = Mock(spec=Erasure)
    erasure.purge = AsyncMock()
    return erasure


@pytest.fixture
def guard(erasure: Mock) -> ErasureGuard:
    """With nobody's tombstone in MongoDB."""
    return ErasureGuard(Mock(spec=TombstoneStore), erasure)


async def test_only_of_those_whose_updates_came_before(guard: ErasureGuard, erasure: Mock) -> None:
    """Others are left alone, and so are those without a tombstone."""
    await guard.purge(TOMBSTONES, [(7, AFTER), (8, AFTER), (8, BEFORE), (9, BEFORE), (None, BEFORE)])
    erasure.purge.assert_awaited_once_with(DataSubject(8, None), AT)


async def test_a_rejection_holds_nobody_up(guard: ErasureGuard, erasure: Mock) -> None:
    """It is told where the deletion is tried again; an outage is waited out by the caller."""
    erasure.purge.side_effect = StorageRejected("no rights")
    await guard.purge(TOMBSTONES, [(7, BEFORE), (8, BEFORE)])
    assert erasure.purge.await_count == 2
    erasure.purge.side_effect = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        await guard.purge(TOMBSTONES, [(7, BEFORE)])
