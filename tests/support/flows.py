"""Flows as the composition root wires them, for tests of those that need them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pymongo.asynchronous.database import AsyncDatabase

from bot.app import Stores, build_stores
from bot.core.people.athlete import Hours
from bot.core.shared.clock import Clock
from bot.core.shared.retention import DEFAULT_RETENTION
from bot.services.chat.button_actions import Actions
from bot.services.chat.change_commands import Requests
from bot.services.chat.personal_commands import Disclosed, Personal
from bot.services.people.erasure import Forgetting
from bot.services.people.language_cache import Languages
from bot.services.people.roster_cache import RosterKeeper
from bot.services.reports.weeks import WeekRules, Weeks
from bot.store.inbox.journal import Journal
from bot.store.prompts.shared_rate_limit import SendSlots

LATE_AFTER_DAYS = 14

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What flows are made of."""

    db: AsyncDatabase[dict[str, Any]]
    journal: Journal
    clock: Clock
    roster: RosterKeeper
    admins: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        db: AsyncDatabase[dict[str, Any]],
        journal: Journal,
        clock: Clock,
        roster: RosterKeeper | None = None,
    ) -> Parts:
        """With a roster that nobody is on, unless one is given."""
        nobody = RosterKeeper(
            build_stores(db, journal, clock).athletes, frozenset(), Hours(ZoneInfo("UTC")), clock
        )
        return cls(db, journal, clock, roster or nobody)

    @property
    def stores(self) -> Stores:
        """All stores on the database."""
        return build_stores(self.db, self.journal, self.clock)

    def languages(self) -> Languages:
        """Who reads what."""
        return Languages(self.stores.users, self.roster, self.admins, self.stores.tombstones)

    def weeks(self) -> Weeks:
        """An athlete's week."""
        return Weeks(self.stores.summaries, self.roster, self.clock, WeekRules(LATE_AFTER_DAYS, 180))

    def personal(self) -> Personal:
        """What athletes ask about themselves."""
        disclosed = Disclosed(DEFAULT_RETENTION, coach_is_told=False)
        return Personal(self.weeks(), self.stores.personal, self.journal, self.roster, self.clock, disclosed)

    def forgetting(self) -> Forgetting:
        """Deletes what is stored about somebody."""
        stores = self.stores
        return Forgetting(
            *(stores.personal, stores.tombstones, stores.athletes, stores.users, stores.taps.touches),
            *(self.journal, self.roster, self.languages(), self.clock),
        )

    def actions(self) -> Actions:
        """What buttons ask for."""
        stores = self.stores
        return Actions(stores.taps.letters, stores.tombstones, self.forgetting())

    def requests(self, languages: Languages) -> Requests:
        """Messages that change something."""
        stores = self.stores
        return Requests(
            *(stores.athletes, self.roster, languages, stores.taps.prompts, stores.users), LATE_AFTER_DAYS
        )


class FreeSlots(SendSlots):
    """No other service sends, unless a test says so: for tests whose time is not MongoDB's.

    Attributes:
        waits: what the next ones are told who take a chat, seconds.
        on_take: called each time.
    """

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        super().__init__(db)
        self.waits: list[float] = []
        self.on_take: Callable[[], None] = lambda: None

    async def take_chat(self, chat_id: int) -> float:  # noqa: ARG002
        """At once, or as told."""
        self.on_take()
        return self.waits.pop(0) if self.waits else 0.0

    async def take_turn(self) -> float:
        """At once."""
        return 0.0

    async def arrived(self, chat_id: int) -> None:
        """Nobody else is to be told."""

    async def hold(self, chat_id: int | None, seconds: float) -> None:
        """Nobody else is to be told."""


class Alone:
    """Implements `Polling` where nobody else can poll."""

    async def may_poll(self, patience: float) -> bool:  # noqa: ARG002
        """See `Polling`."""
        return True

    async def during(self, call: Coroutine[Any, Any, _T]) -> _T:
        """See `Polling`."""
        return await call

    def polled(self) -> None:
        """See `Polling`."""

    def disturbed(self) -> bool:
        """See `Polling`."""
        return False

    def last_poll(self) -> datetime | None:
        """See `Polling`."""
        return None
