"""Where Telegram pushes updates to, instead of being polled. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.core.shared.clock import from_ms
from bot.core.shared.tolerant import read_int64

RESERVED = ("/v1", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")
"""Paths of the HTTP API."""

_LATELY = timedelta(minutes=10)
_LABEL = b"feedback-bot webhook"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
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


def read_hook(url: str, token: str, *, is_local: bool) -> WebhookSettings:
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
        raise ValueError(f"{_quoted(url)} is no address; {_EXAMPLE}") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{_quoted(url)} is no address; {_EXAMPLE}")
    if parts.scheme == "http" and not is_local:
        raise ValueError(f"Telegram sends to https addresses alone; {_EXAMPLE}")
    if not is_local and (port or _HTTPS) not in _PORTS:
        raise ValueError(f"Telegram sends to the ports 443, 80, 88 and 8443 alone; {_EXAMPLE}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"the address must be host and path alone; {_EXAMPLE}")
    path = parts.path or "/"
    if not path.isascii() or "%" in path or "//" in path:
        raise ValueError(f"the path must be of plain letters, digits and signs; {_EXAMPLE}")
    if any(path == taken or path.startswith(f"{taken}/") for taken in RESERVED):
        raise ValueError(f"the path {path} is the HTTP API's; take another one, such as /telegram")
    return WebhookSettings(url, path, port if parts.scheme == "http" else None, secret_of(token))


def _quoted(url: str) -> str:
    """The address, unless there may be a password in it."""
    return "this" if "@" in url else repr(url)


_HTTPS = 443
_PORTS = frozenset({_HTTPS, 80, 88, 8443})
_EXAMPLE = "write one such as https://bot.example.org/telegram"


def secret_of(token: str) -> str:
    """What only Telegram and the services of a bot know; a setting of its own it needs none.

    Returns:
        64 hexadecimal digits, which tell nothing about the token.
    """
    return hmac.new(token.encode(), _LABEL, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class WebhookInfo:
    """How a webhook is, by Telegram's word.

    Attributes:
        is_set: Telegram sends to our address.
        pending: updates that wait to be sent.
        failed_at: when sending one failed last, in seconds by Telegram's clock; it stays there for ever.
        failure: why.
    """

    is_set: bool
    pending: int
    failed_at: int | None
    failure: str

    def is_in_trouble(
        self, last: WebhookInfo | None, calm: WebhookInfo | None, *, has_arrived: bool = False
    ) -> bool:
        """Whether Telegram does not get through.

        Args:
            last: how it was at the last look; None at the first, when nobody knows how old the failure is.
            calm: how it was when Telegram got through last.
            has_arrived: whether an update has come since the last failure.
        """
        if self.failed_at is None or (calm is not None and self.failed_at == calm.failed_at):
            return False
        if self.pending > 0:  # that is in trouble, however long ago it failed
            return True
        # What has failed is forgotten after a while: that nothing waits does not show that the way is free.
        return last is not None and (self.failed_at != last.failed_at or not has_arrived)

    def failed_lately(self, now: datetime) -> bool:
        """The same by one look alone, which takes our clock for Telegram's, to some minutes."""
        return (
            self.pending > 0
            and self.failed_at is not None
            and abs(now - from_ms(self.failed_at * 1000)) < _LATELY
        )


def read_state(info: Mapping[str, Any], url: str) -> WebhookInfo:
    """What getWebhookInfo says of our webhook."""
    failure = str(info.get("last_error_message") or "it does not get through")
    return WebhookInfo(
        is_set=info.get("url") == url,
        pending=read_int64(info.get("pending_update_count")) or 0,
        failed_at=read_int64(info.get("last_error_date")),
        failure=" ".join(failure.split())[:200],
    )
