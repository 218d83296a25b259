"""How long a pause lasts, as people write it in any of our languages, and what they are offered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.core.answers.keyboards import Keyboard
from bot.core.i18n.catalog import PauseTexts
from bot.core.i18n.formats import counted, long_date
from bot.core.i18n.language import Language
from bot.core.people.athlete import Pause, local_instant
from bot.core.shared.tolerant import fold
from bot.core.telegram.action_payloads import Action, format_action

MAX_DAYS = 366
OPEN = "open"
"""Stands for a pause that somebody must end."""
OFFERED = ("3", "7", OPEN)
"""What the buttons below /pause say, as `read_pause_end` understands it."""

_WEEK = 7
_NUMBER = re.compile(r"([0-9]{1,4})\s*(\D*)")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# The day comes first, as in all our languages.
_DAY_AND_MONTH = re.compile(r"([0-9]{1,2})\s*[./]\s*([0-9]{1,2})(?:\s*[./]\s*([0-9]{4})?)?")


def read_pause_end(text: str, since: datetime, zone: ZoneInfo) -> datetime | None:
    """When a pause ends that begins at `since`: at the beginning of a day in `zone`.

    Args:
        text: `3`, `3 days`: the third day from then (a `1` is for the rest of the day); `2 weeks`;
            `tomorrow`, `friday`: the next one; `2026-08-10`, `24.12.`, `24/12`: that day; with a word such as
            `until` before it or without; empty, `OPEN`, or words for it: None, somebody must end it.

    Raises:
        ValueError: it is none of these, or not within `MAX_DAYS` days; says what is expected.
    """
    said = " ".join(fold(text).split())
    if not said or said == OPEN or said in _OPEN:
        return None
    said = _without_until(said)
    today = since.astimezone(zone).date()
    day = _day(said, today)
    if day is None or not 1 <= (day - today).days <= MAX_DAYS:
        raise ValueError(
            f"{text!r} is no end of a pause; write a number of days from 1 to {MAX_DAYS}, or the day on"
            f" which it ends, such as {today + timedelta(days=7)}"
        )
    return local_instant(day, time(0), zone)


def choices(language: Language) -> Keyboard:
    """The buttons below /pause."""
    texts = language.texts.pauses
    labels = {
        **{
            days: counted(language.texts.counts.days, int(days), language) for days in OFFERED if days != OPEN
        },
        "7": texts.a_week,
        OPEN: texts.until_i_say,
    }
    return [
        [{"text": labels[said], "callback_data": format_action(Action.PAUSE, said)} for said in row]
        for row in (OFFERED[:2], OFFERED[2:])
    ]


def running(pause: Pause, zone: ZoneInfo, language: Language) -> str:
    """That somebody is on a pause, and how it ends."""
    texts = language.texts.pauses
    if pause.until is None:
        return texts.running_open
    return texts.running_until.format(date=long_date(pause.until.astimezone(zone).date(), language))


def _day(said: str, today: date) -> date | None:
    try:
        if match := _NUMBER.fullmatch(said):
            days = _days_of_unit(match[2].strip())
            return None if days is None else today + timedelta(days=int(match[1]) * days)
        if said in _TOMORROW:
            return today + timedelta(days=1)
        if said in _A_WEEK:
            return today + timedelta(days=_WEEK)
        if (number := _WEEKDAYS.get(said)) is not None:
            return today + timedelta(days=(number - today.weekday() - 1) % _WEEK + 1)
        if match := _DAY_AND_MONTH.fullmatch(said):
            return _next(int(match[1]), int(match[2]), match[3], today)
        return date.fromisoformat(said) if _ISO.fullmatch(said) else None
    except (ValueError, OverflowError):
        return None


def _days_of_unit(unit: str) -> int | None:
    if unit in _UNIT_DAYS or not unit:
        return 1
    return _WEEK if unit in _UNIT_WEEKS else None


def _next(day: int, month: int, year: str | None, today: date) -> date:
    """That day; without a year the next one of that name.

    Raises:
        ValueError: there is none.
    """
    if year is not None:
        return date(int(year), month, day)
    years = (today.year, today.year + 1) if (month, day) != (2, 29) else range(today.year, today.year + 9)
    for each in years:
        try:
            found = date(each, month, day)
        except ValueError:
            if (month, day) != (2, 29):
                raise
            continue
        if found > today:
            return found
    raise ValueError("there is no such day")


def _without_until(said: str) -> str:
    before = next((word for word in _UNTIL if said.startswith(f"{word} ")), "")
    return said.removeprefix(before).strip()


def _words(of: Iterable[str]) -> frozenset[str]:
    return frozenset(fold(word) for word in of)


_ALL: tuple[PauseTexts, ...] = tuple(language.texts.pauses for language in Language)
_OPEN = _words(word for texts in _ALL for word in (*texts.open_words, texts.until_i_say))
_TOMORROW = _words(word for texts in _ALL for word in texts.tomorrow)
_A_WEEK = _words(word for texts in _ALL for word in (*texts.week_words, texts.a_week))
_UNIT_DAYS = _words(word for texts in _ALL for word in texts.day_units)
_UNIT_WEEKS = _words(word for texts in _ALL for word in texts.week_units)
_WEEKDAYS = {
    fold(word): number
    for texts in _ALL
    for number, words in enumerate(texts.weekdays)
    for word in words.split()
}
# The longest first: "hasta el" before "hasta".
_UNTIL = sorted(_words(word for texts in _ALL for word in texts.until), key=len, reverse=True)
