"""The shape of a stored answer. Field names in MongoDB are camelCase; here they are snake_case.

Timestamps are aware datetimes and become BSON dates, because MongoDB's TTL never deletes strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bot.core.answers.details import Details
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import EFFORT, Detail
from bot.core.notes.lines import NoteLine, Notes, taken_back_mark
from bot.core.shared.update_order import UpdateStamp

Identity: TypeAlias = tuple[str, str, int | None]
"""Run, session and user: what an answer is about and whose it is, without the ambiguity of `sessionKey`."""


class LoggedSession(BaseModel):
    """A session that no plan has, and that was not asked about: the athlete logged it.

    Frozen, and silent about values in its errors.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    what: str
    """A kind such as `run`, or the athlete's words."""
    minutes: int | None
    rpe: int | None = Field(None, exclude=True)
    """It stands where that of every answer stands."""


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
    logged: LoggedSession | None = None
    """None, and not stored, of what was asked about."""

    @property
    def identity(self) -> Identity:
        """See `Identity`."""
        return (self.run_id, self.session_id, self.user_id)

    def to_bson(self) -> dict[str, Any]:
        """The document as MongoDB stores it, answers as plain strings."""
        answers = {"type": self.type.value, "response": self.response.value}
        document = {**self.model_dump(by_alias=True), **answers}
        if self.logged is None:
            del document["logged"]
        elif self.logged.rpe is not None:
            document |= Details({EFFORT: self.logged.rpe}).to_document()
        return document


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What is stored about a session.

    Attributes:
        type: None if it is none of the answer types.
        note, received_at, update_id: None if there is none, or none that can be read.
        notes: the lines of the note; none if it came with a button.
        said: the updates that said the details, by their names.
    """

    session_key: str
    type: FeedbackType | None
    note: str | None
    received_at: datetime | None
    update_id: int | None
    details: Details
    notes: Notes = field(default_factory=Notes)
    said: Mapping[str, UpdateStamp] = field(default_factory=dict)

    def is_changed_by(self, addition: AnswerAddition) -> bool:
        """Whether something else was said before; what comes behind its time changes nothing."""
        said = self.said.get(addition.name)
        is_behind = said is not None and not addition.stamp.is_after(said)
        return not is_behind and self.details.value(addition.detail) not in (None, addition.value)

    def is_rewritten_by(self, change: NoteChange) -> bool:
        """Whether words that stand are changed or taken back; a further line changes none."""
        line = self.notes.of_messages(change.chat_id, change.message_ids)
        if line is None:
            came_with_button = self.note is not None and not self.notes.lines
            return came_with_button and change.line is not None
        is_same = change.line is not None and change.line.text == line.text
        return change.stamp.is_after(line.stamp) and not is_same

    @classmethod
    def of(cls, event: FeedbackEvent) -> Self:
        """An answer that has just been stored as the first one."""
        return cls(event.session_key, event.type, event.note, event.received_at, event.update_id, Details())


@dataclass(frozen=True, slots=True)
class AnswerAddition:
    """A detail: what was said about a session besides the answer.

    Attributes:
        value: the choice.
    """

    session: Identity
    detail: Detail
    value: int | str
    update_id: int
    received_at: datetime

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update_id, self.received_at)

    @property
    def name(self) -> str:
        """Of what is said: questions of which only one can be answered have one name."""
        facts = self.detail.facts
        return self.detail.value if facts.part is not None else facts.field.name


@dataclass(frozen=True, slots=True)
class NoteChange:
    """A line that is written, or written anew; or one that is taken back.

    Attributes:
        chat_id, message_ids: of the line.
        stamp: the update that says so; of two changes of a line the later one counts.
        line: None: it is taken back.
    """

    session: Identity
    chat_id: int | None
    message_ids: tuple[int, ...]
    stamp: UpdateStamp
    line: NoteLine | None

    @classmethod
    def written(cls, session: Identity, line: NoteLine) -> NoteChange:
        """This line is there."""
        return cls(session, line.chat_id, tuple(line.message_ids), line.stamp, line)

    @classmethod
    def taken_back(cls, session: Identity, chat_id: int, message_id: int, stamp: UpdateStamp) -> NoteChange:
        """The line of this message is not there any more."""
        return cls(session, chat_id, (message_id,), stamp, None)

    @property
    def mark(self) -> str:
        """Under which it is remembered, beside the times of what else was said, that the line was taken
        back: its message may be seen to again, after a crash."""
        return taken_back_mark(self.chat_id or 0, self.message_ids[0])
