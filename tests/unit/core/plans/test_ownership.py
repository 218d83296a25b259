"""Whose a plan is, and whether it counts: decided once, whoever comes and goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.plans import ownership
from bot.core.plans.ownership import (
    Decision,
    JudgedPlan,
    Standing,
    Verdict,
    digest,
    judge,
    judge_all,
    plan_name,
    replaced,
)
from bot.core.plans.plan import Plan, read_plan

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 2, 16, 8, tzinfo=UTC)
ANA, BEN = (Athlete(name, n, n * 10, ContactHours(MADRID)) for n, name in ((7, "ana"), (8, "ben")))
INVITED = Athlete("zoe", None, None, ContactHours(MADRID))
ONE, OTHER, TWO, NOBODY = Roster((ANA,)), Roster((BEN,)), Roster((ANA, BEN)), Roster()


def plan(run_id: object = "R1", *, hours: int = 0, days: object = None, **fields: Any) -> dict[str, Any]:
    """A plan for the week of 16 February 2026, made `hours` after it began."""
    listed = [{"date": "2026-02-17", "activity": "Run"}] if days is None else days
    week = {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"}
    made = NOW + timedelta(hours=hours)
    return {"runId": run_id, "createdAt": made, **week, "activityPlan": {"days": listed}, **fields}


def after(first: Roster, then: Roster, document: dict[str, Any] | None = None) -> JudgedPlan:
    """How a plan stands that was first seen with one roster, and is seen again with another."""
    document = document or plan()
    return judge(document, judge(document, None, first).decision, then)


def whose(judged: JudgedPlan) -> str | None:
    """Whose questions come of it."""
    return None if judged.athlete is None else judged.athlete.athlete_id


@pytest.mark.parametrize(
    ("first", "then", "athlete", "standing"),
    [
        (ONE, ONE, "ana", Standing.ACCEPTED),
        (ONE, TWO, "ana", Standing.ACCEPTED),
        (ONE, OTHER, None, Standing.LEFT),
        (ONE, NOBODY, None, Standing.LEFT),
        (TWO, TWO, None, Standing.REFUSED),
        (TWO, ONE, None, Standing.REFUSED),
        (TWO, OTHER, None, Standing.REFUSED),
        (NOBODY, ONE, "ana", Standing.ACCEPTED),  # nobody could have been meant before
        (NOBODY, TWO, None, Standing.REFUSED),
        (Roster((ANA, INVITED)), TWO, "ana", Standing.ACCEPTED),  # who was only invited could not be asked
    ],
)
def test_a_plan_that_names_nobody(
    first: Roster, then: Roster, athlete: str | None, standing: Standing
) -> None:
    """It is for the one who was there when it came, and nobody else's ever."""
    judged = after(first, then)
    assert (whose(judged), judged.standing) == (athlete, standing)
    assert (judged.flaw is not None) == (standing is Standing.REFUSED)


def test_a_plan_that_names_its_athlete() -> None:
    """It is theirs, whoever else is there; by the user id, too, under which they trained before."""
    assert whose(after(TWO, OTHER, plan(athleteId="ben"))) == "ben"
    assert whose(judge(plan(athleteId="7"), None, TWO)) == "ana"
    bare = Roster((Athlete("7", 7, 7, ContactHours(MADRID)),))
    assert whose(after(bare, TWO)) == whose(after(bare, TWO, plan(athleteId=7))) == "ana"
    unknown = judge(plan(athleteId="eve"), None, TWO)
    assert unknown.standing is Standing.REFUSED
    assert "nobody is called 'eve'" in str(unknown.flaw)
    assert unknown.decision is None
    assert not unknown.is_hopeless  # Eve may join
    assert judge(plan(athleteId="undefined"), None, TWO).is_hopeless
    nan = Roster((Athlete("nan", 7, 70, ContactHours(MADRID)),))
    assert not judge(plan(athleteId="nan"), None, nan).is_hopeless
    assert whose(after(NOBODY, OTHER, plan(athleteId="ben"))) == "ben"  # they were added since


def test_who_left_is_no_trouble() -> None:
    """Neither where the roster says so, nor where the plan was theirs before."""
    assert judge(plan(athleteId="ben"), None, Roster((ANA,), gone=frozenset({"ben"}))).flaw is None
    assert after(TWO, ONE, plan(athleteId="ben")).standing is Standing.LEFT
    handed = judge(plan(athleteId="ben"), None, Roster((ANA,), gone=frozenset({"ben"})), is_handed_over=True)
    assert "nobody is called 'ben'" in str(handed.flaw)


@pytest.mark.parametrize("document", [plan(days=5), plan(days=[])])
def test_a_plan_that_cannot_be_read_keeps_its_owner(document: dict[str, Any]) -> None:
    """So whoever joins later is not waiting for it, and admins are not told of it once more."""
    judged = judge(document, None, ONE)
    assert (judged.standing, judged.athlete_id) == (Standing.REFUSED, "ana")
    again = after(ONE, TWO, document)
    assert (again.standing, again.athlete_id, again.decision) == (Standing.REFUSED, "ana", None)
    assert again.is_hopeless
    newer = judge(plan("R2", hours=1, athleteId="ana"), None, TWO)
    assert replaced([again], [again, newer], TWO) == {"R1"}
    assert judge(document, None, TWO).decision is None
    assert judge({**document, "athleteId": []}, None, ONE).decision is None  # it names somebody


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_a_plan_that_says_something_else_is_judged_anew(*, is_handed_over: bool) -> None:
    """When it is stored again, or by whom, changes nothing; it stays whose it was, whoever has joined."""
    known = judge(plan(), None, ONE).decision
    assert judge(plan(createdAt="2026-02-16", attempt=2), known, TWO).standing is Standing.ACCEPTED
    other = plan(days=[{"date": "2026-02-18", "activity": "Run"}])
    changed = judge(other, known, TWO, is_handed_over=is_handed_over)
    assert whose(changed) == "ana"
    assert changed.decision == Decision("R1", digest(other), Verdict.ACCEPTED, "ana")
    unreadable = judge(plan(days=5), known, TWO, is_handed_over=is_handed_over)
    assert (unreadable.standing, unreadable.athlete_id) == (Standing.REFUSED, "ana")
    assert whose(judge(other, known, OTHER, is_handed_over=is_handed_over)) == "ben"
    never = judge(plan(), None, TWO).decision
    assert never is not None
    assert judge(other, never, TWO, is_handed_over=is_handed_over).standing is Standing.REFUSED
    assert digest(plan()) != digest(plan("R2"))


@pytest.mark.parametrize("verdict", [Verdict.WITHDRAWN, Verdict.AMBIGUOUS])
def test_what_is_handed_over_again_is_meant(verdict: Verdict) -> None:
    """What was withdrawn, or was nobody's, counts once somebody gives it to the bot anew."""
    known = Decision("R1", digest(plan()), verdict)
    assert judge(plan(), known, ONE).standing is not Standing.ACCEPTED
    again = judge(plan(), known, ONE, is_handed_over=True)
    assert again.standing is Standing.ACCEPTED
    assert again.decision == Decision("R1", digest(plan()), Verdict.ACCEPTED, "ana")


def test_a_withdrawn_plan_may_be_unreadable() -> None:
    """Then it is acknowledged, and nothing is said of it any more."""
    document = plan(days=5)
    assert judge(document, None, ONE).flaw is not None
    assert judge(document, Decision("R1", digest(document), Verdict.WITHDRAWN), ONE).flaw is None


def test_days_are_those_where_the_athlete_lives() -> None:
    """UTC where it is nobody's."""
    late = plan(weekStart=None, weekEnd=None, days=[{"date": "2026-02-16T23:30:00.000Z", "activity": "Run"}])
    assert judge(late, None, ONE).days == frozenset({date(2026, 2, 17)})
    assert judge(late, None, TWO).days == frozenset({date(2026, 2, 16)})


@pytest.mark.parametrize("run_id", [None, "", " ", 5, [], "\u200b"])
def test_a_plan_without_a_run_has_a_name(run_id: object) -> None:
    """By which it is told from the others."""
    assert plan_name(plan(run_id, _id=1)) != plan_name(plan("R", _id=2))


def is_replaced(document: dict[str, Any], *others: dict[str, Any], roster: Roster = ONE) -> bool:
    """Whether newer plans have taken its place."""
    first, *rest = judge_all([document, *others], {}, roster)
    return replaced([first], [first, *rest], roster) == {first.name}


def test_what_newer_plans_decide_about() -> None:
    """A refused plan matters as long as somebody's days wait for it."""
    broken = plan(days=5)
    assert not is_replaced(broken)
    assert is_replaced(broken, plan("R2", hours=1))
    assert not is_replaced(broken, plan("R0", hours=-1))
    assert not is_replaced(broken, plan("R2", hours=1, days=7))  # that cannot be read either
    assert not is_replaced(broken, plan("R2", hours=1, weekStart="2026-02-17"))  # Monday still waits
    assert is_replaced(plan(days=5, weekStart=None, weekEnd=None), plan("R2", hours=1))
    assert not is_replaced(plan(athleteId="eve"), plan("R2", hours=1))
    anas, bens = plan("R2", hours=1, athleteId="ana"), plan("R3", hours=1, athleteId="ben")
    assert not is_replaced(plan(), anas, roster=TWO)  # it could be Ben's
    assert is_replaced(plan(), anas, bens, roster=TWO)
    assert is_replaced(plan(athleteId="ana", days=5), anas, roster=TWO)


@pytest.mark.parametrize(
    ("fields", "is_over"),
    [
        ({}, False),
        ({"weekStart": "2026-02-09", "weekEnd": "2026-02-15"}, True),
        ({"weekStart": "2026-02-09", "weekEnd": None}, True),
        ({"weekStart": None, "weekEnd": "2026-02-15"}, True),
        ({"weekStart": None, "weekEnd": "2026-02-16"}, False),
        ({"weekStart": "2026-02-09T00:00:00Z", "weekEnd": "0001-01-01"}, True),
        ({"weekStart": "soon", "weekEnd": None}, False),
        ({"weekStart": None, "weekEnd": "0001-01-03"}, False),
        ({"weekStart": "9999-12-31", "weekEnd": None}, False),
    ],
)
def test_the_week_of_a_plan_that_cannot_be_read(fields: dict[str, Any], *, is_over: bool) -> None:
    """Made out if it can be."""
    assert judge(plan(days=5, **fields), None, ONE).is_over(date(2026, 2, 16)) is is_over


def test_a_plan_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it says the same, and the athlete stays in their zone."""
    read: list[str] = []

    def counting(document: Mapping[str, Any], zone: tzinfo) -> Plan:
        read.append(str(zone))
        return read_plan(document, zone)

    monkeypatch.setattr(ownership, "read_plan", counting)
    monkeypatch.setattr(ownership, "_recalled", {})
    first, again = judge(plan(), None, ONE), judge(plan(attempt=2), None, ONE)
    assert first.plan == again.plan is not None
    for _ in range(2):
        assert str(judge(plan(days=5), None, ONE).flaw).startswith("activityPlan.days: ")
    assert read == ["Europe/Madrid"] * 2
    tokyo = Roster((Athlete("ana", 7, 70, ContactHours(ZoneInfo("Asia/Tokyo"))),))
    assert judge(plan(), None, tokyo).plan == first.plan
    later = judge(plan(hours=1), None, ONE)
    assert later.plan is not None
    assert later.plan.created_at == NOW + timedelta(hours=1)
    assert read[2:] == ["Asia/Tokyo", "Europe/Madrid"]


def test_what_is_recalled_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many plans there are."""
    recalled: dict[object, object] = {}
    monkeypatch.setattr(ownership, "_recalled", recalled)
    monkeypatch.setattr(ownership, "_MOST_RECALLED", 3)
    for number in range(8):
        assert judge(plan(f"R{number}"), None, ONE).plan is not None
        assert len(recalled) <= 3
