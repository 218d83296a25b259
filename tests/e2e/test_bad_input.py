"""Wrong calls and settings, missing servers, full disks: a clear line, an honest status, nothing lost."""

from __future__ import annotations

import asyncio
import random
import resource
import signal
from pathlib import Path

import pytest

from bot.sandbox.world import User
from tests.support.bot import ATHLETES, ROOT, Crowd, Rig
from tests.support.processes import Finished, Mongod, free_port, wait_until

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

ATHLETE = ATHLETES[0]


def check_refused(result: Finished, status: int, *words: str) -> None:
    """One clear line on standard error that names what is wrong, and nothing else."""
    assert result.status == status, result
    assert result.out == "", result
    assert len(result.err.splitlines()) == 1, result
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err, result


async def test_bad_settings(tmp_path: Path, mongo_url: str) -> None:
    """Each unusable value stops the start with status 2 and a line that names its variable."""
    cases: list[dict[str, str | None]] = [
        {"TELEGRAM_BOT_TOKEN": None},
        {"TELEGRAM_BOT_TOKEN": "not a token"},
        {"TIMEZONE": "Mars/Olympus"},
        {"TIMEZONE": "../../etc/passwd"},
        {"ATHLETE_IDS": "42,ann"},
        {"ADMIN_IDS": "-1"},
        {"LATE_AFTER_DAYS": "soon"},
        {"LOG_LEVEL": "LOUD"},
        {"LOG_FORMAT": "xml"},
        {"MONGO_URL": "localhost:27017"},
        {"MONGO_URL": "mongodb://user:pa@ss:zebra@host"},
        {"MONGO_DB": "a/b"},
        {"TELEGRAM_API_URL": "telegram"},
        {"DATA_DIR": "/proc/nowhere"},
        {"HTTP_PORT": "8080"},
    ]
    names = [next(iter(case)) for case in cases]
    names[-1] = "HTTP_TOKEN"
    async with Rig(tmp_path / "bot", mongo_url=mongo_url) as rig:
        results: list[Finished] = []
        for start in range(0, len(cases), 4):
            results += await asyncio.gather(
                *(rig.command("run", **case) for case in cases[start : start + 4])
            )
        for result, name in zip(results, names, strict=True):
            check_refused(result, 2, name)
        assert "zebra" not in results[10].err


async def test_bad_calls(rig: Rig) -> None:
    """Unknown commands and options, and values that cannot be meant: status 2 and one line."""
    ids = ("--run-id=r", "--session-id=s")
    cases: list[tuple[tuple[str, ...], str]] = [
        (("dance",), "dance"),
        (("run", "--fast"), "--fast"),
        (("prompt", "--session-id=s"), "--run-id"),
        (("prompt", *ids), "--chat-id"),
        (("prompt", *ids, "--chat-id=ann"), "--chat-id"),
        (("prompt", *ids, "--chat-id=0"), "--chat-id"),
        (("prompt", "--run-id= ", "--session-id=s", f"--chat-id={ATHLETE}"), "--run-id"),
        (("prompt", *ids, f"--chat-id={ATHLETE}", "--at=tomorrow"), "--at"),
        (("prompt", *ids, f"--chat-id={ATHLETE}", "--at=2026-02-30T10:00"), "--at"),
        (("prompt", *ids, f"--chat-id={ATHLETE}", "--title", "x" * 500), "--title"),
        (("stats", "--days=0"), "--days"),
        (("stats", "--days=many"), "--days"),
    ]
    for start in range(0, len(cases), 4):
        part = cases[start : start + 4]
        results = await asyncio.gather(*(rig.command(*arguments) for arguments, _ in part))
        for result, (_, word) in zip(results, part, strict=True):
            check_refused(result, 2, word)
    assert await rig.prompts() == []


async def test_a_wrong_token(rig: Rig) -> None:
    """A token that Telegram refuses from the start ends `run` with status 2 and the variable's name."""
    bot = await rig.launch(TELEGRAM_BOT_TOKEN="123456789:AAE-somebody-elses-token_0123456789abc")
    assert await bot.ended(20) == 2
    assert "TELEGRAM_BOT_TOKEN" in bot.log.splitlines()[-1]
    assert bot.log.splitlines()[-1].startswith("error: ")


async def test_a_second_run_on_one_directory(rig: Rig) -> None:
    """The second bot on a DATA_DIR ends with status 2; the first one goes on."""
    bot = await rig.start()
    check_refused(await rig.command("run"), 2, "DATA_DIR")
    message_id = rig.ask("run", "s", ATHLETE)
    rig.world.tap(ATHLETE, message_id, User(ATHLETE), button=0)
    await rig.stored(1)
    assert bot.is_running


async def test_nobody_answers_at_mongo_url(tmp_path: Path, rng: random.Random) -> None:
    """`run` polls, answers and keeps taps until MongoDB appears; commands end with status 1 and one line."""
    mongod = Mongod(tmp_path / "mongod")
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig:
        bot = await rig.start()
        crowd = Crowd(rig, rng, sessions=20)
        crowd.tap(200)
        await rig.answered(crowd.taps, 10)
        assert not [tap.answer for tap in crowd.taps if "Saved" in (tap.answer or "")]
        results = await asyncio.gather(
            rig.command("stats"), rig.command("bootstrap"), rig.prompt("r", "s", ATHLETE)
        )
        for result in results:
            check_refused(result, 1, "MongoDB", "MONGO_URL")
        assert await bot.terminate(10) == 0
        bot = await rig.start()
        try:
            await mongod.start()
            await crowd.settled()
            assert bot.is_running
            await rig.disconnect()
        finally:
            await mongod.kill()


@pytest.mark.parametrize("ending", ["space is made", "killed"])
async def test_a_full_disk(ending: str, rig: Rig, rng: random.Random) -> None:
    """When the journal cannot grow nothing is confirmed and an ERROR says why; later nothing is missing."""
    bot = await rig.start()
    crowd = Crowd(rig, rng, sessions=40)
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (96 * 1024, resource.RLIM_INFINITY))

    def refused() -> bool:
        if "ERROR" in bot.log:
            return True
        crowd.tap(5)
        return False

    await wait_until(refused, 30, "an ERROR is logged")
    crowd.tap(50)
    since = rig.next_call()
    await wait_until(lambda: rig.calls("getUpdates", since), 15, "another poll")
    assert rig.world.pending() >= 50
    (error, *_) = [line for line in bot.log.splitlines() if "ERROR" in line]
    assert "journal" in error
    assert bot.is_running
    if ending == "killed":
        await bot.kill()
        await rig.start()
    else:
        resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await crowd.settled()
    await wait_until(lambda: rig.world.pending() == 0, 15, "all is confirmed")


@pytest.mark.parametrize("with_mongodb", [True, False])
async def test_nobody_answers_anywhere(tmp_path: Path, mongo_url: str, *, with_mongodb: bool) -> None:
    """With no Bot API server, and no MongoDB either, `run` says so in a line, waits, and ends on a signal."""
    nobody = f"127.0.0.1:{free_port()}"
    url = mongo_url if with_mongodb else f"mongodb://{nobody}/"
    async with Rig(tmp_path / "bot", mongo_url=url) as rig:
        bot = await rig.launch(TELEGRAM_API_URL=f"http://{nobody}")
        # Without MongoDB the driver is still looking for it by then, and is interrupted at that.
        await wait_until(lambda: "no connection" in bot.log, 15, "the trouble with Telegram is logged")
        bot.signal(signal.SIGINT)
        assert await bot.ended(10) == 0
        assert str(ROOT) not in bot.log
