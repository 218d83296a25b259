"""What athletes, strangers and admins see, on one running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from bot.core.answers.payloads import DetailTap, parse_payload
from bot.core.facts.answer_types import FeedbackType
from bot.sandbox.ledger import Tap
from bot.sandbox.world import Json, User
from tests.support.bot import ADMIN, STRANGER, TYPES, Rig
from tests.support.processes import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = 86_400
# Each test has an athlete of its own, so that Telegram's limits for one chat do not add up.
FIRST_ATHLETE = 1000
_next_athlete = count(FIRST_ATHLETE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> AsyncIterator[Rig]:
    """A running bot for all tests of this module; they are told apart by athlete."""
    athletes = ",".join(str(FIRST_ATHLETE + number) for number in range(50))
    folder = tmp_path_factory.mktemp("bot")
    async with Rig(folder, mongo_url=mongo_url, ATHLETE_IDS=athletes, TIMEZONE="Europe/Madrid") as rig:
        await rig.start()
        yield rig


@pytest.fixture
def athlete() -> User:
    """Somebody new who is listed."""
    number = next(_next_athlete)
    return User(number, username=f"ann{number}")


async def answer_to(rig: Rig, tap: Tap) -> str:
    """The answer to a tap."""
    await rig.answered([tap])
    assert tap.answer
    assert len(tap.answer) <= 200
    return tap.answer


def buttons_of(message: Json) -> list[Json]:
    """A message's buttons, in reading order."""
    return [button for row in message["reply_markup"]["inline_keyboard"] for button in row]


def labels(message: Json) -> list[str]:
    """The texts of the four answers, in reading order."""
    return [str(button["text"]) for button in buttons_of(message)[: len(TYPES)]]


async def edited(rig: Rig, chat_id: int, message_id: int, shown: str) -> Json:
    """The message, once its text shows a certain answer."""
    await wait_until(
        lambda: shown.lower() in rig.world.message_of(chat_id, message_id)["text"].lower(),
        15,
        f"the message shows {shown}",
        otherwise=lambda: rig.world.message_of(chat_id, message_id),
    )
    return rig.world.message_of(chat_id, message_id)


async def nothing_of(rig: Rig, user: User) -> bool:
    """Whether nothing is stored under somebody's id."""
    return not await rig.events({"userId": user.id})


@pytest.mark.parametrize("button", range(4))
async def test_each_answer_is_acknowledged_and_shown(rig: Rig, athlete: User, button: int) -> None:
    """A tap is answered with what was saved; the message shows it, keeps its four buttons, and asks on."""
    message_id = rig.ask("run", f"answer-{button}", athlete.id)
    tap = rig.world.tap(athlete.id, message_id, athlete, button=button)
    answer = await answer_to(rig, tap)
    assert "Saved" in answer
    assert TYPES[button] in answer.lower()
    assert not tap.alert
    (document,) = await rig.stored(1, userId=athlete.id)
    assert document["type"] == document["response"] == TYPES[button]
    assert document["sessionKey"] == f"run-answer-{button}-{athlete.id}"
    assert (document["chatId"], document["messageId"]) == (str(athlete.id), message_id)
    assert (document["username"], document["updateId"]) == (athlete.username, tap.update_id)
    message = await edited(rig, athlete.id, message_id, TYPES[button])
    assert message["text"].startswith(f"How was answer-{button}?")
    assert [TYPES[n] in label for n, label in enumerate(labels(message))] == [True] * 4
    assert [n for n, label in enumerate(labels(message)) if label != TYPES[n]] == [button]
    asked = [parse_payload(choice["callback_data"]) for choice in buttons_of(message)[len(TYPES) :]]
    first, *others = FeedbackType(TYPES[button]).facts.asks
    asides = {detail for detail in others if detail.facts.is_aside}
    assert {it.detail if isinstance(it, DetailTap) else None for it in asked} == {first} | asides


async def test_a_change_of_mind(rig: Rig, athlete: User) -> None:
    """Another tap changes the one document and what the message shows."""
    message_id = rig.ask("run", "change", athlete.id)
    first = rig.world.tap(athlete.id, message_id, athlete, button=0)
    await answer_to(rig, first)
    await edited(rig, athlete.id, message_id, "done")
    second = rig.world.tap(athlete.id, message_id, athlete, button=3)
    assert "pain" in (await answer_to(rig, second)).lower()
    message = await edited(rig, athlete.id, message_id, "pain")
    assert "done" not in message["text"].lower()
    assert [n for n, label in enumerate(labels(message)) if label != TYPES[n]] == [3]
    (document,) = await rig.stored(1, userId=athlete.id)
    assert (document["type"], document["updateId"]) == ("pain", second.update_id)


async def test_notes_are_decoded(rig: Rig, athlete: User) -> None:
    """What follows the fourth bar is the note, percent-decoded, further bars included."""
    message_id = rig.ask("run", "n", athlete.id, note="left%20knee|hurts%21")
    await answer_to(rig, rig.world.tap(athlete.id, message_id, athlete, button=3))
    (document,) = await rig.stored(1, userId=athlete.id)
    assert document["note"] == "left knee|hurts!"


@pytest.mark.parametrize(("age", "is_late"), [(14 * DAY + 23 * 3600, False), (15 * DAY + 60, True)])
async def test_late_taps(rig: Rig, athlete: User, age: float, *, is_late: bool) -> None:
    """15 days are late: an alert with the age, nothing written. 14 days and 23 hours are in time."""
    late_before = (await rig.stats())["taps"]["late"]
    message_id = rig.ask("run", "late", athlete.id, date=rig.world.time() - age)
    tap = rig.world.tap(athlete.id, message_id, athlete, button=0)
    answer = await answer_to(rig, tap)
    if is_late:
        assert "15 days" in answer
        assert tap.alert
        assert await nothing_of(rig, athlete)
        assert (await rig.stats())["taps"]["late"] == late_before + 1
    else:
        (document,) = await rig.stored(1, userId=athlete.id)
        assert (document["promptAgeDays"], document["isLateResponse"]) == (14, False)


async def test_a_message_from_the_future(rig: Rig, athlete: User) -> None:
    """Clocks differ: a prompt that seems to be sent tomorrow is zero days old."""
    message_id = rig.ask("run", "future", athlete.id, date=rig.world.time() + DAY)
    await answer_to(rig, rig.world.tap(athlete.id, message_id, athlete, button=0))
    (document,) = await rig.stored(1, userId=athlete.id)
    assert document["promptAgeDays"] == 0


async def test_a_stranger_changes_nothing(rig: Rig, athlete: User) -> None:
    """A tap of somebody not listed is refused with an alert; document and message stay as they are."""
    message_id = rig.ask("run", "mine", athlete.id)
    await answer_to(rig, rig.world.tap(athlete.id, message_id, athlete, button=0))
    shown = await edited(rig, athlete.id, message_id, "done")
    before = await rig.stored(1, userId=athlete.id)
    refused_before = (await rig.stats())["taps"]["refused"]
    tap = rig.world.tap(athlete.id, message_id, STRANGER, button=3)
    answer = await answer_to(rig, tap)
    assert tap.alert
    assert "Saved" not in answer
    assert await rig.stored(1, userId=athlete.id) == before
    assert await nothing_of(rig, STRANGER)
    assert (await rig.stats())["taps"]["refused"] == refused_before + 1
    # The next edit of the chat comes after whatever a stranger could have caused.
    canary = rig.ask("run", "canary", athlete.id)
    rig.world.tap(athlete.id, canary, athlete, button=1)
    await edited(rig, athlete.id, canary, "skipped")
    assert rig.world.message_of(athlete.id, message_id) == shown


@pytest.mark.parametrize(
    "data",
    [
        "",
        "nonsense",
        "session_feedback",
        "session_feedback||s|done",
        "session_feedback|r|s|great",
        "session_feedback|r|s",
        "\x00|\x00",
        "ü" * 500,
        "feedback||done",
        "other|r|s|done",
    ],
)
async def test_invalid_payloads(rig: Rig, athlete: User, data: str) -> None:
    """What is no payload of ours gets kind words and is never written."""
    tap = rig.world.tap(athlete.id, 1, athlete, data=data, force=True)
    answer = await answer_to(rig, tap)
    assert "Saved" not in answer
    assert tap.alert
    assert await nothing_of(rig, athlete)


@pytest.mark.parametrize("data", ["feedback|run|hard|tough", "session_feedback|run||HARD |tough"])
async def test_legacy_payloads(rig: Rig, athlete: User, data: str) -> None:
    """The older form, and an empty session id, are the session `legacy-<messageId>`."""
    message_id = rig.world.message_at(
        athlete.id, date=rig.world.time(), text="old", buttons=[[{"text": "Hard", "callback_data": data}]]
    )
    await answer_to(rig, rig.world.tap(athlete.id, message_id, athlete, button=0))
    (document,) = await rig.stored(1, userId=athlete.id)
    assert document["sessionId"] == f"legacy-{message_id}"
    assert (document["type"], document["note"]) == ("hard", "tough")


async def test_an_inaccessible_message(rig: Rig, athlete: User) -> None:
    """Where Telegram no longer shows the message, the prompt record tells its time, if there is one."""
    await rig.db["session_prompts"].insert_one({"runId": "run", "sessionId": "known", "chatId": athlete.id})
    (message,) = await rig.messages(athlete.id, 1)
    prompt = await rig.prompt_in_state("sent", sessionId="known")
    known = message["message_id"]
    unknown = rig.ask("run", "unknown", athlete.id)
    for message_id in (known, unknown):
        rig.world.set_message(athlete.id, message_id, accessible=False)
    tap = rig.world.tap(athlete.id, known, athlete, button=0)
    assert "Saved" in await answer_to(rig, tap)
    late = rig.world.tap(athlete.id, unknown, athlete, button=0)
    assert "too old" in await answer_to(rig, late)
    assert late.alert
    (document,) = await rig.stored(1, userId=athlete.id)
    assert (document["sessionId"], document["promptSentAt"]) == ("known", prompt["sentAt"])


async def test_a_forged_reference(rig: Rig, athlete: User) -> None:
    """A short reference that no prompt has is told apart, and nothing is written."""
    unknown_before = (await rig.stats())["taps"]["unknown"]
    data = f"session_feedback|~{'A' * 20}|~|done"
    tap = rig.world.tap(athlete.id, 1, athlete, data=data, force=True)
    answer = await answer_to(rig, tap)
    assert "Saved" not in answer
    assert tap.alert
    assert await nothing_of(rig, athlete)
    assert (await rig.stats())["taps"]["unknown"] == unknown_before + 1


async def test_colliding_session_keys_are_both_kept(rig: Rig, athlete: User) -> None:
    """`a-b` + `c` and `a` + `b-c` form the same key: neither answer overwrites the other."""
    for number, (run, session) in enumerate([("a-b", "c"), ("a", "b-c")]):
        message_id = rig.ask(run, session, athlete.id)
        await answer_to(rig, rig.world.tap(athlete.id, message_id, athlete, button=number))
    documents = await rig.stored(2, userId=athlete.id)
    assert {(d["runId"], d["sessionId"], d["type"]) for d in documents} == {
        ("a-b", "c", "done"),
        ("a", "b-c", "skipped"),
    }


async def test_a_group_and_no_username(rig: Rig, athlete: User) -> None:
    """Taps in a group with a negative id, of somebody without a username, are stored."""
    group = -1001234567890 - athlete.id
    message_id = rig.ask("run", "group", group)
    await answer_to(rig, rig.world.tap(group, message_id, User(athlete.id), button=2))
    (document,) = await rig.stored(1, userId=athlete.id)
    assert (document["chatId"], document["username"]) == (str(group), None)


async def reply_to(rig: Rig, chat_id: int, user: User, text: str) -> str:
    """The bot's reply to a message."""
    before = len(rig.world.messages(chat_id))
    rig.world.message(chat_id, user, text)
    message = (await rig.messages(chat_id, before + 2))[-1]
    return str(message.get("caption") or message["text"])


async def test_commands_in_chats(rig: Rig, athlete: User) -> None:
    """/start tells a stranger their id, /help explains, /stats is for admins in a private chat only."""
    newcomer = User(777_000, "Newcomer")
    welcome = await reply_to(rig, newcomer.id, newcomer, "/start")
    assert str(newcomer.id) in welcome
    assert str(athlete.id) not in await reply_to(rig, newcomer.id, newcomer, "/help")
    assert "button" in await reply_to(rig, athlete.id, athlete, "/help")
    for user in (newcomer, athlete):
        refusal = await reply_to(rig, user.id, user, "/stats")
        assert "admins" in refusal
        assert "rate" not in refusal
    admin = User(ADMIN, "Admin")
    assert "Last 30 days" in await reply_to(rig, ADMIN, admin, "/stats")
    assert "Last 7 days" in await reply_to(rig, ADMIN, admin, "/stats 7")
    assert "days from 1 to 365" in await reply_to(rig, ADMIN, admin, "/stats -1")
    assert "private" in await reply_to(rig, -4242, admin, "/stats@sandbox_feedback_bot")
