"""Values that anybody may have written, read tolerantly."""

from __future__ import annotations

_INT64 = 2**63


def read_int64(value: object) -> int | None:
    """The number, if it is one that MongoDB and SQLite can hold."""
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        return value
    return None
