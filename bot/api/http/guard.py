"""The door: only who has the token gets in, and what goes wrong behind it comes out as problem details."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.api.http.bodies import RequestStream
from bot.api.http.problems import Flaw, Problem, invalid, later
from bot.api.http.protocol import MAX_HEAD
from bot.logs import where

log = logging.getLogger(__name__)

OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that need no token, and are there without one."""
DOCS = "/docs"
OPENAPI = "/openapi.json"
"""How to use the API is no secret: it needs no token, but is there only when the API is on."""

_MAX_PARAMETERS = 50
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Guard:
    """An ASGI application in front of another one.

    Args:
        token: the bearer token, any text; compared as UTF-8 bytes, in constant time. None: every
            request is refused.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._digest = None if token is None else digest(token.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False
        stream = RequestStream(receive, waits=any(name == b"expect" for name, _ in scope["headers"]))

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                await stream.drain()
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            _check_head(scope)
            if scope["path"] not in OPEN:
                self._admit(scope)
            _check_query(scope["query_string"])
            await self._app(scope, stream.receive, sending)
            return
        except Problem as exc:
            problem = exc
        except ClientDisconnect:
            return  # there is no connection to answer on
        except asyncio.CancelledError:
            # The service stops, and this request has taken longer than it waits.
            problem = later("the service is being stopped; send the request again in a moment")
        except Exception as exc:  # noqa: BLE001  # a traceback could quote what an athlete wrote
            log.error("a request failed: unexpected %s", where(exc))
            problem = defect()
        if not started:
            await problem.response()(scope, stream.receive, sending)

    def _admit(self, scope: Scope) -> None:
        if self._digest is None:
            problem = "the HTTP API is off; HTTP_PORT and HTTP_TOKEN switch it on"
            raise Problem.of(404, Flaw("path", problem))
        if scope["path"] in (DOCS, OPENAPI) and scope["method"] in ("GET", "HEAD"):
            return
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        is_right = hmac.compare_digest(digest(token.strip()), self._digest)
        if scheme.lower() != b"bearer" or not is_right:
            problem = "is wrong" if given else "is missing"
            cure = "send `Authorization: Bearer` with the token of HTTP_TOKEN"
            raise Problem.of(401, Flaw("Authorization", f"{problem}; {cure}"), WWW_Authenticate="Bearer")


def defect() -> Problem:
    """An error of ours."""
    return Problem(500, "something went wrong here, and the log of the service says where; please report it")


def digest(token: bytes) -> bytes:
    """Of one length, whatever the token's, so that comparing two takes always as long."""
    return hashlib.sha256(token).digest()


def _check_head(scope: Scope) -> None:
    """Check the head for faults that the HTTP library lets pass.

    Raises:
        Problem: the head is too large, though it came in one piece; or two lengths are given for the body,
            and a proxy in front may have gone by the other one and see another request behind it.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    size = sum(len(name) + len(value) + 4 for name, value in headers)  # with `: ` and the line's end
    if size + len(scope["raw_path"]) + len(scope["query_string"]) > MAX_HEAD:
        problem = f"take more than {MAX_HEAD:,} bytes with the request line; shorten them"
        raise Problem.of(431, Flaw("headers", problem), Connection="close")
    names = {name for name, _ in headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        problem = "comes with Transfer-Encoding; send one of the two"
        raise Problem.of(400, Flaw("Content-Length", problem), Connection="close")


def _check_query(query: bytes) -> None:
    """Check a query, so that nothing in it is dropped or replaced in silence.

    Raises:
        Problem: it is not UTF-8, or a parameter stands there twice.
    """
    try:
        parameters = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except UnicodeError:
        raise invalid(Flaw("query", "is not percent-encoded UTF-8; encode it so")) from None
    except ValueError:
        problem = f"has more than {_MAX_PARAMETERS} parameters; leave out what is not needed"
        raise invalid(Flaw("query", problem)) from None
    names = [name for name, _ in parameters]
    if repeated := sorted({name[:60] for name in names if names.count(name) > 1}):
        raise invalid(*(Flaw(name or "query", "is given more than once; keep one") for name in repeated))
