"""Words between athletes and the coach, over a local Bot API server: they arrive, once, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.answers.rules import NotWritten
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.people.tombstone import DataSubject
from bot.core.prompts.prompt import LEASE
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.reactions import Reaction
from bot.services.chat.button_actions import ActionDone
from bot.store.people.tombstones import TombstoneStore
from bot.store.personal_data import PersonalStore
from bot.tasks import end_tasks
from tests.support.desk import ANA, BEN, COACH_CHAT, NOW, Database, Desk, killed_at, open_desk
from tests.support.processes import wait_until

LEE, MIA = 99, 98
QUESTION = {
    "runId": "r", "sessionId": "s", "chatId": "7", "title": "Tempo", "date": "2026-02-16",
    "state": "sent", "sentAt": NOW, "dueAt": NOW, "messageId": 700,
}  # fmt: skip


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Two athletes, and coaches in a group; Ana has reported pain, which was told."""
    async with open_desk(db, monkeypatch) as desk:
        await db.athletes.insert_one({"athleteId": str(ANA), "userId": ANA, "state": "active", "name": "Kim"})
        await db.session_prompts.insert_one({**QUESTION})
        await desk.answer(1, FeedbackType.PAIN)
        await desk.send(after=1)
        yield desk


async def coach_writes(desk: Desk, update_id: int, text: str, reply_to: int, **how: Any) -> str:
    """Lee writes in the coaches' group."""
    how = {"user": LEE, "chat": COACH_CHAT, "name": "Lee", **how}
    return (await desk.write(update_id, text, replied_to=reply_to, **how)).text


def texts(desk: Desk, chat: int) -> list[str]:
    """What stands in a chat, of the bot's."""
    return [message["text"] for message in desk.world.messages(chat) if "text" in message]


async def test_a_reply_to_an_alert_reaches_the_athlete(desk: Desk) -> None:
    """With the coach's name, as text; once, however often it is delivered."""
    [alert] = desk.alerts()
    for _ in range(2):
        said = await coach_writes(desk, 2, "Rest <b>today</b> & ice", alert["message_id"])
        assert said == "📨 On its way to Kim."
    await desk.send(after=2)
    await desk.send(after=3)
    assert texts(desk, ANA) == ["💬 Lee (coach):\nRest <b>today</b> & ice"]
    assert texts(desk, BEN) == []
    [stored] = await desk.db.coach_messages.find({}, {"_id": False}).to_list()
    assert stored == {
        "chatId": str(COACH_CHAT), "messageId": 1002, "direction": "to athlete", "userId": ANA,
        "athleteId": str(ANA), "author": {"userId": LEE, "name": "Lee"}, "text": "Rest <b>today</b> & ice",
        "answers": {"chatId": "7", "messageId": 700}, "updateId": 2, "receivedAt": NOW + timedelta(seconds=2),
        "deliveredAt": stored["deliveredAt"],
    }  # fmt: skip


async def test_there_and_back_again(desk: Desk) -> None:
    """Each answers the other by replying, and several coaches can."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "How is it?", alert["message_id"])
    await desk.send(after=2)
    [word] = desk.world.messages(ANA)
    said = await desk.write(3, "Better", replied_to=word["message_id"])
    assert said.text == "📨 Passed on to your coach. What comes back, you read here."
    await desk.send(after=3)
    relayed = desk.alerts()[-1]
    assert relayed["text"] == "💬 Kim:\nBetter"
    await coach_writes(desk, 4, "Good!", relayed["message_id"], user=MIA, name="Mia")
    await desk.send(after=4)
    assert texts(desk, ANA)[-1] == "💬 Mia (coach):\nGood!"
    assert texts(desk, BEN) == []


async def test_an_alert_that_was_raised_anew_still_tells_whom(desk: Desk) -> None:
    """A reply to the older message is for the same athlete."""
    [first] = desk.alerts()
    await desk.answer(2, FeedbackType.DONE)
    await desk.answer(3, FeedbackType.PAIN)
    await desk.send(after=3)
    assert len(desk.alerts()) == 2
    await coach_writes(desk, 4, "Stop", first["message_id"])
    await desk.send(after=4)
    assert texts(desk, ANA) == ["💬 Lee (coach):\nStop"]


async def test_what_is_no_reply(desk: Desk) -> None:
    """One line says how it goes; in a group only to who names the bot, or replies to what is about nobody."""
    how = "To write to an athlete, reply to a message about them"
    assert (await coach_writes(desk, 2, "hello", 12345)).startswith(how)
    assert (
        await desk.write(3, "@our_bot hi", user=LEE, chat=COACH_CHAT, mentions=("our_bot",))
    ).text.startswith(how)
    assert (await coach_writes(desk, 4, "hello", 12345, is_edit=True)) == ""
    assert (await coach_writes(desk, 5, "both", 12345, people=(ANA, BEN))).startswith(
        "That message is about several"
    )
    await desk.send(after=5)
    assert texts(desk, ANA) == texts(desk, BEN) == []
    assert await desk.db.coach_messages.count_documents({}) == 0


async def test_the_line_of_a_digest(desk: Desk) -> None:
    """Whom the marked line names gets it."""
    assert await coach_writes(desk, 2, "All well?", 12345, people=(BEN,)) == "📨 On its way to 8."
    await desk.send(after=2)
    assert texts(desk, BEN) == ["💬 Lee (coach):\nAll well?"]


@pytest.mark.parametrize("chat", [None, -501])
async def test_nobody_else_can(desk: Desk, chat: int | None) -> None:
    """A stranger, a former coach in another group, another athlete: nothing is sent, nothing is kept."""
    [alert] = desk.alerts()
    for user in (LEE, 666):
        reply = await desk.write(
            2, "Rest", user=user, chat=chat, replied_to=alert["message_id"], people=(ANA,)
        )
        assert reply.is_refused
    assert (await desk.command(3, "/ask Kim rest", chat=-501)).is_refused
    await desk.send(after=3)
    assert texts(desk, ANA) == []
    assert await desk.db.coach_messages.count_documents({}) == 0


async def test_another_athlete_cannot_answer(desk: Desk) -> None:
    """What stands in Ana's chat is not Ben's to reply to: his words are his own."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "How is it?", alert["message_id"])
    await desk.send(after=2)
    [word] = desk.world.messages(ANA)
    await desk.write(3, "Fine", user=BEN, replied_to=word["message_id"], name="Ben")
    await desk.send(after=3)
    [stored] = await desk.db.coach_messages.find({"direction": "to coach"}).to_list()
    assert (stored["userId"], "answers" in stored) == (BEN, False)
    assert desk.alerts()[-1]["text"] == "💬 Ben:\nFine"


async def test_words_about_no_session_are_kept(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a coach's chat, and told as soon as there is one."""
    async with open_desk(db, monkeypatch, None) as desk:
        for _ in range(2):
            said = await desk.write(1, "Away next week")
            assert said.text == "📥 Kept for your coach, who reads it with your answers."
        assert await db.session_prompts.count_documents({}) == 0
    async with open_desk(db, monkeypatch) as desk:
        for _ in range(2):
            await desk.roster.loaded()
            await desk.coach_messages.redirect(ChatTopic(COACH_CHAT), NOW, timedelta(days=14))
            await desk.send(after=5)
        assert texts(desk, COACH_CHAT) == ["💬 Kim:\nAway next week"]


async def test_what_waits_is_not_told_a_former_coach(desk: Desk) -> None:
    """COACH_CHAT_ID is another one now."""
    await desk.db.feedback_events.delete_many({})
    await desk.db.session_prompts.delete_many({})
    await desk.write(2, "Away next week")
    for to in (None, ChatTopic(-502)):
        await desk.coach_messages.redirect(to, desk.now, timedelta(days=14))
        await desk.send(after=3)
    assert texts(desk, COACH_CHAT)[1:] == []
    assert texts(desk, -502) == ["💬 Kim:\nAway next week"]


async def test_ask(desk: Desk) -> None:
    """`/ask NAME words`, in the coach's chat."""
    for _ in range(2):
        assert (await desk.command(2, "/ask 8 how are you?")).text == "📨 On its way to 8."
    await desk.send(after=2)
    assert texts(desk, BEN) == ["💬 Lee (coach):\nhow are you?"]
    assert (await desk.command(3, "/ask")).text.startswith("Write /ask")
    assert (await desk.command(4, "/ask 8")).text.startswith("Write /ask")
    assert (await desk.command(5, "/ask Zoe hi")).text == "Nobody here is called Zoe. There are:\n8\nKim"


async def test_not_delivered_is_told_once_and_delivered_when_the_chat_opens(desk: Desk) -> None:
    """Where the athlete has blocked the bot."""
    desk.world.set_chat(ANA, blocked=True)
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "Rest", alert["message_id"])
    await desk.send(after=2)
    await desk.send(after=3)
    [_, news] = desk.alerts()
    assert news["text"] == (
        "⚠️ Kim has blocked the bot, so this has not arrived. It goes as soon as they unblock it."
    )
    assert texts(desk, ANA) == []
    desk.world.set_chat(ANA, blocked=False)
    await desk.stores.undelivered.open_chats({ANA: NOW + timedelta(seconds=4)}, 14)
    await desk.send(after=5)
    assert texts(desk, ANA) == ["💬 Lee (coach):\nRest"]
    assert len(desk.alerts()) == 2
    [stored] = await desk.db.coach_messages.find().to_list()
    assert "refusal" not in stored


async def test_the_order_is_kept(desk: Desk) -> None:
    """Also where sending one failed, and the next is due."""
    [alert] = desk.alerts()
    for number in (2, 3, 4):
        await coach_writes(desk, number, f"word {number}", alert["message_id"])
    later = {"attemptAt": NOW + timedelta(seconds=30), "attempts": 1, "reason": "not sent"}
    await desk.db.session_prompts.update_one({"sessionId": f"{COACH_CHAT}|1002|0"}, {"$set": later})
    await desk.db.session_prompts.update_many({"kind": "word"}, {"$set": {"dueAt": NOW}})
    task_until = desk.db.session_prompts.count_documents
    for after in (10, 40, 60):
        await desk.send(after=after)
        if after == 10:
            assert texts(desk, ANA) == []
    assert await task_until({"kind": "word", "state": "sent"}) == 3
    assert texts(desk, ANA) == [f"💬 Lee (coach):\nword {number}" for number in (2, 3, 4)]


@pytest.mark.parametrize("step", ["_queue", "_insert"])
async def test_killed_while_it_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The message is delivered again then, and all is as if nothing had been."""
    [alert] = desk.alerts()
    with killed_at(monkeypatch, desk.coach_messages, step):
        await coach_writes(desk, 2, "Rest", alert["message_id"])
    await coach_writes(desk, 2, "Rest", alert["message_id"])
    await desk.send(after=2)
    assert texts(desk, ANA) == ["💬 Lee (coach):\nRest"]
    assert await desk.db.coach_messages.count_documents({}) == 1


async def test_a_long_text_comes_in_pieces(desk: Desk) -> None:
    """None of it is lost."""
    [alert] = desk.alerts()
    text = " ".join(f"word{number}" for number in range(600))
    await coach_writes(desk, 2, text, alert["message_id"])
    await desk.send(after=2)
    pieces = [it.removeprefix("💬 Lee (coach):\n") for it in texts(desk, ANA)]
    assert len(pieces) == 2
    assert " ".join(pieces) == text


async def test_an_edit_shows_in_the_message(desk: Desk) -> None:
    """Edited by who wrote it, the athlete's message reads so."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "Rset", alert["message_id"])
    await desk.send(after=2)
    how = {"message_id": 1002, "is_edit": True}
    for _ in range(2):
        assert await coach_writes(desk, 3, "Rest", alert["message_id"], **how) == ""
    await desk.send(after=3)
    assert texts(desk, ANA) == ["💬 Lee (coach):\nRest"]
    await coach_writes(desk, 2, "Rset", alert["message_id"])  # delivered again
    await desk.send(after=4)
    assert texts(desk, ANA) == ["💬 Lee (coach):\nRest"]


async def test_an_edit_keeps_nothing_from_a_deletion(desk: Desk) -> None:
    """What was written before it goes, also where its last wording came while it was under way."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "Rset", alert["message_id"])
    await coach_writes(desk, 4, "Rest", alert["message_id"], message_id=1002, is_edit=True)
    until = UpdateStamp(3, NOW + timedelta(seconds=3))
    await PersonalStore(desk.db).forget_before(DataSubject(ANA, str(ANA)), until)
    assert await desk.db.coach_messages.count_documents({}) == 0


async def test_an_edit_that_is_longer_than_a_message(desk: Desk) -> None:
    """What does not fit the message that was sent comes in one more, once."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "Rest", alert["message_id"])
    await desk.send(after=2)
    long = " ".join(["rest"] * 800)
    for _ in range(2):
        await coach_writes(desk, 3, long, alert["message_id"], message_id=1002, is_edit=True)
        await desk.send(after=3)
        assert [it.count("rest") for it in texts(desk, ANA)] == [700, 100]


async def test_what_comes_with_the_words_is_copied(desk: Desk) -> None:
    """Text first; in both directions."""
    [alert] = desk.alerts()
    photo = desk.world.wordless(
        COACH_CHAT, desk_user(LEE), "photo", caption="Like this", reply_to=alert["message_id"]
    )
    await coach_writes(
        desk,
        2,
        "Like this",
        alert["message_id"],
        message_id=photo,
        attachments=(Attachment("photo", None, photo),),
    )
    voice = desk.world.wordless(COACH_CHAT, desk_user(LEE), "voice", reply_to=alert["message_id"])
    sent = (Attachment("voice", None, voice),)
    await coach_writes(desk, 3, "", alert["message_id"], message_id=voice, attachments=sent)
    await desk.send(after=3)
    first, second, third, fourth = desk.world.messages(ANA)
    assert first["text"] == "💬 Lee (coach):\nLike this"
    assert ("photo" in second, "caption" in second) == (True, False)
    assert third["text"] == "💬 Lee (coach) sends you this:"
    assert "voice" in fourth


def desk_user(user_id: int) -> Any:
    """Somebody in Telegram."""
    from bot.sandbox.world import User

    return User(user_id, "Lee")


async def test_the_coach_has_read_it(desk: Desk) -> None:
    """The athlete sees it at their message; the coach's message says who was the first."""
    await desk.write(2, "Away next week", user=BEN)
    await desk.send(after=2)
    relayed = desk.alerts()[-1]
    data = desk.button(relayed)
    for update_id, name in ((3, "Lee"), (3, "Lee"), (4, "Mia")):
        tap = desk.tap(update_id, data, user=LEE, chat=COACH_CHAT, name=name)
        [result] = await desk.store(replace(tap, message_id=relayed["message_id"]))
        assert isinstance(result, ActionDone)
        assert result.instead is not None
        shown = result.instead(Language.EN)
        assert (shown.text or "").endswith("Away next week\n\n👀 Read by Lee")
    assert set(desk.reacted) == {(BEN, 1002, Reaction.READ)}
    for chat, message_id in ((COACH_CHAT, 1), (-501, relayed["message_id"]), (ANA, relayed["message_id"])):
        forged = replace(desk.tap(5, data, user=666, chat=chat), message_id=message_id)
        [refused] = await desk.store(forged)
        assert isinstance(refused, NotWritten)


async def test_a_former_coach_has_seen_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another group is the coach's now: the buttons in the first one are nobody's."""
    await desk.write(2, "Away next week", user=BEN)
    await desk.send(after=2)
    alert, relayed = desk.alerts()
    async with open_desk(desk.db, monkeypatch, -502) as later:
        for message in (alert, relayed):
            tap = later.tap(3, desk.button(message), user=LEE, chat=COACH_CHAT)
            [refused] = await later.store(replace(tap, message_id=message["message_id"]))
            assert isinstance(refused, NotWritten)
        assert later.reacted == []
    assert await desk.db.coach_messages.count_documents({"readAt": {"$ne": None}}) == 0
    assert await desk.db.session_prompts.count_documents({"seenAt": {"$ne": None}}) == 0


async def test_seen_below_an_alert_shows_at_the_notes(desk: Desk) -> None:
    """With a reaction, besides the notice."""
    await desk.note(2, "since km 3")
    await desk.seen(3)
    assert desk.reacted == [(ANA, 1002, Reaction.READ)]


async def test_words_are_the_athletes_own(desk: Desk) -> None:
    """Those of both directions stand in /mydata, and go with /forgetme; delivered again they stay gone."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "How is it?", alert["message_id"])
    await desk.send(after=2)
    [word] = desk.world.messages(ANA)
    await desk.write(3, "Better", replied_to=word["message_id"])
    await desk.write(4, "Away", user=BEN)
    await desk.send(after=4)
    store = PersonalStore(desk.db)
    person = DataSubject(ANA, str(ANA))
    shown = [document async for name, document in store.read(person) if name == "coach_messages"]
    assert {it["text"] for it in shown} == {"How is it?", "Better"}
    deleted = UpdateStamp(5, NOW + timedelta(seconds=5))
    await TombstoneStore(desk.db).put(person, deleted)
    await store.forget_prompts(person, deleted)
    await store.forget_before(person, deleted)
    for _ in range(2):
        left = await desk.db.coach_messages.find().to_list()
        assert [it["userId"] for it in left] == [BEN]
        words = {"kind": "word", "about.userId": ANA}
        assert await desk.db.session_prompts.count_documents(words) == 0
        # Delivered again after a crash: what came before the deletion leaves nothing.
        await coach_writes(desk, 2, "How is it?", alert["message_id"], people=(ANA,))
        await desk.write(3, "Better", replied_to=word["message_id"])
    before = len(desk.world.messages(ANA))
    await desk.send(after=6)
    assert len(desk.world.messages(ANA)) == before


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=14), timedelta(days=14, milliseconds=1)])
async def test_how_long_words_wait_for_a_chat_to_open(desk: Desk, age: timedelta) -> None:
    """Two weeks; then the coach has to write again."""
    desk.world.set_chat(ANA, blocked=True)
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "Rest", alert["message_id"])
    await desk.send(after=2)
    desk.world.set_chat(ANA, blocked=False)
    heard = NOW + timedelta(seconds=2) + age
    await desk.db.session_prompts.update_many({"kind": "word"}, {"$set": {"updatedAt": NOW}})
    await desk.stores.undelivered.open_chats({ANA: heard}, 14)
    await desk.send(after=(heard - NOW).total_seconds())
    assert len(texts(desk, ANA)) == (1 if age <= timedelta(days=14) else 0)


async def test_quiet_hours(desk: Desk) -> None:
    """A coach's words wait for their end; who has just written gets the answer, and what waited before it."""
    quiet = {"quietHours": "18:00-23:00"}
    await desk.db.athletes.update_one({"userId": ANA}, {"$set": quiet})
    await desk.roster.refresh()
    [alert] = desk.alerts()
    # She has reported pain a second ago, and this answers it.
    assert await coach_writes(desk, 2, "Rest", alert["message_id"]) == "📨 On its way to Kim."
    await desk.db.athletes.insert_one({"athleteId": "8", "userId": BEN, "state": "active", **quiet})
    await desk.roster.refresh()
    said = (await desk.command(3, "/ask 8 first")).text
    assert said == "📨 8 gets it at 23:00, when their quiet hours end."
    await desk.send(after=3)
    assert texts(desk, BEN) == []
    await desk.write(4, "are you there?", user=BEN)
    assert (await desk.command(5, "/ask 8 second")).text == "📨 On its way to 8."
    await desk.send(after=5)
    assert texts(desk, BEN) == ["💬 Lee (coach):\nfirst", "💬 Lee (coach):\nsecond"]


async def test_a_coach_who_writes_as_the_group(desk: Desk) -> None:
    """Their words go in its name; what they reply to a question is nobody's note."""
    [alert] = desk.alerts()
    how: dict[str, Any] = {"user": 1_087_968_824, "name": "Coaches", "is_anonymous": True}
    assert await coach_writes(desk, 2, "Rest", alert["message_id"], **how) == "📨 On its way to Kim."
    await desk.send(after=2)
    assert texts(desk, ANA) == ["💬 Coaches (coach):\nRest"]
    assert await coach_writes(desk, 3, "hm", 12345, **how) == Language.EN.texts.coach.how_to_reply
    payloads = ("session_feedback|r|s|done",)
    refused = await coach_writes(desk, 4, "knee", 700, payloads=payloads, **how)
    assert refused == Language.EN.texts.notes.anonymous


@pytest.mark.parametrize("step", ["is_next", "word", "settle"])
async def test_killed_while_it_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """It goes when the lease ends, before what was written after it; twice only if Telegram had it."""
    [alert] = desk.alerts()
    await coach_writes(desk, 2, "first", alert["message_id"])
    await coach_writes(desk, 3, "second", alert["message_id"])
    desk.now = NOW + timedelta(seconds=3)

    async def die(*_: Any) -> None:
        raise StorageUnavailable("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(desk.coach_messages, step, die)
        task = asyncio.create_task(desk.dispatcher.run())
        claimed = {"kind": "word", "claim": {"$exists": True}}
        await wait_until(
            lambda: desk.db.session_prompts.count_documents(claimed), 10, "it is claimed", poll=0.01
        )
        if step == "settle":
            await wait_until(lambda: bool(texts(desk, ANA)), 10, "Telegram has it")
        await end_tasks([task, *desk.dispatcher._in_flight], 50)
    after = LEASE.total_seconds() + 10
    for more in (0, 5, 10):
        await desk.send(after=after + more)
    arrived = [it.removeprefix("💬 Lee (coach):\n") for it in texts(desk, ANA)]
    assert arrived == (["first", "first", "second"] if step == "settle" else ["first", "second"])
