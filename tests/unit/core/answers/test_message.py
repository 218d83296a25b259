"""How a question looks once it is answered."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers import detail_texts as texts
from bot.core.answers.details import Details, next_question
from bot.core.answers.keyboards import Keyboard, prompt_keyboard
from bot.core.answers.message import MessageEdit, ShownAnswer, show, show_again, show_note, show_noted
from bot.core.answers.payloads import (
    DetailTap,
    format_callback,
    make_reference,
    needs_reference,
    parse_payload,
)
from bot.core.answers.texts import label
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_MESSAGE, units
from bot.core.telegram.updates import TappedMessage

EN, ES = Language.EN, Language.ES
DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
ALL = frozenset(Detail)
BOLD = {"type": "bold", "offset": 0, "length": 4}
CHOICES: dict[Detail, st.SearchStrategy[int | str]] = {
    detail: st.text(max_size=30) if detail.facts.is_written else st.sampled_from(detail.facts.choices)
    for detail in Detail
}
DETAILS = st.fixed_dictionaries({}, optional=CHOICES).map(Details)


def asked(text: str | None = "How was it?", keyboard: Keyboard | None = None) -> TappedMessage:
    """A question as it was sent."""
    return TappedMessage(text, [BOLD], prompt_keyboard("r", "s", EN) if keyboard is None else keyboard)


def chosen(
    type_: FeedbackType,
    details: Details = Details(),  # noqa: B008  # a value that cannot be changed
    question: Detail | None = None,
    language: Language = EN,
) -> ShownAnswer:
    """A choice for session `s` of run `r`."""
    return ShownAnswer(
        "r", "s", by_reference=False, type=type_, details=details, question=question, language=language
    )


def again(edit: MessageEdit) -> TappedMessage:
    """What Telegram shows after an edit."""
    return TappedMessage(edit.text, edit.entities, edit.keyboard)


def rows(edit: MessageEdit) -> list[list[str]]:
    """The labels of the buttons."""
    return [[button["text"] for button in row] for row in edit.keyboard]


def data(edit: MessageEdit) -> list[str]:
    """The payloads of the buttons."""
    return [button["callback_data"] for row in edit.keyboard for button in row]


@pytest.mark.parametrize("type_", [DONE, HARD])
def test_effort_is_asked(type_: FeedbackType) -> None:
    """Below the answer stand the question with Foster's words, eleven numbers, and Pass; Later is gone."""
    edit = show(asked(), chosen(type_, question=Detail.RPE))
    assert edit.text == (
        f"How was it?\n\n➜ {label(type_, EN)}\n\nHow hard was the session as a whole, 0 to 10?\n"
        "0 rest · 1 very, very easy · 2 easy · 3 moderate · 4 somewhat hard · 5 hard"
        " · 7 very hard · 10 maximal"
    )
    assert rows(edit)[2:] == [["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9", "10", "Pass"]]
    assert data(edit)[4:] == [*(f"rpe|r|s|{n}" for n in range(11)), "rpe|r|s|-"]
    assert edit.entities == [BOLD]


def test_effort_is_shown() -> None:
    """With its word where it has one; a button changes it, and then the value is marked."""
    edit = show(asked(), chosen(DONE, Details({Detail.RPE: 7})))
    assert edit.text == "How was it?\n\n➜ ✅ Done\nEffort (RPE) 7 · very hard"
    assert rows(edit) == [["• ✅ Done", "⏭ Skipped"], ["🥵 Hard", "🤕 Pain"], ["✏️ RPE 7"]]
    assert data(edit)[-1] == "rpe|r|s|?"
    assert (show(asked(), chosen(DONE, Details({Detail.RPE: 8}))).text or "").endswith("\nEffort (RPE) 8")
    asked_again = show(again(edit), chosen(DONE, Details({Detail.RPE: 7}), Detail.RPE))
    assert rows(asked_again)[3] == ["4", "5", "6", "• 7"]
    assert (asked_again.text or "").startswith(
        "How was it?\n\n➜ ✅ Done\nEffort (RPE) 7 · very hard\n\nHow hard"
    )


def test_pain_is_asked_and_shown() -> None:
    """Where, on which side, how bad; all stand in one line and behind one button."""
    first = show(asked(), chosen(PAIN, question=Detail.PLACE))
    assert rows(first)[2:] == [
        ["foot", "Achilles", "ankle"], ["calf", "shin", "knee"], ["hamstring", "thigh", "hip"],
        ["back", "shoulder", "other"], ["Pass"],
    ]  # fmt: skip
    side = show(again(first), chosen(PAIN, Details({Detail.PLACE: "knee"}), Detail.SIDE))
    assert rows(side)[2:] == [["left", "right", "both", "Pass"]]
    second = show(again(first), chosen(PAIN, Details({Detail.PLACE: "knee"}), Detail.PAIN))
    assert second.text == (
        "How was it?\n\n➜ 🤕 Pain\nHurts: knee\n\nHow bad is it, 0 to 10?\n0 no pain · 10 the worst pain"
    )
    last = show(again(second), chosen(PAIN, Details({Detail.PLACE: "knee", Detail.PAIN: 6})))
    assert last.text == "How was it?\n\n➜ 🤕 Pain\nHurts: knee, 6/10"
    assert (rows(last)[2:], data(last)[-1]) == ([["✏️ knee, 6/10"]], "where|r|s|?")
    said: dict[Detail, int | str] = {
        Detail.PLACE: "knee",
        Detail.SIDE: "left",
        Detail.PAIN: 6,
        Detail.COMPLETED: "part",
        Detail.RPE: 5,
    }
    all_ = show(again(second), chosen(PAIN, Details(said)))
    assert (all_.text or "").splitlines()[3:] == [
        "Hurts: knee (left), 6/10", "Session done: part", "Effort (RPE) 5 · hard",
    ]  # fmt: skip
    assert rows(all_)[2:] == [["✏️ knee (left), 6/10", "✏️ done: part"], ["✏️ RPE 5"]]


def test_another_place_is_told_in_words() -> None:
    """They are asked for beside the buttons of the next question, and take the place of "other"."""
    other: dict[Detail, int | str] = {Detail.PLACE: "other"}
    waiting = show(asked(), chosen(PAIN, Details(other), Detail.PAIN))
    hint = "✍️ Where exactly? Just write it here in a few words."
    assert (waiting.text or "").endswith(f"10 the worst pain\n\n{hint}")
    assert rows(waiting)[2] == ["0", "1", "2", "3"]
    skipped = show(again(waiting), chosen(PAIN, Details(other)))
    assert (skipped.text or "").endswith(f"Hurts: other\n\n{hint}")
    told = show(again(skipped), chosen(PAIN, Details(other | {Detail.WORDS: "the sole,\n\n➜ ✅ Done"})))
    assert told.text == "How was it?\n\n➜ 🤕 Pain\nHurts: “the sole, ➜ ✅ Done”"


def test_a_reason_is_asked_and_shown() -> None:
    """Two in a row, and in the reader's language while payloads stay as they are."""
    first = show(asked(), chosen(SKIPPED, question=Detail.REASON, language=ES))
    assert rows(first)[2:] == [
        ["enfermedad", "cansancio"], ["falta de tiempo", "mal tiempo"], ["otro", "Omitir"],
    ]  # fmt: skip
    assert data(first)[6] == "reason|r|s|no_time"
    edit = show(again(first), chosen(SKIPPED, Details({Detail.REASON: "no time"}), language=ES))
    assert edit.text == "How was it?\n\n➜ ⏭ Saltada\nMotivo: falta de tiempo"


def test_what_else_happened() -> None:
    """Its words stand below those of effort, where they cost no tap; later they are behind a button."""
    aside = (Detail.CHANGE,)
    first = show(asked(), replace(chosen(DONE, question=Detail.RPE), asides=aside))
    assert rows(first)[5:] == [["shortened", "something else"]]
    assert data(first)[-2:] == ["change|r|s|shortened", "change|r|s|swapped"]
    shortened = Details({Detail.CHANGE: "shortened"})
    second = show(again(first), replace(chosen(DONE, shortened, Detail.RPE), asides=aside))
    assert (second.text or "").startswith("How was it?\n\n➜ ✅ Done\nChanged: shortened\n\nHow hard")
    assert rows(second)[5:] == [["• shortened", "something else"]]
    third = show(again(second), replace(chosen(DONE, Details({Detail.RPE: 7})), asides=aside))
    assert rows(third)[2:] == [["✏️ RPE 7", "✏️ changed?"]]
    assert data(third)[-1] == "change|r|s|?"
    alone = show(again(third), replace(chosen(DONE, question=Detail.CHANGE), asides=aside))
    assert rows(alone)[2:] == [["shortened", "something else"], ["Pass"]]
    both = Details({Detail.RPE: 7, Detail.CHANGE: "swapped"})
    assert rows(show(again(alone), replace(chosen(DONE, both), asides=aside)))[2:] == [
        ["✏️ RPE 7", "✏️ something else"]
    ]


def test_moved_to_another_day() -> None:
    """One more word below the reasons."""
    aside = (Detail.MOVED,)
    first = show(asked(), replace(chosen(SKIPPED, question=Detail.REASON), asides=aside))
    assert (rows(first)[-1], data(first)[-1]) == (["moved to another day"], "moved|r|s|moved")
    moved = show(again(first), replace(chosen(SKIPPED, Details({Detail.MOVED: "moved"})), asides=aside))
    assert moved.text == "How was it?\n\n➜ ⏭ Skipped\nChanged: moved to another day"
    assert (rows(moved)[2:], data(moved)[-1]) == ([["✏️ moved to another day"]], "moved|r|s|?")


@given(st.lists(st.tuples(st.sampled_from(FeedbackType), DETAILS, st.sampled_from(Language)), min_size=1))
def test_only_the_last_choice_shows(choices_: list[tuple[FeedbackType, Details, Language]]) -> None:
    """However often it is changed, and in which languages: lines and questions of earlier answers go."""
    prompted, edit = asked(), None
    for type_, details, language in choices_:
        choice = chosen(type_, details, next_question(type_, details, ALL), language)
        edit = show(prompted, choice)
        prompted = again(edit)
    assert edit is not None
    afresh = show(asked(), choice)
    assert (edit.text, edit.keyboard, edit.entities) == (afresh.text, afresh.keyboard, afresh.entities)


def test_buttons_of_others_stay() -> None:
    """A link of the coach workflow's is kept where it stood; only passing buttons go."""
    link = {"text": "Plan", "url": "https://example.org"}
    keyboard: Keyboard = [[link], *prompt_keyboard("r", "s", EN), [{"text": "x", "callback_data": "own|x"}]]
    edit = show(asked(keyboard=keyboard), chosen(DONE))
    assert edit.keyboard[0] == [link]
    assert edit.keyboard[-1] == [{"text": "x", "callback_data": "own|x"}]
    assert rows(edit)[1:3] == [["• ✅ Done", "⏭ Skipped"], ["🥵 Hard", "🤕 Pain"]]


def test_a_message_that_is_no_text() -> None:
    """Then only the buttons change."""
    edit = show(asked(text=None), chosen(DONE, question=Detail.RPE))
    assert edit.text is None
    assert "rpe|r|s|7" in data(edit)


def test_a_message_that_telegram_does_not_show() -> None:
    """Without its buttons they are made anew."""
    edit = show(TappedMessage(None, [], []), chosen(HARD))
    assert rows(edit) == [["✅ Done", "⏭ Skipped"], ["• 🥵 Hard", "🤕 Pain"]]


@pytest.mark.parametrize("type_", FeedbackType)
def test_a_session_with_long_ids(type_: FeedbackType) -> None:
    """What its answers travel by, the question behind them travels by, too."""
    run_id, session_id = "r" * 60, "s" * 60
    assert needs_reference(run_id, session_id)
    question = type_.facts.asks[0]
    choice = replace(
        chosen(type_, question=question), run_id=run_id, session_id=session_id, by_reference=True
    )
    edit = show(asked(keyboard=prompt_keyboard(run_id, session_id, EN)), choice)
    taps = [tap for payload in data(edit) if isinstance(tap := parse_payload(payload), DetailTap)]
    assert len(taps) == len(question.facts.choices) + 1
    assert {tap.run_id for tap in taps} == {make_reference(run_id, session_id)}
    assert max(len(payload.encode()) for payload in data(edit)) <= 64


def test_ids_that_leave_no_room() -> None:
    """An older button with long ids: nothing is asked, neither with buttons nor in the text."""
    choice = replace(chosen(DONE, Details(), Detail.RPE), run_id="r" * 50, session_id="legacy-123456789")
    keyboard = [[{"text": "done", "callback_data": f"feedback|{'r' * 50}|done"}]]
    edit = show(asked(keyboard=keyboard), choice)
    assert edit.text == "How was it?\n\n➜ ✅ Done"
    assert rows(edit) == [["• done"]]


@pytest.mark.parametrize("letter", ["x", "🏃"])
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("type_", FeedbackType)
def test_the_longest_question(letter: str, language: Language, type_: FeedbackType) -> None:
    """Telegram takes 4,096 UTF-16 units: the question's text is cut, the answer and what is asked are not."""
    text = letter * (MAX_MESSAGE // units(letter))
    details = Details({Detail.RPE: 10, Detail.PLACE: "shoulder", Detail.PAIN: 10, Detail.REASON: "no time"})
    question = type_.facts.asks[-1]
    end: dict[str, Any] = {"type": "italic", "offset": 4000, "length": 96}
    prompted = TappedMessage(text, [BOLD, end], prompt_keyboard("r", "s", language))
    edit = show(prompted, chosen(type_, details, question, language))
    assert edit.text is not None
    assert MAX_MESSAGE - 2 < units(edit.text) <= MAX_MESSAGE
    above, line, below = edit.text.rpartition("\n\n➜ ")
    assert above.endswith(f"{letter}…")
    assert line
    assert below.startswith(label(type_, language))
    assert below.endswith(texts.question(question, language))
    assert all(it["offset"] + it["length"] <= units(above) for it in edit.entities)
    assert edit.entities[0] == BOLD
    assert show(again(edit), chosen(type_, details, question, language)) == edit


@given(st.text(max_size=200), st.sampled_from(FeedbackType), DETAILS)
def test_the_question_stays(text: str, type_: FeedbackType, details: Details) -> None:
    """Whatever the text, it is followed by the answer."""
    edit = show(asked(text), chosen(type_, details))
    assert edit.text is not None
    assert edit.text.startswith(f"{text}\n\n➜ {label(type_, EN)}")


def test_every_choice_has_a_label_in_every_language() -> None:
    """No two of one question are the same, and what changes an answer is a short button."""
    for language in Language:
        for detail in Detail:
            assert set(language.texts.details.question(detail).scale) <= set(detail.facts.choices)
            labels = [texts.choice(value, language) for value in detail.facts.choices]
            assert len(set(labels)) == len(labels)
            assert max(map(len, labels), default=0) <= 20
            for value in detail.facts.choices:
                assert 1 <= len(texts.saved(detail, value, language)) <= 200


def test_a_prompt_of_others_is_marked() -> None:
    """A button of the coach workflow's own wording keeps it, and the mark does not add up."""
    keyboard = [[{"text": "¡Hecho!", "callback_data": format_callback("r", "s", DONE)}]]
    once = show(asked(keyboard=keyboard), chosen(DONE))
    twice = show(again(once), chosen(DONE))
    assert rows(once) == rows(twice) == [["• ¡Hecho!"]]


def test_a_note_is_shown() -> None:
    """In a line below the answer; or below a question that is open, from where it goes with the answer."""
    noted = replace(chosen(DONE, Details({Detail.RPE: 8})), note="📝 knee <b>")
    edit = show(asked(), noted)
    assert edit.text == "How was it?\n\n➜ ✅ Done\nEffort (RPE) 8\n📝 knee <b>"
    assert show(again(edit), replace(noted, note=None)).text == "How was it?\n\n➜ ✅ Done\nEffort (RPE) 8"
    waiting = show_noted("<b>Run</b>\n\nHow?", "📝 knee <b>", prompt_keyboard("r", "s", EN))
    assert (waiting.text, waiting.html) == ("<b>Run</b>\n\nHow?\n\n📝 knee &lt;b&gt;", True)
    assert waiting.keyboard == prompt_keyboard("r", "s", EN)
    shown = TappedMessage("Run\n\nHow?\n\n📝 knee <b>", [BOLD], waiting.keyboard)
    assert show(shown, noted).text == "Run\n\nHow?\n\n➜ ✅ Done\nEffort (RPE) 8\n📝 knee <b>"
    assert show_noted("How?", None, []).text == "How?"


def test_a_question_of_which_only_the_record_tells() -> None:
    """Looks as if its message had been tapped, whatever its formatting."""
    noted = replace(chosen(DONE, question=Detail.RPE), note="📝 5 < 6 & so")
    edit = show_again("<b>Run</b>\n\nHow?", noted)
    tapped = show(TappedMessage("Run\n\nHow?", [], prompt_keyboard("r", "s", EN)), noted)
    assert edit.html
    assert html.unescape((edit.text or "").replace("<b>", "").replace("</b>", "")) == tapped.text
    assert edit.keyboard == tapped.keyboard


def test_a_note_below_a_message_as_it_looked() -> None:
    """In place of an earlier one; the buttons stay as they are, and a message without text has them alone."""
    first = show_note(asked(), "📝 knee")
    assert first.text == "How was it?\n\n📝 knee"
    assert (first.entities, first.keyboard) == ([BOLD], asked().keyboard)
    assert show_note(again(first), "📝 knee · hip").text == "How was it?\n\n📝 knee · hip"
    assert show_note(again(first), None).text == "How was it?"
    assert show_note(asked(None), "📝 knee").text is None
