"""The lease on polling, on a real MongoDB at times that are set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.inbox.lease import TTL, Peer
from bot.store.inbox.leases import Holder, Lease, LeaseStore
from tests.support.mongo import At

Database = AsyncDatabase[dict[str, Any]]

MS = timedelta(milliseconds=1)
ANA, BEN = Holder("a1", "a", "ana's $machine"), Holder("b1", "b", "ben")


@pytest.fixture
def leases(db: Database, at: At) -> LeaseStore:
    """A store that goes by `at`."""
    return LeaseStore(db, at)


@pytest.fixture
def ask(leases: LeaseStore) -> Callable[..., Any]:
    """Ask for the lease of one bot."""

    async def ask(me: Holder, polled_ago: timedelta | None = None, *, may_resume: bool = False) -> Lease:
        return await leases.ask("bot", me, polled_ago=polled_ago, may_resume=may_resume)

    return ask


async def test_the_first_has_it_until_its_end(ask: Callable[..., Any], at: At) -> None:
    """To the millisecond: then the next one takes it, and the first one does not get it back."""
    first = await ask(ANA)
    assert (first.is_ours, first.term, first.host) == (True, 1, ANA.host)
    at.now += TTL - MS
    second = await ask(BEN)
    assert (second.is_ours, second.term, second.service, second.host) == (False, 1, "a", ANA.host)
    at.now += MS
    assert (await ask(BEN)).is_ours
    stalled = await ask(ANA)
    assert (stalled.is_ours, stalled.term, stalled.host) == (False, 2, "ben")


async def test_mongodbs_clock_is_set_back(ask: Callable[..., Any], at: At) -> None:
    """A lease that ends much further away than any can is free, to the millisecond; members of a replica set
    may differ a little."""
    await ask(ANA)
    at.now -= TTL
    assert not (await ask(BEN)).is_ours
    at.now -= MS
    assert (await ask(BEN)).is_ours


async def test_it_is_renewed(ask: Callable[..., Any], at: At) -> None:
    """Each question of the holder counts for as long again, late ones too if nobody else has asked."""
    for wait in (TTL - MS, TTL - MS, 3 * TTL):
        await ask(ANA)
        at.now += wait
    assert (await ask(ANA)).term == 1
    at.now += TTL - MS
    assert not (await ask(BEN)).is_ours


async def test_the_next_run_of_the_same_service_takes_it_at_once(ask: Callable[..., Any]) -> None:
    """Its predecessor on the same journal is dead; but a copy of the journal gets no second chance."""
    await ask(ANA)
    again = Holder("a2", ANA.service, ANA.host)
    assert not (await ask(again)).is_ours
    resumed = await ask(again, may_resume=True)
    assert (resumed.is_ours, resumed.term) == (True, 2)
    assert not (await ask(ANA)).is_ours
    assert not (await ask(BEN, may_resume=True)).is_ours


async def test_who_makes_way_is_followed_at_once(ask: Callable[..., Any], leases: LeaseStore) -> None:
    """Only the holder can: what a predecessor releases late is the successor's."""
    await ask(ANA)
    await leases.release("bot", BEN)
    assert not (await ask(BEN)).is_ours
    await leases.release("bot", ANA)
    taken = await ask(BEN)
    assert (taken.is_ours, [peer.service for peer in taken.peers]) == (True, ["b"])
    await leases.release("bot", ANA)
    assert not (await ask(ANA)).is_ours


async def test_the_last_poll_is_handed_down(ask: Callable[..., Any], at: At) -> None:
    """Whoever takes over knows how long nobody has polled; only the holder's polls count."""
    assert (await ask(ANA)).polled_ago is None
    await ask(ANA, timedelta(seconds=2))
    at.now += timedelta(seconds=5)
    assert (await ask(BEN, timedelta(0))).polled_ago == timedelta(seconds=7)
    at.now += TTL
    taken = await ask(BEN)
    assert (taken.is_ours, taken.polled_ago) == (True, timedelta(seconds=7) + TTL)
    assert (await ask(BEN, timedelta(hours=1))).polled_ago == timedelta(seconds=7) + TTL


async def test_who_is_there(ask: Callable[..., Any], leases: LeaseStore, at: At) -> None:
    """Services are listed as long as they have been heard of lately, and for some minutes more as lost."""
    await ask(ANA)
    at.now += TTL - MS
    await ask(BEN)
    assert await leases.peers("bot") == (
        Peer("a", ANA.host, TTL - MS, polls=True),
        Peer("b", "ben", timedelta(0), polls=False),
    )
    assert [peer.is_alive for peer in await leases.peers("bot")] == [True, True]
    at.now += MS
    assert [peer.is_alive for peer in await leases.peers("bot")] == [False, True]
    at.now += timedelta(minutes=5)
    await ask(BEN)
    assert [peer.service for peer in await leases.peers("bot")] == ["b"]
    assert await leases.peers("another bot") == ()


async def test_who_may_not_take_over(leases: LeaseStore, at: At) -> None:
    """After MongoDB was away an expired lease is its holder's; one that nobody ever had is free."""
    first = await leases.ask("bot", ANA, polled_ago=None, may_resume=False, may_take_over=False)
    assert first.is_ours
    at.now += 10 * TTL
    assert not (await leases.ask("bot", BEN, polled_ago=None, may_resume=False, may_take_over=False)).is_ours
    renewed = await leases.ask("bot", ANA, polled_ago=None, may_resume=False, may_take_over=False)
    assert (renewed.is_ours, renewed.term) == (True, 1)


async def test_two_bots_on_one_database(leases: LeaseStore) -> None:
    """Each has its own lease."""
    for bot, me in (("one", ANA), ("two", BEN)):
        assert (await leases.ask(bot, me, polled_ago=None, may_resume=False)).is_ours


async def test_many_that_ask_at_once(db: Database) -> None:
    """By MongoDB's own clock: exactly one gets it, also on an empty collection."""
    for number in range(10):
        leases = LeaseStore(db)
        asked = await asyncio.gather(
            *(
                leases.ask(f"bot-{number}", Holder(f"{i}", f"{i}", "host"), polled_ago=None, may_resume=True)
                for i in range(8)
            )
        )
        assert sum(lease.is_ours for lease in asked) == 1
        assert {lease.term for lease in asked} == {1}
