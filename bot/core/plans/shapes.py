"""The shapes in which plans come: what is wrapped round them, and where their days stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.plans.dates import is_day_name, is_near_day_name
from bot.core.plans.names import DAYS, ENVELOPES, named, plain_name
from bot.core.plans.remarks import InvalidPlan, PlanRemark, Remarks, shown
from bot.core.shared.bson_json import BadValue, loads
from bot.core.shared.tolerant import fenced_json

_BESIDE = frozenset({"pairedItem", "binary", "index", "error", "_id"})
_PLAIN_DAYS = frozenset({"days", "dias"})
_DEEPEST = 4
_CURE = "give one object for each day"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a plan's days.

    Attributes:
        path: where it stands.
        day: the weekday or date under which it stands; None in an array.
    """

    path: str
    day: str | None
    content: object


def unwrap(value: object, path: str = "") -> tuple[object, PlanRemark | None]:
    """What a tool has wrapped up: n8n's `{"json": {...}}` and `{"output": {...}}`, or an object as JSON text.

    Args:
        path: where the value stands; empty for a whole document.

    Returns:
        What is within, and how it was read; the value itself and None if nothing is round it.
    """
    taken: list[str] = []
    while len(taken) < _DEEPEST:
        if isinstance(value, Mapping) and (name := _envelope(value)) is not None:
            taken.append(f"n8n's `{name}`")
            value = value[name]
        elif isinstance(value, str) and (read := _from_json(value)) is not None:
            taken.append("the text round its JSON")
            value = read
        else:
            break
    return value, PlanRemark(path, f"took off {', '.join(taken)}") if taken else None


def unwrapped(value: object, path: str, remarks: Remarks) -> object:
    """What is within a value, with the remark made."""
    value, remark = unwrap(value, path)
    if remark is not None:
        remarks.readings.append(remark)
    return value


def read_entries(plan: object, remarks: Remarks) -> list[Entry]:
    """The entries of a plan's days, wherever in it they stand.

    Args:
        plan: `activityPlan`, unwrapped.

    Raises:
        InvalidPlan: there are no days, or more than one thing could be them.
    """
    if not isinstance(plan, Mapping | list):
        raise InvalidPlan("activityPlan", "missing or no object; give an object with `days`")
    found: list[tuple[str, Any]] = []
    for path, days in _candidates(plan, "activityPlan", remarks, 1):
        if all(days != others for _, others in found):
            found.append((path, days))
    if not found:
        raise _without_days(plan)
    if len(found) > 1:
        names = " and ".join(f"`{path}`" for path, _ in found)
        raise InvalidPlan("activityPlan.days", f"both {names} could be the plan's days; keep one of them")
    [(path, days)] = found
    if path != "activityPlan.days" or not isinstance(days, list):
        remarks.read(path, "read as the plan's days")
    if isinstance(days, list):
        return [Entry(f"{path}[{index}]", None, item) for index, item in enumerate(days)]
    return list(_keyed_entries(days, path, is_plan=days is plan))


def _candidates(value: object, path: str, remarks: Remarks, depth: int) -> Iterator[tuple[str, Any]]:
    """What could be the days: arrays, and objects that have weekdays or dates for names."""
    if isinstance(value, list):
        within = unwrap(value[0])[0] if len(value) == 1 else None
        if isinstance(within, Mapping) and any(named(within, _PLAIN_DAYS)):
            yield from _candidates(
                unwrapped(value[0], f"{path}[0]", remarks), f"{path}[0]", remarks, depth + 1
            )
        elif value and (path == "activityPlan.days" or any(isinstance(item, Mapping) for item in value)):
            yield path, value
        return
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return
    if depth > 1 and value.get("athleteId") is not None:
        raise InvalidPlan(f"{path}.athleteId", "nobody looks there; write it at the top of the document")
    is_keyed = False
    for name, item in value.items():
        if is_day_name(name):
            is_keyed = True
        elif plain_name(name) in DAYS:
            within = f"{path}.{name}"
            yield from _candidates(unwrapped(item, within, remarks), within, remarks, depth + 1)
    if is_keyed:
        yield path, value


def _keyed_entries(days: Mapping[Any, Any], path: str, *, is_plan: bool) -> Iterator[Entry]:
    for name, item in days.items():
        if is_day_name(name):
            yield Entry(
                f"{path}.{name}", str(name), item if isinstance(item, Mapping) else {"activity": item}
            )
        elif item and (not is_plan or is_near_day_name(str(name))):
            raise InvalidPlan(f"{path}.{name}", f"{shown(str(name))} is no weekday and no date; {_CURE}")


def _without_days(plan: Mapping[Any, Any] | list[Any]) -> InvalidPlan:
    values = [value for _, value in named(plan, _PLAIN_DAYS)] if isinstance(plan, Mapping) else [plan]
    if any(isinstance(value, Mapping | list) and not value for value in values):
        cure = "empty, which would call the whole week off; give one object for each day, also of rest"
        return InvalidPlan("activityPlan.days" if isinstance(plan, Mapping) else "activityPlan", cure)
    if isinstance(plan, Mapping) and any(isinstance(value, Mapping) for value in values):
        odd = shown(sorted(str(name) for value in values if isinstance(value, Mapping) for name in value))
        return InvalidPlan("activityPlan.days", f"{odd} are no weekdays or dates; {_CURE}")
    there = "" if values or not plan else f" (there is {shown(sorted(map(str, plan)))})"
    return InvalidPlan("activityPlan.days", f"missing or no array{there}; {_CURE}")


def _envelope(value: Mapping[Any, Any]) -> str | None:
    """The name under which everything stands; None if there is no such name."""
    for name in ENVELOPES:
        inner = value.get(name)
        is_packed = isinstance(inner, Mapping | list) or (
            isinstance(inner, str) and _from_json(inner) is not None
        )
        if is_packed and _BESIDE.issuperset(value.keys() - {name}):
            return name
    return None


def _from_json(text: str) -> Any:
    """The object or array in a text, which may stand in Markdown fences; None if there is none."""
    if not text.lstrip().startswith(("{", "[")):
        fenced = fenced_json(text)
        if len(fenced) != 1:
            return None
        [text] = fenced
    try:
        return loads(text, max_bytes=None)
    except BadValue:
        return None
