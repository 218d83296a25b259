"""JSON Schemas of what goes in and comes out, as far as no model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.core.answers.rules import WEEKDAYS, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.prompts.prompt import PromptState
from bot.core.records.builders import INPUT_FIELDS
from bot.core.records.collections import MODELS
from bot.core.records.models import FeedbackRecord, PlanSnapshot, Record, RunArtifact
from bot.core.summary.legend import COUNTS, DONE, STATES, WARNINGS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_DAY: Schema = {"type": "string", "format": "date"}
_DAY_OR_NULL: Schema = {"type": ["string", "null"], "format": "date"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
_RATE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_OUTCOME: Schema = {"enum": ["inserted", "changed", "unchanged"]}


def of(properties: Mapping[str, Schema], *, but: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object that has all these properties, `but` some that may be missing."""
    required = [name for name in properties if name not in but]
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def said(schema: Schema, description: str) -> Schema:
    """The same with a description."""
    return {**schema, "description": description}


def page(item: Schema, what: str, **more: Schema) -> Schema:
    """A part of a list; `more` is what else is told of it."""
    following = "The `cursor` for the next page; null if this was the last."
    return of(
        {
            "items": {"type": "array", "description": what, "items": item},
            "next": said(_TEXT_OR_NULL, following),
            **more,
        }
    )


def ref(name: str) -> Schema:
    """One of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _document(model: type[Record]) -> Schema:
    return model.model_json_schema() | {"propertyNames": {"pattern": r"^(?!\$)(?!_id$)[^\u0000]*$"}}


PROMPT = of(
    {
        "runId": _TEXT_OR_NULL,
        "sessionId": _TEXT_OR_NULL,
        "athleteId": said(_TEXT_OR_NULL, "Whose training it is about; null if nobody said."),
        "chatId": said(_TEXT_OR_NULL, "The Telegram chat."),
        "date": said(_TEXT_OR_NULL, "The planned day; null if no plan made the prompt."),
        "title": _TEXT_OR_NULL,
        "note": _TEXT_OR_NULL,
        "plan": {"type": ["object", "null"], "description": "The session as planned."},
        "dueAt": said(_TEXT_OR_NULL, "When it is, or was, to be asked."),
        "sentAt": said(_INSTANT_OR_NULL, "When it was asked last."),
        "answeredAt": _INSTANT_OR_NULL,
        "again": said(_TEXT_OR_NULL, "Why it was asked once more: absence, later or nudge."),
        "reason": said(_TEXT_OR_NULL, "Why it is in its state, where that needs saying."),
        "createdAt": _TEXT_OR_NULL,
        "updatedAt": _TEXT_OR_NULL,
        "state": {"enum": [state.value for state in PromptState]},
        "explanation": said(_TEXT, "The state in one sentence, and what comes next."),
    }
)
PROMPTS = page(ref("Prompt"), "Prompts.")
PROMPT_MADE = of(
    {
        "created": {"type": "boolean", "description": "Whether this request made it."},
        "prompt": ref("Prompt"),
        "warning": said(_TEXT_OR_NULL, "What is most likely not meant."),
    }
)

_PLAN = _document(PlanSnapshot) | {"title": "Plan"}
_PLAN["properties"] = _PLAN["properties"] | {
    "athleteId": {
        "type": ["string", "integer", "null"],
        "description": "Whose plan it is, by the id on the roster; not needed where there is one athlete.",
    },
}
PLAN_TAKEN = of(
    {
        "runId": _TEXT,
        "athleteId": said(_TEXT, "Whose plan it is."),
        "outcome": _OUTCOME,
        "sessions": {
            "type": "array",
            "items": of(
                {
                    "sessionId": said(_TEXT, "The answer will carry it."),
                    "date": _DAY,
                    "number": {
                        "type": "integer",
                        "minimum": 1,
                        "description": "Which of the day's sessions.",
                    },
                    "activity": _TEXT,
                    "details": said(_TEXT, "What else is planned, in one line; may be empty."),
                    "askAt": said(_INSTANT, "When it is asked about; a time that has passed means at once."),
                    "notAsked": said(_TEXT_OR_NULL, "Why it is not asked about; null if it is."),
                }
            ),
        },
        "restDays": {"type": "array", "description": "Nothing is asked about these.", "items": _DAY},
    }
)

WRITTEN = of(
    {
        "collection": {"enum": list(MODELS)},
        "inserted": said(_COUNT, "New documents."),
        "changed": said(_COUNT, "Documents that say something else now."),
        "unchanged": said(_COUNT, "Documents that said so already, or (feedback) hold a later answer."),
    }
)

_WEEKLY_PLAN: Schema = {
    "type": "object",
    "required": ["activityPlan"],
    "properties": {
        "schema_version": _TEXT_OR_NULL,
        "activityPlan": {"type": "object"},
        "justification": {"type": ["array", "null"]},
    },
}
_ARTIFACT = RunArtifact.model_json_schema()["properties"]
_RUN: Schema = {
    "type": "object",
    "title": "Run",
    "description": "How a plan generation went, what went in and what came out. Other fields are kept in"
    " `run_events`.",
    "required": ["runId", "status"],
    "properties": {
        "runId": {"type": "string", "pattern": r"\S", "description": "Names the execution; unique."},
        "status": {"enum": ["success", "failure"], "description": "Whether it gave a valid plan."},
        "plan": {
            "type": ["object", "null"],
            "description": "The weekly plan: needed for a success; after a failure it only tells the week.",
        },
        "weekStart": said(_DAY_OR_NULL, "Where the plan does not tell it."),
        "weekEnd": said(_DAY_OR_NULL, "Where the plan does not tell it."),
        "outputRaw": {"description": "What the model said: text, or JSON to be minified."},
        **{name: _ARTIFACT[name] for name in (*INPUT_FIELDS, "outputValidated", "attempt", "errors")},
        "createdAt": said(_INSTANT_OR_NULL, "Now, if left out."),
        "updatedAt": said(_INSTANT_OR_NULL, "Now, if left out."),
    },
    "if": {"properties": {"status": {"const": "success"}}},
    "then": {
        "anyOf": [
            {"required": ["plan"], "properties": {"plan": _WEEKLY_PLAN}},
            {"required": ["activityPlan"]},
        ]
    },
}
RUN_RECORDED = of(
    {
        "runId": _TEXT,
        "run_events": _OUTCOME,
        "plan_snapshots": said(_OUTCOME, "Only after a success."),
        "run_artifacts": _OUTCOME,
    },
    but=("plan_snapshots",),
)

# What others wrote may lack anything.
FEEDBACK = page(
    {name: value for name, value in FeedbackRecord.model_json_schema().items() if name != "required"},
    "Answers.",
    undated={
        "type": ["integer", "null"],
        "description": "How many answers are not listed, because nobody can say whether they are of this"
        " time: their `receivedAt` is no time (`doctor` names them). Null behind the first page.",
    },
)

_TYPES = {type_.value: _COUNT for type_ in FeedbackType}
_WEEK = of(
    {
        "weekStart": _DAY,
        "weekEnd": _DAY,
        "counts": of({name: said(_COUNT, meaning) for name, meaning in COUNTS.items()}),
        "adherence": said(_RATE, f"({DONE}) / asked; null if not known."),
        "responseRate": said(_RATE, "Answered / asked; null if not known."),
        "why": said(_TEXT_OR_NULL, "Why the rates are not known."),
        "sessions": {
            "type": "array",
            "items": of(
                {
                    "date": _DAY,
                    "weekday": {"enum": list(WEEKDAYS)},
                    "planned": {"type": ["object", "null"]},
                    "inPlan": {"type": "boolean"},
                    "state": {"enum": [state.value for state in STATES]},
                    "why": _TEXT_OR_NULL,
                    "answer": {"enum": [*_TYPES, None]},
                    "note": said(_TEXT_OR_NULL, "The athlete's own words."),
                    "delayHours": {"type": ["number", "null"], "minimum": 0},
                    "askedBy": _TEXT_OR_NULL,
                    "askedAt": _INSTANT_OR_NULL,
                    "answeredAt": _INSTANT_OR_NULL,
                    "runId": _TEXT,
                    "sessionId": _TEXT,
                }
            ),
        },
    }
)
_ROW = of({"current": _COUNT_OR_NULL, "longest": _COUNT_OR_NULL})
SUMMARY = of(
    {
        "athlete": _TEXT,
        "name": _TEXT_OR_NULL,
        "zone": said(_TEXT, "Days are days there."),
        "weekStart": _DAY,
        "generatedAt": _INSTANT,
        "week": ref("Week"),
        "before": {
            "type": "array",
            "description": "The four weeks before, oldest first.",
            "items": ref("Week"),
        },
        "runs": said(of({type_.value: _ROW for type_ in WARNINGS}), "Answers in a row with the same answer."),
        "trend": of(
            {
                "weekStart": {"type": "array", "items": _DAY},
                "adherence": {"type": "array", "items": _RATE},
                "responseRate": {"type": "array", "items": _RATE},
            }
        ),
        "pauses": {"type": "array", "items": of({"since": _INSTANT, "until": _INSTANT_OR_NULL})},
        "unreadable": said(
            _COUNT, "Records that may belong here, and which nobody can read or put on a day."
        ),
        "scales": {
            "type": "array",
            "description": "What each figure means, and which way is good.",
            "items": {"type": "object"},
        },
        "legend": {"type": "object", "description": "What counts, states and nulls mean."},
    }
)
_ADHERENCE = {
    "asked": said(_COUNT, "Sessions that the bot asked about, and those answered without being asked."),
    "answered": _COUNT,
    **_TYPES,
    "adherence": said(_RATE, f"({DONE}) / asked; null if not known."),
    "responseRate": said(_RATE, "Answered / asked; null if not known."),
}
_SECONDS: Schema = {"type": ["number", "null"], "minimum": 0}
STATS = of(
    {
        "days": {"type": "integer", "minimum": 1},
        "since": said(_INSTANT, "When the first day began."),
        "until": _INSTANT,
        "zone": said(_TEXT, "Days are days there."),
        "feedback_event_write_success_rate": said(
            _RATE,
            "Non-late feedback callbacks written / received: taps.written / (taps.written + waitingFeedback +"
            " deadTaps); null if there were none.",
        ),
        "taps": said(
            of({outcome.value: _COUNT for outcome in Outcome}), "Taps received in these days, by outcome."
        ),
        "waitingTaps": said(_COUNT, "Taps in the journal that are not processed yet."),
        "waitingFeedback": said(
            _COUNT, "Those of them that are feedback which will be written, as far as can be told."
        ),
        "waitingFeedbackIsEstimate": {
            "type": "boolean",
            "description": "Of some only the database can tell; or so many wait that only the oldest were"
            " looked at, and the rest is taken to be alike.",
        },
        "deadTaps": said(_COUNT, "Taps received in these days that could not be processed."),
        "deadLetters": said(_COUNT, "All updates that could not be processed."),
        "answers": said(of(_TYPES), "Answers whose last tap was received in these days, by type."),
        "knownFrom": said(
            _DAY, "Taps and answers of earlier days have expired, some at least: what is counted began here."
        ),
        "answersByDay": {
            "type": "array",
            "description": "The same by day, oldest first, without gaps; null before knownFrom.",
            "items": of({"date": _DAY, **dict.fromkeys(_TYPES, _COUNT_OR_NULL)}),
        },
        "sessions": said(of(_ADHERENCE), "The sessions of these days."),
        "weeks": {
            "type": "array",
            "description": "The weeks, Monday to Sunday, that these days touch; whole, oldest first.",
            "items": of({"weekStart": _DAY, **_ADHERENCE}),
        },
        "timeToAnswer": said(
            of({"answers": _COUNT, "medianSeconds": _SECONDS, "p90Seconds": _SECONDS}),
            "From the question to the answer's last tap; right to a second below 50 seconds, to 1 % above.",
        ),
        "prompts": said(
            of({state.value: _COUNT for state in PromptState}),
            "All questions, by state; from 100,000 on up to a minute old.",
        ),
        "oldestPending": said(_INSTANT_OR_NULL, "Receipt of the oldest tap that is not processed."),
        "lastPoll": said(_INSTANT_OR_NULL, "End of the last successful poll."),
        "lastWrite": said(_INSTANT_OR_NULL, "Receipt of the newest stored answer."),
    }
)
HEALTH = {word: of({"status": {"const": word}}) for word in ("ok", "ready")}

COMPONENTS: Mapping[str, Schema] = {
    "Problem": of(
        {
            "type": {"const": "about:blank", "description": "The status says what kind of problem it is."},
            "title": said(_TEXT, "The name of the status."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": said(_TEXT, "One sentence that says what to do."),
            "errors": {
                "type": "array",
                "description": "Everything at fault that has a name.",
                "items": of(
                    {
                        "field": said(
                            _TEXT,
                            "A field of the body (`[3].runId` in an array), a query parameter, a header, or a"
                            " part of the service.",
                        ),
                        "problem": said(_TEXT, "What is wrong with it, and the cure."),
                    }
                ),
            },
        },
        description="What is wrong (RFC 9457), in which field, and the cure.",
    ),
    "Prompt": PROMPT,
    "Plan": _PLAN,
    "Run": _RUN,
    "Week": _WEEK,
    # What others wrote may lack anything.
    "Feedback": {
        name: value for name, value in FeedbackRecord.model_json_schema().items() if name != "required"
    },
    **{model.__name__: _document(model) for model in MODELS.values()},
}
"""What has a name in the OpenAPI document."""
