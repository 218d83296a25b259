"""What an operator sees of the real process: systemd's messages, metrics, and what admins are told."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.sandbox.faults import Fault
from bot.sandbox.world import User
from tests.support.bot import ATHLETES, STRANGER, Rig
from tests.support.processes import Mongod, Program, free_port, wait_until
from tests.unit.test_monitoring_files import OURS, expressions

# The driver leaves connections that a dead MongoDB refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

HTTP_TOKEN = "a-token-of-the-tests-with-40-characters!"
ADMINS = (99, 98)
# The real service, with less patience.
IMPATIENT = """
from datetime import timedelta
from bot.app import bootstrap
from bot import cli
from bot.core.health.vitals import AlertBounds
from bot.services.health import admin_alerts as watch
second = timedelta(seconds=1)
bootstrap.ALERT_BOUNDS, watch._INTERVAL = AlertBounds(second, second, 1800 * second), 0.3
cli.main()
"""


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd has for a service."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(0)
        yield listening


class Scrapes:
    """What the service exports, as often as one asks."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"
        self.text = ""

    async def get(self) -> dict[str, float]:
        """Every sample, by name with labels."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            response = await client.get(self._url)
        assert response.status_code == 200
        self.text = response.text
        return {
            sample.name
            + ",".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    async def until(self, name: str, value: float | None = None) -> dict[str, float]:
        """The samples, once there is one of that name, or with that value."""

        async def found() -> dict[str, float] | None:
            samples = await self.get()
            return samples if name in samples and value in (None, samples[name]) else None

        samples = await wait_until(found, 20, f"{name} is {value}", poll=0.1, otherwise=lambda: self.text)
        assert isinstance(samples, dict)
        return samples


async def test_systemd_hears_of_it(rig: Rig, notified: socket.socket, tmp_path: Path) -> None:
    """Up although Telegram fails, alive at each try, and stopping when it is told to stop."""
    said: list[str] = []

    def heard(message: str, number: int = 1) -> bool:
        while True:
            try:
                said.extend(notified.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return said.count(message) >= number

    rig.faults.add(Fault("status", "getUpdates", times=2, status=502))
    bot = await rig.launch(NOTIFY_SOCKET=str(tmp_path / "notify"))
    await wait_until(lambda: heard("WATCHDOG=1", 4), 30, "turns", otherwise=lambda: (said, bot.log))
    await wait_until(lambda: heard("STATUS=well"), 20, "all is well", otherwise=lambda: said)
    assert said[0] == "READY=1"
    assert said.count("READY=1") == 1
    assert await bot.terminate() == 0
    assert heard("STOPPING=1")


async def test_ready_is_said_in_one_line(rig: Rig) -> None:
    """Once polling has begun: where the bot is, and all else."""
    rig.faults.add(Fault("status", "getUpdates", status=502, times=2))
    port = free_port()
    bot = await rig.start(HTTP_PORT=str(port), HTTP_TOKEN=HTTP_TOKEN)
    await wait_until(lambda: "Ready: " in bot.log, 20, "it is ready", otherwise=lambda: bot.log)
    (line,) = [line for line in bot.log.splitlines() if "Ready: " in line]
    assert re.fullmatch(
        r"\S+ INFO    bot\.app\.upkeep: Ready: https://t\.me/sandbox_feedback_bot; the MongoDB of"
        rf" MONGO_URL \([^)]+\); HTTP API at http://127\.0\.0\.1:{port}; Ctrl-C stops",
        line,
    )
    assert bot.log.index("polling fails") < bot.log.index("Ready: ")


async def test_metrics_of_the_real_service(rig: Rig) -> None:
    """Each tap is counted once, and everything that alerts and dashboard ask for is exported."""
    port = free_port()
    bot = await rig.start(HTTP_PORT=str(port), HTTP_TOKEN=HTTP_TOKEN)
    scrapes = Scrapes(port)
    message_id = rig.ask("r", "s", ATHLETES[0])
    rig.world.tap(ATHLETES[0], message_id, User(ATHLETES[0]), button=0)
    rig.world.tap(ATHLETES[0], message_id, User(ATHLETES[0]), button=1)
    rig.world.tap(ATHLETES[0], message_id, STRANGER, button=1)
    await rig.prompt("r", "prompted", ATHLETES[1])
    await scrapes.until("feedback_bot_taps_total outcome=refused", 1)
    await scrapes.until("feedback_bot_taps_total outcome=written", 2)
    await scrapes.until("feedback_bot_sends_total kind=prompt, result=sent", 1)
    await scrapes.until("feedback_bot_sends_total kind=answer, result=sent", 3)
    await scrapes.until("feedback_bot_journal_pending", 0)
    samples = await scrapes.get()
    assert samples["feedback_bot_mongodb_write_duration_seconds_count"] > 0
    # The first poll comes back at once; those that were held until a tap came say nothing of Telegram.
    assert (
        0 < samples["feedback_bot_poll_delay_seconds_count"] < samples["feedback_bot_polls_total result=ok"]
    )
    await bot.kill()
    await rig.start(HTTP_PORT=str(port), HTTP_TOKEN=HTTP_TOKEN)
    await scrapes.until("feedback_bot_last_poll_timestamp_seconds")
    samples = await scrapes.until("feedback_bot_write_success_ratio", 1)
    assert samples["feedback_bot_taps_total outcome=written"] == 0
    exported = {name.partition(" ")[0] for name in samples}
    assert {name for expression in expressions() for name in OURS.findall(expression)} <= exported
    for secret in (HTTP_TOKEN, *map(str, ATHLETES[-1:]), "prompted"):
        assert secret not in scrapes.text


async def test_admins_are_told_once(tmp_path: Path, mongod: Mongod) -> None:
    """MongoDB stops and goes on: one message and one all-clear to each admin, restarts or not."""
    admins = ",".join(map(str, ADMINS))
    async with Rig(tmp_path / "bot", mongo_url=mongod.url, ADMIN_IDS=admins) as rig:

        async def start() -> Program:
            log = rig.folder / f"bot-{len(rig.bots)}.log"
            arguments = [sys.executable, "-c", IMPATIENT, "run"]
            bot = Program(arguments, rig.environment(), rig.folder, log)
            rig.bots.append(bot)
            before = rig.next_call()
            await bot.start()
            await wait_until(lambda: rig.calls("getUpdates", before), 30, "a poll", otherwise=lambda: bot.log)
            return bot

        bot = await start()
        async with mongod.paused():
            for admin in ADMINS:
                [message] = await rig.messages(admin, 1, timeout=30)
                assert message["text"].startswith("⚠️ MongoDB has not answered since")
            await bot.kill()
            bot = await start()
            await asyncio.sleep(5)  # time enough to tell it again
        for admin in ADMINS:
            texts = [message["text"] for message in await rig.messages(admin, 2, timeout=30)]
            assert texts[1].startswith("✅ MongoDB answers again.")
        await bot.kill()
        await start()
        rig.world.tap(ATHLETES[0], rig.ask("r", "s", ATHLETES[0]), User(ATHLETES[0]), button=0)
        await rig.stored(1)
        assert [len(rig.world.messages(admin)) for admin in ADMINS] == [2, 2]
