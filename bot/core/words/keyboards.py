"""The buttons below what is said to a note: answers, if there is none yet; to move it, to take it back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from bot.core.answers.keyboards import Keyboard, prompt_keyboard
from bot.core.answers.payloads import Callback, make_reference, parse_payload
from bot.core.answers.texts import suggested
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.shared.tolerant import read_user
from bot.core.telegram.action_payloads import Action, format_action
from bot.core.words.sessions import Place, SpokenSession
from bot.core.words.texts import plain_name

_SEPARATOR = " "


def note_keyboard(
    message_id: int, place: Place | None, offered: Collection[FeedbackType], language: Language
) -> Keyboard:
    """The buttons below the message that says where a note went.

    Args:
        message_id: of the note.
        place: the session that can be answered here; None: it is answered, or elsewhere.
        offered: the answers that are marked, since the note may be meant so.
    """
    answers: Keyboard = []
    if place is not None:
        for row in prompt_keyboard(*place, language):
            buttons = [_suggested(button, offered) for button in row if _type(button) is not None]
            answers += [buttons] if buttons else []
    texts = language.texts.words
    move = {"text": texts.move_button, "callback_data": format_action(Action.NOTE_MOVE, str(message_id))}
    back = {"text": texts.back_button, "callback_data": format_action(Action.NOTE_BACK, str(message_id))}
    return [*answers, [move, back]]


def move_keyboard(message_id: int, others: Sequence[SpokenSession], language: Language) -> Keyboard:
    """The sessions to which a note can be moved, and the wish to leave it where it is."""
    rows = [
        [
            {
                "text": plain_name(session, language),
                "callback_data": format_action(Action.NOTE_TO, target_of(message_id, session.place)),
            }
        ]
        for session in others
    ]
    stay = format_action(Action.NOTE_STAY, str(message_id))
    return [*rows, [{"text": language.texts.words.stay_button, "callback_data": stay}]]


def target_of(message_id: int, place: Place) -> str:
    """What a button says that moves a note: its message, and the session."""
    return f"{message_id}{_SEPARATOR}{make_reference(*place)}"


def read_target(argument: str) -> tuple[int | None, str]:
    """The message of a note, and the reference of a session; None: it names no message."""
    message_id, _, reference = argument.partition(_SEPARATOR)
    number = read_user(message_id)
    return number if number is not None and number > 0 else None, reference


def _suggested(button: dict[str, Any], offered: Collection[FeedbackType]) -> dict[str, Any]:
    return {**button, "text": suggested(button["text"])} if _type(button) in offered else button


def _type(button: dict[str, Any]) -> FeedbackType | None:
    payload = parse_payload(button.get("callback_data"))
    return payload.type if isinstance(payload, Callback) else None
