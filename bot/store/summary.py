"""Reads what a summary is made of, through indexes alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot.core.changes.because import AnswerReference
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete
from bot.core.plans.dates import MAX_DAYS
from bot.core.plans.ownership import Decision, plan_name
from bot.core.records.collections import AVAILABILITY, COACH_MESSAGES, PLAN_SNAPSHOTS
from bot.store.answers import feedback_events as feedback
from bot.store.answers.referred import ReferredAnswers
from bot.store.mongodb.client import Collection as MongoCollection
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.plans import PlanDecisions
from bot.store.prompts import prompts

PLANS = PLAN_SNAPSHOTS.name

_LONGEST_PLAN = timedelta(days=MAX_DAYS - 1)
_MOST_MESSAGES = 30
# The day of one instant differs by up to two between zones, and answers carry that of TIMEZONE.
_ZONES = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class SummaryRecords:
    """Documents that may concern an athlete's sessions; `bot.core.summary.sessions` finds out which do."""

    plans: list[Document]
    decisions: Mapping[str, Decision]
    prompts: list[Document]
    events: list[Document]
    availability: list[Document] = field(default_factory=list)


class SummaryStore:
    """Reads of `plan_snapshots`, `session_prompts`, `feedback_events`, `pain_episodes`,
    `availability` and `coach_messages`."""

    def __init__(self, db: Database) -> None:
        self._plans = db[PLANS]
        self._decisions = PlanDecisions(db)
        self._prompts = db[prompts.COLLECTION]
        self._events = db[feedback.COLLECTION]
        self._pains = PainEpisodeStore(db)
        self._availability = db[AVAILABILITY.name]
        self._messages = db[COACH_MESSAGES.name]
        self._referred = ReferredAnswers(db)

    async def open_pain(self, athlete: Athlete, now: datetime) -> list[OpenPain]:
        """What may still hurt an athlete, the worst first.

        Raises:
            StorageError: as `storage_errors`.
        """
        return [] if athlete.user_id is None else await self._pains.open_of([athlete.user_id], now)

    async def referred(self, user_id: int, references: Collection[AnswerReference]) -> list[Document]:
        """Somebody's own answers about some sessions.

        Raises:
            StorageError: as `storage_errors`.
        """
        return await self._referred.read(user_id, references)

    async def messages(self, athlete: Athlete, since: date) -> list[Document]:
        """The newest of what an athlete and the coach wrote to each other from about a day on.

        Raises:
            StorageError: as `storage_errors`.
        """
        if athlete.user_id is None:
            return []
        query = {"userId": athlete.user_id, "receivedAt": {"$gte": _midnight(since - timedelta(days=1))}}
        with storage_errors():
            return await self._messages.find(query).sort("receivedAt", -1).to_list(_MOST_MESSAGES)

    async def read(self, athlete: Athlete, first: date, last: date) -> SummaryRecords:
        """What is on record about an athlete's sessions from `first` to `last`, both included.

        Raises:
            StorageError: as `storage_errors`.
        """
        plans, decisions = await self.plans(athlete, first, last)
        early = await _find(self._events, events_query(athlete, first, last))
        asked = await _find(self._prompts, prompts_query(athlete, first, last, {"$in": _runs(early)}))
        # Answers last: those that prompts are said to have are there by now.
        runs = {"runId": {"$in": _runs([*plans, *asked])}, **_by_athlete(athlete)}
        # A run may be everybody's: what others have said is read only where anybody may have been asked.
        anybodys = {"runId": {"$in": _runs([it for it in asked if _is_anybodys(it)])}}
        events = await _find(self._events, {"$or": [runs, anybodys]})
        answers = list({str(e["_id"]): e for e in (*early, *events)}.values())
        said = await _find(self._availability, availability_query(athlete, last))
        return SummaryRecords(plans, decisions, asked, answers, said)

    async def plans(
        self, athlete: Athlete, first: date, last: date
    ) -> tuple[list[Document], dict[str, Decision]]:
        """Plans that may be an athlete's, for these days, both included, whole; and what was decided of them.

        Raises:
            StorageError: as `storage_errors`.
        """
        plans = await _find(self._plans, plans_query(athlete, first, last))
        return plans, await self._decisions.of(map(plan_name, plans))


def plans_query(athlete: Athlete, first: date, last: date) -> Document:
    """Plans for the weeks of these days, and those that do not tell their week."""
    since, until = first - _LONGEST_PLAN, last + timedelta(days=1)
    whose = {"$in": [None, *_names(athlete)]}
    return {
        "athleteId": whose,
        "activityPlan.athleteId": whose,
        "$or": [
            {"weekStart": {"$gte": since.isoformat(), "$lt": until.isoformat()}},
            {"weekStart": {"$gte": _midnight(since), "$lt": _midnight(until)}},
            {"weekStart": None},
        ],
    }


def events_query(athlete: Athlete, first: date, last: date) -> Document:
    """Answers of the athlete, and of nobody in particular, to questions of these days."""
    days = {"$gte": (first - _ZONES).isoformat(), "$lte": (last + _ZONES).isoformat()}
    return {"sessionDate": days, **_by_athlete(athlete)}


def _by_athlete(athlete: Athlete) -> Document:
    """Selects answers of the athlete, and of nobody in particular."""
    users = [] if athlete.user_id is None else [athlete.user_id, str(athlete.user_id)]
    return {"userId": {"$in": [None, "", "anon", *users]}}


def _is_anybodys(question: Document) -> bool:
    """Whether a question names nobody who is to answer it, and was asked in a group."""
    chat_id = question.get("chatId")
    is_private = chat_id is not None and not str(chat_id).startswith("-")
    return question.get("athleteId") is None and question.get("userId") is None and not is_private


def availability_query(athlete: Athlete, last: date) -> Document:
    """What the athlete has said of the week that ends on this day, and of the one after it."""
    starts = [last - timedelta(days=6), last + timedelta(days=1)]
    return {"athleteId": athlete.athlete_id, "weekStart": {"$in": [start.isoformat() for start in starts]}}


def prompts_query(athlete: Athlete, first: date, last: date, runs: Document) -> Document:
    """Questions about sessions planned for these days; asked in the athlete's chats or by their name, or to
    be, in these days; and those of some runs."""
    days = {"$gte": first.isoformat(), "$lte": last.isoformat()}
    instants = {"$gte": _midnight(first - _ZONES), "$lt": _midnight(last + _ZONES)}
    found: list[Document] = [{"athleteId": {"$in": _names(athlete)}, "date": days}]
    # Whoever asks by hand may name the athlete, and ask wherever they like.
    places: list[Document] = [{"athleteId": {"$in": _names(athlete)}, "date": None}]
    if chats := {chat_id for chat_id in (athlete.chat_id, athlete.user_id) if chat_id is not None}:
        places.append({"chatId": prompts.in_chats(*sorted(chats))})
    if athlete.user_id is not None:
        places.append({"userId": athlete.user_id, "athleteId": None})
    # A run may be everybody's: of others' private chats nothing is read.
    whose = [*places, {"athleteId": {"$in": _names(athlete)}}, {"chatId": {"$not": {"$regex": "^[0-9]"}}}]
    found.append({"runId": runs, "athleteId": {"$in": [None, *_names(athlete)]}, "$or": whose})
    unsent = {"sentAt": None, "$or": [{"dueAt": instants}, {"dueAt": {"$not": {"$type": "date"}}}]}
    for place in places:
        found += [{**place, "sentAt": instants}, {**place, **unsent}]
    return {"$or": found}


async def _find(collection: MongoCollection, query: Document) -> list[Document]:
    with storage_errors():
        return await collection.find(query).to_list()


def _runs(documents: list[Document]) -> list[Any]:
    """The runs of some documents; a run id may be of any type."""
    runs = {repr(document.get("runId")): document.get("runId") for document in documents}
    return [runs[name] for name in sorted(runs) if runs[name] is not None]


def _names(athlete: Athlete) -> list[Any]:
    """What an athlete's documents may have as `athleteId`: before a roster it was the user id."""
    return [athlete.athlete_id] + ([] if athlete.user_id is None else [str(athlete.user_id), athlete.user_id])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
