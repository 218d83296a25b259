"""What the operations take and answer, as the OpenAPI document describes it.

The models describe and do not convert: bodies are read by `bot.core.records.models`, answers are sent as they
are made. `tests/contract/api/test_fuzz.py` compares every answer with its model.
"""

# The attributes are named like the fields of requests and answers, see `bot.core.records.models`.
# ruff: noqa: N815

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from bot.core.answers.rules import WEEKDAYS, Outcome, Weekday
from bot.core.facts.answer_types import FeedbackType
from bot.core.pain.follow_up import OPEN_PAIN
from bot.core.prompts.prompt import PromptState
from bot.core.records.builders import INPUT_FIELDS
from bot.core.records.collections import MODELS
from bot.core.records.models import FeedbackRecord, PlanSnapshot, RunArtifact, answer_schema
from bot.core.summary.legend import COUNTS, DONE, STATES, WARNINGS

_REFERENCE = "#/components/schemas/{model}"
_ARTIFACT = RunArtifact.model_json_schema()["properties"]


def _shown(name: str) -> str:
    """The name of a model in the document: without what tells it from a class of `bot.core`."""
    return name.removesuffix("Model")


def ref(model: type[BaseModel]) -> dict[str, str]:
    """Where the OpenAPI document describes it."""
    return {"$ref": _REFERENCE.format(model=_shown(model.__name__))}


class _Generator(GenerateJsonSchema):
    def normalize_name(self, name: str) -> str:
        """Of a component."""
        return _shown(super().normalize_name(name))


def _plain(schema: dict[str, Any]) -> None:
    """Leave out what only describes the Python side."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        field.pop("default", None)
        if "description" in field:
            field["description"] = " ".join(field["description"].split())


class _Described(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra=_plain)


def _one_of(values: Iterable[str]) -> Any:
    """Metadata of a text that is one of these."""
    return Field(json_schema_extra={"enum": list(values)})


def _with(properties: Mapping[str, dict[str, Any]]) -> ConfigDict:
    """The configuration of a model that has these properties before those written in it."""

    def extend(schema: dict[str, Any]) -> None:
        _plain(schema)
        schema["properties"] = {**properties, **schema.get("properties", {})}
        schema["required"] = [*properties, *schema.get("required", ())]

    return ConfigDict(json_schema_extra=extend)


def _counts(names: Iterable[str], *, nullable: bool = False) -> dict[str, dict[str, Any]]:
    """A count for each name."""
    return {
        str(name): {"type": ["integer", "null"] if nullable else "integer", "minimum": 0} for name in names
    }


_Rate = Annotated[float, Field(ge=0, le=1)] | None
_Written = Literal["inserted", "changed", "unchanged"]
_PromptState = Annotated[str, _one_of(PromptState)]


class NamedFault(_Described):
    """One thing at fault."""

    field: str
    """A field of the body (`[3].runId` in an array), a query parameter, a header, or a part of the
    service."""
    problem: str
    """What is wrong with it, and the cure."""


class ProblemModel(_Described):
    """What is wrong (RFC 9457), in which field, and the cure."""

    type: Literal["about:blank"]
    """The status says what kind of problem it is."""
    title: str
    """The name of the status."""
    status: int
    """The HTTP status."""
    detail: str
    """One sentence that says what to do."""
    errors: list[NamedFault]
    """Everything at fault that has a name."""


class _Page(_Described):
    next: str | None
    """The `cursor` for the next page; null if this was the last."""


class PromptModel(_Described):
    """One question about one session."""

    runId: str | None
    sessionId: str | None
    athleteId: str | None
    """Whose training it is about; null if nobody said."""
    chatId: str | None
    """The Telegram chat."""
    messageThreadId: int | None
    """The topic of the group; null: the chat itself."""
    date: str | None
    """The planned day; null if no plan made the prompt."""
    title: str | None
    note: str | None
    plan: dict[str, Any] | None
    """The session as planned."""
    dueAt: str | None
    """When it is, or was, to be asked."""
    sentAt: dt.datetime | None
    """When it was asked last."""
    answeredAt: dt.datetime | None
    again: str | None
    """Why it was asked once more: absence, later or nudge."""
    reason: str | None
    """Why it is in its state, where that needs saying."""
    createdAt: str | None
    updatedAt: str | None
    state: _PromptState
    explanation: str
    """The state in one sentence, and what comes next."""


class PromptPage(_Page):
    """A part of the list of prompts."""

    items: list[PromptModel]
    """Prompts."""


class PromptMade(_Described):
    """A prompt, made or found."""

    created: bool
    """Whether this request made it."""
    retried: bool
    """Whether Telegram had refused it, and this request has it tried once more."""
    prompt: PromptModel
    warning: str | None
    """What is most likely not meant."""


class PlanModel(PlanSnapshot):
    __doc__ = PlanSnapshot.__doc__

    athleteId: str | int | None = None
    """Whose plan it is, by the id on the roster; not needed where there is one athlete."""


class PlannedSessionModel(_Described):
    """A session of a plan, and when it is asked about."""

    sessionId: str
    """The answer will carry it."""
    date: dt.date
    number: PositiveInt
    """Which of the day's sessions."""
    activity: str
    details: str
    """What else is planned, in one line; may be empty."""
    askAt: dt.datetime
    """When it is asked about; a time that has passed means at once."""
    notAsked: str | None
    """Why it is not asked about; null if it is."""


class CancelledModel(_Described):
    """A question that a plan calls off."""

    runId: str
    sessionId: str
    date: dt.date
    title: str
    reason: str


class RemarkModel(_Described):
    """Something about what was sent."""

    field: str
    """Where."""
    text: str
    """What was found there, and what becomes of it."""


class PlanTaken(_Described):
    """A plan that is written, and what the service makes of it."""

    runId: str
    athleteId: str
    """Whose plan it is; where it names nobody, for whom it was taken: it stays theirs."""
    outcome: _Written
    sessions: list[PlannedSessionModel]
    restDays: list[dt.date]
    """Nothing is asked about these."""
    cancelled: list[CancelledModel]
    """What was to be asked under this plan or older ones, and is not any more."""
    warnings: list[RemarkModel]
    """What is odd, and probably not meant; `strict` refuses it."""
    readings: list[RemarkModel]
    """What was understood though it is not written as documented."""


class WrittenCounts(_Described):
    """How many documents were written."""

    collection: Annotated[str, _one_of(MODELS)]
    inserted: NonNegativeInt
    """New documents."""
    changed: NonNegativeInt
    """Documents that say something else now."""
    unchanged: NonNegativeInt
    """Documents that said so already, or (feedback) hold a later answer."""
    warnings: list[RemarkModel] = []
    """What was taken and will not last, being older than its collection keeps; and of plans, why nobody is
    asked. Left out if none."""
    readings: list[RemarkModel] = []
    """What was taken off or left out, since it is not written as documented. Only if there is something."""


class WeeklyPlan(_Described):
    """The plan of a run, in the coach workflow's form."""

    activityPlan: dict[str, Any]
    schema_version: str | None = None
    justification: list[Any] | None = None


def _run_schema(schema: dict[str, Any]) -> None:
    _plain(schema)
    names = (*INPUT_FIELDS, "outputValidated", "attempt", "errors")
    schema["properties"] |= {name: _ARTIFACT[name] for name in names}
    schema["if"] = {"properties": {"status": {"const": "success"}}}
    needed = {"required": ["plan"], "properties": {"plan": ref(WeeklyPlan)}}
    schema["then"] = {"anyOf": [needed, {"required": ["activityPlan"]}]}


class RunModel(_Described):
    """How a plan generation went, what went in and what came out. Other fields are kept in `run_events`."""

    model_config = ConfigDict(json_schema_extra=_run_schema)

    runId: Annotated[str, Field(pattern=r"\S")]
    """Names the execution; unique."""
    status: Literal["success", "failure"]
    """Whether it gave a valid plan."""
    plan: dict[str, Any] | None = None
    """The weekly plan: needed for a success; after a failure it only tells the week."""
    weekStart: dt.date | None = None
    """Where the plan does not tell it."""
    weekEnd: dt.date | None = None
    """Where the plan does not tell it."""
    outputRaw: Any = None
    """What the model said: text, or JSON to be minified."""
    createdAt: dt.datetime | None = None
    """Now, if left out."""
    updatedAt: dt.datetime | None = None
    """Now, if left out."""


class RunRecorded(_Described):
    """What became of a run's documents."""

    runId: str
    run_events: _Written
    plan_snapshots: _Written = "inserted"
    """Only after a success."""
    run_artifacts: _Written
    warnings: list[RemarkModel] = []
    """Why nobody is asked about its plan. Left out if somebody is."""
    readings: list[RemarkModel] = []
    """What was taken off or left out, since it is not written as documented. Only if there is something."""


def _feedback_schema(schema: dict[str, Any], model: type[BaseModel]) -> None:
    answer_schema(schema, model)
    schema.pop("required", None)  # what others wrote may lack anything


class Feedback(FeedbackRecord):
    __doc__ = FeedbackRecord.__doc__
    model_config = ConfigDict(json_schema_extra=_feedback_schema)


class FeedbackPage(_Page):
    """A part of the list of answers."""

    items: list[Feedback]
    """Answers."""
    undated: int | None
    """How many answers are not listed, because nobody can say whether they are of this time: their
    `receivedAt` is no time (`doctor` names them). Null behind the first page."""


class WeekSession(_Described):
    """A session, and what became of it."""

    date: dt.date
    weekday: Annotated[str, _one_of(WEEKDAYS)]
    planned: dict[str, Any] | None
    plannedMinutes: float | None
    plannedMinutesFrom: str | None
    inPlan: bool
    state: Annotated[str, _one_of(STATES)]
    why: str | None
    answer: Annotated[str, _one_of(FeedbackType)] | None
    note: str | None
    """The athlete's own words."""
    delayHours: NonNegativeFloat | None
    askedBy: str | None
    askedAt: dt.datetime | None
    answeredAt: dt.datetime | None
    runId: str
    sessionId: str


class _Rates(_Described):
    adherence: Annotated[_Rate, Field(description=f"({DONE}) / asked; null if not known.")]
    responseRate: _Rate
    """Answered / asked; null if not known."""


class WeekCounts(_Described):
    """Sessions by state."""

    model_config = _with(
        {name: {**schema, "description": COUNTS[name]} for name, schema in _counts(COUNTS).items()}
    )


class WeekModel(_Rates):
    """One week of a summary."""

    weekStart: dt.date
    weekEnd: dt.date
    counts: WeekCounts
    why: str | None
    """Why the rates are not known."""
    medianDelayHours: NonNegativeFloat | None
    """Hours from the question within which half of the week's answers came; null if not known."""
    noted: NonNegativeInt
    """Sessions with a note of the athlete's."""
    sessions: list[WeekSession]


class Streak(_Described):
    """Answers in a row; null if not known."""

    current: NonNegativeInt | None
    longest: NonNegativeInt | None


class Streaks(_Described):
    """Answers in a row with the same answer."""

    model_config = _with({str(type_): ref(Streak) for type_ in WARNINGS})


class Trend(_Described):
    """The rates week by week."""

    weekStart: list[dt.date]
    adherence: list[_Rate]
    responseRate: list[_Rate]


class PauseShown(_Described):
    """A time without questions."""

    since: dt.datetime
    until: dt.datetime | None


class OpenPainModel(_Described):
    """Pain of which the athlete has not said that it is gone."""

    model_config = _with({name: dict(schema) for name, schema in OPEN_PAIN.items()})


class OpenPains(_Described):
    """An athlete's open pain."""

    athlete: str
    zone: str
    """Days are days there."""
    openPain: list[OpenPainModel]
    """The worst first."""


class AvailabilityShown(_Described):
    """On which days of a week an athlete can train, as they said."""

    weekStart: dt.date
    """Its Monday."""
    days: list[Weekday]
    """Those on which they can; empty: on none."""
    saidAt: dt.datetime | None
    """When they said it last."""


class AthleteAvailability(AvailabilityShown):
    """The same, with whose it is."""

    athlete: str


class AvailabilityList(_Described):
    """Weeks, in order."""

    items: list[AthleteAvailability]


class MessageShown(_Described):
    """What an athlete wrote to the coach, or the other way round."""

    at: dt.datetime
    direction: Literal["to athlete", "to coach"]
    author: str
    """Who wrote it, by the name in Telegram."""
    text: str | None
    attachments: list[str]
    """What came with the words: `photo`, `voice` ..."""
    state: Literal["read", "delivered", "not delivered", "waiting"]
    """What became of it. `waiting` is also what is kept because no coach's chat is set."""
    why: str | None
    """Telegram's reason, where it is not delivered."""


class AthleteMessage(MessageShown):
    """The same, with whose it is."""

    athlete: str | None


class MessageList(_Described):
    """Messages, the newest first."""

    items: list[AthleteMessage]


class WeekSummary(_Described):
    """What a planner needs to know of a week."""

    athlete: str
    name: str | None
    zone: str
    """Days are days there."""
    weekStart: dt.date
    generatedAt: dt.datetime
    week: WeekModel
    before: list[WeekModel]
    """The four weeks before, oldest first."""
    runs: Streaks
    trend: Trend
    pauses: list[PauseShown]
    openPain: list[OpenPainModel]
    """What hurts, and is not said to be gone, as things are now."""
    messages: list[MessageShown]
    """What the athlete and the coach wrote to each other from that week on, the oldest first; at most 30."""
    availability: list[AvailabilityShown]
    """What the athlete has said of this week and of the coming one; a week of which they said nothing is left
    out."""
    unreadable: NonNegativeInt
    """Records that may belong here, and which nobody can read or put on a day."""
    scales: list[dict[str, Any]]
    """What each figure means, and which way is good."""
    legend: dict[str, Any]
    """What counts, states and nulls mean."""


class AdherenceModel(_Rates):
    """What became of sessions."""

    model_config = _with(_counts(FeedbackType))

    asked: NonNegativeInt
    """Sessions that the bot asked about, and those answered without being asked."""
    answered: NonNegativeInt
    completedAll: NonNegativeInt
    """Those of the answers that do not tell by themselves whether the session was done, and of which the
    athlete said that it was, as a whole."""


class WeekAdherence(AdherenceModel):
    """What became of a week's sessions."""

    weekStart: dt.date
    notes: NonNegativeInt
    """Answers with a note."""


class AnswersByType(_Described):
    """Answers by type."""

    model_config = _with(_counts(FeedbackType))


class AnswersOfDay(_Described):
    """A day's answers by type; null before `knownFrom`."""

    model_config = _with(_counts(FeedbackType, nullable=True))

    date: dt.date


class TapsByOutcome(_Described):
    """Taps by outcome."""

    model_config = _with(_counts(Outcome))


class PromptsByState(_Described):
    """Questions by state."""

    model_config = _with(_counts(PromptState))


class TimeToAnswer(_Described):
    """From the question to the answer's last tap; right to a second below 50 seconds, to 1 % above."""

    answers: NonNegativeInt
    medianSeconds: NonNegativeFloat | None
    p90Seconds: NonNegativeFloat | None


class AskedAtHour(_Described):
    """The questions of one hour of the day in `zone`."""

    hour: Annotated[int, Field(ge=0, le=23)]
    asked: PositiveInt
    answered: NonNegativeInt
    responseRate: Annotated[float, Field(ge=0, le=1)]


class ResponsesShown(_Described):
    """How athletes answered in these days."""

    within5MinutesOfThoseWithinADay: _Rate
    """Of the answers that came within a day, the share that came within five minutes; null if none did."""
    notes: NonNegativeInt
    """Answers with a note."""
    byHour: list[AskedAtHour]
    """By the hour at which was asked; hours at which nothing was are left out."""


class StatsShown(_Described):
    """How the feedback is doing."""

    days: PositiveInt
    since: dt.datetime
    """When the first day began."""
    until: dt.datetime
    zone: str
    """Days are days there."""
    feedback_event_write_success_rate: _Rate
    """Non-late feedback callbacks written / received: taps.written / (taps.written + waitingFeedback +
    deadTaps); null if there were none."""
    taps: TapsByOutcome
    """Taps received in these days, by outcome."""
    waitingTaps: NonNegativeInt
    """Taps in the journal that are not processed yet."""
    waitingFeedback: NonNegativeInt
    """Those of them that are feedback which will be written, as far as can be told."""
    waitingFeedbackIsEstimate: bool
    """Of some only the database can tell; or so many wait that only the oldest were looked at, and the rest
    is taken to be alike."""
    deadTaps: NonNegativeInt
    """Taps received in these days that could not be processed."""
    deadLetters: NonNegativeInt
    """All updates that could not be processed."""
    answers: AnswersByType
    """Answers whose last tap was received in these days, by type."""
    knownFrom: dt.date
    """Taps and answers of earlier days have expired, some at least: what is counted began here."""
    answersByDay: list[AnswersOfDay]
    """The same by day, oldest first, without gaps; null before knownFrom."""
    sessions: AdherenceModel
    """The sessions of these days."""
    weeks: list[WeekAdherence]
    """The weeks, Monday to Sunday, that these days touch; whole, oldest first."""
    timeToAnswer: TimeToAnswer
    responses: ResponsesShown
    prompts: PromptsByState
    """All questions, by state; from 100,000 on up to a minute old."""
    oldestPending: dt.datetime | None
    """Receipt of the oldest tap that is not processed."""
    lastPoll: dt.datetime | None
    """End of the last successful poll."""
    lastWrite: dt.datetime | None
    """Receipt of the newest stored answer."""


class Healthy(_Described):
    """The service runs."""

    status: Literal["ok"]


class Ready(_Described):
    """The service does its work."""

    status: Literal["ready"]


def components() -> dict[str, Any]:
    """The JSON Schema of every model, by its name."""
    documents: list[type[BaseModel]] = [PlanModel, *MODELS.values()]
    models: list[type[BaseModel]] = [
        *(ProblemModel, PromptPage, PromptMade, PlanTaken, WrittenCounts, WeeklyPlan, RunModel, RunRecorded),
        *(FeedbackPage, AvailabilityList, MessageList, Streak, WeekSummary, OpenPains, StatsShown),
        *(Healthy, Ready),
    ]
    _, described = models_json_schema(
        [(model, "validation") for model in models + documents],
        ref_template=_REFERENCE,
        schema_generator=_Generator,
    )
    schemas: dict[str, Any] = described["$defs"]
    for model in documents:
        schemas[_shown(model.__name__)]["propertyNames"] = {"pattern": r"^(?!\$)(?!_id$)[^\u0000]*$"}
    return schemas
