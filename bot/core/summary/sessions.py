"""An athlete's sessions, joined from plans, questions and answers. Pure.

Plans say what was meant, the outbox what was asked, the feedback events what was answered; they are joined by
`runId` and `sessionId`. Where none of them tells, nothing is made up: the state says that it is not known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, TypeAlias

from bot.core.changes.because import PlanChange
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.answering_window import is_late
from bot.core.facts.completion import Completion, completion_of
from bot.core.facts.questions import Detail
from bot.core.notes.lines import Notes
from bot.core.people.athlete import Athlete, local_instant
from bot.core.plans.durations import planned_minutes
from bot.core.plans.plan import Plan, PlannedSession, current_sessions
from bot.core.prompts.prompt import PromptState
from bot.core.summary.stored_documents import AskedQuestion, StoredFeedback, read_planned

Key: TypeAlias = tuple[str, str]
"""`runId` and `sessionId`."""

_LAST_OF_DAY = 1_000
# What a session is called may say its minutes where `distance_time` does not.
_NAMES = ("activity", "title")


class SessionState(StrEnum):
    """The state of a session that has no known answer, in plain words."""

    OPEN = "no answer yet"
    UNANSWERED = "no answer"
    LATE = "answered too late"
    UNKNOWN = "answer not known"
    PAUSED = "paused"
    UNDELIVERED = "not delivered"
    NOT_ASKED = "not asked"
    NOT_DUE = "not due yet"


class Asker(StrEnum):
    """The one who asked."""

    BOT = "bot"
    OTHERS = "coach's own buttons"
    """There is an answer, and no question of ours."""
    ATHLETE = "nobody: the athlete logged it"


@dataclass(frozen=True, slots=True)
class PlannedMinutes:
    """How long a session was planned to take, and the text of the plan that says so."""

    minutes: float
    source: str


@dataclass(frozen=True, slots=True)
class Session:
    """One session.

    Attributes:
        date: the planned day; without a plan that of the question, in the athlete's zone.
        number: orders the sessions of a day.
        planned: by the names of `bot.core.summary.stored_documents.PLANNED`; a single question has `title`
            and `note`.
        state: the answer, or the state without one.
        in_plan: whether a plan has it; else somebody asked without one.
        why: what the state alone does not say.
        asked_by: None if it was not asked about.
        asked_at: when it was asked about first; None also if nobody knows.
        change: what in it came of the athlete's answers, as its plan says.
        open_question: the `_id` of the question that stands open, the one sent last; None if none does.
        notes: the lines of the note, with what came along.
        extras: what else is stored with the answer, see `bot.core.summary.stored_documents.EXTRAS`.
    """

    date: date
    number: int
    run_id: str
    session_id: str
    planned: Mapping[str, str]
    in_plan: bool
    state: FeedbackType | SessionState
    why: str | None
    note: str | None
    asked_by: Asker | None
    asked_at: datetime | None
    answered_at: datetime | None
    extras: Mapping[str, Any]
    open_question: object = None
    change: PlanChange | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def answer(self) -> FeedbackType | None:
        """The answer; None if none is known."""
        return self.state if isinstance(self.state, FeedbackType) else None

    @property
    def completion(self) -> Completion:
        """How much of it was done, as the athlete said."""
        return completion_of(self.answer, self.extras)

    @property
    def is_logged(self) -> bool:
        """Whether the athlete said by themselves that it was done."""
        return self.asked_by is Asker.ATHLETE

    @property
    def minutes(self) -> PlannedMinutes | None:
        """How long it was planned to take; None if that is not known."""
        return _planned_minutes(self.planned)

    @property
    def delay(self) -> timedelta | None:
        """From asking to answering; never negative, also where two machines' clocks differ."""
        if self.answer is None or self.asked_at is None or self.answered_at is None:
            return None
        return max(timedelta(), self.answered_at - self.asked_at)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The bounds of what can be known at a moment.

    Attributes:
        late_after_days: LATE_AFTER_DAYS.
        kept_days: answers are deleted so many days after they came.
        alone: whether the athlete is the only one, so that what names nobody is theirs.
    """

    now: datetime
    late_after_days: int
    kept_days: int
    alone: bool


def list_sessions(
    athlete: Athlete,
    plans: Iterable[Plan],
    questions: Iterable[AskedQuestion],
    answers: Iterable[StoredFeedback],
    horizon: Horizon,
) -> tuple[list[Session], int]:
    """An athlete's sessions, in order, from all that may concern them.

    - Theirs are plans and questions with their id, in whichever chat; plans without any if they are alone;
      questions without any in their private chat, in their group, or which they have answered, the latter two
      unless somebody else has; answers with their user id, and
      anonymous ones in their chat, about their sessions, or if they are alone.
    - Of several plans for a day the newest counts. What was asked under an older one stays, in the place of
      what the newer one has there; what was never asked under it is gone.

    Returns:
        The sessions, and how many there are that no day can be told of.
    """
    ids = {athlete.athlete_id, str(athlete.user_id)}
    plans = [plan for plan in plans if plan.athlete_id in ids or (plan.athlete_id is None and horizon.alone)]
    join = _Join(athlete, plans, *_theirs(athlete, ids, plans, questions, answers, alone=horizon.alone))
    keys = sorted({*join.current, *join.questions, *join.answers})
    sessions = [join.session(key, horizon) for key in keys if not join.is_gone(key)]
    placed = [session for session in sessions if session is not None]
    placed.sort(key=lambda s: (s.date, s.number, s.session_id, s.run_id))
    return placed, len(sessions) - len(placed)


def _theirs(
    athlete: Athlete,
    ids: Collection[str],
    plans: Sequence[Plan],
    questions: Iterable[AskedQuestion],
    answers: Iterable[StoredFeedback],
    *,
    alone: bool,
) -> tuple[dict[Key, list[AskedQuestion]], dict[Key, StoredFeedback]]:
    """The questions and the answers that are the athlete's, by session."""
    chat = None if athlete.chat_id is None else str(athlete.chat_id)
    named: set[Key] = {(plan.run_id, session.session_id) for plan in plans for session in plan.sessions}
    owned, shared = [], []
    for question in questions:
        if question.athlete_id is not None:
            is_theirs = question.athlete_id in ids
        elif question.user_id is not None:
            is_theirs = question.user_id == athlete.user_id
        elif question.chat_id is not None and not question.chat_id.startswith("-"):  # a private chat
            is_theirs = question.chat_id in (chat, str(athlete.user_id))
        else:
            shared.append(question)
            continue
        if is_theirs:
            owned.append(question)
            named.add(question.key)
    named.update(question.key for question in shared if question.chat_id == chat)

    own: dict[Key, StoredFeedback] = {}
    foreign: set[Key] = set()
    for answer in answers:
        if answer.is_anonymous:
            if not (alone or answer.chat_id == chat or answer.key in named):
                continue
        elif answer.user_id is None or answer.user_id != athlete.user_id:
            foreign.add(answer.key)
            continue
        if answer.key not in own or _rank(answer) > _rank(own[answer.key]):
            own[answer.key] = answer

    by_key: dict[Key, list[AskedQuestion]] = defaultdict(list)
    owned += [q for q in shared if q.key in own or (q.key in named and q.key not in foreign)]
    for question in sorted(owned, key=repr):  # whatever order they come in, the summary is the same
        by_key[question.key].append(question)
    return by_key, own


def _rank(answer: StoredFeedback) -> tuple[Any, ...]:
    """Orders the answers about a session: the last one counts. Those with a name, then the later ones."""
    when = 0.0 if answer.answered_at is None else answer.answered_at.timestamp()
    return (not answer.is_anonymous, when, answer.update_id, answer.type or "", repr(answer))


class _Join:
    """Plans, questions and answers of one athlete, side by side."""

    def __init__(
        self,
        athlete: Athlete,
        plans: Sequence[Plan],
        questions: Mapping[Key, Sequence[AskedQuestion]],
        answers: Mapping[Key, StoredFeedback],
    ) -> None:
        by_day = current_sessions(plans)
        self._athlete = athlete
        self._zone: tzinfo = athlete.hours.zone
        self._covered = set(by_day)
        self._planned = {(p.run_id, session.session_id): session for p in plans for session in p.sessions}
        self._names = {day: {session.session_id for session in items} for day, (_, items) in by_day.items()}
        self.current = {
            (plan.run_id, session.session_id): session for plan, items in by_day.values() for session in items
        }
        self.questions = questions
        self.answers = answers
        held: dict[date, dict[int, AskedQuestion]] = defaultdict(dict)
        # Where two hold one place (an athlete got another id), the one that was asked about.
        for question in sorted((q for items in questions.values() for q in items), key=lambda q: q.is_asked):
            if question.date is not None and question.number is not None:
                held[question.date][question.number] = question
        self._holders: dict[Key, AskedQuestion] = {}
        for day, (plan, items) in by_day.items():
            self._holders.update(_holders(plan.run_id, items, held[day]))

    def _is_asked(self, key: Key) -> bool:
        return key in self.answers or any(question.is_asked for question in self.questions.get(key, ()))

    def is_gone(self, key: Key) -> bool:
        """Whether a session is not to be listed: it was never asked about, and is not planned any more."""
        if self._is_asked(key):
            return False
        if key in self.current:
            return key in self._holders and self._holders[key].is_asked
        questions = self.questions[key]
        days = {question.date for question in questions} - {None}
        # Without a plan that still says so, what was called off is not planned; a single question was never.
        return bool(days) and (bool(days & self._covered) or all(map(_is_called_off, questions)))

    def session(self, key: Key, horizon: Horizon) -> Session | None:
        """Put a session together; None if its day is not known."""
        plan_session = self.current.get(key) or self._planned.get(key)
        questions = self._questions_of(key)
        answer = self.answers.get(key)
        days = [question.date for question in questions if question.date is not None]
        day = plan_session.date if plan_session else min(days, default=None) or self._day(questions, answer)
        if day is None:
            return None
        numbers = [question.number for question in questions if question.number is not None]
        times = [instant for question in questions for instant in question.sent]
        if answer is not None and answer.asked_at is not None:
            times.append(answer.asked_at)
        if self._is_asked(key):
            is_ours = any(question.is_sent or question.may_be_sent for question in questions)
            asker: Asker | None = Asker.BOT if is_ours else Asker.OTHERS
            if answer is not None and answer.logged is not None and not is_ours:
                asker = Asker.ATHLETE
            state: FeedbackType | SessionState
            state, why = _after_asking(questions, answer, horizon)
            why = why or self._replaced(key, day)
        else:
            asker = None
            state, why = self._before_asking(questions, day, horizon)
        known = answer if answer is not None and answer.type is not None else None
        planned = _planned(questions, plan_session) or (answer.logged if answer else None) or {}
        return Session(
            date=day,
            number=plan_session.number if plan_session else min(numbers, default=_LAST_OF_DAY),
            run_id=key[0],
            session_id=key[1],
            planned=planned,
            in_plan=plan_session is not None or bool(days),
            state=state,
            why=why,
            note=known.note if known else None,
            asked_by=asker,
            asked_at=min(times, default=None) if asker else None,
            answered_at=known.answered_at if known else None,
            extras=_with_load(known, _planned_minutes(planned)) if known else {},
            open_question=_open_question(questions) if state is SessionState.OPEN else None,
            change=None if plan_session is None else plan_session.change,
            notes=known.notes if known else Notes(),
        )

    def _questions_of(self, key: Key) -> Sequence[AskedQuestion]:
        """The questions about a session; for one that has none, that which stands unsent in its place."""
        if key in self.questions or key in self.answers or key not in self._holders:
            return self.questions.get(key, ())
        return (self._holders[key],)

    def _day(self, questions: Sequence[AskedQuestion], answer: StoredFeedback | None) -> date | None:
        """The day of a session that stands in no plan, in the athlete's zone."""
        sent = [instant for question in questions for instant in question.sent]
        due = [question.due_at for question in questions]
        recorded = [question.recorded_at for question in questions]
        asked, answered, day = (
            (answer.asked_at, answer.answered_at, answer.date) if answer else (None, None, None)
        )
        return (
            self._first_day(sent)
            or self._first_day([asked])
            or day
            or self._first_day(due)
            or self._first_day([*recorded, answered])
        )

    def _first_day(self, instants: Iterable[datetime | None]) -> date | None:
        days = (instant.astimezone(self._zone).date() for instant in instants if instant is not None)
        return min(days, default=None)

    def _replaced(self, key: Key, day: date) -> str | None:
        if key in self.current or day not in self._covered or key[1] in self._names[day]:
            return None
        known = key in self._planned or any(question.date for question in self.questions.get(key, ()))
        return "a newer plan has replaced this session since" if known else None

    def _before_asking(
        self, questions: Sequence[AskedQuestion], day: date, horizon: Horizon
    ) -> tuple[SessionState, str | None]:
        """State of a session that was not asked about, and why."""
        by_state = {question.state: question for question in reversed(questions)}
        if (pending := by_state.get(PromptState.PENDING)) is not None:
            if pending.due_at is not None and pending.due_at > horizon.now:
                return SessionState.NOT_DUE, None
            if pending.may_be_sent:
                return (
                    SessionState.NOT_ASKED,
                    "sending was tried, and nobody knows whether the question arrived",
                )
            return SessionState.NOT_ASKED, pending.reason or "it is due, and the question is not sent yet"
        due = local_instant(day, self._athlete.hours.prompt_time, self._athlete.hours.zone)
        if any(question.is_paused for question in questions) or (
            not questions and self._athlete.pause_at(due) is not None
        ):
            return SessionState.PAUSED, None
        if (undelivered := by_state.get(PromptState.UNDELIVERABLE)) is not None:
            return SessionState.UNDELIVERED, undelivered.reason
        if (other := next(iter(questions), None)) is not None:
            return SessionState.NOT_ASKED, other.reason or f"the state of its question is {other.state}"
        if due > horizon.now:
            return SessionState.NOT_DUE, None
        return SessionState.NOT_ASKED, "no question about it is on record"


def _planned_minutes(planned: Mapping[str, str]) -> PlannedMinutes | None:
    said = planned.get("distance_time")
    if (minutes := planned_minutes(said)) is not None and said is not None:
        return PlannedMinutes(minutes, said)
    for name in _NAMES:
        # Read together: of `12 km` and `Tempo 3 x 10 min` nobody knows the minutes.
        text = planned.get(name)
        minutes = planned_minutes(f"{said}, {text}" if said and text else text)
        if minutes is not None and text is not None:
            return PlannedMinutes(minutes, text)
    return None


def _with_load(answer: StoredFeedback, minutes: PlannedMinutes | None) -> Mapping[str, Any]:
    """An answer's extras, with the session load where RPE and the planned minutes are known, and the
    session was done as planned: of a part, or of another one, nobody knows the minutes."""
    extras = answer.extras
    if extras.get(Detail.CHANGE.facts.field.name) is not None:
        minutes = None
    if answer.type is not None and answer.type.facts.is_done is None:
        minutes = minutes if completion_of(answer.type, extras) is Completion.ALL else None
    rpe = extras.get(Detail.RPE.facts.field.name)
    if not isinstance(rpe, int | float) or isinstance(rpe, bool) or "sessionLoad" in extras:
        return extras
    return extras if minutes is None else {**extras, "sessionLoad": round(rpe * minutes.minutes, 1)}


def _after_asking(
    questions: Sequence[AskedQuestion], answer: StoredFeedback | None, horizon: Horizon
) -> tuple[FeedbackType | SessionState, str | None]:
    """State of a session that was asked about, and why."""
    if answer is not None:
        if answer.type is None:
            return SessionState.UNKNOWN, "what is stored as its answer cannot be read"
        return answer.type, None
    states = {question.state for question in questions}
    if PromptState.ANSWERED in states:
        return SessionState.UNKNOWN, "it was answered, and the answer is not stored any more"
    last = max((instant for question in questions for instant in question.sent), default=None)
    if last is not None and last <= horizon.now - timedelta(days=horizon.kept_days):
        return SessionState.UNKNOWN, f"answers are kept for {horizon.kept_days} days only"
    if PromptState.LATE in states:
        return SessionState.LATE, None
    is_past = last is not None and is_late(last, horizon.now, horizon.late_after_days)
    is_open = any(question.is_standing for question in questions) and not is_past
    return (SessionState.OPEN if is_open else SessionState.UNANSWERED), None


def _open_question(questions: Sequence[AskedQuestion]) -> object:
    standing = [question for question in questions if question.is_standing]
    return max(standing, key=lambda question: question.sent[-1].timestamp() if question.sent else 0.0).id


def _planned(questions: Sequence[AskedQuestion], session: PlannedSession | None) -> Mapping[str, str]:
    """The plan of a session as it was asked about; else as it is now."""
    for question in questions:
        if question.date is not None and question.is_sent and question.planned:
            return question.planned
    if session is not None:
        return read_planned(session.to_document())
    return next((question.planned for question in questions if question.planned), {})


def _is_called_off(question: AskedQuestion) -> bool:
    return question.state == PromptState.CANCELLED and not question.is_paused


def _holders(
    run_id: str, sessions: Sequence[PlannedSession], held: Mapping[int, AskedQuestion]
) -> dict[Key, AskedQuestion]:
    """The questions that stand in the places of a day's planned sessions.

    Places are given as `bot.core.prompts.planned` gives them: to a session its own, or else the one of its
    name, and to the rest the numbers that are left.
    """
    placed: dict[int, PlannedSession] = {}
    left = list(sessions)
    for names in ({run_id}, {question.run_id for question in held.values()}):
        for session in tuple(left):
            for number, question in sorted(held.items()):
                is_same = question.session_id == session.session_id and question.run_id in names
                if is_same and number not in placed:
                    placed[number] = session
                    left.remove(session)
                    break
    for session in left:
        numbers = (session.number, *range(1, len(sessions) + 1))
        placed[next(number for number in numbers if number not in placed)] = session
    return {
        (run_id, session.session_id): held[number] for number, session in placed.items() if number in held
    }
