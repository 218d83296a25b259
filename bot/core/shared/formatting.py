"""Escaping, and lengths as Telegram counts them; times and counts in English, for logs and the commands."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

MAX_TITLE = 200
MAX_NOTE = 1_000
MAX_MESSAGE = 4_096
"""Of a message, as Telegram counts: in UTF-16 units."""

# Controls other than a line break, and marks that turn the order of everything behind them round.
_MISLEADING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escape(text: str, limit: int) -> str:
    """`text` for HTML, in at most `limit` characters, without what would mislead a reader of the text
    around."""
    return html.escape(clip(_MISLEADING.sub("", text), limit), quote=False)


def escape_line(text: str, limit: int) -> str:
    """As `escape`, on one line: what people say must not look like a line of ours. `?` if nothing is left."""
    return escape(" ".join(text.split()), limit) or "?"


def clip(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; what was cut shows as an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def units(text: str) -> int:
    """The length as Telegram counts it, in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip_units(text: str, limit: int) -> str:
    """`text` in at most `limit` UTF-16 units; what was cut shows as an ellipsis."""
    if units(text) <= limit:
        return text
    # Half a character at the end goes, too.
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
    return kept.decode("utf-16-le", "ignore") + "…"


def utc(instant: datetime | None) -> str:
    """`2026-02-16 18:42 UTC`, or `none`."""
    return "none" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def count(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
