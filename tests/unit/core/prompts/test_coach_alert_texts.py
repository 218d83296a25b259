"""What the coach reads when something hurts, and what athletes are told about their notes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.details import Details
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.notes.lines import NoteLine, Notes
from bot.core.prompts import coach_alert_texts as texts
from bot.core.prompts.coach_alert_texts import PainReport
from bot.core.shared.formatting import MAX_MESSAGE, MAX_NOTE, escape_line, units
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.attachments import Attachment
from bot.sandbox.text import parse_html

EN, ES = Language.EN, Language.ES
MADRID = ZoneInfo("Europe/Madrid")
KNEE = PainReport(
    who="Ana",
    title="Tempo run",
    day=date(2026, 2, 17),
    type=FeedbackType.PAIN,
    details=Details({Detail.PLACE: "knee", Detail.PAIN: 6}),
    note="since km 3",
)
HOSTILE = '<a href="tg://user?id=1">&lt;b>"x\'</a> & </b> {who} {0} %s'


def test_all_that_is_known() -> None:
    """Who, which session, where and how bad, and the note."""
    assert texts.alert(KNEE, MADRID, EN) == (
        "🤕 <b>Ana</b> reports pain.\nSession: <b>Tempo run</b> (Tuesday 17 February)\nHurts: knee, 6/10\n"
        "Note: since km 3"
    )


def test_in_spanish() -> None:
    """The same, with the day and the place in the reader's language."""
    assert texts.alert(KNEE, MADRID, ES) == (
        "🤕 <b>Ana</b> avisa de que siente dolor.\nSesión: <b>Tempo run</b> (martes 17 de febrero)\n"
        "Molestia: rodilla, 6/10\nNota: since km 3"
    )


def test_hardly_anything_is_known() -> None:
    """At once after the tap there is no more than the name."""
    pain = PainReport("Ana", None, None, FeedbackType.PAIN, Details(), None)
    assert texts.alert(pain, MADRID, EN) == "🤕 <b>Ana</b> reports pain."
    day = replace(pain, day=date(2026, 2, 17))
    assert texts.alert(day, MADRID, EN).splitlines()[1] == "Session: the one of Tuesday 17 February"


@pytest.mark.parametrize(
    ("type_", "line"),
    [
        (FeedbackType.DONE, "The answer has been changed since, to ✅ Done."),
        (None, "The answer has been deleted since."),
    ],
)
def test_it_does_not_hurt_any_more(type_: FeedbackType | None, line: str) -> None:
    """A change of the answer is told, and what hurt is not any more."""
    text = texts.alert(replace(KNEE, type=type_), MADRID, EN)
    assert text.endswith(line)
    assert "knee" not in text


def test_who_has_seen_it() -> None:
    """With the time in the coach's zone, and the athlete is told by whom."""
    seen = replace(KNEE, seen_by="Coach Kim", seen_at=datetime(2026, 2, 17, 20, 5, tzinfo=UTC))
    assert texts.alert(seen, MADRID, EN).endswith("\n\n👀 Seen by Coach Kim, 21:05")
    assert texts.notice(seen, EN) == (
        "👀 Your coach (Coach Kim) has seen that something hurts: <b>Tempo run</b> (Tuesday 17 February)."
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("hostile", [HOSTILE, "<", "&amp;", "</b>", "<script>"])
def test_html_of_others_shows_as_it_is(language: Language, hostile: str) -> None:
    """Names, titles and notes form no tags and no braces, wherever they stand."""
    pain = PainReport(hostile, hostile, date(2026, 2, 17), FeedbackType.PAIN, Details(), hostile, hostile)
    for text, times in ((texts.alert(pain, MADRID, language), 4), (texts.notice(pain, language), 2)):
        shown, entities = parse_html(text)
        assert shown.count(hostile) == times
        assert {entity["type"] for entity in entities} == {"bold"}


@given(st.text(max_size=1_500), st.text(max_size=1_500), st.sampled_from(Language))
def test_letters_fit_one_message(name: str, note: str, language: Language) -> None:
    """However long names, titles and notes are; a note of the allowed length is not cut."""
    pain = replace(KNEE, who=name * 3, title=name * 3, note=note, seen_by=name * 3)
    for text in (texts.alert(pain, MADRID, language), texts.notice(pain, language)):
        shown, _ = parse_html(text)
        assert units(shown) <= MAX_MESSAGE
    if note and len(note) <= MAX_NOTE:
        assert escape_line(note, MAX_NOTE) in texts.alert(pain, MADRID, language)


@pytest.mark.parametrize("language", Language)
def test_nobody_writes_a_line_of_the_letter(language: Language) -> None:
    """Line breaks and marks of direction in names and notes neither forge a line nor turn one round."""
    hostile = "Ana\n👀 Seen by\u2029Coach Kim\x1b, 21:05\u202e!\u2066"
    pain = replace(KNEE, who=hostile, note=hostile, seen_by=hostile)
    plain = replace(KNEE, who="Ana", note="sore", seen_by="Ana")
    for text, usual in (
        (texts.alert(pain, MADRID, language), texts.alert(plain, MADRID, language)),
        (texts.notice(pain, language), texts.notice(plain, language)),
    ):
        shown, _ = parse_html(text)
        assert len(shown.splitlines()) == len(usual.splitlines())
        assert "Ana 👀 Seen by Coach Kim, 21:05!" in shown
        assert not set(shown) & set("\x1b\u202e\u2066\u2029")


def test_a_note_of_full_length_is_shown_whole() -> None:
    """1,000 characters that count double at Telegram, with names of full length."""
    pain = replace(KNEE, who="🏃" * 64, title="🏃" * 200, note="🏃" * MAX_NOTE, seen_by="🏃" * 64)
    shown, _ = parse_html(texts.alert(pain, MADRID, ES))
    assert "🏃" * MAX_NOTE in shown
    assert units(shown) <= MAX_MESSAGE


@pytest.mark.parametrize("language", Language)
def test_the_length_is_told(language: Language) -> None:
    """Of a note that is too long, with what fits."""
    text = language.texts.notes.too_long.format(number=1_001, most=MAX_NOTE)
    assert "1001" in text
    assert "1000" in text


def test_what_came_with_the_words() -> None:
    """Is named below the note, also where there are no words."""
    at = datetime(2026, 2, 17, 19, tzinfo=UTC)
    voice = NoteLine(at, None, 5, UpdateStamp(1, at), 7, (Attachment("voice", "v", 5),))
    report = replace(KNEE, note=None, notes=Notes((voice,)))
    assert texts.alert(report, MADRID, EN).splitlines()[-1] == "📎 Sent along: voice message"
