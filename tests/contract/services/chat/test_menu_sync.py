"""Menus of commands at the local Bot API server, by the roster and the languages in a real MongoDB."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.facts.commands import Command
from bot.core.i18n.language import Language
from bot.core.people.athlete import ContactHours
from bot.core.people.menu import APPS
from bot.core.shared.update_order import UpdateStamp
from bot.sandbox.faults import Fault
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import World
from bot.services.chat.menu_sync import MenuSync
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.telegram.client import BotClient

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
ANA, BOSS = 71, 99
TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"


class House:
    """Who is who; ANA is listed, BOSS is an admin."""

    def __init__(self, db: Database) -> None:
        self.users = UserStore(db)
        self.athletes = AthleteStore(db)
        self.roster = RosterCache(self.athletes, frozenset({ANA}), ContactHours(ZoneInfo("UTC")), lambda: NOW)
        self.languages = LanguageCache(self.users, self.roster, frozenset({BOSS}), TombstoneStore(db))


@pytest.fixture
async def house(db: Database) -> House:
    """With the roster read."""
    house = House(db)
    await house.roster.refresh()
    return house


async def test_what_is_settled(house: House) -> None:
    """The choice, else the coach's word; what Telegram says settles nothing."""
    house.languages.observe(ANA, "es", UpdateStamp(1, NOW))
    await house.languages.refresh()
    assert house.languages.chosen(ANA) is None
    assert await house.athletes.add("ana", {"userId": ANA, "language": "es-MX"}, NOW)
    await house.roster.refresh()
    assert house.languages.chosen(ANA) is Language.ES
    await house.languages.choose(ANA, Language.EN, UpdateStamp(2, NOW))
    assert house.languages.chosen(ANA) is Language.EN
    await house.languages.choose(ANA, None, UpdateStamp(3, NOW))
    assert house.languages.chosen(ANA) is Language.ES


class Shop:
    """A keeper of menus, its clock, and Telegram."""

    def __init__(self, house: House, server: SandboxServer, world: World, api: BotClient) -> None:
        self.seconds = 1_000.0
        self.house, self.server, self.world = house, server, world
        self.menus = MenuSync(api, house.roster, house.languages, frozenset({BOSS}), lambda: self.seconds)

    def names(self, chat_id: int | None, app: str = "") -> list[str]:
        """The commands that are offered."""
        scope = {"type": "default"} if chat_id is None else {"type": "chat", "chat_id": chat_id}
        return [c["command"] for c in self.world.get_my_commands(json.dumps(scope), app)]

    def words(self, chat_id: int, app: str = "") -> str:
        """How `start` is described."""
        scope = json.dumps({"type": "chat", "chat_id": chat_id})
        return str(self.world.get_my_commands(scope, app)[0]["description"])

    async def calls(self) -> int:
        """Refresh; returns how many calls that took."""
        before = len(self._all())
        await self.menus.refresh()
        return len(self._all()) - before

    def _all(self) -> list[Any]:
        ledger = self.world.ledger
        return [*ledger.calls("setMyCommands", 0), *ledger.calls("deleteMyCommands", 0)]


@pytest.fixture
async def shop(house: House) -> AsyncIterator[Shop]:
    """Nothing is set yet."""
    world = World()
    server = SandboxServer(world, token=TOKEN)
    await server.start()
    try:
        async with BotClient(TOKEN, server.url) as api:
            yield Shop(house, server, world, api)
    finally:
        await server.stop()


async def test_menus_are_set_once(shop: Shop) -> None:
    """Everybody's, the athlete's and the admin's, in all languages; then nothing more is called."""
    assert await shop.calls() == 3 * len(APPS)
    assert "stats" not in shop.names(None) + shop.names(ANA)
    assert "stats" in shop.names(BOSS)
    assert (shop.words(ANA), shop.words(ANA, "es")) == (
        Language.EN.texts.command(Command.START).menu,
        Language.ES.texts.command(Command.START).menu,
    )
    assert await shop.calls() == 0


async def test_a_chosen_language_changes_ones_own_menu_alone(shop: Shop) -> None:
    """Those that are not in it yet: a call for each."""
    await shop.calls()
    await shop.house.languages.choose(ANA, Language.ES, UpdateStamp(1, NOW))
    assert await shop.calls() == len(APPS) - 1
    assert shop.words(ANA) == Language.ES.texts.command(Command.START).menu
    assert shop.words(BOSS) == Language.EN.texts.command(Command.START).menu


async def test_who_leaves_has_the_menu_of_everybody_again(shop: Shop) -> None:
    """Who comes has one at the next look."""
    assert await shop.house.athletes.add("ben", {"userId": 72}, NOW)
    await shop.house.roster.refresh()
    assert await shop.calls() == 4 * len(APPS)
    assert "week" in shop.names(72)
    await shop.house.athletes.remove("ben", NOW)
    await shop.house.roster.refresh()
    assert await shop.calls() == len(APPS)
    assert shop.names(72) == []
    assert await shop.calls() == 0


async def test_who_left_while_the_bot_was_down_keeps_no_menu(shop: Shop, db: Database) -> None:
    """The next start takes it away, once; an athlete's who has come back stays."""
    for name, user_id in (("ben", 72), ("eva", 73)):
        assert await shop.house.athletes.add(name, {"userId": user_id, "chatId": str(user_id)}, NOW)
    await shop.house.roster.refresh()
    await shop.calls()
    for name in ("ben", "eva"):
        await shop.house.athletes.remove(name, NOW)
    assert await shop.house.athletes.add("eva again", {"userId": 73}, NOW)
    fresh = House(db)
    await fresh.roster.refresh()
    shop.menus = MenuSync(
        shop.menus._api, fresh.roster, fresh.languages, frozenset({BOSS}), lambda: shop.seconds
    )
    assert await shop.calls() == 5 * len(APPS)
    assert shop.names(72) == []
    assert "week" in shop.names(73)
    assert await shop.calls() == 0


async def test_before_the_roster_is_known_nothing_is_set(db: Database, shop: Shop) -> None:
    """Or admins' menus would be set twice at each start."""
    fresh = House(db)
    shop.menus = MenuSync(
        shop.menus._api, fresh.roster, fresh.languages, frozenset({BOSS}), lambda: shop.seconds
    )
    assert await shop.calls() == 0


async def test_what_telegram_refuses_waits_an_hour_and_holds_up_nobody(shop: Shop) -> None:
    """A chat that was never begun is tried again later, not every few seconds."""
    refusal = Fault("status", "setMyCommands", status=400, description="Bad Request: chat not found")
    shop.server.faults.add(refusal)
    assert await shop.calls() == 3 * len(APPS)
    assert await shop.calls() == 0
    shop.seconds += 3_599.9
    assert await shop.calls() == 0
    shop.seconds += 0.1
    assert await shop.calls() == 1
    assert shop.names(None)


async def test_when_telegram_asks_to_wait_the_rest_waits(shop: Shop) -> None:
    """Until that very second; what was set is not set again."""
    slow = Fault("status", "setMyCommands", status=429, retry_after=30)
    shop.server.faults.add(slow)
    assert await shop.calls() == 1
    shop.seconds += 29.9
    assert await shop.calls() == 0
    shop.seconds += 0.1
    assert await shop.calls() == 3 * len(APPS)


async def test_the_coachs_chat_has_a_menu_of_its_own(shop: Shop) -> None:
    """A group, too."""
    shop.menus = MenuSync(
        *(shop.menus._api, shop.house.roster, shop.house.languages, frozenset({BOSS}), lambda: shop.seconds),
        coach_chat_id=-500,
    )
    assert await shop.calls() == 4 * len(APPS)
    assert shop.names(-500) == ["start", "help", "today", "athlete", "ask", "silent"]
    assert "today" not in shop.names(None) + shop.names(ANA) + shop.names(BOSS)
