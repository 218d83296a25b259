"""The message that said where a note is, once that is taken back. Pure."""

from __future__ import annotations

import html

from bot.core.answers.keyboards import Keyboard
from bot.core.answers.message import MessageEdit
from bot.core.answers.texts import answer_block
from bot.core.i18n.language import Language
from bot.core.telegram.action_payloads import Action, parse_action
from bot.core.telegram.updates import TappedMessage
from bot.core.words import texts
from bot.core.words.sessions import SpokenSession

_OF_NOTES = frozenset({Action.NOTE_BACK, Action.NOTE_MOVE, Action.NOTE_STAY, Action.NOTE_TO})


def without_note(
    session: SpokenSession, note: str | None, prompted: TappedMessage, language: Language
) -> MessageEdit:
    """The message without the note; where its session was answered below it, that stays.

    Args:
        note: the notes that are left, in short; None: there are none.
    """
    said = texts.taken_back(session, language)
    block = None if prompted.text is None else answer_block(prompted.text, note)
    if block is None:
        return MessageEdit(said, html=True)
    return MessageEdit(said + html.escape(block, quote=False), keyboard=_others(prompted.keyboard), html=True)


def _others(keyboard: Keyboard) -> Keyboard:
    rows = [[it for it in row if not _is_of_notes(it.get("callback_data"))] for row in keyboard]
    return [row for row in rows if row]


def _is_of_notes(data: object) -> bool:
    action = parse_action(data)
    return action is not None and action.action in _OF_NOTES
