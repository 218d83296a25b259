"""Where an answer type, a follow-up question or a collection shows: a program that prints it as JSON.

    python -m tests.support.declared answer VALUE
    python -m tests.support.declared question VALUE
    python -m tests.support.declared collection NAME

It is run on a copy of `bot` to which a declaration and its texts were added: all else has to follow.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from click import Context
from fastapi.routing import APIRoute

from bot.api.openapi import examples
from bot.api.openapi.models import components
from bot.api.routes.records import routes
from bot.cli import data
from bot.core.answers.details import Details, next_question, read_details
from bot.core.answers.event import AnswerAddition, FeedbackEvent, StoredAnswer
from bot.core.answers.keyboards import detail_rows, prompt_keyboard
from bot.core.answers.message import ShownAnswer, show
from bot.core.answers.payloads import Callback, detail_ids, format_detail, parse_payload
from bot.core.answers.rules import TappedSession, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.figures import texts as figures_texts
from bot.core.figures.chart import chart_of
from bot.core.i18n.language import Language
from bot.core.people import texts as people_texts
from bot.core.people.athlete import Athlete, ContactHours
from bot.core.people.tombstone import DataSubject
from bot.core.records import retention
from bot.core.records.collections import COLLECTIONS
from bot.core.records.models import FeedbackRecord
from bot.core.shared.errors import ConfigError
from bot.core.shared.update_order import UpdateStamp
from bot.core.summary import week_message
from bot.core.summary.summary import Summary, summarize, week_of
from bot.core.telegram.updates import Tap, TappedMessage
from bot.records_io import transfer
from bot.settings import Settings
from bot.store import personal_data
from bot.store.answers import answer_updates, feedback_events, history
from bot.store.mongodb import date_repair, indexes, mongosh_script, roles
from bot.store.records import upserts

NOW = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)
EN = Language.EN
IDS = ("r", "s", 7)


def summary(**answer: Any) -> Summary:
    """The summary of a week with one answer."""
    said = {"runId": "r", "sessionId": "s", "userId": 7, "receivedAt": NOW, "promptSentAt": NOW, **answer}
    return summarize(
        week_of(NOW, UTC),
        athlete=Athlete("ana", 7, 7, ContactHours(Settings.model_fields["timezone"].get_default())),
        plans=[],
        prompts=[],
        events=[said],
        now=NOW + timedelta(days=1),
        late_after_days=14,
    )


def places_of_answer(value: str) -> dict[str, Any]:
    """What is said, stored, counted and drawn of an answer type, by place."""
    payload = parse_payload(f"session_feedback|r|s|{value}")
    record = {"runId": "r", "sessionId": "s", "type": value}
    told = summary(type=value)
    figures = examples.stats()
    shown: dict[str, Any] = {
        "payload": payload.type if isinstance(payload, Callback) else None,
        "buttons": [button["callback_data"] for row in prompt_keyboard("r", "s", EN) for button in row],
        "help": [people_texts.help_text(language, admin=False) for language in Language],
        "records": FeedbackRecord.of(record).to_update_fields()["type"],
        "schema of records": FeedbackRecord.model_json_schema()["properties"]["type"],
        "counts": told.to_json()["week"]["counts"],
        "answers in a row": told.to_json()["runs"],
        "legend of counts": told.to_json()["legend"]["counts"]["asked"],
        "legend of states": told.to_json()["legend"]["states"],
        "scales": told.scales,
        "Markdown": told.to_markdown(),
        "/week": [week_message.week(told.week, language) for language in Language],
        "figures": figures.to_json()["answers"],
        "/stats": [figures_texts.stats(figures, language) for language in Language],
        "chart": chart_of(figures, EN)["bars"],
        "schema of figures": components()["AnswersByType"],
        "schema of the summary": [components()[name] for name in ("Streaks", "Week", "WeekSession")],
    }
    return shown


def places_of_question(value: str) -> dict[str, Any]:
    """What is asked, stored and passed on of a question, by place."""
    detail = Detail(value)
    field, choice = detail.facts.field.name, detail.facts.choices[-1]
    type_ = next(type_ for type_ in FeedbackType if detail in type_.facts.asks)
    others = {
        other: other.facts.choices[0]
        for other in type_.facts.asks
        if other is not detail and not other.facts.is_last
    }
    said = Details({detail: choice})
    ids = detail_ids("r", "s", by_reference=False)
    assert ids is not None
    tap = Tap(5, "q", 7, None, 7, 1, NOW, f"session_feedback|r|s|{type_}", NOW)
    callback, session = Callback("r", "s", type_), TappedSession("r", "s", NOW)
    event = derive_event(tap, callback, session, zone=UTC, late_after_days=14)
    other = next(each for each in FeedbackType if detail not in each.facts.asks)
    foreign = derive_event(tap, Callback("r", "s", other), session, zone=UTC, late_after_days=14)
    assert isinstance(event, FeedbackEvent)
    assert isinstance(foreign, FeedbackEvent)
    stored = StoredAnswer("r-s-7", type_, None, NOW, 5, said)
    addition = AnswerAddition(IDS, detail, choice, 6, NOW)
    told = summary(type=type_.value, **said.to_document())
    message = TappedMessage("How was it?", [], prompt_keyboard("r", "s", EN))
    edits = [
        show(message, ShownAnswer("r", "s", False, type_, Details(others), detail, language))  # noqa: FBT003
        for language in Language
    ]
    shown: dict[str, Any] = {
        "setting": detail.facts.setting if detail.facts.setting in Settings.model_fields else None,
        "asked": next_question(type_, Details(others), frozenset(Detail)),
        "messages": [edit.text for edit in edits],
        "buttons": [button["callback_data"] for row in edits[0].keyboard for button in row],
        "button to change it": detail_rows(ids, type_, said, None, EN),
        "payload": getattr(parse_payload(format_detail(ids, detail, choice)), "detail", None),
        "documents": [*said.to_document(), *(str(it) for it in read_details(said.to_document()).said)],
        "records": FeedbackRecord.of(
            {"runId": "r", "sessionId": "s", "type": type_.value, **said.to_document()}
        ).to_update_fields(),
        "schema of records": FeedbackRecord.model_json_schema()["properties"],
        "schema of the API": components()["Feedback"]["properties"],
        "write": str(answer_updates.addition_request(addition)),
        "read": list(feedback_events._READ),
        "taken away with another answer": answer_updates._without_foreign_details(foreign),
        "kept with its own": field if field not in answer_updates._without_foreign_details(event) else None,
        "history": history._state(history.AnswerChange(IDS, stored, 6, NOW)),
        "records of others": list(answer_updates._OF_THE_ANSWER),
        "/forgetme": str(personal_data._later_words(UpdateStamp(7, NOW))),
        "summary": told.to_json()["week"]["sessions"],
        "Markdown": told.to_markdown(),
        "/week": [week_message.week(told.week, language) for language in Language],
    }
    if detail.facts.scale is not None:
        shown["scales"] = told.scales
    return shown


def places_of_collection(name: str) -> dict[str, Any]:
    """What is made, granted, written, shown and deleted of a collection, by place."""
    collection = next(it for it in COLLECTIONS if it.name == name)
    assert collection.model is not None
    record = collection.model.of(dict(collection.model.EXAMPLES[0]))
    stage = upserts.merge(name, record, NOW)
    try:
        retention.Retention(**{name: 29}).check()
    except ConfigError as exc:
        refused = str(exc)
    else:
        refused = ""
    dependencies: Any = None  # used by requests only
    return {
        "indexes": [index.name for index in indexes.INDEXES if index.collection == name],
        "mongosh script": mongosh_script.script(),
        "expiry": [line for line in indexes.describe_retention(indexes.INDEXES) if name in line],
        "setting": getattr(Settings.model_construct(), retention.variable(name).lower()),
        "refused": refused,
        "dates": date_repair.FIELDS[name],
        "merge": [field for field in ("createdAt", "updatedAt") if f"'{field}'" in str(stage)],
        "lane": transfer._document_group(record),
        "roles": {role.name: role.actions[name] for role in roles.ROLES if name in role.actions},
        "roles script": roles.script(),
        "write": data.write.get_help(Context(data.write)),
        "export": data.export.get_help(Context(data.export)),
        "schema": data.schema.params[0].to_info_dict(),
        "API": [route.path for route in routes(dependencies).routes if isinstance(route, APIRoute)],
        "schema of the API": components()["WrittenCounts"],
        "examples": list(examples.DOCUMENTS[name]),
        "found by": personal_data.query_of(personal_data.DISCLOSED[name], DataSubject(7, "ana")),
        "/mydata": list(personal_data.DISCLOSED),
    }


if __name__ == "__main__":
    _, kind, name = sys.argv
    kinds = {"answer": places_of_answer, "question": places_of_question, "collection": places_of_collection}
    found = kinds[kind](name)
    json.dump(found, sys.stdout, default=str, ensure_ascii=False)
