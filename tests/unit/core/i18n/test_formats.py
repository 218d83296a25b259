"""Dates, numbers, lists and plurals as people read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.i18n import formats
from bot.core.i18n.catalog import Plural
from bot.core.i18n.language import Language

EN, ES = Language.EN, Language.ES
TENTH = date(2026, 8, 10)


@pytest.mark.parametrize(
    ("write", "english", "spanish"),
    [
        (formats.weekday, "Monday", "lunes"),
        (formats.day_and_month, "10 August", "10 de agosto"),
        (formats.short_date, "10 Aug", "10 ago"),
        (formats.long_date, "Monday, 10 August 2026", "lunes, 10 de agosto de 2026"),
        (formats.weekday_and_day, "Monday 10", "lunes 10"),
        (formats.weekday_and_date, "Monday 10 August", "lunes 10 de agosto"),
    ],
)
def test_dates(write: Callable[[date, Language], str], english: str, spanish: str) -> None:
    """Day before month, names of months and weekdays as each language writes them."""
    assert write(TENTH, EN) == english
    assert write(TENTH, ES) == spanish


@pytest.mark.parametrize(
    ("first", "last", "english", "spanish", "portuguese"),
    [
        (TENTH, date(2026, 8, 16), "10 to 16 August", "del 10 al 16 de agosto", "10 a 16 de agosto"),
        (
            date(2026, 8, 31), date(2026, 9, 6),
            "31 August to 6 September", "del 31 de agosto al 6 de septiembre", "31 de agosto a 6 de setembro",
        ),
        (
            date(2026, 8, 31), date(2027, 8, 1),
            "31 August to 1 August", "del 31 de agosto al 1 de agosto", "31 de agosto a 1 de agosto",
        ),
    ],
)  # fmt: skip
def test_a_span_of_days(first: date, last: date, english: str, spanish: str, portuguese: str) -> None:
    """The month is said once where it is the same."""
    spans = [formats.day_span(first, last, language) for language in (EN, ES, Language.PT)]
    assert spans == [english, spanish, portuguese]


@pytest.mark.parametrize("language", [EN, ES])
@pytest.mark.parametrize(("hour", "written"), [(0, "00:07"), (9, "09:07"), (18, "18:07")])
def test_times(hour: int, written: str, language: Language) -> None:
    """Of the zone that an instant has, whichever that is."""
    local = datetime(2026, 8, 10, hour, 7, 59, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert formats.clock_time(local, language) == written


def test_the_names_of_days_and_months() -> None:
    """All of them, in full and in short."""
    week = [TENTH + timedelta(days=n) for n in range(7)]
    assert [formats.weekday(day, ES) for day in week] == [
        "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo",
    ]  # fmt: skip
    year = [date(2026, month, 1) for month in range(1, 13)]
    assert [formats.day_and_month(day, ES).removeprefix("1 de ") for day in year] == [
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ]  # fmt: skip
    for language, months in (
        (EN, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (ES, "ene feb mar abr may jun jul ago sep oct nov dic"),
    ):
        assert [formats.short_date(day, language).removeprefix("1 ") for day in year] == months.split()


@pytest.mark.parametrize(
    ("number", "english", "spanish"),
    [(0, "0", "0"), (999, "999", "999"), (1_200, "1,200", "1.200"), (39_213_004, "39,213,004", "39.213.004")],
)
def test_large_numbers_are_grouped(number: int, english: str, spanish: str) -> None:
    """Where each language puts its marks."""
    assert (formats.grouped(number, EN), formats.grouped(number, ES)) == (english, spanish)


@pytest.mark.parametrize(
    ("value", "places", "keep_zeros", "english", "spanish"),
    [
        (7.5, 1, True, "7.5", "7,5"),
        (7.0, 1, True, "7.0", "7,0"),
        (7.0, 1, False, "7", "7"),
        (2.25, 1, False, "2.2", "2,2"),
        (12.4, 0, True, "12", "12"),
        (1_234.5, 1, True, "1234.5", "1234,5"),
    ],
)
def test_decimals(value: float, places: int, *, keep_zeros: bool, english: str, spanish: str) -> None:
    """Rounded as Python does."""
    assert formats.decimal(value, places, EN, keep_zeros=keep_zeros) == english
    assert formats.decimal(value, places, ES, keep_zeros=keep_zeros) == spanish


@given(st.floats(0, 1), st.sampled_from(Language))
def test_shares(share: float, language: Language) -> None:
    """Whole percents; in no language is less than all written as all, where it is exact."""
    assert formats.percent(share, language) == f"{share:.0%}".replace("%", " %")
    exact = formats.exact_percent(share, language)
    assert (exact == "100 %") is (share == 1)
    assert exact.endswith(" %")


def test_what_is_not_known_is_a_dash() -> None:
    """In every language."""
    assert {formats.percent(None, language) for language in Language} == {"–"}


def test_lists() -> None:
    """Of one, two or more."""
    assert formats.listed(["a"], "or", EN) == "a"
    assert formats.listed(["a", "b"], "or", EN) == "a or b"
    assert formats.listed(["a", "b", "c"], "or", EN) == "a, b, or c"
    assert formats.listed(["a", "b"], "or", ES) == "a o b"
    assert formats.listed(["a", "b"], "standard", ES) == "a y b"


@pytest.mark.parametrize("language", Language)
def test_plurals(language: Language) -> None:
    """One is not several; a form that is left out is the last resort; other values are put in."""
    text = Plural(one="{number} {what}", other="{number} {what}s")
    assert formats.counted(text, 1, language, what="day") == "1 day"
    is_singular = language.locale.plural_form(0) == "one"  # as in Portuguese
    assert formats.counted(text, 0, language, what="day") == ("0 day" if is_singular else "0 days")
    assert formats.counted(text, 1_200, language, what="day") == "1200 days"
    assert formats.counted(Plural(other="{number}"), 1, language) == "1"
