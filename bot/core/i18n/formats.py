"""Dates, times, numbers, lists and plurals, as each language writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from bot.core.i18n.catalog import Plural
from bot.core.i18n.language import Language

# Babel is imported where it is used: see `Language.locale`.


def weekday(day: date, language: Language) -> str:
    """`Monday`."""
    return _date(day, "EEEE", language)


def day_and_month(day: date, language: Language) -> str:
    """`10 August`."""
    return _date(day, language.texts.formats.day_and_month, language)


def short_date(day: date, language: Language) -> str:
    """`16 Feb`."""
    return _date(day, language.texts.formats.short_date, language)


def day_span(first: date, last: date, language: Language) -> str:
    """`23 to 29 November`, `30 November to 6 December`."""
    is_one_month = (first.year, first.month) == (last.year, last.month)
    start = str(first.day) if is_one_month else day_and_month(first, language)
    return language.texts.formats.day_span.format(first=start, last=day_and_month(last, language))


def long_date(day: date, language: Language) -> str:
    """`Monday, 10 August 2026`."""
    return _date(day, language.texts.formats.long_date, language)


def weekday_and_day(day: date, language: Language) -> str:
    """`Monday 10`."""
    return _date(day, language.texts.formats.weekday_and_day, language)


def weekday_and_date(day: date, language: Language) -> str:
    """`Monday 10 August`."""
    return _date(day, language.texts.formats.weekday_and_date, language)


def clock_time(local: datetime, language: Language) -> str:
    """`18:42`, as the clocks of its zone show it."""
    return _time(local.time().replace(second=0, microsecond=0), language.texts.formats.time, language)


def grouped(number: int, language: Language) -> str:
    """`39,213`."""
    return _number(Decimal(number), "#,##0", language)


def decimal(value: float, places: int, language: Language, *, keep_zeros: bool = True) -> str:
    """`2.50`; without `keep_zeros` `2.5`. Not grouped."""
    pattern = "0." + ("0" if keep_zeros else "#") * places if places else "0"
    return _number(Decimal(f"{value:.{places}f}"), pattern, language)


def percent(share: float | None, language: Language) -> str:
    """`83 %`; a dash where it is not known."""
    if share is None:
        return "–"
    return _number(Decimal(f"{share:.0%}".rstrip("%")) / 100, language.texts.formats.percent, language)


def exact_percent(share: float, language: Language) -> str:
    """`99.98 %`; never 100 % for less."""
    if share == 1:
        return percent(share, language)
    cut = Decimal(f"{min(share * 100, 99.99):.2f}") / 100
    return _number(cut, language.texts.formats.exact_percent, language)


def listed(items: Sequence[str], style: Literal["or", "standard"], language: Language) -> str:
    """`a, b or c`; in the style `standard` `a, b and c`."""
    from babel.lists import format_list  # noqa: PLC0415

    return format_list(list(items), style=style, locale=language.locale)


def counted(text: Plural, number: int, language: Language, **values: object) -> str:
    """The form of a text that goes with a number: `1 day`, `2 days`."""
    form = getattr(text, _plural_category(number, language)) or text.other
    return str(form).format(number=number, **values)


@lru_cache(maxsize=1024)
def _date(day: date, pattern: str, language: Language) -> str:
    from babel.dates import format_date  # noqa: PLC0415

    return format_date(day, pattern, locale=language.locale)


@lru_cache(maxsize=1024)
def _time(time_: time, pattern: str, language: Language) -> str:
    from babel.dates import format_time  # noqa: PLC0415

    return format_time(time_, pattern, locale=language.locale)


@lru_cache(maxsize=1024)
def _plural_category(number: int, language: Language) -> str:
    return language.locale.plural_form(number)


@lru_cache(maxsize=1024)
def _number(value: Decimal, pattern: str, language: Language) -> str:
    from babel.numbers import format_decimal  # noqa: PLC0415

    return format_decimal(value, pattern, locale=language.locale)


def load() -> None:
    """Import and read now what dates, numbers and lists need; else their first use does."""
    for language in Language:
        formats = language.texts.formats
        _date(date.min, formats.long_date, language)
        _time(time.min, "HH:mm", language)
        _number(Decimal(0), "0", language)
        _plural_category(0, language)
        listed(("a", "b"), "or", language)
