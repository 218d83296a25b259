"""What may be said besides an answer, with the buttons that the bot really sent, on one running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.core.facts.questions import SETTINGS, Detail
from bot.sandbox.ledger import Tap
from bot.sandbox.world import Json, User
from tests.support.bot import Rig
from tests.support.processes import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST_ATHLETE = 2000
_next_athlete = count(FIRST_ATHLETE)
LONG = "2026-02-16T18:42:58.123Z-a1b2c3-" + "x" * 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> AsyncIterator[Rig]:
    """A running bot for the tests of this module; they are told apart by athlete."""
    athletes = ",".join(str(FIRST_ATHLETE + number) for number in range(20))
    folder = tmp_path_factory.mktemp("bot")
    async with Rig(folder, mongo_url=mongo_url, ATHLETE_IDS=athletes) as rig:
        await rig.start()
        yield rig


@pytest.fixture
def athlete() -> User:
    """Somebody new who is listed."""
    number = next(_next_athlete)
    return User(number, username=f"ann{number}")


async def asked(rig: Rig, athlete: User, run_id: str = "run", *, title: str = "Tempo run") -> int:
    """A question that the bot itself has sent from the outbox; the message's id."""
    before = len(rig.world.messages(athlete.id))
    due = datetime.now(UTC)
    prompt = {"runId": run_id, "sessionId": "s", "chatId": str(athlete.id), "title": title, "dueAt": due}
    await rig.db["session_prompts"].insert_one(prompt)
    messages = await rig.messages(athlete.id, before + 1)
    message_id: int = messages[-1]["message_id"]
    return message_id


def labels(message: Json) -> list[str]:
    """The texts of a message's buttons, in reading order."""
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


async def shown(rig: Rig, athlete: User, message_id: int, *lines: str, button: str = "") -> Json:
    """The message, once its text ends with these lines, and it has such a button."""

    def message() -> Json:
        return rig.world.message_of(athlete.id, message_id)

    await wait_until(
        lambda: (
            message()["text"].splitlines()[-len(lines) :] == list(lines)
            and (not button or button in labels(message()))
        ),
        15,
        f"the message shows {lines} and {button}",
        otherwise=message,
    )
    return message()


async def press(rig: Rig, athlete: User, message_id: int, label: str) -> Tap:
    """Press a button that is there; returns the tap once it is answered."""
    tap = rig.world.tap(athlete.id, message_id, athlete, text=label)
    await rig.answered([tap])
    return tap


RPE_WORDS = (
    "How hard was the session as a whole, 0 to 10?",
    "0 rest · 1 very, very easy · 2 easy · 3 moderate · 4 somewhat hard · 5 hard · 7 very hard · 10 maximal",
)


@pytest.mark.parametrize("run_id", ["run", LONG])
async def test_how_hard_it_was(rig: Rig, athlete: User, run_id: str) -> None:
    """Done, 7, changed to 8, left out the third time; also where ids travel by reference."""
    message_id = await asked(rig, athlete, run_id, title="Tempo <b>run</b> & more")
    await press(rig, athlete, message_id, "✅ Done")
    message = await shown(rig, athlete, message_id, "➜ ✅ Done", "", *RPE_WORDS)
    assert message["text"].splitlines()[1] == "Tempo <b>run</b> & more"
    assert labels(message)[4:] == [*map(str, range(11)), "Pass", "shortened", "something else"]
    tap = await press(rig, athlete, message_id, "7")
    assert (tap.answer, tap.alert) == ("Saved: RPE 7. Thank you!", False)
    message = await shown(rig, athlete, message_id, "➜ ✅ Done", "Effort (RPE) 7 · very hard")
    assert labels(message) == ["• ✅ Done", "⏭ Skipped", "🥵 Hard", "🤕 Pain", "✏️ RPE 7", "✏️ changed?"]
    await press(rig, athlete, message_id, "✏️ RPE 7")
    await shown(rig, athlete, message_id, *RPE_WORDS, button="• 7")
    await press(rig, athlete, message_id, "8")
    await shown(rig, athlete, message_id, "➜ ✅ Done", "Effort (RPE) 8")
    await press(rig, athlete, message_id, "✏️ RPE 8")
    await shown(rig, athlete, message_id, *RPE_WORDS, button="• 8")
    assert (await press(rig, athlete, message_id, "Pass")).answer == "All right, it stays as it is."
    await shown(rig, athlete, message_id, "➜ ✅ Done", "Effort (RPE) 8")
    (event,) = await rig.stored(1, userId=athlete.id)
    assert (event["type"], event["rpe"], event["runId"]) == ("done", 8, run_id)
    (history,) = await rig.db["feedback_history"].find({"userId": athlete.id}).to_list()
    assert [change["rpe"] for change in history["changes"]] == [7]


async def test_the_same_tap_twice_and_a_change(rig: Rig, athlete: User) -> None:
    """It is said that it is saved already; another answer takes its place with what belongs to it."""
    message_id = await asked(rig, athlete)
    await press(rig, athlete, message_id, "🥵 Hard")
    await shown(rig, athlete, message_id, *RPE_WORDS)
    await press(rig, athlete, message_id, "Pass")
    await shown(rig, athlete, message_id, "➜ 🥵 Hard", button="• 🥵 Hard")
    again = await press(rig, athlete, message_id, "• 🥵 Hard")
    assert again.answer == "🥵 Hard is saved already. Tap another button to change it."
    await shown(rig, athlete, message_id, *RPE_WORDS, button="10")
    await press(rig, athlete, message_id, "10")
    await shown(rig, athlete, message_id, "➜ 🥵 Hard", "Effort (RPE) 10 · maximal")
    await press(rig, athlete, message_id, "⏭ Skipped")
    await shown(rig, athlete, message_id, "➜ ⏭ Skipped", "", "What kept you from it?", button="ill")
    assert (await press(rig, athlete, message_id, "no time")).answer == "Saved: no time. Thank you!"
    await shown(rig, athlete, message_id, "➜ ⏭ Skipped", "Reason: no time", button="✏️ no time")
    (event,) = await rig.stored(1, userId=athlete.id)
    assert (event["type"], event["reason"], "rpe" in event) == ("skipped", "no time", False)


async def test_a_second_message_about_the_same_session(rig: Rig, athlete: User) -> None:
    """What it asks about an answer that counts no more is refused, and then it shows the one that does."""
    first = await asked(rig, athlete)
    rig.world.message(athlete.id, athlete, "/pending")
    second = next(m for m in (await rig.messages(athlete.id, 4))[2:] if "reply_markup" in m)["message_id"]
    await press(rig, athlete, second, "✅ Done")
    await shown(rig, athlete, second, "➜ ✅ Done", "", *RPE_WORDS, button="7")
    await press(rig, athlete, first, "⏭ Skipped")
    await shown(rig, athlete, first, "➜ ⏭ Skipped", "", "What kept you from it?", button="ill")
    assert "another one by now" in ((await press(rig, athlete, second, "7")).answer or "")
    await shown(rig, athlete, second, "➜ ⏭ Skipped", "", "What kept you from it?", button="ill")
    (event,) = await rig.stored(1, userId=athlete.id)
    assert (event["type"], "rpe" in event) == ("skipped", False)


async def test_where_it_hurts(rig: Rig, athlete: User) -> None:
    """In the athlete's own language: place, side, level, whether the session was done, and how hard it was;
    stored in English."""
    athlete = User(athlete.id, language_code="es")
    message_id = await asked(rig, athlete)
    await press(rig, athlete, message_id, labels(rig.world.message_of(athlete.id, message_id))[3])
    await shown(rig, athlete, message_id, "➜ 🤕 Dolor", "", "¿Dónde te duele?", button="Omitir")
    assert (await press(rig, athlete, message_id, "rodilla")).answer == "Guardado: rodilla. ¡Gracias!"
    message = await shown(rig, athlete, message_id, "¿De qué lado?", button="ambos lados")
    assert labels(message)[4:] == ["izq.", "der.", "ambos lados", labels(message)[-1]]  # and to leave it out
    assert len(message["reply_markup"]["inline_keyboard"]) == 3
    await press(rig, athlete, message_id, "izq.")
    await shown(
        rig, athlete, message_id, "¿Cuánto te duele, de 0 a 10?", "0 nada · 10 el peor dolor", button="6"
    )
    await press(rig, athlete, message_id, "6")
    await shown(rig, athlete, message_id, "¿Hiciste la sesión?", button="en parte")
    await press(rig, athlete, message_id, "en parte")
    await wait_until(
        lambda: "10" in labels(rig.world.message_of(athlete.id, message_id)), 15, "effort is asked"
    )
    await press(rig, athlete, message_id, "7")
    message = await shown(
        rig, athlete, message_id, "➜ 🤕 Dolor",
        "Molestia: rodilla (izq.), 6/10", "Sesión hecha: en parte", "Esfuerzo (RPE) 7 · muy duro",
    )  # fmt: skip
    changes = ["✏️ RPE 7", "✏️ rodilla (izq.), 6/10", "✏️ hecha: en parte"]
    assert sorted(labels(message)[4:]) == sorted(changes)
    (event,) = await rig.stored(1, userId=athlete.id)
    assert event["pain"] == {"where": "knee", "side": "left", "level": 6}
    assert (event["completed"], event["rpe"]) == ("part", 7)
    # A back has no side, and what was not done was not hard.
    await press(rig, athlete, message_id, "✏️ rodilla (izq.), 6/10")
    await shown(rig, athlete, message_id, "¿Dónde te duele?", button="espalda")
    await press(rig, athlete, message_id, "espalda")
    await shown(rig, athlete, message_id, "0 nada · 10 el peor dolor", button="• 6")
    await press(rig, athlete, message_id, "2")
    effort = "Esfuerzo (RPE) 7 · muy duro"
    await shown(rig, athlete, message_id, "Sesión hecha: en parte", effort, button="✏️ hecha: en parte")
    await press(rig, athlete, message_id, "✏️ hecha: en parte")
    await shown(rig, athlete, message_id, "¿Hiciste la sesión?", button="no")
    await press(rig, athlete, message_id, "no")
    await shown(rig, athlete, message_id, "➜ 🤕 Dolor", "Molestia: espalda, 2/10", "Sesión hecha: no")
    (event,) = await rig.stored(1, userId=athlete.id)
    assert (event["pain"], event["completed"]) == ({"where": "back", "level": 2}, "no")
    assert "rpe" not in event


async def test_where_it_hurts_in_words(rig: Rig, athlete: User) -> None:
    """Another place: the next message says where, and the question shows it; what comes then is a note."""
    message_id = await asked(rig, athlete)
    await press(rig, athlete, message_id, "🤕 Pain")
    await shown(rig, athlete, message_id, "Where does it hurt?", button="other")
    await press(rig, athlete, message_id, "other")
    hint = "✍️ Where exactly? Just write it here in a few words."
    message = await shown(rig, athlete, message_id, hint, button="10")
    assert "How bad is it, 0 to 10?" in message["text"]
    rig.world.message(athlete.id, athlete, "the *sole* <left>")
    await wait_until(
        lambda: "Hurts: “the *sole* <left>”" in rig.world.message_of(athlete.id, message_id)["text"],
        15,
        "the question shows where",
    )
    assert hint not in rig.world.message_of(athlete.id, message_id)["text"]
    reply = (await rig.messages(athlete.id, 3))[-1]
    assert reply["text"] == "📝 Noted where it hurts: the *sole* <left>."
    await press(rig, athlete, message_id, "4")
    await shown(rig, athlete, message_id, "Did you do the session?", button="part")
    (event,) = await rig.stored(1, userId=athlete.id)
    assert event["pain"] == {"where": "other", "words": "the *sole* <left>", "level": 4}
    assert event["note"] is None


async def test_details_are_no_answers_in_the_figures(rig: Rig) -> None:
    """However much is said besides, the rate and the answers count answers alone."""
    figures = await rig.stats()
    assert figures["feedback_event_write_success_rate"] == 1.0
    taps = rig.world.ledger.taps
    details = [tap for tap in taps if tap.data.partition("|")[0] in [*Detail]]
    assert figures["taps"]["detail"] == len(details) > 10
    assert figures["taps"]["written"] == len(taps) - len(details)


async def test_nothing_is_asked_that_is_switched_off(tmp_path: Path, mongo_url: str) -> None:
    """With all settings off an answer is all there is; what was asked before can still be said."""
    off: dict[str, Any] = {setting.upper(): "false" for setting in SETTINGS}
    async with Rig(tmp_path, mongo_url=mongo_url, **off) as rig:
        await rig.start()
        athlete = User(42)
        answers: Sequence[str] = ("✅ Done", "🥵 Hard", "🤕 Pain", "⏭ Skipped")
        for number, label in enumerate(answers):
            message_id = await asked(rig, athlete, f"run-{number}")
            await press(rig, athlete, message_id, label)
            message = await shown(rig, athlete, message_id, f"➜ {label}", button=f"• {label}")
            assert len(labels(message)) == 4
        tap = rig.world.tap(42, message_id, athlete, data="reason|run-3|s|ill", force=True)
        await rig.answered([tap])
        await shown(rig, athlete, message_id, "➜ ⏭ Skipped", "Reason: ill", button="✏️ ill")
