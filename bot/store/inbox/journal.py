"""The durable inbox, whoever keeps it: every update is in it before Telegram is told to forget it.

Kept on disk by `bot.store.inbox.disk_journal`, for one service; in MongoDB by
`bot.store.inbox.mongodb_journal`, for all services of a bot. What is promised is the same.

An entry lives until it is processed *and* Telegram was told (confirmed): until then a redelivery of the same
update must be recognised. Dead letters stay for inspection, the newest `MAX_DEAD_LETTERS` of them. Facts are
small integers by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers
from bot.core.shared.clock import from_ms, to_ms
from bot.core.telegram.updates import TAP_LIFETIME, unreadable

MAX_DEAD_LETTERS = 1_000
LAST_POLL_FACT = "last_poll_ms"
"""When the bot was last reached: by a poll or a webhook of this service, or of one that it stands by for."""
TOKEN_FACT = "token"  # noqa: S105  # the name of a fact
"""The token that Telegram took last, as a number."""
GAP_FACT = "gap_until_ms"
"""What was sent a tap's lifetime before this may have been answered in vain: see
`bot.services.inbox.outage`."""
LOSS_AT = "loss_ms"
"""When it was found last that something is missing; see `read_loss`."""
LOSS_FIRST, LOSS_LAST, LOSS_IS_OPEN = "loss_first", "loss_last", "loss_is_open"

PENDING, DONE, DEAD = 0, 1, 2
STATE_NAMES = {PENDING: "waiting", DONE: "finished", DEAD: "could not be processed"}
NO_ID = "no usable update_id"
"""Why an update without one is a dead letter."""
_INT64 = 2**63
_REPR_KEPT = 10_000  # characters


@dataclass(frozen=True, slots=True)
class Entry:
    """One journaled update that is not processed yet.

    Attributes:
        seq: position in the journal.
        received_at: when it first arrived, to the millisecond.
        answered: whether its callback query was already answered.
        attempts: how often processing it has failed.
    """

    seq: int
    received_at: datetime
    update: Any
    answered: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """Counts for the operator.

    Attributes:
        pending: unprocessed updates.
        dead, dead_taps: dead letters, and the callback queries among them.
        oldest_pending: receipt of the oldest unprocessed callback query; a reply to a message may wait.
        oldest_dead: receipt of the oldest dead letter.
    """

    pending: int
    dead: int
    dead_taps: int
    oldest_pending: datetime | None
    oldest_dead: datetime | None = None


@dataclass(frozen=True, slots=True)
class JournalTaps:
    """The callback queries of the journal, at one moment.

    Attributes:
        pending: not finished, oldest first.
        more: how many more are not finished.
        dead: those among the dead letters.
        dead_letters: all dead letters.
    """

    pending: tuple[Entry, ...]
    more: int
    dead: tuple[Entry, ...]
    dead_letters: int


class Journal(Protocol):
    """The journal of a bot, or of one of its services.

    Every method raises `JournalError` while it cannot be read or written; nothing was written then, or it is
    not known what was, and doing it again is harmless.
    """

    @property
    def is_shared(self) -> bool:
        """Whether all services of the bot have this one together: each puts in what it receives, and the one
        that holds the lease processes it."""

    async def open(self) -> None:
        """Begin to use it."""

    async def close(self) -> None:
        """End the use; it cannot be used afterwards."""

    @property
    def identity(self) -> int:
        """By which the journal is known; 0 where it was opened beside a service."""

    @property
    def numbers(self) -> JournalNumbers:
        """How far it is, as the service that has it knows."""

    async def opened_with(self) -> JournalNumbers:
        """How far it was when the service opened it, what was found to be missing included."""

    async def append(
        self, updates: Sequence[object], *, polled_at: datetime, facts: Mapping[str, int] | None = None
    ) -> int:
        """Store a fetched batch durably. When this returns, the batch may be confirmed.

        What is not in the batch any more was confirmed by the poll that brought it.

        Args:
            updates: as Telegram sent them; those that came before and are unconfirmed are skipped.
            polled_at: when the poll returned; remembered as the last successful poll.
            facts: what else to remember.

        Returns:
            How many of them were new.
        """

    async def receive(self, updates: Sequence[object], *, received_at: datetime) -> None:
        """Store durably what was pushed. When this returns, it may be acknowledged, and so is forgotten by
        Telegram; what comes again all the same is kept again."""

    async def adopt(self, entries: Sequence[Entry]) -> None:
        """Store durably, in this order, what was in another journal; Telegram has forgotten it."""

    async def pending(self, *, after: int, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed entries behind position `after`, oldest first; none for a service that is
        not to process them. Whatever comes later stands behind all that was returned."""

    async def entries(self, seqs: Sequence[int]) -> list[Entry]:
        """The unprocessed entries among these positions, oldest first."""

    async def unanswered(self, *, after: int, before: datetime, limit: int) -> list[Entry]:
        """Up to `limit` unprocessed and unanswered taps behind position `after`, received before then."""

    async def mark_answered(self, seqs: Iterable[int]) -> None:
        """Remember that these callback queries were answered although they are not processed yet."""

    async def finish(self, seqs: Iterable[int]) -> None:
        """These entries are processed: forget them as soon as Telegram has."""

    async def failed(self, seq: int, error: str, *, give_up: bool) -> None:
        """Count a failed try; with `give_up` the entry becomes a dead letter and is not tried again."""

    async def facts(self) -> dict[str, int]:
        """Small durable facts: the last poll, and those given to `append` and `remember`."""

    async def remember(self, facts: Mapping[str, int]) -> None:
        """Set facts."""

    async def forget(self, name: str, value: int) -> None:
        """Drop a fact, if it still has this value."""

    async def check_writable(self) -> None:
        """Make sure that an update could be kept."""

    async def is_kept(self, first: int | None = None) -> bool:
        """Whether what is in the journal outlives the process.

        Args:
            first: the number of the first entry in question, which may have been read from a journal that was
                lost since; None: whatever was in it just now.
        """

    async def note_loss(self, loss: JournalLoss) -> None:
        """Remember entries that are missing, and that whoever gave them may have tapped in vain; numbers go
        on above them."""

    async def state(self) -> JournalState:
        """What is waiting and what was given up."""

    async def damage(self) -> str | None:
        """What is found wrong with it; None if it is sound."""

    async def taps(self, limit: int) -> JournalTaps:
        """The callback queries that are not finished (each may be stored already), and those given up."""

    async def of_user(self, user_id: int) -> list[dict[str, Any]]:
        """What came from a Telegram user and is not forgotten yet: `receivedAt`, `state`, `update`."""

    async def senders_of_dead_letters(self) -> set[int]:
        """The Telegram users from whom the dead letters came, as far as these say it."""

    async def forget_user(self, user_id: int, until: datetime) -> None:
        """Take everything but its id out of a user's dead letters received until then; they still count.

        What is finished goes with the next poll; before that it is needed to recognise its redelivery.
        """

    async def compact(self) -> None:
        """Give back the space of what was forgotten."""

    async def look(self, on_new: Callable[[], None]) -> None:
        """Call `on_new` if there is something to process that was not given out, such as what another service
        has put in."""


def facts_of_loss(loss: JournalLoss, now: datetime) -> dict[str, int]:
    """What is remembered of entries that are found to be missing now."""
    return {
        LOSS_AT: to_ms(now),
        LOSS_FIRST: loss.first,
        LOSS_LAST: loss.last,
        LOSS_IS_OPEN: int(loss.is_open),
        # Also what was tapped just now may be lost.
        GAP_FACT: to_ms(now + TAP_LIFETIME),
    }


def read_loss(facts: Mapping[str, int]) -> tuple[JournalLoss, datetime] | None:
    """What a journal was found to lack last, and when; None if nothing ever was."""
    if LOSS_AT not in facts:
        return None
    loss = JournalLoss(facts[LOSS_FIRST], facts[LOSS_LAST], bool(facts[LOSS_IS_OPEN]))
    return loss, from_ms(facts[LOSS_AT])


def update_id_of(update: object) -> int | None:
    """The id under which an update can be confirmed; None if it carries no usable one."""
    value = update.get("update_id") if isinstance(update, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64 - 1:
        return value
    return None


def is_tap(update: object) -> bool:
    """Whether it is a callback query."""
    return isinstance(update, dict) and "callback_query" in update


def encode(update: object) -> bytes:
    """An update as it is kept: JSON, in ASCII."""
    try:
        return json.dumps(update, separators=(",", ":")).encode()
    except (RecursionError, ValueError):
        # The parser goes a little deeper than the encoder.
        return encode_text(update, repr(update))


def encode_text(update: object, text: str) -> bytes:
    """What is kept of an update that cannot be kept whole: its id, and the beginning of a text."""
    return json.dumps(unreadable(update_id_of(update) or 0, text[:_REPR_KEPT])).encode()
