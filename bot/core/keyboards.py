"""The buttons below a prompt: four answers, one of them marked once it is chosen, and Later in the last row.

A keyboard here is what the Bot API calls `inline_keyboard`: rows of `{"text", "callback_data"}`.
"""

from __future__ import annotations

from typing import Any

from bot.core.callbacks import FeedbackType, format_callback, format_later, parse_callback
from bot.core.texts import LABELS, LATER, marked

Keyboard = list[list[dict[str, Any]]]

# Two rows of two: large enough for a thumb outdoors, and still in the order of `FeedbackType`.
_PER_ROW = 2


def prompt_keyboard(run_id: str, session_id: str, chosen: FeedbackType | None = None) -> Keyboard:
    """The four answers for a session, whatever its ids, and below them the wish to be asked later."""
    buttons = [
        {
            "text": marked(LABELS[type_], chosen=type_ == chosen),
            "callback_data": format_callback(run_id, session_id, type_),
        }
        for type_ in FeedbackType
    ]
    rows = [buttons[i : i + _PER_ROW] for i in range(0, len(buttons), _PER_ROW)]
    return [*rows, [{"text": LATER, "callback_data": format_later(run_id, session_id)}]]


def mark_choice(keyboard: Keyboard, chosen: FeedbackType) -> Keyboard:
    """The same keyboard with the chosen answer marked and the others not; other buttons stay as they are."""
    return [[_mark(button, chosen) for button in row] for row in keyboard]


def _mark(button: dict[str, Any], chosen: FeedbackType) -> dict[str, Any]:
    callback = parse_callback(button.get("callback_data"))
    if callback is None:
        return button
    return {**button, "text": marked(str(button.get("text", "")), chosen=callback.type == chosen)}
