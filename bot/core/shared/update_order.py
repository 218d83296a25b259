"""Which of two updates came later. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.shared.tolerant import read_int64

# Update ids grow by one until a week passes without any update; then Telegram starts anywhere. So it does for
# another bot that takes this one's place: its ids are far away, and no bot gets a million in six days.
IDS_COMPARABLE_WITHIN = timedelta(days=6)
IDS_COMPARABLE_APART = 1_000_000
_NO_ID = -(2**62)  # far from all


@dataclass(frozen=True, slots=True)
class UpdateStamp:
    """An update's place in the order of updates.

    Attributes:
        update_id: as Telegram numbers it.
        at: when it was received.
    """

    update_id: int
    at: datetime

    @classmethod
    def by_time(cls, at: datetime) -> UpdateStamp:
        """Of an update whose number is not known: only the time of receipt tells."""
        return cls(_NO_ID, at)

    @classmethod
    def read(cls, update_id: object, at: object) -> UpdateStamp | None:
        """From a document; None if it does not say."""
        number = read_int64(update_id)
        return cls(number, at) if number is not None and isinstance(at, datetime) else None

    def is_after(self, other: UpdateStamp) -> bool:
        """Whether it came later; an update is not after itself.

        Update ids tell the order even when updates arrive shuffled or again. They are only comparable when
        less than a week lies between, and they are of one series; else the time of receipt tells.
        """
        is_near = abs(self.update_id - other.update_id) < IDS_COMPARABLE_APART
        if is_near and abs(self.at - other.at) < IDS_COMPARABLE_WITHIN:
            return self.update_id > other.update_id
        return self.at > other.at
