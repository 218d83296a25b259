"""Counts over spans of time; those of spans that are over are counted once and kept.

`figures`: `{_id, touches, touchedAt, computedAt, taps, answers, sessions, delays}`, one document for each
span; `_id` names it, the rest is as in `bot.core.figures.stats.Tally`. A kept document holds as long as
nobody touches its span (see `bot.store.figures.invalidation`), and an hour at most: then shows what other
programs
write straight into the past.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReplaceOne

from bot.core.facts.answer_types import read_type
from bot.core.figures.histogram import BUCKETS, EXACT, RATIO
from bot.core.figures.periods import Period, PeriodWindow
from bot.core.figures.stats import Tally
from bot.core.records.collections import FIGURES
from bot.core.records.models import is_day
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageDenied
from bot.core.shared.tolerant import read_int64
from bot.store.answers import feedback_events as feedback
from bot.store.answers import tap_ledger as taps
from bot.store.figures.invalidation import FigureInvalidation, InvalidationMarks
from bot.store.mongodb.client import Database, Document, storage_errors

COLLECTION = FIGURES.name

HOLDS = timedelta(hours=1)
"""How long kept figures are used."""

_FORMAT = 2
"""Grows when documents of an older release must not be used any more."""
_MOST_IDS = 20_000
# Spans that are counted in one look: what comes back is one document, of 16 MB at most.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class CountedPeriod:
    """What was counted.

    Attributes:
        tallies: by span, oldest first.
        entered: those of the callback queries asked for that are in the ledger.
    """

    tallies: list[Tally]
    entered: frozenset[str]


class FigureStore:
    """Reads of `feedback_events` and `taps`, through `figures`.

    All methods raise `StorageUnavailable`, `StorageRejected`.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._events = db[feedback.COLLECTION]
        self._taps = db[taps.COLLECTION]
        self._figures = db[COLLECTION]
        self._touches = FigureInvalidation(db, clock)
        self._clock = clock

    async def count(
        self, window: PeriodWindow, query_ids: Sequence[str] = (), *, holds: timedelta = HOLDS
    ) -> CountedPeriod:
        """Count what was received in a window.

        Args:
            query_ids: callbacks that may be entering the ledger right now, oldest first. Each is either
                counted and in `entered`, or neither. Only 20,000 are looked for: no more are in hand.
            holds: kept figures that are older are counted anew.
        """
        # Touches first: what is counted after them is no older than they are.
        touched = await self._touches.read()
        kept, live = await asyncio.gather(
            self._kept(window.kept, touched, holds), self._count(window.live, query_ids[:_MOST_IDS])
        )
        return CountedPeriod([*kept, *live.tallies], live.entered)

    async def last_answer(self, until: datetime) -> datetime | None:
        """When the newest answer was received; those from the future do not count."""
        with storage_errors():
            document = await self._events.find_one(
                {"receivedAt": {"$lte": until}}, {"_id": False, "receivedAt": True}, sort=[("receivedAt", -1)]
            )
        return None if document is None else document["receivedAt"]

    async def _kept(
        self, spans: Sequence[Period], touched: InvalidationMarks, holds: timedelta
    ) -> list[Tally]:
        now = self._clock()
        names = [_id(span) for span in spans]
        with storage_errors():
            found = {doc["_id"]: doc async for doc in self._figures.find({"_id": {"$in": names}})}
        tallies, missing = {}, []
        for span, name in zip(spans, names, strict=True):
            document, mark = found.get(name), touched.mark(span)
            if (
                document is not None
                and _is_whole(document)
                and (document.get("touches"), document.get("touchedAt")) == mark
                and abs(now - document["computedAt"]) <= holds
            ):
                tallies[span] = _read(span, document)
            else:
                missing.append(span)
        # One part after the other: nobody else's work is to wait for this.
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            counted = await self._count(part)
            tallies |= zip(part, counted.tallies, strict=True)
            await self._keep(
                {
                    _id(span): _document(tally, *touched.mark(span), self._clock())
                    for span, tally in zip(part, counted.tallies, strict=True)
                    if not touched.is_unsettled(span)
                }
            )
        return [tallies[span] for span in spans]

    async def _keep(self, documents: Mapping[str, Document]) -> None:
        requests = [ReplaceOne({"_id": name}, it, upsert=True) for name, it in documents.items()]
        if requests:
            # Who may only read gets the same figures, counted anew each time.
            with suppress(StorageDenied), storage_errors():
                await self._figures.bulk_write(requests, ordered=False)

    async def _count(self, spans: Sequence[Period], query_ids: Sequence[str] = ()) -> CountedPeriod:
        """Count all of these spans in one look at the ledger and one at the answers."""
        if not spans:
            return CountedPeriod([], frozenset())
        (counts, entered), events = await asyncio.gather(
            self._count_taps(spans, query_ids), self._count_events(spans)
        )
        found = zip(spans, counts, events, strict=True)
        return CountedPeriod([_tally(*each) for each in found], entered)

    async def _count_taps(
        self, spans: Sequence[Period], query_ids: Sequence[str]
    ) -> tuple[list[dict[str, int]], frozenset[str]]:
        """Taps of each span by outcome; and in the same look, which of `query_ids` are in the ledger."""
        group: Document = {"_id": {"span": _span_of(spans), "outcome": "$outcome"}, "n": {"$sum": 1}}
        match = _within(spans)
        if query_ids:
            ids = list(dict.fromkeys(query_ids))
            match = {"$or": [*match["$or"], {"_id": {"$in": ids}}]}
            is_asked_for = {"$setIsSubset": [["$_id"], {"$literal": ids}]}
            group["entered"] = {"$push": {"$cond": [is_asked_for, "$_id", "$$REMOVE"]}}
        counts: list[dict[str, int]] = [{} for _ in spans]
        entered: set[str] = set()
        with storage_errors():
            async for found in await self._taps.aggregate([{"$match": match}, {"$group": group}]):
                number = found["_id"]["span"]
                if number is not None:
                    counts[number][str(found["_id"].get("outcome"))] = found["n"]
                entered.update(found.get("entered", ()))
        return counts, frozenset(entered)

    async def _count_events(self, spans: Sequence[Period]) -> list[dict[str, list[Document]]]:
        """Answers of each span, by session day and type, and by delay."""
        pipeline: list[Document] = [
            {"$match": _within(spans)},
            {
                "$project": {
                    "_id": False,
                    "type": True,
                    "day": "$sessionDate",
                    "delay": _BUCKET,
                    "span": _span_of(spans),
                }
            },
            {
                "$facet": {
                    "sessions": [
                        {
                            "$group": {
                                "_id": {"span": "$span", "type": "$type", "day": "$day"},
                                "n": {"$sum": 1},
                            }
                        }
                    ],
                    "delays": [
                        {"$match": {"delay": {"$ne": None}}},
                        {"$group": {"_id": {"span": "$span", "delay": "$delay"}, "n": {"$sum": 1}}},
                    ],
                }
            },
        ]
        with storage_errors():
            [found] = await (await self._events.aggregate(pipeline)).to_list()
        events: list[dict[str, list[Document]]] = [{"sessions": [], "delays": []} for _ in spans]
        for name, groups in found.items():
            for group in groups:
                events[group["_id"]["span"]][name].append(group)
        return events


def _seconds() -> Document:
    dates = ("receivedAt", "promptSentAt")
    are_dates = {"$and": [{"$eq": [{"$type": f"${name}"}, "date"]} for name in dates]}
    seconds = {"$divide": [{"$subtract": ["$receivedAt", "$promptSentAt"]}, 1000]}
    return {"$cond": [are_dates, seconds, None]}


# `bot.core.figures.histogram.bucket` in MongoDB's words.
_BUCKET: Document = {
    "$let": {
        "vars": {"seconds": _seconds()},
        "in": {
            "$switch": {
                "branches": [
                    {"case": {"$eq": ["$$seconds", None]}, "then": None},
                    {"case": {"$lt": ["$$seconds", 0]}, "then": 0},
                    {"case": {"$lt": ["$$seconds", EXACT]}, "then": {"$toInt": {"$floor": "$$seconds"}}},
                ],
                "default": {
                    "$min": [
                        BUCKETS - 1,
                        {
                            "$add": [
                                EXACT,
                                {
                                    "$toInt": {
                                        "$floor": {
                                            "$divide": [
                                                {"$ln": {"$divide": ["$$seconds", EXACT]}},
                                                math.log(RATIO),
                                            ]
                                        }
                                    }
                                },
                            ]
                        },
                    ]
                },
            }
        },
    }
}


def _id(span: Period) -> str:
    return f"{_FORMAT}/{span.name}"


def _within(spans: Sequence[Period]) -> Document:
    """Selects what was received in one of the spans; those that follow each other are one range."""
    ranges: list[tuple[datetime, datetime]] = []
    for span in spans:
        start = ranges.pop()[0] if ranges and ranges[-1][1] == span.start else span.start
        ranges.append((start, span.end))
    return {"$or": [{"receivedAt": {"$gte": start, "$lt": end}} for start, end in ranges]}


def _span_of(spans: Sequence[Period], first: int = 0) -> Document:
    """The number of the span, oldest first, in which `receivedAt` lies, or null: found by halving."""
    if len(spans) == 1:
        [span] = spans
        inside = [{"$gte": ["$receivedAt", span.start]}, {"$lt": ["$receivedAt", span.end]}]
        return {"$cond": [{"$and": inside}, {"$literal": first}, None]}
    half = len(spans) // 2
    earlier, later = _span_of(spans[:half], first), _span_of(spans[half:], first + half)
    return {"$cond": [{"$lt": ["$receivedAt", spans[half].start]}, earlier, later]}


def _document(tally: Tally, touches: int, touched_at: datetime | None, now: datetime) -> Document:
    return {
        "touches": touches,
        "touchedAt": touched_at,
        "computedAt": now,
        "taps": tally.taps,
        "answers": tally.answers,
        "sessions": tally.sessions,
        "delays": tally.delays,
    }


def _tally(span: Period, counts: Mapping[str, int], events: Mapping[str, Any]) -> Tally:
    answers: dict[str, int] = {}
    sessions: dict[str, dict[str, int]] = {}
    for group in events["sessions"]:
        type_, day = read_type(group["_id"].get("type")), group["_id"].get("day")
        if type_ is None:
            continue
        answers[type_.value] = answers.get(type_, 0) + group["n"]
        if is_day(day):
            types = sessions.setdefault(day, {})
            types[type_.value] = types.get(type_, 0) + group["n"]
    return Tally(span.day, counts, answers, sessions, _histogram(events["delays"]))


def _histogram(groups: Iterable[Mapping[str, Any]]) -> list[int]:
    counts = {group["_id"]["delay"]: group["n"] for group in groups}
    return [counts.get(number, 0) for number in range(max(counts, default=-1) + 1)]


def _is_whole(document: Mapping[str, Any]) -> bool:
    """Whether it is as `_document` makes it; else it is counted anew, whoever has changed it."""
    sessions, delays = document.get("sessions"), document.get("delays")
    return (
        isinstance(document.get("computedAt"), datetime)
        and _are_counts(document.get("taps"))
        and _are_counts(document.get("answers"))
        and isinstance(sessions, dict)
        and all(is_day(day) and _are_counts(types) for day, types in sessions.items())
        and isinstance(delays, list)
        and len(delays) <= BUCKETS
        and all(map(_is_count, delays))
    )


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_count(value: object) -> bool:
    number = read_int64(value)
    return number is not None and number >= 0


def _read(span: Period, document: Mapping[str, Any]) -> Tally:
    return Tally(span.day, document["taps"], document["answers"], document["sessions"], document["delays"])
