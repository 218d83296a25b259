"""Telegram's sending limits as sliding windows."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How many messages Telegram lets a bot send.

    `private_burst` messages may go to one private chat at once; over time it is `private_per_second`.
    """

    overall_per_second: int = 30
    private_per_second: float = 1.0
    private_burst: int = 1
    group_per_minute: int = 20


TELEGRAM_LIMITS = Limits()


class Window:
    """At most `limit` events in any `span` seconds."""

    __slots__ = ("_span", "_times")

    def __init__(self, limit: int, span: float) -> None:
        self._times: deque[float] = deque(maxlen=limit)
        self._span = span

    def wait(self, now: float) -> float:
        """Seconds until the next event is allowed; 0 when it is allowed now."""
        times = self._times
        if len(times) < (times.maxlen or 0):
            return 0.0
        return max(0.0, times[0] + self._span - now)

    def add(self, now: float) -> None:
        """Records an event; the oldest one leaves a full window."""
        self._times.append(now)


class RateLimiter:
    """Decides about one message after another; refused messages do not count."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._overall = Window(limits.overall_per_second, 1.0)
        self._chats: dict[int, Window] = {}

    def admit(self, chat_id: int, now: float) -> int:
        """0 and the message counts, or the whole seconds (at least 1) to wait before trying again."""
        chat = self._chats.get(chat_id)
        if chat is None:
            chat = self._chats[chat_id] = self._window_for(chat_id)
        wait = max(self._overall.wait(now), chat.wait(now))
        if wait > 0:
            return math.ceil(wait)
        self._overall.add(now)
        chat.add(now)
        return 0

    def _window_for(self, chat_id: int) -> Window:
        if chat_id < 0:
            return Window(self.limits.group_per_minute, 60.0)
        burst = self.limits.private_burst
        return Window(burst, burst / self.limits.private_per_second)
