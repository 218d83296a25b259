"""What athletes ask about themselves, on one running bot, with the buttons that it really sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from bot.core.facts.commands import Audience, Command
from bot.core.i18n.language import Language
from bot.core.people.menu import APPS
from bot.sandbox.ledger import Tap
from bot.sandbox.world import Json, User
from tests.support.bot import ADMIN, STRANGER, Rig
from tests.support.processes import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANA, BEN, CAT = User(8_001, "Ana", "ana_runs"), User(8_002, "Ben"), User(8_004, "Cat")
DAN, EVE = User(8_005, "Dan"), User(8_006, "Eve")
LISTED = User(8_003, "Leo")
HOSTILE = "<b>Tempo</i> & <script>"
NOTE = "knee <i>hurts</b> & more"
FOR_EVERYBODY = ("start", "help", "language", "privacy")
FOR_ATHLETES = tuple(it.value for it in Command if it.audience not in (Audience.ADMINS, Audience.COACH))
FOR_ADMINS = (*FOR_EVERYBODY, "stats")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> AsyncIterator[Rig]:
    """A running bot for all tests of this module; Leo stands in ATHLETE_IDS, the others on the roster."""
    async with Rig(
        tmp_path_factory.mktemp("bot"), mongo_url=mongo_url, ATHLETE_IDS=str(LISTED.id), PROMPT_TIME="00:00"
    ) as rig:
        for user in (ANA, BEN, CAT, DAN, EVE):
            now = datetime.now(UTC)
            name = user.first_name
            fields = {"userId": user.id, "chatId": str(user.id), "createdAt": now, "updatedAt": now}
            await rig.db["athletes"].insert_one(
                {"athleteId": name.lower(), "name": name, "state": "active", **fields}
            )
        await rig.start()
        yield rig


async def say(rig: Rig, user: User, text: str) -> Json:
    """The bot's reply to a message in a private chat."""
    message_id = rig.world.message(user.id, user, text)

    def replies() -> list[Json]:
        return [m for m in rig.world.messages(user.id) if m["message_id"] > message_id]

    await wait_until(replies, 20, f"a reply to {text}", otherwise=lambda: rig.bots[-1].log[-2000:])
    return replies()[0]


async def ask(rig: Rig, user: User, session_id: str, title: str = HOSTILE) -> Json:
    """A question that the bot has sent."""
    await rig.db["session_prompts"].insert_one(
        {"runId": "r", "sessionId": session_id, "chatId": str(user.id), "title": title}
    )
    sent = await rig.prompt_in_state("sent", sessionId=session_id, chatId=str(user.id))
    return rig.world.message_of(user.id, sent["messageId"])


async def tap(rig: Rig, user: User, message: Json, payload: str) -> Tap:
    """A tap on the one button whose payload begins so, answered."""
    found = [
        button["callback_data"]
        for row in message["reply_markup"]["inline_keyboard"]
        for button in row
        if payload in button["callback_data"]
    ]
    assert len(found) == 1, message
    given = rig.world.tap(user.id, message["message_id"], user, data=found[0])
    await rig.answered([given])
    return given


def menu(rig: Rig, user_id: int | None, language: str = "") -> dict[str, str]:
    """A menu of commands as Telegram has it."""
    scope = "" if user_id is None else json.dumps({"chat_id": user_id, "type": "chat"})
    return {item["command"]: item["description"] for item in rig.world.get_my_commands(scope, language)}


def set_for(rig: Rig, user: User) -> list[Json]:
    """The calls that set somebody's menu."""
    return [call for call in rig.calls("setMyCommands") if str(user.id) in str(call["params"].get("scope"))]


async def plan(rig: Rig, athlete_id: str) -> None:
    """A plan of one session, today."""
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    await rig.db["plan_snapshots"].insert_one(
        {
            "runId": f"plan-{athlete_id}",
            "athleteId": athlete_id,
            "weekStart": monday.isoformat(),
            "weekEnd": (monday + timedelta(days=6)).isoformat(),
            "activityPlan": {
                "days": [{"date": today.isoformat(), "activity": HOSTILE, "distance_time": "30 min"}]
            },
            "createdAt": datetime.now(UTC),
        }
    )


async def test_a_week_is_shown_and_what_is_open_is_asked_again(rig: Rig) -> None:
    """/week has the plan with each answer, whatever is in titles and notes; /pending asks once more."""
    await plan(rig, "eve")
    sent = await rig.prompt_in_state("sent", chatId=str(EVE.id))
    shown = await say(rig, EVE, "/week")
    assert HOSTILE in shown["text"]
    assert "not answered yet" in shown["text"]
    assert "30 min" in shown["text"]
    assert "Answered: 0 of 1" in shown["text"]

    rig.world.message(EVE.id, EVE, "/pending")
    again = await rig.prompt_in_state("sent", chatId=str(EVE.id), again="pending")
    await wait_until(lambda: len(rig.world.messages(EVE.id)) == 6, 20, "the question comes again")
    # The reply and the question are sent by two tasks: either may come first.
    said = {message["text"].partition(" ")[0]: message for message in rig.world.messages(EVE.id)[-2:]}
    assert said["1"]["text"].startswith("1 question without an answer")
    question = said["Still"]
    assert question["text"].startswith("Still unanswered:")
    assert again["_id"] == sent["_id"]
    await tap(rig, EVE, question, "|hard")
    written = rig.world.message(EVE.id, EVE, NOTE, reply_to=question["message_id"])
    await rig.reacted(EVE.id, written)
    shown = await say(rig, EVE, "/week")
    assert "🥵 Hard" in shown["text"]
    assert NOTE in shown["text"]
    assert "Answered: 1 of 1" in shown["text"]
    assert (await say(rig, EVE, "/pending"))["text"].startswith("Nothing is waiting")
    assert "No sessions" in (await say(rig, EVE, "/week next"))["text"]
    assert "/week last" in (await say(rig, EVE, "/week soon"))["text"]
    assert "No sessions" in (await say(rig, DAN, "/week"))["text"]
    assert "for athletes" in (await say(rig, STRANGER, "/week"))["text"]


async def test_spanish_from_a_command_on(rig: Rig) -> None:
    """/language es: the next question, its toasts and the menu are in Spanish; auto follows Telegram."""
    assert "Idioma" in (await say(rig, CAT, "/language"))["text"]
    assert "English, Spanish, or Portuguese" in (await say(rig, CAT, "/language klingon"))["text"]
    assert "español" in (await say(rig, CAT, "/language Español"))["text"]
    question = await ask(rig, CAT, "s")
    assert "¿Qué tal fue tu sesión?" in question["text"]
    given = await tap(rig, CAT, question, "|done")
    assert "Guardado" in (given.answer or "")
    spanish = {it.value: Language.ES.texts.command(it).menu for it in Command if it.value in FOR_ATHLETES}
    await wait_until(
        lambda: menu(rig, CAT.id) == menu(rig, CAT.id, "es") == spanish, 30, "the menu is in Spanish"
    )
    assert "English" not in (await say(rig, CAT, "/help"))["text"]
    assert "language of your Telegram" in (await say(rig, CAT, "/language auto"))["text"]
    assert "I write" not in (await say(rig, STRANGER, "/language es"))["text"]


async def test_menus_per_scope(rig: Rig) -> None:
    """Everybody, athletes and admins each see their own commands; who is removed sees everybody's again."""
    await wait_until(lambda: menu(rig, LISTED.id, "es") != {}, 30, "the menus are set")
    await wait_until(lambda: menu(rig, ADMIN) != {} and menu(rig, DAN.id, "es") != {}, 30, "all of them")
    assert tuple(menu(rig, None)) == FOR_EVERYBODY
    assert tuple(menu(rig, BEN.id)) == FOR_ATHLETES
    assert tuple(menu(rig, ADMIN)) == FOR_ADMINS
    assert menu(rig, BEN.id)["week"] == Language.EN.texts.command(Command.WEEK).menu
    assert menu(rig, BEN.id, "es")["week"] == Language.ES.texts.command(Command.WEEK).menu
    assert menu(rig, STRANGER.id) == {}
    calls = len(set_for(rig, DAN))
    assert (await rig.command("athlete", "remove", "dan")).status == 0
    await wait_until(lambda: menu(rig, DAN.id) == menu(rig, DAN.id, "es") == {}, 30, "Dan's menu goes")
    assert len(set_for(rig, DAN)) == calls == len(APPS)


async def file_of(rig: Rig, user: User) -> dict[str, Any]:
    """What /mydata sends."""
    message = await say(rig, user, "/mydata")
    assert message["document"]["file_name"].endswith(".json")
    content: dict[str, Any] = json.loads(rig.world.file(message["document"]["file_id"]))
    return content


async def test_their_data_and_the_end_of_it(rig: Rig) -> None:
    """/mydata has all of Ana's and nothing of Ben's; /forgetme deletes it, once that is confirmed."""
    await plan(rig, "ana")
    asked = await rig.prompt_in_state("sent", chatId=str(ANA.id))
    for user in (ANA, BEN):
        question = await ask(rig, user, "extra")
        await tap(rig, user, question, "|pain")
        await tap(
            rig,
            user,
            rig.world.message_of(user.id, question["message_id"]),
            "session_feedback|r|extra|skipped",
        )
        text = f"{NOTE} {user.first_name}"
        await rig.reacted(user.id, rig.world.message(user.id, user, text, reply_to=question["message_id"]))
    await say(rig, ANA, "/language en")
    assert "180 days" in (await say(rig, STRANGER, "/privacy"))["text"]

    data = await file_of(rig, ANA)
    assert [it["athleteId"] for it in data["athletes"]] == ["ana"]
    assert [(it["userId"], it["note"]) for it in data["feedback_events"]] == [(ANA.id, f"{NOTE} Ana")]
    assert len(data["feedback_history"]) == 1
    assert {it["sessionId"] for it in data["session_prompts"]} == {"extra", asked["sessionId"]}
    assert [it["runId"] for it in data["plan_snapshots"]] == ["plan-ana"]
    assert [(it["_id"], it["language"]) for it in data["users"]] == [(ANA.id, "en")]
    assert str(BEN.id) not in json.dumps(data)
    assert "Ben" not in json.dumps(data)

    kept = await say(rig, ANA, "/forgetme")
    await tap(rig, ANA, kept, "do|keep|")
    await wait_until(
        lambda: "nothing is deleted" in rig.world.message_of(ANA.id, kept["message_id"])["text"], 20, "kept"
    )
    assert len(await rig.events({"runId": "r", "sessionId": "extra"})) == 2
    warning = await say(rig, ANA, "/forgetme")
    given = await tap(rig, ANA, warning, "do|forget|")
    assert given.answer == "Deleted."
    await wait_until(
        lambda: "are deleted" in rig.world.message_of(ANA.id, warning["message_id"])["text"], 20, "it says so"
    )
    assert "reply_markup" not in rig.world.message_of(ANA.id, warning["message_id"])
    [event] = await rig.events({"runId": "r", "sessionId": "extra"})
    assert event["userId"] == BEN.id
    for name in ("feedback_history", "waiting_notes", "session_prompts"):
        assert str(ANA.id) not in str(await rig.db[name].find({}).to_list()), name
    assert await rig.db["users"].find_one({"_id": ANA.id}) is None
    entry = await rig.db["athletes"].find_one({"athleteId": "ana"})
    assert entry is not None
    assert set(entry) == {"_id", "athleteId", "state", "createdAt", "updatedAt", "forgottenAt"}
    figures = await rig.stats()
    assert figures["feedback_event_write_success_rate"] == 1.0
    assert "for athletes" in (await say(rig, ANA, "/mydata"))["text"]


async def test_the_weekly_summary_arrives(rig: Rig) -> None:
    """What the outbox has of kind `weekly` is written when it is sent, and nobody counts it as a question."""
    today = datetime.now(UTC).date()
    sunday = today - timedelta(days=today.weekday() + 1)
    await rig.db["session_prompts"].insert_one(
        {
            "runId": "weekly",
            "sessionId": f"cat|{sunday}",
            "chatId": str(CAT.id),
            "kind": "weekly",
            "athleteId": "cat",
            "userId": CAT.id,
        }
    )
    sent = await rig.prompt_in_state("sent", runId="weekly")
    message = rig.world.message_of(CAT.id, sent["messageId"])
    assert message["text"].startswith("🗓 Your week, ")
    assert "reply_markup" not in message
    assert "/pending" not in message["text"]


async def test_who_is_listed_is_paused_without_end(rig: Rig) -> None:
    """In ATHLETE_IDS: the data go, this week's sessions are not asked about again, and the text says so."""
    await plan(rig, str(LISTED.id))
    question = await rig.prompt_in_state("sent", chatId=str(LISTED.id))
    warning = await say(rig, LISTED, "/forgetme")
    assert "ATHLETE_IDS" in warning["text"]
    # With a note that was written before, and arrives at the same time.
    assert await rig.bots[-1].terminate() == 0
    written = rig.world.message(LISTED.id, LISTED, "my knee", reply_to=question["messageId"])
    confirmed = rig.world.tap(LISTED.id, warning["message_id"], LISTED, data="do|forget|")
    number = len(rig.world.messages(LISTED.id))
    await rig.start()
    await rig.answered([confirmed])
    await rig.reacted(LISTED.id, written)
    assert await rig.db["waiting_notes"].count_documents({}) == 0
    # Nor is there any trace of a question, whatever the planner makes of the plan that is still there.
    await plan(rig, "ben")
    await rig.prompt_in_state("sent", chatId=str(BEN.id), runId="plan-ben")
    assert str(LISTED.id) not in str(await rig.prompts())
    assert len(rig.world.messages(LISTED.id)) == number  # a note gets a reaction
    entry = await rig.db["athletes"].find_one({"userId": LISTED.id})
    assert entry is not None
    kept = {"_id", "athleteId", "state", "userId", "pauses", "createdAt", "updatedAt", "forgottenAt"}
    assert set(entry) == kept


async def test_whoever_runs_the_bot_deletes_for_somebody(rig: Rig) -> None:
    """`athlete erase` leaves what /forgetme leaves; it asks before, and names who is nobody."""
    asked = await rig.command("athlete", "erase", "ben")
    assert (asked.status, asked.err.startswith("error: --yes: ")) == (2, True)
    [event] = await rig.events({"runId": "r", "sessionId": "extra"})
    assert event["userId"] == BEN.id
    erased = await rig.command("athlete", "erase", "ben", "--yes")
    assert (erased.status, erased.out.split(".")[0]) == (0, f"erased: ben (Telegram id {BEN.id})")
    assert await rig.events({"userId": BEN.id}) == []
    assert str(BEN.id) not in str(await rig.db["session_prompts"].find({}).to_list())
    entry = await rig.db["athletes"].find_one({"athleteId": "ben"})
    assert entry is not None
    assert set(entry) == {"_id", "athleteId", "state", "createdAt", "updatedAt", "forgottenAt"}
    await wait_until(lambda: menu(rig, BEN.id) == {}, 30, "the bot knows that Ben is gone")
    assert "for athletes" in (await say(rig, BEN, "/mydata"))["text"]
    for nobody in ("ben", str(BEN.id), "99999999999999999999"):
        again = await rig.command("athlete", "erase", nobody, "--yes")
        assert (again.status, "nothing is stored" in again.err) == (2, True)
