"""The HTTP API of the real process: the loop of a coach workflow, outages, slow clients, start and stop."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.sandbox.world import User
from tests.support.bot import ATHLETES, Rig
from tests.support.processes import Mongod, free_port, wait_until

HTTP_TOKEN = "a-token-of-the-tests-with-40-characters!"
ANA = ATHLETES[0]
SLOW = 900
FAST = 5.0  # seconds, on a machine that does much else; starved ones would wait for the slow connections
MB = 1024 * 1024


@asynccontextmanager
async def api(rig: Rig, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    """A running bot that serves the API, and a client with its token."""
    port = free_port()
    rig.settings |= {"HTTP_PORT": str(port), "HTTP_TOKEN": HTTP_TOKEN, **settings}
    await rig.start()
    headers = {"Authorization": f"Bearer {HTTP_TOKEN}"}
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False) as client:
        yield client


def monday(day: str) -> str:
    """The first day of a day's week."""
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


async def until_state(client: httpx.AsyncClient, state: str, **query: str) -> dict[str, Any]:
    """The prompt, once it is in that state."""

    async def found() -> dict[str, Any] | None:
        items = (await client.get("/v1/prompts", params={**query, "state": state})).json()["items"]
        return dict(items[0]) if items else None

    prompt: dict[str, Any] | None
    prompt = await wait_until(found, 20, f"a prompt is {state}", poll=0.1)
    assert prompt is not None
    return prompt


async def test_the_loop_of_a_coach_workflow(rig: Rig) -> None:
    """A prompt goes in, the athlete taps, and the answer comes out, in the list and in the summary."""
    async with api(rig, ATHLETE_IDS=str(ANA)) as client:
        body = {"runId": "w1", "sessionId": "tue", "title": "Tempo"}
        first = await client.post("/v1/prompts", json=body)
        again = await client.post("/v1/prompts", json=body)
        assert (first.status_code, again.status_code) == (201, 200)
        [message] = await rig.messages(ANA, 1)
        assert "Tempo" in message["text"]
        await until_state(client, "sent", runId="w1")
        tap = rig.world.tap(ANA, message["message_id"], User(ANA), button=2)
        await rig.answered([tap])
        prompt = await until_state(client, "answered", runId="w1")
        assert prompt["athleteId"] == str(ANA)
        assert prompt["explanation"].startswith("Answered at ")

        [answer] = (await client.get("/v1/feedback", params={"athlete": str(ANA)})).json()["items"]
        assert (answer["runId"], answer["sessionId"], answer["type"]) == ("w1", "tue", "hard")
        week = await client.get("/v1/feedback/summary", params={"weekStart": monday(answer["date"])})
        assert week.json()["week"]["counts"]["hard"] == 1
        ready = await client.get("/readyz", headers={"Authorization": ""})
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        assert len(rig.world.messages(ANA)) == 1


async def test_mongodb_away_is_a_quick_503(tmp_path: Path, mongod: Mongod) -> None:
    """MongoDB hangs, or is gone: each operation is a 503 with Retry-After within three seconds."""
    async with Rig(tmp_path / "bot", mongo_url=mongod.url) as rig, api(rig) as client:
        run = {"runId": "r", "status": "failure"}
        requests = [
            ("POST", "/v1/prompts", {"runId": "r", "sessionId": "s", "athleteId": str(ANA)}),
            ("POST", "/v1/run_events", run),
            ("POST", "/v1/run_events", [run, run]),
            ("POST", "/v1/runs", run),
            ("GET", "/v1/prompts", None),
            ("GET", "/v1/feedback", None),
            ("GET", f"/v1/feedback/summary?weekStart=2026-02-16&athlete={ANA}", None),
        ]

        async def timed(method: str, path: str, body: Any) -> tuple[int, str | None, float]:
            started = time.monotonic()
            response = await client.request(method, path, json=body)
            retry = response.headers.get("Retry-After")
            return response.status_code, retry, time.monotonic() - started

        async def check_outage() -> None:
            answers = await asyncio.gather(*(timed(*request) for request in requests))
            print(answers)
            assert [answer[:2] for answer in answers] == [(503, "5")] * len(requests)
            assert max(seconds for *_, seconds in answers) < 20
            ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert [error["field"] for error in ready.json()["errors"]] == ["mongodb"]
            assert (await client.get("/healthz")).status_code == 200

        assert (await client.post("/v1/run_events", json=run)).status_code == 200
        async with mongod.paused():
            await check_outage()
            await check_outage()
        await mongod.kill()
        await check_outage()
        await mongod.start()

        async def works() -> bool:
            return (await client.post("/v1/run_events", json=run)).status_code == 200

        await wait_until(works, 20, "the API works again", poll=0.2)
        assert (await client.post("/v1/run_events", json=[run, run])).json()["unchanged"] == 2
        assert HTTP_TOKEN not in rig.bots[0].log


@asynccontextmanager
async def slow_connections(port: int, number: int) -> AsyncIterator[None]:
    """Connections that go on sending a request, a byte at a time, and connect again when they are cut off."""
    beginnings = (
        b"POST /v1/prompts HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /v1/run_events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 900000\r\nAuthorization: Bearer " + HTTP_TOKEN.encode() + b"\r\n\r\n",
        b"",
    )
    connected = 0

    async def drip(beginning: bytes) -> None:
        nonlocal connected
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                connected += 1
                try:
                    writer.write(beginning)
                    while not writer.transport.is_closing():
                        await asyncio.sleep(1)
                        writer.write(b"x" if beginning else b"")
                finally:
                    connected -= 1
                    writer.close()
            await asyncio.sleep(0.2)

    drips = [asyncio.create_task(drip(beginnings[n % len(beginnings)])) for n in range(number)]
    try:
        await wait_until(lambda: connected >= number * 0.95, 20, "the slow ones are connected")
        yield
    finally:
        for task in drips:
            task.cancel()
        await asyncio.gather(*drips, return_exceptions=True)


async def exchange(port: int, message: bytes) -> int:
    """Send a whole request over a connection of its own; returns the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(message)
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()


async def send_large(port: int, token: str) -> int:
    """Send a document of 2 MB."""
    head = (
        "POST /v1/run_events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {2 * MB}\r\n\r\n"
    )
    return await exchange(port, head.encode() + b"x" * (2 * MB))


async def test_slow_connections_and_large_bodies_starve_nobody(rig: Rig) -> None:
    """With 900 slow connections and 2 MB bodies at once, good requests are answered quickly, and taps too."""
    # A bot that starts with few open files allows itself more.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    async with api(rig) as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * SLOW), hard))
        port = client.base_url.port or 0
        tap_on = rig.ask("w1", "mon", ANA)
        async with slow_connections(port, SLOW):
            rough = [asyncio.create_task(send_large(port, t)) for t in [HTTP_TOKEN] * 20 + ["wrong"] * 20]
            times = []
            for number in range(30):
                started = time.monotonic()
                response = await client.post(
                    "/v1/run_events", json={"runId": f"r{number}", "status": "success"}
                )
                times.append(time.monotonic() - started)
                assert response.status_code == 200
                # A new connection each time, as n8n makes them.
                started = time.monotonic()
                assert await exchange(port, b"GET /healthz HTTP/1.0\r\n\r\n") == 200
                times.append(time.monotonic() - started)
            print(f"slowest of {len(times)} good requests: {max(times):.3f} s")
            assert max(times) < FAST
            assert sorted(await asyncio.gather(*rough)) == [401] * 20 + [413] * 20
            tap = rig.world.tap(ANA, tap_on, User(ANA), button=0)
            await rig.answered([tap], 5)
            await rig.stored(1)
        started = time.monotonic()
        assert await rig.bots[0].terminate() == 0
        assert time.monotonic() - started < 40


async def test_sigterm_with_open_connections(rig: Rig) -> None:
    """Idle, slow and half-read connections do not hold up the end, and a request on its way is answered."""
    async with api(rig) as client:
        port = client.base_url.port or 0
        async with slow_connections(port, 30):
            await client.get("/healthz")
            started = time.monotonic()
            stopping = asyncio.create_task(rig.bots[0].terminate())
            assert await stopping == 0
            assert time.monotonic() - started < 40
        assert "unexpected" not in rig.bots[0].log


async def test_a_port_in_use_is_one_clear_sentence(rig: Rig) -> None:
    """Exit status 2, and one line that names HTTP_PORT."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        bot = await rig.launch(HTTP_PORT=str(port), HTTP_TOKEN=HTTP_TOKEN)
        assert await bot.ended(30) == 2
    errors = [line for line in bot.log.splitlines() if line.startswith("error:")]
    assert errors == [
        f"error: HTTP_PORT: {port} is in use on 127.0.0.1; stop the other program, or take another port"
    ]
    assert "Traceback" not in bot.log


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
async def test_a_host_that_is_not_ours(rig: Rig, host: str) -> None:
    """Exit status 2, and one line that names HTTP_HOST."""
    bot = await rig.launch(HTTP_HOST=host, HTTP_PORT=str(free_port()), HTTP_TOKEN=HTTP_TOKEN)
    assert await bot.ended(30) == 2
    [error] = [line for line in bot.log.splitlines() if line.startswith("error:")]
    assert error.startswith(f"error: HTTP_HOST: '{host}' cannot be used as an address of this machine")


async def test_a_port_that_others_reach_is_warned_of(rig: Rig) -> None:
    """One line in the log, and one of `doctor`, until somebody says that a proxy stands in front."""
    for said, warned in (("false", 1), ("true", 0)):
        async with api(rig, HTTP_HOST="0.0.0.0", HTTP_BEHIND_PROXY=said):  # noqa: S104
            bot = rig.bots[-1]
            assert bot.log.count("HTTP_HOST=0.0.0.0 lets other machines in") == warned
            report = (await rig.command("doctor")).out
            lines = [
                line for line in report.splitlines() if "HTTP_HOST=0.0.0.0 lets other machines in" in line
            ]
            assert [line.split()[:2] for line in lines] == [["warn", "http"]] * warned
        await bot.terminate()
