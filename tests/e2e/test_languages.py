"""An athlete whose Telegram is in Spanish, on a real bot: question, toast, mark, menu."""

from __future__ import annotations

import json

from bot.core.answers.rules import WEEKDAYS
from bot.core.answers.texts import label, saved
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.commands import Command
from bot.core.i18n.language import Language
from bot.core.people.texts import help_text, welcome
from bot.sandbox.world import User
from tests.support.bot import ATHLETES, STRANGER, Rig
from tests.support.processes import wait_until

ANA = User(ATHLETES[0], "Ana", language_code="es-MX")


async def reply_to(rig: Rig, user: User, text: str) -> str:
    """The bot's reply to a message in a private chat."""
    before = len(rig.world.messages(user.id))
    rig.world.message(user.id, user, text)
    return str((await rig.messages(user.id, before + 2))[-1]["text"])


async def asked(rig: Rig, session_id: str) -> tuple[int, str]:
    """The id and the text of a question that is sent now."""
    assert (await rig.prompt("run", session_id, ANA.id)).status == 0
    sent = await rig.prompt_in_state("sent", sessionId=session_id)
    return sent["messageId"], rig.world.message_of(ANA.id, sent["messageId"])["text"]


async def marked(rig: Rig, message_id: int, answer: str) -> None:
    """Return once the message shows an answer."""
    await wait_until(
        lambda: answer in rig.world.message_of(ANA.id, message_id)["text"],
        15,
        f"the message shows {answer}",
        otherwise=lambda: rig.world.message_of(ANA.id, message_id),
    )


async def test_from_spanish_to_english(rig: Rig) -> None:
    """Telegram's language is remembered; a choice overrules it; what is stored stays English."""
    scope = json.dumps({"type": "chat", "chat_id": ANA.id})
    first = {"command": "start", "description": Language.EN.texts.command(Command.START).menu}
    await rig.start()
    assert await reply_to(rig, ANA, "/help") == help_text(Language.ES, admin=False)
    await wait_until(
        lambda: rig.db["users"].find_one({"_id": ANA.id, "telegramLanguage": "es-MX"}),
        20,
        "Telegram's language is remembered",
        poll=0.05,
    )
    message_id, question = await asked(rig, "one")
    assert question.startswith("¿Qué tal fue tu sesión?")
    tap = rig.world.tap(ANA.id, message_id, ANA, button=0)
    await rig.answered([tap])
    assert tap.answer == saved(FeedbackType.DONE, Language.ES)
    await marked(rig, message_id, label(FeedbackType.DONE, Language.ES))

    await rig.db["users"].update_one({"_id": ANA.id}, {"$set": {"language": "en"}})
    await wait_until(lambda: rig.world.get_my_commands(scope, "es")[:1] == [first], 20, "the menu is English")
    second, question = await asked(rig, "two")
    assert question.startswith("How did your session go?")
    again = rig.world.tap(ANA.id, message_id, ANA, button=0)
    tap = rig.world.tap(ANA.id, second, ANA, button=0)
    await rig.answered([again, tap])
    assert tap.answer == saved(FeedbackType.DONE, Language.EN)
    await marked(rig, message_id, label(FeedbackType.DONE, Language.EN))
    assert label(FeedbackType.DONE, Language.ES) not in rig.world.message_of(ANA.id, message_id)["text"]

    english = set(WEEKDAYS)
    assert {event["sessionDay"] in english for event in await rig.stored(2)} == {True}
    assert "stats" not in {command["command"] for command in rig.world.get_my_commands(scope)}


async def test_nothing_is_kept_of_strangers(rig: Rig) -> None:
    """Their language is heard for the reply alone."""
    await rig.start()
    mallory = User(STRANGER.id, STRANGER.first_name, language_code="es")
    hello = welcome(mallory.id, Language.ES, athlete=False, admin=False)
    assert await reply_to(rig, mallory, "/start") == hello
    await reply_to(rig, ANA, "/start")
    await wait_until(lambda: rig.db["users"].find_one({"_id": ANA.id}), 20, "ANA is remembered", poll=0.05)
    assert [user["_id"] async for user in rig.db["users"].find({})] == [ANA.id]
