"""Updates that nobody can read, taps that come at once, again, or out of order."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.world import User, World
from tests.support.bot import ATHLETES, TYPES, Crowd, Rig
from tests.support.processes import wait_until

ATHLETE = ATHLETES[0]


def query(**changes: Any) -> dict[str, Any]:
    """A tap in the wire form, with changes; None leaves a field out."""
    fields = {
        "id": "4711",
        "from": {"id": ATHLETE, "is_bot": False, "first_name": "A"},
        "message": {"message_id": 1, "date": 1_760_000_000, "chat": {"id": ATHLETE, "type": "private"}},
        "chat_instance": "1",
        "data": "session_feedback|poison|s|done",
        **changes,
    }
    return {"callback_query": {name: value for name, value in fields.items() if value is not None}}


def nested(depth: int) -> str:
    """An update whose message nests lists that deep."""
    return '{"callback_query":{"id":"1","from":' + "[" * depth + "]" * depth + "}}"


POISONS = {
    "callback_query is a text": '{"callback_query":"gotcha"}',
    "callback_query is null": '{"callback_query":null}',
    "no from": json.dumps(query(**{"from": None})),
    "user id beyond 64 bits": json.dumps(query(**{"from": {"id": 10**30, "first_name": "A"}})),
    "user id beyond all numbers": '{"callback_query":{"id":"1","from":{"id":1e999}}}',
    "number with 5,000 digits": '{"callback_query":{"id":"1","from":{"id":' + "9" * 5_000 + "}}}",
    "nested 300 deep": nested(300),
    "nested 100,000 deep": nested(100_000),
    "lone surrogate as query id": json.dumps(query(id="\ud800")),
    "lone surrogates where ids should be": json.dumps(query(**{"from": {"id": "\udfff"}})),
    "message is a number": '{"message":5}',
}


@pytest.mark.parametrize("kind", POISONS)
async def test_a_poison_update_among_a_hundred(kind: str, rig: Rig) -> None:
    """99 taps are stored around one update that cannot be read, which becomes the only dead letter."""
    bot = await rig.start()
    message_ids = [rig.ask("run", f"s{number}", ATHLETE) for number in range(99)]
    taps = []
    for number, message_id in enumerate(message_ids):
        if number == 50:
            rig.world.inject_raw(POISONS[kind])
        taps.append(rig.world.tap(ATHLETE, message_id, User(ATHLETE), button=0))
    await rig.stored(99, 15)
    await rig.answered(taps)
    await wait_until(lambda: rig.world.pending() == 0, 10, "all is confirmed")
    stats = await rig.stats()
    assert (stats["deadLetters"], stats["taps"]["written"]) == (1, 99)
    assert bot.is_running


async def test_an_update_without_an_id(rig: Rig) -> None:
    """An update that can never be confirmed is kept once as a dead letter; those beside it are stored."""
    await rig.start()
    message_ids = [rig.ask("run", f"s{number}", ATHLETE) for number in range(99)]
    bodies = capture_updates(rig, message_ids)
    batch = [*bodies[:50], json.dumps(query()), *bodies[50:]]
    reply = f'{{"ok":true,"result":[{",".join(batch)}]}}'
    # Not confirmed by any offset, so Telegram would send it again and again.
    rig.faults.add(Fault("status", "getUpdates", times=3, status=200, body=reply))
    rig.world.message(ATHLETE, User(ATHLETE), "/help")  # wakes a poll that waits, and changes nothing
    await rig.stored(99, 15)
    await wait_until(lambda: rig.faults.fired.get("status") == 3, 10, "it came three times")
    await wait_until(lambda: rig.world.pending() == 0, 10, "all is confirmed")
    assert (await rig.stats())["deadLetters"] == 1


def capture_updates(rig: Rig, message_ids: list[int]) -> list[str]:
    """The updates of one tap on each message, as Telegram sends them, taken out of the queue."""
    wake, rig.world.on_update = rig.world.on_update, None
    for number, message_id in enumerate(message_ids):
        rig.world.tap(ATHLETE, message_id, User(ATHLETE), button=number % 4)
    bodies = [update.body for update in rig.world.queue._waiting.values()]
    rig.world.queue.clear()
    rig.world.on_update = wake
    return bodies


def state_of(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What must be equal however the taps arrived: everything but the times of receipt, and the note of since
    when the answer stands."""
    own = ("_id", "timestamp", "receivedAt", "saidAt")
    return [{name: value for name, value in d.items() if name not in own} for d in documents]


async def deliver(rig: Rig, batches: list[list[str]]) -> None:
    """Let polls return these updates, whatever their ids and however often they came before."""
    for batch in batches:
        reply = f'{{"ok":true,"result":[{",".join(batch)}]}}'
        rig.faults.add(Fault("status", "getUpdates", times=1, status=200, body=reply))
    rig.world.message(ATHLETE, User(ATHLETE), "/help")  # wakes a poll that waits, and changes nothing
    await wait_until(lambda: rig.faults.fired.get("status") == len(batches), 30, "all batches are taken")
    await wait_until(lambda: rig.world.pending() == 0, 10, "all is confirmed")


async def everything_processed(rig: Rig) -> None:
    """Return when nothing is left in the journal."""

    async def done() -> bool:
        stats = await rig.stats()
        assert stats["deadLetters"] == 0
        return int(stats["waitingTaps"]) == 0

    await wait_until(done, 30, "the journal is empty", poll=0.2)


async def test_replayed_and_shuffled_updates(
    tmp_path: Path, mongo_url: str, rig: Rig, rng: random.Random
) -> None:
    """Every update in any order, once more after its confirmation or for the first time: the same state."""
    crowd = Crowd(rig, rng, sessions=20)
    crowd.tap(500)
    bodies = [update.body for update in rig.world.queue._waiting.values()]
    await rig.start()
    await crowd.settled()
    await wait_until(lambda: rig.world.pending() == 0, 10, "all is confirmed")
    before = state_of(await rig.events())

    shuffled = rng.sample(bodies, len(bodies))
    batches = [shuffled[i : i + 100] for i in range(0, len(shuffled), 100)]
    await deliver(rig, batches)
    await everything_processed(rig)
    assert state_of(await rig.events()) == before

    async with Rig(tmp_path / "second", mongo_url=mongo_url) as second:
        await second.start()
        await deliver(second, batches)
        await everything_processed(second)
        assert state_of(await second.events()) == before


async def test_two_hundred_taps_on_one_key(rig: Rig, rng: random.Random) -> None:
    """200 taps at once on one key give one document with the last of them, and no error."""
    bot = await rig.start()
    message_id = rig.ask("run", "s", ATHLETE)
    taps = [rig.world.tap(ATHLETE, message_id, User(ATHLETE), button=rng.randrange(4)) for _ in range(200)]
    await rig.answered(taps)
    await everything_processed(rig)
    (document,) = await rig.stored(1)
    assert document["updateId"] == taps[-1].update_id
    assert (await rig.stats())["deadLetters"] == 0
    assert " ERROR " not in bot.log


async def test_two_bots_on_one_key(tmp_path: Path, mongo_url: str, rng: random.Random) -> None:
    """Two bots that share a database and get first taps for the same keys at once: one document a key."""
    keys, rounds = 20, 10
    async with (
        Rig(tmp_path / "one", mongo_url=mongo_url) as one,
        Rig(
            tmp_path / "two",
            mongo_url=mongo_url,
            database=one.database,
            world=World(limits=None, query_lifetime=3600, first_update_id=100_000_500),
        ) as two,
    ):
        bots = await asyncio.gather(one.start(), two.start())
        taps = []
        for number in range(keys):
            message_ids = [(rig, rig.ask("run", f"s{number}", ATHLETE)) for rig in (one, two)]
            taps += [
                rig.world.tap(ATHLETE, message_id, User(ATHLETE), button=rng.randrange(4))
                for rig, message_id in message_ids * (rounds // 2)
            ]
        await asyncio.gather(*(rig.answered(rig.world.ledger.taps) for rig in (one, two)))
        documents = await one.stored(keys)
        last = {tap.data.split("|")[2]: tap for tap in two.world.ledger.taps}
        assert {(d["sessionId"], d["updateId"], d["type"]) for d in documents} == {
            (session, tap.update_id, tap.data.split("|")[3]) for session, tap in last.items()
        }
        assert {d["type"] for d in documents} <= set(TYPES)
        for rig in (one, two):
            assert (await rig.stats())["deadLetters"] == 0
        assert not [bot.log for bot in bots if " ERROR " in bot.log]
