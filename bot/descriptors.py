"""How many files the system lets this process have open, connections included, and who gets them."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

from bot.core.shared.errors import ConfigError

LEAST = 64
"""Enough for everything, one thing at a time."""

_MOST = 65_536
_OPEN_MAX = 10_240
"""More macOS gives no process, whatever its hard limit says."""
# Standard streams, event loop, lock, journal, the driver's own connections, a picture in the making.
_FIXED = 36


@dataclass(frozen=True, slots=True)
class Share:
    """How many connections may be open at once, by whom to.

    Attributes:
        telegram: besides the poll.
        mongodb: in the driver's pool.
    """

    telegram: int
    mongodb: int


def raise_limit() -> int:
    """Allow as many open files as this user may ask for; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (_MOST, _OPEN_MAX):
        wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            break
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            break
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if soft == resource.RLIM_INFINITY else soft


def share(limit: int) -> Share:
    """What is left of `limit` open files for connections.

    Raises:
        ConfigError: too little.
    """
    if limit < LEAST:
        raise ConfigError(
            f"this process may open {limit} files only, and needs {LEAST}; raise the limit (ulimit -n, or"
            " LimitNOFILE= in systemd)"
        )
    free = limit - _FIXED
    return Share(telegram=min(100, free // 2), mongodb=min(100, free // 2))
