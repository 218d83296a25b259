"""Values that anybody may have written, read tolerantly."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.core.shared.clock import iso_utc

_INT64 = 2**63


def read_int64(value: object) -> int | None:
    """The number, if it is one that MongoDB and SQLite can hold."""
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        return value
    return None


def read_whole(value: object) -> int | None:
    """A whole number, also one stored as a double: n8n and mongosh write numbers so."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_json(value: object) -> Any:
    """A stored value as JSON can say it, whatever other writers left there: instants as ISO 8601 in UTC,
    NaN and infinities as null, MongoDB's own types as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return iso_utc(value)
        case Mapping():
            return {str(name): as_json(item) for name, item in value.items()}
        case list():
            return [as_json(item) for item in value]
        case _:
            return str(value)


def fold(text: str) -> str:
    """Without case and accents: `Sábado` becomes `sabado`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
