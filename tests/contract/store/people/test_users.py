"""What is known of somebody goes when they have everything deleted, but for what came after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from bot.core.shared.update_order import UpdateStamp
from bot.store.people.users import UserStore
from tests.support.fakes import NOW

ANA = 7
ASKED, CONFIRMED, LATER = (UpdateStamp(id_, NOW + timedelta(seconds=id_)) for id_ in (1, 2, 3))


async def test_whoever_was_only_asked_leaves_nothing(db: AsyncDatabase[dict[str, Any]]) -> None:
    """Not even an empty document under their id."""
    users = UserStore(db)
    await users.asked_to_forget(ANA, ASKED)
    await users.forget(ANA, CONFIRMED)
    assert await db.users.find().to_list() == []


async def test_what_came_after_stays(db: AsyncDatabase[dict[str, Any]]) -> None:
    """A language that was chosen since, and being asked once more; nothing tells of what was before."""
    users = UserStore(db)
    await users.asked_to_forget(ANA, ASKED)
    await users.choose(ANA, "es", LATER)
    await users.forget(ANA, CONFIRMED)
    [known] = await db.users.find().to_list()
    assert known["language"] == "es"
    assert "forgetAsked" not in known
    await users.asked_to_forget(ANA, LATER)
    await users.forget(ANA, CONFIRMED)
    assert await users.asked(ANA) == [LATER]


async def test_an_odd_document_is_forgotten_too(db: AsyncDatabase[dict[str, Any]]) -> None:
    """As another program may have left it."""
    await db.users.insert_one({"_id": ANA, "forgetAsked": "yes"})
    await UserStore(db).forget(ANA, CONFIRMED)
    assert await db.users.find().to_list() == []
