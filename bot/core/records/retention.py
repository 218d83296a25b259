"""How long documents are kept, as declared in `bot.core.records.collections` and as operators set it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.records.collections import COLLECTIONS, WRITTEN
from bot.core.records.declaration import Collection
from bot.core.records.models import Record
from bot.core.shared.errors import ConfigError
from bot.core.shared.formatting import count

MAX_DAYS = (2**31 - 1) // 86_400
"""The longest expiry of a MongoDB index, about 68 years."""

_SET = {it.name: it.expiry for it in COLLECTIONS if it.expiry is not None and it.expiry.least is not None}

DEFAULT_DAYS = {name: expiry.days for name, expiry in _SET.items()}
"""Days by the names of the collections whose expiry is a setting."""


@dataclass(frozen=True, slots=True, init=False)
class Retention:
    """Days that documents are kept; then MongoDB deletes them, within a minute or so."""

    _days: dict[str, int]

    def __init__(self, *days: int, **by_collection: int) -> None:
        """Days in the order of `DEFAULT_DAYS`, or by name; the default for what is not given."""
        given = DEFAULT_DAYS | dict(zip(DEFAULT_DAYS, days, strict=False)) | by_collection
        if given.keys() != DEFAULT_DAYS.keys() or len(days) > len(DEFAULT_DAYS):
            raise TypeError(f"there are settings for {', '.join(DEFAULT_DAYS)} only")
        object.__setattr__(self, "_days", given)

    def __getitem__(self, collection: Collection) -> int:
        """Days that documents of a collection are kept that expire at all."""
        expiry = collection.expiry
        if expiry is None:
            raise KeyError(f"documents of {collection.name} are never deleted")
        return self._days.get(expiry.like or collection.name, expiry.days)

    def check(self) -> None:
        """Refuse what would delete documents that are still needed.

        Raises:
            ConfigError: one line for each variable at fault, with the reason.
        """
        faults = [
            fault
            for name, expiry in _SET.items()
            if (fault := _fault(variable(name), self._days[name], expiry.least or 0, expiry.reason))
        ]
        if faults:
            raise ConfigError("\n".join(faults))


DEFAULT_RETENTION = Retention()


@dataclass(slots=True)
class Overdue:
    """Documents so old that MongoDB deletes them as soon as they are written, counted one by one.

    Attributes:
        collection: whose documents they are.
        days: how long it keeps them; None: for ever.
        now: when they are written.
        oldest: the earliest time among them.
    """

    collection: str
    days: int | None
    now: datetime
    count: int = 0
    oldest: datetime | None = None

    @classmethod
    def under(cls, retention: Retention, collection: str, now: datetime) -> Overdue:
        """Nothing counted yet."""
        declared = WRITTEN[collection]
        return cls(collection, None if declared.expiry is None else retention[declared], now)

    @property
    def field(self) -> str:
        """By which documents expire."""
        return WRITTEN[self.collection].date_field

    def see(self, record: Record) -> None:
        """Count a record, if it is one."""
        if self.days is None:
            return
        at = getattr(record, self.field)
        if at is not None and at <= self.now - timedelta(days=self.days):
            self.count += 1
            self.oldest = at if self.oldest is None else min(self.oldest, at)

    def __str__(self) -> str:
        """What becomes of them, and the cure; empty if there are none."""
        if self.oldest is None:
            return ""
        name = variable(self.collection)
        return (
            f"{count(self.count, 'document')} will expire at once: {self.field} (the oldest of"
            f" {self.oldest.date()}) lies more than {self.days} days back, which is {name}; MongoDB deletes"
            f" such documents within about a minute. To keep them raise {name}, run `bootstrap` and write"
            " them again"
        )


def variable(collection: str) -> str:
    """The environment variable that says how long a collection's documents are kept."""
    return f"RETAIN_{collection.upper()}_DAYS"


def _fault(name: str, days: int, least: int, reason: str) -> str:
    if days < least:
        return f"{name}: {days} days are too few; use {least} or more: {reason}"
    if days > MAX_DAYS:
        return f"{name}: {days} days are more than MongoDB can count; use at most {MAX_DAYS}"
    return ""
