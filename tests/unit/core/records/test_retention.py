"""How long documents may be kept, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.records.collections import MODELS, parse
from bot.core.records.retention import DEFAULT_RETENTION, MAX_DAYS, Overdue, Retention, variable
from bot.core.shared.errors import ConfigError
from tests.unit.core.records.test_models import MINIMAL


def test_the_defaults_are_those_of_the_requirements() -> None:
    """90, 180 and 365 days, which pass the check."""
    assert Retention(90, 180, 365) == DEFAULT_RETENTION
    DEFAULT_RETENTION.check()


@pytest.mark.parametrize(
    "retention",
    [
        Retention(run_events=90, feedback_events=30, plan_snapshots=365),
        Retention(MAX_DAYS, MAX_DAYS, MAX_DAYS),
    ],
)
def test_the_least_is_enough(retention: Retention) -> None:
    """Values exactly on the boundary pass."""
    retention.check()


@pytest.mark.parametrize(
    ("retention", "reason"),
    [
        (Retention(run_events=89), "RETAIN_RUN_EVENTS_DAYS: 89 days are too few; use 90 or more: alerts"),
        (Retention(run_events=0), "RETAIN_RUN_EVENTS_DAYS: 0 days are too few"),
        (Retention(plan_snapshots=364), "RETAIN_PLAN_SNAPSHOTS_DAYS: 364 .* 365 or more: .* 12 months"),
        (Retention(feedback_events=29), "RETAIN_FEEDBACK_EVENTS_DAYS: 29 .* 30 or more: planning"),
        (Retention(run_events=MAX_DAYS + 1), f"RUN_EVENTS_DAYS: .* at most {MAX_DAYS}"),
    ],
)
def test_less_is_refused_with_the_reason(retention: Retention, reason: str) -> None:
    """The message names the variable, the least value and why."""
    with pytest.raises(ConfigError) as caught:
        retention.check()
    assert re.search(reason, str(caught.value))


def test_all_faults_are_named_at_once() -> None:
    """One line for each variable at fault."""
    with pytest.raises(ConfigError) as caught:
        Retention(1, 1, 1).check()
    lines = str(caught.value).splitlines()
    names = ("run_events", "feedback_events", "plan_snapshots")
    assert [line.partition(":")[0] for line in lines] == [variable(name) for name in names]


NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("collection", "field", "days"),
    [
        ("run_events", "createdAt", 90),
        ("feedback_events", "receivedAt", 200),
        ("feedback_events", "timestamp", 200),  # receivedAt is filled from it
        ("plan_snapshots", "createdAt", 365),
    ],
)
def test_what_expires_at_once_is_counted(collection: str, field: str, days: int) -> None:
    """Only what is as old as its collection keeps; field, setting, oldest and cure are told."""
    overdue = Overdue.under(Retention(feedback_events=200), collection, NOW)
    assert str(overdue) == ""
    limit, ms = NOW - timedelta(days=days), timedelta(milliseconds=1)
    for at in (limit + ms, NOW, NOW + timedelta(days=1)):
        overdue.see(parse(collection, MINIMAL[collection] | {field: at}))
    overdue.see(parse(collection, MINIMAL[collection]))  # it gets the time of the write
    assert overdue.count == 0
    for at in (limit, limit - timedelta(days=30), limit - ms):
        overdue.see(parse(collection, MINIMAL[collection] | {field: at}))
    assert (overdue.count, overdue.oldest) == (3, limit - timedelta(days=30))
    text = str(overdue)
    for part in (
        "3 documents will expire at once", f"more than {days} days", variable(collection), "bootstrap",
        str((limit - timedelta(days=30)).date()), "createdAt" if field == "createdAt" else "receivedAt",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    "collection", sorted(MODELS.keys() - {"run_events", "feedback_events", "plan_snapshots"})
)
def test_what_is_kept_for_ever_is_never_overdue(collection: str) -> None:
    """However old it is."""
    overdue = Overdue.under(DEFAULT_RETENTION, collection, NOW)
    overdue.see(parse(collection, MINIMAL[collection] | {"createdAt": datetime(1990, 1, 1, tzinfo=UTC)}))
    assert overdue.count == 0
