"""How long a planned session takes, as plans write it: `40 min`, `1 h 30`, `3 x 10 min`, `45'`. Pure.

Only what is said outright is taken: a distance, a pace or a time per kilometre tells no minutes.
"""

from __future__ import annotations

import re

_NUMBER = r"\d{1,4}(?:[.,]\d{1,2})?"
_TIMES = re.compile(r"\b(\d{1,2})\s*[x×*]\s*(?=\d)")
_PER = re.compile(r"\d+\s*[:'’]\s*\d{0,2}\s*(?:/|per|por|min/)\s*\w+|/\s*(?:km|mi|m)\b.*")
_CLOCK = re.compile(r"\b(\d{1,2}):([0-5]\d)(?::[0-5]\d)?\s*(?:h\b|hours?\b|hrs?\b|horas?\b)")
_HOURS = re.compile(
    rf"({_NUMBER})\s*(?:h|hrs?|hours?|horas?)(?:\s*(?:and|y)?\s*(\d{{1,2}})\s*(?:min\w*|m|['’])?(?![\d:.,]|\s*(?:km|k|m\b|x)))?",
    re.IGNORECASE,
)
_MINUTES = re.compile(rf"({_NUMBER})\s*(?:min(?:s|utes?|utos?)?\b|['’](?!['’]))", re.IGNORECASE)
_RANGE = re.compile(rf"({_NUMBER})\s*[-–]\s*({_NUMBER})(?=\s*(?:min|h\b|['’]))", re.IGNORECASE)
_LONGEST = 24 * 60


def planned_minutes(text: str | None) -> float | None:
    """The minutes that a text such as a plan's `distance_time` speaks of; None if it speaks of none.

    Several times are added up, `3 x 10 min` is 30, a range is its middle.
    """
    if not text:
        return None
    rest = _RANGE.sub(lambda match: f"{(_number(match[1]) + _number(match[2])) / 2:g}", _PER.sub(" ", text))
    total, found = 0.0, False
    for pattern in (_CLOCK, _HOURS, _MINUTES):
        for match in pattern.finditer(rest):
            total += _repeats(rest, match.start()) * _minutes(pattern, match)
            found = True
        rest = pattern.sub(lambda match: " " * len(match[0]), rest)
    return round(total, 2) if found and 0 < total <= _LONGEST else None


def _minutes(pattern: re.Pattern[str], match: re.Match[str]) -> float:
    if pattern is _MINUTES:
        return _number(match[1])
    return _number(match[1]) * 60 + (int(match[2]) if match[2] else 0)


def _repeats(text: str, at: int) -> int:
    """The number of `3 x` that ends where a time begins, else 1."""
    return next((int(match[1]) for match in _TIMES.finditer(text) if match.end() == at), 1)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
