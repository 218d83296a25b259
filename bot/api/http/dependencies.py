"""The dependencies of the API's operations: database, journal, roster, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from bot.api.http.bodies import BodyReader
from bot.api.http.problems import Flaw, invalid
from bot.core.figures.stats import Stats
from bot.core.health.vitals import Vitals
from bot.core.people.athlete import Athlete, Roster
from bot.core.records.retention import Retention
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.tolerant import read_int64
from bot.services.health.vitals import VitalsMonitor
from bot.services.reports.figures import RosterSource
from bot.store.inbox.journal import Journal
from bot.store.mongodb.client import Database, within
from bot.tasks import end_tasks

T = TypeVar("T")

# Seconds until MongoDB counts as away, and until a request is told so whatever still holds it up.
_PATIENCE = 2.3
_LONGEST = 2.6
# So many requests use MongoDB at once. The bot itself never has to wait for a connection.
_AT_ONCE = 16
_CANCEL_TRIES = 100


class FreshRosterSource(RosterSource, Protocol):
    """Knows who trains here, and can look again."""

    async def refresh(self) -> Roster:
        """The roster, read again."""


class DatabaseGate:
    """Limits the API's use of MongoDB: so many operations at once, each within a time."""

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._endings: set[asyncio.Task[int]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of some work with MongoDB.

        Raises:
            StorageUnavailable: it took too long; what was to be written may be written.
        """
        # A task of its own: PyMongo may swallow a cancellation, and no request is to wait for that.
        task = asyncio.create_task(self._carry_out(work))
        try:
            await asyncio.wait({task}, timeout=_LONGEST)
            if task.done():
                return task.result()
            raise StorageUnavailable("MongoDB does not answer in time")
        finally:
            if not task.done():
                ending = asyncio.create_task(end_tasks([task], _CANCEL_TRIES))
                self._endings.add(ending)
                ending.add_done_callback(self._endings.discard)

    async def _carry_out(self, work: Coroutine[Any, Any, T]) -> T:
        with within(_PATIENCE):
            try:
                async with self._gate:
                    return await work
            finally:
                work.close()


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """Everything that requests are answered with.

    Attributes:
        figures: over so many days.
        zone: TIMEZONE, for days that belong to no athlete.
        late_after_days: LATE_AFTER_DAYS.
        base_url: where the API is reached from this machine.
        metrics: takes the vitals and an `Accept` header, returns the measurements and their `Content-Type`.
    """

    db: Database
    journal: Journal
    roster: FreshRosterSource
    figures: Callable[[int], Coroutine[Any, Any, Stats]]
    clock: Clock
    zone: ZoneInfo
    late_after_days: int
    retention: Retention
    metrics_per_athlete: bool
    base_url: str
    monitor: VitalsMonitor
    metrics: Callable[[Vitals, str], tuple[bytes, str]]
    mongodb: DatabaseGate = field(default_factory=DatabaseGate)
    bodies: BodyReader = field(default_factory=BodyReader)

    async def roster_with(self, name: str | None) -> Roster:
        """The roster; read again if it has no athlete of this id, who may have been added a moment ago."""
        roster = await self.roster.loaded()
        return roster if name is None or roster.by_id(name) is not None else await self.roster.refresh()


def named_athlete(roster: Roster, name: str | None, field_name: str) -> Athlete:
    """The athlete of that id; without one, the only athlete there is.

    Args:
        name: the athlete's id.
        field_name: the field or parameter that names the athlete, for the problem.

    Raises:
        Problem: the roster has no such athlete, or not exactly one.
    """
    athlete = roster.meant(name)
    if athlete is not None:
        return athlete
    if name is None:
        raise invalid(Flaw(field_name, "is missing, and there is not just one athlete; name one"))
    raise invalid(Flaw(field_name, "nobody on the roster has this id; `athlete list` shows who there is"))


def users_named(roster: Roster, name: str) -> list[int]:
    """The Telegram users whose documents are meant by an athlete's name; also by a user id alone.

    Raises:
        Problem: the roster has no such athlete, and the name is no user id.
    """
    athlete = roster.by_id(name)
    if athlete is None:
        user_id = read_int64(int(name)) if name.isascii() and name.isdigit() and len(name) < 20 else None
        if user_id is None:
            cure = "give an id of `athlete list`, or the Telegram user id of somebody who was removed"
            raise invalid(Flaw("athlete", f"nobody on the roster has this id; {cure}"))
        return [user_id]
    return [] if athlete.user_id is None else [athlete.user_id]
