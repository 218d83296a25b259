"""Pain is told to the coach: at once, at least once, and as it stands; with a local Bot API server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.prompts import coach_alert_texts
from bot.core.prompts.prompt import LEASE
from bot.core.shared.errors import StorageUnavailable
from bot.core.telegram.chats import ChatTopic
from bot.services.chat.button_actions import ActionDone
from bot.services.prompts.planner import Planner
from bot.store.plans import PlanStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.planned import PlannedPromptStore
from tests.support.api import serving
from tests.support.desk import ANA, BEN, COACH_CHAT, NOW, Database, Desk, killed_at, open_desk

DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
QUESTION = {
    "runId": "r", "sessionId": "s", "chatId": "7", "title": "Tempo <run>", "date": "2026-02-16",
    "state": "sent", "sentAt": NOW, "dueAt": NOW,
}  # fmt: skip


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """See `Desk`; the question was sent from the outbox."""
    async with open_desk(db, monkeypatch) as desk:
        await db.session_prompts.insert_one({**QUESTION})
        yield desk


async def test_pain_is_told_at_once(desk: Desk) -> None:
    """One message in the coach's chat with who, what and a button; sent again by nothing."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.answer(1, PAIN)  # delivered again
    await desk.answer(2, PAIN)  # the same once more
    await desk.send(after=2)
    [alert] = desk.alerts()
    assert alert["text"] == "🤕 Kim reports pain.\nSession: Tempo <run> (Monday 16 February)"
    [[button]] = alert["reply_markup"]["inline_keyboard"]
    assert button["text"] == "👀 Seen"
    assert len(button["callback_data"].encode()) <= 64
    [letter] = await desk.letters()
    assert (letter["state"], letter["messageId"]) == ("sent", alert["message_id"])
    assert desk.world.messages(ANA) == []


@pytest.mark.parametrize("type_", [DONE, SKIPPED, HARD])
async def test_other_answers_are_not_told(desk: Desk, type_: FeedbackType) -> None:
    """Nor is pain that gave way before anything was stored."""
    await desk.answer(1, type_)
    await desk.store(desk.tap(2, f"session_feedback|r|t|{PAIN}"), desk.tap(3, f"session_feedback|r|t|{DONE}"))
    await desk.send()
    assert desk.alerts() == []
    assert await desk.letters() == []


async def test_without_a_coach_nothing_is_told(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """COACH_CHAT_ID is not set: no letter is written, and nobody can have seen one."""
    async with open_desk(db, monkeypatch, None) as desk:
        await desk.answer(1, PAIN)
        await desk.detail(2, Detail.PLACE, "knee")
        await desk.note(3, "left")
        await desk.send()
        assert await desk.letters() == []
        assert desk.alerts() == []
        assert await desk.seen(4, data="do|seen|~x") == NotWritten(Outcome.REFUSED)


async def test_what_comes_later_is_put_in(desk: Desk) -> None:
    """Place, level and note are shown in the same message within a minute. What was seen is not shown below
    newer words: they are to be seen anew, and the athlete is not told of that twice."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    for step, line in (
        (desk.detail(2, Detail.PLACE, "knee"), "Hurts: knee"),
        (desk.detail(3, Detail.PAIN, 6), "Hurts: knee, 6/10"),
        (desk.note(4, "<b>left</b> & right"), "Note: <b>left</b> & right"),
        (desk.seen(5), "👀 Seen by Kim, 18:43"),
        (desk.note(6, "right", message_id=1004, is_edit=True), "Note: right"),
    ):
        await step
        await desk.send(after=10)
        [alert] = desk.alerts()
        assert line in alert["text"].splitlines()
    assert "Seen" not in alert["text"]
    assert (await desk.letters(kind="alert"))[0]["state"] == "sent"
    await desk.seen(7)
    await desk.send(after=10)
    [alert] = desk.alerts()
    assert alert["text"].endswith("Note: right\n\n👀 Seen by Kim, 18:43")
    assert "reply_markup" not in alert
    assert len(desk.alerts(ANA)) == 1


async def test_what_is_severe_rings(desk: Desk) -> None:
    """From 7 on it is a message of its own at once, to be seen by itself; the one before says so."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.detail(2, Detail.PLACE, "knee")
    await desk.detail(3, Detail.PAIN, 6)
    await desk.send(after=4)
    assert len(desk.alerts()) == 1
    await desk.detail(5, Detail.PAIN, 7)
    await desk.send(after=5)
    first, second = desk.alerts()
    assert "knee, 6/10" in first["text"]
    assert first["text"].endswith("👇 There is news of this below.")
    assert "reply_markup" not in first
    assert "knee, 7/10" in second["text"]
    old = (await desk.letters(kind="alert"))[0]
    assert await desk.seen(6, data=f"do|seen|{old['reference']}") != NotWritten(Outcome.REFUSED)
    await desk.send(after=7)
    first, second = desk.alerts()
    assert "Seen by Kim" in first["text"]
    assert "Seen by Kim" not in second["text"]
    assert len(desk.alerts(ANA)) == 1
    await desk.seen(8)
    await desk.send(after=9)
    assert "Seen by Kim" in desk.alerts()[1]["text"]
    assert len(desk.alerts(ANA)) == 2
    # What is said of it since is put into the newer one.
    await desk.detail(10, Detail.COMPLETED, "no")
    await desk.send(after=11)
    assert ["Session done: no" in it["text"] for it in desk.alerts()] == [False, True]


@pytest.mark.parametrize(
    ("seconds", "detail", "value", "rings"),
    [
        (59, Detail.PAIN, 6, False),
        (60, Detail.PAIN, 6, True),
        (60, Detail.PAIN, 5, False),
        (60, Detail.PAIN, 4, False),
        (59, Detail.PLACE, "hip", False),
        (60, Detail.PLACE, "hip", True),
        (3600, Detail.SIDE, "both", True),
        (3600, Detail.COMPLETED, "no", False),
        (3600, Detail.RPE, 9, False),
    ],
)
async def test_what_rings_after_a_minute(
    desk: Desk, seconds: int, detail: Detail, value: int | str, *, rings: bool
) -> None:
    """Worse, or another place; the rest is put into what was told. To the second."""
    await desk.answer(1, PAIN)
    await desk.detail(2, Detail.PLACE, "knee")
    await desk.detail(3, Detail.SIDE, "left")
    await desk.detail(4, Detail.PAIN, 5)
    await desk.send(after=10)
    await desk.detail(10 + seconds, detail, value)
    await desk.send(after=11 + seconds)
    assert len(desk.alerts()) == (2 if rings else 1)


async def test_more_words_ring_and_changed_ones_do_not(desk: Desk) -> None:
    """After a minute; a note that is edited is put in."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.note(100, "cannot walk")
    await desk.send(after=101)
    assert ["cannot walk" in it["text"] for it in desk.alerts()] == [False, True]
    await desk.note(200, "can hardly walk", message_id=1100, is_edit=True)
    await desk.send(after=201)
    assert ["hardly" in it["text"] for it in desk.alerts()] == [False, True]


async def test_pain_again_closes_what_was_told_anew(desk: Desk) -> None:
    """Another answer and pain once more: a new message, and only that one goes on."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.detail(2, Detail.PAIN, 8)
    await desk.send(after=3)
    await desk.answer(4, DONE)
    await desk.send(after=5)
    await desk.answer(6, PAIN)
    await desk.send(after=7)
    await desk.detail(8, Detail.PLACE, "hip")
    await desk.send(after=9)
    assert ["hip" in it["text"] for it in desk.alerts()] == [False, False, True]
    assert ["reply_markup" in it for it in desk.alerts()] == [False, False, True]


@pytest.mark.parametrize("step", ["prepare", "succeed", "settle"])
async def test_killed_while_it_is_told_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """At each step: afterwards there are two messages, each once, and one of them to be seen."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.detail(2, Detail.PAIN, 8)
    store = type(desk.stores.coach_alerts)
    kept, died = getattr(store, step), list[str]()

    async def die_once(self: Any, *args: Any, **more: Any) -> Any:
        if not died and step != "settle":
            died.append(step)
            raise StorageUnavailable("here")
        result = await kept(self, *args, **more)
        if not died:
            died.append(step)
            raise StorageUnavailable("there")
        return result

    monkeypatch.setattr(store, step, die_once)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            await desk.send(after=3)
    await desk.send(after=200)
    first, second = desk.alerts()
    assert died == [step]
    assert "8/10" not in first["text"]
    assert "8/10" in second["text"]
    assert ["reply_markup" in it for it in (first, second)] == [False, True]


async def test_all_that_is_known_when_it_is_sent(desk: Desk) -> None:
    """A note that waited for the answer is in the first message."""
    await desk.note(1, "since km 3")
    await desk.answer(2, PAIN)
    await desk.detail(3, Detail.PLACE, "hip")
    await desk.send()
    [alert] = desk.alerts()
    assert alert["text"].splitlines()[2:] == ["Hurts: hip", "Note: since km 3"]


async def test_a_question_left_out_tells_nothing_new(desk: Desk) -> None:
    """Then nothing is edited."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.detail(2, Detail.PLACE, None)
    assert (await desk.letters())[0]["state"] == "sent"


async def test_a_change_of_mind_is_told(desk: Desk) -> None:
    """In the same message; pain once more, however, is a new one."""
    await desk.answer(1, PAIN)
    await desk.detail(2, Detail.PLACE, "knee")
    await desk.send(after=2)
    await desk.answer(3, DONE)
    await desk.send(after=3)
    [alert] = desk.alerts()
    assert alert["text"].endswith("\nThe answer has been changed since, to ✅ Done.")
    await desk.answer(4, PAIN)
    await desk.send(after=4)
    first, second = desk.alerts()
    assert first == alert
    assert second["text"].splitlines() == [
        "🤕 Kim reports pain.", "Session: Tempo <run> (Monday 16 February)",
    ]  # fmt: skip
    assert desk.button(second)
    await desk.answer(5, SKIPPED)
    await desk.send(after=5)
    assert "Skipped" in desk.alerts()[1]["text"]
    assert desk.alerts()[0] == alert


async def test_an_answer_that_is_deleted(desk: Desk) -> None:
    """What is not stored any more is not told either."""
    await desk.answer(1, PAIN)
    await desk.db.feedback_events.delete_many({})
    await desk.send()
    [alert] = desk.alerts()
    assert alert["text"].endswith("The answer has been deleted since.")


async def test_seen(desk: Desk) -> None:
    """Anybody in the coach's chat may press it, however often; the athlete is told once by whom."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    data = desk.button(desk.alerts()[0])
    assert await desk.seen(2, data=data) == ActionDone(coach_alert_texts.seen)
    for update_id in (2, 3):
        [result] = await desk.store(desk.tap(update_id, data, user=98, chat=COACH_CHAT, name="Lee"))
        assert result == ActionDone(coach_alert_texts.seen)
    await desk.send(after=4)
    [alert] = desk.alerts()
    assert "Seen by Kim, 18:43" in alert["text"]
    [notice] = desk.world.messages(ANA)
    assert notice["text"] == (
        "👀 Your coach (Kim) has seen that something hurts: Tempo <run> (Monday 16 February)."
    )
    assert await desk.db.taps.count_documents({"outcome": Outcome.REQUEST.value}) == 2


async def test_seen_again_after_pain_again(desk: Desk) -> None:
    """Each time that it is told it can be seen, and the athlete hears of each."""
    for number, type_ in enumerate((PAIN, DONE, PAIN)):
        await desk.answer(10 * number + 1, type_)
        await desk.send(after=10 * number + 1)
        if type_ is PAIN:
            await desk.seen(10 * number + 2)
            await desk.send(after=10 * number + 2)
    assert len(desk.alerts()) == 2
    assert len(desk.world.messages(ANA)) == 2


@pytest.mark.parametrize("chat", [ANA, 98, -501])
async def test_seen_by_nobody_else(desk: Desk, chat: int) -> None:
    """From another chat the button does nothing: not from the athlete's own, nor from another group."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    result = await desk.seen(2, chat, data=desk.button(desk.alerts()[0]))
    assert result in (NotWritten(Outcome.REFUSED), NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT))
    assert "seenAt" not in (await desk.letters())[0]
    assert len(await desk.letters()) == 1


async def test_a_button_whose_alert_is_gone(desk: Desk) -> None:
    """It is said that nobody was told."""
    result = await desk.seen(1, data="do|seen|~nothing")
    assert result == NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT)


async def test_other_actions_are_for_private_chats(desk: Desk) -> None:
    """What is in the coach's chat can be seen there, and nothing else be done."""
    for data in ("do|forget|", "do|keep|"):
        [result] = await desk.store(desk.tap(1, data, chat=COACH_CHAT))
        assert result == NotWritten(Outcome.REFUSED)


@pytest.mark.parametrize("state", ["paused", "quiet"])
async def test_the_athletes_hours_do_not_hold_it_up(desk: Desk, state: str) -> None:
    """Neither a pause nor quiet hours; the notice to the athlete waits for the end of these alone."""
    hours = {"state": "active", "athleteId": "ana", "userId": ANA, "chatId": str(ANA), "name": "A <i>na</i>"}
    if state == "paused":
        hours["pauses"] = [{"since": NOW - timedelta(days=1), "until": None}]
    else:
        hours["quietHours"] = "18:00-07:00"
    await desk.db.athletes.insert_one(hours)
    await desk.roster.refresh()
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    [alert] = desk.alerts()
    assert alert["text"].startswith("🤕 A <i>na</i> reports pain.")
    await desk.seen(2)
    await desk.send(after=2)
    assert len(desk.world.messages(ANA)) == (1 if state == "paused" else 0)
    await desk.send(after=13 * 3600)
    assert len(desk.world.messages(ANA)) == 1


async def test_a_coach_s_chat_that_is_corrected(desk: Desk) -> None:
    """What could not be told in the wrong one is told in the right one, and only once."""
    desk.world.set_chat(COACH_CHAT, unknown=True)
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    right = COACH_CHAT - 1
    assert [await desk.stores.coach_alerts.redirect(ChatTopic(right), desk.now) for _ in range(2)] == [1, 0]
    # The wrong one was told of it once more, by a service that did not know yet.
    [letter] = await desk.letters()
    await desk.db.session_prompts.insert_one({**letter, "_id": "copy", "chatId": str(COACH_CHAT)})
    assert await desk.stores.coach_alerts.redirect(ChatTopic(right), desk.now) == 0
    await desk.send(after=2)
    assert len(desk.alerts(right)) == 1
    assert sorted(letter["state"] for letter in await desk.letters()) == ["cancelled", "sent"]


@pytest.mark.parametrize("trouble", ["unknown", "blocked"])
async def test_a_coach_who_cannot_be_reached(
    desk: Desk, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again, ever more rarely, until it arrives; log and admins are told what to look at."""
    caplog.set_level(logging.INFO)
    desk.world.set_chat(COACH_CHAT, unknown=trouble == "unknown", blocked=trouble == "blocked")
    await desk.answer(1, PAIN)
    at, news = 1.0, []
    for attempt in range(8):
        await desk.send(after=at)
        news += desk.dispatcher.news()
        at += min(600, 15 * 2 ** (attempt + 1))
    [letter] = await desk.letters()
    assert (letter["state"], letter["attempts"]) == ("pending", 8)
    assert "COACH_CHAT_ID" in caplog.text
    [unheard] = news
    assert {"unknown": "not found", "blocked": "kicked"}[trouble] in unheard.reason
    desk.world.set_chat(COACH_CHAT, unknown=False, blocked=False)
    await desk.send(after=at - 0.001)
    assert desk.alerts() == []
    await desk.send(after=at)
    assert len(desk.alerts()) == 1
    assert desk.dispatcher.news() == []
    assert "Tempo" not in caplog.text


async def test_a_group_that_became_a_supergroup(desk: Desk) -> None:
    """It is told in the new one, where it can be seen, now and the next time."""
    moved = -1_000_000_000_500
    desk.world.set_chat(COACH_CHAT, migrated_to=moved)
    for number in range(2):
        await desk.answer(10 * number + 1, PAIN)
        await desk.send(after=10 * number + 1)
        alerts = desk.alerts(moved)
        assert len(alerts) == number + 1
        result = await desk.seen(10 * number + 2, moved, data=desk.button(alerts[-1]))
        assert result == ActionDone(coach_alert_texts.seen)
        await desk.send(after=10 * number + 2)
        assert "Seen by Kim" in desk.alerts(moved)[-1]["text"]
        await desk.answer(10 * number + 3, DONE)
        await desk.send(after=10 * number + 3)
    assert len(desk.world.messages(ANA)) == 2
    assert desk.dispatcher.news() == []
    assert await desk.stores.coach_alerts.redirect(ChatTopic(COACH_CHAT), desk.now) == 0


@pytest.mark.parametrize("next_tap", [1, 2])
async def test_killed_before_the_letter(desk: Desk, monkeypatch: pytest.MonkeyPatch, next_tap: int) -> None:
    """Stored and not told yet: the tap is seen to again, alone or together with the same answer once more."""
    with killed_at(monkeypatch, desk.stores.coach_alerts, "raise_"):
        await desk.answer(1, PAIN)
    assert (await desk.event())["type"] == "pain"
    assert await desk.letters() == []
    await desk.store(*(desk.tap(n, f"session_feedback|r|s|{PAIN}") for n in range(1, next_tap + 1)))
    await desk.send()
    assert len(desk.alerts()) == 1


async def test_killed_before_a_change_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says so all the same, when the tap is seen to again."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)

    with killed_at(monkeypatch, desk.stores.coach_alerts, "refresh"):
        await desk.answer(2, DONE)
    await desk.answer(2, DONE)
    await desk.send(after=2)
    [alert] = desk.alerts()
    assert "changed since" in alert["text"]


async def test_killed_between_seen_and_the_notice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The athlete is told when the tap is seen to again."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)

    with killed_at(monkeypatch, desk.stores.coach_alerts, "raise_"):
        await desk.seen(2)
    await desk.store(desk.tap(2, desk.button(desk.alerts()[0]), user=99, chat=COACH_CHAT))
    await desk.send(after=2)
    assert len(desk.world.messages(ANA)) == 1


async def test_killed_between_sending_and_settling(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes once more when the lease ends, which is better than never."""
    await desk.answer(1, PAIN)

    async def lose(*_: Any) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(desk.dispatcher, "_until_stored", lose)
        desk.now = NOW + timedelta(seconds=1)
        await desk.dispatcher._start_next()
        await desk.dispatcher.finish()
    assert len(desk.alerts()) == 1
    desk.now += LEASE
    await desk.send(after=1 + LEASE.total_seconds())
    assert len(desk.alerts()) == 2
    assert (await desk.letters())[0]["state"] == "sent"


async def test_changed_while_it_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said between writing and settling is put in afterwards."""
    await desk.answer(1, PAIN)
    settle = desk.stores.coach_alerts.settle

    async def settle_late(*arguments: Any) -> None:
        monkeypatch.undo()
        await desk.detail(2, Detail.PLACE, "knee")
        await settle(*arguments)

    monkeypatch.setattr("bot.services.prompts.dispatcher._IDLE_INTERVAL", 0.002)
    monkeypatch.setattr(desk.stores.coach_alerts, "settle", settle_late)
    await desk.send()
    [alert] = desk.alerts()
    assert alert["text"].endswith("\nHurts: knee")


async def test_mongodb_is_away_when_it_is_raised(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storing fails as a whole, so that the tap is not called saved, and succeeds the next time."""

    with killed_at(monkeypatch, desk.stores.coach_alerts, "raise_", StorageUnavailable):
        await desk.answer(1, PAIN)
    assert await desk.db.taps.count_documents({}) == 0
    await desk.answer(1, PAIN)
    await desk.send()
    assert len(desk.alerts()) == 1


async def test_two_athletes_and_two_sessions(desk: Desk) -> None:
    """Each has an alert of its own, and each button its own notice."""
    await desk.answer(1, PAIN)
    await desk.answer(2, PAIN, user=BEN)
    await desk.store(desk.tap(3, f"session_feedback|r|t|{PAIN}"))
    await desk.send(after=3)
    alerts = desk.alerts()
    assert len({desk.button(alert) for alert in alerts}) == len(alerts) == 3
    told = await desk.db.session_prompts.find_one({"kind": "alert", "about.userId": BEN})
    assert told is not None
    ben = next(alert for alert in alerts if alert["message_id"] == told["messageId"])
    await desk.seen(4, data=desk.button(ben))
    await desk.send(after=4)
    assert (len(desk.world.messages(ANA)), len(desk.world.messages(BEN))) == (0, 1)


async def test_letters_are_no_questions(desk: Desk, db: Database, tmp_path: Path) -> None:
    """They do not count as prompts, are neither listed, planned, nudged, expired nor asked again."""
    await desk.answer(1, PAIN)
    await desk.send(after=1)
    await desk.seen(2)
    await desk.send(after=2)
    stored = await desk.letters()
    assert [letter["kind"] for letter in stored] == ["alert", "notice"]
    assert sum((await desk.stores.prompts.count()).values()) == 1
    assert not (await desk.stores.prompts.unanswered(NOW - timedelta(days=1), ZoneInfo("UTC"))).by_day
    later = NOW + timedelta(days=30)
    followups = PromptExpiryStore(db)
    assert await followups.ask_again(sent_since=NOW, sent_until=later, now=later) == 0
    assert await followups.expire_unanswered(sent_until=later, now=later, reason="old") == 0
    assert await followups.expire_unsent(later) == 0
    async with serving(db, tmp_path) as api:
        page = await api.get("/v1/prompts")
        stats = await api.get("/v1/stats", days=7)
    assert [item["sessionId"] for item in page["items"]] == ["s"]
    assert sum(stats["prompts"].values()) == 1
    assert stats["feedback_event_write_success_rate"] == 1.0
    roster = await desk.roster.loaded()
    await Planner(PlanStore(db), PlannedPromptStore(db), lambda: roster, lambda: later, 14).reconcile(roster)
    assert await desk.letters() == stored


async def test_two_hundred_pains_are_told_one_by_one(desk: Desk) -> None:
    """Whatever has piled up is told to the end, each in a message of its own, and none twice."""
    sessions = [f"s{number}" for number in range(200)]
    taps = [
        desk.tap(number, f"session_feedback|r|{session}|{PAIN}") for number, session in enumerate(sessions, 1)
    ]
    await desk.store(*taps)
    await desk.store(*taps)  # and once more, after a crash
    await desk.send()
    letters = await desk.letters()
    assert {letter["about"]["sessionId"] for letter in letters} == set(sessions)
    assert {letter["state"] for letter in letters} == {"sent"}
    alerts = desk.alerts()
    assert len(alerts) == len(
        {alert["reply_markup"]["inline_keyboard"][0][0]["callback_data"] for alert in alerts}
    )
    assert len(alerts) == len(sessions)
