"""Time of the figures behind `/stats`, and what drawing its picture costs the taps.

    python -m tests.benchmarks.stats [--sizes 10000,100000,1000000] [--rounds 15]

- `figures`: `Figures.collect(30)` on a real MongoDB that holds so many answers, as many taps and as many
  questions, one of five without an answer, spread evenly over 30 days, up to now. Cold: nothing is kept of
  past days. Warm: it is, as while the service runs. In each round every size is measured once, one after the
  other, so that what else the machine does hits all alike. The ratio to the smallest size is what counts: the
  median over rounds, and the quartiles.
- `questions`: the part of it that is not done anew each time, but once a minute, if there are many.
- `picture`: the largest gap in the event loop while a picture is drawn in its own process, beside that of
  the same time without; and the time that the drawing takes.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bot import app
from bot.core.clock import system_clock
from bot.core.language import Language
from bot.core.stats import Stats
from bot.flows.figures import Figures
from bot.flows.pictures import Painter
from bot.journal import Journal
from bot.settings import Settings
from bot.store.embedded import EmbeddedMongo
from bot.store.figures import COLLECTION as FIGURES
from bot.store.indexes import bootstrap
from bot.store.prompts import PromptStore

DAYS = 30
_BATCH = 10_000
_TYPES = ("done", "done", "done", "hard", "skipped", "done", "pain")
_STATES = ("answered", "answered", "answered", "answered", "expired", *("answered",) * 4, "sent")
_OUTCOMES = ("written",) * 20 + ("late", "refused", "invalid")

Database = AsyncDatabase[dict[str, Any]]


def instants(number: int, now: datetime) -> Iterator[datetime]:
    """So many, evenly spread."""
    first = now - timedelta(days=DAYS) + timedelta(hours=1)
    step = (now - first) / number
    return (first + index * step for index in range(number))


def answers(number: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Answers as the bot stores them."""
    for index, at in enumerate(instants(number, now)):
        asked = at - timedelta(seconds=20 + (index * 7919) % 90_000)
        day, weekday = asked.date().isoformat(), f"{asked:%A}"
        run_id, session_id, type_ = f"2026-w{index // 7:06}", f"s{index % 7}", _TYPES[index % len(_TYPES)]
        yield {
            "sessionKey": f"{run_id}-{session_id}-{index % 5000}", "sessionRef": f"{run_id}-{session_id}",
            "runId": run_id, "sessionId": session_id, "type": type_, "response": type_, "note": None,
            "sessionDate": day, "date": day, "sessionDay": weekday, "day": weekday,
            "chatId": str(index % 5000), "messageId": index, "userId": index % 5000, "username": "ana",
            "timestamp": at, "receivedAt": at, "promptSentAt": asked, "promptAgeDays": (at - asked).days,
            "isLateResponse": False, "updateId": index,
        }  # fmt: skip


def taps(number: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The ledger."""
    for index, at in enumerate(instants(number, now)):
        outcome = _OUTCOMES[index % len(_OUTCOMES)]
        yield {"_id": f"q{index}", "outcome": outcome, "receivedAt": at, "updateId": index}


def prompts(number: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The questions, as the sender leaves them."""
    for index, at in enumerate(instants(number, now)):
        message = {"messageId": index, "sentAt": at}
        yield {
            "runId": f"2026-w{index // 7:06}", "sessionId": f"s{index % 7}", "chatId": str(index % 5000),
            "title": "Easy run", "note": None, "userId": index % 5000, "athleteId": str(index % 5000),
            "state": _STATES[index % len(_STATES)], "date": at.date().isoformat(), "dueAt": at, "attempts": 1,
            **message, "messages": [message], "createdAt": at, "updatedAt": at,
        }  # fmt: skip


async def fill(db: Database, number: int) -> None:
    """Answers, taps and questions, with all indexes."""
    await bootstrap(db)
    now = datetime.now(UTC)
    for name, documents in (
        ("feedback_events", answers(number, now)),
        ("taps", taps(number, now)),
        ("session_prompts", prompts(number, now)),
    ):
        while batch := list(islice(documents, _BATCH)):
            await db[name].insert_many(batch, ordered=False)


def figures_of(db: Database, journal: Journal, settings: Settings) -> Figures:
    """As the service has them."""
    stores = app.build_stores(db, journal, system_clock)
    return app.build_figures(settings, stores, app.build_roster(settings, stores, system_clock), system_clock)


async def timed(figures: Figures) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    await figures.collect(DAYS)
    return (time.perf_counter() - begun) * 1000


async def timed_questions(db: Database) -> float:
    """Milliseconds to count the questions anew."""
    store, zone = PromptStore(db), ZoneInfo("Europe/Madrid")
    begun = time.perf_counter()
    await asyncio.gather(store.count(), store.unanswered(datetime.now(UTC) - timedelta(days=DAYS), zone))
    return (time.perf_counter() - begun) * 1000


def quartiles(values: list[float]) -> str:
    """Median, and the quartiles around it."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:,.2f} ({low:,.2f} to {high:,.2f})"


async def measure_figures(databases: dict[int, Database], folder: Path, rounds: int) -> Stats:
    """Print times and ratios; returns the figures of the largest size."""
    settings = Settings(_env_file=None, timezone=ZoneInfo("Europe/Madrid"), athlete_ids="1")
    smallest = min(databases)
    async with app.open_journal(folder) as journal:
        sources = {size: figures_of(db, journal, settings) for size, db in databases.items()}
        for size, db in databases.items():
            cold = []
            for _ in range(3):
                await db[FIGURES].drop()
                cold.append(await timed(sources[size]))
            print(f"{size:>9,} answers and taps, cold: {min(cold):,.0f} to {max(cold):,.0f} ms", flush=True)
            asked = [await timed_questions(db) for _ in range(3)]
            print(f"{size:>9,} questions: {min(asked):,.0f} to {max(asked):,.0f} ms", flush=True)
        for figures in sources.values():  # what became ten minutes old meanwhile, and connections
            await timed(figures)
        warm: dict[int, list[float]] = {size: [] for size in databases}
        for _ in range(rounds):
            for size, figures in sources.items():
                warm[size].append(await timed(figures))
        for size, times in warm.items():
            ratios = [ours / base for ours, base in zip(times, warm[smallest], strict=True)]
            print(
                f"{size:>9,} answers and taps, warm: {quartiles(times)} ms;"
                f" ratio to {smallest:,}: {quartiles(ratios)}"
            )
        return await sources[max(databases)].collect(DAYS)


async def largest_gap(until: asyncio.Event) -> float:
    """The longest time, in milliseconds, that the event loop did nothing for others."""
    worst = 0.0
    while not until.is_set():
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, (time.perf_counter() - begun) * 1000 - 1)
    return worst


async def measure_picture(stats: Stats, folder: Path, rounds: int) -> None:
    """Print gaps and times."""
    painter = Painter(folder)
    await painter.draw(stats, Language.EN)  # the first one makes a list of fonts
    gaps: list[float] = []
    rests: list[float] = []
    times: list[float] = []
    for _ in range(rounds):
        for collected, is_drawing in ((gaps, True), (rests, False)):
            done = asyncio.Event()
            watch = asyncio.create_task(largest_gap(done))
            begun = time.perf_counter()
            await (painter.draw(stats, Language.EN) if is_drawing else asyncio.sleep(times[-1] / 1000))
            if is_drawing:
                times.append((time.perf_counter() - begun) * 1000)
            done.set()
            collected.append(await watch)
    print(f"picture: drawn in {quartiles(times)} ms")
    print(f"largest gap in the event loop, ms: {quartiles(gaps)} while drawing, {quartiles(rests)} without")


async def main(sizes: list[int], rounds: int) -> None:
    """Measure all on a MongoDB of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            EmbeddedMongo(folder) as mongo,
            AsyncMongoClient[dict[str, Any]](mongo.url, tz_aware=True) as client,
        ):
            databases = {size: client[f"stats_{size}"] for size in sizes}
            for size, db in databases.items():
                await fill(db, size)
            stats = await measure_figures(databases, folder, rounds)
        await measure_picture(stats, folder, min(rounds, 5))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,100000,1000000", help="answers, and as many taps")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    asyncio.run(main([int(size) for size in given.sizes.split(",")], given.rounds))
