"""Query parameters: typed, bounded, and refused with their name when they cannot be understood."""

# The attributes are named like the parameters.
# ruff: noqa: N815

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from bot.api.http.problems import Flaw, Problem, invalid
from bot.core.prompts.prompt import PromptState
from bot.core.records.models import is_day
from bot.core.summary.summary import read_week_start
from bot.services.reports.figures import DEFAULT_DAYS, MAX_DAYS

MAX_PAGE = 500
PAGE = 100

_MAX_TEXT = 1_000
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_WHOLE = re.compile(r"[0-9]{1,4}")


def _text(value: object) -> str:
    text = str(value)
    if not text.strip():
        raise ValueError("is empty; leave the parameter out, or give it a value")
    if len(text) > _MAX_TEXT:
        raise ValueError(f"has more than {_MAX_TEXT:,} characters; nothing has such a long name")
    return text


def _day(value: object) -> date:
    if not is_day(value):
        raise ValueError("must be a calendar date written YYYY-MM-DD")
    return date.fromisoformat(str(value))


def _monday(value: object) -> date:
    return read_week_start(str(value))


def _bound(value: object) -> date | datetime:
    if is_day(value):
        return date.fromisoformat(str(value))
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        instant = datetime.fromisoformat(str(value).replace(" ", "+"))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(
            "must be a day written YYYY-MM-DD, or an ISO 8601 time with Z or an offset, like"
            " 2026-02-16T18:42:58Z"
        )
    return instant


def _limit(value: object) -> int:
    if _WHOLE.fullmatch(str(value)) is None or not 1 <= int(str(value)) <= MAX_PAGE:
        raise ValueError(f"must be a whole number from 1 to {MAX_PAGE}")
    return int(str(value))


def _days(value: object) -> int:
    if _WHOLE.fullmatch(str(value)) is None or not 1 <= int(str(value)) <= MAX_DAYS:
        raise ValueError(f"must be a whole number from 1 to {MAX_DAYS}")
    return int(str(value))


_TEXT = {"type": "string", "pattern": r"\S", "maxLength": _MAX_TEXT}
Text = Annotated[str, PlainValidator(_text), WithJsonSchema(_TEXT)]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Monday = Annotated[
    date,
    PlainValidator(_monday),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-02-16"]}),
]
Bound = Annotated[
    date | datetime,
    PlainValidator(_bound),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
    ),
]
Limit = Annotated[
    int, PlainValidator(_limit), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE})
]

Days = Annotated[
    int, PlainValidator(_days), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_DAYS})
]


class Query(BaseModel):
    """Base of every query: unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PageQuery(Query):
    """A part of a list."""

    limit: Limit = Field(
        PAGE, description="How many at most; a page may be shorter if what is in it is large."
    )
    cursor: Text | None = Field(None, description="`next` of the page before; leave it out for the first.")


class PromptsQuery(PageQuery):
    """Which prompts."""

    runId: Text | None = Field(None, examples=["2026-w08"], description="Of this run only.")
    state: PromptState | None = Field(None, description="In this state only.")
    athlete: Text | None = Field(
        None, examples=["ana"], description="Of this athlete only: an athlete id, or a Telegram user id."
    )
    since: Day | None = Field(
        None,
        examples=["2026-02-16"],
        description="From this day on: the planned day, else the day it is due.",
    )
    until: Day | None = Field(None, description="Up to and with this day.")


class FeedbackQuery(PageQuery):
    """Which answers."""

    since: Bound | None = Field(
        None, examples=["2026-02-16"], description="Received from this day (in TIMEZONE) or instant on."
    )
    until: Bound | None = Field(
        None, description="Received up to and with this day (in TIMEZONE), or before this instant."
    )
    runId: Text | None = Field(None, examples=["2026-w08"], description="Of this run only.")
    athlete: Text | None = Field(
        None, examples=["ana"], description="Of this athlete only: an athlete id, or a Telegram user id."
    )


class PlanQuery(Query):
    """How a plan is taken."""

    strict: Annotated[bool, Field(description="Refuse what is only warned of, too.")] = False


class SummaryQuery(Query):
    """Which week."""

    weekStart: Monday = Field(description="The Monday with which the week begins.")
    athlete: Text | None = Field(
        None, description="Whose week: an athlete id. May be left out where there is one athlete only."
    )
    format: Literal["json", "markdown"] = Field(
        "json", description="`markdown` is a short text, ready for a prompt."
    )


class PainQuery(Query):
    """Whose pain."""

    athlete: Text | None = Field(
        None, description="Whose: an athlete id. May be left out where there is one athlete only."
    )


class AvailabilityQuery(Query):
    """Whose weeks, and from which one on."""

    weekStart: Monday | None = Field(
        None, description="The Monday of the first week; without it, the current one's."
    )
    athlete: Text | None = Field(None, description="Whose: an athlete id; without it, everybody's.")


class MessagesQuery(Query):
    """Whose messages, and which."""

    athlete: Text | None = Field(None, description="Whose: an athlete id; without it, everybody's.")
    since: Bound | None = Field(
        None, examples=["2026-02-16"], description="Written from this day (in TIMEZONE) or instant on."
    )
    limit: Annotated[int, Field(ge=1, le=500, description="The most messages.")] = 100


class StatsQuery(Query):
    """How far back."""

    days: Days = Field(DEFAULT_DAYS, description="How many days: today and those before, in TIMEZONE.")


def first_instant(bound: date | datetime | None, zone: tzinfo) -> datetime | None:
    """The earliest instant that a lower bound takes in."""
    if bound is None:
        return None
    if not isinstance(bound, datetime):
        bound = datetime.combine(bound, time(), zone)
    try:
        return bound.astimezone(UTC)
    except OverflowError:
        # Nothing was received at either end of the calendar.
        return _FIRST if bound.year == 1 else _LAST


def end_instant(bound: date | datetime | None, zone: tzinfo) -> datetime | None:
    """The first instant that is beyond an upper bound: a day is included, an instant is not."""
    if bound is None or isinstance(bound, datetime):
        return first_instant(bound, zone)
    if bound == date.max:
        return _LAST
    return first_instant(bound + timedelta(days=1), zone)


def problem_of(error: RequestValidationError) -> Problem:
    """Parameters that cannot be used."""
    return invalid(*_flaws(error.errors()))


def _flaws(errors: Iterable[Any]) -> Iterable[Flaw]:
    for error in errors:
        name = str(error["loc"][-1])[:60]
        match error["type"]:
            case "missing":
                problem = "is missing"
            case "extra_forbidden":
                problem = "there is no such parameter here; see /openapi.json"
            case "enum" | "literal_error":
                problem = f"must be {error['ctx']['expected']}"
            case "value_error":
                problem = str(error["ctx"]["error"])
            case _:
                problem = "cannot be used here; see /openapi.json"
        yield Flaw(name, problem)
