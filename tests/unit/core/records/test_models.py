"""Each collection's documents: what is required, filled, refused, kept; and that exports read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.event import FeedbackEvent
from bot.core.answers.payloads import Callback
from bot.core.answers.rules import TappedSession, collision_key, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.records.collections import KEYS, MODELS, parse
from bot.core.records.models import FeedbackRecord, is_day
from bot.core.shared.bson_json import BadValue, dumps, loads
from bot.core.shared.tolerant import is_unfilled
from bot.core.telegram.updates import Tap
from tests.unit.core.shared.test_bson_json import INTEGERS, NAMES, VALUES, outcome

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
NOW_TEXT = "2026-02-16T18:42:58.123Z"
FEEDBACK = {"runId": "r", "sessionId": "s", "type": "done"}
MINIMAL: dict[str, dict[str, Any]] = {
    "run_events": {"runId": "r", "status": "success"},
    "feedback_events": FEEDBACK,
    "weekly_metrics": {"weekStart": "2026-02-16"},
    "plan_snapshots": {"runId": "r", "activityPlan": {}},
    "run_artifacts": {"runId": "r"},
}
LINEAGE = {
    "run_events": "runId status attempt weekStart weekEnd errorCount errors createdAt runEvent",
    "feedback_events": (
        "sessionId sessionKey sessionRef runId type response note sessionDate date sessionDay day chatId"
        " messageId userId username timestamp receivedAt promptSentAt promptAgeDays isLateResponse updateId"
        " logged rpe pain completed reason change notes attachments noteMessageId saidAt"
    ),
    "weekly_metrics": (
        "athleteId weekStart weekEnd runCount runDistance runTime rideCount rideDistance rideTime vo2Sessions"
        " tempoSessions longRuns strengthCount strengthTrimp ctlMean atlMean rampRateMean restHrMean"
        " stepsMean sleepScoreMean hrvMean createdAt updatedAt"
    ),
    "plan_snapshots": "runId attempt weekStart weekEnd schema_version activityPlan justification createdAt",
    "run_artifacts": (
        "runId promptVersion modelId prompt metrics history activities wellness status attempt"
        " outputValidated outputRaw errors errorCount createdAt updatedAt"
    ),
}

FILLED = {
    *("createdAt", "updatedAt", "timestamp", "receivedAt", "errorCount", "runEvent"),
    *("sessionKey", "sessionRef", "type", "response"),
}

KEY = st.text(min_size=1, max_size=8).filter(lambda text: bool(text.strip()) and not is_unfilled(text))
TEXT = st.text(max_size=8)
DATES = st.dates().map(lambda day: day.isoformat())
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(minutes=345))])
INSTANTS = st.datetimes(timezones=ZONES).filter(lambda at: 1 < at.year < 9999)
WHEN = INSTANTS | INSTANTS.map(lambda at: at.isoformat())
OBJECT = st.dictionaries(NAMES, VALUES, max_size=3)
LIST = st.lists(VALUES, max_size=3)
COUNT = st.integers(0, 2**63 - 1)
AMOUNT = COUNT | st.floats(0, 1e300)
NUMBER = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
STATUS = st.sampled_from(["success", "failure"])
WEEK = st.tuples(st.dates(), st.dates()).map(sorted).map(lambda days: [day.isoformat() for day in days])
DOCUMENTED = {"_id", *" ".join(LINEAGE.values()).split()}
UNKNOWN = st.dictionaries(
    NAMES.filter(lambda name: name not in DOCUMENTED)
    | st.sampled_from(["run_id", "week_start", "copy", "a.b", "date_"]),
    VALUES | INSTANTS,
    max_size=3,
)


def some(required: dict[str, Any], optional: dict[str, Any], week: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with all the required fields, some of the others or null, and unknown ones; `week` adds its
    ends."""
    known = st.fixed_dictionaries(
        required, optional={name: st.none() | values for name, values in optional.items()}
    )
    ends = WEEK.map(lambda days: {"weekStart": days[0], "weekEnd": days[1]}) if week else st.just({})
    names = {*required, *optional}
    unknown = UNKNOWN.map(lambda fields: {name: fields[name] for name in fields if name not in names})
    return st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, unknown, known, ends)


COUNTS = ("runCount", "rideCount", "vo2Sessions", "tempoSessions", "longRuns", "strengthCount")
AMOUNTS = ("runDistance", "runTime", "rideDistance", "rideTime", "strengthTrimp")
MEANS = ("restHrMean", "stepsMean", "hrvMean")
SIGNED = ("ctlMean", "atlMean", "rampRateMean")
TIMES = {"createdAt": WHEN, "updatedAt": WHEN}
ATTEMPT = {"attempt": COUNT}
RAW: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "run_events": some(
        {"runId": KEY, "status": STATUS},
        {**ATTEMPT, "errors": LIST, "createdAt": WHEN, "runEvent": OBJECT},
        week=True,
    ),
    "feedback_events": some(
        {"runId": KEY, "sessionId": KEY, "type": st.sampled_from(["done", "skipped", "hard", "pain"])},
        {
            "note": TEXT,
            "sessionDate": DATES,
            "chatId": INTEGERS | KEY,
            "messageId": INTEGERS,
            "userId": INTEGERS | KEY,
            "username": TEXT,
            "timestamp": WHEN,
            "receivedAt": WHEN,
            "promptSentAt": WHEN,
            "promptAgeDays": COUNT,
            "isLateResponse": st.just(value=False),
            "updateId": INTEGERS,
        },
        week=False,
    ),
    "weekly_metrics": some(
        {},
        {
            "athleteId": KEY | INTEGERS,
            **dict.fromkeys(COUNTS, COUNT),
            **dict.fromkeys(AMOUNTS, AMOUNT),
            **dict.fromkeys(MEANS, AMOUNT),
            **dict.fromkeys(SIGNED, NUMBER),
            "sleepScoreMean": st.integers(0, 100) | st.floats(0, 100),
            **TIMES,
        },
        week=True,
    ),
    "plan_snapshots": some(
        {"runId": KEY, "activityPlan": OBJECT},
        {**ATTEMPT, "schema_version": TEXT, "justification": LIST, "createdAt": WHEN},
        week=True,
    ),
    "run_artifacts": some(
        {"runId": KEY},
        {
            **ATTEMPT,
            **dict.fromkeys(("promptVersion", "modelId", "prompt"), TEXT),
            **dict.fromkeys(("history", "activities", "wellness", "errors"), LIST),
            "metrics": OBJECT,
            "status": STATUS,
            "outputValidated": OBJECT,
            "outputRaw": TEXT,
            **TIMES,
        },
        week=False,
    ),
}


def stored(collection: str, **fields: object) -> dict[str, Any]:
    """What becomes of the smallest document of a collection with these fields."""
    return parse(collection, MINIMAL[collection] | fields).to_update_fields()


def refusal(collection: str, **fields: object) -> BadValue:
    """The refusal that the smallest document of a collection meets with these fields."""
    with pytest.raises(BadValue) as caught:
        stored(collection, **fields)
    return caught.value


@pytest.mark.parametrize("collection", MODELS)
@given(data=st.data())
def test_what_is_exported_is_written_back_as_the_same_document(collection: str, data: st.DataObject) -> None:
    """Export then write is the identity, types included, and every document fits into BSON."""
    document = parse(collection, data.draw(RAW[collection])).to_update_fields()
    again = parse(collection, loads(dumps(document))).to_update_fields()
    assert repr(sorted(again.items())) == repr(sorted(document.items()))
    assert bson.decode(bson.encode(document), bson.CodecOptions(tz_aware=True)) == document


@pytest.mark.parametrize("collection", MODELS)
@given(data=st.data())
def test_given_fields_are_kept(collection: str, data: st.DataObject) -> None:
    """No field is lost, null only stays null where nothing fills it in, and nothing absent is written as
    null."""
    raw = data.draw(RAW[collection])
    document = parse(collection, raw).to_update_fields()
    nulls = {name for name, value in raw.items() if value is None}
    assert raw.keys() - (nulls & FILLED) <= document.keys()
    assert {name for name, value in document.items() if value is None} == (
        nulls - (FILLED & MODELS[collection].model_fields.keys())
    )


@pytest.mark.parametrize("collection", MODELS)
@given(data=st.data())
def test_any_value_in_any_field_is_taken_or_refused_by_name(collection: str, data: st.DataObject) -> None:
    """There is no third outcome, and the refusal names a field."""
    names = st.sampled_from(LINEAGE[collection].split())
    fields = data.draw(st.dictionaries(names, VALUES | DATES | WHEN | KEY, max_size=4))
    error = outcome(lambda: stored(collection, **fields))
    assert error is None or error.path


@pytest.mark.parametrize("collection", MODELS)
def test_the_schema_describes_every_field(collection: str) -> None:
    """Every documented field is there under its stored name, with a description; others are allowed."""
    schema = MODELS[collection].model_json_schema(by_alias=True)
    assert set(schema["properties"]) == set(LINEAGE[collection].split())
    assert all(field["description"] for field in schema["properties"].values())
    assert schema["additionalProperties"] is True
    assert KEYS[collection] in schema["properties"]


@pytest.mark.parametrize("collection", MODELS)
def test_the_smallest_document_is_accepted(collection: str) -> None:
    """The key and what gives the document its meaning are enough; without the key there is nothing."""
    document = stored(collection)
    assert document[KEYS[collection]]
    for name in MINIMAL[collection]:
        with pytest.raises(BadValue, match=rf"^{name}: is missing"):
            parse(collection, {k: v for k, v in MINIMAL[collection].items() if k != name})


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        ({"run_id": "r", "activity_plan": {}}, "; there is `run_id`: write it as runId"),
        ({"RunID": "r", "activityPlan": {}}, "; there is `RunID`: write it as runId"),
        ({"data": {"runId": "r", "activityPlan": {}}}, "; there is only `data`: give what is in it"),
        ({"choices": []}, "; there is only `choices`: give what is in it"),
        ({"note": "of mine"}, ""),
        ({"run": "r", "plan": {}}, ""),
        ({"x" * 99: {}}, f"; there is only `{'x' * 60}`: give what is in it"),
    ],
)
def test_what_stands_in_place_of_a_missing_field_is_named(document: dict[str, Any], hint: str) -> None:
    """Another spelling of it, or what is wrapped round the document; no value of it."""
    with pytest.raises(BadValue) as caught:
        parse("plan_snapshots", document)
    assert str(caught.value) == f"runId: is missing{hint}"


@pytest.mark.parametrize(
    ("collection", "fields", "path", "problem"),
    [
        ("run_events", {"runId": " "}, "runId", "must not be blank"),
        ("run_events", {"runId": None}, "runId", "must be text, not null"),
        ("run_events", {"runId": 5}, "runId", "must be text, not a number"),
        ("run_events", {"status": "ok"}, "status", "must be 'success' or 'failure'"),
        ("run_events", {"status": None}, "status", "must be 'success' or 'failure'"),
        ("run_events", {"attempt": True}, "attempt", "must be a number, not a boolean"),
        ("run_events", {"attempt": "1"}, "attempt", "must be a number, not text"),
        ("run_events", {"attempt": 1.5}, "attempt", "whole number"),
        ("run_events", {"attempt": 1e300}, "attempt", "whole number"),
        ("run_events", {"attempt": -1}, "attempt", "negative"),
        ("run_events", {"weekStart": "2026-02-30"}, "weekStart", "YYYY-MM-DD"),
        ("run_events", {"weekStart": "20260216"}, "weekStart", "YYYY-MM-DD"),
        ("run_events", {"weekStart": "2026-02-16", "weekEnd": "2026-02-15"}, "weekEnd", "before weekStart"),
        ("run_events", {"errors": ["a"], "errorCount": 2}, "errorCount", "must be 1"),
        ("run_events", {"errorCount": 2}, "errorCount", "give `errors` too"),
        ("run_events", {"errors": {}}, "errors", "must be an array, not an object"),
        ("run_events", {"errors": None, "errorCount": 1}, "errorCount", "give `errors` too"),
        ("run_events", {"weekEnd": "2026-02-22"}, "weekEnd", "stands without weekStart; give both"),
        ("run_events", {"runEvent": []}, "runEvent", "must be an object, not an array"),
        ("run_events", {"createdAt": "2026-02-16T18:42:58"}, "createdAt", "offset"),
        ("run_events", {"createdAt": "yesterday"}, "createdAt", "ISO 8601"),
        ("run_events", {"createdAt": 1771267378123}, "createdAt", "ISO 8601"),
        ("run_events", {"createdAt": "0001-01-01T00:00:00+01:00"}, "createdAt", "years"),
        ("run_events", {"_id": "65"}, "_id", "belongs to MongoDB"),
        ("run_events", {"deep": {"a": [{"$x": 1}]}}, 'deep.a[0]["$x"]', "start with $"),
        ("feedback_events", {"type": "Done"}, "type", "must be 'done'"),
        ("feedback_events", {"response": "hard"}, "response", "must equal type"),
        ("feedback_events", {"isLateResponse": True}, "isLateResponse", "late feedback is not stored"),
        ("feedback_events", {"isLateResponse": 0}, "isLateResponse", "must be true or false, not a number"),
        ("feedback_events", {"sessionKey": "r-s-8"}, "sessionKey", "leave it out"),
        ("feedback_events", {"sessionKey": "r-s-anon~x"}, "sessionKey", "leave it out"),
        ("feedback_events", {"sessionRef": "r"}, "sessionRef", "leave it out"),
        ("feedback_events", {"sessionDate": "2026-02-16", "date": "2026-02-17"}, "date", "sessionDate"),
        ("feedback_events", {"sessionDate": "2026-02-16", "sessionDay": "Sunday"}, "sessionDay", "weekday"),
        ("feedback_events", {"date": "2026-02-16", "day": "Sunday"}, "day", "weekday"),
        ("feedback_events", {"day": "Lunes"}, "day", "must be 'Monday'"),
        ("feedback_events", {"sessionDay": "Friday"}, "sessionDay", "stands without sessionDate; give that"),
        ("feedback_events", {"day": "Friday", "date": None}, "day", "stands without sessionDate; give that"),
        ("feedback_events", {"type": None}, "type", "is missing; it is done"),
        ("feedback_events", {"sessionKey": None}, "sessionKey", "not null; leave the field out"),
        ("feedback_events", {"chatId": True}, "chatId", "not a boolean"),
        ("feedback_events", {"chatId": 1.5}, "chatId", "whole number"),
        ("feedback_events", {"userId": ""}, "userId", "blank"),
        ("feedback_events", {"userId": 2**63}, "userId", "64 bits"),
        ("feedback_events", {"messageId": "7"}, "messageId", "not text"),
        ("feedback_events", {"note": 5}, "note", "must be text, not a number"),
        ("weekly_metrics", {"weekStart": ""}, "weekStart", "YYYY-MM-DD"),
        ("weekly_metrics", {"runCount": 1.5}, "runCount", "whole"),
        ("weekly_metrics", {"runDistance": -1}, "runDistance", "negative"),
        ("weekly_metrics", {"weekStart": None}, "weekStart", "YYYY-MM-DD"),
        ("weekly_metrics", {"hrvMean": "65"}, "hrvMean", "not text"),
        ("weekly_metrics", {"sleepScoreMean": 100.5}, "sleepScoreMean", "must not be more than 100"),
        ("weekly_metrics", {"weekEnd": "2026-02-15"}, "weekEnd", "before"),
        ("plan_snapshots", {"runId": "undefined"}, "runId", "not the text of a missing value"),
        ("run_events", {"runId": " Null "}, "runId", "not the text of a missing value"),
        ("run_events", {"runId": "NaN"}, "runId", "not the text of a missing value"),
        ("run_artifacts", {"runId": "[object Object]"}, "runId", "not the text of a missing value"),
        ("plan_snapshots", {"activityPlan": []}, "activityPlan", "must be an object, not an array"),
        ("plan_snapshots", {"schema_version": 1.0}, "schema_version", "must be text, not a number"),
        ("plan_snapshots", {"activityPlan": None}, "activityPlan", "must be an object, not null"),
        ("plan_snapshots", {"weekEnd": "2026-02-22"}, "weekEnd", "stands without weekStart; give both"),
        ("run_artifacts", {"metrics": "x"}, "metrics", "must be an object, not text"),
        ("run_artifacts", {"errorCount": 1}, "errorCount", "give `errors` too"),
        ("run_artifacts", {"outputRaw": {}}, "outputRaw", "must be text, not an object"),
    ],
)
def test_bad_fields_are_refused_by_name(
    collection: str, fields: dict[str, Any], path: str, problem: str
) -> None:
    """The refusal names the field and what is wrong with it."""
    error = refusal(collection, **fields)
    assert error.path == path
    assert problem in error.problem


@pytest.mark.parametrize(
    ("collection", "value"), [("run_events", []), ("run_events", "x"), ("run_events", None), ("nothing", {})]
)
def test_what_is_no_document_of_a_collection_is_refused(collection: str, value: object) -> None:
    """Neither arrays nor scalars nor other collections."""
    with pytest.raises(BadValue):
        parse(collection, value)


def test_a_refusal_quotes_no_value() -> None:
    """What athletes wrote does not reach a log through an error."""
    assert "secret" not in str(refusal("feedback_events", type="secret", note="secret"))


def test_instants_become_utc_datetimes_cut_to_milliseconds() -> None:
    """From strings and datetimes alike; in JSON they are strings again."""
    zone = timezone(timedelta(hours=1))
    at = datetime(2026, 2, 16, 19, 42, 58, 123_999, tzinfo=zone)
    for given_at in (at, at.isoformat(), NOW_TEXT):
        record = parse("run_artifacts", {"runId": "r", "createdAt": given_at})
        assert record.to_update_fields() == {"runId": "r", "createdAt": NOW}
        assert record.to_update_fields()["createdAt"].tzinfo is UTC
        assert record.model_dump(mode="json", exclude_unset=True) == {"runId": "r", "createdAt": NOW_TEXT}


def test_instants_elsewhere_are_text() -> None:
    """Only the named instants are dates in MongoDB: others could not be told from text in an export."""
    assert stored("run_artifacts", at=NOW, errors=[{"at": NOW}]) == {
        "runId": "r",
        "at": NOW_TEXT,
        "errors": [{"at": NOW_TEXT}],
        "errorCount": 1,
    }


def test_numbers_that_are_whole_count_as_integers() -> None:
    """JavaScript has one type of number; measured values stay as they come."""
    document = stored("weekly_metrics", runCount=3.0, runDistance=5.0)
    assert repr(document["runCount"]) == "3"
    assert repr(document["runDistance"]) == "5.0"


def test_a_run_event_has_its_errors_counted_and_copied() -> None:
    """`runEvent` holds the payload, itself excepted."""
    document = stored("run_events", createdAt=NOW, more={"x": 1})
    copy = {**document, "createdAt": NOW_TEXT}
    del copy["runEvent"]
    assert document["runEvent"] == copy
    assert (document["errors"], document["errorCount"]) == ([], 0)
    assert stored("run_events", runEvent={"mine": 1})["runEvent"] == {"mine": 1}


@pytest.mark.parametrize("fields", [{}, {"errors": []}, {"errorCount": 0}, {"errors": [], "errorCount": 0}])
def test_the_copy_in_a_run_event_does_not_depend_on_what_was_filled_in(fields: dict[str, Any]) -> None:
    """Its fields stand in one order, which MongoDB takes for a part of the value."""
    copies = [list(stored("run_events", x=1, **given)["runEvent"]) for given in (fields, {})]
    assert copies == [["runId", "status", "errorCount", "errors", "x"]] * 2


def test_the_copy_in_a_run_event_counts_for_the_limits() -> None:
    """A payload may be as deep, and half as large, as leaves room for its copy; the refusal says so."""
    deepest: dict[str, Any] = {}
    for _ in range(97):
        deepest = {"a": deepest}
    assert stored("run_events", deep=deepest)
    assert refusal("run_events", deep={"a": deepest}).path.startswith("runEvent.deep.a")
    too_large = refusal("run_events", text="x" * 9_000_000).problem
    assert too_large.startswith("larger than 16,777,216 bytes")
    assert too_large.endswith("its copy in runEvent counts, too")


def test_a_partial_artifact_says_nothing_about_the_rest() -> None:
    """Neither step may erase what the other wrote."""
    assert stored("run_artifacts", metrics={}) == {"runId": "r", "metrics": {}}
    assert stored("run_artifacts", errors=[1]) == {"runId": "r", "errors": [1], "errorCount": 1}
    assert stored("run_artifacts", errorCount=0) == {"runId": "r", "errors": [], "errorCount": 0}


def test_feedback_has_its_names_and_aliases_filled() -> None:
    """From the ids, the answer, the date and the time of receipt."""
    assert stored("feedback_events", date="2026-02-16", receivedAt=NOW, chatId=-7, userId=7) == {
        **FEEDBACK,
        "sessionKey": "r-s-7",
        "sessionRef": "r-s",
        "response": "done",
        "sessionDate": "2026-02-16",
        "date": "2026-02-16",
        "sessionDay": "Monday",
        "day": "Monday",
        "receivedAt": NOW,
        "timestamp": NOW,
        "chatId": "-7",
        "userId": 7,
    }
    document = parse("feedback_events", {"runId": "r", "sessionId": "s", "response": "pain", "type": None})
    assert document.to_update_fields() == {
        "runId": "r",
        "sessionId": "s",
        "sessionKey": "r-s-anon",
        "sessionRef": "r-s",
        "type": "pain",
        "response": "pain",
    }


@pytest.mark.parametrize("collection", MODELS)
def test_null_is_taken_wherever_a_field_may_be_absent(collection: str) -> None:
    """n8n writes it for each listed field that an item lacks. The schema says so, too."""
    properties = MODELS[collection].model_json_schema()["properties"]
    nullable = {name for name, field in properties.items() if {"type": "null"} in field.get("anyOf", ())}
    assert nullable - {"type"} == properties.keys() - MINIMAL[collection].keys() - {KEYS[collection]}
    document = stored(collection, **dict.fromkeys(nullable - {"type"}))
    assert {name for name, value in document.items() if value is None} == nullable - FILLED


def test_null_errors_count_as_none() -> None:
    """They stay null, and the number is right."""
    for collection in ("run_events", "run_artifacts"):
        for fields in (
            {"errors": None},
            {"errors": None, "errorCount": None},
            {"errors": None, "errorCount": 0},
        ):
            document = stored(collection, **fields)
            assert (document["errors"], document["errorCount"]) == (None, 0)
    assert stored("run_artifacts", errorCount=None) == {"runId": "r"}


def test_the_schema_of_feedback_asks_for_an_answer() -> None:
    """Under one of its two names and not null; a late answer is none."""
    schema = MODELS["feedback_events"].model_json_schema()
    assert schema["anyOf"] == [
        {"required": [name], "properties": {name: {"type": "string"}}} for name in ("type", "response")
    ]
    assert {"const": False} in schema["properties"]["isLateResponse"]["anyOf"]


def test_what_the_bot_stores_is_accepted_as_it_is() -> None:
    """Under the plain key and under the key of a collision."""
    tap = Tap(1, "q", 7, "anna", 70, 700, NOW, "session_feedback|a-b|c|done", NOW)
    session = TappedSession("a-b", "c", NOW)
    event = derive_event(tap, Callback("a-b", "c", FeedbackType.DONE), session, zone=UTC, late_after_days=14)
    assert isinstance(event, FeedbackEvent)
    for key in (event.session_key, collision_key(event)):
        document = {**event.to_bson(), "sessionKey": key}
        assert parse("feedback_events", document).to_update_fields() == document


def test_unknown_fields_cannot_be_mistaken_for_known_ones() -> None:
    """`run_id` is not `runId`, and names of Python's own do no harm."""
    extras = {"run_id": 1, "week_start": None, "copy": 2, "model_fields": 3, "__dict__": 4, "of": 5, "": 6}
    assert stored("run_artifacts", **extras) == {"runId": "r", **extras}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("2024-02-29", True),
        ("2023-02-29", False),
        ("2024-W09-4", False),
        ("２０２４-01-01", False),
        (None, False),
    ],
)
def test_days_are_calendar_dates_in_one_form(text: object, verdict: bool) -> None:
    """Other forms of ISO 8601 would not sort with this one."""
    assert is_day(text) is verdict


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"rpe": 10.5}, "rpe: must be a number from 0 to 10"),
        ({"rpe": -1}, "rpe: must be a number from 0 to 10"),
        ({"rpe": "7"}, "rpe: must be a number, not text"),
        ({"pain": {"level": 11}}, "pain: has a level that must be a number from 0 to 10"),
        ({"pain": {"where": " "}}, "pain: has a where that must not be blank"),
        ({"pain": "knee"}, "pain: must be a number, not text"),
        ({"reason": 3}, "reason: must be text, not a number"),
    ],
)
def test_details_that_cannot_be(fields: dict[str, Any], problem: str) -> None:
    """RPE and pain lie on their scales, places and reasons are words."""
    with pytest.raises(BadValue) as caught:
        FeedbackRecord.of({"runId": "r", "sessionId": "s", "type": "done", **fields})
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "fields",
    [{"rpe": 0}, {"rpe": 10}, {"rpe": None}, {"pain": 0}, {"pain": {"where": "knee", "level": 10, "more": 1}},
     {"pain": {"where": None}}, {"reason": "no time"}, {"noteMessageId": 5}],
)  # fmt: skip
def test_details_that_can_be(fields: dict[str, Any]) -> None:
    """They are kept as they are."""
    record = FeedbackRecord.of({"runId": "r", "sessionId": "s", "type": "done", **fields})
    assert fields.items() <= record.to_update_fields().items()


REMINDER = {"runId": "reminder-2026-02-16-x1", "status": "reminder", "session": {"intensity": "--"}}


def test_a_reminder_is_kept_as_it_is() -> None:
    """It is no run: nothing is counted or copied. In `run_artifacts` there are none."""
    assert parse("run_events", REMINDER).to_update_fields() == REMINDER
    with pytest.raises(BadValue, match="must be 'success' or 'failure'"):
        parse("run_artifacts", {"runId": "r", "status": "reminder"})
    assert "reminder" in MODELS["run_events"].model_json_schema()["properties"]["status"]["enum"]


@pytest.mark.parametrize("user", [None, 7])
def test_an_answer_that_names_its_session_in_its_reference_alone(user: int | None) -> None:
    """As older workflows wrote it; where that tells nothing, the session is missing."""
    said = {"runId": "run-1", "sessionRef": "run-1-4711", "type": "done", "userId": user}
    key = f"run-1-4711-{user or 'anon'}"
    fields = parse("feedback_events", said | {"sessionKey": key}).to_update_fields()
    assert (fields["sessionId"], fields["sessionKey"], fields["sessionRef"]) == ("4711", key, "run-1-4711")
    for ref in ("run-1-", "run-1", "run-2-4711", "", None):
        with pytest.raises(BadValue, match="sessionId: is missing"):
            parse("feedback_events", said | {"sessionRef": ref})


@pytest.mark.parametrize(
    ("sent", "weekday", "is_taken"),
    [
        ("2026-02-16T23:30:00Z", "Tuesday", True),  # east of Greenwich
        ("2026-02-16T10:00:00Z", "Tuesday", True),  # as far east as there is
        ("2026-02-16T09:59:59Z", "Tuesday", False),
        ("2026-02-16T02:00:00Z", "Sunday", True),  # west
        ("2026-02-16T12:00:00Z", "Sunday", False),
        ("2026-02-16T23:30:00Z", "Wednesday", False),
        ("2026-02-15T23:30:00Z", "Sunday", False),  # the date is not the prompt's in UTC
        (None, "Tuesday", False),
    ],
)
def test_the_weekday_of_another_zone_is_kept(sent: str | None, weekday: str, is_taken: bool) -> None:
    """Where the date is the prompt's in UTC, and the weekday may be where the workflow runs; else refused."""
    said = {"runId": "r", "sessionId": "s", "type": "done", "promptSentAt": sent}
    said |= {"sessionDate": "2026-02-16", "sessionDay": weekday}
    if is_taken:
        fields = parse("feedback_events", said).to_update_fields()
        assert (fields["date"], fields["day"], fields["sessionDay"]) == ("2026-02-16", weekday, weekday)
    else:
        with pytest.raises(BadValue, match="sessionDay: is not the weekday"):
            parse("feedback_events", said)
