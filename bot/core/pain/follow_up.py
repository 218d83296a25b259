"""When athletes are asked how their pain is by now, and what planners are told of what is open. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, get_args

from bot.core.facts.questions import Place, Side
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete, local_instant
from bot.core.shared.clock import iso_utc

MORNINGS = 3
"""So many mornings after the last word it is asked about; then with questions about sessions alone."""
WORTH_IT = timedelta(hours=8)
"""So long after its hour a morning's question is worth sending."""


@dataclass(frozen=True, slots=True)
class DueCheck:
    """A morning on which an athlete may be asked.

    Attributes:
        day: where the athlete lives, `YYYY-MM-DD`.
        due_at, not_after: from when on, and until when it is worth it.
    """

    day: str
    due_at: datetime
    not_after: datetime


def due_check(athlete: Athlete, at: time, now: datetime) -> DueCheck | None:
    """The morning's question that is to be put now, if there is something to ask; None at another time, in a
    pause, and for who is asked in a group, where what hurts is nobody's business.

    Args:
        at: PAIN_CHECK, in the athlete's zone.
    """
    is_private = athlete.user_id is not None and athlete.chat_id == athlete.user_id
    if not is_private or athlete.pause_at(now) is not None:
        return None
    zone = athlete.hours.zone
    today = now.astimezone(zone).date()
    # What began late yesterday is yesterday's.
    for day in (today, today - timedelta(days=1)):
        due_at = local_instant(day, at, zone)
        if due_at <= now < due_at + WORTH_IT:
            return DueCheck(day.isoformat(), due_at, due_at + WORTH_IT)
    return None


def to_ask(pains: Iterable[OpenPain], now: datetime, zone: tzinfo) -> list[OpenPain]:
    """Those that may be asked about: of which nothing was said today, nor was it asked."""
    today = now.astimezone(zone).date()
    return [
        pain
        for pain in pains
        if pain.episode.is_open(now)
        and pain.episode.told_at.astimezone(zone).date() < today
        and (pain.asked_at is None or pain.asked_at.astimezone(zone).date() < today)
    ]


def to_ask_in_the_morning(pains: Iterable[OpenPain], now: datetime, zone: tzinfo) -> list[OpenPain]:
    """Those of `to_ask` of which the last word is not older than `MORNINGS`."""
    today = now.astimezone(zone).date()
    return [
        pain
        for pain in to_ask(pains, now, zone)
        if (today - pain.episode.told_at.astimezone(zone).date()).days <= MORNINGS
    ]


def is_followed_up(pain: OpenPain, now: datetime, zone: tzinfo) -> bool:
    """Whether it was asked about since it was told last, or the day on which it was told is not over."""
    told_at = pain.episode.told_at
    if told_at.astimezone(zone).date() >= now.astimezone(zone).date():
        return True
    return pain.asked_at is not None and pain.asked_at > told_at


def days_of(pain: OpenPain, now: datetime, zone: tzinfo) -> int:
    """For how many days it has hurt: 0 on the day on which it was told first."""
    return max(0, (now.astimezone(zone).date() - pain.episode.since.astimezone(zone).date()).days)


def open_pain_json(pain: OpenPain, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """For planners; see `OPEN_PAIN`."""
    episode = pain.episode
    return {
        "place": episode.spot.place,
        "side": episode.spot.side,
        "words": episode.words,
        "level": episode.level,
        "days": days_of(pain, now, zone),
        "since": iso_utc(episode.since),
        "lastToldAt": iso_utc(episode.told_at),
        "lastAskedAt": None if pain.asked_at is None else iso_utc(pain.asked_at),
        "followedUp": is_followed_up(pain, now, zone),
    }


_INSTANT = {"type": "string", "format": "date-time"}
OPEN_PAIN: Mapping[str, Mapping[str, Any]] = {
    "place": {
        "enum": [*get_args(Place), None],
        "description": "Where it hurts; null: the athlete did not say.",
    },
    "side": {
        "enum": [*get_args(Side), None],
        "description": "On which side; null: not said, or there is but one.",
    },
    "words": {
        "type": ["string", "null"],
        "description": "Where, in the athlete's own words, for another place.",
    },
    "level": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 10,
        "description": "As it was said last, 0 (none) to 10 (the worst); null: never.",
    },
    "days": {"type": "integer", "minimum": 0, "description": "Since the day on which it was told first."},
    "since": {**_INSTANT, "description": "When it was told first."},
    "lastToldAt": {**_INSTANT, "description": "When the athlete said something about it last."},
    "lastAskedAt": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "When the athlete was asked last how it is by now; null: never.",
    },
    "followedUp": {
        "type": "boolean",
        "description": "Whether it was asked about since it was told last, on an earlier day than today.",
    },
}
"""The fields of open pain in JSON, with their schema."""
OPEN_PAIN_NULLS: Mapping[str, str] = {
    "place": "the athlete did not say where it hurts",
    "side": "not said, or there is but one",
    "words": "the place is one of those on the buttons",
    "level": "the athlete did not say how much it hurts",
    "lastAskedAt": "the athlete was not asked how it is by now",
}
"""What null means there."""
