"""The shape of a stored answer. Field names in MongoDB are camelCase; here they are snake_case.

Timestamps are aware datetimes and become BSON dates, because MongoDB's TTL never deletes strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from bot.core.answers.details import Details
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.shared.update_order import UpdateStamp

Identity: TypeAlias = tuple[str, str, int | None]
"""Run, session and user: what an answer is about and whose it is, without the ambiguity of `sessionKey`."""


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
    def identity(self) -> Identity:
        """See `Identity`."""
        return (self.run_id, self.session_id, self.user_id)

    def to_bson(self) -> dict[str, Any]:
        """The document as MongoDB stores it, answers as plain strings."""
        answers = {"type": self.type.value, "response": self.response.value}
        return {**self.model_dump(by_alias=True), **answers}


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What is stored about a session.

    Attributes:
        type: None if it is none of the answer types.
        note, received_at, update_id: None if there is none, or none that can be read.
        note_message_id: of the reply that the note was written in; None if it came with a button.
        said: the updates that said the note and the details, by their names.
    """

    session_key: str
    type: FeedbackType | None
    note: str | None
    received_at: datetime | None
    update_id: int | None
    details: Details
    note_message_id: int | None = None
    said: Mapping[str, UpdateStamp] = field(default_factory=dict)

    def is_changed_by(self, addition: AnswerAddition) -> bool:
        """Whether something else was said before; what comes behind its time changes nothing."""
        said = self.said.get(addition.name)
        is_behind = said is not None and not addition.stamp.is_after(said)
        value = self.note if addition.detail is None else self.details.value(addition.detail)
        return not is_behind and value not in (None, addition.value)

    @classmethod
    def of(cls, event: FeedbackEvent) -> Self:
        """An answer that has just been stored as the first one."""
        return cls(event.session_key, event.type, event.note, event.received_at, event.update_id, Details())


@dataclass(frozen=True, slots=True)
class AnswerAddition:
    """What was said about a session besides the answer: a detail, or a note.

    Attributes:
        detail: None: a note.
        value: of the detail; the note.
        message_id: of the note.
        is_edit: whether the message was changed; then a note that was written below it stays.
    """

    session: Identity
    detail: Detail | None
    value: int | str
    update_id: int
    received_at: datetime
    message_id: int | None = None
    is_edit: bool = False

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update_id, self.received_at)

    @property
    def name(self) -> str:
        """Of what is said: questions of which only one can be answered have one name."""
        if self.detail is None:
            return "note"
        facts = self.detail.facts
        return self.detail.value if facts.part is not None else facts.field.name
