"""The buttons below what is said to a note."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.telegram.action_payloads import is_about_note, parse_action
from bot.core.telegram.callback_data import MAX_CALLBACK_BYTES
from bot.core.words.keyboards import move_keyboard, note_keyboard, read_target, target_of
from bot.core.words.sessions import SpokenSession

FARTHEST = 2**53
LONG = ("r" * 60, "s" * 60)


def payloads(keyboard: list[list[dict[str, str]]]) -> list[str]:
    """What the buttons carry."""
    return [button["callback_data"] for row in keyboard for button in row]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("place", [None, ("r", "s"), LONG])
def test_every_button_fits(language: Language, place: tuple[str, str] | None) -> None:
    """Whatever the ids; and tells that the message is no question."""
    keyboard = note_keyboard(FARTHEST, place, list(FeedbackType), language)
    others = [SpokenSession(*LONG, "t" * 300, None, None, None)]
    for buttons in (keyboard, move_keyboard(FARTHEST, others, language)):
        assert all(1 <= len(data.encode()) <= MAX_CALLBACK_BYTES for data in payloads(buttons))
        assert is_about_note(payloads(buttons))


def test_what_is_offered_is_marked() -> None:
    """Among all answers, as a tap on the question would give them; without any the two buttons are left."""
    keyboard = note_keyboard(5, ("r", "s"), [FeedbackType.SKIPPED], Language.EN)
    assert [button["text"] for row in keyboard for button in row][:2] == ["✅ Done", "👉 ⏭ Skipped"]
    assert payloads(keyboard)[1] == "session_feedback|r|s|skipped"
    assert payloads(note_keyboard(5, None, [], Language.EN)) == ["do|move|5", "do|unnote|5"]


def test_a_target_is_read_as_it_was_written() -> None:
    """Message and session."""
    session = SpokenSession(*LONG, None, None, None, None)
    [row, _] = move_keyboard(5, [session], Language.EN)
    action = parse_action(row[0]["callback_data"])
    assert action is not None
    assert action.argument == target_of(5, LONG)
    number, reference = read_target(action.argument)
    other = target_of(5, replace(session, run_id="x").place)
    assert (number, reference == read_target(other)[1]) == (5, False)


@pytest.mark.parametrize("odd", ["", "x", "-1", "0", "9" * 40, "٣"])
def test_what_names_no_message(odd: str) -> None:
    """Anybody can send what a button sends."""
    assert read_target(odd)[0] is None
