"""Untrusted JSON -> values that MongoDB can store; stored documents -> one line of JSON.

Each thing refused here breaks somewhere later, far from the field that caused it: a duplicate key loses
a value, a NaN cannot be written out again, a lone surrogate or a NUL in a name stops the driver. MongoDB's
Extended JSON is read as the values that it stands for.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from bot.core.shared.clock import iso_utc
from bot.core.shared.errors import BotError
from bot.core.shared.extended_json import is_extended, read_extended

MAX_DEPTH = 100
"""Levels of objects and arrays in a document, the document itself included (MongoDB's documented limit)."""
MAX_BYTES = 16 * 1024 * 1024
"""Size of a document in BSON (MongoDB's limit)."""

FENCES = ("```", "~~~")
"""How Markdown begins and ends what language models say in JSON."""

_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_LONGEST_INT = len(str(_MIN_INT))
_SHOWN = 60
_PLAIN = frozenset({str, int, float, bool, type(None)})
_UNSAFE = re.compile("[\x80-\x9f\u2028\u2029]")

# A way to a value, linked from the inside out: it is only spelled out for an error.
_Path: TypeAlias = "tuple[_Path, str | int] | None"


class BadValue(BotError, ValueError):
    """A value that cannot be stored. The message names the field and the cure, never the value itself.

    Attributes:
        path: where it stands, as in `errors[3].code`; empty for the document as a whole.
        problem: the message without the path.
        others: what else is wrong in the same document, as far as that was looked for.
    """

    def __init__(self, path: str, problem: str, others: Iterable[BadValue] = ()) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem
        self.others = tuple(others)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def loads(text: str | bytes, *, max_bytes: int | None = MAX_BYTES) -> Any:
    """Read one JSON value; a leading byte order mark is skipped.

    Args:
        text: JSON; bytes are UTF-8.
        max_bytes: the most bytes that the value may take in BSON; None where it is no document itself
            but a list of them, or is taken apart before it is stored.

    Raises:
        BadValue: it is not JSON, or holds what `check` refuses, or an object names a field twice.
    """
    value = _decode(text)
    check(value, max_bytes=max_bytes)
    return value


def decode(text: str, begin: int = 0) -> tuple[Any, int]:
    """The JSON value that begins here and where it ends; what `check` refuses in it is still to be found.

    Raises:
        json.JSONDecodeError: there is none, or the text ends within it.
        BadValue: it is nested too deeply to be read.
    """
    return _raw_decode(_DECODER, text, begin)


def skim(text: str, begin: int = 0) -> tuple[None, int]:
    """Where the JSON value that begins here ends, as `decode` finds it, without keeping the value."""
    _, end = _raw_decode(_SKIMMER, text, begin)
    return None, end


def check(value: object, *, max_bytes: int | None = MAX_BYTES) -> None:
    """Make sure that MongoDB can store this value, which may come from anywhere.

    Allowed are dict, list, str, int, float, bool, None and aware datetime. Refused are other types, NaN
    and infinities, integers over 64 bits, lone surrogates, field names that start with `$` or hold a NUL,
    nesting beyond `MAX_DEPTH` (so also values that hold themselves) and documents beyond `MAX_BYTES`. The
    size is exact for the value as given: fields that are added on the way to MongoDB come on top. Dots in
    field names and empty field names are allowed, as in MongoDB 5 and later.

    Raises:
        BadValue: naming the field.
    """
    _size(value, None, 1, sys.maxsize if max_bytes is None else max_bytes)


def dumps(document: dict[str, Any]) -> str:
    """One line of JSON for a stored document; equal documents give equal lines.

    Fields are in alphabetical order; those of nested objects stay as stored, since to MongoDB their order
    is part of the value. Instants are ISO 8601 in UTC with milliseconds and `Z`.

    Raises:
        BadValue: the document holds something that JSON cannot say (NaN, a foreign type).
    """
    try:
        line = json.dumps(
            {name: document[name] for name in sorted(document)},
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=_instant_text,
        )
    except (TypeError, ValueError, OverflowError, RecursionError):
        check(document)
        raise
    # JSON allows these raw inside strings, but many readers of lines would break the line there, and
    # terminals take some for commands.
    if line.isascii() or line.isprintable():
        return line
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def to_json(value: Any) -> Any:
    """A copy of a checked value as JSON can say it: every datetime becomes its ISO string."""
    if isinstance(value, dict):
        return {key: item if item.__class__ in _PLAIN else to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [item if item.__class__ in _PLAIN else to_json(item) for item in value]
    return iso_utc(value) if isinstance(value, datetime) else value


def kind(value: object) -> str:
    """The JSON name of a value's type, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return f"a Python {type(value).__name__}"


@dataclass(frozen=True, slots=True)
class _Flaw:
    """Stands where the decoder met something wrong, until the walk knows the way to it."""

    problem: str
    name: str | None = None


def _decode(text: str | bytes) -> Any:
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise BadValue("", f"not UTF-8 at byte {error.start + 1}; save the text as UTF-8") from None
    try:
        return _DECODER.decode(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        if (start := text.lstrip("\ufeff \t\r\n")).startswith(FENCES):
            fence = start[: len(FENCES[0])]
            raise BadValue("", f"stands in a Markdown fence ({fence}); send what is in it alone") from None
        where = f"line {error.lineno}, column {error.colno}"
        raise BadValue("", f"not JSON at {where} ({error.msg}); is it complete?") from None
    except RecursionError:
        raise BadValue("", _too_deep()) from None


def _object(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    if len(value) == len(pairs):
        return _extended(*pairs[0]) if len(pairs) == 1 and is_extended(pairs[0][0]) else value
    [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
    return _Flaw("the object has this field more than once; keep one", name)


def _extended(name: str, value: object) -> Any:
    if isinstance(value, _Flaw):
        return value
    try:
        return read_extended(name, value)
    except ValueError as exc:
        return _Flaw(str(exc))


def _integer(digits: str) -> int | _Flaw:
    # Python itself refuses to read thousands of digits, with an error of its own.
    return int(digits) if len(digits) <= _LONGEST_INT else _Flaw(_too_large())


def _constant(name: str) -> _Flaw:
    return _Flaw(_no_number(name))


def _nothing(_: object) -> None:
    """Keep nothing."""


def _raw_decode(decoder: json.JSONDecoder, text: str, begin: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, begin)
    except RecursionError:
        raise BadValue("", _too_deep()) from None


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
_SKIMMER = json.JSONDecoder(
    object_pairs_hook=_nothing, parse_float=_nothing, parse_int=_nothing, parse_constant=_nothing
)


def _size(value: object, path: _Path, depth: int, limit: int) -> int:
    """Bytes of a value in BSON, without its name.

    The work is bounded, whatever the value: depth ends values that hold themselves, and the limit ends
    small values that hold one another so often that they unfold to something huge.
    """
    match value:
        case str():
            return 5 + _text_size(value, path)
        case None:
            return 0
        case bool():
            return 1
        case int():
            return _int_size(value, path)
        case float():
            if not math.isfinite(value):
                raise BadValue(_where(path), _no_number("NaN" if math.isnan(value) else "Infinity"))
            return 8
        case dict():
            return _object_size(value, path, depth, limit)
        case list():
            return _array_size(value, path, depth, limit)
        case datetime():
            return _instant_size(value, path)
        case _Flaw():
            raise BadValue(_where(path if value.name is None else (path, value.name)), value.problem)
        case _:
            raise BadValue(_where(path), f"{kind(value)} cannot be stored; {_cure(value)}")


def _object_size(value: dict[Any, Any], path: _Path, depth: int, limit: int) -> int:
    if depth > MAX_DEPTH:
        raise BadValue(_where(path), _too_deep())
    size = 5
    for name, item in value.items():
        here = (path, name)
        size += 2 + _name_size(name, here) + _size(item, here, depth + 1, limit)
        if size > limit:
            raise BadValue(_where(path), _too_big(limit))
    return size


def _array_size(value: list[Any], path: _Path, depth: int, limit: int) -> int:
    if depth > MAX_DEPTH:
        raise BadValue(_where(path), _too_deep())
    size = 5
    for index, item in enumerate(value):
        # BSON keeps an array as an object whose names are the indexes.
        size += 2 + len(str(index)) + _size(item, (path, index), depth + 1, limit)
        if size > limit:
            raise BadValue(_where(path), _too_big(limit))
    return size


def _name_size(name: object, path: _Path) -> int:
    if not isinstance(name, str):
        raise BadValue(_where(path), f"a field name must be text, not {kind(name)}")
    if name.startswith("$"):
        raise BadValue(_where(path), "MongoDB keeps names that start with $ for itself; rename the field")
    if "\x00" in name:
        raise BadValue(_where(path), "the field name holds a NUL character; rename the field")
    return _text_size(name, path)


def _text_size(text: str, path: _Path) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        problem = f"half of a character (a lone surrogate) at position {error.start + 1}; replace it"
        raise BadValue(_where(path), problem) from None


def _int_size(value: int, path: _Path) -> int:
    if -(2**31) <= value < 2**31:
        return 4
    if _MIN_INT <= value <= _MAX_INT:
        return 8
    raise BadValue(_where(path), _too_large())


def _instant_size(value: datetime, path: _Path) -> int:
    if value.utcoffset() is None:
        raise BadValue(_where(path), "the time has no offset; give the datetime a time zone")
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise BadValue(_where(path), "the time is outside the years 1 to 9999 in UTC") from None
    return 8


def _instant_text(value: object) -> str:
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return iso_utc(value)
    raise TypeError(kind(value))


def _too_deep() -> str:
    return f"nested deeper than {MAX_DEPTH} levels; flatten it, or keep the inner part as text"


def _too_big(limit: int) -> str:
    return f"larger than {limit:,} bytes in MongoDB; split it, or leave out what is not needed"


def _too_large() -> str:
    return "the integer does not fit into 64 bits; send it as text"


def _no_number(name: str) -> str:
    return f"{name} is no number that JSON knows; send null, or leave the field out"


def _cure(value: object) -> str:
    return "write it as text, YYYY-MM-DD" if isinstance(value, date) else "use JSON types or a datetime"


def _where(path: _Path) -> str:
    steps: list[str | int] = []
    while path is not None:
        path, step = path
        steps.append(step)
    return "".join(map(_step, reversed(steps))).removeprefix(".")


def _step(step: object) -> str:
    if not isinstance(step, str):
        return f"[{step}]" if isinstance(step, int) else "[?]"
    if step.isidentifier() and len(step) <= _SHOWN:
        return f".{step}"
    return f"[{json.dumps(step[:_SHOWN])}]"
