"""Logging without secrets: tokens and athletes' notes appear at no level, tracebacks included."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType

from bot.core.shared.errors import ExhaustedError, is_exhausted
from bot.core.shared.printable import one_line

# A bot token wherever it stands, such as in an address; a callback payload, because it may carry a note; the
# code of an invitation, in a link or in a message.
_PATTERNS = (
    (re.compile(r"\b[0-9]{3,}:[A-Za-z0-9_-]{20,}"), "[token]"),
    (re.compile(r"(?<=/bot)[0-9]+(?::|%3A)[^/\s'\"]+", re.IGNORECASE), "[token]"),
    (re.compile(r"(?<=://)[^/@\s]+@"), "[secret]@"),
    (re.compile(r"\b((?:session_)?feedback\|).*", re.DOTALL), r"\1[...]"),
    (re.compile(r"(?<=\bstart[ =])[A-Za-z0-9_-]{32}"), "[code]"),
)
_REMIND_EVERY = 60.0  # seconds
# Below WARNING these print requests, replies and documents whole.
_TALKATIVE = ("aiohttp", "asyncio", "httpcore", "httpx", "pymongo", "telegram")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class RedactingFormatter(logging.Formatter):
    """Formats first and removes secrets after, so that arguments and tracebacks are covered too."""

    def __init__(self, secrets: Iterable[str], *, as_json: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        forms = {form for secret in secrets for form in (secret, one_line(secret)) if form}
        self._secrets = sorted(forms, key=len, reverse=True)
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One line (text), or one JSON object a line; a traceback follows in text, or is a field in JSON.

        Whatever others wrote cannot begin a line of its own in text: line breaks in a message are escaped,
        and the lines of a traceback indented.
        """
        if not self._as_json:
            return self.redact(super().format(record))
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.redact(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = self.redact(self.formatException(record.exc_info))
        return json.dumps(entry)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        """ISO 8601 in UTC: logs of several machines can be compared."""
        return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line in text."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802
        """The traceback."""
        lines = map(one_line, super().formatException(ei).splitlines())
        return "\n".join(lines if self._as_json else (f"  {line}" for line in lines))

    def redact(self, text: str) -> str:
        """`text` without any secret that is known or recognised."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return redact(text)


def redact(text: str) -> str:
    """`text` without what looks like a token, a password in an address, or a payload with its note."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def setup_logging(level: str, log_format: str, secrets: Iterable[str]) -> None:
    """Log to standard error from here on; called once, by the composition root."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secrets, as_json=log_format == "json"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.raiseExceptions = False  # a broken pipe on standard error must not stop the bot
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class Recurring:
    """Tells of a trouble that is met again and again: its beginning, changes, once a minute, and its end.

    Args:
        monotonic: seconds; passed in by tests.
    """

    def __init__(self, log: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._said: str | None = None
        self._said_at = 0.0

    def met(self, message: str, level: int = logging.WARNING) -> None:
        """The trouble is there."""
        now = self._monotonic()
        if message != self._said or now - self._said_at >= _REMIND_EVERY:
            self._log.log(level, message)
            self._said, self._said_at = message, now

    def over(self, message: str) -> None:
        """It works; says so if it did not before."""
        if self._said is not None:
            self._log.info(message)
            self._said = None


def describe_defect(exc: BaseException) -> str:
    """For whoever goes on after an unexpected exception: where it arose.

    Raises:
        ExhaustedError: it is no defect, and going on would mean a service that lives and does nothing. (The
            journal keeps what was received.)
    """
    if is_exhausted(exc):
        raise ExhaustedError(exc) from None
    return where(exc)


def where(exc: BaseException) -> str:
    """Where an exception arose, without its message: that may quote what an athlete wrote."""
    frames = traceback.extract_tb(exc.__traceback__)
    places = " <- ".join(
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames[-4:])
    )
    return f"{type(exc).__name__} at {places}" if places else type(exc).__name__
