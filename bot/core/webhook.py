"""Where Telegram pushes updates to, instead of being polled. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.core.clock import from_ms
from bot.core.values import read_int64

RESERVED = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths of the HTTP API."""

_RECENT = timedelta(minutes=1)
_LABEL = b"feedback-bot webhook"


@dataclass(frozen=True, slots=True)
class Hook:
    """What is told to Telegram.

    Attributes:
        url: where it sends updates.
        path: of the URL.
        port: at which to listen if nothing else is said; None if the URL names none, or needs TLS in front.
        secret: comes with each update, and shows that it is Telegram's.
    """

    url: str
    path: str
    port: int | None
    secret: str


def read_hook(url: str, token: str, *, is_local: bool) -> Hook:
    """The webhook at a URL.

    Args:
        token: the bot's.
        is_local: the Bot API server is not Telegram's own.

    Raises:
        ValueError: the URL cannot be used; the message says why and what to write.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is no address; {_EXAMPLE}") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{url!r} is no address; {_EXAMPLE}")
    if parts.scheme == "http" and not is_local:
        raise ValueError(f"Telegram sends to https addresses alone; {_EXAMPLE}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"the address must be host and path alone; {_EXAMPLE}")
    path = parts.path or "/"
    if not path.isascii() or "%" in path or "//" in path:
        raise ValueError(f"the path must be of plain letters, digits and signs; {_EXAMPLE}")
    if any(path == taken or path.startswith(f"{taken}/") for taken in RESERVED):
        raise ValueError(f"the path {path} is the HTTP API's; take another one, such as /telegram")
    return Hook(url, path, port if parts.scheme == "http" else None, secret_of(token))


_EXAMPLE = "write one such as https://bot.example.org/telegram"


def secret_of(token: str) -> str:
    """What only Telegram and the services of a bot know; a setting of its own it needs none.

    Returns:
        64 hexadecimal digits, which tell nothing about the token.
    """
    return hmac.new(token.encode(), _LABEL, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class HookState:
    """How a webhook is, by Telegram's word.

    Attributes:
        is_set: Telegram sends to our address.
        pending: updates that wait to be sent.
        trouble: why they wait; None if Telegram gets through, as far as is known.
    """

    is_set: bool
    pending: int
    trouble: str | None


def read_state(info: Mapping[str, Any], url: str, now: datetime) -> HookState:
    """What getWebhookInfo says of our webhook."""
    pending = read_int64(info.get("pending_update_count")) or 0
    failed_at, trouble = read_int64(info.get("last_error_date")), None
    # An error stays in the reply for ever; what waits, and failed a moment ago, is still in trouble.
    if pending and failed_at is not None and now - from_ms(failed_at * 1000) < _RECENT:
        trouble = " ".join(str(info.get("last_error_message") or "it does not get through").split())[:200]
    return HookState(info.get("url") == url, pending, trouble)
