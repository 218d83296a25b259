"""A week's feedback, and that of the four weeks before, made for whoever plans the next one. Pure.

What counts as what (the JSON says so too, in `scales` and `legend`):

- Asked is what the bot sent a question about, and what was answered without one (the coach's own buttons).
- Answered is what has one of the answers. One that came too late is none: it was never stored.
- Adherence is known to be done / asked. After some answers it is not known whether the session was completed,
  unless the athlete says so; else they do not count as done, nor does what was done in part, so adherence is
  the least share that was done.
- Where an answer was given and is not stored any more, the week's rates are not known.
- Answers are counted in a row: sessions without a known answer do not break it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby
from statistics import median
from typing import Any

from bot.core.answers.rules import WEEKDAYS
from bot.core.availability.days import Availability, read_availability
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.adherence import Adherence
from bot.core.pain.follow_up import open_pain_json
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete, Pause
from bot.core.plans.plan import Plan
from bot.core.prompts.prompt import is_question
from bot.core.records.collections import FEEDBACK_EVENTS
from bot.core.records.models import is_day
from bot.core.records.retention import DEFAULT_RETENTION
from bot.core.shared.clock import iso_utc, monday_of
from bot.core.summary.legend import (
    COMPLETED,
    COMPLETED_ALL,
    COUNTS,
    EXTRA_SCALES,
    NULLS,
    SCALES,
    STATES,
    WARNINGS,
)
from bot.core.summary.markdown import markdown
from bot.core.summary.sessions import Horizon, Session, SessionState, list_sessions
from bot.core.summary.stored_documents import AskedQuestion, read_answer, read_question
from bot.core.talk.shown import ShownWord, read_shown

WEEKS = 5
"""The number of weeks in a summary; the last is the one that was asked for."""

_FIRST_YEAR, _LAST_YEAR = 2000, 8999


@dataclass(frozen=True, slots=True)
class Week:
    """One week, Monday to Sunday.

    Attributes:
        sessions: in order.
    """

    start: date
    sessions: tuple[Session, ...]

    @property
    def end(self) -> date:
        """The Sunday."""
        return self.start + timedelta(days=6)

    @property
    def counts(self) -> dict[str, int]:
        """Sessions, by the names of `COUNTS`."""
        asked = [session for session in self.sessions if not session.is_logged]
        states: Counter[FeedbackType | SessionState] = Counter(session.state for session in asked)
        answers = {type_.value: states[type_] for type_ in FeedbackType}
        no_answer = states[SessionState.OPEN] + states[SessionState.UNANSWERED] + states[SessionState.LATE]
        said = Counter(s.completion for s in self.sessions if s.answer and s.answer.facts.is_done is None)
        planned = sum(session.in_plan for session in self.sessions)
        counts = {
            "planned": planned,
            "unplanned": len(self.sessions) - planned,
            "asked": sum(answers.values()) + no_answer + states[SessionState.UNKNOWN],
            **answers,
            **{name: said[how] for name, how in COMPLETED.items()},
            "noAnswer": no_answer,
            "stillOpen": states[SessionState.OPEN],
            "unknown": states[SessionState.UNKNOWN],
            "paused": states[SessionState.PAUSED],
            "notAsked": states[SessionState.NOT_ASKED] + states[SessionState.UNDELIVERED],
            "notDue": states[SessionState.NOT_DUE],
        }
        return {name: counts[name] for name in COUNTS}

    @property
    def rates(self) -> Adherence:
        """The answers, and the rates that follow from them."""
        counts = self.counts
        answers = {type_.value: counts[type_] for type_ in FeedbackType}
        told = counts[COMPLETED_ALL]
        return Adherence(answers, counts["asked"], is_known=not counts["unknown"], completed=told)

    @property
    def median_delay(self) -> timedelta | None:
        """The time within which half of its answers came; None: of none is that known."""
        delays = [it.delay.total_seconds() for it in self.sessions if it.delay is not None]
        return timedelta(seconds=median(delays)) if delays else None

    @property
    def noted(self) -> int:
        """Sessions with a note of the athlete's, in words or sent along."""
        return sum(bool(session.note or session.notes.attachments) for session in self.sessions)

    @property
    def why(self) -> str | None:
        """Why the rates are not known; None if they are."""
        counts = self.counts
        if not counts["asked"]:
            return "nothing was asked"
        return f"of {counts['unknown']} the answer is not known" if counts["unknown"] else None


@dataclass(frozen=True, slots=True)
class AnswerStreak:
    """Answered sessions in a row with the same answer.

    Attributes:
        current: up to the last answer; None if no answer is known.
        longest: of the five weeks; None if no answer is known.
    """

    current: int | None
    longest: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """An athlete's last five weeks.

    Attributes:
        weeks: the week that was asked for stands last.
        unreadable: records that may belong here, and which nobody can read or put on a day.
        pains: what may still hurt, the worst first.
        availability: what the athlete has said of this week and of the coming one.
        messages: what they and the coach wrote to each other in that week and since, the oldest first.
    """

    athlete: Athlete
    generated_at: datetime
    weeks: tuple[Week, ...]
    unreadable: int
    pains: tuple[OpenPain, ...] = ()
    availability: tuple[Availability, ...] = ()
    messages: tuple[ShownWord, ...] = ()

    @property
    def zone(self) -> tzinfo:
        """The athlete's zone: days are days there."""
        return self.athlete.hours.zone

    @property
    def week(self) -> Week:
        """The week that was asked for."""
        return self.weeks[-1]

    @property
    def pauses(self) -> list[Pause]:
        """The athlete's pauses that touch the five weeks."""
        first, last = self.weeks[0].start, self.week.end
        return [
            pause
            for pause in self.athlete.pauses
            if _day(pause.since, self.zone, date.min) <= last
            and (pause.until is None or first <= _day(pause.until, self.zone, date.max))
        ]

    @property
    def scales(self) -> list[Mapping[str, Any]]:
        """The meaning of the figures that occur here."""
        extras = {name for week in self.weeks for session in week.sessions for name in session.extras}
        return [*SCALES, *(scale for name, scale in EXTRA_SCALES.items() if name in extras)]

    def streak(self, type_: FeedbackType) -> AnswerStreak:
        """The streaks of an answer."""
        answers = [s.answer for week in self.weeks for s in week.sessions if s.answer is not None]
        if not answers:
            return AnswerStreak(None, None)
        streaks = [(answer, sum(1 for _ in items)) for answer, items in groupby(answers)]
        last, length = streaks[-1]
        return AnswerStreak(
            length if last is type_ else 0, max((n for answer, n in streaks if answer is type_), default=0)
        )

    def to_json(self) -> dict[str, Any]:
        """The summary for machines. Days are `YYYY-MM-DD` in the athlete's zone, instants ISO 8601 in UTC."""
        return {
            "athlete": self.athlete.athlete_id,
            "name": self.athlete.name,
            "zone": str(self.zone),
            "weekStart": self.week.start.isoformat(),
            "generatedAt": iso_utc(self.generated_at),
            "week": _week_json(self.week),
            "before": [_week_json(week) for week in self.weeks[:-1]],
            "runs": {type_.value: _streak_json(self.streak(type_)) for type_ in WARNINGS},
            "trend": {
                "weekStart": [week.start.isoformat() for week in self.weeks],
                "adherence": [week.rates.rates_json()["adherence"] for week in self.weeks],
                "responseRate": [week.rates.rates_json()["responseRate"] for week in self.weeks],
            },
            "pauses": [
                {"since": iso_utc(pause.since), "until": iso_utc(pause.until) if pause.until else None}
                for pause in self.pauses
            ],
            "openPain": [open_pain_json(pain, self.generated_at, self.zone) for pain in self.pains],
            "messages": [word.to_json() for word in self.messages],
            "availability": [week.to_json() for week in self.availability],
            "unreadable": self.unreadable,
            "scales": [dict(scale) for scale in self.scales],
            "legend": {
                "counts": dict(COUNTS),
                "states": {state.value: meaning for state, meaning in STATES.items()},
                "null": dict(NULLS),
            },
        }

    def to_markdown(self) -> str:
        """The summary as a short text that can go into a prompt as it is."""
        return markdown(self)


def summarize(
    week_start: date,
    *,
    athlete: Athlete,
    plans: Iterable[Plan],
    prompts: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    now: datetime,
    late_after_days: int,
    kept_days: int = DEFAULT_RETENTION[FEEDBACK_EVENTS],
    alone: bool = True,
    unreadable: int = 0,
    pains: Iterable[OpenPain] = (),
    availability: Iterable[Mapping[str, Any]] = (),
    messages: Iterable[Mapping[str, Any]] = (),
) -> Summary:
    """The week that begins on `week_start`, and the four before.

    Args:
        plans, prompts, events: all that may concern the athlete in these weeks, in any order; more does no
            harm. Prompts and events are stored documents, by whomever.
        late_after_days: LATE_AFTER_DAYS.
        kept_days: answers are deleted so many days after they came.
        alone: whether what names no athlete is this one's, because there is no other.
        unreadable: records that the caller could not read.
        pains: the athlete's, that may still hurt; the worst first.
        availability: stored documents about weeks of the athlete's.
        messages: stored documents of what they and the coach wrote to each other in that week and since.

    Raises:
        ValueError: `week_start` is no Monday, or out of reach.
    """
    check_week_start(week_start)
    horizon = Horizon(now, late_after_days, kept_days, alone)
    sessions, _, lost = read_sessions(athlete, plans, prompts, events, horizon)
    starts = [week_start - timedelta(weeks=WEEKS - 1 - number) for number in range(WEEKS)]
    weeks = [
        Week(start, tuple(s for s in sessions if start <= s.date <= start + timedelta(days=6)))
        for start in starts
    ]
    shown = (week_start, week_start + timedelta(weeks=1))
    said = [week for it in availability if (week := read_availability(it)) is not None]
    possible = sorted((week for week in said if week.week_start in shown), key=lambda week: week.week_start)
    words = [word for it in messages if (word := read_shown(it)) is not None]
    zone = athlete.hours.zone
    written = sorted(
        (word for word in words if word.at.astimezone(zone).date() >= week_start), key=lambda it: it.at
    )
    return Summary(
        athlete, now, tuple(weeks), unreadable + lost, tuple(pains), tuple(possible), tuple(written)
    )


def read_sessions(
    athlete: Athlete,
    plans: Iterable[Plan],
    prompts: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    horizon: Horizon,
) -> tuple[list[Session], list[AskedQuestion], int]:
    """An athlete's sessions as stored documents tell them, see `list_sessions`; the questions among these
    documents; and how many of the documents could not be read, or belong to no session."""
    zone = athlete.hours.zone
    read = [read_question(document, zone) for document in prompts if is_question(document)]
    said = [read_answer(document) for document in events]
    questions = [question for question in read if question is not None]
    answers = [answer for answer in said if answer is not None]
    sessions, lost = list_sessions(athlete, plans, questions, answers, horizon)
    return sessions, questions, lost + len(read) - len(questions) + len(said) - len(answers)


def week_of(instant: datetime, zone: tzinfo) -> date:
    """The Monday of the week in which an instant lies."""
    return monday_of(instant.astimezone(zone).date())


def read_week_start(text: str) -> date:
    """A Monday, `YYYY-MM-DD`.

    Raises:
        ValueError: saying what is expected.
    """
    if not is_day(text):
        raise ValueError(f"{text[:40]!r} is not a date; write a Monday such as 2026-02-16")
    return check_week_start(date.fromisoformat(text))


def check_week_start(day: date) -> date:
    """A day that can begin a week here.

    Raises:
        ValueError: saying what is expected.
    """
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"{day} is out of reach; write a Monday such as 2026-02-16")
    if day.weekday() != 0:
        weekday = WEEKDAYS[day.weekday()]
        raise ValueError(f"{day} is a {weekday}; weeks begin on Monday, so write {monday_of(day)}")
    return day


def _day(instant: datetime, zone: tzinfo, beyond: date) -> date:
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        return beyond


def _week_json(week: Week) -> dict[str, Any]:
    return {
        "weekStart": week.start.isoformat(),
        "weekEnd": week.end.isoformat(),
        "counts": week.counts,
        **week.rates.rates_json(),
        "why": week.why,
        "medianDelayHours": _hours(week.median_delay),
        "noted": week.noted,
        "sessions": [_session_json(session) for session in week.sessions],
    }


def _session_json(session: Session) -> dict[str, Any]:
    return {
        "date": session.date.isoformat(),
        "weekday": WEEKDAYS[session.date.weekday()],
        "planned": dict(session.planned) or None,
        "plannedMinutes": session.minutes.minutes if session.minutes else None,
        "plannedMinutesFrom": session.minutes.source if session.minutes else None,
        "inPlan": session.in_plan,
        "state": session.state.value,
        "why": session.why,
        "answer": session.answer.value if session.answer else None,
        "note": session.note,
        "delayHours": _hours(session.delay),
        "askedBy": session.asked_by.value if session.asked_by else None,
        "askedAt": iso_utc(session.asked_at) if session.asked_at else None,
        "answeredAt": iso_utc(session.answered_at) if session.answered_at else None,
        "runId": session.run_id,
        "sessionId": session.session_id,
        **({"sentAlong": sent} if (sent := [it.kind for it in session.notes.attachments]) else {}),
        **session.extras,
    }


def _hours(time: timedelta | None) -> float | None:
    return None if time is None else round(time / timedelta(hours=1), 2)


def _streak_json(streak: AnswerStreak) -> dict[str, int | None]:
    return {"current": streak.current, "longest": streak.longest}
