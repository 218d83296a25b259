"""The buttons of pain that stand below no answer: what they carry, and how they look. Pure.

hurts|now|knee.left|same       to the question how it is by now; a message of its own
hurts|too|knee.left|6          the same below a question about a session
hurts|r100000042|where|knee    in reply to /pain: the id of the report, what is said, and the value
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from bot.core.answers.detail_texts import choice
from bot.core.answers.keyboards import Keyboard
from bot.core.answers.texts import marked
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.pain.alerting import HURTS
from bot.core.pain.episodes import Spot, Verdict
from bot.core.telegram.action_payloads import Action, format_action, parse_action
from bot.core.telegram.callback_data import join, split

_LEAVE_OUT = "-"
_REPORT = "r"
_PER_ROW = 4


class Asked(StrEnum):
    """Where it was asked how it is by now."""

    NOW = "now"
    """In a message of its own, which takes another form with each tap."""
    TOO = "too"
    """Below a question about a session, of which only these buttons change."""


@dataclass(frozen=True, slots=True)
class CheckTap:
    """An answer to the question how it is by now.

    Attributes:
        said: how it is, or how bad it is; None: that is left out.
    """

    asked: Asked
    spot: Spot
    said: Verdict | int | None


@dataclass(frozen=True, slots=True)
class ReportTap:
    """Something that is said in reply to /pain.

    Attributes:
        report_id: of the report.
        value: None: it is left out.
    """

    report_id: str
    detail: Detail
    value: int | str | None


PainTap: TypeAlias = CheckTap | ReportTap


def read_pain(argument: str) -> PainTap | None:
    """What a button carries. Total: None for what is none of these."""
    match split(argument):
        case [Asked.NOW | Asked.TOO as asked, spot, said]:
            return _check(Asked(asked), spot, said)
        case [report_id, name, said] if report_id.startswith(_REPORT) and report_id[1:].isdecimal():
            return _report(report_id, name, said)
        case _:
            return None


def report_of(update_id: int) -> str:
    """The id of the report that a message begins."""
    return f"{_REPORT}{update_id}"


def check_of(message_id: int | None, spot: Spot) -> str:
    """The id of the report that answers a question how it is by now."""
    return f"c{message_id}.{_name(spot)}"


def check_rows(
    asked: Asked, spot: Spot, language: Language, *, verdict: Verdict | None = None, level: int | None = None
) -> Keyboard:
    """One row: how it is; once it is worse, also how bad it is, until that is said.

    Below a question about a session each level has a sign, since effort is asked with the same numbers.

    Args:
        verdict: what was said; None: nothing yet.
        level: what was said; None: nothing yet.
    """
    texts = language.texts.pain
    labels = {Verdict.GONE: texts.gone, Verdict.SAME: texts.same, Verdict.WORSE: texts.worse}
    rows = [
        [_button(marked(labels[each], chosen=each is verdict), asked, _name(spot), each) for each in Verdict]
    ]
    if asks_level(verdict, level):
        sign = HURTS.facts.sign + " " if asked is Asked.TOO else ""
        levels = [_button(f"{sign}{it}", asked, _name(spot), str(it)) for it in Detail.PAIN.facts.choices]
        skip = _button(language.texts.details.skip, asked, _name(spot), _LEAVE_OUT)
        rows += _rows([*levels, skip], _PER_ROW)
    return rows


def asks_level(verdict: Verdict | None, level: int | None) -> bool:
    """Whether to ask how bad it is now: what is the same, or gone, says so by itself."""
    return verdict is Verdict.WORSE and level is None


def report_rows(report_id: str, detail: Detail, language: Language) -> Keyboard:
    """The choices of what is asked next about a report."""
    facts = detail.facts
    buttons = [
        _button(choice(value, language), report_id, detail.value, str(value)) for value in facts.choices
    ]
    if detail is not Detail.PLACE:
        buttons.append(_button(language.texts.details.skip, report_id, detail.value, _LEAVE_OUT))
    return _rows(buttons, facts.choices_per_row)


def with_rows(keyboard: Keyboard, rows: Keyboard) -> Keyboard:
    """A keyboard with other buttons about pain in the place of those that it has."""
    kept, is_placed = [], False
    for row in keyboard:
        if not any(_is_ours(button) for button in row):
            kept.append(row)
        elif not is_placed:
            kept += rows
            is_placed = True
    return kept


def _is_ours(button: dict[str, Any]) -> bool:
    action = parse_action(button.get("callback_data"))
    return action is not None and action.action is Action.PAIN


def _check(asked: Asked, name: str, said: str) -> CheckTap | None:
    place, _, side = name.partition(".")
    if place not in ("", *Detail.PLACE.facts.choices) or side not in ("", *Detail.SIDE.facts.choices):
        return None
    spot = Spot(*(_choice(detail, it) for detail, it in ((Detail.PLACE, place), (Detail.SIDE, side))))
    if said == _LEAVE_OUT:
        return CheckTap(asked, spot, None)
    if said in list(Verdict):
        return CheckTap(asked, spot, Verdict(said))
    level = _value(Detail.PAIN, said)
    return CheckTap(asked, spot, level) if isinstance(level, int) else None


def _report(report_id: str, name: str, said: str) -> ReportTap | None:
    detail = next((it for it in (Detail.PLACE, Detail.SIDE, Detail.PAIN) if it.value == name), None)
    if detail is None:
        return None
    if said == _LEAVE_OUT and detail is not Detail.PLACE:
        return ReportTap(report_id, detail, None)
    value = _value(detail, said)
    return None if value is None else ReportTap(report_id, detail, value)


def _value(detail: Detail, said: str) -> int | str | None:
    return next((value for value in detail.facts.choices if str(value) == said), None)


def _choice(detail: Detail, said: str) -> Any:
    return _value(detail, said)


def _name(spot: Spot) -> str:
    return f"{spot.place or ''}.{spot.side or ''}"


def _button(text: str, *parts: str) -> dict[str, Any]:
    return {"text": text, "callback_data": format_action(Action.PAIN, join(*parts))}


def _rows(buttons: list[dict[str, Any]], length: int) -> Keyboard:
    return [buttons[i : i + length] for i in range(0, len(buttons), length)]
