"""HTTP to the Bot API over aiohttp, behind python-telegram-bot's `BaseRequest` interface.

python-telegram-bot's own transport spends most of a busy bot's time in its connection pool, and cannot tell
whether a failed request was sent. This one can: `NotSentError`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.telegram.proxies import route_to

_T = TypeVar("_T")
_NOT_OK = re.compile(rb'\s*\{[^{}\[\]]*"ok"\s*:\s*false')
_DRIP = 20.0  # seconds
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NotSentError(NetworkError):
    """No connection could be made: the request did not reach the Bot API."""


class UnreadableReplyError(TelegramError):
    """The body of a reply is no JSON object of the Bot API."""

    def __init__(self, body: bytes) -> None:
        super().__init__("the Bot API sent something that is not a reply")
        self.body = body.decode("utf-8", "replace")


class AiohttpRequest(BaseRequest):
    """Requests over one aiohttp session.

    Args:
        api_url: root of the Bot API server; the proxy variables of the environment are honoured for it.
        connections: how many at once; further requests wait for a free one.
        read_timeout: seconds to wait for a reply, unless the call says otherwise.
        connect_timeout: seconds to wait for a connection.
        on_date: is called with the `Date` of a reply if it is another one than that of the reply before.
    """

    def __init__(
        self,
        api_url: str,
        connections: int,
        *,
        read_timeout: float,
        connect_timeout: float = 5.0,
        on_date: Callable[[str], None],
    ) -> None:
        self._api_url = api_url
        self._connections = connections
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._on_date = on_date
        self._session: aiohttp.ClientSession | None = None
        self._unsent: tuple[type[Exception], ...] = ()
        self._date = ""

    @property
    def read_timeout(self) -> float | None:
        """Seconds to wait for a reply."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Open the session; doing so twice is harmless.

        Raises:
            ConfigError: the environment names a proxy that cannot be used.
        """
        if self._session is None:
            # Idle connections are dropped before a server or a router in between drops them, since a
            # request sent into a dead connection leaves it unknown whether it was carried out.
            route = route_to(self._api_url, limit=self._connections, keepalive_timeout=15)
            self._session = aiohttp.ClientSession(
                connector=route.connector, headers={"User-Agent": self.USER_AGENT}, proxy=route.proxy
            )
            self._unsent = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, *route.unsent)

    async def shutdown(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ARG002  # aiohttp has none: requests are small
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ARG002  # waiting for a connection is not a fault
    ) -> tuple[int, bytes]:
        """Send one request and return HTTP status and body.

        Raises:
            NotSentError: no connection.
            TimedOut, NetworkError: sent perhaps, but no whole reply came.
        """
        if self._session is None:
            raise RuntimeError("the transport is not initialized")
        patience = _given(read_timeout, self._read_timeout)
        timeout = aiohttp.ClientTimeout(
            # A reply that drips in byte by byte keeps every single wait short.
            total=None if patience is None else patience + _DRIP,
            sock_connect=_given(connect_timeout, self._connect_timeout),
            sock_read=patience,
        )
        try:
            async with self._session.request(method, url, timeout=timeout, **_body(request_data)) as reply:
                if (date := reply.headers.get("Date")) and date != self._date:
                    self._date = date
                    self._on_date(date)
                return _outcome(reply.status, await reply.read())
        except self._unsent as exc:
            raise NotSentError(f"no connection to the Bot API ({type(exc).__name__})") from exc
        except TimeoutError as exc:
            raise TimedOut("the Bot API did not reply in time") from exc
        except aiohttp.ClientError as exc:
            raise NetworkError(f"the connection to the Bot API broke ({type(exc).__name__})") from exc

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse a reply; unlike the original, without logging a body that may hold what athletes wrote."""
        try:
            # A byte that is no UTF-8 spoils one character, not a batch.
            reply = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise UnreadableReplyError(payload) from None
        if not isinstance(reply, dict) or (reply.get("ok") is True and "result" not in reply):
            raise UnreadableReplyError(payload)
        return reply


def _outcome(status: int, body: bytes) -> tuple[int, bytes]:
    """Some proxies and servers put an error into a reply with status 200; the error code tells."""
    if status == HTTPStatus.OK and _NOT_OK.match(body):
        with contextlib.suppress(ValueError, RecursionError):
            code = json.loads(body).get("error_code")
            return code if isinstance(code, int) else HTTPStatus.INTERNAL_SERVER_ERROR, body
    return status, body


def _given(value: Any, default: _T) -> _T:
    return default if value is BaseRequest.DEFAULT_NONE else value


def _body(request_data: RequestData | None) -> dict[str, Any]:
    if request_data is None:
        return {}
    if not request_data.contains_files:
        # Encoded here: aiohttp's forms prepare for files at every request.
        return {"data": request_data.url_encoded_parameters().encode(), "headers": _FORM}
    form = aiohttp.FormData(request_data.json_parameters)
    for name, (filename, content, mime_type) in (request_data.multipart_data or {}).items():
        form.add_field(name, content, filename=filename, content_type=mime_type)
    return {"data": form}
