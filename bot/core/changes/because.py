"""What in a plan came of the athlete's answers, as the plan says so. Pure.

A day may carry `because`, a list of the sessions whose answers changed it (`{"runId", "sessionId"}`), and
`change`, in the plan's own words what has changed. So may the reasons in `justification`, with the `date` of
the day that they are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from bot.core.shared.tolerant import fold, is_unfilled, read_whole

BECAUSE, CHANGE = "because", "change"
MOST_REFERENCES = 5
"""So many answers are told of one change."""
MAX_WORDS = 200
"""Characters of the plan's words."""

_NAMES = {BECAUSE: (BECAUSE, "porque"), CHANGE: (CHANGE, "cambio")}
_WORDS = (CHANGE, "cambio", "text", "texto", "reason", "motivo")

REASON_FIELDS = tuple(dict.fromkeys((*_NAMES[BECAUSE], "date", "fecha", *_WORDS)))
"""All that is read of a reason in `justification`."""

Oddity: TypeAlias = tuple[str, str]
"""Where in a plan something is odd, and what."""


@dataclass(frozen=True, slots=True)
class AnswerReference:
    """The session whose answer is meant."""

    run_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What came of answers.

    Attributes:
        words: the plan's, for what has changed; None: it has none.
    """

    because: tuple[AnswerReference, ...]
    words: str | None = None

    def to_document(self) -> dict[str, Any]:
        """As it stands in a prompt's `plan`."""
        references = [{"runId": it.run_id, "sessionId": it.session_id} for it in self.because]
        return {BECAUSE: references, **({} if self.words is None else {CHANGE: self.words})}


def take(content: object, path: str) -> tuple[object, PlanChange | None, list[Oddity]]:
    """The change that a day carries.

    Returns:
        What else the day says; the change; and what is odd about it.
    """
    if not isinstance(content, Mapping):
        return content, None, []
    named = {plain: _item(content, names) for plain, names in _NAMES.items()}
    because, words = named[BECAUSE], named[CHANGE]
    if because is None:
        return content, None, []
    name, value = because
    references, odd = _references(value, f"{path}.{name}")
    taken = (name, None if words is None else words[0])
    left = {key: item for key, item in content.items() if key not in taken}
    if not references:
        return left, None, odd
    return left, PlanChange(references, None if words is None else _text(words[1])), odd


def of_reasons(justification: object) -> tuple[dict[date, PlanChange], list[Oddity]]:
    """The changes that the reasons of a plan carry, by the day that they are about; and what is odd."""
    found: dict[date, PlanChange] = {}
    odd: list[Oddity] = []
    for number, reason in enumerate(justification if isinstance(justification, list) else ()):
        if not isinstance(reason, Mapping) or (because := _item(reason, _NAMES[BECAUSE])) is None:
            continue
        path = f"justification[{number}]"
        references, more = _references(because[1], f"{path}.{because[0]}")
        odd += more
        day = _day(next((reason[name] for name in ("date", "fecha") if name in reason), None))
        if day is None:
            odd.append((f"{path}.date", "missing, or no date; without its day nobody is told of it"))
        elif references:
            found[day] = PlanChange(references, words_of(reason))
    return found, odd


def words_of(reason: Mapping[Any, Any]) -> str | None:
    """What a reason says that is an object; None: nothing."""
    return next((text for name in _WORDS if (text := _text(reason.get(name))) is not None), None)


def read_change(plan: Mapping[str, Any]) -> PlanChange | None:
    """The change in a prompt's `plan`."""
    references, _ = _references(plan.get(BECAUSE), BECAUSE)
    return PlanChange(references, _text(plan.get(CHANGE))) if references else None


def _item(content: Mapping[Any, Any], names: Sequence[str]) -> tuple[str, object] | None:
    found = ((str(name), value) for name, value in content.items() if fold(str(name)).strip() in names)
    return next(((name, value) for name, value in found if value is not None), None)


def _references(value: object, path: str) -> tuple[tuple[AnswerReference, ...], list[Oddity]]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    odd: list[Oddity] = []
    found = list(_read(items, path, odd))
    if len(found) > MOST_REFERENCES:
        odd.append((path, f"more than {MOST_REFERENCES} sessions; the athlete is told of the first ones"))
    return tuple(dict.fromkeys(found))[:MOST_REFERENCES], odd


def _read(items: Sequence[object], path: str, odd: list[Oddity]) -> Iterator[AnswerReference]:
    for number, item in enumerate(items):
        ids: Mapping[Any, Any] = item if isinstance(item, Mapping) else {}
        run_id, session_id = _id(ids.get("runId")), _id(ids.get("sessionId"))
        if run_id is None or session_id is None:
            odd.append((f"{path}[{number}]", 'no session; write {"runId": ..., "sessionId": ...}; left out'))
        else:
            yield AnswerReference(run_id, session_id)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _id(value: object) -> str | None:
    number = read_whole(value)
    text = value.strip() if isinstance(value, str) else "" if number is None else str(number)
    return text if text and not is_unfilled(text) else None


def _text(value: object) -> str | None:
    if not isinstance(value, str) or is_unfilled(value):
        return None
    text = " ".join(value.split())
    return text if len(text) <= MAX_WORDS else f"{text[: MAX_WORDS - 1]}…"
