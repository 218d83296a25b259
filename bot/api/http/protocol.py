"""HTTP/1.1 with bounds: who sends slowly, or takes an answer slowly, is cut off and cannot starve anybody."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bot.api.http.problems import Flaw, Problem, later

MAX_HEAD = 16 * 1024
"""Bytes of a request line with its headers."""

# Seconds.
KEEP_ALIVE = 15
"""A connection may wait so long for its next request."""
STALL = 5.0
"""No byte for so long, in the middle of a request or at the begin of a connection, is too slow."""
REQUEST = 30.0
"""A request must be complete after this, however it trickles."""
ANSWER = 60.0
"""An answer must be made, and taken, so many seconds after the last byte of its request."""

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of one request, answered or not; no more is read, and the connection is closed."""


class ConnectionState(ServerState):
    """State that the connections of a server share.

    Attributes:
        max_connections: with more, the one whose request has been incomplete the longest is closed.
    """

    def __init__(self, max_connections: int) -> None:
        super().__init__()
        self.max_connections = max_connections


class BoundedProtocol(H11Protocol):
    """One connection. uvicorn itself bounds only the wait between two requests."""

    server_state: ConnectionState

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connects."""
        super().connection_made(transport)
        if len(self.connections) > self.server_state.max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        self._heard = self.loop.time()
        self._received += len(data)
        if self._received > MAX_BYTES:
            self.transport.abort()
        else:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """An answer is written; the next request may come."""
        self._begin()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """Answer bytes that are no HTTP."""
        if len(self.conn.trailing_data[0]) >= MAX_HEAD:
            problem = f"takes more than {MAX_HEAD:,} bytes with the request line; shorten it"
            self.cut(Problem.of(431, Flaw("headers", problem)))
        else:
            self.cut(Problem(400, "this is not valid HTTP/1.1; was it meant for HTTPS, or for another port?"))

    def shutdown(self) -> None:
        """The server stops: let an answer that is being made get out."""
        if self.is_answering:
            self.cycle.keep_alive = False
        else:
            self.cut(later("the service is being stopped; send the request again in a moment"))

    @property
    def is_answering(self) -> bool:
        """Whether a complete request is being worked on, or its answer written."""
        return self.cycle is not None and not self.cycle.response_complete and not self._is_receiving

    @property
    def began(self) -> float:
        """When the request began that is awaited or under way, by the loop's clock."""
        return self._began

    def enforce(self, now: float) -> None:
        """Cut the connection off if it has taken too long; called every second or so.

        Args:
            now: the loop's clock.
        """
        is_idle = self.timeout_keep_alive_task is not None  # then uvicorn itself looks after it
        if self.transport.is_closing() or not (is_idle or self._is_receiving):
            if now - self._heard > ANSWER:
                self.transport.abort()
        elif not is_idle and (now - self._heard > STALL or now - self._began > REQUEST):
            slow = f"comes too slowly; send it within {REQUEST:.0f} s, without a pause of {STALL:.0f} s"
            self.cut(Problem.of(408, Flaw("request", slow)))

    def cut(self, problem: Problem) -> None:
        """Close the connection, with an answer if one is awaited and none has begun."""
        is_fresh = self.cycle is None or self.cycle.response_complete
        if self._received if is_fresh else not self.cycle.response_started:
            self.transport.write(problem.message())
        if not is_fresh:
            # Ends the work on the request now, and not when the last byte is out.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._heard = self.loop.time()
        self.transport.close()

    @property
    def _is_receiving(self) -> bool:
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def _begin(self) -> None:
        self._began = self._heard = self.loop.time()
        self._received = 0

    def _should_upgrade(self) -> bool:
        return False  # uvicorn would log two warnings each time

    def _make_room(self) -> None:
        others = (other for other in self.connections if isinstance(other, BoundedProtocol))
        waiting = [other for other in others if not (other.is_answering or other.transport.is_closing())]
        min(waiting, key=lambda other: other.began, default=self).cut(
            later("too many connections are open, and this one has been waiting the longest")
        )
