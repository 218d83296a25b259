"""What a service does with little: few open files, little memory. It works, or it ends and says why."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.sandbox.world import User
from tests.support.bot import ADMIN, ATHLETES, ROOT, Crowd, Rig
from tests.support.processes import Program, free_port, wait_until

ANA = ATHLETES[0]
API_TOKEN = "t" * 40
PRLIMIT = shutil.which("prlimit")

# Loaded before everything else, since it stands first on the path: each import that finds nothing loaded.
_WATCH_IMPORTS = """
import os, sys
_file = os.open(os.environ["IMPORTS_TO"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def _hook(event, arguments):
    if event == "import":
        os.write(_file, f"{arguments[0]}\\n".encode())
sys.addaudithook(_hook)
"""


async def use_everything(rig: Rig, *, http_port: int | None = None) -> None:
    """Taps, a change of mind, details, notes, commands, prompts, a plan, pictures, the API."""
    message = rig.ask("r", "s", ANA)
    for button in (0, 3, 1):
        tap = rig.tap(ANA, message, button)
        await rig.answered([tap])
    await rig.stored(1, runId="r", type="skipped")

    def is_marked() -> bool:
        return "skipped" in str(rig.world.message_of(ANA, message)).lower()

    await wait_until(is_marked, 20, "the message is edited")
    rig.world.message(ANA, User(ANA), "Tired legs", reply_to=message)
    for user, texts in {
        ANA: (
            "/start",
            "/help",
            "/language es",
            "/week",
            "/pending",
            "/privacy",
            "/mydata",
            "/pause 2",
            "/resume",
        ),
        ADMIN: ("/stats", "/stats 7"),
        666: ("/start", "hello"),
    }.items():
        for text in texts:
            known = len(rig.world.messages(user))
            rig.world.message(user, User(user), text)
            await rig.messages(user, known + 2, 30)
    finished = await rig.prompt("r", "s2", ANA)
    assert finished.status == 0, finished
    await rig.prompt_in_state("sent", sessionId="s2")
    if http_port is not None:
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", headers=headers) as http:
            for path in (
                "/healthz",
                "/readyz",
                "/metrics",
                "/v1/feedback",
                "/v1/prompts",
                "/v1/stats",
                "/openapi.json",
                "/docs",
                "/nowhere",
            ):
                assert (await http.get(path)).status_code in (200, 404), path
            summary = "/v1/feedback/summary?weekStart=2026-02-16&athlete=" + str(ANA)
            for form in ("json", "markdown"):
                assert (await http.get(f"{summary}&format={form}")).status_code == 200
            run = {"runId": "r9", "status": "success"}
            assert (await http.post("/v1/run_events", json=run)).is_success
            broken = await http.post(
                "/v1/run_events", content=b"{", headers={"Content-Type": "application/json"}
            )
            assert broken.status_code in (400, 422)
            plan = {
                "runId": "p",
                "athleteId": str(ANA),
                "activityPlan": {"days": [{"date": "2026-02-16", "activity": "Rest"}]},
                "weekStart": "2026-02-16",
            }
            assert (await http.post("/v1/plans", json=plan)).is_success
            prompt = {"runId": "r", "sessionId": "s3", "athleteId": str(ANA)}
            assert (await http.post("/v1/prompts", json=prompt)).is_success


@pytest.mark.parametrize("with_http", [False, True])
async def test_nothing_is_imported_after_the_start(
    tmp_path: Path, mongo_url: str, *, with_http: bool
) -> None:
    """An import needs a free descriptor and memory, which a service in trouble may not have."""
    watching = tmp_path / "watching"
    watching.mkdir()
    (watching / "sitecustomize.py").write_text(_WATCH_IMPORTS)
    imports, port = tmp_path / "imports", free_port()
    http: dict[str, Any] = {"HTTP_PORT": str(port), "HTTP_TOKEN": API_TOKEN} if with_http else {}
    folder = tmp_path / "bot"
    async with Rig(folder, mongo_url=mongo_url, COACH_CHAT_ID="500", **http) as rig:
        watched: dict[str, Any] = {"PYTHONPATH": f"{watching}:{ROOT}", "IMPORTS_TO": str(imports)}
        bot = await rig.start(**watched)
        before = len(imports.read_text().splitlines())
        await use_everything(rig, http_port=port if with_http else None)
        assert await bot.terminate() == 0
    late = sorted(set(imports.read_text().splitlines()[before:]))
    assert late == [], late


async def limited(rig: Rig, *limits: str) -> Program:
    """Start `run` with limits of the operating system."""
    assert PRLIMIT is not None
    log = rig.folder / f"bot-{len(rig.bots)}.log"
    command = [PRLIMIT, *limits, sys.executable, "-m", "bot", "run"]
    bot = Program(command, rig.environment(), rig.folder, log)
    rig.bots.append(bot)
    await bot.start()
    return bot


@pytest.mark.skipif(PRLIMIT is None, reason="prlimit is not installed")
async def test_sixty_four_open_files_are_enough(rig: Rig, rng: random.Random) -> None:
    """Everything is done, messages are edited, also when many tap at once."""
    since = rig.next_call()
    bot = await limited(rig, "--nofile=64:64")
    await wait_until(lambda: rig.calls("getUpdates", since=since), 30, "it polls", otherwise=lambda: bot.log)
    crowd = Crowd(rig, rng, sessions=40)
    crowd.tap(300)
    await crowd.settled()
    await use_everything(rig)
    assert "Too many open files" not in bot.log
    assert not [line for line in bot.log.splitlines() if "ERROR" in line], bot.log


@pytest.mark.skipif(PRLIMIT is None, reason="prlimit is not installed")
async def test_too_few_open_files_are_refused_at_the_start(rig: Rig) -> None:
    """One line names the limit and the cure."""
    bot = await limited(rig, "--nofile=48:48")
    assert await bot.ended(30) == 2
    assert bot.log == (
        "error: this process may open 48 files only, and needs 64; raise the limit (ulimit -n, or"
        " LimitNOFILE= in systemd)\n"
    )


MIB = 1024 * 1024


@pytest.mark.skipif(PRLIMIT is None, reason="prlimit is not installed")
# Less than Python needs to load the bot is too little to say anything with. Just above that it depends on the
# moment: a thread without memory to begin leaves Python waiting for it, which the limit of systemd ends.
@pytest.mark.parametrize("limit", [76, 84, 88, 110, 120, 130, 200])
async def test_too_little_memory_ends_the_service(tmp_path: Path, mongo_url: str, limit: int) -> None:
    """It saves taps, or it ends with one line; it never lives on without polling."""
    async with Rig(tmp_path / "bot", mongo_url=mongo_url) as rig:
        tap = rig.tap(ANA, rig.ask("r", "s", ANA))
        bot = await limited(rig, f"--as={limit * MIB}")

        async def has_ended_or_saved() -> bool:
            return not bot.is_running or (tap.answered_at is not None and len(await rig.events()) == 1)

        await wait_until(has_ended_or_saved, 40, "it ends, or saves", otherwise=lambda: bot.log, poll=0.1)
        if not bot.is_running:
            # The interpreter itself may crash for want of memory; that is an end, too.
            if await bot.ended(1) == 1:
                assert len([line for line in bot.log.splitlines() if line.startswith("error: ")]) == 1, (
                    bot.log
                )
            assert await bot.ended(1) != 0


@pytest.mark.skipif(PRLIMIT is None, reason="prlimit is not installed")
@pytest.mark.parametrize("limit", [100, 300, 800])
async def test_too_little_memory_for_the_embedded_mongodb(tmp_path: Path, limit: int) -> None:
    """The same where MongoDB is a child that has no more."""
    async with Rig(tmp_path / "bot", mongo_url=None) as rig:
        tap = rig.tap(ANA, rig.ask("r", "s", ANA))
        bot = await limited(rig, f"--as={limit * MIB}")
        await wait_until(
            lambda: not bot.is_running or tap.answered_at is not None,
            90,
            "it ends, or answers",
            otherwise=lambda: bot.log,
        )
        if not bot.is_running:
            assert await bot.ended(1) in (1, 2), bot.log
            assert len([line for line in bot.log.splitlines() if line.startswith("error: ")]) == 1, bot.log
