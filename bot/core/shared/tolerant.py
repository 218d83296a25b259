"""Values that anybody may have written, read tolerantly."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.core.shared.clock import iso_utc

_INT64 = 2**63
_FENCED = re.compile(
    r'^[^`~{\["\n]*(?P<fence>`{3,}|~{3,})[ \t]*[\w-]*(?P<inside>.*?)'
    r"(?:(?:^|(?<=[}\]]))[ \t]*(?P=fence)[ \t\r]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_MAY_BE_JSON = re.compile(r"^[ \t]*[{\[]", re.MULTILINE)
_UNSEEN = ("Cc", "Cf", "Cs", "Me", "Mn", "Zl", "Zp", "Zs")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a symbol that are blank
_MISSING = r"(?:undefined|null|nan|\[object \w+\]|\{\{[^{}]*\}\}|\$\{[^{}]*\})"
_UNFILLED = re.compile(
    rf"[\W_]*{_MISSING}(?:[\W_]*(?:{_MISSING}|km|mi|min|[hmskw]|bpm)(?!\w))*[\W_]*|\s*[.…][\s.…]*",
    re.IGNORECASE,
)
_MISSING_WORD = re.compile(r"(?<!\w)(?:(?i:undefined)|NaN|null|\[object Object\])(?!\w)")


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
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def fenced_json(text: str) -> list[str]:
    """What may be the JSON of a text with Markdown fences (``` or ~~~), as language models write it.

    One element: that is it, with a line break for each one before it, so that lines keep their numbers. More:
    there are several fences, or JSON outside of them too. Empty: there is no fence with JSON in it.
    """
    found, outside, end = [], [], 0
    for fence in _FENCED.finditer(text):
        outside.append(text[end : fence.start()])
        end = fence.end()
        inside = fence["inside"]
        if "\n" not in inside.strip():
            inside = inside.rstrip().removesuffix(fence["fence"])  # all of it on one line
        if inside.lstrip().startswith(("{", "[")):
            found.append("\n" * text.count("\n", 0, fence.start("inside")) + inside)
    outside.append(text[end:])
    return found + [part for part in outside if found and _MAY_BE_JSON.search(part)]


def is_invisible(text: str) -> bool:
    """Whether nothing of a text can be seen: it is empty, or of spaces and characters without width."""
    return all(unicodedata.category(c) in _UNSEEN or c in _FILLERS for c in text)


def is_unfilled(text: str) -> bool:
    """Whether a text is what programs write for a missing value: `undefined`, `NaN km`, `[object Object]`.

    So is a template that nobody has filled in, n8n's `{{ $json.activity }}`, and what was left out: `...`.
    """
    return _UNFILLED.fullmatch(text) is not None


def is_partly_unfilled(text: str) -> bool:
    """Whether a text is unfilled, or has a missing value for a word: `Run undefined km`.

    Beside other words only what programs write counts: `NaN` and `null`, but not `Nan`.
    """
    return is_unfilled(text) or _MISSING_WORD.search(text) is not None


def read_user(value: object) -> int | None:
    """A 64-bit whole number, also one stored as a double or as text."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value.strip()):
        value = int(value)
    return read_int64(read_whole(value))
