"""The week of a plan, and the dates of its entries."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.plans.dates import EntryDates, Week, is_day_name, read_week
from bot.core.plans.remarks import InvalidPlan, Remarks
from tests.support.training import MADRID

WEEK = Week(date(2026, 11, 30), date(2026, 12, 6))


def resolve(entry: dict[str, Any], week: Week = WEEK, zone: ZoneInfo = MADRID) -> tuple[str, list[str]]:
    """The date of an entry, and the warnings."""
    remarks = Remarks()
    dates = EntryDates(zone)
    dates.add(entry, "day")
    return dates.resolve("day", week, remarks).isoformat(), list(map(str, remarks.warnings))


@pytest.mark.parametrize(
    "entry",
    [
        {"date": "2026-12-01"},
        {"fecha": "2026-12-01"},
        {"Date": "2026-12-01", "fecha": datetime(2026, 11, 30, 23, tzinfo=UTC)},
        {"day": "2026-12-01"},
        {"day": "2026-11-30T23:00:00.000Z"},
        {"day": "Tuesday 2026-12-01"},
        {"day": "2026-12-01 (martes)"},
        {"día": "Martes"},
        {"weekday": "tue", "date": "-"},
        {"name": "Martes"},
        {"day": "Martes 1", "date": None},
        {"day": 2, "date": "2026-12-01"},
        {"day": "Day 2", "date": "2026-12-01"},
        {"day": "Day 3/7", "date": "2026-12-01"},
        {"day": "Martes 01/12/2026", "date": "2026-12-01"},
        {"day": "Tuesday or Wednesday", "date": "2026-12-01"},
    ],
)
def test_dates_of_entries(entry: dict[str, Any]) -> None:
    """Under any of their names, as dates, instants or weekdays."""
    assert resolve(entry) == ("2026-12-01", [])


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Asia/Tokyo"])
def test_an_instant_is_a_day_where_the_athlete_lives(zone: str) -> None:
    """Its day elsewhere is another one."""
    entry = {"date": "2026-11-30T23:00:00.000Z"}
    assert resolve(entry, zone=ZoneInfo(zone))[0] == "2026-12-01"
    assert resolve(entry, zone=ZoneInfo("UTC"))[0] == "2026-11-30"
    assert resolve(entry, zone=ZoneInfo("America/New_York"))[0] == "2026-11-30"


@pytest.mark.parametrize(
    ("entry", "field", "found"),
    [
        ({"day": "Lunes"}, "day.day", "'Lunes', but 2026-12-01 is a Tuesday"),
        ({"weekday": "sun"}, "day.weekday", "'sun', but 2026-12-01 is a Tuesday"),
        ({"title": "Viernes"}, "day.title", "'Viernes', but 2026-12-01 is a Tuesday"),
        ({"day": "Monday 1"}, "day.day", "'Monday 1', but 2026-12-01 is a Tuesday"),
    ],
)
def test_a_weekday_that_contradicts_the_date(entry: dict[str, Any], field: str, found: str) -> None:
    """The date counts, with a warning."""
    day, [warning] = resolve({"date": "2026-12-01", **entry})
    assert (day, warning) == ("2026-12-01", f"{field}: {found}; the date counts")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"day": "Martes 8", "date": "2026-12-01"}, "day.day: 'Martes 8', but day.date is 2026-12-01"),
        ({"weekday": "Tuesday, 31", "date": "2026-12-01"}, "day.weekday: 'Tuesday, 31', but day.date is"),
        ({"day": "Martes 8"}, "day.day: 'Martes 8', but the plan's Tuesday is 2026-12-01"),
        ({"day": "Martes 08"}, "day.day: 'Martes 08', but the plan's Tuesday is 2026-12-01"),
    ],
)
def test_a_number_that_contradicts_the_date(entry: dict[str, Any], said: str) -> None:
    """The date counts, be it written or the week's, with a warning."""
    day, [warning] = resolve(entry)
    assert (day, warning.endswith(", which counts")) == ("2026-12-01", True)
    assert warning.startswith(said)


@pytest.mark.parametrize("text", ["Martes 01", "Martes 1", "Martes 32", "Martes 8 km", "Martes, semana 8"])
def test_other_numbers_are_no_days(text: str) -> None:
    """Only a weekday with a number from 1 to 31 is a date."""
    assert resolve({"day": text}) == ("2026-12-01", [])


@pytest.mark.parametrize(
    ("entry", "field", "found"),
    [
        ({"date": "2027-12-01"}, "day.date", "2027-12-01 lies outside the plan's week, 2026-11-30 to"),
        ({"date": "2026-12-07"}, "day.date", "2026-12-07 lies outside the plan's week, 2026-11-30 to"),
        ({"date": "2026-11-30", "day": "2026-12-02"}, "day.day", "2026-12-02, but day.date is 2026-11-30"),
        ({"date": "2026-11-30", "fecha": "2026-12-02"}, "day.fecha", "2026-12-02, but day.date is"),
        ({"date": "2026-12-01", "day": "02/12/2026"}, "day.day", "'02/12/2026', but day.date is 2026-12-01"),
        ({"date": "2026-12-01", "day": "Tue 12-2-2026"}, "day.day", "'Tue 12-2-2026', but day.date is"),
        ({"day": "2026-12-01 to 2026-12-03"}, "day.day", "2026-12-03, but day.day is 2026-12-01"),
        ({"date": "01/12/2026"}, "day.date", "'01/12/2026' is not a date"),
        ({"date": "1 Dec"}, "day.date", "'1 Dec' is not a date"),
        ({"date": "2026-12-01 to 2026-12-03"}, "day.date", "'2026-12-01 to 2026-12-03' is not a date"),
        ({"date": "2026-12-01T25:00:00Z"}, "day.date", "'2026-12-01T25:00:00Z' is not a date"),
        ({"date": "undefined"}, "day.date", "'undefined' is not a date"),
        ({"date": {"$date": "2026-12-01"}}, "day.date", "{'$date': '2026-12-01'} is not a date"),
        ({"date": "\x1b[2J\u202eoon" + "x" * 500}, "day.date", r"'\x1b[2J\u202eoon"),
        ({"day": "2026-02-30"}, "day.day", "'2026-02-30' is not a date"),
        ({"day": "Monday and Friday"}, "day.day", "'Monday and Friday' is more than one weekday"),
        ({"day": "Monday", "weekday": "Friday"}, "day.day", "'Monday' and 'Friday' is more than one weekday"),
        ({"day": "1 mar"}, "day.day", "'1 mar' is no weekday"),
        ({}, "day.date", "missing"),
        ({"day": 3}, "day.date", "missing"),
    ],
)  # fmt: skip
def test_dates_that_are_refused(entry: dict[str, Any], field: str, found: str) -> None:
    """With what was found, both values where two contradict each other, and the cure."""
    with pytest.raises(InvalidPlan) as caught:
        resolve(entry)
    assert caught.value.field == field
    assert found in caught.value.cure
    assert "; " in caught.value.cure
    assert caught.value.cure.isprintable()


@pytest.mark.parametrize(
    ("fields", "plan", "expected", "warning"),
    [
        ({"weekStart": "2026-11-30", "weekEnd": "2026-12-06"}, {}, "2026-11-30 to 2026-12-06", None),
        ({"weekStart": "2026-11-29T23:00:00.000Z"}, {}, "2026-11-30 to 2026-12-06", None),
        ({"weekStart": datetime(2026, 11, 29, 23, tzinfo=UTC)}, {}, "2026-11-30 to 2026-12-06", None),
        ({}, {"weekStart": "2026-11-30"}, "2026-11-30 to 2026-12-06", None),
        ({}, {"nextWeek": {"end": "2026-12-06"}}, "2026-11-30 to 2026-12-06", None),
        ({"weekStart": "2026-11-30"}, {"nextWeek": {"start": "2026-11-30"}}, "2026-11-30 to 2026-12-06",
         None),
        (
            {"weekStart": "2026-11-29", "weekEnd": "2026-12-06"}, {}, "2026-11-29 to 2026-12-06",
            "weekStart: 2026-11-29 to 2026-12-06: 8 days from a Sunday on, not seven from a Monday on",
        ),
        (
            {"weekStart": "2026-11-29T23:00:00.000Z", "weekEnd": "2026-12-06T23:00:00.000Z"}, {},
            "2026-11-30 to 2026-12-07",
            "weekStart: 2026-11-30 to 2026-12-07: 8 days from a Monday on, not seven from a Monday on",
        ),
        ({"weekStart": "2026-12-02"}, {}, "2026-12-02 to 2026-12-08", "weekStart: 2026-12-02 to"),
        (
            {"weekStart": "2026-11-30"}, {"nextWeek": {"weekStart": "2026-12-07"}},
            "2026-11-30 to 2026-12-06",
            "activityPlan.nextWeek.weekStart: 2026-12-07, and weekStart is 2026-11-30, which counts",
        ),
    ],
)  # fmt: skip
def test_weeks(fields: dict[str, Any], plan: object, expected: str, warning: str | None) -> None:
    """What a plan is for; what is no week from Monday to Sunday is said."""
    remarks = Remarks()
    assert str(read_week(fields, plan, MADRID, remarks)) == expected
    assert len(remarks.warnings) == (warning is not None)
    assert all(str(remark).startswith(str(warning)) for remark in remarks.warnings)


@pytest.mark.parametrize(
    ("value", "is_name"),
    [
        ("Monday", True), ("martes", True), ("Mié.", True), ("2026-12-01", True),
        ("Tuesday run", False), ("Sunny", False), ("Run", False), ("Mon 2", False), ("", False), (5, False),
    ],
)  # fmt: skip
def test_names_of_days(value: object, is_name: bool) -> None:
    """A weekday or a date, and nothing else."""
    assert is_day_name(value) is is_name
