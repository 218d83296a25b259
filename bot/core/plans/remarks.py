"""What is said about a plan: why it cannot be read, how it was read, and what is odd about it."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field

_SHOWN = 60
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 44
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist = 2, 3, 3


class InvalidPlan(ValueError):
    """A plan that cannot be understood.

    Attributes:
        field: where, such as `activityPlan.days[2].date`.
        cure: what is wrong there and what to do.
    """

    def __init__(self, field: str, cure: str) -> None:
        super().__init__(f"{field}: {cure}")
        self.field = field
        self.cure = cure


@dataclass(frozen=True, slots=True)
class PlanRemark:
    """Something about a plan that can be read.

    Attributes:
        field: where, such as `activityPlan.days[2].day`.
        text: what was found there, and what becomes of it.
    """

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


@dataclass(frozen=True, slots=True)
class Remarks:
    """Takes remarks while a plan is read."""

    warnings: list[PlanRemark] = field(default_factory=list)
    readings: list[PlanRemark] = field(default_factory=list)

    def warn(self, field: str, text: str) -> None:
        """Something is odd, and does not stand in the way."""
        self.warnings.append(PlanRemark(field, text))

    def read(self, field: str, text: str) -> None:
        """Something was understood though it is not written as documented."""
        self.readings.append(PlanRemark(field, text))


def shown(value: object) -> str:
    """A value of others on one line, quoted and shortened, with all that does not print escaped."""
    text = _SHORT.repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
