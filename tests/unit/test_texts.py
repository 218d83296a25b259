"""Words and buttons: their order, their marks, their lengths, and what cannot break out of them."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import texts
from bot.core.callbacks import Callback, FeedbackType, parse_callback
from bot.core.feedback import Cause, NotWritten, Outcome
from bot.core.keyboards import Keyboard, mark_choice, prompt_keyboard
from bot.core.prompts import Again

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
DONE, SKIPPED, HARD, PAIN = FeedbackType


def labels(keyboard: Keyboard) -> list[str]:
    """The buttons' labels in reading order."""
    return [button["text"] for row in keyboard for button in row]


@pytest.mark.parametrize("session_id", ["s", "s" * 200])
def test_buttons_stand_in_the_order_of_the_types(session_id: str) -> None:
    """Done, skipped, hard, pain, read row by row, in the plain form and as references; Later comes last."""
    keyboard = prompt_keyboard("r", session_id)
    callbacks = [parse_callback(button["callback_data"]) for row in keyboard for button in row]
    assert [callback.type for callback in callbacks if callback is not None] == [DONE, SKIPPED, HARD, PAIN]
    assert labels(keyboard) == [*(texts.LABELS[type_] for type_ in FeedbackType), texts.LATER]
    assert all(set(button) == {"text", "callback_data"} for row in keyboard for button in row)


@pytest.mark.parametrize("chosen", FeedbackType)
def test_the_chosen_button_is_marked_alone(chosen: FeedbackType) -> None:
    """Exactly one label carries a mark, whatever was marked before."""
    plain = prompt_keyboard("r", "s")
    marked = prompt_keyboard("r", "s", chosen)
    differing = [new for old, new in zip(labels(plain), labels(marked), strict=True) if old != new]
    assert differing == [texts.marked(texts.LABELS[chosen], chosen=True)]
    for before in (plain, marked, prompt_keyboard("r", "s", PAIN), prompt_keyboard("r", "s", DONE)):
        assert mark_choice(before, chosen) == marked


def test_marking_leaves_other_buttons_alone() -> None:
    """Links, foreign payloads and odd buttons stay as they are, and the given keyboard is not changed."""
    done: dict[str, Any] = {"text": "Ja", "callback_data": "feedback|r|done"}
    keyboard: Keyboard = [
        [done, {"text": "• Map", "url": "https://example.org"}],
        [{"callback_data": "other|1"}, {}],
        [{"text": "Nein", "callback_data": "session_feedback|r|s|skipped", "style": "danger"}],
        [],
    ]
    marked = mark_choice(keyboard, DONE)
    assert marked == [[{**done, "text": "• Ja"}, keyboard[0][1]], *keyboard[1:]]
    assert done["text"] == "Ja"
    assert mark_choice(marked, SKIPPED)[0][0] == done


def test_a_button_without_label_can_be_marked() -> None:
    """A payload of ours without text is given a mark, not an exception."""
    assert mark_choice([[{"callback_data": "feedback|r|done"}]], DONE)[0][0]["text"] == "• "


@given(
    st.sampled_from(Outcome),
    st.none() | st.integers(0, 10**9),
    st.none() | st.sampled_from(Cause),
    st.integers(0, 3650),
)
def test_every_notice_fits_into_an_answer(
    outcome: Outcome, age_days: int | None, cause: Cause | None, late_after_days: int
) -> None:
    """Telegram allows 1 to 200 characters in the answer to a callback query."""
    assert 1 <= len(texts.not_written(NotWritten(outcome, age_days, cause), late_after_days)) <= 200


def test_every_toast_fits_into_an_answer() -> None:
    """So do the words after a tap that counts."""
    toasts = [texts.NOT_SAVED, texts.RECEIVED, texts.RECEIVED_UNJUDGED]
    toasts += [say(type_) for say in (texts.saved, texts.superseded) for type_ in FeedbackType]
    assert all(1 <= len(toast) <= 200 for toast in toasts)


def test_only_what_is_durable_is_called_saved() -> None:
    """The provisional answer promises nothing that is not so yet."""
    assert "saved:" in texts.saved(DONE).lower()
    assert "saved:" not in texts.RECEIVED.lower()
    assert "saved" not in texts.RECEIVED_UNJUDGED.lower()
    assert "will be saved" in texts.RECEIVED
    assert all(
        "saved" not in texts.not_written(NotWritten(outcome, 20, cause), 14).lower()
        for outcome in Outcome
        for cause in (None, *Cause)
    )


def test_each_kind_of_refusal_has_its_own_words() -> None:
    """Late (with and without age), invalid, unknown and refused taps are told apart."""
    outcomes = (Outcome.LATE, Outcome.INVALID, Outcome.UNKNOWN, Outcome.REFUSED)
    verdicts = [NotWritten(Outcome.LATE, 20), *(NotWritten(outcome) for outcome in outcomes)]
    verdicts += [NotWritten(Outcome.REFUSED, cause=cause) for cause in Cause]
    said = [texts.not_written(verdict, 14) for verdict in verdicts]
    assert len(set(said)) == len(verdicts) == 9
    assert "20 days ago" in said[0]
    assert "14 days" in said[0]


@pytest.mark.parametrize(
    ("again_at", "zone", "expected"),
    [
        ("2026-02-16T20:00Z", "UTC", "today at 20:00"),
        ("2026-02-16T23:30Z", "Europe/Madrid", "tomorrow at 00:30"),
        ("2026-02-17T19:00Z", "Europe/Madrid", "tomorrow at 20:00"),
        ("2026-02-18T19:00Z", "Europe/Madrid", "on Wednesday, 18 February 2026 at 20:00"),
        ("2026-02-17T07:00Z", "Pacific/Auckland", "today at 20:00"),
    ],
)
def test_a_postponed_question_says_when_it_comes_again(again_at: str, zone: str, expected: str) -> None:
    """As the athlete's own clock and calendar have it, within 200 characters."""
    said = texts.postponed(datetime.fromisoformat(again_at), ZoneInfo(zone), NOW)
    assert said == f"All right, I will ask again {expected}."
    assert len(said) <= 200


def test_a_pause_says_until_when() -> None:
    """The day on which the questions begin again, where the athlete is, and how to end it earlier."""
    until = datetime(2026, 8, 9, 22, tzinfo=UTC)
    there = texts.paused(until, ZoneInfo("Europe/Madrid"))
    assert "until Monday, 10 August 2026; on that day I begin" in there
    for said in (there, texts.paused(None, UTC)):
        assert "/resume" in said
        assert "skipped" in said


def test_invitations_are_answered_by_name() -> None:
    """Who is let in is welcomed; who is in already, or has a code that is no good, hears what to do."""
    assert "Welcome, Ana!" in texts.enlisted("Ana")
    assert "Welcome!" in texts.enlisted(None)
    assert "as Ana," in texts.enlisted_before("Ana")
    assert "already, so" in texts.enlisted_before(None)
    assert str(2**40) in texts.invitation_invalid(2**40)


def test_a_late_notice_counts_in_good_english() -> None:
    """One day is not 1 days."""
    notice = texts.not_written(NotWritten(Outcome.LATE, 1), 0)
    assert "1 day ago" in notice
    assert "0 days" in notice
    assert (texts.count(1, "day"), texts.count(0, "day"), texts.count(2, "day")) == (
        "1 day",
        "0 days",
        "2 days",
    )


@pytest.mark.parametrize("text", ["How did it go?", "", "Two\n\nparts", "➜ arrow", "a\n➜ b"])
def test_marking_a_text_again_replaces_the_answer(text: str) -> None:
    """The chosen answer stands below the question once, however often it changes."""
    once = texts.shown_text(text, DONE)
    assert once == f"{text}\n\n➜ {texts.LABELS[DONE]}"
    assert texts.shown_text(once, DONE) == once
    changed = texts.shown_text(once, PAIN)
    assert changed == texts.shown_text(text, PAIN)
    assert texts.shown_text(changed, DONE) == once


def test_a_question_with_an_arrow_of_its_own_keeps_it() -> None:
    """Only an answer is replaced, not a paragraph of the question that happens to look similar."""
    question = "Intervals\n\n➜ 6 x 800 m, then easy"
    assert texts.shown_text(question, DONE).startswith(question)


@given(st.text(), st.sampled_from(FeedbackType), st.sampled_from(FeedbackType))
def test_marking_any_text_again(text: str, first: FeedbackType, second: FeedbackType) -> None:
    """Marking twice is marking with the second answer."""
    assert texts.shown_text(texts.shown_text(text, first), second) == texts.shown_text(text, second)


@pytest.mark.parametrize("again", [None, *Again])
@pytest.mark.parametrize(
    ("title", "note"),
    [
        (None, None),
        ("Easy run", None),
        (None, "6 km"),
        ("<b>5 & 10</b>", "a < b && c > d"),
        ("</b><a href='x'>", "&amp; &lt;"),
        ("🏃" * 500, "<" * 5000),
    ],
)
def test_prompts_are_valid_html_of_bearable_length(
    title: str | None, note: str | None, again: Again | None
) -> None:
    """Titles and notes cannot break out, and what is shown stays below Telegram's 4096 characters."""
    text = texts.prompt(title, note, again=again)
    assert text.startswith("How did your session go?") is (again is None)
    assert text.count("<b>") == text.count("</b>") == (title is not None)
    rest = text.replace("<b>", "").replace("</b>", "")
    assert "<" not in rest
    assert ">" not in rest
    shown = html.unescape(rest)
    assert len(shown.encode("utf-16-le")) // 2 <= 4096
    for given_text, limit in ((title, texts.MAX_TITLE), (note, texts.MAX_NOTE)):
        if given_text is not None:
            assert texts.clip(given_text, limit) in shown


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        (-1, "How did your session go?"),
        (0, "How did your session go?"),
        (1, "How did Sunday's session go?"),
        (6, "How did Tuesday's session go?"),
        (7, "How did the session of 9 February go?"),
        (14, "How did the session of 2 February go?"),
    ],
)
def test_a_prompt_says_which_day_it_is_about(days_ago: int, expected: str) -> None:
    """If that is not today."""
    today = date(2026, 2, 16)
    assert texts.prompt(None, None, day=today - timedelta(days=days_ago), today=today) == expected
    assert texts.prompt(None, None, day=None, today=today) == "How did your session go?"


PLAN = {
    "day": "Monday",
    "activity": "Tempo <run>",
    "distance_time": "8 km & 45 min",
    "intensity": "Z3",
    "goal": "threshold",
    "note": "3 x 10 min\n2 min jog",
}


def test_a_prompt_shows_what_was_planned() -> None:
    """Each detail in a line of its own, escaped; a title of its own and a note of its own win."""
    lines = ["8 km &amp; 45 min", "Intensity: Z3", "Goal: threshold"]
    assert texts.prompt("Tempo <run>", None, plan=PLAN).splitlines() == [
        "How did your session go?",
        "<b>Tempo &lt;run&gt;</b>",
        *lines,
        "3 x 10 min",
        "2 min jog",
    ]
    asked = texts.prompt("Tuesday", "As we said.", plan=PLAN)
    assert asked.splitlines()[1:] == ["<b>Tuesday</b>", *lines, "As we said."]


def test_a_prompt_of_odd_details() -> None:
    """Whatever a workflow has put there."""
    odd = {
        "activity": 5,
        "distance_time": 8.0,
        "intensity": ["Z2", "Z3"],
        "goal": {"pace": "<4:00"},
        "note": 7,
    }
    assert texts.prompt(None, None, plan=odd).splitlines()[1:] == [
        "<b>5</b>",
        "8",
        "Intensity: Z2, Z3",
        "Goal: pace: &lt;4:00",
        "7",
    ]


def test_a_reminder_lists_the_sessions_of_the_day() -> None:
    """One, or several with a line between them."""
    one = texts.reminder([PLAN])
    assert one.splitlines()[:3] == ["Today's session:", "", "<b>Tempo &lt;run&gt;</b>"]
    two = texts.reminder([PLAN, {"activity": "Yoga"}])
    assert two.startswith("Today's 2 sessions:\n\n<b>Tempo")
    assert two.endswith("2 min jog\n\n<b>Yoga</b>")


@pytest.mark.parametrize("character", ["🏃", "<", "&"])
@pytest.mark.parametrize("number", [1, 2, 30])
def test_the_longest_prompts_and_reminders(number: int, character: str) -> None:
    """Details of any length stay below Telegram's 4096 characters; what is left out is counted."""
    longest = dict.fromkeys(PLAN, character * 5000)
    reminder = texts.reminder([longest] * number)
    for text in (reminder, texts.prompt(character * 500, character * 5000, plan=longest)):
        assert len(html.unescape(text).encode("utf-16-le")) // 2 <= 4096
        assert text.count("<b>") == text.count("</b>") >= 1
    shown = reminder.count("<b>")
    assert (f"… and {number - shown} more" in reminder) is (shown < number)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("", 3, ""), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abcd", 1, "…"), ("🏃🏃", 2, "🏃🏃")],
)
def test_clip(text: str, limit: int, expected: str) -> None:
    """What is too long ends in an ellipsis within the limit."""
    assert texts.clip(text, limit) == expected


def test_welcome_tells_a_stranger_their_id() -> None:
    """A stranger learns their own id and whom to ask; an athlete and an admin are greeted as such."""
    stranger = texts.welcome(2**40, athlete=False, admin=False)
    assert str(2**40) in stranger
    assert "coach" in stranger
    greetings = {
        texts.welcome(7, athlete=athlete, admin=admin) for athlete in (True, False) for admin in (True, False)
    }
    assert len(greetings) == 3


def test_help_shows_stats_to_admins_only() -> None:
    """The command that others may not use is not advertised to them."""
    assert "/stats" in texts.help_text(admin=True)
    assert "/stats" not in texts.help_text(admin=False)
    assert all(label in texts.help_text(admin=False) for label in (*texts.LABELS.values(), texts.LATER))
    assert all(command in texts.help_text(admin=False) for command in ("/pause", "/resume", "/start"))


def test_a_mark_is_a_prefix_that_comes_off() -> None:
    """Marking and unmarking a label gives the label back."""
    assert (
        texts.marked("x", chosen=True) == texts.marked(texts.marked("x", chosen=True), chosen=True) == "• x"
    )
    assert texts.marked("• x", chosen=False) == texts.marked("x", chosen=False) == "x"


def test_the_label_of_every_type_can_be_read_back_from_its_button() -> None:
    """Pressing a produced button gives the answer that its label shows."""
    *rows, [later] = prompt_keyboard("r", "s", HARD)
    assert later == {"text": texts.LATER, "callback_data": "later|r|s"}
    for row in rows:
        for button in row:
            callback = parse_callback(button["callback_data"])
            assert isinstance(callback, Callback)
            assert texts.marked(button["text"], chosen=False) == texts.LABELS[callback.type]
