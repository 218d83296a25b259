"""Scripted faults: which calls go wrong, how, how often and until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Any, Literal, get_args

from bot.sandbox.errors import SandboxError

Kind = Literal["status", "garbage", "reset", "hang", "hang_after", "reset_after", "delay"]


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    Kinds:
        status: the call is refused with `status`; its work is not done.
        garbage: 200 with JSON that breaks off; the work is not done.
        reset: the connection is reset; the work is not done.
        hang: no answer; the work is not done.
        hang_after: the work is done, then no answer (delivered, reply lost).
        reset_after: the work is done, then the connection is reset.
        delay: an ordinary call, `seconds` later.

    Attributes:
        methods: names of Bot API methods in any case; "*" stands for all.
        times: how many calls it meets; None: any number.
        until: it meets no call from this time on, unix seconds of the sandbox clock.
        status, description, retry_after: the refusal; the description defaults to the status's own words.
        body: sent instead of the usual envelope, such as a proxy's HTML page.
        seconds: the delay, or the longest hang, after which the connection is reset; None: until the
            client leaves or the server stops.
    """

    kind: Kind
    methods: str | Iterable[str] = "*"
    times: int | None = 1
    until: float | None = None
    status: int = 500
    description: str | None = None
    retry_after: int | None = None
    body: str | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SandboxError(f"unknown fault {self.kind!r}: choose from {', '.join(get_args(Kind))}")
        if self.kind == "delay" and self.seconds is None:
            raise SandboxError("a delay needs its seconds")
        names = [self.methods] if isinstance(self.methods, str) else self.methods
        self.methods = frozenset(name.lower() for name in names)

    def meets(self, method: str, now: float) -> bool:
        """Whether a call of `method` (lower case) runs into it."""
        if self.is_over(now):
            return False
        return "*" in self.methods or method in self.methods

    def is_over(self, now: float) -> bool:
        """Whether it will never meet a call again, unless the clock goes back."""
        return self.times == 0 or (self.until is not None and now >= self.until)

    def refusal(self) -> tuple[int, str, dict[str, Any] | None]:
        """Code, description and parameters of a `status` fault."""
        description = self.description
        if description is None:
            description = responses.get(self.status, f"Error {self.status}")
            if self.retry_after is not None:
                description += f": retry after {self.retry_after}"
        parameters = None if self.retry_after is None else {"retry_after": self.retry_after}
        return self.status, description, parameters


class FaultScript:
    """The faults still to come, in the order in which they were added; a call meets at most one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._fired: Counter[str] = Counter()

    @property
    def fired(self) -> dict[str, int]:
        """How many calls each kind has met."""
        return dict(self._fired)

    def add(self, fault: Fault) -> None:
        """Adds a fault after the others."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Removes all faults; calls that hang already go on hanging."""
        self._faults.clear()

    def take(self, method: str, now: float) -> Fault | None:
        """The fault that a call of `method` (lower case) meets, counted as used; None: nothing goes wrong."""
        if not self._faults:
            return None
        fault = next((fault for fault in self._faults if fault.meets(method, now)), None)
        if fault is not None:
            if fault.times is not None:
                fault.times -= 1
            self._fired[fault.kind] += 1
        self._faults = [fault for fault in self._faults if not fault.is_over(now)]
        return fault
