"""The machine fails the bot: its disk is full or read-only, its clock jumps."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.result import NotPossibleHere, Result
from tests.faults.stage import Stage, case, conclude, crowd, load
from tests.support.bot import ATHLETES, ROOT
from tests.support.processes import Program, wait_until

_HOUR = 3_600


@case
async def disk_full(stage: Stage) -> Result:
    """The journal cannot grow: nothing is confirmed to Telegram until it can."""
    result = Result()
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for _ in stage.times(5, 1):
            resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            await load(people, bot, rate=50, seconds=stage.number(10, 3))
            # Its log is a file, too, and says nothing now; what it does not confirm tells that it is hit.
            if rig.world.pending():
                result.faults += 1
            else:
                result.flaws.append("taps were confirmed that nobody has kept")
            resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, unlimited)
            await conclude(result, rig, people)
            result.runs += 1
    return result


@case
async def disk_read_only(stage: Stage) -> Result:
    """DATA_DIR is on a file system that becomes read-only, and writable again: a small one of its own."""
    result = Result()
    async with stage.rig() as rig:
        with small_disk(rig.folder, 32) as disk:
            people = crowd(stage, rig)
            bot = await rig.start(DATA_DIR=str(disk / "data"))
            for _ in stage.times(5, 1):
                await load(people, bot, rate=50, seconds=1)
                # The kernel may refuse while files are open for writing: then the bot is away meanwhile.
                if _mount(disk, "-o", "remount,ro") is not None:
                    await bot.terminate()
                    _remount(disk, "ro")
                    bot = await rig.launch(DATA_DIR=str(disk / "data"))
                    await bot.ended(60)  # it says that DATA_DIR cannot be used
                people.tap(50)
                await asyncio.sleep(stage.number(5, 2))
                result.faults += 1
                if rig.world.pending() < 50:
                    result.flaws.append("taps were confirmed that nobody has kept")
                _remount(disk, "rw")
                if not bot.is_running:
                    bot = await rig.start(DATA_DIR=str(disk / "data"))
                await conclude(result, rig, people)
                result.runs += 1
            await bot.terminate()
    return result


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own at `folder/disk`, and take it away at the end, also when it is in use.

    Raises:
        NotPossibleHere: this machine mounts nothing, for us at least.
    """
    disk = folder / "disk"
    disk.mkdir()
    if (why := _mount(disk, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")) is not None:
        raise NotPossibleHere(f"no file system can be mounted here ({why})")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=False, capture_output=True)


def _mount(target: Path, *options: str) -> str | None:
    """Why it cannot be mounted; None if it is."""
    done = subprocess.run(["mount", *options, target], check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else " ".join(done.stderr.split())[-80:] or "mount failed"


def _remount(target: Path, how: str) -> None:
    why = _mount(target, "-o", f"remount,{how}")
    assert why is None, why


@case
async def clock_an_hour_back_and_forth(stage: Stage) -> Result:
    """What is due in half an hour does not go out when the clock jumps; taps keep their right time."""
    result = Result()
    async with stage.rig() as rig:
        offset = rig.folder / "offset"
        offset.write_text("0")
        log = rig.folder / "bot-clock.log"
        command = [sys.executable, "-m", "tests.faults.clocked", str(offset)]
        bot = Program(command, {**rig.environment(), "PYTHONPATH": str(ROOT)}, rig.folder, log)
        rig.bots.append(bot)
        people = crowd(stage, rig)
        try:
            await bot.start()
            await wait_until(lambda: rig.calls("getUpdates"), 30, "it polls", otherwise=lambda: bot.log)
            due = datetime.now(UTC) + timedelta(minutes=30)
            await rig.db["session_prompts"].insert_one(
                {"runId": "run-2", "sessionId": "s", "chatId": str(ATHLETES[0]), "dueAt": due}
            )
            before = len(rig.world.messages(ATHLETES[0]))
            for number in stage.times(6, 2):
                begun = datetime.now(UTC)
                offset.write_text(str(_HOUR if number % 2 == 0 else -_HOUR))
                await load(people, bot, rate=20, seconds=stage.number(10, 3))
                result.faults += bot.log.count("jumped") > number
                offset.write_text("0")
                await load(people, bot, rate=20, seconds=1)
                await conclude(result, rig, people)
                result.runs += 1
                if wrong := [
                    event["sessionKey"]
                    for event in await rig.events({"receivedAt": {"$gt": begun + timedelta(minutes=10)}})
                ]:
                    result.flaws.append(f"{len(wrong)} answers of the future, since {begun:%H:%M:%S}")
            if len(rig.world.messages(ATHLETES[0])) != before:
                result.flaws.append("what is due in half an hour went out")
            # Nor is it forgotten.
            await rig.db["session_prompts"].update_one(
                {"runId": "run-2"}, {"$set": {"dueAt": datetime.now(UTC)}}
            )
            await rig.prompt_in_state("sent", runId="run-2")
            if (copies := len(rig.world.messages(ATHLETES[0])) - before) != 1:
                result.flaws.append(f"what became due went out {copies} times")
        finally:
            await bot.kill()
    return result
