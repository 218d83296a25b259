"""What happened: every call of the bot, every tap of a user, and their counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Mode = Literal["full", "counts"]


@dataclass(slots=True)
class Call:
    """One call of the bot.

    Attributes:
        index: its number, counted from 0 since the start.
        method: the name as Telegram spells it; an unknown one as it came.
        params: the parameters without the token; a file is `{"file_name", "file_size"}`.
        at: when it came, unix seconds of the sandbox clock.
        status: the HTTP status, None when nothing was answered.
        description: why it was refused.
        delivered: whether its work was done.
        replied: whether a reply was handed to the connection.
        fault: the kind of the scripted fault that met it.
    """

    index: int
    method: str
    params: dict[str, Any]
    at: float
    status: int | None = None
    description: str | None = None
    delivered: bool = False
    replied: bool = False
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same fields, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Tap:
    """One press of a button; every time is unix seconds of the sandbox clock.

    Attributes:
        update_id: None when the bot had not allowed callback queries.
        delivered_at: one time for each getUpdates that returned it.
        answer: the text of the last answer; "" for an answer without text.
        expired: whether it left the queue by age, before the bot confirmed it.
    """

    update_id: int | None
    query_id: str
    chat_id: int
    message_id: int
    user_id: int
    data: str
    at: float
    delivered_at: list[float] = field(default_factory=list)
    confirmed_at: float | None = None
    answered_at: float | None = None
    answer: str | None = None
    alert: bool = False
    expired: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The same fields, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class TapCounts:
    """How many taps were given, and what became of them (each counted once)."""

    given: int = 0
    delivered: int = 0
    confirmed: int = 0
    answered: int = 0
    expired: int = 0


class Ledger:
    """Keeps calls (unless `mode` is `counts`), taps, and counts of both."""

    def __init__(self, mode: Mode = "full") -> None:
        self.mode: Mode = mode
        self.taps: list[Tap] = []
        self.tap_counts = TapCounts()
        self._calls: list[Call] = []
        self._next_index = 0
        self._statuses: Counter[tuple[str, int | None]] = Counter()

    def begin(self, method: str, params: dict[str, Any], at: float) -> Call:
        """A call has come in."""
        call = Call(self._next_index, method, params, at)
        self._next_index += 1
        if self.mode == "full":
            self._calls.append(call)
        return call

    def end(self, call: Call) -> None:
        """A call is over, answered or not."""
        self._statuses[call.method, call.status] += 1

    def calls(self, method: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """The calls of one method (any case; None: all) from index `since` on, oldest first.

        A call still in work, such as a long poll, is listed with status None.
        """
        wanted = method.lower() if method else None
        return [
            call.as_dict()
            for call in self._calls
            if call.index >= since and wanted in (None, call.method.lower())
        ]

    def counts(self) -> dict[str, Any]:
        """`{"calls": {method: {status: n}}, "taps": {...}}`; calls without a reply are `unanswered`."""
        calls: dict[str, dict[str, int]] = {}
        for (method, status), number in self._statuses.items():
            calls.setdefault(method, {})[str(status) if status else "unanswered"] = number
        return {"calls": calls, "taps": asdict(self.tap_counts)}

    def tapped(self, tap: Tap) -> None:
        """A user has pressed a button."""
        self.taps.append(tap)
        self.tap_counts.given += 1

    def delivered(self, tap: Tap, at: float) -> None:
        """A getUpdates returned the tap."""
        self.tap_counts.delivered += not tap.delivered_at
        tap.delivered_at.append(at)

    def confirmed(self, tap: Tap, at: float) -> None:
        """The bot asked for later updates: the tap is gone from the queue."""
        self.tap_counts.confirmed += 1
        tap.confirmed_at = at

    def answered(self, tap: Tap, at: float, text: str, *, alert: bool) -> None:
        """The bot answered the callback query; the first answer's time is kept, the last one's text."""
        if tap.answered_at is None:
            self.tap_counts.answered += 1
            tap.answered_at = at
        tap.answer = text
        tap.alert = alert

    def expired(self, tap: Tap) -> None:
        """The tap was in the queue for too long."""
        self.tap_counts.expired += 1
        tap.expired = True

    def clear(self) -> None:
        """Forgets calls and counts of calls. Taps stay: their queries can still be answered."""
        self._calls.clear()
        self._statuses.clear()
