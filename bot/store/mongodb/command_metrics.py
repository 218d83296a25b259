"""How long MongoDB takes for each write, told by the driver itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

_WRITES = frozenset({"insert", "update", "delete", "findAndModify", "bulkWrite", "commitTransaction"})
_MICROSECONDS = 1e6


class OnWrite(Protocol):
    """Takes each write: how many seconds MongoDB took to acknowledge it, or to fail."""

    def __call__(self, seconds: float, *, succeeded: bool) -> None:
        """Quick, and never fails."""


class WriteListener(CommandListener):
    """Watches a client's commands; what is in them is of no interest."""

    def __init__(self, on_write: OnWrite) -> None:
        self._on_write = on_write

    def started(self, event: CommandStartedEvent) -> None:
        """Not looked at."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Looked at if it wrote something."""
        if event.command_name in _WRITES and _wrote(event.reply):
            acknowledged = "writeConcernError" not in event.reply
            self._on_write(event.duration_micros / _MICROSECONDS, succeeded=acknowledged)

    def failed(self, event: CommandFailedEvent) -> None:
        """Looked at if it was to write something."""
        if event.command_name in _WRITES:
            self._on_write(event.duration_micros / _MICROSECONDS, succeeded=False)


def _wrote(reply: Mapping[str, Any]) -> bool:
    """Whoever asks for the next prompt, and finds none, has written nothing."""
    return reply.get("value", True) is not None
