"""From tap to event: who, which session, which day, how late, and which of several answers counts."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.event import FeedbackEvent
from bot.core.answers.payloads import Callback, Later
from bot.core.answers.rules import (
    NotWritten,
    Outcome,
    TappedSession,
    collision_key,
    derive_event,
    named_session,
    newest,
    read_tap,
    supersedes,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.shared.update_order import IDS_COMPARABLE_APART, IDS_COMPARABLE_WITHIN
from bot.core.telegram.updates import Tap

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def make_tap(
    *,
    update_id: int = 1,
    user_id: int | None = 7,
    username: str | None = "anna",
    chat_id: int | None = 70,
    message_id: int | None = 700,
    prompt_at: datetime | None = NOW,
    data: str | None = "session_feedback|r|s|done",
    received_at: datetime = NOW,
) -> Tap:
    """A tap; each test says what matters to it."""
    return Tap(update_id, "q", user_id, username, chat_id, message_id, prompt_at, data, received_at)


def derive(
    prompt_at: datetime | None,
    received_at: datetime = NOW,
    zone: str = "UTC",
    late_after_days: int = 14,
) -> FeedbackEvent | NotWritten:
    """What a tap at `received_at` below a prompt of `prompt_at` gives."""
    tap = make_tap(prompt_at=prompt_at, received_at=received_at)
    return derive_event(
        tap,
        Callback("r", "s", FeedbackType.DONE),
        TappedSession("r", "s", prompt_at),
        zone=ZoneInfo(zone),
        late_after_days=late_after_days,
    )


def make_event(
    run_id: str = "r",
    session_id: str = "s",
    *,
    update_id: int = 1,
    received_at: datetime = NOW,
    user_id: int | None = 7,
    type_: FeedbackType = FeedbackType.DONE,
) -> FeedbackEvent:
    """An event in time."""
    event = derive_event(
        make_tap(update_id=update_id, received_at=received_at, user_id=user_id),
        Callback(run_id, session_id, type_),
        TappedSession(run_id, session_id, received_at),
        zone=UTC,
        late_after_days=14,
    )
    assert isinstance(event, FeedbackEvent)
    return event


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("session_feedback|r|s|done", Callback("r", "s", FeedbackType.DONE)),
        ("later|r|s", Later("r", "s")),
        ("nonsense", NotWritten(Outcome.INVALID)),
        (None, NotWritten(Outcome.INVALID)),
        ("session_feedback||s|done", NotWritten(Outcome.INVALID)),
        ("later||s", NotWritten(Outcome.INVALID)),
    ],
)
def test_a_tap_is_an_answer_or_a_wish_or_nothing_of_ours(
    data: str | None, expected: Callback | Later | NotWritten
) -> None:
    """What no button of ours carries is invalid."""
    assert read_tap(make_tap(data=data)) == expected


def test_a_named_session_is_itself_and_an_unnamed_one_is_its_message() -> None:
    """The older form is read as the session `legacy-<messageId>`."""
    tap = make_tap(message_id=2**40)
    assert named_session(tap, Callback("r", "s", FeedbackType.DONE)) == TappedSession("r", "s", NOW)
    assert named_session(tap, Later("r", "s")) == TappedSession("r", "s", NOW)
    assert named_session(tap, Callback("r", None, FeedbackType.DONE)) == TappedSession(
        "r", f"legacy-{2**40}", NOW
    )


def test_every_field_of_the_event() -> None:
    """The document has all fields of the contract under their names, aliases included."""
    prompt_at = NOW - timedelta(days=1, hours=2)
    event = derive_event(
        make_tap(update_id=99, user_id=2**40, username=None, chat_id=-(2**40), prompt_at=prompt_at),
        Callback("r", "s", FeedbackType.PAIN, "knee"),
        TappedSession("r", "s", prompt_at),
        zone=ZoneInfo("Europe/Madrid"),
        late_after_days=14,
    )
    assert isinstance(event, FeedbackEvent)
    assert event.to_bson() == {
        "sessionKey": f"r-s-{2**40}",
        "sessionRef": "r-s",
        "runId": "r",
        "sessionId": "s",
        "type": "pain",
        "response": "pain",
        "note": "knee",
        "sessionDate": "2026-02-15",
        "date": "2026-02-15",
        "sessionDay": "Sunday",
        "day": "Sunday",
        "chatId": str(-(2**40)),
        "messageId": 700,
        "userId": 2**40,
        "username": None,
        "timestamp": NOW,
        "receivedAt": NOW,
        "promptSentAt": prompt_at,
        "promptAgeDays": 1,
        "isLateResponse": False,
        "updateId": 99,
    }
    assert type(event.to_bson()["type"]) is type(event.to_bson()["response"]) is str


def test_nobody_in_particular_is_anon() -> None:
    """Without a user id the key ends in anon."""
    event = make_event(user_id=None)
    assert event.session_key == "r-s-anon"
    assert event.user_id is None
    assert event.identity == ("r", "s", None)


@pytest.mark.parametrize(
    ("zone", "instant", "date", "day"),
    [
        # Spring forward: 29 March 2026, 01:00 UTC in Europe.
        ("Europe/Madrid", "2026-03-28T22:59:59+00:00", "2026-03-28", "Saturday"),
        ("Europe/Madrid", "2026-03-28T23:00:00+00:00", "2026-03-29", "Sunday"),
        ("Europe/Madrid", "2026-03-29T00:59:59+00:00", "2026-03-29", "Sunday"),
        ("Europe/Madrid", "2026-03-29T01:00:00+00:00", "2026-03-29", "Sunday"),
        ("Europe/Madrid", "2026-03-29T21:59:59+00:00", "2026-03-29", "Sunday"),
        ("Europe/Madrid", "2026-03-29T22:00:00+00:00", "2026-03-30", "Monday"),
        # Fall back: 25 October 2026.
        ("Europe/Madrid", "2026-10-24T22:00:00+00:00", "2026-10-25", "Sunday"),
        ("Europe/Madrid", "2026-10-25T00:30:00+00:00", "2026-10-25", "Sunday"),
        ("Europe/Madrid", "2026-10-25T22:59:59+00:00", "2026-10-25", "Sunday"),
        ("Europe/Madrid", "2026-10-25T23:00:00+00:00", "2026-10-26", "Monday"),
        # West of Greenwich: 8 March and 1 November 2026.
        ("America/New_York", "2026-03-08T04:59:59+00:00", "2026-03-07", "Saturday"),
        ("America/New_York", "2026-03-08T05:00:00+00:00", "2026-03-08", "Sunday"),
        ("America/New_York", "2026-03-09T03:59:59+00:00", "2026-03-08", "Sunday"),
        ("America/New_York", "2026-03-09T04:00:00+00:00", "2026-03-09", "Monday"),
        ("America/New_York", "2026-11-01T04:00:00+00:00", "2026-11-01", "Sunday"),
        ("America/New_York", "2026-11-02T04:59:59+00:00", "2026-11-01", "Sunday"),
        ("America/New_York", "2026-11-02T05:00:00+00:00", "2026-11-02", "Monday"),
        # The other hemisphere, half hours, quarter hours, and the ends of the world.
        ("Australia/Lord_Howe", "2026-04-04T12:59:59+00:00", "2026-04-04", "Saturday"),
        ("Australia/Lord_Howe", "2026-04-05T13:29:59+00:00", "2026-04-05", "Sunday"),
        ("Australia/Lord_Howe", "2026-04-05T13:30:00+00:00", "2026-04-06", "Monday"),
        ("Australia/Sydney", "2026-10-04T12:59:59+00:00", "2026-10-04", "Sunday"),
        ("Australia/Sydney", "2026-10-04T13:00:00+00:00", "2026-10-05", "Monday"),
        ("America/Santiago", "2026-09-06T02:59:59+00:00", "2026-09-05", "Saturday"),
        ("America/Santiago", "2026-09-06T04:00:00+00:00", "2026-09-06", "Sunday"),
        ("Asia/Kathmandu", "2026-02-16T18:14:59+00:00", "2026-02-16", "Monday"),
        ("Asia/Kathmandu", "2026-02-16T18:15:00+00:00", "2026-02-17", "Tuesday"),
        ("Pacific/Kiritimati", "2026-12-31T10:00:00+00:00", "2027-01-01", "Friday"),
        ("Pacific/Niue", "2027-01-01T10:59:59+00:00", "2026-12-31", "Thursday"),
        ("UTC", "2028-02-29T00:00:00+00:00", "2028-02-29", "Tuesday"),
        # The prompt's own offset does not matter.
        ("UTC", "2026-02-17T01:00:00+02:00", "2026-02-16", "Monday"),
    ],
)
def test_date_and_day_are_those_of_the_prompt_in_one_zone(
    zone: str, instant: str, date: str, day: str
) -> None:
    """Both change at local midnight, across DST changes in both directions."""
    prompt_at = datetime.fromisoformat(instant)
    event = derive(prompt_at, received_at=prompt_at + timedelta(days=3), zone=zone)
    assert isinstance(event, FeedbackEvent)
    assert (event.session_date, event.session_day) == (date, day)
    assert (event.date, event.day) == (date, day)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["UTC", "Europe/Madrid", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Apia"]),
)
def test_the_day_is_always_the_weekday_of_the_date(prompt_at: datetime, zone: str) -> None:
    """Whatever the instant, date and day belong together."""
    event = derive(prompt_at, received_at=prompt_at, zone=zone)
    assert isinstance(event, FeedbackEvent)
    assert event.session_day == WEEKDAYS[datetime.fromisoformat(event.session_date).weekday()]


@pytest.mark.parametrize(
    ("age", "late_after_days", "expected"),
    [
        (timedelta(0), 14, 0),
        (timedelta(days=1) - MILLISECOND, 14, 0),
        (timedelta(days=1), 14, 1),
        (timedelta(days=14), 14, 14),
        (timedelta(days=14, hours=23), 14, 14),
        (timedelta(days=15) - MILLISECOND, 14, 14),
        (timedelta(days=15), 14, NotWritten(Outcome.LATE, 15)),
        (timedelta(days=400), 14, NotWritten(Outcome.LATE, 400)),
        (timedelta(days=1) - MILLISECOND, 0, 0),
        (timedelta(days=1), 0, NotWritten(Outcome.LATE, 1)),
        (-MILLISECOND, 14, 0),
        (-timedelta(days=3), 14, 0),
        (-timedelta(days=3), 0, 0),
    ],
)
def test_late_means_more_whole_days_than_allowed(
    age: timedelta, late_after_days: int, expected: int | NotWritten
) -> None:
    """The last millisecond before the next whole day is still in time; a prompt from the future is new."""
    result = derive(NOW - age, late_after_days=late_after_days)
    if isinstance(result, NotWritten):
        assert result == expected
    else:
        assert (result.prompt_age_days, result.is_late_response) == (expected, False)


def test_days_are_24_hours_across_a_change_of_clocks() -> None:
    """The late rule counts elapsed time, not dates on the wall."""
    prompt_at = datetime(2026, 3, 20, 20, tzinfo=ZoneInfo("Europe/Madrid"))
    fifteen_days = prompt_at.astimezone(UTC) + timedelta(days=15)
    on_time = derive(prompt_at, fifteen_days - MILLISECOND, "Europe/Madrid")
    assert isinstance(on_time, FeedbackEvent)
    assert on_time.prompt_age_days == 14
    assert derive(prompt_at, fifteen_days, "Europe/Madrid") == NotWritten(Outcome.LATE, 15)


@pytest.mark.parametrize("late_after_days", [0, 14, 3650])
def test_without_any_prompt_time_a_tap_is_late(late_after_days: int) -> None:
    """A message that Telegram no longer shows and nobody remembers has no age."""
    assert derive(None, late_after_days=late_after_days) == NotWritten(Outcome.LATE, None)


def test_the_session_tells_the_prompt_time_not_the_tap() -> None:
    """For inaccessible messages the prompt record's time counts."""
    event = derive_event(
        make_tap(prompt_at=None),
        Callback("r", "s", FeedbackType.DONE),
        TappedSession("r", "s", NOW - timedelta(days=2)),
        zone=UTC,
        late_after_days=14,
    )
    assert isinstance(event, FeedbackEvent)
    assert (event.session_date, event.prompt_age_days) == ("2026-02-14", 2)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Niue"])
@pytest.mark.parametrize(
    "prompt_at", [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)]
)
def test_far_away_prompts_give_a_result(zone: str, prompt_at: datetime) -> None:
    """Neither the first second of 1970 nor the far future raises."""
    result = derive(prompt_at, zone=zone)
    assert isinstance(result, NotWritten) is (prompt_at < NOW)


def test_colliding_keys_get_different_documents() -> None:
    """Two sessions with one `sessionKey` differ in `collision_key`, which depends on the ids alone."""
    first, second = make_event("a-b", "c"), make_event("a", "b-c")
    assert first.session_key == second.session_key == "a-b-c-7"
    assert first.session_ref == second.session_ref
    assert collision_key(first) != collision_key(second)
    assert collision_key(first).startswith("a-b-c-7~")
    assert collision_key(make_event("a-b", "c", update_id=5, type_=FeedbackType.PAIN)) == collision_key(first)
    assert collision_key(make_event("a-b", "c", user_id=8)) != collision_key(first)


@pytest.mark.parametrize(
    ("new_id", "new_after", "expected"),
    [
        (11, timedelta(0), True),
        (9, timedelta(0), False),
        (10, timedelta(0), False),
        (10, timedelta(seconds=5), False),
        (11, -timedelta(days=1), True),
        (9, timedelta(days=1), False),
        (9, IDS_COMPARABLE_WITHIN - MILLISECOND, False),
        (9, IDS_COMPARABLE_WITHIN, True),
        (11, -IDS_COMPARABLE_WITHIN + MILLISECOND, True),
        (11, -IDS_COMPARABLE_WITHIN, False),
        (3, timedelta(days=8), True),
        (10, timedelta(days=8), True),
        (99, -timedelta(days=8), False),
        (10 + IDS_COMPARABLE_APART - 1, -timedelta(seconds=5), True),
        (10 + IDS_COMPARABLE_APART, -timedelta(seconds=5), False),
        (10 + IDS_COMPARABLE_APART, timedelta(seconds=5), True),
    ],
)
def test_which_answer_is_the_later_one(new_id: int, new_after: timedelta, expected: bool) -> None:
    """Within six days the update ids tell, beyond them, and where they are far apart, the time of receipt; a
    redelivery is not later."""
    new = make_event(update_id=new_id, received_at=NOW + new_after)
    assert supersedes(new, 10, NOW) is expected


def test_newest_keeps_one_answer_of_each_session_and_athlete() -> None:
    """Sessions, athletes and colliding keys are kept apart."""
    events = [
        make_event("a-b", "c", update_id=1),
        make_event("a", "b-c", update_id=2),
        make_event("a-b", "c", update_id=3, user_id=8),
        make_event("a-b", "c", update_id=5, type_=FeedbackType.PAIN),
        make_event("a-b", "c", update_id=4),
    ]
    assert {(e.identity, e.update_id) for e in newest(events)} == {
        (("a-b", "c", 7), 5),
        (("a", "b-c", 7), 2),
        (("a-b", "c", 8), 3),
    }
    assert newest([]) == []


@given(
    st.lists(
        st.tuples(
            st.integers(0, 100 * 24 * 3600),  # seconds until the next tap
            st.integers(1, 10**9),  # where the ids go on after a week of silence
        ),
        min_size=1,
        max_size=7,
    ),
    st.randoms(use_true_random=False),
)
def test_newest_does_not_depend_on_order_or_repetition(
    steps: list[tuple[int, int]], shuffled: random.Random
) -> None:
    """However taps are shuffled and redelivered, the last one tapped counts, restarted ids included."""
    taps: list[FeedbackEvent] = []
    at, update_id = NOW, 10**9
    for seconds, restart in steps:
        at += timedelta(seconds=seconds)
        update_id = restart if seconds >= 7 * 24 * 3600 else update_id + 1
        taps.append(make_event(update_id=update_id, received_at=at))
    arrivals = taps * 2
    shuffled.shuffle(arrivals)
    assert newest(arrivals) == [taps[-1]]
