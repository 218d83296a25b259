"""The findings of `doctor`, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Level: TypeAlias = Literal["ok", "warn", "FAIL", "skip"]

CHECKS = (
    "config", "data", "disk", "journal", "service", "token", "webhook", "people", "mongodb", "rights",
    "indexes", "dates", "plans", "services", "clock", "timezone", "http",
)  # fmt: skip
"""The names of the checks, in the order in which they are shown."""

_WIDTH = max(len(check) for check in CHECKS)
_LEVEL_WIDTH = len("FAIL")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        level: `skip` where something else, which has a finding of its own, forbade to look.
        check: one of `CHECKS`.
        cure: the command or setting that helps; None where all is well, or the message says it.
    """

    level: Level
    check: str
    message: str
    cure: str | None = None

    def __str__(self) -> str:
        line = f"{self.level:<{_LEVEL_WIDTH}}  {self.check:<{_WIDTH}}  {self.message}"
        return line if self.cure is None else f"{line}; cure: {self.cure}"


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding("ok", check, message)


def warn(check: str, message: str, cure: str) -> Finding:
    """The bot runs, though not as it should, or not for long."""
    return Finding("warn", check, message, cure)


def fail(check: str, message: str, cure: str | None = None) -> Finding:
    """The bot cannot do its work."""
    return Finding("FAIL", check, message, cure)


def skip(check: str, why: str) -> Finding:
    """Not looked at."""
    return Finding("skip", check, f"not checked: {why}")


def fail_as_said(check: str, said: str) -> Finding:
    """A failure in the words of an error, which end with the cure after a semicolon."""
    message, semicolon, cure = said.strip().removesuffix(".").partition("; ")
    return fail(check, message, cure if semicolon else None)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By check; those of one check stay in their order."""
    return sorted(findings, key=lambda finding: CHECKS.index(finding.check))


def has_failed(findings: Iterable[Finding]) -> bool:
    """Whether anything is so bad that the bot cannot do its work."""
    return any(finding.level == "FAIL" for finding in findings)


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """For machines: `ok` says whether nothing has failed; `checks` are as they are shown."""
    return {"ok": not has_failed(findings), "checks": [asdict(finding) for finding in findings]}
