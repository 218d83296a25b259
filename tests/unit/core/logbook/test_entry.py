"""Sessions as athletes log them: in words, and by buttons."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.payloads import detail_ids
from bot.core.facts.logged_kinds import KINDS
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.logbook import texts
from bot.core.logbook.entry import (
    LogEntry,
    LogStep,
    format_step,
    is_logged,
    logged_event,
    read_entry,
    read_step,
)
from bot.core.telegram.action_payloads import Action, parse_action
from bot.core.telegram.callback_data import MAX_CALLBACK_BYTES

NIGHT = datetime(2026, 2, 16, 23, 30, tzinfo=UTC)  # the 17th in Madrid, a Tuesday
MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45 min easy run 4", LogEntry("easy run", 45, 4)),
        ("easy run 45 min 4", LogEntry("easy run", 45, 4)),
        ("easy run, 45 minutes, rpe 4", LogEntry("easy run", 45, 4)),
        ("easy run 45' 4/10", LogEntry("easy run", 45, 4)),
        ("45min run", LogEntry("run", 45)),
        ("1h ride 10", LogEntry("ride", 60, 10)),
        ("1 h 20 ride", LogEntry("ride", 80)),
        ("1h20 ride 0", LogEntry("ride", 80, 0)),
        ("1,5 horas de bici 6", LogEntry("de bici", 90, 6)),
        ("natación 30 minutos", LogEntry("natación", 30)),
        ("5 km run 25 min 7", LogEntry("5 km run", 25, 7)),
        ("run 4", LogEntry("run 4")),  # of what, nobody knows
        ("run", LogEntry("run")),
        ("3 x 10 min, 45 min in all", LogEntry("3 x 10 min, 45 min in all")),
        ("45 min", LogEntry("", 45)),
        ("45 min 4", LogEntry("", 45, 4)),
        ("run 45 min 11", LogEntry("run 11", 45)),
        ("10 x 400 m 40 min 8", LogEntry("10 x 400 m", 40, 8)),
        ("0 min run", LogEntry("run", None)),
        ("run 45 min 5\nfelt good\nlegs heavy", LogEntry("run", 45, 5, "felt good\nlegs heavy")),
        ("a|b 45 min", LogEntry("a b", 45)),
        ("", LogEntry("")),
        ("45", LogEntry("")),
        ("!!", LogEntry("")),
    ],
)
def test_words(text: str, expected: LogEntry) -> None:
    """What is plain is read; what is not counts as not said."""
    assert read_entry(text) == expected


@given(st.text(max_size=200))
def test_any_words(text: str) -> None:
    """Nothing is raised, and what is read can be asked about, or is stored."""
    entry = read_entry(text)
    assert len(entry.what) <= 60
    assert entry.minutes is None or 1 <= entry.minutes <= 1440
    assert entry.rpe is None or 0 <= entry.rpe <= 10
    if entry.what:
        assert read_entry(entry.what).what
        argument = format_step(LogStep(entry.what, 45, is_last=True))
        assert argument is None or read_step(argument) == LogStep(entry.what, 45, is_last=True)


@pytest.mark.parametrize(
    "step", [LogStep("run"), LogStep("run", is_last=True), LogStep("easy run", 45, is_last=True)]
)
def test_a_step_comes_back(step: LogStep) -> None:
    """From its payload."""
    argument = format_step(step)
    assert argument is not None
    assert read_step(argument) == step


@pytest.mark.parametrize(
    "argument", ["", " ", "run|", "run|x", "run|0", "run|1441", "run|-5", "x" * 61, "run|٧"]
)
def test_what_is_no_step(argument: str) -> None:
    """Whoever sends it."""
    assert read_step(argument) is None


@pytest.mark.parametrize("language", Language)
def test_the_buttons(language: Language) -> None:
    """A kind each, then minutes; every payload fits, and what is too long for one has none."""
    what = texts.ask_what(language)
    taps = [parse_action(button["callback_data"]) for row in what.keyboard for button in row]
    assert [tap.argument for tap in taps if tap is not None] == list(KINDS)
    asked = texts.ask_minutes("run", language)
    assert asked is not None
    buttons = [button for row in asked.keyboard for button in row]
    steps = [parse_action(button["callback_data"]) for button in buttons]
    assert {tap.action for tap in steps if tap is not None} == {Action.LOG}
    assert steps[-1] is not None
    assert read_step(steps[-1].argument) == LogStep("run", is_last=True)
    long = texts.ask_minutes("é" * 23, language)
    assert long is not None
    data = [button["callback_data"] for row in long.keyboard for button in row]
    assert max(len(text.encode()) for text in data) <= MAX_CALLBACK_BYTES
    assert texts.ask_minutes("é" * 30, language) is None


def event(*, is_by_buttons: bool, rpe: int | None = None) -> dict[str, object]:
    """What is stored."""
    return logged_event(
        LogEntry("easy run", 45, rpe, "nice"), user_id=7, username=None, chat_id=7, message_id=5, update_id=9,
        at=NIGHT, zone=MADRID, is_by_buttons=is_by_buttons,
    ).to_bson()  # fmt: skip


def test_what_is_stored() -> None:
    """Done, today where the athlete is, in a run of its own; effort where that of every answer stands."""
    words, buttons = event(is_by_buttons=False, rpe=4), event(is_by_buttons=True)
    assert (words["runId"], buttons["runId"]) == ("log-2026-02-17-u9", "log-2026-02-17-m5")
    assert (words["type"], words["sessionDate"], words["day"]) == ("done", "2026-02-17", "Tuesday")
    assert (words["logged"], words["rpe"]) == ({"what": "easy run", "minutes": 45}, 4)
    assert (buttons["note"], "rpe" in buttons) == ("nice", False)
    for run_id in (words["runId"], buttons["runId"]):
        assert is_logged(str(run_id))
        assert detail_ids(str(run_id), "log", by_reference=False) is not None
    assert not is_logged("log-2026-02-17")
    assert not is_logged("2026-w08")


def test_how_it_looks() -> None:
    """As an answered question; where it is said how hard it was, nothing is asked."""
    asked = frozenset({Detail.RPE})
    shown = texts.logged(LogEntry("run", 45), "log-2026-02-17-u9", "log", asked, Language.EN)
    assert (shown.text or "").startswith(
        "📓 Logged, besides your plan:\n🏃 run · 45 min\n\n➜ ✅ Done\n\nHow hard"
    )
    assert shown.keyboard[0][0]["callback_data"] == "rpe|log-2026-02-17-u9|log|0"
    told = texts.logged(LogEntry("easy run", None, 4), "log-2026-02-17-u9", "log", asked, Language.EN)
    assert told.text == (
        "📓 Logged, besides your plan:\neasy run\n\n➜ ✅ Done\nEffort (RPE) 4 · somewhat hard"
    )
    assert [button["text"] for row in told.keyboard for button in row] == ["✏️ RPE 4"]
