"""Questions that did not arrive: they come when the athlete starts or unblocks the bot, and in time only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.limits import TELEGRAM_LIMITS
from bot.sandbox.world import Json, User
from tests.support.bot import ADMIN, ATHLETES, Rig
from tests.support.processes import Mongod, wait_until

ATHLETE = ATHLETES[0]
GROUP = -1_001_234_567_890


async def asked(rig: Rig, chat_id: int, number: int) -> list[Json]:
    """The questions in a chat, once there are so many."""

    def questions() -> list[Json]:
        found = [message for message in rig.world.messages(chat_id) if "reply_markup" in message]
        return found if len(found) >= number else []

    await wait_until(questions, 20, f"{number} questions in chat {chat_id}")
    return questions()


async def answer(rig: Rig, user_id: int, message: Json) -> None:
    """A tap on the first button, which is stored."""
    tap = rig.world.tap(message["chat"]["id"], message["message_id"], User(user_id), button=0)
    await rig.answered([tap])
    assert "Saved" in (tap.answer or "")


@pytest.mark.parametrize("closed", ["unknown", "not started", "blocked"])
async def test_it_comes_when_the_athlete_opens_the_chat(rig: Rig, closed: str) -> None:
    """Once each, in order, and can be answered; what cannot be answered any more does not come."""
    world = rig.world
    world.set_chat(
        ATHLETE,
        unknown=closed == "unknown" or None,
        started=False if closed == "not started" else None,
        blocked=closed == "blocked" or None,
    )
    await rig.start()
    now = datetime.now(UTC)
    await rig.db["session_prompts"].insert_many(
        [
            {"runId": "r", "sessionId": "second", "chatId": str(ATHLETE), "dueAt": now, "title": "second"},
            {
                "runId": "r",
                "sessionId": "first",
                "chatId": ATHLETE,
                "dueAt": now - timedelta(days=1),
                "title": "first",
            },
            {"runId": "r", "sessionId": "over", "chatId": ATHLETE, "dueAt": now - timedelta(days=15)},
        ]
    )
    for session_id in ("first", "second", "over"):
        await rig.prompt_in_state("undeliverable", sessionId=session_id)
    assert [m for m in world.messages(ATHLETE) if "reply_markup" in m] == []
    if closed == "blocked":
        world.set_chat(ATHLETE, blocked=False)
    else:
        world.message(ATHLETE, User(ATHLETE), "/start")
    messages = await asked(rig, ATHLETE, 2)
    assert "first" in messages[0]["text"]
    assert "second" in messages[1]["text"]
    await rig.prompt_in_state("expired", sessionId="over")
    await answer(rig, ATHLETE, messages[0])
    await rig.stored(1, sessionId="first", userId=ATHLETE)
    world.message(ATHLETE, User(ATHLETE), "/help")  # and nothing comes twice
    await wait_until(lambda: world.pending() == 0, 20, "all is taken")
    await rig.prompt_in_state("sent", sessionId="second")
    assert len(await asked(rig, ATHLETE, 2)) == 2


async def test_from_a_group_that_shut_the_bot_out(rig: Rig) -> None:
    """It comes when the bot is let in again, by whomever."""
    rig.world.set_chat(GROUP, blocked=True)
    await rig.start()
    assert (await rig.prompt("r", "s", GROUP)).status == 0
    refused = await rig.prompt_in_state("undeliverable", sessionId="s")
    assert "kicked from the supergroup" in refused["reason"]
    rig.world.set_chat(GROUP, blocked=False)
    [message] = await asked(rig, GROUP, 1)
    await answer(rig, ATHLETE, message)


async def test_whoever_is_killed_finds_the_start_in_the_journal(tmp_path: Path, mongod: Mongod) -> None:
    """MongoDB is away when the athlete starts the bot, and then the bot is killed: the question comes."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        rig.world.set_chat(ATHLETE, started=False)
        bot = await rig.start()
        assert (await rig.prompt("r", "s", ATHLETE)).status == 0
        await rig.prompt_in_state("undeliverable", sessionId="s")
        async with mongod.paused():
            rig.world.message(ATHLETE, User(ATHLETE), "/start")
            await wait_until(lambda: rig.world.pending() == 0, 20, "Telegram may forget the message")
            await bot.kill()
        await rig.prompt_in_state("undeliverable", sessionId="s")
        await rig.start()
        [message] = await asked(rig, ATHLETE, 1)
        await answer(rig, ATHLETE, message)


async def test_a_flood_of_what_is_due_stays_within_the_limits(rig: Rig) -> None:
    """Telegram's limits are on: 1 a second in a chat."""
    rig.world.limits = TELEGRAM_LIMITS
    rig.world.set_chat(ATHLETE, blocked=True)
    await rig.start()
    now = datetime.now(UTC)
    await rig.db["session_prompts"].insert_many(
        [
            {"runId": "r", "sessionId": str(hours), "chatId": ATHLETE, "dueAt": now - timedelta(hours=hours)}
            for hours in range(5)
        ]
    )
    for hours in range(5):
        await rig.prompt_in_state("undeliverable", sessionId=str(hours))
    rig.world.set_chat(ATHLETE, blocked=False)
    await asked(rig, ATHLETE, 5)
    order = await rig.db["session_prompts"].find({"state": "sent"}).sort("messageId", 1).to_list()
    assert [document["sessionId"] for document in order] == ["4", "3", "2", "1", "0"]
    calls = [call for call in rig.calls("sendMessage") if int(call["params"]["chat_id"]) == ATHLETE]
    assert [call["status"] for call in calls] == [403] * 5 + [200] * 5


async def test_admins_are_told_once_and_the_coach_has_it_tried_again(rig: Rig) -> None:
    """Not for each question, nor after a restart; `prompt` says what is known, and queues it once more."""
    rig.world.set_chat(ATHLETE, started=False)
    bot = await rig.start()
    assert (await rig.prompt("r", "first", ATHLETE)).err == ""
    [told] = await rig.messages(ADMIN, 1, 30)
    assert f"Has not started the bot: {ATHLETE}." in told["text"]
    second = await rig.prompt("r", "second", ATHLETE)
    assert "they open the bot in Telegram and press Start" in second.err
    await rig.prompt_in_state("undeliverable", sessionId="second")
    await bot.terminate()
    await rig.start()
    again = await rig.prompt("r", "first", ATHLETE)
    assert "queued once more" in again.out
    await wait_until(lambda: len(rig.calls("sendMessage")) >= 4, 20, "it is tried")
    await rig.prompt_in_state("undeliverable", sessionId="first")
    assert len(rig.world.messages(ADMIN)) == 1
