"""The HTTP server in the service's own event loop: bind, serve, stop in time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from bot.api.http.protocol import KEEP_ALIVE, MAX_HEAD, BoundedProtocol, ConnectionState
from bot.core.shared.errors import ConfigError
from bot.descriptors import raise_limit

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 1_000
# Open files that the bot needs for itself: MongoDB, Telegram, the journal.
_RESERVED = 256
_BACKLOG = 1_024
_STOP_WITHIN = 1  # seconds for the requests that are being answered
_ADDRESS_ERRORS = "cannot be used as an address of this machine"


class HttpServer:
    """Serves an ASGI application.

    Args:
        host, port: where to listen; port 0 takes a free one.
        port_setting: the variable that names the port, for messages.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, port_setting: str = "HTTP_PORT") -> None:
        self._host = host
        self._port = port
        self._port_setting = port_setting
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,  # the bot's own logging, which redacts
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                h11_max_incomplete_event_size=MAX_HEAD,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=_STOP_WITHIN,
            )
        )
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens; only after `bind`."""
        return url_of(*self._bound().getsockname()[:2])

    async def bind(self) -> None:
        """Take the port; requests wait until `run`.

        Raises:
            ConfigError: naming the variable at fault.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._host,
                self._port,
                type=socket.SOCK_STREAM,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_PASSIVE,
            )
        except (OSError, UnicodeError):
            raise ConfigError(
                f"HTTP_HOST: {self._host!r} {_ADDRESS_ERRORS}; write one such as 127.0.0.1"
            ) from None
        family, kind, protocol, _, address = found[0]
        # The protocol by its name: asyncio leaves Nagle's delay on where it is 0.
        server = socket.socket(family, kind, protocol)
        try:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.settimeout(0)
            server.bind(address)
            server.listen(_BACKLOG)
        except OSError as exc:
            server.close()
            raise _explain(exc, self._host, self._port, self._port_setting) from None
        self._socket = server

    async def run(self) -> None:
        """Serve until cancelled; then take no more requests, see `finish`."""
        listening = self._bound()
        self._server.server_state.max_connections = min(MAX_CONNECTIONS, max(16, raise_limit() - _RESERVED))
        self._serving = asyncio.create_task(self._server.serve([listening]))
        log.info("HTTP API at %s", self.url)
        try:
            await asyncio.shield(self._serving)
        finally:
            self._server.should_exit = True

    async def finish(self) -> None:
        """Let the requests that are complete be answered, within a second or so, and close everything."""
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.wait({self._serving})  # `run` tells how it ended
        if self._socket is not None:
            self._socket.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    def _bound(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("bind first")
        return self._socket


def url_of(host: str, port: int) -> str:
    """The root of the API."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Uvicorn(uvicorn.Server):
    server_state: ConnectionState

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = ConnectionState(MAX_CONNECTIONS)
        # What it logs below that is about requests that anybody may send, or for people at a terminal.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the service's business."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.enforce(now)
        return await super().on_tick(counter)


def _explain(exc: OSError, host: str, port: int, port_setting: str) -> ConfigError:
    match exc:
        case PermissionError():
            return ConfigError(f"{port_setting}: this user may not listen on {port}; take a port above 1023")
        case OSError(errno=code) if code == errno.EADDRINUSE:
            return ConfigError(
                f"{port_setting}: {port} is in use on {host}; stop the other program, or take another port"
            )
        case _:
            return ConfigError(
                f"HTTP_HOST: {host!r} {_ADDRESS_ERRORS} ({exc.strerror}); write one such as 127.0.0.1"
            )
