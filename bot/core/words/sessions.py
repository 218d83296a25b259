"""Which session words belong to that are no reply: the one whose question is open, or that was answered just
before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from bot.core.facts.answering_window import is_late
from bot.core.prompts.prompt import PromptState
from bot.core.shared.tolerant import read_user
from bot.core.summary.stored_documents import read_day, read_logged, read_text

NEWS_FOR = timedelta(days=1)
"""So long after a question, or an answer, words are taken to be about it."""
MOST_OFFERED = 4
"""So many other sessions are offered at most: the athlete has a small screen."""

Place: TypeAlias = tuple[str, str]
"""Run and session."""

# Telegram's clock and ours differ.
_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SpokenSession:
    """A session that somebody may be writing about.

    Attributes:
        title: None where nobody gave it one.
        chat_id: in which it was asked about; None: only its answer is known.
        day: for which it was planned, else on which it was asked about.
        asked_at: when it was asked about last; None: only its answer is known.
        answered_at: when the answer was given that stands; None: it is open.
    """

    run_id: str
    session_id: str
    title: str | None
    day: date | None
    asked_at: datetime | None
    answered_at: datetime | None
    chat_id: int | None = None

    @property
    def place(self) -> Place:
        """Run and session."""
        return self.run_id, self.session_id

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.answered_at is None

    @property
    def heard_at(self) -> datetime | None:
        """When it was last spoken of."""
        return max((at for at in (self.asked_at, self.answered_at) if at is not None), default=None)


def spoken_sessions(
    prompts: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    at: datetime,
    late_after_days: int,
) -> list[SpokenSession]:
    """What an athlete may mean at a time, the newest first: sessions whose questions can be answered, or
    whose answers are as new. What came later does not count, so that it is the same whenever it is asked.

    Args:
        prompts: questions put to the athlete (`session_prompts`).
        events: the athlete's answers (`feedback_events`).
    """
    answered = {_place(event): event for event in events if _is_before(event.get("receivedAt"), at)}
    found: dict[Place, SpokenSession] = {}
    for prompt in prompts:
        place, asked_at = _place(prompt), _asked_at(prompt, at)
        answer = answered.get(place)
        if asked_at is not None and place not in found:
            answered_at = _instant(prompt.get("answeredAt")) if answer is None else answer["receivedAt"]
            is_answered = prompt.get("state") == PromptState.ANSWERED and _is_before(answered_at, at)
            found[place] = SpokenSession(
                *place,
                title=_title(prompt),
                day=read_day(prompt.get("date")) or _day(answer),
                asked_at=asked_at,
                answered_at=answered_at if answer is not None or is_answered else None,
                chat_id=read_user(prompt.get("chatId")),
            )
    for place, event in answered.items():
        if place not in found:
            logged = read_logged(event.get("logged")) or {}
            found[place] = SpokenSession(*place, logged.get("title"), _day(event), None, event["receivedAt"])
    fresh = [it for it in found.values() if it.heard_at and not is_late(it.heard_at, at, late_after_days)]
    return sorted(fresh, key=lambda it: it.heard_at or at, reverse=True)


def meant(sessions: Sequence[SpokenSession], at: datetime) -> SpokenSession | None:
    """The session that words belong to: the one whose question is open, else the one answered just before.

    A question that was asked longer than a day ago gives way to an answer that is newer than that.

    Args:
        sessions: see `spoken_sessions`.
    """
    open_ = [it for it in sessions if it.is_open]
    answered = [it for it in sessions if it.answered_at is not None and at - it.answered_at <= NEWS_FOR]
    new = [it for it in open_ if it.asked_at is not None and at - it.asked_at <= NEWS_FOR]
    newest_answer = sorted(answered, key=lambda it: it.answered_at or at, reverse=True)
    return next(iter([*new, *newest_answer, *open_]), None)


def _place(document: Mapping[str, Any]) -> Place:
    return str(document.get("runId")), str(document.get("sessionId"))


def _asked_at(prompt: Mapping[str, Any], at: datetime) -> datetime | None:
    """When a question was asked the last time before `at`."""
    messages = prompt.get("messages")
    known = [it for it in messages if isinstance(it, Mapping)] if isinstance(messages, list) else []
    told = [prompt.get("sentAt"), *(it.get("sentAt") for it in known)]
    asked = [_instant(sent_at) for sent_at in told if _is_before(sent_at, at)]
    return max((sent_at for sent_at in asked if sent_at is not None), default=None)


def _title(prompt: Mapping[str, Any]) -> str | None:
    plan = prompt.get("plan")
    return read_text(prompt.get("title") or (plan.get("activity") if isinstance(plan, Mapping) else None))


def _day(event: Mapping[str, Any] | None) -> date | None:
    return None if event is None else read_day(event.get("sessionDate"))


def _is_before(value: object, at: datetime) -> bool:
    return isinstance(value, datetime) and value <= at + _TOLERANCE


def _instant(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
