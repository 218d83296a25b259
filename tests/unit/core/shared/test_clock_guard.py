"""The clock that does not jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.core.shared.clock_guard import TOLERANCE, WITHOUT_WITNESS, ClockGuard

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.true = START
        self.error = timedelta()
        self.said: list[str] = []
        self.clock = ClockGuard(self.wall, self.elapsed, self.said.append)

    def wall(self) -> datetime:
        """What its clock shows."""
        return self.true + self.error

    def elapsed(self) -> float:
        """Seconds since some moment."""
        return 5000.0 + (self.true - START).total_seconds()

    def witness(self, error: timedelta = timedelta()) -> None:
        """A reply comes from a server whose clock has that error."""
        self.clock.witness(format_datetime(self.true + error, usegmt=True))


@pytest.fixture
def machine() -> Machine:
    """See `Machine`."""
    return Machine()


@pytest.mark.parametrize("jump", [HOUR, -HOUR, TOLERANCE + MILLISECOND, -TOLERANCE - MILLISECOND])
def test_a_jump_is_not_followed(machine: Machine, jump: timedelta) -> None:
    """The time that has passed counts; it is said once that the clock jumped, and once that it is back."""
    machine.error = jump
    for _ in range(3):
        machine.true += timedelta(minutes=1)
        assert machine.clock() == machine.true
    machine.error = timedelta()
    assert machine.clock() == machine.true
    assert [what.split(";")[0] for what in machine.said] == [
        f"the machine's clock jumped by {jump.total_seconds():+.0f} s",
        "the machine's clock is right again",
    ]


@pytest.mark.parametrize("step", [TOLERANCE, -TOLERANCE])
def test_corrections_are_followed(machine: Machine, step: timedelta) -> None:
    """Many small steps, each within the tolerance, are followed however far they lead."""
    for number in range(1, 100):
        machine.true += timedelta(minutes=1)
        machine.error = number * step
        assert machine.clock() == machine.wall()
    assert machine.said == []


def test_a_witness_for_the_machine_s_clock_ends_the_doubt(machine: Machine) -> None:
    """It was wrong before and was set right: the next look follows."""
    machine.error = HOUR
    assert machine.clock() == machine.true
    machine.witness(HOUR)
    assert machine.clock() == machine.wall()
    machine.true += HOUR
    assert machine.clock() == machine.wall()
    assert "was set right" in machine.said[-1]


def test_a_witness_against_it_keeps_the_doubt_for_ever(machine: Machine) -> None:
    """It is never followed then, and complained of once."""
    machine.error = HOUR
    for _ in range(3):
        machine.witness()
        machine.true += 2 * WITHOUT_WITNESS
        assert machine.clock() == machine.true
    assert [what for what in machine.said if "check its time service" in what] == machine.said[1:]


def test_without_a_witness_the_machine_s_clock_wins_in_the_end(machine: Machine) -> None:
    """Up to the last moment it does not, at the very end of the wait it does."""
    machine.error = HOUR
    machine.clock()
    machine.true += WITHOUT_WITNESS - MILLISECOND
    assert machine.clock() == machine.true
    machine.true += MILLISECOND
    assert machine.clock() == machine.wall()


def test_the_machine_s_sleep_is_no_jump(machine: Machine) -> None:
    """Time that passes while nobody looks is time that has passed."""
    machine.true += timedelta(days=3)
    assert machine.clock() == machine.true
    assert machine.said == []


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 25:00:00 GMT", "1 Mar 2026 13:00:00"])
def test_a_date_that_is_none_says_nothing(machine: Machine, date: str) -> None:
    """Neither does one without a zone that can be told."""
    machine.error = HOUR
    machine.clock.witness(date)
    assert machine.clock() == machine.true
    assert len(machine.said) == 1
