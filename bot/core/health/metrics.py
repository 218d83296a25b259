"""What is measured. A metric is declared here, and counted where it happens; `bot.metrics` shows all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.answers.rules import Outcome


class SendKind(StrEnum):
    """What is sent to Telegram."""

    PROMPT = "prompt"
    REPLY = "reply"
    ALERT = "alert"
    """A message to an admin that something broke, or is well again."""
    EDIT = "edit"
    ANSWER = "answer"
    """The toast after a tap."""
    REACTION = "reaction"
    """To a note that is kept, in place of a reply."""


class SendResult(StrEnum):
    """What became of one try to send."""

    SENT = "sent"
    LIMITED = "limited"
    """Telegram asks to slow down."""
    REJECTED = "rejected"
    """Telegram will never take it: blocked, or too old."""
    FAILED = "failed"
    """No connection, no reply, or an error of Telegram's."""


@dataclass(frozen=True, slots=True)
class CountMetric:
    """How often something happened.

    Attributes:
        name: without the prefix that all share.
        text: one sentence.
        labels: by name, all values that each may have: each series is there from the beginning, or its first
            event would show no increase.
    """

    name: str
    text: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallMetric:
    """Calls: how many by result (`ok`, `failed`), and how long the successful ones took.

    Attributes:
        count: their number; its one label is the result.
        duration: name and text of the histogram.
        buckets: its upper bounds, in seconds.
        last: name and text of the instant of the last successful one, in seconds since 1970; None: not told.
    """

    count: CountMetric
    duration: tuple[str, str]
    buckets: tuple[float, ...]
    last: tuple[str, str] | None = None


_RESULTS = {"result": ("ok", "failed")}

TAPS = CountMetric(
    "taps",
    "Taps that came to their end, by outcome.",
    # A command is no tap: a message.
    {"outcome": tuple(outcome for outcome in Outcome if outcome is not Outcome.REFUSED_COMMAND)},
)
SENDS = CountMetric(
    "sends",
    "Tries to send to Telegram, by kind and result.",
    {"kind": tuple(SendKind), "result": tuple(SendResult)},
)
POLLS = CallMetric(
    CountMetric("polls", "Polls of Telegram, by result.", _RESULTS),
    (
        "poll_delay_seconds",
        "How long polls took beyond the time for which Telegram was to hold them, where that is known.",
    ),
    (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
WRITES = CallMetric(
    CountMetric("mongodb_writes", "Write commands to MongoDB, by result.", _RESULTS),
    ("mongodb_write_duration_seconds", "How long MongoDB took to acknowledge writes."),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    (
        "last_write_timestamp_seconds",
        "When MongoDB last acknowledged a write; 0 before the first one of this process.",
    ),
)

METRICS: tuple[CountMetric | CallMetric, ...] = (TAPS, SENDS, POLLS, WRITES)
"""All of them."""
