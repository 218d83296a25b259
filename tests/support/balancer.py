"""A balancer in front of several services: TCP connections go to each in turn, past those that are down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from itertools import count

from tests.support.processes import HOST


class Balancer:
    """Listens at a port of its own. Use as an async context manager.

    Args:
        ports: of the services, on this machine.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turn = count()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Future[None]] = set()
        self.served = dict.fromkeys(ports, 0)

    @property
    def url(self) -> str:
        """Its root."""
        assert self._server is not None
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Balancer:
        self._server = await asyncio.start_server(self._begin, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            for _ in self._ports:
                port = self._ports[next(self._turn) % len(self._ports)]
                try:
                    there, back = await asyncio.open_connection(HOST, port)
                except OSError:
                    continue
                self.served[port] += 1
                await asyncio.gather(_pass(reader, back), _pass(there, writer))
                break
        self._writers.discard(writer)
        writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
