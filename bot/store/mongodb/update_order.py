"""`bot.core.shared.update_order` said in MongoDB's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeAlias

from bot.core.shared.update_order import IDS_COMPARABLE_APART, IDS_COMPARABLE_WITHIN, UpdateStamp
from bot.store.mongodb.client import Document

Expression: TypeAlias = Any
"""A field such as `$updateId`, or an operator with its arguments."""

_TICK = timedelta(milliseconds=1)
"""MongoDB knows no shorter time."""


def is_after(update_id: int | None, at: datetime, id_field: Expression, at_field: Expression) -> Document:
    """An expression: whether an update came after the one that these fields tell of.

    Other writers may have left the update id out, then the time of receipt decides; after what has none,
    everything came.

    Args:
        update_id: None if it has none.
        at: when it was received.
        id_field, at_field: such as `$updateId`, `$receivedAt`.
    """
    by_time = {"$gt": [at, "$$received"]}
    if update_id is None:
        return {"$let": {"vars": {"received": date(at_field)}, "in": by_time}}
    near = {"$lt": [{"$abs": {"$subtract": [update_id, id_field]}}, IDS_COMPARABLE_APART]}
    is_near = {"$cond": [{"$isNumber": id_field}, near, False]}
    comparable = [is_near, {"$ne": ["$$received", None]}, is_close(at)]
    by_id = {"$gt": [update_id, id_field]}
    decided = {"$cond": [{"$and": comparable}, by_id, by_time]}
    return {"$let": {"vars": {"received": date(at_field)}, "in": decided}}


def is_until(stamp: UpdateStamp, id_field: Expression, at_field: Expression) -> Document:
    """An expression: whether what these fields tell of was there when an update came; at the same time, if
    nothing else tells."""
    return is_after(stamp.update_id, stamp.at + _TICK, id_field, at_field)


def date(field: Expression) -> Document:
    """A time of receipt, which older writers stored as text; null if it is none."""
    return {"$convert": {"input": field, "to": "date", "onError": None, "onNull": None}}


def is_close(at: datetime) -> Document:
    """Whether update ids can be compared; `$$received` is a date."""
    apart = {"$abs": {"$subtract": [at, "$$received"]}}
    return {"$lt": [apart, IDS_COMPARABLE_WITHIN.total_seconds() * 1000]}
