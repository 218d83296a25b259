"""Words and buttons: order, marks, lengths, languages, and what cannot break out of them."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers import detail_texts as details
from bot.core.answers import texts as answers
from bot.core.answers.details import Details
from bot.core.answers.keyboards import Keyboard, answered_keyboard, prompt_keyboard
from bot.core.answers.payloads import Callback, parse_payload
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.commands import Audience, Command
from bot.core.facts.questions import Detail
from bot.core.health import admin_alert_texts as alerts
from bot.core.health.vitals import Broke, DeadLettersGrew, News, Part, Recovered
from bot.core.i18n.formats import counted
from bot.core.i18n.language import Language
from bot.core.people import texts as people
from bot.core.prompts import coach_alert_texts as letters
from bot.core.prompts import texts as questions
from bot.core.prompts.prompt import AskAgainReason
from bot.core.shared import formatting as common
from bot.core.words.texts import noted

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
EN = Language.EN
MAX_TOAST = 200
"""Characters that Telegram shows in the answer to a callback query."""
MAX_MESSAGE = 4096
"""UTF-16 units that Telegram takes in a message, its HTML left out."""


def labels(keyboard: Keyboard) -> list[str]:
    """The buttons' labels in reading order."""
    return [button["text"] for row in keyboard for button in row]


def shown_length(text: str) -> int:
    """UTF-16 units of HTML of ours as it is shown."""
    return len(html.unescape(text.replace("<b>", "").replace("</b>", "")).encode("utf-16-le")) // 2


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("session_id", ["s", "s" * 200])
def test_buttons_stand_in_the_order_of_the_types(session_id: str, language: Language) -> None:
    """Done, skipped, hard, pain, read row by row, in the plain form and as references; Later comes last."""
    keyboard = prompt_keyboard("r", session_id, language)
    callbacks = [parse_payload(button["callback_data"]) for row in keyboard for button in row]
    assert [each.type for each in callbacks if isinstance(each, Callback)] == [DONE, SKIPPED, HARD, PAIN]
    expected = [*(answers.label(type_, language) for type_ in FeedbackType), language.texts.answers.later]
    assert labels(keyboard) == expected
    assert all(set(button) - {"style"} == {"text", "callback_data"} for row in keyboard for button in row)
    styles = [button.get("style") for row in keyboard for button in row]
    assert styles == ["success", None, None, "danger", None]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("chosen", FeedbackType)
def test_the_chosen_button_is_marked_alone(chosen: FeedbackType, language: Language) -> None:
    """Exactly one label carries a mark, whatever was marked before; nobody can ask later any more."""
    plain = prompt_keyboard("r", "s", language)
    marked = answered_keyboard(plain, chosen)
    assert [len(row) for row in marked] == [2, 2]
    *before, _later = labels(plain)
    differing = [new for old, new in zip(before, labels(marked), strict=True) if old != new]
    assert differing == [answers.marked(answers.label(chosen, language), chosen=True)]
    for keyboard in (marked, answered_keyboard(plain, PAIN), answered_keyboard(plain, DONE)):
        assert answered_keyboard(keyboard, chosen) == marked


def test_marking_leaves_other_buttons_alone() -> None:
    """Links, foreign payloads and odd buttons stay as they are, and the given keyboard is not changed."""
    done: dict[str, Any] = {"text": "Ja", "callback_data": "feedback|r|done"}
    keyboard: Keyboard = [
        [done, {"text": "• Map", "url": "https://example.org"}],
        [{"callback_data": "other|1"}, {}],
        [{"text": "Nein", "callback_data": "session_feedback|r|s|skipped", "style": "danger"}],
    ]
    marked = answered_keyboard([*keyboard, []], DONE)
    assert marked == [[{**done, "text": "• Ja"}, keyboard[0][1]], *keyboard[1:]]
    assert done["text"] == "Ja"
    assert answered_keyboard(marked, SKIPPED)[0][0] == done


def test_marking_takes_away_what_has_passed() -> None:
    """Later, and what was asked about the answer before, go; a row that is empty then goes with them."""
    map_: dict[str, Any] = {"text": "Map", "url": "https://example.org"}
    keyboard: Keyboard = [
        [{"text": "Later", "callback_data": "later|r|s"}, map_],
        [{"text": "7", "callback_data": "rpe|r|s|7"}, {"text": "Skip", "callback_data": "rpe|r|s|-"}],
        [{"text": "knee", "callback_data": "where|r|s|?"}],
    ]
    assert answered_keyboard(keyboard, DONE) == [[map_]]


def test_a_button_without_label_can_be_marked() -> None:
    """A payload of ours without text is given a mark, not an exception."""
    assert answered_keyboard([[{"callback_data": "feedback|r|done"}]], DONE)[0][0]["text"] == "• "


@given(
    st.sampled_from(Outcome),
    st.none() | st.integers(0, 10**9),
    st.none() | st.sampled_from(Cause),
    st.integers(0, 3650),
    st.sampled_from(Language),
)
def test_every_notice_fits_into_an_answer(
    outcome: Outcome, age_days: int | None, cause: Cause | None, late_after_days: int, language: Language
) -> None:
    """Telegram allows 1 to 200 characters in the answer to a callback query."""
    notice = answers.not_written(NotWritten(outcome, age_days, cause), late_after_days, language)
    assert 1 <= len(notice) <= MAX_TOAST


@pytest.mark.parametrize("language", Language)
def test_every_toast_fits_into_an_answer(language: Language) -> None:
    """So do the words after a tap that counts, in the longest words that there are."""
    said, more = language.texts.answers, language.texts.details
    toasts = [said.not_saved, said.not_kept, said.received, said.received_unjudged]
    toasts += [more.kept, more.left_out, more.asked_again]
    toasts += [letters.seen(language), language.texts.refusals.no_alert]
    for say in (answers.saved, answers.saved_already, answers.superseded):
        toasts += [say(type_, language) for type_ in FeedbackType]
    toasts += [details.saved(detail, value, language) for detail in Detail for value in detail.facts.choices]
    again_at = datetime(2026, 9, 23, 20, tzinfo=UTC)  # a Wednesday in September
    toasts.append(answers.postponed(again_at, UTC, NOW, language))
    assert all(1 <= len(toast) <= MAX_TOAST for toast in toasts)


def test_only_what_is_durable_is_called_saved() -> None:
    """The provisional answer promises nothing that is not so yet."""
    assert "saved:" in answers.saved(DONE, EN).lower()
    assert "is saved already" in answers.saved_already(DONE, EN)
    assert "saved:" not in EN.texts.answers.received.lower()
    assert "saved" not in EN.texts.answers.received_unjudged.lower()
    assert "will be saved" in EN.texts.answers.received
    assert all(
        "saved" not in answers.not_written(NotWritten(outcome, 20, cause), 14, EN).lower()
        for outcome in Outcome
        for cause in (None, *Cause)
    )


@pytest.mark.parametrize("language", Language)
def test_each_kind_of_refusal_has_its_own_words(language: Language) -> None:
    """Late (with and without age), invalid, unknown and refused taps are told apart."""
    outcomes = (Outcome.LATE, Outcome.INVALID, Outcome.UNKNOWN, Outcome.REFUSED)
    verdicts = [NotWritten(Outcome.LATE, 20), *(NotWritten(outcome) for outcome in outcomes)]
    verdicts += [NotWritten(Outcome.REFUSED, cause=cause) for cause in Cause]
    said = [answers.not_written(verdict, 14, language) for verdict in verdicts]
    assert len(set(said)) == len(verdicts) == 16
    for days in (14, 20):
        assert counted(language.texts.counts.days, days, language) in said[0]
    assert "20 days ago" in answers.not_written(verdicts[0], 14, EN)
    assert "hace 20 días" in answers.not_written(verdicts[0], 14, Language.ES)


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
    said = answers.postponed(datetime.fromisoformat(again_at), ZoneInfo(zone), NOW, EN)
    assert said == f"All right, I will ask again {expected}."
    assert len(said) <= MAX_TOAST


def test_a_pause_says_until_when() -> None:
    """The day on which the questions begin again, where the athlete is, and how to end it earlier."""
    until = datetime(2026, 8, 9, 22, tzinfo=UTC)
    there = people.paused(until, ZoneInfo("Europe/Madrid"), EN)
    assert "until Monday, 10 August 2026; on that day I begin" in there
    for said in (there, people.paused(None, UTC, EN)):
        assert "/resume" in said
        assert "skipped" in said


def test_invitations_are_answered_by_name() -> None:
    """Who is let in is welcomed; who is in already, or has a code that is no good, hears what to do."""
    assert "Welcome, Ana!" in people.enlisted("Ana", EN)
    assert "Welcome!" in people.enlisted(None, EN)
    assert "as Ana," in people.enlisted_before("Ana", EN)
    assert "already, so" in people.enlisted_before(None, EN)
    assert str(2**40) in people.invitation_invalid(2**40, EN)


def test_a_late_notice_counts_in_good_english() -> None:
    """One day is not 1 days."""
    notice = answers.not_written(NotWritten(Outcome.LATE, 1), 0, EN)
    assert "1 day ago" in notice
    assert "0 days" in notice
    assert (common.count(1, "day"), common.count(0, "day"), common.count(2, "day")) == (
        "1 day",
        "0 days",
        "2 days",
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", ["How did it go?", "", "Two\n\nparts", "➜ arrow", "a\n➜ b"])
def test_marking_a_text_again_replaces_the_answer(text: str, language: Language) -> None:
    """The chosen answer stands below the question once, however often it changes, in whatever language."""
    once = answers.shown_text(text, DONE, language)
    assert once == f"{text}\n\n➜ {answers.label(DONE, language)}"
    assert answers.shown_text(once, DONE, language) == once
    for other in Language:
        changed = answers.shown_text(once, PAIN, other)
        assert changed == answers.shown_text(text, PAIN, other)
        assert answers.shown_text(changed, DONE, language) == once


def test_what_was_said_besides_stands_below_the_answer_and_is_replaced_with_it() -> None:
    """A line for each detail, and the question that is asked now behind an empty one."""
    shown = answers.shown_text("How?", PAIN, EN, lines=["Hurts: knee", "Note"], question="How bad?\n0 to 10")
    assert shown == f"How?\n\n➜ {answers.label(PAIN, EN)}\nHurts: knee\nNote\n\nHow bad?\n0 to 10"
    assert answers.shown_text(shown, DONE, EN) == answers.shown_text("How?", DONE, EN)


@pytest.mark.parametrize("language", Language)
def test_an_offer_is_gone_once_it_is_answered(language: Language) -> None:
    """Nobody is asked whether it is their answer when they have given it."""
    said = noted(None, [DONE, PAIN], language)
    once = answers.shown_text(said, PAIN, language)
    assert once == f"{language.texts.words.noted}\n\n➜ {answers.label(PAIN, language)}"
    assert answers.shown_text(once, DONE, language) == answers.shown_text(said, DONE, language)


def test_a_toast_says_the_word_that_was_tapped() -> None:
    """Not what it looks like behind another one; a number says what it is."""
    assert details.saved(Detail.SIDE, "left", EN) == "Saved: left. Thank you!"
    assert details.saved(Detail.SIDE, "left", Language.ES) == "Guardado: izq. ¡Gracias!"
    assert details.saved(Detail.COMPLETED, "part", EN) == "Saved: part. Thank you!"
    assert details.saved(Detail.PAIN, 6, EN) == "Saved: 6/10. Thank you!"


def test_after_pain_what_hurts_is_said_first() -> None:
    """Each answer's lines come in the order in which it asks for them; what another one has asked, behind."""
    said = Details({Detail.RPE: 5, Detail.PLACE: "knee", Detail.REASON: "ill"})
    assert [line.split()[0] for line in details.lines(said, PAIN, EN)] == ["Hurts:", "Effort", "Reason:"]
    assert [line.split()[0] for line in details.lines(said, DONE, EN)] == ["Effort", "Hurts:", "Reason:"]


def test_a_question_with_an_arrow_of_its_own_keeps_it() -> None:
    """Only an answer is replaced, not a paragraph of the question that happens to look similar."""
    question = "Intervals\n\n➜ 6 x 800 m, then easy"
    assert answers.shown_text(question, DONE, EN).startswith(question)


@given(st.text(), st.sampled_from(FeedbackType), st.sampled_from(FeedbackType), st.sampled_from(Language))
def test_marking_any_text_again(
    text: str, first: FeedbackType, second: FeedbackType, language: Language
) -> None:
    """Marking twice is marking with the second answer."""
    once = answers.shown_text(text, first, language)
    assert answers.shown_text(once, second, language) == answers.shown_text(text, second, language)


@pytest.mark.parametrize("again", [None, *AskAgainReason])
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
    title: str | None, note: str | None, again: AskAgainReason | None
) -> None:
    """Titles and notes cannot break out, and what is shown stays below Telegram's 4096 characters."""
    text = questions.prompt(title, note, EN, again=again)
    assert text.startswith("How did your session go?") is (again is None)
    assert text.count("<b>") == text.count("</b>") == (title is not None)
    rest = text.replace("<b>", "").replace("</b>", "")
    assert "<" not in rest
    assert ">" not in rest
    shown = html.unescape(rest)
    assert len(shown.encode("utf-16-le")) // 2 <= MAX_MESSAGE
    for given_text, limit in ((title, common.MAX_TITLE), (note, common.MAX_NOTE)):
        if given_text is not None:
            assert common.clip(given_text, limit) in shown


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
    assert questions.prompt(None, None, EN, day=today - timedelta(days=days_ago), today=today) == expected
    assert questions.prompt(None, None, EN, day=None, today=today) == "How did your session go?"


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
    assert questions.prompt("Tempo <run>", None, EN, plan=PLAN).splitlines() == [
        "How did your session go?",
        "<b>Tempo &lt;run&gt;</b>",
        *lines,
        "3 x 10 min",
        "2 min jog",
    ]
    asked = questions.prompt("Tuesday", "As we said.", EN, plan=PLAN)
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
    assert questions.prompt(None, None, EN, plan=odd).splitlines()[1:] == [
        "<b>5</b>",
        "8",
        "Intensity: Z2, Z3",
        "Goal: pace: &lt;4:00",
        "7",
    ]


def test_a_reminder_lists_the_sessions_of_the_day() -> None:
    """One, or several with a line between them."""
    one = questions.reminder([PLAN], EN)
    assert one.splitlines()[:3] == ["Today's session:", "", "<b>Tempo &lt;run&gt;</b>"]
    two = questions.reminder([PLAN, {"activity": "Yoga"}], EN)
    assert two.startswith("Today's 2 sessions:\n\n<b>Tempo")
    assert two.endswith("2 min jog\n\n<b>Yoga</b>")


@pytest.mark.parametrize("character", ["🏃", "<", "&"])
@pytest.mark.parametrize("number", [1, 2, 30])
def test_the_longest_prompts_and_reminders(number: int, character: str) -> None:
    """Details of any length stay below Telegram's 4096 characters; what is left out is counted."""
    longest = dict.fromkeys(PLAN, character * 5000)
    for language in Language:
        prompt = questions.prompt(
            character * 500, character * 5000, language, again=AskAgainReason.ABSENCE, plan=longest
        )
        assert shown_length(prompt) <= MAX_MESSAGE
        assert shown_length(questions.reminder([longest] * number, language)) <= MAX_MESSAGE
    reminder = questions.reminder([longest] * number, EN)
    for text in (reminder, questions.prompt(character * 500, character * 5000, EN, plan=longest)):
        assert text.count("<b>") == text.count("</b>") >= 1
    shown = reminder.count("<b>")
    assert (f"… and {number - shown} more" in reminder) is (shown < number)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("", 3, ""), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abcd", 1, "…"), ("🏃🏃", 2, "🏃🏃")],
)
def test_clip(text: str, limit: int, expected: str) -> None:
    """What is too long ends in an ellipsis within the limit."""
    assert common.clip(text, limit) == expected


@pytest.mark.parametrize("language", Language)
def test_welcome_tells_a_stranger_their_id(language: Language) -> None:
    """A stranger learns their own id and whom to ask; athletes, admins and a coach are greeted as such."""
    stranger = people.welcome(2**40, language, athlete=False, admin=False)
    assert str(2**40) in stranger
    assert {EN: "coach", Language.ES: "entrenador"}.get(language, "") in stranger
    greetings = {
        people.welcome(7, language, athlete=athlete, admin=admin, coach=coach)
        for athlete in (True, False)
        for admin in (True, False)
        for coach in (True, False)
    }
    assert len(greetings) == 4


@pytest.mark.parametrize("language", Language)
def test_help_shows_stats_to_admins_only(language: Language) -> None:
    """The command that others may not use is not advertised to them; all else is, within one message."""
    everybody, admins = (people.help_text(language, admin=admin) for admin in (False, True))
    assert "/stats" in admins
    assert "/stats" not in everybody
    assert all(answers.label(type_, language) in everybody for type_ in FeedbackType)
    assert language.texts.answers.later in everybody
    theirs = {command for command in Command if command.audience is not Audience.COACH}
    assert {command for command in Command if f"/{command}" in admins} == theirs
    assert {it for it in Command if f"/{it} " in people.coach_help(language)} == set(Command) - theirs
    assert shown_length(admins) <= MAX_MESSAGE


@pytest.mark.parametrize("language", Language)
def test_help_of_an_admin_who_is_no_athlete(language: Language) -> None:
    """What works for them, and nothing that is for athletes."""
    shown = {command for command in Command if f"/{command} " in people.admin_help(language)}
    assert shown == {Command.START, Command.HELP, Command.LANGUAGE, Command.PRIVACY, Command.STATS}


def test_help_tells_together_what_belongs_together() -> None:
    """Commands that the texts name stand where these put them; another follows in a line of its own."""
    *_, pause, commands = people.help_text(EN, admin=True).split("\n\n")
    assert pause.startswith("Away or ill? /pause stops the questions: for some days, until a day")
    lines = commands.splitlines()
    assert lines[:8] == [
        "/week shows your week, /pending what is unanswered.",
        "/pain tells of pain, on any day (/pain knee 5).",
        "/log logs a session that is not in your plan.",
        "/undo takes your last note back.",
        "/availability tells your coach on which days of the coming week you can train.",
        "/language changes the language.",
        "/privacy says what is stored, /mydata sends it to you, /forgetme deletes it.",
        "/start shows your Telegram id, /help this page.",
    ]
    assert "/stats [days] shows figures, for admins." in lines[8:]


def test_some_commands_say_in_their_own_words_why_they_are_not_carried_out() -> None:
    """Pauses are told together; others share a wording."""
    assert people.elsewhere(Command.WEEK, EN).startswith("Your week is yours")
    assert people.elsewhere(Command.PRIVACY, EN) == "Please send me /privacy in a private chat."
    assert people.for_others(Command.WEEK, EN) == "/week is for athletes in training. /start says more."
    for say in (people.elsewhere, people.for_others):
        assert say(Command.PAUSE, EN) == say(Command.RESUME, EN)
        assert "/pause and /resume" in say(Command.PAUSE, EN)


def test_a_mark_is_a_prefix_that_comes_off() -> None:
    """Marking and unmarking a label gives the label back."""
    assert (
        answers.marked("x", chosen=True)
        == answers.marked(answers.marked("x", chosen=True), chosen=True)
        == "• x"
    )
    assert answers.marked("• x", chosen=False) == answers.marked("x", chosen=False) == "x"


def test_the_label_of_every_type_can_be_read_back_from_its_button() -> None:
    """Pressing a produced button gives the answer that its label shows."""
    *_, [later] = keyboard = prompt_keyboard("r", "s", EN)
    assert later == {"text": EN.texts.answers.later, "callback_data": "later|r|s"}
    for row in answered_keyboard(keyboard, HARD):
        for button in row:
            callback = parse_payload(button["callback_data"])
            assert isinstance(callback, Callback)
            assert answers.marked(button["text"], chosen=False) == answers.label(callback.type, EN)


# --- In every language

NEWS: tuple[News, ...] = (
    *(Broke(part, NOW) for part in Part),
    *(Recovered(part, NOW, NOW + timedelta(hours=3)) for part in Part),
    DeadLettersGrew(10**9),
)


@pytest.mark.parametrize("language", Language)
def test_everything_that_admins_are_told_at_once_fits_into_a_message(language: Language) -> None:
    """Each part broken and well again, and dead letters, in one message."""
    text = alerts.alert(NEWS, language, ZoneInfo("Europe/Madrid"))
    assert len(text.encode("utf-16-le")) // 2 <= MAX_MESSAGE


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("character", ["🏃", "<", "&"])
@pytest.mark.parametrize("type_", [None, *FeedbackType])
def test_the_longest_letters(type_: FeedbackType | None, character: str, language: Language) -> None:
    """Names, titles and notes of any length fit into a message, and cannot break out."""
    longest = character * 5000
    said = Details({Detail.RPE: 10, Detail.PLACE: "shoulder", Detail.PAIN: 10})
    pain = letters.PainReport(
        *(longest, longest, date(2026, 9, 23), type_, said, longest),
        seen_by=longest, seen_at=NOW,
    )  # fmt: skip
    for text in (letters.alert(pain, UTC, language), letters.notice(pain, language)):
        assert shown_length(text) <= MAX_MESSAGE
        assert text.count("<b>") == text.count("</b>") >= 1
        assert "<" not in text.replace("<b>", "").replace("</b>", "")
