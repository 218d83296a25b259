"""What a case found, and whether that is what the contract allows. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["holds", "FAILS", "not run"]


class NotPossibleHere(Exception):
    """A case needs something that this machine does not give; the message says what."""


@dataclass(frozen=True, slots=True)
class Given:
    """A tap that was given, as the local Bot API's ledger has it.

    Attributes:
        key: session key it answers; None: it answers nothing that may be stored.
        was_answered: whether its callback query was.
        was_promised: whether the answer said that it is saved.
    """

    query_id: str
    update_id: int
    key: str | None = None
    was_answered: bool = True
    was_promised: bool = False


@dataclass(frozen=True, slots=True)
class Losses:
    """Where the database differs from what was given.

    Attributes:
        lost: taps that the database knows nothing of.
        wrong: session keys under which another than the last tap stands, or none, or more than one document.
        unanswered: taps without an answer.
        broken_promises: taps that were called saved, and neither they nor newer ones are.
    """

    lost: int = 0
    wrong: int = 0
    unanswered: int = 0
    broken_promises: int = 0

    @property
    def is_none(self) -> bool:
        """Whether nothing differs."""
        return self == Losses()


def reckon(given: Iterable[Given], entered: Collection[str], stored: Iterable[tuple[str, int]]) -> Losses:
    """Compare what was given with the ledger of taps and with the answers.

    Args:
        entered: query ids in the database's ledger of taps.
        stored: session key and update id of each answer in the database.
    """
    taps = list(given)
    last: dict[str, int] = {}
    for tap in taps:
        if tap.key is not None:
            last[tap.key] = max(tap.update_id, last.get(tap.key, tap.update_id))
    standing: dict[str, list[int]] = {}
    for key, update_id in stored:
        standing.setdefault(key, []).append(update_id)
    return Losses(
        lost=sum(tap.query_id not in entered for tap in taps),
        wrong=sum(standing.get(key) != [update_id] for key, update_id in last.items())
        + sum(key not in last for key in standing),
        unanswered=sum(not tap.was_answered for tap in taps),
        broken_promises=sum(
            tap.was_promised and max(standing.get(tap.key or "", [-1])) < tap.update_id for tap in taps
        ),
    )


@dataclass(slots=True)
class Result:
    """What one case found.

    Attributes:
        runs: how often it was done.
        faults: how many faults were really injected.
        taps: how many were given.
        duplicates: messages that came more than once.
        allowed: as many duplicates as the contract allows.
        recovery: seconds from the end of each fault until all was well.
        flaws: what else was not as it should be.
        note: what else is worth knowing.
        skipped: why it could not be run here.
    """

    runs: int = 0
    faults: int = 0
    taps: int = 0
    losses: Losses = field(default_factory=Losses)
    duplicates: int = 0
    allowed: int = 0
    recovery: list[float] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    note: str = ""
    skipped: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether it is as the contract says. A case in which no fault was injected has shown nothing."""
        if self.skipped:
            return "not run"
        is_well = self.losses.is_none and self.duplicates <= self.allowed and not self.flaws
        return "holds" if is_well and self.runs and self.faults else "FAILS"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {**asdict(self), "verdict": self.verdict}


COLUMNS = ("case", "runs", "faults", "taps", "lost", "wrong", "unanswered", "duplicates", "recovery, s", "")


def row(name: str, result: Result) -> tuple[str, ...]:
    """A line of the table, as `COLUMNS`."""
    losses = result.losses
    spans = result.recovery
    recovery = f"{statistics.median(spans):.1f} (max {max(spans):.1f})" if spans else ""
    duplicates = f"{result.duplicates} of {result.allowed} allowed" if result.allowed else result.duplicates
    wrong = losses.wrong + losses.broken_promises
    why = "; ".join(filter(None, (*result.flaws, result.skipped, result.note)))
    figures = (result.runs, result.faults, result.taps, losses.lost, wrong, losses.unanswered, duplicates)
    verdict = f"{result.verdict}: {why}" if why else result.verdict
    return (name, *map(str, figures), recovery, verdict)


def table(results: Mapping[str, Result]) -> str:
    """All of them, as Markdown."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(row(*item) for item in results.items())]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
