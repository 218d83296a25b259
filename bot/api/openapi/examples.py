"""Examples for the OpenAPI document; the tests send every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.core.answers.rules import WEEKDAYS
from bot.core.figures.stats import CountedFigures, Stats, Tally, sum_up
from bot.core.pain.episodes import Episode, Spot
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete, ContactHours
from bot.core.plans.plan import read_plan
from bot.core.prompts.prompt import PromptState
from bot.core.records.collections import MODELS, PLAN_SNAPSHOTS, RUN_ARTIFACTS, RUN_EVENTS
from bot.core.records.models import PlanSnapshot
from bot.core.shared.clock import days_from
from bot.core.summary.summary import Summary, summarize

SNAPSHOT: dict[str, Any] = dict(PlanSnapshot.EXAMPLES[0])
RUN_ID = SNAPSHOT["runId"]
PLAN = {name: SNAPSHOT[name] for name in ("schema_version", "activityPlan", "justification")}

PROMPTS: Mapping[str, tuple[str, object]] = {
    "now": (
        "Ask the only athlete, now",
        {"runId": RUN_ID, "sessionId": "tue-tempo", "title": "Tempo, 3 x 10 min"},
    ),
    "later": (
        "Ask in a chat, at a time",
        {
            "runId": RUN_ID,
            "sessionId": "sun-long",
            "chatId": "123456789",
            "title": "Long run, 24 km",
            "note": "The last five in marathon pace",
            "dueAt": "2026-02-22T20:00:00+01:00",
        },
    ),
}
_PROMPT: dict[str, Any] = {
    "runId": RUN_ID,
    "sessionId": "tue-tempo",
    "athleteId": "ana",
    "chatId": "123456789",
    "messageThreadId": None,
    "date": None,
    "title": "Tempo, 3 x 10 min",
    "note": None,
    "plan": None,
    "dueAt": "2026-02-17T19:00:00.000Z",
    "sentAt": None,
    "answeredAt": None,
    "again": None,
    "reason": None,
    "createdAt": "2026-02-16T08:00:00.000Z",
    "updatedAt": "2026-02-16T08:00:00.000Z",
    "state": "pending",
    "explanation": "Will be asked at 2026-02-17T19:00:00.000Z.",
}
_PROMPT_SENT = {
    **_PROMPT,
    "sentAt": "2026-02-17T19:00:00.412Z",
    "updatedAt": "2026-02-17T19:00:00.498Z",
    "state": "sent",
    "explanation": "Asked at 2026-02-17T19:00:00.412Z, and not answered yet. An answer counts before"
    " 2026-03-04T19:00:00.412Z.",
}
PROMPT_CREATED = {"created": True, "retried": False, "prompt": _PROMPT, "warning": None}
PROMPT_THERE = {"created": False, "retried": False, "prompt": _PROMPT_SENT, "warning": None}
PROMPT_PAGE = {"items": [_PROMPT_SENT], "next": None}

PLANS: Mapping[str, tuple[str, object]] = {
    "week": ("A week", SNAPSHOT),
    "daysByName": (
        "Two sessions on one day, days by name",
        {
            "runId": "2026-w09",
            "weekStart": "2026-02-23",
            "weekEnd": "2026-03-01",
            "activityPlan": {
                "days": [
                    {"day": "Monday", "activity": "Descanso"},
                    {"day": "Tuesday", "activity": ["Easy run", "Strength"]},
                    {"day": "Saturday", "activity": "Long run", "distance_time": "22 km"},
                ]
            },
        },
    ),
}
PLAN_TAKEN = {
    "runId": RUN_ID,
    "athleteId": "ana",
    "outcome": "inserted",
    "sessions": [
        {
            "sessionId": "2026-02-17-tempo-run",
            "date": "2026-02-17",
            "number": 1,
            "activity": "Tempo run",
            "details": "10 km · Intensity: 3 x 10 min at threshold · Goal: Threshold",
            "askAt": "2026-02-17T19:00:00.000Z",
            "notAsked": None,
        },
    ],
    "restDays": ["2026-02-16", "2026-02-18", "2026-02-20", "2026-02-21"],
    "cancelled": [
        {
            "runId": "2026-w08-draft",
            "sessionId": "2026-02-18-swim",
            "date": "2026-02-18",
            "title": "Swim",
            "reason": f"left out of plan {RUN_ID}",
        },
    ],
    "warnings": [],
    "readings": [],
}
PLAN_KNOWN = {**PLAN_TAKEN, "outcome": "unchanged"}

RUNS: Mapping[str, tuple[str, object]] = {
    "success": (
        "A run that gave a plan",
        {
            "runId": RUN_ID,
            "status": "success",
            "attempt": 1,
            "promptVersion": "7",
            "modelId": "a-model",
            "prompt": "You are a running coach. ...",
            "metrics": {"weekStart": "2026-02-09", "runDistance": 52_300},
            "plan": PLAN,
        },
    ),
    "failure": (
        "A run that gave none",
        {
            "runId": "2026-w08-first-try",
            "status": "failure",
            "attempt": 3,
            "errors": [{"code": "TOO_MANY_HARD_DAYS", "message": "Three hard days in a row"}],
            "outputRaw": {"activityPlan": {}},
        },
    ),
}
RECORDED = {"runId": RUN_ID} | {it.name: "inserted" for it in (RUN_EVENTS, PLAN_SNAPSHOTS, RUN_ARTIFACTS)}
RECORDED_AGAIN = {name: RUN_ID if name == "runId" else "unchanged" for name in RECORDED}

FEEDBACK: dict[str, Any] = {
    "sessionKey": f"{RUN_ID}-tue-tempo-123456789",
    "sessionRef": f"{RUN_ID}-tue-tempo",
    "runId": RUN_ID,
    "sessionId": "tue-tempo",
    "type": "hard",
    "response": "hard",
    "note": None,
    "sessionDate": "2026-02-17",
    "date": "2026-02-17",
    "sessionDay": "Tuesday",
    "day": "Tuesday",
    "chatId": "123456789",
    "messageId": 42,
    "userId": 123456789,
    "username": "ana_runs",
    "timestamp": "2026-02-17T19:03:11.482Z",
    "receivedAt": "2026-02-17T19:03:11.482Z",
    "promptSentAt": "2026-02-17T19:00:00.000Z",
    "promptAgeDays": 0,
    "isLateResponse": False,
    "updateId": 100000042,
}
FEEDBACK_PAGE = {"items": [FEEDBACK], "next": None, "undated": 0}

DOCUMENTS: Mapping[str, Mapping[str, tuple[str, object]]] = {
    name: {"one": ("One document", model.EXAMPLES[0]), "array": ("An array", list(model.EXAMPLES))}
    for name, model in MODELS.items()
}


def written(collection: str) -> dict[str, object]:
    """The answer to writing one new document."""
    return {"collection": collection, "inserted": 1, "changed": 0, "unchanged": 0}


AVAILABILITY: Mapping[str, Any] = {
    "items": [
        {
            "athlete": "ana",
            "weekStart": "2026-02-23",
            "days": [WEEKDAYS[number] for number in (0, 2, 5)],
            "saidAt": "2026-02-21T09:12:30.000Z",
        }
    ]
}


MESSAGES: Mapping[str, Any] = {
    "items": [
        {
            "athlete": "ana",
            "at": "2026-02-18T07:31:04.000Z",
            "direction": "to coach",
            "author": "Ana",
            "text": "Away from Friday on, no bike there",
            "attachments": [],
            "state": "delivered",
            "why": None,
        }
    ]
}


def summary() -> Summary:
    """The summary of a week with one plan, one answer, and the rest still to come."""
    zone = ZoneInfo("Europe/Madrid")
    sent = _at("2026-02-17T19:00:00.000Z")
    prompt = {
        "runId": RUN_ID, "sessionId": "2026-02-17-tempo-run", "chatId": "123456789", "athleteId": "ana",
        "userId": 123456789, "date": "2026-02-17", "state": "answered", "sentAt": sent,
        "messages": [{"messageId": 42, "sentAt": sent}],
    }  # fmt: skip
    answer = {**FEEDBACK, "sessionId": "2026-02-17-tempo-run", "note": "Legs were heavy"}
    instants = ("timestamp", "receivedAt", "promptSentAt")
    return summarize(
        date(2026, 2, 16),
        athlete=Athlete("ana", 123456789, 123456789, ContactHours(zone), name="Ana"),
        plans=[read_plan(SNAPSHOT, zone)],
        prompts=[prompt],
        events=[answer | {name: _at(answer[name]) for name in instants}],
        now=_at("2026-02-18T08:00:00.000Z"),
        late_after_days=14,
        alone=True,
        pains=[pain()],
    )


def pain() -> OpenPain:
    """A knee that has hurt for a few days."""
    episode = Episode(
        spot=Spot("knee", "left"),
        level=4,
        words=None,
        since=_at("2026-02-14T18:20:00.000Z"),
        opened_by=100000030,
        told_at=_at("2026-02-17T07:05:00.000Z"),
        told_by=100000041,
    )
    return OpenPain(123456789, "ana", episode, _at("2026-02-17T07:00:00.000Z"))


def stats() -> Stats:
    """The figures of a quiet week, with one question unanswered."""
    days = days_from(date(2026, 2, 12), date(2026, 2, 18))
    answers = ["done", "done", "hard", "done", "skipped", "done"]
    tallies = [
        Tally(
            day,
            taps={"written": 1},
            answers={type_: 1},
            sessions={day.isoformat(): {type_: 1}},
            delays=[0] * 20 * number + [1],
            hours={"19": 1},
            notes={day.isoformat(): number % 2},
        )
        for number, (day, type_) in enumerate(zip(days, answers, strict=False))
    ]
    prompts = dict.fromkeys((state.value for state in PromptState), 0) | {"answered": 6, "sent": 1}
    last = days[-1]
    return sum_up(
        days[0],
        _at("2026-02-11T23:00:00.000Z"),
        _at("2026-02-18T18:42:58.123Z"),
        last,
        tallies=tallies,
        unanswered={last: 1},
        unanswered_by_hour={19: 1},
        known_from=days[0],
        found=CountedFigures(
            zone="Europe/Madrid",
            prompts=prompts,
            waiting_taps=0,
            waiting_feedback=0,
            is_estimate=False,
            dead_taps=0,
            dead_letters=0,
            oldest_pending=None,
            last_poll=_at("2026-02-18T18:42:41.007Z"),
            last_write=_at("2026-02-17T19:03:11.482Z"),
        ),
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
