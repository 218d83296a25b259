"""What MongoDB does for the service, as its profiler tells: it reads indexes, not whole collections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.app.bootstrap import build_figures, build_roster
from bot.app.instance_lock import open_journal
from bot.app.stores import build_stores
from bot.core.answers.payloads import make_reference
from bot.core.availability.days import DayWish
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.people.tombstone import DataSubject
from bot.core.prompts.prompt import Answered, PromptState
from bot.core.records.collections import parse
from bot.core.shared.update_order import UpdateStamp
from bot.core.summary.summary import week_of
from bot.services.prompts.planner import Planner
from bot.services.reports.summary import collect, collect_open
from bot.settings import Settings
from bot.store.answers.tap_ledger import TapLedger
from bot.store.availability.availability import AvailabilityStore
from bot.store.mongodb.date_repair import find_odd_dates
from bot.store.people.athletes import AthleteStore
from bot.store.people.users import UserStore
from bot.store.personal_data import PersonalStore
from bot.store.plans import PlanStore
from bot.store.prompts.copies import CopyStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.planned import PlannedPromptStore
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore
from bot.store.records.export import Selection, read_batches
from bot.store.records.pages import FeedbackPages, PromptPages, PromptSelection
from bot.store.records.writer import RecordStore
from bot.store.summary import SummaryStore
from tests.support.desk import ANA, LOOK, NOW, Desk, open_desk
from tests.support.filling import fill
from tests.support.training import plan

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Job = Callable[[], Awaitable[object]]

FILLED = 3000
MARGIN = 50  # documents: a page or two
DAY = timedelta(days=1)
MADRID = ZoneInfo("Europe/Madrid")
CLARA = Athlete("clara", 9_000_001, 9_000_001, ContactHours(MADRID), name="Clara")

SMALL = {"athletes", "users", "figure_touches"}
"""As many documents as there are people, or hours with changes: read whole, no index would help."""

PERSON, DATES = "the data of one person", "timestamps that are no dates"
SCANS = {
    # Asked for by hand, once in a while; who said what has no index.
    *((PERSON, name) for name in ("plan_snapshots", "weekly_metrics", "run_events", "run_artifacts")),
    # For `doctor` and `bootstrap`; not every timestamp has an index.
    *((DATES, name) for name in ("feedback_events", "weekly_metrics", "run_artifacts")),
}
"""What reads a whole collection, and why it may."""

WIDE = {
    # By week: the documented indexes have no athlete.
    *((name, "plan_snapshots") for name in ("a summary", "pending")),
    # X In the order of making; those without a planned day have no index on theirs.
    ("a page of a day's prompts", "session_prompts"),
    # What was received today is counted anew.
    *(("the figures", name) for name in ("taps", "feedback_events")),
}
"""What reads far more than it finds, through an index, and why it may."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of MongoDB's profile.

    Attributes:
        found: documents returned, matched, changed or deleted.
    """

    job: str
    collection: str
    plan: str
    examined: int
    found: int

    @property
    def place(self) -> tuple[str, str]:
        """Who asked what."""
        return self.job, self.collection

    @property
    def is_scan(self) -> bool:
        """Whether it read a whole collection that may be large."""
        return "COLLSCAN" in self.plan and self.collection not in SMALL

    @property
    def is_wide(self) -> bool:
        """Whether it read many more documents than it found."""
        return self.examined > 2 * self.found + MARGIN

    @classmethod
    def of(cls, job: str, entry: Document) -> Operation:
        """As the profiler tells."""
        counted = ("nreturned", "nMatched", "nModified", "ndeleted")
        return cls(
            job,
            entry["ns"].partition(".")[2],
            entry["planSummary"],
            entry.get("docsExamined", 0),
            max(entry.get(name, 0) for name in counted),
        )


async def profiled(db: Database, name: str, job: Job) -> list[Operation]:
    """What MongoDB was asked while a job was done."""
    await db["system.profile"].drop()
    await db.command("profile", 2)
    try:
        await job()
    finally:
        await db.command("profile", 0)
    query = {"planSummary": {"$exists": True}, "command.comment": {"$ne": LOOK}}
    entries = await db["system.profile"].find(query).to_list()
    return [Operation.of(name, entry) for entry in entries if ".system." not in entry["ns"]]


async def fill_all(db: Database) -> None:
    """Thousands of answers, taps and questions, and hundreds of the rest."""
    await fill(db, FILLED, NOW)
    for number in range(300):
        made = NOW - number * DAY / 10
        run = f"run-{number}"
        await db.plan_snapshots.insert_one(
            plan(run, (number % 7, "Easy run"), athlete_id=f"a{number}", created_at=made)
        )
        await db.run_events.insert_one({"runId": run, "status": "success", "createdAt": made})
        await db.run_artifacts.insert_one({"runId": run, "createdAt": made})
        await db.weekly_metrics.insert_one({"weekStart": f"week {number:03}", "createdAt": made})
        await db.feedback_history.insert_one({"_id": run, "userId": number, "updatedAt": made, "changes": []})
        await db.waiting_notes.insert_one({"_id": run, "userId": number, "receivedAt": made})
        written = {"chatId": str(number), "messageId": number, "direction": "to coach", "userId": number}
        await db.coach_messages.insert_one({**written, "updateId": number, "receivedAt": made})


async def consume(batches: AsyncIterator[object]) -> None:
    """Read to the end."""
    async for _ in batches:
        pass


def taps_and_messages(desk: Desk) -> dict[str, Job]:
    """What comes from Telegram."""

    async def answer() -> None:
        await desk.answer(1, FeedbackType.DONE)

    async def changed() -> None:
        await desk.answer(2, FeedbackType.PAIN)
        await desk.detail(3, Detail.PAIN, 6)

    async def note() -> None:
        await desk.note(4, "knee")

    async def letters() -> None:
        await desk.send()
        await desk.seen(5)
        await desk.send()

    async def reference() -> None:
        await desk.stores.prompts.resolve([make_reference("filled-1000003", "s1"), "another"])

    return {
        "an answer": answer,
        "another answer, and a detail": changed,
        "a note": note,
        "letters to the coach": letters,
        "a short reference": reference,
    }


def questions(db: Database) -> dict[str, Job]:
    """What is asked, and what becomes of it."""
    prompts, followups, undelivered = PromptStore(db), PromptExpiryStore(db), UndeliveredStore(db)
    run, session, user = "filled-1000003", "s1", 22

    async def pending() -> None:
        athlete = Athlete("22", 22, 22, ContactHours(MADRID))
        store, roster = SummaryStore(db), Roster((CLARA, athlete))
        found = await collect_open(store, roster, athlete, now=NOW, late_after_days=14, kept_days=180)
        await prompts.ask_pending(found.open, found.known, stamp=UpdateStamp(9, NOW), most=5)

    async def sent() -> None:
        for number in range(3):
            chat = 9_000_100 + number
            await prompts.queue(f"new-{number}", "s", chat, title=None, note=None, due_at=NOW, now=NOW)

    return {
        "queueing": sent,
        "a weekly letter": lambda: prompts.put_weekly(
            *("week", "weekly"), athlete_id="ana", user_id=ANA, due_at=NOW, not_after=NOW + DAY, now=NOW
        ),
        "which question a message asked": lambda: prompts.asked_by(user, 22),
        "when a question was sent": lambda: prompts.sent_at(run, session, user, 22),
        "when a question was sent, in any chat": lambda: prompts.sent_at(run, session, None, None),
        "whether somebody was asked before": lambda: prompts.has_asked(user, user),
        "where sessions were asked about": lambda: prompts.asked({(run, session), (run, "s2")}),
        "older copies": lambda: CopyStore(db).stale(),
        "older copies that say it now": lambda: CopyStore(db).settle([("none", NOW)]),
        "a day on which somebody can train": lambda: AvailabilityStore(db).say(
            CLARA, DayWish(NOW.date(), is_possible=True), UpdateStamp(9, NOW)
        ),
        "weeks of which somebody said something": lambda: AvailabilityStore(db).since(NOW.date()),
        "whose questions": lambda: prompts.owners([(run, session)], [user]),
        "settling": lambda: prompts.settle_taps(
            [Answered(run, session, user, user, NOW, 22)], [Answered(run, "s2", user + 1, user + 1, NOW)]
        ),
        "later": lambda: prompts.ask_later(
            *(run, session, user), stamp=UpdateStamp(9, NOW), due_at=NOW + DAY, until=NOW - DAY
        ),
        "pending": pending,
        "questions by state": prompts.count,
        "questions without an answer": lambda: prompts.unanswered(NOW - DAY, MADRID),
        "nudges": lambda: followups.nudge(sent_after=NOW - 14 * DAY, now=NOW),
        "expiry of the unanswered": lambda: followups.expire_unanswered(
            sent_until=NOW - 29 * DAY, now=NOW, reason="too late"
        ),
        "expiry of the unsent": lambda: followups.expire_unsent(NOW),
        "after an absence": lambda: followups.ask_again(sent_since=NOW - DAY, sent_until=NOW, now=NOW),
        "closed chats": lambda: undelivered.closed(14, NOW),
        "a closed chat": lambda: undelivered.closed(14, NOW, user),
        "what did not arrive": lambda: undelivered.open_chats({user: NOW, user + 1: NOW}, 14),
        "what is tried once more": lambda: undelivered.retry(run, session, user, 14, NOW),
    }


def plans_and_figures(db: Database, folder: Path) -> dict[str, Job]:
    """What coaches and admins are told."""
    settings = Settings(_env_file=None, timezone=MADRID, athlete_ids=str(ANA))
    roster = Roster((CLARA,))
    planner = Planner(PlanStore(db), PlannedPromptStore(db), lambda: roster, lambda: NOW, 14)

    async def summary() -> None:
        await collect(
            *(SummaryStore(db), roster, CLARA, week_of(NOW, MADRID)),
            now=NOW,
            late_after_days=14,
            kept_days=180,
        )

    async def figures() -> None:
        # Twice: the second time past days are known.
        async with open_journal(folder) as journal:
            stores = build_stores(db, journal, lambda: NOW)
            source = build_figures(settings, stores, build_roster(settings, stores, lambda: NOW), lambda: NOW)
            await source.collect(7)
            await source.collect(7)

    return {
        "plans to prompts": lambda: planner.reconcile(roster),
        "a summary": summary,
        "the figures": figures,
        "the ledger": lambda: TapLedger(db).entered(["q1", "q2", "none"]),
    }


def people(db: Database) -> dict[str, Job]:
    """Who trains here."""
    athletes = AthleteStore(db)

    async def joined() -> None:
        await athletes.add("dora", {}, NOW)
        await athletes.invite("dora", "hash", NOW + DAY, NOW)
        await athletes.redeem("hash", 55, 55, UpdateStamp(1, NOW))
        await athletes.pause("dora", NOW, None, user_id=None, now=NOW)
        await athletes.resume("dora", NOW + DAY)
        await athletes.all()

    return {"an athlete": joined, "languages": UserStore(db).all}


def by_hand(db: Database) -> dict[str, Job]:
    """What people ask for now and then."""
    person = DataSubject(22, "22")
    return {
        PERSON: lambda: consume(PersonalStore(db).read(person)),
        DATES: lambda: find_odd_dates(db),
    }


def programs(db: Database) -> dict[str, Job]:
    """What other programs ask for."""
    feedback, prompts, records = FeedbackPages(db), PromptPages(db), RecordStore(db, clock=lambda: NOW)
    lately = Selection(since=NOW - DAY)

    async def answers() -> None:
        first = await feedback.read(lately, users=None, cursor=None, limit=20)
        await feedback.read(lately, users=None, cursor=first.next, limit=20)

    async def first_answers() -> None:
        first = await feedback.read(Selection(), users=None, cursor=None, limit=20)
        await feedback.read(Selection(), users=None, cursor=first.next, limit=20)

    async def write() -> None:
        event = {"runId": "w", "sessionId": "s", "type": "done", "userId": 5, "receivedAt": NOW}
        await records.write("feedback_events", [parse("feedback_events", event)])
        await records.write("run_events", [parse("run_events", {"runId": "w", "status": "success"})])

    async def export(name: str) -> None:
        await consume(read_batches(db, name, lately))

    def prompt_page(**selection: Any) -> Job:
        return lambda: prompts.read(PromptSelection(**selection), cursor=None, limit=20)

    return {
        "a page of answers, lately": answers,
        "a page of answers": first_answers,
        "a page of a run's answers": lambda: feedback.read(
            Selection(run_id="filled-1000003"), users=None, cursor=None, limit=20
        ),
        "a page of a person's answers": lambda: feedback.read(lately, users=[22], cursor=None, limit=20),
        "a page of prompts": prompt_page(),
        "a page of a run's prompts": prompt_page(run_id="filled-1000003"),
        "a page of pending prompts": prompt_page(state=PromptState.PENDING),
        "a page of an athlete's prompts": prompt_page(athlete_id="22", chat_id=22),
        "a page of a day's prompts": prompt_page(
            since=(NOW - DAY).date(), until=NOW.date(), since_instant=NOW - DAY, before_instant=NOW
        ),
        "one prompt": lambda: prompts.find("filled-1000003", "s1", 22),
        "writing": write,
        **{
            f"export of {name}, lately": partial(export, name)
            for name in ("feedback_events", "run_events", "plan_snapshots", "run_artifacts")
        },
        "export of weekly_metrics": lambda: consume(
            read_batches(db, "weekly_metrics", Selection(since="week 280"))
        ),
        "export of feedback_events": lambda: consume(read_batches(db, "feedback_events")),
        "export of a run": lambda: consume(
            read_batches(db, "feedback_events", Selection(run_id="filled-1000003"))
        ),
    }


async def test_regular_queries_are_served_by_indexes(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the service asks again and again is found through indexes, and hardly more is read than is
    found."""
    await fill_all(db)
    operations: list[Operation] = []
    async with open_desk(db, monkeypatch) as desk:
        regular = {
            **taps_and_messages(desk),
            **questions(db),
            **people(db),
            **plans_and_figures(db, tmp_path),
            **programs(db),
            **by_hand(db),
        }
        for name, job in regular.items():
            found = await profiled(db, name, job)
            assert found, f"{name}: the profiler has seen nothing"
            operations += found
    scanned = {operation.place for operation in operations if operation.is_scan}
    wide = {operation.place for operation in operations if operation.is_wide and not operation.is_scan}
    told = {operation.place: operation for operation in operations if operation.is_scan or operation.is_wide}
    surprising = (scanned - SCANS) | (wide - WIDE)
    assert not surprising, "\n".join(f"{place}: {told[place]}" for place in surprising)
    assert not SCANS - scanned, "these are served by indexes now"
    assert not WIDE - wide, "these read hardly more than they find now"
