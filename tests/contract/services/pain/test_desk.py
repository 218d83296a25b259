"""Pain on any day, and how it is by now: over a local Bot API server, killed at each step."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.people.tombstone import DataSubject
from bot.core.shared.errors import StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.updates import TappedMessage
from bot.sandbox.world import Json
from bot.services.answers.tap_writer import Result
from bot.services.chat.button_actions import ActionDone
from bot.services.chat.reply import Reply
from bot.services.pain.where_words import WAITS
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore
from bot.store.personal_data import PersonalStore
from bot.store.prompts.coach_alerts import CoachAlertStore
from tests.support.desk import ANA, BEN, COACH_CHAT, NOW, Database, Desk, killed_at, open_desk

EN = Language.EN
PAIN, DONE = FeedbackType.PAIN, FeedbackType.DONE
DAY = 86_400
EIGHT = (datetime(2026, 2, 17, 8, tzinfo=UTC) - NOW).total_seconds()
"""Seconds after `NOW`, which is an evening."""


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """See `Desk`."""
    async with open_desk(db, monkeypatch) as desk:
        yield desk


async def tell(desk: Desk, update_id: int, text: str, user: int = ANA) -> Reply:
    """A command in an athlete's private chat."""
    return await desk.command(update_id, text, user=user, chat=user, name="Ana")


def labels(keyboard: Any) -> list[str]:
    """The buttons' texts."""
    return [button["text"] for row in keyboard or [] for button in row]


async def tap(
    desk: Desk, update_id: int, data: str, *, message: int = 500, asked: float = 0, **more: Any
) -> Result | None:
    """A tap on such a button, below a message that was sent so many seconds after `NOW`."""
    made = desk.tap(update_id, f"do|hurts|{data}", name="Ana", **more)
    made = replace(made, message_id=message, prompt_at=NOW + timedelta(seconds=asked))
    return (await desk.store(made))[0]


def shown(result: Result | None, prompted: TappedMessage | None = None) -> MessageEdit:
    """What becomes of the message."""
    assert isinstance(result, ActionDone), result
    if result.change is not None and prompted is not None:
        return result.change(prompted, EN)
    assert result.instead is not None
    return result.instead(EN)


async def open_pain(desk: Desk, seconds: float = DAY) -> list[tuple[Any, ...]]:
    """Place, side, words, level of what is open."""
    found = await desk.stores.pain_episodes.open_of([ANA, BEN], NOW + timedelta(seconds=seconds))
    it = [pain.episode for pain in found]
    return [(each.spot.place, each.spot.side, each.words, each.level) for each in it]


async def look(desk: Desk, seconds: float) -> None:
    """Whoever is due is asked."""
    desk.now = NOW + timedelta(seconds=seconds)
    await desk.roster.refresh()
    await desk.checks.look()


async def test_pain_in_words(desk: Desk) -> None:
    """With place and level it is told at once; the side is asked for, and put in."""
    reply = await tell(desk, 5, "/pain knee 5")
    assert reply.text == "🤕 knee, 5/10\n\nWhich side?"
    assert labels(reply.keyboard) == ["left", "right", "both", "Pass"]
    await desk.send(after=6)
    [alert] = desk.alerts()
    assert alert["text"] == "🤕 Ana reports pain.\nHurts: knee, 5/10"
    edit = shown(await tap(desk, 7, "r5|side|left"))
    assert edit.text == (
        "🤕 Noted: knee (left), 5/10. I ask how it is until you say that it is gone. Your coach is told."
    )
    assert edit.keyboard == []
    await desk.send(after=8)
    [alert] = desk.alerts()
    assert alert["text"] == "🤕 Ana reports pain.\nHurts: knee (left), 5/10"
    assert await open_pain(desk) == [("knee", "left", None, 5)]
    await tell(desk, 5, "/pain knee 5")  # carried out again
    await desk.send(after=9)
    assert len(desk.alerts()) == 1
    assert await open_pain(desk) == [("knee", "left", None, 5)]
    assert await desk.db.feedback_events.count_documents({}) == 0


async def test_how_it_is_by_now_in_words(desk: Desk) -> None:
    """With one pain open it is about that one, and no place of its own; what is worse is told."""
    assert (await tell(desk, 4, "/pain gone")).text == "Thank you, noted."
    await tell(desk, 5, "/pain left calf 3")
    reply = await tell(desk, 6, "/pain worse, 7")
    assert reply.text.startswith("🤕 Noted: calf (left), 7/10.")
    assert await open_pain(desk) == [("calf", "left", None, 7)]
    assert (await tell(desk, 6, "/pain worse, 7")).text == reply.text  # carried out again
    await desk.send(after=7)
    assert desk.alerts()[-1]["text"].startswith("🤕 Ana: it has got worse.\nHurts: calf (left), 7/10")
    assert len(desk.alerts()) == 2
    reply = await tell(desk, 8, "/pain worse")
    assert reply.text.startswith("🤕 calf (left)")
    assert len(labels(reply.keyboard)) == 12
    reply = await tell(desk, 9, "/pain better 2")
    assert (reply.text, reply.keyboard) == ("🤕 calf (left), 2/10\n\nThank you, noted.", None)
    assert await open_pain(desk) == [("calf", "left", None, 2)]
    gone = await tell(desk, 10, "/pain gone")
    assert gone.text == "calf (left): 🙂 Gone\n\nThank you, noted."
    assert await open_pain(desk) == []
    assert (await tell(desk, 10, "/pain gone")).text == gone.text  # carried out again
    reply = await tell(desk, 11, "/pain worse, 7")  # nothing is known that it could be about
    assert "Where does it hurt?" in reply.text
    assert await open_pain(desk) == []


async def test_which_of_several_is_meant_is_asked(desk: Desk) -> None:
    """Unless it is said: then the others stay as they are."""
    await tell(desk, 5, "/pain left calf 3")
    await tell(desk, 6, "/pain back 5")
    reply = await tell(desk, 7, "/pain gone")
    assert reply.text == "🤕 How is it by now: back, 5/10?"
    assert labels(reply.keyboard) == ["🙂 Gone", "😐 The same", "🙁 Worse"]
    assert len(await open_pain(desk)) == 2
    await tell(desk, 8, "/pain calf gone")
    assert await open_pain(desk) == [("back", None, None, 5)]


async def test_pain_by_buttons(desk: Desk) -> None:
    """Where, on which side, how bad; each but the place can be left out. Nothing is told before the place."""
    reply = await tell(desk, 5, "/pain")
    assert reply.text == "Where does it hurt?"
    assert len(labels(reply.keyboard)) == len(Detail.PLACE.facts.choices)
    await desk.send(after=5)
    assert desk.alerts() == []
    edit = shown(await tap(desk, 6, "r5|where|back"))
    assert edit.text == "🤕 back\n\nHow bad is it, 0 to 10?\n0 no pain · 10 the worst pain"
    edit = shown(await tap(desk, 7, "r5|pain|-"))
    assert (edit.text or "").startswith("🤕 Noted: back.")
    await desk.send(after=8)
    assert [it["text"] for it in desk.alerts()] == ["🤕 Ana reports pain.\nHurts: back"]
    assert await open_pain(desk) == [("back", None, None, None)]


async def test_another_place_in_words(desk: Desk) -> None:
    """After "other" the next message says where, of a report and of an answer; what comes then is a note."""
    await tell(desk, 5, "/pain")
    edit = shown(await tap(desk, 6, "r5|where|other"))
    assert "Just write it here" in (edit.text or "")
    reply = await desk.write(7, "the <sole>")
    assert reply.text == "📝 Noted where it hurts: the <sole>."
    assert (await desk.write(7, "the <sole>")).text == reply.text  # carried out again
    assert await open_pain(desk) == [("other", None, "the <sole>", None)]
    await desk.send(after=8)
    assert desk.alerts()[0]["text"].endswith("Hurts: “the <sole>”")
    assert "Noted where" not in (await desk.write(9, "and it rained")).text
    await desk.answer(10, PAIN)
    await desk.detail(11, Detail.PLACE, "other")
    assert (await desk.write(12, "a rib")).text == "📝 Noted where it hurts: a rib."
    event = await desk.event()
    assert (event["pain"], event["note"]) == ({"where": "other", "words": "a rib"}, None)


@pytest.mark.parametrize(("seconds", "is_taken"), [(-1, True), (0, True), (1, False)])
async def test_words_are_waited_for_an_hour(desk: Desk, seconds: int, *, is_taken: bool) -> None:
    """To the second; a later message is a note like any other."""
    await desk.answer(1, PAIN)
    await desk.detail(2, Detail.PLACE, "other")
    await desk.write(2 + int(WAITS.total_seconds()) + seconds, "a rib")
    event = await desk.event()
    assert ("words" in event["pain"]) is is_taken


async def test_the_next_morning(desk: Desk) -> None:
    """At eight, once, whatever restarts; the same message goes on until nothing is left to ask."""
    await desk.answer(1, PAIN)
    for update_id, detail, value in (
        (2, Detail.PLACE, "knee"), (3, Detail.SIDE, "left"), (4, Detail.PAIN, 4),
    ):  # fmt: skip
        await desk.detail(update_id, detail, value)
    await tell(desk, 5, "/pain back 2")
    await look(desk, EIGHT - 1)
    await desk.send(after=EIGHT - 1)
    before = len(desk.alerts(ANA))
    for _ in range(2):
        await look(desk, EIGHT)
        desk.checks._seen.clear()  # a restart
        await desk.send(after=EIGHT + 1)
    [message] = desk.alerts(ANA)[before:]
    assert message["text"] == "🤕 How is it by now: knee (left), 4/10?"
    [row] = message["reply_markup"]["inline_keyboard"]
    assert [button["text"] for button in row] == ["🙂 Gone", "😐 The same", "🙁 Worse"]
    pains = await desk.stores.pain_episodes.open_of([ANA], desk.now)
    assert all(pain.asked_at is not None for pain in pains)
    at = int(EIGHT) + 60
    edit = shown(await tap(desk, at, "now|knee.left|same", asked=EIGHT))
    assert edit.text == "🤕 knee (left), 4/10\n\n🤕 How is it by now: back, 2/10?"
    edit = shown(await tap(desk, at + 2, "now|back.|gone", asked=EIGHT))
    assert edit.text == "🤕 knee (left), 4/10\nback: 🙂 Gone\n\nThank you, noted."
    assert edit.keyboard == []
    assert await open_pain(desk, at + 3) == [("knee", "left", None, 4)]
    # Neither of these is worse: the coach's phone stays quiet.
    await desk.send(after=at + 4)
    assert len(desk.alerts()) == 2


async def test_worse_is_told(desk: Desk) -> None:
    """At once, in a new message; how bad it is now, where that is asked, is put in."""
    await tell(desk, 5, "/pain back 4")
    await desk.send(after=6)
    for number, (said, words) in enumerate(
        (
            (["worse", "6"], "🤕 Ana: it has got worse.\nHurts: back, 6/10"),
            (["same", "6"], None),
            (["same", "-"], None),
            (["gone"], None),
        )
    ):
        at = (number + 1) * DAY
        before = len(desk.alerts())
        for step, each in enumerate(said):
            await tap(desk, at + step, f"now|back.|{each}", message=500 + number)
            await desk.send(after=at + step)
        assert [it["text"] for it in desk.alerts()[before:]] == ([] if words is None else [words])
    assert await open_pain(desk, 9 * DAY) == []
    await tap(desk, 9 * DAY, "now|back.|same", message=600)
    await tap(desk, 9 * DAY + 1, "now|back.|8", message=600)
    await desk.send(after=9 * DAY + 2)
    assert desk.alerts()[-1]["text"].startswith("🤕 Ana reports pain.\nHurts: back, 8/10")


async def test_with_the_next_question(desk: Desk) -> None:
    """In one message, once a day; the buttons of the question stay, and only its own change."""
    await tell(desk, 5, "/pain knee left 4")
    for session, seconds, is_asked in (("a", 60, False), ("b", DAY, True), ("c", DAY + 60, False)):
        due = NOW + timedelta(seconds=seconds)
        await desk.db.session_prompts.insert_one(
            {"runId": "r", "sessionId": session, "chatId": str(ANA), "userId": ANA, "athleteId": str(ANA)}
            | {"dueAt": due, "state": "pending"}
        )
        await desk.send(after=seconds)
        message = desk.alerts(ANA)[-1]
        assert ("How is it by now: knee (left), 4/10?" in message["text"]) is is_asked
    [message] = [it for it in desk.alerts(ANA) if "by now" in it["text"]]
    rows = message["reply_markup"]["inline_keyboard"]
    assert [button["text"] for button in rows[-1]] == ["🙂 Gone", "😐 The same", "🙁 Worse"]
    prompted = TappedMessage(message["text"], [], rows)
    edit = shown(await tap(desk, DAY + 70, "too|knee.left|worse"), prompted)
    assert edit.text is None
    assert edit.keyboard[: len(rows) - 1] == rows[:-1]
    assert labels(edit.keyboard)[-13:] == ["• 🙁 Worse", *(f"🤕 {it}" for it in range(11)), "Pass"]
    edit = shown(await tap(desk, DAY + 71, "too|knee.left|5"), TappedMessage(None, [], edit.keyboard))
    assert labels(edit.keyboard)[-3:] == ["🙂 Gone", "😐 The same", "• 🙁 Worse"]


async def test_never_in_a_pause(desk: Desk) -> None:
    """Not put there, and not sent if it stands there; after it the next morning comes."""
    await tell(desk, 5, "/pain back 4")
    await look(desk, EIGHT)
    await tell(desk, int(EIGHT), "/pause 7")
    await desk.roster.refresh()
    await desk.send(after=EIGHT + 1)
    desk.checks._seen.clear()
    await desk.db.session_prompts.delete_many({"kind": "pain"})
    await look(desk, EIGHT + 2)
    assert await desk.db.session_prompts.count_documents({"kind": "pain"}) == 0
    assert not [it for it in desk.alerts(ANA) if "by now" in it["text"]]
    await tell(desk, int(EIGHT) + 3, "/resume")
    await look(desk, EIGHT + 4)
    await desk.send(after=EIGHT + 4)
    assert len([it for it in desk.alerts(ANA) if "by now" in it["text"]]) == 1


async def test_what_was_answered_meanwhile_is_not_asked(desk: Desk) -> None:
    """It stands in the outbox, and is called off."""
    await tell(desk, 5, "/pain back 4")
    await look(desk, EIGHT)
    await tell(desk, int(EIGHT) + 1, "/pain back 5")
    await desk.send(after=EIGHT + 2)
    [prompt] = await desk.db.session_prompts.find({"kind": "pain"}).to_list()
    assert prompt["state"] == "cancelled"


@pytest.mark.parametrize("data", ["r5|where|knee", "now|knee.left|worse", "too|knee.left|gone"])
async def test_others_can_do_nothing(desk: Desk, data: str) -> None:
    """A stranger is refused; another athlete speaks of themselves alone, and in groups nobody does."""
    await tell(desk, 5, "/pain knee left 4")
    stored = await desk.db.pain_reports.find({}).to_list()
    assert await tap(desk, 6, data, user=666) == NotWritten(Outcome.REFUSED)
    assert await tap(desk, 7, data, user=BEN, chat=-5) == NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN)
    assert await tap(desk, 8, data, user=99, chat=COACH_CHAT) == NotWritten(Outcome.REFUSED)
    assert await desk.db.pain_reports.find({}).to_list() == stored
    await tap(desk, 9, data, user=BEN)
    assert await desk.db.pain_reports.find({"userId": ANA}).to_list() == stored
    for text in ("/pain knee 5", "/pain"):
        assert (await desk.command(10, text, user=666, chat=666)).is_refused
        assert not (await desk.command(11, text, user=ANA, chat=-5)).keyboard
    assert await desk.db.pain_reports.count_documents({"userId": {"$nin": [ANA, BEN]}}) == 0
    assert await tap(desk, 12, "now|elbow.left|same") == NotWritten(Outcome.INVALID)


STEPS = [
    (PainReportStore, "say"),
    (PainEpisodeStore, "settle"),
    (CoachAlertStore, "raise_"),
    (CoachAlertStore, "refresh"),
]


@pytest.mark.parametrize(("store", "step"), STEPS)
async def test_killed_at_each_step_of_a_report(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, store: type, step: str
) -> None:
    """Carried out again it is the same: one report, one episode, one message."""
    with killed_at(monkeypatch, store, step):
        await tell(desk, 5, "/pain back 4")
    await tell(desk, 5, "/pain back 4")
    at = DAY + 6
    with killed_at(monkeypatch, store, step):
        await tap(desk, at, "now|back.|worse")
    await tap(desk, at, "now|back.|worse")
    await desk.send(after=at)
    assert [it["text"].splitlines()[0] for it in desk.alerts()] == [
        "🤕 Ana reports pain.", "🤕 Ana: it has got worse.",
    ]  # fmt: skip
    assert await desk.db.pain_reports.count_documents({}) == 2
    assert await open_pain(desk, at) == [("back", None, None, 4)]


@pytest.mark.parametrize("step", ["settle", "asked"])
async def test_killed_at_each_step_of_a_morning(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It is asked once; where nobody can tell whether it was, at most once more after the lease."""
    await tell(desk, 5, "/pain back 4")
    kept, died = getattr(PainEpisodeStore, step), list[str]()

    async def die_once(self: Any, *args: Any) -> Any:
        if not died:
            died.append(step)
            raise StorageUnavailable("here")
        return await kept(self, *args)

    monkeypatch.setattr(PainEpisodeStore, step, die_once)
    for after in (EIGHT, EIGHT + 200, EIGHT + 400):
        with contextlib.suppress(StorageUnavailable):
            await look(desk, after)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await desk.send(after=after)
    assert died == [step]
    assert len([it for it in desk.alerts(ANA) if "by now" in it["text"]]) == 1
    [pain] = await desk.stores.pain_episodes.open_of([ANA], desk.now)
    assert pain.asked_at is not None


async def test_everything_is_disclosed_and_forgotten(desk: Desk) -> None:
    """What was told of pain goes with all else, and nothing of others."""
    for user in (ANA, BEN):
        await tell(desk, user, "/pain back 4", user=user)
    for name in ("pain_reports", "pain_episodes"):
        assert await desk.db[name].count_documents({"userId": ANA}) == 1
    store = PersonalStore(desk.db)
    person = DataSubject(ANA, str(ANA))
    named = {name async for name, _ in store.read(person)}
    assert {"pain_reports", "pain_episodes"} <= named
    until = UpdateStamp(50, NOW + timedelta(seconds=50))
    await store.forget_prompts(person, until)
    await store.forget_before(person, until)
    for name in ("pain_reports", "pain_episodes"):
        assert [it["userId"] async for it in desk.db[name].find({})] == [BEN]
    kept: list[Json] = await desk.db.session_prompts.find({}).to_list()
    assert {it["about"]["userId"] for it in kept} == {BEN}
