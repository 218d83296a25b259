"""The webhook's door, beside the API: only Telegram knows its secret, and 200 means that it is on disk."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.api.http.bodies import MAX_BODY, RequestStream
from bot.api.http.guard import defect, digest
from bot.api.http.problems import Flaw, Problem, later
from bot.core.inbox.webhook import WebhookSettings
from bot.core.shared.errors import JournalError
from bot.core.telegram.updates import unreadable
from bot.logs import Recurring, where

log = logging.getLogger(__name__)

_SECRET = b"x-telegram-bot-api-secret-token"
_TEXT_KEPT = 10_000  # characters of what is no JSON


class WebhookDoor:
    """An ASGI application that takes updates at one path, in front of another one.

    Args:
        take: keeps an update; raises `JournalError` when it cannot.
    """

    def __init__(
        self, app: ASGIApp, hook: WebhookSettings, take: Callable[[object], Awaitable[None]]
    ) -> None:
        self._app = app
        self._path = hook.path
        self._digest = digest(hook.secret.encode())
        self._take = take
        self._strangers = Recurring(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        stream = RequestStream(receive, waits=any(name == b"expect" for name, _ in scope["headers"]))
        try:
            response = await self._answer(scope, stream)
        except Problem as exc:
            response = exc.response()
        except ClientDisconnect:
            return  # Telegram sends it again
        except Exception as exc:  # noqa: BLE001  # a traceback could quote what an athlete wrote
            log.error("taking an update failed: unexpected %s", where(exc))
            response = defect().response()
        await stream.drain()
        await response(scope, stream.receive, send)

    async def _answer(self, scope: Scope, stream: RequestStream) -> Response:
        if scope["method"] != "POST":
            raise Problem.of(405, Flaw("method", "is not POST, as Telegram's is"), Allow="POST")
        given = [value for name, value in scope["headers"] if name == _SECRET]
        if len(given) != 1 or not hmac.compare_digest(digest(given[0]), self._digest):
            self._strangers.met("somebody without the webhook's secret has posted to its path: refused")
            raise Problem.of(401, Flaw(_SECRET.decode(), "is missing or wrong; only Telegram knows it"))
        try:
            await self._take(_update(await _read(stream)))
        except JournalError as exc:
            # Telegram sends it again, to this service or another one.
            log.error("an update was not taken: %s", exc)
            raise later("the update is not kept; send it again") from None
        return JSONResponse({})


async def _read(stream: RequestStream) -> bytes:
    body = bytearray()
    while True:
        message = await stream.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise Problem.of(413, Flaw("body", f"is larger than {MAX_BODY:,} bytes"))
        if not message.get("more_body", False):
            return bytes(body)


def _update(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # It has the secret, so it is Telegram's, which would send it for ever: it becomes a dead letter.
        return unreadable(0, body.decode(errors="replace")[:_TEXT_KEPT])
