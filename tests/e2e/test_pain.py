"""Pain told to the coach by a real bot: killed, held up by Telegram, and with nobody to tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.faults import Fault
from bot.sandbox.world import Json, User
from tests.support.bot import Rig
from tests.support.processes import wait_until

COACH = 900
ANA = User(42, "Ana", username="ana")
KIM = User(COACH, "Kim")


async def coach_reads(rig: Rig, words: str) -> None:
    """The coach's last message begins to hold some words."""
    await wait_until(lambda: words in rig.world.messages(COACH)[-1]["text"], 15, f"the coach reads {words!r}")


async def test_an_alert_outlives_the_bot(rig: Rig) -> None:
    """Killed with the alert in the outbox, it is sent once by the next bot; seen, and the athlete is told."""
    rig.settings["COACH_CHAT_ID"] = str(COACH)
    rig.faults.add(Fault("status", "sendMessage", times=None, status=429, retry_after=2))
    bot = await rig.start()
    question = rig.ask("run", "s", ANA.id)
    tap = rig.world.tap(ANA.id, question, ANA, button=3)
    await rig.answered([tap])
    assert "Saved: 🤕 Pain" in (tap.answer or "")
    # What was called saved is in the outbox already.
    letter = await rig.db["session_prompts"].find_one({"kind": "alert"})
    assert letter is not None
    await wait_until(lambda: bool(rig.faults.fired), 15, "it is tried")
    await rig.prompt_in_state("pending", kind="alert", claim=None, attempts={"$gte": 1})
    await bot.kill()
    rig.faults.clear()
    assert rig.world.messages(COACH) == []
    bot = await rig.start()
    (alert,) = await rig.messages(COACH, 1)
    assert alert["text"].startswith("🤕 Ana (@ana) reports pain.\n")
    await rig.prompt_in_state("sent", kind="alert")
    seen = rig.world.tap(COACH, alert["message_id"], KIM, button=0)
    await rig.answered([seen])
    assert "told that you have seen it" in (seen.answer or "")
    await rig.messages(ANA.id, 2)
    await wait_until(
        lambda: "Seen by Kim" in rig.world.message_of(COACH, alert["message_id"])["text"],
        15,
        "the alert says who has seen it",
    )
    assert "reply_markup" not in rig.world.message_of(COACH, alert["message_id"])
    assert len(rig.world.messages(COACH)) == 1
    assert [m["text"].split(" has seen")[0] for m in rig.world.messages(ANA.id)[1:]] == [
        "👀 Your coach (Kim)"
    ]
    # From elsewhere the same button does nothing.
    forged = rig.world.tap(ANA.id, question, ANA, data=seen.data, force=True)
    await rig.answered([forged])
    assert forged.alert
    listed = await rig.stats()
    assert listed["prompts"]["sent"] == 0
    assert listed["feedback_event_write_success_rate"] == 1.0
    # Whoever is to be told of pain is no stranger, but for what is others' business.
    rig.world.message(COACH, KIM, "/start")
    await coach_reads(rig, "This is the coach's chat")
    rig.world.message(COACH, KIM, "/stats")
    await coach_reads(rig, "/stats is for the admins")
    assert (await rig.stats())["taps"]["refused-command"] == listed["taps"].get("refused-command", 0) + 1
    assert "Kim" not in "".join(bot.log for bot in rig.bots)
    assert await bot.terminate() == 0


async def test_nobody_to_tell(rig: Rig) -> None:
    """Without COACH_CHAT_ID pain is saved like any other answer, and nobody gets a message."""
    bot = await rig.start()
    question = rig.ask("run", "s", ANA.id)
    await rig.answered([rig.world.tap(ANA.id, question, ANA, button=3)])
    await rig.stored(1, type="pain")
    assert await bot.terminate() == 0
    assert await rig.prompts() == []
    assert len(rig.world.messages(ANA.id)) == 1
    assert not rig.calls("sendMessage")


def labels(message: Json) -> list[str]:
    """The texts of a message's buttons, in reading order."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


async def press(rig: Rig, message: Json, label: str) -> Json:
    """Press a button of Ana's that is there; the message as it looks then."""
    message_id = message["message_id"]
    before = rig.world.message_of(ANA.id, message_id)
    tap = rig.world.tap(ANA.id, message_id, ANA, text=label)
    await rig.answered([tap])

    def looks() -> Json:
        return rig.world.message_of(ANA.id, message_id)

    await wait_until(lambda: looks() != before, 15, f"the message changes after {label}")
    return looks()


async def test_a_pain_from_its_first_word_to_its_end(rig: Rig) -> None:
    """Told by /pain, asked about the next morning although the bot is killed, worse, and gone; all by buttons
    that were really sent."""
    now = datetime.now(UTC)
    rig.settings |= {"COACH_CHAT_ID": str(COACH), "PAIN_CHECK": f"{now - timedelta(minutes=1):%H:%M}"}
    bot = await rig.start()
    rig.world.message(ANA.id, ANA, "/dolor")
    [message] = (await rig.messages(ANA.id, 2))[1:]
    message = await press(rig, message, "knee")
    message = await press(rig, message, "left")
    message = await press(rig, message, "4")
    assert message["text"] == (
        "🤕 Noted: knee (left), 4/10. I ask how it is until you say that it is gone. Your coach is told."
    )
    await coach_reads(rig, "Hurts: knee (left), 4/10")
    assert len(rig.world.messages(COACH)) == 1
    # It becomes yesterday's; the bot is killed, and the next one asks.
    await bot.kill()
    back: dict[str, Any] = {"$set": {}}
    for name in ("pain_reports", "pain_episodes"):
        async for document in rig.db[name].find({}):
            back["$set"] = _a_day_before(document)
            await rig.db[name].update_one({"_id": document["_id"]}, back)
    bot = await rig.start()
    [asked] = (await rig.messages(ANA.id, 3))[2:]
    assert asked["text"] == "🤕 How is it by now: knee (left), 4/10?"
    assert labels(asked) == ["🙂 Gone", "😐 The same", "🙁 Worse"]
    await rig.prompt_in_state("sent", kind="pain")
    asked = await press(rig, asked, "🙁 Worse")
    await bot.kill()
    bot = await rig.start()
    await rig.messages(COACH, 2)
    await coach_reads(rig, "it has got worse")
    asked = await press(rig, asked, "7")
    await rig.messages(COACH, 3)
    await coach_reads(rig, "Hurts: knee (left), 7/10")
    assert asked["text"].endswith("Thank you, noted.")
    [pain] = await rig.db["pain_episodes"].find({}).to_list()
    assert (pain["pain"], pain["closedAt"]) == ({"where": "knee", "side": "left", "level": 7}, None)
    rig.world.message(ANA.id, ANA, "/pain left knee 0")
    await rig.messages(ANA.id, 5)
    [pain] = await rig.db["pain_episodes"].find({}).to_list()
    assert pain["closedAt"] is not None
    assert len(rig.world.messages(COACH)) == 3
    assert len([it for it in rig.world.messages(ANA.id) if "by now" in it["text"]]) == 0
    assert await bot.terminate() == 0


def _a_day_before(value: Any) -> Any:
    """A document with all its instants a day earlier."""
    if isinstance(value, datetime):
        return value - timedelta(days=1)
    if isinstance(value, dict):
        return {name: _a_day_before(item) for name, item in value.items() if name != "_id"}
    return value
