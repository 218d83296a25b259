"""What a tap on Later shows in its message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.answers import later
from bot.core.answers.details import Details
from bot.core.answers.keyboards import Keyboard, prompt_keyboard
from bot.core.answers.later import LaterChoice, LaterKind, LaterTap
from bot.core.answers.message import ShownAnswer, show, show_note
from bot.core.answers.payloads import Later, parse_payload
from bot.core.answers.texts import asked_text
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.telegram.updates import TappedMessage

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 2, 16, 19, 1, tzinfo=UTC)
BOLD: dict[str, Any] = {"type": "bold", "offset": 27, "length": 5}
QUESTION = TappedMessage(
    "How did your session go?\n\n\nTempo", [BOLD], prompt_keyboard("r", "s", Language.EN)
)
CHOICES = [
    LaterChoice(LaterKind.HOUR, datetime(2026, 2, 16, 20, 5, tzinfo=UTC)),
    LaterChoice(LaterKind.EVENING, datetime(2026, 2, 16, 21, tzinfo=UTC)),
    LaterChoice(LaterKind.MOVED, datetime(2026, 2, 20, 19, tzinfo=UTC)),
]


def tapped(prompted: TappedMessage = QUESTION, language: Language = Language.EN) -> LaterTap:
    """A tap of somebody in Madrid."""
    return LaterTap("r", "s", prompted, MADRID, NOW, language)


def labels(keyboard: Keyboard) -> list[list[str]]:
    """What stands on the buttons."""
    return [[button["text"] for button in row] for row in keyboard]


def test_times_take_the_place_of_later() -> None:
    """Below the answers, a row for each; the text stays. Each carries what it shows."""
    edit = later.offered(tapped(), CHOICES)
    assert edit.text is None
    assert labels(edit.keyboard)[2:] == [
        ["In an hour · 21:05"], ["This evening · 22:00"], ["Friday 20 February · 20:00"],
    ]  # fmt: skip
    payloads = [parse_payload(row[0]["callback_data"]) for row in edit.keyboard[2:]]
    assert payloads == [Later("r", "s", choice.at) for choice in CHOICES]


@pytest.mark.parametrize(
    ("language", "label", "line"),
    [
        (Language.EN, "Friday 20 February · 20:00", "⏰ I ask again on Friday at 20:00."),
        (Language.ES, "Viernes 20 de febrero · 20:00", "⏰ Vuelvo a preguntar el viernes a las 20:00."),
        (Language.PT, "Sexta-feira, 20 de fevereiro · 20:00", "⏰ Pergunto de novo sexta-feira às 20:00."),
    ],
)
def test_in_each_language(language: Language, label: str, line: str) -> None:
    """Days begin large on a button."""
    offer = later.offered(tapped(language=language), CHOICES)
    assert labels(offer.keyboard)[-1] == [label]
    text = later.postponed(tapped(language=language), CHOICES[-1].at).text
    assert text is not None
    assert text.rpartition("\n\n")[2] == line


def test_the_trace() -> None:
    """One line, that of the last choice; it can still be answered and postponed, and goes with the answer."""
    first = later.postponed(tapped(), CHOICES[0].at)
    assert first.text == f"{QUESTION.text}\n\n⏰ I ask again today at 21:05."
    assert first.entities == [BOLD]
    assert labels(first.keyboard) == labels(QUESTION.keyboard)
    again = TappedMessage(first.text, first.entities, later.offered(tapped(), CHOICES).keyboard)
    second = later.postponed(tapped(again), CHOICES[2].at)
    assert second.text == f"{QUESTION.text}\n\n⏰ I ask again on Friday at 20:00."
    assert labels(second.keyboard) == labels(QUESTION.keyboard)
    shown = ShownAnswer(
        run_id="r",
        session_id="s",
        by_reference=False,
        type=FeedbackType.DONE,
        details=Details(),
        question=None,
        language=Language.EN,
    )
    answered = show(TappedMessage(second.text, second.entities, again.keyboard), shown)
    assert answered.text == f"{QUESTION.text}\n\n➜ ✅ Done"
    assert labels(answered.keyboard) == [["• ✅ Done", "⏭ Skipped"], ["🥵 Hard", "🤕 Pain"]]


def test_a_note_stays_above_the_trace() -> None:
    """Also when another time is chosen; and it is no part of the question."""
    noted = show_note(QUESTION, "📝 Warm")
    first = later.postponed(tapped(TappedMessage(noted.text, noted.entities, noted.keyboard)), CHOICES[0].at)
    assert first.text == f"{QUESTION.text}\n\n📝 Warm\n\n⏰ I ask again today at 21:05."
    again = TappedMessage(first.text, first.entities, first.keyboard)
    second = later.postponed(tapped(again), CHOICES[2].at).text
    assert second == f"{QUESTION.text}\n\n📝 Warm\n\n⏰ I ask again on Friday at 20:00."
    assert asked_text(second) == QUESTION.text
    assert show_note(again, "📝 Warm, windy").text == first.text.replace("Warm", "Warm, windy")
    assert show_note(again, None).text == first.text.replace("\n\n📝 Warm", "")


def test_a_week_ahead_has_its_date() -> None:
    """A weekday alone would be the next one."""
    for days, said in ((6, "on Sunday"), (7, "on Monday 23 February")):
        text = later.postponed(tapped(), NOW + timedelta(days=days)).text
        assert text is not None
        assert text.endswith(f"⏰ I ask again {said} at 20:01.")
        assert asked_text(text) == QUESTION.text


def test_a_message_that_telegram_does_not_show() -> None:
    """Its buttons are known nevertheless."""
    gone = TappedMessage(None, [], [])
    assert labels(later.offered(tapped(gone), CHOICES[:1]).keyboard)[:2] == labels(QUESTION.keyboard)[:2]
    edit = later.postponed(tapped(gone), CHOICES[0].at)
    assert (edit.text, labels(edit.keyboard)) == (None, labels(QUESTION.keyboard))


@pytest.mark.parametrize(
    "first",
    [
        "Still unanswered:",
        "You asked me to come back later, so here I am again.",
        "Sin respuesta todavía:",
        "Ainda sem resposta:",
    ],
)
def test_still_unanswered_goes_with_the_answer(first: str) -> None:
    """And the formatting moves with the text."""
    prefix = f"{first}\n\n"
    moved = {**BOLD, "offset": BOLD["offset"] + len(prefix)}
    asked = TappedMessage(f"{prefix}{QUESTION.text}", [moved], QUESTION.keyboard)
    shown = ShownAnswer(
        run_id="r",
        session_id="s",
        by_reference=False,
        type=FeedbackType.DONE,
        details=Details(),
        question=None,
        language=Language.EN,
    )
    edit = show(asked, shown)
    assert (edit.text, edit.entities) == (f"{QUESTION.text}\n\n➜ ✅ Done", [BOLD])
