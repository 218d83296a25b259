"""What a day costs an athlete, counted over the local Bot API: taps, and messages of the bot's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.world import Json, User
from tests.support.bot import ATHLETES, Rig
from tests.support.processes import wait_until

ANA = User(ATHLETES[0], "Ana")
CALLS = ("sendMessage", "editMessageText", "editMessageReplyMarkup", "sendPhoto", "sendDocument")


@pytest.fixture
async def rig(tmp_path: Path, mongo_url: str) -> AsyncIterator[Rig]:
    """A bot with one athlete."""
    async with Rig(tmp_path, mongo_url=mongo_url, ATHLETE_IDS=str(ANA.id)) as rig:
        yield rig


def rows(message: Json) -> list[list[Json]]:
    """The buttons of a message."""
    found: list[list[Json]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return found


def labels(message: Json) -> list[str]:
    """What stands on them."""
    return [button["text"] for row in rows(message) for button in row]


class Day:
    """The athlete's chat, in which every tap is counted."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.taps = 0

    def message(self, number: int = 0) -> Json:
        """A message as it is now."""
        return self.rig.world.messages(ANA.id)[number]

    async def asked(self, session_id: str, **fields: Any) -> int:
        """A question; returns its place among the messages."""
        before = len(self.rig.world.messages(ANA.id))
        await self.rig.db["session_prompts"].insert_one(
            {"runId": "r", "sessionId": session_id, "chatId": str(ANA.id), "userId": ANA.id, **fields}
        )
        await self.rig.messages(ANA.id, before + 1)
        await self.rig.prompt_in_state("sent", sessionId=session_id)
        return before

    async def tap(self, label: str, shown: str, number: int = 0) -> None:
        """A tap, until the message says so."""
        self.taps += 1
        message = self.message(number)
        self.rig.world.tap(ANA.id, message["message_id"], ANA, text=label)
        await wait_until(lambda: shown in self.message(number)["text"], 15, f"it says {shown!r}")

    def calls(self) -> list[str]:
        """What the bot did in the chat."""
        found = self.rig.world.ledger.calls()
        return [it["method"] for it in found if it["method"] in CALLS and it["params"].get("chat_id")]


async def test_done_and_how_hard(rig: Rig) -> None:
    """Two taps, one message, which is edited in place; the answer is green and the pain red."""
    await rig.start()
    day = Day(rig)
    await day.asked("tue", title="Tempo")
    assert [button.get("style") for row in rows(day.message()) for button in row] == [
        "success", None, None, "danger", None,
    ]  # fmt: skip
    await day.tap("✅ Done", "How hard was the session as a whole")
    await day.tap("7", "Effort (RPE) 7")
    assert day.taps == 2
    (event,) = await rig.stored(1)
    assert (event["type"], event["rpe"]) == ("done", 7)
    assert len(rig.world.messages(ANA.id)) == 1
    assert day.calls() == ["sendMessage", "editMessageText", "editMessageText"]


async def test_what_is_different_costs_one_tap_more(rig: Rig) -> None:
    """Shortened: done, shortened, how hard. Moved: skipped, moved. Each in its one message."""
    await rig.start()
    day = Day(rig)
    await day.asked("tue")
    await day.tap("✅ Done", "How hard was the session as a whole")
    await day.tap("shortened", "Changed: shortened")
    await day.tap("4", "Effort (RPE) 4")
    assert (day.taps, len(rig.world.messages(ANA.id))) == (3, 1)
    other = await day.asked("wed")
    await day.tap("⏭ Skipped", "What kept you from it?", other)
    await day.tap("moved to another day", "Changed: moved to another day", other)
    assert (day.taps, len(rig.world.messages(ANA.id))) == (5, 2)
    assert "What kept you from it?" not in day.message(other)["text"]
    events = {event["sessionId"]: event for event in await rig.stored(2)}
    assert (events["tue"]["change"], events["tue"]["rpe"]) == ("shortened", 4)
    assert (events["wed"]["change"], "reason" in events["wed"]) == ("moved", False)
    # Another answer takes with it what belongs to the one before.
    await day.tap("✅ Done", "How hard was the session as a whole", other)
    events = {event["sessionId"]: event for event in await rig.events()}
    assert "change" not in events["wed"]


async def test_pending_leaves_one_truth(rig: Rig) -> None:
    """The older message has no buttons and says where the question is; with the answer "Still unanswered"
    goes, and both say so. A kill in between leaves nothing behind."""
    bot = await rig.start()
    day = Day(rig)
    await day.asked("tue", title="Tempo")
    rig.world.message(ANA.id, ANA, "/pending")
    await wait_until(lambda: len(rig.world.messages(ANA.id)) >= 4, 15, "it is asked again")
    again = next(
        number for number, it in enumerate(rig.world.messages(ANA.id)) if "Still unanswered" in it["text"]
    )
    await wait_until(lambda: "⤵️ Asked again below." in day.message()["text"], 15, "the older one says so")
    assert labels(day.message()) == []
    await bot.kill()
    rig.world.tap(ANA.id, day.message(again)["message_id"], ANA, text="✅ Done")
    await rig.start()
    await wait_until(lambda: "⤵️ Answered below." in day.message()["text"], 30, "the older one says so")
    await wait_until(lambda: "➜ ✅ Done" in day.message(again)["text"], 15, "the newer one shows it")
    assert "Still unanswered" not in day.message(again)["text"]


async def test_taps_without_their_message(rig: Rig) -> None:
    """In Telegram's mode `inline` taps come without it: the question's record tells where it stands."""
    rig.world.callback_query_mode = "inline"
    await rig.start()
    day = Day(rig)
    await day.asked("tue", title="Tempo")
    message_id = day.message()["message_id"]
    rig.world.tap(ANA.id, message_id, ANA, text="✅ Done")
    await wait_until(lambda: "6" in labels(day.message()), 15, "effort is asked")
    rig.world.tap(ANA.id, message_id, ANA, text="6")
    await wait_until(lambda: "✏️ RPE 6" in labels(day.message()), 15, "the buttons show it")
    (event,) = await rig.stored(1)
    assert (event["type"], event["rpe"], event["chatId"]) == ("done", 6, str(ANA.id))
    assert event["messageId"] == message_id
    doctor = await rig.command("doctor")
    assert "callback_query_mode is inline" in doctor.out
    # Nobody else's question, whoever sends its payload.
    stranger = rig.world.tap(ANA.id, message_id, User(4242), data="session_feedback|r|tue|pain", force=True)
    await rig.answered([stranger])
    assert (await rig.events())[0]["type"] == "done"


async def test_a_session_besides_the_plan(rig: Rig) -> None:
    """/log: a word in the chat and three taps, one message of the bot's; it is no answer to a question."""
    await rig.start()
    day = Day(rig)
    rig.world.message(ANA.id, ANA, "/log")
    await rig.messages(ANA.id, 2)
    number = 1
    await day.tap("🏃 run", "how long was it?", number)
    await day.tap("45 min", "How hard was the session as a whole", number)
    await day.tap("6", "Effort (RPE) 6", number)
    (event,) = await rig.stored(1)
    assert (event["logged"], event["rpe"]) == ({"what": "run", "minutes": 45}, 6)
    assert len(rig.world.messages(ANA.id)) == 2
    assert (await rig.stats())["answers"]["done"] == 0
