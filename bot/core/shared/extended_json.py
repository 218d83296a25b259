"""MongoDB's Extended JSON, as `mongoexport` and drivers write what JSON has no type for. Pure.

Read are both forms of today, canonical and relaxed, and the older one (version 1), of the types that
documents have here: numbers, dates, which become ISO 8601 in UTC as everywhere in JSON here, and ObjectIds,
which become their 24 digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bot.core.shared.clock import iso_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_EXACT_IN_FLOAT = 2**53


def is_object_id(value: object) -> bool:
    """Whether this is an ObjectId as text."""
    return isinstance(value, str) and _OBJECT_ID.fullmatch(value) is not None


def is_extended(name: str) -> bool:
    """Whether an object whose only field has this name stands for a value that JSON has no type for."""
    return name in _READERS


def read_extended(name: str, value: object) -> Any:
    """The value that `{name: value}` stands for; what stands in `value` is read already.

    Raises:
        ValueError: it stands for none; the message has what it must look like.
    """
    return _READERS[name](value)


def _date(value: object) -> str:
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            if at.utcoffset() is not None:
                return iso_utc(at)
        elif isinstance(value, int) and not isinstance(value, bool):
            return iso_utc(_EPOCH + timedelta(milliseconds=value))
    except OverflowError:
        raise ValueError("$date lies outside the years 1 to 9999; correct the time") from None
    except ValueError:
        pass
    raise ValueError(
        '$date must hold an ISO 8601 time with Z or an offset, or milliseconds since 1970, as in {"$date":'
        ' "2026-02-16T18:42:58.123Z"}; mend it, or write the time as text'
    )


def _object_id(value: object) -> str:
    if not is_object_id(value):
        raise ValueError("$oid must hold the 24 hexadecimal digits of an ObjectId; mend it, or write text")
    return str(value).lower()


def _integer(name: str, bits: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        text = value if isinstance(value, str) else str(value) if type(value) is int else ""
        if _WHOLE.fullmatch(text) and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1):
            return int(text)
        raise ValueError(f'{name} must hold a whole number of {bits} bits as text, as in {{"{name}": "42"}}')

    return read


def _double(value: object) -> float:
    return float(_number("$numberDouble", value))


def _decimal(value: object) -> int | float:
    number = _number("$numberDecimal", value)
    if abs(number) < _EXACT_IN_FLOAT and number == number.to_integral_value():
        return int(number)
    nearest = float(number)
    if Decimal(repr(nearest)) != number:
        raise ValueError("$numberDecimal has more digits than a number in JSON keeps; write it as text")
    return nearest


def _number(name: str, value: object) -> Decimal:
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if text.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        raise ValueError(f"{name} holds {text}, which is no number that JSON knows; send null")
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f'{name} must hold a number as text, as in {{"{name}": "42.5"}}')
    number = Decimal(text)
    if math.isinf(float(number)):
        raise ValueError(f"{name} is larger than any number in JSON; write it as text")
    return number


def _undefined(value: object) -> None:
    if value is not True:
        raise ValueError("$undefined must be true; send null instead")


_READERS: Mapping[str, Callable[[object], Any]] = MappingProxyType(
    {
        "$date": _date,
        "$oid": _object_id,
        "$numberInt": _integer("$numberInt", 32),
        "$numberLong": _integer("$numberLong", 64),
        "$numberDouble": _double,
        "$numberDecimal": _decimal,
        "$undefined": _undefined,
    }
)
