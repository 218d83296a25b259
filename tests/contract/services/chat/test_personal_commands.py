"""One athlete's data among others', against a real MongoDB: what is asked again, shown, told and deleted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, ContactHours, Pause, QuietHours
from bot.core.people.tombstone import DataSubject
from bot.core.prompts.prompt import InvalidPrompt, read_prompt
from bot.core.records.collections import COLLECTIONS
from bot.core.records.declaration import Before, Collection
from bot.core.records.retention import Retention
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.action_payloads import Action, parse_action
from bot.core.telegram.updates import CommandUpdate, Tap
from bot.services.chat.button_actions import ActionDone, ErasureBegun
from bot.services.chat.erasure_buttons import ErasureButtons
from bot.services.chat.personal_commands import DisclosureRules, PersonalCommands
from bot.services.pain.alert_writer import AlertWriter
from bot.services.people.deletion import Deletion
from bot.services.people.erasure import CONFIRM_WITHIN, Erasure
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.prompts.renderer import PromptRenderer
from bot.services.prompts.weekly_summary import WeeklySummaries
from bot.services.reports.week_report import WeekReports
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.personal_data import EDITS, FINDERS, PersonalStore, query_of
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.prompts import PromptStore
from bot.store.summary import SummaryStore
from tests.contract.services.prompts.test_dispatcher import Evening, evening
from tests.support.flows import Parts

__all__ = ["evening"]

Database = AsyncDatabase[dict[str, Any]]

# A Sunday evening.
NOW = datetime(2026, 2, 22, 20, tzinfo=UTC)
DAY = timedelta(days=1)
# So long that no ObjectId has them by chance.
ANA, BEN, LEO = 7_700_000_071, 7_700_000_072, 7_700_000_073
GROUP = -100_500
ANA_ = Athlete("ana", ANA, ANA, ContactHours(ZoneInfo("UTC")))
HOSTILE = "<b>Tempo</i> & co"


class People:
    """The parts around one database, at a time that is set by hand."""

    def __init__(self, db: Database, journal: DiskJournal) -> None:
        self.db, self.journal, self.now = db, journal, NOW
        hours = ContactHours(ZoneInfo("UTC"))
        self.roster = RosterCache(AthleteStore(db), frozenset({LEO}), hours, self.clock)
        self.tombstones = TombstoneStore(db)
        self.languages = LanguageCache(UserStore(db), self.roster, frozenset(), self.tombstones)
        self.prompts = PromptStore(db)
        self.store = PersonalStore(db)
        self.weeks = WeekReports(SummaryStore(db), self.roster, self.clock, late_after_days=14, kept_days=180)
        disclosed = DisclosureRules(Retention(), coach_is_told=False)
        self.personal = PersonalCommands(self.weeks, self.store, journal, self.clock, disclosed)
        users = UserStore(db)
        deletion = Deletion(
            self.store, self.tombstones, AthleteStore(db), users, FigureInvalidation(db, self.clock)
        )
        self.forgetting = Erasure(
            deletion, self.tombstones, users, journal, self.roster, self.languages, self.clock
        )

    def clock(self) -> datetime:
        """The test's time."""
        return self.now

    async def reply(self, name: str, user_id: int = ANA, argument: str = "", *, private: bool = True) -> Any:
        """What is said to a command."""
        chat_id = user_id if private else GROUP
        command = CommandUpdate(1, user_id, chat_id, private, name, argument)
        parts = Parts.of(self.db, self.journal, self.clock, self.roster)
        return await parts.chat(self.languages).reply(command)

    async def forget(self, user_id: int, athlete: Athlete | None, tap: Tap) -> None:
        """Delete everything about somebody, to the end."""
        person = await self.forgetting.begin(user_id, athlete, tap.stamp)
        await self.forgetting.finish(person, tap.stamp)

    async def question(self, session_id: str, user_id: int = ANA, **fields: Any) -> None:
        """A question that was sent yesterday, in the private chat unless told otherwise."""
        sent_at = fields.pop("sentAt", NOW - DAY)
        await self.db.session_prompts.insert_one(
            {
                "runId": "r",
                "sessionId": session_id,
                "chatId": str(user_id),
                "userId": user_id,
                "title": HOSTILE,
                "state": "sent",
                "sentAt": sent_at,
                "messages": [{"messageId": 5, "sentAt": sent_at}],
                **fields,
            }
        )

    async def answer(self, session_id: str, user_id: int, **fields: Any) -> None:
        """An answer of yesterday."""
        await self.db.feedback_events.insert_one(
            {
                "sessionKey": f"r-{session_id}-{user_id}",
                "runId": "r",
                "sessionId": session_id,
                "userId": user_id,
                "chatId": str(user_id),
                "type": "hard",
                "note": f"{HOSTILE} {user_id}",
                "sessionDate": "2026-02-21",
                "receivedAt": NOW - DAY,
                **fields,
            }
        )

    async def pending(self, update_id: int, athlete: Athlete = ANA_, most: int = 10) -> tuple[int, int]:
        """/pending, at this time."""
        questions = await self.weeks.open_questions(athlete, self.now)
        stamp = UpdateStamp(update_id, self.now)
        asked = await self.prompts.ask_pending(questions.open, questions.known, stamp=stamp, most=most)
        return len(questions.open), asked

    async def again(self) -> dict[str, str]:
        """The questions that are asked again because of /pending, with their chats."""
        found = self.db.session_prompts.find({"state": "pending", "again": "pending", "dueAt": self.now})
        return {document["sessionId"]: document["chatId"] async for document in found}


@pytest.fixture
async def people(db: Database, tmp_path: Path) -> AsyncIterator[People]:
    """Ana and Ben on the roster, Leo in ATHLETE_IDS."""
    journal = DiskJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    found = People(db, journal)
    for name, user_id in (("ana", ANA), ("ben", BEN)):
        fields = {"userId": user_id, "chatId": str(user_id), "name": f"Name of {name}", "language": "en"}
        await AthleteStore(db).add(name, fields, NOW - 30 * DAY)
    await found.roster.refresh()
    yield found
    await journal.close()


# --- /pending


async def test_only_what_can_still_be_answered_is_asked_again(people: People) -> None:
    """To the millisecond; nothing that is settled, no reminder, and nobody else's."""
    edge = NOW - 15 * DAY
    await people.question("old", sentAt=edge)
    await people.question("just", sentAt=edge + timedelta(milliseconds=1))
    await people.question("repeated", messages=[{"sentAt": edge}, {"sentAt": NOW - DAY}])
    await people.question("not repeated", state="undeliverable")  # and still answerable
    for state in ("answered", "late", "expired", "cancelled"):
        await people.question(state, state=state)
    await people.question("reminder|x", kind="reminder")
    await people.question("unsent", state="pending", sentAt=None)
    await people.question("later", state="pending", again="later", dueAt=NOW + DAY, laterAt=NOW)
    await people.question("nobodys", userId=None)
    await people.question("bens", BEN)
    await people.question("nudged", nudgeAt=NOW + DAY)
    assert await people.pending(1) == (6, 6)
    again = {"just", "later", "nobodys", "nudged", "repeated", "not repeated"}
    assert set(await people.again()) == again
    nudged = await people.db.session_prompts.find_one({"sessionId": "nudged"})
    assert nudged is not None
    assert "nudgeAt" not in nudged


async def test_the_oldest_ten_and_never_more_for_one_wish(people: People) -> None:
    """However often it is repeated, after a crash or behind answers; the next wish begins anew."""
    for number in range(12):
        await people.question(f"s{number:02}", sentAt=NOW - 10 * DAY + timedelta(hours=number))
    assert await people.pending(1) == (12, 10)
    first = set(await people.again())
    assert first == {f"s{number:02}" for number in range(10)}
    await people.db.session_prompts.update_many({"sessionId": {"$lt": "s05"}}, {"$set": {"state": "sent"}})
    await people.db.session_prompts.update_one({"sessionId": "s09"}, {"$set": {"state": "answered"}})
    assert await people.pending(1) == (11, 10)
    assert set(await people.again()) == {f"s{number:02}" for number in range(5, 9)}
    assert await people.pending(2) == (11, 10)
    assert set(await people.again()) == {f"s{number:02}" for number in (*range(9), 10)}


async def test_what_is_just_being_sent_is_left_alone(people: People) -> None:
    """Until its lease ends."""
    lease: dict[str, Any] = {"state": "pending", "claim": "x", "dueAt": NOW - DAY}
    await people.question("busy", **lease, attemptAt=NOW + timedelta(milliseconds=1))
    await people.question("free", **lease, attemptAt=NOW)
    assert (await people.pending(1))[0] == 2
    assert set(await people.again()) == {"free"}


async def test_in_a_group_only_ones_own(people: People) -> None:
    """Of two athletes with the same runs, in any chat; what names nobody is everybody's in that chat."""
    ana = Athlete("ana", ANA, GROUP, ContactHours(ZoneInfo("UTC")))
    group = str(GROUP)
    await people.question("hers", chatId=group, athleteId="ana")
    await people.question("his", BEN, chatId=group, athleteId="ben")
    await people.question("anybodys", chatId=group, userId=None)
    await people.question("named", chatId=group, userId=None, athleteId="ana")
    await people.question("private")
    await people.question("elsewhere", chatId="-5")
    assert await people.pending(1, ana) == (5, 5)
    found = {"hers": group, "named": group, "private": str(ANA), "elsewhere": "-5", "anybodys": group}
    assert await people.again() == found


async def test_they_come_in_quiet_hours_and_pauses_and_once(db: Database, evening: Evening) -> None:
    """The athlete has just asked; what is answered meanwhile does not come, and no nudge comes behind it."""
    evening.athlete(
        quiet=QuietHours(time(0), time(23, 59)), nudge_after_hours=1, pauses=(Pause(evening.now - DAY, None),)
    )
    for session_id in ("open", "answered"):
        sent_at = evening.now - 2 * DAY
        await evening.put(
            sessionId=session_id, athleteId="ana", userId=7, state="sent", sentAt=sent_at,
            messages=[{"messageId": 1, "sentAt": sent_at}],
        )  # fmt: skip
    assert evening.roster is not None
    [athlete] = evening.roster.athletes
    weeks = Parts.of(db, DiskJournal(Path("unused")), lambda: evening.now).weeks()
    questions = await weeks.open_questions(athlete, evening.now)
    stamp = UpdateStamp(1, evening.now)
    assert await evening.prompts.ask_pending(questions.open, questions.known, stamp=stamp, most=10) == 2
    await db.feedback_events.insert_one({"runId": "r", "sessionId": "answered", "chatId": "70"})
    [text] = await evening.look()
    assert text.startswith("Still unanswered:")
    found = {d["sessionId"]: d async for d in db.session_prompts.find({})}
    assert {name: d["state"] for name, d in found.items()} == {"open": "sent", "answered": "answered"}
    assert len(found["open"]["messages"]) == 2
    assert "nudgeAt" not in found["open"]
    assert await evening.look(evening.now + 2 * DAY) == []


# --- /week


async def test_a_week_in_private_for_athletes_alone(people: People) -> None:
    """Escaped; in a group, and for others, there are kind words."""
    await people.question("s", sentAt=NOW - DAY)
    await people.answer("s", ANA)
    await people.question("s", BEN)
    await people.answer("s", BEN)
    shown = await people.reply("week")
    assert shown.html
    assert "&lt;b&gt;Tempo&lt;/i&gt; &amp; co" in shown.text
    assert f"{ANA}" in shown.text
    assert f"{BEN}" not in shown.text
    assert "Answered: 1 of 1" in shown.text
    assert "private" in (await people.reply("week", private=False)).text
    assert "for athletes" in (await people.reply("week", user_id=9)).text
    assert "16 to 22 February" in shown.text
    for argument, monday in (("last", "9 to 15"), ("próxima", "23 February"), ("PASADA", "9 to 15")):
        assert monday in (await people.reply("week", argument=argument)).text


# --- Their data


async def fill(people: People) -> None:
    """Ana's and Ben's data side by side: the same runs, a group, letters, and dead letters."""
    for user_id, name in ((ANA, "ana"), (BEN, "ben")):
        await people.question("s", user_id, athleteId=name)
        await people.question("g", user_id, chatId=f"{GROUP}{user_id}", athleteId=name)
        await people.question(f"{user_id}|reminder", user_id, kind="reminder", athleteId=name)
        await people.answer("s", user_id)
        await people.answer("g", user_id, userId=str(user_id), chatId=str(GROUP))
        # The coach's chat is Ben's: he coaches Ana.
        about = {"runId": "r", "sessionId": "s", "userId": user_id}
        await people.db.session_prompts.insert_one(
            {"runId": "r", "sessionId": f"s|alert|{user_id}", "chatId": str(BEN), "kind": "alert",
             "about": about, "athleteId": name, "title": HOSTILE}
        )  # fmt: skip
        await people.db.feedback_history.insert_one(
            {"_id": f"r-s-{user_id}", "userId": user_id, "changes": [{"note": HOSTILE}], "updatedAt": NOW}
        )
        await people.db.waiting_notes.insert_one(
            {"_id": f"r-w-{user_id}", "userId": user_id, "note": HOSTILE}
        )
        await people.db.users.insert_one({"_id": user_id, "language": "es", "updatedAt": NOW})
        await people.db.plan_snapshots.insert_one({"runId": f"p-{name}", "athleteId": name})
        await people.db.weekly_metrics.insert_one({"weekStart": f"2026-02-16-{name}", "athleteId": name})
    await people.answer("anon", ANA, userId="anon")
    await people.db.plan_snapshots.insert_one({"runId": "p-both"})
    await people.db.run_artifacts.insert_one({"runId": "p-ana", "metrics": {"athleteId": "ana"}})
    updates = [
        {"update_id": n, "message": {"from": {"id": user}, "chat": {"id": user}, "text": f"words of {user}"}}
        for n, user in ((1, ANA), (2, BEN))
    ]
    updates.append(
        {"update_id": 3, "callback_query": {"id": "q3", "from": {"id": ANA}, "data": f"words of {ANA}"}}
    )
    await people.journal.append(updates, polled_at=NOW)
    await people.journal.append([], polled_at=NOW)
    for entry in await people.journal.pending(after=0, limit=9):
        await people.journal.failed(entry.seq, "no sense", give_up=True)


async def test_everything_of_hers_and_nothing_of_his(people: People) -> None:
    """One JSON object with a part for each collection."""
    await fill(people)
    reply = await people.reply("mydata")
    assert reply.file is not None
    data = json.loads(reply.file.content)
    assert reply.file.name == "mydata-2026-02-22.json"
    assert {name: len(items) for name, items in data.items() if isinstance(items, list)} == {
        "athletes": 1, "users": 1, "feedback_events": 3, "feedback_history": 1, "waiting_notes": 1,
        "session_prompts": 4, "plan_snapshots": 1, "weekly_metrics": 1, "run_artifacts": 1, "journal": 2,
    }  # fmt: skip
    assert data["generatedAt"] == "2026-02-22T20:00:00.000Z"
    assert data["feedback_events"][0]["receivedAt"] == "2026-02-21T20:00:00.000Z"
    assert data["feedback_events"][0]["note"] == f"{HOSTILE} {ANA}"
    told = [it for it in data["session_prompts"] if it.get("kind") == "alert"]
    assert [it["about"]["userId"] for it in told] == [ANA]
    assert [it["update"]["update_id"] for it in data["journal"]] == [1, 3]
    told[0]["chatId"] = ""  # her coach is told in his chat
    assert str(BEN) not in json.dumps(data)
    assert "ben" not in json.dumps(data).lower()
    assert "private" in (await people.reply("mydata", private=False)).text


def documents_of(collection: Collection, user_id: int, name: str) -> list[dict[str, Any]]:
    """For each field that says whose a document is, one of yesterday."""
    personal = collection.personal
    assert personal is not None
    erased = personal.erased
    times: dict[str, Any] = dict.fromkeys(collection.dates, NOW - DAY) | {"createdAt": NOW - DAY}
    if isinstance(erased, Before):
        times |= {erased.at: NOW - DAY} | ({} if erased.update_id is None else {erased.update_id: 1})
    whose: list[dict[str, Any]] = [{personal.user or "userId": user_id}] if not personal.athlete else []
    for field in personal.athlete:
        outer, _, inner = field.partition(".")
        whose.append({outer: {inner: name} if inner else name})
    return [
        dict.fromkeys(collection.key(), f"{name}{number}") | times | fields
        for number, fields in enumerate(whose)
    ]


@pytest.mark.parametrize("collection", [it for it in COLLECTIONS if it.personal], ids=lambda it: it.name)
async def test_what_is_declared_personal_is_disclosed_and_erased(
    people: People, collection: Collection
) -> None:
    """In every collection that says so; what is not erased remains, and so does what is another's."""
    personal = collection.personal
    assert personal is not None
    documents = {name: documents_of(collection, id_, name) for id_, name in ((ANA, "ana"), (BEN, "ben"))}
    if personal.erased != "athlete":  # the roster has its entries
        await people.db[collection.name].insert_many([*documents["ana"], *documents["ben"]])
    reply = await people.reply("mydata")
    assert reply.file is not None
    data = json.loads(reply.file.content)
    assert len(data[collection.name]) == len(documents["ana"])
    assert ("_id" in data[collection.name][0]) == personal.shows_id

    await people.forget(ANA, people.roster.athlete(ANA), confirmation(ANA))
    left = await people.db[collection.name].count_documents(query_of(personal, DataSubject(ANA, "ana")))
    assert left == (len(documents["ana"]) if personal.erased is None else 0)
    others = await people.db[collection.name].count_documents(query_of(personal, DataSubject(BEN, "ben")))
    assert others == len(documents["ben"])


def test_what_is_special_is_declared() -> None:
    """A declaration names each function that is for one collection alone, and each that it names is there."""
    declared = {it.name: it.personal for it in COLLECTIONS if it.personal}
    assert set(FINDERS) == {it.found_by for it in declared.values()} - {None}
    edited = {name for name, it in declared.items() if isinstance(it.erased, Before) and it.erased.is_edited}
    assert set(EDITS) == edited


async def test_a_file_that_would_be_too_large_ends_early_and_says_so(people: People) -> None:
    """It is JSON all the same."""
    await fill(people)
    for most in (2_000, 1_000, 500, 400):
        content, is_whole = await people.personal._file(ANA_, ANA, most)
        data = json.loads(content)
        assert not is_whole
        assert "no larger file" in data["cut"]
        assert len(content) <= most + 200
    content, is_whole = await people.personal._file(ANA_, ANA)
    assert is_whole
    assert "cut" not in json.loads(content)


def confirmation(user_id: int) -> Tap:
    """The tap on the button."""
    return Tap(9, "q9", user_id, None, user_id, 5, NOW, "do|forget|", NOW)


async def snapshot(db: Database, user_id: int) -> dict[str, list[dict[str, Any]]]:
    """Everything that mentions a user, by collection."""
    names = await db.list_collection_names()
    found = {name: await db[name].find({}).sort("_id").to_list() for name in sorted(names)}
    kept = {name: [it for it in items if str(user_id) in str(it)] for name, items in found.items()}
    return {name: items for name, items in kept.items() if items}


async def test_forgetting_leaves_nothing_personal_and_touches_nobody_else(people: People) -> None:
    """Doing it again changes nothing, also for whom it has taken off the roster."""
    await fill(people)
    bens = await snapshot(people.db, BEN)
    # The alert about Ana stood in Ben's chat.
    bens["session_prompts"] = [it for it in bens["session_prompts"] if it["sessionId"] != f"s|alert|{ANA}"]
    athlete = people.roster.athlete(ANA)
    for who in (athlete, None):
        await people.forget(ANA, who, confirmation(ANA))
        assert await snapshot(people.db, ANA) == {}
        assert await snapshot(people.db, BEN) == bens
    entry = await people.db.athletes.find_one({"athleteId": "ana"})
    assert entry is not None
    assert set(entry) == {"_id", "athleteId", "state", "createdAt", "updatedAt", "forgottenAt"}
    assert (entry["state"], entry["createdAt"]) == ("removed", NOW - 30 * DAY)
    assert people.roster.athlete(ANA) is None
    assert people.roster.athlete(BEN) is not None
    # What the coach wrote stays.
    assert await people.db.plan_snapshots.count_documents({}) == 3
    # So many dead letters as before, and hers say nothing.
    state = await people.journal.state()
    assert (state.dead, state.dead_taps) == (3, 1)
    assert await people.journal.of_user(ANA) == []
    assert len(await people.journal.of_user(BEN)) == 1
    assert (await people.journal.taps(9)).dead[0].update == {"update_id": 3, "callback_query": {"id": "q3"}}
    # Figures over that time are counted anew.
    assert await people.db.figure_touches.count_documents({}) > 0


async def test_forgetting_goes_on_where_it_was_ended(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed behind each step in turn, and then done again as a restart would: nothing is left."""
    steps = ("forget_before", "forget_prompts", "forget_athlete")

    class Killed(BaseException):
        """The process has ended."""

    for step in steps:
        await people.db.client.drop_database(people.db.name)
        await AthleteStore(people.db).add("ana", {"userId": ANA, "chatId": str(ANA)}, NOW)
        await AthleteStore(people.db).add("ben", {"userId": BEN, "chatId": str(BEN)}, NOW)
        for user_id in (ANA, BEN):
            await people.question("s", user_id)
            await people.answer("s", user_id)
        original = getattr(PersonalStore, step)

        async def then_die(*args: Any, original: Any = original, **named: Any) -> None:
            await original(*args, **named)
            raise Killed

        roster = await people.roster.refresh()
        with monkeypatch.context() as patched:
            patched.setattr(PersonalStore, step, then_die)
            with pytest.raises(Killed):
                await people.forget(ANA, roster.by_user(ANA), confirmation(ANA))
        roster = await people.roster.refresh()
        await people.forget(ANA, roster.by_user(ANA), confirmation(ANA))
        assert await snapshot(people.db, ANA) == {}, step
        assert set(await snapshot(people.db, BEN)) == {"athletes", "feedback_events", "session_prompts"}, step


@pytest.mark.parametrize("has_entry", [True, False])
async def test_who_is_listed_stays_paused_for_ever(people: People, *, has_entry: bool) -> None:
    """With an entry of their own or without; the pause covers this week in every zone."""
    if has_entry:
        fields = {"userId": LEO, "chatId": str(GROUP), "name": "Leo", "timezone": "Pacific/Kiritimati"}
        await AthleteStore(people.db).add("leo", fields, NOW)
    roster = await people.roster.refresh()
    await people.forget(LEO, roster.by_user(LEO), confirmation(LEO))
    entry = await people.db.athletes.find_one({"userId": LEO})
    assert entry is not None
    named = {"_id", "athleteId", "userId", "state", "pauses", "createdAt", "updatedAt", "forgottenAt"}
    assert set(entry) == named
    athlete = people.roster.athlete(LEO)
    assert athlete is not None
    assert athlete.pauses == (Pause(NOW - 14 * DAY, None),)
    assert (athlete.name, athlete.chat_id, athlete.language) == (None, LEO, None)


@pytest.mark.parametrize(
    ("age", "is_deleted"),
    [
        (CONFIRM_WITHIN, True),
        (CONFIRM_WITHIN + timedelta(milliseconds=1), False),
        (None, False),  # Telegram shows no more when the message was sent
    ],
)
async def test_the_button_counts_for_ten_minutes(
    people: People, age: timedelta | None, *, is_deleted: bool
) -> None:
    """After that nothing is deleted, and whoever tapped is told."""
    await people.answer("s", ANA)
    buttons = ErasureButtons(people.tombstones, people.forgetting).handlers()
    await UserStore(people.db).asked_to_forget(ANA, UpdateStamp(0, NOW - CONFIRM_WITHIN))
    tap = replace(confirmation(ANA), prompt_at=None if age is None else NOW - age)
    wish = parse_action(tap.data)
    assert wish is not None
    done = await buttons[wish.action](wish, tap, people.roster.athlete(ANA))
    if isinstance(done, ErasureBegun):
        await people.forgetting.finish(done.person, done.at)
        done = done.acted
    if is_deleted:
        assert isinstance(done, ActionDone)
        assert "Deleted" in done.say(Language.EN)
        assert done.instead is not None
    else:
        assert done == NotWritten(Outcome.REFUSED, cause=Cause.NOT_ASKED)
    assert await people.db.feedback_events.count_documents({}) == (0 if is_deleted else 1)


# --- The weekly summary


async def planned(people: People, athlete_id: str, day: date, **fields: Any) -> None:
    """A plan with one session."""
    monday = day - timedelta(days=day.weekday())
    await people.db.plan_snapshots.insert_one(
        {
            "runId": f"plan-{athlete_id}-{monday}",
            "athleteId": athlete_id,
            "weekStart": monday.isoformat(),
            "activityPlan": {"days": [{"date": day.isoformat(), "activity": HOSTILE}]},
            "createdAt": NOW - 7 * DAY,
            **fields,
        }
    )


async def test_each_week_is_told_once(people: People) -> None:
    """To those who had sessions; by however many services, however often they are started."""
    await planned(people, "ana", date(2026, 2, 20))
    for _ in range(2):
        letters = WeeklySummaries(
            people.prompts, people.weeks, lambda: people.roster.roster, time(19, 30), people.clock
        )
        await letters.look()
        await letters.look()
    [document] = await people.db.session_prompts.find({}).to_list()
    assert {name: document[name] for name in ("runId", "sessionId", "chatId", "kind", "state", "userId")} == {
        "runId": "weekly", "sessionId": "ana|2026-02-22", "chatId": str(ANA), "kind": "weekly",
        "state": "pending", "userId": ANA,
    }  # fmt: skip
    assert (document["dueAt"], document["notAfter"]) == (
        datetime(2026, 2, 22, 19, 30, tzinfo=UTC), datetime(2026, 2, 23, 12, tzinfo=UTC),
    )  # fmt: skip
    assert (await people.prompts.count())["pending"] == 0
    assert await people.pending(1) == (0, 0)
    people.now += 7 * DAY
    letters = WeeklySummaries(people.prompts, people.weeks, lambda: people.roster.roster, None, people.clock)
    await letters.look()
    assert await people.db.session_prompts.count_documents({}) == 1


async def test_what_it_says_is_written_when_it_is_sent(people: People) -> None:
    """With next week's plan and its reasons if they are there by then; escaped, and nobody else's."""
    await planned(people, "ana", date(2026, 2, 20))
    session_id = "2026-02-20-b-tempo-i-co"
    await people.db.feedback_events.insert_one(
        {"sessionKey": "k", "runId": "plan-ana-2026-02-16", "sessionId": session_id, "userId": ANA,
         "type": "done", "rpe": 6, "receivedAt": NOW - DAY, "sessionDate": "2026-02-20"}
    )  # fmt: skip
    letters = WeeklySummaries(
        people.prompts, people.weeks, lambda: people.roster.roster, time(19, 30), people.clock
    )
    await letters.look()
    composer = PromptRenderer(
        *(
            AlertWriter(CoachAlertStore(people.db), lambda: people.roster.roster, people.languages, UTC),
            people.prompts,
            lambda: people.roster.roster,
            people.languages,
            people.clock,
            UTC,
            people.weeks,
        )
    )
    document = await people.db.session_prompts.find_one({"kind": "weekly"})
    assert document is not None
    athlete = people.roster.athlete(ANA)
    for odd in ("ana", "ana|2026-02-21"):
        with pytest.raises(InvalidPrompt, match="sessionId"):
            await composer.compose(read_prompt(document | {"sessionId": odd}), athlete)

    async def said() -> str:
        composed = await composer.compose(read_prompt(document), athlete)
        assert composed is not None
        return composed.text

    early = await said()
    assert "the plan is not there yet" in early
    assert "Mean effort (RPE): 6.0" in early
    await planned(people, "ben", date(2026, 2, 25), justification=["Ben's own reason"])
    await planned(
        people, "ana", date(2026, 2, 24), justification=["Less <load>, more sleep.", "Second", "3", "4"]
    )
    late = await said()
    assert "Next week: 1 session" in late
    assert "Why: Less &lt;load&gt;, more sleep. Second 3" in late
    assert "Ben" not in late
    assert "&lt;b&gt;Tempo" in late


async def test_person_is_told_by_user(people: People) -> None:
    """Before a roster, documents had the user's id as the athlete's, as text or number."""
    assert DataSubject.of(ANA, ANA_).names == ["ana", str(ANA), ANA]
    assert DataSubject.of(ANA, None).names == [str(ANA), ANA]
    await people.db.weekly_metrics.insert_one({"weekStart": "x", "athleteId": ANA})
    found = [(name, document) async for name, document in people.store.read(DataSubject.of(ANA, ANA_))]
    assert [name for name, _ in found] == ["athletes", "weekly_metrics"]


# --- What was touched since


async def test_what_was_touched_since_stays_without_what_was_before(people: People) -> None:
    """A later tap is stored while the deletion lies elsewhere: what was said before goes all the same."""
    before, after = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)
    said = {"at": before, "updateId": 3}
    await people.answer(
        "s", LEO, updateId=12, type="pain", noteMessageId=9, pain={"where": "knee", "level": 4},
        receivedAt=before, timestamp=before,
        saidAt={"note": said, "where": said, "pain": {"at": after, "updateId": 11}, "answer": said},
    )  # fmt: skip
    await people.answer("t", LEO, updateId=11, type="done", rpe=7, receivedAt=after, note="with the button")
    old = {"type": "hard", "note": "old", "updateId": 2, "receivedAt": before, "replacedBy": 3}
    new = {"type": "done", "updateId": 11, "receivedAt": after, "replacedBy": 12}
    await people.db.feedback_history.insert_many(
        [
            {"_id": "r-s", "userId": LEO, "changes": [old, new], "updatedAt": after, "updatedBy": 12},
            {"_id": "r-t", "userId": LEO, "changes": [old], "updatedAt": after, "updatedBy": 12},
        ]
    )
    roster = await people.roster.refresh()
    confirmed = replace(confirmation(LEO), update_id=10)
    await people.forget(LEO, roster.by_user(LEO), confirmed)
    found = {d["sessionId"]: d async for d in people.db.feedback_events.find({"userId": LEO})}
    assert found["s"]["pain"] == {"level": 4}
    assert (found["s"]["note"], "noteMessageId" in found["s"]) == (None, False)
    assert found["s"]["receivedAt"] == found["s"]["timestamp"] == NOW
    assert set(found["s"]["saidAt"]) == {"pain"}
    assert (found["t"]["rpe"], found["t"]["note"], "saidAt" in found["t"]) == (7, "with the button", False)
    history = [d async for d in people.db.feedback_history.find({})]
    assert [(d["_id"], d["changes"]) for d in history] == [("r-s", [new])]


async def test_an_alert_that_was_seen_goes_too(people: People) -> None:
    """Whatever the coach has done with it since."""
    letters = CoachAlertStore(people.db)
    await people.db.session_prompts.insert_one(
        {
            "runId": "r", "sessionId": f"s|alert|{ANA}", "chatId": str(GROUP), "kind": "alert",
            "about": {"userId": ANA, "runId": "r", "sessionId": "s"}, "reference": "~x", "state": "pending",
            "raisedBy": NOW - DAY, "raisedUpdateId": 4, "version": 99, "createdAt": NOW - DAY,
        }
    )  # fmt: skip
    await people.tombstones.put(DataSubject(ANA, "ana"), UpdateStamp(10, NOW))
    assert await letters.see("~x", GROUP, GROUP, "Kim", 100, NOW + DAY) is None
    await people.forgetting.finish(DataSubject(ANA, "ana"), UpdateStamp(10, NOW))
    assert await people.db.session_prompts.count_documents({}) == 0


async def test_no_is_no(people: People) -> None:
    """Who keeps everything must be asked anew; who had it deleted is not told that it was kept."""
    users = UserStore(people.db)
    buttons = ErasureButtons(people.tombstones, people.forgetting).handlers()
    forget, keep = parse_action("do|forget|"), parse_action("do|keep|")
    assert forget is not None
    assert keep is not None
    await users.asked_to_forget(LEO, UpdateStamp(1, NOW))
    leo = (await people.roster.refresh()).by_user(LEO)
    kept = await buttons[Action.KEEP](keep, replace(confirmation(LEO), update_id=2), leo)
    assert isinstance(kept, ActionDone)
    late = await buttons[Action.FORGET](forget, replace(confirmation(LEO), update_id=3), leo)
    assert late == NotWritten(Outcome.REFUSED, cause=Cause.NOT_ASKED)
    await users.asked_to_forget(LEO, UpdateStamp(4, NOW))
    begun = await buttons[Action.FORGET](forget, replace(confirmation(LEO), update_id=5), leo)
    assert isinstance(begun, ErasureBegun)
    after = await buttons[Action.KEEP](keep, replace(confirmation(LEO), update_id=6), leo)
    assert isinstance(after, ActionDone)
    assert after.say(Language.EN) == "Deleted."
    await people.forgetting.finish(begun.person, begun.at)
    assert await users.asked(LEO) == []
    # Below another question, from before: nothing was deleted because of it.
    other = replace(confirmation(LEO), update_id=7, message_id=999)
    for wish in (forget, keep):
        result = await buttons[wish.action](wish, other, leo)
        assert result == NotWritten(Outcome.REFUSED, cause=Cause.NOT_ASKED)
