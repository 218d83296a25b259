"""The judge of the fault suite: a loss cannot pass for none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults import __main__ as command
from tests.faults.result import COLUMNS, Given, Losses, Result, reckon, row, table
from tests.faults.sends import most_within
from tests.faults.soak import early_and_late
from tests.faults.stage import CASES, NOTE, Stage

TAPS = [Given("q1", 1, key="a"), Given("q2", 2, key="a", was_promised=True), Given("q3", 3, key="b")]
UNANSWERED = Given("q4", 1, key="a", was_answered=False)
ENTERED = {"q1", "q2", "q3"}
STORED = [("a", 2), ("b", 3)]


def test_nothing_is_lost() -> None:
    """Every tap is entered, and the last of each key stands."""
    assert reckon(TAPS, ENTERED, STORED) == Losses()


@pytest.mark.parametrize(
    ("taps", "entered", "stored", "losses"),
    [
        (TAPS, ENTERED - {"q1"}, STORED, Losses(lost=1)),
        (TAPS, set(), [], Losses(lost=3, wrong=2, broken_promises=1)),
        (TAPS, ENTERED, [("a", 1), ("b", 3)], Losses(wrong=1, broken_promises=1)),
        (TAPS, ENTERED, [*STORED, ("b", 3)], Losses(wrong=1)),
        (TAPS, ENTERED, [*STORED, ("c", 9)], Losses(wrong=1)),
        ([*TAPS, UNANSWERED], {*ENTERED, "q4"}, STORED, Losses(unanswered=1)),
        ([Given("q9", 9)], set(), [], Losses(lost=1)),
    ],
)  # fmt: skip
def test_each_kind_of_loss(
    taps: list[Given], entered: set[str], stored: list[tuple[str, int]], losses: Losses
) -> None:
    """A tap that is nowhere, an older answer that won, two documents, one that nobody gave, no answer."""
    assert reckon(taps, entered, stored) == losses


def test_a_newer_answer_keeps_a_promise() -> None:
    """What was called saved may have been replaced since."""
    assert reckon([Given("q1", 1, key="a", was_promised=True)], {"q1"}, [("a", 2)]).broken_promises == 0


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "holds"),
        ({"losses": Losses(lost=1)}, "FAILS"),
        ({"losses": Losses(broken_promises=1)}, "FAILS"),
        ({"duplicates": 2}, "holds"),
        ({"duplicates": 3}, "FAILS"),
        ({"flaws": ["late"]}, "FAILS"),
        ({"faults": 0}, "FAILS"),
        ({"runs": 0}, "FAILS"),
        ({"skipped": "no root"}, "not run"),
    ],
)
def test_verdicts(changes: dict[str, object], verdict: str) -> None:
    """As the contract allows; a case without a fault has shown nothing; one that is not run is no success."""
    result = Result(runs=1, faults=1, taps=1, allowed=2)
    for name, value in changes.items():
        setattr(result, name, value)
    assert result.verdict == verdict
    assert row("it", result)[-1].startswith(verdict)
    assert len(row("it", result)) == len(COLUMNS)


def test_the_table_has_a_line_for_each() -> None:
    """What went wrong stands behind the verdict, and cannot break the table."""
    shown = table({"one": Result(runs=1, faults=1), "two": Result(flaws=["a|b"])})
    assert [line.count("|") for line in shown.splitlines()] == [len(COLUMNS) + 1] * 4
    assert shown.splitlines()[3].endswith("FAILS: a/b |")


async def test_a_case_that_breaks_off_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as its result; and so is a secret in what was printed."""

    async def breaks(stage: Stage) -> Result:
        stage.logs.append("Traceback (most recent call last)")
        raise AssertionError("not within 20 s: it polls")

    monkeypatch.setitem(CASES, "breaks", breaks)
    stage = Stage(tmp_path, "", random.Random(1))
    result = await command.play("breaks", stage)
    assert result.verdict == "FAILS"
    assert result.flaws == [
        "it did not come to its end: not within 20 s: it polls", "a traceback in a log",
    ]  # fmt: skip


@pytest.mark.parametrize(("lost", "status"), [(0, 0), (1, 1)])
def test_the_exit_status(lost: int, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 as soon as one tap is lost."""
    found = {"it": Result(runs=1, faults=1, taps=1, losses=Losses(lost=lost))}
    monkeypatch.setattr(command, "run", lambda *_: found)
    monkeypatch.setattr("sys.argv", ["faults", "--quick"])
    assert command.main() == status


def test_the_suite_asks_what_telegram_would_take() -> None:
    """With the note in it the longest data of a crowd's button still has at most 64 bytes."""
    assert len(f"session_feedback|run-1|session-399|skipped|{NOTE}".encode()) <= 64


@pytest.mark.parametrize(
    ("times", "most"),
    [([], 0), ([5.0], 1), ([0.0, 1.0], 1), ([0.0, 0.999, 1.0], 2), ([0.0, 0.2, 0.4, 1.1], 3)],
)
def test_the_most_messages_within_a_second(times: list[float], most: int) -> None:
    """A second after a message the next one may come, and not sooner."""
    assert most_within(times, 1.0) == most


def test_a_soaks_warm_up_is_left_out() -> None:
    """Five minutes, or half of a short soak; then the middle of a minute's readings, here and at the end."""
    hour = [(float(at), 50.0 if at < 300 else 100.0 if at < 3_500 else 120.0) for at in range(3_600)]
    assert early_and_late(hour) == (100.0, 120.0)
    short = [(float(at), float(at)) for at in range(21)]
    assert early_and_late(short) == (12.5, 17.5)
