"""Notes in reply to a question, on one running bot with a coach in a group."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.core.telegram.reactions import Reaction
from bot.sandbox.world import User
from tests.support.bot import STRANGER, Rig
from tests.support.processes import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

COACHES = -500
HOSTILE = '<b>left</b> & "right" </a><script>{note} %s &lt;'
KIM = User(77, "Kim <i>", username="kim")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> AsyncIterator[Rig]:
    """A running bot for the tests of this module; they are told apart by athlete."""
    athletes = ",".join(str(3000 + number) for number in range(20))
    folder = tmp_path_factory.mktemp("bot")
    async with Rig(folder, mongo_url=mongo_url, ATHLETE_IDS=athletes, COACH_CHAT_ID=str(COACHES)) as rig:
        await rig.start()
        yield rig


async def said(rig: Rig, chat_id: int, words: str) -> str:
    """The last message of a chat, once it holds some words."""
    await wait_until(
        lambda: words in rig.world.messages(chat_id)[-1].get("text", ""),
        15,
        f"chat {chat_id} hears {words!r}",
        otherwise=lambda: rig.world.messages(chat_id)[-2:],
    )
    text: str = rig.world.messages(chat_id)[-1]["text"]
    return text


async def test_a_note_and_its_edit(rig: Rig) -> None:
    """Written before the answer, kept with it, shown to the coach as it is, and changed by an edit."""
    athlete = User(3000, "<u>Ana</u>", username="a<n>a")
    question = rig.ask("run", "s", athlete.id)
    written = rig.world.message(athlete.id, athlete, HOSTILE, reply_to=question)
    await rig.reacted(athlete.id, written)
    assert await rig.events({"userId": athlete.id}) == []
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=3)])
    (event,) = await rig.stored(1, userId=athlete.id)
    assert (event["note"], event["noteMessageId"]) == (HOSTILE, written)
    (alert,) = await rig.messages(COACHES, 1)
    assert alert["text"].startswith("🤕 <u>Ana</u> (@a<n>a) reports pain.\n")
    assert alert["text"].endswith(f"\nNote: {HOSTILE}")
    rig.world.edit_message(athlete.id, written, "only <left>")
    await rig.reacted(athlete.id, written, Reaction.CHANGED)
    (event,) = await rig.stored(1, userId=athlete.id)
    assert event["note"] == "only <left>"
    await wait_until(
        lambda: rig.world.messages(COACHES)[0]["text"].endswith("\nNote: only <left>"),
        20,
        "the alert is edited",
    )
    seen = rig.world.tap(COACHES, alert["message_id"], KIM, button=0)
    await rig.answered([seen])
    assert "Your coach (Kim <i>) has seen" in await said(rig, athlete.id, "has seen")
    assert len(rig.world.messages(COACHES)) == 1


@pytest.mark.parametrize("kind", ["voice", "photo", "sticker", "video_note", "document", "location"])
async def test_what_is_no_text(rig: Rig, kind: str) -> None:
    """It is kept with the question by Telegram's id, reply or not, and with the answer once that comes."""
    athlete = User(3001 + ["voice", "photo", "sticker", "video_note", "document", "location"].index(kind))
    question = rig.ask("run", kind, athlete.id)
    written = rig.world.wordless(athlete.id, athlete, kind, reply_to=question)
    await rig.reacted(athlete.id, written)
    assert await rig.events({"userId": athlete.id}) == []
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=0)])
    second = rig.world.wordless(athlete.id, athlete, kind, caption="look")
    await said(rig, athlete.id, "Noted with")
    [event] = await rig.stored(1, userId=athlete.id)
    assert [(it["kind"], it["messageId"]) for it in event["attachments"]] == [(kind, written), (kind, second)]
    assert all(it["fileId"] for it in event["attachments"])
    assert event["note"] == "look"


async def test_the_longest_note(rig: Rig) -> None:
    """1,001 characters are refused with the number, and nothing is saved until the edit has 1,000."""
    athlete = User(3010)
    question = rig.ask("run", "s", athlete.id)
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=0)])
    written = rig.world.message(athlete.id, athlete, "🏃" * 1_001, reply_to=question)
    assert "1001 characters, and 1000 fit" in await said(rig, athlete.id, "1001")
    assert (await rig.stored(1, userId=athlete.id))[0]["note"] is None
    rig.world.edit_message(athlete.id, written, "🏃" * 1_000)
    await rig.reacted(athlete.id, written)
    assert (await rig.stored(1, userId=athlete.id))[0]["note"] == "🏃" * 1_000


async def test_a_note_stays_when_the_answer_changes(rig: Rig) -> None:
    """With the buttons of the message that shows the answer, which a reply is about just as well."""
    athlete = User(3011, language_code="es-MX")
    question = rig.ask("run", "s", athlete.id)
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=0)])
    await wait_until(
        lambda: "➜" in rig.world.message_of(athlete.id, question)["text"], 15, "the answer is shown"
    )
    written = rig.world.message(athlete.id, athlete, "llovía", reply_to=question)
    await rig.reacted(athlete.id, written)
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=1)])
    (event,) = await rig.stored(1, userId=athlete.id)
    assert (event["type"], event["note"]) == ("skipped", "llovía")


async def test_a_tap_and_a_note_that_arrive_together(rig: Rig) -> None:
    """As after an absence: a note is told of the answer that came with it, before it or after it."""
    athlete, other = User(3013), User(3014)
    question, asked = rig.ask("run", "first", athlete.id), rig.ask("run", "second", other.id)
    assert await rig.bots[-1].terminate() == 0
    taps = [rig.world.tap(athlete.id, question, athlete, button=2) for _ in range(2)]
    first = rig.world.message(athlete.id, athlete, "hills", reply_to=question)
    second = rig.world.message(other.id, other, "rain", reply_to=asked)
    taps.append(rig.world.tap(other.id, asked, other, button=1))
    await rig.start()
    await rig.answered(taps)
    hint = "Tap another button to change it."
    assert [tap.answer for tap in taps[:2]] == [
        f"Saved: 🥵 Hard. {hint}",
        f"🥵 Hard is saved already. {hint}",
    ]
    for user, written, kind, note in ((athlete, first, "hard", "hills"), (other, second, "skipped", "rain")):
        await rig.reacted(user.id, written)
        (event,) = await rig.stored(1, userId=user.id)
        assert (event["type"], event["note"]) == (kind, note)


async def test_what_the_coach_writes(rig: Rig) -> None:
    """A reply to an alert goes to the athlete; to greet and to talk counts as no refusal."""
    athlete = User(3015)
    question = rig.ask("run", "s", athlete.id)
    known = len(rig.world.messages(COACHES))
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=3)])
    alert = (await rig.messages(COACHES, known + 1))[-1]
    refused = (await rig.stats())["taps"]["refused-command"]
    rig.world.message(COACHES, KIM, "I call you", reply_to=alert["message_id"])
    await said(rig, athlete.id, "I call you")
    rig.world.message(COACHES, KIM, "/start")
    assert "This is the coach's chat" in await said(rig, COACHES, "coach's chat")
    assert (await rig.stats())["taps"]["refused-command"] == refused


async def test_a_stranger_and_a_message_about_nothing(rig: Rig) -> None:
    """A stranger's reply is refused and counted; an athlete's about no session is the coach's."""
    refused = (await rig.stats())["taps"]["refused-command"]
    question = rig.ask("run", "strange", STRANGER.id)
    rig.world.message(STRANGER.id, STRANGER, "let me in", reply_to=question)
    await said(rig, STRANGER.id, "Notes are for athletes")
    rig.world.wordless(STRANGER.id, STRANGER, "voice")
    await rig.messages(STRANGER.id, 5)
    assert await rig.events({"userId": STRANGER.id}) == []
    assert (await rig.stats())["taps"]["refused-command"] == refused + 2
    athlete = User(3012)
    notice = rig.world.message_at(athlete.id, date=rig.world.time(), text="Good morning!")
    rig.world.message(athlete.id, athlete, "knee", reply_to=notice)
    await said(rig, athlete.id, "Passed on to your coach")


async def test_the_log_holds_neither_notes_nor_names(rig: Rig) -> None:
    """After all this."""
    log = "".join(bot.log for bot in rig.bots)
    for secret in (
        "left",
        "Ana",
        "a<n>a",
        "Kim",
        "llovía",
        "🏃",
        "knee",
        "hills",
        "let me in",
        "Good morning",
    ):
        assert secret not in log, secret
