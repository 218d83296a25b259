"""What other programs leave in the collections harms nobody but itself, whatever it is.

Beside the documents of two athletes stand those of a third, in each of which one field holds a value of a
type that nobody expects there. Then everything that reads is run, and has to come to the same for the two.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from bot.app.bootstrap import build_service
from bot.app.stores import build_stores
from bot.cli.doctor import IN_MONGODB, Examination
from bot.core.answers.rules import collision_key_of
from bot.core.health.doctor_report import Finding
from bot.core.people.athlete import Roster
from bot.core.shared.tolerant import as_json
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.updates import CommandUpdate
from bot.records_io.transfer import TransferCounts, export_stream
from bot.services.health.vitals import VitalsMonitor
from bot.services.inbox.leader_election import LeaderElection
from bot.services.pain.alert_writer import AlertWriter
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.renderer import PromptRenderer
from bot.services.reports.summary import collect
from bot.services.telegram.lost_topics import LostTopics
from bot.services.telegram.metered_api import NoMeters
from bot.settings import Settings
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.leases import Holder
from bot.store.mongodb.client import connect
from bot.store.mongodb.date_repair import find_odd_dates
from bot.store.mongodb.indexes import bootstrap
from bot.store.records.export import DATE_FIELDS, Selection, count_undated, read_batches
from bot.systemd import Notifier
from tests.support.api import Api, serving
from tests.support.fakes import FakeApi, eventually, running, tap_update
from tests.support.training import ANA, BEN, MADRID, MONDAY, event, plan, planned, prompt

Document = dict[str, Any]
Database = AsyncDatabase[Document]

NOW = datetime(2026, 2, 20, 21, 5, tzinfo=UTC)  # a Friday evening
CLEO, COACH = 9, 500
MISSING = object()

ODD: Mapping[str, Any] = {
    "code": Code("function () { return 1 }"),
    "code with scope": Code("x", {"x": 1}),
    "regex": Regex(".*", "i"),
    "decimal": Decimal128("12"),
    "decimal NaN": Decimal128("NaN"),
    "decimal infinity": Decimal128("Infinity"),
    "reference": DBRef("athletes", 12),
    "min key": MinKey(),
    "max key": MaxKey(),
    "timestamp": Timestamp(2_000_000_000, 1),
    "bytes": b"\x00\xff",
    "uuid": Binary(bytes(range(16)), 4),
    "object id": ObjectId("65d0f0f0f0f0f0f0f0f0f0f0"),
    "largest": Int64(2**63 - 1),
    "smallest": Int64(-(2**63)),
    "zero": 0,
    "fraction": 7.5,
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "array": ["x", [1, [None, Code("x")]]],
    "empty array": [],
    "object": {"a": {"b": [1, Regex("x")]}},
    "empty object": {},
    "empty": "",
    "blank": " \n ",
    "NUL": "a\0b",
    "bars": "a|b|2026-02-17|x",
    "no day": "2026-02-30",
    "oldest": DatetimeMS(-(2**63)),
    "year 1": DatetimeMS(-62_135_596_800_000),
    "year 9999": DatetimeMS(253_402_300_799_999),
    "newest": DatetimeMS(2**63 - 1),
    "true": True,
    "null": None,
    "missing": MISSING,
}


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to each field, nested ones and elements too."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        yield (*path, name)
        if isinstance(item, dict | list):
            yield from paths(item, (*path, name))


def put(document: Document, path: Sequence[str | int], value: Any) -> Document:
    """A copy with another value there."""
    copy: Document = _copy(document)
    *way, last = path
    place: Any = copy
    for step in way:
        place = place[step]
    if value is not MISSING:
        place[last] = value
    elif isinstance(place, dict):
        place.pop(last)
    return copy


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def odd_ones(bases: Sequence[Document], distinct: Mapping[str, str]) -> list[Document]:
    """Each field of each base with each odd value, one at a time.

    Args:
        distinct: what is another one in each document, by path: `{}` stands for the document's number.
    """
    made: list[Document] = []
    for base in bases:
        for path in paths(base):
            for name, value in ODD.items():
                document = _copy(base)
                for where, text in distinct.items():
                    *way, last = where.split(".")
                    place = document
                    for step in way:
                        place = place.get(step, {})
                    if last in place:
                        filled = text.format(len(made))
                        place[last] = int(filled) if isinstance(place[last], int) else filled
                if path == ("_id",) and isinstance(value, Regex | list):
                    continue  # MongoDB takes none there
                made.append(put(document, path, value) | {"odd": f"{'.'.join(map(str, path))}: {name}"})
    return made


# What there is of the third athlete

_PLAN = plan("cleo", (1, "Easy run; 8 km; Z2"), (5, "Long run; 18 km; Z2"), athlete_id="cleo")
_PLAN["activityPlan"]["days"][0]["day"] = "Tuesday"
_PLAN |= {"justification": ["rested", "fresh"]}
_PLAN["activityPlan"] |= {"athleteId": "cleo", "nextWeek": {"start": "2026-02-16", "end": "2026-02-22"}}
_SESSION = planned(_PLAN)[0]
_SENT = {
    **prompt("cleo", _SESSION, "sent"),
    "athleteId": "cleo",
    "userId": CLEO,
    "chatId": str(CLEO),
    "slot": "cleo|2026-02-17|1",
    "plannedAt": NOW - timedelta(hours=6),
    "notAfter": NOW + timedelta(days=5),
    "nudgeAt": NOW - timedelta(hours=1),
    "attempts": 1,
    "unknowns": 0,
    "messageId": 77,
    "reference": "abc",
    "updatedAt": NOW - timedelta(hours=6),
}
_DUE = {
    **{
        name: value
        for name, value in _SENT.items()
        if name not in ("messages", "sentAt", "nudgeAt", "messageId")
    },
    "state": "pending",
    "note": "Easy",
    "kind": "session",
    "again": "later",
    "dueAt": NOW - timedelta(minutes=5),
}
_ALERT = {
    "runId": "cleo",
    "sessionId": "s|alert|9",
    "chatId": str(COACH),
    "kind": "alert",
    "athleteId": "cleo",
    "about": {
        "sessionKey": "cleo-s-9",
        "runId": "cleo",
        "sessionId": "s",
        "userId": CLEO,
        "chatId": str(CLEO),
        "messageId": 3,
        "name": "Cleo",
    },
    "raisedBy": NOW - timedelta(hours=1),
    "version": 5,
    "reference": "seen",
    "state": "pending",
    "seenBy": "Coach",
    "seenAt": NOW - timedelta(minutes=1),
    "dueAt": NOW - timedelta(minutes=2),
    "createdAt": NOW,
    "updatedAt": NOW,
}
_REMINDER = {
    "runId": "cleo",
    "sessionId": "2026-02-20|reminder",
    "chatId": str(CLEO),
    "athleteId": "cleo",
    "userId": CLEO,
    "kind": "reminder",
    "date": "2026-02-20",
    "slot": "cleo|2026-02-20|reminder",
    "sessions": [{"activity": "Run", "distance_time": "8 km", "intensity": "Z2", "goal": "g", "note": "n"}],
    "state": "pending",
    "dueAt": NOW - timedelta(minutes=1),
    "notAfter": NOW + timedelta(hours=1),
}
_ANSWER = {
    **event("cleo", "s", "pain", NOW - timedelta(hours=3), user=CLEO, note="sore"),
    "sessionRef": "cleo-s",
    "response": "pain",
    "date": "2026-02-20",
    "day": "Friday",
    "sessionDay": "Friday",
    "timestamp": NOW - timedelta(hours=2),
    "messageId": 3,
    "username": "cleo",
    "promptAgeDays": 0,
    "isLateResponse": False,
    "rpe": 7,
    "pain": {"where": "knee", "level": 6},
    "reason": "ill",
    "sessionLoad": 300,
    "noteMessageId": 5,
    "saidAt": {"note": {"at": NOW, "updateId": 3}, "pain": {"at": NOW, "updateId": 2}},
}
_ATHLETE = {
    "athleteId": "cleo",
    "userId": CLEO,
    "chatId": str(CLEO),
    "state": "active",
    "name": "Cleo",
    "language": "es",
    "timezone": "Europe/Madrid",
    "promptTime": "20:00",
    "reminderTime": "08:00",
    "nudgeAfterHours": 12,
    "quietHours": "22:30-07:00",
    "pauses": [{"since": NOW - timedelta(days=9), "until": NOW - timedelta(days=8)}],
    "invite": {"hash": "h", "expiresAt": NOW + timedelta(days=1)},
    "createdAt": NOW,
    "updatedAt": NOW,
}

BASES: Mapping[str, tuple[Sequence[Document], Mapping[str, str]]] = {
    "plan_snapshots": ([{"_id": "x", **_PLAN}], {"_id": "plan-{}", "runId": "cleo-{}"}),
    "feedback_events": (
        [{"_id": "x", **_ANSWER}],
        {"_id": "answer-{}", "sessionKey": "cleo-{0}-s{0}-9", "runId": "cleo-{}", "sessionId": "s{}"},
    ),
    **{
        f"session_prompts, {name}": (
            [{"_id": "x", **base}],
            {
                "_id": "prompt-{}",
                "runId": "cleo-{}",
                "chatId": "2000{}",  # else they would leave one a second
                "slot": "cleo|2026-02-17|{}",
                "about.sessionKey": "cleo-s{}-9",
            },
        )
        for name, base in {"sent": _SENT, "due": _DUE, "alerts": _ALERT, "reminders": _REMINDER}.items()
    },
    "athletes": (
        [{"_id": "x", **_ATHLETE}],
        {"_id": "doc-{}", "athleteId": "cleo-{}", "userId": "1000{}", "invite.hash": "h{}"},
    ),
    "users": (
        [{"_id": CLEO, "telegramLanguage": "es", "language": "es", "chosenAt": NOW, "updatedAt": NOW}],
        {"_id": "1000{}"},
    ),
    "weekly_metrics": (
        [
            {
                "_id": "x",
                "weekStart": "2026-02-16",
                "weekEnd": "2026-02-22",
                "athleteId": "cleo",
                "metrics": {"runCount": 3},
                "createdAt": NOW,
                "updatedAt": NOW,
            }
        ],
        {"_id": "week-{}", "weekStart": "20{:04}"},
    ),
    "run_events": (
        [
            {
                "_id": "x",
                "runId": "cleo",
                "status": "done",
                "athleteId": "cleo",
                "errors": [{"message": "m"}],
                "errorCount": 1,
                "runEvent": {"a": 1},
                "createdAt": NOW,
            }
        ],
        {"_id": "run-{}", "runId": "cleo-{}"},
    ),
    "run_artifacts": (
        [
            {
                "_id": "x",
                "runId": "cleo",
                "athleteId": "cleo",
                "metrics": {"athleteId": "cleo"},
                "createdAt": NOW,
                "updatedAt": NOW,
            }
        ],
        {"_id": "run-{}", "runId": "cleo-{}"},
    ),
    "feedback_history": (
        [
            {
                "_id": "x",
                "runId": "cleo",
                "sessionId": "s",
                "userId": CLEO,
                "changes": [
                    {"type": "done", "note": "n", "receivedAt": NOW, "updateId": 1}
                    | {"replacedAt": NOW, "replacedBy": 2}
                ],
                "updatedAt": NOW,
            }
        ],
        {"_id": "cleo-s{}-9", "sessionId": "s{}"},
    ),
    "waiting_notes": (
        [
            {
                "_id": "x",
                "runId": "cleo",
                "sessionId": "s",
                "userId": CLEO,
                "note": "sore",
                "messageId": 3,
                "updateId": 1,
                "receivedAt": NOW - timedelta(hours=1),
            }
        ],
        {"_id": "cleo-s{}-9", "sessionId": "s{}"},
    ),
    "taps": (
        [{"_id": "x", "outcome": "written", "receivedAt": NOW, "updateId": 1}],
        {"_id": "q{}"},
    ),
}  # fmt: skip


class Town:
    """Two athletes and a coach, and everything of the service that reads."""

    def __init__(self, db: Database, journal: DiskJournal, folder: Path, api: Api) -> None:
        self.db, self.journal, self.http = db, journal, api
        self.now = NOW
        self.api = FakeApi()
        self.settings = Settings(
            _env_file=None,
            timezone=MADRID,
            admin_ids="99",
            coach_chat_id=ChatTopic(COACH),
            data_dir=folder,
            weekly_summary_time="20:00",
        )
        self.stores = build_stores(db, journal, self.clock)
        me = Holder("run", "here", "host", is_pushed=False)
        self.leadership = LeaderElection(self.stores.leases, "bot-1", me, self.clock, lambda: 0.0)
        monitor = VitalsMonitor(db, journal, self.clock)
        self.service = build_service(
            self.settings,
            self.stores,
            self.leadership,
            None,
            self.api,  # type: ignore[arg-type]  # the calls that are made are there
            self.clock,
            monitor,
            NoMeters(),
            Notifier(None),
            LostTopics(),
        )
        self.roster = self.service.roster
        self.seconds = 0.0

    def clock(self) -> datetime:
        """A time that stands still."""
        return self.now

    def monotonic(self) -> float:
        """Every chat's turn has come at each look."""
        self.seconds += 100
        return self.seconds

    async def fill(self) -> None:
        """What there is of the two."""
        people = [
            {"athleteId": name, "userId": user, "chatId": str(user), "state": "active", "name": name.title()}
            for name, user in (("ana", ANA.user_id), ("ben", BEN.user_id))
        ]
        await self.db["athletes"].insert_many([{**person, "timezone": "Europe/Madrid"} for person in people])
        await self.db["athletes"].insert_one({**_ATHLETE})
        await self.db["users"].insert_one({"_id": 7, "telegramLanguage": "es"})
        plans, prompts, events = [], [], []
        for athlete in (ANA, BEN):
            name = athlete.athlete_id
            for weeks in (1, 0):
                document = plan(
                    f"{name}-{weeks}",
                    *((0, "Easy run; 8 km"), (2, "Tempo; 40 min"), (4, "Swim"), (5, "Long run; 18 km")),
                    monday=MONDAY - timedelta(weeks=weeks),
                    athlete_id=name,
                )
                plans.append(document | {"justification": ["rested"]})
                for number, session in enumerate(planned(document)):
                    if weeks == 0 and number >= 2:
                        continue  # the planner makes these
                    is_answered = number != 1
                    state = "answered" if is_answered else "sent"
                    prompts.append(prompt(document["runId"], session, state, athlete=athlete))
                    if is_answered:
                        at = prompts[-1]["sentAt"]
                        events.append(
                            event(
                                document["runId"], session.session_id, "done", at, user=athlete.user_id, rpe=5
                            )
                        )
        await self.db["plan_snapshots"].insert_many(plans)
        await self.db["session_prompts"].insert_many(prompts)
        await self.db["feedback_events"].insert_many(events)
        await self.db["weekly_metrics"].insert_one({"weekStart": "2026-02-09", "createdAt": NOW})
        await self.db["run_events"].insert_one({"runId": "ana-0", "athleteId": "ana", "createdAt": NOW})
        await self.db["run_artifacts"].insert_one({"runId": "ana-0", "athleteId": "ana", "createdAt": NOW})

    async def everything(self, odd: Sequence[Document]) -> dict[str, Any]:
        """What comes of everything that reads, as far as it is of the two."""
        found: dict[str, Any] = {}
        roster = await self.roster.refresh()
        found["roster"] = [roster.by_id("ana"), roster.by_id("ben")]
        await self.service.languages.refresh()
        found["language"] = self.service.languages.of(7)
        found["doctor"] = await self.doctor()
        found["stats"] = bool(await self.service.figures.collect(7))
        found["stats again"] = bool(await self.service.figures.collect(7))
        found |= await self.shown(roster, "before ")
        await self.service.planner.reconcile(roster)
        await self.service.planner.reconcile(roster)
        found["planned"] = await self.prompts()
        await self.tap(odd)
        await self.service.expiry.follow_up()
        await self.stores.followups.ask_again(sent_since=NOW - timedelta(days=5), sent_until=NOW, now=NOW)
        await self.dispatch()
        await self.stores.taps.coach_alerts.redirect(ChatTopic(COACH), NOW)
        self.now = NOW + timedelta(minutes=1)
        found["weekly"] = bool(self.service.weekly_summaries)
        found["sent"] = sorted((chat, text) for chat, text, _ in self.api.sent if chat in (7, 8))
        found["answers"] = sorted(it[:2] for it in self.api.answers if it[0].startswith("good"))
        found |= await self.shown(await self.roster.refresh(), "after ")
        found["outbox"] = await self.prompts()
        found["figures"] = bool(await self.service.figures.collect(7))
        return found

    async def shown(self, roster: Roster, when: str) -> dict[str, Any]:
        """What people, workflows and commands are shown."""
        found: dict[str, Any] = {}
        for athlete in (roster.by_id("ana"), roster.by_id("ben")):
            assert athlete is not None
            assert athlete.user_id is not None
            name = f"{when}{athlete.athlete_id} "
            summary = await collect(
                *(self.stores.summaries, roster, athlete, MONDAY),
                now=self.now,
                late_after_days=14,
                kept_days=180,
            )
            found[name + "summary"] = summary.to_json()
            found[name + "markdown"] = summary.to_markdown()
            for command in ("week", "mydata"):
                said = CommandUpdate(
                    1, athlete.user_id, athlete.user_id, is_private=True, name=command, argument=""
                )
                reply = await self.service.replies._commands.reply(said)
                file = None if reply.file is None else _without_ids(json.loads(reply.file.content))
                found[f"{name}/{command}"] = [reply.text, file]
            self.http.roster.roster, self.http.time.now = roster, self.now
            for path in ("/v1/feedback", "/v1/prompts"):
                found[name + path] = await self.pages(path, athlete=athlete.athlete_id)
        for path in ("/v1/feedback", "/v1/prompts", "/v1/stats"):
            since = {} if path == "/v1/stats" else {"since": "2026-02-01", "until": "2026-03-01"}
            items = await self.pages(path, limit=100) if since else await self.http.get(path)
            found[when + path] = _theirs(items) if since else None
            if since:
                found[when + path + " in time"] = _theirs(await self.pages(path, **since))
        for collection in DATE_FIELDS:
            lines: list[bytes] = []
            await export_stream(
                *(read_batches(self.db, collection, Selection()), collection, "ndjson"),
                *(lines.append, TransferCounts()),
                report=lambda _: None,
            )
            items = [json.loads(line) for line in b"".join(lines).splitlines()]
            found[f"{when}export {collection}"] = _theirs(items)
        return found

    async def pages(self, path: str, **query: Any) -> list[Any]:
        """A list of the API, all of its pages."""
        items: list[Any] = []
        more: dict[str, Any] = {}
        while True:
            page = await self.http.get(path, **query, **more)
            items += page["items"]
            if page["next"] is None:
                return [_without_ids(item) for item in items]
            more = {"cursor": page["next"]}

    async def tap(self, odd: Sequence[Document]) -> None:
        """The two tap, and so does the third, about everything that is odd."""
        open_: list[tuple[int, str, int]] = [
            (7, "ana-0", 2),
            (8, "ben-0", 2),
            (7, "ana-1", 1),
            (8, "ben-1", 1),
        ]
        updates = []
        at = int(NOW.timestamp()) - 60
        for number, (user, run_id, index) in enumerate(open_, 1):
            document = await self.db["plan_snapshots"].find_one({"runId": run_id})
            assert document is not None
            session = planned(document)[index]
            data = f"session_feedback|{run_id}|{session.session_id}|pain"[:64]
            updates.append(tap_update(number, data, user_id=user, date=at))
            updates[-1]["callback_query"]["id"] = f"good-{number}"
        updates.append(self.message(5, 7, "/pending"))
        for document in odd:
            session_id = document.get("sessionId")
            if isinstance(session_id, str) and document.get("userId") == CLEO and len(session_id) < 9:
                number = len(updates) + 100
                kind = "done" if number % 30 else "pain"
                named = document.get("runId")
                run_id = named if isinstance(named, str) and named.startswith("cleo") else "cleo"
                data = f"session_feedback|{run_id}|{session_id}|{kind}"
                updates.append(tap_update(number, data, user_id=CLEO, date=at))
        await self.journal.append(updates, polled_at=NOW)
        self.service.processor.wake()
        async with running(
            *self.service.processor.loops(),
            *self.service.answerer.loops(),
            self.service.editor.run(),
            self.service.replies.run(),
        ):
            async with asyncio.timeout(150):
                await self.service.processor.drained()
            await eventually(
                lambda: len([it for it in self.api.answers if it[0].startswith("good")]) == len(open_)
            )
            await self.service.answerer.join()
            await eventually(self.is_through)
        assert (await self.journal.state()).dead == 0

    async def is_through(self) -> bool:
        """Whether everything that was received is finished."""
        return (await self.journal.state()).pending == 0

    def message(self, number: int, user: int, text: str) -> Document:
        """A message as Telegram sends it."""
        return {
            "update_id": number,
            "message": {
                "message_id": number,
                "date": int(NOW.timestamp()),
                "chat": {"id": user, "type": "private"},
                "from": {"id": user, "is_bot": False, "first_name": "A"},
                "text": text,
                "entities": [{"type": "bot_command", "offset": 0, "length": len(text)}],
            },
        }

    async def dispatch(self) -> None:
        """Send what is due."""
        clock, languages = self.clock, self.service.languages
        composer = PromptRenderer(
            AlertWriter(self.stores.taps.coach_alerts, lambda: self.roster.roster, languages, MADRID),
            *(self.stores.taps.prompts, lambda: self.roster.roster, languages),
            *(clock, MADRID),
            self.service.weekly_summaries._weeks,
        )
        letters, roster = self.stores.taps.coach_alerts, self.roster
        dispatcher = Dispatcher(
            *(self.api, self.stores.outbox, letters, composer),
            *(ChatOpenings(self.stores.taps.undelivered, 14), SendLimits(), clock, MADRID),
            *(lambda: roster.roster, roster.refresh, self.monotonic),
        )

        def waiting() -> Document:
            due = {"state": {"$in": [None, "pending"]}, "dueAt": {"$not": {"$gt": self.now}}}
            free = {"attemptAt": {"$not": {"$gt": self.now}}}
            return {"$or": [due | free, {"claim": {"$exists": True}}]}

        async def is_idle() -> bool:
            return await self.db["session_prompts"].count_documents(waiting()) == 0

        async with running(dispatcher.run()):
            for _ in range(1_200):
                if await is_idle():
                    break
                await asyncio.sleep(0.05)
            left = await self.db["session_prompts"].find(waiting()).to_list()
            assert not left, (len(left), left[:3])
        await dispatcher.finish()

    async def prompts(self) -> list[Document]:
        """The outbox of the two."""
        found = self.db["session_prompts"].find({"athleteId": {"$in": ["ana", "ben"]}}, {"_id": False})
        documents = [as_json(document) async for document in found]
        return sorted(
            (_without_ids(document) for document in documents), key=lambda it: json.dumps(it, sort_keys=True)
        )

    async def doctor(self) -> list[Finding]:
        """What is wrong, without what is about the place."""
        async with AsyncExitStack() as stack:
            examination = Examination(self.settings, (), stack, self.clock)
            examination.bot, examination.database = "bot-1", self.db
            examination.reached.add("data")
            return [*await examination.server(), *await examination.run(IN_MONGODB)]


_CHANGING = (
    "_id",
    "claim",
    "messageId",
    "messages",
    "generatedAt",
    "updateId",
    "pendingUpdateId",
    "attempts",
)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in value.items() if name not in _CHANGING}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value


def _theirs(items: Sequence[Any]) -> list[Any]:
    """What is not odd, in order."""
    return [
        _without_ids(item)
        for item in items
        if "odd" not in item and str(item.get("runId", "ana")).startswith(("ana", "ben"))
    ]


@asynccontextmanager
async def town(mongo_url: str, folder: Path) -> AsyncIterator[Town]:
    """Everything around a database of its own, read as the service reads it."""
    db = connect(mongo_url, f"test_{ObjectId()}", "unused")
    (folder / "api").mkdir(parents=True)  # nobody else runs yet
    journal = DiskJournal(folder / "journal.sqlite3")
    await journal.open()
    try:
        await bootstrap(db)
        async with serving(db, folder / "api", zone=MADRID) as api:
            built = Town(db, journal, folder, api)
            await built.fill()
            yield built
    finally:
        await journal.close()
        await db.client.drop_database(db.name)
        await db.client.close()


@dataclass(frozen=True, slots=True)
class _Kept:
    found: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def kept() -> _Kept:
    """What comes of everything without anything odd; reckoned once."""
    return _Kept({})


async def _plain(kept: _Kept, mongo_url: str, folder: Path) -> dict[str, Any]:
    if not kept.found:
        async with town(mongo_url, folder / "plain") as plain:
            kept.found["plain"] = await plain.everything([])
    return kept.found["plain"]


@pytest.mark.parametrize("kind", BASES)
async def test_an_odd_document_harms_nobody_but_itself(
    mongo_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: _Kept, kind: str
) -> None:
    """Whatever stands in one field, what others are asked, told and shown is the same."""
    caplog.set_level(logging.INFO, "bot")
    wanted = await _plain(kept, mongo_url, tmp_path)
    collection = kind.partition(",")[0]
    odd = odd_ones(*BASES[kind])
    if collection == "waiting_notes":
        odd = [document | {"_id": _waiting(document.get("_id"))} for document in odd]
    async with town(mongo_url, tmp_path / "odd") as there:
        if collection == "feedback_history":  # it is written when an answer is changed
            answers = [_ANSWER | {name: it[name] for name in ("sessionId",) if name in it} for it in odd]
            keyed = [it | {"sessionKey": f"cleo-{it['sessionId']}-9"} for it in answers]
            await there.db["feedback_events"].insert_many(
                list({it["sessionKey"]: it for it in keyed}.values())
            )
        number = await _insert(there.db, collection, odd)
        assert number > len(odd) * 0.9
        found = await there.everything(odd)
    doctor, well = found.pop("doctor"), dict(wanted)
    well.pop("doctor")
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert not [line for line in log.splitlines() if "unexpected" in line or "a page failed" in line][:5]
    assert not [it for it in doctor if "unexpected" in it.message], doctor
    assert not (different := list(differences(found, well))), "\n".join(different[:20])


def _waiting(key: Any) -> Any:
    """Under which a note waits, of a plain session key."""
    if not isinstance(key, str) or not key.startswith("cleo-"):
        return key
    return collision_key_of(key, "cleo", key.split("-")[1])


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where they differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            yield from differences(one.get(name), other.get(name), f"{path}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, theirs, f"{path}/{number}")
    elif one != other:
        yield f"{path}: {one!s:.300} instead of {other!s:.300}"


async def test_an_answer_without_a_time_is_listed_or_counted(mongo_url: str, tmp_path: Path) -> None:
    """Each is in a page, or in the number of those that are in none, and `doctor` names it."""
    async with town(mongo_url, tmp_path) as there:
        odd = [it for it in odd_ones(*BASES["feedback_events"]) if it["odd"].startswith("receivedAt:")]
        # MongoDB finds a list by what is in it, and this one holds a text.
        odd = [it for it in odd if not it["odd"].endswith(": array")]
        times = {"oldest", "year 1", "year 9999", "newest"}
        texts = {"empty", "blank", "NUL", "bars", "no day"}
        await there.db["feedback_events"].insert_many(odd)
        good = await there.db["feedback_events"].count_documents({"odd": None})
        page = await there.http.get("/v1/feedback", limit=500)
        listed = {it["odd"].removeprefix("receivedAt: ") for it in page["items"] if "odd" in it}
        assert listed == times | texts | {"null", "missing"}
        assert page["undated"] == len(odd) - len(listed)
        assert len(await there.pages("/v1/feedback", limit=3)) == len(page["items"])
        page = await there.http.get("/v1/feedback", limit=500, since="1990-01-01", until="2090-01-01")
        assert page["undated"] == len(odd) - len(times | texts)
        assert len([it for it in page["items"] if "odd" not in it]) == good
        page = await there.http.get("/v1/feedback", since="2026-01-01", athlete="ana")
        assert page["undated"] == 0
        since = Selection(since=NOW)
        assert await count_undated(there.db, "feedback_events", since) == len(odd) - len(times | texts)
        named = [it for it in await find_odd_dates(there.db) if it.field == "receivedAt"]
        assert sum(it.count for it in named) == len(odd) - len(times)


@pytest.mark.parametrize("collection", ["figures", "figure_touches", "leases"])
async def test_odd_bookkeeping_stops_nothing(mongo_url: str, tmp_path: Path, collection: str) -> None:
    """What the service notes for itself is counted or said anew where somebody has changed it."""
    async with town(mongo_url, tmp_path) as there:
        db, figures, leases = there.db, there.service.figures, there.stores.leases
        me, other = (Holder(name, name, "host") for name in ("run", "other"))
        await there.stores.taps.invalidation.invalidate({"2026-02-18"})
        second = timedelta(seconds=1)
        await leases.ask("bot-1", me, polled_ago=second, may_resume=False)
        await leases.ask("bot-1", other, polled_ago=second, may_resume=False)
        wanted = (await figures.collect(7)).to_json()
        [base, *_] = await db[collection].find({}).sort("_id", -1).to_list()
        for path in paths(base):
            for name, value in ODD.items():
                if (path == ("_id",) and collection == "leases") or (
                    path == ("_id",) and isinstance(value, Regex | list)
                ):
                    continue
                odd = put(base, path, value)
                await db[collection].delete_many({"_id": {"$in": [base["_id"], odd.get("_id")]}})
                await db[collection].insert_one(odd)
                where = (path, name)
                if collection != "leases":
                    await there.stores.taps.invalidation.invalidate({"2026-02-18"})
                    assert (await figures.collect(7)).to_json() == wanted, where
                    continue
                lease = await leases.ask("bot-1", me, polled_ago=second, may_resume=True)
                assert lease.is_ours or path in (("holder",), ("expiresAt",)), where
                assert [peer.service for peer in await leases.peers("bot-1")][-1:] == ["run"], where
                await leases.release("bot-1", me)


async def _insert(db: Database, collection: str, documents: Sequence[Document]) -> int:
    """Those that MongoDB and the unique indexes take."""
    try:
        return len((await db[collection].insert_many(documents, ordered=False)).inserted_ids)
    except BulkWriteError as exc:
        refused = exc.details
    # Duplicate keys, and what cannot be indexed or stored.
    assert {error["code"] for error in refused["writeErrors"]} <= {11000, 2, 56, 171}, refused
    return int(refused["nInserted"])
