"""What is stored about pain, read as anybody may have left it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.answers.details import Details, read_details
from bot.core.facts.answer_types import read_type
from bot.core.facts.questions import FIELDS, Detail
from bot.core.pain.episodes import Episode, PainWord, Spot, Verdict
from bot.core.shared.tolerant import read_int64

PAIN = Detail.PAIN.facts.field.name
"""The field of answers and reports in which it stands where it hurts, and how much."""


@dataclass(frozen=True, slots=True)
class OpenPain:
    """An episode of somebody's, as it is kept.

    Attributes:
        athlete_id: None: nobody's on the roster.
        asked_at: when the athlete was asked last how it is by now; None: never.
    """

    user_id: int
    athlete_id: str | None
    episode: Episode
    asked_at: datetime | None


def word_of_answer(document: Mapping[str, Any]) -> PainWord | None:
    """What an answer about a session says about pain; None: nothing."""
    type_ = read_type(document.get("type")) or read_type(document.get("response"))
    details = read_details(document)
    said = any(details.value(detail) is not None for detail in FIELDS[PAIN])
    if type_ is None or not (type_.facts.alerts_coach or said):
        return None
    return _word(document, details, verdict=None)


def word_of_report(document: Mapping[str, Any]) -> PainWord | None:
    """What a report says; None: nothing, yet."""
    verdict, details = read_verdict(document), read_details(document)
    if verdict is None and details.value(Detail.PLACE) is None:
        return None
    return _word(document, details, verdict)


def read_verdict(document: Mapping[str, Any]) -> Verdict | None:
    """What a report says to how it is by now; None: it was told, not asked."""
    value = document.get("verdict")
    return Verdict(value) if value in list(Verdict) else None


def spot_of(details: Details) -> Spot:
    """Where it hurts."""
    return Spot(_choice(details, Detail.PLACE), _choice(details, Detail.SIDE))


def level_of(details: Details) -> int | None:
    """How much it hurts."""
    level = details.value(Detail.PAIN)
    return level if isinstance(level, int) else None


def read_episode(document: Mapping[str, Any]) -> OpenPain | None:
    """A document of `pain_episodes`; None if it is none."""
    user_id = read_int64(document.get("userId"))
    since, told_at = document.get("since"), document.get("toldAt")
    if user_id is None or not isinstance(since, datetime) or not isinstance(told_at, datetime):
        return None
    details = read_details(document)
    closed_at, asked_at = document.get("closedAt"), document.get("askedAt")
    words = details.value(Detail.WORDS)
    athlete_id = document.get("athleteId")
    episode = Episode(
        spot=spot_of(details),
        level=level_of(details),
        before=read_int64(document.get("before")),
        words=None if words is None else str(words),
        since=since,
        opened_by=read_int64(document.get("openedBy")) or 0,
        told_at=told_at,
        told_by=read_int64(document.get("updateId")) or 0,
        closed_at=closed_at if isinstance(closed_at, datetime) else None,
    )
    return OpenPain(
        user_id,
        athlete_id if isinstance(athlete_id, str) else None,
        episode,
        asked_at if isinstance(asked_at, datetime) else None,
    )


def said_at(document: Mapping[str, Any], detail: Detail) -> Mapping[str, Any] | None:
    """When something was said, and by which update, as far as is noted: `at`, `updateId`."""
    all_ = document.get("saidAt")
    said = all_.get(detail.value) if isinstance(all_, Mapping) else None
    return said if isinstance(said, Mapping) else None


def details_of(episode: Episode) -> Details:
    """Where it hurts and how much, as it is said of an answer."""
    spot = episode.spot
    said = {
        Detail.PLACE: spot.place,
        Detail.SIDE: spot.side,
        Detail.WORDS: episode.words,
        Detail.PAIN: episode.level,
    }
    return Details({detail: value for detail, value in said.items() if value is not None})


def _word(document: Mapping[str, Any], details: Details, verdict: Verdict | None) -> PainWord | None:
    """The last of what it says about pain gives it its time."""
    said = [said_at(document, detail) for detail in FIELDS[PAIN]]
    stamps = [(it.get("at"), read_int64(it.get("updateId")) or 0) for it in said if it is not None]
    stamps.append((document.get("receivedAt"), read_int64(document.get("updateId")) or 0))
    times = [(at, update_id) for at, update_id in stamps if isinstance(at, datetime)]
    if not times:
        return None
    at, update_id = max(times)
    spot, words = spot_of(details), details.value(Detail.WORDS)
    return PainWord(
        at=at,
        update_id=update_id,
        place=spot.place,
        side=spot.side,
        level=level_of(details),
        words=None if words is None else str(words),
        verdict=verdict,
    )


def _choice(details: Details, detail: Detail) -> Any:
    return details.value(detail)
