"""When a prompt goes out and when not: hours, pauses, what has expired, and what is asked once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.keyboards import prompt_keyboard
from bot.core.people.athlete import Athlete, ContactHours, Pause, QuietHours, Roster
from bot.core.prompts import texts as questions
from bot.core.prompts.prompt import AskAgainReason, LaterResult
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.rate_limits import GLOBAL_WINDOW, GROUP_WINDOW, SendLimits
from bot.services.pain.alert_writer import AlertWriter
from bot.services.prompts import dispatcher as dispatcher_module
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.expiry import PromptExpiry
from bot.services.prompts.planner import Planner
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram.api import SentMessage
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.plans import PlanStore
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.planned import PlannedPromptStore
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore
from tests.support.fakes import EN, FakeApi, eventually, running
from tests.support.flows import Parts
from tests.support.processing import languages_of

Database = AsyncDatabase[dict[str, Any]]

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 2, 17, 19, tzinfo=UTC)  # Tuesday, 20:00 in Madrid
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ANA = Athlete("ana", 7, 70, ContactHours(MADRID))
PROMPT = {"runId": "r", "sessionId": "s", "chatId": "70", "state": "pending", "dueAt": NOW}


class Limits(SendLimits):
    """Tells when a time is reserved."""

    on_reserve: Callable[[], None] = staticmethod(lambda: None)

    def reserve(self, chat_id: int, now: float) -> float:
        """As usual."""
        at = super().reserve(chat_id, now)
        self.on_reserve()
        return at


class Evening:
    """An outbox, its dispatcher and all that belongs to it, at a time that is set by hand."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.api = FakeApi()
        self.now = NOW
        self.roster: Roster | None = Roster((ANA,))
        self.newer: Roster | None = None  # it changed since it was last read
        self.prompts = PromptStore(db)
        self.seconds, self.between_looks = 0.0, 100.0
        self.limits = Limits()
        letters = CoachAlertStore(db)
        languages = languages_of(db, lambda: self.now)
        composer = PromptRenderer(
            AlertWriter(letters, lambda: self.roster, languages, UTC),
            *(self.prompts, lambda: self.roster, languages),
            *(lambda: self.now, UTC),
            Parts.of(db, DiskJournal(Path("unused")), lambda: self.now).weeks(),
        )
        self.may_send = True
        self.openings = ChatOpenings(UndeliveredStore(db), 14)
        self.dispatcher = Dispatcher(
            *(self.api, Outbox(db), letters, composer, self.openings, self.limits, lambda: self.now, UTC),
            *(lambda: self.roster, self._fresh, self._monotonic),
            may_send=lambda: self.may_send,
        )
        self.followups = PromptExpiry(PromptExpiryStore(db), lambda: self.now, 14)
        self.planner = Planner(
            PlanStore(db), PlannedPromptStore(db), lambda: self.roster, lambda: self.now, 14
        )

    async def _fresh(self) -> Roster:
        return self.newer or self.roster or Roster()

    def _monotonic(self) -> float:
        """Every chat's turn has come at each look."""
        self.seconds += self.between_looks
        return self.seconds

    def athlete(self, **changes: Any) -> None:
        """The one athlete, with other hours or pauses."""
        hours = {name: changes.pop(name) for name in tuple(changes) if name not in ("pauses", "chat_id")}
        self.roster = Roster((replace(ANA, hours=replace(ANA.hours, **hours), **changes),))

    async def look(self, now: datetime | None = None) -> list[str]:
        """Look at everything at some time, until nothing is due; returns the texts sent."""
        self.now = now or self.now
        before = len(self.api.sent)
        if self.roster is not None:
            await self.planner.reconcile(self.roster)
        await self.followups.follow_up()
        async with running(self.dispatcher.run()):
            await eventually(self._is_idle)
        await self.dispatcher.finish()
        return [text for _, text, _ in self.api.sent[before:]]

    async def _is_idle(self) -> bool:
        """Whether nothing is claimed, or due."""
        due = {"state": {"$in": [None, "pending"]}, "dueAt": {"$lte": self.now}}
        waiting = (
            [due, {"claim": {"$exists": True}}] if self.roster is not None else [{"claim": {"$exists": True}}]
        )
        return await self.db.session_prompts.count_documents({"$or": waiting}) == 0

    async def put(self, **fields: Any) -> None:
        """One document into the outbox; messages are sent when the clock says."""
        self.api.on_send = self._stamp
        await self.db.session_prompts.insert_one({**PROMPT, **fields})

    async def _stamp(self, _chat_id: int) -> None:
        self.api.send_script.append(SentMessage(len(self.api.sent), self.now))

    async def found(self, **query: Any) -> dict[str, Any]:
        """The one document that matches."""
        [document] = await self.db.session_prompts.find(query).to_list()
        return document

    async def state(self, **query: Any) -> tuple[str, str | None]:
        """State and reason of the one document."""
        document = await self.found(**query)
        return document["state"], document.get("reason")


@pytest.fixture
def evening(db: Database, monkeypatch: pytest.MonkeyPatch) -> Evening:
    """See `Evening`."""
    monkeypatch.setattr(dispatcher_module, "_IDLE_INTERVAL", 0.002)
    return Evening(db)


@pytest.mark.parametrize(
    ("quiet", "now", "sent_at"),
    [
        (QuietHours(time(20), time(7)), NOW, datetime(2026, 2, 18, 6, tzinfo=UTC)),
        (QuietHours(time(20), time(7)), NOW - MILLISECOND, None),
        (QuietHours(time(13), time(20)), NOW, None),
        (QuietHours(time(13), time(20)), NOW - MILLISECOND, NOW),
        (QuietHours(time(0), time(20, 30)), NOW, NOW + timedelta(minutes=30)),
    ],
)
async def test_quiet_hours(
    evening: Evening, quiet: QuietHours, now: datetime, sent_at: datetime | None
) -> None:
    """What would go out in them goes out at their end: questions, again or not, and reminders."""
    evening.athlete(quiet=quiet)
    await evening.put(dueAt=now)
    await evening.put(sessionId="again", dueAt=now, again="nudge", sentAt=now - HOUR)
    await evening.put(
        sessionId="mine", athleteId="ana", chatId="-5", dueAt=now, kind="reminder", sessions=[{}]
    )
    sent = await evening.look(now)
    if sent_at is None:
        assert len(sent) == 3
        return
    assert sent == []
    assert {d["dueAt"] async for d in evening.db.session_prompts.find()} == {sent_at}
    assert await evening.look(sent_at - MILLISECOND) == []
    assert len(await evening.look(sent_at)) == 3


async def test_quiet_hours_and_a_plan(evening: Evening) -> None:
    """The plan's own hour does not pull the prompt back, and it expires all the same."""
    evening.athlete(quiet=QuietHours(time(20), time(7)))
    await evening.db.plan_snapshots.insert_one(plan("R1", "17 Run"))
    morning = datetime(2026, 2, 18, 6, tzinfo=UTC)
    for now in (NOW, NOW + HOUR, morning - MILLISECOND):
        assert await evening.look(now) == []
    assert (await evening.found())["dueAt"] == morning
    [text] = await evening.look(morning)
    assert text.startswith("How did Tuesday's session go?")


def plan(run_id: str, *sessions: str) -> dict[str, Any]:
    """A plan: `17 Run`, for days of February 2026."""
    days = [{"date": f"2026-02-{text[:2]}", "activity": text[3:], "goal": "base"} for text in sessions]
    return {"runId": run_id, "createdAt": NOW, "activityPlan": {"days": days}}


@pytest.mark.parametrize(
    ("since", "until", "is_sent"),
    [
        (timedelta(0), None, False),
        (MILLISECOND, None, True),
        (-HOUR, MILLISECOND, False),
        (-HOUR, timedelta(0), True),
    ],
)
async def test_pauses(evening: Evening, since: timedelta, until: timedelta | None, is_sent: bool) -> None:
    """Nothing is sent in one, whoever queued it; what was asked before stays as it was."""
    pause = Pause(NOW + since, None if until is None else NOW + until)
    evening.athlete(pauses=(pause,))
    await evening.put()
    await evening.put(sessionId="again", again="nudge", sentAt=NOW - HOUR)
    assert len(await evening.look()) == (2 if is_sent else 0)
    assert await evening.state(sessionId="s") == (("sent", None) if is_sent else ("cancelled", "paused"))
    assert await evening.state(sessionId="again") == ("sent", None)


async def test_a_pause_that_has_just_ended(evening: Evening) -> None:
    """A question is not called off for what was true seconds ago."""
    await evening.put()
    evening.newer = evening.roster
    evening.athlete(pauses=(Pause(NOW - HOUR, None),))
    assert len(await evening.look()) == 1
    assert await evening.state(sessionId="s") == ("sent", None)


async def test_later_in_a_pause_waits_for_its_end(evening: Evening) -> None:
    """It is asked at the first usual hour after it; a pause without end leaves the question as it was."""
    evening.athlete(pauses=(Pause(NOW - HOUR, NOW + DAY + SECOND),))
    await evening.put(sessionId="again", again="later", sentAt=NOW - HOUR)
    assert await evening.look() == []
    assert await evening.state() == ("pending", None)
    assert (await evening.found())["dueAt"] == NOW + 2 * DAY
    evening.athlete(pauses=(Pause(NOW - HOUR, None),))
    assert await evening.look(NOW + 2 * DAY) == []
    assert await evening.state() == ("sent", None)


async def test_who_was_removed_is_not_asked(evening: Evening) -> None:
    """A question for that athlete alone is cancelled, or left as it was if it was asked; others go out."""
    gone = {"athleteId": "eve", "userId": 66, "chatId": "66"}
    await evening.put(sessionId="new", **gone)
    await evening.put(sessionId="again", again="nudge", sentAt=NOW - HOUR, **gone)
    await evening.put(sessionId="anybody", chatId="66", athleteId="eve")
    assert len(await evening.look()) == 1
    assert await evening.state(sessionId="new") == ("cancelled", "its athlete is not on the roster any more")
    assert await evening.state(sessionId="again") == ("sent", None)
    assert await evening.state(sessionId="anybody") == ("sent", None)


async def test_a_planned_session_in_a_pause(evening: Evening) -> None:
    """Is cancelled before it is due; lifted in time, it is asked about."""
    await evening.db.plan_snapshots.insert_one(plan("R1", "17 Run", "18 Swim"))
    evening.athlete(pauses=(Pause(NOW - HOUR, None),))
    await evening.look(NOW - HOUR)
    assert await evening.state(date="2026-02-17") == ("cancelled", "paused")
    evening.athlete(pauses=(Pause(NOW - HOUR, NOW + SECOND),))
    assert await evening.look(NOW + HOUR) == []
    assert len(await evening.look(NOW + DAY)) == 1
    assert await evening.state(date="2026-02-17") == ("cancelled", "paused")
    assert await evening.state(date="2026-02-18") == ("sent", None)


async def test_a_pause_that_begins_between_hour_and_sending(evening: Evening) -> None:
    """The prompt waited for Telegram; it is cancelled, and the planner does not bring it back."""
    await evening.db.plan_snapshots.insert_one(plan("R1", "17 Run"))
    evening.athlete(pauses=(Pause(NOW + SECOND, NOW + DAY),))
    assert await evening.look(NOW + HOUR) == []
    assert await evening.state() == ("cancelled", "paused")
    assert await evening.look(NOW + 2 * DAY) == []
    assert await evening.state() == ("cancelled", "paused")


@pytest.mark.parametrize(("after", "is_sent"), [(timedelta(0), False), (MILLISECOND, True)])
@pytest.mark.parametrize("as_text", [False, True])
async def test_what_is_not_worth_sending_any_more(
    evening: Evening, after: timedelta, is_sent: bool, as_text: bool
) -> None:
    """From `notAfter` on it expires, said so by whoever looks first; as a date or as text."""
    not_after = NOW + after
    await evening.put(notAfter=not_after.isoformat() if as_text else not_after)
    assert len(await evening.look()) == (1 if is_sent else 0)
    assert await evening.state() == (
        ("sent", None) if is_sent else ("expired", "it could not be sent in time")
    )


async def test_an_unreadable_limit(evening: Evening) -> None:
    """Is refused with the field, as other fields are."""
    await evening.put(notAfter="next week")
    assert await evening.look() == []
    state, reason = await evening.state()
    assert state == "undeliverable"
    assert reason is not None
    assert reason.startswith("notAfter: ")


async def test_nothing_is_sent_before_the_roster_is_known(evening: Evening) -> None:
    """These could be somebody's quiet hours."""
    evening.roster = None
    await evening.put()
    assert await evening.look() == []
    assert await evening.state() == ("pending", None)
    evening.roster = Roster((ANA,))
    assert len(await evening.look()) == 1


async def test_whose_hours_count(evening: Evening) -> None:
    """The athlete's that it names, else the user's, else the only one's in the chat; else nobody's."""
    quiet = ContactHours(MADRID, quiet=QuietHours(time(20), time(7)))
    ben = Athlete("ben", 8, -5, quiet)
    evening.roster = Roster((ANA, replace(ANA, athlete_id="eve", user_id=9, chat_id=-5), ben))
    await evening.put(sessionId="named", athleteId="ben")
    await evening.put(sessionId="user", userId=8)
    await evening.put(sessionId="group", chatId="-5")
    await evening.put(sessionId="nobody", chatId="99")
    await evening.look()
    sent = [d["sessionId"] async for d in evening.db.session_prompts.find({"state": "sent"})]
    assert sorted(sent) == ["group", "nobody"]
    evening.roster = Roster((ben,))
    await evening.put(sessionId="private", chatId="-5")
    await evening.look()
    assert await evening.state(sessionId="private") == ("pending", None)


async def test_ids_as_workflows_write_them(evening: Evening) -> None:
    """A user id as text is stored as a number, by which it is told who may answer; an athlete whom nobody
    knows is no obstacle."""
    await evening.put(userId="8", athleteId="i12345", chatId=70.0)
    assert len(await evening.look()) == 1
    document = await evening.found()
    assert (document["userId"], document["chatId"]) == (8, "70")
    assert await evening.prompts.owners({("r", "s")}, [70]) == {("r", "s", 70): 8}


async def test_a_planned_question_shows_the_plan(evening: Evening) -> None:
    """On its day and a day later, with the buttons of its session; the first says that words count."""
    await evening.db.plan_snapshots.insert_one(plan("R1", "16 Tempo <run>", "17 Swim"))
    await evening.look()
    assert [text.splitlines() for _, text, _ in evening.api.sent] == [
        [
            "How did Monday's session go?", "<b>Tempo &lt;run&gt;</b>", "Goal: base", "",
            EN.texts.prompts.words_count,
        ],
        ["How did your session go?", "<b>Swim</b>", "Goal: base"],
    ]  # fmt: skip
    assert evening.api.sent[1][2] == prompt_keyboard("R1", "2026-02-17-swim", EN)


async def test_the_reminder_in_the_morning(evening: Evening) -> None:
    """Once a day, on days with sessions, without buttons; not counted, not nudged, not asked again."""
    evening.athlete(reminder_time=time(7), nudge_after_hours=1)
    await evening.db.plan_snapshots.insert_one(plan("R1", "17 Run", "17 Lift", "18 Rest", "19 Swim"))
    morning = datetime(2026, 2, 17, 6, tzinfo=UTC)
    assert await evening.look(morning - MILLISECOND) == []
    [text] = await evening.look(morning)
    assert text == "Today's 2 sessions:\n\n<b>Run</b>\nGoal: base\n\n<b>Lift</b>\nGoal: base"
    assert evening.api.sent[0][2] is None
    reminder = await evening.found(date="2026-02-17", kind="reminder")
    assert (reminder["state"], "nudgeAt" in reminder) == ("sent", False)
    assert await evening.prompts.count() == {**await evening.prompts.count(), "pending": 3, "sent": 0}
    for hours in range(1, 13):
        assert await evening.look(morning + hours * HOUR) == []
    assert await evening.look(morning + DAY) != []  # the evening's questions
    assert all("Today" not in text for _, text, _ in evening.api.sent[1:])
    assert (await evening.look(morning + 2 * DAY))[-1].startswith("Today's session:")


async def test_a_reminder_that_is_too_late(evening: Evening) -> None:
    """From the hour of the question on nobody needs it."""
    evening.athlete(reminder_time=time(7))
    await evening.db.plan_snapshots.insert_one(plan("R1", "17 Run"))
    [text] = await evening.look(NOW)
    assert text.startswith("How did")
    await evening.db.session_prompts.delete_many({})
    first, second = await evening.look(NOW - MILLISECOND), await evening.look(NOW)
    assert (first[0][:5], second[0][:7]) == ("Today", "How did")


async def test_a_nudge(evening: Evening) -> None:
    """So many hours after the question, once, unless it is answered; the answer to a nudge is one."""
    evening.athlete(nudge_after_hours=3)
    for session in ("open", "answered", "elsewhere"):
        await evening.put(sessionId=session)
    assert len(await evening.look()) == 3
    await evening.db.session_prompts.update_one({"sessionId": "answered"}, {"$set": {"state": "answered"}})
    await evening.db.feedback_events.insert_one({"runId": "r", "sessionId": "elsewhere", "chatId": "70"})
    assert await evening.look(NOW + 3 * HOUR - MILLISECOND) == []
    assert await evening.look(NOW + 3 * HOUR) == [
        questions.prompt(None, None, EN, again=AskAgainReason.NUDGE)
    ]
    assert await evening.state(sessionId="elsewhere") == ("answered", None)
    assert await evening.look(NOW + 4 * DAY) == []
    assert await evening.look(NOW + 3 * HOUR + 15 * DAY - MILLISECOND) == []
    assert await evening.state(sessionId="open") == ("sent", None)
    assert await evening.look(NOW + 3 * HOUR + 15 * DAY) == []
    assert await evening.state(sessionId="open") == ("expired", "not answered within 14 days")


async def test_a_nudge_in_quiet_hours(evening: Evening) -> None:
    """Comes at their end."""
    evening.athlete(nudge_after_hours=3, quiet=QuietHours(time(22), time(7)))
    await evening.put()
    assert len(await evening.look()) == 1
    assert await evening.look(NOW + 3 * HOUR) == []
    morning = datetime(2026, 2, 18, 6, tzinfo=UTC)
    assert await evening.look(morning - MILLISECOND) == []
    assert len(await evening.look(morning)) == 1


async def test_later_and_no_nudge(evening: Evening) -> None:
    """Who asked for later is asked then, kindly, and not nudged before or after."""
    evening.athlete(nudge_after_hours=3)
    await evening.put()
    assert len(await evening.look()) == 1
    result = await evening.prompts.ask_later(
        "r", "s", 70, stamp=UpdateStamp(1, NOW), due_at=NOW + DAY, until=NOW + DAY - 14 * DAY
    )
    assert result is LaterResult.POSTPONED
    assert await evening.look(NOW + 3 * HOUR) == []
    assert await evening.look(NOW + DAY - MILLISECOND) == []
    assert await evening.look(NOW + DAY) == [questions.prompt(None, None, EN, again=AskAgainReason.LATER)]
    assert await evening.look(NOW + 2 * DAY) == []
    assert await evening.state() == ("sent", None)


@pytest.mark.parametrize(
    ("zone", "hours"), [("Europe/Madrid", 24), ("Europe/Athens", 23), ("Europe/London", 25)]
)
async def test_a_move_does_not_ask_twice(evening: Evening, zone: str, hours: int) -> None:
    """To the east or to the west, after a day's question: the next one is the next day's, at its hour."""
    await evening.db.plan_snapshots.insert_one(plan("R1", "17 Run", "18 Swim"))
    assert len(await evening.look()) == 1
    evening.athlete(zone=ZoneInfo(zone))
    next_at = NOW + hours * HOUR
    assert await evening.look(next_at - MILLISECOND) == []
    [text] = await evening.look(next_at)
    assert "Swim" in text
    assert await evening.look(next_at + 3 * DAY) == []


@pytest.mark.parametrize(("seconds", "sent"), [(49.999, 1), (50, 0)])
async def test_who_was_stalled_sends_nothing(evening: Evening, seconds: float, sent: int) -> None:
    """Sending could outlast the lease of 90 s, and another service claim it meanwhile: it is left to that."""
    await evening.put(dueAt=evening.now)
    stalled = asyncio.Event()

    def stall() -> None:
        evening.now += timedelta(seconds=seconds)
        stalled.set()

    evening.limits.on_reserve = stall
    async with running(evening.dispatcher.run()):
        await asyncio.wait_for(stalled.wait(), 100)
        await evening.dispatcher.finish()
    assert len(evening.api.sent) == sent
    if not sent:
        evening.limits.on_reserve = lambda: None
        held = await evening.found()
        assert held["attemptAt"] == evening.now + timedelta(seconds=90 - seconds)
        assert len(await evening.look(held["attemptAt"])) == 1


async def test_only_the_service_with_the_lease_sends(evening: Evening) -> None:
    """What is due is not even claimed by the others, and goes out as soon as the lease has moved."""
    await evening.put(dueAt=evening.now)
    evening.may_send = False
    async with running(evening.dispatcher.run()):
        await asyncio.sleep(0.1)
        assert "attempts" not in await evening.found()
        evening.may_send = True
        await eventually(lambda: _is_settled(evening))
    await evening.dispatcher.finish()
    assert await evening.state() == ("sent", None)
    assert len(evening.api.sent) == 1


@pytest.mark.parametrize(("ago", "waits"), [(GROUP_WINDOW - 1, True), (GROUP_WINDOW + 1, False)])
async def test_a_group_is_not_flooded_after_a_takeover(evening: Evening, ago: float, waits: bool) -> None:
    """What another service has sent there in the last minute counts; in private chats it does not."""
    evening.between_looks = 0.001
    sent = [
        {**PROMPT, "sessionId": f"old {n}", "chatId": chat, "state": "sent", "sentAt": sent_at}
        for n in range(20)
        for chat, sent_at in (("-500", evening.now - ago * SECOND), ("501", evening.now - SECOND))
    ]
    await evening.db.session_prompts.insert_many(sent)
    for chat in ("-500", "501"):
        await evening.put(sessionId=f"new {chat}", chatId=chat, dueAt=evening.now)
    async with running(evening.dispatcher.run()):
        await eventually(lambda: _has_sent(evening, 501))
        if not waits:
            await eventually(lambda: _has_sent(evening, -500))
        await asyncio.sleep(0.1)
    await evening.dispatcher.finish()
    assert await _has_sent(evening, -500) is not waits


async def _has_sent(evening: Evening, chat_id: int) -> bool:
    return chat_id in {chat for chat, _, _ in evening.api.sent}


async def test_who_wakes_up_late_in_its_slot(evening: Evening) -> None:
    """Thirty have left while a slot was waited for: the message leaves when they are a second old."""
    await evening.put(dueAt=evening.now)
    left: list[float] = []

    def wait() -> None:
        evening.between_looks = GLOBAL_WINDOW - 0.001  # at the first look it is a little too early
        for chat in range(1, 31):
            evening.limits.arrived(evening.limits.leave(chat, evening.seconds), evening.seconds)
        left.append(evening.seconds)

    async def send(_chat_id: int) -> None:
        left.append(evening.seconds)
        evening.api.send_script.append(SentMessage(1, evening.now))

    evening.limits.on_reserve, evening.api.on_send = wait, send
    async with running(evening.dispatcher.run()):
        await eventually(lambda: _is_settled(evening))
    await evening.dispatcher.finish()
    assert left[1] - left[0] >= GLOBAL_WINDOW


async def _is_settled(evening: Evening) -> bool:
    document = await evening.found()
    return "attempts" in document and "claim" not in document
