"""What a tap on Later shows in its message: times to choose from, then the time that was chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum, auto

from bot.core.answers.keyboards import Keyboard, asked_keyboard, later_button, prompt_keyboard
from bot.core.answers.message import MessageEdit, entities_within
from bot.core.answers.payloads import format_later
from bot.core.answers.texts import TRACE, asked_text, without_trace
from bot.core.i18n.formats import clock_time, weekday, weekday_and_date
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_MESSAGE, clip_units, units
from bot.core.telegram.updates import TappedMessage

_WEEK = 7


class LaterKind(Enum):
    """What a choice is called."""

    HOUR = auto()
    EVENING = auto()
    TOMORROW = auto()
    MOVED = auto()
    """None of these: quiet hours or a pause have moved it."""


@dataclass(frozen=True, slots=True)
class LaterChoice:
    """A time to be asked again."""

    kind: LaterKind
    at: datetime


@dataclass(frozen=True, slots=True)
class LaterTap:
    """A tap on Later, or on one of its times, below a question.

    Attributes:
        zone: the athlete's.
        now: when it was tapped.
    """

    run_id: str
    session_id: str
    prompted: TappedMessage
    zone: tzinfo
    now: datetime
    language: Language

    @property
    def answers(self) -> Keyboard:
        """The buttons that answer the question."""
        keyboard = self.prompted.keyboard or prompt_keyboard(self.run_id, self.session_id, self.language)
        return asked_keyboard(keyboard)


def offered(tap: LaterTap, choices: Sequence[LaterChoice]) -> MessageEdit:
    """The message with the times in Later's place."""
    rows: Keyboard = [
        [
            {
                "text": _label(choice, tap.zone, tap.language),
                "callback_data": format_later(tap.run_id, tap.session_id, choice.at),
            }
        ]
        for choice in choices
    ]
    return MessageEdit(None, keyboard=[*tap.answers, *rows])


def postponed(tap: LaterTap, again_at: datetime) -> MessageEdit:
    """The message once a time is chosen: it says so, below its note, and keeps its buttons."""
    keyboard = [*tap.answers, [later_button(tap.run_id, tap.session_id, tap.language)]]
    if tap.prompted.text is None:
        return MessageEdit(None, keyboard=keyboard)
    below = TRACE + _line(again_at, tap.zone, tap.now, tap.language)
    asked = asked_text(tap.prompted.text)
    text = clip_units(without_trace(tap.prompted.text), MAX_MESSAGE - units(below)) + below
    return MessageEdit(text, entities_within(tap.prompted.entities, units(asked)), keyboard)


def _line(again_at: datetime, zone: tzinfo, now: datetime, language: Language) -> str:
    """When the question comes again; still true when it is read on another day."""
    texts = language.texts.later
    local = again_at.astimezone(zone)
    match (local.date() - now.astimezone(zone).date()).days:
        case 0:
            day = texts.today
        case days if days < _WEEK:
            day = texts.on_weekday.format(weekday=weekday(local.date(), language))
        case _:
            day = texts.on_date.format(date=weekday_and_date(local.date(), language))
    return texts.trace.format(day=day, time=clock_time(local, language))


def _label(choice: LaterChoice, zone: tzinfo, language: Language) -> str:
    texts = language.texts.later
    local = choice.at.astimezone(zone)
    match choice.kind:
        case LaterKind.HOUR:
            text = texts.in_an_hour
        case LaterKind.EVENING:
            text = texts.this_evening
        case LaterKind.TOMORROW:
            text = texts.tomorrow
        case LaterKind.MOVED:
            day = weekday_and_date(local.date(), language)
            text = f"{day[:1].upper()}{day[1:]} · {{time}}"
    return text.format(time=clock_time(local, language))
