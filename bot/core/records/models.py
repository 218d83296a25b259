"""Documents as any workflow may write them: untrusted values, typed and checked.

Units: distances in metres, times in seconds, heart rate in beats a minute (bpm), TRIMP, CTL and ATL in
arbitrary units, sleep score 0 to 100, HRV in milliseconds. Days are `YYYY-MM-DD`. The instants that a
model names are ISO 8601 strings with an offset in JSON and aware datetimes in MongoDB; anywhere else
(unknown fields, nested values) an instant is an ISO string, in MongoDB too, so that what is exported can
be written back as the same document.

A field that is absent stays absent: it is not written, and erases nothing that another step wrote. Null
is a value, which n8n writes for what an item lacks; but where a field is filled in, from other fields or
by the clock, null is as if absent.
"""

# The attributes are named like the stored fields. With other names in Python, an unknown field such as
# `run_id` could not be told from `runId`.
# ruff: noqa: N815

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.core.answers.rules import WEEKDAYS, Weekday
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS, QuestionFacts
from bot.core.records.attribute_docs import attribute_docs
from bot.core.shared.bson_json import BadValue, check, kind, to_json
from bot.core.shared.clock import iso_utc
from bot.core.shared.extended_json import is_object_id
from bot.core.shared.tolerant import is_unfilled

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COLLISION = re.compile(r"~[0-9a-f]{12}")
_EXACT_IN_FLOAT = 2**53
_SHOWN = 60
_FARTHEST = (timedelta(hours=-12), timedelta(hours=14))  # from UTC, of all zones
_FILLED = frozenset({"createdAt", "updatedAt", "timestamp", "receivedAt", "errorCount", "runEvent"})

MAX_SCORE = 100
"""The best sleep score."""


def is_day(value: object) -> bool:
    """Whether this is a calendar date written `YYYY-MM-DD`."""
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _day(value: object) -> str:
    if not isinstance(value, str) or not is_day(value):
        raise ValueError("must be a calendar date written YYYY-MM-DD")
    return value


def _instant(value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ValueError("must be an ISO 8601 time with Z or an offset, like 2026-02-16T18:42:58.123Z")
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999 in UTC") from None
    # BSON dates have milliseconds; cut here, what is compared is what is stored.
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _mismatch(expected: str, value: object) -> ValueError:
    return ValueError(f"must be {expected}, not {kind(value)}")


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch("a number", value)
    return value


def _amount(value: object) -> int | float:
    number = _number(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _integer(value: object) -> int:
    number = _number(value)
    # JavaScript has one type of number, and some tools store 1 as 1.0.
    if isinstance(number, float) and not (number.is_integer() and abs(number) < _EXACT_IN_FLOAT):
        raise ValueError("must be a whole number")
    return int(number)


def _count(value: object) -> int:
    number = _integer(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _said(question: QuestionFacts, value: object) -> str | int | float:
    """Check one detail: a number on its scale; or words, which may be a coach's own."""
    if question.scale is None:
        return _key(value)
    least, most = question.scale
    number = _number(value)
    if not least <= number <= most:
        raise ValueError(f"must be a number from {least} to {most}")
    return number


def _said_in_parts(questions: Sequence[QuestionFacts], value: object) -> object:
    """Check details that share a field: an object, or the number of the one that has a scale."""
    if not isinstance(value, dict):
        return _said(next(question for question in questions if question.scale is not None), value)
    for question in questions:
        part = str(question.part)
        if value.get(part) is not None:
            try:
                _said(question, value[part])
            except ValueError as exc:
                raise ValueError(f"has a {part} that {exc}") from None
    return value


def _said_schema(question: QuestionFacts) -> dict[str, Any]:
    if question.scale is None:
        return {"type": ["string", "null"], "pattern": r"\S"}
    least, most = question.scale
    return {"type": "number", "minimum": least, "maximum": most}


def _said_at(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch("an object", value)
    said = {}
    for name, each in value.items():
        if not isinstance(each, dict) or "at" not in each:
            raise ValueError(f"has a {name} without `at`; leave saidAt out, only the bot needs it")
        said[name] = {**each, "at": _instant(each["at"])}
    return said


def _notes(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _mismatch("a list", value)
    lines = []
    for line in value:
        if not isinstance(line, dict) or "at" not in line:
            raise ValueError("has a line without `at`; leave notes out, only the bot needs it")
        instants = {name: _instant(line[name]) for name in ("at", "changedAt") if name in line}
        lines.append({**line, **instants})
    return lines


def _attachments(value: object) -> list[Any]:
    if not isinstance(value, list) or not all(isinstance(it, dict) for it in value):
        raise ValueError("must be a list of objects")
    return value


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise _mismatch("text", value)
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _run(value: object) -> str:
    run_id = _key(value)
    if is_unfilled(run_id):  # all runs without an id would overwrite one another
        raise ValueError("must be the id of a run, not the text of a missing value such as undefined")
    return run_id


def _identity(value: object) -> str | int:
    if isinstance(value, str):
        return _key(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch("text or a whole number", value)
    return _integer(value)


def _answer(value: object) -> str:
    answers = [type_.value for type_ in FeedbackType]
    if value not in answers:
        raise ValueError(f"must be {_either(map(repr, answers))}")
    return str(value)


def _run_status(value: object) -> str:
    if value not in _RUN_STATUSES:
        raise ValueError("must be 'success' or 'failure'")
    return str(value)


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"


def _chat(value: object) -> str:
    return str(_identity(value))


def _score(value: object) -> int | float:
    score = _amount(value)
    if score > MAX_SCORE:
        raise ValueError(f"must not be more than {MAX_SCORE}")
    return score


Day = Annotated[str, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    PlainSerializer(iso_utc, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Amount = Annotated[int | float, PlainValidator(_amount), WithJsonSchema({"type": "number", "minimum": 0})]
Score = Annotated[
    int | float,
    PlainValidator(_score),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_SCORE}),
]
SaidAt = Annotated[
    dict[str, Any],
    PlainValidator(_said_at),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["at"],
                "properties": {"at": {"type": "string", "format": "date-time"}},
            },
        }
    ),
]
_ATTACHMENTS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "kind": {"type": "string"},
            "fileId": {"type": ["string", "null"]},
            "messageId": {"type": "integer"},
        },
    },
}
Attachments = Annotated[list[Any], PlainValidator(_attachments), WithJsonSchema(_ATTACHMENTS)]
NoteLines = Annotated[
    list[Any],
    PlainValidator(_notes),
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["at"],
                "properties": {
                    "at": {"type": "string", "format": "date-time"},
                    "text": {"type": ["string", "null"]},
                    "messageId": {"type": "integer"},
                    "chatId": {"type": "string"},
                    "updateId": {"type": "integer"},
                    "changedAt": {"type": "string", "format": "date-time"},
                    "attachments": _ATTACHMENTS,
                },
            },
        }
    ),
]
Integer = Annotated[int, PlainValidator(_integer), WithJsonSchema({"type": "integer"})]
Count = Annotated[int, PlainValidator(_count), WithJsonSchema({"type": "integer", "minimum": 0})]
Key = Annotated[str, PlainValidator(_key), WithJsonSchema({"type": "string", "pattern": r"\S"})]
RunKey = Annotated[str, PlainValidator(_run), WithJsonSchema({"type": "string", "pattern": r"\S"})]
_IDENTITY = WithJsonSchema({"type": ["string", "integer"], "pattern": r"\S"})
Identity = Annotated[str | int, PlainValidator(_identity), _IDENTITY]
Chat = Annotated[str, PlainValidator(_chat), _IDENTITY]
OnTime = Annotated[bool, WithJsonSchema({"const": False})]
Status = Literal["success", "failure"]
_RUN_STATUSES = ("success", "failure", "reminder")
RunStatus = Annotated[
    str, PlainValidator(_run_status), WithJsonSchema({"enum": list(_RUN_STATUSES), "type": "string"})
]
Answer = Annotated[
    str,
    PlainValidator(_answer),
    WithJsonSchema({"enum": [type_.value for type_ in FeedbackType], "type": "string"}),
]


def _plain_schema(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Describe the fields of a JSON Schema, and leave out of it what only describes the Python side."""
    descriptions = attribute_docs(model)
    for name, field in schema["properties"].items():
        field.pop("default", None)
        field.pop("title", None)
        if "description" not in field:
            field["description"] = descriptions[name]


class Record(BaseModel):
    """A document as far as somebody gave it; unknown fields are kept."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        hide_input_in_errors=True,
        strict=True,
        defer_build=True,  # most commands use one model or none
        json_schema_extra=_plain_schema,
    )

    KEY: ClassVar[str]
    """The field by which a document is told and upserted."""
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]]
    """Documents as they may be given."""

    @classmethod
    def of(cls, value: object) -> Self:
        """Check a Python value (JSON types and aware datetimes) and fill in what follows from it.

        Raises:
            BadValue: naming the field.
        """
        check(value)
        return cls._validated(to_json(value))

    @classmethod
    def _validated(cls, value: object) -> Self:
        if not isinstance(value, dict):
            raise BadValue("", f"a document must be an object, not {kind(value)}")
        if is_object_id(value.get("_id")):
            # What MongoDB gave it elsewhere; it gives its own here.
            value = {name: item for name, item in value.items() if name != "_id"}
        elif "_id" in value:
            raise BadValue("_id", f"belongs to MongoDB; leave it out, {cls.KEY} tells documents apart")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first, *others = (_bad_value(cls, each) for each in error.errors(include_url=False))
            raise BadValue(first.path, first.problem, others) from None

    def to_update_fields(self) -> dict[str, Any]:
        """The fields that were given or filled, ready for BSON; absent ones are not in it."""
        given = self.model_fields_set
        known = {name: value for name, value in self.__dict__.items() if name in given}
        return known | (self.model_extra or {})

    def _derived(self) -> dict[str, Any]:
        """Fields that follow from the given ones.

        Raises:
            BadValue: given fields contradict one another.
        """
        return {}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = self.model_fields_set
        given.difference_update([name for name in _FILLED & given if getattr(self, name) is None])
        derived = self._derived()
        # Frozen for everybody else; nobody has seen this record yet.
        self.__dict__.update(derived)
        given.update(derived)
        return self


class RunEvent(Record):
    """How one weekly plan generation went (collection `run_events`, one for each `runId`, kept 90 days)."""

    KEY: ClassVar[str] = "runId"
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {
            "runId": "2026-w08",
            "status": "success",
            "attempt": 1,
            "weekStart": "2026-02-16",
            "weekEnd": "2026-02-22",
            "errors": [],
            "createdAt": "2026-02-15T18:00:00.000Z",
        },
        {"runId": "2026-w07", "status": "failure", "errors": ["The model did not answer"]},
    )

    runId: RunKey
    """Names the execution; unique."""
    status: RunStatus
    """Whether the run gave a valid plan. `reminder`: it is no run, but a reminder that a workflow sent: it is
    kept as it is."""
    attempt: Count | None = None
    """Validation attempt that produced the final output; null if there was none."""
    weekStart: Day | None = None
    """First day of the planned week, from `activityPlan.nextWeek`; null if unknown."""
    weekEnd: Day | None = None
    """Last day of the planned week, from `activityPlan.nextWeek`; null if unknown."""
    errorCount: Count | None = None
    """Number of `errors`; filled in."""
    errors: list[Any] | None = None
    """Validation errors; empty if left out. Null counts as none."""
    createdAt: Instant | None = None
    """When the run ended (the collection expires by this field)."""
    runEvent: dict[str, Any] | None = None
    """A copy of the payload, for reference; filled in."""

    def _derived(self) -> dict[str, Any]:
        _check_week(self)
        if self.status == "reminder":
            return {}
        derived = _counted(self) or {"errors": [], "errorCount": 0}
        if self.runEvent is None:
            # Fields in the documented order, whichever were given: to MongoDB it is part of the value.
            payload = self.model_copy(update=derived).to_update_fields()
            derived["runEvent"] = to_json(payload)
            try:
                check(payload | derived)
            except BadValue as error:
                raise BadValue(error.path, f"{error.problem}; its copy in runEvent counts, too") from None
        return derived


def answer_schema(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Describe an answer: at least one of `type` and `response` is given."""
    _plain_schema(schema, model)
    schema["anyOf"] = [
        {"required": [name], "properties": {name: {"type": "string"}}} for name in ("type", "response")
    ]


def _detail_type(questions: Sequence[QuestionFacts]) -> Any:
    """The type of the field in which the answers to some questions stand."""
    question = questions[0]
    if question.part is None:
        if question.scale is None:
            return str
        return Annotated[
            int | float, PlainValidator(partial(_said, question)), WithJsonSchema(_said_schema(question))
        ]
    number = next(_said_schema(each) for each in questions if each.scale is not None)
    properties = {
        str(each.part): _said_schema(each)
        if each.scale is None
        else {"anyOf": [_said_schema(each), {"type": "null"}]}
        for each in questions
    }
    schema = {"anyOf": [number, {"type": "object", "properties": properties}]}
    return Annotated[
        dict[str, Any] | int | float,
        PlainValidator(partial(_said_in_parts, questions)),
        WithJsonSchema(schema),
    ]


def _detail_fields() -> dict[str, Any]:
    """A field for each that questions fill."""
    return {
        name: (
            _detail_type([detail.facts for detail in details]) | None,
            Field(None, description=details[0].facts.field.description),
        )
        for name, details in FIELDS.items()
    }


class _BeforeDetails(Record):
    """The fields of `FeedbackRecord` that stand before the details."""

    sessionId: Key
    """The session within the run; where it is missing (older workflows), filled from `sessionRef`."""
    sessionKey: Key = ""
    """`${runId}-${sessionId}-${userId|anon}`; unique; filled in. Where two sessions would form the same
    key, the second one's ends in `~` and twelve hexadecimal digits."""
    sessionRef: Key | None = None
    """`${runId}-${sessionId}`; filled in."""
    runId: Key
    """The run that planned the session."""
    type: Answer | None = None
    """The answer; filled from `response`."""
    response: Answer | None = None
    """Alias of `type`, for older readers; filled in."""
    note: str | None = None
    """The athlete's own words."""
    sessionDate: Day | None = None
    """Day on which the prompt was sent, in the athlete's zone."""
    date: Day | None = None
    """Alias of `sessionDate`; filled in."""
    sessionDay: Weekday | None = None
    """English weekday of `sessionDate`; filled in, and never without it."""
    day: Weekday | None = None
    """Alias of `sessionDay`; filled in."""
    chatId: Chat | None = None
    """Telegram chat id; an integer becomes text."""
    messageId: Integer | None = None
    """Telegram message id of the prompt."""
    userId: Identity | None = None
    """Telegram user id; null for nobody in particular (`anon` in the key)."""
    username: str | None = None
    """Telegram user name."""
    timestamp: Instant | None = None
    """When the answer was received; filled from `receivedAt`."""
    receivedAt: Instant | None = None
    """When the answer was received (the collection expires by this field); filled from `timestamp`."""
    promptSentAt: Instant | None = None
    """When the prompt was sent."""
    promptAgeDays: Count | None = None
    """Whole days between prompt and answer."""
    isLateResponse: OnTime | None = None
    """False: late answers are not stored."""
    updateId: Integer | None = None
    """Telegram's update id; orders the answers of one session."""
    logged: dict[str, Any] | None = None
    """Of a session that no plan has, and that the athlete logged: `what` it was, and its `minutes`."""


if TYPE_CHECKING:

    class _WithDetails(_BeforeDetails): ...

else:
    _WithDetails = create_model("_WithDetails", __base__=_BeforeDetails, **_detail_fields())


class FeedbackRecord(_WithDetails):
    """An athlete's answer about one session (collection `feedback_events`, one for each `sessionKey`).

    Needs `type` or `response`. Kept 180 days; late answers are not stored.
    """

    model_config = ConfigDict(json_schema_extra=answer_schema)

    KEY: ClassVar[str] = "sessionKey"
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {
            "runId": "2026-w08",
            "sessionId": "tue-tempo",
            "type": "hard",
            "note": "Legs were heavy",
            "sessionDate": "2026-02-17",
            "userId": 123456789,
            "receivedAt": "2026-02-17T19:03:11.482Z",
        },
        {
            "runId": "2026-w08",
            "sessionId": "sun-long",
            "type": "done",
            "note": None,
            "sessionDate": "2026-02-22",
            "userId": 123456789,
            "receivedAt": "2026-02-22T19:12:40.070Z",
        },
    )

    notes: NoteLines | None = None
    """The messages that `note` is made of, the oldest first: when each was written (`at`) and changed
    (`changedAt`), its `text`, and what came with it."""
    attachments: Attachments | None = None
    """What came with the note: the `kind` (voice, photo, ...), and the `fileId` by which the bot gets it from
    Telegram."""
    noteMessageId: Integer | None = None
    """Telegram message id of the last message of the note."""
    saidAt: SaidAt | None = None
    """When details and note were said, by which the bot tells a later word from an earlier one."""

    @model_validator(mode="before")
    @classmethod
    def _name_session(cls, value: dict[str, Any]) -> dict[str, Any]:
        run, ref = value.get("runId"), value.get("sessionRef")
        if value.get("sessionId") is None and isinstance(run, str) and isinstance(ref, str):
            named = ref.removeprefix(f"{run}-")
            if named not in ("", ref):
                return {**value, "sessionId": named}
        return value

    def _derived(self) -> dict[str, Any]:
        if self.type is None and self.response is None:
            raise BadValue("type", f"is missing; it is {_either(FeedbackType)}")
        if self.isLateResponse:
            raise BadValue("isLateResponse", "late feedback is not stored; leave the document out")
        received = self.receivedAt or self.timestamp
        instants = (
            {} if received is None else {"timestamp": self.timestamp or received, "receivedAt": received}
        )
        return self._names() | self._same("type", "response") | self._days() | instants

    def _names(self) -> dict[str, Any]:
        ref = f"{self.runId}-{self.sessionId}"
        key = f"{ref}-{'anon' if self.userId is None else self.userId}"
        if self.sessionRef not in (None, ref):
            raise BadValue("sessionRef", "must be `${runId}-${sessionId}`; leave it out to have it filled in")
        if not self.sessionKey:
            return {"sessionRef": ref, "sessionKey": key}
        suffix = self.sessionKey.removeprefix(key)
        if not self.sessionKey.startswith(key) or (suffix and _COLLISION.fullmatch(suffix) is None):
            cure = "leave it out to have it filled in"
            raise BadValue("sessionKey", f"must be `${{runId}}-${{sessionId}}-${{userId|anon}}`; {cure}")
        return {"sessionRef": ref}

    def _days(self) -> dict[str, Any]:
        dates, days = self._same("sessionDate", "date"), self._same("sessionDay", "day")
        name = "sessionDay" if self.sessionDay is not None else "day"
        if not dates:
            if days:
                # The stored sessionDate may be another day's.
                raise BadValue(name, "stands without sessionDate; give that, and the day is filled in")
            return {}
        weekday = WEEKDAYS[date.fromisoformat(dates["date"]).weekday()]
        if days and days["day"] != weekday:
            if self._is_elsewhere(dates["date"], days["day"]):
                return dates | days
            raise BadValue(name, "is not the weekday of sessionDate; leave it out to have it filled in")
        return dates | {"sessionDay": weekday, "day": weekday}

    def _is_elsewhere(self, day: str, weekday: str) -> bool:
        """Whether the day is the prompt's in UTC, and the weekday is that in another zone: so workflows write
        them whose machine has a zone."""
        sent = self.promptSentAt
        if sent is None or sent.date().isoformat() != day:
            return False
        return weekday in [WEEKDAYS[(sent + offset).weekday()] for offset in _FARTHEST]

    def _same(self, name: str, alias: str) -> dict[str, Any]:
        """A field and its alias, each filled from the other; empty if neither is given."""
        value, other = getattr(self, name), getattr(self, alias)
        if value is None and other is None:
            return {}
        if value is not None and other not in (None, value):
            raise BadValue(alias, f"must equal {name}, whose alias it is; leave it out to have it filled in")
        return dict.fromkeys((name, alias), value if value is not None else other)


class WeeklyMetrics(Record):
    """One week of training in figures (collection `weekly_metrics`, one for each `weekStart`).

    Means are over the days that have the value, null where no day has it. Sums are null where an activity of
    the week, or its part in the sum, is not known.
    """

    KEY: ClassVar[str] = "weekStart"
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {
            "weekStart": "2026-02-09",
            "weekEnd": "2026-02-15",
            "runCount": 5,
            "runDistance": 52300.0,
            "runTime": 17100,
            "ctlMean": 48.2,
            "atlMean": 51.9,
            "restHrMean": 47,
        },
        {"weekStart": "2026-02-02", "weekEnd": "2026-02-08", "runCount": 4, "runDistance": 41800.0},
    )

    athleteId: Identity | None = None
    """Whose week it is."""
    weekStart: Day
    """First day of the week; unique."""
    weekEnd: Day | None = None
    """Last day of the week."""
    runCount: Count | None = None
    """Runs of any kind."""
    runDistance: Amount | None = None
    """Distance run, in metres."""
    runTime: Amount | None = None
    """Elapsed time of the runs, in seconds; moving time where that is not known."""
    rideCount: Count | None = None
    """Rides of any kind."""
    rideDistance: Amount | None = None
    """Distance ridden, in metres."""
    rideTime: Amount | None = None
    """Elapsed time of the rides, in seconds."""
    vo2Sessions: Count | None = None
    """Runs at VO2max."""
    tempoSessions: Count | None = None
    """Tempo and threshold runs."""
    longRuns: Count | None = None
    """Long runs."""
    strengthCount: Count | None = None
    """Weight training sessions."""
    strengthTrimp: Amount | None = None
    """TRIMP of the weight training, in arbitrary units."""
    ctlMean: Number | None = None
    """Mean chronic training load (fitness), in arbitrary units."""
    atlMean: Number | None = None
    """Mean acute training load (fatigue), in arbitrary units."""
    rampRateMean: Number | None = None
    """Mean change of the chronic training load, in units a week."""
    restHrMean: Amount | None = None
    """Mean resting heart rate, in bpm."""
    stepsMean: Amount | None = None
    """Mean steps a day."""
    sleepScoreMean: Score | None = None
    """Mean sleep score, 0 to 100."""
    hrvMean: Amount | None = None
    """Mean heart rate variability, in milliseconds."""
    createdAt: Instant | None = None
    """When the week was first written; later writes keep it."""
    updatedAt: Instant | None = None
    """When the week was last written."""

    def _derived(self) -> dict[str, Any]:
        _check_week(self)
        return {}


class PlanSnapshot(Record):
    """A plan that passed validation (collection `plan_snapshots`, one for each `runId`, kept 365 days)."""

    KEY: ClassVar[str] = "runId"
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {
            "runId": "2026-w08",
            "attempt": 1,
            "weekStart": "2026-02-16",
            "weekEnd": "2026-02-22",
            "createdAt": "2026-02-15T18:00:00.000Z",
            "schema_version": "1",
            "activityPlan": {
                "nextWeek": {"weekStart": "2026-02-16", "weekEnd": "2026-02-22"},
                "days": [
                    {"day": "Monday", "date": "2026-02-16", "activity": "Rest"},
                    {
                        "day": "Tuesday",
                        "date": "2026-02-17",
                        "activity": "Tempo run",
                        "distance_time": "10 km",
                        "intensity": "3 x 10 min at threshold",
                        "goal": "Threshold",
                        "note": "Two minutes of easy running in between",
                    },
                    {
                        "day": "Thursday",
                        "date": "2026-02-19",
                        "activity": "Easy run",
                        "distance_time": "45 min",
                    },
                    {
                        "day": "Sunday",
                        "date": "2026-02-22",
                        "activity": "Long run",
                        "distance_time": "24 km",
                    },
                ],
            },
            "justification": ["Two easy weeks behind, so one hard session."],
        },
    )

    runId: RunKey
    """The run that made the plan; unique."""
    attempt: Count | None = None
    """Validation attempt that produced the plan."""
    weekStart: Day | None = None
    """First day of the planned week."""
    weekEnd: Day | None = None
    """Last day of the planned week."""
    schema_version: str | None = None
    """Version of the plan's own schema."""
    activityPlan: dict[str, Any]
    """The plan."""
    justification: list[Any] | None = None
    """The planner's reasons."""
    createdAt: Instant | None = None
    """When the plan was made (the collection expires by this field)."""

    def _derived(self) -> dict[str, Any]:
        _check_week(self)
        return {}


class RunArtifact(Record):
    """What went into a run and what came out (collection `run_artifacts`, one for each `runId`).

    Written in two steps, inputs and outputs, in either order; so only `runId` is needed.
    """

    KEY: ClassVar[str] = "runId"
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {  # the inputs, before the model is asked
            "runId": "2026-w08",
            "promptVersion": "7",
            "modelId": "a-model",
            "prompt": "You are a running coach. ...",
            "metrics": WeeklyMetrics.EXAMPLES[0],
            "createdAt": "2026-02-15T17:59:12.000Z",
        },
        {  # the outputs, after it
            "runId": "2026-w08",
            "status": "success",
            "attempt": 1,
            "outputValidated": {"activityPlan": PlanSnapshot.EXAMPLES[0]["activityPlan"]},
            "errors": [],
        },
    )

    runId: RunKey
    """The run; unique."""
    promptVersion: str | None = None
    """Version of the prompt."""
    modelId: str | None = None
    """Name of the language model."""
    prompt: str | None = None
    """System prompt sent to the model."""
    metrics: dict[str, Any] | None = None
    """Weekly metrics computed for the run."""
    history: list[Any] | None = None
    """Summaries of prior weeks."""
    activities: list[Any] | None = None
    """Raw activities (distances in metres, times in seconds)."""
    wellness: list[Any] | None = None
    """Raw wellness days (heart rate in bpm, HRV in milliseconds, sleep score 0 to 100)."""
    status: Status | None = None
    """Whether the run gave a valid plan."""
    attempt: Count | None = None
    """Validation attempt used for the final output."""
    outputValidated: dict[str, Any] | None = None
    """The weekly plan that passed validation; null if none did."""
    outputRaw: str | None = None
    """Raw output of the model, as minified JSON text."""
    errors: list[Any] | None = None
    """Validation errors, if any. Null counts as none."""
    errorCount: Count | None = None
    """Number of `errors`; filled in when they are given."""
    createdAt: Instant | None = None
    """Time of the input capture; without it, of the first write."""
    updatedAt: Instant | None = None
    """When the outputs were captured."""

    def _derived(self) -> dict[str, Any]:
        return _counted(self)


def _bad_value(model: type[Record], error: ErrorDetails) -> BadValue:
    """What is wrong, in words that quote no value."""
    ours = error.get("ctx", {}).get("error")
    if isinstance(ours, BadValue):
        return ours
    # No model nests another one: a field's name is the whole way to it.
    path = str(error["loc"][0])
    match error["type"]:
        case "missing":
            return BadValue(path, f"is missing{_instead(path, error['input'])}")
        case "extra_forbidden":
            return BadValue(
                path[:_SHOWN], f"there is no such field; there are {', '.join(model.model_fields)}"
            )
        case "literal_error":
            return BadValue(path, f"must be {error['ctx']['expected']}")
        case "value_error":
            problem = str(ours)
        case type_error:
            problem = f"must be {_EXPECTED[type_error]}, not {kind(error['input'])}"
    needless = error["input"] is None and not model.model_fields[path].is_required()
    return BadValue(path, f"{problem}; leave the field out instead" if needless else problem)


def _instead(field: str, document: object) -> str:
    """What a document has in place of a missing field: another spelling of it, or one thing that is all."""
    found = document if isinstance(document, Mapping) else {}
    plain = field.casefold()
    for name in map(str, found):
        if _NO_LETTER.sub("", name).casefold() == plain:
            return f"; there is `{name[:_SHOWN]}`: write it as {field}"
    if len(found) == 1:
        [(name, value)] = found.items()
        if isinstance(value, Mapping | list):
            return f"; there is only `{str(name)[:_SHOWN]}`: give what is in it"
    return ""


_NO_LETTER = re.compile(r"[\W_]")
_EXPECTED = {
    "string_type": "text",
    "dict_type": "an object",
    "list_type": "an array",
    "bool_type": "true or false",
}


def _check_week(record: RunEvent | WeeklyMetrics | PlanSnapshot) -> None:
    start, end = record.weekStart, record.weekEnd
    if end is not None and "weekStart" not in record.model_fields_set:
        # The stored weekStart may be another week's.
        raise BadValue("weekEnd", "stands without weekStart; give both")
    if start is not None and end is not None and end < start:
        raise BadValue("weekEnd", "lies before weekStart; is one of them mistyped?")


def _counted(record: RunEvent | RunArtifact) -> dict[str, Any]:
    """`errors` and `errorCount` where one of them tells the other; null counts as none."""
    count = record.errorCount
    if record.errors is None and count:
        raise BadValue("errorCount", "counts errors that are not there; give `errors` too")
    if "errors" not in record.model_fields_set and count is None:
        return {}
    errors = record.errors or []
    if count not in (None, len(errors)):
        raise BadValue(
            "errorCount", f"must be {len(errors)}, the number of errors; leave it out to have it filled"
        )
    given = {} if "errors" in record.model_fields_set else {"errors": errors}
    return {**given, "errorCount": len(errors)}
