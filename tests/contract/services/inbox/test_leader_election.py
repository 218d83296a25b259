"""Who polls, on a real MongoDB: two services whose clocks are set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.health.vitals import TookOver
from bot.core.inbox.lease import ASK_WITHIN, DEAF_AFTER, FRESH, RENEW_EVERY, REST, TTL, YIELD
from bot.core.shared.errors import StorageUnavailable
from bot.services.inbox.leader_election import LeaderElection, SupersededError
from bot.store.inbox.leases import Holder, Lease, LeaseStore
from bot.store.mongodb.client import connect
from tests.support.processes import free_port

Database = AsyncDatabase[dict[str, Any]]

LEASE = TTL.total_seconds()
NOW = datetime(2026, 2, 18, 18, 42, 41, 7000, UTC)
ANA, BEN = Holder("a1", "a", "ana"), Holder("b1", "b", "ben")


class Time:
    """One clock for MongoDB and both services."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)


class Pair:
    """Two services of one bot."""

    def __init__(self, db: Database) -> None:
        self.time = Time()
        leases = LeaseStore(db, self.time)
        self.ana, self.ben = (
            LeaderElection(leases, "bot", me, self.time, self.time.monotonic) for me in (ANA, BEN)
        )


@pytest.fixture
def pair(db: Database) -> Pair:
    """See `Pair`."""
    return Pair(db)


async def test_one_polls_and_the_other_takes_over(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """When the lease has ended, and admins are told; who was stalled finds out before its next poll."""
    assert await pair.ana.may_poll(0)
    assert not await pair.ben.may_poll(0)
    pair.ana.polled()
    pair.time.seconds += LEASE - 0.001
    assert not await pair.ben.may_poll(0)
    pair.time.seconds += FRESH  # Ben asks as often
    assert await pair.ben.may_poll(0)
    assert pair.ben.news() == [TookOver("ana", "ben")]
    assert pair.ben.news() == []
    assert not await pair.ana.may_poll(0)
    assert pair.ana.news() == []
    assert [message for message in caplog.messages if "taking" in message] == [
        "taking over: nothing has been heard of ana, which polled"
    ]


async def test_a_copied_data_dir_is_found_out(
    pair: Pair, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy is taken for a restart; whoever loses the lease to its own name says why, once."""
    copy = LeaderElection(
        LeaseStore(db, pair.time), "bot", replace(ANA, id="a2", host="eve"), pair.time, pair.time.monotonic
    )
    assert await pair.ana.may_poll(0)
    assert await copy.may_poll(0)
    for _ in range(3):
        pair.time.seconds += FRESH
        assert await copy.may_poll(0)
        assert not await pair.ana.may_poll(0)
        assert not await pair.ben.may_poll(0)
    (error,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert error.startswith("eve polls under the name of this service, since its DATA_DIR is a copy")


async def test_an_orderly_end_is_no_news(pair: Pair) -> None:
    """Whoever ends makes way, and is followed without alarm."""
    assert await pair.ana.may_poll(0)
    assert not await pair.ben.may_poll(0)
    await pair.ana.make_way()
    pair.time.seconds += FRESH
    assert await pair.ben.may_poll(0)
    assert pair.ben.news() == []


async def test_the_last_poll_of_the_one_before(pair: Pair) -> None:
    """It tells how long nobody polled."""
    assert await pair.ana.may_poll(0)
    assert pair.ana.last_poll() is None
    pair.ana.polled()
    polled_at = pair.time()
    pair.time.seconds += FRESH
    assert await pair.ana.may_poll(0)
    pair.time.seconds += LEASE
    assert await pair.ben.may_poll(0)
    assert pair.ben.last_poll() == polled_at


async def test_a_poll_is_given_up_when_another_takes_over(pair: Pair) -> None:
    """Also one that hangs; one that ends in time has its result."""
    assert await pair.ana.may_poll(0)

    async def quick() -> str:
        return "updates"

    assert await pair.ana.during(quick()) == "updates"
    hanging = asyncio.Event()
    poll = asyncio.create_task(pair.ana.during(hanging.wait()))
    await asyncio.sleep(0)
    pair.time.seconds += LEASE
    assert await pair.ben.may_poll(0)
    run = asyncio.create_task(pair.ana.run())
    with pytest.raises(SupersededError):
        await asyncio.wait_for(poll, 50)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_waiting_for_ones_turn(pair: Pair) -> None:
    """It comes as soon as the holder is known to have made way."""
    assert await pair.ana.may_poll(0)
    assert not await pair.ben.may_poll(0)
    turn = asyncio.create_task(pair.ben.may_poll(60))
    await pair.ana.make_way()
    pair.time.seconds += FRESH
    assert await asyncio.wait_for(turn, 50)


async def test_who_hears_nothing_of_telegram_makes_way(pair: Pair) -> None:
    """If another service is there, which may get through; and not at once again afterwards."""
    assert await pair.ana.may_poll(0)
    pair.ana.polled()
    start = pair.time.seconds
    while pair.time.seconds < start + DEAF_AFTER:
        assert await pair.ana.may_poll(0)
        assert not await pair.ben.may_poll(0)
        pair.time.seconds += FRESH
    assert not await pair.ana.may_poll(0)
    assert await pair.ben.may_poll(0)
    await pair.ben.make_way()
    pair.time.seconds += FRESH
    assert not await pair.ana.may_poll(0)
    pair.time.seconds += REST
    assert await pair.ana.may_poll(0)


async def test_alone_it_goes_on_however_deaf(pair: Pair) -> None:
    """Nobody else could do better."""
    for _ in range(20):
        assert await pair.ana.may_poll(0)
        pair.time.seconds += FRESH


async def test_without_mongodb(caplog: pytest.LogCaptureFixture) -> None:
    """A service begins, and makes way for a while when it meets another one."""
    db = connect(f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=50", "none", "none")
    time = Time()
    ana = LeaderElection(LeaseStore(db), "bot", ANA, time, time.monotonic)
    assert await ana.may_poll(0)
    assert ana.conflict()
    assert not await ana.may_poll(0)
    time.seconds += YIELD
    assert await ana.may_poll(0)
    assert caplog.messages == []
    await db.client.close()


class Shaky(LeaseStore):
    """Leases of a MongoDB that may be away, which is noticed after a while."""

    is_away = False
    asked = 0
    on_failure: Callable[[], None] = staticmethod(lambda: None)

    async def ask(self, *given: Any, **named: Any) -> Lease:
        """As usual, unless it is away."""
        self.asked += 1
        if self.is_away:
            self.on_failure()
            raise StorageUnavailable("away")
        return await super().ask(*given, **named)


async def test_after_an_outage_the_holder_goes_first(db: Database) -> None:
    """It could not renew its lease, and is well: nobody takes over from it, whoever asks first; and its last
    poll is known. If it does not come, the lease is taken in the end."""
    time = Time()
    leases = Shaky(db, time)
    ana, ben = (LeaderElection(leases, "bot", me, time, time.monotonic) for me in (ANA, BEN))
    assert await ana.may_poll(0)
    assert not await ben.may_poll(0)
    leases.is_away = True
    for _ in range(25):
        time.seconds += FRESH
        assert await ana.may_poll(0)
        ana.polled()
        assert not await ben.may_poll(0)
    leases.is_away = False
    time.seconds += FRESH
    assert not await ben.may_poll(0)
    assert await ana.may_poll(0)
    time.seconds += FRESH
    assert not await ben.may_poll(0)
    assert ben.news() == []
    last_poll = ben.last_poll()
    assert last_poll is not None
    assert time() - last_poll == timedelta(seconds=2 * FRESH)
    for _ in range(3):
        time.seconds += FRESH
        is_bens = await ben.may_poll(0)
    assert is_bens
    assert ben.news() == [TookOver("ana", "ben")]


async def test_polls_do_not_wait_for_a_mongodb_that_is_away(db: Database) -> None:
    """It is asked beside them, every four seconds; that it does not answer counts from when it is known."""
    time = Time()
    leases = Shaky(db, time)
    ana = LeaderElection(leases, "bot", ANA, time, time.monotonic)
    assert await ana.may_poll(0)
    leases.is_away = True

    def wait() -> None:
        time.seconds += ASK_WITHIN

    leases.on_failure = wait
    time.seconds += FRESH
    assert await ana.may_poll(0)
    asked = leases.asked
    time.seconds += RENEW_EVERY + ASK_WITHIN + 0.001  # until the next question has failed, too
    assert await ana.may_poll(0)
    assert leases.asked == asked
    time.seconds += FRESH
    assert await ana.may_poll(0)
    assert leases.asked == asked + 1


async def test_services_with_a_webhook_only_tell_that_they_are_there(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """None polls, so none stands by, takes over or makes way."""
    time = Time()
    leases = LeaseStore(db, time)
    ana, ben = (
        LeaderElection(leases, "bot", replace(me, is_pushed=True), time, time.monotonic) for me in (ANA, BEN)
    )
    for _ in range(20):
        await ana.may_poll(0)
        await ben.may_poll(0)
        time.seconds += FRESH
    for _ in range(5):
        await ben.may_poll(0)
        time.seconds += FRESH
    assert ben.news() == []
    assert caplog.messages == []
    assert [(peer.host, peer.is_pushed) for peer in await leases.peers("bot")] == [
        ("ana", True), ("ben", True),
    ]  # fmt: skip


@pytest.mark.parametrize("is_pushed", [False, True])
async def test_one_of_several_services_sends(db: Database, is_pushed: bool) -> None:
    """Whoever holds the lease, as long as it knows so; when it is killed, another one after the lease."""
    time = Time()
    leases = LeaseStore(db, time)
    ana, ben = (
        LeaderElection(leases, "bot", replace(me, is_pushed=is_pushed), time, time.monotonic)
        for me in (ANA, BEN)
    )
    assert not ana.leads  # nothing is known yet
    await ana.may_poll(0)
    await ben.may_poll(0)
    assert (ana.leads, ben.leads) == (True, False)
    time.seconds += FRESH
    leads = [ana.leads]  # it was stalled, perhaps for longer than the lease
    await ana.may_poll(0)
    assert [*leads, ana.leads] == [False, True]
    time.seconds += LEASE - 0.001
    await ben.may_poll(0)
    assert not ben.leads
    time.seconds += FRESH
    await ben.may_poll(0)
    await ana.may_poll(0)
    assert (ana.leads, ben.leads) == (False, True)
    await ben.make_way()
    time.seconds += FRESH
    await ana.may_poll(0)
    assert ana.leads


async def test_who_cannot_send_makes_way_with_a_webhook_too(db: Database) -> None:
    """Its calls fail, and another service is there: that one sends."""
    time = Time()
    leases = LeaseStore(db, time)
    ana, ben = (
        LeaderElection(leases, "bot", replace(me, is_pushed=True), time, time.monotonic) for me in (ANA, BEN)
    )
    ana.reached(succeeded=True)
    start = time.seconds
    while time.seconds < start + DEAF_AFTER:
        await ana.may_poll(0)
        await ben.may_poll(0)
        ana.reached(succeeded=False)
        ben.reached(succeeded=True)
        assert (ana.leads, ben.leads) == (True, False)
        time.seconds += FRESH
    await ana.may_poll(0)
    await ben.may_poll(0)
    assert (ana.leads, ben.leads) == (False, True)
    for _ in range(10):
        time.seconds += FRESH
        ben.reached(succeeded=True)
        await ana.may_poll(0)
        await ben.may_poll(0)
    assert (ana.leads, ben.leads) == (False, True)
