"""Request bodies: bounded, JSON alone, read strictly, and without holding up the event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Message, Receive

from bot.api.http.problems import Flaw, Problem, flaws_of, invalid
from bot.core.shared.bson_json import BadValue, loads
from bot.core.shared.tolerant import fenced_json

T = TypeVar("T")

MAX_BODY = 1024 * 1024
"""Bytes."""

_DRAINED = 8 * MAX_BODY
# More than this takes long enough to read that others would notice.
_AT_ONCE = 32 * 1024
# Python reads nothing else while it reads JSON, and makes many small objects slowly. A megabyte of activities
# has a tenth of this.
_MAX_OBJECTS = 100_000


class RequestStream:
    """The messages of a request, of which the rest can be drained.

    What a client is still sending must be taken from it before it will look at an answer: closing the
    connection before would destroy the answer on the way.
    """

    def __init__(self, receive: Receive, *, waits: bool) -> None:
        """`waits`: the client sends its body only when asked to (`Expect: 100-continue`)."""
        self._receive = receive
        self._is_open = not waits

    async def receive(self) -> Message:
        """The next message, for the application."""
        self._is_open = True
        message = await self._receive()
        self._is_open = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Take the rest, up to some megabytes."""
        size = 0
        while self._is_open and size < _DRAINED:
            size += len((await self.receive()).get("body", b""))


class BodyReader:
    """Reads bodies. Large ones are taken apart in a thread, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def read(
        self, request: Request, make: Callable[[Any], T], readings: Counter[str] | None = None
    ) -> T:
        """Read the JSON value in the body and convert it with `make`.

        Args:
            make: called with the value; it may take its time, and raise `BadValue` or `Problem`.
            readings: counts what was taken off the body. Without it nothing is: a Markdown fence is refused.

        Raises:
            Problem: the body is too large, of another type, or cannot be used.
        """
        _check_type(request)
        body = await _receive(request)

        if body.count(b"[") + body.count(b"{") > _MAX_OBJECTS:
            problem = f"has more than {_MAX_OBJECTS:,} brackets [ and {{; send it in several requests"
            raise invalid(Flaw("body", problem))

        def work() -> T:
            try:
                return make(_value(body, readings))
            except BadValue as error:
                raise invalid(*flaws_of(error)) from None

        if len(body) <= _AT_ONCE:
            return work()
        async with self._turn:
            return await asyncio.to_thread(work)


def _value(body: bytes, readings: Counter[str] | None) -> Any:
    try:
        return loads(body, max_bytes=None)
    except BadValue:
        fenced = [] if readings is None else fenced_json(body.decode(errors="surrogateescape"))
        if readings is None or len(fenced) != 1:
            raise
        readings["took off the text round its JSON"] += 1
        return loads(fenced[0], max_bytes=None)


def _check_type(request: Request) -> None:
    encodings = request.headers.getlist("content-encoding")
    if [encoding for encoding in encodings if encoding.strip().lower() not in ("identity", "")]:
        flaw = Flaw("Content-Encoding", "is not supported; send the body as it is, without compression")
        raise Problem.of(415, flaw, Accept_Encoding="identity")
    types = request.headers.getlist("content-type")
    media_type, _, parameters = types[0].partition(";") if len(types) == 1 else ("", "", "")
    if media_type.strip().lower() != "application/json":
        raise Problem.of(415, Flaw("Content-Type", "must be application/json; send the body as JSON"))
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            raise Problem.of(
                415, Flaw("Content-Type", "names another charset than UTF-8; send the body in UTF-8")
            )


async def _receive(request: Request) -> bytes:
    length = request.headers.get("content-length")
    if length is not None and length.isdigit() and (len(length) > 10 or int(length) > MAX_BODY):
        raise _too_large()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _too_large()
    if not body:
        raise invalid(Flaw("body", "is empty; send JSON"))
    return bytes(body)


def _too_large() -> Problem:
    flaw = Flaw("body", f"is larger than {MAX_BODY:,} bytes; send it in several requests")
    return Problem.of(413, flaw)
