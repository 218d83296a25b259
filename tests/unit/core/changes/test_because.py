"""What in a plan came of answers."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.changes.because import (
    MAX_WORDS,
    MOST_REFERENCES,
    AnswerReference,
    PlanChange,
    of_reasons,
    read_change,
    take,
    words_of,
)
from bot.core.plans.plan import read_plan

REF = {"runId": "w07", "sessionId": "2026-02-13-tempo"}
ANSWER = AnswerReference("w07", "2026-02-13-tempo")
TUESDAY = date(2026, 2, 17)


def plan(days: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A plan of a week."""
    return {"runId": "w08", "weekStart": "2026-02-16", "activityPlan": {"days": days}, **more}


@pytest.mark.parametrize(
    ("because", "expected", "odd"),
    [
        ([REF], (ANSWER,), 0),
        (REF, (ANSWER,), 0),
        ([REF, REF], (ANSWER,), 0),
        ([{"runId": 7, "sessionId": "s"}], (AnswerReference("7", "s"),), 0),
        ([REF, {"runId": "w07"}, "x", {"runId": "undefined", "sessionId": "s"}], (ANSWER,), 3),
        ([], (), 0),
        ("knee", (), 1),
    ],
)
def test_take(because: object, expected: tuple[AnswerReference, ...], odd: int) -> None:
    """What can be read is; the rest is said; nothing of it is left for who reads sessions."""
    content = {
        "date": "2026-02-17",
        "activity": "Run",
        "because": because,
        "change": " To\n30 min ",
    }
    left, change, oddities = take(content, "days[0]")
    assert left == {"date": "2026-02-17", "activity": "Run"}
    assert change == (PlanChange(expected, "To 30 min") if expected else None)
    assert len(oddities) == odd


def test_without_because_nothing_is_taken() -> None:
    """A day's other words are as they were."""
    for content in ({"activity": "Run", "change": "x"}, {"because": None}, "Run", None, ["Run"]):
        assert take(content, "days[0]") == (content, None, [])


def test_many() -> None:
    """Of too many the first are told."""
    _, change, odd = take({"because": [{"runId": "r", "sessionId": str(n)} for n in range(9)]}, "days[0]")
    assert change is not None
    assert len(change.because) == MOST_REFERENCES
    assert len(odd) == 1


def test_reasons() -> None:
    """Those that name a day and an answer; the others are only read."""
    reasons = [
        "Less because you were tired",
        {"text": "Rest for the knee", "date": "2026-02-17", "because": [REF]},
        {"reason": "No day", "because": [REF]},
        {"text": "x" * 300},
    ]
    found, odd = of_reasons(reasons)
    assert found == {TUESDAY: PlanChange((ANSWER,), "Rest for the knee")}
    assert [where for where, _ in odd] == ["justification[2].date"]
    assert of_reasons("text") == ({}, [])
    assert len(words_of({"text": "x" * 300}) or "") == MAX_WORDS


def test_what_is_stored_is_read() -> None:
    """As it stands in a prompt."""
    for change in (PlanChange((ANSWER,), "Shortened"), PlanChange((ANSWER,))):
        assert read_change(change.to_document()) == change
    assert read_change({"activity": "Run"}) is None


def test_a_plan() -> None:
    """A day's own counts more than a reason; rest may come of an answer, too; a session's details stay."""
    day = {"date": "2026-02-17", "activity": "Easy run", "distance_time": "30 min"}
    read = read_plan(
        plan(
            [
                {**day, "because": [REF], "change": "Shortened to 30 min"},
                {
                    "date": "2026-02-18",
                    "activity": "Rest",
                    "because": [REF],
                    "change": "No run",
                },
                {"date": "2026-02-19", "activity": "Run"},
            ],
            justification=[
                {"text": "Another", "date": "2026-02-17", "because": [REF]},
                {"text": "Slower", "date": "2026-02-19", "because": [REF]},
            ],
        ),
        ZoneInfo("UTC"),
    )
    assert read.warnings == read.readings == ()
    assert [(it.activity, it.change and it.change.words) for it in read.sessions] == [
        ("Easy run", "Shortened to 30 min"), ("Run", "Slower"),
    ]  # fmt: skip
    assert read.rest == {date(2026, 2, 18)}
    assert set(read.changes) == {TUESDAY, date(2026, 2, 18), date(2026, 2, 19)}
    assert read.sessions[0].to_document()["because"] == [REF]
    assert "because" not in read_plan(plan([day]), ZoneInfo("UTC")).sessions[0].to_document()
