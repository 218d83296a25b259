"""Hours of ordinary work."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.faults.result import Result
from tests.faults.stage import Stage, case, crowd, load, settled

_RATE = 5
_GROWTH = 0.10
_WARM = 1 / 6
"""Of the time: what is allocated at the beginning stays."""


@case
async def soak(stage: Stage) -> Result:
    """Five taps a second for an hour: memory does not grow. The quick one is too short to judge that."""
    result = Result(runs=1)
    seconds = stage.number(stage.soak_minutes * 60, 20)
    async with stage.rig() as rig:
        people = crowd(stage, rig, sessions=400)
        bot = await rig.start()
        begun, early = time.monotonic(), 0.0
        while (passed := time.monotonic() - begun) < seconds:
            await load(people, bot, rate=_RATE * 10, seconds=0.1)  # a burst, as the evening brings them
            await asyncio.sleep(0.9)
            if not early and passed >= seconds * _WARM:
                early = _resident(bot.pid)
        growth = _resident(bot.pid) / early - 1
        result.losses, span = await settled(rig, people.taps)
        result.recovery.append(span)
        result.taps = len(people.taps)
        result.faults = 1  # the load itself
        if growth >= _GROWTH and not stage.is_quick:
            result.flaws.append(f"memory grew by {growth:.0%}")
        result.note = f"memory grew by {growth:.1%} from {early:.0f} MiB"
    return result


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")
