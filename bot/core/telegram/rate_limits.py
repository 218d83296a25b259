"""Telegram's sending limits as a pure schedule: when may the next message go to this chat?

Source: Telegram's bot FAQ. 30 messages a second over all, 1 a second in a chat, 20 a minute in a group.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# A hair under 30 a second: two machines' clocks do not measure a second alike. What was held up may catch up.
GLOBAL_SPACING = 1 / 29.5
GLOBAL_WINDOW = 1.005
GLOBAL_MESSAGES = 30
CHAT_SPACING = 1.02
GROUP_WINDOW = 60.5
GROUP_MESSAGES = 20

_FORGET_ABOVE = 500
_REMEMBERED = 100  # messages; the quickest of them tells how long the way is


@dataclass(slots=True)
class InFlight:
    """A message on its way.

    Attributes:
        left: when it left.
        at: when it counts: as `left`, or as much later as it took longer than the quickest; None as long as
            there is no reply.
    """

    chat_id: int
    left: float
    at: float | None = None

    def counts_at(self, now: float) -> float:
        """When it counts, as far as one can tell: what is under way may arrive now."""
        if self.at is None:
            return now if now - self.left < GLOBAL_WINDOW else self.left
        return self.at


class SendLimits:
    """Reserves sending times. All times are seconds of one monotonic clock, passed in by the caller.

    What counts for Telegram is when messages arrive. Not all are under way for the same time, on a busy
    machine or in a slow network, so the time of the reply is taken into account, too.
    """

    def __init__(self) -> None:
        self._next_any = 0.0
        self._in_flight: deque[InFlight] = deque(maxlen=_REMEMBERED)
        self._durations: deque[float] = deque(maxlen=_REMEMBERED)
        self._next_in_chat: dict[int, float] = {}
        self._group_times: dict[int, deque[float]] = {}

    def earliest(self, chat_id: int, now: float) -> float:
        """The first instant at which a message to this chat keeps every limit; never before `now`."""
        return max(now, self._next_any, self._chat_free_at(chat_id))

    def reserve(self, chat_id: int, now: float) -> float:
        """Take the earliest place for this chat and return its instant."""
        at = self.earliest(chat_id, now)
        # Places over all are handed out in order of reservation: a chat that waits for its own turn does not
        # hold up the others. Callers reserve for chats that are not `waiting`, so no places pile up.
        self._next_any = max(now, self._next_any) + GLOBAL_SPACING
        self._next_in_chat[chat_id] = at + CHAT_SPACING
        if chat_id < 0:
            self._group_times.setdefault(chat_id, deque(maxlen=GROUP_MESSAGES)).append(at)
        if len(self._next_in_chat) > _FORGET_ABOVE:
            self._forget(now)
        return at

    def pause(self, now: float) -> float:
        """Seconds that everybody has to wait, since earlier messages were late; 0 or less: none."""
        if len(self._in_flight) < GLOBAL_MESSAGES:
            return 0.0
        times = sorted(message.counts_at(now) for message in self._in_flight)
        return times[-GLOBAL_MESSAGES] + GLOBAL_WINDOW - now

    def leave(self, chat_id: int, now: float) -> InFlight:
        """What was reserved for this chat leaves now."""
        message = InFlight(chat_id, now)
        self._in_flight.append(message)
        self._keep_free(chat_id, now)
        return message

    def arrived(self, message: InFlight, now: float) -> None:
        """Telegram's reply is there, or there will be none."""
        message.at = message.left
        duration = now - message.left
        if duration < GLOBAL_WINDOW:
            self._durations.append(duration)
            message.at = now - min(self._durations)
            self._keep_free(message.chat_id, message.at)

    def _keep_free(self, chat_id: int, at: float) -> None:
        self._next_in_chat[chat_id] = max(self._next_in_chat.get(chat_id, 0.0), at + CHAT_SPACING)

    def recall(self, chat_id: int, sent: Sequence[float]) -> None:
        """Messages that went there at these times, perhaps from an earlier run or another service.

        What this service sent itself is in the outbox, too, at nearly the same time: it counts once.
        """
        self._keep_free(chat_id, max(sent))
        if chat_id < 0:
            known = list(self._group_times.get(chat_id, ()))
            own, others = list(known), []
            for at in sent:
                same = next((each for each in own if abs(each - at) < CHAT_SPACING / 2), None)
                others.append(at) if same is None else own.remove(same)
            self._group_times[chat_id] = deque(sorted(known + others), maxlen=GROUP_MESSAGES)

    def hold(self, chat_id: int | None, until: float) -> None:
        """Send nothing to this chat, or to anybody (None), before `until`: Telegram asked for it."""
        if chat_id is None:
            self._next_any = max(self._next_any, until)
        else:
            self._next_in_chat[chat_id] = max(self._next_in_chat.get(chat_id, 0.0), until)

    def waiting(self, now: float) -> set[int]:
        """The chats that may not be written to at `now` for their own sake."""
        return {chat_id for chat_id in self._next_in_chat if self._chat_free_at(chat_id) > now}

    def _chat_free_at(self, chat_id: int) -> float:
        times = self._group_times.get(chat_id)
        group = times[0] + GROUP_WINDOW if times is not None and len(times) == GROUP_MESSAGES else 0.0
        return max(self._next_in_chat.get(chat_id, 0.0), group)

    def _forget(self, now: float) -> None:
        self._next_in_chat = {c: at for c, at in self._next_in_chat.items() if self._chat_free_at(c) > now}
        self._group_times = {c: t for c, t in self._group_times.items() if t[-1] + GROUP_WINDOW > now}
