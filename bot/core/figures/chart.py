"""The content of the picture of `/stats`, with its words in one language. Pure; `bot.charts` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.core.facts.answer_types import BY_COMPLETION, FeedbackType
from bot.core.figures.adherence import Adherence
from bot.core.figures.stats import Stats
from bot.core.figures.texts import compact, type_name
from bot.core.i18n.formats import short_date
from bot.core.i18n.language import Language
from bot.core.shared.clock import monday_of

MAX_DAYS = 62
"""With more, bars stand for weeks."""
MAX_WEEKS = 26
"""The newest ones are shown."""

# From the bottom of a bar to its top: what was done stands on the ground, what alerts the coach on the top,
# where it is seen.
_ORDER = sorted(BY_COMPLETION, key=lambda type_: type_.facts.alerts_coach)


def chart_of(stats: Stats, language: Language) -> dict[str, Any]:
    """The content of the picture, as JSON.

    `bars` has for each type its name, colour, label and a number for each of `ticks`; a tick is null where
    nothing is to be written. `weeks` has for each week a label, and shares from 0 to 1, or null where there
    is none. Days and weeks of which answers have expired are left out: no bar would look like no answer.
    """
    texts = language.texts.figures
    by_day = {day: types for day, types in stats.by_day.items() if day >= stats.known_from}
    by_week = len(by_day) > MAX_DAYS
    counts = _by_week(by_day) if by_week else by_day
    days = list(counts)
    # The newest stays in any case: there is always something to draw.
    newest = max(stats.weeks)
    weeks = [(monday, week) for monday, week in stats.weeks.items() if week.is_known or monday == newest]
    weeks = weeks[-MAX_WEEKS:]
    return {
        "title": texts.by_week if by_week else texts.by_day,
        "ticks": _ticks(days, by_week, language),
        "bars": [_bar(type_, [counts[day][type_] for day in days], language) for type_ in _ORDER],
        "weeksTitle": texts.weeks_title,
        "weeksLegend": {
            "adherence": texts.adherence,
            "responseRate": texts.response,
        },
        "weeks": [_week(monday, week, language) for monday, week in weeks],
        "nothing": texts.nothing,
    }


def _bar(type_: FeedbackType, numbers: list[int], language: Language) -> dict[str, Any]:
    label = f"{type_name(type_, language)} {compact(sum(numbers), language)}"
    return {"type": type_.value, "colour": type_.facts.colour, "label": label, "numbers": numbers}


def _by_week(by_day: Mapping[date, Mapping[str, int]]) -> Mapping[date, Mapping[str, int]]:
    found: dict[date, dict[str, int]] = {}
    for day, types in by_day.items():
        week = found.setdefault(monday_of(day), dict.fromkeys(types, 0))
        for type_, number in types.items():
            week[type_] += number
    return found


def _ticks(days: list[date], by_week: bool, language: Language) -> list[str | None]:
    """Few enough to be read: Mondays, or every few weeks."""
    if by_week:
        step = -(-len(days) // 6)
        shown = {day for number, day in enumerate(days) if number % step == 0}
    elif len(days) <= 7:
        shown = set(days)
    else:
        mondays = [day for day in days if day.weekday() == 0]
        shown = set(mondays[:: -(-len(mondays) // 5)])
    return [short_date(day, language) if day in shown else None for day in days]


def _week(monday: date, week: Adherence, language: Language) -> dict[str, Any]:
    return {
        "label": short_date(monday, language),
        "adherence": week.adherence,
        "responseRate": week.response_rate,
    }
