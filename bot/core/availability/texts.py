"""The seven days of a week, to be ticked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from bot.core.answers.keyboards import Keyboard
from bot.core.availability.days import DayWish, days_of, format_wish
from bot.core.i18n.formats import day_span, weekday, weekday_and_day
from bot.core.i18n.language import Language
from bot.core.telegram.action_payloads import Action, format_action

_YES, _NO = "✅", "▫️"
_PER_ROW = 2


def question(week_start: date, language: Language) -> str:
    """Which days are possible."""
    days = days_of(week_start)
    return language.texts.availability.question.format(week=day_span(days[0], days[-1], language))


def toggles(week_start: date, possible: Collection[int], language: Language) -> Keyboard:
    """A button for each day: it says how that day stands, and changes it."""
    buttons = []
    for number, day in enumerate(days_of(week_start)):
        is_possible = number in possible
        name = weekday_and_day(day, language)
        wish = DayWish(day, not is_possible)
        buttons.append(
            {
                "text": f"{_YES if is_possible else _NO} {name[:1].upper()}{name[1:]}",
                "callback_data": format_action(Action.AVAILABLE, format_wish(wish)),
            }
        )
    return [buttons[i : i + _PER_ROW] for i in range(0, len(buttons), _PER_ROW)]


def saved(wish: DayWish, language: Language) -> str:
    """The notice after a tap."""
    texts = language.texts.availability
    text = texts.possible if wish.is_possible else texts.impossible
    return text.format(day=weekday(wish.day, language))
