"""The bounds of a connection, each at its boundary, with a clock that the test sets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from bot.api.http.protocol import (
    ANSWER,
    MAX_BYTES,
    MAX_HEAD,
    REQUEST,
    STALL,
    BoundedProtocol,
    ConnectionState,
)

HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"
LITTLE = 0.001


class Loop:
    """A loop's clock, and tasks on the real one."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        """Seconds."""
        return self.now

    def create_task(self, work: Coroutine[Any, Any, None], **_: object) -> asyncio.Task[None]:
        """On the running loop."""
        return asyncio.get_running_loop().create_task(work)

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Never in a test's time."""
        return asyncio.get_running_loop().call_later(delay + 3600, callback)


class Transport(asyncio.Transport):
    """Remembers what is written and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Kept."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Whether it was closed or aborted."""
        return self.closed or self.aborted

    def close(self) -> None:
        """Remembered; a real one still has to write."""
        self.closed = True

    def abort(self) -> None:
        """Remembered."""
        self.aborted = True

    def pause_reading(self) -> None:
        """Nothing to pause."""

    def resume_reading(self) -> None:
        """Nothing to resume."""


class Side:
    """One connection with everything around it."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None,
        state: ConnectionState | None = None,
        *,
        begins: float = 1000.0,
    ) -> None:
        self.loop = Loop(begins)
        config = uvicorn.Config(
            app or answer, http=BoundedProtocol, ws="none", log_config=None, access_log=False,
            proxy_headers=False, h11_max_incomplete_event_size=MAX_HEAD,
        )  # fmt: skip
        self.state = state or ConnectionState(100)
        self.connection = BoundedProtocol(config, self.state, {}, _loop=self.loop)
        self.transport = Transport()
        self.connection.connection_made(self.transport)

    def after(self, seconds: float) -> None:
        """Let time pass, and look."""
        self.loop.now += seconds
        self.connection.enforce(self.loop.now)

    @property
    def status(self) -> int | None:
        """Of the only answer; None if there is none."""
        assert len(re.findall(rb"HTTP/1\.1 [0-9]", self.transport.written)) <= 1
        return int(self.transport.written.split()[1]) if self.transport.written else None

    def problem(self) -> dict[str, Any]:
        """The problem details that were written."""
        problem: dict[str, Any] = json.loads(self.transport.written.partition(b"\r\n\r\n")[2])
        return problem


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads everything, then says that it is done."""
    del scope
    while True:
        message = await receive()
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    """Works for ever, or until nobody is there."""
    del scope, send
    while (await receive())["type"] != "http.disconnect":
        pass


async def settle() -> None:
    """Let the application go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_connection_that_says_nothing_is_closed() -> None:
    """After five seconds, without an answer to what nobody asked."""
    side = Side()
    side.after(STALL)
    assert not side.transport.is_closing()
    side.after(LITTLE)
    assert side.transport.closed
    assert side.transport.written == b""


@pytest.mark.parametrize("sent", [b"G", HEAD[:-2], HEAD, HEAD + b"123456789"])
async def test_a_stalled_request_is_cut(sent: bytes) -> None:
    """Headers or a body that stop coming: 408 after five seconds without a byte."""
    side = Side()
    side.connection.data_received(sent)
    await settle()
    side.after(STALL)
    assert not side.transport.is_closing()
    side.after(LITTLE)
    assert side.transport.closed
    assert (side.status, side.problem()["errors"][0]["field"]) == (408, "request")
    await settle()
    assert not side.state.tasks


@pytest.mark.parametrize("sent", [HEAD[:30], HEAD.replace(b"10", b"100")])
async def test_a_trickling_request_is_cut(sent: bytes) -> None:
    """However steadily it trickles, it must be complete after thirty seconds."""
    side = Side()
    side.connection.data_received(sent)
    for _ in range(int(REQUEST)):
        side.after(1)
        assert not side.transport.is_closing()
        side.connection.data_received(b"x")
        await settle()
    side.after(LITTLE)
    assert side.status == 408


async def test_a_request_is_timed_from_its_own_begin() -> None:
    """A connection that is used for long may go on as long as each request comes in time."""
    side = Side()
    for _ in range(10):
        side.connection.data_received(HEAD)
        side.after(STALL)
        side.connection.data_received(b"1234567890")
        await settle()
        assert b"ok" in side.transport.written
        side.transport.written = b""
        side.after(STALL)
    assert not side.transport.is_closing()


async def test_between_requests_uvicorn_waits() -> None:
    """An idle connection is not cut for being slow."""
    side = Side()
    side.connection.data_received(HEAD + b"1234567890")
    await settle()
    side.after(10 * ANSWER)
    assert not side.transport.is_closing()


async def test_an_answer_must_be_taken() -> None:
    """A minute after the request, whoever has no answer or has not taken it is cut off."""
    working, closing = Side(never), Side()
    working.connection.data_received(HEAD + b"1234567890")
    closing.connection.data_received(b"nonsense\r\n\r\n")
    assert closing.status == 400
    await settle()
    for side in (working, closing):
        side.after(ANSWER)
        assert not side.transport.aborted
        side.after(LITTLE)
        assert side.transport.aborted
    working.connection.connection_lost(None)
    await settle()


async def test_a_body_that_was_answered_is_not_read_for_ever() -> None:
    """What comes after the answer is thrown away up to a bound."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    side = Side(refuse)
    side.connection.data_received(b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    await settle()
    assert side.status == 200
    piece = b"%x\r\n%s\r\n" % (65_536, b"x" * 65_536)
    for _ in range(MAX_BYTES // len(piece)):
        side.connection.data_received(piece)
    assert not side.transport.aborted
    side.connection.data_received(piece)
    assert side.transport.aborted


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * MAX_HEAD, 431),
        (b"G" * MAX_HEAD + b"G", 431),
    ],
)
async def test_what_is_no_http(sent: bytes, status: int) -> None:
    """Problem details, and the end of the connection."""
    side = Side()
    side.connection.data_received(sent)
    assert side.status == status
    assert side.problem()["status"] == status
    assert side.transport.closed
    await settle()
    assert not side.state.tasks


async def test_the_longest_waiting_makes_room() -> None:
    """Beyond the bound, a new connection takes the place of the one that has waited longest."""
    state = ConnectionState(3)
    sides = [Side(never, state, begins=1000.0 + begins) for begins in (2, 1, 3)]
    assert not [side for side in sides if side.transport.is_closing()]
    new = [Side(never, state, begins=1010.0)]
    assert [side.transport.closed for side in (*sides, *new)] == [False, True, False, False]
    # One that is closing does so later, and is not closed twice.
    new.append(Side(never, state, begins=1010.0))
    assert [side.transport.closed for side in (*sides, *new)] == [True, True, False, False, False]


async def test_who_is_being_answered_keeps_its_place() -> None:
    """Only connections whose request is not complete make room."""
    state = ConnectionState(2)
    answering, slow = Side(never, state), Side(never, state)
    answering.connection.data_received(HEAD + b"1234567890")
    slow.connection.data_received(HEAD)
    await settle()
    new = Side(never, state, begins=1001.0)
    assert slow.status == 503
    assert b"Retry-After: 5\r\n" in slow.transport.written
    assert not answering.transport.is_closing()
    assert not new.transport.is_closing()
    answering.connection.connection_lost(None)
    await settle()


async def test_stopping() -> None:
    """The request that is complete gets its answer; the others are told, or just closed."""
    state = ConnectionState(10)
    gate = asyncio.Event()

    async def gated(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await answer(scope, receive, send)

    complete, half, silent = Side(gated, state), Side(gated, state), Side(gated, state)
    complete.connection.data_received(HEAD + b"1234567890")
    half.connection.data_received(HEAD)
    await settle()
    for side in (complete, half, silent):
        side.connection.shutdown()
    assert (half.status, half.transport.closed) == (503, True)
    assert (silent.status, silent.transport.closed) == (None, True)
    assert not complete.transport.is_closing()
    gate.set()
    await settle()
    assert (complete.status, complete.transport.closed) == (200, True)
