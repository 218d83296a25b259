"""Buttons that are no answers: something is to be done. Payloads `do|name|argument`. Pure.

A new one is a member here, and a handler that its capability hands to `bot.services.chat.button_actions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from bot.core.telegram.callback_data import join, split

_PREFIX = "do"


class MayTap(Enum):
    """For whom a button is. What it is about is for its handler to check: anybody can send what it sends."""

    ATHLETE_IN_PRIVATE = auto()
    """An athlete, in the private chat."""
    ATHLETE = auto()
    """An athlete, in whichever chat."""
    COACH_CHAT = auto()
    """Whoever is in the coach's chat."""
    ANYBODY_IN_PRIVATE = auto()
    """Whoever has it in their private chat, also those who are no athletes, or not any more."""


class Action(StrEnum):
    """An action that a button asks for."""

    _value_: str
    may_tap: MayTap

    def __new__(cls, name: str, may_tap: MayTap = MayTap.ATHLETE_IN_PRIVATE) -> Action:
        """A name that knows for whom it is."""
        member = str.__new__(cls, name)
        member._value_, member.may_tap = name, may_tap
        return member

    SEEN = "seen", MayTap.COACH_CHAT
    """The coach has seen that something hurts; the argument is the reference of the alert."""
    READ = "read", MayTap.COACH_CHAT
    """The coach has read what an athlete wrote: the message that the button is below."""
    PAIN = "hurts", MayTap.ATHLETE
    """How it is by now, or what hurts; see `bot.core.pain.buttons`."""
    FORGET = "forget", MayTap.ANYBODY_IN_PRIVATE
    """Delete everything about who taps."""
    KEEP = "keep", MayTap.ANYBODY_IN_PRIVATE
    """Do not, after all."""
    NOTE_BACK = "unnote"
    """Take a note back; the argument is the message in which it was written."""
    NOTE_MOVE = "move"
    """Show to which sessions a note can go; the argument is its message."""
    NOTE_TO = "moveto"
    """Move it; the argument is its message and the reference of the session."""
    NOTE_STAY = "stay"
    """Leave it where it is, after all; the argument is its message."""
    PAUSE = "break"
    """Ask nothing for a while; the argument says how long, see `bot.core.people.pauses`."""
    LOG = "entry"
    """Log a session, a step further; the argument says what it was, see `bot.core.logbook.entry`."""
    AVAILABLE = "able"
    """Whether they can train on a day; the argument says which, see `bot.core.availability.days`."""


_ACTIONS = frozenset(Action)
_OF_NOTES = frozenset({Action.NOTE_BACK, Action.NOTE_MOVE, Action.NOTE_TO, Action.NOTE_STAY})


@dataclass(frozen=True, slots=True)
class ActionTap:
    """A payload that was understood."""

    action: Action
    argument: str


def parse_action(data: object) -> ActionTap | None:
    """Read callback data. Total: None for everything else."""
    match split(data):
        case [prefix, name, *argument] if prefix == _PREFIX and name in _ACTIONS:
            return ActionTap(Action(name), join(*argument))
        case _:
            return None


def is_about_note(data: Iterable[object]) -> bool:
    """Whether a message with these buttons says where a note went, and is no question itself."""
    return any(tap is not None and tap.action in _OF_NOTES for tap in map(parse_action, data))


def format_action(action: Action, argument: str = "") -> str:
    """The callback data of a button; the argument has at most 40 bytes."""
    return join(_PREFIX, action, argument)
