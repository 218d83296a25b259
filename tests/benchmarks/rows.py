"""A row of the table: what was measured, beside what, the ratio of both, and the aim."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Aim:
    """What the median ratio should be: at least this, or at most."""

    bound: float
    is_least: bool

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio is as wanted."""
        return ratio >= self.bound if self.is_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.is_least else 'at most'} {self.bound:.3g}"


def at_least(bound: float) -> Aim:
    """More is better."""
    return Aim(bound, is_least=True)


def at_most(bound: float) -> Aim:
    """Less is better."""
    return Aim(bound, is_least=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, measured once a round, beside another of the same rounds.

    Attributes:
        name: what is measured.
        unit: of both.
        values, base: of each round, in the same order.
        beside: what `base` is.
        aim: for the median of the ratios; None: for comparison only.
    """

    benchmark: str
    name: str
    unit: str
    values: Sequence[float]
    beside: str
    base: Sequence[float]
    aim: Aim | None = None

    @property
    def ratios(self) -> list[float]:
        """Of each round."""
        return [value / base for value, base in zip(self.values, self.base, strict=True)]

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        return None if self.aim is None else self.aim.is_met(statistics.median(self.ratios))

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "benchmark": self.benchmark,
            "name": self.name,
            "unit": self.unit,
            "values": list(self.values),
            "beside": self.beside,
            "base": list(self.base),
            "ratios": self.ratios,
            "median": statistics.median(self.ratios),
            "aim": None if self.aim is None else str(self.aim),
            "met": self.is_met,
        }


def table(rows: Iterable[Row]) -> Table:
    """All rows: medians, and the range of the ratios."""
    made = Table(title="Medians of all rounds; of the ratio also the smallest and the largest")
    for column in ("benchmark", "what", "figure", "beside", "its figure", "ratio", "aim", "met"):
        made.add_column(column, justify="right" if column in ("figure", "its figure", "ratio") else "left")
    last = None
    for row in rows:
        if last not in (None, row.benchmark):
            made.add_section()
        ratios = row.ratios
        spread = f"{number(statistics.median(ratios))} ({number(min(ratios))} to {number(max(ratios))})"
        met = {True: "yes", False: "NO", None: ""}[row.is_met]
        made.add_row(
            "" if row.benchmark == last else row.benchmark,
            row.name,
            _with_unit(row.values, row.unit),
            row.beside,
            _with_unit(row.base, row.unit),
            spread,
            "" if row.aim is None else str(row.aim),
            met,
        )
        last = row.benchmark
    return made


def show(rows: Iterable[Row]) -> None:
    """Print the table, wide enough also into a file."""
    Console(width=_WIDTH).print(table(rows))


def _with_unit(values: Sequence[float], unit: str) -> str:
    return f"{number(statistics.median(values))} {unit}".strip()


def number(value: float) -> str:
    """Three figures or so, for people."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
