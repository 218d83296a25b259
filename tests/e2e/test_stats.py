"""The figures of a real bot, compared with the ledger of the local Bot API server."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.ledger import Tap
from bot.sandbox.world import User
from tests.support.bot import ADMIN, ATHLETES, STRANGER, Crowd, Rig
from tests.support.processes import Mongod, wait_until

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

DAY = 86_400


class OddOnes:
    """Taps that are no feedback to be written, counted by the outcome they must have."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.taps: dict[str, list[Tap]] = {"refused": [], "late": [], "invalid": []}

    def tap(self) -> None:
        """One of each."""
        rig, user = self._rig, User(ATHLETES[0])
        old = rig.ask("odd", "old", user.id, date=rig.world.time() - 15 * DAY - 60)
        new = rig.ask("odd", "new", user.id)
        self.taps["refused"].append(rig.world.tap(user.id, new, STRANGER, button=0))
        self.taps["late"].append(rig.world.tap(user.id, old, user, button=0))
        self.taps["invalid"].append(rig.world.tap(user.id, new, user, data="nothing|of|ours", force=True))

    @property
    def number(self) -> int:
        """How many in all."""
        return sum(map(len, self.taps.values()))


async def is_at_rest(rig: Rig) -> bool:
    """Whether the journal has nothing left to do."""
    return not rig.journal("SELECT 1 FROM updates WHERE state = 0")


def check(figures: dict[str, Any], crowd: Crowd, odd: OddOnes) -> None:
    """Every tap of the server's ledger is counted once, and as what it was."""
    assert figures["taps"]["written"] + figures["waitingFeedback"] == len(crowd.taps)
    expected = figures["taps"]["written"] / len(crowd.taps)
    assert figures["feedback_event_write_success_rate"] == expected
    assert (figures["deadTaps"], figures["deadLetters"]) == (0, 0)
    assert {name: figures["taps"][name] for name in odd.taps if figures["waitingTaps"] == 0} in (
        {},
        {name: len(taps) for name, taps in odd.taps.items()},
    )


async def test_the_rate_is_exact_under_kills_replays_and_an_outage(
    tmp_path: Path, mongod: Mongod, rng: random.Random
) -> None:
    """Batches that come twice, kill -9 at any moment, MongoDB away: written plus waiting is received."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        crowd, odd = Crowd(rig, rng, sessions=10), OddOnes(rig)
        for _ in range(3):
            rig.faults.add(Fault("reset_after", "getUpdates", times=2))
            bot = await rig.launch()
            crowd.tap(40)
            odd.tap()
            await asyncio.sleep(rng.uniform(0.5, 2.5))
            crowd.tap(40)
            await bot.kill()
        bot = await rig.start()
        await crowd.settled()
        await wait_until(lambda: is_at_rest(rig), 20, "the journal is at rest")
        figures = await rig.stats()
        check(figures, crowd, odd)
        assert figures["feedback_event_write_success_rate"] == 1.0
        assert sum(figures["answers"].values()) == len(await rig.events())
        # MongoDB stops, the bot takes more taps, and is killed with them.
        async with mongod.paused():
            crowd.tap(120)
            odd.tap()
            await wait_until(lambda: rig.world.pending() == 0, 20, "the bot has taken all")
            await bot.kill()
        figures = await rig.stats()
        check(figures, crowd, odd)
        assert figures["waitingFeedback"] > 0
        assert figures["waitingTaps"] >= figures["waitingFeedback"]
        assert figures["oldestPending"] is not None
        await rig.start()
        await crowd.settled()
        await wait_until(lambda: is_at_rest(rig), 20, "the journal is at rest")
        figures = await rig.stats()
        check(figures, crowd, odd)
        assert (figures["waitingTaps"], figures["feedback_event_write_success_rate"]) == (0, 1.0)


async def test_an_admin_gets_figures_and_picture_in_one_message(rig: Rig) -> None:
    """Over real HTTP, with a picture of its own process; taps go on meanwhile; the command line agrees."""
    await rig.start()
    athlete = User(ATHLETES[1])
    message_id = rig.ask("run", "one", athlete.id)
    rig.world.tap(athlete.id, message_id, athlete, button=0)
    await rig.stored(1)
    rig.world.message(ADMIN, User(ADMIN, "Admin"), "/stats 7")
    await wait_until(lambda: bool(rig.calls("sendPhoto")), 40, "the picture is sent")
    [call] = rig.calls("sendPhoto")
    assert call["status"] == 200
    assert call["params"]["photo"]["file_size"] > 10_000
    assert call["params"]["caption"].splitlines()[2] == "✅ Written: 100 % (1 of 1)"
    assert not rig.calls("sendMessage")
    picture = rig.folder / "stats.png"
    done = await rig.command("stats", "--days=7", f"--picture={picture}")
    assert (done.status, done.err) == (0, "")
    assert "Last 7 days" in done.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    refused = await rig.command("stats", f"--picture={rig.folder / 'none' / 'stats.png'}")
    assert (refused.status, "--picture" in refused.err) == (2, True)
