"""What cases share: surroundings, load, comparison, and the scan of everything that was printed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from bot.core.inbox.webhook import secret_of
from bot.sandbox.ledger import Tap
from bot.sandbox.world import World
from tests.faults.result import Given, Losses, Result, reckon
from tests.support.bot import TOKEN, Crowd, Rig, is_called_saved
from tests.support.processes import Mongod, Program

NOTE = "zebra-note-of-one"
"""Stands in the note of every tap, and must stand in no log. Short: Telegram takes 64 bytes of data, and a
message with more under a button could not be marked."""
HTTP_TOKEN = "made-up-token-of-the-fault-suite-0123456789"
_SECRETS = {
    "the bot's token": TOKEN.partition(":")[2],
    "the token of the HTTP API": HTTP_TOKEN,
    "the webhook's secret": secret_of(TOKEN),
    "a note": NOTE,
    "a traceback": "Traceback (most recent call last)",
}

Case = Callable[["Stage"], Awaitable[Result]]
CASES: dict[str, Case] = {}


def case(work: Case) -> Case:
    """Register a case under its function's name."""
    CASES[work.__name__.replace("_", "-")] = work
    return work


@dataclass(slots=True)
class Stage:
    """Where a case plays.

    Attributes:
        folder: for this case alone.
        mongo_url: a MongoDB that nobody harms.
        soak_minutes: of the soak.
        logs: what was printed, once a rig is done.
    """

    folder: Path
    mongo_url: str
    rng: random.Random
    is_quick: bool = True
    soak_minutes: float = 60.0
    logs: list[str] = field(default_factory=list)

    def number(self, full: float, quick: float) -> float:
        """How much of something: seconds or times."""
        return quick if self.is_quick else full

    def times(self, full: int, quick: int) -> range:
        """For repetitions."""
        return range(quick if self.is_quick else full)

    @asynccontextmanager
    async def rig(
        self, mongo_url: str | None = None, *, query_lifetime: float = 3600.0, **settings: str
    ) -> AsyncIterator[Rig]:
        """A bot's surroundings; what it prints is kept for `leaks`."""
        world = World(limits=None, query_lifetime=query_lifetime)
        folder = self.folder / uuid4().hex[:8]
        rig = Rig(folder, mongo_url=mongo_url or self.mongo_url, world=world, **settings)
        try:
            async with rig:
                yield rig
        finally:
            self.logs += [bot.log for bot in rig.bots]

    @asynccontextmanager
    async def mongod(self) -> AsyncIterator[Mongod]:
        """A MongoDB that may be harmed."""
        server = Mongod(self.folder / f"mongod-{uuid4().hex[:8]}")
        try:
            await server.start()
            yield server
        finally:
            await server.kill()

    def leaks(self) -> list[str]:
        """Secrets and tracebacks in what was printed so far."""
        return [
            f"{what} in a log" for what, text in _SECRETS.items() if any(text in log for log in self.logs)
        ]


def crowd(stage: Stage, rig: Rig, *, sessions: int = 20) -> Crowd:
    """Athletes whose every tap carries the note."""
    return Crowd(rig, stage.rng, sessions=sessions, note=NOTE)


def given(taps: Iterable[Tap]) -> list[Given]:
    """Taps of a crowd, from the ledger of the local Bot API."""
    return [
        Given(
            tap.query_id,
            tap.update_id or 0,
            key=Crowd.key_of(tap),
            was_answered=tap.answered_at is not None,
            was_promised=is_called_saved(tap),
        )
        for tap in taps
    ]


async def compare(rig: Rig, taps: Iterable[Tap]) -> Losses:
    """What the database has, beside what was given."""
    entered = {document["_id"] async for document in rig.db["taps"].find({}, {"_id": True})}
    events = rig.db["feedback_events"].find({}, {"sessionKey": True, "updateId": True})
    return reckon(given(taps), entered, [(event["sessionKey"], event["updateId"]) async for event in events])


async def settled(rig: Rig, taps: Iterable[Tap], patience: float = 120.0) -> tuple[Losses, float]:
    """The losses once there are none, or those that are left when patience ends; and how long it took."""
    begun, taps = time.monotonic(), list(taps)
    while True:
        losses = await compare(rig, taps)
        span = time.monotonic() - begun
        if losses.is_none or span > patience:
            return losses, span
        await asyncio.sleep(0.1)


async def conclude(result: Result, rig: Rig, people: Crowd, patience: float = 120.0) -> None:
    """Note what is lost of a crowd's taps in the end, and how long it took until nothing was."""
    result.losses, span = await settled(rig, people.taps, patience)
    result.recovery.append(span)
    result.taps = len(people.taps)


async def load(people: Crowd, bot: Program | None, *, rate: int, seconds: float) -> None:
    """So many taps a second."""
    for _ in range(max(1, round(seconds * 10))):
        people.tap(max(1, rate // 10))
        await asyncio.sleep(0.1)
    assert bot is None or bot.is_running, bot.log[-2000:]
