"""Measurements for Prometheus: counts, times and states of the service, nothing that tells of anybody."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from itertools import product

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
from bot.core.figures.stats import Stats
from bot.core.health.metrics import METRICS, CallMetric, CountMetric
from bot.core.health.vitals import Vitals, examine

PREFIX = "feedback_bot"


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
        self._counters: dict[str, Counter] = {}
        self._durations: dict[str, Histogram] = {}
        self._instants: dict[str, Gauge] = {}
        for metric in METRICS:
            counted = metric.count if isinstance(metric, CallMetric) else metric
            counter = Counter(f"{PREFIX}_{counted.name}", counted.text, [*counted.labels], registry=registry)
            for values in product(*counted.labels.values()):
                counter.labels(*values)
            self._counters[counted.name] = counter
            if isinstance(metric, CallMetric):
                name, text = metric.duration
                self._durations[counted.name] = Histogram(
                    f"{PREFIX}_{name}", text, buckets=metric.buckets, registry=registry
                )
                if metric.last is not None:
                    name, text = metric.last
                    self._instants[counted.name] = Gauge(f"{PREFIX}_{name}", text, registry=registry)
        self._now = _Now()
        registry.register(self._now)

    def count(self, metric: CountMetric, *labels: str) -> None:
        """See `Meters`."""
        self._counters[metric.name].labels(*labels).inc()

    def called(self, metric: CallMetric, seconds: float | None, *, succeeded: bool) -> None:
        """See `Meters`."""
        name = metric.count.name
        self._counters[name].labels("ok" if succeeded else "failed").inc()
        if succeeded:
            if seconds is not None:
                self._durations[name].observe(seconds)
            if name in self._instants:
                self._instants[name].set(self._clock())

    def page(self, vitals: Vitals, figures: Stats | None, accept: str) -> tuple[bytes, str]:
        """Everything, in the format that an `Accept` header asks for, and its `Content-Type`.

        Args:
            figures: of the last days; None: unknown, and left out.
        """
        self._now.vitals, self._now.figures = vitals, figures
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Now(Collector):
    """Gauges of the moment; what is unknown is left out."""

    vitals: Vitals | None = None
    figures: Stats | None = None

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
            *_figures(self.figures),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)
        if self.figures is not None:
            by_hour = GaugeMetricFamily(
                f"{PREFIX}_response_by_hour_ratio",
                "Questions answered over questions asked (0-1) in the last 30 days, by the hour of asking.",
                labels=["hour"],
            )
            for hour, found in self.figures.responses.by_hour.items():
                by_hour.add_metric([f"{hour:02}"], found.response_rate)
            yield by_hour


def _figures(stats: Stats | None) -> Iterator[tuple[str, str, float | None]]:
    """Gauges of what /stats shows, over the last 30 days: name, text and value."""
    if stats is None:
        return
    yield (
        "write_success_ratio",
        "Taps written over taps to be written (0-1), as /stats shows it; left out while unknown.",
        stats.feedback_event_write_success_rate,
    )
    yield (
        "response_ratio",
        "Sessions answered over sessions asked about (0-1) in the last 30 days; left out while unknown.",
        stats.sessions.response_rate,
    )
    yield (
        "answer_delay_median_seconds",
        "Time within which half of the answers of the last 30 days came; left out without answers.",
        stats.median_delay,
    )
    this_week = max(stats.notes)
    yield "notes_this_week", "Answers with a note about the sessions of this week.", stats.notes[this_week]
