"""Groups as they are: topics, albums, anonymous admins and other bots, on one running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.core.telegram.reactions import Reaction
from bot.sandbox.world import Json, User
from tests.support.bot import ADMIN, STRANGER, Rig
from tests.support.processes import Program, wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORUM, GROUP = -1_001_234_567_890, -1_009_876_543_210
ANA, BEN, KIM = User(8_001, "Ana"), User(8_002, "Ben"), User(8_003, "Kim")
PAIN = 3


class Group:
    """A running bot, and the topics of a forum.

    Attributes:
        coaches, anas, closed, deleted: threads.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.world = rig.world
        names = ("coaches", "anas", "closed", "deleted")
        self.coaches, self.anas, self.closed, self.deleted = (
            self.world.open_topic(FORUM, name, KIM) for name in names
        )

    async def start(self) -> Program:
        """With the coach in a topic."""
        self.bot = await self.rig.start(COACH_CHAT_ID=f"{FORUM}:{self.coaches}")
        return self.bot

    async def run(self, *arguments: str) -> str:
        """A command that works."""
        done = await self.rig.command(*arguments)
        assert done.status == 0, done
        return done.out + done.err

    async def said(self, chat_id: int, words: str, *, quoting: int | None = None) -> Json:
        """The bot's last message in a chat that has some words and quotes a message, once it is there."""

        def found() -> list[Json]:
            return [
                it
                for it in self.world.messages(chat_id)
                if it["from"]["id"] == self.world.bot_id and words in it["text"]
                if it.get("reply_to_message", {}).get("message_id") == quoting
            ]

        await wait_until(
            lambda: bool(found()),
            20,
            f"{words!r} in {chat_id}, quoting {quoting}",
            otherwise=lambda: self.world.messages(chat_id)[-3:],
        )
        return found()[-1]

    async def processed(self) -> None:
        """Return when the journal is empty."""
        await wait_until(lambda: self.world.pending() == 0, 20, "everything is fetched")
        await wait_until(lambda: self.waiting() == 0, 20, "everything is processed")

    async def refused(self) -> int:
        """How many messages were refused."""
        return await self.rig.db["taps"].count_documents({"outcome": "refused-command"})

    def waiting(self) -> int:
        """How many updates the journal has to be processed."""
        ((number,),) = self.rig.journal("SELECT count(*) FROM updates WHERE state = 0")
        return int(number)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def group(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> AsyncIterator[Group]:
    """With Ana, who is asked in her topic, and Ben, who is asked in a group without any."""
    folder = tmp_path_factory.mktemp("bot")
    async with Rig(folder, mongo_url=mongo_url, ATHLETE_IDS="") as rig:
        group = Group(rig)
        rig.world.message(ADMIN, User(ADMIN), "/start")
        for name, user, place, tongue in (
            ("ana", ANA, f"{FORUM}:{group.anas}", "es"),
            ("ben", BEN, str(GROUP), "en"),
        ):
            options = (f"--user-id={user.id}", f"--chat-id={place}", f"--language={tongue}")
            await group.run("athlete", "add", name, *options)
        await group.start()
        yield group


def thread(message: Json) -> int | None:
    """The topic of a message."""
    found: int | None = message.get("message_thread_id")
    assert message.get("is_topic_message", False) is (found is not None)
    return found


async def test_a_topic_from_question_to_notice(group: Group) -> None:
    """The question, and that the coach has seen it, stand in the athlete's topic, the alert in the coach's;
    replies quote what they answer, and a note gets a reaction: then another one, once it is read."""
    rig, world = group.rig, group.world
    assert f"in chat {FORUM}:{group.anas}" in await group.run("athlete", "list")
    await group.run("prompt", "--run-id=topics", "--session-id=s", "--athlete=ana", "--title=Tempo")
    question = await group.said(FORUM, "Tempo")
    assert thread(question) == group.anas
    await rig.answered([world.tap(FORUM, question["message_id"], ANA, button=PAIN)])
    alert = await group.said(FORUM, "Ana")
    assert thread(alert) == group.coaches
    note = world.message(FORUM, ANA, "la rodilla", reply_to=question["message_id"])
    await rig.reacted(FORUM, note)
    await rig.answered([world.tap(FORUM, alert["message_id"], KIM, button=0)])
    assert thread(await group.said(FORUM, "Kim", quoting=question["message_id"])) == group.anas
    (event,) = await rig.stored(1, runId="topics")
    assert (event["note"], event["type"], event["chatId"]) == ("la rodilla", "pain", str(FORUM))
    await rig.reacted(FORUM, note, Reaction.READ)
    asked = world.message(FORUM, ANA, "/help", thread_id=group.coaches)
    assert thread(await group.said(FORUM, "/pending", quoting=asked)) == group.coaches


async def test_topics_that_take_nothing(group: Group) -> None:
    """What is meant for them stands in the group itself; the log and one message to admins say so. It is
    answered there like any other."""
    rig, world = group.rig, group.world
    world.set_topic(FORUM, group.closed, closed=True)
    world.set_topic(FORUM, group.deleted, deleted=True)
    for number, topic in enumerate((group.closed, group.deleted, group.closed)):
        options = ("--athlete=ana", f"--topic={topic}", f"--title=Swim {number}")
        await group.run("prompt", "--run-id=lost", f"--session-id=s{number}", *options)
        question = await group.said(FORUM, f"Swim {number}")
        assert thread(question) is None
        await rig.answered([world.tap(FORUM, question["message_id"], ANA, button=0)])
    assert len(await rig.stored(3, runId="lost")) == 3
    for topic in (group.closed, group.deleted):
        await group.said(ADMIN, f"Topic {topic} of chat {FORUM}")
        told = "\n".join(message["text"] for message in world.messages(ADMIN))
        assert told.count(f"Topic {topic} of chat {FORUM}") == 1
        assert group.bot.log.count(f"topic {topic} of chat {FORUM} takes no messages") == 1
    world.set_topic(FORUM, group.closed)
    await group.run(
        *("prompt", "--run-id=lost", "--session-id=open", "--athlete=ana", "--title=Again"),
        f"--topic={group.closed}",
    )
    assert thread(await group.said(FORUM, "Again")) == group.closed


async def test_topics_that_are_none(group: Group) -> None:
    """Field and cure, and nothing is queued."""
    for option, cure in (
        ("--topic=General", "--topic: 'General' is not a topic; write the number in its link, such as 42"),
        ("--topic=0", "--topic: '0' is not a topic"),
    ):
        done = await group.rig.command("prompt", "--run-id=n", "--session-id=s", "--athlete=ana", option)
        assert (done.status, cure in done.err) == (2, True), done
    done = await group.rig.command("doctor", COACH_CHAT_ID=f"{FORUM}:x")
    assert "COACH_CHAT_ID: 'x' is not a topic; cure: write the number in its link, such as 42" in done.out
    assert await group.rig.prompts({"runId": "n"}) == []


async def test_an_album_is_one_note(group: Group) -> None:
    """Captions in their order, with what came along; one reaction, to the first that has words; with a kill
    in between."""
    rig, world = group.rig, group.world
    question = rig.ask("album", "s", GROUP)
    await rig.answered([world.tap(GROUP, question, BEN, button=0)])
    before = len(world.messages(GROUP))
    sent = world.album(GROUP, BEN, ["", "left knee", "", "right knee"], reply_to=question)
    await wait_until(lambda: group.waiting() == len(sent), 20, "the album is in the journal")
    await group.bot.kill()
    await group.start()
    await rig.reacted(GROUP, sent[1])
    (event,) = await rig.stored(1, runId="album")
    assert (event["note"], event["noteMessageId"]) == ("left knee\nright knee", sent[1])
    wordless = world.album(GROUP, BEN, ["", "", ""], reply_to=question)
    await rig.reacted(GROUP, wordless[0])
    await group.processed()
    assert len(world.messages(GROUP)) == before + len(sent) + len(wordless)
    world.edit_message(GROUP, sent[1], "both knees")
    await rig.reacted(GROUP, sent[1], Reaction.CHANGED)
    (event,) = await rig.stored(1, runId="album")
    assert [(line["text"], len(line["attachments"])) for line in event["notes"]] == [
        ("both knees\nright knee", len(sent)), (None, len(wordless))
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["photo", "voice", "video", "document"])
async def test_a_caption_is_a_note(group: Group, kind: str) -> None:
    """As text is; what comes with it is kept by Telegram's id."""
    rig, world = group.rig, group.world
    question = rig.ask("caption", kind, GROUP)
    await rig.answered([world.tap(GROUP, question, BEN, button=0)])
    sent = world.wordless(GROUP, BEN, kind, caption=f"a {kind}", reply_to=question)
    await rig.reacted(GROUP, sent)
    (event,) = await rig.stored(1, runId="caption", sessionId=kind)
    assert event["note"] == f"a {kind}"
    assert [(it["kind"], it["messageId"]) for it in event["attachments"]] == [(kind, sent)]


async def test_a_note_that_nobody_can_be_named_for(group: Group) -> None:
    """An anonymous admin, and somebody who writes as a channel: told once each, in the group's language, and
    counted; nothing is stored. Their taps count."""
    rig, world = group.rig, group.world
    question = rig.ask("anonymous", "s", GROUP)
    refused = await group.refused()
    for as_chat in (GROUP, -1_005_555_555_555):
        sent = world.message(GROUP, BEN, "my knee", reply_to=question, as_chat=as_chat)
        await group.said(GROUP, "I cannot tell whose note it is", quoting=sent)
        number = len(world.messages(GROUP))
        world.edit_message(GROUP, sent, "my left knee")
        await group.processed()
        assert len(world.messages(GROUP)) == number
    await group.run("prompt", "--run-id=anonymous", "--session-id=t", "--athlete=ana", "--title=Tirada")
    asked = await group.said(FORUM, "Tirada")
    sent = world.message(FORUM, KIM, "la rodilla", reply_to=asked["message_id"], as_chat=FORUM)
    assert thread(await group.said(FORUM, "no sé de quién es la nota", quoting=sent)) == group.anas
    assert await rig.events({"runId": "anonymous"}) == []
    assert await group.refused() == refused + 3
    await rig.answered([world.tap(GROUP, question, BEN, button=0)])
    await rig.stored(1, runId="anonymous")


async def test_what_is_for_another_bot(group: Group) -> None:
    """By an athlete or a stranger: no reply, and it counts as nothing; ours is answered, in any case."""
    world = group.world
    refused = await group.refused()
    before = len(world.messages(GROUP))
    others = world.message_at(GROUP, date=world.time(), text="Roll the dice")
    world._chats[GROUP].messages[others].body["from"] = {"id": 5, "is_bot": True, "first_name": "Dice"}
    for user in (BEN, STRANGER, User(ADMIN)):
        for text in ("/start@dice_bot", "/pending@dice_bot", "/help@dice_bot", "/roll", "/stats@dice_bot"):
            world.message(GROUP, user, text)
        world.message(GROUP, user, "six", reply_to=others)
    await group.processed()
    assert len(world.messages(GROUP)) == before + 1 + 3 * 6
    assert await group.refused() == refused
    sent = world.message(GROUP, BEN, "/Help@Sandbox_Feedback_Bot")
    await group.said(GROUP, "/pending", quoting=sent)
    world.message(BEN.id, BEN, "/pending@dice_bot")
    await group.said(BEN.id, "/help")
