"""Hours of ordinary work."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from tests.faults.result import Result
from tests.faults.stage import Stage, case, conclude, crowd, load

_GROWTH = 0.10
_WARM = 300.0
"""Seconds; what is allocated at the beginning stays."""
_WINDOW = 60.0
"""Seconds over which memory is taken in the middle: a single reading shows whatever was just at work."""


@case
async def soak(stage: Stage) -> Result:
    """Five taps a second for an hour: memory does not grow. The quick one is too short to judge that."""
    result = Result(runs=1)
    seconds = stage.number(stage.soak_minutes * 60, 30)
    rate = int(stage.number(5, 20))
    read: list[tuple[float, float]] = []  # seconds since the beginning, MiB
    async with stage.rig() as rig:
        people = crowd(stage, rig, sessions=400)
        bot = await rig.start()
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            read.append((passed, _resident(bot.pid)))
            await load(people, bot, rate=rate * 10, seconds=0.1)  # a burst, as the evening brings them
            await asyncio.sleep(max(0.0, len(read) - (time.monotonic() - begun)))
        await conclude(result, rig, people)
        result.faults = 1  # the load itself
        early, late = early_and_late(read)
        growth = late / early - 1
        if growth >= _GROWTH and not stage.is_quick:
            result.flaws.append(f"memory grew by {growth:.0%}")
        result.note = f"memory grew by {growth:.1%} from {early:.0f} MiB"
    return result


def early_and_late(read: list[tuple[float, float]]) -> tuple[float, float]:
    """MiB after the warm-up, which is half of a short soak at most, and at the end."""
    end = read[-1][0]
    warm, window = min(_WARM, end / 2), min(_WINDOW, end / 4)
    early = [size for at, size in read if warm <= at <= warm + window]
    late = [size for at, size in read if at >= end - window]
    return statistics.median(early), statistics.median(late)


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")
