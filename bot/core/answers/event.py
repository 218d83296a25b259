"""The shape of a stored answer. Field names in MongoDB are camelCase; here they are snake_case.

Timestamps are aware datetimes and become BSON dates, because MongoDB's TTL never deletes strings.
"""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from bot.core.facts.answer_types import FeedbackType


class FeedbackEvent(BaseModel):
    """One athlete's answer about one session (collection `feedback_events`, one per `sessionKey`).

    Frozen, camelCase outside, and silent about values in its errors.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, hide_input_in_errors=True
    )

    session_key: str
    """`${runId}-${sessionId}-${userId|anon}`; unique. See `bot.core.answers.rules.collision_key`."""
    session_ref: str
    """`${runId}-${sessionId}`."""
    run_id: str
    session_id: str
    type: FeedbackType
    response: FeedbackType
    """Alias of `type`, kept for older readers."""
    note: str | None
    session_date: str
    """`YYYY-MM-DD` on which the prompt was sent, in the configured zone."""
    date: str
    """Alias of `sessionDate`."""
    session_day: str
    """English weekday of `sessionDate`."""
    day: str
    """Alias of `sessionDay`."""
    chat_id: str | None
    message_id: int | None
    user_id: int | None
    username: str | None
    timestamp: AwareDatetime
    """When the tap was received."""
    received_at: AwareDatetime
    """When the tap was received (the collection expires by this field)."""
    prompt_sent_at: AwareDatetime
    prompt_age_days: int
    """Whole days between prompt and tap, never negative."""
    is_late_response: bool
    """Always false in stored documents: late answers are not stored."""
    update_id: int
    """Telegram's update id: orders the taps of one session."""

    @property
    def identity(self) -> tuple[str, str, int | None]:
        """Run, session and user: a key without the ambiguity of `sessionKey`."""
        return (self.run_id, self.session_id, self.user_id)

    def to_bson(self) -> dict[str, Any]:
        """The document as MongoDB stores it, answers as plain strings."""
        answers = {"type": self.type.value, "response": self.response.value}
        return {**self.model_dump(by_alias=True), **answers}
