"""Databases with many documents, made by MongoDB itself: a million in half a minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from bot.store.mongodb.indexes import bootstrap

Document = dict[str, Any]
Database = AsyncDatabase[Document]

DAYS = 30
"""Over which documents are spread, evenly, up to now."""
USERS = 5000

_CHUNK = 1000
_TYPES = ("done", "done", "done", "hard", "skipped", "done", "pain")
_STATES = ("answered", "answered", "answered", "answered", "expired", *("answered",) * 4, "sent")
_OUTCOMES = ("written",) * 20 + ("late", "refused", "invalid")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def fill(db: Database, number: int, now: datetime) -> None:
    """So many answers, as many taps and as many questions, one of five without an answer that counts; then
    all indexes. What was in these collections is gone."""
    for collection, document in (
        ("feedback_events", _answer()),
        ("taps", _tap()),
        ("session_prompts", _question()),
    ):
        await db.aggregate([*_numbers(number, now), {"$replaceWith": document}, {"$out": collection}])
    await bootstrap(db)


def _numbers(number: int, now: datetime) -> list[Document]:
    """A stream of so many documents `{i, at}`."""
    first = now - timedelta(days=DAYS) + timedelta(hours=1)
    step = (now - first) / number / timedelta(milliseconds=1)
    chunks = -(-number // _CHUNK)
    inside = {"$add": [{"$multiply": ["$chunk", _CHUNK]}, "$$this"]}
    return [
        {"$documents": [{"chunk": {"$range": [0, chunks]}}]},
        {"$unwind": "$chunk"},
        {"$project": {"i": {"$map": {"input": {"$range": [0, _CHUNK]}, "in": inside}}}},
        {"$unwind": "$i"},
        {"$match": {"i": {"$lt": number}}},
        {"$set": {"at": {"$add": [first, {"$multiply": ["$i", step]}]}}},
    ]


def _answer() -> Document:
    """As the bot stores it."""
    # Between 20 seconds and a day earlier.
    asked = {"$subtract": ["$at", _times(1000, {"$add": [20, _mod(_times(7919), 90_000)]})]}
    day = {"$dateToString": {"date": asked, "format": "%Y-%m-%d"}}
    weekday = {"$arrayElemAt": [list(_WEEKDAYS), {"$subtract": [{"$isoDayOfWeek": asked}, 1]}]}
    type_ = _one_of(_TYPES)
    user = _mod("$i", USERS)
    return {
        "sessionKey": {"$concat": [*_run(), "-", *_session(), "-", {"$toString": user}]},
        "sessionRef": {"$concat": [*_run(), "-", *_session()]},
        "runId": {"$concat": _run()}, "sessionId": {"$concat": _session()},
        "type": type_, "response": type_, "note": None,
        "sessionDate": day, "date": day, "sessionDay": weekday, "day": weekday,
        "chatId": {"$toString": user}, "messageId": "$i", "userId": user, "username": "ana",
        "timestamp": "$at", "receivedAt": "$at", "promptSentAt": asked, "promptAgeDays": {"$literal": 0},
        "isLateResponse": {"$literal": False}, "updateId": "$i",
    }  # fmt: skip


def _tap() -> Document:
    """Of the ledger."""
    return {
        "_id": {"$concat": ["q", {"$toString": "$i"}]}, "outcome": _one_of(_OUTCOMES), "receivedAt": "$at",
        "updateId": "$i",
    }  # fmt: skip


def _question() -> Document:
    """As the sender leaves it."""
    user = _mod("$i", USERS)
    message = {"messageId": "$i", "sentAt": "$at"}
    return {
        "runId": {"$concat": _run()}, "sessionId": {"$concat": _session()}, "chatId": {"$toString": user},
        "title": "Easy run", "note": None, "userId": user, "athleteId": {"$toString": user},
        "state": _one_of(_STATES), "date": {"$dateToString": {"date": "$at", "format": "%Y-%m-%d"}},
        "dueAt": "$at", "attempts": {"$literal": 1}, **message, "messages": [message],
        "createdAt": "$at", "updatedAt": "$at",
    }  # fmt: skip


def _run() -> list[Any]:
    """Seven sessions each; as long at any size."""
    number = {"$add": [1_000_000, {"$floor": {"$divide": ["$i", 7]}}]}
    return ["filled-", {"$toString": {"$toInt": number}}]


def _session() -> list[Any]:
    return ["s", {"$toString": _mod("$i", 7)}]


def _one_of(values: tuple[str, ...]) -> Document:
    return {"$arrayElemAt": [list(values), _mod("$i", len(values))]}


def _mod(value: Any, divisor: int) -> Document:
    return {"$mod": [value, divisor]}


def _times(factor: int, value: Any = "$i") -> Document:
    # 64 bits: a million times a few thousand is too much for 32.
    return {"$multiply": [{"$toLong": value}, factor]}
