"""Session load in the summary: RPE times the planned minutes, where both are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest

from bot.core.plans.plan import read_plan
from bot.core.summary.markdown import quoted
from bot.core.summary.sessions import Session
from bot.core.summary.summary import Summary, summarize
from tests.support.training import ANA, MONDAY, Document, asked_at, day, event, plan, planned, prompt

ASKED = asked_at(day(1))
NOW = ASKED + timedelta(hours=12)


def summary_of(text: str, *prompts: Document, **answer: Any) -> Summary:
    """The summary of a week with one planned session (`activity; distance_time`) and its answer."""
    document = plan("R1", (1, text))
    (session,) = planned(document)
    type_ = answer.pop("type", "done")
    return summarize(
        MONDAY,
        athlete=ANA,
        plans=[read_plan(document, UTC)],
        prompts=[prompt("R1", session, "answered"), *prompts],
        events=[event("R1", session.session_id, type_, ASKED, **answer)],
        now=NOW,
        late_after_days=14,
    )


def sessions(summary: Summary) -> Sequence[Session]:
    """All of its sessions."""
    return [session for week in summary.weeks for session in week.sessions]


def extras(text: str, **answer: Any) -> dict[str, Any]:
    """What stands besides the answer of the one session."""
    (session,) = sessions(summary_of(text, **answer))
    return dict(session.extras)


@pytest.mark.parametrize(
    ("text", "rpe", "load"),
    [
        ("Easy run; 40 min", 4, 160),
        ("Tempo; 3 x 10 min", 7, 210),
        ("Long run; 1 h 30", 5, 450),
        ("Easy jog; 25'", 0, 0),
        ("Easy run 45 min; 8 km", 4, 180),
        ("Ride; 30-40 min", 10, 350),
        ("Easy run; 40 min", 4.0, 160),
    ],
)
def test_load(text: str, rpe: float, load: float) -> None:
    """Effort times the minutes that the plan says, wherever it says them."""
    assert extras(text, rpe=rpe) == {"rpe": rpe, "sessionLoad": load}


@pytest.mark.parametrize(
    "text",
    [
        "Easy run; 8 km",
        "Easy run; 5:00/km",
        "Easy run",
        "Intervals; 10x400 m R 1'",
        "Tempo 3 x 10 min; 12 km",
    ],
)
def test_unknown_minutes(text: str) -> None:
    """A distance, a pace or a recovery tells no minutes: then there is the effort alone."""
    assert extras(text, rpe=4) == {"rpe": 4}
    summary = summary_of(text, rpe=4)
    assert "planned minutes not known" in summary.to_markdown()
    (session,) = summary.to_json()["week"]["sessions"]
    assert (session["plannedMinutes"], session["plannedMinutesFrom"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "minutes", "source"),
    [("Easy run; 40 min", 40, "40 min"), ("Easy run 45 min; 8 km", 45, "Easy run 45 min")],
)
def test_where_the_minutes_come_from(text: str, minutes: float, source: str) -> None:
    """The words of the plan stand beside them, whatever the answer."""
    summary = summary_of(text)
    (session,) = summary.to_json()["week"]["sessions"]
    assert (session["plannedMinutes"], session["plannedMinutesFrom"]) == (minutes, source)
    assert f'planned minutes {minutes} from "{source}"' in summary.to_markdown()


def test_what_the_writer_knows_better_stays() -> None:
    """A load that somebody else has stored is not computed anew."""
    assert extras("Easy run; 40 min", rpe=4, sessionLoad=99)["sessionLoad"] == 99


def test_without_effort_there_is_no_load() -> None:
    """Pain and reasons go into the summary as they are stored."""
    pain = {"where": "knee", "level": 6}
    assert extras("Easy run; 40 min", type="pain", pain=pain) == {"pain": pain}
    assert extras("Easy run; 40 min", type="skipped", reason="no time") == {"reason": "no time"}


@pytest.mark.parametrize(("completed", "load"), [("all", 160.0), ("part", None), (None, None)])
def test_after_pain_the_load_is_known_where_all_was_done(completed: str | None, load: float | None) -> None:
    """Of a part nobody knows the minutes."""
    assert extras("Easy run; 40 min", type="pain", rpe=4, completed=completed).get("sessionLoad") == load


def test_what_the_planner_reads() -> None:
    """The load stands in the prompt for the planner, and in its JSON."""
    summary = summary_of("Easy run; 40 min", rpe=4)
    assert "160" in summary.to_markdown()
    assert '"sessionLoad": 160' in json.dumps(summary.to_json())


def test_letters_are_no_sessions() -> None:
    """Alerts and notices stand in the outbox, too, and are nothing that anybody is asked."""
    letters = [
        {
            "runId": "R1",
            "sessionId": f"x|{kind}|7",
            "chatId": "7",
            "kind": kind,
            "athleteId": "ana",
            "state": "sent",
            "sentAt": ASKED,
        }
        for kind in ("alert", "notice")
    ]
    assert len(sessions(summary_of("Easy run; 40 min", *letters))) == 1
    assert quoted("x") not in summary_of("Easy run; 40 min", *letters).to_markdown()


@pytest.mark.parametrize("rpe", [float("nan"), float("inf"), True, "7"])
def test_an_effort_that_is_none(rpe: object) -> None:
    """Whatever others have stored, there is no load of it that JSON could not hold."""
    assert "sessionLoad" not in extras("Easy run; 40 min", rpe=rpe)
