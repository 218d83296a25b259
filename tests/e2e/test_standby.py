"""Several services with one token and one database: one polls and sends, the others stand by."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from bot.core.inbox.lease import TTL
from bot.sandbox.world import User
from tests.support.bot import ADMIN, ATHLETES, Crowd, Rig
from tests.support.processes import Mongod, Program, wait_until

TAKEN_OVER_WITHIN = 30
ANA, BEN = ATHLETES[:2]


@pytest.fixture
async def pair(tmp_path: Path, mongo_url: str) -> AsyncIterator[Rig]:
    """A service that polls, and one that stands by."""
    async with Rig(tmp_path / "bot", mongo_url=mongo_url) as rig:
        await rig.start()
        await stand_by(rig, tmp_path)
        yield rig


async def stand_by(rig: Rig, folder: Path) -> Program:
    """Start a second service, on a journal of its own."""
    bot = await rig.launch(DATA_DIR=str(folder / "second"))
    await wait_until(lambda: "standing by" in bot.log, 30, "it stands by", otherwise=lambda: bot.log)
    return bot


def conflicts(rig: Rig) -> list[int]:
    """The polls that Telegram has ended for another one."""
    return [call["status"] for call in rig.calls("getUpdates") if call["status"] == 409]


async def polled_by(rig: Rig, bot: Program, timeout: float, since: int) -> None:
    """Return when a service has taken over, and has polled since some call."""
    await wait_until(
        lambda: "taking over" in bot.log, timeout, "it takes over", otherwise=lambda: bot.log[-2000:]
    )
    await wait_until(
        lambda: any(call["status"] == 200 for call in rig.calls("getUpdates", since)), timeout, "it polls"
    )


async def test_the_standby_takes_over_when_the_other_is_killed(pair: Rig, rng: random.Random) -> None:
    """Within half a minute; no tap is lost, nobody is disturbed, and the admin hears of it once."""
    crowd = Crowd(pair, rng, sessions=5)
    crowd.tap(20)
    await pair.answered(crowd.taps)
    first, second = pair.bots
    crowd.tap(20)
    await first.kill()
    killed = pair.next_call()
    crowd.tap(20)
    await polled_by(pair, second, TAKEN_OVER_WITHIN, killed)
    crowd.tap(20)
    await crowd.settled()
    assert conflicts(pair) == []
    [told] = await pair.messages(ADMIN, 1)
    assert "has taken over: nothing has been heard of" in told["text"]
    # Nothing was missed, so nobody is asked again.
    assert "asking again" not in second.log
    # The other one is back, and stands by in its turn.
    first = await pair.launch()
    await wait_until(lambda: "standing by" in first.log, 30, "it stands by", otherwise=lambda: first.log)
    crowd.tap(20)
    await crowd.settled()
    assert conflicts(pair) == []


async def test_an_orderly_end_is_followed_at_once(pair: Rig) -> None:
    """Whoever is stopped makes way; and its next run stands by."""
    first, second = pair.bots
    told = pair.next_call()
    assert await first.terminate() == 0
    await polled_by(pair, second, TTL.total_seconds() / 2, told)
    assert "has made way" in second.log
    question = pair.ask("run", "s", ANA)
    await pair.answered([pair.world.tap(ANA, question, User(ANA), button=0)])
    assert pair.world.messages(ADMIN) == []
    assert conflicts(pair) == []


async def test_a_stalled_one_does_no_harm(pair: Rig, rng: random.Random) -> None:
    """Stopped with updates in its hands, it wakes up when newer answers stand: they stay, it stands by."""
    first, second = pair.bots
    crowd = Crowd(pair, rng, sessions=5)
    crowd.tap(30)
    first.signal(signal.SIGSTOP)
    stopped = pair.next_call()
    crowd.tap(30)
    await polled_by(pair, second, TAKEN_OVER_WITHIN, stopped)
    crowd.tap(30)
    await crowd.settled()
    first.signal(signal.SIGCONT)
    await wait_until(lambda: "standing by" in first.log, 30, "it stands by", otherwise=lambda: first.log)
    crowd.tap(30)
    await crowd.settled()
    assert await crowd.unkept_promises() == []
    found = await pair.command("doctor")
    assert f"(process {first.pid}) stands by" in found.out
    assert f"(process {second.pid}) polls" in found.out
    assert conflicts(pair)[1:] == []  # the poll in which it was stalled is ended by that of the new one


async def test_an_outage_of_mongodb_is_no_takeover(tmp_path: Path, mongod: Mongod) -> None:
    """For longer than a lease lasts: whoever polled goes on, and nobody is told of a death or asked again."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        first = await rig.start()
        second = await stand_by(rig, tmp_path)
        question = rig.ask("run", "s", ANA)
        await mongod.kill()
        await asyncio.sleep(TTL.total_seconds() + 3)
        tap = rig.world.tap(ANA, question, User(ANA), button=0)
        await rig.answered([tap])
        await mongod.start()
        await rig.stored(1)
        await asyncio.sleep(10)  # both have asked by now
        assert "taking over" not in first.log + second.log
        assert "asking again" not in first.log + second.log
        assert rig.world.messages(ADMIN) == []
        assert conflicts(rig) == []


async def test_what_the_dead_one_had_not_stored_is_stored_later(tmp_path: Path, mongod: Mongod) -> None:
    """Its journal is drained when it returns; answers that others have stored since are newer, and stand."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        first = await rig.start()
        second = await stand_by(rig, tmp_path)
        questions = {user: rig.ask("run", "s", user) for user in (ANA, BEN)}
        async with mongod.paused():
            old = [rig.world.tap(user, questions[user], User(user), button=0) for user in questions]
            await rig.answered(old)
            assert not any("Saved" in (tap.answer or "") for tap in old)
            # Confirmed, so that Telegram gives them to nobody else.
            await wait_until(lambda: rig.world.pending() == 0, 10, "the taps are confirmed")
            await first.kill()
            killed = rig.next_call()
        await polled_by(rig, second, TAKEN_OVER_WITHIN, killed)
        new = rig.world.tap(ANA, questions[ANA], User(ANA), button=1)
        await rig.answered([new])
        assert [(event["userId"], event["type"]) for event in await rig.stored(1)] == [(ANA, "skipped")]
        first = await rig.launch()
        stored = await rig.stored(2, timeout=30)
        assert {(event["userId"], event["type"]) for event in stored} == {(ANA, "skipped"), (BEN, "done")}
        assert "standing by" in first.log


async def test_one_of_them_sends_and_keeps_the_limits(pair: Rig) -> None:
    """Every question once; a second between the messages of a chat."""
    chats, each = range(1_000, 1_050), 3
    await pair.db["session_prompts"].insert_many(
        [
            {"runId": f"run-{number}", "sessionId": "s", "chatId": str(chat), "title": f"Session {number}"}
            for number in range(each)
            for chat in chats
        ]
    )
    for chat in chats:
        messages = await pair.messages(chat, each, timeout=60)
        assert len({message["text"] for message in messages}) == each
    sent = sorted((int(call["params"]["chat_id"]), call["at"]) for call in pair.calls("sendMessage"))
    assert len(sent) == each * len(chats)
    for (chat, earlier), (next_chat, later) in pairwise(sent):
        assert chat != next_chat or later - earlier >= 0.98, sent
    assert [bot.log.count("session sent") > 0 for bot in pair.bots] == [True, False]


async def test_the_standby_sends_when_the_other_is_killed(pair: Rig) -> None:
    """What is due meanwhile goes out within half a minute, and once."""
    first, second = pair.bots
    await first.kill()
    chats = range(1_000, 1_020)
    await pair.db["session_prompts"].insert_many(
        [{"runId": "run", "sessionId": "s", "chatId": str(chat), "title": "Session"} for chat in chats]
    )
    for chat in chats:
        await pair.messages(chat, 1, timeout=TAKEN_OVER_WITHIN)
    await asyncio.sleep(1)  # for what must not come
    assert [len(pair.world.messages(chat)) for chat in chats] == [1] * len(chats)
    assert second.log.count("session sent") == len(chats)


async def test_collections_that_are_dropped_get_their_indexes_again(tmp_path: Path, mongo_url: str) -> None:
    """Two services that plan at once ask once, although the collection is there anew, and taps go on."""
    folder = tmp_path / "bot"
    async with Rig(folder, mongo_url=mongo_url, ATHLETE_IDS=str(ANA), PROMPT_TIME="00:00") as rig:
        await rig.start()
        await stand_by(rig, tmp_path)
        today = datetime.now(UTC).date().isoformat()
        days = [{"date": today, "activity": f"Run {number}"} for number in range(5)]
        plan = {
            "runId": "R",
            "activityPlan": {"days": days},
            "justification": [],
            "createdAt": datetime.now(UTC),
        }
        await rig.db["plan_snapshots"].insert_one(plan)
        await rig.messages(ANA, 5)
        wanted = {
            name: await rig.db[name].index_information() for name in ("session_prompts", "feedback_events")
        }
        for turn in range(1, 4):
            for name in wanted:
                await rig.db[name].drop()
            # Both notice at once.
            await rig.db["plan_snapshots"].update_one({"runId": "R"}, {"$set": {"turn": turn}})
            messages = await rig.messages(ANA, 5 * (turn + 1), 60)
            tap = rig.tap(ANA, messages[-1]["message_id"])
            await rig.answered([tap])

            async def are_back() -> bool:
                return all([await rig.db[name].index_information() == wanted[name] for name in wanted])

            await wait_until(are_back, 30, "the indexes are back", poll=0.2)
            assert len(await rig.prompts()) == 5
            assert len(await rig.events()) == 1
        await asyncio.sleep(1)  # for what must not come
        assert len(rig.world.messages(ANA)) == 20
        assert any("indexes of" in bot.log and "were gone: made again" in bot.log for bot in rig.bots)
