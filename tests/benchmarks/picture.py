"""What drawing the picture of `/stats` costs the taps: the largest gap in the event loop while a picture is
drawn, in a process of its own, beside that of as much time without. Needs the extra `charts`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime

from bot.app.bootstrap import build_figures, build_roster
from bot.app.instance_lock import open_journal
from bot.app.stores import build_stores
from bot.core.i18n.language import Language
from bot.core.shared.clock import system_clock
from bot.services.reports.chart_process import ChartProcess
from bot.settings import Settings
from tests.benchmarks.harness import Bench, data_directory, take_turns
from tests.benchmarks.rows import Row
from tests.support.filling import DAYS, fill

NAME = "picture"

_ANSWERS = 10_000


async def measure(bench: Bench) -> list[Row]:
    """Drawing and resting."""
    async with bench.database("picture") as db, data_directory() as folder:
        await fill(db, _ANSWERS, datetime.now(UTC))
        async with open_journal(folder) as journal:
            settings = Settings(_env_file=None, athlete_ids="1")
            stores = build_stores(db, journal, system_clock)
            roster = build_roster(settings, stores, system_clock)
            stats = await build_figures(settings, stores, roster, system_clock).collect(DAYS)
        painter = ChartProcess(folder)
        begun = time.monotonic()
        await painter.draw(stats, Language.EN)  # the first one makes a list of fonts
        lasts = time.monotonic() - begun
        gaps = await take_turns(
            max(bench.rounds, 3),
            {
                "drawing": lambda: largest_gap(painter.draw(stats, Language.EN)),
                "resting": lambda: largest_gap(asyncio.sleep(lasts)),
            },
        )
    return [Row(NAME, "largest gap while drawing", "ms", gaps["drawing"], "without", gaps["resting"])]


async def largest_gap(work: Awaitable[object]) -> float:
    """The longest time, in milliseconds, that the event loop did nothing for others while work was done."""
    done = asyncio.ensure_future(work)
    worst = 0.0
    while not done.done():
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, (time.perf_counter() - begun) * 1000)
    await done
    return worst
