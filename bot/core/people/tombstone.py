"""Whose data are deleted, and what remains of that: when it was, so that nothing comes back. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bot.core.people.athlete import Athlete
from bot.core.shared.update_order import UpdateStamp

_DOMAIN = b"feedback-bot deletion "


@dataclass(frozen=True, slots=True)
class DataSubject:
    """Whose data it is about.

    Attributes:
        user_id: in Telegram, which is also the id of the private chat.
        athlete_id: None for somebody who is not on the roster (any more).
    """

    user_id: int
    athlete_id: str | None

    @classmethod
    def of(cls, user_id: int, athlete: Athlete | None) -> DataSubject:
        """Who that is."""
        return cls(user_id, None if athlete is None else athlete.athlete_id)

    @property
    def names(self) -> list[Any]:
        """What documents may have as their `athleteId`; before a roster it was the user id."""
        return [*([] if self.athlete_id is None else [self.athlete_id]), str(self.user_id), self.user_id]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Somebody had everything about them deleted.

    Attributes:
        at: the confirmation's place in the order of updates.
        message_id: of the question that was confirmed.
        is_open: whether something may still have to be deleted.
        athlete_id: who they were on the roster, as long as that is needed.
    """

    at: UpdateStamp
    message_id: int | None = None
    is_open: bool = False
    athlete_id: str | None = None

    def covers(self, stamp: UpdateStamp) -> bool:
        """Whether an update of theirs came before it, and so must leave nothing."""
        return self.at.is_after(stamp)

    def must_purge(self, stamps: Collection[UpdateStamp]) -> bool:
        """Whether something has to be deleted (again) before, or after, updates of theirs are stored.

        That is where one of the updates came before the deletion, and where the deletion is not done yet; the
        update that confirms it begins it itself.

        Args:
            stamps: of the updates.
        """
        return any(map(self.covers, stamps)) or (self.is_open and self.at not in stamps)


def pseudonym(user_id: int) -> str:
    """What stands for a Telegram user in a tombstone: who has an id can find theirs, and nobody can read an
    id from it."""
    return hashlib.sha256(_DOMAIN + str(user_id).encode()).hexdigest()
