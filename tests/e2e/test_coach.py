"""Athletes and their coaches talk through a real bot, which is killed meanwhile."""

from __future__ import annotations

from bot.sandbox.faults import Fault
from bot.sandbox.world import User
from tests.support.bot import Rig
from tests.support.processes import wait_until

COACHES = -1_001_234_567_890
ANA, BEN = User(42, "Ana"), User(43, "Ben")
LEE, MIA = User(900, "Lee"), User(901, "Mia")
MALLORY = User(666, "Mallory")


async def said(rig: Rig, chat: int, words: str) -> int:
    """The id of the bot's message with these words, once it is there."""

    def found() -> list[int]:
        its = [it for it in rig.world.messages(chat) if it["from"]["is_bot"] and words in it.get("text", "")]
        return [it["message_id"] for it in its]

    await wait_until(lambda: bool(found()), 20, f"{words!r} in chat {chat}")
    return found()[-1]


def of_bot(rig: Rig, chat: int) -> list[str]:
    """What the bot has said in a chat; "📎" for what is no text."""
    return [it.get("text", "📎") for it in rig.world.messages(chat) if it["from"]["is_bot"]]


async def test_a_talk_that_outlives_the_bot(rig: Rig) -> None:
    """Killed with each word on its way, all of them arrive once, in order, at whom they are for."""
    rig.settings["COACH_CHAT_ID"] = str(COACHES)
    bot = await rig.start()
    await rig.answered([rig.world.tap(ANA.id, rig.ask("run", "s", ANA.id), ANA, button=3)])
    alert = await said(rig, COACHES, "reports pain")
    # The coach's words are in the outbox, and Telegram takes nothing.
    rig.faults.add(Fault("status", "sendMessage", times=None, status=429, retry_after=1))
    rig.world.message(COACHES, LEE, "Rest <today>", reply_to=alert)
    rig.world.message(COACHES, MIA, "and ice", reply_to=alert)
    await wait_until(lambda: bool(rig.faults.fired), 20, "it is tried")

    async def kept() -> bool:
        return await rig.db["session_prompts"].count_documents({"kind": "word"}) == 2

    await wait_until(kept, 20, "both are in the outbox")
    await bot.kill()
    # What is written while it is away is delivered when it is back.
    rig.world.message(COACHES, LEE, "for a week", reply_to=alert)
    rig.faults.clear()
    assert len(of_bot(rig, ANA.id)) == 1
    bot = await rig.start()
    word = await said(rig, ANA.id, "for a week")
    assert of_bot(rig, ANA.id)[1:] == [
        "💬 Lee (coach):\nRest <today>", "💬 Mia (coach):\nand ice", "💬 Lee (coach):\nfor a week",
    ]  # fmt: skip
    # The athlete answers, the bot is killed with that in its journal, and goes on.
    rig.faults.add(Fault("status", "sendMessage", times=None, status=429, retry_after=1))
    rig.world.message(ANA.id, ANA, "Thanks!", reply_to=word)
    await wait_until(lambda: rig.world.pending() == 0, 20, "it is received")
    await bot.kill()
    rig.faults.clear()
    bot = await rig.start()
    relayed = await said(rig, COACHES, "💬 Ana:\nThanks!")
    # And so on; with a photo, in a reply to that.
    rig.world.wordless(COACHES, MIA, "photo", caption="Like this", reply_to=relayed)
    await wait_until(lambda: of_bot(rig, ANA.id)[-1] == "📎", 20, "the photo arrives")
    assert of_bot(rig, ANA.id)[-2] == "💬 Mia (coach):\nLike this"
    assert of_bot(rig, COACHES).count("💬 Ana:\nThanks!") == 1
    assert of_bot(rig, BEN.id) == []
    assert await bot.terminate() == 0
    log = "".join(bot.log for bot in rig.bots)
    assert not [it for it in ("Thanks!", "for a week", "Like this") if it in log]
    # Everything is the athlete's own, to be seen and to be deleted.
    assert await rig.db["coach_messages"].count_documents({"userId": ANA.id}) == 5


async def test_the_coachs_commands_and_the_rest_of_the_talk(rig: Rig) -> None:
    """The day, a line of it that is replied to, /ask; coaches' own talk is none of the bot's business."""
    rig.settings["COACH_CHAT_ID"] = str(COACHES)
    bot = await rig.start()
    for athlete in (ANA, BEN):
        rig.world.message(athlete.id, athlete, "/start")
        await said(rig, athlete.id, "Hello")
    name = (rig.world.get_me())["username"]
    before = len(of_bot(rig, COACHES))
    rig.world.message(COACHES, LEE, "What do you think of Ana, Mia?")
    rig.world.message(COACHES, LEE, f"@{name} tell her to rest")
    await said(rig, COACHES, "To write to an athlete, reply")
    assert len(of_bot(rig, COACHES)) == before + 1
    rig.world.message(COACHES, LEE, f"/help@{name}")
    await said(rig, COACHES, "/today shows")
    rig.world.message(COACHES, LEE, "/ask 43 how are you?")
    word = await said(rig, BEN.id, "💬 Lee (coach):\nhow are you?")
    rig.world.message(BEN.id, BEN, "Fine, and I am away next week", reply_to=word)
    relayed = await said(rig, COACHES, "I am away next week")
    rig.world.message(ANA.id, ANA, "What about Sunday?")
    await said(rig, ANA.id, "Passed on to your coach")
    await said(rig, COACHES, "💬 Ana:\nWhat about Sunday?")
    for athlete in (ANA, BEN):
        rig.ask("run", f"for {athlete.first_name}", athlete.id)
    await rig.answered([rig.world.tap(ANA.id, rig.ask("run", "t", ANA.id), ANA, button=0)])
    await rig.stored(1)
    rig.world.message(COACHES, LEE, "/today")
    today = await said(rig, COACHES, "1 of 1 answered")
    rig.world.message(COACHES, LEE, "Well done", reply_to=today, quote="t")
    await said(rig, ANA.id, "💬 Lee (coach):\nWell done")
    # From anywhere else nobody can do any of it, whatever they reply to.
    refused = (await rig.stats())["taps"].get("refused-command", 0)
    rig.world.message(MALLORY.id, MALLORY, "/ask 43 pay me")
    await said(rig, MALLORY.id, "coach's chat")
    rig.world.message(-777, MALLORY, "/ask 43 pay me")
    await said(rig, -777, "coach's chat")
    rig.world.message(BEN.id, BEN, "/today")
    await said(rig, BEN.id, "coach's chat")
    assert (await rig.stats())["taps"]["refused-command"] == refused + 3
    # Who has everything deleted leaves no words.
    rig.world.message(BEN.id, BEN, "/forgetme")
    warning = await said(rig, BEN.id, "Do you want that?")
    await rig.answered([rig.world.tap(BEN.id, warning, BEN, button=0)])

    async def gone() -> bool:
        return not await rig.db["coach_messages"].count_documents({"userId": BEN.id})

    await wait_until(gone, 20, "Ben's words are gone")
    assert await rig.db["session_prompts"].count_documents({"kind": "word", "about.userId": BEN.id}) == 0
    before = len(of_bot(rig, COACHES))
    rig.world.message(COACHES, LEE, "Still there?", reply_to=relayed)
    await wait_until(lambda: len(of_bot(rig, COACHES)) > before, 20, "the coach is told something")
    assert "reply to a message about them" in of_bot(rig, COACHES)[-1]
    assert await rig.db["coach_messages"].count_documents({"userId": BEN.id}) == 0
    assert await bot.terminate() == 0
