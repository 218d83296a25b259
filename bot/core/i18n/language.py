"""The languages that people are written to, and texts in all of them side by side.

What is stored, logged, or said to programs is English; what a person reads in Telegram is in their language.
A `Text` cannot be made without every language, so none can be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache


class Language(StrEnum):
    """A language that people can be written to, by its IETF tag."""

    EN = "en"
    ES = "es"


@dataclass(frozen=True, slots=True)
class Text:
    """One text in every language; `{name}` stands for a value that is given when it is said."""

    en: str
    es: str

    def __call__(self, language: Language, **values: object) -> str:
        """The text in one language, with its values put in as they are."""
        template = self.es if language is Language.ES else self.en
        return template.format(**values)


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted, in every language: one of it, and several."""

    one: Text
    many: Text

    def __call__(self, language: Language, number: int) -> str:
        """`1 day`, `2 days`."""
        return f"{number} {(self.one if number == 1 else self.many)(language)}"


WEEKDAYS = (
    Text("Monday", "lunes"),
    Text("Tuesday", "martes"),
    Text("Wednesday", "miércoles"),
    Text("Thursday", "jueves"),
    Text("Friday", "viernes"),
    Text("Saturday", "sábado"),
    Text("Sunday", "domingo"),
)
"""By `date.weekday()`."""

MONTHS = (
    Text("January", "enero"),
    Text("February", "febrero"),
    Text("March", "marzo"),
    Text("April", "abril"),
    Text("May", "mayo"),
    Text("June", "junio"),
    Text("July", "julio"),
    Text("August", "agosto"),
    Text("September", "septiembre"),
    Text("October", "octubre"),
    Text("November", "noviembre"),
    Text("December", "diciembre"),
)
"""By `date.month - 1`."""

DAYS = Noun(Text("day", "día"), Text("days", "días"))
SESSIONS = Noun(Text("session", "sesión"), Text("sessions", "sesiones"))

_NAMES = {
    **dict.fromkeys(("en", "english", "inglés", "ingles"), Language.EN),
    **dict.fromkeys(("es", "spanish", "español", "espanol", "castellano"), Language.ES),
}

_DAY_AND_MONTH = Text("{day} {month}", "{day} de {month}")
_LONG_DATE = Text("{weekday}, {day} {month} {year}", "{weekday}, {day} de {month} de {year}")


@lru_cache(maxsize=512)  # asked for every tap
def read_language(tag: str | None) -> Language | None:
    """The language of an IETF tag such as `es-MX`; None if there is none, or nobody is written to in it."""
    try:
        return Language((tag or "").replace("_", "-").partition("-")[0].strip().lower())
    except ValueError:
        return None


def chosen_language(name: str) -> Language | None:
    """The language that somebody names, in either language or by its tag; None if it is none of ours."""
    return _NAMES.get(name.strip().casefold())


def language_of(*tags: str | None) -> Language:
    """The language of the first tag that is one of ours, else English."""
    return next((found for tag in tags if (found := read_language(tag)) is not None), Language.EN)


def weekday(day: date, language: Language) -> str:
    """`Monday`."""
    return WEEKDAYS[day.weekday()](language)


def day_and_month(day: date, language: Language) -> str:
    """`10 August`."""
    return _DAY_AND_MONTH(language, day=day.day, month=MONTHS[day.month - 1](language))


def long_date(local: date | datetime, language: Language) -> str:
    """`Monday, 10 August 2026`."""
    return _LONG_DATE(
        language,
        weekday=weekday(local, language),
        day=local.day,
        month=MONTHS[local.month - 1](language),
        year=local.year,
    )
