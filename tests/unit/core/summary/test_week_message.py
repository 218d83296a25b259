"""What athletes read about their weeks, menus and languages."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.formats import counted
from bot.core.i18n.language import Language, chosen_language
from bot.core.people import privacy_texts
from bot.core.people.texts import present_language as present
from bot.core.prompts.texts import pending
from bot.core.shared.formatting import MAX_MESSAGE
from bot.core.summary import week_message as texts
from bot.core.summary.sessions import Asker, Session, SessionState
from bot.core.summary.summary import Week

EN, ES = Language.EN, Language.ES
MONDAY = date(2026, 2, 16)


def session(number: int = 0, **changes: Any) -> Session:
    """A session of the week, done."""
    values: dict[str, Any] = {
        "date": MONDAY + timedelta(days=number % 7),
        "number": number,
        "run_id": "r",
        "session_id": f"s{number}",
        "planned": {"activity": "Tempo run", "distance_time": "30 min"},
        "in_plan": True,
        "state": FeedbackType.DONE,
        "why": None,
        "note": None,
        "asked_by": Asker.BOT,
        "asked_at": datetime(2026, 2, 16, 20, tzinfo=UTC),
        "answered_at": datetime(2026, 2, 16, 21, tzinfo=UTC),
        "extras": {},
    }
    return Session(**(values | changes))


def week(*sessions: Session, start: date = MONDAY) -> Week:
    """A week of some sessions."""
    return Week(start, tuple(sorted(sessions, key=lambda s: (s.date, s.number))))


def plain(text: str) -> str:
    """What Telegram shows of HTML."""
    return html.unescape(re.sub(r"</?b>", "", text))


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def open_session(number: int, state: SessionState = SessionState.OPEN, **changes: Any) -> Session:
    """A session without an answer."""
    return session(number, state=state, answered_at=None, **changes)


def test_a_week_as_it_is_read() -> None:
    """By day, in the reader's language, each session with what was said about it."""
    shown = week(
        session(0, extras={"rpe": 7}, note="fine <b>legs</b>"),
        session(1, state=FeedbackType.SKIPPED, extras={"reason": "ill"}),
        open_session(1 + 7),
        open_session(6, SessionState.NOT_DUE),
    )
    text = texts.week(shown, EN)
    assert text.splitlines()[0] == "🗓 <b>Your week, 16 to 22 February</b>"
    assert "<b>Monday 16</b>\n• Tempo run · 30 min\n    ✅ Done · Effort (RPE) 7 · very hard" in text
    assert "📝 fine &lt;b&gt;legs&lt;/b&gt;" in text
    assert "⏭ Skipped · Reason: ill" in text
    assert text.count("<b>Tuesday 17</b>") == 1
    assert "🔜 to come" in text
    assert text.endswith("Answered: 2 of 3\n/pending asks the open ones again.")
    spanish = texts.week(shown, ES)
    assert "<b>Lunes 16</b>" in spanish
    assert "del 16 al 22 de febrero" in spanish
    assert "Motivo: enfermedad" in spanish
    assert "No sessions" in texts.week(week(), EN)


@pytest.mark.parametrize("state", SessionState)
def test_every_state_has_its_words(state: SessionState) -> None:
    """In both languages, and no two states read alike."""
    for language in Language:
        shown = {
            each: texts.week(week(open_session(0, each)), language).splitlines()[4] for each in SessionState
        }
        assert len(set(shown.values())) == len(SessionState)
        assert len(shown[state].strip()) > 2


@pytest.mark.parametrize("letter", ["x", "&", "😀", "<", " "])
@pytest.mark.parametrize("number", [1, 12, 60, 200])
def test_it_fits_one_message_whatever_is_in_it(letter: str, number: int) -> None:
    """Titles, details and notes without measure; no tag or entity is cut."""
    long = letter * 300
    planned = {"activity": long, "distance_time": long, "intensity": long}
    extras: Mapping[str, Any] = {"pain": {"where": "shoulder", "level": 10}}
    items = [
        session(
            n,
            planned=planned,
            note=letter * 1_000,
            state=FeedbackType.PAIN,
            extras=extras,
        )
        for n in range(number)
    ]
    for language in Language:
        for text in (
            texts.week(week(*items), language),
            texts.weekly(week(*items), week(*items), [long] * 9, language, is_planned=True),
        ):
            assert units(plain(text)) <= MAX_MESSAGE
            assert re.fullmatch(r"(?:[^<>&]|</?b>|&(?:amp|lt|gt);)*", text)
            assert text.count("<b>") == text.count("</b>")


def test_what_was_said_and_what_it_led_to() -> None:
    """Figures of what is known alone; the next plan is compared in a sentence, with its first reasons."""
    said = week(
        session(0, extras={"rpe": 7, "sessionLoad": 210.0}),
        session(2, state=FeedbackType.HARD, extras={"rpe": 8}),
        open_session(3),
    )
    following = week(session(0, date=MONDAY + timedelta(days=7), state=SessionState.NOT_DUE))
    text = texts.weekly(said, following, ["Two easy <weeks>.", "So one hard session."], EN, is_planned=True)
    assert "Answered: 2 of 3 (✅ Done 1, 🥵 Hard 1)" in text
    assert "Done: 67 % of the sessions I asked about" in text
    assert "Mean effort (RPE): 7.5" in text
    assert "Session load (RPE × minutes): 210" in text
    assert "➡️ <b>Next week: 1 session</b> (2 fewer than this week)" in text
    assert "Monday 23 • Tempo run · 30 min" in text
    assert "Why: Two easy &lt;weeks&gt;. So one hard session." in text
    assert "7,5" in texts.weekly(said, following, [], ES, is_planned=True)
    without = texts.weekly(week(session(0)), week(), [], EN, is_planned=False)
    assert "the plan is not there yet" in without
    assert "RPE" not in without
    assert "load" not in without
    rest = texts.weekly(week(session(0)), week(), [], EN, is_planned=True)
    assert "Next week: no sessions</b> (1 fewer than this week)" in rest
    same = texts.weekly(week(session(0)), following, [], EN, is_planned=True)
    assert "(as many as this week)" in same


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("es", ES),
        ("Español", ES),
        ("spanish", ES),
        ("INGLÉS", EN),
        ("english", EN),
        ("en", EN),
        ("e", None),
        ("", None),
    ],
)
def test_languages_by_name(said: str, meant: Language | None) -> None:
    """In either language, in any case."""
    assert chosen_language(said) is meant


@pytest.mark.parametrize(
    ("argument", "weeks"),
    [
        ("", 0), ("last", -1), ("Previous", -1), ("pasada", -1), ("anterior", -1),
        ("next", 1), ("COMING", 1), ("próxima", 1), ("proxima", 1), ("pro\u0301xima", 1), ("siguiente", 1),
        ("this", None), ("last week", None), ("1", None),
    ],
)  # fmt: skip
def test_weeks_by_name(argument: str, weeks: int | None) -> None:
    """In any language, whoever reads."""
    assert texts.read_week(argument) == weeks


@pytest.mark.parametrize("language", Language)
def test_the_names_that_are_shown_are_understood(language: Language) -> None:
    """In the reply to what is none."""
    past, coming = (argument for argument in re.findall(r"/week (\w+)", texts.usage(language))[1:])
    assert (texts.read_week(past), texts.read_week(coming)) == (-1, 1)


def test_the_present_language_is_told_in_both() -> None:
    """The reader's first."""
    for language, first in ((EN, "Language: English"), (ES, "Idioma: español")):
        text = present(language)
        assert text.startswith(first)
        assert "/language es" in text
        assert "/language en" in text


def test_how_many_are_unanswered() -> None:
    """One, several, or more than come at once."""
    assert "Nothing" in pending(0, 0, EN)
    assert pending(1, 1, EN).startswith("1 question ")
    assert pending(10, 10, EN).startswith("10 questions ")
    assert "10 oldest" in pending(11, 10, EN)
    assert pending(2, 2, ES).startswith("2 preguntas ")


def test_privacy_says_what_the_settings_say() -> None:
    """Each retention in days, and the coach's chat only where there is one."""
    for language in Language:
        text = privacy_texts.privacy(language, runs=91, answers=33, plans=366, coach_is_told=True)
        for days in (91, 33, 366):
            assert counted(language.texts.counts.days, days, language) in text
        quiet = privacy_texts.privacy(language, runs=90, answers=180, plans=365, coach_is_told=False)
        assert len(quiet) < len(text) <= MAX_MESSAGE
        assert counted(language.texts.counts.days, 180, language) in quiet


@pytest.mark.parametrize("listed", [True, False])
def test_what_remains_is_said_before_and_after(*, listed: bool) -> None:
    """In one message each, and the same things."""
    for language in Language:
        before = privacy_texts.warning(language, listed=listed)
        after = privacy_texts.forgotten(language, listed=listed)
        assert ("ATHLETE_IDS" in before) == ("ATHLETE_IDS" in after) == listed
        assert len(before) <= MAX_MESSAGE
