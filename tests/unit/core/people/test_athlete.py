"""Athletes: what their documents say, quiet hours, pauses, and clocks that are put forward and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.people.athlete import (
    Athlete,
    ContactHours,
    Pause,
    QuietHours,
    Roster,
    athlete_flaws,
    check_athlete_id,
    local_instant,
    read_athlete,
    read_roster,
)

MADRID = ZoneInfo("Europe/Madrid")  # put forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00
DEFAULTS = ContactHours(ZoneInfo("UTC"))
NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quiet_athlete(start: str, end: str, zone: ZoneInfo = MADRID) -> Athlete:
    """Somebody with quiet hours."""
    quiet = QuietHours(time.fromisoformat(start), time.fromisoformat(end))
    return Athlete("ana", 7, 7, replace(DEFAULTS, zone=zone, quiet=quiet))


# --- Quiet hours


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        ("22:00", "07:00", "2026-02-16 20:59:59.999", None),
        ("22:00", "07:00", "2026-02-16 21:00", "2026-02-17 06:00"),
        ("22:00", "07:00", "2026-02-16 23:00", "2026-02-17 06:00"),
        ("22:00", "07:00", "2026-02-17 05:59:59.999", "2026-02-17 06:00"),
        ("22:00", "07:00", "2026-02-17 06:00", None),
        ("13:00", "15:00", "2026-02-16 12:00", "2026-02-16 14:00"),
        ("13:00", "15:00", "2026-02-16 11:59", None),
        ("13:00", "15:00", "2026-02-16 14:00", None),
        ("00:00", "06:00", "2026-02-16 23:00", "2026-02-17 05:00"),
        ("22:00", "00:00", "2026-02-16 22:30", "2026-02-16 23:00"),
    ],
)
def test_quiet_hours_begin_and_end_in_the_athlete_s_zone(
    start: str, end: str, at: str, until: str | None
) -> None:
    """Their first instant is quiet, their end is not, and they may span midnight."""
    assert quiet_athlete(start, end).quiet_until(utc(at)) == (None if until is None else utc(until))


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        # 2026-03-29: 01:59:59 is followed by 03:00, which is 01:00 UTC.
        ("22:00", "07:00", "2026-03-29 00:30", "2026-03-29 05:00"),
        ("22:00", "02:30", "2026-03-29 00:59", "2026-03-29 01:30"),
        # 2026-10-25: 02:00 to 02:59 come twice, at 00:00 UTC and 01:00 UTC.
        ("22:00", "07:00", "2026-10-25 00:30", "2026-10-25 06:00"),
        ("22:00", "02:30", "2026-10-25 00:29", "2026-10-25 01:30"),
        ("22:00", "02:30", "2026-10-25 01:29", "2026-10-25 01:30"),
        ("22:00", "02:30", "2026-10-25 01:30", None),
    ],
)
def test_quiet_hours_when_the_clocks_change(start: str, end: str, at: str, until: str | None) -> None:
    """Skipped hours are not waited for, and an hour that comes twice is quiet both times."""
    assert quiet_athlete(start, end).quiet_until(utc(at)) == (None if until is None else utc(until))


@given(
    st.integers(1_577_836_800, 1_893_456_000),  # the twenties
    st.integers(0, 1439),
    st.integers(1, 1439),
    st.sampled_from(["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
)
def test_the_end_of_quiet_hours_lies_ahead_and_near(at: int, start: int, length: int, zone: str) -> None:
    """Whatever the clocks do: it is later than now, within 26 hours."""
    times = [time(minutes // 60, minutes % 60) for minutes in (start, (start + length) % 1440)]
    athlete = quiet_athlete(times[0].isoformat(), times[1].isoformat(), ZoneInfo(zone))
    instant = datetime.fromtimestamp(at, UTC)
    until = athlete.quiet_until(instant)
    assert until is None or instant < until <= instant + timedelta(hours=26)


def test_nobody_is_quiet_without_quiet_hours() -> None:
    """By default things are sent at any hour."""
    assert Athlete("ana", 7, 7, DEFAULTS).quiet_until(NOW) is None


# --- Pauses


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        (NOW - MILLISECOND, False),
        (NOW, True),
        (NOW + timedelta(days=3) - MILLISECOND, True),
        (NOW + timedelta(days=3), False),
    ],
)
def test_a_pause_has_its_first_instant_and_not_its_end(at: datetime, covered: bool) -> None:
    """To the millisecond."""
    pause = Pause(NOW, NOW + timedelta(days=3))
    athlete = Athlete("ana", 7, 7, DEFAULTS, pauses=(Pause(NOW - timedelta(days=9), NOW), pause))
    assert pause.covers(at) is covered
    assert (athlete.pause_at(at) == pause) is covered


def test_a_pause_without_end_lasts() -> None:
    """Until somebody ends it; of several the last counts."""
    first, last = Pause(NOW, None), Pause(NOW + MILLISECOND, None)
    athlete = Athlete("ana", 7, 7, DEFAULTS, pauses=(first, last))
    assert athlete.pause_at(NOW) == first
    assert athlete.pause_at(NOW + timedelta(days=10_000)) == last


# --- Local times


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        ("2026-02-16", "20:00", "UTC", "2026-02-16 20:00"),
        ("2026-02-16", "20:00", "Europe/Madrid", "2026-02-16 19:00"),
        ("2026-02-16", "00:30", "Pacific/Kiritimati", "2026-02-15 10:30"),
        # In the gap: 02:30 is half an hour after 02:00 would have been.
        ("2026-03-29", "02:30", "Europe/Madrid", "2026-03-29 01:30"),
        ("2026-03-29", "01:59", "Europe/Madrid", "2026-03-29 00:59"),
        ("2026-03-29", "03:00", "Europe/Madrid", "2026-03-29 01:00"),
        # In the overlap: the first of the two.
        ("2026-10-25", "02:30", "Europe/Madrid", "2026-10-25 00:30"),
        ("2026-10-25", "03:00", "Europe/Madrid", "2026-10-25 02:00"),
        ("2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-03 15:45"),
    ],
)
def test_local_times_in_gaps_and_overlaps(day: str, at: str, zone: str, expected: str) -> None:
    """Each local time is exactly one instant."""
    assert local_instant(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone)) == utc(expected)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-02-16 18:59:59.999", "2026-02-16 19:00"),
        ("2026-02-16 19:00", "2026-02-16 19:00"),
        ("2026-02-16 19:00:00.001", "2026-02-17 19:00"),
        ("2026-02-16 23:30", "2026-02-17 19:00"),  # the 17th in Madrid already
        ("2026-03-28 20:00", "2026-03-29 18:00"),
        ("2026-10-24 19:00", "2026-10-25 19:00"),
    ],
)
def test_the_next_usual_hour(at: str, expected: str) -> None:
    """At that very instant, or the next day's, in the athlete's zone whatever its clocks do."""
    athlete = Athlete("ana", 7, 7, replace(DEFAULTS, zone=MADRID))
    assert athlete.next_prompt_time(utc(at)) == utc(expected)


# --- Documents


def test_a_document_says_it_all() -> None:
    """Every field is read."""
    document = {
        "athleteId": "ana",
        "userId": 7,
        "chatId": "-100123",
        "name": " Ana ",
        "language": "es",
        "timezone": "Europe/Madrid",
        "promptTime": "21:30",
        "reminderTime": "7:05",
        "nudgeAfterHours": 3.0,
        "quietHours": "22:00-07:00",
        "pauses": [{"since": NOW, "until": None}, {"since": NOW, "until": NOW}],
    }
    assert read_athlete(document, DEFAULTS) == Athlete(
        "ana",
        7,
        -100_123,
        ContactHours(MADRID, time(21, 30), time(7, 5), 3, QuietHours(time(22), time(7))),
        "Ana",
        "es",
        (Pause(NOW, None), Pause(NOW, NOW)),
    )
    assert athlete_flaws(document) == []


@pytest.mark.parametrize(
    "document",
    [
        {"userId": "7", "chatId": [], "name": 5, "language": " ", "pauses": "none"},
        {"userId": True, "chatId": "@ana", "pauses": [1, {}, {"since": "yesterday"}]},
        {"userId": 2**63, "chatId": None, "pauses": {"since": NOW}},
    ],
)
def test_odd_values_count_as_not_set(document: dict[str, Any]) -> None:
    """A document is anybody's: nothing in it is an exception."""
    assert read_athlete({"athleteId": "ana", **document}, DEFAULTS) == Athlete("ana", None, None, DEFAULTS)


@pytest.mark.parametrize(
    ("field", "value", "cure"),
    [
        ("timezone", "Mars", "Europe/Madrid"),
        ("timezone", "../../etc/passwd", "Europe/Madrid"),
        ("promptTime", "24:00", "20:00"),
        ("reminderTime", 7, "20:00"),
        ("nudgeAfterHours", 0, "1 to 168"),
        ("nudgeAfterHours", "soon", "1 to 168"),
        ("quietHours", "22:00", "22:00-07:00"),
        ("quietHours", "07:00-07:00", "22:00-07:00"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named_and_not_used(field: str, value: object, cure: str) -> None:
    """Field, value and cure; the default holds."""
    document = {"athleteId": "ana", field: value}
    [flaw] = athlete_flaws(document)
    assert flaw.startswith(f"{field}: {value!r}")
    assert cure in flaw
    assert read_athlete(document, DEFAULTS).hours == DEFAULTS


def test_the_roster_is_both_lists() -> None:
    """A document says more about somebody in ATHLETE_IDS; who is removed from the collection stays there."""
    documents: list[dict[str, Any]] = [
        {"athleteId": "ana", "userId": 7, "name": "Ana", "state": "active"},
        {"athleteId": "ben", "state": "invited"},
        {"athleteId": "cat", "userId": 9, "state": "removed"},
        {"athleteId": "dan", "userId": 10, "state": "removed"},
    ]
    roster = read_roster({7, 8, 9}, documents, DEFAULTS)
    assert [athlete.athlete_id for athlete in roster.athletes] == ["8", "9", "ana", "ben"]
    assert roster.by_user(7) == roster.by_id("ana")
    assert roster.by_user(9) == Athlete("9", 9, 9, DEFAULTS)
    assert [roster.by_user(user_id) for user_id in (10, None)] == [None, None]
    assert [roster.by_id(athlete_id) for athlete_id in ("cat", "7", None)] == [None, None, None]


def test_who_is_meant_when_nobody_is_named() -> None:
    """The only one who can be asked; in a chat the only one who is asked there."""
    ana, ben = Athlete("ana", 7, -100, DEFAULTS), Athlete("ben", 8, -100, DEFAULTS)
    invited = Athlete("cat", None, None, DEFAULTS)
    assert Roster((ana, invited)).sole() == ana
    assert Roster((ana, ben)).sole() is None
    assert Roster().sole() is None
    assert Roster((ana,)).in_chat(-100) == ana
    assert Roster((ana, ben)).in_chat(-100) is None
    assert Roster((ana,)).in_chat(7) is None


def test_who_is_asked_in_a_topic() -> None:
    """Several in one group are told by their topics; one who is alone there is meant in any."""
    ana, ben = (
        Athlete(name, user, -100, DEFAULTS, thread_id=thread)
        for name, user, thread in (("ana", 7, 42), ("ben", 8, None))
    )
    assert [Roster((ana, ben)).in_chat(-100, topic) for topic in (42, None, 43)] == [ana, ben, None]
    assert Roster((ana,)).in_chat(-100, 43) == ana


@pytest.mark.parametrize(
    ("chat_id", "topic", "thread_id"),
    [
        ("-100", 42, 42),
        (-100, "42", 42),
        ("-100", 42.0, 42),
        ("-100", 1, None),
        ("7", 42, None),
        (None, 42, None),
    ],
)
def test_the_topic_of_an_athlete(chat_id: object, topic: object, thread_id: int | None) -> None:
    """As anybody may have written it; a person's chat has none."""
    document = {"athleteId": "ana", "userId": 7, "chatId": chat_id, "messageThreadId": topic}
    assert read_athlete(document, DEFAULTS).thread_id == thread_id
    assert athlete_flaws(document) == []
    (flaw,) = athlete_flaws({**document, "messageThreadId": "General"})
    assert flaw == "messageThreadId: 'General' is not a topic; write the number in its link, such as 42"


@pytest.mark.parametrize("value", ["ana", "7", "a.b_c-D", "x" * 64])
def test_athlete_ids(value: str) -> None:
    """Plain names are themselves."""
    assert check_athlete_id(value) == value


@pytest.mark.parametrize("value", ["", "a b", "-a", "ana|", "josé", "x" * 65, "a\n"])
def test_what_is_no_athlete_id(value: str) -> None:
    """What would not fit into keys, links and command lines is refused."""
    with pytest.raises(ValueError, match="athlete id"):
        check_athlete_id(value)
