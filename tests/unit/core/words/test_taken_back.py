"""The message of a note that is taken back."""

from __future__ import annotations

import pytest

from bot.core.answers.details import Details
from bot.core.answers.message import ShownAnswer, show
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.telegram.updates import TappedMessage
from bot.core.words.keyboards import note_keyboard
from bot.core.words.sessions import SpokenSession
from bot.core.words.taken_back import without_note
from bot.core.words.texts import noted, taken_back

EN = Language.EN
DONE = FeedbackType.DONE
TEMPO = SpokenSession("r", "s", "Tempo & <hills>", None, None, None)


def said() -> TappedMessage:
    """What is said to a note that may be an answer."""
    text = noted(TEMPO, [DONE], EN).replace("<b>", "").replace("</b>", "")
    return TappedMessage(text, [], note_keyboard(5, ("r", "s"), [DONE], EN))


def labels(keyboard: list[list[dict[str, str]]]) -> list[str]:
    """The buttons' texts."""
    return [button["text"] for row in keyboard for button in row]


def test_nothing_else_was_there() -> None:
    """Then the message says that alone."""
    edit = without_note(TEMPO, None, said(), EN)
    assert (edit.text, edit.keyboard) == (taken_back(TEMPO, EN), [])


@pytest.mark.parametrize("left", [None, "📝 < 3"])
def test_an_answer_below_it_stays(left: str | None) -> None:
    """With its question and its buttons; a note of an answered session is not moved any more."""
    answer = ShownAnswer(
        "r",
        "s",
        by_reference=False,
        type=DONE,
        details=Details(),
        question=Detail.RPE,
        language=EN,
        note="📝 done < 3",
    )
    answered = show(said(), answer)
    buttons = labels(answered.keyboard)
    assert "↩️ Take back" in buttons
    assert "↪️ Another session" not in buttons
    edit = without_note(TEMPO, left, TappedMessage(answered.text, [], answered.keyboard), EN)
    note = "" if left is None else "\n📝 &lt; 3"
    assert (edit.text or "").startswith(
        f"{taken_back(TEMPO, EN)}\n\n➜ ✅ Done{note}\n\nHow hard was the session"
    )
    assert edit.html
    assert labels(edit.keyboard) == [it for it in buttons if it != "↩️ Take back"]
    # A later tap finds the answer in it.
    later = show(TappedMessage(edit.text, [], edit.keyboard), answer)
    assert (later.text or "").count("➜") == 1
