"""Taps a second: fetched, stored (majority, journal) and answered.

In the same rounds, against the same local Bot API server and the same MongoDB:

- this bot (`python -m bot run`), which besides journals every tap and enters it in the ledger of taps;
- `plain_bot`: python-telegram-bot's own polling with one `update_one` a tap, eight handlers at once;
- `aiogram_bot`: the same in aiogram 3, whose handlers run all at once;
- this bot with a webhook (`run --webhook`), to which updates are pushed one by one;
- raw `bulk_write` of 100 upserts, without Telegram: what MongoDB alone can do;
- this bot with its journal in memory: what the disk costs;
- this bot with its journal in MongoDB.

The journal's share is the processor time of its thread, of the time from the first tap to the last answer;
what its fsyncs cost besides shows beside the journal in memory. The time that the thread is busy, waits
included, is mostly spent waiting for the interpreter, which the rest of the bot keeps at work.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pymongo import UpdateOne

from bot.store.mongodb.client import Database
from tests.benchmarks import contenders
from tests.benchmarks.contenders import (
    AIOGRAM,
    OURS,
    PLAIN,
    Contender,
    are_answered,
    are_stored,
    questions,
    started,
)
from tests.benchmarks.harness import (
    ATHLETE,
    Bench,
    Failed,
    at_rest,
    peak_mib,
    resident_mib,
    take_turns,
    telegram,
    until,
)
from tests.benchmarks.rows import Row, at_least, at_most

NAME = "ingest"
TELEGRAMS_RATE = 1_000.0
"""Taps a second that Telegram hands out: about ten polls a second, of a hundred updates each."""

_RAW = "raw bulk_write"
_PUSHED = "this bot, pushed"
_IN_MEMORY = "this bot, journal in memory"
_IN_MONGODB = "this bot, journal in MongoDB"
_MEMORY = "/dev/shm"  # noqa: S108  # that it is in memory is the point
_BULK = 100


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen of one contender.

    Attributes:
        rate: taps a second, from the first tap until the last one is stored and answered.
        seconds: between these two.
        first_poll, rest: seconds from the start until a poll brought a tap, and until it had nothing more to
            do; 0 for raw writes, as all that follows.
        idle, busy, peak: resident memory in MiB before the taps, after them, and the most.
        busy_journal, journal: seconds that the journal's thread was busy, and its processor time; 0 where
            that is not watched.
    """

    rate: float
    seconds: float
    first_poll: float = 0.0
    rest: float = 0.0
    idle: float = 0.0
    busy: float = 0.0
    peak: float = 0.0
    busy_journal: float = 0.0
    journal: float = 0.0


async def measure(bench: Bench) -> list[Row]:
    """All contenders, round by round."""
    taps = bench.size("taps", 2000, 1000)
    others = contenders.others(bench)
    runs = await take_turns(
        bench.rounds,
        {
            OURS: partial(_metered, bench, taps),
            **{name: partial(answered, bench, contender, taps) for name, contender in others.items()},
            _RAW: partial(raw, bench, taps),
            _PUSHED: partial(answered, bench, contenders.pushed, taps),
            _IN_MEMORY: partial(answered, bench, partial(contenders.ours, disk=_MEMORY), taps),
            _IN_MONGODB: partial(answered, bench, contenders.without_disk, taps),
        },
    )
    rates = {name: [run.rate for run in of_one] for name, of_one in runs.items()}
    own = rates[OURS]
    aims = {PLAIN: at_least(4), AIOGRAM: at_least(2)}
    rows = [
        Row(NAME, "taps stored and answered", "1/s", own, name, rates[name], aims[name]) for name in others
    ]
    seconds = [run.seconds for run in runs[OURS]]
    for name in others:
        rows += [
            _beside(runs, name, "start to first poll", "s", "first_poll"),
            _beside(runs, name, "memory idle", "MiB", "idle"),
            _beside(runs, name, "memory at most", "MiB", "peak"),
        ]
    return [
        *rows,
        Row(NAME, "taps stored and answered", "1/s", own, _RAW, rates[_RAW], at_least(1 / 3)),
        Row(
            *(NAME, "the journal's processor time", "s", [run.journal for run in runs[OURS]]),
            *("all the time", seconds, at_most(0.1)),
        ),
        Row(
            *(NAME, "the journal busy, waits included", "s", [run.busy_journal for run in runs[OURS]]),
            *("all the time", seconds),
        ),
        Row(
            *(NAME, "time with the journal on disk", "s", seconds),
            *("with it in memory", [run.seconds for run in runs[_IN_MEMORY]], at_most(1.1)),
        ),
        Row(NAME, "taps pushed, stored and answered", "1/s", rates[_PUSHED], "polled", own),
        Row(
            *(NAME, "taps with the journal in MongoDB", "1/s", rates[_IN_MONGODB]),
            *("with it on disk", own, at_least(0.5)),
        ),
        Row(
            *(NAME, "taps stored and answered", "1/s", own),
            *("what Telegram hands out", [TELEGRAMS_RATE] * len(own), at_least(1)),
        ),
    ]


def _beside(runs: Mapping[str, Sequence[Run]], other: str, what: str, unit: str, attribute: str) -> Row:
    values, base = ([getattr(run, attribute) for run in runs[name]] for name in (OURS, other))
    return Row(NAME, what, unit, values, other, base)


async def answered(bench: Bench, contender: Contender, taps: int) -> Run:
    """`watched`, in an empty database.

    Raises:
        Failed: it ends, does not get on, or stores another number of answers.
    """
    async with bench.database("ingest") as db:
        run = await watched(bench, contender, db, taps)
        stored = await db["feedback_events"].count_documents({})
        if stored != 1 + taps:
            raise Failed(f"{stored} of {1 + taps} taps are stored")
        return run


async def watched(bench: Bench, contender: Contender, db: Database, taps: int, *, series: str = "run") -> Run:
    """Start a bot, wait until it has answered a tap, give all others at once, and wait until the last one is
    answered and stored.

    Args:
        series: makes the sessions others than before.

    Raises:
        Failed: it ends, or does not get on.
    """
    async with telegram() as (url, client):
        first, *given = await questions(client, 1 + taps, series=series)
        await client.taps([first])
        async with contender(url, bench, db.name) as bot:
            first_poll = await started(client, bot)
            rest = first_poll + await at_rest(bot)
            idle = resident_mib(bot.pid)
            begun = time.monotonic()
            await client.taps(given)
            await until(partial(are_answered, client, 1 + taps), bot)
            await until(partial(are_stored, db, series, 1 + taps), bot)
            seconds = time.monotonic() - begun
            busy, peak = resident_mib(bot.pid), peak_mib(bot.pid)
            return Run(taps / seconds, seconds, first_poll, rest, idle, busy, peak)


async def _metered(bench: Bench, taps: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "seconds"
        run = await answered(bench, partial(contenders.metered, report=report), taps)
        return Run(
            *(run.rate, run.seconds, run.first_poll, run.rest, run.idle, run.busy, run.peak),
            *map(float, report.read_text().split()),
        )


async def raw(bench: Bench, number: int) -> Run:
    """The same documents as the plain bot's, in bulk writes of 100, one after the other."""
    async with bench.database("ingest") as db:
        events = db["feedback_events"]
        await events.create_index("sessionKey", unique=True)
        begun = time.monotonic()
        for start in range(0, number, _BULK):
            await events.bulk_write(
                [
                    UpdateOne(
                        {"sessionKey": f"run-{i}-s-{ATHLETE}"},
                        {"$set": {"runId": f"run-{i}", "sessionId": "s", "type": "done", "userId": ATHLETE}},
                        upsert=True,
                    )
                    for i in range(start, min(start + _BULK, number))
                ],
                ordered=False,
            )
        seconds = time.monotonic() - begun
        return Run(number / seconds, seconds)
