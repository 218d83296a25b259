"""The sandbox as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import aiohttp
import pytest

from bot.sandbox.control import SandboxClient

TOKEN = "123:abc"


async def launch(*arguments: str) -> asyncio.subprocess.Process:
    """Starts `python -m bot.sandbox`."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.sandbox", "--token", TOKEN, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_serves_until_a_signal(signum: signal.Signals) -> None:
    """It says where it listens, serves, and ends at once and cleanly, even with a poll waiting."""
    process = await launch("--port", "0", "--no-limits")
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("listening on http://127.0.0.1:")
    url = line.split()[-1]
    async with SandboxClient(url) as client, aiohttp.ClientSession() as session:
        poll = asyncio.create_task(session.get(f"{url}/bot{TOKEN}/getUpdates?timeout=50"))
        while not await client.ledger("getUpdates"):  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.01)
        started = time.monotonic()
        process.send_signal(signum)
        _, complaints = await process.communicate()
        assert time.monotonic() - started < 25
        with pytest.raises(aiohttp.ClientConnectionError):
            await poll
    assert (process.returncode, complaints) == (0, b"")


async def test_taken_port_is_one_line() -> None:
    """A port in use is one readable line and exit status 2."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await launch("--port", str(port))
        _, complaints = await process.communicate()
    assert process.returncode == 2
    assert complaints.decode().startswith(f"cannot listen on 127.0.0.1 port {port}: ")
    assert complaints.count(b"\n") == 1
