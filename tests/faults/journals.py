"""The journal itself fails: its file, its log, its directory or its disk, while the bot runs or between."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import LOST_AFTER
from bot.sandbox.ledger import Tap
from tests.faults.machine import small_disk
from tests.faults.result import Result
from tests.faults.stage import Stage, case, conclude, crowd, load
from tests.support.bot import ADMIN, ATHLETES, Rig
from tests.support.processes import Finished, Mongod, Program, wait_until

_ASKED = ATHLETES[:2]
_SUFFIXES = ("", "-wal", "-shm")
_DISK = 8  # MiB


def _file(rig: Rig, suffix: str = "") -> Path:
    return rig.data_dir / f"journal.sqlite3{suffix}"


def _unlink(rig: Rig) -> None:
    for suffix in _SUFFIXES:
        _file(rig, suffix).unlink(missing_ok=True)


def _unlink_log(rig: Rig) -> None:
    _file(rig, "-wal").unlink()


def _remove_directory(rig: Rig) -> None:
    shutil.rmtree(rig.data_dir)


def _swap_directory(rig: Rig) -> None:
    shutil.rmtree(rig.folder / "away", ignore_errors=True)
    rig.data_dir.rename(rig.folder / "away")
    rig.data_dir.mkdir()


def _empty(rig: Rig) -> None:
    _unlink(rig)
    _file(rig).touch()


def _fill_with_zeros(rig: Rig) -> None:
    _unlink_log(rig)
    _file(rig).write_bytes(bytes(_file(rig).stat().st_size))


@case
async def journal_gone_while_running(stage: Stage) -> Result:
    """MongoDB is away, and the journal's file, log or directory goes; then the bot is killed."""
    result = Result()
    harms = (_unlink, _unlink_log, _remove_directory, _swap_directory)
    async with stage.mongod() as mongod, stage.rig(mongod.url) as rig:
        people = crowd(stage, rig)
        for number in stage.times(12, 4):
            bot = await rig.start()
            await load(people, bot, rate=50, seconds=0.5)
            await mongod.kill()
            await load(people, bot, rate=50, seconds=1)
            harms[number % len(harms)](rig)
            if stage.rng.random() < 0.5:
                await load(people, bot, rate=50, seconds=1)
            await wait_until(partial(_has_said, bot, "it is put back, with"), 20, "it is put back")
            await _are_answered(people.taps)
            await bot.kill()
            result.faults += 1
            await mongod.start()
            bot = await rig.start()
            await conclude(result, rig, people)
            result.runs += 1
            if "lacks the entries" in bot.log:
                result.flaws.append("something is missing of a journal that was put back")
            await bot.terminate()
    return result


def _has_said(bot: Program, text: str) -> bool:
    return text in bot.log


async def _are_answered(taps: Sequence[Tap]) -> None:
    await wait_until(lambda: all(tap.answered_at is not None for tap in taps), 30, "every tap is answered")


@case
async def journal_replaced_while_running(stage: Stage) -> Result:
    """Another file stands in its place: nothing is confirmed, taps are told so, until it is moved away."""
    result = Result()
    async with stage.mongod() as mongod, stage.rig(mongod.url) as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        for _ in stage.times(5, 1):
            await load(people, bot, rate=50, seconds=0.5)
            await mongod.kill()
            await load(people, bot, rate=50, seconds=0.5)
            await wait_until(lambda: not rig.world.pending(), 20, "what was tapped is kept")
            _unlink(rig)
            _file(rig).write_text("another file")
            before = len(people.taps)
            people.tap(50)
            await _are_answered(people.taps)
            result.faults += 1
            if rig.world.pending() < 50:
                result.flaws.append("taps were confirmed that nobody has kept")
            if wrong := {tap.answer for tap in people.taps[before:]} - {Language.EN.texts.answers.not_kept}:
                result.flaws.append(f"taps that were not kept were told {wrong}")
            if _file(rig).read_text() != "another file":
                result.flaws.append("a foreign file was overwritten")
            _file(rig).unlink()
            await wait_until(lambda: not rig.world.pending(), 30, "everything is kept")
            await bot.kill()
            await mongod.start()
            bot = await rig.start()
            await conclude(result, rig, people)
            result.runs += 1
    return result


@case
async def journal_lost_between_starts(stage: Stage) -> Result:
    """Taps that were received go with the journal: it is said how many, and they are asked again, once."""
    result = Result()
    harms: list[Callable[[Rig], None]] = [_unlink_log, _unlink]
    if not stage.is_quick:
        harms += [_swap_directory, _empty, _fill_with_zeros]  # the first takes minutes
    async with stage.mongod() as mongod:
        for number in stage.times(10, len(harms)):
            harm = harms[number % len(harms)]
            async with stage.rig(mongod.url) as rig:
                flaws = await _lose(rig, mongod, harm)
            result.flaws += [f"{harm.__name__.strip('_')}: {flaw}" for flaw in flaws]
            result.faults += 1
            result.runs += 1
    return result


async def _lose(rig: Rig, mongod: Mongod, harm: Callable[[Rig], None]) -> list[str]:
    """Lose what was received; returns what is not as it should be."""
    bot = await rig.start()
    for athlete in _ASKED:
        asked = await rig.prompt("run-1", "s", athlete)
        assert asked.status == 0, asked
    for athlete in _ASKED:
        await rig.messages(athlete, 1)
        await rig.prompt_in_state("sent", chatId=str(athlete))
    await wait_until(lambda: rig.db["journals"].find_one({}), 20, "MongoDB knows the journal")
    await rig.disconnect()
    await mongod.kill()
    taps = [rig.tap(athlete, rig.world.messages(athlete)[0]["message_id"]) for athlete in _ASKED]
    await rig.answered(taps)
    await bot.kill()
    harm(rig)
    flaws = []
    is_known = (rig.data_dir / "journal.witness").exists()
    seen = await rig.command("doctor")
    if is_known and not any(it in seen.out for it in ("it lacks the entries", "file is not a database")):
        flaws.append(f"doctor says nothing before the start: {seen.out}")
    await mongod.start()
    bot = await rig.start()
    number = f"(up to {len(taps)} updates)" if is_known else "everything after entry"
    # What MongoDB alone knows is not called lost before its service would have been heard of.
    patience = 30 if is_known else 60 + LOST_AFTER.total_seconds()
    for what, found in (
        ("the log", lambda: number in bot.log),
        ("an admin", lambda: sum(number in it["text"] for it in rig.world.messages(ADMIN)) == 1),
        ("athletes", lambda: all(len(rig.world.messages(athlete)) == 2 for athlete in _ASKED)),
    ):
        try:
            await wait_until(found, patience, what)
        except AssertionError:
            flaws.append(f"{what}: nothing of {number}: {bot.log[-1000:]}")
    if number not in (seen := await rig.command("doctor")).out:
        flaws.append(f"doctor says nothing: {seen.out}")
    told = rig.next_call()
    await bot.terminate()
    bot = await rig.start()
    await asyncio.sleep(8)
    if again := rig.calls("sendMessage", told):
        flaws.append(f"{len(again)} messages after another start")
    await bot.terminate()
    return flaws


@case
async def journal_fills_its_disk(stage: Stage) -> Result:
    """MongoDB is away until the disk is full; with MongoDB back everything is stored, without help."""
    result = Result()
    async with stage.mongod() as mongod, stage.rig(mongod.url) as rig:
        with small_disk(rig.folder, _DISK) as disk:
            people = crowd(stage, rig)
            bot = await rig.start(DATA_DIR=str(disk / "data"))
            for _ in stage.times(3, 1):
                await mongod.kill()
                said = bot.log.count("takes no more")
                while bot.log.count("takes no more") == said:
                    people.tap(100)
                    await asyncio.sleep(0.05)
                    assert bot.is_running, bot.log[-2000:]
                people.tap(200)
                await asyncio.sleep(2)
                result.faults += 1
                if rig.world.pending() < 200:
                    result.flaws.append("taps were confirmed that nobody has kept")
                await mongod.start()
                await conclude(result, rig, people)
                result.runs += 1
            await bot.terminate()
    return result


@case
async def lock_file_deleted(stage: Stage) -> Result:
    """Whatever is deleted in DATA_DIR but the journal, no second service gets onto it."""
    result = Result(runs=1)
    async with stage.rig() as rig:
        people = crowd(stage, rig)
        bot = await rig.start()
        await load(people, bot, rate=50, seconds=0.5)
        for file in [*rig.data_dir.iterdir()]:
            if file.is_file() and not file.name.startswith("journal.sqlite3"):
                file.unlink()
        done: Finished = await rig.command("run")
        result.faults += 1
        if done.status != 2 or "another bot is running on" not in done.err:
            result.flaws.append(f"a second service ended with {done.status}: {done.err}")
        await conclude(result, rig, people)
    return result
