"""Words that are no reply, over the local Bot API: where they go, and what a kill changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.core.telegram.reactions import Reaction
from bot.sandbox.faults import Fault
from bot.sandbox.world import Json, User
from tests.support.bot import STRANGER, Rig
from tests.support.processes import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = "2026-02-16"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> AsyncIterator[Rig]:
    """A running bot for the tests of this module; they are told apart by athlete."""
    athletes = ",".join(str(4000 + number) for number in range(20))
    async with Rig(tmp_path_factory.mktemp("bot"), mongo_url=mongo_url, ATHLETE_IDS=athletes) as rig:
        await rig.start()
        yield rig


async def asked(rig: Rig, athlete: User, session_id: str, title: str) -> Json:
    """The bot asks about a session; returns its message."""
    before = len(rig.world.messages(athlete.id))
    queued = await rig.prompt("w08", session_id, athlete.id, f"--title={title}")
    assert queued.status == 0, queued
    return (await rig.messages(athlete.id, before + 1))[-1]


async def last(rig: Rig, athlete: User, words: str) -> Json:
    """The last message of a chat, once it holds some words."""
    await wait_until(
        lambda: words in rig.world.messages(athlete.id)[-1].get("text", ""),
        15,
        f"{athlete.id} hears {words!r}",
        otherwise=lambda: rig.world.messages(athlete.id)[-2:],
    )
    return rig.world.messages(athlete.id)[-1]


async def shows(rig: Rig, athlete: User, message: Json, words: str) -> Json:
    """A message, once it holds some words."""
    message_id = message["message_id"]
    await wait_until(
        lambda: words in rig.world.message_of(athlete.id, message_id)["text"],
        15,
        f"message {message_id} shows {words!r}",
        otherwise=lambda: rig.world.message_of(athlete.id, message_id),
    )
    return rig.world.message_of(athlete.id, message_id)


def buttons(message: Json) -> list[str]:
    """The labels of a message's buttons."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


async def lines(rig: Rig, athlete: User) -> dict[str, list[str]]:
    """The lines of each session's note, kept with an answer or waiting for one."""
    found: dict[str, list[str]] = {}
    for name in ("feedback_events", "waiting_notes"):
        for document in await rig.db[name].find({"userId": athlete.id}).to_list():
            texts = [line["text"] for line in document.get("notes", [])]
            found |= {document["sessionId"]: texts} if texts else {}
    return found


async def test_words_that_may_be_an_answer(rig: Rig) -> None:
    """They are a note, and the answer is offered; a tap stores it as of its question, which shows both."""
    athlete = User(4000, language_code="es")
    question = await asked(rig, athlete, "tue", "Tempo")
    rig.world.message(athlete.id, athlete, "hecho, 7")
    told = await last(rig, athlete, "¿Es tu respuesta?")
    assert buttons(told)[0] == "👉 ✅ Hecha"
    assert buttons(told)[-2:] == ["↪️ Otra sesión", "↩️ Retirar"]
    assert await rig.events({"userId": athlete.id}) == []
    await shows(rig, athlete, question, "📝 hecho, 7")
    await rig.answered([rig.world.tap(athlete.id, told["message_id"], athlete, text="👉 ✅ Hecha")])
    [event] = await rig.stored(1, userId=athlete.id)
    [prompt] = await rig.prompts({"userId": {"$in": [None, athlete.id]}, "chatId": str(athlete.id)})
    assert (event["type"], event["note"]) == ("done", "hecho, 7")
    assert event["promptSentAt"] == prompt["sentAt"]
    answered = await shows(rig, athlete, told, "➜ ✅ Hecha")
    assert "7" in buttons(answered)
    await rig.answered([rig.world.tap(athlete.id, told["message_id"], athlete, text="7")])
    [event] = await rig.stored(1, userId=athlete.id)
    assert event["rpe"] == 7
    older = await shows(rig, athlete, question, "más abajo")
    assert buttons(older) == []


async def test_a_note_to_an_answer_without_a_reply(rig: Rig) -> None:
    """It goes to the newest answer; one line says so, with two buttons; the question shows it."""
    athlete = User(4001)
    question = await asked(rig, athlete, "tue", "Tempo")
    await rig.answered([rig.world.tap(athlete.id, question["message_id"], athlete, button=0)])
    await rig.stored(1, userId=athlete.id)
    await shows(rig, athlete, question, "➜ ✅ Done")
    rig.world.message(athlete.id, athlete, "felt <b>good</b>")
    told = await last(rig, athlete, "📝 Noted with Tempo")
    assert "\n" not in told["text"]
    assert buttons(told) == ["↪️ Another session", "↩️ Take back"]
    shown = await shows(rig, athlete, question, "📝 felt <b>good</b>")
    assert shown["text"].partition("➜")[2].startswith(" ✅ Done\n📝 felt <b>good</b>")
    assert "7" in buttons(shown)  # how hard it was can still be said
    written = rig.world.message(athlete.id, athlete, "calf tight")
    await shows(rig, athlete, question, "felt <b>good</b> · calf tight")
    rig.world.edit_message(athlete.id, written, "calf fine")
    await shows(rig, athlete, question, "felt <b>good</b> · calf fine")
    await rig.reacted(athlete.id, written, Reaction.CHANGED)
    rig.world.message(athlete.id, athlete, "/undo")
    await last(rig, athlete, "Taken back")
    assert await lines(rig, athlete) == {"tue": ["felt <b>good</b>"]}
    await rig.answered([rig.world.tap(athlete.id, told["message_id"], athlete, text="↩️ Take back")])
    await shows(rig, athlete, told, "Taken back")
    assert await lines(rig, athlete) == {}
    assert "📝" not in rig.world.message_of(athlete.id, question["message_id"])["text"]


async def test_a_note_is_moved(rig: Rig) -> None:
    """To another session that was asked about, of which the message then tells."""
    athlete = User(4002)
    await asked(rig, athlete, "mon", "Hills")
    question = await asked(rig, athlete, "tue", "Tempo")
    rig.world.message(athlete.id, athlete, "legs heavy")
    told = await last(rig, athlete, "📝 Noted with Tempo")
    await shows(rig, athlete, question, "📝 legs heavy")
    await rig.answered([rig.world.tap(athlete.id, told["message_id"], athlete, text="↪️ Another session")])
    offered = await shows(rig, athlete, told, "To which session")
    assert len(buttons(offered)) == 2
    await rig.answered([rig.world.tap(athlete.id, told["message_id"], athlete, button=0)])
    await shows(rig, athlete, told, "📝 Noted with Hills")
    assert await lines(rig, athlete) == {"mon": ["legs heavy"]}


async def test_a_server_without_reactions(rig: Rig) -> None:
    """And a group whose admins allow none: what was kept is told in a message, once."""
    athlete = User(4003)
    question = rig.ask("run", "s", athlete.id)
    await rig.answered([rig.world.tap(athlete.id, question, athlete, button=0)])
    rig.world.set_chat(athlete.id, without_reactions=True)
    rig.world.message(athlete.id, athlete, "windy", reply_to=question)
    await last(rig, athlete, "Noted with your answer")
    rig.world.set_chat(athlete.id, without_reactions=False)
    rig.faults.add(Fault("status", "setMessageReaction", status=404, times=None))
    for text in ("cold", "dark"):
        rig.world.message(athlete.id, athlete, text, reply_to=question)
        await wait_until(
            lambda: rig.world.messages(athlete.id)[-1].get("text", "").startswith("📝"), 15, "it is told"
        )
    rig.faults.clear()
    assert await lines(rig, athlete) == {"s": ["windy", "cold", "dark"]}
    asked_once = [call for call in rig.calls("setMessageReaction") if call["status"] == 404]
    assert len(asked_once) == 1
    assert await rig.bots[-1].terminate() == 0
    await rig.start()


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_killed_while_it_is_told(rig: Rig, method: str) -> None:
    """The note is there once, in its session, also when another question was asked in between."""
    athlete = User(4004 + ["sendMessage", "editMessageText"].index(method))
    question = await asked(rig, athlete, "tue", "Tempo")
    rig.faults.add(Fault("hang", method, times=None))
    written = rig.world.message(athlete.id, athlete, "legs heavy")

    async def kept() -> bool:
        return await lines(rig, athlete) == {"tue": ["legs heavy"]}

    await wait_until(kept, 20, "the note is kept", poll=0.05)
    await rig.bots[-1].kill()
    rig.faults.clear()
    rig.ask("w08", "wed", athlete.id)
    now: dict[str, Any] = {"runId": "w08", "sessionId": "wed", "chatId": str(athlete.id), "state": "sent"}
    [first] = await rig.prompts({"chatId": str(athlete.id)})
    await rig.db["session_prompts"].insert_one({**now, "sentAt": first["sentAt"], "dueAt": first["dueAt"]})
    await rig.start()
    await last(rig, athlete, "📝 Noted with Tempo")
    await shows(rig, athlete, question, "📝 legs heavy")
    await wait_until(lambda: rig.world.pending() == 0, 20, "nothing waits")
    assert await lines(rig, athlete) == {"tue": ["legs heavy"]}
    told = [it for it in rig.world.messages(athlete.id) if it.get("text", "").startswith("📝 Noted")]
    assert len(told) == 1
    assert "reactions" not in rig.world.message_of(athlete.id, written)


async def test_a_stranger_can_do_none_of_it(rig: Rig) -> None:
    """Nor another athlete: whose buttons are pressed decides, not what they carry."""
    athlete, other = User(4006), User(4007)
    await asked(rig, athlete, "tue", "Tempo")
    written = rig.world.message(athlete.id, athlete, "legs heavy")
    await last(rig, athlete, "📝 Noted with Tempo")
    for user in (other, STRANGER):
        taps = [
            rig.world.tap(user.id, 1, user, data=f"do|{name}|{written}", force=True)
            for name in ("unnote", "move", "stay")
        ]
        await rig.answered(taps)
    rig.world.message(STRANGER.id, STRANGER, "/undo")
    rig.world.message(STRANGER.id, STRANGER, "hecho")
    await last(rig, STRANGER, "athletes")
    rig.world.message(other.id, other, "/undo")
    await last(rig, other, "no note of yours")
    assert await lines(rig, athlete) == {"tue": ["legs heavy"]}
