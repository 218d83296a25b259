"""Every collection of the database, declared once.

`bootstrap` and the script for mongosh make their indexes, `doctor` looks at these and at the dates, the roles
grant what `service`, `coach` and `reader` say, /mydata and /forgetme see to what is `personal`, and `write`,
`export`, `schema` and the HTTP API to those that have a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.core.records.declaration import (
    ADD,
    READ,
    READ_INDEXES,
    WRITE,
    Before,
    Collection,
    Expiry,
    Personal,
    by,
)
from bot.core.records.models import (
    FeedbackRecord,
    PlanSnapshot,
    Record,
    RunArtifact,
    RunEvent,
    WeeklyMetrics,
)
from bot.core.shared.bson_json import BadValue

# Written from outside, too: `write`, `export`, the HTTP API, coach workflows.

RUN_EVENTS = Collection(
    "run_events",
    model=RunEvent,
    indexes=(by("status", "-createdAt"),),
    expiry=Expiry("createdAt", 90, least=90, reason="alerts are reviewed that far back"),
    service=READ_INDEXES,
    coach=WRITE,
    reader=True,
    personal=Personal(athlete=("athleteId",)),
)
FEEDBACK_EVENTS = Collection(
    "feedback_events",
    model=FeedbackRecord,
    indexes=(
        by("sessionDate", "-receivedAt"),
        by("runId", "sessionDay", "-receivedAt"),
        # What one person said: summaries, /week, /mydata and /forgetme read no other answers.
        by("userId", "sessionDate"),
    ),
    expiry=Expiry("receivedAt", 180, least=30, reason="planning and /stats look back that far"),
    coach=READ,
    reader=True,
    personal=Personal(found_by="answers", erased=Before("receivedAt", "updateId", is_edited=True)),
)
WEEKLY_METRICS = Collection(
    "weekly_metrics",
    model=WeeklyMetrics,
    key_per_athlete=("athleteId", "weekStart"),
    indexes=(by("-createdAt"),),
    dated_by="weekStart",
    service=READ_INDEXES,
    coach=WRITE,
    reader=True,
    personal=Personal(athlete=("athleteId",)),
)
PLAN_SNAPSHOTS = Collection(
    "plan_snapshots",
    model=PlanSnapshot,
    indexes=(by("weekStart"),),
    expiry=Expiry("createdAt", 365, least=365, reason="plans are audited and compared over 12 months"),
    service=READ_INDEXES,
    coach=WRITE,
    is_watched=True,
    reader=True,
    personal=Personal(athlete=("athleteId", "activityPlan.athleteId")),
)
RUN_ARTIFACTS = Collection(
    "run_artifacts",
    model=RunArtifact,
    indexes=(by("-createdAt"),),
    dated_by="createdAt",
    service=READ_INDEXES,
    coach=WRITE,
    reader=True,
    personal=Personal(athlete=("athleteId", "metrics.athleteId")),
)

# What the bot keeps for itself.

SESSION_PROMPTS = Collection(
    "session_prompts",
    own_key=("runId", "sessionId", "chatId"),
    indexes=(
        by("state", "dueAt"),
        by("reference", sparse=True),
        by("slot", unique=True, sparse=True),
        by("nudgeAt", sparse=True),
        by("copiesAt", sparse=True),
        by("state", "kind", "sentAt"),
        by("state", "notAfter"),
        by("state", "chatId"),
        by("athleteId", "date", sparse=True),
        by("date", sparse=True),
        by("chatId", "sentAt"),
        by("chatId", "messages.messageId"),
        by("about.sessionKey", sparse=True),
        by("about.userId", sparse=True),
        by("userId", sparse=True),
    ),
    coach=ADD,
    reader=True,
    personal=Personal(found_by="prompts", erased="prompts"),
)
PLAN_DECISIONS = Collection(
    "plan_decisions",
    own_key=("runId",),
    indexes=(by("athleteId", sparse=True),),
    expiry=Expiry("decidedAt", like=PLAN_SNAPSHOTS.name),
    own_dates=("decidedAt",),
    coach=WRITE,
    reader=True,
    personal=Personal(athlete=("athleteId",)),
)
FEEDBACK_HISTORY = Collection(
    "feedback_history",
    indexes=(by("userId"),),
    expiry=Expiry("updatedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("updatedAt",),
    personal=Personal("userId", shows_id=True, erased=Before("updatedAt", "updatedBy", is_edited=True)),
)
WAITING_NOTES = Collection(
    "waiting_notes",
    indexes=(by("userId"),),
    expiry=Expiry("receivedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("receivedAt",),
    personal=Personal("userId", erased=Before("receivedAt", "updateId", is_edited=True)),
)
COACH_MESSAGES = Collection(
    "coach_messages",
    own_key=("chatId", "messageId"),
    indexes=(by("userId", "-receivedAt"),),
    expiry=Expiry("receivedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("receivedAt",),
    coach=READ,
    reader=True,
    personal=Personal("userId", erased=Before("receivedAt", "updateId")),
)
AVAILABILITY = Collection(
    "availability",
    own_key=("athleteId", "weekStart"),
    indexes=(by("userId"), by("weekStart")),
    expiry=Expiry("updatedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("updatedAt",),
    coach=READ,
    reader=True,
    personal=Personal("userId", erased=Before("updatedAt", "updateId", is_edited=True)),
)
PAIN_REPORTS = Collection(
    "pain_reports",
    own_key=("userId", "reportId"),
    expiry=Expiry("receivedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("receivedAt",),
    coach=READ,
    reader=True,
    personal=Personal("userId", erased=Before("receivedAt", "updateId", is_edited=True)),
)
PAIN_EPISODES = Collection(
    "pain_episodes",
    own_key=("userId", "episodeId"),
    indexes=(by("closedAt", "toldAt"),),
    expiry=Expiry("updatedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("updatedAt",),
    coach=READ,
    reader=True,
    personal=Personal("userId", erased=Before("updatedAt", "updateId")),
)
TAPS = Collection(
    "taps",
    # Rates are made of both.
    expiry=Expiry("receivedAt", like=FEEDBACK_EVENTS.name),
    own_dates=("receivedAt",),
    reader=True,
)
TOMBSTONES = Collection(
    "tombstones",
    indexes=(by("userId", sparse=True),),  # deletions that are not done yet
)
# Of the next two nothing is used for longer than an hour.
FIGURES = Collection("figures", expiry=Expiry("computedAt", 2), reader=True, in_backup=False)
FIGURE_TOUCHES = Collection("figure_touches", expiry=Expiry("at", 2), reader=True, in_backup=False)
JOURNALS = Collection("journals", indexes=(by("bot"),), expiry=Expiry("seenAt", 180))
INBOX = Collection(
    "inbox",
    # Whoever polls looks for what is unconfirmed; the rest goes in the order of arrival.
    indexes=(by("bot", "state", "seq"), by("bot", "seq"), by("unconfirmed", sparse=True)),
    expiry=Expiry("finishedAt", 1),
    service=(*WRITE, "remove"),
    reader=True,
)
ATHLETES = Collection(
    "athletes",
    own_key=("athleteId",),
    indexes=(by("userId", unique=True, sparse=True), by("invite.hash", unique=True, sparse=True)),
    coach=READ,
    reader=True,
    personal=Personal("userId", erased="athlete"),
)
USERS = Collection("users", personal=Personal("_id", shows_id=True, erased="user"))
LEASES = Collection("leases", in_backup=False)

COLLECTIONS = (
    *(RUN_EVENTS, FEEDBACK_EVENTS, WEEKLY_METRICS, PLAN_SNAPSHOTS, RUN_ARTIFACTS),
    *(
        SESSION_PROMPTS,
        PLAN_DECISIONS,
        FEEDBACK_HISTORY,
        WAITING_NOTES,
        COACH_MESSAGES,
        PAIN_REPORTS,
        PAIN_EPISODES,
        AVAILABILITY,
        TAPS,
        TOMBSTONES,
        FIGURES,
        FIGURE_TOUCHES,
    ),
    *(JOURNALS, INBOX, ATHLETES, USERS, LEASES),
)

MODELS: Mapping[str, type[Record]] = MappingProxyType(
    {collection.name: collection.model for collection in COLLECTIONS if collection.model is not None}
)
"""The model of each collection that is written from outside, too."""

WRITTEN: Mapping[str, Collection] = MappingProxyType(
    {collection.name: collection for collection in COLLECTIONS if collection.name in MODELS}
)
"""Their declarations."""

KEYS: Mapping[str, str] = MappingProxyType({name: model.KEY for name, model in MODELS.items()})
"""The field by which each of them is upserted."""


def parse(collection: str, value: object) -> Record:
    """`Record.of` for the model of a collection.

    Raises:
        BadValue: naming the field, or there is no collection of that name.
    """
    return _model(collection).of(value)


def _model(collection: str) -> type[Record]:
    if collection not in MODELS:
        raise BadValue("", f"there is no collection of that name; there are {', '.join(MODELS)}")
    return MODELS[collection]
