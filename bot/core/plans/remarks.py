"""What is said about a plan: why it cannot be read, how it was read, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass


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
