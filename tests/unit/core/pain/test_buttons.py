"""The buttons of pain that stand below no answer."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.keyboards import Keyboard, prompt_keyboard
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.pain.buttons import (
    Asked,
    CheckTap,
    ReportTap,
    check_of,
    check_rows,
    read_pain,
    report_of,
    report_rows,
    with_rows,
)
from bot.core.pain.episodes import Spot, Verdict
from bot.core.telegram.action_payloads import Action, parse_action

EN = Language.EN
SPOTS = [
    Spot(place, side)
    for place in (None, *Detail.PLACE.facts.choices)
    for side in (None, *Detail.SIDE.facts.choices)
]


def taps(rows: Keyboard) -> list[object]:
    """What the buttons carry, all of which fit."""
    found = list[object]()
    for button in (button for row in rows for button in row):
        assert 1 <= len(button["callback_data"].encode()) <= 64
        action = parse_action(button["callback_data"])
        assert action is not None
        assert action.action is Action.PAIN
        found.append(read_pain(action.argument))
    return found


@pytest.mark.parametrize(("asked", "spot"), list(product(Asked, SPOTS)))
def test_how_it_is_by_now(asked: Asked, spot: Spot) -> None:
    """One row; how bad it is, once it is worse, until that is said."""
    assert taps(check_rows(asked, spot, EN)) == [CheckTap(asked, spot, verdict) for verdict in Verdict]
    rows = check_rows(asked, spot, EN, verdict=Verdict.WORSE)
    assert taps(rows[1:]) == [CheckTap(asked, spot, it) for it in (*range(11), None)]
    # The same numbers are asked for effort.
    assert rows[1][0]["text"] == ("🤕 0" if asked is Asked.TOO else "0")
    assert len(check_rows(asked, spot, EN, verdict=Verdict.WORSE, level=4)) == 1
    assert len(check_rows(asked, spot, EN, verdict=Verdict.SAME)) == 1
    [[gone, *_]] = check_rows(asked, spot, EN, verdict=Verdict.GONE)
    assert gone["text"] == "• 🙂 Gone"


@pytest.mark.parametrize("detail", [Detail.PLACE, Detail.SIDE, Detail.PAIN])
def test_what_is_asked_of_a_report(detail: Detail) -> None:
    """All choices; a place cannot be left out, since nothing is known without."""
    report_id = report_of(2**40)
    found = taps(report_rows(report_id, detail, EN))
    values = [*detail.facts.choices, *([] if detail is Detail.PLACE else [None])]
    assert found == [ReportTap(report_id, detail, value) for value in values]


@given(st.text())
def test_reading_is_total(argument: str) -> None:
    """Whatever is carried, nothing is raised."""
    read_pain(argument)


@pytest.mark.parametrize(
    "argument",
    [
        "", "now", "now|knee.left", "now|knee.left|11", "now|knee.left|fine", "now|elbow.left|same",
        "now|knee.up|same", "later|knee.left|same", "r|where|knee", "rx|where|knee", "r1|where|-",
        "r1|where|elbow", "r1|words|x", "r1|rpe|5", "r1|pain|11", "now|knee.left|same|x",
    ],
)  # fmt: skip
def test_what_is_none_of_ours(argument: str) -> None:
    """It is read as nothing."""
    assert read_pain(argument) is None


def test_only_these_rows_change() -> None:
    """Those of the question stay; where there are none, nothing is added."""
    question = prompt_keyboard("r", "s", EN)
    spot = Spot("knee", "left")
    asked = [*question, *check_rows(Asked.TOO, spot, EN)]
    levels = check_rows(Asked.TOO, spot, EN, verdict=Verdict.WORSE)
    assert with_rows(asked, levels) == [*question, *levels]
    assert with_rows([*question, *levels], check_rows(Asked.TOO, spot, EN)) == asked
    assert with_rows(question, levels) == question


def test_reports_are_told_apart() -> None:
    """By message and spot, or by the message that began them."""
    ids = {check_of(1, Spot("knee", "left")), check_of(1, Spot("knee")), check_of(2, Spot("knee"))}
    assert len({*ids, report_of(1), report_of(2)}) == 5
