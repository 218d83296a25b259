"""The summary: what became of each session, what is counted, and how it is told."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.core.facts.answer_types import FeedbackType
from bot.core.people.athlete import Athlete, ContactHours, Pause
from bot.core.plans.plan import read_plan
from bot.core.prompts.prompt import PromptState
from bot.core.summary.markdown import quoted
from bot.core.summary.sessions import Session, SessionState
from bot.core.summary.stored_documents import read_when
from bot.core.summary.summary import WEEKS, Summary, read_week_start, summarize, week_of
from tests.support.training import (
    ANA,
    BEN,
    MADRID,
    MONDAY,
    Document,
    asked_at,
    day,
    event,
    five_weeks,
    plan,
    planned,
    prompt,
)

EXAMPLE = Path(__file__).with_name("summary_example.md")
SECOND = timedelta(seconds=1)
TUESDAY = day(1)
ASKED = asked_at(TUESDAY)
NOW = ASKED + timedelta(hours=12)
TEMPO = plan("R1", (1, "Tempo"))
(SESSION,) = planned(TEMPO)
NAME = SESSION.session_id
NO_PLAN: Sequence[Document] = ()


def summary_of(
    plans: Sequence[Document] = (TEMPO,),
    prompts: Sequence[Document] = (),
    events: Sequence[Document] = (),
    *,
    athlete: Athlete = ANA,
    now: datetime = NOW,
    monday: date = MONDAY,
    **more: Any,
) -> Summary:
    """The summary of stored documents."""
    return summarize(
        monday,
        athlete=athlete,
        plans=[read_plan(document, UTC) for document in plans],
        prompts=prompts,
        events=events,
        now=now,
        late_after_days=14,
        **more,
    )


def sessions_of(*documents: Sequence[Document], **more: Any) -> list[Session]:
    """The sessions of all five weeks."""
    return [session for week in summary_of(*documents, **more).weeks for session in week.sessions]


def only(*documents: Sequence[Document], **more: Any) -> Session:
    """The one session of the five weeks."""
    (session,) = sessions_of(*documents, **more)
    return session


SENT = prompt("R1", SESSION, "sent")
PENDING = prompt("R1", SESSION, "pending")
DONE = event("R1", NAME, "done", ASKED)


@pytest.mark.parametrize(
    ("prompts", "events", "state", "why"),
    [
        ([SENT], [], SessionState.OPEN, None),
        ([prompt("R1", SESSION, "answered")], [DONE], FeedbackType.DONE, None),
        ([SENT], [event("R1", NAME, "hard", ASKED)], FeedbackType.HARD, None),
        ([SENT], [event("R1", NAME, "pain", ASKED)], FeedbackType.PAIN, None),
        ([SENT], [event("R1", NAME, "skipped", ASKED)], FeedbackType.SKIPPED, None),
        ([SENT], [event("R1", NAME, " DONE ", ASKED)], FeedbackType.DONE, None),
        ([SENT], [event("R1", NAME, "fine", ASKED)], SessionState.UNKNOWN, "cannot be read"),
        ([], [DONE], FeedbackType.DONE, None),
        ([prompt("R1", SESSION, "late")], [], SessionState.LATE, None),
        ([prompt("R1", SESSION, "expired")], [], SessionState.UNANSWERED, None),
        ([prompt("R1", SESSION, "answered")], [], SessionState.UNKNOWN, "not stored any more"),
        ([prompt("R1", SESSION, "pending", sentAt=ASKED)], [], SessionState.OPEN, None),
        ([prompt("R1", SESSION, "cancelled")], [], SessionState.PAUSED, None),
        ([prompt("R1", SESSION, "cancelled")], [DONE], FeedbackType.DONE, None),
        (
            [prompt("R1", SESSION, "cancelled", reason="holidays", isPaused=True)],
            [],
            SessionState.PAUSED,
            None,
        ),
        ([prompt("R1", SESSION, "cancelled", reason="by hand")], [], SessionState.NOT_ASKED, "by hand"),
        ([prompt("R1", SESSION, "undeliverable", reason="blocked")], [], SessionState.UNDELIVERED, "blocked"),
        ([SENT | {"sentAt": None, "messages": None}], [], SessionState.OPEN, None),
        ([PENDING | {"state": "answered"}], [], SessionState.UNKNOWN, "not stored any more"),
        ([PENDING], [], SessionState.NOT_ASKED, "not sent yet"),
        ([PENDING | {"dueAt": NOW}], [], SessionState.NOT_ASKED, "not sent yet"),
        ([PENDING | {"unknowns": 1}], [], SessionState.NOT_ASKED, "nobody knows whether"),
        ([PENDING | {"dueAt": NOW + SECOND}], [], SessionState.NOT_DUE, None),
        (
            [PENDING | {"state": "expired", "reason": "the bot was away"}],
            [],
            SessionState.NOT_ASKED,
            "was away",
        ),
        ([], [], SessionState.NOT_ASKED, "on record"),
    ],
)
def test_state_of_a_planned_session(
    prompts: list[Document], events: list[Document], state: SessionState, why: str | None
) -> None:
    """Every session is in one state, in plain words, with a reason where the state is not enough."""
    session = only([TEMPO], prompts, events)
    assert (session.date, session.session_id, session.in_plan) == (TUESDAY, NAME, True)
    assert session.state == state
    assert (session.why is None) if why is None else (session.why is not None and why in session.why)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (ASKED - SECOND, SessionState.NOT_DUE),
        (ASKED, SessionState.NOT_ASKED),
    ],
)
def test_a_session_without_a_question_is_due_to_the_second(now: datetime, state: SessionState) -> None:
    """Until it is asked about it is still to come; from then on it was not asked."""
    assert only([TEMPO], now=now).state is state


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (NOW - timedelta(days=15) + SECOND, SessionState.OPEN),
        (NOW - timedelta(days=15), SessionState.UNANSWERED),
    ],
)
def test_a_question_can_be_answered_for_the_days_of_the_setting(sent: datetime, state: SessionState) -> None:
    """14 days and 23 hours is in time, 15 days is late."""
    assert only([TEMPO], [SENT | {"sentAt": sent, "messages": []}]).state is state


def test_a_repeated_question_can_be_answered_from_its_last_message_on() -> None:
    """The first message tells the delay, the last one how long there is time."""
    first = NOW - timedelta(days=16)
    question = SENT | {"sentAt": NOW - timedelta(days=1), "messages": [{"sentAt": first}]}
    session = only([TEMPO], [question])
    assert (session.state, session.asked_at) == (SessionState.OPEN, first)


@pytest.mark.parametrize(
    ("age", "state"),
    [(timedelta(days=30) - SECOND, SessionState.UNANSWERED), (timedelta(days=30), SessionState.UNKNOWN)],
)
def test_what_was_deleted_is_not_called_unanswered(age: timedelta, state: SessionState) -> None:
    """Answers expire; whether an old question had one nobody can tell."""
    question = SENT | {"sentAt": NOW - age, "messages": []}
    session = only([TEMPO], [question], kept_days=30)
    assert session.state is state


def test_a_pause_is_no_skip() -> None:
    """Without a question on record, the athlete's pause says why; a lifted one does not."""
    pause = Pause(ASKED, ASKED + SECOND)
    paused = replace(ANA, pauses=(pause,))
    ended = replace(ANA, pauses=(Pause(ASKED - SECOND, ASKED),))
    assert only([TEMPO], athlete=paused).state is SessionState.PAUSED
    assert only([TEMPO], athlete=ended).state is SessionState.NOT_ASKED
    summary = summary_of([TEMPO], athlete=paused)
    assert (summary.week.counts["paused"], summary.week.counts["skipped"]) == (1, 0)
    assert summary.pauses == [pause]


def test_a_pause_explains_only_what_nothing_else_does() -> None:
    """What kept a question from its athlete is said, also during a pause."""
    paused = replace(ANA, pauses=(Pause(ASKED, None),))
    blocked = prompt("R1", SESSION, "undeliverable", reason="blocked")
    summary = summary_of([TEMPO], [blocked], athlete=paused)
    assert [session.state for session in summary.week.sessions] == [SessionState.UNDELIVERED]
    assert summary.week.counts["notAsked"] == 1


def test_planned_is_what_the_athlete_was_asked_about() -> None:
    """A plan may be changed after the question; until it is sent, what the plan says now counts."""
    changed = plan("R1", (1, "Tempo; 12 km"))
    assert only([changed], [SENT]).planned == {"activity": "Tempo"}
    assert only([changed], [PENDING]).planned == {"activity": "Tempo", "distance_time": "12 km"}


def test_a_question_that_may_have_arrived_was_the_bots() -> None:
    """Answered although nobody knows that it was sent: then it was."""
    assert str(only([TEMPO], [PENDING | {"unknowns": 1}], [DONE]).asked_by) == "bot"
    assert str(only([TEMPO], [PENDING], [DONE]).asked_by) == "coach's own buttons"


def test_text_that_no_file_can_hold_is_mended() -> None:
    """Half a character in a note, or in a name, does not stop the whole summary."""
    summary = summary_of(
        NO_PLAN, [], [DONE | {"note": "a\ud800b", "sessionId": "s\udfff", "reason": {"\ud800": 1}}]
    )
    summary.to_markdown().encode()
    json.dumps(summary.to_json(), ensure_ascii=False).encode()


def test_own_buttons_are_marked() -> None:
    """An answer without plan and question is listed on the day of its message, and says so."""
    at = datetime(2026, 2, 17, 18, tzinfo=UTC)
    summary = summary_of(NO_PLAN, [], [event("own", "swim", "done", at, note="1500 m")])
    (session,) = summary.to_json()["week"]["sessions"]
    assert session | {"askedAt": None, "answeredAt": None} == {
        "date": "2026-02-17",
        "weekday": "Tuesday",
        "planned": None,
        "plannedMinutes": None,
        "plannedMinutesFrom": None,
        "inPlan": False,
        "state": "done",
        "why": None,
        "answer": "done",
        "note": "1500 m",
        "delayHours": 1.0,
        "askedBy": "coach's own buttons",
        "askedAt": None,
        "answeredAt": None,
        "runId": "own",
        "sessionId": "swim",
    }
    assert summary.week.counts | {"unplanned": 1, "planned": 0, "asked": 1} == summary.week.counts


def test_a_single_question_is_in_no_plan() -> None:
    """What was queued by hand stands on the day it was sent, else on the day it is due."""
    single = {"runId": "R9", "sessionId": "s", "chatId": 7, "title": "Swim", "dueAt": NOW + SECOND}
    session = only(NO_PLAN, [single])
    assert (session.date, session.state, session.in_plan) == (day(2), SessionState.NOT_DUE, False)
    assert session.planned == {"title": "Swim"}
    sent = only(NO_PLAN, [single | {"state": "sent", "sentAt": ASKED}])
    assert (sent.date, sent.state) == (TUESDAY, SessionState.OPEN)


NEWER = {"created_at": datetime(2026, 2, 18, tzinfo=UTC)}


def test_what_was_asked_under_a_replaced_plan_stays_in_its_place() -> None:
    """The newer plan's session of that place is not listed beside it, and the reader learns why."""
    newer = plan("R2", (1, "Easy run"), (2, "Rest"), **NEWER)  # type: ignore[arg-type]
    session = only([TEMPO, newer], [SENT], [DONE])
    assert (session.run_id, session.state, session.planned["activity"]) == ("R1", FeedbackType.DONE, "Tempo")
    assert session.why == "a newer plan has replaced this session since"


def test_a_kept_session_is_not_called_replaced() -> None:
    """A newer plan with the same session changes nothing about it."""
    newer = plan("R2", (1, "Tempo"), **NEWER)  # type: ignore[arg-type]
    session = only([TEMPO, newer], [SENT], [DONE])
    assert (session.run_id, session.why) == ("R1", None)


def test_what_a_newer_plan_dropped_unasked_is_gone() -> None:
    """Replaced, dropped or made a rest day before it was asked about: it is not listed."""
    newer = plan("R2", (1, "Rest"), (3, "Swim"), **NEWER)  # type: ignore[arg-type]
    cancelled = prompt("R1", SESSION, "cancelled", reason="a rest day now")
    assert [s.planned["activity"] for s in sessions_of([TEMPO, newer], [cancelled])] == ["Swim"]
    assert [s.run_id for s in sessions_of([TEMPO, newer], [prompt("R1", SESSION, "cancelled")])] == ["R2"]
    assert sessions_of(NO_PLAN, [cancelled]) == []


def test_a_newer_plan_that_reorders_a_day_lists_each_session_once() -> None:
    """The session that was asked about is found by its name, and the other one is still listed."""
    first = plan("R1", (1, "Easy"), (1, "Strength"))
    easy, _ = planned(first)
    newer = plan("R2", (1, "Strength"), (1, "Easy"), **NEWER)  # type: ignore[arg-type]
    found = sessions_of([first, newer], [prompt("R1", easy, "sent")])
    assert sorted((s.run_id, s.planned["activity"]) for s in found) == [("R1", "Easy"), ("R2", "Strength")]


def test_a_session_takes_the_place_that_is_left() -> None:
    """Both places were asked about; the newer plan keeps one session, and its other one was never asked."""
    first = plan("R1", (1, "Easy"), (1, "Strength"))
    newer = plan("R2", (1, "Strength"), (1, "Swim"), **NEWER)  # type: ignore[arg-type]
    found = sessions_of([first, newer], [prompt("R1", session, "sent") for session in planned(first)])
    assert [(s.run_id, s.planned["activity"]) for s in found] == [("R1", "Easy"), ("R1", "Strength")]


def test_a_new_session_in_an_undelivered_place_says_so() -> None:
    """The place is held by the older plan's question, whose fate is the newer session's."""
    newer = plan("R2", (1, "Easy"), **NEWER)  # type: ignore[arg-type]
    held = prompt("R1", SESSION, "undeliverable", reason="the bot was blocked")
    session = only([TEMPO, newer], [held])
    assert (session.run_id, session.state, session.why) == (
        "R2",
        SessionState.UNDELIVERED,
        "the bot was blocked",
    )


def test_a_plan_that_is_gone_is_told_by_its_questions() -> None:
    """Questions hold what was planned; a pause is known from them, too."""
    assert only(NO_PLAN, [SENT], [DONE]).planned == {"activity": "Tempo"}
    assert only(NO_PLAN, [prompt("R1", SESSION, "cancelled")]).state is SessionState.PAUSED
    assert only(NO_PLAN, [SENT]).in_plan


def test_a_session_asked_about_in_several_chats_is_one() -> None:
    """One session, asked in a private chat and in a group, answered in the group."""
    group = SENT | {"chatId": "-100", "sentAt": ASKED - SECOND, "messages": []}
    session = only([TEMPO], [SENT, group], [DONE | {"chatId": "-100"}])
    assert (session.state, session.asked_at) == (FeedbackType.DONE, ASKED - SECOND)


def test_the_older_id_of_an_athlete_counts() -> None:
    """Before the roster knew them, an athlete was a Telegram user id."""
    older = TEMPO | {"athleteId": 7}
    assert only([older], [SENT | {"athleteId": "7"}], [DONE]).state is FeedbackType.DONE


def test_reminders_are_no_questions() -> None:
    """The outbox's other documents are not about one session's answer."""
    reminder = SENT | {"kind": "reminder", "slot": "ana|2026-02-17|reminder", "sessionId": "reminder"}
    assert only([TEMPO], [reminder]).state is SessionState.NOT_ASKED


def test_others_are_left_out() -> None:
    """Plans, questions and answers of somebody else are not this athlete's."""
    theirs = plan("R1", (1, "Tempo"), athlete_id="ben")
    question = prompt("R1", SESSION, "sent", athlete=BEN)
    answer = event("R1", NAME, "done", ASKED, user=8)
    assert sessions_of([theirs], [question], [answer]) == []
    assert only([TEMPO], [question], [answer]).state is SessionState.NOT_ASKED


def test_a_shared_question_is_whose_who_answers_it() -> None:
    """In a group, a question without a name is the answerer's; unanswered it is everybody's in that chat."""
    ana, ben = replace(ANA, chat_id=-100), replace(BEN, chat_id=-100)
    shared = {"runId": "R1", "sessionId": "s", "chatId": "-100", "state": "sent", "sentAt": ASKED}
    answer = event("R1", "s", "done", ASKED, user=8, chatId="-100")
    assert only(NO_PLAN, [shared], [], athlete=ana, alone=False).state is SessionState.OPEN
    assert only(NO_PLAN, [shared], [answer], athlete=ben, alone=False).state is FeedbackType.DONE
    assert sessions_of(NO_PLAN, [shared], [answer], athlete=ana, alone=False) == []


def test_what_names_nobody_is_the_only_athletes() -> None:
    """A plan without athlete and an answer without user are theirs who trains alone, else nobody's."""
    nobodys = plan("R1", (1, "Tempo"), athlete_id=None)
    anonymous = event("R1", NAME, "hard", ASKED, user=None)
    assert only([nobodys], [], [anonymous]).state is FeedbackType.HARD
    assert sessions_of([nobodys], [], [anonymous], alone=False) == []
    assert only([TEMPO], [], [anonymous], alone=False).state is FeedbackType.HARD
    assert only(NO_PLAN, [], [anonymous | {"chatId": "7"}], alone=False).state is FeedbackType.HARD


def test_a_named_answer_comes_before_an_anonymous_one() -> None:
    """Two documents about one session: the athlete's own counts, else the later one."""
    anonymous = event("R1", NAME, "hard", ASKED, user=None, hours=5)
    assert only([TEMPO], [SENT], [anonymous, DONE]).state is FeedbackType.DONE
    later = event("R1", NAME, "pain", ASKED, user="7", hours=2)
    assert only([TEMPO], [SENT], [later, DONE]).state is FeedbackType.PAIN


def test_delay_is_in_hours_and_never_negative() -> None:
    """From the first question to the answer; unknown where one of them is."""
    asked = SENT | {"messages": [{"sentAt": ASKED - timedelta(hours=3)}, {"sentAt": ASKED}]}
    (session,) = summary_of([TEMPO], [asked], [DONE]).to_json()["week"]["sessions"]
    assert session["delayHours"] == 4.0
    early = event("R1", NAME, "done", ASKED, hours=-1)
    (session,) = summary_of([TEMPO], [SENT], [early]).to_json()["week"]["sessions"]
    assert session["delayHours"] == 0.0
    unknown = {k: v for k, v in DONE.items() if k != "promptSentAt"}
    (session,) = summary_of([TEMPO], [], [unknown]).to_json()["week"]["sessions"]
    assert session["delayHours"] is None


def test_later_fields_are_passed_on() -> None:
    """How hard, where it hurts, why, and the load stand with the answer, where they are stored."""
    more = {"rpe": 7, "pain": {"where": "knee", "score": 4}, "reason": "ill", "sessionLoad": 420.0}
    summary = summary_of([TEMPO], [SENT], [DONE | more])
    (session,) = summary.to_json()["week"]["sessions"]
    assert {name: session[name] for name in more} == more
    assert {"rpe", "pain", "sessionLoad"} <= {scale["name"] for scale in summary.to_json()["scales"]}
    assert ', rpe 7, pain "where knee, score 4", reason "ill", sessionLoad 420.0\n' in summary.to_markdown()
    plain = summary_of([TEMPO], [SENT], [DONE]).to_json()
    assert not set(more) & {*plain["week"]["sessions"][0], *(scale["name"] for scale in plain["scales"])}


def test_rates_and_what_counts_as_what() -> None:
    """Pain is answered, and not known to be done; paused and not due stand outside of all rates."""
    week = plan("R1", *((number, f"Run {number}") for number in range(7)), (6, "Swim"))
    kinds = ["done", "hard", "pain", "skipped", None, "paused", "due", "due"]
    prompts, events = [], []
    for session, kind in zip(planned(week), kinds, strict=True):
        state = {"paused": "cancelled", "due": "pending"}.get(str(kind), "sent")
        prompts.append(prompt("R1", session, state))
        if state == "sent" and kind is not None:
            events.append(event("R1", session.session_id, kind, asked_at(session.date)))
    summary = summary_of([week], prompts, events, now=asked_at(day(6)) - SECOND)
    assert summary.week.counts == {
        "planned": 8, "unplanned": 0, "asked": 5, "done": 1, "hard": 1, "pain": 1, "skipped": 1,
        "completedAll": 0, "completedPart": 0, "completedNo": 0,
        "noAnswer": 1, "stillOpen": 1, "unknown": 0, "paused": 1, "notAsked": 0, "notDue": 2,
    }  # fmt: skip
    assert (summary.week.rates.adherence, summary.week.rates.response_rate) == (2 / 5, 4 / 5)
    assert "adherence **0.40 so far (2 of 5 asked)**, response rate **0.80 so far (4 of 5 asked)**" in (
        summary.to_markdown()
    )


@pytest.mark.parametrize(
    ("completed", "adherence", "counts"),
    [(None, 0.0, (0, 0, 0)), ("all", 1.0, (1, 0, 0)), ("part", 0.0, (0, 1, 0)), ("no", 0.0, (0, 0, 1))],
)
def test_pain_and_completion_are_two_facts(
    completed: str | None, adherence: float, counts: tuple[int, int, int]
) -> None:
    """What hurt was done if the athlete says so; a part is none, and is told."""
    said = event("R1", NAME, "pain", ASKED) | {"completed": completed}
    summary = summary_of([TEMPO], [SENT], [said])
    names = ("completedAll", "completedPart", "completedNo")
    assert tuple(summary.week.counts[name] for name in names) == counts
    assert summary.week.rates.adherence == adherence
    [session] = summary.to_json()["week"]["sessions"]
    assert (session["answer"], session.get("completed")) == ("pain", completed)
    text = summary.to_markdown()
    assert "**pain**" in text
    assert (f', completed "{completed}"' in text) is (completed is not None)
    for name, number in zip(("all", "part", "no"), counts, strict=True):
        assert (f" {name} of it completed |" in text) is (number == 1)
    assert "`completed` says whether the session was done" in text


def test_nothing_asked_is_not_zero() -> None:
    """A rate without questions is unknown, and so is one whose answers are lost; both say why."""
    week = summary_of([TEMPO]).to_json()["week"]
    assert (week["adherence"], week["responseRate"], week["why"]) == (None, None, "nothing was asked")
    lost = summary_of([TEMPO], [prompt("R1", SESSION, "answered")])
    week = lost.to_json()["week"]
    assert (week["adherence"], week["why"]) == (None, "of 1 the answer is not known")
    assert "adherence **not known (of 1 the answer is not known)**" in lost.to_markdown()


@pytest.mark.parametrize(
    ("answers", "hard", "pain"),
    [
        ([], (None, None), (None, None)),
        ([None], (None, None), (None, None)),
        (["done"], (0, 0), (0, 0)),
        (["hard", "hard", None, "hard"], (3, 3), (0, 0)),
        (["hard", "hard", "done", "hard"], (1, 2), (0, 0)),
        (["hard", "skipped", "hard"], (1, 1), (0, 0)),
        (["pain", "pain", "hard"], (1, 1), (0, 2)),
    ],
)
def test_runs_of_answers(
    answers: list[str | None], hard: tuple[int | None, int | None], pain: tuple[int | None, int | None]
) -> None:
    """Another answer breaks a run, a session without an answer does not; across weeks."""
    plans, prompts, events = [], [], []
    for number, answer in enumerate(answers):
        document = plan(f"R{number}", (0, "Run"), monday=MONDAY - timedelta(weeks=len(answers) - number))
        (session,) = planned(document)
        plans.append(document)
        prompts.append(prompt(f"R{number}", session, "sent"))
        if answer:
            events.append(event(f"R{number}", session.session_id, answer, asked_at(session.date)))
    runs = summary_of(plans, prompts, events).to_json()["runs"]
    assert (tuple(runs["hard"].values()), tuple(runs["pain"].values())) == (hard, pain)


def test_weeks_end_at_midnight_of_the_athletes_zone() -> None:
    """A question on Sunday evening in New York is Sunday's, though it is Monday in UTC."""
    zone = ZoneInfo("America/New_York")
    athlete = Athlete("ana", 7, 7, ContactHours(zone))
    at = datetime(2026, 2, 23, 1, tzinfo=UTC)  # Sunday, 20:00 there
    answer = event("own", "s", "done", at)
    assert answer["sessionDate"] == "2026-02-23"
    session = only(NO_PLAN, [], [answer], athlete=athlete, now=at + timedelta(hours=2))
    assert session.date == date(2026, 2, 22)
    assert week_of(at, zone) == MONDAY
    assert week_of(at, UTC) == day(7)


@pytest.mark.parametrize(
    ("monday", "sunday_due"),
    [
        (date(2026, 3, 23), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # 02:30 is skipped: 03:30
        (date(2026, 10, 19), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 02:30 comes twice: the first
    ],
)
def test_weeks_in_which_the_clocks_change(monday: date, sunday_due: datetime) -> None:
    """Each day is there once, and what is due at an hour that is skipped or comes twice is due once."""
    athlete = Athlete("ana", 7, 7, ContactHours(MADRID, prompt_time=time(2, 30)))
    week = plan("R1", *((number, "Run") for number in range(7)), monday=monday)
    before = summary_of([week], athlete=athlete, monday=monday, now=sunday_due - SECOND)
    after = summary_of([week], athlete=athlete, monday=monday, now=sunday_due)
    assert [session.date for session in after.week.sessions] == [day(n, monday) for n in range(7)]
    assert (before.week.counts["notDue"], after.week.counts["notDue"]) == (1, 0)
    assert len({week.start for week in after.weeks}) == WEEKS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-02-18", "2026-02-18 is a Wednesday; weeks begin on Monday, so write 2026-02-16"),
        ("2026-02-22", "2026-02-22 is a Sunday; weeks begin on Monday, so write 2026-02-16"),
        ("yesterday", "'yesterday' is not a date; write a Monday such as 2026-02-16"),
        ("2026-2-16", "'2026-2-16' is not a date; write a Monday such as 2026-02-16"),
        ("0001-01-01", "0001-01-01 is out of reach; write a Monday such as 2026-02-16"),
        ("9999-12-27", "9999-12-27 is out of reach; write a Monday such as 2026-02-16"),
    ],
)
def test_a_week_begins_on_monday(text: str, message: str) -> None:
    """Any other day is refused with the Monday that is meant."""
    with pytest.raises(ValueError, match=re.escape(message)):
        read_week_start(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("legs heavy", '"legs heavy"'),
        ("", '""'),
        ("two\r\nlines\x1b[2J\u2028three", '"two lines \\[2J three"'),
        ('"; **done**, ignore this', '"\'; \\*\\*done\\*\\*, ignore this"'),
        ("“quoted” «so» ＂", "\"'quoted' 'so' '\""),
        ("a | b \\ `c` [d](e) <f> _g_ ~h~ &i; $j$", None),
        ("hid\u200bden\U000e0041\u202e\ufeff\U000e0100", '"hidden"'),
        ("علی\u200cرضا ශ්\u200dරී 👨\u200d👧 A\u200dn", '"علی\u200cرضا ශ්\u200dරී 👨\u200d👧 An"'),
        ("x" * 400, '"' + "x" * 299 + '…"'),
    ],
)
def test_quoted_text_cannot_get_out(text: str, line: str | None) -> None:
    """One line, no double quote but the two around, nothing invisible, nothing that Markdown acts on."""
    result = quoted(text, 300)
    assert line is None or result == line
    assert result.count('"') == 2
    assert len(result.splitlines()) == 1
    assert not re.search(r"(?<!\\)(\\\\)*[`*_\[\]<>|~&$]", result)


def test_the_example_reads_well() -> None:
    """Five weeks as a planner sees them: figures first, then sessions, then what the words mean.

    After a change that is meant, write it again: `python -m tests.unit.core.summary.test_summary`, and read
        it.
    """
    assert example_text() == EXAMPLE.read_text(encoding="utf-8")
    assert len(example_text().splitlines()) < 60


def example_text() -> str:
    """The Markdown of `five_weeks`."""
    athlete, plans, prompts, events, now = five_weeks()
    return summary_of(plans, prompts, events, athlete=athlete, now=now).to_markdown()


def test_the_json_has_its_keys_in_order() -> None:
    """Readers may show it as it is."""
    athlete, plans, prompts, events, now = five_weeks()
    figures = summary_of(plans, prompts, events, athlete=athlete, now=now).to_json()
    assert list(figures) == [
        "athlete", "name", "zone", "weekStart", "generatedAt", "week", "before", "runs", "trend", "pauses",
        "openPain", "messages", "availability", "unreadable", "scales", "legend",
    ]  # fmt: skip
    assert figures["trend"] == {
        "weekStart": ["2026-01-19", "2026-01-26", "2026-02-02", "2026-02-09", "2026-02-16"],
        "adherence": [1.0, 0.75, 0.333, 0.75, 0.75],
        "responseRate": [1.0, 1.0, 0.667, 0.75, 0.75],
    }
    assert [week["weekStart"] for week in figures["before"]] == figures["trend"]["weekStart"][:-1]
    assert {"name": "adherence", "range": [0, 1], "better": "higher"}.items() <= figures["scales"][0].items()


def test_what_cannot_be_read_is_counted() -> None:
    """A record without ids, or without any day, is not silently dropped."""
    dateless = {"runId": "R1", "sessionId": "s", "type": "done", "userId": 7}
    summary = summary_of(NO_PLAN, [{"chatId": "7"}], [{"type": "done"}, dateless], unreadable=1)
    assert summary.unreadable == 4
    assert "- Left out, as nobody can read them or put them on a day: 4 records.\n" in summary.to_markdown()


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.datetimes(timezones=st.sampled_from([UTC, MADRID]))
    | st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), b"x", "\ud800"])
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DAYS = st.integers(-30, 8).map(day)
INSTANTS = DAYS.map(asked_at)
IDS = {
    "runId": st.sampled_from(["R1", "R2", "R3", 3, 3.0]),
    "sessionId": st.sampled_from([NAME, "a", "b", 5]),
}
PROMPTS = {
    **IDS,
    "chatId": st.sampled_from(["7", 7, "-100"]),
    "athleteId": st.sampled_from(["ana", "7", None, "ben"]),
    "userId": st.sampled_from([7, 7.0, None, 8]),
    "kind": st.sampled_from([None, "session", "reminder"]),
    "state": st.sampled_from([None, *map(str, PromptState)]),
    "reason": st.sampled_from([None, "paused", "replaced by plan R2"]),
    "date": DAYS.map(str),
    "slot": st.builds("ana|{}|{}".format, DAYS, st.integers(1, 2)),
    "plan": st.fixed_dictionaries({"activity": st.text(max_size=8)}),
    "sentAt": INSTANTS,
    "dueAt": INSTANTS | INSTANTS.map(str),
    "messages": st.lists(st.fixed_dictionaries({"sentAt": INSTANTS}), max_size=2),
    "unknowns": st.integers(0, 1),
    "createdAt": INSTANTS,
}
EVENTS = {
    **IDS,
    "type": st.sampled_from(["done", "hard", "pain", "skipped", "Done"]),
    "note": st.text(max_size=20),
    "sessionDate": DAYS.map(str),
    "userId": st.sampled_from([7, 7.0, "7", None, "anon", 8]),
    "chatId": st.sampled_from(["7", None, "-100"]),
    "promptSentAt": INSTANTS | INSTANTS.map(str),
    "receivedAt": INSTANTS,
    "updateId": st.integers(0, 9),
    "rpe": st.integers(0, 10),
    "pain": JUNK,
}


def documents(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[Document]]:
    """Documents in which each field may be missing, as it should be, or anything."""
    most = {name: strategy | strategy | strategy | JUNK for name, strategy in fields.items()}
    return st.lists(st.fixed_dictionaries({}, optional=most), max_size=6)


PLANS = st.lists(
    st.builds(
        plan,
        st.sampled_from(["R1", "R2", "R3"]),
        *[st.tuples(st.integers(0, 6), st.sampled_from(["Tempo", "Easy; 8 km", "Rest"]))] * 3,
        monday=st.integers(-5, 1).map(lambda weeks: MONDAY + timedelta(weeks=weeks)),
        athlete_id=st.sampled_from(["ana", "7", None, "ben"]),
        created_at=INSTANTS,
    ),
    max_size=3,
    unique_by=lambda document: document["runId"],
)


@given(
    PLANS, documents(PROMPTS), documents(EVENTS), INSTANTS, st.booleans(), st.randoms(use_true_random=False)
)
@hypothesis_settings(max_examples=120)
def test_the_sums_are_right_whatever_is_stored(
    plans: list[Document],
    prompts: list[Document],
    events: list[Document],
    now: datetime,
    alone: bool,
    shuffle: Random,
) -> None:
    """Counts add up, rates are in [0, 1] or unknown, nothing raises, and no order matters."""
    summary = summary_of(plans, prompts, events, now=now, alone=alone)
    figures = summary.to_json()
    json.dumps(figures, allow_nan=False, ensure_ascii=False).encode()
    for week in [*figures["before"], figures["week"]]:
        counts = Counter(week["counts"])
        asked = sum(counts[name] for name in ("done", "hard", "pain", "skipped", "noAnswer", "unknown"))
        assert counts["planned"] + counts["unplanned"] == len(week["sessions"])
        assert len(week["sessions"]) == asked + counts["paused"] + counts["notAsked"] + counts["notDue"]
        assert counts["asked"] == asked
        assert counts["stillOpen"] <= counts["noAnswer"]
        assert all(week[rate] is None or 0 <= week[rate] <= 1 for rate in ("adherence", "responseRate"))
        assert (week["adherence"] is None) == (week["responseRate"] is None) == (week["why"] is not None)
        assert (week["adherence"] or 0) <= (week["responseRate"] or 0)
    assert set(nulls(figures)) <= set(figures["legend"]["null"])
    markdown = summary.to_markdown()
    sessions = sum(max(1, len(week.sessions)) for week in summary.weeks)
    assert len(markdown.splitlines()) <= 34 + sessions
    assert all(line.count('"') % 2 == 0 for line in markdown.splitlines())
    for stored in (plans, prompts, events):
        shuffle.shuffle(stored)
    assert summary_of(plans, prompts, events, now=now, alone=alone).to_json() == figures


def nulls(value: Any, name: str = "") -> Iterator[str]:
    """The names of the fields that are null, or have a null in their list."""
    match value:
        case None:
            yield name
        case dict():
            for key, item in value.items():
                yield from nulls(item, key)
        case list():
            for item in value:
                yield from nulls(item, name)


@given(JUNK)
def test_instants_are_read_from_anything(value: object) -> None:
    """What is no usable instant is none; what is can be put into any zone."""
    instant = read_when(value, UTC)
    assert instant is None or instant.astimezone(ZoneInfo("Pacific/Kiritimati")).date() >= date(1970, 1, 1)


if __name__ == "__main__":
    EXAMPLE.write_text(example_text(), encoding="utf-8")


def test_how_soon_and_with_how_many_notes() -> None:
    """Of each week, for whoever holds it against what is known of other athletes; nothing of no answers."""
    athlete, plans, prompts, events, now = five_weeks()
    week = summary_of(plans, prompts, events, athlete=athlete, now=now).to_json()["week"]
    assert (week["medianDelayHours"], week["noted"]) == (1.5, 2)
    empty = summary_of()
    assert (empty.week.median_delay, empty.week.noted) == (None, 0)
    assert "Half of the answers" not in empty.to_markdown()
