"""One entry of a plan's days -> its sessions, or rest. Pure.

An entry is rest only if it says so, or if it says nothing that could be a session. What could be read in two
ways is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.plans import names
from bot.core.plans.activities import is_nothing, is_rest
from bot.core.plans.dates import EntryDates, is_day_name, is_day_text
from bot.core.plans.names import plain_name
from bot.core.plans.remarks import InvalidPlan, Remarks, shown
from bot.core.plans.shapes import unwrapped
from bot.core.shared.tolerant import fold, is_partly_unfilled, is_unfilled

MAX_SESSIONS = 200
"""The most sessions of a plan: more are a mistake, and would be a flood of questions."""

_DEEPEST = 5
_Details = Mapping[str, Any]

_TITLE_NAMES = names.TITLES | names.TYPES | names.SPORTS
_SESSION_NAMES = frozenset().union(names.ACTIVITIES, names.SESSIONS, names.ENVELOPES)
_SAY_WHAT = _SESSION_NAMES | _TITLE_NAMES
_DETAIL_NAMES = frozenset().union(*names.DETAILS.values())
_PROSE = frozenset({*names.DETAILS["goal"], *names.DETAILS["note"]})
_UNIT_NAMES = frozenset().union(*names.UNITS.values())
_KNOWN = frozenset().union(names.HARMLESS, names.ASIDE, names.TYPES, names.SPORTS, _DETAIL_NAMES, _UNIT_NAMES)
_BARE_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?(?:\s*[-\u2013]\s*[0-9]+(?:[.,][0-9]+)?)?")
_ZERO = re.compile(r"0+(?:[.,]0+)?\s*[a-z]*", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_WRITE = 'write what is to be done as `activity`, or "Rest"'


@dataclass(frozen=True, slots=True)
class Draft:
    """A session of which the date is not known yet.

    Attributes:
        activity: not blank.
        details: by the names of a `PlannedSession`.
    """

    activity: str
    details: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What an entry says that is to be done, mostly under one name; without sessions it is rest."""

    names: tuple[str, ...]
    value: object
    sessions: Sequence[Draft]

    @property
    def words(self) -> frozenset[str]:
        """Those of all its sessions."""
        texts = [fold(draft.activity) for draft in self.sessions]
        return frozenset(word for text in texts for word in _WORD.findall(text) or [text])

    @property
    def weight(self) -> tuple[int, int, bool, bool]:
        """Of several that agree, the one that says most counts."""
        return len(self.sessions), len(self.words), not isinstance(self.value, str), "activity" in self.names

    @property
    def named(self) -> str:
        """Its names, quoted."""
        return " and ".join(f"`{name}`" for name in self.names)

    def __str__(self) -> str:
        return f"{self.named} {shown(self.value)}"


def detail_text(value: object) -> str | None:
    """A detail of any type, as text that can be read; None where it says nothing."""
    return _text(value, is_partly_unfilled)


def _text(value: object, is_missing: Callable[[str], bool]) -> str | None:
    match value:
        case None | bool():
            return None
        case str():
            return None if is_nothing(value) or is_missing(value) else value.strip()
        case float() if value.is_integer():
            return str(int(value))
        case Mapping():
            parts = [f"{key}: {text}" for key, item in value.items() if (text := _text(item, is_missing))]
        case list():
            parts = [text for item in value if (text := _text(item, is_missing))]
        case _:
            return _text(str(value), is_missing)
    return ", ".join(parts) or None


@dataclass(frozen=True, slots=True)
class EntryReader:
    """Reads one entry.

    Attributes:
        dates: takes what the entry, and the sessions in it, say of their date.
        remarks: takes how it was read.
    """

    dates: EntryDates
    remarks: Remarks

    def read(self, entry: object, path: str, day: str | None = None) -> list[Draft]:
        """The sessions; none for a day of rest.

        Args:
            day: under which weekday or date it stands.

        Raises:
            InvalidPlan: it is no object, says nothing certain, or contradicts itself.
        """
        entry = unwrapped(entry, path, self.remarks)
        if not isinstance(entry, Mapping):
            raise InvalidPlan(path, "no object; give one with `date` and `activity`")
        return self._read(entry, path, {"day": day}, 1) or []

    def _read(self, entry: Mapping[Any, Any], path: str, common: _Details, depth: int) -> list[Draft] | None:
        """The sessions of an entry or of an object in it, for which the details in `common` hold, too.

        None if it says nothing, not even that it is rest.
        """
        if depth > _DEEPEST:
            raise InvalidPlan(path, f"objects within objects; {_WRITE}")
        self.dates.add(entry, path)
        details = {**common, **dict(self._details(entry, path))}
        found = list(self._candidates(entry, path, details, depth))
        titles = list(self._titles(entry, path))
        if not found and titles:
            # What is called like a session is one where nothing else is: the title, else the type.
            rank = titles[0][0]
            said = [(name, text) for each, name, text in titles if each == rank]
            found = [_Candidate((n,), t, self._session(t, f"{path}.{n}", details)) for n, t in said]
        if not found:
            return self._without_activity(entry, path if depth > 1 else f"{path}.activity", path)
        chosen = _agreed(found, path)
        if chosen.names != ("activity",):
            self.remarks.read(path, f"read {chosen.named} as the activity")
        read = {name for each in found for name in each.names}
        self._compare(chosen, {str(n): v for n, v in entry.items() if str(n) not in read}, path)
        return list(chosen.sessions)

    def _candidates(
        self, entry: Mapping[Any, Any], path: str, details: _Details, depth: int
    ) -> Iterator[_Candidate]:
        parts: list[_Candidate] = []
        for name, value in _items(entry):
            if name != "activity" and not _may_hold_sessions(name, value):
                continue
            sessions = self._sessions(value, f"{path}.{name}", details, depth)
            if sessions is None:
                continue
            if names.is_part(name):
                parts.append(_Candidate((name,), value, sessions))
            else:
                yield _Candidate((name,), value, sessions)
        if parts:
            together = [draft for part in parts for draft in part.sessions]
            yield _Candidate(sum((p.names for p in parts), ()), [p.value for p in parts], together)

    def _sessions(self, value: object, path: str, details: _Details, depth: int) -> list[Draft] | None:
        """What stands for one session or several; no sessions are rest, None is nothing."""
        value = unwrapped(value, path, self.remarks)
        match value:
            case None:
                return None
            case str():
                return None if is_nothing(value) else self._session(value, path, details)
            case Mapping():
                return self._read(value, path, details, depth + 1)
            case list() if len(value) > MAX_SESSIONS:
                raise InvalidPlan(path, f"more than {MAX_SESSIONS} entries; is this one day?")
            case list() if depth < _DEEPEST:
                found = [
                    self._sessions(
                        item, f"{path}[{index}]", _own_details(details, index, len(value)), depth + 1
                    )
                    for index, item in enumerate(value)
                ]
                said = [sessions for sessions in found if sessions is not None]
                return [draft for sessions in said for draft in sessions] if said else None
            case _:
                raise InvalidPlan(path, f"{shown(value)} is not text; write what is planned, or rest")

    def _session(self, text: str, path: str, details: _Details) -> list[Draft]:
        if is_partly_unfilled(text):
            raise InvalidPlan(path, f"{shown(text)} is no activity: a value is missing; {_WRITE}")
        if is_rest(text):
            return []
        return [Draft(" ".join(text.split()), {name: detail_text(value) for name, value in details.items()})]

    def _details(self, entry: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Any]]:
        """What an entry says of its sessions, by the names of a `PlannedSession`."""
        yield from (("day", v) for _, v in names.named(entry, names.WEEKDAYS) if detail_text(v) is not None)
        for detail, aliases in names.DETAILS.items():
            given = dict(names.named(entry, aliases))
            if detail == "distance_time":
                given |= dict(self._amounts(entry, path))
            for name, value in given.items():
                if _has_unfilled(value):
                    self.remarks.warn(f"{path}.{name}", f"{shown(value)} holds no value; left out")
            said = [(name, value) for name, value in given.items() if detail_text(value) is not None]
            if given and (not said or detail_text(given.get(detail)) is not None):
                yield detail, given.get(detail)
                for name, value in said:
                    if detail_text(value) != detail_text(given.get(detail)):
                        self._say_unread(name, value, path)
            elif said:
                self.remarks.read(path, f"read {' and '.join(f'`{name}`' for name, _ in said)} as `{detail}`")
                texts = [
                    str(detail_text({name: value} if _is_number(value) else value)) for name, value in said
                ]
                yield (
                    detail,
                    said[0][1]
                    if isinstance(said[0][1], list) and len(said) == 1
                    else ", ".join(dict.fromkeys(texts)),
                )

    def _amounts(self, entry: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Any]]:
        """What has its unit in its name, with the unit.

        Two that differ are not read: 1 h and 60 minutes may be one hour, or two.
        """
        plain = set(map(plain_name, entry))
        for aliases, units in names.UNITS.items():
            texts = {detail_text(v) for _, v in names.named(entry, aliases) if not _is_number(v)}
            amounts = {}
            for name, value in names.named(entry, units):
                if _says_nothing(value) and not _has_unfilled(value):
                    continue
                is_least = f"{plain_name(name).removesuffix('min')}max" in plain
                amounts[name] = None if is_least else _with_unit(value, units[plain_name(name)])
            texts |= set(map(detail_text, amounts.values()))
            for name, amount in amounts.items():
                if len(texts - {None}) > 1 or amount is None:
                    self._say_unread(name, entry.get(name), path)
                else:
                    yield name, amount

    def _titles(self, entry: Mapping[Any, Any], path: str) -> Iterator[tuple[int, str, str]]:
        """Rank, name and text of what is called like a session, by rank."""
        for rank, group in enumerate((names.TITLES, names.TYPES, names.SPORTS)):
            for name, value in names.named(entry, group):
                if not isinstance(value, str) or is_nothing(value) or is_day_name(value):
                    continue
                if is_unfilled(value):
                    self.remarks.warn(f"{path}.{name}", f"{shown(value)} holds no value; left out")
                else:
                    yield rank, name, value

    def _without_activity(self, entry: Mapping[Any, Any], missing: str, path: str) -> list[Draft] | None:
        """No sessions if it says that it is rest, None if nothing in it could be a session.

        Args:
            missing: where the activity should stand.
        """
        others = {name: value for name, value in _items(entry) if _could_be_session(name, value)}
        says_rest = any(_is_rest_flag(*item) for item in others.items())
        if says_rest and not any(plain_name(n) in _SAY_WHAT and _is_work(v) for n, v in others.items()):
            self._warn_of_work(others, path)
        elif not all(isinstance(value, str) and is_rest(value) for value in others.values()):
            there = ", ".join(f"`{name[:40]}` {shown(value)}" for name, value in list(others.items())[:3])
            raise InvalidPlan(missing, f"missing or empty, but there is {there}; {_WRITE}")
        if not others:
            return None
        self.remarks.read(path, f"read as rest, as `{next(iter(others))}` says")
        return []

    def _compare(self, chosen: _Candidate, others: Mapping[str, Any], path: str) -> None:
        """Make sure that nothing else in an entry says otherwise, and say what is left aside."""
        is_rest_day = not chosen.sessions
        for name, value in others.items():
            if _contradicts(name, value, is_rest_day=is_rest_day):
                raise InvalidPlan(path, f"{chosen}, but `{name}` {shown(value)}; correct one of them")
        if is_rest_day:
            self._warn_of_work(others, path)
        else:
            self._say_what_is_unread(others, path)

    def _warn_of_work(self, others: Mapping[str, Any], path: str) -> None:
        for name, value in others.items():
            plain = plain_name(name)
            if plain not in _PROSE and (
                _is_work(value) or (plain in _UNIT_NAMES and not _says_nothing(value))
            ):
                self.remarks.warn(f"{path}.{name}", f"{shown(value)}, but the day says rest, which counts")
        unsaid = {
            name: value
            for name, value in others.items()
            if not _is_work(value) and not (isinstance(value, str) and is_rest(value))
        }
        self._say_what_is_unread(unsaid, path)

    def _say_what_is_unread(self, others: Mapping[str, Any], path: str) -> None:
        for name, value in others.items():
            is_day = plain_name(name) in names.TITLES and is_day_name(value)
            if plain_name(name) not in _KNOWN and not is_day:
                self._say_unread(name, value, path)

    def _say_unread(self, name: str, value: object, path: str) -> None:
        is_time_of_day = isinstance(value, str) and plain_name(value) in names.PARTS
        if not (value is True or _says_nothing(value) or is_time_of_day):
            self.remarks.read(f"{path}.{name}", f"not read: {shown(value)}")


def _agreed(found: Sequence[_Candidate], path: str) -> _Candidate:
    """The one that says most, if the others say nothing else."""
    chosen = max(found, key=lambda each: each.weight)
    for each in found:
        if bool(each.sessions) != bool(chosen.sessions) or not each.words <= chosen.words:
            cure = "keep one of them as `activity`, or give a list of both"
            raise InvalidPlan(path, f"{each} and {chosen} could both be the activity; {cure}")
    return chosen


def _items(entry: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    return ((str(name), value) for name, value in entry.items())


def _with_unit(value: object, unit: str) -> object:
    """A number with its unit, one by one in a list; other text as it is; None if it is neither."""
    if isinstance(value, list):
        return [_with_unit(item, unit) for item in value]
    text = detail_text(value)
    if text is not None and not isinstance(value, Mapping) and _BARE_NUMBER.fullmatch(text):
        return f"{text} {unit}"
    return value if isinstance(value, str) or _has_unfilled(value) else None


def _own_details(details: _Details, index: int, count: int) -> _Details:
    """What holds for one of several sessions: lists of the same length belong together."""
    return {
        name: value[index] if isinstance(value, list) and len(value) == count > 1 else value
        for name, value in details.items()
    }


def _may_hold_sessions(name: str, value: object) -> bool:
    """Not so a number, the time of day of a session, or an object that only describes one."""
    plain = plain_name(name)
    if plain not in _SESSION_NAMES and not names.is_part(name):
        return False
    match value:
        case str():
            return plain not in names.ENVELOPES and plain_name(value) not in names.PARTS
        case Mapping():
            return any(plain_name(within) in _SAY_WHAT or names.is_part(str(within)) for within in value)
        case _:
            return isinstance(value, list)


def _could_be_session(name: str, value: object) -> bool:
    plain = plain_name(name)
    if plain in names.RESTS:
        return value is False or not _says_nothing(value)  # not rest, then
    if plain in names.WEEKDAYS and isinstance(value, str):
        return not is_nothing(value) and not is_day_text(value)
    if plain in names.HARMLESS and not isinstance(value, Mapping | list):
        return _is_work(value)
    return not _says_nothing(value) or (plain not in _DETAIL_NAMES and _has_unfilled(value))


def _says_nothing(value: object) -> bool:
    """Blank, missing, false, or an amount of nothing (`0 km`)."""
    match value:
        case str():
            return is_nothing(value) or is_unfilled(value) or _ZERO.fullmatch(value.strip()) is not None
        case Mapping():
            return all(map(_says_nothing, value.values()))
        case list():
            return all(map(_says_nothing, value))
        case float() if math.isnan(value):
            return True
        case _:
            return value is None or value is False or (_is_number(value) and value == 0)


def _has_unfilled(value: object) -> bool:
    match value:
        case str():
            return is_partly_unfilled(value)
        case Mapping():
            return any(map(_has_unfilled, value.values()))
        case list():
            return any(map(_has_unfilled, value))
        case _:
            return isinstance(value, float) and math.isnan(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_rest_flag(name: str, value: object) -> bool:
    return value is True and plain_name(name) in names.RESTS


def _contradicts(name: str, value: object, *, is_rest_day: bool) -> bool:
    if _is_rest_flag(name, value):
        return not is_rest_day
    if plain_name(name) not in _TITLE_NAMES or not isinstance(value, str) or is_nothing(value):
        return False
    return _is_work(value) if is_rest_day else is_rest(value)


def _is_work(value: object) -> bool:
    """Whether it would be a session beside the word rest."""
    text = _text(value, is_unfilled)
    return text is not None and not is_rest(f"Rest: {text}")
