"""The buttons below a question: the answers, and Later; once one is chosen, what may be said besides.

A keyboard here is what the Bot API calls `inline_keyboard`: rows of `{"text", "callback_data"}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.core.answers import detail_texts as texts
from bot.core.answers.details import Details
from bot.core.answers.payloads import (
    Callback,
    DetailTap,
    Ids,
    Later,
    format_again,
    format_callback,
    format_detail,
    format_later,
    parse_payload,
)
from bot.core.answers.texts import label, marked
from bot.core.facts.answer_types import FeedbackType, Style
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.telegram.action_payloads import Action, parse_action

Keyboard = list[list[dict[str, Any]]]

# Two rows of two: large enough for a thumb outdoors, and still in the order of `FeedbackType`.
_PER_ROW = 2


def prompt_keyboard(run_id: str, session_id: str, language: Language) -> Keyboard:
    """The answers for a session, whatever its ids, and below them the wish to be asked later."""
    buttons = [
        {
            "text": label(type_, language),
            "callback_data": format_callback(run_id, session_id, type_),
            **_style(type_.facts.style),
        }
        for type_ in FeedbackType
    ]
    return [*_rows(buttons, _PER_ROW), [later_button(run_id, session_id, language)]]


def later_button(run_id: str, session_id: str, language: Language) -> dict[str, Any]:
    """The wish to be asked later."""
    return {"text": language.texts.answers.later, "callback_data": format_later(run_id, session_id)}


def _style(style: Style | None) -> dict[str, Any]:
    return {} if style is None else {"style": style}


def answered_keyboard(keyboard: Keyboard, chosen: FeedbackType) -> Keyboard:
    """The same keyboard with the chosen answer marked and the others not.

    Later goes, what was asked about an answer, and the wish to move a note, which is about this session
    then; buttons that are not ours stay as they are.
    """
    rows = [[_mark(it, chosen) for it in row if not _moves(it)] for row in asked_keyboard(keyboard)]
    return [row for row in rows if row]


def asked_keyboard(keyboard: Keyboard) -> Keyboard:
    """The answers below a question that is still open, without what passes: Later, and its times."""
    rows = [[button for button in row if not _is_passing(button)] for row in keyboard]
    return [row for row in rows if row]


def detail_rows(
    ids: Ids,
    type_: FeedbackType,
    details: Details,
    question: Detail | None,
    language: Language,
    asides: Sequence[Detail] = (),
) -> Keyboard:
    """The rows below the answers: the choices of a question, else buttons to change details.

    Args:
        ids: as `bot.core.answers.payloads.detail_ids` gives them.
        asides: the questions of which the choices stand beside those of another.
    """
    if question is None:
        first = {detail.facts.field.name: detail for detail in reversed(type_.facts.asks)}
        said = [
            {"text": label, "callback_data": format_again(ids, detail)}
            for detail in type_.facts.asks
            if detail is first[detail.facts.field.name]
            and (label := _label(details, detail, language, is_offered=detail in asides)) is not None
        ]
        return _rows(said, _PER_ROW)
    skip = {"text": language.texts.details.skip, "callback_data": format_detail(ids, question, None)}
    rows = _rows([*_choices(ids, details, question, language), skip], question.facts.choices_per_row)
    if question.facts.is_aside:
        return rows
    return [*rows, *(_choices(ids, details, aside, language) for aside in asides)]


def _choices(ids: Ids, details: Details, question: Detail, language: Language) -> list[dict[str, Any]]:
    chosen = details.value(question)
    return [
        {
            "text": marked(texts.choice(value, language), chosen=value == chosen),
            "callback_data": format_detail(ids, question, value),
        }
        for value in question.facts.choices
    ]


def _label(details: Details, detail: Detail, language: Language, *, is_offered: bool) -> str | None:
    said = texts.change(details, detail, language)
    return texts.unsaid(detail, language) if said is None and is_offered else said


def _rows(buttons: list[dict[str, Any]], length: int) -> Keyboard:
    return [buttons[i : i + length] for i in range(0, len(buttons), length)]


def _is_passing(button: dict[str, Any]) -> bool:
    return isinstance(parse_payload(button.get("callback_data")), Later | DetailTap)


def _moves(button: dict[str, Any]) -> bool:
    action = parse_action(button.get("callback_data"))
    return action is not None and action.action is Action.NOTE_MOVE


def _mark(button: dict[str, Any], chosen: FeedbackType) -> dict[str, Any]:
    callback = parse_payload(button.get("callback_data"))
    if not isinstance(callback, Callback):
        return button
    return {**button, "text": marked(str(button.get("text", "")), chosen=callback.type == chosen)}
