"""Updates that Telegram pushes: one service, and several behind a balancer."""

from __future__ import annotations

import asyncio
import json
import random
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from bot.core.i18n.language import Language
from bot.core.inbox.webhook import secret_of
from bot.sandbox.world import User
from tests.support.balancer import Balancer
from tests.support.bot import ATHLETES, TOKEN, Crowd, Rig
from tests.support.processes import HOST, Program, free_port, wait_until

ANA = User(ATHLETES[0], username="ana")
SECRET = secret_of(TOKEN)
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@asynccontextmanager
async def hooked(rig: Rig, **settings: str) -> AsyncIterator[tuple[Program, str]]:
    """A service at its webhook, once Telegram knows it: the process, and the address."""
    url = f"http://{HOST}:{free_port()}/telegram"
    bot = await rig.launch(WEBHOOK_URL=url, **settings)
    await ready(rig, bot, url)
    yield bot, url


async def ready(rig: Rig, bot: Program, url: str) -> None:
    """Return when a service has told Telegram its webhook."""
    await wait_until(
        lambda: f"Telegram sends updates to {url}" in bot.log, 30, "it is set", otherwise=lambda: bot.log
    )
    assert rig.world.webhook is not None
    assert (rig.world.webhook.url, rig.world.webhook.secret) == (url, SECRET)


async def post(url: str, content: bytes, secret: str | None = SECRET) -> int:
    """The status of a POST to the webhook."""
    headers = {} if secret is None else {HEADER: secret}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=BytesIO(content), headers=headers) as reply,
    ):
        await reply.read()
        return reply.status


async def test_one_service(rig: Rig, rng: random.Random) -> None:
    """Taps are stored and answered; nothing is polled, what waited comes too, and the webhook stays set."""
    crowd = Crowd(rig, rng, sessions=10)
    crowd.tap(20)
    async with hooked(rig) as (bot, _):
        crowd.tap(100)
        await crowd.settled()
        assert rig.calls("getUpdates") == []
        assert rig.world.pending() == 0
        figures = await rig.stats()
        assert figures["taps"]["written"] == 120
        assert await bot.terminate() == 0
        assert rig.world.webhook is not None


async def test_a_kill_loses_nothing(rig: Rig, rng: random.Random) -> None:
    """What was acknowledged is in the journal; what was not, Telegram sends again."""
    crowd = Crowd(rig, rng, sessions=10)
    url = f"http://{HOST}:{free_port()}/telegram"
    for _ in range(5):
        bot = await rig.launch(WEBHOOK_URL=url)
        await ready(rig, bot, url)
        crowd.tap(200)
        await asyncio.sleep(rng.uniform(0.02, 0.5))
        await bot.kill()
    await ready(rig, await rig.launch(WEBHOOK_URL=url), url)
    await crowd.settled()
    assert await crowd.unkept_promises() == []


async def test_two_behind_a_balancer(rig: Rig, rng: random.Random, tmp_path: Path) -> None:
    """Each takes a part; one is killed and comes back: nothing is lost, and the newest answer stands."""
    ports = [free_port(), free_port()]
    async with Balancer(ports) as balancer:
        url = f"{balancer.url}/telegram"
        services = [
            {
                "WEBHOOK_URL": url,
                "HTTP_PORT": str(port),
                "HTTP_TOKEN": "t" * 32,
                "DATA_DIR": str(tmp_path / name),
            }
            for port, name in zip(ports, ("one", "two"), strict=True)
        ]
        bots = [await rig.launch(**service) for service in services]
        for bot in bots:
            await ready(rig, bot, url)
        crowd = Crowd(rig, rng, sessions=10)
        crowd.tap(300)
        await crowd.settled()
        assert min(balancer.served.values()) > 0
        crowd.tap(300)
        await bots[0].kill()
        crowd.tap(300)
        await asyncio.sleep(1)
        await ready(rig, await rig.launch(**services[0]), url)
        crowd.tap(100)
        await crowd.settled()
        assert await crowd.unkept_promises() == []
        assert (await rig.stats())["taps"]["written"] == 1000


async def test_only_telegram_gets_in(rig: Rig) -> None:
    """Without the secret nothing is read or kept; with it, what nobody can read becomes a dead letter."""
    question = rig.ask("run", "s", ANA.id)
    async with hooked(rig) as (bot, url):
        tap = rig.world.tap(ANA.id, question, ANA, button=0)
        await rig.answered([tap])
        forged = json.dumps({"update_id": 1, "callback_query": {"id": "1", "data": "x"}}).encode()
        for secret in (None, "", SECRET[:-1], SECRET + "0", "\u00e9"):
            assert await post(url, forged, secret) == 401
        assert await post(url, b"x" * 1_048_577) == 413
        await wait_until(lambda: rig.journal("SELECT count(*) FROM updates") == [(0,)], 10, "nothing is kept")
        for rubbish in (b"", b"not json", b"[1]", b'{"update_id": "x"}', b"\xff" * 10, b"[" * 100_000):
            assert await post(url, rubbish) == 200
        await wait_until(
            lambda: rig.journal("SELECT count(*) FROM updates WHERE state = 2") == [(6,)], 10, "dead letters"
        )
        assert SECRET not in bot.log
        async with aiohttp.ClientSession() as session:
            root = url.removesuffix("/telegram")
            for path, status in (("/healthz", 200), ("/readyz", 200), ("/v1/stats", 404), ("/telegram", 405)):
                async with session.get(root + path) as reply:
                    assert reply.status == status, path


async def test_what_cannot_be_kept_is_not_acknowledged(rig: Rig) -> None:
    """With a full disk Telegram is told to send it again, and does when there is space."""
    question = rig.ask("run", "s", ANA.id)
    async with hooked(rig) as (bot, _):
        full = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, full)
        tap = rig.world.tap(ANA.id, question, ANA, button=0)
        await wait_until(
            lambda: rig.world.webhook is not None and "503" in rig.world.webhook.failure, 20, "it is refused"
        )
        await rig.answered([tap])
        assert (tap.answer, rig.world.pending()) == (Language.EN.texts.answers.not_kept, 1)
        resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await rig.answered([tap])
        await rig.stored(1)


async def test_somebody_changes_the_webhook(rig: Rig) -> None:
    """It is set again, and the log says so."""
    async with hooked(rig) as (bot, url):
        rig.world.set_webhook("")
        await wait_until(lambda: "somebody has changed the webhook" in bot.log, 20, "it is noticed")
        await wait_until(lambda: rig.world.get_webhook_info()["url"] == url, 10, "it is set again")


async def test_after_an_absence_it_asks_again(rig: Rig) -> None:
    """Nobody was reached for longer than Telegram keeps taps: what is unanswered is asked again, once."""
    async with hooked(rig) as (bot, _):
        assert (await rig.prompt("run", "s", ANA.id)).status == 0
        await rig.prompt_in_state("sent")
        assert await bot.terminate() == 0
    await rig.away(3600)
    async with hooked(rig):
        await rig.messages(ANA.id, 2, timeout=40)


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("--webhook", "https://bot.example.org/x"), {}, "HTTP_PORT: required with a webhook"),
        (("--webhook", "nowhere"), {}, "WEBHOOK_URL (--webhook): 'nowhere' is no address"),
        ((), {"WEBHOOK_URL": "https://a.example/v1/x"}, "the path /v1/x is the HTTP API's"),
        (("--webhook", f"http://{HOST}:{{taken}}/x"), {}, "WEBHOOK_URL (--webhook): {taken} is in use on"),
    ],
)
async def test_what_cannot_be_used(
    rig: Rig, arguments: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    """It is said in one line, which names the setting."""
    taken = rig.api_url.rpartition(":")[2]
    done = await rig.command("run", *(it.format(taken=taken) for it in arguments), **settings)
    assert done.status == 2
    (error,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert said.format(taken=taken) in error


async def test_the_doctor_knows_the_webhook(rig: Rig) -> None:
    """Also one that was given with `--webhook`, while its service runs; else it is in the way of polls."""
    async with hooked(rig) as (bot, url):
        found = await rig.command("doctor", WEBHOOK_URL=url)
        assert "the one of WEBHOOK_URL is set, with 0 updates still to be sent" in found.out
        found = await rig.command("doctor")
        assert f"one is set (http://{url.split('/')[2]}), and " in found.out
        assert "takes updates; WEBHOOK_URL is not set here" in found.out
        assert await bot.terminate() == 0
    found = await rig.command("doctor")
    assert "getUpdates cannot work" in found.out


async def test_what_cannot_be_kept_is_refused_and_told(rig: Rig) -> None:
    """Another file in the journal's place: Telegram keeps the tap, who tapped is told so; then it counts."""
    async with hooked(rig) as (bot, _):
        message = rig.ask("run-1", "s", ATHLETES[0])
        journal = rig.data_dir / "journal.sqlite3"
        for suffix in ("", "-wal", "-shm"):
            (rig.data_dir / f"journal.sqlite3{suffix}").unlink()
        journal.write_text("another")
        tap = rig.tap(ATHLETES[0], message)
        await rig.answered([tap])
        assert tap.answer == Language.EN.texts.answers.not_kept
        assert rig.world.pending() == 1
        assert not await rig.events()
        journal.unlink()
        await rig.stored(1)
        assert bot.is_running
