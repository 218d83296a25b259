"""Callback data, what a button carries: parts with bars between them. Telegram allows 1 to 64 bytes."""

from __future__ import annotations

MAX_CALLBACK_BYTES = 64

_BAR = "|"
_MOST_BARS = 4  # all that forms tell apart; further ones are text


def join(*parts: str) -> str:
    """The callback data of some parts."""
    return _BAR.join(parts)


def split(data: object) -> list[str]:
    """The first parts of callback data, and the rest as one; none if it is no text. Total."""
    return data.split(_BAR, _MOST_BARS) if isinstance(data, str) else []
