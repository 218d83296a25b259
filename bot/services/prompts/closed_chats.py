"""Which chats take no messages: told to admins once for each and its cause, until it opens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from bot.core.health.vitals import ChatsClosed
from bot.core.people.athlete import Roster
from bot.core.prompts.undelivered import ClosedChat, name_of
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageError
from bot.core.telegram.refusals import Refusal
from bot.services.prompts.chat_openings import ChatOpenings
from bot.store.prompts.undelivered import UndeliveredStore


class ClosedChats:
    """Looks after each refusal, and after a start, which chats are closed. What was told stands in MongoDB.

    Args:
        openings: counts the refusals.
        roster: the athletes; None as long as nobody knows them.
        late_after_days: LATE_AFTER_DAYS.
        may_tell: whether this is the one of several services that sends.
    """

    def __init__(
        self,
        undelivered: UndeliveredStore,
        openings: ChatOpenings,
        roster: Callable[[], Roster | None],
        clock: Clock,
        late_after_days: int,
        may_tell: Callable[[], bool],
    ) -> None:
        self._undelivered = undelivered
        self._openings = openings
        self._roster = roster
        self._clock = clock
        self._late_after_days = late_after_days
        self._may_tell = may_tell
        self._seen: int | None = None
        self._on_the_way: set[tuple[int, Refusal]] = set()

    async def untold(self) -> list[ChatsClosed]:
        """What is to be told, once; while MongoDB is away, nothing."""
        roster = self._roster()
        if not self._may_tell() or roster is None:
            self._seen = None
            return []
        if (refusals := self._openings.refusals) == self._seen:
            return []
        try:
            closed = await self._undelivered.closed(self._late_after_days, self._clock())
        except StorageError:
            return []
        self._seen = refusals
        found: dict[Refusal, dict[int, str]] = defaultdict(dict)
        for chat in closed:
            key = (chat.chat_id, chat.refusal)
            if not chat.is_told and key not in self._on_the_way and _matters(chat, roster):
                self._on_the_way.add(key)
                found[chat.refusal][chat.chat_id] = name_of(chat, roster)
        return [ChatsClosed(refusal, who) for refusal, who in found.items()]

    async def told(self, news: ChatsClosed) -> None:
        """Admins know; where MongoDB is away just now, a restart may tell it once more."""
        try:
            await self._undelivered.told(news.who, self._clock())
        except StorageError:
            return
        self._on_the_way -= {(chat_id, news.refusal) for chat_id in news.who}


def _matters(chat: ClosedChat, roster: Roster) -> bool:
    """Whether something waits there, or will: not for somebody who was removed long ago."""
    is_athletes = any(athlete.chat_id == chat.chat_id for athlete in roster.athletes)
    return is_athletes or chat.waiting > 0
