"""The machine fails the bot: its disk is full or read-only, its clock jumps."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from tests.faults.result import Result
from tests.faults.stage import Stage, case, crowd, load, settled
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
            result.losses, span = await settled(rig, people.taps)
            result.recovery.append(span)
            result.runs += 1
        result.taps = len(people.taps)
    return result


@case
async def disk_read_only(stage: Stage) -> Result:
    """DATA_DIR is on a file system that becomes read-only, and writable again: a small one of its own."""
    result = Result()
    async with stage.rig() as rig:
        disk = rig.folder / "disk"
        disk.mkdir()
        if (why := mount(str(disk), "-t", "tmpfs", "-o", "size=32m", "tmpfs")) is not None:
            return Result(skipped=f"no file system can be mounted here ({why})")
        try:
            people = crowd(stage, rig)
            bot = await rig.start(DATA_DIR=str(disk / "data"))
            for _ in stage.times(5, 1):
                await load(people, bot, rate=50, seconds=1)
                # The kernel may refuse while files are open for writing: then the bot is away meanwhile.
                if (why := mount(str(disk), "-o", "remount,ro")) is not None:
                    await bot.terminate()
                    _mount_or_raise(str(disk), "-o", "remount,ro")
                    bot = await rig.launch(DATA_DIR=str(disk / "data"))
                    await bot.ended(60)  # it says that DATA_DIR cannot be used
                people.tap(50)
                await asyncio.sleep(stage.number(5, 2))
                result.faults += 1
                if rig.world.pending() < 50:
                    result.flaws.append("taps were confirmed that nobody has kept")
                _mount_or_raise(str(disk), "-o", "remount,rw")
                if not bot.is_running:
                    bot = await rig.start(DATA_DIR=str(disk / "data"))
                result.losses, span = await settled(rig, people.taps)
                result.recovery.append(span)
                result.runs += 1
            result.taps = len(people.taps)
            await bot.terminate()
        finally:
            unmount(str(disk))
    return result


def unmount(target: str) -> None:
    """Take a file system away, also when it is in use."""
    subprocess.run(["umount", "-l", target], check=False, capture_output=True)


def mount(target: str, *options: str) -> str | None:
    """Why it cannot be mounted; None if it is."""
    done = subprocess.run(["mount", *options, target], check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else " ".join(done.stderr.split())[-80:] or "mount failed"


def _mount_or_raise(target: str, *options: str) -> None:
    why = mount(target, *options)
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
                result.losses, span = await settled(rig, people.taps)
                result.recovery.append(span)
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
            result.taps = len(people.taps)
        finally:
            await bot.kill()
    return result
