"""Measurements for Prometheus: counts, times and states of the service, nothing that tells of anybody."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bot import __version__
from bot.core.answers.rules import Outcome
from bot.core.health.vitals import Vitals, examine
from bot.services.telegram.metered_api import SendKind, SendResult

PREFIX = "feedback_bot"

_POLL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 31, 35, 40, 60)
_WRITE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ENDS = {True: "ok", False: "failed"}
# No tap: a message.
_TAP_OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.REFUSED_COMMAND)


class PrometheusMeters:
    """Implements `bot.services.telegram.metered_api.Meters`, and shows everything on one page.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        # A second series for each counter, of no use here.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
        self._clock = clock
        # Its own: what other packages count is not ours to show.
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info(f"{PREFIX}_build", "Version of the bot.", registry=registry).info(
            {"version": __version__, "python": platform.python_version()}
        )
        self._taps = Counter(
            f"{PREFIX}_taps", "Taps that came to their end, by outcome.", ["outcome"], registry=registry
        )
        self._polls = Counter(
            f"{PREFIX}_polls", "Polls of Telegram, by result.", ["result"], registry=registry
        )
        self._poll_seconds = Histogram(
            f"{PREFIX}_poll_duration_seconds",
            "How long successful polls took; Telegram holds a poll for up to 30 s until there is something.",
            buckets=_POLL_BUCKETS,
            registry=registry,
        )
        self._writes = Counter(
            f"{PREFIX}_mongodb_writes", "Write commands to MongoDB, by result.", ["result"], registry=registry
        )
        self._write_seconds = Histogram(
            f"{PREFIX}_mongodb_write_duration_seconds",
            "How long MongoDB took to acknowledge writes.",
            buckets=_WRITE_BUCKETS,
            registry=registry,
        )
        self._last_write = Gauge(
            f"{PREFIX}_last_write_timestamp_seconds",
            "When MongoDB last acknowledged a write; 0 before the first one of this process.",
            registry=registry,
        )
        self._sends = Counter(
            f"{PREFIX}_sends",
            "Tries to send to Telegram, by kind and result.",
            ["kind", "result"],
            registry=registry,
        )
        self._now = _Now()
        registry.register(self._now)
        # From the beginning, or the first one of each would show no increase.
        for outcome in _TAP_OUTCOMES:
            self._taps.labels(outcome.value)
        for end in _ENDS.values():
            self._polls.labels(end)
            self._writes.labels(end)
        for kind in SendKind:
            for result in SendResult:
                self._sends.labels(kind.value, result.value)

    def polled(self, seconds: float, *, succeeded: bool) -> None:
        """See `Meters`."""
        self._polls.labels(_ENDS[succeeded]).inc()
        if succeeded:
            self._poll_seconds.observe(seconds)

    def wrote(self, seconds: float, *, succeeded: bool) -> None:
        """See `Meters`."""
        self._writes.labels(_ENDS[succeeded]).inc()
        if succeeded:
            self._write_seconds.observe(seconds)
            self._last_write.set(self._clock())

    def tap(self, outcome: Outcome) -> None:
        """See `Meters`."""
        self._taps.labels(outcome.value).inc()

    def sent(self, kind: SendKind, result: SendResult) -> None:
        """See `Meters`."""
        self._sends.labels(kind.value, result.value).inc()

    def page(self, vitals: Vitals, rate: float | None, accept: str) -> tuple[bytes, str]:
        """Everything, in the format that an `Accept` header asks for, and its `Content-Type`.

        Args:
            rate: `feedback_event_write_success_rate`; None: unknown, and left out.
        """
        self._now.vitals, self._now.rate = vitals, rate
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Now(Collector):
    """Gauges of the moment; what is unknown is left out."""

    vitals: Vitals | None = None
    rate: float | None = None

    def collect(self) -> Iterator[Metric]:
        """By name."""
        vitals = self.vitals
        if vitals is None:
            return
        healthy = GaugeMetricFamily(
            f"{PREFIX}_healthy",
            "Whether a part does its work (1) or is broken (0); left out while nobody knows.",
            labels=["part"],
        )
        for finding in examine(vitals):
            healthy.add_metric([finding.part.value], float(finding.is_well))
        yield healthy
        for name, text, value in (
            ("journal_pending", "Updates in the journal that are not processed yet.", vitals.pending),
            (
                "journal_oldest_pending_age_seconds",
                "How long the oldest unprocessed update has been waiting; 0 when there is none.",
                None if vitals.pending is None else vitals.oldest_age.total_seconds(),
            ),
            ("dead_letters", "Updates that were given up and are kept in the journal.", vitals.dead_letters),
            (
                "last_poll_timestamp_seconds",
                "When the last successful poll ended, of this process or one before.",
                None if vitals.last_poll is None else vitals.last_poll.timestamp(),
            ),
            (
                "write_success_ratio",
                "Taps written over taps to be written (0-1), as /stats shows it; left out while unknown.",
                self.rate,
            ),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)
