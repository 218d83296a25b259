"""Updates of `feedback_events`: of several answers about a session the last one wins. Pure.

Whoever answers, by a tap or through any other writer, in whatever order and however often: MongoDB decides,
in the update, so that no other writer comes in between. An upsert filters on the key alone (a predicate
beside it makes upserts fail with E11000).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from pymongo import UpdateOne

from bot.core.answers.details import senseless_after
from bot.core.answers.event import AnswerAddition, FeedbackEvent, Identity, NoteChange
from bot.core.answers.rules import collision_key_of, session_key
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS
from bot.core.records.models import FeedbackRecord
from bot.store.answers.note_updates import note_stages
from bot.store.mongodb.client import Document
from bot.store.mongodb.update_order import date, is_after, is_close

Expression: TypeAlias = Any
"""A value in an update pipeline: a constant, or an operator with its arguments."""

KEEP: Expression = "$$ROOT"
"""Where nothing changes, the document replaces itself."""

_OF_THE_ANSWER = (
    "note", "notes", "attachments", "noteMessageId", *FIELDS, "saidAt",
    "messageId", "promptSentAt", "promptAgeDays", "updateId",
)  # fmt: skip
"""What an answer says of itself and must not be lent to the next one; an `updateId` would give it a place."""


def last_answer_wins(
    session: tuple[str, str],
    update_id: int | None,
    received_at: datetime,
    *,
    later: Expression,
    otherwise: Expression = KEEP,
    foreign: Expression = KEEP,
    is_news: Expression = True,
) -> Document:
    """The pipeline stage that brings an answer into the document under its key.

    A document without `runId` is new, or belongs to whoever answers first. Which of two answers is the later
    one is said by `bot.core.answers.rules.supersedes`; other writers may have left `updateId` out, then the
    time of receipt decides. `$literal` keeps text that begins with `$` from being read as an expression.

    Args:
        session: run and session of the answer.
        update_id: None if it has none.
        received_at: when it was.
        later: the document, where the answer is the later one.
        otherwise: the document, where it is not.
        foreign: the document, where another session holds the key.
        is_news: what must hold besides for the answer to be the later one of two.
    """
    is_new = {"$eq": [{"$type": "$runId"}, "missing"]}
    is_ours = {"$or": [is_new, {"$eq": [["$runId", "$sessionId"], {"$literal": list(session)}]}]}
    newer = is_after(update_id, received_at, "$updateId", "$receivedAt")
    is_later = {"$and": [{"$or": [is_new, newer]}, is_news]}
    return {"$replaceWith": {"$cond": [is_ours, {"$cond": [is_later, later, otherwise]}, foreign]}}


def tap_request(event: FeedbackEvent, key: str) -> UpdateOne:
    """The upsert of an athlete's tap.

    The same button again moves the update id alone, by which later taps are told from earlier ones. The same
    answer below another message is of that message, and was first given when it was. With another answer goes
    what was said about the one before; a note that the athlete wrote as a reply stays, whatever the button
    carries.

    Args:
        key: the `sessionKey` to store it under.
    """
    document = {**event.to_bson(), "sessionKey": key}
    kept_note = {"$cond": [{"$isNumber": "$noteMessageId"}, {"note": _or_null("$note")}, {}]}
    since = _since(event)
    changed: Document = {"$mergeObjects": ["$$ROOT", {"$literal": document}, kept_note, since]}
    moved = {"$mergeObjects": [changed, {name: f"${name}" for name in ("receivedAt", "timestamp")}]}
    again = {"$mergeObjects": ["$$ROOT", {"updateId": event.update_id}, since]}
    replaced = {
        "$cond": [_same_answer(event), {"$cond": [_same_message(event), again, moved]}, changed],
    }
    session = (event.run_id, event.session_id)
    stage = last_answer_wins(session, event.update_id, event.received_at, later=replaced)
    return UpdateOne({"sessionKey": key}, [stage, {"$set": _without_foreign_details(event)}], upsert=True)


def record_stage(
    record: FeedbackRecord, key: str, now: datetime, *, unchanged: Expression, foreign: Expression
) -> Document:
    """The pipeline stage of an answer that any other writer gives.

    It takes away what the earlier answer said of itself (note, ...). The same answer given again, by
    `receivedAt` and `updateId`, is corrected.

    Args:
        key: the `sessionKey` to store it under.
        now: when it is received, if it does not say.
        unchanged: the document, where it would stay the same.
        foreign: the document, where another session holds the key.
    """
    fields = {**record.to_update_fields(), "sessionKey": key}
    received = record.receivedAt or now
    rest: Expression = "$$ROOT"
    for name in _OF_THE_ANSWER:
        if name not in fields:
            rest = {"$unsetField": {"field": name, "input": rest}}
    replaced: Expression = {"$mergeObjects": [rest, {"$literal": fields}]}
    corrected: Expression = {"$mergeObjects": ["$$ROOT", {"$literal": fields}]}
    differs: Expression = {"$ne": [corrected, "$$ROOT"]}
    if record.receivedAt is None:
        replaced = {"$mergeObjects": [replaced, {"timestamp": received, "receivedAt": received}]}
    same: Expression = {
        "$and": [
            {"$eq": ["$receivedAt", received]},
            {"$eq": [{"$ifNull": ["$updateId", None]}, record.updateId]},
            differs,
        ]
    }
    return last_answer_wins(
        (record.runId, record.sessionId),
        record.updateId,
        received,
        later=replaced,
        otherwise={"$cond": [same, corrected, unchanged]},
        foreign=foreign,
        # Only what it says can tell a repetition of what has no time.
        is_news=differs if record.receivedAt is None else True,
    )


def keys_of(session: Identity) -> tuple[str, str]:
    """The keys under which a session's answer may be stored: the plain one first."""
    run_id, session_id, _ = session
    plain = session_key(*session)
    return plain, collision_key_of(plain, run_id, session_id)


def _since(event: FeedbackEvent) -> Document:
    """From when on what is said besides belongs to the answer that stands, where another one was before it.

    That is the first of the answers after which the same is asked. Where nothing is noted, it is the answer
    that stands.
    """
    asked_alike = [type_.value for type_ in FeedbackType if type_.facts.asks == event.type.facts.asks]
    before: Document = {
        "at": {"$ifNull": ["$saidAt.answer.at", "$receivedAt"]},
        "updateId": {"$ifNull": ["$saidAt.answer.updateId", "$updateId"]},
    }
    is_noted = {"$eq": [{"$type": "$saidAt"}, "object"]}
    noted = {"saidAt": {"$mergeObjects": [{"$cond": [is_noted, "$saidAt", {}]}, {"answer": before}]}}
    unnoted = {"$cond": [is_noted, {"saidAt": {"$unsetField": {"field": "answer", "input": "$saidAt"}}}, {}]}
    return {"$cond": [{"$in": ["$type", asked_alike]}, noted, unnoted]}


def _same_answer(event: FeedbackEvent) -> Document:
    """Whether what stands says the same."""
    same_note: Document = {"$eq": [_or_null("$note"), {"$literal": event.note}]}
    return {
        "$and": [
            {"$eq": ["$type", event.type.value]},
            {"$eq": [{"$type": "$receivedAt"}, "date"]},
            {"$let": {"vars": {"received": date("$receivedAt")}, "in": is_close(event.received_at)}},
            {"$or": [{"$isNumber": "$noteMessageId"}, same_note]},
        ]
    }


def _same_message(event: FeedbackEvent) -> Document:
    """Whether what stands was said with a button of the same message."""
    place = [_or_null("$chatId"), _or_null("$messageId")]
    return {"$eq": [place, {"$literal": [event.chat_id, event.message_id]}]}


def _or_null(field: str) -> Document:
    return {"$ifNull": [field, None]}


def _without_foreign_details(event: FeedbackEvent) -> Document:
    """Takes away what belongs to another answer than this one, if this one stands now."""
    stands = [{"$eq": ["$updateId", event.update_id]}, {"$eq": ["$type", event.type.value]}]
    kept = _fields_after(event.type)
    gone: Document = {name: {"$and": stands} for name in FIELDS if name not in kept}
    for name in kept:
        if words := _words_of_others(name, event.type):
            gone[name] = {"$and": [*stands, {"$in": [f"${name}", words]}]}
    return {name: {"$cond": [is_foreign, "$$REMOVE", f"${name}"]} for name, is_foreign in gone.items()}


def _words_of_others(name: str, type_: FeedbackType) -> list[int | str]:
    """What can stand in a field after other answers only."""
    others = (detail.facts for detail in FIELDS[name] if detail not in type_.facts.asks)
    return [choice for facts in others if facts.part is None for choice in facts.choices]


def _fields_after(type_: FeedbackType) -> frozenset[str]:
    """The fields that are asked for after an answer."""
    return frozenset(detail.facts.field.name for detail in type_.facts.asks)


def addition_request(addition: AnswerAddition) -> UpdateOne:
    """The write of an addition: no upsert, so a condition may stand beside the key."""
    run_id, session_id, _ = addition.session
    # When it was said, to tell what is later.
    said = f"saidAt.{addition.name}"
    is_newer = {
        "$or": [
            {"$eq": [{"$type": f"${said}.at"}, "missing"]},
            is_after(addition.update_id, addition.received_at, f"${said}.updateId", f"${said}.at"),
        ]
    }
    facts = addition.detail.facts
    # It belongs to the answers before it.
    query: Document = {
        "sessionKey": {"$in": list(keys_of(addition.session))},
        "runId": run_id,
        "sessionId": session_id,
        "type": {"$in": [type_.value for type_ in FeedbackType if addition.detail in type_.facts.asks]},
        "$expr": {"$and": [is_newer, _belongs_to_the_answer(addition)]},
    }
    fields: Document = {
        said: {"at": addition.received_at, "updateId": addition.update_id},
        facts.path: {"$literal": addition.value},
    }
    gone = senseless_after(addition.detail, addition.value)
    fields |= {path: "$$REMOVE" for it in gone for path in (it.facts.path, f"saidAt.{it.value}")}
    return UpdateOne(query, [{"$set": fields}])


def note_request(change: NoteChange) -> UpdateOne:
    """The write of a change of a note, which stays whatever answer is given: no upsert, as above."""
    run_id, session_id, _ = change.session
    query: Document = {
        "sessionKey": {"$in": list(keys_of(change.session))},
        "runId": run_id,
        "sessionId": session_id,
    }
    return UpdateOne(query, note_stages(change))


def _belongs_to_the_answer(addition: AnswerAddition) -> Document:
    """Whether it was said after the answer that stands, or one after which the same is asked."""
    update_id = {"$ifNull": ["$saidAt.answer.updateId", "$updateId"]}
    at = {"$ifNull": ["$saidAt.answer.at", "$receivedAt"]}
    return is_after(addition.update_id, addition.received_at, update_id, at)
