"""Proxies on the way to the Bot API: used as the environment names them, or refused by a variable's name."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp_socks import ProxyConnector

from bot.core.shared.errors import ConfigError, TelegramNotSent
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import World
from bot.telegram.client import BotClient
from bot.telegram.proxies import route_to

TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"
ELSEWHERE = "http://bot-api.invalid"  # a name that only the proxy knows


class SocksServer:
    """A SOCKS5 proxy that takes every name for this machine's."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        assert await reader.readexactly(4) == b"\x05\x01\x00\x03"  # connect to a name
        name = await reader.readexactly((await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2))
        self.asked.append(name.decode())
        upstream, out = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        for source, target in ((reader, out), (upstream, writer)):
            task = asyncio.create_task(self._pass_on(source, target))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65536):
                target.write(piece)
        target.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.gather(*self._open, return_exceptions=True)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "SOCKS5"])
async def test_a_socks_proxy_is_used(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Names are looked up by it; what goes through it is what goes without."""
    proxy, server = SocksServer(), SandboxServer(World(), token=TOKEN)
    await server.start()
    try:
        async with proxy.running() as port:
            monkeypatch.setenv("HTTP_PROXY", f"{scheme}://127.0.0.1:{port}")
            async with BotClient(TOKEN, f"{ELSEWHERE}:{server.url.rpartition(':')[2]}") as api:
                assert (await api.send(7, "Hello")).message_id
                assert await api.get_updates(None, 0, 1) == []
    finally:
        await server.stop()
    assert set(proxy.asked) == {"bot-api.invalid"}


async def test_a_socks_proxy_that_is_away_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So what was to be sent may be sent again."""
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
    async with BotClient(TOKEN, ELSEWHERE) as api:
        with pytest.raises(TelegramNotSent):
            await api.send(7, "Hello")


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("proxy.example:3128", "has no scheme; write http://"),
        ("u:zebra@proxy.example:3128", "has no scheme"),
        (
            "ftp://proxy.example:21",
            r"ftp:// is no proxy that the bot can use; it can use http://, https://, socks5",
        ),
        ("http://", "lacks host or port; write http://host:port"),
        ("http://proxy.example:http", "lacks host or port"),
        ("socks5://u:zebra@proxy.example", "lacks host or port; write socks5://host:port"),
    ],
)
async def test_what_is_no_proxy_is_refused_by_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, scheme: str, value: str, problem: str
) -> None:
    """A password in it is not quoted."""
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", value)
    with pytest.raises(ConfigError, match=f"^{scheme.upper()}_PROXY: .*{problem}") as refused:
        async with BotClient(TOKEN, f"{scheme}://bot-api.invalid"):
            raise AssertionError
    assert "secret" not in str(refused.value)


async def test_socks_without_the_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY: socks5:// needs the extra socks; pip install"):
        route_to("https://bot-api.invalid")


@pytest.mark.parametrize("url", ["http://localhost:8081", "http://127.0.0.1:8081", "http://[::1]:8081"])
async def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Whatever the environment names; and so is what NO_PROXY names."""
    monkeypatch.setenv("HTTP_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "bot-api.invalid")
    for each in (url, "http://bot-api.invalid"):
        route = route_to(each)
        assert (route.proxy, type(route.connector)) == (None, aiohttp.TCPConnector)
        await route.connector.close()


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
async def test_a_socks_proxy_makes_the_connections(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Each kind of it; nobody else is asked to pass requests on."""
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://u:zebra@proxy.example:1080")
    route = route_to("https://bot-api.invalid")
    assert (route.proxy, type(route.connector)) == (None, ProxyConnector)
    await route.connector.close()


async def test_a_plain_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As aiohttp does it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://u:zebra@proxy.example:3128")
    route = route_to("https://bot-api.invalid")
    assert route.proxy == "http://u:zebra@proxy.example:3128"
    await route.connector.close()
