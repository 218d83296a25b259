"""What an athlete can say about a session."""

from __future__ import annotations

from enum import StrEnum


class FeedbackType(StrEnum):
    """What an athlete can say about a session, in the order of the buttons."""

    DONE = "done"
    SKIPPED = "skipped"
    HARD = "hard"
    PAIN = "pain"
