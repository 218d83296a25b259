"""Counts over periods of time; those of periods that are over are counted once and kept.

`figures`: `{_id, touches, touchedAt, computedAt, taps, answers, sessions, delays, hours, notes, completed}`,
one document for each period; `_id` names it, the rest is as in `bot.core.figures.stats.Tally`. A kept
document holds as long as nothing in its period changes (see `bot.store.figures.invalidation`), and an hour at
most: then shows what other programs write straight into the past.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from pymongo import ReplaceOne

from bot.core.facts.answer_types import KNOWN_DONE, read_type
from bot.core.facts.completion import FIELD as COMPLETED
from bot.core.facts.completion import Completion, completion
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
from bot.store.mongodb.client import Database, Document, storage_errors, write_all

COLLECTION = FIGURES.name

HOLDS = timedelta(hours=1)
"""How long kept figures are used."""

_FORMAT = 3
"""Grows when documents of an older release must not be used any more."""
_HOURS = frozenset(f"{hour:02}" for hour in range(24))
_MOST_IDS = 20_000
# Periods that are counted in one look: what comes back is one document, of 16 MB at most.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class CountedPeriod:
    """What was counted.

    Attributes:
        tallies: by period, oldest first.
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
        self._invalidation = FigureInvalidation(db, clock)
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
        marks = await self._invalidation.read()
        kept, live = await asyncio.gather(
            self._kept(window, marks, holds), self._count(window.live, window.zone, query_ids[:_MOST_IDS])
        )
        return CountedPeriod([*kept, *live.tallies], live.entered)

    async def last_answer(self, until: datetime) -> datetime | None:
        """When the newest answer was received; those from the future do not count."""
        with storage_errors():
            document = await self._events.find_one(
                {"receivedAt": {"$lte": until}}, {"_id": False, "receivedAt": True}, sort=[("receivedAt", -1)]
            )
        return None if document is None else document["receivedAt"]

    async def _kept(self, window: PeriodWindow, marks: InvalidationMarks, holds: timedelta) -> list[Tally]:
        now, periods = self._clock(), window.kept
        names = [_id(period, window.zone) for period in periods]
        with storage_errors():
            found = {doc["_id"]: doc async for doc in self._figures.find({"_id": {"$in": names}})}
        tallies, missing = {}, []
        for period, name in zip(periods, names, strict=True):
            document, mark = found.get(name), marks.mark(period)
            if (
                document is not None
                and _is_whole(document)
                and (document.get("touches"), document.get("touchedAt")) == mark
                and abs(now - document["computedAt"]) <= holds
            ):
                tallies[period] = _read(period, document)
            else:
                missing.append(period)
        # One part after the other: nobody else's work is to wait for this.
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            counted = await self._count(part, window.zone)
            tallies |= zip(part, counted.tallies, strict=True)
            await self._keep(
                {
                    _id(period, window.zone): _document(tally, *marks.mark(period), self._clock())
                    for period, tally in zip(part, counted.tallies, strict=True)
                    if not marks.is_unsettled(period)
                }
            )
        return [tallies[period] for period in periods]

    async def _keep(self, documents: Mapping[str, Document]) -> None:
        requests = [ReplaceOne({"_id": name}, it, upsert=True) for name, it in documents.items()]
        # Who may only read gets the same figures, counted anew each time.
        with suppress(StorageDenied):
            await write_all(self._figures, requests)

    async def _count(
        self, periods: Sequence[Period], zone: tzinfo, query_ids: Sequence[str] = ()
    ) -> CountedPeriod:
        """Count all of these periods in one look at the ledger and one at the answers."""
        if not periods:
            return CountedPeriod([], frozenset())
        (counts, entered), events = await asyncio.gather(
            self._count_taps(periods, query_ids), self._count_events(periods)
        )
        found = zip(periods, counts, events, strict=True)
        return CountedPeriod([_tally(*each, zone) for each in found], entered)

    async def _count_taps(
        self, periods: Sequence[Period], query_ids: Sequence[str]
    ) -> tuple[list[dict[str, int]], frozenset[str]]:
        """Taps of each period by outcome; and in the same look, which of `query_ids` are in the ledger."""
        group: Document = {"_id": {"period": _period_of(periods), "outcome": "$outcome"}, "n": {"$sum": 1}}
        match = _within(periods)
        if query_ids:
            ids = list(dict.fromkeys(query_ids))
            match = {"$or": [*match["$or"], {"_id": {"$in": ids}}]}
            is_asked_for = {"$setIsSubset": [["$_id"], {"$literal": ids}]}
            group["entered"] = {"$push": {"$cond": [is_asked_for, "$_id", "$$REMOVE"]}}
        counts: list[dict[str, int]] = [{} for _ in periods]
        entered: set[str] = set()
        with storage_errors():
            async for found in await self._taps.aggregate([{"$match": match}, {"$group": group}]):
                number = found["_id"]["period"]
                if number is not None:
                    counts[number][str(found["_id"].get("outcome"))] = found["n"]
                entered.update(found.get("entered", ()))
        return counts, frozenset(entered)

    async def _count_events(self, periods: Sequence[Period]) -> list[dict[str, list[Document]]]:
        """Answers of each period: by session day, type and whether with a note; by delay; and by the quarter
        of an hour at which was asked, since MongoDB may not know the zone."""
        # Others may have written any date: MongoDB truncates none that is far away, and no zone reckons with
        # the last year of all.
        bounds = [{"$gte": ["$promptSentAt", _FIRST]}, {"$lt": ["$promptSentAt", _LAST]}]
        is_near = {"$and": [{"$eq": [{"$type": "$promptSentAt"}, "date"]}, *bounds]}
        asked: Document = {"$dateTrunc": {"date": "$promptSentAt", "unit": "minute", "binSize": 15}}
        pipeline: list[Document] = [
            # What athletes log was not asked about.
            {"$match": {**_within(periods), "logged": None}},
            {
                "$project": {
                    "_id": False,
                    "type": True,
                    "day": "$sessionDate",
                    "completed": f"${COMPLETED}",
                    "delay": _BUCKET,
                    "asked": {"$cond": [is_near, asked, None]},
                    "hasNote": {"$gt": ["$note", ""]},
                    "period": _period_of(periods),
                }
            },
            {
                "$facet": {
                    "sessions": [_counted("type", "day", "hasNote", "completed")],
                    "delays": [{"$match": {"delay": {"$ne": None}}}, _counted("delay")],
                    "asked": [{"$match": {"asked": {"$ne": None}}}, _counted("asked")],
                }
            },
        ]
        with storage_errors():
            [found] = await (await self._events.aggregate(pipeline)).to_list()
        events: list[dict[str, list[Document]]] = [{name: [] for name in found} for _ in periods]
        for name, groups in found.items():
            for group in groups:
                events[group["_id"]["period"]][name].append(group)
        return events


_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _id(period: Period, zone: tzinfo) -> str:
    return f"{_FORMAT}/{zone}/{period.name}"


def _counted(*names: str) -> Document:
    return {"$group": {"_id": {name: f"${name}" for name in ("period", *names)}, "n": {"$sum": 1}}}


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


def _within(periods: Sequence[Period]) -> Document:
    """Selects what was received in one of the periods; those that follow each other are one range."""
    ranges: list[tuple[datetime, datetime]] = []
    for period in periods:
        start = ranges.pop()[0] if ranges and ranges[-1][1] == period.start else period.start
        ranges.append((start, period.end))
    return {"$or": [{"receivedAt": {"$gte": start, "$lt": end}} for start, end in ranges]}


def _period_of(periods: Sequence[Period], first: int = 0) -> Document:
    """The number of the period, oldest first, in which `receivedAt` lies, or null: found by halving."""
    if len(periods) == 1:
        [period] = periods
        inside = [{"$gte": ["$receivedAt", period.start]}, {"$lt": ["$receivedAt", period.end]}]
        return {"$cond": [{"$and": inside}, {"$literal": first}, None]}
    half = len(periods) // 2
    earlier, later = _period_of(periods[:half], first), _period_of(periods[half:], first + half)
    return {"$cond": [{"$lt": ["$receivedAt", periods[half].start]}, earlier, later]}


def _document(tally: Tally, touches: int, touched_at: datetime | None, now: datetime) -> Document:
    return {
        "touches": touches,
        "touchedAt": touched_at,
        "computedAt": now,
        "taps": tally.taps,
        "answers": tally.answers,
        "sessions": tally.sessions,
        "completed": tally.completed,
        "delays": tally.delays,
        "hours": tally.hours,
        "notes": tally.notes,
    }


def _tally(period: Period, counts: Mapping[str, int], events: Mapping[str, Any], zone: tzinfo) -> Tally:
    answers: dict[str, int] = {}
    sessions: dict[str, dict[str, int]] = {}
    notes: dict[str, int] = {}
    completed: dict[str, int] = {}
    for group in events["sessions"]:
        type_, day = read_type(group["_id"].get("type")), group["_id"].get("day")
        if type_ is None:
            continue
        answers[type_.value] = answers.get(type_, 0) + group["n"]
        if is_day(day):
            types = sessions.setdefault(day, {})
            types[type_.value] = types.get(type_, 0) + group["n"]
            if group["_id"]["hasNote"]:
                notes[day] = notes.get(day, 0) + group["n"]
            if type_ not in KNOWN_DONE and completion(type_, group["_id"].get("completed")) is Completion.ALL:
                completed[day] = completed.get(day, 0) + group["n"]
    hours: dict[str, int] = {}
    for group in events["asked"]:
        hour = f"{group['_id']['asked'].astimezone(zone).hour:02}"
        hours[hour] = hours.get(hour, 0) + group["n"]
    delays = _histogram(events["delays"])
    return Tally(period.day, counts, answers, sessions, delays, hours, notes, completed)


def _histogram(groups: Iterable[Mapping[str, Any]]) -> list[int]:
    counts = {group["_id"]["delay"]: group["n"] for group in groups}
    return [counts.get(number, 0) for number in range(max(counts, default=-1) + 1)]


def _is_whole(document: Mapping[str, Any]) -> bool:
    """Whether it is as `_document` makes it; else it is counted anew, whoever has changed it."""
    sessions, completed, delays = (document.get(name) for name in ("sessions", "completed", "delays"))
    return (
        isinstance(document.get("computedAt"), datetime)
        and _are_counts(document.get("taps"))
        and _are_counts(document.get("answers"))
        and isinstance(sessions, dict)
        and all(is_day(day) and _are_counts(types) for day, types in sessions.items())
        and isinstance(completed, dict)
        and all(map(is_day, completed))
        and _are_counts(completed)
        and isinstance(delays, list)
        and len(delays) <= BUCKETS
        and all(map(_is_count, delays))
        and _are_counts(hours := document.get("hours"))
        and all(hour in _HOURS for hour in hours or ())
        and _are_counts(notes := document.get("notes"))
        and all(map(is_day, notes or ()))
    )


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_count(value: object) -> bool:
    number = read_int64(value)
    return number is not None and number >= 0


def _read(period: Period, document: Mapping[str, Any]) -> Tally:
    names = ("taps", "answers", "sessions", "delays", "hours", "notes", "completed")
    return Tally(period.day, *(document[name] for name in names))
