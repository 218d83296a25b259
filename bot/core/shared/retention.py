"""How long documents are kept. `weekly_metrics` and `run_artifacts` are kept for ever."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.shared.errors import ConfigError

MAX_DAYS = (2**31 - 1) // 86_400
"""The longest expiry of a MongoDB index, about 68 years."""

_RUN_EVENTS_LEAST = 90
_PLAN_SNAPSHOTS_LEAST = 365
_FEEDBACK_EVENTS_LEAST = 30


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that documents are kept, by collection; then MongoDB deletes them, within a minute or so.

    Attributes:
        run_events: from `createdAt` on.
        feedback_events: from `receivedAt` on; the ledger `taps` goes with it, as rates are made of both.
        plan_snapshots: from `createdAt` on.
    """

    run_events: int = 90
    feedback_events: int = 180
    plan_snapshots: int = 365

    def check(self) -> None:
        """Refuse what would delete documents that are still needed.

        Raises:
            ConfigError: one line for each variable at fault, with the reason.
        """
        floors = (
            ("run_events", self.run_events, _RUN_EVENTS_LEAST, "alerts are reviewed that far back"),
            (
                "feedback_events",
                self.feedback_events,
                _FEEDBACK_EVENTS_LEAST,
                "planning and /stats look back that far",
            ),
            (
                "plan_snapshots",
                self.plan_snapshots,
                _PLAN_SNAPSHOTS_LEAST,
                "plans are audited and compared over 12 months",
            ),
        )
        faults = [
            fault
            for name, days, least, reason in floors
            if (fault := _fault(variable(name), days, least, reason))
        ]
        if faults:
            raise ConfigError("\n".join(faults))


DEFAULT_RETENTION = Retention()


def variable(name: str) -> str:
    """The environment variable that sets the field `name` of `Retention`."""
    return f"RETAIN_{name.upper()}_DAYS"


def _fault(name: str, days: int, least: int, reason: str) -> str:
    if days < least:
        return f"{name}: {days} days are too few; use {least} or more: {reason}"
    if days > MAX_DAYS:
        return f"{name}: {days} days are more than MongoDB can count; use at most {MAX_DAYS}"
    return ""
