"""What gets slower when more is stored: the same work beside ten thousand, a hundred thousand and a million
answers, with as many taps and as many questions, spread evenly over the last 30 days.

- taps stored and answered, by a bot that was started anew and has come to rest, and how long that takes;
- the figures behind `/stats` for 30 days, with past days counted before, as while the service runs;
- the part of them that is done once a minute only, from 100,000 questions on: those by state, and unanswered;
- the summary of one athlete, who has the same few answers everywhere;
- claiming a prompt that is due, and settling it.

In each round every size is measured once, so that what else the machine does hits all alike.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from bot.app.bootstrap import build_figures, build_roster
from bot.app.instance_lock import open_journal
from bot.app.stores import build_stores
from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.prompts.prompt import read_prompt
from bot.core.shared.clock import system_clock
from bot.core.summary.summary import week_of
from bot.services.reports.figures import Figures
from bot.services.reports.summary import collect
from bot.settings import Settings
from bot.store.inbox.journal import Journal
from bot.store.mongodb.client import Database
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore
from bot.store.summary import SummaryStore
from tests.benchmarks import contenders
from tests.benchmarks.harness import Bench, data_directory, say, take_turns
from tests.benchmarks.ingest import watched
from tests.benchmarks.rows import Row, at_most
from tests.support.filling import DAYS, fill

NAME = "growth"

# As the bot that is started has it: what is counted of past days holds for one zone.
_ZONE = ZoneInfo("UTC")
_ANA = Athlete("ana", 9_000_001, 9_000_001, ContactHours(_ZONE), name="Ana")
_ANSWERS = 12  # of hers
_REPEATED = 5  # times in a round, of which the median counts
_CLAIMS = 50

Work = Callable[[Database], Awaitable[float]]
"""Seconds."""


async def measure(bench: Bench) -> list[Row]:
    """Everything at every size."""
    largest = bench.size("documents", 1_000_000, 100_000)
    sizes = [size for size in (largest // 100, largest // 10, largest) if size >= 1_000]
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        databases: dict[int, Database] = {}
        for size in sizes:
            begun = time.monotonic()
            databases[size] = await stack.enter_async_context(bench.database(f"growth_{size}"))
            await fill(databases[size], size, datetime.now(UTC))
            await _add_ana(databases[size])
            say(f"  {size:,} documents in each collection, {time.monotonic() - begun:.1f} s")
        journal = await stack.enter_async_context(
            open_journal(await stack.enter_async_context(data_directory()))
        )
        figures = {db.name: _figures(db, journal) for db in databases.values()}

        async def statistics_of(db: Database) -> float:
            return await _timed(partial(figures[db.name].collect, DAYS))

        rows += await _compare(
            bench, databases, "figures, nothing counted before", statistics_of, None, rounds=1
        )
        work: dict[str, Work] = {
            "figures": partial(_median, statistics_of),
            "summary of one athlete": partial(_median, _summary),
            "claim and settle a prompt": _claim,
        }
        for what, of_one in work.items():
            rows += await _compare(bench, databases, what, of_one, 1.2)
        rows += await _compare(bench, databases, "questions, once a minute", _questions, None)
        taps = bench.size("taps", 2000, 1000)
        ends = {size: databases[size] for size in (sizes[0], sizes[-1])}
        series = itertools.count()
        starts: dict[str, list[float]] = {db.name: [] for db in ends.values()}

        async def ingest(db: Database) -> float:
            run = await watched(bench, contenders.ours, db, taps, series=f"growth-{next(series)}")
            starts[db.name].append(1000 * run.rest)
            return run.seconds

        rows += await _compare(bench, ends, f"{taps:,} taps stored and answered", ingest, 1.2)
        few, many = (starts[db.name] for db in ends.values())
        rows.append(
            Row(
                *(NAME, f"start until at rest, beside {sizes[-1]:,}", "ms", many),
                *(f"beside {sizes[0]:,}", few),
            )
        )
    return rows


async def _compare(
    bench: Bench,
    databases: Mapping[int, Database],
    what: str,
    work: Work,
    aim: float | None,
    *,
    rounds: int | None = None,
) -> list[Row]:
    """Rows of every size but the smallest, beside that."""
    say(f"  {what}")
    smallest = min(databases)
    times = await take_turns(
        rounds or bench.rounds, {f"{size:,}": partial(work, db) for size, db in databases.items()}
    )
    ms = {name: [1000 * each for each in of_one] for name, of_one in times.items()}
    return [
        Row(
            *(NAME, f"{what}, beside {size:,}", "ms", ms[f"{size:,}"]),
            *(f"beside {smallest:,}", ms[f"{smallest:,}"], None if aim is None else at_most(aim)),
        )
        for size in databases
        if size != smallest
    ]


async def _median(work: Work, db: Database) -> float:
    return statistics.median([await work(db) for _ in range(_REPEATED)])


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


def _figures(db: Database, journal: Journal) -> Figures:
    """As the service has them."""
    settings = Settings(_env_file=None, timezone=_ZONE, athlete_ids="1")
    stores = build_stores(db, journal, system_clock)
    return build_figures(settings, stores, build_roster(settings, stores, system_clock), system_clock)


async def _questions(db: Database) -> float:
    store, since = PromptStore(db), datetime.now(UTC) - timedelta(days=DAYS)
    return await _timed(lambda: asyncio.gather(store.count(), store.unanswered(since, _ZONE)))


async def _add_ana(db: Database) -> None:
    """A few questions and answers of one athlete, lately."""
    now = datetime.now(UTC)
    for number in range(_ANSWERS):
        at = now - timedelta(days=2 * number)
        key = {"runId": f"ana-{number // 3}", "sessionId": f"s{number % 3}"}
        day = at.date().isoformat()
        whose = {"userId": _ANA.user_id, "chatId": str(_ANA.chat_id)}
        await db["session_prompts"].insert_one(
            {**key, **whose, "athleteId": "ana", "state": "answered", "date": day, "dueAt": at, "sentAt": at}
        )
        await db["feedback_events"].insert_one(
            {
                **key,
                **whose,
                "sessionKey": f"ana-{number}",
                "type": "done",
                "sessionDate": day,
                "receivedAt": at,
            }
        )


async def _summary(db: Database) -> float:
    now = datetime.now(UTC)
    store, roster = SummaryStore(db), Roster((_ANA,))
    return await _timed(
        lambda: collect(
            *(store, roster, _ANA, week_of(now, _ZONE)), now=now, late_after_days=14, kept_days=180
        )
    )


async def _claim(db: Database) -> float:
    """The median of some prompts, all due."""
    outbox, prompts, now = Outbox(db), db["session_prompts"], datetime.now(UTC)
    due = [
        {
            "runId": f"due-{now.timestamp()}", "sessionId": f"s{number}", "chatId": str(8_000_000 + number),
            "dueAt": now - timedelta(minutes=1), "state": "pending", "createdAt": now, "updatedAt": now,
        }
        for number in range(_CLAIMS)
    ]  # fmt: skip
    await prompts.insert_many(due)

    async def one() -> None:
        document = await outbox.claim(now)
        assert document is not None
        await outbox.settle_sent(read_prompt(document), 1, now, now)

    return statistics.median([await _timed(one) for _ in due])
