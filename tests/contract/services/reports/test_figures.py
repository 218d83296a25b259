"""The figures on a real MongoDB and journal, compared with counting everything there is."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from bot.app.stores import build_stores
from bot.core.answers.rules import Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.periods import CLOSED_AFTER, INVALIDATE_AFTER, Period, window
from bot.core.figures.responses import AskedAt, Responses
from bot.core.figures.stats import Stats
from bot.core.people.athlete import ContactHours, read_roster
from bot.core.prompts.prompt import PromptState
from bot.core.records.collections import parse
from bot.core.shared.clock import monday_of, to_ms
from bot.core.shared.errors import StorageUnavailable
from bot.core.taps.judge import TapRules
from bot.core.telegram.updates import Tap
from bot.services.people.roster_cache import RosterCache
from bot.services.reports import figures as figures_flow
from bot.services.reports.figures import Figures
from bot.services.reports.summary import collect as collect_summary
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.answers.tap_ledger import LedgerEntry, TapLedger
from bot.store.figures import figures as figures_module
from bot.store.figures import invalidation as touches_module
from bot.store.figures.figures import HOLDS, FigureStore
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.mongodb.indexes import bootstrap
from bot.store.people.athletes import AthleteStore
from bot.store.prompts.prompts import PromptStore
from bot.store.records.writer import RecordStore
from bot.store.summary import SummaryStore
from tests.support.flows import Parts, Taps

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 18, 18, 42, 58, 123_000, tzinfo=UTC)  # a Wednesday
ATHLETES = range(1, 6)
STRANGER = 99
LATE_AFTER_DAYS = 14
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Bot:
    """What writes, and what counts, with a clock of the test's own."""

    db: Database
    journal: DiskJournal
    zone: ZoneInfo
    now: datetime = NOW
    number: int = 0
    roster: RosterCache = field(init=False)
    taps: Taps = field(init=False)
    records: RecordStore = field(init=False)

    def __post_init__(self) -> None:
        hours = ContactHours(self.zone)
        self.roster = RosterCache(AthleteStore(self.db), frozenset(ATHLETES), hours, self.clock)
        stores = build_stores(self.db, self.journal, self.clock).taps
        parts = Parts.of(self.db, self.journal, self.clock, self.roster)
        self.taps = parts.taps(stores, TapRules(LATE_AFTER_DAYS))
        self.records = RecordStore(self.db, clock=self.clock)

    def clock(self) -> datetime:
        """The test's time."""
        return self.now

    def figures(self) -> Figures:
        """Another reader, as a process of its own would be."""
        return Figures(
            counts=FigureStore(self.db, self.clock),
            prompts=PromptStore(self.db),
            ledger=TapLedger(self.db),
            journal=self.journal,
            roster=self.roster,
            clock=self.clock,
            zone=self.zone,
            late_after_days=LATE_AFTER_DAYS,
            kept_days=180,
        )

    def tap(self, user: int, session: int, type_: str, received_at: datetime, delay: timedelta) -> Tap:
        """A tap below a question that was sent `delay` before it."""
        self.number += 1
        return Tap(
            update_id=self.number,
            query_id=f"q{self.number}",
            user_id=user,
            username=None,
            chat_id=user,
            message_id=session,
            prompt_at=received_at - delay,
            data=f"session_feedback|r|{session}|{type_}",
            received_at=received_at,
        )

    async def store(self, *taps: Tap) -> None:
        """As the update processor does."""
        await self.roster.loaded()
        await self.taps.process(*taps)

    async def write(self, *answers: dict[str, Any]) -> None:
        """As `write feedback_events` does."""
        await self.records.write("feedback_events", [parse("feedback_events", answer) for answer in answers])


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[DiskJournal]:
    """An empty one."""
    journal = DiskJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture
async def bot(db: Database, journal: DiskJournal) -> Bot:
    """A bot in Madrid."""
    await bootstrap(db)
    return Bot(db, journal, ZoneInfo("Europe/Madrid"))


async def counted(bot: Bot, days: int) -> dict[str, Any]:
    """What the figures must be, by looking at every document."""
    today = bot.now.astimezone(bot.zone).date()
    first = today - timedelta(days=days - 1)
    taps: Counter[str] = Counter()
    by_day: dict[date, Counter[str]] = {}
    weeks: dict[date, Counter[str]] = {}
    delays: list[float] = []
    async for tap in bot.db.taps.find({}):
        if tap["receivedAt"].astimezone(bot.zone).date() >= first:
            taps[tap["outcome"]] += 1
    async for event in bot.db.feedback_events.find({}):
        day = event["receivedAt"].astimezone(bot.zone).date()
        if monday_of(first) <= day <= today:
            monday = monday_of(date.fromisoformat(event["sessionDate"]))
            weeks.setdefault(monday, Counter())[event["type"]] += 1
        if first <= day <= today:
            by_day.setdefault(day, Counter())[event["type"]] += 1
            delays.append(max(0.0, (event["receivedAt"] - event["promptSentAt"]).total_seconds()))
    return {
        "taps": {outcome.value: taps[outcome] for outcome in Outcome},
        "by_day": {day: dict(types) for day, types in by_day.items()},
        "weeks": {monday: dict(types) for monday, types in weeks.items() if monday >= monday_of(first)},
        "delays": sorted(delays),
    }


async def check(bot: Bot, days: int, figures: Figures | None = None) -> Stats:
    """Read the figures and compare them."""
    stats, expected = await (figures or bot.figures()).collect(days), await counted(bot, days)
    assert dict(stats.taps) == expected["taps"]
    assert present(stats.by_day) == expected["by_day"]
    assert present({monday: week.answers for monday, week in stats.weeks.items()}) == expected["weeks"]
    delays = expected["delays"]
    assert stats.delays == len(delays)
    for found, share in ((stats.median_delay, 0.5), (stats.p90_delay, 0.9)):
        exact = delays[max(1, math.ceil(share * len(delays))) - 1] if delays else None
        assert (found is None) == (exact is None)
        if found is not None and exact is not None:
            assert abs(found - exact) < (1 if exact < 50 else 0.0101 * exact + 0.05)
    return stats


def present(by_day: Any) -> dict[date, dict[str, int]]:
    """Without zeros."""
    shown = {day: {type_: n for type_, n in types.items() if n} for day, types in by_day.items()}
    return {day: types for day, types in shown.items() if types}


async def random_step(bot: Bot, rng: random.Random) -> None:
    """Something that writes: now, late after an outage, as a change of an old answer, or by `write`."""
    user, session = rng.choice([*ATHLETES, STRANGER]), rng.randrange(25)
    type_ = rng.choice([*FeedbackType, "great"])
    behind = rng.choice([0, 0, 0, 60, 240, 3_600, 50_000, 200_000, 900_000]) * rng.random()
    received_at = bot.now - timedelta(milliseconds=int(behind * 1000))
    delay = timedelta(seconds=rng.choice([3, 40, 400, 40_000, 1_000_000, 1_400_000]) * rng.random())
    if rng.random() < 0.75:
        tap = bot.tap(user, session, type_, received_at, delay)
        await bot.store(*[tap] * rng.choice([1, 1, 2]))
        if rng.random() < 0.2:
            await bot.store(tap)  # again, after a crash
    else:
        await bot.write(
            {
                "runId": "r",
                "sessionId": str(session),
                "userId": user,
                "type": rng.choice(list(FeedbackType)),
                "sessionDate": (received_at - delay).date().isoformat(),
                "receivedAt": received_at,
                "promptSentAt": received_at - delay,
            }
        )


@pytest.mark.parametrize("settles_after", [timedelta(0), timedelta(minutes=1)])
@pytest.mark.parametrize("zone", ["Europe/Madrid", "Asia/Kolkata", "Australia/Lord_Howe"])
async def test_whatever_is_written_the_figures_are_those_of_counting_anew(
    db: Database, journal: DiskJournal, zone: str, settles_after: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taps, changes of mind, late stores and `write`, in random order, while time goes on and others read."""
    monkeypatch.setattr(touches_module, "_UNSETTLED", settles_after)
    await bootstrap(db)
    bot, rng = Bot(db, journal, ZoneInfo(zone)), random.Random(zone)
    reader = bot.figures()
    for _ in range(30):
        for _ in range(rng.randrange(1, 6)):
            await random_step(bot, rng)
        bot.now += timedelta(seconds=rng.choice([1, 30, 200, 900, 5_000, 40_000]))
        await check(bot, rng.choice([1, 2, 8, 20]), rng.choice([reader, bot.figures()]))
    assert await db.figures.count_documents({}) > 20


async def test_writers_and_readers_at_once(bot: Bot) -> None:
    """Two writers and two readers in each other's way: when all is quiet, the figures are right."""
    rng = random.Random(4)
    for _ in range(8):
        await asyncio.gather(
            *(random_step(bot, rng) for _ in range(12)), *(bot.figures().collect(20) for _ in range(4))
        )
        await check(bot, 20)
        bot.now += timedelta(minutes=rng.randrange(1, 400))


async def test_past_spans_are_counted_once(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later reads count what is too young to be kept, and what was touched, and nothing else."""
    looked_at: list[Period] = []
    count_events = FigureStore._count_events

    async def watched(store: FigureStore, periods: Sequence[Period]) -> Any:
        looked_at.extend(periods)
        return await count_events(store, periods)

    monkeypatch.setattr(FigureStore, "_count_events", watched)
    monkeypatch.setattr(touches_module, "_UNSETTLED", timedelta(0))
    old = bot.tap(1, 1, "done", NOW - timedelta(days=5), timedelta(hours=1))
    await bot.store(old)
    figures = bot.figures()
    await figures.collect(20)
    assert len(looked_at) > 20
    looked_at.clear()
    await figures.collect(20)
    [live] = looked_at
    assert NOW - live.start < CLOSED_AFTER + timedelta(minutes=10)
    looked_at.clear()
    # A change of mind takes the answer from where it was: that day in UTC, which touches two in Madrid.
    await bot.store(bot.tap(1, 1, "hard", NOW, timedelta(hours=1)))
    await check(bot, 20)
    assert {period.day.day for period in looked_at} == {13, 14, 18}
    looked_at.clear()
    bot.now += HOLDS + MILLISECOND
    await figures.collect(20)
    assert len(looked_at) > 20


async def test_a_touch_that_expired_and_came_again_is_another_one(bot: Bot) -> None:
    """Its number starts anew and is the same as before; its time is not."""
    at = datetime(2026, 2, 18, 12, tzinfo=UTC)
    mark = {"_id": "2026-02-13", "n": 2, "at": at}
    await bot.db.figure_touches.insert_one(mark)
    assert (await bot.figures().collect(20)).answers["done"] == 0
    await bot.db.feedback_events.insert_one(
        {"sessionKey": "k", "type": "done", "receivedAt": NOW - timedelta(days=5)}
    )
    assert (await bot.figures().collect(20)).answers["done"] == 0
    await bot.db.figure_touches.replace_one({"_id": mark["_id"]}, mark | {"at": at + MILLISECOND})
    assert (await bot.figures().collect(20)).answers["done"] == 1


async def test_a_year_that_nobody_counted_is_counted_in_a_few_looks(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty periods at once; each is kept, also those in which nothing was received."""
    for days in (0, 1, 40, 200, 364):
        await bot.store(bot.tap(1, days, "done", NOW - timedelta(days=days), timedelta(hours=1)))
    monkeypatch.setattr(touches_module, "_UNSETTLED", timedelta(0))
    looks: list[int] = []
    count_taps = FigureStore._count_taps

    async def watched(store: FigureStore, periods: Sequence[Period], *more: Any) -> Any:
        looks.append(len(periods))
        return await count_taps(store, periods, *more)

    monkeypatch.setattr(FigureStore, "_count_taps", watched)
    stats = await check(bot, 365)
    assert stats.answers["done"] == 5
    kept = len(window(monday_of(date(2025, 2, 19)), NOW, bot.zone).kept)
    assert sorted(looks) == sorted([1, *[50] * (kept // 50), *([kept % 50] if kept % 50 else [])])
    assert await bot.db.figures.count_documents({}) == kept
    looks.clear()
    await check(bot, 365)
    assert looks == [1]


async def test_what_is_stored_at_once_touches_nothing(bot: Bot) -> None:
    """The normal case costs no further write; a tap that had to wait does."""
    await bot.store(bot.tap(1, 1, "done", NOW - INVALIDATE_AFTER, timedelta(hours=1)))
    assert await bot.db.figure_touches.count_documents({}) == 0
    await bot.store(bot.tap(1, 2, "done", NOW - INVALIDATE_AFTER - MILLISECOND, timedelta(hours=1)))
    [touch] = await bot.db.figure_touches.find({}).to_list()
    assert (touch["_id"], touch["n"]) == ("2026-02-18T18", 2)


async def test_a_writer_killed_after_its_write_leaves_no_old_figures(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever counts between the first touch and the write does not keep what they counted."""
    await bot.store(bot.tap(1, 1, "done", NOW - timedelta(days=3), timedelta(hours=1)))
    record = FeedbackStore.record

    async def read_then_record(store: FeedbackStore, *events: Any) -> Any:
        await bot.figures().collect(20)
        await record(store, *events)
        raise KeyboardInterrupt

    monkeypatch.setattr(FeedbackStore, "record", read_then_record)
    invalidate = FigureInvalidation.invalidate
    calls: list[int] = []

    async def invalidate_once(touches: FigureInvalidation, names: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            await invalidate(touches, names)

    monkeypatch.setattr(FigureInvalidation, "invalidate", invalidate_once)
    with pytest.raises(KeyboardInterrupt):
        await bot.store(bot.tap(1, 1, "pain", NOW, timedelta(hours=1)))
    events = await bot.db.feedback_events.find({}).to_list()
    assert [event["type"] for event in events] == ["pain"]
    stats = await bot.figures().collect(20)
    assert stats.answers == {"done": 0, "skipped": 0, "hard": 0, "pain": 1}


async def test_all_or_nothing_touches_too(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers written in one transaction: before it, and once more when it has ended."""
    monkeypatch.setattr(touches_module, "_UNSETTLED", timedelta(0))
    await check(bot, 20)
    answer = {
        "runId": "r", "sessionId": "1", "userId": 1, "type": "done", "sessionDate": "2026-02-10",
        "receivedAt": NOW - timedelta(days=7), "promptSentAt": NOW - timedelta(days=7, hours=1),
    }  # fmt: skip

    async def work(together: Any) -> None:
        await together.write("feedback_events", [parse("feedback_events", answer)])
        await bot.figures().collect(20)

    await bot.records.all_or_nothing(work)
    assert (await check(bot, 20)).answers["done"] == 1


async def test_what_others_write_into_the_past_shows_after_an_hour(bot: Bot) -> None:
    """Straight into MongoDB, without telling anybody."""
    await bot.figures().collect(20)
    await bot.db.feedback_events.insert_one(
        {"sessionKey": "k", "type": "Done ", "receivedAt": NOW - timedelta(days=2), "sessionDate": 5}
    )
    bot.now += HOLDS + MILLISECOND
    stats = await bot.figures().collect(20)
    assert (stats.answers["done"], stats.delays) == (1, 0)


def update(
    number: int, user: int = 1, data: str = "session_feedback|r|s|done", age: timedelta = timedelta(0)
) -> Any:
    """A callback query as Telegram sends it."""
    return {
        "update_id": number,
        "callback_query": {
            "id": f"q{number}", "from": {"id": user}, "data": data,
            "message": {"message_id": 1, "chat": {"id": user}, "date": to_ms(NOW - age) // 1000},
        },
    }  # fmt: skip


async def test_taps_that_wait_count_once_and_only_if_they_will_be_written(bot: Bot) -> None:
    """In the journal, in the ledger, or in both: each is received once; strangers' and late ones never."""
    updates = [
        update(1),
        update(2),
        update(3, user=STRANGER),
        update(4, data="nothing of ours"),
        update(5, age=timedelta(days=LATE_AFTER_DAYS + 1)),
        update(6, data="later|r|s"),
        {"update_id": 7, "message": {"chat": {"id": 1}}},
    ]
    await bot.journal.append(updates, polled_at=NOW)
    await bot.roster.loaded()
    stats = await bot.figures().collect(1)
    assert (stats.waiting_taps, stats.waiting_feedback) == (6, 2)
    assert stats.feedback_event_write_success_rate == 0
    assert stats.oldest_pending == NOW == stats.last_poll
    # Stored, and not yet crossed off in the journal.
    ledger = TapLedger(bot.db)
    await ledger.record([LedgerEntry("q1", 1, NOW, Outcome.WRITTEN)])
    stats = await bot.figures().collect(1)
    assert (stats.taps["written"], stats.waiting_taps, stats.waiting_feedback) == (1, 5, 1)
    assert stats.feedback_event_write_success_rate == 0.5
    # A dead letter is received, and never written; unless it was written after all.
    entries = {entry.update["update_id"]: entry.seq for entry in await bot.journal.pending(after=0, limit=9)}
    for number in (1, 2):
        await bot.journal.failed(entries[number], "defect", give_up=True)
    await bot.journal.finish([entries[number] for number in (3, 4, 5, 6, 7)])
    stats = await bot.figures().collect(1)
    assert (stats.waiting_taps, stats.dead_taps, stats.dead_letters) == (0, 1, 2)
    assert stats.feedback_event_write_success_rate == 0.5
    assert stats.oldest_pending is None
    # Days later neither is among those of today.
    bot.now += timedelta(days=2)
    stats = await bot.figures().collect(1)
    assert (stats.dead_taps, stats.dead_letters, stats.feedback_event_write_success_rate) == (0, 2, None)


async def test_of_very_many_waiting_taps_the_newest_are_supposed_to_be_like_the_oldest(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers' taps are not taken for feedback because they are many; the number is called an estimate."""
    monkeypatch.setattr(figures_flow, "_LOOKED_AT", 4)
    updates = [update(number, user=STRANGER if number % 4 == 0 else 1) for number in range(1, 5)]
    await bot.journal.append(updates, polled_at=NOW)
    await bot.roster.loaded()
    stats = await bot.figures().collect(1)
    assert (stats.waiting_taps, stats.waiting_feedback, stats.is_estimate) == (4, 3, False)
    updates = [update(number, user=STRANGER) for number in range(5, 13)]
    await bot.journal.append(updates, polled_at=NOW)
    stats = await bot.figures().collect(1)
    assert (stats.waiting_taps, stats.waiting_feedback, stats.is_estimate) == (12, 9, True)


async def test_a_dead_letter_that_no_ledger_can_hold(bot: Bot) -> None:
    """Its query id has half a character; it counts as received all the same."""
    broken = update(1)
    broken["callback_query"]["id"] = "\ud800"
    await bot.journal.append([broken], polled_at=NOW)
    assert (await bot.figures().collect(1)).waiting_taps == 1
    [entry] = await bot.journal.pending(after=0, limit=9)
    await bot.journal.failed(entry.seq, "broken", give_up=True)
    assert (await bot.figures().collect(1)).dead_taps == 1


async def test_a_tap_on_its_way_into_the_ledger_is_never_counted_twice(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written between the look into the journal and that into the ledger, also into a past day."""
    for received_at in (NOW, NOW - timedelta(days=3)):
        number = 10 + (NOW - received_at).days
        await bot.journal.append([update(number, age=NOW - received_at)], polled_at=received_at)
        taps = DiskJournal.taps

        async def taps_then_store(
            journal: DiskJournal,
            limit: int,
            number: int = number,
            at: datetime = received_at,
            taps: Any = taps,
        ) -> Any:
            found = await taps(journal, limit)
            await TapLedger(bot.db).record([LedgerEntry(f"q{number}", number, at, Outcome.WRITTEN)])
            return found

        monkeypatch.setattr(DiskJournal, "taps", taps_then_store)
        stats = await bot.figures().collect(20)
        monkeypatch.setattr(DiskJournal, "taps", taps)
        assert stats.waiting_taps == 0
        assert stats.feedback_event_write_success_rate == 1
    assert stats.taps["written"] == 2


async def test_a_tap_from_before_midnight_that_enters_the_ledger_while_it_is_read(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just after midnight two days are still live: a tap of yesterday counts once, whenever it enters."""
    bot.now = datetime(2026, 2, 18, 23, 5, tzinfo=UTC)  # five past midnight in Madrid
    received_at = bot.now - timedelta(minutes=8)
    await bot.journal.append([update(1, age=NOW - received_at)], polled_at=received_at)
    assert len(window(NOW.date(), bot.now, bot.zone).live) == 2
    looks = 0
    aggregate = AsyncCollection.aggregate

    async def then_store(collection: Any, *args: Any, **more: Any) -> Any:
        nonlocal looks
        found = await aggregate(collection, *args, **more)
        if collection.name == "taps":
            looks += 1
            if looks == 1:
                await TapLedger(bot.db).record([LedgerEntry("q1", 1, received_at, Outcome.WRITTEN)])
        return found

    await bot.figures().collect(2)  # what can be kept is
    monkeypatch.setattr(AsyncCollection, "aggregate", then_store)
    stats = await bot.figures().collect(2)
    assert looks == 1
    assert (stats.taps["written"], stats.waiting_feedback) == (0, 1)
    assert (await bot.figures().collect(2)).taps["written"] == 1


async def test_adherence_counts_what_was_asked_and_what_was_answered_unasked(bot: Bot) -> None:
    """Questions sent and unanswered, by their planned day, else the day they were sent; nothing unsent."""
    for session in range(3):
        await bot.store(bot.tap(1, session, "done", NOW, timedelta(hours=1)))
    sent = {"sentAt": NOW - timedelta(hours=2), "runId": "r", "chatId": "1"}
    late = PromptState.LATE.value
    await bot.db.session_prompts.insert_many(
        [
            {**sent, "sessionId": "a", "state": "sent", "date": "2026-02-16"},
            {**sent, "sessionId": "b", "state": late, "kind": "session"},
            {**sent, "sessionId": "c", "state": "answered"},
            {**sent, "sessionId": "d", "state": "pending", "sentAt": None},
            {**sent, "sessionId": "e", "state": "sent", "kind": "reminder"},
            {**sent, "sessionId": "f", "state": "expired", "date": "2026-02-15"},
        ]
    )
    stats = await bot.figures().collect(2)
    assert (stats.sessions.asked, stats.sessions.answered) == (4, 3)
    [week] = stats.weeks.values()
    assert (week.asked, week.adherence) == (5, 0.6)
    assert stats.prompts == dict.fromkeys(PromptState, 0) | {
        "sent": 1, late: 1, "answered": 1, "pending": 1, "expired": 1,
    }  # fmt: skip


async def test_how_athletes_answer_by_hour_and_with_notes(bot: Bot) -> None:
    """The hour of asking in the bot's zone, also of what is kept; and notes by the session's day."""
    morning = datetime(2026, 2, 16, 6, 30, tzinfo=UTC)  # half past seven in Madrid
    for session, (asked, delay) in enumerate(
        [(morning, 60), (morning, 600), (morning + timedelta(hours=11, minutes=45), 90_000)]
    ):
        after = timedelta(seconds=delay)
        await bot.store(bot.tap(1, session, "done" if session else "done|good", asked + after, after))
    unanswered = {"state": "sent", "kind": "session", "runId": "r", "chatId": "1", "sentAt": morning}
    await bot.db.session_prompts.insert_one({**unanswered, "sessionId": "a", "date": "2026-02-16"})
    for _ in range(2):  # counted, then read from what is kept
        stats = await bot.figures().collect(7)
        assert stats.responses == Responses({7: AskedAt(3, 2), 19: AskedAt(1, 1)}, 1 / 2, 1)
        assert stats.notes == {date(2026, 2, 9): 0, date(2026, 2, 16): 1}
    assert (await bot.figures().collect(1)).responses.by_hour == {}


async def test_adherence_is_that_of_the_planner_s_summary(bot: Bot) -> None:
    """The same week, from the same documents, for the only athlete."""
    user = ATHLETES[0]
    asked = NOW - timedelta(hours=30)
    for session, type_ in enumerate(["done", "hard", "pain", "skipped", "done"]):
        await bot.store(bot.tap(user, session, type_, NOW - timedelta(hours=session), timedelta(hours=9)))
    await bot.db.feedback_events.update_one({"type": "pain"}, {"$set": {"completed": "all"}})
    prompts = [
        {"state": state, "sessionId": f"p{number}", "sentAt": sent_at}
        for number, (state, sent_at) in enumerate(
            [("sent", asked), ("late", asked), ("expired", asked), ("expired", None), ("pending", None)]
        )
    ]
    whose = {"runId": "r", "chatId": str(user), "userId": user, "athleteId": str(user), "dueAt": asked}
    await bot.db.session_prompts.insert_many([whose | prompt for prompt in prompts])
    roster = read_roster({user}, [], ContactHours(bot.zone))
    summary = await collect_summary(
        *(SummaryStore(bot.db), roster, roster.athletes[0], date(2026, 2, 16)),
        now=NOW,
        late_after_days=LATE_AFTER_DAYS,
        kept_days=180,
    )
    week = (await bot.figures().collect(7)).weeks[date(2026, 2, 16)]
    assert week.asked == summary.week.counts["asked"] == 8
    assert week.known_done == summary.week.rates.known_done == 4
    assert (week.answered, week.adherence) == (summary.week.rates.answered, summary.week.rates.adherence)
    assert week.response_rate == summary.week.rates.response_rate == 5 / 8


async def test_questions_are_counted_from_the_index_alone(bot: Bot) -> None:
    """However many are stored, none is read to tell the numbers by state; also those without a kind."""
    states = [state.value for state in PromptState]
    kinds: list[dict[str, Any]] = [{}, {"kind": None}, {"kind": "session"}, {"kind": "reminder"}, {"kind": 5}]
    await bot.db.session_prompts.insert_many(
        {"runId": state, "sessionId": str(number), "chatId": "1", "state": state, **kind}
        for state in states
        for number, kind in enumerate(kinds)
    )
    prompts = PromptStore(bot.db)
    await bot.db.command("profile", 2)
    assert await prompts.count() == dict.fromkeys(states, 3)
    await bot.db.command("profile", 0)
    profile = await bot.db["system.profile"].find({"ns": f"{bot.db.name}.session_prompts"}).to_list()
    assert len(profile) == 2 * (1 + len(states))
    assert {entry["docsExamined"] for entry in profile} == {0}
    # Nobody has looked at it yet.
    await bot.db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "chatId": "1"})
    assert await prompts.count() == dict.fromkeys(states, 3) | {"pending": 4}


async def test_many_questions_are_counted_once_a_minute(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few each time; many when a minute is over, or other days are asked for."""
    monkeypatch.setattr(figures_flow, "_MANY", 2)
    figures, number = bot.figures(), 0

    async def ask() -> None:
        nonlocal number
        number += 1
        prompt = {"runId": "r", "sessionId": str(number), "chatId": "1", "state": "sent", "sentAt": NOW}
        await bot.db.session_prompts.insert_one(prompt)

    async def seen(days: int = 7) -> tuple[int, int]:
        stats = await figures.collect(days)
        return stats.prompts["sent"], stats.sessions.asked

    for expected in (1, 2, 2):
        await ask()
        assert await seen() == (expected, expected)
    assert await seen(14) == (3, 3)
    assert await seen() == (3, 3)
    await ask()
    bot.now += timedelta(minutes=1) - MILLISECOND
    assert await seen() == (3, 3)
    bot.now += MILLISECOND
    assert await seen() == (4, 4)


async def test_past_days_are_counted_before_anybody_asks(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once a minute; what goes wrong is told once and ends when it is over."""
    monkeypatch.setattr(figures_flow, "_INTERVAL", 0.01)
    figures, count, trouble = bot.figures(), FigureStore.count, [StorageUnavailable("away")] * 3

    async def shaky(store: FigureStore, *args: Any, **more: Any) -> Any:
        if trouble:
            raise trouble.pop()
        return await count(store, *args, **more)

    monkeypatch.setattr(FigureStore, "count", shaky)
    caplog.set_level("INFO")
    keeping = asyncio.create_task(figures.keep())
    async with asyncio.timeout(50):
        while figures.latest is None:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert [record.getMessage() for record in caplog.records] == [
        "no figures: away",
        "figures can be read again",
    ]
    assert await bot.db.figures.count_documents({}) > figures_flow.DEFAULT_DAYS


async def test_every_query_is_served_by_an_index(bot: Bot) -> None:
    """No collection is read from end to end, but for the touches, which are few."""
    for number in range(30):
        await bot.store(bot.tap(1, number, "done", NOW - timedelta(hours=5 * number), timedelta(hours=1)))
    await bot.db.command("profile", 2)
    await bot.journal.append([update(1_000)], polled_at=NOW)
    await bot.figures().collect(7)
    await bot.db.command("profile", 0)
    profile = await bot.db["system.profile"].find({"op": {"$in": ["query", "command"]}}).to_list()
    plans = {
        (entry["ns"].partition(".")[2], entry.get("planSummary"))
        for entry in profile
        if entry.get("planSummary")
    }
    assert {name for name, _ in plans} >= {"taps", "feedback_events", "figures", "session_prompts"}
    scanned = {name for name, plan in plans if "COLLSCAN" in str(plan)}
    assert scanned <= {"figure_touches", "athletes"}


def test_format_and_zone_are_part_of_a_span_s_name() -> None:
    """So that another release, or another zone, does not take figures for its own."""
    zone = ZoneInfo("Europe/Madrid")
    [*_, period] = window(NOW.date(), NOW, zone).kept
    name = figures_module._id(period, zone)
    assert name.startswith(f"{figures_module._FORMAT}/Europe/Madrid/2026-02-18T")
