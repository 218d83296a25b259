"""The queue of updates that waits for the bot to fetch and confirm them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from bot.sandbox.errors import SandboxError
from bot.sandbox.ledger import Ledger, Tap

# Telegram leaves these out unless the bot names them.
_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
# An offset further ahead than this is not a confirmation but a leftover of other ids: all is delivered.
_FARTHEST_OFFSET = 10


@dataclass(frozen=True, slots=True)
class QueuedUpdate:
    """An update as the bot will read it.

    Attributes:
        body: JSON text, written once, when the update came into being.
        at: when that was, unix seconds.
        tap: set for callback queries, which live shorter.
    """

    update_id: int
    body: str
    at: float
    tap: Tap | None


class UpdateQueue:
    """Updates in the order of their ids, until confirmed or too old.

    Attributes:
        update_lifetime: seconds that an update waits for the bot.
        query_lifetime: seconds that a callback query waits; at this age it is gone.
        next_id: the id that the next update gets.
    """

    def __init__(
        self, ledger: Ledger, *, first_id: int, update_lifetime: float, query_lifetime: float
    ) -> None:
        self.update_lifetime = update_lifetime
        self.query_lifetime = query_lifetime
        self.next_id = first_id
        self._ledger = ledger
        self._waiting: OrderedDict[int, QueuedUpdate] = OrderedDict()
        self._allowed: frozenset[str] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def allow(self, kinds: Collection[str]) -> None:
        """Remembers which kinds of update the bot wants from now on; none means Telegram's default."""
        self._allowed = frozenset(kinds) or None

    def wants(self, kind: str) -> bool:
        """Whether updates of this kind are queued."""
        return kind not in _NOT_BY_DEFAULT if self._allowed is None else kind in self._allowed

    def add(self, members: str, at: float, tap: Tap | None = None) -> int:
        """Queues an update and returns its id.

        Args:
            members: the JSON text of the update's members, without `update_id` and without braces.
        """
        update_id = self.next_id
        self.next_id += 1
        separator = "," if members else ""
        body = f'{{"update_id":{update_id}{separator}{members}}}'
        self._waiting[update_id] = QueuedUpdate(update_id, body, at, tap)
        return update_id

    def skip_to(self, update_id: int) -> None:
        """Lets the next update have this id, leaving out those before.

        Raises:
            SandboxError: the id was given already.
        """
        if update_id < self.next_id:
            raise SandboxError(f"update id {update_id} is in the past: the next one is {self.next_id}")
        self.next_id = update_id

    def restart(self, first_id: int) -> None:
        """Goes on with another number, as Telegram does after a week without updates.

        Raises:
            SandboxError: updates are waiting; Telegram does this in an empty queue only.
        """
        if self._waiting:
            raise SandboxError(f"{len(self._waiting)} updates are still unconfirmed: confirm them first")
        self.next_id = first_id

    def fetch(self, offset: int, limit: int, now: float) -> list[str]:
        """Confirms everything before `offset`, then returns up to `limit` updates, oldest first.

        A negative offset keeps the last `-offset` updates and confirms those before.
        """
        self._confirm(offset, now)
        batch: list[QueuedUpdate] = []
        stale: list[QueuedUpdate] = []
        for update in self._waiting.values():
            if self._is_stale(update, now):
                stale.append(update)
                continue
            batch.append(update)
            if len(batch) == limit:
                break
        self._drop(stale)
        for update in batch:
            if update.tap is not None:
                self._ledger.delivered(update.tap, now)
        return [update.body for update in batch]

    def to_push(self, limit: int, but: Collection[int], now: float) -> list[QueuedUpdate]:
        """Up to `limit` updates for a webhook, oldest first, without those of the ids in `but`."""
        self.purge(now)
        left = (update for id_, update in self._waiting.items() if id_ not in but)
        return list(islice(left, max(0, limit)))

    def pushed(self, update: QueuedUpdate, now: float) -> None:
        """It is sent to the webhook."""
        if update.tap is not None:
            self._ledger.delivered(update.tap, now)

    def acknowledge(self, update: QueuedUpdate, now: float) -> None:
        """The webhook has taken it."""
        if self._waiting.pop(update.update_id, None) is not None and update.tap is not None:
            self._ledger.confirmed(update.tap, now)

    def is_waiting(self, update: QueuedUpdate, now: float) -> bool:
        """Whether it is still to be sent."""
        self.purge(now)
        return update.update_id in self._waiting

    def purge(self, now: float) -> None:
        """Drops everything that is too old."""
        self._drop([update for update in self._waiting.values() if self._is_stale(update, now)])

    def clear(self) -> None:
        """Drops everything, as `drop_pending_updates` does."""
        self._waiting.clear()

    def _confirm(self, offset: int, now: float) -> None:
        waiting = self._waiting
        if offset < 0:
            self.purge(now)
            kept = next(islice(reversed(waiting), -offset - 1, None), None)
            if kept is None:
                return
            offset = kept
        elif offset > self.next_id + _FARTHEST_OFFSET:
            return
        while waiting:
            update_id, update = waiting.popitem(last=False)
            if update_id >= offset:
                waiting[update_id] = update
                waiting.move_to_end(update_id, last=False)
                return
            if update.tap is None:
                continue
            if update.tap.delivered_at or not self._is_stale(update, now):
                self._ledger.confirmed(update.tap, now)
            else:
                self._ledger.expired(update.tap)

    def _is_stale(self, update: QueuedUpdate, now: float) -> bool:
        lifetime = self.update_lifetime if update.tap is None else self.query_lifetime
        return now - update.at >= lifetime

    def _drop(self, stale: list[QueuedUpdate]) -> None:
        for update in stale:
            del self._waiting[update.update_id]
            if update.tap is not None:
                self._ledger.expired(update.tap)
