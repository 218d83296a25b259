"""The figures behind `/stats`, `stats` and `GET /v1/stats`. Pure.

What counts as what:

- Days are days in TIMEZONE. An answer belongs to the day on which its (last) tap was received; for adherence
  and response rate a session belongs to its own day.
- Asked is what the bot sent a question about, and what was answered without one; adherence is known to be
  done / asked, response rate answered / asked. So it is in the planner's summary
  (`bot.core.summary.summary`), which goes by planned days. Here an answer's session stands under the day of
  its question (`sessionDate`), and only an unanswered one under its planned day: where sessions are asked
  about on a later day than planned, the two may differ at the edge of a week.
- Prompts by state are all questions ever asked. With many of them these, and what is unanswered, may be a
  minute old.
- `feedback_event_write_success_rate` is non-late feedback callbacks written / received. Received are those
  written; those that wait in the journal, as far as can be told that they will be written; and taps that
  became dead letters. Late, invalid, unknown, refused and postponed taps are none of these, and stand apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.answers.payloads import Callback
from bot.core.answers.rules import NotWritten, Outcome, derive_event, named_session, read_tap
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures.adherence import Adherence
from bot.core.figures.histogram import percentile, total
from bot.core.figures.responses import Responses, responses
from bot.core.people.athlete import Roster
from bot.core.shared.clock import days_from, iso_utc, monday_of
from bot.core.telegram.updates import Tap


@dataclass(slots=True)
class Tally:
    """The counts of a period of time, all of which lies on one `day`.

    Attributes:
        taps: by outcome.
        answers: by type.
        sessions: the same answers by day of the session (`YYYY-MM-DD`) and type.
        completed: by day of the session, the answers that do not tell by themselves that it was done, and of
            which the athlete said so.
        delays: how long they took, see `bot.core.figures.histogram`.
        hours: by the hour at which was asked (`00` to `23`).
        notes: those with a note, by day of the session.
    """

    day: date
    taps: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    sessions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    delays: Sequence[int] = ()
    hours: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    completed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of `days` days, today included, up to `until`.

    Attributes:
        since: when the first day began.
        zone: TIMEZONE: days are days there.
        taps: callbacks by outcome, all outcomes present.
        by_day: answers by day of receipt and type, oldest first, no day and no type left out.
        known_from: answers and taps of earlier days have expired, some of them at least.
        sessions: of these days.
        weeks: Monday to Sunday, those that these days touch, whole; by Monday, oldest first.
        median_delay, p90_delay: seconds from the question to the (last) tap of its answer, right to a second
            or to 1 %; None without answers.
        delays: answers of which that is known.
        responses: how soon, with how many notes, and by the hour of the question.
        notes: answers with a note in each of `weeks`.
        prompts: questions by state, over all times; if there are many, as they were a minute ago at most.
        waiting_taps: callbacks that are in the journal and not processed yet.
        waiting_feedback: those of them that count as received: feedback that will be written, as far as can
            be told.
        is_estimate: whether `waiting_feedback` is one: so many wait that only the oldest were looked at, and
            the rest is supposed to be like them; or of some only the database can tell.
        dead_taps: callbacks of these days that could not be processed (dead letters).
        dead_letters: all dead letters, callbacks included.
        oldest_pending: receipt of the oldest callback that is not processed.
        last_poll: end of the last successful poll; None before the first.
        last_write: receipt of the newest stored answer.
    """

    days: int
    since: datetime
    until: datetime
    zone: str
    taps: Mapping[str, int]
    by_day: Mapping[date, Mapping[str, int]]
    known_from: date
    sessions: Adherence
    weeks: Mapping[date, Adherence]
    median_delay: float | None
    p90_delay: float | None
    delays: int
    responses: Responses
    notes: Mapping[date, int]
    prompts: Mapping[str, int]
    waiting_taps: int
    waiting_feedback: int
    is_estimate: bool
    dead_taps: int
    dead_letters: int
    oldest_pending: datetime | None
    last_poll: datetime | None
    last_write: datetime | None

    @property
    def is_cut(self) -> bool:
        """Whether these days reach further back than what is kept."""
        return next(iter(self.by_day)) < self.known_from

    @property
    def answers(self) -> dict[str, int]:
        """Answers received in these days, by type; all types present."""
        return _by_type(self.by_day.values())

    @property
    def feedback_event_write_success_rate(self) -> float | None:
        """Non-late feedback callbacks written over those received; None when there were none."""
        written = self.taps[Outcome.WRITTEN]
        received = written + self.waiting_feedback + self.dead_taps
        return written / received if received else None

    def to_json(self) -> dict[str, Any]:
        """The figures for machines: instants as ISO 8601 in UTC, days `YYYY-MM-DD` in `zone`."""
        return {
            "days": self.days,
            "since": _iso(self.since),
            "until": _iso(self.until),
            "zone": self.zone,
            "feedback_event_write_success_rate": self.feedback_event_write_success_rate,
            "taps": dict(self.taps),
            "waitingTaps": self.waiting_taps,
            "waitingFeedback": self.waiting_feedback,
            "waitingFeedbackIsEstimate": self.is_estimate,
            "deadTaps": self.dead_taps,
            "deadLetters": self.dead_letters,
            "answers": self.answers,
            "knownFrom": self.known_from.isoformat(),
            "answersByDay": [
                {"date": day.isoformat(), **(types if day >= self.known_from else dict.fromkeys(types))}
                for day, types in self.by_day.items()
            ],
            "sessions": self.sessions.to_json(),
            "weeks": [
                {"weekStart": monday.isoformat(), **week.to_json(), "notes": self.notes[monday]}
                for monday, week in self.weeks.items()
            ],
            "timeToAnswer": {
                "answers": self.delays,
                "medianSeconds": self.median_delay,
                "p90Seconds": self.p90_delay,
            },
            "responses": self.responses.to_json(),
            "prompts": dict(self.prompts),
            "oldestPending": _iso(self.oldest_pending),
            "lastPoll": _iso(self.last_poll),
            "lastWrite": _iso(self.last_write),
        }


@dataclass(frozen=True, slots=True)
class CountedFigures:
    """Figures that `Stats` takes over as they are, under the same names."""

    zone: str
    prompts: Mapping[str, int]
    waiting_taps: int
    waiting_feedback: int
    is_estimate: bool
    dead_taps: int
    dead_letters: int
    oldest_pending: datetime | None
    last_poll: datetime | None
    last_write: datetime | None


def sum_up(
    first: date,
    since: datetime,
    until: datetime,
    last: date,
    *,
    tallies: Sequence[Tally],
    unanswered: Mapping[date, int],
    unanswered_by_hour: Mapping[int, int],
    known_from: date,
    found: CountedFigures,
) -> Stats:
    """Make the figures.

    Args:
        first, last: the first day, and today.
        since: when `first` began.
        tallies: from `first`'s Monday on.
        unanswered: questions without an answer, by day of their session.
        unanswered_by_hour: those of these days, by the hour at which they were asked.
        known_from: answers of earlier days have expired, some of them at least.
    """
    inside = [tally for tally in tallies if tally.day >= first]
    by_day: dict[date, Counter[str]] = {day: Counter() for day in days_from(first, last)}
    taps: Counter[str] = Counter()
    for tally in inside:
        taps.update(tally.taps)
        if tally.day in by_day:
            by_day[tally.day].update(tally.answers)
    sessions: dict[str, Counter[str]] = {}
    notes: Counter[str] = Counter()
    completed: Counter[str] = Counter()
    for tally in tallies:
        notes.update(tally.notes)
        for day, types in tally.sessions.items():
            sessions.setdefault(day, Counter()).update(types)
        completed.update(tally.completed)
    delays = total(tally.delays for tally in inside)
    hours: Counter[int] = Counter()
    for tally in inside:
        hours.update({int(hour): number for hour, number in tally.hours.items()})

    def adherence(start: date, end: date) -> Adherence:
        days = days_from(start, end)
        answers = _by_type(sessions.get(day.isoformat(), {}) for day in days)
        asked = sum(answers.values()) + sum(unanswered.get(day, 0) for day in days)
        told = sum(completed[day.isoformat()] for day in days)
        return Adherence(answers, asked, is_known=start >= known_from, completed=told)

    mondays = [
        monday_of(first) + timedelta(weeks=number)
        for number in range((monday_of(last) - monday_of(first)).days // 7 + 1)
    ]
    return Stats(
        days=(last - first).days + 1,
        since=since,
        until=until,
        zone=found.zone,
        taps={outcome.value: taps[outcome] for outcome in Outcome},
        by_day={day: _by_type([types]) for day, types in by_day.items()},
        known_from=known_from,
        sessions=adherence(first, last),
        weeks={monday: adherence(monday, monday + timedelta(days=6)) for monday in mondays},
        median_delay=percentile(delays, 0.5),
        p90_delay=percentile(delays, 0.9),
        delays=sum(delays),
        responses=responses(
            answered=hours,
            unanswered=unanswered_by_hour,
            delays=delays,
            notes=sum(notes[day.isoformat()] for day in days_from(first, last)),
        ),
        notes={
            monday: sum(notes[day.isoformat()] for day in days_from(monday, monday + timedelta(days=6)))
            for monday in mondays
        },
        prompts=found.prompts,
        waiting_taps=found.waiting_taps,
        waiting_feedback=found.waiting_feedback,
        is_estimate=found.is_estimate,
        dead_taps=found.dead_taps,
        dead_letters=found.dead_letters,
        oldest_pending=found.oldest_pending,
        last_poll=found.last_poll,
        last_write=found.last_write,
    )


def is_feedback(tap: Tap, roster: Roster, late_after_days: int) -> bool:
    """Whether a tap that waits will be written, as far as can be told by now."""
    athlete, wish = roster.by_user(tap.user_id), read_tap(tap)
    if athlete is None or not isinstance(wish, Callback):
        return False
    if tap.prompt_at is None:
        return True  # the prompt's record knows
    judged = derive_event(
        tap, wish, named_session(tap, wish), zone=athlete.hours.zone, late_after_days=late_after_days
    )
    return not isinstance(judged, NotWritten)


def is_certain(tap: Tap) -> bool:
    """Whether nothing about a tap that waits is known to the database alone: what about, whom, and when."""
    wish = read_tap(tap)
    if not isinstance(wish, Callback):
        return True
    return not wish.is_reference and tap.prompt_at is not None and tap.chat_id in (None, tap.user_id)


def _by_type(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return {type_.value: found[type_] for type_ in FeedbackType}


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else iso_utc(instant)
